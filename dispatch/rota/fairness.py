"""Fair shares: what there is to share out, whose share is how much, and how near a plan comes.

Each burden (turns, nights, weekends, public holidays, eves, school holidays, heavy turns) is shared
by itself: among those who may take it, by share of employment and presence. What was served before
is made up for, by comparison with those who may take the same, and for the time that somebody was
there: a newcomer has nothing to make up for and nothing saved. Calls that weighed on somebody count
like heavy turns. Who had Christmas or New Year the last time is spared that feast this time. What a
plan comes to is said by person, and as a score.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from math import ceil, floor
from zoneinfo import ZoneInfo

from dispatch.rota.problem import (
    Fair,
    Measure,
    Need,
    NotAll,
    Officer,
    Past,
    Problem,
    Seat,
    Selection,
)

DAY = timedelta(days=1)
#: What is further back is forgiven.
MONTHS = 24
#: What sums of parts may be wrong by.
_TINY = 1e-6


@dataclass(frozen=True)
class Burden:
    """Something to be shared out."""

    key: str
    of: Measure
    tag: str | None = None
    weight: int = 100
    """Cost of one too many or too few, for full employment."""


BURDENS = (
    Burden("turns", Measure.TURNS),
    Burden("nights", Measure.TURNS, "night", 50),
    Burden("weekends", Measure.WEEKENDS),
    Burden("public_holidays", Measure.TURNS, "public_holiday"),
    Burden("eves", Measure.TURNS, "eve"),
    Burden("school_holidays", Measure.TURNS, "school_holiday", 50),
    Burden("heavy", Measure.TURNS, "heavy"),
)


@dataclass(frozen=True)
class History:
    """What somebody brings along from the last months."""

    served: Mapping[str, float] = field(default_factory=dict)
    """By key of the burden."""
    presence: float = 0.0
    """Days on which they could have served, times share of employment; 0: a newcomer."""


Turn = Need | Past


def served(turns: Iterable[Turn]) -> dict[str, float]:
    """Return how much of every burden some turns of one person are."""
    turns = list(turns)
    return {
        burden.key: amount
        for burden in BURDENS
        if (amount := _amount(burden, [t for t in turns if _is(burden, t)]))
    }


def history(
    past: Iterable[Past],
    presence: float,
    opening: Mapping[str, float] | None = None,
    calls: int = 0,
) -> History:
    """Return what somebody brings along: turns, and what was served before turns are known.

    `calls` are those that weighed on them: they count like heavy turns.
    """
    found = defaultdict(float, opening or {})
    for key, amount in served(past).items():
        found[key] += amount
    if calls:
        found["heavy"] += calls
    return History(dict(found), presence)


def _is(burden: Burden, turn: Turn) -> bool:
    if burden.of is Measure.WEEKENDS:
        return bool(turn.weekends)
    return burden.tag is None or burden.tag in turn.tags


def _amount(burden: Burden, turns: Sequence[Turn]) -> float:
    if burden.of is Measure.WEEKENDS:
        return len({saturday for turn in turns for saturday in turn.weekends})
    found: dict[object, float] = defaultdict(float)
    for place, turn in enumerate(turns):
        found[_whole(turn) or place] += turn.part
    return sum(min(1.0, amount) for amount in found.values())


def _whole(turn: Turn) -> tuple[str, str] | None:
    """Return the block that a turn is of, or the turn that it is a part of."""
    whole = turn.block or turn.within
    return (turn.line, whole) if whole is not None else None


# --- Targets.


def fairs(
    problem: Problem,
    histories: Mapping[int, History] | None = None,
    weights: Mapping[str, int] | None = None,
) -> tuple[Fair, ...]:
    """Return what is fair for each person and burden that a plan has something of.

    `weights` by burden stand before the usual ones; 0 leaves it out. Lines that may stay empty at
    no cost are no burden. The targets of a burden add up to what there is to share, except for what
    nobody may take. Nights are left out where every turn is one.
    """
    lines = {need.line for need in problem.needs if need.under != 0}
    counted = [need for need in problem.needs if need.line in lines]
    only_lines = None if len(counted) == len(problem.needs) else frozenset(lines)
    found: list[Fair] = []
    for burden in BURDENS:
        weight = (weights or {}).get(burden.key, burden.weight)
        needs = [need for need in counted if _is(burden, need)]
        only_nights = burden.tag == "night" and len(needs) == len(counted)
        if not weight or not needs or only_nights:
            continue
        targets = _targets(problem, burden, needs, histories or {})
        if targets:
            only = Selection(lines=only_lines, tag=burden.tag)
            found.append(
                Fair(key=burden.key, weight=weight, of=burden.of, only=only, targets=targets)
            )
    return tuple(found)


def presence(problem: Problem, person: Officer) -> float:
    """Return for how much of a plan's time somebody is there: turns elsewhere are no absence."""
    begin, end = _midnight(problem, problem.first), _midnight(problem, problem.last + DAY)
    gone, at = timedelta(), begin
    for away in sorted(person.away, key=lambda away: away.starts_at):
        if away.reason != "other_team":
            starts = max(away.starts_at.astimezone(UTC), at)
            ends = min(away.ends_at.astimezone(UTC), end)
            gone += max(ends - starts, timedelta())
            at = max(at, ends)
    return 1 - gone / (end - begin)


def _midnight(problem: Problem, day: date) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(problem.zone)).astimezone(UTC)


#: Where a turn belongs: unit and line, which say who may take it.
_Place = tuple[str | None, str]


def _targets(
    problem: Problem, burden: Burden, needs: Sequence[Need], histories: Mapping[int, History]
) -> dict[int, float]:
    """Share out what the needs amount to among those who may take each."""
    weights = {p.id: p.share * presence(problem, p) for p in problem.people}
    of_place: dict[_Place, list[Need]] = defaultdict(list)
    for need in needs:
        of_place[need.unit, need.line].append(need)
    base: dict[int, float] = defaultdict(float)
    places: dict[int, set[_Place]] = defaultdict(set)
    for place, some in of_place.items():
        takers = [p.id for p in problem.people if _may(p, *place) and weights[p.id] > 0]
        together = sum(weights[person] for person in takers)
        for person in takers:
            base[person] += _total(burden, some) * weights[person] / together
            places[person].add(place)
    alike: dict[frozenset[_Place], dict[int, float]] = defaultdict(dict)
    for person, share in base.items():
        alike[frozenset(places[person])][person] = share
    return {
        person: target
        for shares in alike.values()
        for person, target in _made_up(burden, shares, histories).items()
    }


def _may(person: Officer, unit: str | None, line: str) -> bool:
    return (unit is None or person.unit == unit) and (person.lines is None or line in person.lines)


def _total(burden: Burden, needs: Sequence[Need]) -> float:
    """Return what needs come to when filled, those of a block by the same people."""
    blocks: dict[object, list[Need]] = defaultdict(list)
    for need in needs:
        blocks[_whole(need) or need.id].append(need)
    return sum(_amount(burden, some) * _seats(some) for some in blocks.values())


def _seats(some: Sequence[Need]) -> float:
    """Return how many people have a block, or a turn that several have parts of."""
    whole = [need.wanted for need in some if need.part == 1]
    return max([*whole, ceil(sum(need.part for need in some if need.part < 1) - _TINY)])


def _made_up(
    burden: Burden, shares: Mapping[int, float], histories: Mapping[int, History]
) -> dict[int, float]:
    """Add to each share what somebody served too little, or take off what they served too much.

    Within the room that `_room` gives: a backlog is made up for over several plans, not at once.
    What does not fit goes to the others, so that the sum stays.
    """
    known = {person: histories.get(person, History()) for person in shares}
    there = sum(one.presence for one in known.values())
    had = {p: one.served.get(burden.key, 0.0) for p, one in known.items() if one.presence > _TINY}
    rate = sum(had.values()) / there if there > _TINY else 0.0
    owed = {p: rate * known[p].presence - had[p] if p in had else 0.0 for p in shares}
    if not any(owed.values()):
        return dict(shares)
    room = {person: _room(share) for person, share in shares.items()}

    def shared(more: float) -> dict[int, float]:
        """Return the shares if everybody takes so much more of the room they have."""
        return {
            p: shares[p] + min(max(owed[p] + more * room[p], -room[p]), room[p]) for p in shares
        }

    total = sum(shares.values())
    high = max(abs(owed[p]) / room[p] for p in shares) + 2
    low = -high
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(shared(middle).values()) < total else (low, middle)
    return {person: round(target, 6) for person, target in shared(high).items()}


def _room(share: float) -> float:
    """Return how far a target may be from the share: half of it, or one, or all of a small one."""
    return max(share / 2, min(share, 1.0))


# --- Christmas and New Year.

FEASTS: Mapping[str, Collection[tuple[int, int]]] = {
    "christmas": {(12, 24), (12, 25), (12, 26)},
    "new_year": {(12, 31), (1, 1)},
}


def alternation(
    problem: Problem, past: Mapping[int, Iterable[Past]], weight: int = 100
) -> tuple[NotAll, ...]:
    """Return the rules by which Christmas and New Year go round.

    Nobody has more turns of both than must be, and whoever had one of them the year before has none
    of that this time: keys `feasts_2026`, `christmas_again_2026`, `new_year_again_2026` by the
    December's year. `past` by person, for a year at least.
    """
    known = {person.id for person in problem.people}
    had = _by_feast((person, turn) for person in known & past.keys() for turn in past[person])
    needs = _by_feast((need.id, need) for need in problem.needs)
    found: list[NotAll] = []
    for year in sorted({year for _, year in needs}):
        both = {feast: needs[feast, year] for feast in FEASTS}
        before = set[int]().union(*(had[feast, year] for feast in FEASTS))
        found += _not_both(problem, year, both, before, weight)
        for feast in FEASTS:
            found += _none_of(
                f"{feast}_again_{year}", needs[feast, year], had[feast, year - 1], known, weight
            )
    return tuple(found)


#: Which feast, and the year of its December.
_Feast = tuple[str, int]


def _not_both(
    problem: Problem, year: int, both: Mapping[str, set[int]], before: set[int], weight: int
) -> list[NotAll]:
    key, needs = f"feasts_{year}", set[int]().union(*both.values())
    if not all(both.values()):
        # The other feast was planned before, or comes later.
        return _none_of(key, needs, before, {person.id for person in problem.people}, weight)
    seats = _total(BURDENS[0], [problem.needs[need] for need in needs])
    most = max(1, ceil(seats / max(1, len(problem.people))))
    return [NotAll(key=key, weight=weight, needs=frozenset(needs), most=most)]


def _none_of(
    key: str, needs: set[int], people: set[int], known: set[int], weight: int
) -> list[NotAll]:
    """Return the rule that spares some people; none where it would spare everybody."""
    if not needs or not people or people == known:
        return []
    who, what = frozenset(people), frozenset(needs)
    return [NotAll(key=key, weight=weight, needs=what, most=0, people=who)]


def _by_feast(turns: Iterable[tuple[int, Turn]]) -> dict[_Feast, set[int]]:
    """Return by feast the numbers that come with its turns."""
    found: dict[_Feast, set[int]] = defaultdict(set)
    for number, turn in turns:
        if (feast := _feast(turn)) is not None:
            found[feast].add(number)
    return found


def _feast(turn: Turn) -> _Feast | None:
    """Return which feast a turn has, Christmas before New Year, and of which December."""
    for feast, days in FEASTS.items():
        for day in turn.days:
            if (day.month, day.day) in days:
                return feast, day.year - (day.month == 1)
    return None


# --- What a plan comes to.


@dataclass(frozen=True)
class Standing:
    """How one burden is shared in a plan: by person, what they have and what would be fair."""

    key: str
    counts: Mapping[int, int]
    targets: Mapping[int, float]

    @property
    def deviations(self) -> dict[int, float]:
        """Return how much each has too much (above 0) or too little."""
        return {p: round(self.counts[p] - target, 6) for p, target in self.targets.items()}

    @property
    def spread(self) -> float:
        """Return how far the two are apart who have most too much and most too little."""
        found = self.deviations.values()
        return round(max(found) - min(found), 6) if found else 0.0

    @property
    def deviation(self) -> float:
        """Return the standard deviation from what is fair."""
        found = self.deviations.values()
        return (sum(one * one for one in found) / len(found)) ** 0.5 if found else 0.0


def borne(histories: Mapping[int, History]) -> Standing:
    """Return how what weighs was shared so far: heavy turns and calls beside a fair share."""
    had = {person: one.served.get("heavy", 0.0) for person, one in histories.items()}
    there = sum(one.presence for one in histories.values())
    rate = sum(had.values()) / there if there else 0.0
    return Standing(
        "heavy",
        {person: floor(amount + 0.5) for person, amount in had.items()},
        {person: round(rate * one.presence, 6) for person, one in histories.items()},
    )


def standings(problem: Problem, seats: Iterable[Seat]) -> tuple[Standing, ...]:
    """Return how each burden of a problem is shared in a plan."""
    turns: dict[int, list[Need]] = defaultdict(list)
    for need, person in sorted(set(seats)):
        turns[person].append(problem.needs[need])
    return tuple(
        Standing(
            fair.key,
            {person: _count(fair, turns[person]) for person in fair.targets},
            fair.targets,
        )
        for fair in problem.fairs
    )


def _count(fair: Fair, turns: Iterable[Need]) -> int:
    meant = [turn for turn in turns if fair.only.takes(turn)]
    if fair.of is Measure.DAYS:
        return len({day for turn in meant for day in turn.days})
    if fair.of is Measure.MINUTES:
        return ceil(sum(turn.minutes for turn in meant) / 60)
    # Half a turn counts as one: two people who shared it are both shown to have had it.
    return floor(_amount(Burden(fair.key, fair.of), meant) + 0.5)
