"""Who goes: taking a seat, giving it up, and how far somebody has come.

Exactly one person holds a seat: the incident is locked first, and the database refuses a second row
for the same seat even if it were not. Accepting twice is accepting once. Whoever comes too late is
told so, never left wondering.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from dispatch import audit, upkeep
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import alarms, handling, timeline
from dispatch.incidents.models import Incident, IncidentStatus, Want
from dispatch.outbox import queue
from dispatch.paging import (
    apart,
    bars,
    call_back,
    callouts,
    handing,
    joining,
    leading,
    pages,
    ranking,
    recall,
    silence,
    steps,
    telling,
    trainees,
)
from dispatch.paging.models import (
    Assignment,
    AssignmentStatus,
    Callout,
    Page,
    PageStatus,
    Release,
)
from dispatch.people.models import Person, Team
from dispatch.texts import N_, Sentence


class Taken(StrEnum):
    """What became of an acceptance."""

    GOES = "goes"
    ALREADY = "already"
    """The same person has accepted before."""
    TOO_LATE = "too_late"
    """A colleague goes."""
    OVER = "over"
    """Cancelled or closed."""


@dataclass(frozen=True)
class Acceptance:
    """The outcome, and the assignment if there is one."""

    taken: Taken
    assignment: Assignment | None = None


_STEPS = {
    AssignmentStatus.ACCEPTED: None,
    AssignmentStatus.ON_THE_WAY: "on_the_way_at",
    AssignmentStatus.ON_SCENE: "on_scene_at",
    AssignmentStatus.DONE: "done_at",
}


def accept(
    session: Session,
    page: Page,
    actor: Actor,
    via: str,
    now: datetime,
    minutes: int | None = None,
) -> Acceptance:
    """Give the person of a page a seat, if one is free.

    The caller has locked the incident. A page that has been withdrawn or declined since may still
    be accepted while a seat is free.
    """
    callout, person = page.callout, page.person
    if person is None:
        raise Invalid("The control room cannot take a seat.")
    held = _held(callout, person.id)
    if callout.incident.status is not IncidentStatus.OPEN or callout.cancelled_at is not None:
        if held is None:
            _note_late(session, page, actor, via, now)
        return Acceptance(Taken.OVER, held)
    if held is not None:
        if minutes is not None:
            held.expected_at = now + timedelta(minutes=minutes)
            callouts.bump(session, callout.incident)
        silence.heard(session, held, now)
        return Acceptance(Taken.ALREADY, held)
    if trainees.is_for_learning(page):
        return Acceptance(Taken.TOO_LATE)
    full = len(callouts.active_assignments(callout)) >= callout.want.people
    if full and handing.may_free(page) is None:
        _note(session, page, "taken", actor, via, now)
        return Acceptance(Taken.TOO_LATE)
    case = bars.others_of(session, callout.incident)
    if not bars.may_take(session, callout, person.id, case):
        _turn_away(session, page, actor, via, now)
        return Acceptance(Taken.TOO_LATE)
    seat = _seated(session, page, person, actor, via, now, minutes)
    if bars.may_have_sides(callout.incident, case):
        apart.settle(session, callout.incident, now)
    return Acceptance(Taken.GOES, seat)


def _turn_away(session: Session, page: Page, actor: Actor, via: str, now: datetime) -> None:
    """End the page of somebody to whom the case is closed: another is called in their place."""
    _note(session, page, "closed_yes", actor, via, now)
    if page.ended_at is None:
        _take_back(session, page, now)
        page.status, page.answered_at, page.attempts = PageStatus.DECLINED, now, []
        page.ended_at = now
        handing.refused(session, page, actor, now)
        session.flush()
        callouts.catch_up(session, page.callout.incident, now)


def _seated(
    session: Session,
    page: Page,
    person: Person,
    actor: Actor,
    via: str,
    now: datetime,
    minutes: int | None,
) -> Assignment:
    callout = page.callout
    freed = handing.may_free(page)
    handing.take_over(session, page, actor, now)
    going = callouts.active_assignments(callout)
    assignment = Assignment(
        callout=callout,
        person=person,
        seat=_free_seat(going, callout.want.people),
        status=AssignmentStatus.ACCEPTED,
        accepted_at=now,
        expected_at=now + timedelta(minutes=minutes) if minutes else None,
    )
    session.add(assignment)
    if not callout.incident.drill:
        person.went_at = now
    _take_back(session, page, now)
    page.status, page.answered_at, page.ended_at, page.attempts = PageStatus.ACCEPTED, now, now, []
    expected = assignment.expected_at.isoformat() if assignment.expected_at else None
    _note(session, page, "accepted", actor, via, now, expected=expected)
    call_back.tell(session, page, now)
    silence.heard(session, assignment, now)
    session.flush()
    if freed is not None:
        leading.succeed(session, freed, assignment, actor, now)
    callouts.catch_up(session, callout.incident, now)
    trainees.tell(session, assignment, now)
    return assignment


def _held(callout: Callout, person_id: int) -> Assignment | None:
    for assignment in callouts.active_assignments(callout):
        if assignment.person_id == person_id:
            return assignment
    return None


def _note_late(session: Session, page: Page, actor: Actor, via: str, now: datetime) -> None:
    """Note a yes after the end, unless it says once more that they know of the cancellation."""
    turned_back = any(
        one.person_id == page.person_id and one.released_why is Release.CANCELLED
        for one in page.callout.assignments
    )
    if not turned_back:
        _note(session, page, "late_yes", actor, via, now)


def _free_seat(going: Sequence[Assignment], people: int) -> int:
    taken = {assignment.seat for assignment in going}
    return next(seat for seat in range(1, people + 1) if seat not in taken)


def _note(
    session: Session, page: Page, kind: str, actor: Actor, via: str, now: datetime, **facts: Any
) -> None:
    incident = page.callout.incident
    person = page.person.name if page.person is not None else ""
    timeline.add(session, incident, kind, actor, now, person=person, via=via, **facts)
    audit.record(
        session,
        actor,
        f"page.{kind}",
        f"incident:{incident.reference}",
        {"person": page.person_id, "via": via},
        now,
    )
    upkeep.bump(session, incident.organisation_id, "board")


def decline(session: Session, page: Page, actor: Actor, via: str, now: datetime) -> bool:
    """Note that somebody cannot go, or gives up a seat; return False when it changes nothing.

    The next person is paged at once when nobody else is being tried; giving up a seat begins the
    paging anew and makes the console sound.
    """
    callout = page.callout
    held = _held(callout, page.person_id) if page.person_id is not None else None
    if held is not None and held in recall.unconfirmed(callout):
        confirm_cancel(session, held, actor, now)
        return True
    if held is not None and held.status is not AssignmentStatus.DONE:
        _note(session, page, "withdrew", actor, via, now)
        _take_back(session, page, now)
        page.status, page.answered_at = PageStatus.DECLINED, now
        if callout.incident.status is IncidentStatus.OPEN and callout.cancelled_at is None:
            who = held.person.name
            alarms.raise_alarm(session, callout.incident, "withdrew", now, callout.want, person=who)
        _vacate(session, held, Release.WITHDREW, actor, now)
        return True
    if page.ended_at is not None:
        return False
    _take_back(session, page, now)
    page.status, page.answered_at, page.ended_at, page.attempts = PageStatus.DECLINED, now, now, []
    _note(session, page, "declined", actor, via, now)
    handing.refused(session, page, actor, now)
    session.flush()
    callouts.catch_up(session, callout.incident, now)
    return True


def _take_back(session: Session, page: Page, now: datetime) -> None:
    """Take back what has not left, to the person of a page whose part in it has just changed.

    An answer of before ("you are going") that leaves late would be believed.
    """
    mine = [one for one in page.callout.pages if one.person_id == page.person_id]
    queue.withdraw(session, [telling.about(page), *telling.said(mine)], now)


def _vacate(
    session: Session, assignment: Assignment, why: Release, actor: Actor, now: datetime
) -> None:
    assignment.status, assignment.released_at = AssignmentStatus.RELEASED, now
    assignment.released_why = why
    silence.no_more(assignment, now)
    leading.gone(session, assignment, actor, now)
    session.flush()
    callouts.catch_up(session, assignment.callout.incident, now)


def release(session: Session, assignment: Assignment, actor: Actor, now: datetime) -> None:
    """Take somebody off a call-out by a dispatcher's decision; the seat is paged for again."""
    if assignment in recall.unconfirmed(assignment.callout):
        told_cancel(session, assignment, actor, now)
        return
    incident, person = assignment.callout.incident, assignment.person
    timeline.add(session, incident, "released", actor, now, person=person.name, by=actor.name)
    page = pages.last_of(assignment.callout, person.id)
    if page is not None:
        page.status = PageStatus.DECLINED
        _take_back(session, page, now)
        telling.notice(session, incident, page, "over.sms", now)
    _audit(session, incident, actor, "assignment.release", now, person=person.id)
    _vacate(session, assignment, Release.DISPATCHER, actor, now)


def move_on(
    session: Session,
    assignment: Assignment,
    then: AssignmentStatus,
    actor: Actor,
    now: datetime,
) -> bool:
    """Note how far somebody has come, only ever forward; return False when it changes nothing."""
    order = list(_STEPS)
    if then not in _STEPS or assignment.status is AssignmentStatus.RELEASED:
        raise Conflict(N_("This call-out was given up."))
    if order.index(then) <= order.index(assignment.status):
        return False
    assignment.status = then
    column = _STEPS[then]
    if column is not None:
        setattr(assignment, column, now)
    incident, person_id = assignment.callout.incident, assignment.person_id
    if then is AssignmentStatus.DONE:
        # Not on the way any more: nobody has to turn them back.
        want = assignment.callout.want
        alarms.end(incident, alarms.TURNING_BACK, now, want, person_id=person_id)
        leading.gone(session, assignment, actor, now)
    silence.heard(session, assignment, now)
    handing.look(session, assignment.callout, now)
    timeline.add(session, incident, str(then), actor, now, person=assignment.person.name)
    _audit(session, incident, actor, f"assignment.{then}", now, person=person_id)
    upkeep.bump(session, incident.organisation_id, "board")
    return True


def confirm_cancel(session: Session, assignment: Assignment, actor: Actor, now: datetime) -> None:
    """Note that somebody on the way has heard that the call-out is cancelled."""
    _know(session, assignment, "cancel_confirmed", actor, now)


def told_cancel(session: Session, assignment: Assignment, actor: Actor, now: datetime) -> None:
    """Note that a dispatcher has told somebody on the way that the call-out is cancelled."""
    _know(session, assignment, "cancel_told", actor, now, by=actor.name)


def _know(
    session: Session, assignment: Assignment, kind: str, actor: Actor, now: datetime, **facts: str
) -> None:
    incident, person = assignment.callout.incident, assignment.person
    if assignment not in recall.unconfirmed(assignment.callout):
        return
    recall.turned_back(session, assignment, now)
    timeline.add(session, incident, kind, actor, now, person=person.name, **facts)
    _audit(session, incident, actor, f"assignment.{kind}", now, person=person.id)
    session.flush()
    callouts.catch_up(session, incident, now)


def accept_on_behalf(
    session: Session, callout: Callout, person: Person, actor: Actor, now: datetime
) -> Acceptance:
    """Take an answer given by telephone: a dispatcher keys it in.

    Raises Conflict for somebody who passed the case on, or goes to its other side.
    """
    bars.lift(session, callout.incident, person)
    case = bars.others_of(session, callout.incident)
    if not bars.may_take(session, callout, person.id, case):
        raise Conflict(Sentence(ranking.CLOSED, name=person.name))
    page = pages.last_of(callout, person.id)
    if page is None or page.status is PageStatus.SKIPPED:
        page = pages.rung(session, callout, person, actor.name, now)
    return accept(session, page, actor, "screen", now)


def stand_down(session: Session, callout: Callout, actor: Actor, now: datetime) -> None:
    """End one callout: nobody of this team is wanted any more."""
    incident, team = callout.incident, callout.want.team.name
    callout.want.ended_at, callout.want.wanted_by = now, actor.name
    timeline.add(session, incident, "stood_down", actor, now, team=team, by=actor.name)
    _audit(session, incident, actor, "callout.stand_down", now, callout=callout.id)
    callouts.advance(session, incident, now)


def want_more(
    session: Session, incident: Incident, team: Team, people: int, actor: Actor, now: datetime
) -> None:
    """Ask for more people of a team, or for a team that is not wanted: not yet, or no more."""
    if people < 1:
        told = N_("Ask for one person or more.")
        raise Invalid(told, people=told)
    if incident.status is not IncidentStatus.OPEN:
        raise Conflict(N_("This incident has ended already."))
    want = next((want for want in incident.wants if want.team_id == team.id), None)
    kind = "more_wanted"
    if want is None:
        incident.wants.append(Want(team=team, people=people, wanted_by=actor.name))
    elif want.ended_at is None:
        want.people, want.wanted_by = want.people + people, actor.name
    else:
        kind = "called_again"
        want.people, want.wanted_by, want.ended_at = people, actor.name, None
        _begin_again(session, want, actor, now)
    timeline.add(session, incident, kind, actor, now, by=actor.name, people=people, team=team.name)
    _audit(session, incident, actor, "want.more", now, team=team.key, people=people)
    session.flush()
    callouts.advance(session, incident, now)


def _begin_again(session: Session, want: Want, actor: Actor, now: datetime) -> None:
    """Page anew for a want that was stood down; who turns back just now is asked first of all."""
    held = callouts.of_incident(session, want.incident)
    for callout in (one for one in held if one.want is want):
        turning = recall.unconfirmed(callout)
        for assignment in turning:
            recall.turned_back(session, assignment, now)
        # Who was done before has gone already, and is none of those asked for now.
        want.people += len(callouts.active_assignments(callout))
        callouts.begin_anew(session, callout, now)
        for assignment in turning:
            steps.page_chosen(session, callout, assignment.person, actor.name, now)


@dataclass(frozen=True)
class Went:
    """Who went, and when, as told afterwards."""

    team: Team
    person: Person
    accepted_at: datetime
    on_scene_at: datetime | None = None
    done_at: datetime | None = None


def record_afterwards(
    session: Session, incident: Incident, went: Sequence[Went], actor: Actor, now: datetime
) -> None:
    """Write down who went to an incident that was handled without us; pages nobody."""
    incident.recorded_afterwards = True
    held: dict[int, Callout] = {}
    for gone in went:
        _check_order(gone, now)
        callout = held.get(gone.team.id) or _over_already(session, incident, gone, now)
        held[gone.team.id] = callout
        callout.want.people = len(callout.assignments) + 1
        session.add(
            Assignment(
                callout=callout,
                person=gone.person,
                seat=callout.want.people,
                status=AssignmentStatus.DONE,
                accepted_at=gone.accepted_at,
                on_scene_at=gone.on_scene_at,
                done_at=gone.done_at or gone.on_scene_at or gone.accepted_at,
            )
        )
        facts = {"by": actor.name, "person": gone.person.name}
        timeline.add(session, incident, "recorded", actor, now, **facts)
    _audit(session, incident, actor, "incident.record", now, people=len(went))
    session.flush()


def _over_already(session: Session, incident: Incident, gone: Went, now: datetime) -> Callout:
    want = Want(team=gone.team, people=0, ended_at=now)
    incident.wants.append(want)
    session.flush()
    return callouts.recorded(session, incident, want, gone.accepted_at)


def _check_order(gone: Went, now: datetime) -> None:
    instants = [gone.accepted_at, gone.on_scene_at, gone.done_at]
    given = [at for at in instants if at is not None]
    if given != sorted(given):
        raise Invalid(
            N_("The times are not in order: went, on scene, done."),
            on_scene_at=N_("Must come after the time of going and before the end."),
        )
    if given[-1] > now:
        told = N_("This lies in the future.")
        raise Invalid(told, done_at=told)


def _audit(
    session: Session, incident: Incident, actor: Actor, action: str, now: datetime, **facts: Any
) -> None:
    audit.record(session, actor, action, f"incident:{incident.reference}", facts, now)


def present(page: Page) -> Page:
    """Return the page that took the place of one that ended, if the person is paged anew.

    An answer to the first of two texts answers the second, and nobody is told to rest who goes.
    """
    if page.ended_at is None:
        return page
    beside = pages.still_open(page.callout)
    return next((one for one in beside if one.person_id == page.person_id), page)


def locked_page(session: Session, page_id: int) -> Page:
    """Return a page, or the one in its place, with incident and callout locked before it."""
    query = sa.select(Callout.incident_id).join(Page).where(Page.id == page_id)
    incident = handling.locked(session, session.scalars(query).one())
    for callout in callouts.of_incident(session, incident):
        for page in callout.pages:
            if page.id == page_id:
                return joining.instead(session, present(page))
    raise Conflict(N_("This page is gone."))
