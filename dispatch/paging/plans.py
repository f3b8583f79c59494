"""Which escalation policy a callout follows, and what it says, as values.

A policy's rows are never changed and a callout keeps its version, so a plan read once is right for
ever; it is kept, because every alert and every step asks for it. Which policy is in force is looked
up each time. What follows from a plan is for `policy` to say.
"""

import weakref
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.orm import selectinload

from dispatch.db import Session
from dispatch.paging import policy, telling
from dispatch.paging.models import Policy
from dispatch.paging.policy import Plan, Step

_IN_FORCE = (
    sa.select(Policy.id)
    .where(Policy.retired_at.is_(None))
    .where(sa.or_(Policy.team_id == sa.bindparam("team_id"), Policy.team_id.is_(None)))
    .where(sa.or_(Policy.priority == sa.bindparam("priority"), Policy.priority.is_(None)))
    .order_by(Policy.team_id.is_(None), Policy.priority.is_(None), Policy.id.desc())
    .limit(1)
)
#: A row made a moment ago may be rolled back, and its id be given to another policy.
_SETTLED = timedelta(minutes=1)
# By the engine's dialect, which lives as long as its Store: another database has other policies.
_plans: weakref.WeakKeyDictionary[Dialect, dict[int, Plan]] = weakref.WeakKeyDictionary()


def in_force(session: Session, team_id: int, priority: int) -> int:
    """Return the id of the policy in force: the team's own before the general one."""
    found = session.execute(_IN_FORCE, {"team_id": team_id, "priority": priority})
    return found.scalar_one()


def plan_of(session: Session, policy_id: int, now: datetime) -> Plan:
    """Return a policy as values; a demonstration's waits are shortened."""
    known = _plans.setdefault(session.get_bind().dialect, {})
    plan = known.get(policy_id)
    if plan is None:
        found = session.get_one(Policy, policy_id, options=[selectinload(Policy.steps)])
        plan = _read(found, telling.settings(session).demo.step_seconds)
        if found.created_at < now - _SETTLED:
            known[policy_id] = plan
    return plan


def _read(found: Policy, shorter: float) -> Plan:
    steps = tuple(
        Step(
            after_seconds=step.after_seconds,
            target=step.target,
            attempts=tuple((str(channel), float(after)) for channel, after in step.attempts),
            person_id=step.person_id,
            team_id=step.team_id,
        )
        for step in found.steps
    )
    # Never none: repeating at once would have no end, and hold up everybody's alerts.
    plan = Plan(steps, max(1, found.repeat_seconds))
    return policy.shortened(plan, shorter) if shorter else plan
