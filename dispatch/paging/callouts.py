"""The pursuit of what an incident wants: one function, whoever calls it.

`advance` compares what an incident wants with what is being done about it and does what is missing:
it opens callouts, takes the steps whose time has come, tries the next channel, ends what is over.
An alert calls it in its own transaction, the engine calls it when `due_at` has come, an answer or a
receipt calls it again; after a crash the same call finds whatever was left undone. Escalation adds,
it never takes away: a page stays answerable until its callout is filled or over.

Locks are taken in the order incident, callout, assignment, page, message. Who goes is `seats`, one
page is `pages`, what is said is `telling`, turning somebody back is `recall`. Whom to page is for
`policy` to say, on what `candidates` gathers; `steps` adds them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from dispatch import logs, upkeep
from dispatch.audit import ENGINE, Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import alarms, handling, timeline
from dispatch.incidents.models import Incident, IncidentStatus, Want
from dispatch.inserts import insert_now
from dispatch.paging import (
    bars,
    handing,
    pages,
    plans,
    policy,
    ranking,
    recall,
    silence,
    steps,
    waiting,
)
from dispatch.paging.candidates import Moment
from dispatch.paging.models import (
    Assignment,
    AssignmentStatus,
    Callout,
    PageStatus,
    Release,
    Target,
)
from dispatch.paging.policy import Plan
from dispatch.people.models import Person
from dispatch.texts import N_, Sentence

log = logs.logger(__name__)

#: A callout that cannot be advanced is put off so long, so that it holds up no other.
_PUT_OFF_SECONDS = 10
#: However seldom an engine looks by itself, it is more often.
_SOON = timedelta(seconds=2)


def advance(
    session: Session, incident: Incident, now: datetime, *, opened: bool = False
) -> list[Callout]:
    """Do whatever the incident's wants lack at `now`; return its callouts.

    The caller has locked the incident, or has `opened` it in this transaction and paged nobody yet.
    """
    # What the caller changed is written first: reading afresh would undo it.
    session.flush()
    with session.no_autoflush:
        found = () if opened else of_incident(session, incident)
        held = {callout.want_id: callout for callout in found}
        for want in incident.wants:
            callout = held.get(want.id)
            wanted = incident.status is IncidentStatus.OPEN and want.ended_at is None
            if wanted:
                moment = Moment(session, want, waiting.start(incident, now))
                callout = callout or _open(session, want, moment)
            if callout is None:
                continue
            held[want.id] = callout
            if wanted and moment.now == now:
                _pursue(session, callout, moment)
            elif wanted:
                _wait(session, callout, now)
            else:
                _end(session, callout, now)
        alarms.end(incident, {"stuck"}, now)
        if held:
            alarms.end(incident, {"nobody_wanted"}, now)
        elif incident.status is IncidentStatus.OPEN:
            alarms.raise_alarm(session, incident, "nobody_wanted", now)
        for callout in held.values():
            if callout in session.new:
                _insert(session, callout)
        session.flush()
    bump(session, incident)
    return list(held.values())


def _insert(session: Session, callout: Callout) -> None:
    callout.incident_id, callout.want_id = callout.incident.id, callout.want.id
    insert_now(session, [callout])
    for page in callout.pages:
        page.callout_id = callout.id
    insert_now(session, callout.pages)


def catch_up(
    session: Session, incident: Incident, now: datetime, hurried: Callout | None = None
) -> None:
    """Advance after an answer or a receipt, which stands whatever comes of that.

    A fault in paging undoes nothing but itself: the console sounds and the engine tries again.
    """
    try:
        with session.begin_nested():
            if hurried is not None:
                hasten(session, hurried, now)
            advance(session, incident, now)
    except sa.exc.OperationalError:
        # The database's own: the whole must be tried again.
        raise
    except Exception:
        log.exception("advance_failed", incident=incident.id)
        put_off(session, incident.id, now)


def bump(session: Session, incident: Incident) -> None:
    """Let every screen that shows the incident look again."""
    upkeep.bump(session, incident.organisation_id, "board")


_OF_INCIDENT = (
    sa.select(Callout)
    .where(Callout.incident_id == sa.bindparam("incident_id"))
    .options(selectinload(Callout.pages), selectinload(Callout.assignments))
    .order_by(Callout.id)
    .with_for_update(of=Callout)
    .execution_options(populate_existing=True)
)


def of_incident(session: Session, incident: Incident) -> Sequence[Callout]:
    """Return the incident's callouts with their pages and assignments."""
    return session.scalars(_OF_INCIDENT, {"incident_id": incident.id}).all()


def status(callout: Callout) -> str:
    """Return the word for how far a callout is; derived, never stored."""
    active = active_assignments(callout)
    if callout.cancelled_at is not None:
        return "cancelled"
    if waiting.waits(callout):
        return "scheduled"
    if len(active) < callout.want.people:
        return "unanswered" if callout.exhausted_at is not None else "paging"
    order = list(AssignmentStatus)
    return str(min((assignment.status for assignment in active), key=order.index))


def summary(callouts: Iterable[Callout]) -> list[dict[str, Any]]:
    """Return what the sender of an alert is told of its callouts."""
    return [
        {
            "team": callout.want.team.key,
            "status": status(callout),
            "due_at": at.isoformat() if (at := paged_at(callout)) else None,
        }
        for callout in callouts
    ]


def paged_at(callout: Callout) -> datetime | None:
    """Return when paging goes on; None: everybody wanted is going, or it is over."""
    return callout.due_at if callout.filled_at is None else None


def active_assignments(callout: Callout) -> list[Assignment]:
    """Return who is going, or has gone, for this callout."""
    return [a for a in callout.assignments if a.status is not AssignmentStatus.RELEASED]


def due(session: Session, now: datetime, limit: int = 100) -> list[int]:
    """Return the incidents that have a callout due, the longest due first."""
    query = (
        sa.select(Callout.incident_id)
        .where(Callout.due_at <= now)
        .order_by(Callout.due_at)
        .limit(limit)
    )
    return list(dict.fromkeys(session.scalars(query)))


def take(session: Session, incident_id: int) -> Incident | None:
    """Return an incident locked, or None while another transaction has it: look again soon.

    Whoever has it may have been frozen, and the other incidents must not wait for that.
    """
    query = sa.select(Incident).where(Incident.id == incident_id)
    return session.scalars(query.with_for_update(of=Incident, skip_locked=True)).one_or_none()


def next_due(session: Session) -> datetime | None:
    """Return when the next callout is due."""
    return session.scalar(sa.select(sa.func.min(Callout.due_at)))


def sought(session: Session) -> list[int]:
    """Return the incidents for which somebody is being sought."""
    query = sa.select(Callout.incident_id).where(
        Callout.due_at.is_not(None), Callout.filled_at.is_(None), Callout.cancelled_at.is_(None)
    )
    return sorted(set(session.scalars(query)))


def look_again(session: Session, incident: Incident, now: datetime) -> None:
    """Look at once who is on duty: the rota has changed."""
    for callout in of_incident(session, incident):
        if callout.due_at is not None:
            callout.duty_until = now
    advance(session, incident, now)


def put_off(session: Session, incident_id: int, now: datetime) -> None:
    """Try an incident that cannot be advanced again soon, and make the console sound."""
    # First of all, as everywhere: an answer that holds it may be waiting for the callout.
    incident = handling.locked(session, incident_id)
    # Also where nothing was due: what could not be done may be paging for a seat given up.
    session.execute(
        sa.update(Callout)
        .where(Callout.incident_id == incident_id)
        .values(due_at=now + timedelta(seconds=_PUT_OFF_SECONDS))
        .execution_options(synchronize_session="fetch")
    )
    if alarms.raise_alarm(session, incident, "stuck", now):
        timeline.add(session, incident, "stuck", ENGINE, now)


def _wait(session: Session, callout: Callout, now: datetime) -> None:
    """Page nobody yet; who goes all the same, because a dispatcher rang them, is known."""
    silence.look(session, callout, now)
    if len(active_assignments(callout)) >= callout.want.people:
        _fill(session, callout, now)
    else:
        waiting.put_off(callout)


def _open(session: Session, want: Want, moment: Moment) -> Callout | None:
    incident, now = want.incident, moment.now
    others = [other for other in incident.wants if other is not want and other.ended_at is None]
    if not (moment.present.expected or moment.served or want.wanted_by) and others:
        want.ended_at = now
        timeline.add(
            session,
            incident,
            "outside_hours",
            ENGINE,
            now,
            team=want.team.name,
            contact=want.team.day_contact,
        )
        return None
    callout = Callout(
        incident=incident,
        want=want,
        policy_id=plans.in_force(session, want, now),
        step=0,
        repeat=0,
        began_at=now,
        due_at=now,
    )
    session.add(callout)
    callout.pages, callout.assignments = [], []
    return callout


def recorded(session: Session, incident: Incident, want: Want, began_at: datetime) -> Callout:
    """Return a callout that is over, for what was done without us."""
    callout = Callout(
        incident=incident,
        want=want,
        policy_id=plans.in_force(session, want, began_at),
        began_at=began_at,
        filled_at=began_at,
    )
    session.add(callout)
    return callout


def _pursue(session: Session, callout: Callout, moment: Moment) -> None:
    now = moment.now
    silence.look(session, callout, now)
    handing.look(session, callout, now)
    missing = callout.want.people - len(active_assignments(callout))
    if missing <= 0:
        _fill(session, callout, now)
        return
    if callout.filled_at is not None or callout.cancelled_at is not None:
        begin_anew(session, callout, now)
    plan = plans.plan_of(session, callout.policy_id, now)
    if callout.step == 0 and not moment.served and not pages.still_open(callout):
        _page_nobody_list(session, callout, plan, moment)
    if callout.duty_until is not None and callout.duty_until <= now:
        steps.page_newcomers(session, callout, plan, moment)
    steps.take_due(session, callout, plan, moment, missing)
    if callout.step >= len(plan.steps):
        steps.page_away(session, callout, plan, moment)
    if not steps.being_tried(callout, moment):
        _page_best(session, callout, plan, moment)
    if callout.step >= len(plan.steps):
        _repeat_if_exhausted(session, callout, plan, moment)
    if steps.being_tried(callout, moment):
        _somebody_again(callout, now)
    pages.reread(session, callout, now)
    wait = policy.next_step_at(plan, callout.step, callout.repeat, callout.began_at) - now
    pages.try_due(session, callout, moment, wait)
    steps.note_duty(callout, moment)
    for person_id, name in moment.unreadable.items():
        facts = {"person": name, "person_id": person_id}
        alarms.raise_alarm(
            session, callout.incident, "phone_unreadable", now, callout.want, **facts
        )
    callout.due_at = _next_instant(session, callout, plan)
    if callout.due_at - now < _SOON:
        # The engine may not look before then; what is due later it finds in time.
        session.hint("callouts")


def begin_anew(session: Session, callout: Callout, now: datetime) -> None:
    """Start from the first step: somebody withdrew, or what is wanted changed.

    The policy is the one in force by now, for what the incident is by now.
    """
    callout.policy_id = plans.in_force(session, callout.want, now)
    callout.began_at, callout.step, callout.repeat = waiting.start(callout.incident, now), 0, 0
    callout.filled_at = callout.exhausted_at = callout.cancelled_at = None
    alarms.end(callout.incident, alarms.OF_A_RUN, now, callout.want)


def _page_nobody_list(session: Session, callout: Callout, plan: Plan, moment: Moment) -> None:
    incident, team = callout.incident, callout.want.team.name
    timeline.add(session, incident, "nobody_on_duty", ENGINE, moment.now, team=team)
    alarms.raise_alarm(session, incident, "nobody_on_duty", moment.now, callout.want)
    attempts = policy.usual_attempts(plan)
    steps.page_found(session, callout, moment.nobody_on_duty(), attempts, moment.now)


def _page_best(session: Session, callout: Callout, plan: Plan, moment: Moment) -> None:
    refused = {
        page.person_id
        for page in callout.pages
        if page.person_id is not None and page.status is PageStatus.DECLINED
    }
    refused |= {page.person_id for page in handing.asked(callout) if page.person_id is not None}
    going = [a for a in callout.assignments if a.released_why is not Release.CANCELLED]
    refused |= {assignment.person_id for assignment in going}
    best = moment.best(refused)
    if best is None:
        _nobody_left(session, callout, "everybody_declined" if refused else "nobody_at_all", moment)
        return
    incident, team, kind = callout.incident, callout.want.team.name, ranking.shortage(best)
    if kind:
        timeline.add(session, incident, kind, ENGINE, moment.now, team=team)
        alarms.raise_alarm(session, incident, kind, moment.now, callout.want)
    pages.add(session, callout, best, policy.usual_attempts(plan), moment.now)


def _nobody_left(session: Session, callout: Callout, kind: str, moment: Moment) -> None:
    """Make the console sound, once until somebody is tried again, whatever was seen before."""
    incident, now = callout.incident, moment.now
    callout.exhausted_at = callout.exhausted_at or now
    # Whoever they say is being paged was the last.
    alarms.end(incident, alarms.LAST_TRIED, now, callout.want)
    if alarms.raise_alarm(session, incident, kind, now, callout.want):
        timeline.add(session, incident, kind, ENGINE, now, team=callout.want.team.name)


def _somebody_again(callout: Callout, now: datetime) -> None:
    """Somebody is being tried: it is unanswered only if it was before there was nobody."""
    incident, want = callout.incident, callout.want
    if alarms.end(incident, alarms.NOBODY_LEFT, now, want):
        standing = [one for one in alarms.standing(incident) if one.want is want]
        if not any(alarm.kind == "unanswered" for alarm in standing):
            callout.exhausted_at = None


def _repeat_if_exhausted(session: Session, callout: Callout, plan: Plan, moment: Moment) -> None:
    """Make the console sound once the last step has waited in vain, and try everybody anew."""
    now, incident, team = moment.now, callout.incident, callout.want.team.name
    if now < policy.next_step_at(plan, callout.step, callout.repeat, callout.began_at):
        return
    while now >= policy.next_step_at(plan, callout.step, callout.repeat, callout.began_at):
        callout.repeat += 1
    for step in plan.steps:
        if step.target is not Target.CONTROL_ROOM:
            found = steps.whom(callout, step, moment)
            steps.page_found(session, callout, found, step.attempts, now)
    pages.try_anew(callout, moment, policy.usual_attempts(plan))
    if callout.exhausted_at is None:
        callout.exhausted_at = now
        alarms.raise_alarm(session, incident, "unanswered", now, callout.want)
        timeline.add(session, incident, "unanswered", ENGINE, now, team=team)
    elif steps.being_tried(callout, moment):
        timeline.add(session, incident, "repeated", ENGINE, now, team=team)
    else:
        _nobody_left(session, callout, "still_nobody", moment)


def _next_instant(session: Session, callout: Callout, plan: Plan) -> datetime:
    step_at = policy.next_step_at(plan, callout.step, callout.repeat, callout.began_at)
    instants = [step_at, pages.next_attempt_at(callout), callout.duty_until]
    if callout.assignments:
        instants += [silence.next_at(callout), handing.answer_by(session, callout)]
    return min(at for at in instants if at is not None)


def _fill(session: Session, callout: Callout, now: datetime) -> None:
    """Everybody wanted is going: the others may sleep."""
    if callout.filled_at is None:
        callout.filled_at, callout.exhausted_at = now, None
        alarms.end(callout.incident, alarms.UNTIL_FILLED, now, callout.want)
        timeline.add(session, callout.incident, "filled", ENGINE, now, team=callout.want.team.name)
    asked = handing.asked(callout)
    left = [page for page in pages.still_open(callout) if page not in asked]
    pages.withdraw(session, callout, "taken.sms", now, left)
    instants = silence.next_at(callout), handing.pursue(session, callout, now)
    callout.due_at = min((at for at in instants if at is not None), default=None)


def _end(session: Session, callout: Callout, now: datetime) -> None:
    """The want is no more: stop paging, and turn back whoever is on the way."""
    first = callout.cancelled_at is None
    pages.withdraw(session, callout, "over.sms", now)
    if first:
        callout.cancelled_at = now
        alarms.end_all(callout.incident, now, callout.want)
    if first or (callout.due_at is not None and callout.due_at <= now):
        callout.due_at = recall.tell(session, callout, now)


def hasten(session: Session, callout: Callout, now: datetime) -> None:
    """Take the next step at once: an answer in own words, or a dispatcher's wish."""
    plan = plans.plan_of(session, callout.policy_id, now)
    if callout.cancelled_at is None and callout.filled_at is None:
        moment = Moment(session, callout.want, now)
        before = steps.being_tried(callout, moment)
        while callout.step < len(plan.steps) and steps.being_tried(callout, moment) == before:
            steps.take(session, callout, plan.steps[callout.step], moment)
        steps.note_duty(callout, moment)


def page_person(
    session: Session, callout: Callout, person: Person, actor: Actor, now: datetime
) -> None:
    """Page somebody whom a dispatcher chose.

    Raises Conflict when it is over, Invalid when the person goes, is paged or cannot be reached.
    """
    if callout.incident.status is not IncidentStatus.OPEN:
        raise Conflict(N_("This incident has ended already."))
    if callout.cancelled_at is not None:
        told = N_("%(team)s was stood down for this incident: call the team again first.")
        raise Conflict(Sentence(told, team=callout.want.team.name))
    if any(going.person_id == person.id for going in active_assignments(callout)):
        told = Sentence(N_("%(name)s was going already."), name=person.name)
        raise Invalid(told, person=told)
    if any(page.person_id == person.id for page in pages.still_open(callout)):
        told = Sentence(N_("%(name)s is being paged already."), name=person.name)
        raise Invalid(told, person=told)
    waiting.no_longer(session, callout.incident, [callout], actor, now)
    if callout.filled_at is not None:
        callout.want.people, callout.want.wanted_by = callout.want.people + 1, actor.name
        begin_anew(session, callout, now)
    bars.lift(session, callout.incident, person)
    judged = steps.page_chosen(session, callout, person, actor.name, now)
    if not judged.fit:
        told = Sentence(ranking.why_not(judged), name=person.name)
        raise Invalid(told, person=told)
