"""Which escalation policy a callout follows, and what it says, as values.

A policy's rows are never changed and a callout keeps its version, so a plan read once is right for
ever; it is kept, because every alert and every step asks for it. Which policy is in force is looked
up each time, in one statement: `policy` chooses. What follows from a plan is for `policy` to say.
"""

import functools
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.orm import selectinload

from dispatch import logs
from dispatch.db import Session
from dispatch.errors import Invalid
from dispatch.incidents.models import Want
from dispatch.paging import policy, telling
from dispatch.paging.models import Policy
from dispatch.paging.policy import DayKind, Hours, Offer, Plan, Step
from dispatch.people.models import Organisation
from dispatch.rota import holidays
from dispatch.rota.models import OwnDay

log = logs.logger(__name__)

_DAY = timedelta(days=1)
_versions = orm.aliased(Policy)
_first = (
    sa.select(sa.func.min(_versions.id))
    .where(_versions.lineage == Policy.lineage)
    .correlate(Policy)
    .scalar_subquery()
)
_IN_FORCE = (
    sa.select(
        Policy.id,
        _first.label("first_id"),
        Policy.team_id,
        Policy.category_id,
        Policy.priority,
        Policy.days,
        Policy.begins,
        Policy.ends,
        Organisation.country,
        OwnDay.on,
        OwnDay.removed,
    )
    .select_from(Policy)
    .join(Organisation, Organisation.id == sa.bindparam("organisation_id"))
    .outerjoin(
        OwnDay,
        sa.and_(
            OwnDay.organisation_id == Organisation.id,
            OwnDay.kind == holidays.Kind.PUBLIC_HOLIDAY.value,
            OwnDay.on.in_(sa.bindparam("lately", expanding=True)),
        ),
    )
    .where(Policy.retired_at.is_(None))
    .where(sa.or_(Policy.team_id == sa.bindparam("team_id"), Policy.team_id.is_(None)))
    .where(sa.or_(Policy.category_id == sa.bindparam("category_id"), Policy.category_id.is_(None)))
    .where(sa.or_(Policy.priority == sa.bindparam("priority"), Policy.priority.is_(None)))
    .order_by(Policy.id)
)
_LAST_GENERAL = (
    sa.select(Policy.id)
    .where(Policy.team_id.is_(None), Policy.category_id.is_(None), Policy.priority.is_(None))
    .order_by(Policy.id.desc())
    .limit(1)
)
#: A row made a moment ago may be rolled back, and its id be given to another policy.
_SETTLED = timedelta(minutes=1)
# By the engine's dialect, which lives as long as its Store: another database has other policies.
_plans: weakref.WeakKeyDictionary[Dialect, dict[int, Plan]] = weakref.WeakKeyDictionary()


def in_force(session: Session, want: Want, now: datetime) -> int:
    """Return the id of the policy in force for a want at `now`."""
    team, incident = want.team, want.incident
    local = now.astimezone(ZoneInfo(team.time_zone))
    # What is left of a night belongs to the day before.
    lately = [local.date(), local.date() - _DAY]
    asked = {"organisation_id": team.organisation_id, "team_id": team.id, "lately": lately}
    asked |= {"category_id": incident.category_id, "priority": incident.priority}
    rows = session.execute(_IN_FORCE, asked).all()
    if not rows:
        # Whoever took the last one away may not keep anybody from being paged.
        log.error("no_policy_in_force", team=team.key)
        return session.scalars(_LAST_GENERAL).one()
    offers = [_offer(row) for row in {row.id: row for row in rows}.values()]
    free = _holidays(rows, lately) if any(offer.hours.days for offer in offers) else frozenset()
    # A gap between two policies' hours may keep nobody from being paged.
    chosen = policy.choose(offers, local, free) or offers[0]
    return chosen.policy_id


def warm() -> None:
    """Load what knows public holidays, for most of a second that no alert must wait for."""
    _is_free("BE", date(2000, 1, 1))


def hours_of(found: Any) -> Hours:
    """Return when a policy's row says that it holds."""
    begins, ends = (time.fromisoformat(at) if at else None for at in (found.begins, found.ends))
    return Hours(frozenset(DayKind(day) for day in found.days), begins, ends)


def _offer(row: sa.Row[Any]) -> Offer:
    return Offer(
        policy_id=row.id,
        first_id=row.first_id,
        of_team=row.team_id is not None,
        of_category=row.category_id is not None,
        of_priority=row.priority is not None,
        hours=hours_of(row),
    )


def _holidays(rows: Sequence[sa.Row[Any]], days: Iterable[date]) -> frozenset[date]:
    """Return which days are public holidays: the library's, and what the organisation says."""
    country, own = rows[0].country, {row.on: not row.removed for row in rows if row.on is not None}
    return frozenset(day for day in days if own.get(day, _is_free(country, day)))


@functools.lru_cache(maxsize=64)
def _is_free(country: str, day: date) -> bool:
    try:
        found = holidays.calendar(country, day, day)
    except Invalid:
        # A country that the library does not know has the days that it adds itself.
        return False
    return holidays.Kind.PUBLIC_HOLIDAY.value in found.tags(day)


def plan_of(session: Session, policy_id: int, now: datetime) -> Plan:
    """Return a policy as values; a demonstration's waits are shortened."""
    known = _plans.setdefault(session.get_bind().dialect, {})
    plan = known.get(policy_id)
    if plan is None:
        found = session.get_one(Policy, policy_id, options=[selectinload(Policy.steps)])
        plan = played(session, as_values(found))
        if found.created_at < now - _SETTLED:
            known[policy_id] = plan
    return plan


def as_values(found: Policy) -> Plan:
    """Return what a policy's rows say."""
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
    return Plan(steps, found.repeat_seconds)


def played(session: Session, plan: Plan) -> Plan:
    """Return the plan as it is carried out: a demonstration does not wait for minutes."""
    shorter = telling.settings(session).demo.step_seconds
    # Never none: repeating at once would have no end, and hold up everybody's alerts.
    plan = replace(plan, repeat_seconds=max(1, plan.repeat_seconds))
    return policy.shortened(plan, shorter) if shorter else plan
