"""What the channel reads when it asks the supplier, and when the supplier calls back."""

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest
from flask import Flask

from dispatch.channels.contract import Inbound, Kind, Receipt, State
from dispatch.channels.twilio import TwilioChannel
from dispatch.clock import SystemClock
from tests.channels.conftest import AN, BERT, MakeChannel, a_while_ago, call, text
from tests.simulated import ACCOUNT, Customer, SimulatedTwilio, served

# --- what the supplier says when asked


def test_a_text_and_a_call_can_be_asked_after(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    twilio.behave(BERT, "fail")
    arrived, lost = channel.send(text()), channel.send(text(to=BERT))
    unheard = channel.send(call(to=BERT))
    twilio.wait_for(AN, status="delivered")
    twilio.wait_for(BERT, status="undelivered")
    twilio.wait_for(BERT, status="failed")

    sms, voice = Kind.SMS, Kind.CALL
    assert channel.look_up(sms, arrived.supplier_id) == Receipt(
        State.DELIVERED, supplier_id=arrived.supplier_id
    )
    assert channel.look_up(sms, lost.supplier_id) == Receipt(
        State.FAILED, "30003", supplier_id=lost.supplier_id
    )
    assert channel.look_up(voice, unheard.supplier_id) == Receipt(
        State.FAILED, "failed", supplier_id=unheard.supplier_id
    )
    assert channel.look_up(sms, "SM" + "0" * 32) is None
    assert channel.look_up(sms, "") is None


def test_a_call_that_rings_is_sent_and_one_picked_up_is_answered(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    sid = channel.send(call()).supplier_id
    twilio.wait_for(AN, status="ringing")
    assert channel.look_up(Kind.CALL, sid) == Receipt(State.SENT, supplier_id=sid)
    twilio.press(AN, "answer")
    found = channel.look_up(Kind.CALL, sid)
    assert found == Receipt(State.DELIVERED, supplier_id=sid, answered=True)


def test_texts_that_came_in_can_be_asked_for_without_any_callback(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    twilio.inbound_url = ""
    first, second = twilio.reply(AN, "JA 482"), twilio.reply(BERT, "NEE é")
    channel.send(text())
    texts = channel.inbound(a_while_ago())
    assert [(x.supplier_id, x.sender, x.body) for x in texts] == [
        (first, AN, "JA 482"),
        (second, BERT, "NEE é"),
    ]
    assert all(x.at and x.at.tzinfo is UTC for x in texts)
    assert channel.inbound(SystemClock().now() + timedelta(minutes=1)) == []


def test_a_text_leaves_from_the_number_named_and_its_answer_is_asked_for_there(
    make_channel: MakeChannel, twilio: SimulatedTwilio
) -> None:
    usual, other = ACCOUNT.sender, ACCOUNT.more[0]
    channel = make_channel(senders=[usual, other])
    message = replace(text(), sender=other)
    channel.send(message)
    assert twilio.arrivals()[-1]["own"] == other
    assert channel.find(message, a_while_ago(), []) is not None
    twilio.reply(AN, "JA 482")
    assert [said.body for said in channel.inbound(a_while_ago())] == ["JA 482"]
    assert make_channel(senders=[usual]).inbound(a_while_ago()) == []


def test_a_number_of_another_supplier_is_none_to_send_from(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    channel.send(replace(text(), sender="+3225550000"))
    assert twilio.arrivals()[-1]["own"] == ACCOUNT.sender


def test_texts_that_came_in_before_a_page_failed_are_kept(make_channel: MakeChannel) -> None:
    row = {"sid": "SM1", "from": AN, "body": "JA", "direction": "inbound"}
    row["date_sent"] = SystemClock().now().strftime("%a, %d %b %Y %H:%M:%S +0000")
    app = Flask(__name__)

    @app.get("/2010-04-01/<path:_path>")
    def page(_path: str) -> dict[str, Any]:
        return {"messages": [{"sid": None, "from": None}, row], "next_page_uri": "/broken"}

    with served(app) as address:
        [only] = make_channel(api_base=address).inbound(a_while_ago())
    assert (only.supplier_id, only.body) == ("SM1", "JA")


def test_warming_up_says_whether_the_supplier_is_well(channel: TwilioChannel) -> None:
    assert channel.warm()


# --- what the supplier calls back


@pytest.mark.parametrize(
    ("form", "receipt"),
    [
        ({"MessageStatus": "sent", "MessageSid": "SM1"}, Receipt(State.SENT, supplier_id="SM1")),
        ({"SmsStatus": "delivered", "SmsSid": "SM1"}, Receipt(State.DELIVERED, supplier_id="SM1")),
        (
            {"MessageStatus": "undelivered", "MessageSid": "SM1", "ErrorCode": "30005"},
            Receipt(State.FAILED, "30005", True, "SM1"),
        ),
        (
            {"MessageStatus": "failed", "MessageSid": "SM1", "ErrorCode": "30036"},
            Receipt(State.FAILED, "30036", False, "SM1"),
        ),
        ({"MessageStatus": "canceled"}, Receipt(State.FAILED, "canceled")),
        ({"CallStatus": "ringing", "CallSid": "CA1"}, Receipt(State.SENT, supplier_id="CA1")),
        ({"CallStatus": "in-progress"}, Receipt(State.DELIVERED, answered=True)),
        ({"CallStatus": "completed"}, Receipt(State.DELIVERED, answered=True)),
        ({"CallStatus": "busy"}, Receipt(State.FAILED, "busy")),
        ({"CallStatus": "no-answer", "ErrorCode": "0"}, Receipt(State.FAILED, "no-answer")),
        ({"MessageStatus": "flying"}, None),
        ({}, None),
    ],
)
def test_a_status_callback_is_read(
    channel: TwilioChannel, form: dict[str, str], receipt: Receipt | None
) -> None:
    assert channel.receipt(form) == receipt


def test_a_reply_is_read_from_its_callback(
    channel: TwilioChannel, twilio: SimulatedTwilio, customer: Customer
) -> None:
    sid = twilio.reply("0470 00 00 09", "JA 482 ✓")
    SimulatedTwilio.wait_until(lambda: customer.callbacks)
    [callback] = customer.callbacks
    assert callback.path == "/hooks/twilio/sms"
    assert channel.verify(callback.path, callback.form, callback.signature)
    assert channel.inbound_sms(callback.form) == Inbound(sid, "+0470000009", "JA 482 ✓")


#: Twilio's own published example.
SIGNED = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+12349013030",
    "Digits": "1234",
    "From": "+12349013030",
    "To": "+18005551212",
}
SIGNATURE = "0/KCTR6DLpKmkAf8muzZqo1nDgQ="
PATH = "/myapp.php?foo=1&bar=2"


def test_a_signature_holds_for_the_configured_address_only(make_channel: MakeChannel) -> None:
    ours = make_channel(auth_token="12345", public_url="https://mycompany.com/")
    assert ours.verify(PATH, SIGNED, SIGNATURE)
    assert not ours.verify(PATH + "&more=1", SIGNED, SIGNATURE)
    assert not ours.verify(PATH, SIGNED | {"Digits": "1"}, SIGNATURE)
    assert not ours.verify(PATH, SIGNED, "")
    assert not ours.verify(PATH, SIGNED, "é")
    other = make_channel(auth_token="12345", public_url="https://elsewhere.example")
    assert not other.verify(PATH, SIGNED, SIGNATURE)
    stranger = make_channel(auth_token="54321", public_url="https://mycompany.com")
    assert not stranger.verify(PATH, SIGNED, SIGNATURE)
