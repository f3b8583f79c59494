"""What a plan pays for, whatever its rules: unfair shares, wishes not met, published turns gone."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache

from dispatch.rota.planner.people import Own
from dispatch.rota.planner.terms import FALSE, Form, Source
from dispatch.rota.problem import Fair, Measure, Problem, Wish

_HOUR = 60


def add_fair(own: Own, fair: Fair) -> None:
    """Let one person's part of a burden cost what lies beside the target."""
    target = fair.targets.get(own.officer.id)
    if target is None:
        return
    marks = own.marks(fair.of, fair.only)
    own.form.curve(
        [(literal, amount) for _, literal, amount in marks],
        price(fair.weight, target, own.officer.share),
        Source(f"fair:{fair.key}", own.officer.id),
        unit=_HOUR if fair.of is Measure.MINUTES else 1,
        top=own.most(fair.of, fair.only),
    )


def price(weight: int, target: float, share: float) -> Callable[[int], int]:
    """Return what each total costs: the square of what lies beside the target, by share."""
    goal, whole = Fraction(target), Fraction(share)

    @cache
    def cost(total: int) -> int:
        return round(weight * (total - goal) ** 2 / whole)

    return cost


def add_wish(form: Form, own: Own, wish: Wish) -> None:
    """Let a wish that is not met cost its weight."""
    literals = [
        literal for block, literal in own.blocks.values() if not wish.needs.isdisjoint(block.ids)
    ]
    source = Source(f"wish:{wish.key}", wish.person, tuple(sorted(wish.needs)))
    if wish.wanted:
        form.forbid([~literal for literal in literals], wish.weight, source)
    else:
        form.limit([form.at_least(literals)], 0, wish.weight, source)


def add_stays(form: Form, problem: Problem, owns: Mapping[int, Own]) -> None:
    """Let each published seat that is taken away cost what it says."""
    held = {
        (need, person): literal
        for person, own in owns.items()
        for block, literal in own.blocks.values()
        for need in block.ids
    }
    for (need, person), cost in problem.stays.items():
        source = Source("stays", person, (need,), problem.needs[need].days[0])
        form.limit([~held.get((need, person), FALSE)], 0, cost, source)
