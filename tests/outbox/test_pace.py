"""How fast texts leave: no number is given more than it passes on, and the urgent goes first."""

from datetime import timedelta

import pytest

from dispatch.channels.contract import Kind, Outcome, State
from dispatch.outbox import clocks, queue
from dispatch.outbox.pace import PACED, Limit
from dispatch.outbox.queue import Task
from tests.outbox.conftest import LEASE, Outbox

ONE = {"test": Limit(("+3220000001",), 1)}
TWO = {"test": Limit(("+3220000001", "+3220000002"), 1)}


@pytest.fixture
def paced(outbox: Outbox) -> Outbox:
    """An outbox whose supplier has one number that passes on a text a second."""
    outbox.limits = ONE
    return outbox


def _left(outbox: Outbox, seconds: int) -> list[list[int]]:
    """Return what leaves in each second, as an engine would claim it."""
    gone = []
    for _ in range(seconds):
        gone.append([claimed.id for claimed in outbox.claim()])
        outbox.wait(1)
    return gone


def test_one_number_passes_on_one_text_a_second(paced: Outbox):
    first, second, third = [paced.put(f"go {number}") for number in range(3)]
    assert _left(paced, 4) == [[first], [second], [third], []]


def test_whoever_waits_says_so_and_is_looked_at_when_its_turn_comes(paced: Outbox):
    paced.put()
    waiting = paced.put("go too")
    paced.claim()
    message = paced.message(waiting)
    assert (message.status, message.code) == (State.PENDING, PACED)
    with paced.store.read() as session:
        assert queue.next_due(session) == message.due_at
    assert (message.due_at - paced.now).total_seconds() == 1


def test_what_is_urgent_goes_before_what_has_waited_longer(paced: Outbox):
    first, *rest = [paced.put(f"later {number}", priority=3) for number in range(3)]
    assert _left(paced, 1) == [[first]]
    urgent = paced.put("go now", priority=1)
    assert _left(paced, 3) == [[urgent], rest[:1], rest[1:]]


def test_texts_leave_from_whichever_number_is_free(outbox: Outbox):
    outbox.limits = TWO
    for number in range(6):
        outbox.put(f"go {number}")
    senders = []
    for _ in range(3):
        senders.append(sorted(claimed.outgoing.sender for claimed in outbox.claim()))
        outbox.wait(1)
    assert senders == [["+3220000001", "+3220000002"]] * 3


def test_a_text_of_three_parts_holds_its_number_three_times_as_long(paced: Outbox):
    long, short = paced.put("x" * 400), paced.put("go")
    assert _left(paced, 4) == [[long], [], [], [short]]


def test_calls_wait_for_no_number(paced: Outbox):
    paced.put()
    paced.claim()
    call = paced.put("go", kind=Kind.CALL)
    assert [claimed.id for claimed in paced.claim()] == [call]


def test_what_may_have_gone_is_looked_for_by_the_number_that_it_left_from(outbox: Outbox):
    outbox.limits = TWO
    outbox.put()
    (claimed,) = outbox.claim()
    outbox.wait(LEASE)
    (again,) = outbox.claim()
    assert (again.task, again.outgoing.sender) == (Task.FIND, claimed.outgoing.sender)


def test_what_the_supplier_took_is_asked_about_without_waiting(paced: Outbox):
    paced.attempt(Outcome(State.SENT, "SM1"))
    paced.wait(10)
    paced.put("go")
    assert sorted(claimed.task for claimed in paced.claim()) == [Task.ASK, Task.SEND]


def test_without_a_limit_everything_leaves_at_once_from_the_usual_number(outbox: Outbox):
    outbox.limits = {"test": Limit(("+3220000001", "+3220000002"))}
    for number in range(5):
        outbox.put(f"go {number}")
    assert [claimed.outgoing.sender for claimed in outbox.claim()] == [""] * 5


def test_a_clock_set_back_keeps_no_text_waiting_for_its_number(paced: Outbox):
    first, second = paced.put(), paced.put("go too")
    assert _left(paced, 1) == [[first]]
    paced.wait(-3600)
    with paced.store.write() as session:
        clocks.set_back(session, timedelta(hours=1), paced.now)
    third = paced.put("go as well")
    assert _left(paced, 3) == [[second], [third], []]
