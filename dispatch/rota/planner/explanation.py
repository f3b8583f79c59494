"""Why a period cannot be covered, as values: what cannot all hold, and the ways out.

Nothing here is prose: rule keys, people, needs, days and numbers, from which whoever shows it
builds sentences.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from dispatch.rota.planner.terms import Source
from dispatch.rota.problem import (
    FreeRun,
    Limit,
    Measure,
    NotAll,
    Problem,
    Rest,
    Rule,
    Run,
    Succession,
    WeekendsInARow,
    WeeklyRest,
)

Fact = str | int | float


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule or a fact."""

    key: str
    """The rule's key; or cover, skill, away, unit, line, locked, overlap."""
    person: int | None = None
    needs: tuple[int, ...] = ()
    days: tuple[date, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shortage:
    """Counting alone shows it: more is wanted than all together can give."""

    key: str
    """What limits people: a rule's key, overlap, or cover where the needs alone are too many."""
    needs: tuple[int, ...]
    days: tuple[date, ...]
    of: str
    """What is counted: turns, days, minutes, weekends."""
    wanted: int
    available: int
    qualification: str | None = None
    """Counted are only those who hold it."""
    people: tuple[int, ...] = ()
    """Who can take any of it."""
    away: tuple[int, ...] = ()
    """Who could, but is away for all of it."""


@dataclass(frozen=True, slots=True)
class WayOut:
    """What to let go of so that all else holds."""

    gives_up: tuple[Reason, ...]
    cost: int
    """How much that is, against other ways; no part of a plan's cost."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a period cannot be covered."""

    possible: bool | None = None
    """True: it can; None: that is not known."""
    shortages: tuple[Shortage, ...] = ()
    reasons: tuple[Reason, ...] = ()
    """The smallest set found of rules and facts that cannot all hold; without any, none was."""
    smallest: bool = False
    """Whether it is proven that all of the reasons are needed."""
    families: tuple[str, ...] = ()
    """Keys of the rules that cannot all hold."""
    ways: tuple[WayOut, ...] = ()
    """The cheapest first."""
    proven: bool = False
    """Whether nothing is cheaper than the first way."""
    days: tuple[date, ...] = ()
    """The days that lack people to which the ways out are; none: to all of them."""
    remaining: int = 0
    """Conflicts on other days, which no way out speaks of."""
    seconds: float = 0.0


def reason(problem: Problem, source: Source, amount: int = 1) -> Reason:
    """Return what a term says, with the numbers that a sentence needs."""
    rule = next((rule for rule in problem.rules if rule.key == source.key), None)
    days = tuple(sorted({problem.needs[need].days[0] for need in source.needs}))
    if not days and source.day is not None:
        days = (source.day,)
    facts = _facts(problem, source) if rule is None else _facts_of_rule(rule)
    return Reason(source.key, source.person, source.needs, days, {"amount": amount, **facts})


def _facts(problem: Problem, source: Source) -> dict[str, Fact]:
    need = problem.needs[source.needs[0]] if source.needs else None
    if need is None:
        return {}
    if source.key == "away":
        officer = next(one for one in problem.people if one.id == source.person)
        starts, ends = need.starts_at.timestamp(), need.ends_at.timestamp()
        reasons = [
            away.reason
            for away in officer.away
            if away.starts_at.timestamp() < ends and starts < away.ends_at.timestamp()
        ]
        return {"reason": reasons[0]} if reasons else {}
    if source.key == "unit":
        return {"unit": need.unit or ""}
    if source.key == "cover":
        return {"wanted": need.wanted, "line": need.line}
    if source.key == "skill" and source.qualification is not None:
        return {"qualification": source.qualification}
    return {"line": need.line} if source.key == "line" else {}


def _facts_of_rule(rule: Rule) -> dict[str, Fact]:
    """Return the numbers of a rule."""
    facts: dict[str, Fact | None] = {}
    match rule:
        case Rest():
            facts = {"minutes": rule.minutes}
        case WeeklyRest():
            facts = {"minutes": rule.minutes, "days": rule.days}
        case Run():
            facts = {"least": rule.least, "most": rule.most}
        case FreeRun():
            facts = {"least": rule.least}
        case Limit():
            facts = {"of": rule.of.value, "period": rule.period}
            facts |= {"least": rule.least, "most": rule.most}
        case WeekendsInARow() | NotAll():
            facts = {"most": rule.most}
        case Succession():
            facts = {"first": rule.first, "then": rule.then}
    return {name: fact for name, fact in facts.items() if fact is not None}


def measure_of(rule: Rule | None) -> Measure:
    """Return what a rule counts."""
    if isinstance(rule, Limit):
        return rule.of
    return Measure.WEEKENDS if isinstance(rule, WeekendsInARow) else Measure.TURNS
