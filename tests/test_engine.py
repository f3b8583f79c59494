"""The engine where nothing else shows it: a database that goes away, and claims that grew old."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.channels.contract import Kind, Outcome, Outgoing, State
from dispatch.clock import ManualClock, monotonic
from dispatch.db import Store, Unavailable
from dispatch.engine import Engine
from dispatch.outbox import queue
from dispatch.outbox.models import Message, Purpose
from dispatch.outbox.queue import Draft, Recipient
from dispatch.settings import Settings
from dispatch.wiring import Parts
from tests import centre


class Supplier:
    """Takes everything, and remembers it."""

    name = "supplier"

    def __init__(self) -> None:
        self.taken: list[Outgoing] = []

    def warm(self) -> bool:
        return True

    def send(self, message: Outgoing) -> Outcome:
        self.taken.append(message)
        return Outcome(State.SENT, f"SM{len(self.taken)}")

    def look_up(self, kind, supplier_id):
        return None

    def find(self, message, since, known):
        return None

    def inbound(self, since):
        return []


@pytest.fixture
def supplier() -> Supplier:
    return Supplier()


@pytest.fixture
def engine(store: Store, settings: Settings, clock: ManualClock, supplier: Supplier):
    made = Engine(Parts(settings, store, clock, {"supplier": supplier}))
    yield made
    made.stop()


def _put(engine: Engine, cast: centre.Centre) -> None:
    now = engine.parts.clock.now()
    with engine.store.write() as session:
        to = Recipient(cast.people["An"].id, None, "+32470123450", "An's", "en")
        draft = Draft(Kind.SMS, Purpose.CALLOUT, "go", now + timedelta(minutes=30))
        queue.put(session, cast.organisation.id, to, draft, now)


@contextmanager
def _away(store: Store) -> Iterator[None]:
    """Let the outbox be out of reach for a while."""
    for here, there in (("message", "hidden"), ("hidden", "message")):
        with store.write() as session:
            session.execute(sa.text(f"ALTER TABLE {here} RENAME TO {there}"))
        if here == "message":
            yield


def test_senders_are_free_again_after_the_database_was_away(engine: Engine, supplier: Supplier):
    cast = centre.build(engine.store)
    with _away(engine.store):
        for _ in range(2 * engine.settings.engine.senders):
            with pytest.raises((Unavailable, sa.exc.SQLAlchemyError)):
                engine._claim_for_free_seats()
    _put(engine, cast)
    assert engine._claim_for_free_seats()[1] == 1


def test_nothing_is_sent_on_a_claim_that_grew_old(engine: Engine, supplier: Supplier):
    """The engine was frozen, or starved: the message may be another engine's before it is sent."""
    cast = centre.build(engine.store)
    _put(engine, cast)
    (claimed,) = engine.claim(1)
    engine.settle([engine.perform(claimed, until=monotonic() - 1)])
    assert supplier.taken == []
    with engine.store.read() as session:
        assert session.scalars(sa.select(Message.status)).one() is State.PENDING
