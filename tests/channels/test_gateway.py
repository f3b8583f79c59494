"""The gateway: its protocol as documented, and what the channel makes of gateways that fail."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from flask import Flask, Response, request

from dispatch import signatures
from dispatch.channels import wire
from dispatch.channels.contract import Inbound, Kind, Outcome, Receipt, State
from dispatch.channels.gateway import GatewayChannel
from dispatch.clock import SystemClock
from dispatch.settings import shipped
from tests.channels.conftest import AN, BERT, a_while_ago, text
from tests.simulated import GATEWAY_SECRET, SimulatedTwilio, free_port, served

GUIDE = shipped("config") / "deploy" / "sms-gateway.md"
OTHER_SECRET = "whsec_" + "b3RoZXI" * 6


def documents() -> list[dict[str, Any]]:
    """Return the documents that the guide shows."""
    blocks = re.findall(r"```json\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    return [json.loads(block) for block in blocks]


@dataclass
class Called:
    """A server in the place of the product: keeps what the gateway posts."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    @contextmanager
    def serving(cls) -> Iterator["Called"]:
        called, app = cls(), Flask(__name__)

        @app.post("/hooks/gateway")
        def take() -> Response:
            called.bodies.append(request.data)
            # As a web server hands them on, in small letters.
            called.headers.append({name.lower(): said for name, said in request.headers.items()})
            return Response(status=204)

        with served(app) as called.url:
            yield called


@pytest.fixture
def called() -> Iterator[Called]:
    with Called.serving() as called:
        yield called


@pytest.fixture
def phones(called: Called) -> Iterator[SimulatedTwilio]:
    with SimulatedTwilio.in_thread(gateway_secret=GATEWAY_SECRET) as phones:
        yield phones


def channel_to(url: str, **given: Any) -> GatewayChannel:
    usual = {"secrets": [GATEWAY_SECRET], "sender": "+3225550199", "clock": SystemClock()}
    return GatewayChannel(**{**usual, "url": url, "public_url": "http://127.0.0.1:1", **given})


@pytest.fixture
def channel(phones: SimulatedTwilio, called: Called) -> GatewayChannel:
    return channel_to(f"{phones.base_url}/gateway", public_url=called.url)


# --- what arrives


def test_a_text_goes_and_its_states_are_called_back_signed(
    channel: GatewayChannel, phones: SimulatedTwilio, called: Called
):
    assert channel.send(text()) == Outcome(State.SENT, "m1")
    (arrived,) = phones.wait_for(AN, status="delivered")
    assert arrived["body"] == "Oproep 482"
    phones.wait_until(lambda: len(called.bodies) >= 3)
    now = SystemClock().now()
    assert all(
        channel.verify(headers, body, now)
        for headers, body in zip(called.headers, called.bodies, strict=True)
    )
    told = [channel.receipt(body) for body in called.bodies]
    assert told[-1] == ("m1", Receipt(State.DELIVERED, supplier_id="m1"))


def test_a_text_sent_twice_arrives_once(channel: GatewayChannel, phones: SimulatedTwilio):
    assert [channel.send(text()).state for _ in range(2)] == [State.SENT, State.SENT]
    phones.wait_for(AN, status="delivered")
    assert len(phones.messages(AN)) == 1


def test_it_is_asked_by_our_own_id_what_became_of_a_text(
    channel: GatewayChannel, phones: SimulatedTwilio
):
    phones.behave(BERT, "fail")
    arrived, lost = channel.send(text()), channel.send(text("m2", BERT))
    phones.wait_for(AN, status="delivered")
    phones.wait_for(BERT, status="undelivered")
    found = [channel.look_up(Kind.SMS, one.supplier_id) for one in (arrived, lost)]
    assert found[0] == Receipt(State.DELIVERED, supplier_id="m1")
    assert found[1] == Receipt(State.FAILED, "30003", supplier_id="m2")
    assert channel.look_up(Kind.SMS, "m3") is None
    assert channel.look_up(Kind.SMS, "") is None


def test_an_answer_goes_to_whoever_texted_last(
    channel: GatewayChannel, phones: SimulatedTwilio, called: Called
):
    channel.send(text())
    phones.wait_for(AN, status="delivered")
    phones.wait_until(lambda: len(called.bodies) >= 3)
    told = phones.reply(AN, "JA 482")
    phones.wait_until(lambda: len(called.bodies) >= 4)
    inbound = channel.inbound_sms(called.bodies[-1])
    assert inbound is not None
    assert (inbound.supplier_id, inbound.sender) == (f"gateway:{told}", AN)
    assert inbound.body == "JA 482"
    assert list(channel.inbound(a_while_ago())) == [inbound]
    assert channel.inbound(SystemClock().now() + timedelta(minutes=1)) == []


def test_a_well_gateway_says_so(channel: GatewayChannel, phones: SimulatedTwilio):
    assert channel.warm()
    assert not channel_to(f"{phones.base_url}/gateway", secrets=[OTHER_SECRET]).warm()


# --- what does not


def test_a_wrong_secret_is_our_fault_and_not_the_numbers(phones: SimulatedTwilio):
    channel = channel_to(f"{phones.base_url}/gateway", secrets=[OTHER_SECRET])
    assert channel.send(text()) == Outcome(State.FAILED, code="http-401", fault=True)
    assert channel.inbound(a_while_ago()) == []


def test_a_number_that_is_none_is_refused_for_good(channel: GatewayChannel):
    refused = Outcome(State.FAILED, code="unknown-number", permanent=True)
    assert channel.send(text(to="12")) == refused


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"http": 429, "retry_after": 3}, Outcome(State.PENDING, "", "http-429", False, 3.0)),
        ({"http": 503}, Outcome(State.PENDING, "", "http-503", False, 2.0, fault=True)),
        ({"http": 500}, Outcome(State.UNKNOWN, "", "http-500", fault=True)),
        ({"http": 404}, Outcome(State.FAILED, "", "http-404", fault=True)),
        ({"refuse": 30007}, Outcome(State.FAILED, "", "30007")),
        ({"drop": "before"}, Outcome(State.UNKNOWN, "", "connection")),
    ],
)
def test_a_refusal_is_read_by_its_status_and_its_words(
    channel: GatewayChannel, phones: SimulatedTwilio, fault: dict[str, Any], outcome: Outcome
):
    phones.fault(**fault)
    assert channel.send(text()) == outcome
    assert channel.find(text(), a_while_ago(), ()) is None
    assert phones.messages() == []


def test_a_fault_may_strike_one_supplier_only(channel: GatewayChannel, phones: SimulatedTwilio):
    phones.fault(http=503, supplier="twilio")
    assert channel.send(text()).state is State.SENT
    phones.fault(http=503, supplier="gateway")
    assert channel.send(text("m2")).state is State.PENDING


def test_a_text_whose_answer_was_lost_is_found(channel: GatewayChannel, phones: SimulatedTwilio):
    phones.fault(drop="after", times=1)
    assert channel.send(text()) == Outcome(State.UNKNOWN, code="connection")
    phones.wait_for(AN, status="delivered")
    found = channel.find(text(), a_while_ago(), ())
    assert found == Receipt(State.DELIVERED, supplier_id="m1")


def test_an_answer_that_does_not_come_ends_at_the_deadline(
    channel: GatewayChannel, phones: SimulatedTwilio, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(wire, "DEADLINE_SECONDS", 0.3)
    phones.fault(hang=1.5, times=1)
    assert channel.send(text()) == Outcome(State.UNKNOWN, code="timeout")


def test_nobody_listening_means_that_nothing_left():
    channel = channel_to(f"http://127.0.0.1:{free_port()}/gateway")
    outcome = channel.send(text())
    assert outcome == Outcome(State.PENDING, "", "connection", False, 2.0, fault=True)
    assert not channel.warm()


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, "<html>", Outcome(State.UNKNOWN, code="nonsense")),
        (200, "[1]", Outcome(State.UNKNOWN, code="nonsense")),
        (200, "[" * 100_000, Outcome(State.UNKNOWN, code="nonsense")),
        (200, '{"state": "flying"}', Outcome(State.UNKNOWN, code="nonsense")),
        (200, '{"state": "delivered"}', Outcome(State.SENT, "m1")),
        (
            200,
            '{"state": "failed", "code": "no-texts", "permanent": true}',
            Outcome(State.FAILED, "m1", "21614", permanent=True),
        ),
        (422, '{"code": ["x"], "permanent": "yes"}', Outcome(State.FAILED, code="http-422")),
        (422, '{"code": "stopped"}', Outcome(State.FAILED, code="21610")),
        (302, "", Outcome(State.FAILED, code="http-302", fault=True)),
    ],
)
def test_an_odd_answer_is_read_with_care(status: int, body: str, outcome: Outcome):
    app = Flask(__name__)

    @app.post("/")
    def answer() -> tuple[str, int, dict[str, str]]:
        return body, status, {"Location": "/elsewhere"}

    with served(app) as address:
        channel = channel_to(f"{address}/")
        assert channel.send(text()) == outcome
        channel.look_up(Kind.SMS, "m1")
        assert channel.inbound(a_while_ago()) == []


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{}",
        b'{"type": "sms.state", "data": {"state": "delivered"}}',
        b'{"type": "sms.state", "data": {"id": "m1", "state": "flying"}}',
        b'{"type": "sms.state", "data": []}',
        b'{"type": "sms.inbound", "data": {"id": 7, "from": "+32", "text": "JA"}}',
        b'{"type": "sms.inbound", "data": {"id": "", "from": "+32", "text": "JA"}}',
        b"\xff",
    ],
)
def test_a_callback_that_says_nothing_known_is_nothing(said: bytes):
    channel = channel_to("http://127.0.0.1:1")
    assert channel.receipt(said) is None
    assert channel.inbound_sms(said) is None


# --- the guide


def test_what_is_sent_is_what_the_guide_shows():
    taken: list[dict[str, Any]] = []
    app = Flask(__name__)

    @app.post("/")
    def take() -> str:
        taken.append(request.get_json())
        return "{}"

    with served(app) as address:
        channel = channel_to(f"{address}/")
        channel.send(text())
        channel.look_up(Kind.SMS, "m1")
        channel.inbound(a_while_ago())
    shown = [one for one in documents() if "type" in one][:3]
    assert [one["type"] for one in taken] == [one["type"] for one in shown]
    assert [set(one["data"]) for one in taken] == [set(one["data"]) for one in shown]
    assert [type(value) for one in taken for value in one["data"].values()] == [
        type(value) for one in shown for value in one["data"].values()
    ]


def test_what_the_guide_shows_is_understood(phones: SimulatedTwilio):
    send, state, since, _texts, told, came_in = documents()
    channel = channel_to("http://127.0.0.1:1")
    assert channel.receipt(json.dumps(told).encode()) == (
        "pJ3kq0Yy5Zt2",
        Receipt(State.FAILED, "30003", supplier_id="pJ3kq0Yy5Zt2"),
    )
    at = datetime(2026, 3, 14, 13, 2, 11, tzinfo=UTC)
    expected = Inbound("gateway:in-7781", "+32470123450", "JA 482", at)
    assert channel.inbound_sms(json.dumps(came_in).encode()) == expected
    send["data"]["callback"] = ""
    for document in (send, state, since, {"type": "ping", "data": {}}):
        assert _posted(phones, document).status_code == 200


def test_the_reference_refuses_what_is_not_signed_or_not_known(phones: SimulatedTwilio):
    document = {"type": "sms.fly", "data": {}}
    assert _posted(phones, document).json() == {"code": "unknown-type", "permanent": False}
    assert _posted(phones, document, OTHER_SECRET).status_code == 401
    answer = requests.post(f"{phones.base_url}/gateway", data=b"{}", timeout=5)
    assert answer.status_code == 401


def _posted(
    phones: SimulatedTwilio, document: dict[str, Any], secret: str = GATEWAY_SECRET
) -> requests.Response:
    body = json.dumps(document).encode()
    headers = signatures.sign(secret, "msg_1", SystemClock().now(), body)
    return requests.post(f"{phones.base_url}/gateway", data=body, headers=headers, timeout=5)
