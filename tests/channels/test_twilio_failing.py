"""What the channel makes of a supplier that refuses, breaks, hangs or talks nonsense."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from dispatch.channels import wire
from dispatch.channels.contract import Kind, Outcome, Receipt, State
from dispatch.channels.twilio import FAULTS, TwilioChannel
from dispatch.clock import SystemClock, monotonic
from tests.channels.conftest import AN, MakeChannel, a_while_ago, call, text
from tests.simulated import SimulatedTwilio, free_port, served

# --- what does not arrive


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_a_refusal_is_final_for_a_number_only_where_the_table_says_so(
    channel: TwilioChannel, twilio: SimulatedTwilio, code: str
) -> None:
    twilio.fault(AN, refuse=code)
    outcome = channel.send(text())
    known = FAULTS[code]
    assert outcome == Outcome(State.FAILED, code=code, permanent=known.permanent, fault=known.ours)
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
    assert channel.send(text()) == Outcome(State.FAILED, code="20003", fault=True)
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
    assert channel.send(text()) == Outcome(State.UNKNOWN, code=f"http-{status}", fault=True)


def test_a_supplier_that_is_unavailable_has_not_taken_it(
    channel: TwilioChannel, twilio: SimulatedTwilio
) -> None:
    twilio.fault(http=503, retry_after=4)
    assert channel.send(text()) == Outcome(
        State.PENDING, code="http-503", retry_after=4.0, fault=True
    )


def test_nobody_listening_means_that_nothing_left(make_channel: MakeChannel) -> None:
    channel = make_channel(api_base=f"http://127.0.0.1:{free_port()}")
    assert channel.send(text()) == Outcome(
        State.PENDING, code="connection", retry_after=2.0, fault=True
    )
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
        (301, "", Outcome(State.FAILED, code="http-301", fault=True)),
        (404, "not here", Outcome(State.FAILED, code="http-404", fault=True)),
        (400, '{"code": 21211, "message": "no"}', Outcome(State.FAILED, "", "21211", True)),
        (
            400,
            '{"type": "t", "title": "no", "status": 400, "code": 21211}',
            Outcome(State.FAILED, "", "21211", True),
        ),
        (401, "", Outcome(State.FAILED, code="20003", fault=True)),
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
    monkeypatch.setattr(wire, "DEADLINE_SECONDS", 0.5)
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
