"""How often many screens may be told of changes, so that fetching what is new starves no alert.

Whoever is told fetches fragments, and a hundred boards fetch hundreds: in a disaster the changes
come by the dozen a second, and the screens would take all of a machine on which the alerts come in.
So a process tells its screens in rounds, and makes a fragment for all who wait for it and may see
the same; the more it cost, the later comes the next. Promise: a few screens are told and answered
at once; nobody waits longer than browsers wait that are told nothing, or is given what was made
before they asked.
"""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from dispatch import clock

#: Of one processor, for what screens fetch.
_SHARE = 0.2
#: Python runs one thread at a time: whoever takes in an alert would wait for each of a hundred.
_AT_ONCE = 2
#: By then a browser has asked by itself.
LONGEST_SECONDS = 15.0
#: So long a round takes in who is to be told, that one thread a screen may all have woken up.
_TOGETHER_SECONDS = 0.4
#: Made fragments that are kept, the newest; each kind of viewer has its own.
_KEPT = 8


@dataclass(frozen=True)
class Made:
    """A fragment as it was when its making began."""

    begun: float
    text: str
    etag: str
    form_token: str
    """Whoever it was made for proves their forms with this one; everybody else has their own."""


class Crowd:
    """Says when the screens are told, and keeps what was made for several."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.making = threading.BoundedSemaphore(_AT_ONCE)
        """Held while a fragment is made."""
        self._spent = 0.0
        self._began_at = self._next_at = -_TOGETHER_SECONDS
        self._changed = threading.Condition()
        self._made: dict[Hashable, Made] = {}
        self._not_before: dict[Hashable, float] = {}

    def shared(self, key: Hashable, asked_at: float, make: Callable[[Made | None], Made]) -> Made:
        """Return what one made, at `asked_at` or later, for all who wait; the key: who may see it.

        `make` is given the last one. For a caller who holds `making`; it is lent while they wait.
        """
        self.making.release()
        try:
            made = self._awaited(key, asked_at)
        finally:
            self.making.acquire()
        return made or self._make(key, make)

    def _awaited(self, key: Hashable, asked_at: float) -> Made | None:
        """Wait until it is made, or until it is for the caller to make it."""
        with self._changed:
            while True:
                made = self._made.get(key)
                if made is not None and made.begun >= asked_at:
                    return made
                wait = self._not_before.get(key, 0.0) - clock.monotonic()
                if wait <= 0:
                    self._not_before[key] = clock.monotonic() + LONGEST_SECONDS
                    return None
                self._changed.wait(wait)

    def _make(self, key: Hashable, make: Callable[[Made | None], Made]) -> Made:
        worked = clock.worked()
        try:
            made = make(self._made.get(key))
            with self._changed:
                self._made.pop(key, None)
                self._made[key] = made
                while len(self._made) > _KEPT:
                    del self._made[next(iter(self._made))]
            return made
        finally:
            # Whoever failed leaves it to the next.
            cost = clock.worked() - worked
            with self._changed:
                self._not_before[key] = clock.monotonic() + cost * (1 / _SHARE - 1)
                self._changed.notify_all()

    def spent(self, seconds: float) -> None:
        """Note what giving a screen a fragment took of a processor."""
        with self._lock:
            self._spent += seconds

    def turn(self) -> float:
        """Return the seconds after which to ask again; 0: tell one screen now."""
        with self._lock:
            now = clock.monotonic()
            if now < self._began_at + _TOGETHER_SECONDS:
                return 0.0
            if now < self._next_at:
                return self._next_at - now
            self._began_at = now
            self._next_at = now + min(self._spent / _SHARE, LONGEST_SECONDS)
            self._spent = 0.0
            return 0.0
