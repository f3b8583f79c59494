"""When a team wants somebody on duty, and which of several teams that makes the one to call.

Hours are written on a wall clock, by weekday; what they mean as instants is worked out here, also
in the nights of 23 and 25 hours. Who is on duty is for the rota to say.
"""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dispatch.people.models import Team


def expected(team: Team, at: datetime) -> bool:
    """Return whether the team's hours want somebody on duty at `at`."""
    return bool(expected_windows(team, at, at + timedelta(microseconds=1)))


def expected_windows(
    team: Team, from_at: datetime, until_at: datetime
) -> list[tuple[datetime, datetime]]:
    """Return the team's hours between two instants, joined where they meet, in order.

    In the night of 25 hours a window begins at the first and ends at the second of two equal
    times, so that no minute is left out.
    """
    if not team.hours:
        return [(from_at, until_at)]
    zone = ZoneInfo(team.time_zone)
    day, last = _local_day(from_at, zone) - timedelta(days=1), _local_day(until_at, zone)
    windows: list[tuple[datetime, datetime]] = []
    while day <= last:
        for begin, end in sorted(_windows_of(team, day, zone)):
            begin, end = max(begin, from_at), min(end, until_at)
            if windows and begin <= windows[-1][1] and begin < end:
                windows[-1] = (windows[-1][0], max(windows[-1][1], end))
            elif begin < end:
                windows.append((begin, end))
        day += timedelta(days=1)
    return windows


def _windows_of(team: Team, day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    for weekday, starts, ends in team.hours:
        if weekday == day.weekday():
            begin, end = time.fromisoformat(starts), time.fromisoformat(ends)
            end_day = day + timedelta(days=1) if end <= begin else day
            yield min(instants(day, begin, zone)), max(instants(end_day, end, zone))


def instants(day: date, wall: time, zone: ZoneInfo) -> list[datetime]:
    """Return both readings of a wall clock's time; they differ only when clocks are changed."""
    local = datetime.combine(day, wall, zone)
    return [local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]


def _local_day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def to_call(teams: Collection[Team], at: datetime) -> Team:
    """Return which of several teams for the same is called at `at`: the one whose hours it is in.

    One with hours of its own stands before one that is always there, whatever their order; where
    all are closed it is the first that is always there, or else the first.
    """
    if len(teams) == 1:
        return next(iter(teams))
    return min(
        teams, key=lambda team: 0 if team.hours and expected(team, at) else 1 + bool(team.hours)
    )
