"""Two real channels and two simulated suppliers: when one fails, the other carries on.

Promise shown: nothing is lost, nothing arrives twice but what is counted, and trust comes back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dispatch import settings as settings_
from dispatch.channels import wire
from dispatch.channels.contract import Kind, State
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.engine import Engine
from dispatch.outbox import queue, suppliers
from dispatch.outbox.models import Breaker, InboundText, Message, Purpose
from dispatch.outbox.queue import Draft, Recipient
from dispatch.wiring import Parts, channels
from tests import centre
from tests.simulated import GATEWAY_SECRET, SimulatedTwilio

AN = "+32470123450"


@dataclass
class Two:
    """An engine, and the phones as each of its two suppliers reaches them."""

    engine: Engine
    clock: ManualClock
    cast: centre.Centre
    first: SimulatedTwilio
    second: SimulatedTwilio

    def put(self, words: str = "go", number: str = AN) -> int:
        """Put in a text."""
        now = self.clock.now()
        with self.engine.store.write() as session:
            to = Recipient(self.cast.people["An"].id, None, number, number, "en")
            draft = Draft(Kind.SMS, Purpose.CALLOUT, words, now + timedelta(minutes=30))
            return queue.put(session, self.cast.organisation.id, to, draft, now)

    def run(self, engine: Engine | None = None) -> None:
        """Do what is due now."""
        (engine or self.engine).drain()

    def wait(self, seconds: float) -> None:
        """Let time pass, second by second, with an engine that works."""
        for _ in range(int(seconds)):
            self.clock.advance(seconds=1)
            self.run()

    def message(self, message_id: int) -> Message:
        with self.engine.store.read() as session:
            return session.get_one(Message, message_id)

    def arrivals(self) -> tuple[list[str], list[str]]:
        """Return the words that each supplier took."""
        first, second = (
            [arrival["body"] for arrival in one.arrivals()] for one in (self.first, self.second)
        )
        return first, second

    def state(self) -> Breaker:
        """Return whether the first is trusted."""
        with self.engine.store.read() as session:
            return suppliers.standings(session, ["twilio"])[0].state


@pytest.fixture
def two(store: Store, clock: ManualClock, tmp_path: Path) -> Iterator[Two]:
    with (
        SimulatedTwilio.in_thread(clock=clock) as first,
        SimulatedTwilio.in_thread(clock=clock, gateway_secret=GATEWAY_SECRET) as second,
    ):
        environment = {
            **first.environment("http://127.0.0.1:1"),
            **second.as_gateway("http://127.0.0.1:1"),
            "DISPATCH_DATA_DIR": str(tmp_path),
        }
        settings = settings_.load(environment)
        engine = Engine(Parts(settings, store, clock, channels(settings, clock)))
        yield Two(engine, clock, centre.build(store), first, second)
        engine.stop()


FAULTS: list[dict[str, Any]] = [{"refuse": 20003, "http": 401}, {"http": 503}, {"refuse": 20005}]


@pytest.mark.parametrize("fault", FAULTS, ids=["account", "unavailable", "suspended"])
def test_a_text_that_the_first_refuses_is_taken_by_the_second_in_the_same_breath(
    two: Two, fault: dict[str, Any]
):
    two.first.fault(**fault)
    put = two.put()
    two.run()
    assert two.arrivals() == ([], ["go"])
    message = two.message(put)
    assert (message.status, message.channel, message.resent) == (State.SENT, "gateway", 0)


def test_after_three_faults_nobody_asks_the_first_any_more_until_it_is_well(two: Two):
    two.first.fault(http=503)
    for number in range(3):
        two.put(f"text {number}")
        two.run()
    assert two.state() is Breaker.OPEN
    two.first.heal()
    two.put("while it is open")
    two.run()
    assert two.arrivals()[0] == []
    two.clock.advance(seconds=30)
    two.engine.ask_suppliers()
    assert two.state() is Breaker.HALF_OPEN
    two.put("the trial")
    two.put("beside the trial")
    two.run()
    assert two.arrivals()[0] == ["the trial"]
    assert two.state() is Breaker.CLOSED
    two.put("as before")
    two.run()
    assert two.arrivals()[0] == ["the trial", "as before"]
    assert len(two.arrivals()[1]) == 5


def test_what_the_first_took_without_saying_so_is_found_there_and_sent_by_nobody_else(two: Two):
    two.first.fault(drop="after", times=1)
    put = two.put()
    two.run()
    assert two.message(put).status is State.UNKNOWN
    two.wait(10)
    message = two.message(put)
    assert (message.status, message.channel, message.resent) == (State.SENT, "twilio", 0)
    assert two.arrivals() == (["go"], [])


def test_what_the_first_did_not_take_in_doubt_is_sent_by_the_second_and_counted(
    two: Two, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(wire, "DEADLINE_SECONDS", 0.2)
    two.first.fault(drop="before")
    puts = [two.put(f"text {number}", f"+3247012345{number}") for number in range(4)]
    two.run()
    assert {two.message(put).status for put in puts} == {State.UNKNOWN}
    assert two.state() is Breaker.OPEN
    two.wait(10)
    assert two.arrivals() == ([], [f"text {number}" for number in range(4)])
    assert {two.message(put).resent for put in puts} == {1}


def test_when_both_fail_nothing_is_lost_and_whoever_is_first_well_again_carries_it(two: Two):
    two.first.fault(http=503)
    two.second.fault(http=503)
    put = two.put()
    two.wait(20)
    assert two.message(put).status is State.PENDING
    two.second.heal()
    two.wait(40)
    assert two.message(put).status in (State.SENT, State.DELIVERED)
    assert two.arrivals() == ([], ["go"])


def test_two_engines_share_one_judgement_and_send_each_text_once(two: Two):
    other = Engine(two.engine.parts)
    two.first.fault(http=503)
    words = [f"text {number}" for number in range(20)]
    for number, text in enumerate(words):
        two.put(text, f"+3247012{number:04}")
    engines = (two.engine, other)
    # Both have claimed before either sends, and both have sent before either writes it down.
    while any(claimed := [engine.claim(3) for engine in engines]):
        pairs = list(zip(engines, claimed, strict=True))
        results = [(engine, [engine.perform(one) for one in mine]) for engine, mine in pairs]
        for engine, brought in results:
            engine.settle(brought)
    other.stop()
    assert two.arrivals()[0] == []
    assert sorted(two.arrivals()[1]) == sorted(words)
    with two.engine.store.read() as session:
        assert session.scalar(sa.select(sa.func.sum(Message.resent))) == 0


def test_an_answer_comes_in_by_whichever_supplier_without_any_callback(two: Two):
    two.first.fault(http=503)
    centre.Sender(two.engine.store, two.cast).alert()
    two.run()
    two.second.wait_for(AN, status="delivered")
    body = two.second.messages(AN)[0]["body"]
    code = next(word for word in body.split() if word.isdigit() and len(word) == 3)
    two.second.reply(AN, f"YES {code}")
    assert [two.engine.ask_for_texts() for _ in range(2)] == [1, 0]
    with two.engine.store.read() as session:
        assert session.scalars(sa.select(InboundText.outcome)).all() == ["goes"]
