"""To whom one case is closed: who was not to be called, and who passed it on.

A dispatcher says "not this person", an officer "I know them, pass on"; for the case it is the same:
they are called for it no more, and no late yes gives them a seat. It holds for every incident that
is linked with this one. Whoever passed it on reads nothing of it any more either, whatever else
they are. Why is theirs: an officer is asked no reason, and everybody else learns only that it was
passed on. That nobody goes to two sides of one case is looked up here as well; what follows when
either comes true of somebody who is called already is left to `apart`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch import audit, upkeep
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.incidents import links, timeline
from dispatch.incidents.alerts import SUSPECT_SIDE
from dispatch.incidents.choices import SUSPECT
from dispatch.incidents.models import Incident, Want
from dispatch.paging.models import Assignment, Callout, Page, Release
from dispatch.people.models import Person

#: Who decided it, of two for the same person the stronger last. A dispatcher who chooses somebody
#: after all lifts what a dispatcher said of a linked incident, too.
_LIFTED, _BY_DISPATCHER, _BY_SELF = _STRENGTH = ("lifted", "dispatcher", "self")


@dataclass(frozen=True)
class Others:
    """The incidents linked with one, and to whom they are closed."""

    linked: frozenset[int] = frozenset()
    barred: Mapping[str, str] = field(default_factory=dict)


#: Of an incident that is linked with none.
ALONE = Others()


def others_of(session: Session, incident: Incident) -> Others:
    """Return what linked incidents add to a case: one statement.

    An incident that was opened in this transaction has none: there is no need to ask.
    """
    query = sa.select(Incident.id, Incident.barred).where(Incident.id.in_(links.CASE))
    rows = session.execute(query, {"incident_id": incident.id}).all()
    barred: dict[str, str] = {}
    for incident_id, held in rows:
        if incident_id != incident.id:
            barred = both(barred, held)
    there = {who: by for who, by in barred.items() if by != _LIFTED}
    return Others(frozenset(row.id for row in rows) - {incident.id}, there)


def both(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """Return what two say of a case that is one; that somebody passed it on outlasts all else."""
    found = dict(one)
    for who, by in other.items():
        found[who] = max(by, found.get(who, by), key=_STRENGTH.index)
    return found


def _decided(incident: Incident, person_id: int, others: Others) -> str:
    """Return who closed the case to somebody; empty: it is open to them."""
    own = (incident.barred or {}).get(str(person_id), "")
    there = others.barred.get(str(person_id), "")
    if _BY_SELF in (own, there):
        return _BY_SELF
    return "" if own == _LIFTED else own or there


def is_barred(incident: Incident, person_id: int, others: Others = ALONE) -> bool:
    """Return whether somebody is not to be called for a case."""
    return bool(_decided(incident, person_id, others))


def is_closed(incident: Incident, person_id: int, others: Others = ALONE) -> bool:
    """Return whether somebody passed a case on, and reads nothing of it any more."""
    return _decided(incident, person_id, others) == _BY_SELF


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
    incident.barred = both(held, incident.barred)
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


def lift(session: Session, incident: Incident, person: Person) -> None:
    """Let a dispatcher choose after all whom a dispatcher did not want; never who passed it on."""
    others, who = others_of(session, incident), str(person.id)
    if is_barred(incident, person.id, others) and not is_closed(incident, person.id, others):
        kept = {one: by for one, by in incident.barred.items() if one != who}
        incident.barred = kept | ({who: _LIFTED} if who in others.barred else {})


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


# --- two sides of one case ---


def may_take(session: Session, callout: Callout, person_id: int, others: Others) -> bool:
    """Return whether somebody may take a seat: not barred, and on no other side of the case."""
    if is_barred(callout.incident, person_id, others):
        return False
    if may_have_sides(callout.incident, others):
        # Two answers of one person may come at once: the second waits here for the first.
        locked = sa.select(Person.id).where(Person.id == person_id).with_for_update(key_share=True)
        session.execute(locked)
    return person_id not in other_side(session, callout.want, others)


def may_have_sides(incident: Incident, others: Others) -> bool:
    """Return whether people may have to be kept apart."""
    return bool(others.linked) or len({side_of(want) for want in incident.wants or ()}) > 1


def side_of(want: Want) -> str:
    """Return whom somebody is there for; empty: the victims."""
    return _side(want.side, want.incident.flags or {})


def _side(side: str, flags: Mapping[str, Any]) -> str:
    return side or (SUSPECT if flags.get(SUSPECT_SIDE) else "")


def other_side(session: Session, want: Want, others: Others = ALONE) -> set[int]:
    """Return who goes or went to another side of the case."""
    if not may_have_sides(want.incident, others):
        return set()
    query = (
        sa.select(Assignment.person_id, Want.side, Incident.flags)
        .join(Callout, Callout.id == Assignment.callout_id)
        .where(Assignment.released_why.is_distinct_from(Release.WITHDREW))
    )
    return set(_beyond(session, query, want, others))


def asked_beyond(session: Session, want: Want, others: Others = ALONE) -> set[int]:
    """Return who is asked to go to another side of the case and may still say yes to it."""
    if not may_have_sides(want.incident, others):
        return set()
    query = (
        sa.select(Page.person_id, Want.side, Incident.flags)
        .join(Callout, Callout.id == Page.callout_id)
        .where(Page.person_id.is_not(None), Page.ended_at.is_(None))
    )
    return {*_beyond(session, query, want, others), *_asked_just_now(session.new, want)}


def _beyond(session: Session, query: sa.Select[Any], want: Want, others: Others) -> Iterator[int]:
    """Yield of whom a query tells that are not on this side."""
    query = query.join(Want, Want.id == Callout.want_id)
    query = query.join(Incident, Incident.id == Want.incident_id)
    cases, mine = [*others.linked, want.incident.id], side_of(want)
    for person_id, side, flags in session.execute(query.where(Incident.id.in_(cases))):
        if _side(side, flags) != mine:
            yield person_id


def _asked_just_now(rows: Iterable[object], want: Want) -> Iterator[int]:
    """Yield who is called for another side of this incident by rows that are not written yet."""
    for page in rows:
        if isinstance(page, Page) and page.person_id is not None and page.ended_at is None:
            asked_for = page.callout.want
            if asked_for.incident is want.incident and side_of(asked_for) != side_of(want):
                yield page.person_id
