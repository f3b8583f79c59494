"""Notices to browsers: against a push service that really opens what it is sent."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.channels.contract import Kind, Outcome, Outgoing, State
from dispatch.channels.webpush import WebPushChannel, public_key, subscription
from dispatch.clock import ManualClock
from tests.channels.browsers import PushService
from tests.simulated import free_port

KEY = bytes(range(32))
TEXT = "OPROEP D7K-4QX P1 ga nu 13:02. https://wacht.example/a/abc"


def push(to: str, text: str = TEXT, priority: int = 1, uid: str = "m1") -> Outgoing:
    return Outgoing(uid, Kind.PUSH, to, text, "nl", 1800, priority=priority)


@pytest.fixture
def service() -> Iterator[PushService]:
    with PushService.serving() as service:
        yield service


@pytest.fixture
def channel(clock: ManualClock) -> WebPushChannel:
    return channel_to(clock, "127.0.0.1")


def channel_to(clock: ManualClock, *services: str) -> WebPushChannel:
    return WebPushChannel(
        key=KEY, contact="mailto:ict@zone.example", services=services, clock=clock
    )


# --- what arrives


def test_a_notice_is_opened_by_the_browser_and_by_nobody_on_the_way(
    channel: WebPushChannel, service: PushService
):
    assert channel.send(push(service.subscription())) == Outcome(State.SENT, "m1")
    (notice,) = service.notices
    assert notice.document == {"id": "m1", "text": TEXT}
    assert notice.headers["Content-Encoding"] == "aes128gcm"
    assert b"OPROEP" not in notice.body


def test_a_notice_says_who_sent_it_to_whom_and_until_when(
    channel: WebPushChannel, service: PushService, clock: ManualClock
):
    channel.send(push(service.subscription()))
    claims = service.notices[0].claims
    assert claims["sub"] == "mailto:ict@zone.example"
    assert claims["exp"] == (clock.now() + timedelta(hours=12)).timestamp()
    assert claims["key"] == public_key(KEY)


@pytest.mark.parametrize(("priority", "urgency"), [(1, "high"), (2, "high"), (3, "normal")])
def test_what_is_urgent_wakes_the_browser_and_nothing_outlives_its_time(
    channel: WebPushChannel, service: PushService, priority: int, urgency: str
):
    channel.send(push(service.subscription(), priority=priority))
    headers = service.notices[0].headers
    assert (headers["Urgency"], headers["Ttl"]) == (urgency, "1800")


def test_a_notice_sent_twice_replaces_itself_and_no_other(
    channel: WebPushChannel, service: PushService
):
    for uid in ("m1", "m1", "m2"):
        channel.send(push(service.subscription(), uid=uid))
    topics = [notice.headers["Topic"] for notice in service.notices]
    assert topics[0] == topics[1] != topics[2]
    assert {len(topic) for topic in topics} == {32}


def test_the_longest_text_fits_what_every_service_takes(
    channel: WebPushChannel, service: PushService
):
    channel.send(push(service.subscription(), text="€" * 5000))
    (notice,) = service.notices
    assert len(notice.body) <= 4096
    assert notice.document["text"] == "€" * 900


def test_nothing_more_is_heard_of_a_notice(channel: WebPushChannel):
    since = datetime(2026, 3, 14, tzinfo=UTC)
    assert channel.look_up(Kind.PUSH, "m1") is None
    assert channel.find(push("{}"), since, ()) is None
    assert channel.inbound(since) == ()
    assert channel.warm()


# --- what does not


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (404, {}, Outcome(State.FAILED, "", "gone", permanent=True)),
        (410, {}, Outcome(State.FAILED, "", "gone", permanent=True)),
        (429, {"Retry-After": "7"}, Outcome(State.PENDING, "", "http-429", False, 7.0)),
        (503, {}, Outcome(State.PENDING, "", "http-503", False, 2.0, fault=True)),
        (500, {}, Outcome(State.UNKNOWN, "", "http-500", fault=True)),
        (403, {}, Outcome(State.FAILED, "", "http-403", fault=True)),
        (413, {}, Outcome(State.FAILED, "", "http-413")),
        (301, {"Location": "/elsewhere"}, Outcome(State.FAILED, "", "http-301")),
    ],
)
def test_a_refusal_is_read_by_its_status(
    channel: WebPushChannel,
    service: PushService,
    status: int,
    headers: dict[str, str],
    outcome: Outcome,
):
    service.answer = (status, headers)
    assert channel.send(push(service.subscription())) == outcome


def test_nobody_listening_means_that_nothing_left(channel: WebPushChannel, service: PushService):
    nowhere = service.subscription(endpoint=f"http://127.0.0.1:{free_port()}/push/x")
    outcome = channel.send(push(nowhere))
    assert outcome == Outcome(State.PENDING, "", "connection", False, 2.0, fault=True)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://intranet.zone.example/delete?all",
        "http://fcm.googleapis.com/fcm/send/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evil.example/#.push.apple.com",
        "https://fcm.googleapis.com@evil.example/x",
        "file:///etc/passwd",
    ],
)
def test_nothing_is_posted_to_an_address_that_is_no_push_service(
    clock: ManualClock, service: PushService, endpoint: str
):
    """A subscription is what a browser says it is: anybody may write one."""
    channel = channel_to(clock, "fcm.googleapis.com", ".push.apple.com")
    outcome = channel.send(push(service.subscription(endpoint=endpoint)))
    assert outcome.state is State.FAILED
    assert outcome.permanent


def test_a_service_may_be_named_by_what_stands_below_it(clock: ManualClock):
    channel = channel_to(clock, ".push.apple.com")
    known = [f"https://{host}/x" for host in ("web.push.apple.com", "push.apple.com", "apple.com")]
    assert [channel._is_known(endpoint) for endpoint in known] == [True, False, False]


@pytest.mark.parametrize(
    "other",
    [
        {"keys": {}},
        {"keys": None},
        {"keys": {"p256dh": "AAAA", "auth": "A" * 22}},
        {"endpoint": None},
        {"endpoint": "/relative"},
        {"endpoint": "https://[x"},
    ],
)
def test_what_is_no_subscription_is_refused_for_good(
    channel: WebPushChannel, service: PushService, other: dict[str, Any]
):
    told = service.subscription(**other)
    with pytest.raises(ValueError):  # noqa: PT011 - each part of it says its own sentence
        subscription(told)
    assert channel.send(push(told)) == Outcome(State.FAILED, "", "address", permanent=True)


@pytest.mark.parametrize("told", ["", "[]", "7", "null", "{}", "no JSON"])
def test_what_is_no_document_is_no_subscription(told: str):
    with pytest.raises(ValueError):  # noqa: PT011 - each part of it says its own sentence
        subscription(told)


def test_a_subscription_reads_the_same_however_the_browser_writes_it(service: PushService):
    document = json.loads(service.subscription())
    again = json.dumps(dict(reversed(document.items())), indent=2)
    assert subscription(again).text() == subscription(service.subscription()).text()
    assert subscription(subscription(again).text()) == subscription(again)


def test_the_key_is_the_same_on_every_machine_with_the_secret():
    assert public_key(KEY) == public_key(bytes(range(32)))
    assert public_key(KEY) != public_key(bytes(32))
    assert len(public_key(KEY)) == 87
