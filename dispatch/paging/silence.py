"""Asking after whoever goes and is not heard of: on the way yet, there yet, all well.

Silence after a yes never replaces anybody by itself: the console asks a dispatcher, who rings and
keys what was said. Whoever is on scene may be alone with somebody in distress: where the
organisation chose so they are asked by text whether all is well, and no answer, or a no, sounds on
the console until somebody knows. Any sign of life begins the waiting anew.

When to look next is decided from values alone and kept with the seat, so that no restart forgets
it; the callout is due then, although nobody is paged.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatch import audit
from dispatch.audit import ENGINE, Actor
from dispatch.db import Session
from dispatch.incidents import alarms, timeline
from dispatch.incidents.models import ResponseMode
from dispatch.paging import pages, telling
from dispatch.paging.models import UNFINISHED, Assignment, AssignmentStatus, Callout

#: Whoever is on the way and named no time is asked after when so many waits have passed.
_WAITS_UNTIL_THERE = 4
#: How long somebody on scene has to answer.
_ANSWER = timedelta(minutes=5)
#: What the console asks; over with the next sign of life.
ASKED = frozenset({"silent", "not_there", "welfare", "not_well", "hand_on_refused"})
ASKED |= {"nobody_takes_over"}


@dataclass(frozen=True)
class Waits:
    """How long to wait for a sign of life."""

    silent: timedelta
    welfare: timedelta | None = None
    """On scene; None: nobody is asked there."""


def look_at(
    status: AssignmentStatus,
    heard_at: datetime,
    expected_at: datetime | None,
    agreed_at: datetime | None,
    waits: Waits,
) -> datetime | None:
    """Return when to ask after somebody heard of at `heard_at`; None: nothing is to be asked.

    `expected_at` is when they said to be there, `agreed_at` the appointment, if it is one.
    """
    if status is AssignmentStatus.ACCEPTED:
        return max(at for at in (heard_at + waits.silent, expected_at, agreed_at) if at is not None)
    if status is AssignmentStatus.ON_THE_WAY:
        if expected_at is not None:
            return max(heard_at, expected_at) + waits.silent
        return heard_at + _WAITS_UNTIL_THERE * waits.silent
    if status is AssignmentStatus.ON_SCENE and waits.welfare is not None:
        return heard_at + waits.welfare
    return None


def waits_of(session: Session, callout: Callout) -> Waits:
    """Return how long a callout waits for a sign of life of whoever goes."""
    incident, chosen = callout.incident, telling.settings(session).paging
    own = incident.category.silent_minutes if incident.category is not None else None
    home = incident.organisation
    asks = home.welfare_minutes > 0 and incident.priority <= home.welfare_priority
    return Waits(
        timedelta(minutes=own or chosen.silent_minutes),
        timedelta(minutes=home.welfare_minutes) if asks else None,
    )


def heard(session: Session, assignment: Assignment, now: datetime) -> None:
    """Note a sign of life: what was asked is answered, and the waiting begins anew."""
    callout = assignment.callout
    assignment.welfare_asked_at = None
    _over(assignment, now)
    assignment.ask_at = _next_look(session, assignment, now)
    _keep_due(callout)


def _next_look(session: Session, assignment: Assignment, now: datetime) -> datetime | None:
    callout, incident = assignment.callout, assignment.callout.incident
    open_ended = incident.response_mode is ResponseMode.APPOINTMENT and not incident.appointment_at
    if open_ended and assignment.status is AssignmentStatus.ACCEPTED:
        # They make the appointment themselves: nothing is late before it.
        return None
    return look_at(
        assignment.status,
        now,
        assignment.expected_at,
        incident.appointment_at,
        waits_of(session, callout),
    )


def no_more(assignment: Assignment, now: datetime) -> None:
    """Ask nothing of somebody any more: they do not go."""
    assignment.ask_at = assignment.welfare_asked_at = None
    _over(assignment, now, ASKED | alarms.MUST_NOT_GO)


def _over(assignment: Assignment, now: datetime, kinds: Collection[str] = ASKED) -> None:
    callout = assignment.callout
    alarms.end(callout.incident, kinds, now, callout.want, person_id=assignment.person_id)


def next_at(callout: Callout) -> datetime | None:
    """Return when to look after whoever goes for a callout."""
    return min((one.ask_at for one in callout.assignments if one.ask_at is not None), default=None)


def _keep_due(callout: Callout) -> None:
    """Let an engine look in time; what comes sooner for another reason, asking on, stays."""
    if callout.cancelled_at is None:
        instants = next_at(callout), callout.due_at
        callout.due_at = min((at for at in instants if at is not None), default=None)


def look(session: Session, callout: Callout, now: datetime) -> None:
    """Ask after whoever has not been heard of for too long."""
    for assignment in callout.assignments:
        if assignment.ask_at is not None and assignment.ask_at <= now:
            _ask(session, assignment, now)


def _ask(session: Session, assignment: Assignment, now: datetime) -> None:
    callout, person = assignment.callout, assignment.person
    assignment.ask_at = None
    if assignment.status not in UNFINISHED:
        return
    if assignment.status is not AssignmentStatus.ON_SCENE:
        # Asked again after another wait: whoever has seen it may not have reached them.
        assignment.ask_at = now + waits_of(session, callout).silent
        not_yet = assignment.status is AssignmentStatus.ACCEPTED
        _sound(session, assignment, "silent" if not_yet else "not_there", now)
    elif assignment.welfare_asked_at is None:
        assignment.welfare_asked_at, assignment.ask_at = now, now + _ANSWER
        page = pages.last_of(callout, person.id)
        if page is not None:
            telling.notice(session, callout.incident, page, "welfare.sms", now)
        incident = callout.incident
        timeline.add(session, incident, "welfare_asked", ENGINE, now, person=person.name)
    else:
        _sound(session, assignment, "welfare", now)


def _sound(session: Session, assignment: Assignment, kind: str, now: datetime) -> None:
    incident, person = assignment.callout.incident, assignment.person
    facts = {"person": person.name, "person_id": person.id}
    if alarms.raise_alarm(session, incident, kind, now, assignment.callout.want, **facts):
        timeline.add(session, incident, kind, ENGINE, now, person=person.name)


def answered(
    session: Session, assignment: Assignment, well: bool, actor: Actor, now: datetime
) -> bool:
    """Take the answer to whether all is well; False when that was not asked.

    A no is never taken for giving up: it sounds on the console until somebody has rung.
    """
    if assignment.welfare_asked_at is None:
        return False
    incident, person = assignment.callout.incident, assignment.person
    if well:
        heard(session, assignment, now)
        timeline.add(session, incident, "welfare_well", actor, now, person=person.name)
    else:
        assignment.ask_at = None
        _sound(session, assignment, "not_well", now)
    return True


def spoken_to(session: Session, assignment: Assignment, actor: Actor, now: datetime) -> None:
    """Note that a dispatcher has spoken to somebody who goes: all is well with them."""
    incident, person = assignment.callout.incident, assignment.person
    heard(session, assignment, now)
    timeline.add(session, incident, "spoken_to", actor, now, person=person.name, by=actor.name)
    facts = {"person": person.id}
    subject = f"incident:{incident.reference}"
    audit.record(session, actor, "assignment.spoken_to", subject, facts, now)
