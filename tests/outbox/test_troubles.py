"""What a person must know of the suppliers: refusals, and callbacks that stay out."""

from datetime import datetime, timedelta

import pytest

from dispatch.channels.contract import Outcome, State
from dispatch.outbox import suppliers, troubles
from dispatch.outbox.troubles import Refusal
from dispatch.settings import Settings
from tests import centre
from tests.outbox.conftest import Outbox

ALARMS = {"test": {"20003": "our account", "30002": "suspended", "20429": "too fast"}}
SENT = Outcome(State.SENT, "SM1")
NO_ACCOUNT = Outcome(State.FAILED, code="20003", fault=True)
NO_PHONE = Outcome(State.FAILED, code="21211", permanent=True)
TOO_FAST = Outcome(State.PENDING, code="20429", retry_after=30)


def refusals(outbox: Outbox) -> list[Refusal]:
    with outbox.store.read() as session:
        return troubles.refusals(session, ALARMS)


def silent_since(outbox: Outbox) -> datetime | None:
    with outbox.store.read() as session:
        return troubles.silent_since(session, outbox.now, 10)


def test_nothing_sent_is_nothing_refused(outbox: Outbox):
    assert refusals(outbox) == []


def test_a_refusal_lasts_from_the_first_message_until_the_next_that_is_taken(outbox: Outbox):
    outbox.attempt(SENT)
    outbox.wait(60)
    since = outbox.now
    for _ in range(3):
        outbox.attempt(NO_ACCOUNT)
        outbox.wait(60)
    assert refusals(outbox) == [Refusal("test", since, "20003")]
    outbox.attempt(SENT)
    assert refusals(outbox) == []


def test_what_is_refused_afterwards_is_over_only_when_a_message_is_passed_on(outbox: Outbox):
    """An account that is suspended takes every message, and fails each of them a moment later."""
    for _ in range(2):
        put = outbox.attempt(SENT)
        outbox.wait(1)
        outbox.hear(put, State.FAILED, "30002")
        outbox.wait(60)
    again = outbox.attempt(SENT)
    assert refusals(outbox) == [Refusal("test", centre.NOW + timedelta(seconds=1), "30002")]
    outbox.wait(1)
    outbox.hear(again, State.DELIVERED)
    assert refusals(outbox) == []


def test_a_phone_that_is_off_shows_that_messages_are_passed_on(outbox: Outbox):
    put, other = outbox.attempt(SENT), outbox.attempt(SENT)
    outbox.hear(put, State.FAILED, "30002")
    outbox.wait(1)
    outbox.hear(other, State.FAILED, "30003")
    assert refusals(outbox) == []


def test_a_refused_number_is_no_refusal_of_ours(outbox: Outbox):
    outbox.attempt(NO_PHONE)
    assert refusals(outbox) == []


def test_what_is_refused_for_now_is_told_while_it_waits(outbox: Outbox):
    put = outbox.attempt(TOO_FAST)
    assert refusals(outbox) == [Refusal("test", centre.NOW, "20429")]
    outbox.wait(30)
    (claimed,) = outbox.claim()
    outbox.settle((claimed, SENT))
    assert outbox.message(put).status is State.SENT
    assert refusals(outbox) == []


def test_a_supplier_that_hands_its_messages_on_is_told_by_its_count(
    outbox: Outbox, settings: Settings
):
    with outbox.store.write() as session:
        suppliers.note(session, [("test", NO_ACCOUNT)], settings.suppliers, outbox.now)
    assert refusals(outbox) == [Refusal("test", outbox.now, "20003")]
    with outbox.store.write() as session:
        suppliers.note(session, [("test", SENT)], settings.suppliers, outbox.now)
    assert refusals(outbox) == []


# --- callbacks


@pytest.mark.parametrize(("count", "told"), [(2, False), (3, True), (5, True)])
def test_several_messages_without_a_callback_are_no_accident(
    outbox: Outbox, count: int, told: bool
):
    for _ in range(count):
        outbox.attempt(SENT)
        outbox.wait(1)
    outbox.wait(10)
    assert silent_since(outbox) == (centre.NOW if told else None)


def test_a_message_whose_callback_is_not_due_yet_says_nothing(outbox: Outbox):
    for _ in range(3):
        outbox.attempt(SENT)
    outbox.wait(9)
    assert silent_since(outbox) is None


def test_the_first_callback_ends_it(outbox: Outbox):
    for _ in range(4):
        put = outbox.attempt(SENT)
    outbox.wait(20)
    outbox.hear(put, State.SENT)
    assert silent_since(outbox) is None


def test_callbacks_of_long_ago_say_nothing_of_those_that_stay_out_now(outbox: Outbox):
    outbox.hear(outbox.attempt(SENT), State.DELIVERED)
    outbox.wait(600)
    since = outbox.now
    for _ in range(3):
        outbox.attempt(SENT)
    outbox.wait(10)
    assert silent_since(outbox) == since
    outbox.wait(86400)
    assert silent_since(outbox) is None
