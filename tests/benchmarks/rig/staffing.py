"""Reads staff scheduling instances of Curtois & Qu into a `Problem`.

Their format is known here only. A day's shift is a need; what is asked of one person is a rule that
binds only this person.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from dispatch.rota.problem import (
    Away,
    FreeRun,
    Limit,
    Measure,
    Need,
    Officer,
    Problem,
    Rule,
    Run,
    Selection,
    Succession,
    Wish,
)

FOLDER = Path(__file__).parents[2] / "files" / "nrp"
#: A Monday, as day 0 is.
_FIRST = date(2024, 1, 1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class _Shift:
    minutes: int
    not_after: tuple[str, ...]


def instance(name: str | int) -> Problem:
    """Return an instance: by number, or from a file of the same format."""
    path = FOLDER / f"Instance{name}.txt" if str(name).isdigit() else Path(name)
    sections: dict[str, list[list[str]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("SECTION_"):
            rows = sections[line.strip().removeprefix("SECTION_")] = []
        elif line.strip() and not line.startswith("#"):
            rows.append([cell.strip() for cell in line.split(",")])
    return _Reading(sections).problem()


class _Reading:
    def __init__(self, sections: dict[str, list[list[str]]]) -> None:
        self._sections = sections
        self._days = int(sections["HORIZON"][0][0])
        self._shifts = {
            row[0]: _Shift(int(row[1]), tuple(filter(None, row[2].split("|"))))
            for row in sections["SHIFTS"]
        }
        self._staff = {row[0]: number for number, row in enumerate(sections["STAFF"])}
        self._need: dict[tuple[int, str], int] = {}

    def problem(self) -> Problem:
        needs = tuple(self._needs())
        return Problem(
            first=_FIRST,
            last=_FIRST + (self._days - 1) * _DAY,
            zone="UTC",
            needs=needs,
            people=tuple(self._people()),
            rules=tuple(self._rules()),
            wishes=tuple(self._wishes()),
        )

    def _needs(self):
        cover = {(int(row[0]), row[1]): tuple(map(int, row[2:])) for row in self._sections["COVER"]}
        for day in range(self._days):
            for name, shift in self._shifts.items():
                wanted, under, over = cover.get((day, name), (0, 0, 0))
                on = _FIRST + day * _DAY
                begins = datetime(on.year, on.month, on.day, tzinfo=UTC)
                self._need[day, name] = len(self._need)
                yield Need(
                    id=self._need[day, name],
                    line=name,
                    kind=name,
                    starts_at=begins,
                    ends_at=begins + timedelta(minutes=shift.minutes),
                    days=(on,),
                    minutes=shift.minutes,
                    wanted=wanted,
                    under=under,
                    over=over,
                    weekends=frozenset({on - (on.weekday() - 5) * _DAY})
                    if on.weekday() >= 5
                    else frozenset(),
                )

    def _people(self):
        off = {row[0]: list(map(int, row[1:])) for row in self._sections["DAYS_OFF"]}
        for name, number in self._staff.items():
            begins = datetime(_FIRST.year, _FIRST.month, _FIRST.day, tzinfo=UTC)
            away = tuple(
                Away(begins + day * _DAY, begins + (day + 1) * _DAY, "absence")
                for day in off.get(name, ())
            )
            yield Officer(number, name, away=away)

    def _rules(self):
        for name, shift in self._shifts.items():
            for then in shift.not_after:
                yield Succession(key=f"{name} before {then}", first=name, then=then)
        for row in self._sections["STAFF"]:
            yield from self._rules_of(row)

    def _rules_of(self, row: list[str]) -> list[Rule]:
        name, shifts, *numbers = row
        most, least, run_most, run_least, free_least, weekends = map(int, numbers)
        who = frozenset({self._staff[name]})
        limits: list[Rule] = [
            Limit(
                key=f"{name} {kind}",
                people=who,
                only=Selection(kinds=frozenset({kind})),
                most=int(count),
            )
            for kind, count in (part.split("=") for part in shifts.split("|"))
            if int(count) < self._days
        ]
        return [
            *limits,
            Limit(key=f"{name} minutes", people=who, of=Measure.MINUTES, least=least, most=most),
            Run(key=f"{name} run", people=who, least=run_least, most=run_most),
            FreeRun(key=f"{name} free", people=who, least=free_least),
            Limit(key=f"{name} weekends", people=who, of=Measure.WEEKENDS, most=weekends),
        ]

    def _wishes(self):
        for section, wanted in (("SHIFT_ON_REQUESTS", True), ("SHIFT_OFF_REQUESTS", False)):
            for row in self._sections.get(section, ()):
                name, day, kind, weight = row
                yield Wish(
                    key=f"{name} {day} {kind}",
                    person=self._staff[name],
                    needs=frozenset({self._need[int(day), kind]}),
                    wanted=wanted,
                    weight=int(weight),
                )


def best_known() -> dict[int, int]:
    """Return the best known cost of each instance that is here."""
    rows = re.findall(
        r"^\| (\d+) \|(?:[^|]*\|){4} *(\d+) \|",
        (FOLDER / "SOURCE.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return {int(number): int(cost) for number, cost in rows}
