"""To whom one case is closed: who was not to be called, and who passed it on.

A dispatcher says "not this person", an officer "I know them, pass on"; for the case it is the same:
they are called for it no more, and no late yes gives them a seat. Whoever passed it on reads
nothing of it any more either, whatever else they are. Why is theirs: an officer is asked no reason,
and everybody else learns only that it was passed on. That nobody goes to two sides of one case is
looked up here as well.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch import audit, upkeep
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.incidents import links, timeline
from dispatch.incidents.models import Incident, Want
from dispatch.paging.models import Assignment, Callout, Page, PageStatus, Release
from dispatch.people.models import Person
from dispatch.texts import N_

_BY_DISPATCHER, _BY_SELF = "dispatcher", "self"
#: The flag of a report that is about the other side of a case.
SUSPECT_SIDE = "suspect_side"
_SUSPECT = "suspect"
CLOSED = N_("This case is closed to %(name)s.")


def bar(
    session: Session,
    incident: Incident,
    people: Collection[Person],
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Close a case to people whom a dispatcher does not want called; the reason may be empty."""
    if not people:
        return
    held = {str(person.id): _BY_DISPATCHER for person in people}
    incident.barred = held | dict(incident.barred)
    names = ", ".join(person.name for person in people)
    timeline.add(
        session, incident, "barred", actor, now, own_words=reason, people=names, by=actor.name
    )
    _audit(session, incident, "incident.bar", sorted(one.id for one in people), actor, now)


def pass_on(
    session: Session, incident: Incident, person: Person, actor: Actor, now: datetime
) -> None:
    """Close a case to somebody who knows those concerned; that they decline is said apart."""
    incident.barred = dict(incident.barred) | {str(person.id): _BY_SELF}
    _audit(session, incident, "incident.pass_on", [person.id], actor, now)


def lift(incident: Incident, person: Person) -> None:
    """Let a dispatcher choose after all whom a dispatcher did not want; never who passed it on."""
    if is_barred(incident, person.id) and not is_closed(incident, person.id):
        key = str(person.id)
        incident.barred = {one: by for one, by in incident.barred.items() if one != key}


def _audit(
    session: Session,
    incident: Incident,
    action: str,
    people: Collection[int],
    actor: Actor,
    now: datetime,
) -> None:
    what = {"people": list(people)}
    audit.record(session, actor, action, f"incident:{incident.reference}", what, now)
    upkeep.bump(session, incident.organisation_id, "board")


def is_barred(incident: Incident, person_id: int) -> bool:
    """Return whether somebody is not to be called for a case."""
    return str(person_id) in (incident.barred or {})


def is_closed(incident: Incident, person_id: int) -> bool:
    """Return whether somebody passed a case on, and reads nothing of it any more."""
    return (incident.barred or {}).get(str(person_id)) == _BY_SELF


def may_take(session: Session, callout: Callout, person_id: int) -> bool:
    """Return whether somebody may take a seat: not barred, and on no other side of the case."""
    if is_barred(callout.incident, person_id):
        return False
    linked = links.linked_to(session, callout.incident_id)
    return person_id not in other_side(session, callout.want, linked, going=True)


def side_of(want: Want) -> str:
    """Return whom somebody is there for; empty: the victims."""
    return _side(want.side, want.incident.flags or {})


def _side(side: str, flags: Mapping[str, Any]) -> str:
    return side or (_SUSPECT if flags.get(SUSPECT_SIDE) else "")


def other_side(
    session: Session, want: Want, linked: Collection[int], *, going: bool = False
) -> set[int]:
    """Return who goes or went to another side of the case, or may still say yes to it.

    `linked` are the other incidents of the case; `going`: without those who have not answered.
    """
    mine, own = side_of(want), want.incident
    if not linked and all(side_of(other) == mine for other in own.wants or ()):
        return set()
    cases = [*linked, own.id]
    went = (
        sa.select(Assignment.person_id, Want.side, Incident.flags)
        .join(Callout, Callout.id == Assignment.callout_id)
        .where(Assignment.released_why.is_distinct_from(Release.WITHDREW))
    )
    asked = (
        sa.select(Page.person_id, Want.side, Incident.flags)
        .join(Callout, Callout.id == Page.callout_id)
        .where(Page.person_id.is_not(None), Page.ended_at.is_(None))
        .where(Page.status != PageStatus.SKIPPED)
    )
    found: set[int] = set()
    for query in (went,) if going else (went, asked):
        query = query.join(Want, Want.id == Callout.want_id)
        query = query.join(Incident, Incident.id == Want.incident_id)
        for person_id, side, flags in session.execute(query.where(Incident.id.in_(cases))):
            if _side(side, flags) != mine:
                found.add(person_id)
    return found
