"""Whom to ring by hand, while neither texts nor calls leave: names and numbers, the best first.

For each call-out that seeks somebody, in the order in which they would be paged now. Numbers are
unsealed here and nowhere kept; that somebody read them is recorded before they are shown.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch import audit, upkeep
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.paging import callouts
from dispatch.paging.candidates import Moment
from dispatch.paging.models import Callout, PageStatus
from dispatch.paging.ranking import Judged
from dispatch.people import phones
from dispatch.vigil.models import Trouble, Wrong

#: While any of these stands, nothing that we send can be relied on.
DOWN = (Trouble.ENGINE, Trouble.OVERDUE, Trouble.NO_SUPPLIER)
_MOST = 8
_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class ToRing:
    """Somebody to ring."""

    person_id: int
    name: str
    reason: Mapping[str, Any]
    """As a timeline keeps it."""
    number: str | None


def is_down(session: Session) -> bool:
    """Tell whether people must be rung by hand."""
    query = sa.select(Wrong.id).where(Wrong.ended_at.is_(None), Wrong.trouble.in_(DOWN))
    return session.scalar(query.limit(1)) is not None


def seeking(session: Session, organisation_ids: Collection[int]) -> Sequence[Callout]:
    """Return the call-outs of these organisations that seek somebody, the most urgent first."""
    query = (
        sa.select(Callout)
        .join(Incident, Incident.id == Callout.incident_id)
        .where(Incident.organisation_id.in_(organisation_ids))
        .where(Incident.status == IncidentStatus.OPEN)
        .where(Callout.filled_at.is_(None), Callout.cancelled_at.is_(None))
        .order_by(Incident.priority, Incident.received_at, Callout.id)
    )
    return session.scalars(query).all()


def to_ring(session: Session, callout: Callout, now: datetime) -> list[ToRing]:
    """Return whom to ring for a call-out, in order; whoever said no or goes already is left out."""
    gone: set[int | None] = {one.person_id for one in callouts.active_assignments(callout)}
    gone |= {one.person_id for one in callout.pages if one.status is PageStatus.DECLINED}
    ranked = Moment(session, callout.want, now).ranked()
    found = sorted((one for one in ranked if _comes(one, gone)), key=lambda one: not one.fit)
    ids = [one.candidate.person_id for one in found[:_MOST]]
    numbers = _numbers(session, ids)
    return [
        ToRing(
            one.candidate.person_id,
            one.candidate.name,
            one.reason,
            numbers.get(one.candidate.person_id),
        )
        for one in found[:_MOST]
    ]


def _comes(judged: Judged, gone: Collection[int | None]) -> bool:
    """Tell whether somebody may be asked: not gone, not away, and not kept from this case."""
    one = judged.candidate
    return one.person_id not in gone and one.away is None and one.circumstances.barred is None


def _numbers(session: Session, person_ids: Collection[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for person_id, methods in phones.reachable(session, person_ids).items():
        opened = (phones.open_address(session, one) for one in methods if one.kind.is_telephone)
        number = next((address for address in opened if address is not None), None)
        if number is not None:
            found[person_id] = phones.spaced(number)
    return found


def is_noted(session: Session, callout: Callout, actor: Actor) -> bool:
    """Tell whether it was recorded lately that somebody reads the numbers for a call-out."""
    return bool(upkeep.counts(session, _key(callout, actor)))


def note(session: Session, callout: Callout, actor: Actor, now: datetime) -> None:
    """Record that somebody reads the numbers for a call-out; once a day is enough."""
    if upkeep.hits(session, _key(callout, actor), now, _DAY_SECONDS) == 1:
        subject = f"incident:{callout.incident.reference}"
        facts = {"team": callout.want.team.key}
        audit.record(session, actor, "incident.numbers_read", subject, facts, now)


def _key(callout: Callout, actor: Actor) -> str:
    return f"numbers {actor.id} {callout.id}"
