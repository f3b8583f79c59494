"""Explaining why a period cannot be covered, in the order in which it gets dearer.

Counting first: instant, and in numbers. Then the cheapest way out, with every rule at a price,
which also shows where the conflict is. Then, in the weeks around it, the smallest set of rules and
facts that cannot all hold; where that takes too long, at least which rules they are.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

from dispatch.clock import monotonic
from dispatch.rota.planner import conflict
from dispatch.rota.planner.conflict import Conflict, Fullest, Release
from dispatch.rota.planner.counting import reasons_of, shortages
from dispatch.rota.planner.cpsat import Solver
from dispatch.rota.planner.explanation import Explanation, Reason, Shortage, WayOut, reason
from dispatch.rota.planner.model import Model, build
from dispatch.rota.planner.process import Tell
from dispatch.rota.planner.terms import Source, Term
from dispatch.rota.problem import Limit, Measure, Problem, Rest, WeeklyRest

#: What letting go of each costs against the others: what a coordinator would sooner decide.
_PRICES = {"locked": 300, "away": 600, "unit": 700, "line": 700, "skill": 900, "cover": 1000}
_REST, _RULE, _HOUR = 500, 200, 30
#: How far around a turn that stays open reasons and ways out are looked for; then everywhere.
_AROUND = (timedelta(days=10), timedelta(days=30))
#: More ways out would not be read.
_WAYS = 4
#: Parts of the time: to fill what can be, for the first way out, for reasons, for other ways.
_FULLEST, _FIRST, _REASONS, _LAST = 0.3, 0.3, 0.2, 0.2


def work(problem: Problem, seconds: float, solver: Solver, _tell: Tell) -> Explanation:
    """Explain, in the planner's own process."""
    return _Explaining(problem, seconds, solver).explanation()


class _Explaining:
    def __init__(self, problem: Problem, seconds: float, solver: Solver) -> None:
        self._begun, self._seconds = monotonic(), seconds
        self._problem, self._solver = problem, solver
        self._model: Model = build(problem, told=True)
        hard = [term for term in self._model.form.terms if term.cost is None]
        self._given = [term for term in hard if term.source.key == "overlap"]
        self._terms = [term for term in hard if term.source.key != "overlap"]
        self._prices = _prices(problem)
        self._begin: Sequence[bool] | None = None
        """The values of the fullest plan, where it was looked for first."""
        self._built = self._spent()
        """Seconds that it takes here to read the problem once."""

    def explanation(self) -> Explanation:
        counts = shortages(self._model)
        if counts:
            # Where it lacks is known: what that takes comes before what else may lack.
            return self._explained(counts, counts[0].days, None)
        fullest = self._fullest(self._seconds * _FULLEST)
        if fullest.whole:
            return Explanation(possible=True, proven=True, seconds=self._spent())
        self._begin = self._model.form.complete(self._model.chosen(fullest.seats))
        return self._explained(counts, fullest.short, fullest)

    def _explained(
        self, counts: tuple[Shortage, ...], days: tuple[date, ...], fullest: Fullest | None
    ) -> Explanation:
        # What counting shows needs no time for reasons.
        way, terms = self._first_way(days, 1 - _LAST if counts else _FULLEST + _FIRST)
        reasons, smallest = self._reasons(counts, terms, days)
        families = tuple(dict.fromkeys(one.key for one in reasons)) or self._families()
        ways = [] if way is None else [way, *self._other_ways(way, terms)]
        ways.sort(key=lambda way: way.cost)
        here, beyond = self._parted(days, self._short(counts, fullest), terms)
        return Explanation(
            False if counts or families or (fullest and fullest.proven) else None,
            counts,
            reasons,
            smallest,
            families,
            tuple(self._way(way) for way in ways[:_WAYS]),
            way is not None and way.proven,
            here if beyond else (),
            beyond,
            self._spent(),
        )

    def _fullest(self, seconds: float) -> Fullest:
        return Fullest(self._problem, self._solver, seconds)

    def _short(self, counts: Sequence[Shortage], fullest: Fullest | None) -> tuple[date, ...]:
        """Return the days that lack people, as far as there is time to look."""
        left = self._seconds - self._spent()
        if fullest is None and left > self._built and not self._solver.stopped:
            fullest = self._fullest(left - self._built)
        if fullest is not None:
            return fullest.short
        return tuple(sorted({day for shortage in counts for day in shortage.days}))

    def _parted(
        self, days: Sequence[date], short: Sequence[date], terms: Sequence[Term]
    ) -> tuple[tuple[date, ...], int]:
        """Return the days to which a way out is, and how many conflicts lie beyond them."""
        for (begin, end), near in zip(_circles(days), self._near(days), strict=False):
            if near == terms:
                here = tuple(day for day in short if begin <= day <= end) or tuple(days)
                beyond = [day for day in short if not begin <= day <= end]
                apart = [
                    day
                    for before, day in zip([None, *beyond], beyond, strict=False)
                    if before is None or day - before > _AROUND[0]
                ]
                return here, len(apart)
        return (), 0

    def _spent(self) -> float:
        return monotonic() - self._begun

    def _first_way(self, days: Sequence[date], until: float) -> tuple[Release | None, list[Term]]:
        """Return the cheapest way out around some days, and the terms looked at.

        `until`: by which part of the time.
        """
        terms = self._terms
        for terms in self._near(days):
            left = max(self._seconds * until - self._spent(), self._seconds * _LAST)
            way = self._released(terms, self._prices.get, left)
            if way is None or way.cost:
                return way, terms
        return None, terms

    def _released(
        self, terms: Sequence[Term], price: Callable[[str], int | None], seconds: float
    ) -> Release | None:
        return conflict.cheapest(
            self._model.form,
            terms,
            self._given,
            lambda source: price(source.key),
            self._solver,
            seconds,
            self._begin,
        )

    def _other_ways(self, first: Release, terms: Sequence[Term]) -> list[Release]:
        """Return ways out that leave alone something that the first lets go of."""
        found: dict[frozenset[Source], Release] = {_what(first): first}
        for key in list(dict.fromkeys(source.key for source, *_ in first.broken))[: _WAYS - 1]:
            left = self._seconds - self._spent()
            if left > 0 and not self._solver.stopped:
                kept = {**self._prices, key: None}
                way = self._released(terms, kept.get, min(left, self._seconds / 5))
                if way is not None:
                    found.setdefault(_what(way), way)
        return [way for way in found.values() if way is not first]

    def _way(self, way: Release) -> WayOut:
        gives_up = (reason(self._problem, source, amount) for source, amount, _ in way.broken)
        return WayOut(tuple(gives_up), way.cost)

    def _reasons(
        self, counts: Sequence[Shortage], terms: Sequence[Term], days: Sequence[date]
    ) -> tuple[tuple[Reason, ...], bool]:
        if counts:
            return reasons_of(self._problem, counts[0]), False
        looking = Conflict(self._model.form, self._given, self._solver, self._seconds * _REASONS)
        for some in [*self._near(days)] if days else [terms]:
            found = looking.smallest(some)
            if found is not None:
                return _gathered(self._problem, [term.source for term in found[0]]), found[1]
        return (), False

    def _families(self) -> tuple[str, ...]:
        left = self._seconds * (1 - _LAST) - self._spent()
        return Conflict(self._model.form, self._given, self._solver, left).families(self._terms)

    def _near(self, days: Sequence[date]) -> Iterable[list[Term]]:
        """Yield the terms around the first of some days, in wider and wider circles."""
        if days:
            of = _Days(self._model)
            for begin, end in _circles(days):
                yield [term for term in self._terms if of.touches(term, begin, end)]
        yield self._terms


class _Days:
    """On which days the blocks are that a term speaks of."""

    def __init__(self, model: Model) -> None:
        self._days = {
            literal: frozenset(day for need in model.blocks[place].needs for day in need.days)
            for (_, place), literal in model.taken.items()
        }
        for one in model.form.definitions:
            among = (self._days.get(conflict.index(literal), frozenset()) for literal in one.among)
            self._days[one.literal] = frozenset().union(*among)

    def touches(self, term: Term, begin: date, end: date) -> bool:
        """Return whether a term speaks of a block between two days."""
        return any(
            begin <= day <= end
            for literal in term.literals
            for day in self._days.get(conflict.index(literal), ())
        )


def _circles(days: Sequence[date]) -> list[tuple[date, date]]:
    """Return wider and wider spans around the first of some days."""
    return [(days[0] - one, max(days[0] + one, days[-1])) for one in _AROUND if days]


def _prices(problem: Problem) -> dict[str, int | None]:
    prices: dict[str, int | None] = {**_PRICES}
    for rule in problem.rules:
        if isinstance(rule, Rest | WeeklyRest):
            prices[rule.key] = _REST
        else:
            minutes = isinstance(rule, Limit) and rule.of is Measure.MINUTES
            prices[rule.key] = _HOUR if minutes else _RULE
    return prices


def _what(way: Release) -> frozenset[Source]:
    return frozenset(source for source, *_ in way.broken)


def _gathered(problem: Problem, sources: Iterable[Source]) -> tuple[Reason, ...]:
    """Return reasons, one for what is the same rule or fact of the same person."""
    needs: dict[tuple[str, int | None, str | None], set[int]] = {}
    days: dict[tuple[str, int | None, str | None], set[date]] = {}
    for source in sources:
        mark = (source.key, source.person, source.qualification)
        needs.setdefault(mark, set()).update(source.needs)
        days.setdefault(mark, set()).update({source.day} if source.day else ())
    found = []
    for (key, person, qualification), ids in needs.items():
        day = min(days[key, person, qualification], default=None)
        source = Source(key, person, tuple(sorted(ids)), day, qualification)
        found.append(reason(problem, source))
    return tuple(found)
