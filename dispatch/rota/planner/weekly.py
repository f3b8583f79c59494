"""Weekly rest: in every few days in a row, one stretch long enough without a turn.

A stretch that is long enough can be taken to begin at the window's midnight or when a turn ends,
so only those are looked at. Where other rules keep turns so far apart that some stretch always
remains, nothing is said at all, which spares a rota of long turns a third of its model.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo

from dispatch.rota.planner.graph import Graph
from dispatch.rota.planner.pairs import Turn, with_before
from dispatch.rota.planner.people import DAY, Own
from dispatch.rota.planner.terms import FALSE, TRUE, Literal
from dispatch.rota.problem import Problem, WeeklyRest


class WeeklyRests:
    """One rule, for every person whom it binds."""

    def __init__(self, problem: Problem, rule: WeeklyRest, turns: Sequence[Turn]) -> None:
        self._problem, self._rule = problem, rule
        self._least = rule.minutes * 60.0
        self._turns = self._interrupting(turns)
        self._kept: dict[tuple[date, int], bool] = {}

    def _interrupting(self, turns: Sequence[Turn]) -> list[Turn]:
        return [
            turn
            for turn in turns
            if self._rule.only.takes(turn.what)
            and (self._rule.standby_interrupts or not turn.what.rests)
        ]

    def add(self, own: Own) -> None:
        """Let one person have the rest in every window."""
        past = self._interrupting(with_before(own.officer, []))
        mine = [turn for turn in self._turns if turn.place in own.blocks]
        stretches = _Stretches(own, mine, past, self._least)
        known = [self._problem.first, *(past.days[0] for past in own.officer.before)]
        last = self._problem.last
        until = max([last, *(later.days[-1] for later in own.officer.after)])
        begin = max(min(known), self._problem.first - (self._rule.days - 1) * DAY)
        while begin <= last and (end := begin + self._rule.days * DAY) <= until + DAY:
            starts, ends = (midnight(self._problem.zone, day) for day in (begin, end))
            untouched = not any(turn.starts < ends and starts < turn.ends for turn in past)
            if not (untouched and self._is_kept(begin, starts, ends, own.graph)):
                self._add(own, stretches, begin, (starts, ends))
            begin += DAY

    def _add(
        self, own: Own, stretches: "_Stretches", begin: date, window: tuple[float, float]
    ) -> None:
        if not stretches.free_before(*window):
            return
        broken = stretches.interrupted(*window)
        own.form.forbid(broken, self._rule.weight, own.on(self._rule.key, begin))

    def _is_kept(self, begin: date, starts: float, ends: float, graph: Graph) -> bool:
        """Return whether nobody could break a window without breaking a rule on two turns."""
        key = (begin, id(graph))
        if key not in self._kept:
            self._kept[key] = self._cannot_break(starts, ends, graph)
        return self._kept[key]

    def _cannot_break(self, starts: float, ends: float, graph: Graph) -> bool:
        inside = [turn for turn in self._turns if turn.starts < ends and starts < turn.ends]
        spans: dict[int, tuple[float, float]] = {}
        for turn in inside:
            first, last = spans.get(turn.place, (turn.starts, turn.ends))
            spans[turn.place] = min(first, turn.starts), max(last, turn.ends)
        alone = [ends - starts, *(max(a - starts, ends - b) for a, b in spans.values())]
        return min(alone) >= self._least and all(
            other.starts - one.ends >= self._least or other.place in graph.beside[one.place]
            for at, one in enumerate(inside)
            for other in inside[at + 1 :]
            if other.place != one.place
        )


class _Stretches:
    """The stretches of one person that may stay free."""

    def __init__(self, own: Own, turns: list[Turn], past: list[Turn], least: float) -> None:
        self._own, self._past, self._least = own, past, least
        self._turns = turns
        self._starts = [turn.starts for turn in turns]
        self._longest = max((turn.ends - turn.starts for turn in turns), default=0.0)
        self._ends = sorted({turn.ends for turn in [*turns, *past]})
        self._past_ends = sorted({turn.ends for turn in past})
        self._known: dict[float, Literal] = {}

    def interrupted(self, starts: float, ends: float) -> list[Literal]:
        """Return, for each stretch that would do, the literal for a turn in it."""
        return [self._literal(begin) for begin in self._begins(self._ends, starts, ends)]

    def free_before(self, starts: float, ends: float) -> bool:
        """Return whether the turns before the plan leave a stretch."""
        begins = self._begins(self._past_ends, starts, ends)
        return any(not self._is_past(begin) for begin in begins)

    def _begins(self, among: list[float], starts: float, ends: float) -> list[float]:
        latest = ends - self._least
        if starts > latest:
            return []
        inside = among[bisect_right(among, starts) : bisect_right(among, latest)]
        return [starts, *inside]

    def _is_past(self, begin: float) -> bool:
        until = begin + self._least
        return any(turn.starts < until and begin < turn.ends for turn in self._past)

    def _literal(self, begin: float) -> Literal:
        if begin not in self._known:
            self._known[begin] = TRUE if self._is_past(begin) else self._planned(begin)
        return self._known[begin]

    def _planned(self, begin: float) -> Literal:
        until = begin + self._least
        first = bisect_left(self._starts, begin - self._longest)
        last = bisect_left(self._starts, until)
        there = [turn for turn in self._turns[first:last] if turn.ends > begin]
        return self._own.any_of(turn.place for turn in there) if there else FALSE


@cache
def midnight(zone: str, day: date) -> float:
    """Return the instant at which a local day begins, in seconds."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp()
