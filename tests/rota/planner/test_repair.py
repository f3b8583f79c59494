"""Mending a published rota: as few turns as possible move, and none without need."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dispatch.errors import Invalid
from dispatch.rota import planner, rules
from dispatch.rota import problem as p
from dispatch.rota.planner.cpsat import Solver
from dispatch.rota.planner.mending import Mending, Repair
from dispatch.rota.planner.process import Options
from dispatch.rota.planner.search import mend
from tests.benchmarks.rig.years import ZONE, year
from tests.rota.planner.tiny import searched
from tests.rota.rules.cases import at, officer, problem, turn


def mended(given: p.Problem, published: frozenset[p.Seat], now: datetime, **more) -> Repair:
    """Mend without a process of its own."""
    mending = Mending(given, published, now, **more)
    return mend(mending, Options(20.0, 1), Solver(), lambda point, seats: None)


def away(given: p.Problem, person: int, begins: datetime, ends: datetime) -> p.Problem:
    """Return a problem in which somebody is away."""
    gone = p.Away(begins, ends, "absence")
    return replace(
        given,
        people=tuple(
            replace(one, away=(*one.away, gone)) if one.id == person else one
            for one in given.people
        ),
    )


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(ZONE))


@pytest.fixture(scope="module")
def quarter() -> tuple[p.Problem, frozenset[p.Seat]]:
    """A planned quarter of 24 people."""
    given = year(24, months=3)
    return given, planner.greedy(given).seats


def test_three_days_of_illness_change_one_turn(quarter):
    given, published = quarter
    now = noon(given.first + timedelta(days=30))
    soon = [need for need in given.needs if need.days[0] > now.date() and need.block is None]
    need = soon[0]
    sick = next(who for one, who in sorted(published) if one == need.id)
    begins = noon(need.days[0]).replace(hour=0)
    found = mended(away(given, sick, begins, begins + timedelta(days=3)), published, now)
    assert found.proposal.outcome is p.Outcome.OPTIMAL
    assert found.removed == {(need.id, sick)}
    assert len(found.added) == 1
    assert rules.hard(rules.check(given, found.proposal.seats)) == ()


def test_what_has_begun_and_what_lies_beyond_the_horizon_stays(quarter):
    given, published = quarter
    now = noon(given.first + timedelta(days=30))
    sick = 3
    until = given.first + timedelta(days=50)
    ill = away(given, sick, now, now + timedelta(days=14))
    found = mended(ill, published, now, until=until)
    assert found.until == until
    moved = [given.needs[need] for need in found.changed]
    assert all(need.starts_at > now and need.days[0] <= until for need in moved)
    theirs = {need for need, who in published if who == sick}
    lost = {
        need.id
        for need in given.needs
        if need.id in theirs and now < need.starts_at < now + timedelta(days=14)
    }
    assert {need for need, _ in found.removed} >= lost


def test_a_turn_that_nobody_can_take_stays_open_and_the_rest_is_mended():
    turns = [turn(3, under=None), turn(4, under=None, skills=(p.SkillNeed("certificate"),))]
    holds = (p.Holding("certificate", date(2020, 1, 1)),)
    people = [officer(0, holds=holds), officer(1)]
    given = problem(turns, people)
    published = frozenset({(0, 0), (1, 0)})
    found = mended(away(given, 0, at(3), at(6)), published, at(2))
    assert found.proposal.outcome is p.Outcome.PARTIAL
    assert found.proposal.cost is None
    assert found.added == {(0, 1)}
    assert found.removed == published


def test_a_published_turn_moves_only_where_that_costs_less_than_an_open_one():
    # Only 0 and 1 can follow each other; 2 cannot take the night after the day.
    turns = [turn(3, 8, 20, under=None), turn(3, 20, 8, under=None)]
    given = problem(
        turns,
        [officer(0), officer(1), officer(2, lines=frozenset({"primary"}))],
        [p.Rest(key="rest", minutes=660)],
    )
    given = replace(
        given, needs=(given.needs[0], replace(given.needs[1], line="night")), present=frozenset()
    )
    published = frozenset({(0, 0), (1, 1)})
    found = mended(away(given, 1, at(3), at(6)), published, at(2))
    # 0 alone may take the night, and gives the day to 2.
    assert found.proposal.outcome is p.Outcome.OPTIMAL
    assert found.proposal.seats == {(0, 2), (1, 0)}


def test_a_rule_on_the_least_does_not_keep_a_rota_from_being_mended():
    turns = [turn(day, under=None) for day in range(3, 9)]
    least = p.Limit(key="least", least=3, most=4)
    given = problem(turns, [officer(0), officer(1)], [least])
    published = searched(given).seats
    found = mended(away(given, 0, at(3), at(20)), published, at(2))
    assert found.proposal.outcome is p.Outcome.PARTIAL
    assert len(found.proposal.seats) == 4


def test_seats_of_turns_that_are_not_there_are_refused():
    given = problem([turn(3)])
    with pytest.raises(Invalid, match="Turn 7") as refused:
        planner.repair(given, frozenset({(7, 0)}), at(2))
    assert "published" in refused.value.fields


def test_somebody_who_left_is_replaced():
    given = problem([turn(3, under=None)], [officer(0)])
    found = planner.repair(given, frozenset({(0, 9)}), at(2))
    assert (found.added, found.removed) == ({(0, 0)}, {(0, 9)})


def test_without_a_solver_the_greedy_mends(monkeypatch: pytest.MonkeyPatch, quarter):
    monkeypatch.setattr(planner, "find_spec", lambda name: None)
    given, published = quarter
    now = noon(given.first + timedelta(days=30))
    found = planner.repair(away(given, 3, now, now + timedelta(days=14)), published, now)
    assert found.proposal.method == "greedy"
    assert all(who == 3 for _, who in found.removed)
    assert len(found.added) == len(found.removed)
