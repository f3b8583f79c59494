"""Runs of the planner that are measured, and what is said of a plan."""

import resource
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dispatch.clock import monotonic
from dispatch.rota import rules
from dispatch.rota.problem import Breach, Fair, Measure, Need, Past, Point, Problem, Seat


@dataclass(frozen=True)
class Run:
    """What came of some work, and what it took."""

    result: Any
    seconds: float
    processor: float
    """Seconds of processors, of this process and of those it waited for."""
    megabytes: int
    """Memory of the largest process that was waited for so far."""


def measured(work: Callable[[], Any]) -> Run:
    """Do work and measure it."""
    began, before = monotonic(), _processor()
    result = work()
    seconds, processor = monotonic() - began, _processor() - before
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return Run(result, seconds, processor, largest)


def _processor() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))


def best_by(curve: Sequence[Point], seconds: float) -> int | None:
    """Return what the best plan cost that was found within a time."""
    costs = [point.cost for point in curve if point.seconds <= seconds]
    return min((cost for cost in costs if cost is not None), default=None)


def percent(cost: int | None, best: int) -> str:
    """Return how far a cost lies above the best one."""
    return "" if cost is None else f"{(cost - best) / best:+.1%}"


def spread(problem: Problem, fair: Fair, seats: Iterable[Seat]) -> float:
    """Return how far the luckiest lies from the unluckiest, each against their own target."""
    mine: dict[int, list[Need]] = {person: [] for person in fair.targets}
    for need, person in seats:
        if fair.only.takes(problem.needs[need]):
            mine[person].append(problem.needs[need])
    off = [_count(fair.of, mine[person]) - target for person, target in fair.targets.items()]
    return max(off) - min(off)


def _count(of: Measure, needs: Iterable[Need | Past]) -> int:
    if of is Measure.WEEKENDS:
        return len({day for need in needs for day in need.weekends})
    if of is Measure.TURNS:
        return len({(need.line, need.block or need.starts_at) for need in needs})
    return len({day for need in needs for day in need.days})


def wishes_met(problem: Problem, seats: frozenset[Seat], *, wanted: bool) -> str:
    """Return how many wishes of one kind are met, of how many."""
    asked = [wish for wish in problem.wishes if wish.wanted == wanted]
    met = sum(any((need, wish.person) in seats for need in wish.needs) == wanted for wish in asked)
    return f"{met} of {len(asked)}"


def breaches(problem: Problem, seats: frozenset[Seat]) -> dict[str, int]:
    """Return how often a plan breaks each hard rule, by the checker."""
    found: dict[str, int] = {}
    for breach in rules.hard(rules.check(problem, seats)):
        found[breach.key] = found.get(breach.key, 0) + _amount(breach)
    return found


def _amount(breach: Breach) -> int:
    return breach.amount
