"""Where nobody would hear the console, the control room's phone rings."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.channels.contract import Kind
from dispatch.db import Store
from dispatch.outbox import queue
from dispatch.outbox.models import Message
from dispatch.vigil import boards
from dispatch.vigil.boards import must_ring
from tests import centre
from tests.vigil.conftest import Watched

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("alarms", "last", "ago", "calls", "rings"),
    [
        ((), (), None, 0, False),
        (("a",), (), None, 0, True),
        (("a",), ("a",), 3.9 * MINUTE, 1, False),
        (("a",), ("a",), 4 * MINUTE, 1, True),
        (("a",), ("a",), 30 * MINUTE, 5, False),
        (("a", "b"), ("a",), 0.9 * MINUTE, 1, False),
        (("a", "b"), ("a",), 1 * MINUTE, 5, True),
        (("b",), ("a", "b"), 2 * MINUTE, 1, False),
    ],
)
def test_when_a_control_room_is_rung(alarms, last, ago, calls, rings):
    assert must_ring(alarms, last, ago, calls) is rings


def calls(store: Store) -> list[str]:
    query = sa.select(Message).where(Message.kind == Kind.CALL, Message.about.like("console:%"))
    with store.read() as session:
        return [queue.text_of(session, one) for one in session.scalars(query)]


def test_an_alarm_rings_unless_a_board_sounds(watched: Watched, cast: centre.Centre):
    store, mine = watched.store, [cast.organisation.id]
    with store.write() as session:
        boards.report(session, "tab", mine, True, watched.clock.now())
    sender = centre.Sender(store, cast)
    sender.alert(category="unheard_of", place={"postcode": "9400"})
    sender.send(b"no alert at all")
    assert centre.count(store, boards.Delivery) == 2
    watched.sentry.ring()
    assert calls(store) == []
    with store.write() as session:
        boards.report(session, "tab", mine, False, watched.clock.now())
    watched.sentry.ring()
    watched.sentry.ring()
    (said,) = calls(store)
    assert said.startswith("CONSOLE.")
    watched.clock.advance(minutes=5)
    with store.write() as session:
        boards.report(session, "another", mine, True, watched.clock.now())
    watched.sentry.ring()
    assert len(calls(store)) == 1
    watched.clock.advance(minutes=2)
    watched.sentry.ring()
    assert len(calls(store)) == 2


def test_a_clock_set_back_silences_no_alarm(watched: Watched, cast: centre.Centre):
    centre.Sender(watched.store, cast).send(b"no alert at all")
    watched.sentry.ring()
    watched.clock.advance(hours=-1)
    watched.sentry.ring()
    assert len(calls(watched.store)) == 2


def test_while_no_web_process_lives_no_board_hears_anything(watched: Watched, cast: centre.Centre):
    with watched.store.write() as session:
        boards.report(session, "tab", [cast.organisation.id], True, watched.clock.now())
    watched.later("engine", seconds=31)
    watched.sentry.look()
    watched.sentry.ring()
    assert len(calls(watched.store)) == 1
