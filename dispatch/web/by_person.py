"""A rota by person: a row for each of them, a column for each local day, sums beside fair shares.

The same table shows what is published and what is drafted. A turn stands as its line's letter on
each of its days; what it breaks stands on the cell as a sentence, what nobody fills in a row below.
Absences, wishes, what people's turns break and what weighed on whom are shown to whoever plans,
nobody else.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from flask_babel import format_date, format_decimal, gettext

from dispatch.rota import fairness, sentences
from dispatch.rota.days import between, local, local_day, midnight
from dispatch.rota.differences import Stand
from dispatch.rota.duty import Turn
from dispatch.rota.holidays import Calendar
from dispatch.rota.judging import Judged
from dispatch.rota.models import Line
from dispatch.rota.planning import Ground, Laid
from dispatch.rota.problem import Officer
from dispatch.texts import N_, Sentence
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
    """Whether absences, wishes and what weighed on whom are shown."""
    changed: Collection[Stand] = ()
    """Turns to be marked as changed."""
    locked: Collection[Stand] = ()
    begun: Sequence[Turn] = ()
    """Published turns that began before the days planned and reach into them."""
    unreached: Mapping[int, str] = field(default_factory=dict)
    """Why somebody would not get a text or a call, for those who plan."""
    window: tuple[date, date] | None = None
    """The days that are shown, both included; none: all that are planned."""

    @property
    def days(self) -> list[date]:
        """Return the days that are shown."""
        first, last = self.window or (self.ground.first, self.ground.last)
        return list(between(max(first, self.ground.first), min(last, self.ground.last)))


def table(shown: Shown) -> dict[str, Any]:
    """Return the table, ready to be shown."""
    days = shown.days
    letters = letters_of(shown.lines)
    turns = _turns(shown, letters)
    standings = fairness.standings(shown.laid.problem, shown.laid.seats)
    names = [gettext(BURDENS[standing.key]) for standing in standings]
    borne = fairness.borne(shown.ground.histories or {})
    if shown.private and any(borne.counts.values()):
        standings, names = (*standings, borne), [*names, gettext("heavy, two years")]
    return {
        "days": [_day(shown, day) for day in days],
        "sums": names,
        "letters": [(letters[line.id], line.name) for line in shown.lines],
        "rows": [
            {
                "id": person.id,
                "name": person.name,
                "unreached": shown.unreached.get(person.id, ""),
                "cells": [
                    {"turns": turns.get((person.id, day), ()), **told}
                    for day, told in zip(days, _beside(shown, person, days), strict=True)
                ],
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
    """Return what stands on each day of each person."""
    problem, words = shown.laid.problem, shown.ground.words
    zone = shown.ground.place.zone
    faults = _faults(shown)
    places = {line.id: place for place, line in enumerate(shown.lines)}
    found: dict[tuple[int, date], list[dict[str, Any]]] = defaultdict(list)
    for stand, seat in zip(shown.laid.stands, shown.laid.seats, strict=True):
        need = problem.needs[seat[0]]
        item = {
            "letter": letters.get(stand.line_id, "?"),
            "place": places.get(stand.line_id, 0),
            "turn": told(sentences.turn(need, problem, words)),
            "faults": [said for _, said in faults[seat]],
            "hard": any(hard for hard, _ in faults[seat]),
            "changed": stand in shown.changed,
            "locked": stand in shown.locked,
        }
        for number, day in enumerate(need.days):
            found[stand.person_id, day].append(item | {"begins": not number})
    for turn in shown.begun:
        item = _begun(shown, turn, letters, places)
        # As in a pattern, the day of the hand-over is the next one's.
        for day in between(shown.ground.first, local_day(turn.until_at, zone) - timedelta(days=1)):
            found[turn.person_id, day].insert(0, item)
    return found


def _begun(
    shown: Shown, turn: Turn, letters: Mapping[int, str], places: Mapping[int, int]
) -> dict[str, Any]:
    at = local(turn.from_at, shown.ground.place.zone)
    return {
        "letter": letters.get(turn.line_id, "?"),
        "place": places.get(turn.line_id, 0),
        "turn": told(Sentence("%(line)s %(at)s", line=turn.line_name, at=at)),
        "faults": [],
        "hard": False,
        "changed": False,
        "locked": False,
        "begins": False,
    }


def _faults(shown: Shown) -> dict[tuple[int, int], list[tuple[bool, str]]]:
    """Return what each seat breaks, and whether that is hard; hard faults first."""
    found: dict[tuple[int, int], list[tuple[bool, str]]] = defaultdict(list)
    if not shown.private:
        return found
    for judged in sorted(shown.judged, key=lambda one: not one.hard):
        breach = judged.breach
        if breach.key.startswith(("fair:", "wish:")):
            continue
        for seat in shown.laid.seats:
            if seat[0] in breach.needs and breach.person in (None, seat[1]):
                found[seat].append((judged.hard, told(judged.told)))
    return found


def _day(shown: Shown, day: date) -> dict[str, Any]:
    tags = shown.calendar.tags(day)
    return {
        "date": day,
        "number": day.day,
        "weekday": format_date(day, "EEEEEE"),
        "label": format_date(day, "EEEE d MMMM"),
        "month": format_date(day, "LLL"),
        "today": day == shown.today,
        "weekend": day.weekday() >= 5,
        "holiday": bool(tags & {"public_holiday", "eve"}),
        "school": "school_holiday" in tags,
        "names": ", ".join(shown.calendar.names(day)),
    }


def _beside(shown: Shown, person: Officer, days: Sequence[date]) -> Iterator[dict[str, Any]]:
    """Yield for each day what else a planner sees of somebody: absence and wish."""
    zone = shown.ground.place.zone
    away = [one for one in person.away if one.reason in _AWAY]
    wishes = [wish for wish in shown.ground.wishes if wish.person_id == person.id]
    for day in days:
        if not shown.private or not (away or wishes):
            yield {}
            continue
        begins, ends = midnight(day, zone), midnight(day + timedelta(days=1), zone)
        reason = next((o.reason for o in away if o.starts_at < ends and o.ends_at > begins), None)
        wish = next((wish for wish in wishes if wish.first_on <= day <= wish.last_on), None)
        yield {
            "away": gettext(_AWAY[reason]) if reason else None,
            "wish": wish and ("wants" if wish.wanted else "avoids"),
        }


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
    found: dict[date, dict[int, list[str]]] = {day: {} for day in days}
    needs = shown.laid.problem.needs
    for judged in shown.judged:
        breach = judged.breach
        if breach.key not in ("cover", "skill") or not breach.needs:
            continue
        need = needs[breach.needs[0]]
        if need.days[0] in found:
            found[need.days[0]].setdefault(need.id, []).append(told(judged.told))
    return [
        {
            "date": day,
            "told": [one for some in found[day].values() for one in some],
            "gaps": [(needs[need].line, needs[need].starts_at) for need in found[day]],
        }
        for day in days
    ]
