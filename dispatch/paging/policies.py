"""Escalation policies and nobody-on-duty lists as rows, checked before they are trusted.

Policies begin from the catalogue, a list with the team. `faults` says by which of them a page would
end in silence; what a step does is left to `policy`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch import audit
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.paging.candidates import channels_of
from dispatch.paging.models import NobodyOnDuty, Policy, PolicyStep, Target
from dispatch.people import phones
from dispatch.people.models import Person, Team


def install(session: Session, catalogue: Mapping[str, Any], now: datetime) -> None:
    """Add the policies of the catalogue if there are none at all."""
    if session.scalars(sa.select(Policy.id).limit(1)).first() is not None:
        return
    for entry in catalogue["policy"]:
        steps = [
            PolicyStep(
                position=position,
                after_seconds=step["after_seconds"],
                target=Target(step["target"]),
                attempts=step["attempts"],
            )
            for position, step in enumerate(entry["steps"])
        ]
        session.add(
            Policy(
                name=entry["name"],
                priority=entry.get("priority"),
                repeat_seconds=entry["repeat_seconds"],
                created_at=now,
                steps=steps,
            )
        )
    session.flush()


def list_for_nobody_on_duty(
    session: Session, team: Team, person: Person, actor: Actor, now: datetime
) -> None:
    """Page somebody, after those listed before, when nobody of a team is on duty."""
    query = sa.select(NobodyOnDuty.position).where(NobodyOnDuty.team_id == team.id)
    position = max(session.scalars(query), default=-1) + 1
    session.add(NobodyOnDuty(team_id=team.id, person_id=person.id, position=position))
    session.flush()
    facts = {"person": person.id}
    audit.record(session, actor, "nobody_on_duty.listed", f"team:{team.id}", facts, now)


def faults(session: Session) -> Iterator[str]:
    """Name every policy or team by which a page could end in silence."""
    query = sa.select(Policy).where(Policy.retired_at.is_(None))
    policies = session.scalars(query).all()
    if not any(p.team_id is None and p.priority is None for p in policies):
        yield "No escalation policy is for every team and priority."
    for policy in policies:
        people = [step for step in policy.steps if step.target is not Target.CONTROL_ROOM]
        if not policy.steps or policy.steps[-1].target is Target.CONTROL_ROOM or not people:
            yield f"Policy {policy.name}: its last step must add people."
        if policy.repeat_seconds < 1:
            yield f"Policy {policy.name}: it must be repeated after a second or more."
        waits = [step.after_seconds for step in policy.steps]
        if waits != sorted(waits):
            yield f"Policy {policy.name}: a step comes before the one that it follows."
        if any(not step.attempts for step in policy.steps):
            yield f"Policy {policy.name}: a step tries nobody by any channel."
    listed: dict[int, list[int]] = {}
    for row in session.scalars(sa.select(NobodyOnDuty)):
        listed.setdefault(row.team_id, []).append(row.person_id)
    methods = phones.reachable(session, [one for ids in listed.values() for one in ids])
    for team in session.scalars(sa.select(Team).order_by(Team.id)):
        if team.id not in listed:
            yield f"Team {team.key}: its nobody-on-duty list is empty."
        elif not any(channels_of(methods[one]) for one in listed[team.id]):
            yield f"Team {team.key}: nobody on its nobody-on-duty list has a confirmed telephone."
