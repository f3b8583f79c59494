"""Whether a plan keeps what its problem asks: everything it breaks, and what that costs.

Written from the words of `rota.problem` alone and sharing no code with the planner, so that each
shows the other's mistakes; clear before quick. Planner, hand edits, swaps and covers are all judged
here. A breach carries facts; the sentence is built where somebody reads it.
"""

from collections.abc import Collection, Iterable, Iterator

from dispatch.rota.problem import Breach, Problem, Seat
from dispatch.rota.rules import always, personal, shared
from dispatch.rota.rules.plan import Plan


def check(
    problem: Problem,
    seats: Collection[Seat],
    people: Collection[int] | None = None,
    needs: Collection[int] = (),
) -> tuple[Breach, ...]:
    """Return everything that a plan breaks, hard and soft; an unknown need or person is ValueError.

    With `people` only what touches them: what they break themselves, rules that name them, and what
    is missing or too much where they serve or in `needs` (which they may just have left).
    """
    plan = Plan(problem, seats)
    everyone = people is None
    asked = plan.people.keys() if people is None else frozenset(people) & plan.people.keys()
    where = {need.id for need in problem.needs} if everyone else {*needs, *plan.served(asked)}
    return tuple(_found(plan, sorted(asked), sorted(where), everyone))


def _found(plan: Plan, asked: list[int], where: list[int], everyone: bool) -> Iterator[Breach]:
    for id_ in where:
        yield from always.on_need(plan, plan.problem.needs[id_])
    for person in asked:
        yield from always.on_person(plan, plan.duty(person))
    yield from always.on_seats(plan, None if everyone else frozenset(asked))
    for rule in plan.problem.rules:
        named = shared.named(rule)
        if named is None:
            bound = [person for person in asked if rule.people is None or person in rule.people]
            for person in bound:
                yield from personal.broken(rule, plan.duty(person))
        elif everyone or named & set(asked):
            yield from shared.broken(rule, plan)


def cost(breaches: Iterable[Breach]) -> int:
    """Return what the soft ones cost together."""
    return sum(breach.cost for breach in breaches if breach.cost is not None)


def hard(breaches: Iterable[Breach]) -> tuple[Breach, ...]:
    """Return those that no plan may have."""
    return tuple(breach for breach in breaches if breach.cost is None)
