"""Local days and the instants at which they begin.

A day begins at the first instant that the place's clocks call by its date, also where midnight does
not exist or comes twice.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def midnight(day: date, zone: str) -> datetime:
    """Return the instant at which a day begins at a place."""
    local = datetime.combine(day, time.min, ZoneInfo(zone))
    return min(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def span(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """Return the instants at which days, both included, begin and end."""
    return midnight(first, zone), midnight(last + timedelta(days=1), zone)


def local_day(at: datetime, zone: str) -> date:
    """Return the day that it is at a place."""
    return at.astimezone(ZoneInfo(zone)).date()


def local(at: datetime, zone: str) -> datetime:
    """Return an instant on a place's clock, as sentences show it."""
    return at.astimezone(ZoneInfo(zone))


def between(first: date, last: date) -> Iterator[date]:
    """Yield every day, both included."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
