"""Ringing the control room while no engine lives: a web process does what nobody else would.

Calls go through the outbox, which an engine empties; so one web process of all puts the call in and
carries it to the supplier itself, with whatever else should ring a control room. It rings where no
board would sound, and after a while where one would, again within reason, about whatever is added,
and no more once an engine lives. That an engine is gone is believed of its heartbeat standing still
before our own eyes, for clocks may be set and differ. Whom to tell outside is for `outside`.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch import clock, logs, texts, upkeep
from dispatch.audit import Actor
from dispatch.carrying import Carrier
from dispatch.channels.contract import SEND_DEADLINE_SECONDS, State
from dispatch.db import Session
from dispatch.outbox.models import Purpose
from dispatch.paging import waiting
from dispatch.paging.models import Callout
from dispatch.people.models import Organisation
from dispatch.texts import N_
from dispatch.vigil import boards, ringing
from dispatch.vigil.models import Trouble, Wrong
from dispatch.wiring import Parts

log = logs.logger(__name__)

#: A board that sounds is believed to be heard for so long.
_BELIEVED = timedelta(minutes=5)
#: Two web processes that look at the same moment; whoever was killed meanwhile is waited for.
_LEASE_SECONDS = 6.0

_CALL = N_(
    "CONSOLE. This is Dispatch. The engine does not run: nobody is paged. Open the board, ring "
    "people yourself, and have the engine started."
)
_WAITING = N_("%(call)s Call-outs that wait: %(count)s.")


class StandIn:
    """Rings control rooms for one web process while no engine lives."""

    def __init__(self, parts: Parts, holder: str) -> None:
        self._parts, self._holder = parts, holder
        self._carrier = Carrier(parts)
        self._beat: datetime | None = None
        self._beat_at = clock.monotonic()

    def watch(self, session: Session) -> None:
        """Look whether the heart of an engine still beats."""
        last = upkeep.last_beat(session, "engine")
        if last is not None and last.at != self._beat:
            self._beat, self._beat_at = last.at, clock.monotonic()

    def act(self) -> int:
        """Ring whoever must be rung by now; return how many calls were made."""
        silent_for = clock.monotonic() - self._beat_at
        if silent_for < self._parts.settings.watchdog.ring_after_seconds:
            return 0
        now = self._parts.clock.now()
        with self._parts.store.read() as session:
            needs = needing(session, now)
        if needs:
            with self._parts.store.write() as session:
                if upkeep.take_lease(session, "ring", self._holder, now, _LEASE_SECONDS):
                    by = Actor("web", None, self._holder)
                    said = {key: _said(session, key, one) for key, one in needs.items()}
                    boards.ring(session, needs, by, now, said)
        return self.carry()

    def carry(self) -> int:
        """Bring the calls to control rooms to the supplier, also those that an engine left.

        Returns how many were made.
        """
        made = 0
        while True:
            lease = self._parts.settings.engine.lease_seconds
            until = clock.monotonic() + lease - SEND_DEADLINE_SECONDS
            claimed = self._carrier.claim(1, Purpose.CONTROL_ROOM)
            if not claimed:
                return made
            result = self._carrier.perform(claimed[0], until)
            self._carrier.settle([result])
            if result.outcome is not None and result.outcome.state is State.SENT:
                log.error("rung_without_engine", message=claimed[0].outgoing.uid)
                made += 1


def needing(session: Session, now: datetime) -> dict[int, set[str]]:
    """Return what needs each control room that nobody there would hear, as `boards.by_room`.

    Also the engine itself, once it was found to be gone, and whatever somebody is sought for.
    """
    query = sa.select(Wrong).where(Wrong.ended_at.is_(None), Wrong.trouble == Trouble.ENGINE)
    gone = session.scalars(query).one_or_none()
    if gone is None:
        return {}
    news = {f"wrong:{gone.id}"} if gone.seen_at is None else set()
    found, hear = boards.unseen(session), boards.heard(session, now)
    needs = {}
    for organisation_id in session.scalars(sa.select(Organisation.id).order_by(Organisation.id)):
        if organisation_id in hear:
            mine = news if gone.found_at <= now - _BELIEVED else set()
        else:
            sought = {f"callout:{one.id}" for one in _sought(session, organisation_id)}
            mine = news | found.get(organisation_id, set()) | sought
        if mine:
            needs[organisation_id] = mine
    return boards.by_room(session, needs)


def _sought(session: Session, organisation_id: int) -> list[Callout]:
    found = ringing.seeking(session, [organisation_id])
    return [one for one in found if not waiting.waits(one)]


def _said(session: Session, organisation_id: int, needs: set[str]) -> str:
    language = session.get_one(Organisation, organisation_id).language
    said = texts.say(language, _CALL)
    count = sum(one.startswith("callout:") for one in needs)
    return texts.say(language, _WAITING, call=said, count=count) if count else said
