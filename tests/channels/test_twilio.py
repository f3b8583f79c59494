"""The real channel against the simulated supplier, over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.channels.contract import Channel, Kind, Outcome, Outgoing, Speech, State
from dispatch.channels.twilio import TwilioChannel
from dispatch.db import Store
from tests.channels.conftest import AN, MakeChannel, a_while_ago, call, text
from tests.simulated import Customer, SimulatedTwilio, free_port


def traffic(twilio: SimulatedTwilio, sid: str) -> Any:
    assert twilio.app is not None
    return twilio.app.extensions["carrier"].exchange.get(sid)


# --- what arrives


def test_a_text_arrives_and_its_receipts_come_back_signed(
    channel: TwilioChannel, twilio: SimulatedTwilio, customer: Customer
) -> None:
    outcome = channel.send(text(body="Oproep 482"))

    assert outcome == Outcome(State.SENT, outcome.supplier_id)
    [shown] = twilio.wait_for(AN, status="delivered")
    assert shown["id"] == outcome.supplier_id
    assert shown["body"] == "Oproep 482"
    customer.wait_for("queued", "sent", "delivered", uid="m1")
    for callback in customer.callbacks:
        assert channel.verify(callback.path, callback.form, callback.signature)
        assert channel.receipt(callback.form).supplier_id == outcome.supplier_id


def test_a_text_leaves_plain_short_and_to_be_forgotten_by_the_supplier(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    outcome = channel.send(text(body="Forêt\n“Zoë”" + "x" * 2000, validity=99_999))

    sent = traffic(twilio, outcome.supplier_id)
    assert sent.body.startswith('Foret "Zoe"xxx')
    assert len(sent.body) == 1600
    assert sent.validity == 36_000
    assert sent.discard
    assert not sent.obfuscate


def test_a_validity_below_one_second_is_one(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    outcome = channel.send(text(validity=0))
    assert traffic(twilio, outcome.supplier_id).validity == 1


def test_numbers_are_obfuscated_where_that_is_set(
    make_channel: MakeChannel, twilio: SimulatedTwilio
) -> None:
    channel = make_channel(address_obfuscated=True)
    outcome = channel.send(text())
    assert traffic(twilio, outcome.supplier_id).obfuscate
    assert channel.find(text(), a_while_ago(), ()) is None


def test_an_odd_id_of_ours_survives_the_way_through_the_callback_address(
    channel: TwilioChannel, customer: Customer
) -> None:
    channel.send(text(uid="a/b c?é"))
    SimulatedTwilio.wait_until(lambda: len(customer.callbacks) == 3)
    assert {x.path for x in customer.callbacks} == {"/hooks/twilio/status/a/b c?é"}


def test_a_call_speaks_and_a_key_press_is_answered(
    channel: TwilioChannel, twilio: SimulatedTwilio, customer: Customer
) -> None:
    answer = channel.speak(Speech("U gaat.", "nl"))
    customer.answers["/hooks/twilio/voice/c1"] = (200, answer)

    outcome = channel.send(call(body="Oproep, druk 1"))
    twilio.wait_for(AN, kind="call", status="ringing")
    assert twilio.press(AN, "1")
    [shown] = twilio.wait_for(AN, kind="call", status="completed")

    assert outcome.state is State.SENT
    assert shown["body"] == "Oproep, druk 1 U gaat."
    customer.wait_for("initiated", "ringing", "in-progress", "completed", uid="/status/c1")
    [pressed] = [x for x in customer.callbacks if x.path == "/hooks/twilio/voice/c1"]
    assert pressed.form["Digits"] == "1"
    assert channel.verify(pressed.path, pressed.form, pressed.signature)


def test_a_call_speaks_when_our_web_server_is_down(
    make_channel: MakeChannel, twilio: SimulatedTwilio
) -> None:
    channel = make_channel(public_url=f"http://127.0.0.1:{free_port()}")
    channel.send(call(body="Oproep, bel de meldkamer", gather=False))
    twilio.wait_for(AN, kind="call", status="ringing")
    twilio.press(AN, "answer")
    [shown] = twilio.wait_for(AN, kind="call", status="completed")
    assert shown["body"] == "Oproep, bel de meldkamer"


def test_a_call_asks_again_where_it_is_told_to(
    channel: TwilioChannel, twilio: SimulatedTwilio, customer: Customer
) -> None:
    again = f"{customer.url}/hooks/twilio/voice/c1"
    customer.answers["/hooks/twilio/voice/c1"] = (200, channel.speak(Speech("Wat?", "nl", again)))
    channel.send(call())
    twilio.wait_for(AN, kind="call", status="ringing")
    for count in (1, 2):
        twilio.press(AN, "7")
        SimulatedTwilio.wait_until(
            lambda count=count: len([x for x in customer.callbacks if "Digits" in x.form]) == count
        )
    assert twilio.messages(AN, status="in-progress")


@pytest.mark.parametrize(
    ("language", "spoken"),
    [("nl", "nl-NL"), ("fr", "fr-FR"), ("sv", "sv-SE"), ("da", "da-DK"), ("en", "en-GB")],
)
def test_a_call_has_a_voice_for_each_language(
    channel: TwilioChannel, language: str, spoken: str
) -> None:
    document = ElementTree.fromstring(channel.speak(Speech("À bientôt, è così", language)))
    [say] = document.iter("Say")
    assert say.text == "À bientôt, è così"
    assert say.get("language") == spoken
    assert say.get("voice", "").startswith("Polly.")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.text(st.characters(exclude_categories=()), max_size=2000), kind=st.sampled_from(Kind)
)
def test_no_text_whatever_makes_sending_raise(
    channel: TwilioChannel, twilio: SimulatedTwilio, body: str, kind: Kind
) -> None:
    outcome = channel.send(Outgoing("m1", kind, AN, "x" + body, "fr", 60, gather=True))
    assert outcome.state is State.SENT


def test_many_at_once_each_get_the_answer_to_their_own(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    bodies = [f"Oproep nummer {at}" for at in range(60)]
    with ThreadPoolExecutor(16) as senders:
        outcomes = list(senders.map(lambda body: channel.send(text(body=body)), bodies))
    assert [traffic(twilio, x.supplier_id).body for x in outcomes] == bodies


# --- promises to the rest of the product


def test_it_is_a_channel(channel: TwilioChannel) -> None:
    promised: Channel = channel
    assert promised.name == "twilio"


def test_nothing_is_sent_inside_a_transaction(channel: TwilioChannel, store: Store) -> None:
    with store.write(), pytest.raises(RuntimeError, match="transaction"):
        channel.send(text())


def test_no_number_and_no_word_is_logged(
    channel: TwilioChannel, twilio: SimulatedTwilio, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    channel.send(text(body="geheim"))
    twilio.fault(refuse=21211)
    channel.send(text(body="geheim"))
    channel.find(text(body="geheim"), a_while_ago(), ())
    channel.look_up(Kind.SMS, "SM1")
    ours = [x.getMessage() for x in caplog.records if not x.name.startswith("werkzeug")]
    assert not [line for line in ours if AN[1:] in line or "geheim" in line]
