"""How often many screens may be told of changes, so that fetching what is new starves no alert.

Whoever is told fetches fragments, and a hundred boards fetch hundreds: in a disaster the changes
come by the dozen a second, and the screens would take all of a machine on which the alerts come in.
So the hints of a process leave one by one, as fast as half of a processor makes what they fetch,
and few fragments are made at once. Promise: one screen is told at once; a crowd is told in turn,
each of the newest; nobody waits longer than browsers wait that are told nothing.
"""

import threading

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


class Crowd:
    """Gives out turns to be told, and to fetch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.making = threading.BoundedSemaphore(_AT_ONCE)
        """Held while a fragment is made."""
        self._seconds = _FIRST_SECONDS
        self._free_at = 0.0

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
