"""How often many screens may be told of changes, so that fetching what is new starves no alert.

Whoever is told fetches fragments, and a hundred boards fetch hundreds: in a disaster the changes
come by the dozen a second, and the screens would take all of a machine on which the alerts come in.
So a process tells its screens in rounds, all at once: what is made for one of them is given to all
who waited for it and may see the same. The more the last round cost, the later the next one begins.
Promise: a few screens are told at once; nobody waits longer than browsers wait that are told
nothing, or is given what was made before they asked.
"""

import threading
from collections.abc import Hashable
from dataclasses import dataclass

from dispatch import clock

#: Of one processor, for what screens fetch.
_SHARE = 0.25
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
