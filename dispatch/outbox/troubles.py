"""What a person must know of the suppliers: one refuses us, or calls nothing back.

Told from what became of the newest messages, and from what `suppliers` has counted, so that every
process says the same. A refusal ends with the next message that gets through: one refused at the
door with the next that is taken, one refused afterwards with the next that is passed on. Which
codes mean that we are refused, and what they mean in words, is for `channels`; here are words for
what any supplier may meet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import load_only

from dispatch.channels.contract import RECEIPTED, State
from dispatch.db import Session
from dispatch.outbox.models import Breaker, Message, Supplier
from dispatch.texts import N_

#: How many messages are looked at, the newest first.
_LOOKED_AT = 100
#: So many in a row without a callback are no accident, unless they are older than this.
_SEVERAL, _LATELY = 3, timedelta(days=1)


@dataclass(frozen=True)
class Refusal:
    """A supplier takes, or passes on, nothing of ours."""

    supplier: str
    since: datetime
    code: str


# Not the texts and addresses, which are sealed and long.
_COLUMNS = load_only(
    Message.channel,
    Message.status,
    Message.code,
    Message.attempts,
    Message.created_at,
    Message.sent_at,
    Message.delivered_at,
    Message.failed_at,
)


def refusals(session: Session, alarms: Mapping[str, Mapping[str, str]]) -> list[Refusal]:
    """Return which of these suppliers refuse us; `alarms` are the codes that say so, by name."""
    query = sa.select(Message).options(_COLUMNS).order_by(Message.id.desc()).limit(_LOOKED_AT)
    newest = session.scalars(query).all()
    counted = {row.name: row for row in session.scalars(sa.select(Supplier))}
    found = []
    for name, codes in alarms.items():
        messages = [message for message in newest if message.channel == name]
        told = _by_messages(name, codes, messages) or _by_count(counted.get(name))
        if told is not None:
            found.append(told)
    return found


def _by_messages(
    name: str, codes: Mapping[str, str], messages: Sequence[Message]
) -> Refusal | None:
    refused = [message for message in messages if message.code in codes and _is_refused(message)]
    taken = max((m.sent_at for m in messages if m.sent_at), default=_NEVER)
    # That a phone is off is told by a network that was reached.
    heard = (m.delivered_at or (m.sent_at and m.failed_at) for m in messages if m.code not in codes)
    passed_on = max((at for at in heard if at), default=_NEVER)
    lasting = [
        (message.failed_at or message.created_at, message.code)
        for message in refused
        if message.failed_at is None
        or message.failed_at > (passed_on if message.sent_at else taken)
    ]
    return Refusal(name, min(lasting)[0], max(lasting)[1]) if lasting else None


def _is_refused(message: Message) -> bool:
    waits = message.status is State.PENDING and message.attempts > 0
    return waits or message.status is State.FAILED


def _by_count(row: Supplier | None) -> Refusal | None:
    if row is None or (row.state is Breaker.CLOSED and not row.faults):
        return None
    since = row.faulted_at if row.state is Breaker.CLOSED else row.changed_at
    return Refusal(row.name, since or row.changed_at, row.code)


#: What our own words for a supplier's failing mean; a number is one of HTTP.
_FAILINGS = {
    "unwell": N_("it says that it is not well"),
    "connection": N_("it cannot be reached"),
    "timeout": N_("it does not answer in time"),
    "nonsense": N_("it answers what nobody understands"),
    "address": N_("its address is none"),
    "http-401": N_("it does not accept our account"),
    "http-403": N_("it does not accept our account"),
}
_OWN_FAULT = N_("it has a fault of its own")
UNSAID = N_("it does not say why")


def meaning(alarms: Mapping[str, str], code: str) -> str:
    """Return what a code means, in English words; `alarms` are those of the supplier's module."""
    known = alarms.get(code) or _FAILINGS.get(code)
    return known or (_OWN_FAULT if code.startswith("http-5") else UNSAID)


_NEVER = datetime.min.replace(tzinfo=UTC)


def silent_since(session: Session, now: datetime, overdue_seconds: float) -> datetime | None:
    """Return since when suppliers have called nothing back: replies may not be reaching us.

    None while callbacks come, or while too little was sent to tell.
    """
    query = (
        sa.select(Message.sent_at, Message.heard_at)
        .where(Message.kind.in_(RECEIPTED), Message.sent_at > now - _LATELY)
        .where(Message.sent_at <= now - timedelta(seconds=overdue_seconds))
        .order_by(Message.id.desc())
        .limit(_LOOKED_AT)
    )
    silent = []
    for sent_at, heard_at in session.execute(query):
        if heard_at is not None or sent_at is None:
            break
        silent.append(sent_at)
    return min(silent) if len(silent) >= _SEVERAL else None
