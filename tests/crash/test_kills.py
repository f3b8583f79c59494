"""Alerts keep coming while the engine and the web are killed at every boundary of their path."""

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.channels.contract import Kind
from dispatch.incidents.models import Incident
from dispatch.outbox import queue
from dispatch.outbox.models import Purpose
from dispatch.outbox.queue import Draft, Recipient
from dispatch.paging.models import Callout, Page
from tests.crash import verdict, village
from tests.crash.boundaries import BOUNDARIES, Boundary
from tests.crash.conftest import Site
from tests.crash.traffic import BERT, ControlRoom, Officers
from tests.crash.victim import Life

#: How long a boundary may take to be passed; chores of the engine run every five seconds.
_PASSED_SECONDS = 60


class Storm:
    """Kills the processes of a centre, one at a time, and starts them again."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.control_room = ControlRoom(site.url)
        self.officers = Officers(site.twilio)
        self.kills: Counter[str] = Counter()
        self.leased: Counter[str] = Counter()
        """How often each message was leased when an engine died."""
        self.cut = 0
        """How many messages lost their answer on the way."""
        self._villages = itertools.count(1)

    def begin(self) -> None:
        """Start everything, and the people at both ends."""
        self.site.serve()
        self.site.engine.start()
        # Bert's network tells nothing of what arrived, so the engine has to ask.
        self.site.twilio.fault(BERT, callbacks="drop")
        self.control_room.start()
        self.officers.start()

    def kill(self, boundary: Boundary, passage: int) -> None:
        """Let a process run until it gets to a boundary and dies there."""
        site = self.site
        victim, other = site.engine, site.web
        if boundary.process == "web":
            victim, other = other, victim
        if victim.alive:
            victim.end()
        if not other.alive:
            other.start()
        if boundary.need:
            getattr(self, f"_{boundary.need}")(*village.found(site.parts, next(self._villages)))
        fails = "callouts.advance" if boundary.need == "fault" else ""
        victim.start(Life(boundary.name, passage, fails=fails))
        try:
            assert victim.wait(_PASSED_SECONDS) == -9
        except AssertionError as error:
            raise AssertionError(f"{boundary} was not passed: {error}") from error
        self.kills[boundary.process] += 1
        if boundary.process == "engine":
            self.leased.update(site.sending())

    # What has to be arranged while the process that is to die is not there, by its name.

    def _unclear(self, postcode: str, phone: str) -> None:
        """The connection is cut after the text is taken, and nothing more is said of it."""
        self.site.twilio.fault(phone, drop="after", callbacks="drop", times=1)
        self.cut += 1
        self._report(postcode)

    def _unheard(self, postcode: str, phone: str) -> None:
        """The officer answers while the web is down."""
        self._report(postcode)
        self.site.web.kill()
        self.site.twilio.reply(phone, "who is calling?")
        self.site.serve()

    def _fault(self, postcode: str, _phone: str) -> None:
        """The next step is due, and fails."""
        self._report(postcode)

    def _unread(self, postcode: str, _phone: str) -> None:
        self.control_room.insist(f"msg_odd_{postcode}", b'{"type": "riddle"}', 422)

    def _expired(self, postcode: str, phone: str) -> None:
        """A text waited for too long, as after an outage."""
        site, now = self.site, self.site.parts.clock.now()
        reference = self._report(postcode)
        with site.store.write() as session:
            query = sa.select(Page).join(Callout).join(Incident)
            page = session.scalars(query.where(Incident.reference == reference)).one()
            to = Recipient(page.person_id, None, phone, "", "en")
            draft = Draft(
                Kind.SMS, Purpose.CALLOUT, "too late", now - timedelta(1), about=f"page:{page.uid}"
            )
            queue.put(session, page.callout.incident.organisation_id, to, draft, now)

    def _pressed(self, postcode: str, phone: str) -> None:
        """The officer is called, and presses a key: once the web is there again to be told."""
        self.officers.awake.add(phone)
        self.control_room.soon.put(postcode)

    def _report(self, postcode: str) -> str:
        """Let an alert come from a village; return its reference."""
        return str(self.control_room.report(f"V-{postcode}", postcode)["reference"])

    def end(self) -> None:
        """Let everything come to rest."""
        for process in (self.site.engine, self.site.web):
            if not process.alive:
                process.start()
        self.control_room.finish()
        self.site.rest()
        self.officers.finish()
        assert self.site.engine.end() == 0
        assert self.site.web.end() == 0


def schedule(crashes: int) -> Iterator[tuple[Boundary, int]]:
    """Return where to kill, in turn, and at which passage."""
    for number in range(crashes or len(BOUNDARIES)):
        turn, place = divmod(number, len(BOUNDARIES))
        boundary = BOUNDARIES[place]
        yield boundary, 1 if boundary.need else 1 + turn % 3


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_alert_is_lost_and_no_double_uncounted(
    site: Site, pytestconfig: pytest.Config, record_property
) -> None:
    storm = Storm(site)
    storm.begin()
    for boundary, passage in schedule(pytestconfig.option.crashes):
        storm.kill(boundary, passage)
    storm.end()
    answers = storm.control_room.answers
    verdict.nothing_is_lost(site, answers)
    count = verdict.doubles_are_counted(site)
    # At most once more for each message that an engine held when it died, or whose answer was cut.
    assert count.extra <= storm.leased.total() + storm.cut
    verdict.everything_is_in_order(site)
    record_property(
        "figure",
        f"{site.store.url.get_backend_name()}: killed {dict(storm.kills)} while {len(answers)} "
        f"alerts came ({storm.control_room.repeats} requests repeated); {count}",
    )
