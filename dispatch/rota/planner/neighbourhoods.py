"""Parts of a plan small enough to be planned anew as well as can be, while all else stays.

Where a whole plan is too large to be searched well (staffing with many kinds of shifts), the best
plans come from freeing some days of everybody, or some people on all days, again and again. First
each person once, which also mends what a hasty plan breaks; then rather days and people that cost
much. How much is freed follows from how long the last such search took.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from random import Random

from dispatch.rota.planner.model import Model
from dispatch.rota.planner.terms import TRUE, Literal

#: How many literals are freed at first, and at least.
_BEGIN, _LEAST = 400, 60
#: By how much that grows after a search that was quick, and shrinks after one that was slow, and
#: after one that ran out of time.
_GROW, _SLOW, _SHRINK = 1.15, 0.95, 0.8
#: How often parts that cost much are preferred to any.
_DEAR = 0.7
#: What each unit of a broken hard term counts for in that.
_BROKEN = 10_000


class Neighbourhoods:
    """Which literals to free next; deterministic by its seed."""

    def __init__(self, model: Model, seed: int = 0) -> None:
        self._random = Random(seed)  # noqa: S311 - nothing here is secret
        self._form = model.form
        self._by_day: dict[date, list[Literal]] = defaultdict(list)
        self._by_person: dict[int, list[Literal]] = defaultdict(list)
        self._on: dict[int, date] = {}
        """By need, its own day."""
        for (person, place), literal in model.taken.items():
            if literal != TRUE:
                self._by_day[model.blocks[place].needs[0].days[0]].append(literal)
                self._by_person[person].append(literal)
        for need in model.problem.needs:
            self._on[need.id] = need.days[0]
        self._days, self._people = sorted(self._by_day), sorted(self._by_person)
        self._count = sum(map(len, self._by_day.values()))
        self._sizes = dict.fromkeys(("both", "days", "people"), float(_BEGIN))
        self._order: list[int] = []

    def __bool__(self) -> bool:
        return self._count > 0

    def each_person(self) -> list[frozenset[Literal]]:
        """Return each person's literals, in some order."""
        order = self._random.sample(self._people, len(self._people))
        return [frozenset(self._by_person[person]) for person in order]

    def next(self, values: Sequence[bool]) -> tuple[str, frozenset[Literal]]:
        """Return the kind of the next part of a plan, and its literals."""
        kind = self._random.choice(sorted(self._sizes))
        size = self._sizes[kind]
        dear = self._random.random() < _DEAR
        if kind == "days":
            return kind, self._some_days(size, values if dear else None)
        if kind == "people":
            return kind, self._some_people(size, values if dear else None)
        days = self._some_days(2 * size, values if dear else None)
        return kind, days & self._some_people(self._count / 2, None)

    def learn(self, kind: str, *, proven: bool, share: float) -> None:
        """Free more of a kind the next time if a search was quick, less otherwise.

        `proven`: it came to its end; `share`: how much of the time that it should take it took.
        """
        by = _SHRINK if not proven else _GROW if share < 1 else _SLOW
        self._sizes[kind] = min(max(self._sizes[kind] * by, _LEAST), self._count)

    def _some_days(self, size: float, values: Sequence[bool] | None) -> frozenset[Literal]:
        """Return what lies on days in a row, about days that cost much if there are values."""
        if values is None:
            at = self._random.randrange(len(self._days))
        else:
            cost = self._costs(values)[0]
            weights = [cost.get(day, 0) + 1 for day in self._days]
            at = self._random.choices(range(len(self._days)), weights)[0]
        begin = at - self._random.randrange(max(1, round(size * len(self._days) / self._count)))
        found: set[Literal] = set()
        # Around the end of the plan to its beginning, so that every day is freed as often.
        for step in range(len(self._days)):
            if len(found) >= size:
                break
            found.update(self._by_day[self._days[(begin + step) % len(self._days)]])
        return frozenset(found)

    def _some_people(self, size: float, values: Sequence[bool] | None) -> frozenset[Literal]:
        """Return what some people may take, beginning with one who costs much if asked for."""
        people = self._random.sample(self._people, len(self._people))
        if values is not None:
            cost = self._costs(values)[1]
            weights = [cost.get(person, 0) + 1 for person in people]
            people.insert(0, self._random.choices(people, weights)[0])
        found: set[Literal] = set()
        for person in people:
            if len(found) >= size:
                break
            found.update(self._by_person[person])
        return frozenset(found)

    def _costs(self, values: Sequence[bool]) -> tuple[dict[date, int], dict[int, int]]:
        """Return what a plan costs by day and by person, as far as that can be told."""
        by_day: dict[date, int] = defaultdict(int)
        by_person: dict[int, int] = defaultdict(int)
        for term in self._form.terms:
            if amount := term.amount(values):
                source, cost = term.source, _BROKEN if term.cost is None else term.cost
                day = self._on[source.needs[0]] if source.needs else source.day
                if day is not None:
                    by_day[day] += cost * amount
                if source.person is not None:
                    by_person[source.person] += cost * amount
        return by_day, by_person
