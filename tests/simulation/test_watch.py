"""Nights in which nobody is told unless the watch tells them; a watch that sleeps is seen."""

import os
import random
import time
from collections.abc import Iterator
from itertools import count

import pytest

from dispatch.vigil.sentry import Sentry
from dispatch.vigil.standing_in import StandIn
from tests.simulation.night import Broken, Count
from tests.simulation.watch import WatchedNight
from tests.simulation.world import Turn, World

#: Of one core: as many nights as fit.
_SECONDS = 6.0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("watched"))
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_watched_night_keeps_the_rules(world: World, record_property) -> None:
    total, begun = Count(), time.process_time()
    first = 1 if "CI" in os.environ else random.randrange(10**9)
    for seed in count(first):
        if time.process_time() - begun > _SECONDS:
            break
        total.add(WatchedNight(world, seed).run())
    for sentence in (f"from seed {first}", *total.sentences()):
        record_property("figure", f"watched nights: {sentence}")


@pytest.mark.slow
def test_a_watch_that_rings_nobody_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StandIn, "act", lambda _self: 0)
    with pytest.raises(Broken, match="no engine lives, and nobody rings the control room"):
        for seed in range(1, 9):
            WatchedNight(world, seed).run()


def test_a_check_in_that_the_board_does_not_show_is_seen(world: World) -> None:
    night = WatchedNight(world, 0)
    world.begin(night.begins, [Turn("support primary", "An", -86400.0, 86400.0)], [])
    night.rows.execute(_SILENT)
    night.hold_shown()
    assert night.rules.breaches == ["not reached, and the board does not say so: check 1"]
    sentry = Sentry(night.parts, "here:1")
    sentry.look()
    night.rules.breaches.clear()
    night.hold_shown()
    assert night.rules.breaches == []


_SILENT = """INSERT INTO reach_check
    (uid, about, kind, person_id, team_id, begins_at, ends_at, code, token_hash, stage, asked_at,
    answered_by)
    VALUES ('c', 'c', 'check_in', 1, 1, '2026-03-14 13:00:00.000000',
    '2027-03-14 13:00:00.000000', '', '', 'board', '2026-03-14 13:00:00.000000', '')"""
