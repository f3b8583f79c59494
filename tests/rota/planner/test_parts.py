"""Parts of a plan cost and break what they do in the whole, and better ones make it better."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dispatch.clock import monotonic
from dispatch.rota import problem as p
from dispatch.rota import rules
from dispatch.rota.planner import search
from dispatch.rota.planner.best import Best
from dispatch.rota.planner.cpsat import Solver
from dispatch.rota.planner.faults import problem_faults
from dispatch.rota.planner.improving import Improving
from dispatch.rota.planner.model import build
from dispatch.rota.planner.parts import Parts
from dispatch.rota.planner.standing import Standing
from dispatch.rota.planner.terms import Shape, holds
from tests.benchmarks.rig.staffing import instance
from tests.rota.planner.tiny import searched
from tests.rota.rules.cases import officer, problem, turn
from tests.rota.rules.test_properties import plans


def reads(shape: Shape, values: list[bool]) -> bool:
    """Return whether some values make a sequence that a shape allows."""
    then = {(tail, label): head for tail, label, head in shape.steps}
    state: int | None = shape.begin
    for literal in shape.literals:
        state = None if state is None else then.get((state, holds(values, literal)))
    return state is not None and (shape.ends is None or state in shape.ends)


@settings(max_examples=80)
@given(plans(), st.randoms(use_true_random=False))
def test_a_part_costs_and_breaks_what_it_does_in_the_whole(plan, chance: Random):
    given_problem = replace(plan[0], stays={}, locked={})
    assume(not problem_faults(given_problem))
    model = build(given_problem)
    free = [literal for literal in model.taken.values() if chance.random() < 0.6]
    standing = Standing(model.form, [one for one in model.taken.values() if chance.random() < 0.2])
    before = standing.amount_broken()
    part = Parts(standing).part(free)
    turned = [literal for literal in free if chance.random() < 0.3]
    held = [part.free[one] for one in free if standing.values[one] != (one in turned)]
    values = part.form.complete(held)
    assert sorted(part.turned(values)) == sorted(turned)
    change = standing.turn(turned)
    if before == 0:
        assert part.form.cost(values) - part.form.cost(part.present) == change.cost
    kept = not part.form.broken(values) and all(reads(one, values) for one in part.form.shapes)
    # A term that was broken may stay so, by no more than it was.
    assert kept == (change.worse == 0)


def test_a_plan_that_breaks_rules_is_mended_person_by_person():
    turns = [turn(day) for day in range(2, 16)]
    asked = [
        p.Run(key="run", least=2, most=4),
        p.FreeRun(key="free", least=2),
        p.Limit(key="least", least=5, most=9),
    ]
    model = build(problem(turns, [officer(0), officer(1)], asked))
    best = Best(model, lambda point, seats: None, monotonic())
    improving = Improving(model, model.form.complete(()), best, Solver())
    for _ in range(2):
        improving.step(20.0)
    assert best.values is not None
    assert rules.hard(rules.check(model.problem, best.seats)) == ()


def test_what_is_too_hard_to_prove_is_planned_part_by_part(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(search, "_STUCK", 0.0)
    monkeypatch.setattr(search, "_FAR", -1.0)
    monkeypatch.setattr(search, "_ALONE", 0.0)
    given_problem = instance(6)
    found = searched(given_problem, workers=2, seconds=4.0)
    checked = rules.check(given_problem, found.seats)
    assert found.outcome is p.Outcome.FEASIBLE
    assert rules.hard(checked) == ()
    assert rules.cost(checked) == found.cost
    assert found.cost < search.filling.greedy(given_problem).cost


def test_what_is_planned_part_by_part_can_be_the_same_twice(monkeypatch: pytest.MonkeyPatch):
    # So few ticks in so many seconds that even a busy machine has counted them in time.
    monkeypatch.setattr(search, "_TICKS", 0.006)
    given_problem = instance(6)
    one, other = (searched(given_problem, seconds=60.0, reproducible=True) for _ in range(2))
    assert one.outcome is p.Outcome.FEASIBLE
    assert one.reproducible
    assert one.seats == other.seats
