"""What a dispatcher owes to whoever goes: the facts by telephone, and somebody who takes over.

Whoever accepted and has not opened the facts soon after drives without them, perhaps because their
phone has no data where they are: the console sounds until somebody has rung them, or they have
opened them after all. Whoever works on a large incident for hours is asked after in the same way.
Nobody is replaced by itself. An engine looks again and again; each is asked about once.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dispatch import audit, logs, upkeep
from dispatch.audit import ENGINE, Actor
from dispatch.db import Instant, Session
from dispatch.errors import Conflict
from dispatch.incidents import alarms, timeline
from dispatch.incidents.case_models import Gathering
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.paging import callouts, leading, seats, telling
from dispatch.paging.case_models import FactsCall, Relief
from dispatch.paging.models import UNFINISHED, Assignment, AssignmentStatus, Callout, Page
from dispatch.texts import N_

log = logs.logger(__name__)

_HAS_READ = sa.exists().where(
    Page.callout_id == Assignment.callout_id,
    Page.person_id == Assignment.person_id,
    Page.opened_at.is_not(None),
)
_GOES = sa.and_(
    Assignment.status.in_(UNFINISHED),
    # The same once more, as the index has it: an engine looks every few seconds.
    Assignment.released_at.is_(None),
    Assignment.done_at.is_(None),
    Callout.cancelled_at.is_(None),
)


def owed(session: Session, now: datetime) -> list[int]:
    """Return the incidents of which something must be asked, or is to be asked no more."""
    seconds = telling.settings(session).cases.facts_seconds
    home = sa.select(Callout.incident_id).join(Assignment)
    answered = sa.or_(_HAS_READ, sa.not_(_GOES))
    over = home.join(FactsCall).where(FactsCall.given_at.is_(None), answered)
    found = set(session.scalars(over))
    if seconds:
        since = now - timedelta(seconds=seconds)
        unread = (
            home.join(Incident, Incident.id == Callout.incident_id)
            .where(Incident.status == IncidentStatus.OPEN, _GOES, sa.not_(_HAS_READ))
            .where(Assignment.accepted_at <= since)
            .where(~sa.exists().where(FactsCall.assignment_id == Assignment.id))
        )
        found |= set(session.scalars(unread))
    return sorted(found | {incident_id for incident_id, _ in _tired(session, now)})


def look(session: Session, incident_ids: Iterable[int], now: datetime) -> None:
    """Ask what is `owed` by now; an incident that another transaction has is looked at soon."""
    for incident_id in incident_ids:
        incident = callouts.take(session, incident_id)
        if incident is not None:
            try:
                with session.begin_nested():
                    ask(session, incident, now)
            except sa.exc.OperationalError:
                # The database's own: the whole must be tried again.
                raise
            except Exception:
                # One that we cannot ask about may not keep the others out.
                log.exception("asking_failed", incident=incident_id)


def _tired(session: Session, now: datetime) -> Iterator[tuple[int, int]]:
    began_at = sa.func.coalesce(Assignment.on_scene_at, Assignment.accepted_at, type_=Instant())
    query = (
        sa.select(Callout.incident_id, Assignment.id, began_at, Gathering.relief_hours)
        .join(Assignment, Assignment.callout_id == Callout.id)
        .join(Gathering, Gathering.incident_id == Callout.incident_id)
        .join(Incident, Incident.id == Callout.incident_id)
        .where(Incident.status == IncidentStatus.OPEN, _GOES, Gathering.relief_hours > 0)
        .where(~sa.exists().where(Relief.assignment_id == Assignment.id))
    )
    for incident_id, assignment_id, since, hours in session.execute(query):
        if since + timedelta(hours=hours) <= now:
            yield incident_id, assignment_id


def ask(session: Session, incident: Incident, now: datetime) -> None:
    """Let the console ask what is owed to those who go; the caller has locked the incident."""
    seconds = telling.settings(session).cases.facts_seconds
    tired = {assignment_id for _, assignment_id in _tired(session, now)}
    for callout in callouts.of_incident(session, incident):
        for assignment in callout.assignments:
            goes = assignment.status in UNFINISHED and callout.cancelled_at is None
            call = session.get(FactsCall, assignment.id)
            if call is not None:
                if call.given_at is None and (not goes or _has_read(assignment)):
                    _given(session, call, "", now)
            elif seconds and goes and assignment.accepted_at + timedelta(seconds=seconds) <= now:
                _owe_facts(session, assignment, now)
            if assignment.id in tired:
                _owe_relief(session, assignment, now)
    session.flush()


def _has_read(assignment: Assignment) -> bool:
    pages = assignment.callout.pages
    return any(p.opened_at is not None for p in pages if p.person_id == assignment.person_id)


# --- the facts ---


def _owe_facts(session: Session, assignment: Assignment, now: datetime) -> None:
    incident, want = assignment.callout.incident, assignment.callout.want
    if incident.status is not IncidentStatus.OPEN or _has_read(assignment):
        return
    session.add(FactsCall(assignment=assignment, asked_at=now))
    facts: dict[str, Any] = {"person": assignment.person.name, "person_id": assignment.person_id}
    alarms.raise_alarm(session, incident, "facts_unread", now, want, **facts)
    timeline.add(session, incident, "facts_unread", ENGINE, now, **facts)


def _given(session: Session, call: FactsCall, by: str, now: datetime) -> None:
    callout, person_id = call.assignment.callout, call.assignment.person_id
    call.given_at, call.given_by = now, by
    alarms.end(callout.incident, {"facts_unread"}, now, callout.want, person_id=person_id)
    upkeep.bump(session, callout.incident.organisation_id, "board")


def give_facts(session: Session, assignment: Assignment, actor: Actor, now: datetime) -> None:
    """Note that a dispatcher has told somebody the facts by telephone."""
    call = session.get(FactsCall, assignment.id)
    if call is None:
        call = FactsCall(assignment=assignment, asked_at=now)
        session.add(call)
    elif call.given_at is not None:
        return
    _given(session, call, actor.name, now)
    _tell(session, assignment, "facts_given", actor, now)


def without_facts(session: Session, incident: Incident) -> list[Assignment]:
    """Return who goes, was asked about and still has to be told the facts; the longest first."""
    query = (
        sa.select(Assignment)
        .join(Callout)
        .join(FactsCall)
        .where(Callout.incident_id == incident.id, FactsCall.given_at.is_(None), _GOES)
        .order_by(FactsCall.asked_at, Assignment.id)
    )
    return list(session.scalars(query))


# --- relief ---


def _owe_relief(session: Session, assignment: Assignment, now: datetime) -> None:
    incident, want = assignment.callout.incident, assignment.callout.want
    since = assignment.on_scene_at or assignment.accepted_at
    session.add(Relief(assignment=assignment, asked_at=now))
    facts: dict[str, Any] = {"person": assignment.person.name, "person_id": assignment.person_id}
    hours = int((now - since).total_seconds() // 3600)
    alarms.raise_alarm(session, incident, "relief_due", now, want, hours=hours, **facts)
    timeline.add(session, incident, "relief_due", ENGINE, now, hours=hours, **facts)


def reliefs(session: Session, incident: Incident) -> dict[int, Relief]:
    """Return what was asked and done about relief, by assignment."""
    query = sa.select(Relief).join(Assignment).join(Callout)
    found = session.scalars(query.where(Callout.incident_id == incident.id))
    return {one.assignment_id: one for one in found}


def call_relief(session: Session, assignment: Assignment, actor: Actor, now: datetime) -> None:
    """Page for somebody who takes over from whoever works here; they go on until it is done."""
    callout = assignment.callout
    if assignment.status not in UNFINISHED or callout.cancelled_at is not None:
        raise Conflict(N_("They do not work on this any more."))
    row = session.get(Relief, assignment.id)
    if row is None:
        row = Relief(assignment=assignment, asked_at=now)
        session.add(row)
    elif row.called_at is not None:
        return
    row.called_at, row.called_by = now, actor.name
    callout.want.people = max(callout.want.people, len(callouts.active_assignments(callout))) + 1
    callout.want.wanted_by = actor.name
    _end_relief(assignment, now)
    _tell(session, assignment, "relief_called", actor, now)
    callouts.advance(session, callout.incident, now)


def hand_over(session: Session, assignment: Assignment, actor: Actor, now: datetime) -> None:
    """Note that somebody's work was taken over: they are done."""
    row = session.get(Relief, assignment.id)
    if row is None or row.called_at is None:
        raise Conflict(N_("Nobody was called to take over: call somebody first."))
    row.handed_over_at = row.handed_over_at or now
    _end_relief(assignment, now)
    after = _after(row)
    to = ", ".join(one.person.name for one in after)
    _tell(session, assignment, "handed_over", actor, now, to=to)
    if after:
        leading.succeed(session, assignment, after[0], actor, now)
    seats.move_on(session, assignment, AssignmentStatus.DONE, actor, now)


def successors(row: Relief) -> list[str]:
    """Return who accepted since somebody was called to take over."""
    return [one.person.name for one in _after(row)]


def _after(row: Relief) -> list[Assignment]:
    callout = row.assignment.callout
    return [
        one
        for one in callouts.active_assignments(callout)
        if row.called_at is not None
        and one.accepted_at >= row.called_at
        and one is not row.assignment
    ]


def _end_relief(assignment: Assignment, now: datetime) -> None:
    callout, person_id = assignment.callout, assignment.person_id
    alarms.end(callout.incident, {"relief_due"}, now, callout.want, person_id=person_id)


def _tell(
    session: Session,
    assignment: Assignment,
    kind: str,
    actor: Actor,
    now: datetime,
    **facts: str,
) -> None:
    incident, person = assignment.callout.incident, assignment.person
    timeline.add(session, incident, kind, actor, now, person=person.name, by=actor.name, **facts)
    subject = f"incident:{incident.reference}"
    audit.record(session, actor, f"assignment.{kind}", subject, {"person": person.id}, now)
    upkeep.bump(session, incident.organisation_id, "board")
    session.flush()
