"""The machine's clock may be set at any time, and that is noticed."""

from datetime import UTC, datetime

import pytest

from dispatch import clock
from dispatch.clock import Drift, ManualClock, SystemClock

NOW = datetime(2026, 3, 14, 3, 0, tzinfo=UTC)


class Machine:
    """A machine with a clock that can be set and one that cannot."""

    def __init__(self) -> None:
        self.clock, self.elapsed = ManualClock(NOW), 1000.0

    def monotonic(self) -> float:
        return self.elapsed

    def run(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)
        self.elapsed += seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(clock, "monotonic", machine.monotonic)
    return machine


def test_a_clock_that_runs_was_not_set(machine: Machine):
    drift = Drift(machine.clock)
    for seconds in (0.5, 3600, 0):
        machine.run(seconds)
        assert drift.seconds() == 0.0
    assert drift.lately() is None


@pytest.mark.parametrize("by", [-3600.0, -1.5, 3600.0])
def test_a_clock_that_was_set_is_noticed_once_and_told_for_ten_minutes(machine: Machine, by: float):
    drift = Drift(machine.clock)
    machine.run(10)
    machine.clock.advance(seconds=by)
    machine.run(0.5)
    assert drift.seconds() == pytest.approx(by)
    assert drift.seconds() == 0.0
    assert drift.lately() == by
    machine.run(601)
    assert drift.lately() is None


def test_a_clock_kept_in_step_bit_by_bit_was_not_set(machine: Machine):
    drift = Drift(machine.clock)
    for _ in range(100):
        machine.clock.advance(seconds=-0.9)
        machine.run(1)
        assert drift.seconds() == 0.0


def test_being_kept_waiting_between_two_readings_is_no_setting(monkeypatch: pytest.MonkeyPatch):
    readings = iter([0.0, 7.0, 12.0, 12.0])
    drift = Drift(ManualClock(NOW))
    monkeypatch.setattr(clock, "monotonic", lambda: next(readings))
    drift._now, drift._monotonic = NOW, 12.0
    assert drift.seconds() == 0.0


def test_the_machine_itself_is_watched():
    assert Drift(SystemClock()).seconds() == 0.0
