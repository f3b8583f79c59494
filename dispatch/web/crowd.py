"""How often many screens may be told of changes, so that fetching what is new starves no alert.

Whoever is told fetches fragments, and a hundred boards fetch hundreds: in a disaster the changes
come by the dozen a second, and the screens would take all of a machine on which the alerts come in.
So the hints of a process leave one by one, as fast as half of a processor makes what they fetch,
few fragments are made at once, and what was made while somebody waited is theirs too where they may
see the same. Promise: one screen is told at once; a crowd is told in turn, each of the newest;
nobody waits longer than browsers wait that are told nothing, or is given what was made before they
asked.
"""

import threading
from collections.abc import Hashable
from dataclasses import dataclass

from dispatch import clock

#: Of one processor, for making what screens fetch.
_SHARE = 0.5
#: Python runs one thread at a time: whoever takes in an alert would wait for each of a hundred.
_AT_ONCE = 2
#: By then a browser has asked by itself.
LONGEST_SECONDS = 15.0
#: Fragments that a board fetches for a hint: its lanes, and the incident beside them.
_FRAGMENTS = 2
#: What one is taken to cost before any was fetched, and how much the last one says of the next.
_FIRST_SECONDS, _WEIGHT = 0.02, 0.05
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
    """Gives out turns to be told, and to fetch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.making = threading.BoundedSemaphore(_AT_ONCE)
        """Held while a fragment is made."""
        self._seconds = _FIRST_SECONDS
        self._free_at = 0.0
        self._made: dict[Hashable, Made] = {}

    def keep(self, key: Hashable, made: Made) -> None:
        """Let others have what was made; the key says who may see the same."""
        with self._lock:
            self._made.pop(key, None)
            self._made[key] = made
            while len(self._made) > _KEPT:
                del self._made[next(iter(self._made))]

    def made_since(self, key: Hashable, instant: float) -> Made | None:
        """Return what was begun for the key at an instant or later, if anything."""
        with self._lock:
            made = self._made.get(key)
        return made if made is not None and made.begun >= instant else None

    def spent(self, seconds: float) -> None:
        """Note what making a fragment took of a processor."""
        with self._lock:
            self._seconds += (seconds - self._seconds) * _WEIGHT

    def turn(self) -> float:
        """Return the seconds after which one more screen may be told."""
        with self._lock:
            now = clock.monotonic()
            wait = max(0.0, self._free_at - now)
            if wait < LONGEST_SECONDS:
                self._free_at = now + wait + self._seconds * _FRAGMENTS / _SHARE
            return min(wait, LONGEST_SECONDS)
