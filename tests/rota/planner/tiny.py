"""Problems small enough to try every plan of."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from dispatch.rota import problem as p
from dispatch.rota import rules
from dispatch.rota.planner.cpsat import Solver
from dispatch.rota.planner.process import Options
from dispatch.rota.planner.search import run


def cut(problem: p.Problem, count: int) -> p.Problem:
    """Return a problem with its first needs only."""
    kept = frozenset(range(min(count, len(problem.needs))))
    return replace(
        problem,
        needs=tuple(need for need in problem.needs if need.id in kept),
        rules=tuple(
            replace(rule, needs=rule.needs & kept) if isinstance(rule, p.NotAll) else rule
            for rule in problem.rules
        ),
        wishes=tuple(
            replace(wish, needs=wish.needs & kept) for wish in problem.wishes if wish.needs & kept
        ),
        locked={seat: lock for seat, lock in problem.locked.items() if seat[0] in kept},
        stays={seat: cost for seat, cost in problem.stays.items() if seat[0] in kept},
        present=frozenset(seat for seat in problem.present if seat[0] in kept),
    )


def searched(problem: p.Problem, **options: object) -> p.Proposal:
    """Return what the search finds, without a process of its own."""
    given = {"seconds": 20.0, "workers": 1} | options
    return run(problem, Options(**given), Solver(), lambda point, seats: None)


def every_plan(problem: p.Problem) -> Iterator[frozenset[p.Seat]]:
    """Yield each set of seats."""
    seats = [(need.id, officer.id) for need in problem.needs for officer in problem.people]
    for count in range(len(seats) + 1):
        yield from map(frozenset, combinations(seats, count))


def cheapest(problem: p.Problem) -> int | None:
    """Return what the cheapest plan that keeps every hard rule costs; None: there is none."""
    checked = (rules.check(problem, seats) for seats in every_plan(problem))
    return min((rules.cost(found) for found in checked if not rules.hard(found)), default=None)
