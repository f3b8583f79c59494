"""The real channel against the simulated supplier, over HTTP."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.channels import twilio as channel_module
from dispatch.channels.contract import Channel, Inbound, Kind, Outcome, Outgoing, Receipt, State
from dispatch.channels.twilio import FAULTS, TwilioChannel
from dispatch.clock import SystemClock, monotonic
from dispatch.db import Store
from tests.channels.conftest import MakeChannel
from tests.simulated import Customer, SimulatedTwilio, free_port, served

AN, BERT = "+32470000001", "+32470000002"


def text(uid: str = "m1", to: str = AN, body: str = "Oproep 482", validity: int = 1800) -> Outgoing:
    return Outgoing(uid, Kind.SMS, to, body, "nl", validity)


def call(uid: str = "c1", to: str = AN, body: str = "Oproep", gather: bool = True) -> Outgoing:
    return Outgoing(uid, Kind.CALL, to, body, "nl", 1800, gather)


def a_while_ago() -> datetime:
    return SystemClock().now() - timedelta(seconds=2)


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
    answer = channel.voice_answer("U gaat.", "nl")
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
    customer.answers["/hooks/twilio/voice/c1"] = (200, channel.voice_answer("Wat?", "nl", again))
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
    document = ElementTree.fromstring(channel.voice_answer("À bientôt, è così", language))
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


# --- what does not arrive


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_a_refusal_is_final_for_a_number_only_where_the_table_says_so(
    channel: TwilioChannel, twilio: SimulatedTwilio, code: str
) -> None:
    twilio.fault(AN, refuse=code)
    outcome = channel.send(text())
    assert outcome == Outcome(State.FAILED, code=code, permanent=FAULTS[code].permanent)
    assert twilio.messages() == []


def test_the_table_agrees_with_the_list_of_the_trade() -> None:
    permanent = {"30005", "30006", "21211", "21635", "21610"}
    passing = {"30003", "30007", "30008", "30036", "30001", "21611", "21612", "21408", "20429"}
    assert {code for code in permanent | passing if FAULTS[code].permanent} == permanent
    assert {code for code in passing if not FAULTS[code].alarm} == {"30003", "30036"}


def test_a_code_we_do_not_know_is_a_passing_failure(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    twilio.fault(refuse=63_999)
    assert channel.send(text()) == Outcome(State.FAILED, code="63999")


def test_a_number_that_is_none_is_refused_for_good(channel: TwilioChannel) -> None:
    assert channel.send(text(to="12")) == Outcome(State.FAILED, code="21211", permanent=True)
    assert channel.send(call(to="12")) == Outcome(State.FAILED, code="21217", permanent=True)


def test_whoever_texted_stop_is_reported_until_they_text_start(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    twilio.reply(AN, "Stop")
    assert channel.send(text()) == Outcome(State.FAILED, code="21610", permanent=True)
    assert channel.send(call()).state is State.SENT
    twilio.reply(AN, "START")
    assert channel.send(text()).state is State.SENT


def test_a_wrong_token_fails_without_blaming_the_number(make_channel: MakeChannel) -> None:
    channel = make_channel(auth_token="another")
    assert channel.send(text()) == Outcome(State.FAILED, code="20003")
    assert not channel.warm()


def test_too_fast_is_not_now(channel: TwilioChannel, twilio: SimulatedTwilio) -> None:
    twilio.fault(http=429, retry_after=3)
    assert channel.send(text()) == Outcome(State.PENDING, code="20429", retry_after=3.0)
    twilio.fault(http=429, retry_after=86_400)
    assert channel.send(text()).retry_after == 60.0
    twilio.fault(http=429)
    assert channel.send(text()).retry_after == 2.0


def test_a_limit_per_second_lets_some_through(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    twilio.fault(per_second=2)
    states = [channel.send(text()).state for _ in range(3)]
    assert states == [State.SENT, State.SENT, State.PENDING]


@pytest.mark.parametrize("status", [500, 502, 504, 599])
def test_a_broken_supplier_may_have_taken_it(
    channel: TwilioChannel, twilio: SimulatedTwilio, status: int
) -> None:
    twilio.fault(http=status)
    assert channel.send(text()) == Outcome(State.UNKNOWN, code=f"http-{status}")


def test_a_supplier_that_is_unavailable_has_not_taken_it(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    twilio.fault(http=503, retry_after=4)
    assert channel.send(text()) == Outcome(State.PENDING, code="http-503", retry_after=4.0)


def test_nobody_listening_means_that_nothing_left(make_channel: MakeChannel) -> None:
    channel = make_channel(api_base=f"http://127.0.0.1:{free_port()}")
    assert channel.send(text()) == Outcome(State.PENDING, code="connection", retry_after=2.0)
    assert channel.look_up(Kind.SMS, "SM1") is None
    assert channel.find(text(), a_while_ago(), ()) is None
    assert channel.inbound(a_while_ago()) == []
    assert not channel.warm()


def test_an_answer_that_does_not_come_leaves_it_open_and_asking_settles_it(
    make_channel: MakeChannel, twilio: SimulatedTwilio
) -> None:
    channel = make_channel(timeout=0.3)
    twilio.fault(hang=5, times=1)
    begun, since = monotonic(), a_while_ago()

    assert channel.send(text()) == Outcome(State.UNKNOWN, code="timeout")
    assert monotonic() - begun < 2
    [arrived] = twilio.wait_for(AN, status="delivered")
    assert channel.find(text(), since, ()) == Receipt(State.DELIVERED, supplier_id=arrived["id"])


@pytest.mark.parametrize("make", [text, call])
def test_a_connection_cut_after_the_message_was_taken_is_found_out(
    channel: TwilioChannel, twilio: SimulatedTwilio, make: Any
) -> None:
    twilio.fault(drop="after", times=1)
    assert channel.send(make()) == Outcome(State.UNKNOWN, code="connection")
    [arrived] = twilio.wait_for(AN)
    found = channel.find(make(), a_while_ago(), ())
    assert found is not None
    assert found.supplier_id == arrived["id"]


@pytest.mark.parametrize("make", [text, call])
def test_a_connection_cut_before_the_message_was_taken_is_not_found(
    channel: TwilioChannel, twilio: SimulatedTwilio, make: Any
) -> None:
    twilio.fault(drop="before", times=1)
    assert channel.send(make()) == Outcome(State.UNKNOWN, code="connection")
    assert channel.find(make(), a_while_ago(), ()) is None


def test_what_belongs_to_another_message_is_not_taken_for_this_one(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    twilio.behave(AN, "silent")
    other = channel.send(text(body="Een andere oproep 713"))
    assert channel.find(text(), a_while_ago(), [other.supplier_id]) is None
    assert channel.find(text(), a_while_ago(), ()) is None


def test_of_two_texts_whose_words_are_discarded_none_is_taken_for_ours(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    one, two = channel.send(text(body="een")), channel.send(text(body="twee"))
    twilio.wait_for(AN, count=2, status="delivered")
    assert channel.find(text(), a_while_ago(), ()) is None
    found = channel.find(text(), a_while_ago(), [one.supplier_id])
    assert found == Receipt(State.DELIVERED, supplier_id=two.supplier_id)


def test_a_text_of_an_earlier_night_is_not_taken_for_this_one(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    channel.send(text())
    assert channel.find(text(), SystemClock().now() + timedelta(minutes=1), ()) is None


# --- suppliers that talk nonsense


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    app = Flask(__name__)

    @app.route("/<path:_path>", methods=["GET", "POST"])
    def answer(_path: str) -> tuple[str, int, dict[str, str]]:
        return body, status, {"Location": "/elsewhere"} if status // 100 == 3 else {}

    with served(app) as address:
        yield address


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (201, "<html>", Outcome(State.UNKNOWN, code="nonsense")),
        (201, "", Outcome(State.UNKNOWN, code="nonsense")),
        (201, "{}", Outcome(State.UNKNOWN, code="nonsense")),
        (201, "[1]", Outcome(State.UNKNOWN, code="nonsense")),
        (201, '{"sid": "SM1", "status": "flying"}', Outcome(State.UNKNOWN, code="nonsense")),
        (201, '{"sid": "SM1", "status": "accepted"}', Outcome(State.SENT, "SM1")),
        (
            201,
            '{"sid": "SM1", "status": "failed", "error_code": 30006}',
            Outcome(State.FAILED, "SM1", "30006", permanent=True),
        ),
        (301, "", Outcome(State.FAILED, code="http-301")),
        (404, "not here", Outcome(State.FAILED, code="http-404")),
        (400, '{"code": 21211, "message": "no"}', Outcome(State.FAILED, "", "21211", True)),
        (
            400,
            '{"type": "t", "title": "no", "status": 400, "code": 21211}',
            Outcome(State.FAILED, "", "21211", True),
        ),
        (401, "", Outcome(State.FAILED, code="20003")),
    ],
)
def test_an_odd_answer_is_read_with_care(
    make_channel: MakeChannel, status: int, body: str, outcome: Outcome
) -> None:
    with answering(status, body) as address:
        channel = make_channel(api_base=address)
        assert channel.send(text()) == outcome
        channel.look_up(Kind.CALL, "CA1")
        channel.find(text(), a_while_ago(), ())
        assert channel.inbound(a_while_ago()) == []


def test_an_answer_that_trickles_in_ends_at_the_deadline(
    make_channel: MakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_module, "_DEADLINE", 0.5)
    ended = threading.Event()

    def trickle(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 201 Created\r\n")
            while not ended.wait(0.05):
                connection.sendall(b"X-A: b\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener,))
        thread.start()
        channel = make_channel(api_base=f"http://127.0.0.1:{listener.getsockname()[1]}")
        begun = monotonic()
        try:
            assert channel.send(text()) == Outcome(State.UNKNOWN, code="timeout")
            assert monotonic() - begun < 2
        finally:
            ended.set()
            thread.join()


def test_an_address_that_is_none_fails_and_does_not_raise(make_channel: MakeChannel) -> None:
    assert make_channel(api_base="gopher://x").send(text()).state is State.FAILED


def test_a_supplier_under_a_path_of_its_own_is_reached(
    make_channel: MakeChannel, twilio: SimulatedTwilio
) -> None:
    def below(environ: Any, start_response: Any) -> Any:
        assert environ["PATH_INFO"].startswith("/sms/2010-04-01/")
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/sms")
        return twilio.app(environ, start_response)

    with served(below) as address:
        assert make_channel(api_base=f"{address}/sms/").send(text()).state is State.SENT


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
