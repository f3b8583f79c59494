"""Why her, why not him: what it would break and cost to have somebody else in a turn.

Asked of `rota.rules`, the judge of every plan, about one change at a time; nothing is searched.
"""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

from dispatch.rota.problem import Breach, Problem, Seat
from dispatch.rota.rules import check


@dataclass(frozen=True, slots=True)
class Choice:
    """Somebody for a turn, against the plan as it stands."""

    person: int
    instead: int | None
    """Who would leave the turn for it; None: nobody, or this person has it already."""
    breaks: tuple[Breach, ...] = ()
    """What would be broken that is not now."""
    mends: tuple[Breach, ...] = ()
    """What is broken now and would be no longer."""

    @property
    def hard(self) -> int:
        """Return by how much more hard rules would be broken; below 0: less."""
        return _hard(self.breaks) - _hard(self.mends)

    @property
    def cost(self) -> int:
        """Return by how much dearer the plan would be; below 0: cheaper."""
        return sum(breach.cost or 0 for breach in self.breaks) - sum(
            breach.cost or 0 for breach in self.mends
        )

    @property
    def possible(self) -> bool:
        """Return whether no hard rule would be broken that is not broken now."""
        return not any(breach.cost is None for breach in self.breaks)


def why(problem: Problem, seats: Collection[Seat], need: int, person: int) -> Choice:
    """Return what it would break, mend and cost to have a person in a need.

    In a need that is full, in place of whom it is cheapest to relieve. For somebody who is there
    already: what it would break, mend and cost if they left and nobody came.
    """
    plan = frozenset(seats)
    needs = _block(problem, need)
    if (need, person) in plan:
        return _changed(problem, plan, needs, None, person)
    there = sorted({who for one, who in plan if one == need})
    full = len(there) >= problem.needs[need].wanted
    return min(
        (_changed(problem, plan, needs, person, one) for one in (there if full else [None])),
        key=_rank,
    )


def candidates(problem: Problem, seats: Collection[Seat], need: int) -> tuple[Choice, ...]:
    """Return everybody for a need, the best first; who has it changes nothing."""
    plan = frozenset(seats)
    found = [
        Choice(officer.id, None)
        if (need, officer.id) in plan
        else why(problem, plan, need, officer.id)
        for officer in problem.people
    ]
    return tuple(sorted(found, key=_rank))


def _rank(choice: Choice) -> tuple[int, int, int]:
    return (choice.hard, choice.cost, choice.person)


def _changed(
    problem: Problem,
    plan: frozenset[Seat],
    needs: Sequence[int],
    comes: int | None,
    leaves: int | None,
) -> Choice:
    after = plan - {(need, leaves) for need in needs if leaves is not None}
    after |= {(need, comes) for need in needs if comes is not None}
    touched = [who for who in (comes, leaves) if who is not None]
    was = check(problem, plan, touched, needs)
    will_be = check(problem, after, touched, needs)
    return Choice(
        comes if comes is not None else touched[0],
        leaves if comes is not None else None,
        _missing(will_be, was),
        _missing(was, will_be),
    )


def _block(problem: Problem, need: int) -> list[int]:
    """Return the needs that go with one."""
    asked = problem.needs[need]
    if asked.block is None:
        return [need]
    return [
        other.id
        for other in problem.needs
        if (other.line, other.block) == (asked.line, asked.block)
    ]


def _missing(some: Sequence[Breach], others: Sequence[Breach]) -> tuple[Breach, ...]:
    known = {_mark(breach) for breach in others}
    return tuple(breach for breach in some if _mark(breach) not in known)


def _mark(breach: Breach) -> Hashable:
    """Return what makes two breaches one: what is broken, where, and how much."""
    return (breach.key, breach.person, breach.needs, breach.days, breach.amount, breach.cost)


def _hard(breaches: Sequence[Breach]) -> int:
    return sum(breach.amount for breach in breaches if breach.cost is None)
