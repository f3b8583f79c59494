"""Several engines on one PostgreSQL: each message goes once, and a frozen one holds up nobody."""

import json
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from dispatch.incidents.models import Incident
from dispatch.outbox.models import Message, Purpose
from dispatch.paging.models import Callout, Page, PolicyStep
from tests.crash import verdict
from tests.crash.conftest import LAST_STEP_SECONDS, LEASE_SECONDS, Site, located
from tests.crash.processes import Nursery, Process
from tests.crash.traffic import ControlRoom
from tests.crash.victim import Life

_ALERTS = 150
#: A step of the policy is late when it waited for the lease of an engine that is gone.
_LATE_SECONDS = LEASE_SECONDS - 2

pytestmark = [pytest.mark.slow, pytest.mark.postgresql, pytest.mark.timeout(300)]


@pytest.fixture
def shared(nursery: Nursery, database: str, tmp_path: Path) -> Iterator[Site]:
    """The centre on PostgreSQL, which alone serves several engines."""
    with located(nursery, database, tmp_path) as site:
        yield site


def _report(control_room: ControlRoom, references: list[str]) -> None:
    """Send alerts, eight at a time."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(control_room.report, references))


def test_two_engines_never_send_the_same_message(shared: Site, record_property) -> None:
    control_room = ControlRoom(shared.url)
    with shared.store.write() as session:
        # A text and nothing more, so that the burst is all that there is.
        session.execute(
            sa.update(PolicyStep).values(
                attempts=[["sms", 0]], after_seconds=600 * PolicyStep.position
            )
        )
    with shared.another_engine("second") as second:
        shared.serve()
        for engine in (shared.engine, second):
            engine.start()
        shared.twilio.wait_until(lambda: shared.beating() == 2, 60)
        _report(control_room, [f"K-{number}" for number in range(_ALERTS)])
        shared.rest()
        attempts = [_attempts(engine) for engine in (shared.engine, second)]
    shares = [states["sent"] for states in attempts]
    assert min(shares) > 0
    # Only what the supplier did not answer in time is sent again: on a machine that is too busy.
    unclear = sum(states["unknown"] for states in attempts)
    count = verdict.doubles_are_counted(shared)
    assert count.messages == _ALERTS
    assert count.extra <= unclear and count.told <= unclear
    verdict.nothing_is_lost(shared, control_room.answers)
    record_property("figure", f"two engines sent {shares}: {count}")


def _attempts(engine: Process) -> Counter[str]:
    """Count what came of each time that an engine went to the supplier, by state."""
    lines = [line for line in engine.log.read_text().splitlines() if "message_attempted" in line]
    tried = [line for line in map(json.loads, lines) if line["task"] != "ask"]
    # What waited so long that its lease is nearly over is given back, and never leaves.
    return Counter(line["state"] for line in tried if line["reason"] != "late")


def test_a_frozen_engine_holds_up_nobody_and_doubles_at_most_once(
    shared: Site, record_property
) -> None:
    """One froze with messages claimed, one right before a send; a third does their work."""
    control_room = ControlRoom(shared.url)
    with shared.another_engine("claimed") as claimed, shared.another_engine("sending") as sending:
        shared.serve()
        never_sent = _freeze(shared, control_room, claimed, "queue.claim: after commit")
        maybe_sent = _freeze(shared, control_room, sending, "channel.send: before")
        shared.engine.start()
        _report(control_room, [f"K-{number}" for number in range(5)])
        shared.rest()
        for engine in (claimed, sending):
            engine.signal(signal.SIGCONT)
            assert engine.end() == 0
    times = verdict.arrivals(shared)
    assert {times[uid] for uid in never_sent} == {1}
    assert {times[uid] for uid in maybe_sent} <= {1, 2}
    assert {times[uid] for uid in times if uid not in maybe_sent} == {1}
    count = verdict.doubles_are_counted(shared)
    verdict.nothing_is_lost(shared, control_room.answers)
    verdict.everything_is_in_order(shared)
    late = _lateness(shared)
    assert late < _LATE_SECONDS
    record_property("figure", f"two of three engines frozen: {count}; {late:.1f} s late at most")


def _freeze(site: Site, control_room: ControlRoom, engine: Process, boundary: str) -> set[str]:
    """Let an engine run into a frost while alerts come; return the messages that it holds."""
    before = set(site.sending())
    engine.start(Life(boundary, 1, signal.SIGSTOP))
    _report(control_room, [f"{boundary} {number}" for number in range(3)])
    site.twilio.wait_until(engine.is_frozen, 60)
    held = set(site.sending()) - before
    assert held
    return held


def _lateness(site: Site) -> float:
    """Return by how much the last step for any alert of the living engine came too late."""
    at = {row["callback"].rpartition("/")[2]: row["at"] for row in site.twilio.arrivals()}
    query = (
        sa.select(Message.uid, Incident.received_at)
        .join(Page, Message.about == sa.literal("page:") + Page.uid)
        .join(Callout, Callout.id == Page.callout_id)
        .join(Incident, Incident.id == Callout.incident_id)
        .where(Incident.source_reference.like("K-%"), Message.purpose == Purpose.CONTROL_ROOM)
    )
    with site.store.read() as session:
        waited = [at[uid] - since.timestamp() for uid, since in session.execute(query)]
    return max(waited) - LAST_STEP_SECONDS
