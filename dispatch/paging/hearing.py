"""What the outbox and the suppliers say, brought to the pages it concerns.

Locks come in the usual order: the incidents of the messages first, then the messages, so that a
receipt and an answer that arrive together wait for each other instead of deadlocking.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from dispatch import upkeep
from dispatch.audit import ENGINE
from dispatch.channels.contract import Kind, Outcome, Receipt, State
from dispatch.db import Session
from dispatch.incidents import handling, timeline
from dispatch.incidents.models import Incident
from dispatch.outbox import queue, receipts
from dispatch.outbox.models import Message, Purpose
from dispatch.outbox.queue import Claimed
from dispatch.outbox.suppliers import Carriers
from dispatch.paging import callouts, pages, telling
from dispatch.paging.models import Callout, Page, PageStatus
from dispatch.people import phones

#: The owner texted a stop word: the supplier refuses texts, calls go through.
_STOPPED = "21610"
#: Telephones that take no texts but can be called.
_NO_TEXTS = frozenset({"21614", "21635", "30006"})


def settled(
    session: Session,
    outcomes: Sequence[tuple[Claimed, Outcome]],
    who: Carriers,
    now: datetime,
) -> None:
    """Write down what became of attempts, and act on those that did not simply go."""
    locked = _lock(session, [claimed.about for claimed, _ in outcomes])
    overdue = telling.settings(session).engine.receipt_overdue_seconds
    messages = queue.settle(session, outcomes, who, now, overdue)
    permanent = {claimed.id for claimed, outcome in outcomes if outcome.permanent}
    _act(session, messages, permanent, locked, now)


def expired(session: Session, ids: Collection[int], now: datetime) -> None:
    """Act on messages that were still unsent when their time was over."""
    query = sa.select(Message.about).where(Message.id.in_(ids))
    locked = _lock(session, session.scalars(query))
    messages = session.scalars(sa.select(Message).where(Message.id.in_(ids))).all()
    _act(session, messages, (), locked, now)


def is_repeated(session: Session, uid: str, receipt: Receipt) -> bool:
    """Return whether a callback says nothing that was not heard before.

    Most do: whoever asks first need not wait for the right to write.
    """
    held = receipts.held(session, uid)
    return held is not None and receipts.is_repeated(held, receipt)


def receipt_in(session: Session, uid: str, receipt: Receipt, now: datetime) -> bool:
    """Take in a callback; False when no message has this id."""
    held = receipts.held(session, uid)
    if held is None:
        return False
    if not receipts.moves(held, receipt):
        receipts.hear(session, held, receipt, now)
        return True
    locked = _lock(session, [held.about])
    message = receipts.note(session, uid, receipt, now)
    if message is not None:
        permanent = [message.id] if receipt.permanent else []
        _act(session, [message], permanent, locked, now)
    return True


def asked(session: Session, claimed: Claimed, receipt: Receipt | None, now: datetime) -> bool:
    """Take in what the supplier says when asked; True when it told something new."""
    locked = _lock(session, [claimed.about])
    message = receipts.note_asked(session, claimed.id, receipt, now)
    if message is None:
        return False
    permanent = [message.id] if receipt is not None and receipt.permanent else []
    _act(session, [message], permanent, locked, now)
    return True


def _page_uids(about: Iterable[str]) -> set[str]:
    return {subject.removeprefix("page:") for subject in about if subject.startswith("page:")}


class _Locked(NamedTuple):
    """An incident that is locked, by one of its pages."""

    uid: str
    id: int
    organisation_id: int


_LOCK = (
    sa.select(Page.uid, Incident.id, Incident.organisation_id)
    .join(Callout, Callout.id == Page.callout_id)
    .join(Incident, Incident.id == Callout.incident_id)
    .where(Page.uid.in_(sa.bindparam("uids", expanding=True)))
    .order_by(Incident.id)
    .with_for_update(of=Incident)
)


def _lock(session: Session, about: Iterable[str]) -> dict[str, _Locked]:
    """Lock the incidents in the order of their ids; return id and organisation by page's uid.

    The incidents themselves are not read: most of what is heard changes nothing of them.
    """
    uids = _page_uids(about)
    if not uids:
        return {}
    return {row.uid: _Locked(*row) for row in session.execute(_LOCK, {"uids": sorted(uids)})}


def _act(
    session: Session,
    messages: Sequence[Message],
    permanent: Collection[int],
    locked: Mapping[str, _Locked],
    now: datetime,
) -> None:
    troubled: set[int] = set()
    uids = _page_uids(message.about for message in messages)
    query = sa.select(Page).where(Page.uid.in_(uids)).execution_options(populate_existing=True)
    by_uid = {page.uid: page for page in session.scalars(query)} if uids else {}
    for message in messages:
        _mark_method(session, message, message.id in permanent, now)
        page = by_uid.get(message.about.removeprefix("page:"))
        if page is None:
            continue
        incident = locked[page.uid]
        if _note_progress(session, page, message, now):
            upkeep.bump(session, incident.organisation_id, "board")
        if _went_wrong(message) and page.ended_at is None:
            troubled.add(incident.id)
    for incident_id in sorted(troubled):
        callouts.catch_up(session, handling.locked(session, incident_id), now)


def _note_progress(session: Session, page: Page, message: Message, now: datetime) -> bool:
    """Bring a page forward; a text that left although its page had just ended is called off."""
    before = (page.status, page.sent_at, page.delivered_at)
    page.sent_at = page.sent_at or message.sent_at
    page.delivered_at = page.delivered_at or message.delivered_at
    if page.ended_at is None:
        if page.delivered_at is not None:
            page.status = PageStatus.DELIVERED
        elif page.sent_at is not None:
            page.status = PageStatus.SENT
    elif page.status is PageStatus.WITHDRAWN and before[1] is None and page.sent_at is not None:
        _call_off(session, page, now)
    return before != (page.status, page.sent_at, page.delivered_at)


def _call_off(session: Session, page: Page, now: datetime) -> None:
    """Tell whoever was woken after all; whoever goes or is being paged anew must not rest."""
    callout = page.callout
    concerned = {one.person_id for one in pages.still_open(callout)}
    concerned |= {going.person_id for going in callouts.active_assignments(callout)}
    if page.person_id in concerned:
        return
    taken = callout.filled_at is not None and callout.cancelled_at is None
    pages.stand_down(session, callout, page, "taken.sms" if taken else "over.sms", now)


def _went_wrong(message: Message) -> bool:
    if message.status in (State.FAILED, State.UNKNOWN):
        return True
    return message.status is State.PENDING and message.attempts > 0


def _mark_method(session: Session, message: Message, permanent: bool, now: datetime) -> None:
    method_id = message.contact_method_id
    if method_id is None:
        return
    if message.status is State.DELIVERED and message.kind is Kind.SMS:
        phones.mark_reached(session, method_id, now)
    elif message.code == _STOPPED:
        phones.block(session, message.fingerprint, now)
        _tell_blocked(session, message, now)
    elif message.code in _NO_TEXTS:
        phones.block(session, message.fingerprint, now)
    elif permanent:
        phones.mark_unusable(session, method_id, now)


def _tell_blocked(session: Session, message: Message, now: datetime) -> None:
    uid = next(iter(_page_uids([message.about])), None)
    page = session.scalars(sa.select(Page).where(Page.uid == uid)).one_or_none() if uid else None
    if page is not None and page.person is not None and message.purpose is Purpose.CALLOUT:
        incident = page.callout.incident
        timeline.add(session, incident, "blocked", ENGINE, now, person=page.person.name)
