"""The search for the best plan: the greedy's answer at once, then better ones until it is proven.

Runs in the planner's own process; what it finds it tells as it goes, so that whoever waits can take
the best so far at any time.
"""

from dataclasses import replace

from dispatch.clock import monotonic
from dispatch.rota.planner import filling
from dispatch.rota.planner.cpsat import Answer, Effort, Solver, encode
from dispatch.rota.planner.mending import Mending, Repair
from dispatch.rota.planner.model import Model, build
from dispatch.rota.planner.process import Options, Tell
from dispatch.rota.problem import Outcome, Point, Problem, Proposal, Seat

#: The solver's ticks that a second is reckoned to hold: half of what a machine of our day counts,
#: so that a reproducible search ends by its ticks, not by the clock.
_TICKS = 0.3


def run(problem: Problem, options: Options, solver: Solver, tell: Tell) -> Proposal:
    """Return the best plan found, and how far it may be from the best there is."""
    return _Search(problem, options, solver, tell).run()


def mend(mending: Mending, options: Options, solver: Solver, tell: Tell) -> Repair:
    """Return the published rota mended with the least change found."""
    problem, end = mending.mendable()
    return mending.mended(run(problem, options, solver, tell), end)


class _Search:
    def __init__(self, problem: Problem, options: Options, solver: Solver, tell: Tell) -> None:
        self._begun = monotonic()
        self._options, self._solver, self._tell = options, solver, tell
        self._model: Model = build(problem)
        self._seats: frozenset[Seat] = frozenset()
        self._values: list[bool] | None = None
        self._cost: int | None = None
        self._bound: int | None = None
        self._curve: list[Point] = []

    def run(self) -> Proposal:
        first = filling.filled(self._model)
        partial = filling.proposal(self._model, first)
        self._seats = partial.seats
        if partial.outcome is Outcome.FEASIBLE:
            self._found(first)
        else:
            self._point(partial.seats or None)
        encoded = encode(self._model.form, self._cost)
        answer = self._solver.solve(
            encoded, self._effort(), encoded.hint(first), self._found, self._bounded
        )
        if answer.values is not None:
            self._found(answer.values)
        if answer.bound is not None:
            self._bounded(answer.bound)
        return self._proposal(answer, partial)

    def _effort(self) -> Effort:
        left = self._options.seconds - (monotonic() - self._begun)
        ticks = self._options.seconds * _TICKS if self._options.reproducible else None
        return Effort(left, self._options.workers, ticks)

    def _found(self, values: list[bool]) -> None:
        cost = self._model.form.cost(values)
        if self._cost is None or cost < self._cost:
            self._values, self._cost = values, cost
            self._seats = self._model.seats(values)
            self._point(self._seats)

    def _bounded(self, bound: int) -> None:
        if self._bound is None or bound > self._bound:
            self._bound = bound
            self._point(None)

    def _point(self, seats: frozenset[Seat] | None) -> None:
        point = Point(monotonic() - self._begun, self._cost, self._bound)
        self._curve.append(point)
        self._tell(point, seats)

    def _proposal(self, answer: Answer, partial: Proposal) -> Proposal:
        if self._cost is None:
            outcome = Outcome.IMPOSSIBLE if answer.proven else partial.outcome
        else:
            outcome = Outcome.OPTIMAL if answer.proven else Outcome.FEASIBLE
        return replace(
            partial,
            outcome=outcome,
            seats=self._seats,
            cost=self._cost,
            bound=self._nothing_below(outcome),
            seconds=monotonic() - self._begun,
            method=self._method(),
            reproducible=self._options.reproducible and (answer.proven or answer.out_of_ticks),
            curve=tuple(self._curve),
        )

    def _nothing_below(self, outcome: Outcome) -> int | None:
        if outcome is Outcome.IMPOSSIBLE:
            return None
        return self._cost if outcome is Outcome.OPTIMAL else self._bound

    def _method(self) -> str:
        pairs = any(len(block.lanes) > 1 for block in self._model.blocks)
        return "pairs per block" if pairs else "person and turn"
