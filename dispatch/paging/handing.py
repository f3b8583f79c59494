"""Handing a seat on to a colleague, who must accept before the first is free.

Nobody is ever without somebody who goes: the colleague is called like anybody else, and takes the
very seat when they accept. Until then the first goes; a no, or no answer in time, is told to the
first and sounds on the console. A seat that ends in another way meanwhile (given up, done) ends
this as well: given up, the colleague's page is one among others. Whoever names no colleague is
taken over from by the first who accepts, each asked in turn.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from dispatch import audit, upkeep
from dispatch.audit import ENGINE, Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import alarms, timeline
from dispatch.paging import pages, plans, policy, ranking, silence, telling
from dispatch.paging.candidates import Moment
from dispatch.paging.models import (
    UNFINISHED,
    Assignment,
    AssignmentStatus,
    Callout,
    Page,
    PageStatus,
)
from dispatch.paging.ranking import Judged
from dispatch.people.models import Person
from dispatch.texts import N_, Sentence


def hand_on(
    session: Session, seat: Assignment, person: Person, actor: Actor, now: datetime
) -> Page:
    """Ask a colleague to take over a seat; the caller lets paging catch up.

    Raises Conflict when the seat is no more, or another is asked already, and Invalid when the
    colleague goes, is called already, cannot be reached, or the case is closed to them.
    """
    callout = seat.callout
    if seat.status not in UNFINISHED or callout.cancelled_at is not None:
        raise Conflict(N_("This call-out was given up."))
    if _asked_for(seat) is not None:
        raise Conflict(N_("A colleague is being asked already: call that off first."))
    judged = Moment(session, callout.want, now).by_hand(person, actor.name)
    _check(callout, person, judged)
    silence.heard(session, seat, now)
    return _ask(session, seat, judged, actor, now)


def _ask(
    session: Session,
    seat: Assignment,
    judged: Judged,
    actor: Actor,
    now: datetime,
    *,
    anybody: bool = False,
) -> Page:
    callout, to = seat.callout, judged.candidate
    facts = {"by": actor.name, "person": seat.person.name, "to": to.name}
    timeline.add(session, callout.incident, "handing_on", actor, now, **facts)
    reason = {"kind": "takes_over", "from": seat.person.name, "anybody": anybody}
    plan = plans.plan_of(session, callout.policy_id, now)
    asked = replace(judged, reason=reason)
    page = pages.add(session, callout, asked, policy.usual_attempts(plan), now)
    page.replaces_id = seat.id
    what = {"person": seat.person_id, "to": to.person_id}
    subject = f"incident:{callout.incident.reference}"
    audit.record(session, actor, "assignment.hand_on", subject, what, now)
    return page


def hand_on_to_anybody(session: Session, seat: Assignment, actor: Actor, now: datetime) -> bool:
    """Ask the right colleague to take over a seat, and after a no or silence the next one.

    False when there is nobody to ask: the console asks a dispatcher to ring. Who is asked already
    is asked still. The caller lets paging catch up.
    """
    silence.heard(session, seat, now)
    if _asked_for(seat) is not None or _ask_next(session, seat, actor, now):
        return True
    incident, person = seat.callout.incident, seat.person
    facts = {"person": person.name, "person_id": person.id}
    alarms.raise_alarm(session, incident, "nobody_takes_over", now, seat.callout.want, **facts)
    timeline.add(session, incident, "nobody_takes_over", actor, now, person=person.name)
    return False


def _ask_next(session: Session, seat: Assignment, actor: Actor, now: datetime) -> bool:
    callout = seat.callout
    was_asked = {
        page.person_id
        for page in callout.pages
        if page.replaces_id == seat.id or page.status is PageStatus.DECLINED
    }
    found = (one for one in candidates(session, callout, now) if one.fit)
    right = next((one for one in found if one.candidate.person_id not in was_asked), None)
    if right is not None:
        _ask(session, seat, right, actor, now, anybody=True)
    return right is not None


def _check(callout: Callout, person: Person, judged: Judged) -> None:
    going = {one.person_id for one in callout.assignments if one.released_at is None}
    told = ""
    if person.id in going:
        told = N_("%(name)s was going already.")
    elif any(page.person_id == person.id for page in pages.still_open(callout)):
        told = N_("%(name)s is being paged already.")
    elif not judged.fit:
        told = ranking.why_not(judged)
    if told:
        sentence = Sentence(told, name=person.name)
        raise Invalid(sentence, person=sentence)


def candidates(session: Session, callout: Callout, now: datetime) -> list[Judged]:
    """Return who may be asked to take over, the right person first."""
    busy = {one.person_id for one in callout.assignments if one.released_at is None}
    busy |= {page.person_id for page in pages.still_open(callout) if page.person_id is not None}
    return [
        one
        for one in Moment(session, callout.want, now).ranked()
        if one.candidate.channels
        and one.candidate.person_id not in busy
        and one.candidate.circumstances.barred is None
    ]


def asked(callout: Callout) -> list[Page]:
    """Return the pages of colleagues who are being asked to take over."""
    return [page for page in pages.still_open(callout) if _seat(page) is not None]


def _seat(page: Page) -> Assignment | None:
    """Return the seat that a page is to take over, while somebody holds it and is not done."""
    if page.replaces_id is None:
        return None
    held = (one for one in page.callout.assignments if one.id == page.replaces_id)
    return next((one for one in held if one.status in UNFINISHED), None)


def _asked_for(seat: Assignment) -> Page | None:
    return next((page for page in asked(seat.callout) if page.replaces_id == seat.id), None)


def asked_name(seat: Assignment) -> str:
    """Return who is being asked to take over a seat; empty: nobody."""
    page = _asked_for(seat)
    return page.person.name if page is not None and page.person is not None else ""


def may_free(page: Page) -> Assignment | None:
    """Return the seat that is free as soon as the person of a page accepts.

    A yes after a no, or after the time was over, frees nobody: the first goes by then.
    """
    return _seat(page) if page.ended_at is None else None


def take_over(session: Session, page: Page, actor: Actor, now: datetime) -> None:
    """Free whoever hands on to the person of a page, who has just accepted and is seated next."""
    seat = may_free(page)
    if seat is None or page.person is None:
        return
    callout, incident, to = page.callout, page.callout.incident, page.person
    seat.status, seat.released_at = AssignmentStatus.RELEASED, now
    seat.handed_to_id = to.id
    silence.no_more(seat, now)
    facts = {"person": seat.person.name, "to": to.name}
    timeline.add(session, incident, "handed_on", actor, now, **facts)
    audit.record(
        session,
        actor,
        "assignment.handed_on",
        f"incident:{incident.reference}",
        {"person": seat.person_id, "to": to.id},
        now,
    )
    first = pages.last_of(callout, seat.person_id)
    if first is not None:
        telling.notice(session, incident, first, "handed_on.sms", now)
    # The database allows one on a seat: the first is off it before the other is on.
    session.flush()


def refused(session: Session, page: Page, actor: Actor, now: datetime) -> None:
    """Let the first know that a colleague does not take over; their page has ended.

    Where anybody may, the next one is asked instead.
    """
    seat = _seat(page)
    if seat is None or page.person is None:
        return
    callout, incident = page.callout, page.callout.incident
    facts = {"person": seat.person.name, "to": page.person.name}
    timeline.add(session, incident, "hand_on_refused", actor, now, **facts)
    first = Actor("person", seat.person_id, seat.person.name)
    if page.reason.get("anybody") and _ask_next(session, seat, first, now):
        return
    about = facts | {"person_id": seat.person_id}
    alarms.raise_alarm(session, incident, "hand_on_refused", now, callout.want, **about)
    own = pages.last_of(callout, seat.person_id)
    if own is not None:
        telling.notice(session, incident, own, "still_you.sms", now)


def call_off(session: Session, seat: Assignment, actor: Actor, now: datetime) -> None:
    """Ask the colleague no more: whoever goes, goes on. Raises Conflict when nobody is asked."""
    page = _asked_for(seat)
    if page is None or page.person is None:
        raise Conflict(N_("Nobody is being asked to take over."))
    incident = seat.callout.incident
    pages.withdraw(session, seat.callout, "over.sms", now, [page])
    facts = {"person": seat.person.name, "to": page.person.name, "by": actor.name}
    timeline.add(session, incident, "hand_on_off", actor, now, **facts)
    upkeep.bump(session, incident.organisation_id, "board")


def look(session: Session, callout: Callout, now: datetime) -> None:
    """End what was asked for too long, and what nobody needs to be asked any more."""
    ended = [page for page in pages.still_open(callout) if page.replaces_id is not None]
    for page in ended:
        if _seat(page) is None:
            if _is_done(page):
                pages.withdraw(session, callout, "over.sms", now, [page])
        elif _answer_by(session, page) <= now:
            pages.withdraw(session, callout, "over.sms", now, [page])
            refused(session, page, ENGINE, now)


def _is_done(page: Page) -> bool:
    return any(
        one.id == page.replaces_id and one.status is AssignmentStatus.DONE
        for one in page.callout.assignments
    )


def _answer_by(session: Session, page: Page) -> datetime:
    wait = timedelta(minutes=telling.settings(session).paging.hand_on_minutes)
    return page.created_at + wait


def pursue(session: Session, callout: Callout, now: datetime) -> datetime | None:
    """Call the colleagues of a callout that is filled; return when to go on, if there are any."""
    open_ = asked(callout)
    if not open_:
        return None
    pages.reread(session, callout, now)
    ends = [_answer_by(session, page) for page in open_]
    pages.try_due(session, callout, Moment(session, callout.want, now), max(ends) - now)
    return min([*ends, *_attempts(callout)])


def _attempts(callout: Callout) -> Sequence[datetime]:
    at = pages.next_attempt_at(callout)
    return [at] if at is not None else []


def answer_by(session: Session, callout: Callout) -> datetime | None:
    """Return when the first of the colleagues asked must have answered."""
    open_ = asked(callout)
    return min((_answer_by(session, page) for page in open_), default=None)
