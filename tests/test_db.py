"""The turn to write: one process at a time, nobody waits for ever, and whoever has it is named."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch import db, upkeep
from dispatch.clock import SystemClock
from dispatch.db import Store, Unavailable
from dispatch.logs import JsonLines
from tests.databases import SqliteDatabases
from tests.writer import Writer


@pytest.fixture
def store(sqlite_databases: SqliteDatabases, tmp_path: Path) -> Iterator[Store]:
    opened = Store(sqlite_databases.empty(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def other(store: Store) -> Iterator[Writer]:
    with Writer(store) as process:
        yield process


def write(store: Store, seconds: float | None = None) -> None:
    with store.write(seconds) as session:
        upkeep.beat(session, "test", "here", SystemClock().now())


def waiting() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "turn"]


def test_nobody_waits_for_ever_for_a_process_that_is_frozen_while_it_writes(
    store: Store, other: Writer, caplog: pytest.LogCaptureFixture
):
    other.begin()
    other.freeze()
    began = time.monotonic()
    with caplog.at_level(logging.ERROR), pytest.raises(Unavailable):
        write(store, 0.3)
    assert 0.3 <= time.monotonic() - began < 5
    said = json.loads(JsonLines().format(caplog.records[-1]))
    assert (said["event"], said["writer"]) == ("turn_not_given", other.pid)
    writer = store.writer()
    assert writer is not None and writer.pid == other.pid and writer.seconds >= 0.3
    other.thaw()
    other.end()
    write(store, 5)
    assert store.writer() is None


def test_many_that_give_up_leave_one_thread_waiting_and_then_none(store: Store, other: Writer):
    other.begin()
    for _ in range(5):
        with pytest.raises(Unavailable):
            write(store, 0.05)
    (thread,) = waiting()
    other.end()
    thread.join(5)
    assert not thread.is_alive()
    assert store.writer() is None
    # Nobody wanted what it got in the end, so others have their turn at once.
    other.begin()
    other.end()
    write(store, 5)


def test_a_turn_comes_to_whoever_asks_next_when_the_first_has_given_up(store: Store, other: Writer):
    other.begin()
    with pytest.raises(Unavailable):
        write(store, 0.05)
    threading.Timer(0.3, other.end).start()
    write(store, 5)


def test_a_process_that_is_killed_while_it_writes_holds_up_nobody(store: Store, other: Writer):
    other.begin()
    other.kill()
    write(store, 5)


def test_threads_of_one_process_wait_no_longer_either(store: Store):
    with store.write(), pytest.raises(Unavailable):
        write(store, 0.05)


def test_the_limit_is_short_enough_for_a_sender_and_the_same_for_all(store: Store, other: Writer):
    """Senders of alerts give up after 15 seconds at the earliest."""
    assert db.WRITE_WAIT_SECONDS <= 10
    other.begin()
    refused = []

    def ask() -> None:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            write(store, 0.4)
        refused.append(time.monotonic() - began)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.end()
    assert len(refused) == 6 and max(refused) < 5
