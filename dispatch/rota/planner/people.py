"""What one person may do, as literals: by block, by day, by weekend."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from dispatch.rota.planner.blocks import Block
from dispatch.rota.planner.graph import Graph
from dispatch.rota.planner.terms import FALSE, TRUE, Form, Literal, Source
from dispatch.rota.problem import Measure, Officer, Past, Problem, Selection

DAY = timedelta(days=1)


class Own:
    """One person's literals, and the turns before the plan as constants."""

    def __init__(
        self,
        problem: Problem,
        form: Form,
        officer: Officer,
        blocks: dict[int, tuple[Block, Literal]],
        graph: Graph,
    ) -> None:
        self.problem = problem
        self.form = form
        self.officer = officer
        self.blocks = blocks
        """By place, those that this person may take, with the literal for taking it."""
        self.graph = graph
        self._days: dict[tuple[Selection, bool], dict[date, Literal]] = {}
        self._before: dict[tuple[Selection, bool], set[date]] = {}

    def source(self, key: str, places: Iterable[int]) -> Source:
        """Return the source of a term on some blocks."""
        needs = [need for place in places for need in self.blocks[place][0].needs]
        day = min((need.days[0] for need in needs), default=None)
        return Source(key, self.officer.id, tuple(need.id for need in needs), day)

    def on(self, key: str, day: date) -> Source:
        """Return the source of a term on the days from one on."""
        return Source(key, self.officer.id, (), day)

    def before(self, only: Selection) -> list[Past]:
        """Return the turns before the plan that a selection means."""
        return [past for past in self.officer.around if only.takes(past)]

    def any_of(self, places: Iterable[int]) -> Literal:
        """Return the literal for taking one of some blocks at least."""
        there = sorted({place for place in places if place in self.blocks})
        exclusive = all(
            later in self.graph.beside[place]
            for at, place in enumerate(there)
            for later in there[at + 1 :]
        )
        literals = [self.blocks[place][1] for place in there]
        return self.form.at_least(literals, exclusive=exclusive)

    def days(self, only: Selection, *, weekends: bool = False) -> dict[date, Literal]:
        """Return a literal for each day (or Saturday of a weekend) with a turn of the plan."""
        if (only, weekends) not in self._days:
            places: dict[date, list[int]] = defaultdict(list)
            for place, (block, _) in self.blocks.items():
                for need in block.needs:
                    if only.takes(need):
                        for day in need.weekends if weekends else need.days:
                            places[day].append(place)
            self._days[only, weekends] = {day: self.any_of(places[day]) for day in sorted(places)}
        return self._days[only, weekends]

    def days_before(self, only: Selection, *, weekends: bool = False) -> set[date]:
        """Return the days (or weekends) with a turn before the plan."""
        if (only, weekends) not in self._before:
            turns = self.before(only)
            self._before[only, weekends] = {
                day for past in turns for day in (past.weekends if weekends else past.days)
            }
        return self._before[only, weekends]

    def worked(self, only: Selection, day: date) -> Literal:
        """Return the literal for a day with a turn, of the plan or before it."""
        return TRUE if day in self.days_before(only) else self.days(only).get(day, FALSE)

    def parts(self, only: Selection) -> dict[tuple[str, str], dict[date, list[int]]]:
        """Return the places of the parts of each turn that is planned in parts, by day."""
        found: dict[tuple[str, str], dict[date, list[int]]] = {}
        for place, (block, _) in self.blocks.items():
            for need in block.needs:
                if need.within is not None and only.takes(need):
                    by_day = found.setdefault((need.line, need.within), defaultdict(list))
                    for day in need.days:
                        by_day[day].append(place)
        return found

    def marks(self, of: Measure, only: Selection) -> list[tuple[date, Literal, int]]:
        """Return what counts how much on which day, of the turns of the plan."""
        if of in {Measure.DAYS, Measure.WEEKENDS}:
            days = self.days(only, weekends=of is Measure.WEEKENDS)
            return [(day, literal, 1) for day, literal in days.items()]
        found: list[tuple[date, Literal, int]] = []
        parts: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, (block, literal) in self.blocks.items():
            needs = [need for need in block.needs if only.takes(need)]
            if of is Measure.MINUTES:
                found += [(need.days[0], literal, need.minutes) for need in needs]
            elif needs and needs[0].within is not None:
                parts[needs[0].line, needs[0].within].append(place)
            elif needs:
                found.append((min(need.days[0] for need in needs), literal, 1))
        found += [(self._begins(*turn), self.any_of(places), 1) for turn, places in parts.items()]
        return found

    def _begins(self, line: str, within: str) -> date:
        """Return the first day of a turn that is planned in parts."""
        needs = self.problem.needs
        return min(need.days[0] for need in needs if (need.line, need.within) == (line, within))

    def marks_before(self, of: Measure, only: Selection) -> list[tuple[date, int]]:
        """Return the same of the turns before the plan."""
        if of in {Measure.DAYS, Measure.WEEKENDS}:
            days = self.days_before(only, weekends=of is Measure.WEEKENDS)
            return [(day, 1) for day in days]
        turns = self.before(only)
        if of is Measure.MINUTES:
            return [(past.days[0], past.minutes) for past in turns]
        firsts: dict[object, date] = {}
        for place, past in enumerate(turns):
            turn = place if past.within is None else (past.line, past.within)
            firsts[turn] = min(past.days[0], firsts.get(turn, past.days[0]))
        return [(day, 1) for day in firsts.values()]

    def most(self, of: Measure, only: Selection) -> int:
        """Return an amount of a measure that nobody exceeds who keeps the rules on two turns."""
        amounts: dict[int, int] = {}
        for place, (block, _) in self.blocks.items():
            needs = [need for need in block.needs if only.takes(need)]
            if needs:
                amounts[place] = {
                    Measure.TURNS: 1,
                    Measure.DAYS: len({day for need in needs for day in need.days}),
                    Measure.MINUTES: sum(need.minutes for need in needs),
                    Measure.WEEKENDS: len(frozenset().union(*(need.weekends for need in needs))),
                }[of]
        return self.graph.room(amounts)
