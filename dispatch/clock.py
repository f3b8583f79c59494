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


#: A clock that is off by less is kept in step by the machine all the time, without being set.
SET_SECONDS = 1.0
#: Reading both clocks takes a moment; if it took longer, they are read again.
_AT_ONCE_SECONDS = 0.1
#: So long people are told that the clock was set.
_LATELY_SECONDS = 600.0


class Drift:
    """Notices that the machine's clock was set, by the one that cannot be."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._now, self._monotonic = self._read()
        self._set: tuple[float, float] | None = None

    def seconds(self) -> float:
        """Return by how much the clock was set since this was last asked; negative: back."""
        now, elapsed = self._read()
        drift = (now - self._now).total_seconds() - (elapsed - self._monotonic)
        self._now, self._monotonic = now, elapsed
        if abs(drift) <= SET_SECONDS:
            return 0.0
        self._set = (drift, elapsed)
        return drift

    def lately(self) -> float | None:
        """Return by how much the clock was set in the last ten minutes; None if it was not."""
        if self._set is None or monotonic() - self._set[1] > _LATELY_SECONDS:
            return None
        return round(self._set[0], 1)

    def _read(self) -> tuple[datetime, float]:
        while True:
            before, now, after = monotonic(), self._clock.now(), monotonic()
            if after - before < _AT_ONCE_SECONDS:
                return now, after


def worked() -> float:
    """Seconds of a processor that this thread has used."""
    return time.thread_time()


def monotonic() -> float:
    """Seconds for measuring how long something took; never an instant."""
    return time.monotonic()
