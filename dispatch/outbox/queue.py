"""The outbox: putting in, claiming, settling, withdrawing.

Promise: at least once, never lost; two live engines never send the same message; after a kill or a
freeze at most once more, counted in `Message.resent`. A claim is a lease that outlives a send's
total deadline. A claim whose lease ran out, and an attempt whose outcome stayed unclear, are asked
about before they are sent again. The claim is the last check: what was withdrawn, or is older than
another about the same, is not sent. What a message belongs to (`about`) is not understood here;
whoever put it in is told by the return values what became of it.
"""

import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from dispatch import logs, seal
from dispatch.channels.contract import RECEIPTED, Kind, Outcome, Outgoing, State
from dispatch.db import Base, Session
from dispatch.outbox import suppliers
from dispatch.outbox.models import Message, Purpose
from dispatch.outbox.pace import UNLIMITED, Limits, Pace
from dispatch.outbox.piles import Piles
from dispatch.outbox.suppliers import Carriers

log = logs.logger(__name__)

#: Pauses before another try of what a supplier refused for now.
BACKOFF_SECONDS = (1, 2, 4, 8, 15, 30)
#: A supplier that takes a message and never says so may do it again: the pauses double up to this.
_LONGEST_DOUBT_SECONDS = 300
#: How far back other messages to the same number are looked at, to tell one from another.
_REMEMBERED = timedelta(days=1)


@dataclass(frozen=True)
class Recipient:
    """Whom a message is for, and the address in clear for the time it takes to seal it anew."""

    person_id: int | None
    contact_method_id: int | None
    address: str
    fingerprint: str
    language: str


@dataclass(frozen=True)
class Draft:
    """A message to put in."""

    kind: Kind
    purpose: Purpose
    text: str
    expires_at: datetime
    about: str = ""
    priority: int = 1
    gather: bool = False
    not_before: datetime | None = None
    """None: at once."""


class Task(StrEnum):
    """What the engine is to do with a claimed message."""

    SEND = "send"
    FIND = "find"
    """An earlier attempt may have gone: ask first, send if it did not."""
    ASK = "ask"
    """It was taken and nothing was heard since: ask what became of it."""


@dataclass(frozen=True)
class Claimed:
    """A message leased to this engine."""

    id: int
    attempt: int
    task: Task
    outgoing: Outgoing
    supplier_id: str
    channel: str
    """The supplier to send it by, or to ask what became of it; empty: nobody carries this kind."""
    created_at: datetime
    about: str = ""
    known: frozenset[str] = frozenset()
    """For FIND: the supplier's ids of our other messages to this address."""
    doubted: str = ""
    """For FIND: the supplier that may have taken it."""


_MESSAGE = Base.metadata.tables["message"]
_INSERT = sa.insert(_MESSAGE).returning(_MESSAGE.c.id)


def put(session: Session, organisation_id: int, to: Recipient, draft: Draft, now: datetime) -> int:
    """Put a message in and return its id; it is sent once the transaction has committed."""
    uid = seal.new_token()
    row = {
        "uid": uid,
        "organisation_id": organisation_id,
        "person_id": to.person_id,
        "contact_method_id": to.contact_method_id,
        "kind": draft.kind,
        "purpose": draft.purpose,
        "about": draft.about,
        "priority": draft.priority,
        "language": to.language,
        "gather": draft.gather,
        "fingerprint": to.fingerprint,
        "sealed_address": seal.seal(session, organisation_id, _address_place(uid), to.address),
        "sealed_text": seal.seal(session, organisation_id, _text_place(uid), draft.text),
        "status": State.PENDING,
        "created_at": now,
        "due_at": max(now, draft.not_before or now),
        "expires_at": draft.expires_at,
    }
    session.hint("outbox")
    # Past the session's bookkeeping, which costs several times as much as the statement.
    message_id: int = session.connection().execute(_INSERT, row).scalar_one()
    return message_id


_TASKS = {
    State.PENDING: Task.SEND,
    State.SENDING: Task.FIND,
    State.UNKNOWN: Task.FIND,
    State.SENT: Task.ASK,
}


def claim(
    session: Session,
    now: datetime,
    lease_seconds: float,
    limit: int,
    who: Carriers,
    limits: Limits = UNLIMITED,
    only: Purpose | None = None,
) -> tuple[list[Claimed], list[Message]]:
    """Lease up to `limit` due messages, the most urgent first, and choose who carries each.

    `only`: of this purpose. Returns what to do, and the messages that have failed by now: expired
    unsent, or unreadable.
    """
    due = _due(session, now, limit, only)
    piles = Piles(session, due, now)
    choice = suppliers.Choice(session, who, now, lease_seconds)
    pace = Pace(session, limits, now)
    claimed: list[Claimed] = []
    failed: list[Message] = []
    for message in due:
        task = _TASKS[message.status]
        if task is not Task.ASK and _is_over(message, piles, now):
            if message.status is State.FAILED:
                failed.append(message)
            continue
        if task is not Task.ASK and piles.hold(message):
            continue
        try:
            supplier = message.channel
            if task is not Task.ASK:
                supplier = choice.of(message.kind, supplier) or supplier
                if pace.hold(message, supplier, functools.partial(text_of, session, message)):
                    continue
            claimed.append(_lease(session, message, supplier, now, lease_seconds))
        except seal.Unsealable:
            # One that nobody can read may not keep all others from being sent.
            log.error("message_unsealable", message=message.uid)
            _fail(message, "unsealable", now)
            failed.append(message)
    session.flush()
    return claimed, failed


def _due(session: Session, now: datetime, limit: int, only: Purpose | None) -> Sequence[Message]:
    query = (
        sa.select(Message)
        .where(Message.due_at <= now, Message.status.in_(list(_TASKS)))
        .order_by(sa.case((Message.status == State.SENT, 1), else_=0), Message.priority)
        .order_by(Message.due_at, Message.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if only is not None:
        query = query.where(Message.purpose == only)
    return session.scalars(query).all()


def _is_over(message: Message, piles: Piles, now: datetime) -> bool:
    """End a message that is not to be sent any more; return whether it was."""
    if message.withdrawn_at is not None:
        # Withdrawn while it was on the wire, and its engine never said what became of it.
        message.status, message.due_at = State.WITHDRAWN, None
        return True
    if message.expires_at <= now:
        _fail(message, message.code if message.attempts else "expired", now)
        return True
    return piles.drop(message)


def _lease(
    session: Session, message: Message, supplier: str, now: datetime, seconds: float
) -> Claimed:
    task, doubted = _TASKS[message.status], message.channel
    # Whoever claims it after the lease asks first what became of it.
    message.due_at = now + timedelta(seconds=seconds)
    if task is not Task.ASK:
        message.status = State.SENDING
        message.attempts += 1
        # Before it is sent: whoever finds it left behind must know whom to ask.
        message.channel = supplier
        begun = {"n": message.attempts, "by": message.channel, "began": now.isoformat()}
        message.tries = [*message.tries, begun]
    if task is Task.FIND:
        # Counted before: an engine that is killed after sending again counts nothing.
        message.resent += 1
    return _claimed(session, message, task, doubted, now)


def _fail(message: Message, code: str, now: datetime) -> None:
    message.status, message.failed_at, message.due_at = State.FAILED, now, None
    message.code = code


def _claimed(
    session: Session, message: Message, task: Task, doubted: str, now: datetime
) -> Claimed:
    outgoing = Outgoing(
        uid=message.uid,
        kind=message.kind,
        to=address_of(session, message),
        text=text_of(session, message),
        language=message.language,
        validity_seconds=max(1, int((message.expires_at - now).total_seconds())),
        gather=message.gather,
        priority=message.priority,
        sender=message.sender,
    )
    return Claimed(
        message.id,
        message.attempts,
        task,
        outgoing,
        message.supplier_id,
        message.channel,
        message.created_at,
        message.about,
        _known(session, message) if task is Task.FIND else frozenset(),
        doubted,
    )


def _known(session: Session, message: Message) -> frozenset[str]:
    query = sa.select(Message.supplier_id).where(
        Message.fingerprint == message.fingerprint,
        Message.id != message.id,
        Message.created_at >= message.created_at - _REMEMBERED,
    )
    return frozenset(supplier_id for supplier_id in session.scalars(query) if supplier_id)


def address_of(session: Session, message: Message) -> str:
    """Return the address in clear."""
    place = _address_place(message.uid)
    return seal.unseal(session, message.organisation_id, place, message.sealed_address)


def text_of(session: Session, message: Message) -> str:
    """Return the text in clear."""
    place = _text_place(message.uid)
    return seal.unseal(session, message.organisation_id, place, message.sealed_text)


def _address_place(uid: str) -> str:
    return f"message.sealed_address:{uid}"


def _text_place(uid: str) -> str:
    return f"message.sealed_text:{uid}"


def settle(
    session: Session,
    outcomes: Iterable[tuple[Claimed, Outcome]],
    who: Carriers,
    now: datetime,
    overdue_seconds: float,
) -> list[Message]:
    """Write down what became of attempts; return the messages, for whoever put them in.

    What a supplier certainly did not take because of a fault of its own, another gets at once. A
    receipt may have been faster than the supplier's answer: what is further on stays so.
    """
    outcomes = list(outcomes)
    rows = _locked(session, [claimed.id for claimed, _ in outcomes])
    for claimed, outcome in outcomes:
        message = rows[claimed.id]
        _note_answer(message, claimed, outcome, now)
        if outcome.found:
            outcome = _certain(session, message, outcome)
        if claimed.attempt != message.attempts and outcome.state is not State.SENT:
            # The lease ran out meanwhile: what its present holder says counts.
            continue
        message.channel = claimed.channel
        message.supplier_id = outcome.supplier_id or message.supplier_id
        if message.status in (State.SENT, State.DELIVERED, State.FAILED):
            continue
        if outcome.fault and outcome.state in (State.PENDING, State.FAILED):
            outcome = _handed_on(message, outcome, who)
        _settle_one(message, outcome, who, now, overdue_seconds)
        if message.status is State.PENDING:
            # Another supplier's turn may have come.
            session.hint("outbox")
    session.flush()
    return list(rows.values())


def _note_answer(message: Message, claimed: Claimed, outcome: Outcome, now: datetime) -> None:
    """Keep what a supplier answered beside the attempt that it answers, however late that is."""
    answered = {"by": claimed.channel, "ended": now.isoformat(), "state": str(outcome.state)}
    answered |= {"code": outcome.code, "id": outcome.supplier_id}
    message.tries = [
        one | answered if one["n"] == claimed.attempt else one for one in message.tries
    ]


def _certain(session: Session, message: Message, outcome: Outcome) -> Outcome:
    """Believe that an earlier attempt was found only if it cannot be another message's.

    A supplier shows no words of what it delivered: of two in doubt to one number, one that arrived
    would be taken for both, and an alert would be lost. Twice is better. What was sent again has
    an id, and its first text may be with the supplier beside it.
    """
    in_doubt = sa.and_(Message.attempts > 0, sa.or_(Message.supplier_id == "", Message.resent > 0))
    query = sa.select(Message.id).where(
        Message.fingerprint == message.fingerprint,
        Message.kind == message.kind,
        Message.id != message.id,
        Message.created_at >= message.created_at - _REMEMBERED,
        sa.or_(in_doubt, Message.supplier_id == outcome.supplier_id),
    )
    if session.scalar(query.limit(1)) is not None:
        return Outcome(State.PENDING, code="doubtful")
    message.resent -= 1
    return outcome


def _handed_on(message: Message, outcome: Outcome, who: Carriers) -> Outcome:
    """Name the next supplier of a message that certainly did not go, if there is another."""
    other = suppliers.next_after(who, message.kind, message.channel)
    if not other:
        return outcome
    message.channel = other
    return replace(outcome, state=State.PENDING, retry_after=0.0)


def _settle_one(
    message: Message, outcome: Outcome, who: Carriers, now: datetime, overdue: float
) -> None:
    message.code = outcome.code
    withdrawn = message.withdrawn_at is not None
    if outcome.state is State.SENT:
        message.status, message.sent_at = State.SENT, now
        asked = message.kind in RECEIPTED and not withdrawn
        message.due_at = now + timedelta(seconds=overdue) if asked else None
    elif withdrawn:
        message.status, message.due_at = State.WITHDRAWN, None
    elif outcome.state is State.FAILED:
        _fail(message, outcome.code, now)
    elif outcome.state is State.UNKNOWN:
        # The supplier is asked once the time in which it may still answer has passed.
        message.status = State.UNKNOWN
        pause = min(overdue * 2 ** min(message.attempts - 1, 10), _LONGEST_DOUBT_SECONDS)
        message.due_at = now + timedelta(seconds=pause)
    else:
        pause = BACKOFF_SECONDS[min(message.attempts, len(BACKOFF_SECONDS)) - 1]
        if outcome.fault and message.attempts < len(who.get(message.kind, ())):
            # Not every supplier has been tried yet.
            pause = 0
        message.status = State.PENDING
        message.due_at = now + timedelta(seconds=max(pause, outcome.retry_after))


def _locked(session: Session, ids: Collection[int]) -> dict[int, Message]:
    query = sa.select(Message).where(Message.id.in_(ids)).order_by(Message.id)
    query = query.with_for_update().execution_options(populate_existing=True)
    return {message.id: message for message in session.scalars(query)}


def withdraw(session: Session, about: Collection[str], now: datetime) -> None:
    """Take back what has not left; nothing more is asked about what has.

    What is on the wire right now may still leave, but is never tried again.
    """
    # What was put in a moment ago must be seen, also where the caller writes late.
    session.flush()
    unsent = (State.PENDING, State.UNKNOWN)
    session.execute(
        sa.update(Message)
        .where(Message.about.in_(about), Message.status.in_(unsent))
        .values(status=State.WITHDRAWN, withdrawn_at=now, due_at=None)
        .execution_options(synchronize_session="fetch")
    )
    session.execute(
        sa.update(Message)
        .where(Message.about.in_(about), Message.status == State.SENDING)
        .values(withdrawn_at=now)
        .execution_options(synchronize_session="fetch")
    )
    session.execute(
        sa.update(Message)
        .where(Message.about.in_(about), Message.status == State.SENT)
        .values(due_at=None)
        .execution_options(synchronize_session="fetch")
    )


def next_due(session: Session) -> datetime | None:
    """Return when the next message must be looked at."""
    return session.scalar(sa.select(sa.func.min(Message.due_at)))


def oldest_due_seconds(session: Session, now: datetime) -> float:
    """Return for how long the longest waiting message has waited to be sent; 0 if none waits."""
    waiting = (State.PENDING, State.SENDING, State.UNKNOWN)
    query = sa.select(sa.func.min(Message.due_at)).where(
        Message.due_at <= now, Message.status.in_(waiting)
    )
    due = session.scalar(query)
    return (now - due).total_seconds() if due else 0.0
