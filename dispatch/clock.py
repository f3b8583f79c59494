"""The only home of the system clock.

Time is an input: entry points hold a clock and hand `now` down, so that a night can be replayed in
a test. Every instant is aware and in UTC.
"""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What tells the time and waits."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` have passed; return whether it is set."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's present instant."""
        return datetime.now(UTC)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait in real time."""
        return event.wait(max(0.0, seconds))


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, at: datetime) -> None:
        self._now = at.astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant last set."""
        return self._now

    def advance(self, **delta: float) -> datetime:
        """Move on by a `timedelta(**delta)` and return the new instant."""
        self._now += timedelta(**delta)
        return self._now

    def set(self, at: datetime) -> None:
        """Jump to `at`, forwards or backwards."""
        self._now = at.astimezone(UTC)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Let the instant pass at once instead of waiting."""
        if not event.is_set():
            self.advance(seconds=max(0.0, seconds))
        return event.is_set()


def monotonic() -> float:
    """Seconds for measuring how long something took; never an instant."""
    return time.monotonic()
