"""What happens to texts and calls on their way, and what the customer is called back with."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from dispatch.channels.contract import Kind
from dispatch.simulator import twiml
from dispatch.simulator.carrier import Carrier
from dispatch.simulator.faults import Fault
from dispatch.simulator.state import Traffic
from dispatch.simulator.twiml import Gather
from tests.simulated import ACCOUNT, Customer, SimulatedTwilio, free_port

AN = "+32470000001"


@pytest.fixture
def customer() -> Iterator[Customer]:
    with Customer.serving() as customer:
        yield customer


@pytest.fixture
def twilio(customer: Customer) -> Iterator[SimulatedTwilio]:
    with SimulatedTwilio.in_thread(inbound_url=f"{customer.url}/sms") as twilio:
        yield twilio


@pytest.fixture
def carrier(twilio: SimulatedTwilio) -> Carrier:
    assert twilio.app is not None
    carrier: Carrier = twilio.app.extensions["carrier"]
    return carrier


@pytest.fixture
def send(carrier: Carrier, customer: Customer) -> Any:
    """Hand in a text or call, as the interface does."""

    def send(kind: Kind = Kind.SMS, document: str = "", **more: Any) -> Traffic:
        more = {"callback": f"{customer.url}/status", **more}
        if document:
            more["verbs"] = twiml.parse(document)
        more.setdefault("events", frozenset({"initiated", "ringing", "answered", "completed"}))
        body = twiml.spoken(more.get("verbs", [])) or "Oproep"
        traffic = Traffic(kind, "outbound-api", AN, body, **more)
        carrier.exchange.add(traffic)
        carrier.carry(traffic)
        return traffic

    return send


ASK = (
    '<Response><Gather action="{}/key" timeout="{}" numDigits="1"><Say>Druk 1</Say></Gather>'
    "</Response>"
)


def test_a_phone_that_is_on_gets_the_text(send: Any, customer: Customer) -> None:
    send()
    customer.wait_for("queued", "sent", "delivered")


def test_a_phone_that_fails_gets_nothing_and_the_customer_is_told_why(
    send: Any, customer: Customer, twilio: SimulatedTwilio
) -> None:
    twilio.behave(AN, "fail")
    send()
    customer.wait_for("queued", "sent", "undelivered")
    assert customer.callbacks[-1].form["ErrorCode"] == "30003"


def test_a_late_text_arrives_late(send: Any, customer: Customer, twilio: SimulatedTwilio) -> None:
    twilio.behave(AN, "delay", 0.2)
    text = send()
    customer.wait_for("queued", "sent", "delivered")
    assert text.updated_at - text.sent_at >= timedelta(seconds=0.2)


def test_a_text_that_would_come_too_late_does_not_come_at_all(
    send: Any, customer: Customer, twilio: SimulatedTwilio
) -> None:
    twilio.behave(AN, "delay", 60)
    send(validity=0.1)
    customer.wait_for("queued", "sent", "undelivered")
    assert customer.callbacks[-1].form["ErrorCode"] == "30036"


def test_of_a_silent_phone_nothing_is_heard(
    send: Any, customer: Customer, twilio: SimulatedTwilio
) -> None:
    twilio.behave(AN, "silent")
    text = send()
    customer.wait_for("queued", "sent")
    twilio.behave(AN, "deliver")
    assert text.status == "sent"


def test_a_call_is_answered_asked_and_ended(
    send: Any, customer: Customer, twilio: SimulatedTwilio
) -> None:
    customer.answer = (200, "<Response><Say>Dank u</Say><Hangup/></Response>")
    call = send(Kind.CALL, ASK.format(customer.url, 8))
    customer.wait_for("initiated", "ringing")
    assert twilio.press(AN, "answer", call.sid)
    customer.wait_for("initiated", "ringing", "in-progress")
    assert twilio.press(AN, "2", call.sid)
    customer.wait_for("initiated", "ringing", "in-progress", "in-progress", "completed")
    assert [x.form["Digits"] for x in customer.callbacks if "Digits" in x.form] == ["2"]
    assert customer.callbacks[-1].form["CallDuration"] == "0"
    assert call.body == "Druk 1 Dank u"
    assert not twilio.press(AN, "1", call.sid)


def test_a_key_pressed_while_it_rings_picks_up(
    send: Any, customer: Customer, twilio: SimulatedTwilio
) -> None:
    customer.answer = (200, "<Response/>")
    send(Kind.CALL, ASK.format(customer.url, 8))
    customer.wait_for("initiated", "ringing")
    assert twilio.press(AN, "1")
    customer.wait_for("initiated", "ringing", "in-progress", "in-progress", "completed")


def test_a_call_that_nobody_answers_ends(send: Any, customer: Customer) -> None:
    send(Kind.CALL, ASK.format(customer.url, 8), ring_seconds=0.1)
    customer.wait_for("initiated", "ringing", "no-answer")


def test_a_call_picked_up_by_a_voicebox_ends_without_a_key(
    send: Any, customer: Customer, twilio: SimulatedTwilio
) -> None:
    call = send(Kind.CALL, ASK.format(customer.url, 0))
    customer.wait_for("initiated", "ringing")
    twilio.press(AN, "answer")
    customer.wait_for("initiated", "ringing", "in-progress", "completed")
    assert call.body == "Druk 1"


def test_a_call_refused_is_busy(send: Any, customer: Customer, twilio: SimulatedTwilio) -> None:
    send(Kind.CALL, ASK.format(customer.url, 8))
    customer.wait_for("initiated", "ringing")
    assert twilio.press(AN, "hangup")
    customer.wait_for("initiated", "ringing", "busy")
    assert not twilio.press(AN, "hangup")


def test_a_call_fetches_what_to_say_where_it_was_not_told(
    send: Any, customer: Customer, twilio: SimulatedTwilio
) -> None:
    customer.answer = (200, "<Response><Say>Hallo</Say></Response>")
    call = send(Kind.CALL, url=f"{customer.url}/twiml")
    customer.wait_for("initiated", "ringing")
    twilio.press(AN, "answer")
    SimulatedTwilio.wait_until(lambda: call.status == "completed")
    assert call.body == "Oproep Hallo"


@pytest.mark.parametrize(
    ("mode", "ending"), [("fail", ["initiated", "failed"]), ("silent", ["initiated", "no-answer"])]
)
def test_a_call_to_a_phone_that_is_off_ends(
    send: Any, customer: Customer, twilio: SimulatedTwilio, mode: str, ending: list[str]
) -> None:
    twilio.behave(AN, mode)
    send(Kind.CALL, ASK.format(customer.url, 8), ring_seconds=0.1)
    customer.wait_for(*ending)


def test_only_the_steps_asked_for_are_called_back(send: Any, customer: Customer) -> None:
    send(Kind.CALL, ASK.format(customer.url, 8), ring_seconds=0.1, events=frozenset({"completed"}))
    customer.wait_for("no-answer")


def test_a_stop_is_obeyed_passed_on_and_answered(
    customer: Customer, twilio: SimulatedTwilio
) -> None:
    twilio.reply(AN, " stop ")
    customer.wait_for("received")
    assert customer.callbacks[0].form["Body"] == " stop "
    asked, answered = twilio.messages(AN)
    assert (asked["direction"], answered["direction"]) == ("in", "out")
    assert "unsubscribed" in answered["body"]
    twilio.reply(AN, "stop please")
    assert len(twilio.messages(AN)) == 3


# --- faults of callbacks


@pytest.mark.parametrize(
    ("how", "statuses"),
    [
        ("double", ["queued", "queued", "sent", "sent", "delivered", "delivered"]),
        ("reorder", ["delivered", "sent", "queued"]),
        ("early", ["queued", "sent", "delivered"]),
    ],
)
def test_callbacks_come_as_the_fault_says(
    send: Any, customer: Customer, how: str, statuses: list[str]
) -> None:
    send(fault=Fault(callbacks=how))
    customer.wait_for(*statuses)


def test_callbacks_that_are_dropped_never_come(send: Any, customer: Customer) -> None:
    text = send(fault=Fault(callbacks="drop"))
    SimulatedTwilio.wait_until(lambda: text.status == "delivered")
    send()
    customer.wait_for("queued", "sent", "delivered")


@pytest.mark.parametrize("failure", ["failed", "undelivered"])
def test_a_text_fails_on_its_way_with_the_code_of_the_fault(
    send: Any, customer: Customer, failure: str
) -> None:
    send(fault=Fault(**{failure: 30007}))  # type: ignore[arg-type]
    SimulatedTwilio.wait_until(lambda: failure in customer.statuses())
    assert customer.callbacks[-1].form["ErrorCode"] == "30007"


def test_a_delay_holds_up_every_status(send: Any, customer: Customer) -> None:
    text = send(fault=Fault(delay=0.1))
    customer.wait_for("queued", "sent", "delivered")
    assert text.sent_at - text.created_at >= timedelta(seconds=0.1)
    assert text.updated_at - text.sent_at >= timedelta(seconds=0.1)


def test_the_customer_is_called_back_before_it_is_answered(
    twilio: SimulatedTwilio, customer: Customer
) -> None:
    sid, token, sender, _ = ACCOUNT
    twilio.fault(callbacks="early")
    requests.post(
        f"{twilio.base_url}/2010-04-01/Accounts/{sid}/Messages.json",
        data={"To": AN, "From": sender, "Body": "x", "StatusCallback": f"{customer.url}/status"},
        auth=(sid, token),
        timeout=5,
    )
    assert customer.statuses() == ["queued", "sent", "delivered"]


# --- a customer's server that fails


def test_a_server_that_is_down_is_noted_and_breaks_nothing(send: Any) -> None:
    text = send(callback=f"http://127.0.0.1:{free_port()}/status")
    SimulatedTwilio.wait_until(lambda: text.trouble)
    assert text.trouble == "callback: ClientConnectorError"
    SimulatedTwilio.wait_until(lambda: text.status == "delivered")


def test_a_server_that_breaks_is_noted_and_not_tried_again(send: Any, customer: Customer) -> None:
    customer.answer = (500, "")
    text = send()
    customer.wait_for("queued", "sent", "delivered")
    SimulatedTwilio.wait_until(lambda: text.trouble == "callback: HTTP 500")


def test_a_server_that_answers_a_key_with_nonsense_ends_the_call(
    send: Any, customer: Customer, twilio: SimulatedTwilio
) -> None:
    customer.answer = (200, "oops")
    call = send(Kind.CALL, ASK.format(customer.url, 8))
    customer.wait_for("initiated", "ringing")
    twilio.press(AN, "1")
    SimulatedTwilio.wait_until(lambda: call.status == "completed")
    assert "no XML" in call.trouble


def test_a_server_that_hangs_holds_up_no_status(send: Any, customer: Customer) -> None:
    customer.hold.set()
    text = send()
    SimulatedTwilio.wait_until(lambda: text.status == "delivered", 1)
    assert customer.callbacks == []
    customer.hold.clear()
    customer.wait_for("queued", "sent", "delivered")


def test_closing_ends_what_hangs(customer: Customer) -> None:
    customer.hold.set()
    with SimulatedTwilio.in_thread(inbound_url=f"{customer.url}/sms") as twilio:
        twilio.reply(AN, "JA")
    assert customer.callbacks == []
    customer.hold.clear()


def test_keys_are_heard_together_up_to_the_hash_and_what_follows_is_kept() -> None:
    any_number = Gather((), "/", 5, 0)
    assert any_number.heard("12") is None
    assert any_number.heard("12#3") == ("12", "3")
    assert any_number.heard("#") == ("", "")
    assert Gather((), "/", 5, 1).heard("12") == ("1", "2")
