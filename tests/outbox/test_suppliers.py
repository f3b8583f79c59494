"""Suppliers: whom each message goes to, and when one of them is no longer trusted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from dispatch.channels.contract import Kind, Outcome, State
from dispatch.db import Store
from dispatch.outbox import clocks, queue, suppliers
from dispatch.outbox.models import Breaker, Message, Purpose
from dispatch.outbox.queue import Claimed, Draft, Recipient, Task
from dispatch.outbox.suppliers import Choice, Standing
from dispatch.sections import Suppliers
from tests import centre

SENT = Outcome(State.SENT, "1")
REFUSED = Outcome(State.FAILED, code="21211", permanent=True)
AWAY = Outcome(State.PENDING, code="connection", retry_after=2, fault=True)
NO_ACCOUNT = Outcome(State.FAILED, code="20003", fault=True)
TOO_FAST = Outcome(State.PENDING, code="20429", retry_after=3)
UNCLEAR = Outcome(State.UNKNOWN, code="timeout")
BOTH = {Kind.SMS: ["one", "two"], Kind.CALL: ["one"], Kind.MAIL: [], Kind.PUSH: []}
ALONE = {Kind.SMS: ["one"]}
LIMITS = Suppliers(
    texts=("one", "two"),
    faults_in_a_row=3,
    window_seconds=120,
    unclear_at_least=3,
    unclear_share=0.5,
    pause_seconds=30,
    check_seconds=300,
)
LEASE = 15


@dataclass
class Outbox:
    """An outbox with two suppliers of texts, and the present instant."""

    store: Store
    cast: centre.Centre
    who: dict[Kind, list[str]]
    now: datetime = centre.NOW

    def put(self, kind: Kind = Kind.SMS) -> int:
        """Put in a message to An."""
        an = self.cast.people["An"]
        with self.store.write() as session:
            to = Recipient(an.id, None, "+32470123450", "An's", "en")
            draft = Draft(kind, Purpose.CALLOUT, "go", self.now + timedelta(minutes=30))
            return queue.put(session, self.cast.organisation.id, to, draft, self.now)

    def claim(self) -> list[Claimed]:
        """Claim what is due."""
        with self.store.write() as session:
            return queue.claim(session, self.now, LEASE, 10, self.who)[0]

    def settle(self, claimed: Claimed, outcome: Outcome) -> None:
        """Write down what became of an attempt, of the message and of its supplier."""
        with self.store.write() as session:
            queue.settle(session, [(claimed, outcome)], self.who, self.now, 10)
            suppliers.note(session, [(claimed.channel, outcome)], LIMITS, self.now)

    def note(self, *outcomes: Outcome, name: str = "one") -> None:
        """Count outcomes of other messages."""
        with self.store.write() as session:
            suppliers.note(session, [(name, outcome) for outcome in outcomes], LIMITS, self.now)

    def asked(self, well: bool) -> list[str]:
        """Ask whoever has to be asked whether it is well; return their names."""
        with self.store.write() as session:
            names = suppliers.to_ask(session, ["one", "two"], LIMITS, self.now)
            for name in names:
                suppliers.note_answer(session, name, well, LIMITS, self.now)
        return names

    def choose(self, times: int = 1, last: str = "") -> list[str]:
        """Choose for so many texts, each in a transaction of its own."""
        chosen = []
        for _ in range(times):
            with self.store.write() as session:
                chosen.append(Choice(session, self.who, self.now, LEASE).of(Kind.SMS, last))
        return chosen

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def message(self, message_id: int) -> Message:
        """Return a message as it is now."""
        with self.store.read() as session:
            return session.get_one(Message, message_id)

    def standing(self, name: str = "one") -> Standing:
        """Return how a supplier stands."""
        with self.store.read() as session:
            return suppliers.standings(session, [name])[0]

    def break_down(self, *names: str) -> None:
        """Let suppliers lose our trust."""
        for name in names:
            self.note(AWAY, AWAY, AWAY, name=name)


@pytest.fixture
def outbox(store: Store) -> Outbox:
    return Outbox(store, centre.build(store), BOTH)


# --- one message


def test_the_preferred_supplier_carries_every_message(outbox: Outbox):
    outbox.put()
    (claimed,) = outbox.claim()
    assert (claimed.channel, claimed.doubted) == ("one", "")


@pytest.mark.parametrize("fault", [AWAY, NO_ACCOUNT])
def test_what_a_faulty_supplier_did_not_take_the_other_gets_at_once(outbox: Outbox, fault: Outcome):
    put = outbox.put()
    outbox.settle(*outbox.claim(), fault)
    (again,) = outbox.claim()
    assert (again.channel, again.task) == ("two", Task.SEND)
    outbox.settle(again, SENT)
    message = outbox.message(put)
    assert (message.status, message.channel, message.resent) == (State.SENT, "two", 0)


def test_what_no_supplier_takes_is_tried_by_each_in_turn_and_never_given_up(outbox: Outbox):
    put, tried, pauses = outbox.put(), [], []
    for _ in range(5):
        (claimed,) = outbox.claim()
        tried.append(claimed.channel)
        outbox.settle(claimed, NO_ACCOUNT)
        due_at = outbox.message(put).due_at
        assert due_at is not None
        pauses.append((due_at - outbox.now).total_seconds())
        outbox.now = due_at
    assert tried == ["one", "two", "one", "two", "one"]
    assert pauses == [0, 2, 4, 8, 15]


def test_a_refusal_of_the_number_is_no_fault_of_the_supplier(outbox: Outbox):
    put = outbox.put()
    outbox.settle(*outbox.claim(), REFUSED)
    assert outbox.message(put).status is State.FAILED


def test_too_fast_waits_for_the_same_supplier(outbox: Outbox):
    put = outbox.put()
    outbox.settle(*outbox.claim(), TOO_FAST)
    outbox.wait(3)
    (again,) = outbox.claim()
    assert again.channel == "one"
    assert outbox.message(put).status is State.SENDING


def test_without_another_supplier_a_fault_is_what_it_was(outbox: Outbox):
    outbox.who = ALONE
    put = outbox.put()
    outbox.settle(*outbox.claim(), NO_ACCOUNT)
    assert outbox.message(put).status is State.FAILED


def test_a_kind_that_nobody_carries_waits(outbox: Outbox):
    outbox.put(Kind.MAIL)
    (claimed,) = outbox.claim()
    assert claimed.channel == ""


def test_of_a_mail_nothing_more_is_asked_once_a_server_has_it(outbox: Outbox):
    outbox.who = {Kind.MAIL: ["post"]}
    put = outbox.put(Kind.MAIL)
    outbox.settle(*outbox.claim(), SENT)
    assert (outbox.message(put).status, outbox.message(put).due_at) == (State.SENT, None)


# --- doubts


def test_a_doubt_is_cleared_up_with_whom_it_concerns_even_if_another_sends(outbox: Outbox):
    """At most once more, counted: the first may have taken it after all."""
    put = outbox.put()
    outbox.settle(*outbox.claim(), UNCLEAR)
    outbox.break_down("one")
    outbox.wait(10)
    (again,) = outbox.claim()
    assert (again.task, again.doubted, again.channel) == (Task.FIND, "one", "two")
    assert outbox.message(put).resent == 1
    outbox.settle(again, SENT)
    outbox.wait(600)
    assert [claimed.task for claimed in outbox.claim()] == [Task.ASK]
    assert (outbox.message(put).channel, outbox.message(put).resent) == ("two", 1)


def test_what_a_killed_engine_handed_over_is_asked_of_the_supplier_that_had_it(outbox: Outbox):
    outbox.put()
    outbox.break_down("one")
    outbox.claim()
    outbox.note(SENT, SENT)
    outbox.wait(LEASE)
    (again,) = outbox.claim()
    assert (again.task, again.doubted) == (Task.FIND, "two")


# --- trust


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([AWAY, AWAY], Breaker.CLOSED),
        ([AWAY, AWAY, AWAY], Breaker.OPEN),
        ([AWAY, NO_ACCOUNT, AWAY], Breaker.OPEN),
        ([AWAY, AWAY, SENT, AWAY], Breaker.CLOSED),
        ([AWAY, AWAY, REFUSED, AWAY], Breaker.CLOSED),
        ([AWAY, AWAY, TOO_FAST, AWAY], Breaker.OPEN),
        ([UNCLEAR, UNCLEAR], Breaker.CLOSED),
        ([UNCLEAR, UNCLEAR, UNCLEAR], Breaker.OPEN),
        ([UNCLEAR, SENT, UNCLEAR, SENT, UNCLEAR], Breaker.OPEN),
        ([SENT, SENT, SENT, SENT, UNCLEAR, UNCLEAR, UNCLEAR], Breaker.CLOSED),
        ([REFUSED] * 9, Breaker.CLOSED),
    ],
)
def test_trust_ends_after_faults_in_a_row_or_many_doubts(
    outbox: Outbox, outcomes: Sequence[Outcome], state: Breaker
):
    outbox.note(*outcomes)
    assert outbox.standing().state is state


def test_doubts_of_another_hour_do_not_count(outbox: Outbox):
    for _ in range(3):
        outbox.note(UNCLEAR, SENT)
        outbox.wait(120)
    assert outbox.standing().state is Breaker.CLOSED


def test_an_untrusted_supplier_gets_nothing_while_another_works(outbox: Outbox):
    outbox.break_down("one")
    assert outbox.choose(3) == ["two"] * 3
    assert outbox.choose(last="one") == ["two"]


def test_where_nobody_is_trusted_the_one_whose_fault_is_longest_ago_is_tried(outbox: Outbox):
    outbox.break_down("one")
    outbox.wait(1)
    outbox.break_down("two")
    assert outbox.choose() == ["one"]
    outbox.wait(1)
    outbox.note(AWAY)
    assert outbox.choose() == ["two"]


def test_a_single_supplier_is_tried_whatever_it_does(outbox: Outbox):
    outbox.who = ALONE
    outbox.break_down("one")
    assert outbox.choose(2) == ["one", "one"]


def test_trust_comes_back_by_a_question_and_one_message(outbox: Outbox):
    outbox.break_down("one")
    outbox.wait(29)
    assert "one" not in outbox.asked(well=True)
    outbox.wait(1)
    assert "one" in outbox.asked(well=True)
    assert outbox.standing().state is Breaker.HALF_OPEN
    assert outbox.choose(3) == ["one", "two", "two"]
    outbox.note(SENT)
    assert outbox.standing().state is Breaker.CLOSED
    assert outbox.choose(2) == ["one", "one"]


@pytest.mark.parametrize("outcome", [AWAY, UNCLEAR])
def test_a_trial_that_fails_ends_trust_for_twice_as_long(outbox: Outbox, outcome: Outcome):
    outbox.break_down("one")
    outbox.wait(30)
    outbox.asked(well=True)
    outbox.note(outcome)
    assert outbox.standing().state is Breaker.OPEN
    outbox.wait(59)
    assert "one" not in outbox.asked(well=True)
    outbox.wait(1)
    assert "one" in outbox.asked(well=True)


def test_a_trial_of_a_killed_engine_is_free_again_with_its_lease(outbox: Outbox):
    outbox.break_down("one")
    outbox.wait(30)
    outbox.asked(well=True)
    assert outbox.choose(2) == ["one", "two"]
    outbox.wait(LEASE)
    assert outbox.choose() == ["one"]


def test_a_supplier_that_is_unwell_is_asked_again_and_again_with_longer_pauses(outbox: Outbox):
    outbox.break_down("one")
    asked_after = []
    for second in range(300):
        if "one" in outbox.asked(well=False):
            asked_after.append(second)
        outbox.wait(1)
    assert asked_after == [30, 90, 210]


def test_what_was_on_its_way_when_trust_ended_brings_it_back_by_one_step(outbox: Outbox):
    outbox.break_down("one")
    outbox.note(SENT)
    assert outbox.standing().state is Breaker.HALF_OPEN


def test_a_silent_supplier_is_asked_whether_it_is_well_and_loses_trust_if_not(outbox: Outbox):
    """The second one may be idle for a year: its account must not have ended unnoticed."""
    assert outbox.asked(well=True) == ["one", "two"]
    outbox.wait(299)
    assert outbox.asked(well=True) == []
    outbox.note(SENT)
    outbox.wait(1)
    assert outbox.asked(well=False) == ["two"]
    for _ in range(2):
        outbox.wait(10)
        assert outbox.asked(well=False) == ["two"]
    assert outbox.standing("two").state is Breaker.OPEN
    assert outbox.standing("two").code == "unwell"


def test_a_supplier_that_was_unwell_for_a_moment_is_trusted_as_before(outbox: Outbox):
    for well in (False, False, True, False, False):
        assert "one" in outbox.asked(well)
        outbox.wait(300 if well else 10)
    assert outbox.standing().state is Breaker.CLOSED


def test_a_screen_is_told_how_each_supplier_stands(outbox: Outbox):
    outbox.break_down("one")
    one, two = (outbox.standing(name) for name in ("one", "two"))
    assert (one.state, one.since, one.code) == (Breaker.OPEN, outbox.now, "connection")
    assert two == Standing("two", Breaker.CLOSED, None, "", None, None)


def test_a_clock_set_back_leaves_no_supplier_distrusted_until_then(outbox: Outbox):
    outbox.break_down("one")
    outbox.wait(-3600)
    with outbox.store.write() as session:
        clocks.set_back(session, timedelta(hours=1), outbox.now)
    outbox.wait(LIMITS.pause_seconds)
    assert "one" in outbox.asked(well=True)
