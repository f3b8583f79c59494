"""Upkeep: heartbeats, leases, counters and revisions hold against any other process."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from dispatch.db import Store
from dispatch.upkeep import (
    Heartbeat,
    RateCount,
    age,
    ahead,
    beat,
    bump,
    forget_future,
    hits,
    revisions,
    sweep,
    take_lease,
)

NOW = datetime(2026, 3, 1, 22, 5, 30, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def at_once(count: int, run: Callable[[int], None]) -> None:
    start = threading.Barrier(count)

    def wait_and_run(number: int) -> None:
        start.wait()
        run(number)

    threads = [threading.Thread(target=wait_and_run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_the_youngest_heartbeat_of_a_name_counts(store: Store) -> None:
    with store.write() as session:
        assert age(session, "engine", NOW) is None
        beat(session, "engine", "one", NOW, due=0)
        beat(session, "engine", "two", later(-30))
        beat(session, "web", "three", later(4))
        beat(session, "engine", "one", later(1), due=3)
    with store.read() as session:
        assert age(session, "engine", later(3)) == 2.0
        facts = session.scalar(sa.select(Heartbeat.facts).where(Heartbeat.holder == "one"))
        assert facts == {"due": 3}


def test_a_heartbeat_in_the_future_says_nothing_but_that_the_clock_was_set(store: Store) -> None:
    with store.write() as session:
        beat(session, "engine", "dead", later(3600))
        assert age(session, "engine", NOW) is None
        assert ahead(session, "engine", NOW) == 3600
        beat(session, "engine", "alive", later(-2))
        assert age(session, "engine", NOW) == 2
        forget_future(session, NOW)
        assert session.scalars(sa.select(Heartbeat.holder)).all() == ["alive"]
        beat(session, "engine", "elsewhere", later(0.9))
        assert (age(session, "engine", NOW), ahead(session, "engine", NOW)) == (0, 0)


def test_a_lease_taken_before_the_clock_was_set_back_holds_up_nobody(store: Store) -> None:
    with store.write() as session:
        assert take_lease(session, "link", "one", later(3600), 15)
        assert take_lease(session, "link", "two", NOW, 15)


def test_a_lease_belongs_to_one_holder_until_it_runs_out(store: Store) -> None:
    with store.write() as session:
        assert take_lease(session, "link", "one", NOW, 15)
        assert not take_lease(session, "link", "two", later(14.9), 15)
        assert take_lease(session, "retention", "two", NOW, 15)
        assert take_lease(session, "link", "one", later(10), 15)
        assert not take_lease(session, "link", "two", later(24.9), 15)
        assert take_lease(session, "link", "two", later(25), 15)
        assert not take_lease(session, "link", "one", later(26), 15)


def test_of_many_that_want_a_lease_at_once_one_gets_it(store: Store) -> None:
    taken: list[int] = []

    def run(number: int) -> None:
        with store.write() as session:
            if take_lease(session, "link", f"engine {number}", NOW, 15):
                taken.append(number)

    at_once(6, run)
    assert len(taken) == 1


def test_hits_are_counted_by_key_and_window(store: Store) -> None:
    with store.write() as session:
        assert [hits(session, "a", NOW) for _ in range(3)] == [1, 2, 3]
        assert hits(session, "b", NOW) == 1
        assert hits(session, "a", later(29)) == 4
        assert hits(session, "a", later(30)) == 1
        assert [hits(session, "day", later(n), 86400) for n in (0, 3600)] == [1, 2]


def test_hits_at_once_are_all_counted(store: Store) -> None:
    counts: list[int] = []

    def run(_number: int) -> None:
        for _ in range(5):
            with store.write() as session:
                counts.append(hits(session, "a", NOW))

    at_once(4, run)
    assert sorted(counts) == list(range(1, 21))


def test_sweeping_removes_what_is_older_than_a_day(store: Store) -> None:
    with store.write() as session:
        hits(session, "old", later(-86_500))
        hits(session, "young", later(-86_000))
        beat(session, "engine", "gone", later(-86_500))
        beat(session, "engine", "here", NOW)
        beat(session, "web", "long gone", later(-90_000))
        beat(session, "web", "gone and still missed", later(-86_500))
        sweep(session, NOW)
        assert session.scalars(sa.select(RateCount.key)).all() == ["young"]
        kept = session.scalars(sa.select(Heartbeat.holder).order_by(Heartbeat.name)).all()
        assert kept == ["here", "gone and still missed"]


def test_a_bump_raises_its_topics_by_one_at_the_commit(store: Store) -> None:
    with store.write() as session:
        bump(session, 1, "board", "rota", "board")
        bump(session, 0, "health")
        bump(session, 1, "board")
    with store.write() as session:
        bump(session, 1, "board")
    with store.read() as session:
        assert revisions(session) == {(0, "health"): 1, (1, "board"): 2, (1, "rota"): 1}


def test_a_bump_wakes_the_screens_after_the_commit(store: Store) -> None:
    listener = store.listen("screens")
    while listener.wait(0.2):
        pass
    with store.write() as session:
        bump(session, 1, "board")
    assert listener.wait(2)
    listener.close()


def test_a_transaction_that_fails_bumps_nothing(store: Store) -> None:
    def fail() -> None:
        with store.write() as session:
            bump(session, 1, "board")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.read() as session:
        assert revisions(session) == {}


def test_a_bump_survives_a_savepoint(store: Store) -> None:
    with store.write() as session, session.begin_nested():
        bump(session, 1, "board")
    with store.read() as session:
        assert revisions(session) == {(1, "board"): 1}


def test_bumps_in_any_order_at_once_neither_deadlock_nor_get_lost(store: Store) -> None:
    topics = ["a", "b", "c", "d"]

    def run(number: int) -> None:
        for turn in range(5):
            with store.write() as session:
                for topic in topics if (number + turn) % 2 else reversed(topics):
                    bump(session, 1, topic)

    at_once(6, run)
    with store.read() as session:
        assert revisions(session) == {(1, topic): 30 for topic in topics}


@pytest.mark.postgresql
def test_a_long_transaction_holds_up_nobody_elses_bump(store: Store) -> None:
    started = time.monotonic()
    with store.write() as slow:
        bump(slow, 1, "board")
        slow.flush()
        for organisation_id in (1, 2):
            with store.write() as session:
                bump(session, organisation_id, "board")
    assert time.monotonic() - started < 5
    with store.read() as session:
        assert revisions(session) == {(1, "board"): 2, (2, "board"): 1}
