"""Processes that are started, watched and ended, with real ones."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from dispatch import db, schema, serving, upkeep
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.serving import Watch
from tests.simulated import free_port
from tests.writer import Writer

#: A parent whose children are described by the test: each writes its number and does as it is told.
PARENT = """
import sys
from dispatch.serving import supervise
children = {name: [sys.executable, "-c", code] for name, code in %r.items()}
sys.exit(supervise(children, {}))
"""
SLEEPER = "import time; time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"


def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def parent() -> Iterator[Callable[[dict[str, str]], psutil.Process]]:
    """Start a parent; whatever is left of it afterwards is killed."""
    started: list[psutil.Process] = []

    def start(children: dict[str, str]) -> psutil.Process:
        process = psutil.Popen([sys.executable, "-c", PARENT % children])
        started.append(process)
        until(lambda: len(process.children()) == len(children))
        return process

    yield start
    for process in started:
        for one in (*process.children(recursive=True), process) if process.is_running() else ():
            one.kill()
        process.wait()


def only_child(process: psutil.Process) -> psutil.Process | None:
    return next(iter(process.children()), None)


def test_a_child_that_is_killed_is_started_again(parent):
    process = parent({"engine": SLEEPER})
    first = only_child(process)
    first.kill()
    until(lambda: (again := only_child(process)) and again.pid != first.pid)


def test_a_child_whose_settings_are_unusable_ends_everything(tmp_path: Path):
    children = {"web": SLEEPER, "engine": "import sys; sys.exit(2)"}
    done = subprocess.run([sys.executable, "-c", PARENT % children], timeout=20)
    assert done.returncode == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_process_even_a_deaf_one(parent, number):
    process = parent({"web": SLEEPER, "engine": f"print(flush=True); {DEAF}"})
    family = process.children(recursive=True)
    time.sleep(0.5)
    process.send_signal(number)
    # Five seconds are promised. A machine on which much else runs may take longer.
    assert serving._END_SECONDS < 5
    assert process.wait(30) == 0
    assert not any(one.is_running() for one in family)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children")
def test_when_the_parent_is_killed_the_children_end(parent):
    process = parent({"web": SLEEPER, "engine": SLEEPER})
    family = process.children()
    process.kill()
    until(lambda: not any(one.is_running() for one in family), 5)


class Stopwatch:
    """A monotonic clock that a test moves."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    stopwatch = Stopwatch()
    monkeypatch.setattr(serving.clock, "monotonic", stopwatch)
    monkeypatch.setattr(db, "monotonic", stopwatch)
    return stopwatch


def beat(store: Store, at: datetime) -> None:
    with store.write() as session:
        upkeep.beat(session, "engine", "here", at)


def test_an_engine_is_stuck_when_its_heartbeat_stops_and_not_when_the_database_does(
    store: Store, stopwatch: Stopwatch, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
):
    is_stuck = Watch(store)
    assert not is_stuck("engine", 0)
    stopwatch.seconds += 31
    assert is_stuck("engine", 0)
    assert not is_stuck("web", 0)
    beat(store, clock.now())
    assert not is_stuck("engine", 0)
    stopwatch.seconds += 31
    assert is_stuck("engine", 0)
    store.engine.dispose()
    monkeypatch.setattr(store.engine.pool, "connect", _gone)
    assert not is_stuck("engine", 0)


def test_an_engine_is_judged_alike_however_the_clock_is_set(
    store: Store, stopwatch: Stopwatch, clock: ManualClock
):
    is_stuck = Watch(store)
    for hours in (1, -2, 1):
        beat(store, clock.advance(hours=hours))
        stopwatch.seconds += 20
        assert not is_stuck("engine", 0)
    stopwatch.seconds += 31
    assert is_stuck("engine", 0)


def test_whoever_is_frozen_with_the_turn_to_write_is_stuck_and_not_the_engine(
    tmp_path: Path, stopwatch: Stopwatch
):
    store = Store(f"sqlite:///{tmp_path / 'dispatch.db'}")
    with Writer(store) as web:
        web.begin()
        web.freeze()
        stopwatch.seconds = time.monotonic() + 1
        is_stuck = Watch(store)
        stopwatch.seconds += 28
        assert not is_stuck("web", web.pid)
        assert not is_stuck("engine", os.getpid())
        stopwatch.seconds += 10
        assert is_stuck("web", web.pid)
        assert not is_stuck("engine", os.getpid())
    assert not is_stuck("web", web.pid)
    store.close()


def _gone(*_args: object) -> None:
    raise sa.exc.OperationalError("", {}, Exception())


def health(port: int) -> dict[str, object]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return json.loads(error.read())
    except OSError:
        return {}


@pytest.mark.slow
def test_one_command_serves_a_healthy_centre_and_ends_with_it(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path / 'dispatch.db'}")
    schema.upgrade(store)
    store.close()
    port = free_port()
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DISPATCH_")},
        "DISPATCH_DATA_DIR": str(tmp_path),
        "DISPATCH_WEB__PORT": str(port),
    }
    process = psutil.Popen([sys.executable, "-m", "dispatch", "serve"], env=environ)
    try:
        until(lambda: health(port).get("status") == "ok", 60)
        family = process.children(recursive=True)
        assert len(family) >= 3
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 5
        until(lambda: not any(one.is_running() for one in family), 1)
    finally:
        for one in (*process.children(recursive=True), process) if process.is_running() else ():
            one.kill()
