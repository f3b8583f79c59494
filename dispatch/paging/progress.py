"""How far somebody has come, told by text: on the way, on scene, done, all is well, take over.

A state counts from whoever goes. "On the way" with the code of a page that waits for an answer is a
yes as well; nothing else is. What does not fit (there, from somebody who never accepted; done, from
somebody who never left) is for a dispatcher to read: None is returned.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.paging import callouts, handing, recall, seats, silence, trainees
from dispatch.paging.models import UNFINISHED, Assignment, AssignmentStatus, Page
from dispatch.paging.reading import Reading, Says
from dispatch.paging.seats import Taken

_STATUS = {
    Says.ON_THE_WAY: AssignmentStatus.ON_THE_WAY,
    Says.ON_SCENE: AssignmentStatus.ON_SCENE,
    Says.DONE: AssignmentStatus.DONE,
}


@dataclass(frozen=True)
class Told:
    """What became of a text, and what is answered."""

    outcome: str
    template: str
    facts: Mapping[str, Any] = field(default_factory=dict)


_ANSWERS = (Says.YES, Says.WELL, Says.NO)
_WELL, _NOT_WELL = Told("well", "confirmed.sms"), Told("not_well", "ring_soon.sms")


def take(session: Session, page: Page, read: Reading, actor: Actor, now: datetime) -> Told | None:
    """Act on a text that says how somebody is or how far; the caller has locked the incident."""
    if trainees.is_for_learning(page):
        if read.says not in (Says.YES, Says.NO):
            return None
        trainees.answer(session, page, read.says is Says.YES, actor, now)
        return Told("comes_along" if read.says is Says.YES else "stays", "confirmed.sms")
    seat = _seat(page)
    if seat is not None and read.says in _ANSWERS:
        well = read.says is not Says.NO
        if seat not in recall.unconfirmed(page.callout) and silence.answered(
            session, seat, well, actor, now
        ):
            return _WELL if well else _NOT_WELL
    if seat is not None and read.says is Says.HAND_ON:
        return _hand_on(session, seat, actor, now)
    then = _STATUS.get(read.says)
    if then is None or page.callout.cancelled_at is not None:
        return None
    if seat is None and then is AssignmentStatus.ON_THE_WAY and page.ended_at is None:
        return _goes(session, page, read, actor, now)
    if seat is None or not may_say(seat.status, then):
        return None
    return _moved(session, seat, then, read, actor, now)


def _hand_on(session: Session, seat: Assignment, actor: Actor, now: datetime) -> Told | None:
    if seat.status not in UNFINISHED or seat.callout.cancelled_at is not None:
        return None
    asks = handing.hand_on_to_anybody(session, seat, actor, now)
    callouts.catch_up(session, seat.callout.incident, now)
    return Told("handing_on", "asking.sms") if asks else Told("nobody_takes_over", "ring_soon.sms")


def may_say(here: AssignmentStatus, then: AssignmentStatus) -> bool:
    """Return whether somebody at `here` can have meant `then`: nobody is done who never left."""
    if here is AssignmentStatus.ACCEPTED:
        return then is not AssignmentStatus.DONE
    return here is not AssignmentStatus.RELEASED


def _goes(session: Session, page: Page, read: Reading, actor: Actor, now: datetime) -> Told | None:
    acceptance = seats.accept(session, page, actor, "sms", now, read.minutes)
    if acceptance.taken is Taken.GOES and acceptance.assignment is not None:
        seat, then = acceptance.assignment, AssignmentStatus.ON_THE_WAY
        seats.move_on(session, seat, then, actor, now)
        return Told(str(Taken.GOES), "you_go.sms", {"minutes": read.minutes, "code": page.code})
    late = "taken.sms" if acceptance.taken is Taken.TOO_LATE else "over.sms"
    return Told(str(acceptance.taken), late)


def _moved(
    session: Session,
    seat: Assignment,
    then: AssignmentStatus,
    read: Reading,
    actor: Actor,
    now: datetime,
) -> Told:
    if read.minutes is not None:
        seat.expected_at = now + timedelta(minutes=read.minutes)
    if not seats.move_on(session, seat, then, actor, now):
        # Said twice, or after a later one: still a sign of life.
        silence.heard(session, seat, now)
        callouts.bump(session, seat.callout.incident)
    return Told(str(then), "status.sms", {"state": str(then)})


def _seat(page: Page) -> Assignment | None:
    going = callouts.active_assignments(page.callout)
    return next((one for one in going if one.person_id == page.person_id), None)
