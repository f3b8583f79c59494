"""What an update of the report means for those who are called and those who go.

While nobody has accepted, whoever must go is decided anew; what a person decided meanwhile stays:
who was chosen by hand is chosen still. Afterwards an update informs, and never removes anybody:
the dispatcher is asked.
"""

from collections.abc import Sequence
from datetime import datetime

from dispatch.audit import ENGINE, Actor
from dispatch.db import Session
from dispatch.incidents import alarms, handling, timeline
from dispatch.incidents.handling import Change
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.paging import callouts, candidates, pages, steps, telling
from dispatch.paging.models import UNFINISHED, Assignment, Callout


def follow(
    session: Session, incident: Incident, change: Change, actor: Actor, now: datetime
) -> Sequence[Callout]:
    """Act on an update: page anew while nobody has accepted, else inform whoever goes."""
    held = callouts.of_incident(session, incident)
    going = [one for callout in held for one in callouts.active_assignments(callout)]
    if incident.status is not IncidentStatus.OPEN:
        return callouts.advance(session, incident, now)
    _add_flagged(session, incident, change, actor, now)
    if not change.material:
        return callouts.advance(session, incident, now)
    if not going and change.routing is not None:
        handling.restate_wants(session, incident, change.routing, now)
        timeline.add(session, incident, "repaged", actor, now)
        for callout in held:
            # Who is wanted no more is told so by advancing; the others get another text at once.
            if callout.want.ended_at is None:
                _page_anew(session, callout, now)
        return callouts.advance(session, incident, now)
    for assignment in going:
        _inform(session, incident, assignment, now)
        _warn_if_lacking(session, incident, change, assignment, now)
    return callouts.advance(session, incident, now)


def _add_flagged(
    session: Session, incident: Incident, change: Change, actor: Actor, now: datetime
) -> None:
    """Call whom a flag wants that was not there before, whoever goes already: children are there.

    Of a team that was stood down nobody is called again: a person decided that.
    """
    held = {want.team_id for want in incident.wants}
    for wanted in change.routing.wants if change.routing is not None else ():
        if wanted.flag and wanted.team.id not in held:
            incident.wants.append(wanted.row())
            team, flag = wanted.team.name, wanted.flag
            timeline.add(session, incident, "flag_wants", actor, now, team=team, flag=flag)
    session.flush()


def _page_anew(session: Session, callout: Callout, now: datetime) -> None:
    chosen = [one for one in pages.still_open(callout) if one.reason.get("kind") == "by_hand"]
    pages.withdraw(session, callout, "", now)
    callouts.begin_anew(session, callout, now)
    # One open page for each person: the old ones are ended before there are new ones.
    session.flush()
    for page in chosen:
        if page.person is not None:
            steps.page_chosen(session, callout, page.person, page.reason["by"], now)


def _inform(session: Session, incident: Incident, going: Assignment, now: datetime) -> None:
    page = pages.last_of(going.callout, going.person_id)
    if going.status in UNFINISHED and page is not None:
        telling.notice(session, incident, page, "updated.sms", now)
        timeline.add(session, incident, "told_update", ENGINE, now, person=going.person.name)


def _warn_if_lacking(
    session: Session, incident: Incident, change: Change, assignment: Assignment, now: datetime
) -> None:
    """A correction never removes somebody who goes: the dispatcher is asked."""
    for wanted in change.routing.wants if change.routing is not None else ():
        if wanted.team.id != assignment.callout.want.team_id or wanted.qualification_id is None:
            continue
        lacking = candidates.lacking(
            session, wanted.qualification_id, wanted.team, assignment.person_id, now
        )
        if lacking is not None:
            timeline.add(
                session,
                incident,
                "correction_lacks",
                ENGINE,
                now,
                person=assignment.person.name,
                qualification=lacking,
            )
            alarms.raise_alarm(
                session,
                incident,
                "correction",
                now,
                assignment.callout.want,
                person=assignment.person.name,
                qualification=dict(lacking),
            )
