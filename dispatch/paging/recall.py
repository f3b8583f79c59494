"""Turning back whoever is on the way to what is cancelled, until it is sure that they know.

They are told by text and by call, at growing intervals and only so often: a phone that is off is
not rung for ever. From the first moment on the console asks that somebody ring them, until they
confirm or a dispatcher has told them; closing the incident changes nothing in that.
"""

from datetime import datetime, timedelta
from typing import Any

from dispatch.audit import ENGINE
from dispatch.db import Session
from dispatch.incidents import alarms, timeline
from dispatch.incidents.models import IncidentStatus
from dispatch.outbox import queue
from dispatch.outbox.models import Purpose
from dispatch.paging import pages, telling
from dispatch.paging.models import (
    UNFINISHED,
    Assignment,
    AssignmentStatus,
    Callout,
    PageStatus,
    Release,
)

#: After the first time; each pause is twice the one before.
_FIRST_PAUSE_SECONDS = 120


def unconfirmed(callout: Callout) -> list[Assignment]:
    """Return who may still be on the way to what is cancelled."""
    return [one for one in callout.assignments if one.status in UNFINISHED and one.cancel_told]


def tell(session: Session, callout: Callout, now: datetime) -> datetime | None:
    """Tell whoever is on the way that it is cancelled; return when to do so again.

    Who goes for what is closed as it should be is not turned back.
    """
    going = unconfirmed(callout)
    if callout.incident.status is not IncidentStatus.CLOSED:
        going = [one for one in callout.assignments if one.status in UNFINISHED]
    told = max((one.cancel_told for one in going), default=0)
    most = telling.settings(session).paging.cancel_tries
    for assignment in going:
        if told < most:
            _tell(session, assignment, now)
        else:
            _give_up(session, assignment, now)
    if not going or told >= most:
        return None
    pause = 1 if told + 1 == most else 2**told
    return now + timedelta(seconds=_FIRST_PAUSE_SECONDS * pause)


def _tell(session: Session, assignment: Assignment, now: datetime) -> None:
    callout, person = assignment.callout, assignment.person
    incident, page = callout.incident, pages.last_of(callout, person.id)
    if page is not None:
        # "You are going" that is still to leave may not reach them after this.
        queue.withdraw(session, telling.said([page]), now)
        for template in ("cancelled.sms", "cancelled.call"):
            telling.notice(session, incident, page, template, now)
    assignment.cancel_told += 1
    timeline.add(session, incident, "told_cancelled", ENGINE, now, person=person.name)
    facts = {"person": person.name, "person_id": person.id}
    alarms.raise_alarm(session, incident, "cancel_unconfirmed", now, callout.want, **facts)


def _give_up(session: Session, assignment: Assignment, now: datetime) -> None:
    """Leave it to a dispatcher alone: the console sounds once more."""
    callout, person = assignment.callout, assignment.person
    incident, want = callout.incident, callout.want
    facts: dict[str, Any] = {"person": person.name, "person_id": person.id}
    alarms.end(incident, {"cancel_unconfirmed"}, now, want, **facts)
    facts["times"] = assignment.cancel_told
    if alarms.raise_alarm(session, incident, "cancel_unheard", now, want, **facts):
        timeline.add(session, incident, "cancel_unheard", ENGINE, now, **facts)


def turned_back(session: Session, assignment: Assignment, now: datetime) -> None:
    """Take somebody off what is cancelled: they know. They may be called for it again."""
    callout, person_id = assignment.callout, assignment.person_id
    assignment.status, assignment.released_at = AssignmentStatus.RELEASED, now
    assignment.released_why = Release.CANCELLED
    alarms.end(callout.incident, alarms.TURNING_BACK, now, callout.want, person_id=person_id)
    page = pages.last_of(callout, person_id)
    if page is not None:
        page.status, page.ended_at = PageStatus.WITHDRAWN, now
        about = [f"{Purpose.NOTICE}:{page.uid}", *telling.said([page])]
        queue.withdraw(session, about, now)
