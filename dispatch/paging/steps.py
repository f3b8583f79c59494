"""Whom the steps of a policy add, and what is said when they add nobody.

A step is asked of the rota at its moment; who comes on duty after it was taken is added as well, at
the hand-over. Nobody is paged twice for one call-out unless their page was called off meanwhile.
When which step is due is left to `policy`, what follows when nobody is left to `callouts`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from dispatch.audit import ENGINE
from dispatch.db import Session
from dispatch.incidents import alarms, timeline
from dispatch.paging import candidates, handing, pages, plans, policy, ranking
from dispatch.paging.candidates import Asked, Moment
from dispatch.paging.models import Callout, PageStatus, Target
from dispatch.paging.policy import Attempt, Plan, Step
from dispatch.paging.ranking import GIVES_WAY, Judged
from dispatch.people.models import Person


def being_tried(callout: Callout, moment: Moment) -> int:
    """How many are being tried; who has no channel left can no longer be.

    Whoever is asked to take over from somebody who goes fills no free seat.
    """
    open_ = [page for page in pages.still_open(callout) if not handing.may_free(page)]
    ids = [page.person_id for page in open_ if page.person_id is not None]
    methods = moment.methods(ids)
    return sum(bool(candidates.channels_of(methods[person_id])) for person_id in ids)


def take(session: Session, callout: Callout, step: Step, moment: Moment) -> None:
    """Add whom a step adds, and say so where that is nobody."""
    callout.step += 1
    if step.target is Target.CONTROL_ROOM:
        pages.ring_control_room(session, callout, step.attempts, moment.now)
        return
    gaps = _tell_gaps(session, callout, step, moment)
    found = whom(callout, step, moment)
    came = page_found(session, callout, found, step.attempts, moment.now)
    if came and step.target in OFF_DUTY and _lacks_on_duty(callout):
        incident, team = callout.incident, callout.want.team.name
        timeline.add(session, incident, "untrained_on_duty", ENGINE, moment.now, team=team)
        alarms.raise_alarm(session, incident, "untrained_on_duty", moment.now, callout.want)
    if not came and not gaps:
        asked = [one.candidate.name for one in found if _was_asked(callout, one)]
        facts = {"team": callout.want.team.name, "asked": ", ".join(asked)}
        kind = "asked_already" if asked else "adds_nobody"
        timeline.add(session, callout.incident, kind, ENGINE, moment.now, **facts)


def take_due(session: Session, callout: Callout, plan: Plan, moment: Moment, missing: int) -> None:
    """Take the steps whose time has come, and more while fewer are being tried than are missing."""
    for step in policy.due_steps(plan, callout.step, callout.began_at, moment.now):
        take(session, callout, step, moment)
    for step in plan.steps[callout.step :]:
        if not policy.hurries(step, being_tried(callout, moment), missing):
            break
        take(session, callout, step, moment)


def whom(callout: Callout, step: Step, moment: Moment) -> Sequence[Judged]:
    """Return whom a step adds, judged, after what has come of the callout until now."""
    return moment.for_step(step, _asked(callout))


def _asked(callout: Callout) -> Asked:
    if not callout.pages:
        return Asked()
    known = [(one.person_id, one) for one in callout.pages if one.person_id is not None]
    people = (one for one, page in known if page.status is not PageStatus.SKIPPED)
    gave_way = (one for one, page in known if page.reason.get("kind") == GIVES_WAY)
    return Asked(frozenset(people), frozenset(gave_way))


def _tell_gaps(session: Session, callout: Callout, step: Step, moment: Moment) -> bool:
    """Say which lines that a step asks nobody is on; return whether there is one."""
    gaps = [gap for gap in moment.gaps if gap.line_key == step.target]
    for gap in gaps:
        facts: dict[str, Any] = {"line": gap.line_name, "absent": gap.absent}
        facts["team"] = callout.want.team.name
        timeline.add(session, callout.incident, "gap", ENGINE, moment.now, **facts)
    return bool(gaps)


def _was_asked(callout: Callout, judged: Judged) -> bool:
    last = pages.last_of(callout, judged.candidate.person_id)
    return last is not None and last.status is not PageStatus.SKIPPED


#: Kinds of reasons of whoever is passed over because they are away.
AWAY = ("away", "away_until")
#: Targets that mean people who are not on duty in the team.
OFF_DUTY = (Target.EVERYONE, Target.PERSON, Target.TEAM)


def _lacks_on_duty(callout: Callout) -> bool:
    return ranking.lacks_on_duty(
        (page.status is not PageStatus.SKIPPED, page.reason) for page in callout.pages
    )


#: Targets that mean whoever is on duty just then.
_BY_DUTY = (Target.PRIMARY, Target.BACKUP, Target.TEAM)


def page_newcomers(session: Session, callout: Callout, plan: Plan, moment: Moment) -> None:
    """Page whoever has come on duty since their step was taken: the next repeat may be far."""
    for step in plan.steps[: callout.step]:
        if step.target in _BY_DUTY:
            page_found(session, callout, whom(callout, step, moment), step.attempts, moment.now)


def page_away(session: Session, callout: Callout, plan: Plan, moment: Moment) -> None:
    """Page whoever was passed over as away: the steps add nobody else, and leave may be a slip."""
    seen = {page.person_id for page in callout.pages if page.status is not PageStatus.SKIPPED}
    away = [page.person_id for page in callout.pages if page.reason.get("kind") in AWAY]
    left = [person_id for person_id in dict.fromkeys(away) if person_id not in seen]
    if not left:
        return
    found = moment.although_away([session.get_one(Person, person_id) for person_id in left])
    if page_found(session, callout, found, policy.usual_attempts(plan), moment.now):
        incident, team = callout.incident, callout.want.team.name
        timeline.add(session, incident, "only_away", ENGINE, moment.now, team=team)
        alarms.raise_alarm(session, incident, "only_away", moment.now, callout.want)


def note_duty(callout: Callout, moment: Moment) -> None:
    """Keep when the rota must be looked at again, if it was looked at now."""
    known = [at for at in (callout.duty_until, moment.duty_until) if at and at > moment.now]
    callout.duty_until = min(known, default=None)


def page_found(
    session: Session,
    callout: Callout,
    found: Iterable[Judged],
    attempts: Sequence[Attempt],
    now: datetime,
) -> bool:
    """Page whoever is found, as far as they were not; return whether anything came of it."""
    came = False
    seen = {page.person_id for page in callout.pages if page.status is not PageStatus.SKIPPED}
    passed_over = {p.person_id for p in callout.pages if p.status is PageStatus.SKIPPED}
    for judged in found:
        person_id = judged.candidate.person_id
        if person_id in seen and not _may_page_again(callout, person_id):
            continue
        if judged.fit:
            pages.add(session, callout, judged, attempts, now)
            came = True
        elif person_id not in passed_over:
            pages.pass_over(session, callout, judged, now)
            came = True
    return came


def _may_page_again(callout: Callout, person_id: int) -> bool:
    """Only somebody whose page ended because the callout was filled or began anew."""
    last = pages.last_of(callout, person_id)
    return last is not None and last.status is PageStatus.WITHDRAWN


def page_chosen(
    session: Session, callout: Callout, person: Person, by: str, now: datetime
) -> Judged:
    """Page somebody whom a dispatcher chose, however trained, and may; return how they are judged.

    Not fit is only whoever has no telephone, and to whom the case is closed.
    """
    judged = Moment(session, callout.want, now).by_hand(person, by)
    if judged.fit:
        plan = plans.plan_of(session, callout.policy_id, now)
        pages.add(session, callout, judged, policy.usual_attempts(plan), now)
    return judged
