"""What suppliers say of a message after they took it: by callback, or when asked.

Receipts come twice, late and out of order; a message only ever moves forward. They are matched by
our own id in the callback address, so one may come before the supplier has answered the request.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from dispatch import seal
from dispatch.channels.contract import RECEIPTED, Inbound, Receipt, State
from dispatch.db import Base, Session
from dispatch.outbox.models import InboundText, Message

#: Delivered beats failed: after a second sending, the first one's failure says nothing.
_RANK: Mapping[State, int] = {
    State.PENDING: 0,
    State.SENDING: 1,
    State.UNKNOWN: 2,
    State.WITHDRAWN: 2,
    State.SENT: 3,
    State.FAILED: 4,
    State.DELIVERED: 5,
}

_MESSAGE = Base.metadata.tables["message"]
#: A message is asked about at growing intervals, until it expires.
_ASK_AGAIN_SECONDS = 10


class Held(NamedTuple):
    """What decides whether a callback brings anything new of a message."""

    id: int
    about: str
    status: State
    supplier_id: str
    heard_at: datetime | None


_HELD = sa.select(
    Message.id, Message.about, Message.status, Message.supplier_id, Message.heard_at
).where(Message.uid == sa.bindparam("uid"))


def held(session: Session, uid: str) -> Held | None:
    """Return the message that a callback names; None when there is none."""
    row = session.execute(_HELD, {"uid": uid}).one_or_none()
    return None if row is None else Held(*row)


def moves(message: Message | Held, receipt: Receipt) -> bool:
    """Return whether a receipt brings a message forward."""
    return _RANK[receipt.state] > _RANK[message.status]


def is_repeated(message: Held, receipt: Receipt) -> bool:
    """Return whether everything that a callback says was heard before."""
    identified = bool(message.supplier_id or not receipt.supplier_id)
    return message.heard_at is not None and identified and not moves(message, receipt)


def hear(session: Session, message: Held, receipt: Receipt, now: datetime) -> None:
    """Keep that a callback came, and the supplier's id if it was not known."""
    known: dict[str, Any] = {"heard_at": now}
    if receipt.supplier_id and not message.supplier_id:
        known["supplier_id"] = receipt.supplier_id
    statement = sa.update(_MESSAGE).where(_MESSAGE.c.id == message.id)
    session.connection().execute(statement.values(known))


def note(session: Session, uid: str, receipt: Receipt, now: datetime) -> Message | None:
    """Write down a callback; return the message when it moved forward, None otherwise."""
    query = sa.select(Message).where(Message.uid == uid).with_for_update()
    message = session.scalars(query).one_or_none()
    if message is None:
        return None
    message.heard_at = now
    return message if _forward(message, receipt, now) else None


def note_asked(
    session: Session, message_id: int, receipt: Receipt | None, now: datetime
) -> Message | None:
    """Write down the answer to our question; return the message when it moved forward."""
    query = sa.select(Message).where(Message.id == message_id).with_for_update()
    message = session.scalars(query).one()
    if message.due_at is not None:
        waited = (now - message.created_at).total_seconds()
        pause = max(_ASK_AGAIN_SECONDS, waited / 2)
        again = now + timedelta(seconds=pause)
        message.due_at = again if again < message.expires_at else None
    moved = receipt is not None and _forward(message, receipt, now)
    return message if moved else None


def _forward(message: Message, receipt: Receipt, now: datetime) -> bool:
    message.supplier_id = message.supplier_id or receipt.supplier_id
    if not moves(message, receipt):
        return False
    message.status = receipt.state
    message.code = receipt.code or message.code
    message.sent_at = message.sent_at or now
    if receipt.state is State.DELIVERED:
        message.delivered_at, message.due_at = now, None
    elif receipt.state is State.FAILED:
        message.failed_at, message.due_at = now, None
    return True


def unheard_since(session: Session, now: datetime, overdue_seconds: float) -> datetime | None:
    """Return since when callbacks may be lost, or None while they come.

    They may be lost when a message that was taken in the last hour has had none in its time.
    """
    query = sa.select(sa.func.min(Message.sent_at)).where(
        Message.sent_at > now - timedelta(hours=1),
        Message.sent_at <= now - timedelta(seconds=overdue_seconds),
        Message.heard_at.is_(None),
        Message.kind.in_(RECEIPTED),
    )
    return session.scalar(query)


def unknown(session: Session, inbound: Sequence[Inbound]) -> list[Inbound]:
    """Return those of the texts that have not been taken in yet."""
    ids = [text.supplier_id for text in inbound]
    query = sa.select(InboundText.supplier_id).where(InboundText.supplier_id.in_(ids))
    known = set(session.scalars(query))
    return [text for text in inbound if text.supplier_id not in known]


def take_in(session: Session, inbound: Inbound, now: datetime) -> InboundText | None:
    """Keep a text that came in; None when it was taken in before, by callback or by asking."""
    query = sa.select(InboundText.id).where(InboundText.supplier_id == inbound.supplier_id)
    if session.scalar(query) is not None:
        return None
    uid = seal.new_token()
    text = InboundText(
        uid=uid,
        supplier_id=inbound.supplier_id,
        fingerprint=seal.fingerprint(session, inbound.sender),
        sealed_body=seal.seal(session, None, f"inbound_text.sealed_body:{uid}", inbound.body),
        received_at=now,
    )
    try:
        with session.begin_nested():
            session.add(text)
    except sa.exc.IntegrityError:
        return None
    return text
