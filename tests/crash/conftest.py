"""A whole centre as processes of its own: the supplier, the web and the engine, on either database.

Time is the machine's, and shortened: backup after two seconds, the control room after four.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from dispatch import wiring
from dispatch.channels.contract import State
from dispatch.clock import monotonic
from dispatch.db import Session, Store
from dispatch.outbox import piles
from dispatch.outbox.models import Message
from dispatch.paging.models import Callout, Policy, PolicyStep
from dispatch.rota.models import Shift
from dispatch.settings import shipped
from dispatch.upkeep import Heartbeat
from dispatch.wiring import Parts
from tests import centre
from tests.crash.processes import Nursery, Process
from tests.simulated import SimulatedTwilio, free_port

LEASE_SECONDS = 11
#: When the last step of the policy is taken: the control room is rung.
LAST_STEP_SECONDS = 4
_IN_DOUBT = (State.PENDING, State.SENDING, State.UNKNOWN)


@dataclass
class Site:
    """The centre as a test holds it: its processes, its database and its supplier."""

    nursery: Nursery
    environ: dict[str, str]
    folder: Path
    parts: Parts
    cast: centre.Centre
    twilio: SimulatedTwilio
    url: str
    web: Process
    engine: Process

    @contextmanager
    def another_engine(self, name: str) -> Iterator[Process]:
        """Hold one more engine, as if on a machine of that name."""
        folder = self.folder / name
        folder.mkdir()
        with Process.of(self.nursery, "engine", self.environ, folder) as engine:
            yield engine

    @property
    def store(self) -> Store:
        """Its database."""
        return self.parts.store

    def serve(self) -> None:
        """Start the web and wait until it answers."""
        self.web.start()
        self.twilio.wait_until(self.answers, 60)

    def answers(self) -> bool:
        """Whether the web is there."""
        try:
            return requests.get(f"{self.url}/ready", timeout=5).ok
        except requests.RequestException:
            return False

    def beating(self) -> int:
        """Return how many engines have said that they live."""
        with self.store.read() as session:
            return session.scalar(sa.select(sa.func.count()).select_from(Heartbeat)) or 0

    def sending(self) -> list[str]:
        """Return the messages that are leased for sending."""
        with self.store.read() as session:
            query = sa.select(Message.uid).where(Message.status == State.SENDING)
            return list(session.scalars(query))

    def rest(self) -> None:
        """Wait until all that is due has been done; leases of dead engines have to run out."""
        deadline = monotonic() + 6 * LEASE_SECONDS
        while not self.quiet():
            assert monotonic() < deadline, f"still sending {self.sending()}"
            threading.Event().wait(0.1)

    def quiet(self) -> bool:
        """Whether nothing is waiting to be sent, and no callout to be advanced soon."""
        soon = self.parts.clock.now() + timedelta(seconds=30)
        with self.store.read() as session:
            # What waits for an engaged telephone may wait for long after so many alerts.
            messages = session.scalar(
                sa.select(sa.func.count(Message.id)).where(
                    Message.status.in_(_IN_DOUBT), Message.code != piles.ENGAGED
                )
            )
            callouts = session.scalar(
                sa.select(sa.func.count(Callout.id)).where(Callout.due_at < soon)
            )
        return not messages and not callouts


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where all processes of the product come from."""
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture
def site(nursery: Nursery, database: str, tmp_path: Path) -> Iterator[Site]:
    """The centre on either database."""
    with located(nursery, database, tmp_path) as site:
        yield site


@contextmanager
def located(nursery: Nursery, database: str, folder: Path) -> Iterator[Site]:
    """Set up the centre in an empty database, with nothing running yet but the supplier."""
    url = f"http://127.0.0.1:{free_port()}"
    with ExitStack() as stack:
        supplier = SimulatedTwilio.as_process(f"{url}/hooks/twilio/sms")
        twilio = stack.enter_context(supplier)
        environ = {
            "DISPATCH_DATA_DIR": str(folder),
            "DISPATCH_DATABASE_URL": database,
            "DISPATCH_SECRET_KEY": "a secret of the crash tests",
            "DISPATCH_WEB__PORT": url.rpartition(":")[2],
            "DISPATCH_WEB__PROCESSES": "1",
            "DISPATCH_WEB__THREADS": "16",
            "DISPATCH_ENGINE__LEASE_SECONDS": str(LEASE_SECONDS),
            "DISPATCH_ENGINE__RECEIPT_OVERDUE_SECONDS": "1",
            "DISPATCH_INTAKE__UNSEEN_SECONDS": "1",
            # Engines are dead for as long as a test wants; `test_alone` has its own.
            "DISPATCH_WATCHDOG__RING_AFTER_SECONDS": "600",
            **twilio.environment(url),
        }
        web = stack.enter_context(Process.of(nursery, "web", environ, folder))
        engine = stack.enter_context(Process.of(nursery, "engine", environ, folder))
        parts = wiring.build(environ)
        stack.callback(parts.store.close)
        cast = centre.build(parts.store)
        with parts.store.write() as session:
            _adapt(session, parts)
        yield Site(nursery, environ, folder, parts, cast, twilio, url, web, engine)


def _adapt(session: Session, parts: Parts) -> None:
    """Bring the small centre to the present, hurry it, and mark the tables as ours."""
    now = parts.clock.now()
    for shift in session.scalars(sa.select(Shift)):
        shift.starts_at, shift.ends_at = now - timedelta(days=1), now + timedelta(days=7)
    for step in session.scalars(sa.select(PolicyStep)):
        step.after_seconds = LAST_STEP_SECONDS * step.position // 2
        step.attempts = [["sms", 0], ["call", 1]]
    for policy in session.scalars(sa.select(Policy)):
        # After the longest storm: repeats would be noise, and never let it rest.
        policy.repeat_seconds = 20_000
    scripts = ScriptDirectory(str(shipped("migrations")))
    MigrationContext.configure(session.connection()).stamp(scripts, "head")
