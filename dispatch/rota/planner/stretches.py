"""Stretches of work and of free days, as a machine that reads one day after the other.

Where days in a row must be neither too many nor too few, and free days between them not too few,
clauses on a few days at a time tell the solver little. The machine that knows how long the present
stretch is tells it everything that follows from one person's rules together.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from dispatch.rota.planner.days import add_free_run, add_run
from dispatch.rota.planner.people import DAY, Own
from dispatch.rota.planner.terms import Shape
from dispatch.rota.problem import FreeRun, Run, Selection


def add_stretches(own: Own, only: Selection, rules: Sequence[Run | FreeRun]) -> None:
    """Let hard rules on runs and free runs of the same turns hold together."""
    runs = [rule for rule in rules if isinstance(rule, Run)]
    free_runs = [rule for rule in rules if isinstance(rule, FreeRun)]
    begin = len(own.form.terms)
    for run in runs:
        add_run(own, run)
    for free_run in free_runs:
        add_free_run(own, free_run)
    least = max((run.least for run in runs), default=1)
    free = max((rule.least for rule in free_runs), default=1)
    mosts = [run.most for run in runs if run.most is not None]
    most = min(mosts) if mosts else None
    before = own.days_before(only)
    if max(least, free) < 2 or most == 0 or any(day >= own.problem.first for day in before):
        return
    count = (own.problem.last - own.problem.first).days + 1
    days = [own.problem.first + at * DAY for at in range(count)]
    if any(day > own.problem.last for day in own.days(only)) or (free > 1 and own.parts(only)):
        # It knows of no turn that somebody is relieved in.
        return
    machine = _Machine(least, most, free, before, own.problem.first)
    literals = tuple(own.worked(only, day) for day in days)
    shape = Shape(literals, machine.steps(), machine.begin)
    own.form.shapes.append(shape)
    for term in own.form.terms[begin:]:
        term.shape = shape


class _Machine:
    """Counts the days of the present stretch, as far as that matters."""

    def __init__(
        self, least: int, most: int | None, free: int, before: set[date], first: date
    ) -> None:
        self._least, self._most, self._free = least, most, max(1, free)
        self._top = max(1, least if most is None else most)
        self._known = self._free
        """How many days were free before the first, as far as that matters."""
        self.begin = self._free + 2 * self._top
        """The state before the first day."""
        yesterday = first - DAY
        if yesterday in before:
            length = 1
            while yesterday - length * DAY in before:
                length += 1
            self.begin = self._work(min(length, self._top), exempt=True)
        elif before:
            self._known = min(self._free, (first - max(before)).days - 1)

    def steps(self) -> tuple[tuple[int, bool, int], ...]:
        """Return every step from state to state."""
        return (*self._first_steps(), *self._free_steps(), *self._work_steps())

    def _first_steps(self) -> Iterator[tuple[int, bool, int]]:
        """Yield the steps of a first day after a free one: a run that begins then may be short."""
        if self.begin == self._free + 2 * self._top:
            yield self.begin, False, self._rest(min(self._known + 1, self._free))
            if self._known == self._free:
                yield self.begin, True, self._work(1, exempt=True)

    def _free_steps(self) -> Iterator[tuple[int, bool, int]]:
        for length in range(1, self._free + 1):
            yield self._rest(length), False, self._rest(min(length + 1, self._free))
        yield self._rest(self._free), True, self._work(1, exempt=False)

    def _work_steps(self) -> Iterator[tuple[int, bool, int]]:
        for exempt in (False, True):
            for length in range(1, self._top + 1):
                here = self._work(length, exempt=exempt)
                if length < self._top:
                    yield here, True, self._work(length + 1, exempt=exempt)
                elif self._most is None:
                    yield here, True, here
                if exempt or length >= self._least:
                    yield here, False, self._rest(1)

    def _rest(self, length: int) -> int:
        return length - 1

    def _work(self, length: int, *, exempt: bool) -> int:
        return self._free + length - 1 + (self._top if exempt else 0)
