"""While the database does not answer, one process of a machine rings and tells from memory."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from dispatch import wiring
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.settings import Settings
from dispatch.vigil import blackout as blackout_
from dispatch.vigil.blackout import Blackout
from dispatch.vigil.outside import Watchdog
from dispatch.wiring import Parts
from tests import centre
from tests.simulated import ACCOUNT, SimulatedTwilio
from tests.vigil.conftest import listening, with_watchdog

ROOM = "+3253123456"


def _gone() -> None:
    raise sa.exc.OperationalError("connect", None, ConnectionError("gone"))


def test_control_rooms_are_rung_and_the_watchdog_told_when_it_began_and_when_it_is_over(
    store: Store,
    settings: Settings,
    clock: ManualClock,
    cast: centre.Centre,
    monkeypatch: pytest.MonkeyPatch,
):
    passed = [1000.0]
    with listening() as outside, SimulatedTwilio.in_thread() as twilio:
        account = {"account_sid": ACCOUNT.sid, "auth_token": ACCOUNT.token}
        account |= {"sender": ACCOUNT.sender, "api_base": twilio.base_url}
        chosen = with_watchdog(settings, outside)
        chosen = replace(chosen, twilio=replace(settings.twilio, **account))
        parts = Parts(chosen, store, clock, wiring.channels(chosen, clock))
        monkeypatch.setattr(blackout_.clock, "monotonic", lambda: passed[0])
        both = [Blackout(parts, Watchdog(parts, name)) for name in ("web:1", "engine:1")]

        def later(seconds: float, every: float = 10) -> None:
            for _ in range(int(seconds / every)):
                passed[0] += every
                for one in both:
                    one.look()

        later(20)
        store.engine.dispose()
        with monkeypatch.context() as dark:
            dark.setattr(store.engine.pool, "connect", _gone)
            later(30)
            assert (twilio.messages(ROOM), outside.told) == ([], [])
            later(10)
            (call,) = twilio.messages(ROOM)
            assert call["body"].startswith("CONSOLE. Dit is Dispatch. De databank antwoordt niet")
            later(1800, every=120)
            assert len(twilio.messages(ROOM)) == 5
        later(20)
        with monkeypatch.context() as dark:
            store.engine.dispose()
            dark.setattr(store.engine.pool, "connect", _gone)
            later(20)
        later(20)
        assert len(twilio.messages(ROOM)) == 5
    assert [(one["type"], one["trouble"]) for one in outside.told] == [
        ("trouble.began", "database"),
        ("trouble.ended", "database"),
    ]
