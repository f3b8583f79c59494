"""The turns that a pattern would make in the coming weeks, before anybody is planned by it.

Also what nobody could fill: a unit without people, a qualification that too few of the team hold.
How turns follow from a pattern is for `rota.patterns`; this only puts them beside days and names.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import format_date, format_datetime, gettext

from dispatch.db import Session
from dispatch.people.models import Person, Team
from dispatch.rota import ground, officers, patterns
from dispatch.rota.patterns import Pattern
from dispatch.rota.problem import Need, Officer, SkillNeed

DAYS = 28
_DAY = timedelta(days=1)

#: What qualifications are called, by their key.
_Names = Mapping[str, str]


def shown(
    opened: Session, team: Team, pattern: Pattern, first: date, trained: _Names
) -> dict[str, Any]:
    """Return the days of four weeks with their turns, and warnings.

    Raises Invalid naming a line whose turns overlap.
    """
    last = first + (DAYS - 1) * _DAY
    since = patterns.calendar_from(pattern, first)
    calendar = ground.calendar_of(opened, team, since, last + 2 * _DAY)
    where = (first, last, team.time_zone, calendar)
    needs = patterns.needs(pattern, *where)
    fixed: dict[int, list[int]] = defaultdict(list)
    for need_id, person in patterns.locks(pattern, *where):
        fixed[need_id].append(person)
    names = _people(opened, {one for several in fixed.values() for one in several})
    of_day = defaultdict(list)
    for need in needs:
        said = _turn(need, ZoneInfo(team.time_zone), trained)
        of_day[need.days[0]].append(said | {"who": [names[p] for p in fixed[need.id]]})
    return {
        "days": [
            {
                "label": format_date(day, "EEE d MMM"),
                "free": day.weekday() >= 5 or "public_holiday" in calendar.tags(day),
                "names": calendar.names(day),
                "turns": of_day[day],
            }
            for day in (first + number * _DAY for number in range(DAYS))
            # A turn of several days stands on its first; an empty day is one that nobody has.
            if of_day[day] or not any(need.days[0] < day <= need.days[-1] for need in needs)
        ],
        "warnings": list(_warnings(needs, officers.load(opened, team, first, last), trained)),
    }


def _turn(need: Need, zone: ZoneInfo, trained: _Names) -> dict[str, Any]:
    starts, ends = (at.astimezone(zone) for at in (need.starts_at, need.ends_at))
    far = ends.date() - starts.date() > _DAY
    until = "EEE d MMM HH:mm" if far else "HH:mm"
    return {
        "line": need.line,
        "kind": need.kind,
        "from": format_datetime(starts, "HH:mm", rebase=False),
        "until": format_datetime(ends, until, rebase=False),
        "people": need.wanted,
        "trained": [_trained(skill, trained) for skill in need.skills],
        "unit": need.unit or "",
        "night": "night" in need.tags,
        "rests": need.rests,
    }


def _trained(skill: SkillNeed, trained: _Names) -> str:
    said = trained.get(skill.qualification, skill.qualification)
    return said if skill.count == 1 else f"{skill.count} x {said}"


def _people(opened: Session, ids: set[int]) -> dict[int, str]:
    found = opened.execute(sa.select(Person.id, Person.name).where(Person.id.in_(ids)))
    return {row.id: row.name for row in found}


def _warnings(needs: Sequence[Need], staff: Sequence[Officer], trained: _Names) -> Iterator[str]:
    """Say what nobody in the team could fill, each once."""
    known = {person.unit for person in staff}
    for unit in dict.fromkeys(need.unit for need in needs if need.unit is not None):
        if unit not in known:
            yield gettext(
                "Nobody of the team is of the unit %(unit)s: enter it under Shares and pairs.",
                unit=unit,
            )
    wanted: dict[str, int] = defaultdict(int)
    for skill in (skill for need in needs for skill in need.skills):
        wanted[skill.qualification] = max(wanted[skill.qualification], skill.count)
    for key, count in wanted.items():
        held = sum(any(one.qualification == key for one in person.holds) for person in staff)
        if held < count:
            yield gettext(
                "Trained for %(qualification)s: %(held)s of the team, and a turn wants %(wanted)s.",
                qualification=trained.get(key, key),
                held=held,
                wanted=count,
            )
