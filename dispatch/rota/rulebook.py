"""The rules that hold for a team: a preset, what was changed of it, and who serves with whom.

A rule of the organisation's own replaces the preset's of the same key, one of the team's own
replaces both; switched off it takes them out. What each kind of rule means is for `problem`.
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.people.models import Team
from dispatch.rota import ground, presets, record
from dispatch.rota import problem as planned
from dispatch.rota.models import OwnRule, Pairing, PairingKind
from dispatch.rota.presets import Row
from dispatch.rota.problem import Rule
from dispatch.rota.terms import terms_of
from dispatch.settings import Settings

#: No rest, run or succession looks further back than this, or further ahead.
_LEAST_REACH, _LEAST_AHEAD = 35, 14


def rules_of(session: Session, team: Team, first: date, last: date) -> tuple[Rule, ...]:
    """Return every rule that holds for a team on some days."""
    own = presets.rules_from(rows_of(session, team))
    return (*own, *_pairings(ground.pairings_of(session, team, first, last)))


def rows_of(session: Session, team: Team) -> list[Row]:
    """Return a team's rules as rows, those that are switched off too, in order."""
    query = (
        sa.select(OwnRule)
        .where(OwnRule.organisation_id == team.organisation_id)
        .where(sa.or_(OwnRule.team_id == team.id, OwnRule.team_id.is_(None)))
        .order_by(OwnRule.team_id.is_not(None), OwnRule.id)
    )
    return presets.combined(_preset(session, team), map(_row, session.scalars(query)))


def set_rule(
    session: Session,
    team: Team,
    key: str,
    kind: str,
    numbers: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    *,
    weight: int | None = None,
    source: str = "",
    off: bool = False,
    everywhere: bool = False,
) -> OwnRule:
    """Let a rule hold for a team, or for every team of its organisation; none: hard.

    Raises Invalid naming each number that cannot be used.
    """
    team_id = None if everywhere else team.id
    query = sa.select(OwnRule).where(
        OwnRule.organisation_id == team.organisation_id, OwnRule.key == key
    )
    here = OwnRule.team_id.is_(None) if everywhere else OwnRule.team_id == team_id
    row = session.scalars(query.where(here)).one_or_none()
    if row is None:
        row = OwnRule(organisation_id=team.organisation_id, team_id=team_id, key=key)
    row.kind, row.numbers, row.weight = kind, dict(numbers), weight
    row.source, row.off = source, off
    presets.rules_from([_row(row)])
    session.add(row)
    session.flush()
    facts = {"kind": kind, "numbers": dict(numbers), "weight": weight, "off": off}
    record.note(session, team, actor, "rule.set", f"rule:{key}", facts, now)
    return row


def _preset(session: Session, team: Team) -> Sequence[Row]:
    settings: Settings = session.info["settings"]
    known = _presets(settings.config_dir)
    chosen = known.get(terms_of(session, team).preset)
    return () if chosen is None else chosen


@functools.cache
def _presets(config: Path) -> dict[str, Sequence[Row]]:
    found = presets.presets(config, "rules")
    return {key: preset.document.get("rules", ()) for key, preset in found.items()}


def _row(own: OwnRule) -> Row:
    row = {"key": own.key, "kind": own.kind, "numbers": own.numbers, "off": own.off}
    row |= {"weight": own.weight} if own.weight is not None else {}
    return row | ({"source": own.source} if own.source else {})


def reach(rules: Iterable[Rule], first: date) -> int:
    """Return how many days before the first one a rule may look at."""
    days = [_LEAST_REACH]
    for rule in rules:
        if isinstance(rule, planned.Limit):
            calendar = {"month": 31, "year": (first - first.replace(month=1, day=1)).days}
            period = rule.period
            days.append(period if isinstance(period, int) else calendar.get(period, 0))
        elif isinstance(rule, planned.WeekendsInARow):
            days.append(7 * (rule.most + 2))
        elif isinstance(rule, planned.Run):
            days.append((rule.most or 0) + rule.least + 2)
    return max(days)


def ahead(rules: Iterable[Rule], last: date) -> int:
    """Return how many days after the last one a rule may look at."""
    days = [_LEAST_AHEAD]
    for rule in rules:
        if isinstance(rule, planned.Limit) and isinstance(rule.period, int):
            days.append(rule.period)
        elif isinstance(rule, planned.Limit) and rule.period in _ENDS:
            days.append((_ENDS[str(rule.period)](last) - last).days)
        elif isinstance(rule, planned.WeekendsInARow):
            days.append(7 * (rule.most + 2))
        elif isinstance(rule, planned.Run):
            days.append((rule.most or 0) + rule.least + 2)
    return max(days)


def _month_ends(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)


_ENDS: Mapping[object, Callable[[date], date]] = {
    "month": _month_ends,
    "year": lambda day: day.replace(month=12, day=31),
}


def _pairings(rows: Iterable[Pairing]) -> Iterable[Rule]:
    mentors: dict[int, list[Pairing]] = defaultdict(list)
    for row in rows:
        key, pair = f"pairing-{row.id}", (row.first_id, row.second_id)
        if row.kind is PairingKind.APART:
            yield planned.Apart(key=key, weight=row.weight, pair=pair)
        elif row.kind is PairingKind.TOGETHER:
            yield planned.Together(key=key, weight=row.weight, pair=pair)
        else:
            mentors[row.first_id].append(row)
    for trainee, several in mentors.items():
        weights = [row.weight for row in several]
        yield planned.Mentored(
            key=f"mentor-{trainee}",
            weight=None if None in weights else max(w for w in weights if w is not None),
            trainee=trainee,
            mentors=frozenset(row.second_id for row in several),
        )
