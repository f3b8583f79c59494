"""Keeps people apart in a case once it turns out that they must be: linked, passed on, taken.

Who may not go for an incident, because the case is closed to them or they go to its other side, is
asked no more in any incident of the case, and others are called at once. Whoever goes already is
never taken off: somebody waits for them, so the console asks a dispatcher. That no yes gives such a
person a seat does not rest on this: `bars` says so whenever a seat is taken.
"""

from datetime import datetime

import sqlalchemy as sa

from dispatch import logs
from dispatch.audit import ENGINE, Actor
from dispatch.db import Session
from dispatch.incidents import alarms, handling, links, timeline
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.paging import bars, callouts, handing, pages
from dispatch.paging.models import UNFINISHED, Assignment, Callout, Page

log = logs.logger(__name__)


def link(session: Session, one: Incident, other: Incident, actor: Actor, now: datetime) -> None:
    """Say that two incidents belong to one case; the caller holds the first locked.

    Raises what `links.link` raises.
    """
    # Whoever is taking a seat there just now would not be seen.
    handling.locked(session, other.id)
    links.link(session, one, other, actor, now)
    settle(session, one, now)


def settle(session: Session, incident: Incident, now: datetime) -> None:
    """Ask nobody any more who may not go; the incident is locked, the others are where they can be.

    What another transaction holds is left to it: to wait for it here could be for ever. A fault
    undoes nothing but itself: what was said or decided before stands.
    """
    session.flush()
    case = bars.others_of(session, incident)
    if not (bars.may_have_sides(incident, case) or incident.barred):
        return
    try:
        with session.begin_nested():
            _settle(session, incident, case, now)
            for incident_id in sorted(case.linked):
                held = callouts.take(session, incident_id)
                if held is not None:
                    _settle(session, held, bars.others_of(session, held), now)
    except sa.exc.OperationalError:
        # The database's own: the whole must be tried again.
        raise
    except Exception:
        log.exception("settling_failed", incident=incident.id)


def _settle(session: Session, incident: Incident, case: bars.Others, now: datetime) -> None:
    if incident.status is not IncidentStatus.OPEN:
        return
    asked_no_more = False
    for callout in callouts.of_incident(session, incident):
        if callout.cancelled_at is not None:
            continue
        beyond = bars.other_side(session, callout.want, case)
        ending = [
            page
            for page in pages.still_open(callout)
            if page.person_id in beyond
            or (page.person_id is not None and bars.is_barred(incident, page.person_id, case))
        ]
        pages.withdraw(session, callout, "over.sms", now, ending)
        for page in ending:
            _tell(session, page, page.person_id in beyond, now)
        asked_no_more = asked_no_more or bool(ending)
        for going in callout.assignments:
            if going.status in UNFINISHED:
                _ask_about(session, callout, going, going.person_id in beyond, case, now)
    if asked_no_more:
        callouts.catch_up(session, incident, now)


def _tell(session: Session, page: Page, beyond: bool, now: datetime) -> None:
    """Say why somebody is asked no more, and to whoever wanted to hand on to them, that they go."""
    name = page.person.name if page.person is not None else ""
    why = {"kind": "other_side" if beyond else "closed"}
    incident = page.callout.incident
    timeline.add(session, incident, "asked_no_more", ENGINE, now, person=name, reason=why)
    handing.refused(session, page, ENGINE, now)


def _ask_about(
    session: Session,
    callout: Callout,
    going: Assignment,
    beyond: bool,
    case: bars.Others,
    now: datetime,
) -> None:
    """Let the console ask about somebody who goes and should not, once."""
    incident, person = callout.incident, going.person
    kind = "goes_to_both" if beyond else "goes_though_closed"
    if beyond or bars.is_barred(incident, person.id, case):
        facts = {"person": person.name, "person_id": person.id}
        if alarms.raise_alarm(session, incident, kind, now, callout.want, **facts):
            timeline.add(session, incident, kind, ENGINE, now, person=person.name)
