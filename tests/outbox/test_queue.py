"""The outbox: leases, doubts, and what is never lost and never sent once too often."""

import pytest

from dispatch.channels.contract import Outcome, State
from dispatch.outbox.models import Message
from dispatch.outbox.queue import Task
from tests.outbox.conftest import LEASE, Outbox

SENT = Outcome(State.SENT, "SM1")
FOUND = Outcome(State.SENT, "SM1", found=True)
LATER = Outcome(State.PENDING, code="http-503")
UNCLEAR = Outcome(State.UNKNOWN, code="timeout")


def test_what_an_engine_left_behind_is_asked_about_before_it_is_sent_again(outbox: Outbox):
    put = outbox.put()
    (claimed,) = outbox.claim()
    assert claimed.task is Task.SEND
    assert outbox.claim() == []
    outbox.wait(LEASE)
    (claimed,) = outbox.claim()
    assert claimed.task is Task.FIND
    outbox.settle((claimed, FOUND))
    assert (outbox.message(put).status, outbox.message(put).resent) == (State.SENT, 0)


def test_what_was_sent_again_is_counted_even_if_that_engine_dies_too(outbox: Outbox):
    put = outbox.put()
    outbox.claim()
    for times in (1, 2):
        outbox.wait(LEASE)
        (claimed,) = outbox.claim()
        assert outbox.message(put).resent == times
    outbox.settle((claimed, SENT))
    assert outbox.message(put).resent == 2


def test_one_arrival_is_not_taken_for_two_messages(outbox: Outbox):
    """Delivered texts show no words: what was found may be the other one."""
    both = [outbox.put("go to Aalst"), outbox.put("go to Ninove")]
    outbox.claim()
    outbox.wait(LEASE)
    outbox.settle(*((claimed, FOUND) for claimed in outbox.claim()))
    assert [outbox.message(put).status for put in both] == [State.PENDING, State.PENDING]


def test_an_arrival_that_is_anothers_already_is_not_taken_again(outbox: Outbox):
    put = outbox.put()
    (mine,) = outbox.claim()
    outbox.put("another")
    (other,) = outbox.claim()
    outbox.settle((other, SENT))
    outbox.settle((mine, FOUND))
    assert outbox.message(put).status is State.PENDING


def test_the_first_text_of_what_was_sent_again_is_not_taken_for_anothers(outbox: Outbox):
    outbox.put("go to Aalst")
    outbox.claim()
    outbox.wait(LEASE)
    (again,) = outbox.claim()
    outbox.settle((again, Outcome(State.SENT, "SM2")))
    put = outbox.put("go to Ninove")
    outbox.claim()
    outbox.wait(LEASE)
    (doubted,) = (one for one in outbox.claim() if one.id == put)
    # The supplier shows SM1, of which it tells no words: the first text to Aalst.
    outbox.settle((doubted, FOUND))
    assert outbox.message(put).status is State.PENDING


@pytest.mark.parametrize("outcome", [LATER, UNCLEAR])
def test_what_was_withdrawn_on_the_wire_is_never_tried_again(outbox: Outbox, outcome: Outcome):
    put = outbox.put(about="page:x")
    (claimed,) = outbox.claim()
    outbox.withdraw("page:x")
    outbox.settle((claimed, outcome))
    outbox.wait(600)
    assert outbox.claim() == []
    assert outbox.message(put).status is State.WITHDRAWN


def test_what_was_withdrawn_on_the_wire_of_a_dead_engine_is_not_tried_again(outbox: Outbox):
    put = outbox.put(about="page:x")
    outbox.claim()
    outbox.withdraw("page:x")
    outbox.wait(LEASE)
    assert outbox.claim() == []
    assert outbox.message(put).status is State.WITHDRAWN


def test_what_was_withdrawn_on_the_wire_and_left_is_sent(outbox: Outbox):
    put = outbox.put(about="page:x")
    (claimed,) = outbox.claim()
    outbox.withdraw("page:x")
    outbox.settle((claimed, SENT))
    assert (outbox.message(put).status, outbox.message(put).due_at) == (State.SENT, None)


def test_an_engine_that_comes_too_late_speaks_only_of_what_it_sent(outbox: Outbox):
    """Else a message on the wire of another engine would be sent a third time."""
    put = outbox.put()
    (frozen,) = outbox.claim()
    outbox.wait(LEASE)
    outbox.claim()
    outbox.settle((frozen, LATER))
    assert outbox.message(put).status is State.SENDING
    outbox.settle((frozen, SENT))
    assert outbox.message(put).status is State.SENT


def test_doubts_that_come_again_are_cleared_up_later_each_time(outbox: Outbox):
    """A supplier that takes every text and says so of none must not ring a phone all night."""
    put = outbox.put()
    pauses = []
    for _ in range(7):
        (claimed,) = outbox.claim()
        outbox.settle((claimed, UNCLEAR))
        due_at = outbox.message(put).due_at
        assert due_at is not None
        pauses.append((due_at - outbox.now).total_seconds())
        outbox.now = due_at
    assert pauses == [10, 20, 40, 80, 160, 300, 300]


def test_what_a_frozen_engine_sent_after_all_is_not_sent_once_more(outbox: Outbox):
    put = outbox.put()
    (frozen,) = outbox.claim()
    outbox.wait(LEASE)
    (other,) = outbox.claim()
    outbox.settle((other, LATER))
    outbox.settle((frozen, SENT))
    assert outbox.message(put).status is State.SENT


def test_one_that_nobody_can_read_keeps_no_other_from_being_sent(outbox: Outbox):
    spoilt, sound = outbox.put(), outbox.put()
    with outbox.store.write() as session:
        session.get_one(Message, spoilt).sealed_text = session.get_one(Message, sound).sealed_text
    assert [claimed.id for claimed in outbox.claim()] == [sound]
    assert outbox.message(spoilt).status is State.FAILED
    assert outbox.message(spoilt).code == "unsealable"


def test_every_attempt_is_kept_with_what_its_supplier_answered(outbox: Outbox):
    put = outbox.attempt(LATER)
    outbox.wait(2)
    outbox.claim()
    outbox.wait(LEASE)
    (late,) = outbox.claim()
    outbox.wait(1)
    outbox.settle((late, SENT))
    first, second, third = outbox.message(put).tries
    assert (first["n"], first["by"], first["state"], first["code"]) == (
        1,
        "test",
        "pending",
        "http-503",
    )
    # The engine that made the second died before it wrote an answer down.
    assert set(second) == {"n", "by", "began"}
    assert (third["n"], third["state"], third["id"]) == (3, "sent", "SM1")
    assert third["began"] < third["ended"] == outbox.now.isoformat()
