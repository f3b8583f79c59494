"""An outbox that a test fills, and an engine that claims from it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from dispatch.channels.contract import Kind, Outcome, Receipt, State
from dispatch.db import Store
from dispatch.outbox import queue, receipts
from dispatch.outbox.models import Message, Purpose
from dispatch.outbox.pace import Limits
from dispatch.outbox.queue import Claimed, Draft, Recipient
from tests import centre

LEASE = 15
ALONE = {Kind.SMS: ["test"], Kind.CALL: ["test"]}


@dataclass
class Outbox:
    """The outbox of the small centre, and the present instant."""

    store: Store
    cast: centre.Centre
    now: datetime = centre.NOW
    limits: Limits = field(default_factory=dict)

    def put(
        self,
        text: str = "go",
        about: str = "",
        kind: Kind = Kind.SMS,
        name: str = "An",
        purpose: Purpose = Purpose.CALLOUT,
        priority: int = 1,
    ) -> int:
        """Put in a text or call."""
        person = self.cast.people[name]
        with self.store.write() as session:
            to = Recipient(person.id, None, "+32470123450", f"{name}'s", "en")
            until = self.now + timedelta(minutes=30)
            draft = Draft(kind, purpose, text, until, about, priority)
            return queue.put(session, self.cast.organisation.id, to, draft, self.now)

    def claim(self) -> list[Claimed]:
        """Claim what is due, for an engine that may die."""
        with self.store.write() as session:
            return queue.claim(session, self.now, LEASE, 10, ALONE, self.limits)[0]

    def settle(self, *outcomes: tuple[Claimed, Outcome]) -> None:
        """Write down what became of attempts."""
        with self.store.write() as session:
            queue.settle(session, outcomes, ALONE, self.now, 10)

    def hear(self, message_id: int, state: State, code: str = "") -> None:
        """Take in what the supplier calls back of a message."""
        with self.store.write() as session:
            receipts.note(session, self.message(message_id).uid, Receipt(state, code), self.now)

    def attempt(self, outcome: Outcome) -> int:
        """Put in a text, try to send it, and return its id."""
        put = self.put()
        (claimed,) = (one for one in self.claim() if one.id == put)
        self.settle((claimed, outcome))
        return put

    def withdraw(self, about: str) -> None:
        """Take back what belongs to a subject."""
        with self.store.write() as session:
            queue.withdraw(session, [about], self.now)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def message(self, message_id: int) -> Message:
        """Return a message as it is now."""
        with self.store.read() as session:
            return session.get_one(Message, message_id)


@pytest.fixture
def outbox(store: Store) -> Outbox:
    """An empty outbox."""
    return Outbox(store, centre.build(store))
