"""Who would be paged, and why, before anything is sent.

Asks the same people the same questions as `callouts` does at the moment of paging and writes
nothing. What it foresees holds for this moment: the rota is asked again when the alert is real.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dispatch.db import Session
from dispatch.incidents.handling import Wanted
from dispatch.incidents.models import Incident, Want
from dispatch.paging import plans
from dispatch.paging.candidates import Moment
from dispatch.paging.models import Target
from dispatch.paging.policy import Judged, Plan
from dispatch.people.models import Qualification, Team


@dataclass(frozen=True)
class Foreseen:
    """Somebody who would be paged or passed over; no name: the control room, which is rung."""

    name: str
    after_seconds: int
    fit: bool
    reason: Mapping[str, Any]


@dataclass
class Preview:
    """What would happen for one team."""

    team: Team
    people: int
    foreseen: list[Foreseen] = field(default_factory=list)
    on_duty: bool = True
    closed: bool = False
    """Outside its hours, and another team is wanted too: nobody of it is paged."""


def foresee(
    session: Session, wanted: Sequence[Wanted], priority: int, now: datetime
) -> list[Preview]:
    """Return whom each wanted team would page, in order of time."""
    return [_of_team(session, one, len(wanted) > 1, priority, now) for one in wanted]


def _of_team(
    session: Session, wanted: Wanted, others: bool, priority: int, now: datetime
) -> Preview:
    qualification_id = wanted.qualification_id
    # Never added to the session: it only carries the questions.
    want = Want(
        incident=Incident(priority=priority),
        team=wanted.team,
        team_id=wanted.team.id,
        people=wanted.people,
        qualification_id=qualification_id,
        qualification=session.get(Qualification, qualification_id) if qualification_id else None,
    )
    moment = Moment(session, want, now)
    preview = Preview(wanted.team, wanted.people, on_duty=bool(moment.present.turns))
    if not (preview.on_duty or moment.present.expected or wanted.by) and others:
        preview.closed = True
        return preview
    plan = plans.plan_of(session, plans.in_force(session, wanted.team.id, priority), now)
    _walk(preview, moment, plan)
    return preview


def _walk(preview: Preview, moment: Moment, plan: Plan) -> None:
    """Go through the steps: while nobody is being paged, the next one is taken at once."""
    seen: set[int] = set()

    def add(found: Sequence[Judged], after: float) -> None:
        for judged in found:
            if judged.candidate.person_id not in seen:
                seen.add(judged.candidate.person_id)
                name = judged.candidate.name
                preview.foreseen.append(Foreseen(name, round(after), judged.fit, judged.reason))

    if not preview.on_duty:
        add(moment.nobody_on_duty(), 0)
    for step in plan.steps:
        paging = any(one.fit and one.name for one in preview.foreseen)
        after = step.after_seconds if paging else 0
        if step.target is Target.CONTROL_ROOM:
            reason = {"kind": "control_room"}
            preview.foreseen.append(Foreseen("", round(after), True, reason))
        else:
            add(moment.for_step(step), after)
    if not any(one.fit and one.name for one in preview.foreseen):
        best = moment.best(())
        if best is not None:
            seen.discard(best.candidate.person_id)
            add([best], 0)
