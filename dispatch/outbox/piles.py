"""What piles up for one telephone while a supplier is away, so that it does not all come at once.

Of several messages of one kind about one subject only the newest that is due still matters: an
older one says what is no longer so, and wakes somebody twice. And a telephone that is being called
is engaged: a second call would only be refused. A control room has several lines. What a subject is
(`about`) is decided by whoever puts messages in; messages without one never stand for each other.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from dispatch.channels.contract import Kind, State
from dispatch.db import Session
from dispatch.outbox.models import Message, Purpose

#: The code of what was withdrawn because of a newer one, and of what waits for the telephone.
SUPERSEDED, ENGAGED = "superseded", "engaged"
#: An engaged telephone is looked at again so soon.
_AGAIN = timedelta(seconds=2)
#: A telephone rings for less, also where nothing is heard of how that ended.
_RINGS = timedelta(seconds=45)
#: What is said in a call, and the answer to it.
_TALKS = timedelta(seconds=30)

_Key = tuple[str, Kind, str]


class Piles:
    """Judges the messages that are due in one transaction."""

    def __init__(self, session: Session, due: Sequence[Message], now: datetime) -> None:
        self._now = now
        waiting = [message for message in due if message.status is not State.SENT]
        self._newest = _newest(session, waiting, now)
        self._engaged = _engaged(session, waiting, now)

    def drop(self, message: Message) -> bool:
        """Withdraw a message that a newer one stands for; return whether it was."""
        if self._newest.get(_key(message), 0) <= message.id:
            return False
        message.status, message.withdrawn_at, message.due_at = State.WITHDRAWN, self._now, None
        message.code = SUPERSEDED
        return True

    def hold(self, message: Message) -> bool:
        """Put off a call to a telephone that is engaged, else engage it; return whether it was."""
        if not _engages(message):
            return False
        others = self._engaged.setdefault(message.fingerprint, set())
        if others - {message.id}:
            message.code, message.due_at = ENGAGED, self._now + _AGAIN
            return True
        others.add(message.id)
        return False


def _key(message: Message) -> _Key:
    return message.about, message.kind, message.fingerprint


def _engages(message: Message) -> bool:
    numbered = message.kind is Kind.CALL and message.fingerprint != ""
    return numbered and message.purpose is not Purpose.CONTROL_ROOM


def _newest(session: Session, waiting: Iterable[Message], now: datetime) -> dict[_Key, int]:
    """Return the newest message of each pile that is due, on its way or gone."""
    subjects = {message.about for message in waiting if message.about}
    if not subjects:
        return {}
    leaves = sa.or_(
        Message.status.in_((State.SENDING, State.UNKNOWN, State.SENT, State.DELIVERED)),
        sa.and_(Message.status == State.PENDING, Message.due_at <= now),
    )
    query = (
        sa.select(Message.about, Message.kind, Message.fingerprint, sa.func.max(Message.id))
        .where(Message.about.in_(subjects), leaves, Message.withdrawn_at.is_(None))
        .group_by(Message.about, Message.kind, Message.fingerprint)
    )
    return {(about, kind, number): last for about, kind, number, last in session.execute(query)}


def _engaged(session: Session, waiting: Iterable[Message], now: datetime) -> dict[str, set[int]]:
    """Return the calls that each telephone to be called is engaged with."""
    numbers = {message.fingerprint for message in waiting if _engages(message)}
    if not numbers:
        return {}
    goes_on = sa.or_(
        sa.and_(Message.status == State.SENDING, Message.due_at > now),
        sa.and_(Message.status == State.SENT, _within(Message.sent_at, _RINGS, now)),
        sa.and_(Message.status == State.DELIVERED, _within(Message.delivered_at, _TALKS, now)),
    )
    query = sa.select(Message.fingerprint, Message.id).where(
        Message.fingerprint.in_(numbers),
        Message.kind == Kind.CALL,
        Message.purpose != Purpose.CONTROL_ROOM,
        goes_on,
    )
    found: dict[str, set[int]] = {}
    for number, message_id in session.execute(query):
        found.setdefault(number, set()).add(message_id)
    return found


def _within(
    at: InstrumentedAttribute[datetime | None], lasts: timedelta, now: datetime
) -> sa.ColumnElement[bool]:
    # What lies in the future is from before the clock was set back: it would go on till then.
    return sa.and_(at > now - lasts, at < now + lasts)
