"""What came in, for people: what needs one, what was said raw, and that somebody looked in time.

A delivery that gave no incident (unreadable, or failed on our side) sounds on the console until
somebody has seen it; unseen for too long it pages the source's default team, because an alert that
nobody understands is still an alert. A raw body may hold anything: opening it needs a reason and is
recorded. Taking deliveries in is left to `receive`; who may see which, to the caller.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from dispatch import audit, logs, seal, upkeep
from dispatch.audit import Actor, OwnWords
from dispatch.db import Session
from dispatch.errors import Invalid, NotFound
from dispatch.incidents import handling
from dispatch.incidents.alerts import Alert, AlertType, Problem
from dispatch.incidents.models import Incident
from dispatch.intake import receive
from dispatch.intake.models import Delivery, DeliveryStatus, Source
from dispatch.paging import callouts
from dispatch.texts import N_

log = logs.logger(__name__)

#: When paging for an unseen delivery fails too, it is tried again after so long.
_AGAIN = timedelta(seconds=30)
_UNREADABLE = "An alert came that could not be read. Open the delivery, or ring who sent it."


@dataclass(frozen=True)
class Sought:
    """Which deliveries to list; what is empty does not narrow."""

    organisation_ids: frozenset[int]
    source_id: int | None = None
    status: DeliveryStatus | None = None
    since: datetime | None = None
    before_id: int | None = None
    """Older than this delivery."""


def found(session: Session, sought: Sought, limit: int) -> Sequence[Delivery]:
    """Return deliveries, the newest first."""
    query = _of(sought.organisation_ids)
    if sought.source_id is not None:
        query = query.where(Delivery.source_id == sought.source_id)
    if sought.status is not None:
        query = query.where(Delivery.status == sought.status)
    if sought.since is not None:
        query = query.where(Delivery.received_at >= sought.since)
    if sought.before_id is not None:
        query = query.where(Delivery.id < sought.before_id)
    query = query.order_by(Delivery.id.desc()).limit(limit)
    return session.scalars(query).all()


def unseen(session: Session, organisation_ids: Iterable[int]) -> Sequence[Delivery]:
    """Return what needs a person whom no incident calls: the console sounds for these.

    That is what could not be read or handled, and ids that came again with another body.
    """
    clashed = Delivery.clashes > sa.literal_column("0")
    query = _of(organisation_ids).where(
        Delivery.seen_at.is_(None), Delivery.due_at.is_not(None) | clashed
    )
    return session.scalars(query.order_by(Delivery.received_at)).all()


def needs_somebody(delivery: Delivery) -> bool:
    """Return whether the console sounds for a delivery."""
    return delivery.seen_at is None and (delivery.due_at is not None or delivery.clashes > 0)


def by_uid(session: Session, uid: str, organisation_ids: Iterable[int]) -> Delivery:
    """Return a delivery of these organisations. Raises NotFound."""
    delivery = session.scalars(_of(organisation_ids).where(Delivery.uid == uid)).one_or_none()
    if delivery is None:
        raise NotFound(N_("There is no such delivery, or it is not yours to see."))
    return delivery


def open_raw(
    session: Session, delivery: Delivery, reason: str, actor: Actor, now: datetime
) -> bytes:
    """Return the body as it came, and record who opened it and why. Raises Invalid without why."""
    if not reason.strip():
        told = N_("Say why you open this.")
        raise Invalid(told, reason=told)
    owner, place = delivery.source.organisation_id, receive.body_place(delivery.uid)
    words = OwnWords(owner, {"reason": reason.strip()})
    subject = f"delivery:{delivery.uid}"
    audit.record(session, actor, "delivery.open_raw", subject, {}, now, words=words)
    return seal.unseal(session, owner, place, delivery.sealed_body).encode("latin-1")


def mark_seen(session: Session, delivery: Delivery, actor: Actor, now: datetime) -> None:
    """Stop the sound and the paging to come: somebody takes care of it."""
    if delivery.seen_at is not None:
        return
    delivery.seen_at, delivery.due_at = now, None
    audit.record(session, actor, "delivery.seen", f"delivery:{delivery.uid}", {}, now)
    upkeep.bump(session, delivery.source.organisation_id, "board")


def next_due(session: Session) -> datetime | None:
    """Return when the next unseen delivery pages somebody."""
    return session.scalar(sa.select(sa.func.min(Delivery.due_at)))


def page_unseen(session: Session, now: datetime) -> int:
    """Open an unclassified incident for each delivery unseen for too long.

    The default team of its source is paged. One that cannot be paged for stops no other and is
    tried again. Returns how many were dealt with: what another transaction has is left to it.
    """
    query = (
        sa.select(Delivery)
        .where(Delivery.due_at <= now)
        .order_by(Delivery.due_at)
        .limit(20)
        .with_for_update(skip_locked=True, of=Delivery)
    )
    found = session.scalars(query).all()
    for delivery in found:
        try:
            with session.begin_nested():
                _open_unread(session, delivery, now)
        except Exception:
            log.exception("unseen_not_paged", delivery=delivery.uid)
            delivery.due_at = now + _AGAIN
    return len(found)


def _open_unread(session: Session, delivery: Delivery, now: datetime) -> None:
    source = delivery.source
    alert = Alert(
        AlertType.ALERT, summary=_UNREADABLE, problems=(Problem("body", "Could not be read."),)
    )
    taken = session.scalar(sa.select(Incident.id).where(Incident.reference == delivery.reference))
    incident = handling.open_incident(
        session,
        alert,
        receive.origin(source),
        receive.actor(source),
        now,
        alarm="unreadable",
        # The sender was told this one, and may be asked for it.
        reference="" if taken else delivery.reference,
    )
    delivery.reference, delivery.due_at = incident.reference, None
    callouts.advance(session, incident, now)


def _of(organisation_ids: Iterable[int]) -> sa.Select[Delivery]:
    return (
        sa.select(Delivery)
        .join(Delivery.source)
        .where(Source.organisation_id.in_(organisation_ids))
        .options(joinedload(Delivery.source))
    )
