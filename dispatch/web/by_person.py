"""A rota by person: a row for each of them, a column for each local day, sums beside fair shares.

The same table shows what is published and what is drafted. A turn stands as its line's letter on
each of its days; what it breaks stands on the cell as a sentence, what nobody fills in a row below.
Absences and wishes are shown to who plans, nobody else.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import format_date, format_decimal, gettext

from dispatch.rota import fairness, sentences
from dispatch.rota.days import between, midnight
from dispatch.rota.differences import Stand
from dispatch.rota.holidays import Calendar
from dispatch.rota.judging import Judged
from dispatch.rota.models import Line
from dispatch.rota.planning import Ground, Laid
from dispatch.rota.problem import Need, Officer
from dispatch.texts import N_
from dispatch.web.forms import told
from dispatch.web.shares import BURDENS

_AWAY: Mapping[str, str] = {
    "absence": N_("away"),
    "not_member": N_("not in the team"),
    "other_team": N_("turn in another team"),
}


@dataclass(frozen=True)
class Shown:
    """What a table is made of."""

    ground: Ground
    laid: Laid
    lines: Sequence[Line]
    calendar: Calendar
    today: date
    judged: Sequence[Judged] = ()
    private: bool = False
    """Whether absences and wishes are shown."""
    changed: Collection[Stand] = ()
    """Turns to be marked as new."""
    marks: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """What else a cell says of a turn, by the place of the turn: locked, seat."""


def table(shown: Shown) -> dict[str, Any]:
    """Return the table, ready to be shown."""
    days = list(between(shown.ground.first, shown.ground.last))
    letters = letters_of(shown.lines)
    turns = _turns(shown, letters)
    standings = fairness.standings(shown.laid.problem, shown.laid.seats)
    return {
        "days": [_day(shown, day) for day in days],
        "sums": [gettext(BURDENS[standing.key]) for standing in standings],
        "letters": [(letters[line.id], line.name) for line in shown.lines],
        "rows": [
            {
                "id": person.id,
                "name": person.name,
                "cells": [_cell(shown, person, day, turns[person.id, day]) for day in days],
                "sums": [_sum(standing, person.id) for standing in standings],
            }
            for person in shown.ground.people
        ],
        "empty": _empty(shown, days),
    }


def letters_of(lines: Sequence[Line]) -> dict[int, str]:
    """Return a letter for each line: the first of its name, more where two begin alike."""
    found: dict[int, str] = {}
    for line in lines:
        name = line.name.strip() or line.key
        found[line.id] = next(
            (
                name[:n].upper()
                for n in range(1, len(name))
                if name[:n].upper() not in found.values()
            ),
            name.upper(),
        )
    return found


def _turns(
    shown: Shown, letters: Mapping[int, str]
) -> dict[tuple[int, date], list[dict[str, Any]]]:
    problem, words = shown.laid.problem, shown.ground.words
    faults = _faults(shown)
    found: dict[tuple[int, date], list[dict[str, Any]]] = defaultdict(list)
    for number, (stand, seat) in enumerate(zip(shown.laid.stands, shown.laid.seats, strict=True)):
        need = problem.needs[seat[0]]
        item = {
            "letter": letters.get(stand.line_id, "?"),
            "kind": need.kind,
            "turn": told(sentences.turn(need, problem, words)),
            "faults": faults[seat],
            "changed": stand in shown.changed,
            "night": "night" in need.tags,
            **shown.marks.get(number, {}),
        }
        for day in need.days or (shown.ground.first,):
            found[stand.person_id, day].append(item | {"begins": day == need.days[0]})
    return found


def _faults(shown: Shown) -> dict[tuple[int, int], list[str]]:
    """Return what each seat breaks, hard faults first."""
    found: dict[tuple[int, int], list[str]] = defaultdict(list)
    for judged in sorted(shown.judged, key=lambda one: not one.hard):
        breach = judged.breach
        if breach.key.startswith(("fair:", "wish:")):
            continue
        for seat in shown.laid.seats:
            if seat[0] in breach.needs and breach.person in (None, seat[1]):
                found[seat].append(told(judged.told))
    return found


def _day(shown: Shown, day: date) -> dict[str, Any]:
    tags = shown.calendar.tags(day)
    return {
        "date": day,
        "number": day.day,
        "weekday": format_date(day, "EEEEEE"),
        "label": format_date(day, "EEEE d MMMM"),
        "month": format_date(day, "LLLL"),
        "today": day == shown.today,
        "weekend": day.weekday() >= 5,
        "holiday": bool(tags & {"public_holiday", "eve"}),
        "school": "school_holiday" in tags,
        "names": ", ".join(shown.calendar.names(day)),
    }


def _cell(
    shown: Shown, person: Officer, day: date, turns: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    cell: dict[str, Any] = {"turns": turns}
    if shown.private:
        cell["away"] = _away(shown, person, day)
        wishes = [
            wish
            for wish in shown.ground.wishes
            if wish.person_id == person.id and wish.first_on <= day <= wish.last_on
        ]
        if wishes:
            cell["wish"] = "wants" if wishes[0].wanted else "avoids"
    return cell


def _away(shown: Shown, person: Officer, day: date) -> str | None:
    zone = shown.ground.place.zone
    begins, ends = midnight(day, zone), midnight(date.fromordinal(day.toordinal() + 1), zone)
    for away in person.away:
        if away.starts_at < ends and away.ends_at > begins and away.reason in _AWAY:
            return str(gettext(_AWAY[away.reason]))
    return None


def _sum(standing: fairness.Standing, person_id: int) -> dict[str, Any] | None:
    if person_id not in standing.targets:
        return None
    target = standing.targets[person_id]
    off = standing.counts[person_id] - target
    return {
        "count": standing.counts[person_id],
        "fair": str(format_decimal(round(target, 1), "#,##0.#")),
        # Nearer than a whole turn nobody can come.
        "off": "more" if off >= 1 else "less" if off <= -1 else None,
    }


def _empty(shown: Shown, days: Sequence[date]) -> list[dict[str, Any]]:
    """Return for each day what nobody fills, or nobody trained for it."""
    found: dict[date, list[str]] = defaultdict(list)
    for judged in shown.judged:
        breach = judged.breach
        if breach.key in ("cover", "skill") and breach.needs:
            need: Need = shown.laid.problem.needs[breach.needs[0]]
            found[need.days[0]].append(told(judged.told))
    return [{"date": day, "told": found[day]} for day in days]
