"""Many screens are told in turn, so that what they fetch starves no alert."""

import pytest

from dispatch.web import crowd
from dispatch.web.crowd import LONGEST_SECONDS, Crowd


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The instant, which stands still."""
    instant = [100.0]
    monkeypatch.setattr(crowd.clock, "monotonic", lambda: instant[0])
    return instant


def test_one_screen_is_told_at_once(now):
    screens = Crowd()
    for _ in range(20):
        assert screens.turn() == 0
        screens.spent(0.05)
        now[0] += 1


def test_a_crowd_is_told_one_by_one_as_fast_as_half_a_processor_makes_what_they_fetch(now):
    screens = Crowd()
    for _ in range(500):
        screens.spent(0.01)
    waits = [screens.turn() for _ in range(100)]
    assert waits == sorted(waits)
    # A board fetches two fragments.
    assert waits[50] == pytest.approx(50 * 2 * 0.01 / 0.5, rel=0.1)


def test_nobody_waits_longer_than_a_dispatcher_may(now):
    screens = Crowd()
    for _ in range(200):
        screens.spent(0.2)
        assert screens.turn() <= LONGEST_SECONDS
    now[0] += LONGEST_SECONDS + 1
    assert screens.turn() == 0


def test_what_a_hint_costs_is_learnt_anew(now):
    screens = Crowd()
    for cost in (0.2, 0.001):
        for _ in range(500):
            screens.spent(cost)
    waits = [screens.turn() for _ in range(50)]
    assert waits[-1] < 50 * 0.01
