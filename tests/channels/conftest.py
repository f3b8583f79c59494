"""A real channel, the simulated supplier, and a web server that takes its callbacks."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dispatch.channels.twilio import TwilioChannel
from tests.simulated import ACCOUNT, Customer, SimulatedTwilio

MakeChannel = Callable[..., TwilioChannel]


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
        sid, token, sender = ACCOUNT
        usual = {"account_sid": sid, "auth_token": token, "sender": sender}
        addresses = {"api_base": twilio.base_url, "public_url": customer.url}
        return TwilioChannel(**{**usual, **addresses, **given})

    return make


@pytest.fixture
def channel(make_channel: MakeChannel) -> TwilioChannel:
    return make_channel()
