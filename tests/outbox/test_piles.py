"""What piled up while the supplier was away: one message of each subject, one call at a time."""

import pytest

from dispatch.channels.contract import Kind, Outcome, State
from dispatch.outbox.models import Purpose
from tests.outbox.conftest import LEASE, Outbox

SENT = Outcome(State.SENT, "SM1")
AWAY = Outcome(State.PENDING, code="connection", retry_after=600)
UNCLEAR = Outcome(State.UNKNOWN, code="timeout")
GONE = Outcome(State.FAILED, code="30003")


def claimed(outbox: Outbox) -> list[int]:
    return [one.id for one in outbox.claim()]


def states(outbox: Outbox, *ids: int) -> list[tuple[State, str]]:
    return [(outbox.message(one).status, outbox.message(one).code) for one in ids]


def test_of_texts_that_piled_up_for_one_page_only_the_newest_leaves(outbox: Outbox):
    first = outbox.put("go", "page:x")
    (attempt,) = outbox.claim()
    outbox.settle((attempt, AWAY))
    outbox.wait(300)
    second = outbox.put("go, repeated", "page:x")
    third = outbox.put("go, repeated again", "page:x")
    assert claimed(outbox) == [third]
    outbox.wait(600)
    outbox.claim()
    superseded = (State.WITHDRAWN, "superseded")
    assert states(outbox, first, second) == [superseded, superseded]


def test_texts_of_other_pages_other_phones_and_calls_leave_too(outbox: Outbox):
    put = [
        outbox.put("go", "page:x"),
        outbox.put("go", "page:y"),
        outbox.put("go", "page:x", kind=Kind.CALL),
        outbox.put("go", "page:x", name="Bert"),
        outbox.put("answered", ""),
        outbox.put("answered", ""),
    ]
    assert sorted(claimed(outbox)) == put


@pytest.mark.parametrize("outcome", [SENT, UNCLEAR])
def test_an_old_text_does_not_follow_a_newer_one_that_left(outbox: Outbox, outcome: Outcome):
    old = outbox.put("go", "page:x")
    (attempt,) = outbox.claim()
    outbox.settle((attempt, AWAY))
    outbox.wait(300)
    outbox.put("go", "page:x")
    (attempt,) = outbox.claim()
    outbox.settle((attempt, outcome))
    outbox.wait(300)
    assert old not in claimed(outbox)
    assert states(outbox, old) == [(State.WITHDRAWN, "superseded")]


def test_an_old_text_leaves_when_the_newer_one_cannot(outbox: Outbox):
    old = outbox.put("go", "page:x")
    (attempt,) = outbox.claim()
    outbox.settle((attempt, AWAY))
    outbox.wait(300)
    outbox.put("go", "page:x")
    (attempt,) = outbox.claim()
    outbox.settle((attempt, GONE))
    outbox.wait(300)
    assert claimed(outbox) == [old]


def test_a_newer_text_that_has_to_wait_holds_up_no_older_one(outbox: Outbox):
    old = outbox.put("go", "page:x")
    (attempt,) = outbox.claim()
    outbox.settle((attempt, AWAY))
    outbox.wait(590)
    outbox.put("go", "page:x")
    (attempt,) = outbox.claim()
    outbox.settle((attempt, AWAY))
    outbox.wait(10)
    assert claimed(outbox) == [old]


# --- one call at a time


def test_a_phone_that_is_being_called_is_not_called_by_another_page(outbox: Outbox):
    first = outbox.put("go", "page:x", kind=Kind.CALL)
    second = outbox.put("go", "page:y", kind=Kind.CALL)
    (attempt,) = outbox.claim()
    assert attempt.id == first
    outbox.settle((attempt, SENT))
    for _ in range(10):
        outbox.wait(2)
        assert second not in claimed(outbox)
    assert states(outbox, second) == [(State.PENDING, "engaged")]
    outbox.hear(first, State.FAILED)
    outbox.wait(2)
    assert claimed(outbox) == [second]


@pytest.mark.parametrize(("heard", "seconds"), [(False, 45), (True, 30)])
def test_a_call_whose_end_nobody_hears_of_holds_up_the_next_for_a_while(
    outbox: Outbox, heard: bool, seconds: int
):
    first = outbox.put("go", "page:x", kind=Kind.CALL)
    second = outbox.put("go", "page:y", kind=Kind.CALL)
    (attempt,) = outbox.claim()
    outbox.settle((attempt, SENT))
    if heard:
        outbox.hear(first, State.DELIVERED)
    outbox.claim()
    outbox.wait(seconds - 1)
    assert second not in claimed(outbox)
    outbox.wait(2)
    assert second in claimed(outbox)


@pytest.mark.parametrize("answered", [False, True])
def test_a_call_from_before_the_clock_was_set_back_does_not_go_on_till_then(
    outbox: Outbox, answered: bool
):
    first = outbox.put("go", "page:x", kind=Kind.CALL)
    (attempt,) = outbox.claim()
    outbox.settle((attempt, SENT))
    if answered:
        outbox.hear(first, State.DELIVERED)
    outbox.wait(-3600)
    second = outbox.put("go", "page:y", kind=Kind.CALL)
    assert claimed(outbox) == [second]


def test_a_call_left_behind_by_a_dead_engine_holds_up_nobody_for_good(outbox: Outbox):
    first = outbox.put("go", "page:x", kind=Kind.CALL)
    outbox.claim()
    second = outbox.put("go", "page:y", kind=Kind.CALL)
    outbox.claim()
    outbox.wait(LEASE)
    (call,) = outbox.claim()
    outbox.settle((call, GONE))
    outbox.wait(2)
    assert {call.id, *claimed(outbox)} == {first, second}


def test_a_control_room_has_several_lines(outbox: Outbox):
    put = [
        outbox.put("ring", f"page:{page}", kind=Kind.CALL, purpose=Purpose.CONTROL_ROOM)
        for page in "xyz"
    ]
    assert sorted(claimed(outbox)) == put


def test_a_call_that_waited_in_vain_has_expired(outbox: Outbox):
    outbox.put("go", "page:x", kind=Kind.CALL)
    second = outbox.put("go", "page:y", kind=Kind.CALL)
    outbox.claim()
    outbox.wait(1800)
    outbox.claim()
    assert states(outbox, second) == [(State.FAILED, "expired")]
