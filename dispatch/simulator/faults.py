"""What goes wrong on purpose: a value set for one number, or for all of them.

Promise: a fault strikes exactly as it says and as often as it says, so that a test can tell which
request met it. Carrying it out is for `api` (what the sender is answered) and `carrier` (what
happens to the message afterwards).
"""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from dispatch.clock import monotonic


@dataclass(frozen=True)
class Fault:
    """One way of failing; several may go together ("hang, then drop")."""

    refuse: int = 0
    """Refused with 400 and this code of the supplier."""
    http: int = 0
    """Answered with this status of HTTP and not taken."""
    retry_after: float = 0.0
    """Seconds, sent along with `http`."""
    hang: float = 0.0
    """Seconds before the answer; a message that is taken is taken at once."""
    drop: str = ""
    """The connection is cut: "before" the message is taken, or "after"."""
    delay: float = 0.0
    """Seconds more before each status."""
    failed: int = 0
    """Taken, then never leaves: failed with this code."""
    undelivered: int = 0
    """Taken and sent, then undelivered with this code."""
    callbacks: str = ""
    """Statuses are called back: "drop" never, "double" twice, "reorder" last first, "early" before
    the sender is answered."""
    per_second: int = 0
    """Messages a second that a sender may hand in; above it 429."""
    times: int = 0
    """How often it strikes; 0 is until it is cleared."""
    supplier: str = ""
    """Strikes what comes in by this interface only: "twilio" or "gateway"."""


#: Struck by nothing.
NONE = Fault()

_CHOICES = {
    "drop": ("", "before", "after"),
    "callbacks": ("", "drop", "double", "reorder", "early"),
    "supplier": ("", "twilio", "gateway"),
}


def read(form: Mapping[str, str]) -> Fault:
    """Read a fault from form fields of the same names; raise ValueError for what is no fault."""
    given: dict[str, int | float | str] = {}
    for field in fields(Fault):
        value = form.get(field.name, "").strip()
        if not value:
            continue
        if field.name in _CHOICES:
            if value not in _CHOICES[field.name]:
                raise ValueError(f"{field.name}: {value}")
            given[field.name] = value
        else:
            given[field.name] = int(value) if field.type is int else float(value)
    return Fault(**given)  # type: ignore[arg-type]


class Faults:
    """The faults now set, by number; "" stands for every number without its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, Fault] = {}
        self._handed_in: dict[str, deque[float]] = {}

    def set(self, number: str, fault: Fault) -> None:
        """Let a fault strike a number, or every number ("")."""
        with self._lock:
            self._faults[number] = fault

    def clear(self) -> None:
        """Let everything go well again."""
        with self._lock:
            self._faults.clear()

    def strike(self, number: str, supplier: str) -> Fault:
        """Return what strikes a request for this number at a supplier, and count it."""
        with self._lock:
            key = number if number in self._faults else ""
            fault = self._faults.get(key, NONE)
            if fault.supplier not in ("", supplier):
                return NONE
            if fault.times == 1:
                del self._faults[key]
            elif fault.times:
                self._faults[key] = replace(fault, times=fault.times - 1)
            return fault

    def too_fast(self, sender: str, per_second: int) -> bool:
        """Count a message of a sender; return whether it exceeds the limit."""
        with self._lock:
            now = monotonic()
            recent = self._handed_in.setdefault(sender, deque())
            while recent and recent[0] <= now - 1.0:
                recent.popleft()
            if len(recent) >= per_second:
                return True
            recent.append(now)
            return False
