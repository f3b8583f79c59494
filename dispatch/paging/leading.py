"""A large incident led from the desk: how many people, where they meet, who leads them.

What is decided here is told at once to everybody who goes, by a text that names nothing of the
incident; whoever accepts later reads it with the facts. A person's decision: no update of the
report takes it back.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dispatch import audit, upkeep
from dispatch.audit import ENGINE, Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import alarms, merging, timeline
from dispatch.incidents.case_models import Gathering
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.paging import callouts, pages, telling
from dispatch.paging.models import UNFINISHED, Assignment, Callout
from dispatch.texts import N_, Sentence


def want_people(
    session: Session, callout: Callout, people: int, actor: Actor, now: datetime
) -> None:
    """Want so many people of a team, more or fewer, but not fewer than go: nobody is sent home."""
    if people < 1:
        told = N_("Ask for one person or more.")
        raise Invalid(told, people=told)
    incident, want = callout.incident, callout.want
    if incident.status is not IncidentStatus.OPEN or want.ended_at is not None:
        raise Conflict(N_("This incident has ended already."))
    going = len(callouts.active_assignments(callout))
    if people < going:
        told = Sentence(N_("%(going)s go or went already: release somebody first."), going=going)
        raise Invalid(told, people=told)
    if people == want.people:
        return
    want.people, want.wanted_by = people, actor.name
    _note(session, incident, "quota", actor, now, team=want.team.name, people=people)
    session.flush()
    callouts.advance(session, incident, now)


def lead(
    session: Session, incident: Incident, assignment: Assignment | None, actor: Actor, now: datetime
) -> None:
    """Let one of those who go lead the others, or nobody; all of them are told."""
    gathered = merging.gathering(session, incident)
    person = assignment.person if assignment is not None else None
    if gathered.lead is person:
        return
    gathered.lead, gathered.lead_id = person, person.id if person is not None else None
    if person is None:
        _note(session, incident, "leads_no_more", actor, now)
        return
    alarms.end(incident, {"lead_gone"}, now)
    _note(session, incident, "leads", actor, now, person=person.name)
    _tell_going(session, incident, "lead.sms", now, lead=person.name)


def succeed(
    session: Session, left: Assignment, to: Assignment, actor: Actor, now: datetime
) -> None:
    """Let whoever took over from somebody lead, if the other did."""
    incident = left.callout.incident
    gathered = session.get(Gathering, incident.id)
    if gathered is not None and gathered.lead_id == left.person_id:
        lead(session, incident, to, actor, now)


def gone(session: Session, left: Assignment, actor: Actor, now: datetime) -> None:
    """Let nobody lead who goes no more, as is written down already: the console asks who does."""
    incident, person = left.callout.incident, left.person
    gathered = session.get(Gathering, incident.id)
    if gathered is None or gathered.lead_id != person.id:
        return
    session.flush()
    others = {one.person_id for one in _going(session, incident)}
    if others and person.id not in others:
        gathered.lead, gathered.lead_id = None, None
        _note(session, incident, "lead_gone", actor, now, person=person.name)
        facts: dict[str, Any] = {"person": person.name, "person_id": person.id}
        alarms.raise_alarm(session, incident, "lead_gone", now, **facts)


def meet(session: Session, incident: Incident, point: str, actor: Actor, now: datetime) -> None:
    """Say where everybody meets, sealed as all that tells where it is; those who go are told."""
    facts = timeline.unseal_json(session, incident, "sealed_facts")
    place = facts.get("place", {})
    if place.get("meeting_point", "") == point:
        return
    facts = facts | {"place": place | {"meeting_point": point}}
    incident.sealed_facts = timeline.seal_json(session, incident, "sealed_facts", facts)
    session.flush()
    _note(session, incident, "meeting_point", actor, now)
    _tell_going(session, incident, "meeting.sms", now)


def relieve_after(
    session: Session, incident: Incident, hours: int, actor: Actor, now: datetime
) -> None:
    """Ask for relief after so many hours from now on; 0: never."""
    gathered = merging.gathering(session, incident)
    if gathered.relief_hours != hours:
        gathered.relief_hours = hours
        _note(session, incident, "relief_hours", actor, now, hours=hours)


def _tell_going(
    session: Session, incident: Incident, template: str, now: datetime, **facts: Any
) -> None:
    for assignment in _going(session, incident):
        page = pages.last_of(assignment.callout, assignment.person_id)
        if page is not None:
            telling.notice(session, incident, page, template, now, **facts)
            told = {"person": assignment.person.name}
            timeline.add(session, incident, "told_led", ENGINE, now, **told)


def _going(session: Session, incident: Incident) -> Iterator[Assignment]:
    for callout in callouts.of_incident(session, incident):
        yield from (one for one in callout.assignments if one.status in UNFINISHED)


def _note(
    session: Session, incident: Incident, kind: str, actor: Actor, now: datetime, **facts: Any
) -> None:
    timeline.add(session, incident, kind, actor, now, by=actor.name, **facts)
    subject = f"incident:{incident.reference}"
    audit.record(session, actor, f"incident.{kind}", subject, facts, now)
    upkeep.bump(session, incident.organisation_id, "board")
