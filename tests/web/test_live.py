"""The stream of hints: who is told what, how it ends, and what it costs the database."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from dispatch import upkeep
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.people import accounts
from dispatch.people.models import Role
from dispatch.settings import Settings
from dispatch.web import create_app, live
from dispatch.wiring import Parts
from tests.web.conftest import Browser, Web


@pytest.fixture
def desk(web: Web) -> Iterator[Browser]:
    yield web.as_role(Role.DISPATCHER)
    stop(web)


def stop(web: Web) -> None:
    """End the streams, and wait for the thread that feeds them."""
    streams(web).end()
    for thread in watchers():
        thread.join(5)
        assert not thread.is_alive()


def watchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "streams"]


def streams(web: Web) -> live.Streams:
    return web.app.extensions["streams"]


def listen(browser: Browser) -> Iterator[str]:
    """Open the stream; each event is one text."""
    answer = browser.get("/live", buffered=False)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["Cache-Control"] == "no-store"
    events = (event.decode() for event in answer.response)
    assert next(events).startswith("retry:")
    return events


def bump(web: Web, organisation_id: int, topic: str = "board") -> None:
    with web.store.write() as session:
        upkeep.bump(session, organisation_id, topic)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)


def test_a_change_is_told_by_its_topic_and_nothing_else(web, desk):
    mine = web.centre.organisation.id
    bump(web, mine)
    events = listen(desk)
    assert next(events) == "event: board\ndata: 1\n\n"
    bump(web, mine, "rota")
    assert next(events) == "event: rota\ndata: 1\n\n"


def test_a_new_stream_is_told_what_may_have_changed_since_its_screen_was_made(web, desk):
    bump(web, web.centre.organisation.id)
    first = listen(desk)
    assert next(first).startswith("event: board")
    second = listen(desk)
    assert next(second) == "event: board\ndata: 1\n\n"


def test_another_organisations_changes_are_not_told(web, desk):
    events = listen(desk)
    bump(web, web.leie.id)
    bump(web, web.centre.organisation.id, "rota")
    assert next(events).startswith("event: rota")


def test_whoever_reads_no_incident_is_not_told_that_one_moves(web, desk):
    for role in (Role.PLANNER, Role.RESPONDER, Role.ADMINISTRATOR):
        events = listen(web.as_role(role))
        bump(web, web.centre.organisation.id)
        bump(web, web.centre.organisation.id, "rota")
        assert next(events).startswith("event: rota")


def test_several_changes_of_a_topic_become_one_hint():
    stream = live.Stream(lambda topic: frozenset({1}))
    for revision in range(1000):
        stream.tell("board", revision)
    assert stream.wait(0, lambda: 0.0) == {"board": 999}
    assert stream.wait(0, lambda: 0.0) == {}


def test_a_quiet_stream_says_that_it_lives(web, desk, quick):
    assert next(listen(desk)) == ": still here\n\n"


def test_a_stream_ends_with_its_sign_in(web, desk, quick):
    events = listen(desk)
    assert next(events).startswith(":")
    with web.store.write() as session:
        session.execute(sa.update(accounts.SignIn).values(ended_at=web.clock.now()))
    assert list(events) == []


def test_a_busy_stream_ends_with_its_sign_in_too(web, desk, quick):
    events = listen(desk)
    with web.store.write() as session:
        session.execute(sa.update(accounts.SignIn).values(ended_at=web.clock.now()))
    [stream] = streams(web)._streams
    heard = []
    for revision in range(100):
        stream.tell("board", revision)
        event = next(events, None)
        if event is None:
            break
        heard.append(event)
        threading.Event().wait(0.01)
    assert len(heard) < 100


def test_streams_end_at_once_when_the_process_is_told_to(web, desk):
    events = listen(desk)
    threading.Timer(0.05, streams(web).end).start()
    assert list(events) == []


def test_a_stream_that_waits_for_its_turn_ends_at_once_too():
    stream = live.Stream(lambda _: frozenset())
    stream.tell("board", 1)
    threading.Timer(0.05, stream.end).start()
    assert stream.wait(1.0, lambda: 60.0) is None


def test_a_closed_stream_gives_its_seat_back_and_the_last_one_stops_the_thread(web, desk):
    answer = desk.get("/live", buffered=False)
    assert streams(web).count() == 1
    answer.close()
    assert streams(web).count() == 0
    for thread in watchers():
        thread.join(5)
        assert not thread.is_alive()


def test_one_thread_feeds_all_streams(web, desk):
    for _ in range(5):
        listen(desk)
    assert len(watchers()) == 1


def test_a_stream_holds_no_connection(web, desk, quick):
    events = [listen(desk) for _ in range(5)]
    for event in events:
        next(event)
    stop(web)
    assert web.store.engine.pool.checkedout() == 0


def test_a_stream_too_many_is_refused_so_that_the_browser_asks_by_itself(
    store: Store, settings: Settings, clock: ManualClock
):
    web = Web(store, settings, clock)
    few = replace(settings, web=replace(settings.web, threads=35))
    web.app = create_app(Parts(few, store, clock))
    desk = web.as_role(Role.DISPATCHER)
    listen(desk)
    refused = desk.get("/live")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "60"
    assert desk.get("/board").status_code == 200
    stop(web)


def test_a_stream_needs_a_sign_in(web):
    answer = web.anonymous().get("/live")
    assert answer.status_code == 303
    assert streams(web).count() == 0


def test_the_database_may_be_gone_for_a_moment(web, desk, monkeypatch, quick):
    def gone():
        raise live.Unavailable("gone")

    events = listen(desk)
    next(events)
    monkeypatch.setattr(web.store, "read", gone)
    assert next(events).startswith(":")
    monkeypatch.undo()
    bump(web, web.centre.organisation.id)
    assert any(event.startswith("event: board") for event in _some(events, 200))


def _some(events: Iterator[str], most: int) -> Iterator[str]:
    for _ in range(most):
        yield next(events)
