"""A real channel, the simulated supplier, and a web server that takes its callbacks."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch.channels.contract import Kind, Outgoing
from dispatch.channels.twilio import TwilioChannel
from dispatch.clock import SystemClock
from tests.simulated import ACCOUNT, Customer, SimulatedTwilio

MakeChannel = Callable[..., TwilioChannel]
AN, BERT = "+32470000001", "+32470000002"


def text(uid: str = "m1", to: str = AN, body: str = "Oproep 482", validity: int = 1800) -> Outgoing:
    return Outgoing(uid, Kind.SMS, to, body, "nl", validity)


def call(uid: str = "c1", to: str = AN, body: str = "Oproep", gather: bool = True) -> Outgoing:
    return Outgoing(uid, Kind.CALL, to, body, "nl", 1800, gather)


def a_while_ago() -> datetime:
    return SystemClock().now() - timedelta(seconds=2)


@pytest.fixture
def customer() -> Iterator[Customer]:
    with Customer.serving() as customer:
        yield customer


@pytest.fixture
def twilio(customer: Customer) -> Iterator[SimulatedTwilio]:
    with SimulatedTwilio.in_thread(inbound_url=f"{customer.url}/hooks/twilio/sms") as twilio:
        yield twilio


@pytest.fixture
def make_channel(twilio: SimulatedTwilio, customer: Customer) -> MakeChannel:
    """Make a channel with the account of the simulator, or with what is given instead."""

    def make(**given: Any) -> TwilioChannel:
        sid, token, sender, _ = ACCOUNT
        usual = {"account_sid": sid, "auth_token": token, "senders": [sender]}
        addresses = {"api_base": twilio.base_url, "public_url": customer.url}
        return TwilioChannel(**{**usual, **addresses, **given})

    return make


@pytest.fixture
def channel(make_channel: MakeChannel) -> TwilioChannel:
    return make_channel()
