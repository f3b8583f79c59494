"""The hook of the second SMS supplier: signed documents bring receipts and answers."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from dispatch import signatures
from dispatch.channels.contract import State
from dispatch.channels.gateway import GatewayChannel
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.outbox.models import InboundText, Message
from dispatch.paging.models import Assignment, Page
from dispatch.settings import Settings
from dispatch.web import create_app
from dispatch.wiring import Parts
from tests import centre
from tests.simulated import GATEWAY_SECRET


class Gateway:
    """A centre whose texts go by the gateway, and the gateway's hand."""

    def __init__(self, store: Store, settings: Settings, clock: ManualClock) -> None:
        self.cast = centre.build(store)
        self.store, self.clock = store, clock
        channel = GatewayChannel(
            url="http://127.0.0.1:1",
            secrets=["whsec_" + "b3RoZXI" * 6, GATEWAY_SECRET],
            sender="",
            public_url="",
            clock=clock,
        )
        app = create_app(Parts(settings, store, clock, {"gateway": channel}))
        self.client = app.test_client()
        centre.Sender(store, self.cast).alert()

    def call_back(self, kind: str, secret: str = GATEWAY_SECRET, **data: Any) -> TestResponse:
        body = json.dumps({"type": kind, "data": data}).encode()
        headers = signatures.sign(secret, "gw_1", self.clock.now(), body)
        return self.client.post("/hooks/gateway", data=body, headers=headers)

    def one(self, table: type) -> Any:
        with self.store.read() as session:
            return session.scalars(sa.select(table)).one()


@pytest.fixture
def gateway(store: Store, settings: Settings, clock: ManualClock) -> Gateway:
    return Gateway(store, settings, clock)


def test_a_receipt_brings_the_message_forward(gateway: Gateway):
    uid = gateway.one(Message).uid
    assert gateway.call_back("sms.state", id=uid, state="delivered").status_code == 204
    assert gateway.one(Message).status is State.DELIVERED
    assert gateway.one(Page).delivered_at == gateway.clock.now()


def test_an_answer_accepts_once_however_often_it_is_told(gateway: Gateway):
    said = {"from": "+32470123450", "text": f"JA {gateway.one(Page).code}"}
    for _ in range(2):
        answer = gateway.call_back("sms.inbound", id="in-1", **said)
        assert answer.status_code == 204
    assert gateway.one(Assignment).person_id == gateway.cast.people["An"].id
    assert gateway.one(InboundText).supplier_id == "gateway:in-1"


def test_what_is_not_signed_by_the_gateway_is_refused_and_leaves_nothing(gateway: Gateway):
    said = {"id": "in-1", "from": "+32470123450", "text": "JA"}
    assert gateway.call_back("sms.inbound", centre.SECRET, **said).status_code == 401
    assert gateway.client.post("/hooks/gateway", data=b"{}").status_code == 401
    assert centre.count(gateway.store, InboundText) == 0


def test_what_the_gateway_says_too_late_is_refused(gateway: Gateway):
    body, at = b"{}", gateway.clock.now()
    headers = signatures.sign(GATEWAY_SECRET, "gw_1", at, body)
    gateway.clock.advance(minutes=6)
    answer = gateway.client.post("/hooks/gateway", data=body, headers=headers)
    assert answer.status_code == 401


def test_what_is_unknown_or_unreadable_is_told_apart(gateway: Gateway):
    assert gateway.call_back("sms.state", id="nobody", state="sent").status_code == 404
    assert gateway.call_back("sms.fly").status_code == 422


def test_without_a_gateway_nobody_can_speak_for_one(
    store: Store, settings: Settings, clock: ManualClock
):
    client = create_app(Parts(settings, store, clock)).test_client()
    headers = signatures.sign(GATEWAY_SECRET, "gw_1", clock.now(), b"{}")
    assert client.post("/hooks/gateway", data=b"{}", headers=headers).status_code == 401
