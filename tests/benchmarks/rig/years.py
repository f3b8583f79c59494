"""Generated on-call years: pools as they are found, with leave, wishes, part time and history.

Two people at every hour, one of whom holds the certificate; a day is a turn of 24 hours, Saturday
and Sunday are one block. Everything follows from the number of people and the seed.
"""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from dispatch.rota.problem import (
    Away,
    Fair,
    FreeRun,
    Holding,
    Limit,
    Measure,
    Need,
    Officer,
    Past,
    Problem,
    Rest,
    Rule,
    Selection,
    SkillNeed,
    WeekendsInARow,
    WeeklyRest,
    Wish,
)

ZONE = "Europe/Brussels"
_DAY = timedelta(days=1)
CERTIFICATE = "victim support"
#: Twelve days of the year that are public holidays, as (month, day).
_HOLIDAYS = [(1, 1), (4, 5), (4, 6), (5, 1), (5, 14), (5, 25), (7, 21), (8, 15), (11, 1), (11, 11)]
_HOLIDAYS += [(12, 25), (12, 26)]


def year(
    people: int, months: int = 12, seed: int = 1, *, first: date = date(2026, 1, 1)
) -> Problem:
    """Return a year (or some months) of a pool."""
    return _Year(people, months, seed, first).problem()


class _Year:
    def __init__(self, people: int, months: int, seed: int, first: date) -> None:
        self._random = random.Random(f"{people} {seed}")
        self._first = first
        end = first.year * 12 + first.month - 1 + months
        self._last = date(end // 12, end % 12 + 1, 1) - _DAY
        self._days = [first + at * _DAY for at in range((self._last - first).days + 1)]
        self._months = months
        self._count = people
        self._shares = [0.5 if self._random.random() < 0.25 else 1.0 for _ in range(people)]
        certified = ceil(people * (0.8 if people < 20 else 0.6))
        #: Leave is granted while no more than so many are away.
        self._away: dict[date, int] = dict.fromkeys(self._days, 0)
        self._most_away = max(2, people // 4)
        self._certified = set(self._random.sample(range(people), certified))

    def problem(self) -> Problem:
        needs = tuple(self._needs())
        people = tuple(self._officer(person) for person in range(self._count))
        return Problem(
            first=self._first,
            last=self._last,
            zone=ZONE,
            needs=needs,
            people=people,
            rules=tuple(self._rules()),
            fairs=tuple(self._fairs(needs)),
            wishes=tuple(self._wishes(needs)),
        )

    def _needs(self) -> Iterator[Need]:
        for number, day in enumerate(self._days):
            yield Need(
                id=number,
                line="on call",
                kind="day",
                starts_at=_local(day),
                ends_at=_local(day + _DAY),
                days=(day,),
                minutes=0,
                wanted=2,
                skills=(SkillNeed(CERTIFICATE),),
                tags=self._tags(day),
                weekends=frozenset({_saturday(day)}) if day.weekday() >= 5 else frozenset(),
                block=f"weekend {_saturday(day)}" if day.weekday() >= 5 else None,
            )

    def _tags(self, day: date) -> frozenset[str]:
        found = {"weekend"} if day.weekday() >= 5 else set()
        return frozenset(found | ({"public_holiday"} if _is_holiday(day) else set()))

    def _officer(self, person: int) -> Officer:
        holds = (Holding(CERTIFICATE, date(2020, 1, 1)),) if person in self._certified else ()
        return Officer(
            id=person,
            name=f"Officer {person + 1}",
            share=self._shares[person],
            holds=holds,
            away=tuple(self._leave()),
            before=tuple(self._before(person)),
        )

    def _leave(self) -> Iterator[Away]:
        """About 43 days a year: two long leaves, shorter ones and single days."""
        lengths = [14, 14, 5, 3, 3, 2, 1, 1]
        for length in lengths[: max(1, round(len(lengths) * self._months / 12))]:
            for _ in range(100):
                begin = self._random.choice(self._days)
                days = [begin + at * _DAY for at in range(length)]
                if all(self._away.get(day, 0) < self._most_away for day in days):
                    break
            for day in days:
                self._away[day] = self._away.get(day, 0) + 1
            yield Away(_local(begin, 0), _local(begin + length * _DAY, 0), "absence")

    def _before(self, person: int) -> Iterator[Past]:
        """Whose last turns were just before: two each evening of the week before."""
        for back in range(1, 8):
            if person in {(2 * back) % self._count, (2 * back + 1) % self._count}:
                day = self._first - back * _DAY
                yield Past(
                    kind="day",
                    line="on call",
                    starts_at=_local(day),
                    ends_at=_local(day + _DAY),
                    days=(day,),
                    minutes=0,
                    weekends=frozenset({_saturday(day)}) if day.weekday() >= 5 else frozenset(),
                )

    def _rules(self) -> Iterator[Rule]:
        yield FreeRun(key="gap", least=3, between_blocks=True, source="own decision")
        yield Rest(key="rest", minutes=11 * 60, source="Directive 2003/88/EC art. 3")
        yield WeeklyRest(key="weekly rest", minutes=35 * 60, source="Directive 2003/88/EC art. 5")
        yield WeekendsInARow(key="weekends", most=1)
        full = sum(self._shares)
        monthly = ceil(31 * 2 / full * 1.6) + 1
        yield Limit(key="month", of=Measure.DAYS, period="month", most=monthly, per_share=True)

    def _fairs(self, needs: tuple[Need, ...]) -> Iterator[Fair]:
        carried = [self._random.uniform(-1.5, 1.5) for _ in self._shares]
        holidays = Selection(tag="public_holiday")
        for key, of, only, total, carry in (
            ("days", Measure.DAYS, Selection(), 2 * len(self._days), 1.0),
            ("weekends", Measure.WEEKENDS, Selection(), self._weekends(needs), 0.3),
            ("holidays", Measure.DAYS, holidays, self._holidays(), 0.3),
        ):
            middle = sum(carried) / len(carried)
            targets = {
                person: total * share / sum(self._shares) + carry * (carried[person] - middle)
                for person, share in enumerate(self._shares)
            }
            yield Fair(key=key, weight=100, of=of, only=only, targets=targets)

    def _weekends(self, needs: tuple[Need, ...]) -> int:
        return 2 * len({day for need in needs for day in need.weekends})

    def _holidays(self) -> int:
        return 2 * sum(map(_is_holiday, self._days))

    def _wishes(self, needs: tuple[Need, ...]) -> Iterator[Wish]:
        for person in range(self._count):
            for wanted, count in ((False, 14), (True, 8)):
                for number in range(max(1, round(count * self._months / 12))):
                    need = self._random.choice(needs)
                    yield Wish(
                        key=f"{person} {'on' if wanted else 'off'} {number}",
                        person=person,
                        needs=frozenset({need.id}),
                        wanted=wanted,
                        weight=self._random.choice([1, 2, 3, 4]) * (3 if wanted else 5),
                    )


def _local(day: date, hour: int = 8) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


def _saturday(day: date) -> date:
    return day - (day.weekday() - 5) * _DAY


def _is_holiday(day: date) -> bool:
    return (day.month, day.day) in _HOLIDAYS
