"""Who takes which turn in the demonstration.

Victim support turns by the week and hands over on Friday at 17:00. Social on-call has the nights
from Monday to Thursday one by one, and the weekend as one turn. The rota reaches twelve weeks
ahead of every start; what somebody entered or changed by hand stays.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Invalid
from dispatch.people.models import Person, Team
from dispatch.rota import changes
from dispatch.rota.models import Line, Shift
from dispatch.simulator.centre.people import SOCIAL_ON_CALL, VICTIM_SUPPORT

_WEEK = timedelta(weeks=1)
_FRIDAY = 4
_EVENING, _MORNING = time(17, 0), time(8, 30)
_SUPPORT = [member.first_name for member in VICTIM_SUPPORT]
_SOCIAL = [member.first_name for member in SOCIAL_ON_CALL]
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class _Turn:
    """A turn on both lines: who is primary, who is backup."""

    names: tuple[str, str]
    starts_at: datetime
    ends_at: datetime


def extend(
    session: Session,
    team: Team,
    people: Mapping[str, Person],
    first: datetime,
    since: datetime,
    until: datetime,
    actor: Actor,
) -> None:
    """Enter the team's turns between two instants after the last one that each line has.

    Whatever the time between, the first of the pool is primary in the week of `first`.
    """
    query = sa.select(Line).where(Line.team_id == team.id).order_by(Line.position)
    lines = session.scalars(query).all()
    planned = {line.id: _planned_until(session, line) for line in lines}
    for turn in _turns(team, first, since, until):
        # A line that somebody added since stays theirs.
        for line, name in zip(lines, turn.names, strict=False):
            person = people.get(name)
            if person is None or turn.starts_at < planned[line.id]:
                continue
            # Whoever is no member any more leaves a gap, as in any rota.
            with suppress(Invalid):
                span = (turn.starts_at, turn.ends_at)
                changes.enter_shift(session, line, person, *span, actor, since)


def local_day(at: datetime, team: Team) -> date:
    """Return the day that it is at the team's place."""
    return at.astimezone(ZoneInfo(team.time_zone)).date()


def week_of(at: datetime, team: Team) -> date:
    """Return the Friday on which the week of turns begins that `at` is in."""
    local = at.astimezone(ZoneInfo(team.time_zone)) - timedelta(hours=_EVENING.hour)
    return local.date() - timedelta(days=(local.weekday() - _FRIDAY) % 7)


def instant(day: date, wall: time, team: Team) -> datetime:
    """Return the instant of a wall clock's time at the team's place."""
    return datetime.combine(day, wall, ZoneInfo(team.time_zone)).astimezone(UTC)


def _planned_until(session: Session, line: Line) -> datetime:
    """Return the end of the line's last turn; one that was cancelled is not entered again."""
    last = sa.select(Shift.ends_at).where(Shift.line_id == line.id)
    return session.scalar(last.order_by(Shift.ends_at.desc()).limit(1)) or _NEVER


def _turns(team: Team, first: datetime, since: datetime, until: datetime) -> Iterator[_Turn]:
    anchor, friday = week_of(first, team), week_of(since, team)
    of_week = _weekly if team.function == "victim_support" else _nightly
    while instant(friday, _EVENING, team) < until:
        for turn in of_week(team, friday, (friday - anchor).days // 7):
            if turn.ends_at > since:
                yield turn
        friday += _WEEK


def _weekly(team: Team, friday: date, week: int) -> Iterator[_Turn]:
    names = (_SUPPORT[week % len(_SUPPORT)], _SUPPORT[(week + 3) % len(_SUPPORT)])
    yield _Turn(names, instant(friday, _EVENING, team), instant(friday + _WEEK, _EVENING, team))


def _nightly(team: Team, friday: date, week: int) -> Iterator[_Turn]:
    # Days after Friday on which a turn begins and ends: the weekend, then four nights.
    for place, (begins, ends) in enumerate(((0, 3), (3, 4), (4, 5), (5, 6), (6, 7))):
        begin = instant(friday + timedelta(days=begins), _EVENING, team)
        end = instant(friday + timedelta(days=ends), _MORNING, team)
        names = (
            _SOCIAL[(week + place) % len(_SOCIAL)],
            _SOCIAL[(week + place + 1) % len(_SOCIAL)],
        )
        yield _Turn(names, begin, end)
