"""A month of a team's rota as a table: a row for each local day, a column for each line.

Every stretch stands on each day that it touches, with its time only where it begins or ends. Times
are the team's wall clock; one that comes twice in the night when clocks go back says which it is.
What is wanted and empty is a gap; what no hours want is just empty. Whoever changes the rota sees
who is away on a day of their turn.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import format_date, gettext

from dispatch.db import Session
from dispatch.errors import NotFound
from dispatch.people.access import Right
from dispatch.people.models import Team
from dispatch.rota import absences
from dispatch.rota.duty import Gap, Turn, duty_between, gaps
from dispatch.rota.models import Absence, Line
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.on_duty import why_nobody


def team_for(opened: Session, key: str, right: Right) -> Team:
    """Return the team with this key if the viewer holds `right` there."""
    team = opened.scalars(sa.select(Team).where(Team.key == key)).one_or_none()
    if team is None:
        raise NotFound(N_("There is no such team, or it is not yours to see."))
    session.viewer().require(right, team_id=team.id)
    return team


def lines_of(opened: Session, team: Team) -> list[Line]:
    """Return the lines of a team in their order."""
    query = sa.select(Line).where(Line.team_id == team.id)
    return list(opened.scalars(query.order_by(Line.position, Line.id)))


def month_table(
    opened: Session, team: Team, first: date, now: datetime, *, private: bool
) -> dict[str, Any]:
    """Return the month that begins with `first`, ready to be shown; `private`: absences too."""
    zone = ZoneInfo(team.time_zone)
    days = [first + timedelta(days=number) for number in range((following(first) - first).days)]
    begin, end = midnight(days[0], zone), midnight(following(first), zone)
    stretches = duty_between(opened, team, begin, end)
    turns = [stretch for stretch in stretches if isinstance(stretch, Turn)]
    # A day more at each end: a gap that goes on must not look as if it ended with the month.
    around = (begin - timedelta(days=1), end + timedelta(days=1))
    shown: list[Turn | Gap] = [*turns, *gaps(opened, team, *around)]
    lines = lines_of(opened, team)
    people = {turn.person_id for turn in turns} if private else ()
    away = absences.standing(opened, people, begin, end) if people else ()
    return {
        "lines": [line.name for line in lines],
        "days": [_day(day, zone, now, lines, shown, away) for day in days],
    }


def following(first: date) -> date:
    """Return the first day of the month after."""
    return (first.replace(day=1) + timedelta(days=31)).replace(day=1)


def month_of(wanted: str, today: date) -> date:
    """Return the first day of the month asked for, or of the present one."""
    try:
        day = date.fromisoformat(f"{wanted}-01" if len(wanted) == len("2026-03") else wanted)
    except ValueError:
        day = today
    return (day if 1990 <= day.year <= 2200 else today).replace(day=1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which a local day begins."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def comes_twice(at: datetime, zone: ZoneInfo) -> bool:
    """Return whether the wall clock shows this time again, or has shown it before, that night."""
    local = at.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def wall_clock(at: datetime, zone: ZoneInfo) -> str:
    """Write a time of day, with the zone's name where the time alone would be ambiguous."""
    return f"{at.astimezone(zone):{'%H:%M %Z' if comes_twice(at, zone) else '%H:%M'}}"


def field_text(at: datetime, zone: ZoneInfo) -> str:
    """Write an instant as a form's field for local times holds it."""
    return f"{at.astimezone(zone):%Y-%m-%dT%H:%M}"


def _day(
    day: date,
    zone: ZoneInfo,
    now: datetime,
    lines: Sequence[Line],
    shown: Sequence[Turn | Gap],
    away: Sequence[Absence],
) -> dict[str, Any]:
    begin, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    here = [
        stretch
        for stretch in shown
        if (stretch.from_at or begin) < end and (stretch.until_at or end) > begin
    ]
    here.sort(key=lambda stretch: stretch.from_at or begin)
    return {
        "date": day,
        "label": format_date(day, "EEE d"),
        "today": begin <= now < end,
        "weekend": day.weekday() >= 5,
        "note": _clocks(end - begin),
        "cells": [
            [_item(one, begin, end, zone, now, away) for one in here if one.line_id == line.id]
            for line in lines
        ],
    }


def _clocks(length: timedelta) -> str | None:
    hours = round(length / timedelta(hours=1))
    if hours == 24:
        return None
    if hours < 24:
        return str(gettext("%(hours)s hours: the clock goes forward", hours=hours))
    return str(gettext("%(hours)s hours: the clock goes back", hours=hours))


def _item(
    stretch: Turn | Gap,
    begin: datetime,
    end: datetime,
    zone: ZoneInfo,
    now: datetime,
    away: Sequence[Absence],
) -> dict[str, Any]:
    from_at, until_at = stretch.from_at or begin, stretch.until_at or end
    item: dict[str, Any] = {
        "from": wall_clock(from_at, zone) if from_at >= begin else None,
        "until": wall_clock(until_at, zone) if until_at <= end else None,
    }
    if isinstance(stretch, Gap):
        times = {"starts_at": field_text(from_at, zone), "ends_at": field_text(until_at, zone)}
        told = {"gap": why_nobody(stretch), "past": until_at <= now, "line": stretch.line_key}
        return item | told | times
    return item | {
        "person": stretch.person_id,
        "name": stretch.person_name,
        "covers": stretch.covers,
        "away": any(
            one.person_id == stretch.person_id
            and one.starts_at < min(until_at, end)
            and max(from_at, begin) < (one.ends_at or absences.FAR)
            for one in away
        ),
        "shift": stretch.shift_uid,
        "cover": stretch.cover_uid,
    }
