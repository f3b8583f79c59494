"""What the simulated supplier knows: phones, and every text and call to or from them.

Promise: one lock, no half-written record; a text or call that has ended never changes again; every
change raises the revision, so that a page can ask for what is new. Nothing is kept on disk, and
nothing here moves by itself: that is `carrier`.
"""

import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from dispatch.channels.contract import Kind
from dispatch.clock import Clock, monotonic
from dispatch.simulator import faults, twiml
from dispatch.simulator.relay import Posted

#: Statuses after which nothing happens any more.
ENDED = frozenset(
    {"delivered", "undelivered", "failed", "canceled", "received", "completed", "busy", "no-answer"}
)


class Account(NamedTuple):
    """The customer of the simulated supplier."""

    sid: str
    token: str
    sender: str
    """Its telephone number."""
    more: tuple[str, ...] = ()
    """Further numbers that texts may leave from."""


class Supplier(StrEnum):
    """Whose interface a text or call came in by; the phones are the same."""

    TWILIO = "twilio"
    GATEWAY = "gateway"


class Mode(StrEnum):
    """How a phone behaves."""

    DELIVER = "deliver"
    FAIL = "fail"
    DELAY = "delay"
    SILENT = "silent"


@dataclass
class Phone:
    """A phone in somebody's pocket."""

    number: str
    mode: Mode = Mode.DELIVER
    seconds: float = 0.0
    """How late a delayed text or ring comes."""
    stopped: bool = False
    """Its owner texted STOP."""
    revision: int = 0


@dataclass
class Traffic:
    """A text or a call; the customer's number is always the other end."""

    kind: Kind
    direction: str
    """inbound, outbound-api or outbound-reply."""
    number: str
    body: str
    """A text, or what a call says."""
    status: str = "queued"
    callback: str = ""
    supplier: Supplier = Supplier.TWILIO
    own: str = ""
    """The customer's number that it goes from or to; empty: its usual one."""
    customers_id: str = ""
    """What the customer calls it, where the interface knows that."""
    events: frozenset[str] = frozenset()
    """Which steps of a call are called back."""
    validity: float = 36_000.0
    discard: bool = False
    """The supplier forgets the body once the text has ended."""
    obfuscate: bool = False
    """The supplier shows the number without its last digits."""
    verbs: list[twiml.Verb] = field(default_factory=list)
    """What a call has still to do."""
    url: str = ""
    """Where a call fetches what to do, when it was not told."""
    ring_seconds: float = 60.0
    gather: twiml.Gather | None = None
    """The question now waiting for a key."""
    key: str = ""
    """Pressed and not yet heard: no question was waiting, or it wants more keys."""
    other: "Traffic | None" = None
    """The call that this one is connected with, or is being connected with."""
    connected: bool = False
    """The customer connected somebody with this phone; nobody is told of it."""
    error: int | None = None
    trouble: str = ""
    """What went wrong when the customer was called back."""
    fault: faults.Fault = faults.NONE
    sid: str = ""
    created_at: datetime = field(init=False)
    sent_at: datetime | None = None
    updated_at: datetime = field(init=False)
    answered_at: datetime | None = None
    revision: int = 0
    held: list[Posted] = field(default_factory=list)
    """Callbacks kept back, to be sent last first."""
    told: threading.Event = field(default_factory=threading.Event)
    """Set when the last callback that can come by itself has been posted."""

    @property
    def inbound(self) -> bool:
        """Whether it came from the phone."""
        return self.direction == "inbound"

    @property
    def ended(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.status in ENDED


class Arrival(NamedTuple):
    """When a message was handed in: for benchmarks, and for tests that count."""

    id: str
    kind: str
    to: str
    body: str
    at: float
    """Unix seconds."""
    monotonic: float
    callback: str
    """Where its statuses are called back, which tells the customer's messages apart."""
    own: str
    """The number that it left from; empty: the customer's usual one."""


class Exchange:
    """Everything known, by number and by identity."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.arrivals: list[Arrival] = []
        self.revision = 0
        self._traffic: dict[str, Traffic] = {}
        self._by_number: dict[str, list[Traffic]] = {}
        self._phones: dict[str, Phone] = {}

    def add(self, traffic: Traffic) -> Traffic:
        """Take a text or call into the records and give it its identity."""
        prefix = "SM" if traffic.kind is Kind.SMS else "CA"
        with self.change(traffic):
            traffic.sid = prefix + secrets.token_hex(16)
            traffic.created_at = traffic.updated_at
            self._traffic[traffic.sid] = traffic
            self._by_number.setdefault(traffic.number, []).append(traffic)
            if traffic.direction == "outbound-api":
                at, body = traffic.created_at.timestamp(), traffic.body
                arrival = (traffic.sid, traffic.kind.value, traffic.number, body, at, monotonic())
                self.arrivals.append(Arrival(*arrival, traffic.callback, traffic.own))
        return traffic

    def move(self, traffic: Traffic, status: str, error: int | None = None) -> bool:
        """Give a text or call its next status; refuse, and return False, when it has ended."""
        with self.lock:
            if traffic.ended:
                return False
            with self.change(traffic):
                traffic.status, traffic.error = status, error
                if traffic.sent_at is None and status != "queued":
                    traffic.sent_at = traffic.updated_at
                if status == "in-progress":
                    traffic.answered_at = traffic.updated_at
            return True

    @contextmanager
    def change(self, subject: Traffic | Phone) -> Iterator[None]:
        """Hold the lock around a change and let it be seen."""
        with self.lock:
            self.revision += 1
            subject.revision = self.revision
            if isinstance(subject, Traffic):
                self.phone(subject.number).revision = self.revision
                subject.updated_at = self.clock.now()
            yield

    def phone(self, number: str) -> Phone:
        """Return the phone with this number; any number has one."""
        with self.lock:
            return self._phones.setdefault(number, Phone(number))

    def phones(self) -> list[Phone]:
        """Return every phone that anything is known of."""
        with self.lock:
            return list(self._phones.values())

    def get(self, sid: str) -> Traffic | None:
        """Return a text or call by its identity."""
        return self._traffic.get(sid)

    def traffic(
        self,
        number: str = "",
        kinds: Iterable[Kind] = Kind,
        suppliers: Iterable[Supplier] = Supplier,
    ) -> list[Traffic]:
        """Return texts and calls, oldest first; of one number, or of all."""
        kinds, suppliers = frozenset(kinds), frozenset(suppliers)
        with self.lock:
            every = self._by_number.get(number, []) if number else self._traffic.values()
            return [one for one in every if one.kind in kinds and one.supplier in suppliers]
