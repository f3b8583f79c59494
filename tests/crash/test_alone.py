"""While every engine is dead or frozen a web process rings the control room, and the other way."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import sqlalchemy as sa

from dispatch.clock import monotonic
from dispatch.upkeep import Heartbeat
from dispatch.vigil import wrongs
from tests.crash.conftest import Site
from tests.crash.processes import Process
from tests.simulated import free_port

_ROOM = "+3253123456"
_RING_AFTER_SECONDS = 10

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@contextmanager
def webs(site: Site, count: int) -> Iterator[list[Process]]:
    """Hold web processes, as if each were on a machine of its own."""
    with ExitStack() as stack:
        found = []
        for number in range(count):
            folder = site.folder / f"web-{number}"
            folder.mkdir()
            environ = site.environ | {
                "DISPATCH_WATCHDOG__RING_AFTER_SECONDS": str(_RING_AFTER_SECONDS),
                "DISPATCH_WEB__PORT": str(free_port()),
            }
            web = stack.enter_context(Process.of(site.nursery, "web", environ, folder))
            web.start()
            found.append(web)
        yield found


def _living(site: Site, name: str) -> int:
    with site.store.read() as session:
        query = sa.select(sa.func.count()).select_from(Heartbeat)
        return session.scalar(query.where(Heartbeat.name == name)) or 0


def _rung(site: Site) -> list[str]:
    return [row["body"] for row in site.twilio.messages(_ROOM, kind="call")]


def _is_well(site: Site) -> bool:
    with site.store.read() as session:
        return not wrongs.standing(session, [])


@pytest.mark.postgresql
def test_one_web_process_rings_while_no_engine_lives(site: Site, record_property) -> None:
    wait = site.twilio.wait_until
    with webs(site, 2):
        site.engine.start()
        wait(lambda: _living(site, "engine") and _living(site, "web") == 2, 60)
        site.engine.signal(signal.SIGSTOP)
        began = monotonic()
        wait(lambda: _rung(site), 60)
        waited = monotonic() - began
        site.engine.signal(signal.SIGCONT)
        wait(lambda: _is_well(site), 30)
        (said,) = _rung(site)
    assert said.startswith("CONSOLE") and "De motor loopt niet" in said
    record_property("figure", f"rung {waited:.0f} s after the only engine was frozen")


@pytest.mark.sqlite
def test_an_engine_rings_while_no_web_process_lives(site: Site, record_property) -> None:
    site.serve()
    site.engine.start()
    site.twilio.wait_until(lambda: _living(site, "engine"), 60)
    site.web.kill()
    began = monotonic()
    site.twilio.wait_until(lambda: _rung(site), 90)
    (said,) = _rung(site)
    assert said.startswith("CONSOLE") and "De webserver loopt niet" in said
    record_property("figure", f"rung {monotonic() - began:.0f} s after the only web was killed")
