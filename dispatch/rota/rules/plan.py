"""A plan as the checks read it: who fills each need, and each person's turns in order.

Every instant is turned to UTC on the way in: two times of one zone are otherwise compared and
subtracted as wall clocks, which is an hour wrong in two nights of the year.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from dispatch.rota.problem import Breach, Need, Officer, Past, Problem, Rule, Seat, Selection

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Held:
    """One turn of one person."""

    turn: Need | Past
    starts_at: datetime
    ends_at: datetime
    block: tuple[str | int, ...]
    """Equal for the needs of one block, and for nothing else."""
    begins_on: date
    """The day on which it counts as a turn; of a part, that of the whole turn."""

    @property
    def whole(self) -> tuple[str | int, ...]:
        """Return what is equal for the needs of one block, and for the parts of one turn."""
        within = self.turn.within
        return self.block if within is None else ("part", self.planned, self.turn.line, within)

    @property
    def planned(self) -> bool:
        """Return whether it is a turn of the plan, not one around it."""
        return isinstance(self.turn, Need)

    @property
    def own_day(self) -> date:
        """Return the day that it counts on."""
        return self.turn.days[0]

    def overlaps(self, other: "Held") -> bool:
        """Return whether both last at some instant."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@dataclass(frozen=True, slots=True)
class Duty:
    """A person with all turns, those around the plan too, in order of beginning."""

    problem: Problem
    person: Officer
    turns: tuple[Held, ...]

    @property
    def planned(self) -> tuple[Held, ...]:
        """Return the turns of the plan."""
        return tuple(held for held in self.turns if held.planned)

    def meant(self, only: Selection) -> "Duty":
        """Return the same with the turns of a selection."""
        turns = tuple(held for held in self.turns if only.takes(held.turn))
        return Duty(self.problem, self.person, turns)

    def midnight(self, day: date) -> datetime:
        """Return the instant at which a local day begins."""
        return _midnight(self.problem.zone, day)


class Plan:
    """A problem with the seats to be checked."""

    def __init__(self, problem: Problem, seats: Collection[Seat]) -> None:
        self.problem = problem
        self.people = {person.id: person for person in problem.people}
        self.seats = frozenset(seats)
        self.filled: dict[int, list[int]] = defaultdict(list)
        self.serves: dict[int, list[int]] = defaultdict(list)
        for need, person in sorted(self.seats):
            if person not in self.people or not 0 <= need < len(problem.needs):
                raise ValueError(f"no such seat: need {need}, person {person}")
            self.filled[need].append(person)
            self.serves[person].append(need)
        self._duties: dict[int, Duty] = {}
        self._begins: dict[tuple[str, str], date] = {}
        for part in problem.needs:
            if part.within is not None:
                whole = (part.line, part.within)
                self._begins[whole] = min(part.days[0], self._begins.get(whole, part.days[0]))

    def served(self, people: Iterable[int]) -> set[int]:
        """Return the needs that some of them fill."""
        return {need for person in people for need in self.serves.get(person, ())}

    def duty(self, person: int) -> Duty:
        """Return what somebody does; somebody unknown does nothing."""
        if person not in self._duties:
            officer = self.people.get(person) or Officer(person, "")
            turns = [_past(past, place) for place, past in enumerate(officer.around)]
            turns += [self._need(self.problem.needs[id_]) for id_ in self.serves.get(person, ())]
            turns.sort(key=lambda held: (held.starts_at, held.ends_at))
            self._duties[person] = Duty(self.problem, officer, tuple(turns))
        return self._duties[person]

    def _need(self, need: Need) -> Held:
        block = ("need", need.id) if need.block is None else ("block", need.line, need.block)
        begins = self._begins.get((need.line, need.within or ""), need.days[0])
        times = need.starts_at.astimezone(UTC), need.ends_at.astimezone(UTC)
        return Held(need, *times, block, begins)


@cache
def _midnight(zone: str, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _past(past: Past, place: int) -> Held:
    block = ("past", place)
    times = past.starts_at.astimezone(UTC), past.ends_at.astimezone(UTC)
    return Held(past, *times, block, past.days[0])


def near(turns: Sequence[Held], least: timedelta) -> Iterator[tuple[Held, Held]]:
    """Yield each two turns less than so long apart, or overlapping, of which the plan has one.

    `turns` are in order of beginning.
    """
    for place, one in enumerate(turns):
        for other in turns[place + 1 :]:
            if other.starts_at - one.ends_at >= least:
                break
            if one.planned or other.planned:
                yield one, other


def breach(
    rule: Rule,
    amount: int,
    person: int,
    turns: Iterable[Held],
    facts: Mapping[str, str | int | float] | None = None,
    days: Iterable[date] | None = None,
) -> Breach:
    """Return what says that a rule is broken by some turns, on their own days unless told."""
    turns = tuple(turns)
    return Breach(
        key=rule.key,
        amount=amount,
        cost=None if rule.weight is None else rule.weight * amount,
        person=person,
        needs=tuple(held.turn.id for held in turns if isinstance(held.turn, Need)),
        days=tuple(sorted({held.own_day for held in turns})) if days is None else tuple(days),
        facts=facts or {},
    )
