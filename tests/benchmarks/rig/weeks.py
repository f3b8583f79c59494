"""Generated years of week turns: small teams, as most are, planned as the product plans them.

Turns come from a pattern of lines that change hands on Monday, targets from `rota.fairness` with
history, beside the rules that such teams keep: two weeks free between two turns, somebody new only
beside a mentor, two who share a household never together. Everything follows from the number of
people, of lines, and the seed.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from dispatch.rota import fairness, holidays, patterns
from dispatch.rota.problem import (
    Apart,
    Away,
    FreeRun,
    Holding,
    Mentored,
    Officer,
    Past,
    Problem,
    Rest,
    Rule,
    WeekendsInARow,
    Wish,
)
from tests.benchmarks.rig.years import CERTIFICATE, ZONE

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_LINES = ("primary", "backup", "victims")
_FIRST, _LAST = date(2027, 1, 4), date(2028, 1, 2)
#: How many days each leave lasts, and of how many of them school is out.
_LEAVES, _IN_SCHOOL_HOLIDAYS = (14, 14, 7, 5, 3, 2), 3


def weeks(people: int, lines: int, seed: int = 1) -> Problem:
    """Return a year of a team."""
    return _Weeks(people, lines, seed).problem()


class _Weeks:
    def __init__(self, people: int, lines: int, seed: int) -> None:
        self._random = random.Random(f"{people} {lines} {seed}")
        self._count = people
        self._calendar = holidays.calendar("BE", _FIRST, _LAST + 2 * _WEEK, community="flemish")
        pattern = patterns.read({"lines": [_line(key) for key in _LINES[:lines]]})
        self._needs = patterns.needs(pattern, _FIRST, _LAST, ZONE, self._calendar)
        self._lines = lines
        self._shares = self._random.choices((1.0, 0.8, 0.5), (6, 2, 2), k=people)
        #: Leave is granted while no more than so many are away.
        self._away: dict[date, int] = {}
        self._most_away = max(1, people // 4)

    def problem(self) -> Problem:
        bare = Problem(
            first=_FIRST,
            last=_LAST,
            zone=ZONE,
            needs=self._needs,
            people=tuple(self._officer(person) for person in range(self._count)),
            rules=tuple(self._rules()),
            wishes=tuple(self._wishes()),
        )
        past = {one.id: one.before for one in bare.people}
        histories = {
            person: fairness.history(past[person], 365 * share, self._served(share))
            for person, share in enumerate(self._shares)
        }
        rules = (*bare.rules, *fairness.alternation(bare, past))
        return replace(bare, rules=rules, fairs=fairness.fairs(bare, histories))

    def _served(self, share: float) -> dict[str, float]:
        """Return what somebody brings along: about their share of a year, not quite."""
        mine = share / sum(self._shares) * self._lines
        return {
            key: max(0.0, round(count * mine + self._random.uniform(-1, 1) * spread))
            for key, count, spread in (
                ("turns", 52, 2),
                ("weekends", 52, 2),
                ("public_holidays", 9, 1),
                ("school_holidays", 16, 2),
            )
        }

    def _officer(self, person: int) -> Officer:
        # The last to come are new: two thirds of a large team's lines are open to them.
        new = person == self._count - 1
        certified = person < max(3, self._count * 2 // 3)
        return Officer(
            id=person,
            name=f"Officer {person + 1}",
            share=self._shares[person],
            lines=frozenset(_LINES[1:]) if new else None,
            holds=(Holding(CERTIFICATE, date(2020, 1, 1)),) if certified else (),
            away=tuple(self._leave()),
            before=tuple(self._before(person)),
        )

    def _leave(self) -> Iterator[Away]:
        days = [_FIRST + at * _DAY for at in range((_LAST - _FIRST).days + 1)]
        free = [day for day in days if "school_holiday" in self._calendar.tags(day)]
        for number, length in enumerate(_LEAVES):
            for _ in range(100):
                begin = self._random.choice(free if number < _IN_SCHOOL_HOLIDAYS else days)
                gone = [begin + at * _DAY for at in range(length)]
                if all(self._away.get(day, 0) < self._most_away for day in gone):
                    for day in gone:
                        self._away[day] = self._away.get(day, 0) + 1
                    yield Away(_local(begin, 0), _local(begin + length * _DAY, 0), "absence")
                    break

    def _before(self, person: int) -> Iterator[Past]:
        for back in range(1, 5):
            for line in range(self._lines):
                if (back * self._lines + line) % self._count == person:
                    day = _FIRST - back * _WEEK
                    days = tuple(day + at * _DAY for at in range(7))
                    yield Past(
                        kind="week",
                        line=_LINES[line],
                        starts_at=_local(day),
                        ends_at=_local(day + _WEEK),
                        days=days,
                        minutes=0,
                        rests=True,
                        weekends=frozenset({day + 5 * _DAY}),
                    )

    def _rules(self) -> Iterator[Rule]:
        yield Rest(key="rest", minutes=11 * 60, source="Directive 2003/88/EC art. 3")
        yield FreeRun(key="spacing", least=14, between_blocks=True, weight=20)
        yield WeekendsInARow(key="weekends", most=1)
        yield Apart(key="household", pair=(0, 1))
        new = self._count - 1
        yield Mentored(key="mentor", trainee=new, mentors=frozenset({0, 2, 3}), weight=None)

    def _wishes(self) -> Iterator[Wish]:
        days = sorted({need.days[0] for need in self._needs})
        for person in range(self._count):
            for wanted, count in ((False, 6), (True, 4)):
                for number in range(count):
                    day = self._random.choice(days)
                    yield Wish(
                        key=f"{person} {'on' if wanted else 'off'} {number}",
                        person=person,
                        needs=frozenset(n.id for n in self._needs if n.days[0] == day),
                        wanted=wanted,
                        weight=10 * self._random.randint(1, 5),
                    )


def _line(key: str) -> dict[str, object]:
    turn = {"form": "week", "kind": "week", "begins": "monday", "starts": "08:00", "rests": True}
    needs = {"qualifications": [{"qualification": CERTIFICATE}]} if key == "primary" else {}
    return {"key": key, "turns": [turn], **needs}


def _local(day: date, hour: int = 8) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
