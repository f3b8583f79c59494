"""Reports of one event joined in one incident, and what is kept of it.

The incident that stays takes over what the reports want and is the only one for which anybody is
paged; a report that joined is closed, stays readable with its own facts and can be taken apart
again. What becomes of its people is left to `paging.joining`. Whoever holds a report that has
joined may wait for the incident that stays, never the other way round.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from dispatch import audit, upkeep
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import alarms, handling, likeness, timeline
from dispatch.incidents.case_models import Gathering, Merge
from dispatch.incidents.likeness import Report
from dispatch.incidents.models import Incident, IncidentStatus, Want
from dispatch.texts import N_

LONGEST_JOINING = timedelta(hours=12)


def compared(incident: Incident) -> Report:
    """Return what of an incident is compared with others."""
    return Report(
        incident.id,
        incident.organisation_id,
        incident.category.key if incident.category else None,
        incident.postcode,
        incident.municipality,
        incident.occurred_at or incident.received_at,
        incident.drill,
        likeness.of_suspect(incident.flags),
    )


def proposed(session: Session, incidents: Iterable[Incident]) -> list[likeness.Group]:
    """Return which open incidents may be one event, and were not kept apart by anybody."""
    within = timedelta(minutes=session.info["settings"].cases.alike_minutes)
    held = [compared(one) for one in incidents if one.status is IncidentStatus.OPEN]
    found = likeness.groups(held, within)
    if not found:
        return []
    ids = {one.first for one in found} | {other for one in found for other in one.others}
    query = sa.select(Merge.report_id, Merge.into_id).where(Merge.report_id.in_(ids))
    ended = query.where(Merge.ended_at.is_not(None))
    apart = {frozenset((report, into)) for report, into in session.execute(ended)}
    return likeness.groups(held, within, apart) if apart else found


# --- what is joined ---


def standing(session: Session, report: Incident) -> Merge | None:
    """Return by what a report is joined with another incident."""
    query = sa.select(Merge).where(Merge.report_id == report.id, Merge.ended_at.is_(None))
    return session.scalars(query).one_or_none()


def staying(session: Session, merge: Merge) -> Incident:
    """Return the incident that stays, locked; the caller holds the report.

    It may have joined another itself while we waited for it.
    """
    while True:
        into = handling.locked(session, merge.into_id)
        session.refresh(merge)
        if merge.into_id == into.id:
            return into


#: Whether an incident is a report that joined another.
HAS_JOINED = sa.exists().where(Merge.report_id == Incident.id, Merge.ended_at.is_(None))


def joined(session: Session, incident_ids: Collection[int]) -> dict[int, Merge]:
    """Return, of these incidents, those joined with another."""
    query = (
        sa.select(Merge)
        .where(Merge.report_id.in_(incident_ids), Merge.ended_at.is_(None))
        .options(joinedload(Merge.into))
    )
    return {merge.report_id: merge for merge in session.scalars(query)}


def reports_of(session: Session, incident: Incident) -> list[Merge]:
    """Return what joined an incident, the oldest first."""
    query = (
        sa.select(Merge)
        .where(Merge.into_id == incident.id, Merge.ended_at.is_(None))
        .options(joinedload(Merge.report).joinedload(Incident.category))
        .order_by(Merge.id)
    )
    return list(session.scalars(query))


def counts(session: Session, incident_ids: Collection[int]) -> dict[int, int]:
    """Return how many reports joined each of these incidents, where there is one."""
    query = (
        sa.select(Merge.into_id, sa.func.count())
        .where(Merge.into_id.in_(incident_ids), Merge.ended_at.is_(None))
        .group_by(Merge.into_id)
    )
    return dict(session.execute(query).all())


def join(
    session: Session,
    report: Incident,
    into: Incident,
    actor: Actor,
    now: datetime,
    *,
    keep: Collection[int] = (),
    by_itself: bool = False,
) -> Merge:
    """Join a report with the incident that stays; both are locked, in this order.

    What the report wanted is wanted by the other from now on, of the teams in `keep` even if it was
    stood down there. Raises Invalid or Conflict when the two cannot be one.
    """
    _check(report, into)
    ending = [want for want in report.wants if want.ended_at is None]
    merge = Merge(
        report=report,
        into=into,
        merged_at=now,
        merged_by="" if by_itself else actor.name,
        wants=[want.id for want in ending],
    )
    session.add(merge)
    take_over(session, into, ending, actor, keep=keep)
    for want in ending:
        want.ended_at = now
    report.status, report.closed_at = IncidentStatus.CLOSED, now
    alarms.end_all(report, now)
    _gather(session, merge)
    moved = sa.update(Merge).where(Merge.into_id == report.id, Merge.ended_at.is_(None))
    session.execute(moved.values(into_id=into.id))
    session.flush()
    kinds = ("joined_itself", "merged_itself") if by_itself else ("joined", "merged")
    _tell(session, (report, into), kinds, actor, now)
    return merge


def _gather(session: Session, merge: Merge) -> None:
    """Let what was decided of a report hold for the incident that stays: alerts go on joining."""
    there, here = gathering(session, merge.into), session.get(Gathering, merge.report.id)
    if here is None:
        return
    until = [at for at in (here.joins_until, there.joins_until) if at is not None]
    there.joins_until, here.joins_until = max(until, default=None), None
    there.lead = there.lead or here.lead
    merge.cancelled_at = here.cancelled_at


def _check(report: Incident, into: Incident) -> None:
    if report.id == into.id:
        told = N_("An incident cannot be merged with itself.")
        raise Invalid(told, report=told)
    if report.organisation_id != into.organisation_id:
        raise Conflict(N_("Only incidents of one organisation can be merged: link them instead."))
    if report.drill != into.drill:
        raise Conflict(N_("One of the two is a drill: they are not one event."))
    if likeness.of_suspect(report.flags) != likeness.of_suspect(into.flags):
        raise Conflict(N_("One of the two is about the suspect's side: link them instead."))
    if IncidentStatus.OPEN is not report.status or IncidentStatus.OPEN is not into.status:
        raise Conflict(N_("Only open incidents can be merged: look at them again."))


def take_over(
    session: Session,
    into: Incident,
    wanted: Iterable[Want],
    actor: Actor,
    *,
    keep: Collection[int] = (),
) -> None:
    """Let the incident that stays want what a report wants; a team that it has is not added to."""
    held = {want.team_id: want for want in into.wants}
    for one in wanted:
        want = held.get(one.team.id)
        if want is None:
            # Decided by a person, or an update of its own source would take it back.
            row = Want(team=one.team, people=one.people, side=one.side, wanted_by=actor.name)
            row.qualification_id, row.substitute_id = one.qualification_id, one.substitute_id
            into.wants.append(row)
        elif want.ended_at is None:
            want.people = max(want.people, one.people)
        elif want.team_id in keep:
            want.ended_at, want.wanted_by = None, actor.name
    session.flush()


def take_apart(session: Session, merge: Merge, actor: Actor, now: datetime) -> None:
    """Let a report stand for itself again, with what it wanted; one cancelled since stays over."""
    report, into = merge.report, merge.into
    merge.ended_at = now
    if merge.cancelled_at is None:
        report.status, report.closed_at = IncidentStatus.OPEN, None
        for want in report.wants:
            if want.id in merge.wants:
                want.ended_at = None
    else:
        report.status = IncidentStatus.CANCELLED
    session.flush()
    _tell(session, (report, into), ("taken_apart", "taken_apart"), actor, now)


def keep_apart(
    session: Session, one: Incident, other: Incident, actor: Actor, now: datetime
) -> None:
    """Note that two incidents are not one event: they are not proposed again."""
    first, later = sorted((one, other), key=lambda each: each.id)
    row = Merge(report=later, into=first, merged_at=now, merged_by=actor.name, ended_at=now)
    session.add(row)
    session.flush()
    _tell(session, (one, other), ("kept_apart", "kept_apart"), actor, now)


def cancelled(session: Session, merge: Merge, actor: Actor, now: datetime) -> bool:
    """Note that a report's own source cancelled it; return whether nothing of the event is left.

    One of many reports taken back is no reason to turn anybody round.
    """
    if merge.cancelled_at is None:
        merge.cancelled_at = now
        session.flush()
        _tell(session, (merge.report, merge.into), ("cancelled", "report_cancelled"), actor, now)
    return nothing_left(session, merge.into)


def own_cancelled(session: Session, incident: Incident, actor: Actor, now: datetime) -> bool:
    """Note that the source of an incident that others joined cancelled it.

    Returns False when none joined or nothing is left of it: then it is cancelled as any other.
    """
    if incident.status is not IncidentStatus.OPEN or not reports_of(session, incident):
        return False
    gathered = gathering(session, incident)
    gathered.cancelled_at = gathered.cancelled_at or now
    if nothing_left(session, incident):
        return False
    timeline.add(session, incident, "own_cancelled", actor, now, source=actor.name)
    alarms.raise_alarm(session, incident, "own_cancelled", now)
    return True


def nothing_left(session: Session, incident: Incident) -> bool:
    """Return whether every report of an incident, its own too, was cancelled."""
    gathered = session.get(Gathering, incident.id)
    if gathered is None or gathered.cancelled_at is None:
        return False
    return all(merge.cancelled_at is not None for merge in reports_of(session, incident))


# --- joining by itself ---


def gathering(session: Session, incident: Incident) -> Gathering:
    """Return what is kept of an incident that many tell of, or go for."""
    found = session.get(Gathering, incident.id)
    if found is None:
        hours = session.info["settings"].cases.relief_hours
        found = Gathering(incident_id=incident.id, relief_hours=hours)
        session.add(found)
        session.flush()
    return found


def begin_joining(
    session: Session, incident: Incident, minutes: int, actor: Actor, now: datetime
) -> datetime:
    """Let alerts like this one join by themselves for a while; return until when."""
    if incident.status is not IncidentStatus.OPEN:
        raise Conflict(N_("This incident has ended already."))
    if incident.category is None or not (incident.postcode or incident.municipality):
        raise Conflict(N_("Say first what kind it is and where: what is like it is not known."))
    until = now + min(timedelta(minutes=minutes), LONGEST_JOINING)
    gathering(session, incident).joins_until = until
    facts = {"by": actor.name, "until": until.isoformat()}
    _note(session, incident, "joins_begin", actor, now, **facts)
    return until


def end_joining(session: Session, incident: Incident, actor: Actor, now: datetime) -> None:
    """Let every alert stand for itself again."""
    found = session.get(Gathering, incident.id)
    if found is not None and found.joins_until is not None:
        found.joins_until = None
        _note(session, incident, "joins_end", actor, now, by=actor.name)


#: Until when any incident takes in what is like it: asked together with what every alert asks.
JOINS_UNTIL = sa.select(sa.func.max(Gathering.joins_until)).where(
    Gathering.joins_until.is_not(None)
)


def taking_in(session: Session, report: Incident, now: datetime) -> Incident | None:
    """Return the incident that takes in a report just opened, locked: the newest like it."""
    query = (
        sa.select(Incident)
        .join(Gathering, Gathering.incident_id == Incident.id)
        .where(Gathering.joins_until > now, Incident.status == IncidentStatus.OPEN)
        .where(Incident.organisation_id == report.organisation_id, Incident.id != report.id)
        .options(joinedload(Incident.category))
        .order_by(Incident.id.desc())
    )
    for incident in session.scalars(query):
        if likeness.alike(compared(incident), compared(report), None) is not None:
            held = handling.locked(session, incident.id)
            # It may have ended, or joined another, while we waited.
            return held if held.status is IncidentStatus.OPEN else None
    return None


# --- what is said of it ---


def _tell(
    session: Session,
    two: Sequence[Incident],
    kinds: Sequence[str],
    actor: Actor,
    now: datetime,
) -> None:
    for here, there, kind in zip(two, reversed(two), kinds, strict=True):
        _note(session, here, kind, actor, now, other=there.reference, by=actor.name)


def _note(
    session: Session, incident: Incident, kind: str, actor: Actor, now: datetime, **facts: Any
) -> None:
    timeline.add(session, incident, kind, actor, now, **facts)
    subject = f"incident:{incident.reference}"
    audit.record(session, actor, f"incident.{kind}", subject, facts, now)
    upkeep.bump(session, incident.organisation_id, "board")
