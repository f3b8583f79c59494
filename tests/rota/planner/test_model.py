"""The model means what the checker means, for every problem and every plan of it."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings

from dispatch.rota import problem as p
from dispatch.rota import rules
from dispatch.rota.planner.faults import problem_faults
from dispatch.rota.planner.model import build
from tests.rota.planner.tiny import searched
from tests.rota.rules.cases import at, officer, problem, turn
from tests.rota.rules.test_properties import plans


def whole_blocks(given: p.Problem, seats: frozenset[p.Seat]) -> frozenset[p.Seat]:
    """Return seats with every need of a block that somebody has a part of."""
    blocks: dict[object, set[int]] = {}
    of = {}
    for need in given.needs:
        of[need.id] = need.id if need.block is None else (need.line, need.block)
        blocks.setdefault(of[need.id], set()).add(need.id)
    return frozenset((id_, person) for need, person in seats for id_ in blocks[of[need]])


@settings(max_examples=80)
@given(plans())
def test_a_plan_costs_and_breaks_in_the_model_what_it_does_for_the_checker(plan):
    given_problem, seats = plan
    # What locked and published seats break is not asked again: see the tests of these.
    given_problem = replace(given_problem, stays={}, locked={})
    assume(not problem_faults(given_problem))
    model = build(given_problem, told=True)
    values = model.form.complete(model.chosen(whole_blocks(given_problem, seats)))
    found = rules.check(given_problem, model.seats(values))
    assert model.form.cost(values) == rules.cost(found)
    assert {term.source.key for term in model.form.broken(values)} == {
        breach.key for breach in rules.hard(found)
    }


@settings(max_examples=80)
@given(plans())
def test_nobody_has_a_literal_for_what_they_cannot_take_and_all_else_is_the_same(plan):
    given_problem, seats = plan
    given_problem = replace(given_problem, stays={}, locked={})
    assume(not problem_faults(given_problem))
    model = build(given_problem)
    chosen = model.chosen(whole_blocks(given_problem, seats))
    values = model.form.complete(chosen)
    seats = model.seats(values)
    found = rules.check(given_problem, seats)
    assert model.form.cost(values) == rules.cost(found)
    assert bool(model.form.broken(values)) == bool(rules.hard(found))
    assert not {breach.key for breach in found} & {"away", "unit", "line", "block"}


@settings(max_examples=80)
@given(plans())
def test_locked_and_published_seats_cost_what_they_do_and_may_break_rules_but_no_more(plan):
    given_problem, seats = plan
    assume(not problem_faults(given_problem))
    model = build(given_problem)
    locked = {seat for seat, wanted in given_problem.locked.items() if wanted}
    values = model.form.complete(model.chosen(whole_blocks(given_problem, seats | locked)))
    seats = model.seats(values)
    found = rules.check(given_problem, seats)
    assert model.form.cost(values) == rules.cost(found)
    assert "locked" not in {breach.key for breach in rules.hard(found)}
    assert {term.source.key for term in model.form.broken(values)} <= {
        "overlap",
        *(breach.key for breach in rules.hard(found)),
    }


def test_what_stands_published_against_a_rule_may_stay():
    turns = [turn(2, 8, 20, under=None), turn(2, 22, 6, under=None), turn(3, 8, 16, under=None)]
    rest = [p.Rest(key="rest", minutes=660)]
    published = {(0, 0): 9, (1, 0): 9}
    stands = problem(turns, [officer(0), officer(1)], rest, stays=published)
    found = searched(stands)
    assert found.outcome is p.Outcome.OPTIMAL
    assert found.seats == {(0, 0), (1, 0), (2, 1)}
    assert [breach.key for breach in rules.check(stands, found.seats)] == ["rest"]
    assert searched(problem(turns, [officer(0)], rest)).outcome is p.Outcome.IMPOSSIBLE


def test_days_in_a_row_that_stand_published_against_a_rule_may_stay():
    turns = [turn(day, under=None) for day in range(2, 9)]
    rules_ = [p.Run(key="run", least=2, most=3), p.FreeRun(key="free", least=2)]
    published = {(1, 0): 9, (3, 0): 9}
    stands = problem(turns, [officer(0), officer(1), officer(2)], rules_, stays=published)
    found = searched(stands)
    assert found.outcome is p.Outcome.OPTIMAL
    assert found.cost == 0
    assert published.keys() <= found.seats


def test_what_is_locked_against_a_rule_is_kept_and_nothing_is_added_to_it():
    turns = [turn(2, 8, 20), turn(2, 22, 6), turn(3, 8, 16, under=9)]
    rest = [p.Rest(key="rest", minutes=660)]
    decided = problem(turns, [officer(0)], rest, locked={(0, 0): True, (1, 0): True})
    found = searched(decided)
    assert found.outcome is p.Outcome.OPTIMAL
    assert found.seats == {(0, 0), (1, 0)}
    assert found.cost == 9


@pytest.mark.parametrize(("within", "cost"), [(["a", "a", "a"], 0), (["a", "b", "c"], 5)])
def test_whoever_is_relieved_for_a_day_of_a_turn_has_not_too_few_days_free(within, cost):
    parts = [
        turn(day, within=one, under=None, over=None)
        for day, one in zip((3, 4, 5), within, strict=True)
    ]
    relief = officer(1, away=(p.Away(at(5), at(6), "absence"),))
    free = [p.FreeRun(key="free", least=2, weight=5)]
    covered = problem(parts, [officer(0), relief], free, locked={(0, 0): True, (1, 1): True})
    found = searched(covered)
    assert (found.outcome, found.cost) == (p.Outcome.OPTIMAL, cost)


def test_lines_that_nothing_tells_apart_are_one_choice():
    turns = [turn(day, line=line) for day in range(2, 9) for line in ("primary", "backup")]
    model = build(problem(turns, [officer(0), officer(1), officer(2)]))
    assert {len(block.lanes) for block in model.blocks} == {2}
    assert model.form.count == 1 + 7 * 3


@pytest.mark.parametrize(
    "told_apart",
    [
        {"rules": [p.Limit(key="x", most=3, only=p.Selection(lines=frozenset({"backup"})))]},
        {"people": [officer(0), officer(1, lines=frozenset({"primary"}))]},
        {"wishes": (p.Wish("w", 0, frozenset({0}), wanted=True, weight=1),)},
        {"locked": {(0, 0): False}},
        {"stays": {(1, 0): 3}},
    ],
)
def test_lines_are_told_apart_by_whatever_sees_the_difference(told_apart):
    turns = [turn(2, line=line) for line in ("primary", "backup")]
    model = build(problem(turns, **{"people": [officer(0), officer(1)]} | told_apart))
    assert [len(block.lanes) for block in model.blocks] == [1, 1]
