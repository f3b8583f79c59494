"""When turns begin and end: from local days and the wall's clock to instants.

Right in the two nights of the year when clocks change: a time that the clocks skip is the instant
at which they do, a time that they show twice is the first of the two. Both hold for ends as for
beginnings, so that turns that meet on the clock meet in truth.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, takewhile
from zoneinfo import ZoneInfo

from dispatch.rota.documents import Wall
from dispatch.rota.holidays import Calendar
from dispatch.rota.patterns.document import (
    AfterHours,
    DatedTurns,
    DayTurn,
    On,
    Turn,
    Weekday,
    WeekTurn,
)

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
#: No office is shut for longer, whatever its calendar says.
LONGEST_CLOSURE = 60


@dataclass(frozen=True, slots=True)
class Span:
    """A turn on the wall's clock, without a zone."""

    starts: datetime
    ends: datetime
    kind: str

    @property
    def days(self) -> tuple[date, ...]:
        """Return the days on which it counts: from its first on, while another 24 hours begin."""
        begun = (self.starts + number * DAY for number in count())
        return tuple(at.date() for at in takewhile(lambda at: at < self.ends, begun))


def spans(turn: Turn, first: date, last: date, calendar: Calendar) -> Iterator[Span]:
    """Yield the turns that begin on one of some days, both included, in order."""
    if isinstance(turn, DatedTurns):
        for window in sorted(turn.windows, key=lambda window: window.starts):
            if first <= window.starts.date() <= last:
                yield Span(window.starts, window.ends, turn.kind)
        return
    for number in range((last - first).days + 1):
        day = first + number * DAY
        if isinstance(turn, AfterHours):
            yield from _after_hours(turn, day, calendar)
        elif isinstance(turn, DayTurn):
            yield from _on_day(turn, day, calendar)
        else:
            yield from _weeks(turn, day)


def _weeks(turn: WeekTurn, day: date) -> Iterator[Span]:
    nth = (day - turn.since).days // 7 if turn.since else 0
    if day.weekday() == turn.begins.number and nth % turn.weeks == 0:
        starts = _at(day, turn.starts)
        yield Span(starts, starts + 7 * turn.weeks * DAY, turn.kind)


def _on_day(turn: DayTurn, day: date, calendar: Calendar) -> Iterator[Span]:
    if _meant(day, turn.on, calendar) and not _meant(day, turn.not_on, calendar):
        days = turn.days if turn.days is not None else int(turn.ends <= turn.starts)
        yield Span(_at(day, turn.starts), _at(day + days * DAY, turn.ends), turn.kind)


def _after_hours(turn: AfterHours, day: date, calendar: Calendar) -> Iterator[Span]:
    """Yield what begins on a day: at each closing of the office, or at each cut if it is shut."""
    for place, (opening, begins) in enumerate(edges := _edges(turn, day, calendar)):
        if not opening:
            ends = edges[place + 1][1] if place + 1 < len(edges) else _next(turn, day, calendar)
            shut = not _office(turn, day, calendar)
            kind = turn.closed_kind if shut and turn.closed_kind else turn.kind
            if begins < ends:
                yield Span(begins, ends, kind)


def _next(turn: AfterHours, day: date, calendar: Calendar) -> datetime:
    for number in range(1, LONGEST_CLOSURE):
        if edges := _edges(turn, day + number * DAY, calendar):
            return edges[0][1]
    return _at(day + LONGEST_CLOSURE * DAY, Wall(0))


def _edges(turn: AfterHours, day: date, calendar: Calendar) -> list[tuple[bool, datetime]]:
    """Return when the office opens (true) and shuts on a day, or else the cuts, in order."""
    hours = _office(turn, day, calendar)
    if not hours:
        return [(False, _at(day, cut)) for cut in sorted(turn.cuts)]
    return [
        (opening, _at(day, wall))
        for window in hours
        for opening, wall in zip((True, False), window, strict=True)
    ]


def _office(turn: AfterHours, day: date, calendar: Calendar) -> list[tuple[Wall, Wall]]:
    if _meant(day, turn.closed, calendar):
        return []
    return sorted((o.starts, o.ends) for o in turn.office if _meant(day, o.on, calendar))


def _meant(day: date, on: tuple[On, ...], calendar: Calendar) -> bool:
    words = {"every_day", list(Weekday)[day.weekday()].value, *calendar.tags(day)}
    words |= {f"before_{tag}" for tag in calendar.tags(day + DAY)}
    return any(word.value in words for word in on)


def _at(day: date, wall: Wall) -> datetime:
    return datetime.combine(day, time.min) + wall * MINUTE


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which the wall's clock shows a time."""
    at = wall.replace(tzinfo=zone).astimezone(UTC)
    back = at.astimezone(zone).replace(tzinfo=None)
    if back == wall:
        return at
    # Skipped: the clocks were put forward at some minute before, and no later than a day ago.
    offset = at.astimezone(zone).utcoffset()
    while (at - MINUTE).astimezone(zone).utcoffset() == offset:
        at -= MINUTE
    return at
