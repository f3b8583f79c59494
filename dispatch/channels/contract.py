"""What every channel promises: one attempt, one honest outcome.

A channel takes an `Outgoing`, talks to its supplier once within its own total deadline, and says
what became of it. It never raises for anything a supplier does (refusal, time-out, nonsense): the
engine must survive all of it. Whether to try again, and by what other way, is the outbox's and the
policy's business.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

#: A send must have ended, one way or the other, within this many seconds; a lease outlives it.
SEND_DEADLINE_SECONDS = 10


#: In the text of a mail, what goes along as a document of its own (HTML) begins after this.
DOCUMENT = "\f"


class Kind(StrEnum):
    """How a message reaches somebody."""

    SMS = "sms"
    CALL = "call"
    MAIL = "mail"
    PUSH = "push"


#: Whose suppliers say later what became of a message. Of the others nothing is heard once they are
#: handed over: that says that a server has them, never that somebody saw them.
RECEIPTED = frozenset({Kind.SMS, Kind.CALL})


class State(StrEnum):
    """What is known of a message; also the states of the outbox."""

    PENDING = "pending"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Outgoing:
    """One message, ready to go."""

    uid: str
    """Our own id; stands in the callback address, so a receipt finds its message."""
    kind: Kind
    to: str
    """E.164, a mail address, or the subscription of a browser as it gave it (JSON)."""
    text: str
    """The SMS text, what a call says, what a browser shows; the first line of a mail is its
    subject, and what follows `DOCUMENT` is attached."""
    language: str
    """nl, fr, sv, da or en: the voice that speaks a call."""
    validity_seconds: int
    """A text not delivered within this time must not arrive any more."""
    gather: bool = False
    """A call that asks for a digit (1 or 2)."""
    priority: int = 1
    """1 highest .. 3."""
    sender: str = ""
    """The supplier's number that a text leaves from; empty: its usual one."""


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt."""

    state: State
    """SENT (the supplier has it), FAILED (it will not go), UNKNOWN (it may have gone)
    or PENDING (not now: try again after `retry_after` seconds)."""
    supplier_id: str = ""
    code: str = ""
    """The supplier's error code, or our own word: timeout, connection, http-500."""
    permanent: bool = False
    """The address itself cannot be reached this way: do not try it again."""
    retry_after: float = 0.0
    found: bool = False
    """An earlier attempt had gone after all; nothing was sent by this one."""
    fault: bool = False
    """The supplier failed us, not this message: our account, our settings, its servers, the way
    to it. Any other message would have met the same."""


@dataclass(frozen=True)
class Receipt:
    """What the supplier says of a message it took, by callback or when asked."""

    state: State
    code: str = ""
    permanent: bool = False
    supplier_id: str = ""
    answered: bool = False
    """A call that somebody, or a voicebox, picked up. Never an acceptance."""


@dataclass(frozen=True)
class Inbound:
    """A text that came in."""

    supplier_id: str
    """Unlike any other supplier's."""
    sender: str
    """E.164 as the supplier gave it; forgeable."""
    body: str
    at: datetime | None = None


@dataclass(frozen=True)
class Speech:
    """What a call says next, and what it does then: waits for keys, connects, or ends."""

    text: str
    language: str
    keys_to: str = ""
    """The address that keys are sent to; empty: none are asked for."""
    digits: int = 1
    """How many keys are asked for; 0: as many as come before #."""
    connect: str = ""
    """The telephone to connect the caller with once the text is said."""


@dataclass(frozen=True)
class Calling:
    """Somebody who called us, and what they have keyed."""

    call_id: str
    """The supplier's; the same for the whole call."""
    caller: str
    """E.164 as the supplier gave it, forgeable; empty when withheld."""
    keys: str = ""


class Channel(Protocol):
    """One supplier of one or more kinds of message."""

    name: str
    kinds: frozenset[Kind]
    """What it carries."""
    alarms: Mapping[str, str]
    """Codes that will be everybody's and that an administrator has to act on, in plain words."""

    def warm(self) -> bool:
        """Open a connection before the first alert; return whether the supplier is well."""

    def send(self, message: Outgoing) -> Outcome:
        """Make one attempt; end within `SEND_DEADLINE_SECONDS`; never raise."""

    def look_up(self, kind: Kind, supplier_id: str) -> Receipt | None:
        """Ask what became of a message the supplier took; None when it does not say."""

    def find(self, message: Outgoing, since: datetime, known: Collection[str]) -> Receipt | None:
        """Ask whether an attempt with an unclear outcome arrived; None when it cannot be told.

        `known` are the supplier's ids of our other messages to this address.
        """

    def inbound(self, since: datetime) -> Sequence[Inbound]:
        """Ask for texts that came in since then; empty when the supplier does not say."""
