"""Incidents of one case: a dispatcher says which belong together.

A link holds both ways and reaches further: what is linked with a linked incident is of the same
case. It changes nothing about who is wanted; that nobody goes to both sides of one case is left to
the ranking of people, which asks here. Reports of one and the same event are not linked but merged.
"""

from datetime import datetime

import sqlalchemy as sa

from dispatch import audit, upkeep
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import timeline
from dispatch.incidents.case_models import IncidentLink
from dispatch.incidents.models import Incident
from dispatch.texts import N_


def _case() -> sa.Select[int]:
    first, second = IncidentLink.incident_id, IncidentLink.other_id
    asked = sa.bindparam("incident_id", type_=sa.BigInteger())
    found = sa.select(sa.cast(asked, sa.BigInteger()).label("id")).cte("case_of", recursive=True)
    # Both ends by their own index: however many links there are, only those of the case are read.
    there = sa.case((first == found.c.id, second), else_=first)
    held = sa.or_(first == found.c.id, second == found.c.id)
    return sa.select(found.union(sa.select(there).join(found, held)).c.id)


#: The ids of all incidents of a case, by `incident_id`, itself among them.
CASE = _case()


def linked_to(session: Session, incident_id: int) -> frozenset[int]:
    """Return the other incidents of the same case, however far the links reach; one statement.

    An incident that was opened in this transaction has none: there is no need to ask.
    """
    found = session.scalars(CASE, {"incident_id": incident_id})
    return frozenset(one for one in found if one != incident_id)


def link(session: Session, one: Incident, other: Incident, actor: Actor, now: datetime) -> None:
    """Say that two incidents belong to one case; the caller has checked that both may be changed.

    Raises Invalid for one and the same incident, Conflict when a drill would meet an incident.
    """
    if one.id == other.id:
        told = N_("An incident cannot be linked with itself.")
        raise Invalid(told, other=told)
    if one.drill != other.drill:
        raise Conflict(N_("One of the two is a drill: they are not of one case."))
    if _pair(session, one, other) is not None:
        return
    first, second = sorted((one.id, other.id))
    session.add(
        IncidentLink(incident_id=first, other_id=second, linked_at=now, linked_by=actor.name)
    )
    _tell(session, one, other, "linked", actor, now)


def unlink(session: Session, one: Incident, other: Incident, actor: Actor, now: datetime) -> None:
    """Take back that two incidents belong to one case, as far as they were linked directly."""
    pair = _pair(session, one, other)
    if pair is not None:
        session.delete(pair)
        _tell(session, one, other, "unlinked", actor, now)


def inherit(
    session: Session, report: Incident, into: Incident, actor: Actor, now: datetime
) -> None:
    """Link what is linked with a report with the incident that it joins: they are one event."""
    for other in neighbours(session, report):
        if other.id != into.id:
            link(session, into, other, actor, now)


def neighbours(session: Session, incident: Incident) -> list[Incident]:
    """Return the incidents that were linked with this one directly, the oldest first."""
    mine = (IncidentLink.incident_id == incident.id, IncidentLink.other_id == incident.id)
    ends = (IncidentLink.other_id, IncidentLink.incident_id)
    there = [sa.select(end).where(here) for here, end in zip(mine, ends, strict=True)]
    query = sa.select(Incident).where(sa.or_(*(Incident.id.in_(ids) for ids in there)))
    return list(session.scalars(query.order_by(Incident.id)))


def _pair(session: Session, one: Incident, other: Incident) -> IncidentLink | None:
    first, second = sorted((one.id, other.id))
    query = sa.select(IncidentLink).where(
        IncidentLink.incident_id == first, IncidentLink.other_id == second
    )
    return session.scalars(query).one_or_none()


def _tell(
    session: Session, one: Incident, other: Incident, kind: str, actor: Actor, now: datetime
) -> None:
    for here, there in ((one, other), (other, one)):
        facts = {"other": there.reference, "by": actor.name}
        timeline.add(session, here, kind, actor, now, **facts)
        subject, what = f"incident:{here.reference}", {"other": there.reference}
        audit.record(session, actor, f"incident.{kind}", subject, what, now)
        upkeep.bump(session, here.organisation_id, "board")
    session.flush()
