"""The hooks: what a control room, the supplier and strangers get when they send something."""

import io
import json
import socket
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from dispatch import db, logs
from dispatch.channels.twilio import TwilioChannel
from dispatch.clock import ManualClock
from dispatch.db import Store, Unavailable
from dispatch.incidents import handling
from dispatch.incidents.models import Incident
from dispatch.intake import receive, sources
from dispatch.intake.models import Delivery, Source
from dispatch.outbox.models import InboundText, Message
from dispatch.paging.models import Assignment, Page
from dispatch.settings import Settings
from dispatch.upkeep import RateCount
from dispatch.web import create_app
from dispatch.wiring import Parts
from tests.centre import ADA, NOW, SECRET, Centre, build, signed
from tests.writer import Writer

ALERT = b'{"type": "alert", "reference": "R-1", "category": "fatal_crash"}'
TOKEN = "a token of the supplier"
HOOK = "/hooks/alerts/control-room"


class Hooks:
    """A centre's web, and what sends to it."""

    def __init__(self, store: Store, settings: Settings, clock: ManualClock) -> None:
        self.centre: Centre = build(store)
        self.store, self.clock = store, clock
        public = "https://dispatch.example"
        settings = replace(settings, twilio=replace(settings.twilio, public_url=public))
        self.channel = TwilioChannel(
            account_sid="AC" + "0" * 32,
            auth_token=TOKEN,
            senders=["+32460200200"],
            public_url=public,
            api_base=settings.twilio.api_base,
        )
        self.parts = Parts(settings, store, clock, {"twilio": self.channel})
        self.app = create_app(self.parts)
        self.client: FlaskClient = self.app.test_client()

    def post(self, body: bytes = ALERT, path: str = HOOK, **options: Any) -> TestResponse:
        headers = options.pop("headers", None) or signed(body, **options)
        kind = "application/json"
        return self.client.post(path, data=body, headers=headers, content_type=kind)

    def call_back(
        self, path: str, form: dict[str, str], signature: str | None = None, **headers: str
    ) -> TestResponse:
        if signature is None:
            address = f"https://dispatch.example{path}"
            signature = RequestValidator(TOKEN).compute_signature(address, form)
        return self.client.post(
            path, data=form, headers={"X-Twilio-Signature": signature, **headers}
        )

    def count(self, table: type) -> int:
        with self.store.read() as session:
            return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0

    def one(self, table: type) -> Any:
        with self.store.read() as session:
            return session.scalars(sa.select(table)).one()


@pytest.fixture
def hooks(store: Store, settings: Settings, clock: ManualClock) -> Hooks:
    return Hooks(store, settings, clock)


def is_problem(answer: TestResponse, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    document: dict[str, Any] = json.loads(answer.data)
    assert document["status"] == status
    return document


# --- alerts ---


@pytest.mark.sqlite  # on PostgreSQL alerts do not wait for each other
def test_an_alert_is_refused_for_now_while_another_process_is_frozen_as_it_writes(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(db, "WRITE_WAIT_SECONDS", 0.3)
    with Writer(hooks.store) as engine:
        engine.begin()
        engine.freeze()
        answer = hooks.post()
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        engine.thaw()
        engine.end()
        assert hooks.post().status_code == 202


def test_a_signed_alert_is_answered_with_whom_it_pages(hooks: Hooks) -> None:
    answer = hooks.post()
    assert answer.status_code == 202
    assert answer.content_type == "application/json"
    assert answer.json is not None
    assert answer.json["callouts"][0]["status"] == "paging"
    assert hooks.count(Page) == 1


def test_a_repeat_gets_the_same_bytes(hooks: Hooks) -> None:
    assert hooks.post().data == hooks.post().data
    again = signed(ALERT, at=NOW + timedelta(minutes=2))
    assert hooks.post(headers=again).data == hooks.post().data
    assert hooks.count(Incident) == 1


def test_another_body_under_the_same_id_is_refused(hooks: Hooks) -> None:
    hooks.post()
    is_problem(hooks.post(b'{"type": "alert"}'), 422)
    assert hooks.count(Incident) == 1


def test_an_unreadable_alert_is_kept_under_a_reference(hooks: Hooks) -> None:
    document = is_problem(hooks.post(b"Help!"), 422)
    assert document["reference"] == hooks.one(Delivery).reference


def test_another_content_type_is_read_if_it_can_be(hooks: Hooks) -> None:
    for number, kind in enumerate(["text/plain", "application/x-www-form-urlencoded", ""]):
        headers = signed(ALERT, webhook_id=f"msg_{number}")
        answer = hooks.client.post(HOOK, data=ALERT, headers=headers, content_type=kind)
        assert answer.status_code == 202
    headers = signed(b"<alert/>")
    answer = hooks.client.post(HOOK, data=b"<alert/>", headers=headers, content_type="text/xml")
    is_problem(answer, 422)


def test_either_of_two_secrets_opens_until_the_old_one_ends(hooks: Hooks) -> None:
    with hooks.store.write() as session:
        source = session.scalars(sa.select(Source)).one()
        new = sources.add_secret(session, source, ADA, NOW)
        sources.end_secret(session, source, source.secrets[0].uid, 1, ADA, NOW)
    assert hooks.post(webhook_id="a", secret=SECRET).status_code == 202
    assert hooks.post(webhook_id="b", secret=new).status_code == 202
    later = hooks.clock.advance(hours=2)
    assert hooks.post(webhook_id="c", secret=SECRET, at=later).status_code == 401
    assert hooks.post(webhook_id="d", secret=new, at=later).status_code == 202


@pytest.mark.parametrize("minutes", [-6, 6])
def test_what_is_too_old_or_too_new_is_refused_and_never_remembered(
    hooks: Hooks, minutes: int
) -> None:
    is_problem(hooks.post(at=NOW + timedelta(minutes=minutes)), 401)
    assert hooks.count(Delivery) == 0
    assert hooks.post().status_code == 202


def test_forged_unknown_and_unsigned_are_answered_alike(hooks: Hooks) -> None:
    good = signed(ALERT)
    forged = {**good, "webhook-signature": "v1,AAAA"}
    answers = [
        hooks.post(headers=forged),
        hooks.post(headers={"webhook-id": "x"}),
        hooks.post(b'{"type": "test"}', headers=good),
    ]
    unknown = hooks.post(path="/hooks/alerts/nobody", headers=good)
    bodies = {answer.data for answer in [*answers, unknown]}
    assert {json.dumps({**json.loads(body), "instance": ""}) for body in bodies} == {
        json.dumps({**json.loads(unknown.data), "instance": ""})
    }
    assert {answer.status_code for answer in [*answers, unknown]} == {401}
    assert list(answers[0].headers.keys()) == list(unknown.headers.keys())
    assert hooks.count(Delivery) == 0


@pytest.mark.parametrize("key", ["a", "x" * 3000, "%00", "..%2f..", "Control-Room", "'--", "%ff"])
def test_a_strange_source_is_refused_like_any_other(hooks: Hooks, key: str) -> None:
    path = f"/hooks/alerts/{key}"
    assert hooks.post(path=path, headers=signed(ALERT)).status_code in (401, 404)


def test_forged_requests_are_limited_by_address_and_leave_only_counts(
    hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    forged = signed(ALERT, secret="whsec_" + "A" * 44)
    statuses = [hooks.post(headers=forged).status_code for _ in range(32)]
    assert statuses == [401] * 30 + [429] * 2
    refused = hooks.post(headers=forged)
    is_problem(refused, 429)
    assert refused.headers["Retry-After"] == "60"
    assert hooks.post().status_code == 202
    hooks.clock.advance(minutes=1)
    assert hooks.post(headers=forged).status_code == 401
    assert hooks.count(Delivery) == 1
    with hooks.store.read() as session:
        kept = session.scalars(sa.select(RateCount.key)).all()
        assert not any("127.0.0.1" in key for key in kept)
        assert sources.forged_today(session, [hooks.centre.source_id], NOW) == {
            hooks.centre.source_id: 31
        }


def test_a_stranger_with_many_addresses_of_one_network_is_one_stranger(hooks: Hooks) -> None:
    forged = signed(ALERT, secret="whsec_" + "A" * 44)
    statuses = [
        hooks.client.post(
            HOOK, data=ALERT, headers=forged, environ_base={"REMOTE_ADDR": f"2001:db8::{n:x}"}
        ).status_code
        for n in range(31)
    ]
    assert statuses[-1] == 429


def test_an_authentic_sender_is_limited_far_above_what_anybody_needs(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = replace(hooks.parts.settings.intake, authentic_per_minute=3)
    settings = replace(hooks.parts.settings, intake=intake)
    parts = replace(hooks.parts, settings=settings)
    hooks.client = create_app(parts).test_client()
    statuses = [hooks.post(webhook_id=f"m{n}").status_code for n in range(4)]
    assert statuses == [202, 202, 202, 429]
    assert hooks.post(webhook_id="m3").headers["Retry-After"] == "60"
    assert hooks.parts.settings.intake.authentic_per_minute == 6000


def test_a_body_over_the_limit_is_refused_before_it_is_read(hooks: Hooks) -> None:
    limit = hooks.parts.settings.intake.body_limit
    body = b" " * (limit - len(ALERT)) + ALERT
    assert hooks.post(body).status_code == 202
    is_problem(hooks.post(body + b" "), 413)


class Endless(io.RawIOBase):
    """A body without an end, as a chunked request may have."""

    given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = b"x" * len(buffer)
        self.given += len(buffer)
        return len(buffer)


def test_a_body_without_a_stated_length_is_read_to_the_limit_and_no_further(
    hooks: Hooks,
) -> None:
    endless = Endless()
    answer = hooks.client.post(
        HOOK,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={
            "wsgi.input": endless,
            "wsgi.input_terminated": True,
            "CONTENT_LENGTH": "",
        },
    )
    is_problem(answer, 413)
    assert endless.given < 2 * hooks.parts.settings.intake.body_limit


def test_a_sender_that_falls_silent_in_the_middle_of_a_body_is_given_up(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatch.web.hooks._SILENCE_SECONDS", 0.05)
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as body:
        theirs.sendall(ALERT[:10])
        answer = hooks.client.post(
            HOOK,
            headers=signed(ALERT),
            environ_overrides={
                "wsgi.input": body,
                "gunicorn.socket": ours,
                "CONTENT_LENGTH": str(len(ALERT)),
            },
        )
    is_problem(answer, 400)


def test_one_line_of_a_megabyte_lone_surrogates_and_control_marks_are_taken_in(
    hooks: Hooks,
) -> None:
    bodies = [
        json.dumps({"type": "alert", "narrative": "x" * 1_000_000}).encode(),
        rb'{"type": "alert", "summary": "\ud800\u0000\u202e", "reference": "\udfff"}',
        b'{"type": "alert", "x": ' + b"[" * 400 + b"]" * 400 + b"}",
    ]
    for number, body in enumerate(bodies):
        assert hooks.post(body, webhook_id=f"m{number}").status_code == 202
    assert hooks.count(Incident) == 3


@pytest.mark.parametrize("where", ["open_incident", "route"])
def test_when_we_fail_the_alert_is_kept_and_the_repeat_succeeds(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def broken(*_given: Any, **_options: Any) -> None:
        raise RuntimeError("Kerkstraat 1")

    monkeypatch.setattr(handling, where, broken)
    answer = hooks.post()
    document = is_problem(answer, 503)
    assert answer.headers["Retry-After"] == "5"
    assert "Kerkstraat" not in json.dumps(document)
    assert hooks.count(Delivery) == 1
    monkeypatch.undo()
    assert hooks.post().status_code == 202
    assert (hooks.count(Delivery), hooks.count(Incident)) == (1, 1)


def test_without_a_database_the_sender_is_told_to_try_again(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_given: Any) -> None:
        raise Unavailable("The database is not available. Try again in a moment.")

    monkeypatch.setattr(receive, "take_in", gone)
    answer = hooks.post()
    is_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    monkeypatch.undo()
    assert hooks.post().status_code == 202


def test_nothing_of_an_alert_is_logged(hooks: Hooks, caplog: pytest.LogCaptureFixture) -> None:
    hooks.post(b'{"type": "alert", "narrative": "Marie Dupont", "contact": "0470123456"}')
    hooks.post(b"Marie Dupont 0470123456", webhook_id="m2")
    hooks.post(headers={"webhook-id": "Marie Dupont"})
    lines = "".join(logs.JsonLines().format(record) for record in caplog.records)
    assert "delivery_unreadable" in lines
    assert "Marie" not in lines
    assert "0470" not in lines


@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_only_posts_are_taken(hooks: Hooks, method: str) -> None:
    assert getattr(hooks.client, method)(HOOK).status_code == 405


# --- callbacks of Twilio ---


def paged(hooks: Hooks) -> tuple[Page, Message]:
    hooks.post()
    return hooks.one(Page), hooks.one(Message)


def test_a_signed_receipt_brings_the_message_forward(hooks: Hooks) -> None:
    _, message = paged(hooks)
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    answer = hooks.call_back(f"/hooks/twilio/status/{message.uid}", form)
    assert answer.status_code == 204
    assert hooks.one(Message).delivered_at == NOW
    assert hooks.one(Page).delivered_at == NOW


def test_a_signed_text_with_the_code_accepts(hooks: Hooks) -> None:
    page, _ = paged(hooks)
    form = {"MessageSid": "SM2", "From": "+32470123450", "Body": f"JA {page.code}"}
    answer = hooks.call_back("/hooks/twilio/sms", form)
    assert answer.status_code == 200
    assert answer.content_type == "text/xml; charset=utf-8"
    assert answer.data == b"<Response/>"
    assert hooks.one(Assignment).person_id == hooks.centre.people["An"].id
    hooks.call_back("/hooks/twilio/sms", form)
    assert hooks.count(InboundText) == 1


def test_a_key_pressed_in_a_call_accepts_and_is_answered_in_words(hooks: Hooks) -> None:
    _, message = paged(hooks)
    path = f"/hooks/twilio/voice/{message.uid}"
    unclear = hooks.call_back(path, {"Digits": "7"})
    assert b"<Gather" in unclear.data
    assert f'action="https://dispatch.example{path}"'.encode() in unclear.data
    answer = hooks.call_back(path, {"Digits": "1"})
    assert answer.status_code == 200
    assert b"You are going" in answer.data
    assert b"<Gather" not in answer.data
    assert hooks.count(Assignment) == 1


@pytest.mark.parametrize("path", ["sms", "status/x", "voice/x"])
@pytest.mark.parametrize("signature", ["", "AAAA", "é", "x" * 5000])
def test_a_forged_callback_is_refused_and_leaves_nothing(
    hooks: Hooks, path: str, signature: str
) -> None:
    form = {"MessageSid": "SM3", "From": "+32470123450", "Body": "JA"}
    assert hooks.call_back(f"/hooks/twilio/{path}", form, signature).status_code == 403
    assert hooks.count(InboundText) == 0


def test_the_host_that_a_request_claims_matters_neither_for_nor_against_it(hooks: Hooks) -> None:
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    form = {"MessageSid": "SM4", "From": "+32499000000", "Body": "hello"}
    stolen = RequestValidator(TOKEN).compute_signature("http://evil.example/hooks/twilio/sms", form)
    assert hooks.call_back("/hooks/twilio/sms", form, stolen, **forged).status_code == 403
    assert hooks.call_back("/hooks/twilio/sms", form, **forged).status_code == 200


def test_a_changed_form_is_refused(hooks: Hooks) -> None:
    form = {"MessageSid": "SM5", "From": "+32470123450", "Body": "NEE"}
    address = "https://dispatch.example/hooks/twilio/sms"
    signature = RequestValidator(TOKEN).compute_signature(address, form)
    changed = {**form, "Body": "JA"}
    assert hooks.call_back("/hooks/twilio/sms", changed, signature).status_code == 403


def test_a_receipt_for_no_message_and_one_that_says_nothing_change_nothing(hooks: Hooks) -> None:
    form = {"MessageSid": "SM6", "MessageStatus": "delivered"}
    assert hooks.call_back("/hooks/twilio/status/nobody", form).status_code == 404
    assert hooks.call_back("/hooks/twilio/voice/nobody", {"Digits": "1"}).status_code == 404
    assert hooks.call_back("/hooks/twilio/status/nobody", {"a": "b"}).status_code == 204


def test_without_an_account_every_callback_is_refused(hooks: Hooks) -> None:
    parts = replace(hooks.parts, channels={})
    hooks.client = create_app(parts).test_client()
    assert hooks.call_back("/hooks/twilio/sms", {"MessageSid": "SM7"}).status_code == 403
