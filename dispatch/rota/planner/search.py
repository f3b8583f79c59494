"""The search for the best plan: the greedy's answer at once, then better ones until it is proven.

All workers but one search the whole problem, and alone can prove that nothing is better. That one
plans parts of the best plan so far anew. Easy problems are proven before it begins; on hard ones it
finds the better plans, and where a proof is out of reach another joins it. A single worker, and a
search that must come out the same twice, do one after the other.
Runs in the planner's own process; what it finds it tells as it goes, so that whoever waits can take
the best so far at any time.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from dispatch.clock import monotonic
from dispatch.rota.planner import filling
from dispatch.rota.planner.best import Best
from dispatch.rota.planner.cpsat import Answer, Effort, Solver, encode
from dispatch.rota.planner.improving import Improving
from dispatch.rota.planner.mending import Mending, Repair
from dispatch.rota.planner.model import Model, build
from dispatch.rota.planner.process import Options, Tell
from dispatch.rota.problem import Outcome, Problem, Proposal

#: The solver's ticks that a second is reckoned to hold: half of what a machine of our day counts,
#: so that a reproducible search ends by its ticks, not by the clock.
_TICKS = 0.3
#: Which part of the time a single worker gives to the whole problem, before it turns to parts.
_WHOLE = 0.5
#: Seconds that the whole problem is searched before parts are.
_ALONE = 2.0
#: The ticks of work on parts after which the search of the whole begins again below what they have
#: found, at least and for each literal; by so much more each time. And how many without a better
#: plan it takes to do so.
_AGAIN, _EACH, _LATER, _CALM = 5.0, 1 / 2000, 1.5, 2.0
#: In how many times that many ticks the bound has to come nearer to the best plan by which part of
#: the distance; else a proof is out of reach, if the distance is more than this part of the bound.
_STUCK, _NEARER, _FAR = 2.4, 0.1, 0.01


def run(problem: Problem, options: Options, solver: Solver, tell: Tell) -> Proposal:
    """Return the best plan found, and how far it may be from the best there is."""
    return _Search(problem, options, solver, tell).run()


def mend(mending: Mending, options: Options, solver: Solver, tell: Tell) -> Repair:
    """Return the published rota mended with the least change found."""
    problem, end = mending.mendable()
    return mending.mended(run(problem, options, solver, tell), end)


class _Search:
    def __init__(self, problem: Problem, options: Options, solver: Solver, tell: Tell) -> None:
        self._begun, self._options = monotonic(), options
        self._model: Model = build(problem)
        self._best = Best(self._model, tell, self._begun)
        self._solver, self._whole = solver, solver.another()
        self._parts = solver.another()
        self._ended = threading.Event()
        self._impossible, self._same = False, False
        self._known: int | None = None
        """The cost that the search of the whole has to beat."""
        self._proving, self._hopeless = False, False
        self._again = max(_AGAIN, _EACH * self._model.form.count)
        self._patience = self._again
        self._worked, self._since = 0.0, 0.0
        """Ticks spent on parts, in all and when the search of the whole last began."""
        self._last: tuple[int | None, float] = (None, 0.0)
        """The best cost when last looked at, and when it was found, in those ticks."""
        self._mark: tuple[int | None, float] = (None, 0.0)
        """A bound, and when it was looked at."""

    def run(self) -> Proposal:
        self._first = filling.filled(self._model)
        partial = filling.proposal(self._model, self._first)
        if partial.outcome is Outcome.FEASIBLE:
            self._best.found(self._first)
        else:
            self._best.offer(partial.seats)
        if self._options.reproducible or self._options.workers < 2:
            self._search_alone()
        else:
            with ThreadPoolExecutor(1) as beside:
                parts = beside.submit(self._search_parts)
                self._search_together()
                parts.result()
        return self._proposal(partial)

    def _left(self) -> float:
        return self._options.seconds - (monotonic() - self._begun)

    def _search_alone(self) -> None:
        """Search the whole for a part of the time, then parts: one after the other."""
        same, budget = self._options.reproducible, self._options.seconds * _WHOLE
        ticks = self._options.seconds * _TICKS
        effort = Effort(self._left(), 1, ticks * _WHOLE) if same else Effort(budget, 1)
        spent = self._search_whole(effort).ticks
        improving = self._improving(self._whole)
        while improving.possible and self._goes_on():
            if same and spent >= ticks:
                break
            spent += improving.step(self._left())
        self._same = self._impossible or self._best.proven or spent >= ticks

    def _search_together(self) -> None:
        """Search the whole, again below what parts have found, as long as a proof is in reach."""
        workers = max(1, self._options.workers - 1)
        try:
            while self._goes_on() and not self._hopeless:
                self._search_whole(Effort(self._left(), workers, prove=self._proving))
            if self._goes_on():
                self._improve(self._improving(self._whole, seed=1))
        finally:
            self._ended.set()
            self._parts.stop()

    def _search_whole(self, effort: Effort) -> Answer:
        """Search the whole problem below the best so far, until told to begin again."""
        best = self._best
        self._since, self._known = self._worked, best.cost
        self._mark = (best.bound, self._worked)
        encoded = encode(self._model.form, self._known)
        encoded.between(best.bound, None if self._known is None else self._known - 1)
        answer = self._whole.solve(encoded, effort, None, self._found, best.bounded)
        if answer.values is not None:
            self._found(answer.values)
        if answer.bound is not None:
            best.bounded(answer.bound)
        if answer.proven and best.cost is not None:
            best.bounded(best.cost)
        self._impossible = answer.proven and best.cost is None
        return answer

    def _found(self, values: list[bool]) -> None:
        cost = self._model.form.cost(values)
        self._known = cost if self._known is None else min(cost, self._known)
        self._best.found(values, cost)

    def _search_parts(self) -> None:
        """Plan parts of the best plan anew until the whole is proven or time is over."""
        try:
            self._ended.wait(min(_ALONE, self._left()))
            if self._goes_on():
                self._improve(self._improving(self._parts))
        except BaseException:
            self._whole.stop()
            raise

    def _improving(self, solver: Solver, seed: int = 0) -> Improving:
        begun = self._best.values or self._first
        return Improving(self._model, begun, self._best, solver, seed)

    def _improve(self, improving: Improving) -> None:
        while improving.possible and self._goes_on():
            self._worked += improving.step(self._left())
            if not self._hopeless:
                self._watch()
        if self._best.proven:
            self._whole.interrupt()

    def _goes_on(self) -> bool:
        ended = self._ended.is_set() or self._impossible or self._best.proven
        return self._left() > 0 and not ended and not self._solver.stopped

    def _watch(self) -> None:
        """Let the search of the whole begin again, or end, where it has no prospect."""
        cost, now = self._best.cost, self._worked
        if cost is None:
            return
        if cost != self._last[0]:
            self._last = (cost, now)
        late = cost != self._known and now - self._since > self._patience
        stuck = self._is_stuck(cost)
        if stuck and self._proving:
            self._hopeless = True
        elif stuck or (late and now - self._last[1] > _CALM):
            self._proving = True
            self._patience *= _LATER
        else:
            return
        self._whole.interrupt()

    def _is_stuck(self, cost: int) -> bool:
        """Return whether the bound lies far below and comes no nearer; looked at now and then."""
        (before, at), bound = self._mark, self._best.bound
        if self._worked - at < _STUCK * self._again:
            return False
        self._mark = (bound, self._worked)
        if bound is None or before is None:
            return bound is None
        return cost - bound > max(_FAR * abs(bound), (bound - before) / _NEARER)

    def _proposal(self, partial: Proposal) -> Proposal:
        best = self._best
        if best.cost is None:
            outcome = Outcome.IMPOSSIBLE if self._impossible else partial.outcome
        else:
            outcome = Outcome.OPTIMAL if best.proven else Outcome.FEASIBLE
        return replace(
            partial,
            outcome=outcome,
            seats=best.seats,
            cost=best.cost,
            bound={Outcome.OPTIMAL: best.cost, Outcome.FEASIBLE: best.bound}.get(outcome),
            seconds=best.seconds(),
            method=self._method(),
            reproducible=self._options.reproducible and self._same,
            curve=tuple(best.curve),
        )

    def _method(self) -> str:
        pairs = any(len(block.lanes) > 1 for block in self._model.blocks)
        return "pairs per block" if pairs else "person and turn"
