"""Escalation policies as rows: begun from the catalogue, checked before they are trusted."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.paging.models import NobodyOnDuty, Policy, PolicyStep, Target
from dispatch.people.models import Team


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
        if any(not step.attempts for step in policy.steps):
            yield f"Policy {policy.name}: a step tries nobody by any channel."
    listed = set(session.scalars(sa.select(NobodyOnDuty.team_id)))
    for team in session.scalars(sa.select(Team).order_by(Team.id)):
        if team.id not in listed:
            yield f"Team {team.key}: its nobody-on-duty list is empty."
