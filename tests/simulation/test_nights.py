"""Hundreds of nights against the real core, each from a seed; one that breaks a rule names it.

`make simulate` lives through more, and replays one: `ARGS="--seed N --nights 1 --tell"`.
"""

import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from dispatch.incidents import handling
from dispatch.paging import callouts, seats
from dispatch.people.models import Person
from tests.simulation.desk import DORA
from tests.simulation.engines import Life
from tests.simulation.night import Count, Night
from tests.simulation.rules import ALWAYS
from tests.simulation.world import Turn, World

#: Of one core: as many nights as fit.
_SECONDS = 40.0
_DAY = 86400.0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


def _first_seed() -> int:
    """Two runs of CI on one commit live through the same nights; others try new ones."""
    return 1 if "CI" in os.environ else random.randrange(10**9)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_night_keeps_the_rules(world: World, record_property) -> None:
    total, begun, took, first = Count(), time.process_time(), 0.0, _first_seed()
    for seed in count(first):
        if took > _SECONDS:
            break
        total.add(Night(world, seed).run())
        took = time.process_time() - begun
    for sentence in (f"from seed {first}, {total.nights / took:.1f} a second", *total.sentences()):
        record_property("figure", f"simulated nights: {sentence}")


@pytest.mark.slow
def test_a_seed_is_a_night_whatever_python_hashes(world: World) -> None:
    told: list[str] = []
    for seed in (11, 12, 13):
        Night(world, seed, told.append).run()
    command = ("-m", "tests.simulation", "--seed", "11", "--nights", "3", "--tell")
    again = subprocess.run(
        [sys.executable, *command],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
    )
    assert again.stdout.splitlines()[: len(told)] == told
    assert len(told) > 50


@pytest.fixture
def night(world: World) -> Iterator[Night]:
    """An is being called for incident 1; Bert goes for incident 2."""
    night = Night(world, 0)
    world.begin(night.begins, [Turn("support primary", "An", -_DAY, _DAY)], [])
    with night.sabotage.watching():
        for reference in ("R-1", "R-2"):
            night.control_room.report(type="alert", category="robbery", reference=reference)
        with world.store.write() as session:
            incident = handling.locked(session, 2)
            (callout,) = callouts.of_incident(session, incident)
            bert = session.get_one(Person, world.people["Bert"])
            seats.accept_on_behalf(session, callout, bert, DORA, world.clock.now())
        assert night.rules.breaches == []
        yield night


_ANOTHER_SEAT = """INSERT INTO assignment
    (callout_id, person_id, seat, status, accepted_at, cancel_told)
    SELECT callout_id, {person}, {seat}, status, accepted_at, 0 FROM assignment"""
_CHECK = """INSERT INTO reach_check (uid, about, kind, person_id, team_id, begins_at, ends_at, code,
    token_hash, stage, asked_at, answered_by, ended_at)
    SELECT 'c', 'c', 'check_in', 1, 1, began_at, began_at, '', '', 'texted', began_at, '', {ended}
    FROM callout WHERE id = 1"""
#: How a fault would break each rule.
BROKEN_BY = {
    "a callout that is neither filled nor over waits for nothing": [
        "UPDATE callout SET due_at = NULL WHERE id = 1"
    ],
    "a callout with an empty seat waits for nothing": [
        "UPDATE assignment SET status = 'released', released_at = accepted_at"
    ],
    "goes, and nobody will ask after them: assignment": ["UPDATE assignment SET ask_at = NULL"],
    "more people go than are wanted for callout": ["UPDATE want SET people = 0 WHERE id = 2"],
    "two people hold one seat of callout": [
        "DROP INDEX uq_assignment_seat",
        _ANOTHER_SEAT.format(person=1, seat=1),
    ],
    "one person holds two seats of callout": [_ANOTHER_SEAT.format(person="person_id", seat=2)],
    "somebody goes who has accepted no page: assignment": [
        "UPDATE page SET status = 'declined' WHERE status = 'accepted'"
    ],
    "the case does not show who goes: assignment": [
        "DELETE FROM timeline_entry WHERE kind = 'accepted'"
    ],
    "released and not released at once: assignment": ["UPDATE assignment SET status = 'released'"],
    "still open though its callout is filled or over: page": [
        "UPDATE callout SET filled_at = began_at WHERE id = 1"
    ],
    "may still leave though its page has ended: message": [
        "UPDATE page SET ended_at = created_at WHERE id = 1"
    ],
    "nobody has answered, and nothing follows: check": [_CHECK.format(ended="NULL")],
    "may still leave though its check has ended: message": [
        _CHECK.format(ended="began_at"),
        "UPDATE message SET about = 'check:c' WHERE id = 1",
    ],
    "nobody pursues want": [
        "INSERT INTO want (incident_id, team_id, people, wanted_by) VALUES (1, 2, 1, '')"
    ],
    "open, without a callout and without an alarm: incident": [
        "UPDATE callout SET incident_id = 1 WHERE id = 2"
    ],
    "not over though its incident has ended: callout": [
        "UPDATE incident SET status = 'closed' WHERE id = 1"
    ],
    "cancelled, and the console does not ask to ring who goes: assignment": [
        "UPDATE incident SET status = 'cancelled' WHERE id = 2"
    ],
    "goes without the facts, and the console does not ask to tell them: assignment": [
        "INSERT INTO facts_call (assignment_id, asked_at, given_by)"
        " SELECT id, accepted_at, '' FROM assignment"
    ],
    "exhausted without an alarm: callout": [
        "UPDATE callout SET exhausted_at = began_at WHERE id = 1"
    ],
    "goes or is called although the case is closed to them: person": [
        "UPDATE incident SET barred = (SELECT json_group_object(CAST(id AS TEXT), 'self')"
        " FROM person) WHERE id = 1"
    ],
    "goes to both sides of a case: person": [
        "INSERT INTO incident_link (incident_id, other_id, linked_at, linked_by)"
        " VALUES (1, 2, '2020-01-01 00:00:00.000000', '')",
        """UPDATE incident SET flags = '{"suspect_side": true}' WHERE id = 2""",
        "UPDATE assignment SET released_at = NULL, person_id = 1",
        "INSERT INTO assignment (callout_id, person_id, seat, status, accepted_at, cancel_told)"
        " SELECT c.id, 1, 9, 'accepted', c.began_at, 0 FROM callout c WHERE c.incident_id = 1",
    ],
    "is called urgently by what wakes nobody, and nothing follows: page": [
        "UPDATE incident SET priority = 1",
        "UPDATE message SET kind = 'mail'",
        "UPDATE page SET attempts = '[]'",
    ],
    "waits for too long: callout": [
        "UPDATE callout SET due_at = '2027-01-01 00:00:00.000000' WHERE id = 1"
    ],
    "waits for too long: message": ["UPDATE message SET due_at = '2027-01-01 00:00:00.000000'"],
    "on its way, and nobody will look at it again: message": [
        "UPDATE message SET due_at = NULL WHERE status = 'pending'"
    ],
}


@pytest.mark.parametrize("rule", ALWAYS)
def test_a_broken_row_is_seen(night: Night, rule: str) -> None:
    for statement in BROKEN_BY[rule]:
        night.rows.execute(statement)
    night.rules.committed()
    assert any(breach.startswith(rule) for breach in night.rules.breaches), night.rules.breaches


def test_a_message_that_leaves_twice_uncounted_is_seen(night: Night) -> None:
    life = Life(night, "first")
    life.start()
    assert life.engine is not None
    claimed = life.engine.claim(1)[0]
    night.performing = (life, claimed)
    for _ in range(2):
        life.engine.perform(claimed, math.inf)
    assert night.rules.breaches == ["message 1 left 2 times, 0 counted"]
