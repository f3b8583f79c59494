"""What free days between turns cost, where turns must come close."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatch.rota import problem as p
from dispatch.rota import rules
from dispatch.rota.planner.cpsat import Effort, Solver, encode
from dispatch.rota.planner.model import build
from dispatch.rota.planner.terms import Source
from tests.benchmarks.rig.weeks import weeks
from tests.rota.rules.cases import day, officer, problem, turn

SPACING = p.FreeRun(key="spacing", least=3, between_blocks=True, weight=7)

#: Hours of turns by their kind: the first two overlap, the third comes after the first.
HOURS = {"day": (8, 16), "late": (12, 20), "night": (20, 6)}
seats = st.dictionaries(
    st.tuples(st.integers(2, 10), st.sampled_from(sorted(HOURS))),
    st.tuples(st.booleans(), st.booleans()),
    min_size=1,
    max_size=9,
)


@settings(max_examples=200)
@example({(2, "day"): (False, False), (2, "night"): (False, False)}, {1}, {1})
@given(seats, st.sets(st.integers(-3, 1), max_size=2), st.sets(st.integers(1, 3), max_size=2))
def test_the_solver_prices_every_plan_as_the_checker_does(taken, before, after):
    last = max(number for number, _ in taken)
    one = officer(
        0, before=map(turn, sorted(before)), after=[turn(last + n) for n in sorted(after)]
    )
    turns = [turn(number, *HOURS[kind], kind=kind) for number, kind in taken]
    asked = problem(turns, [one], [SPACING], first=day(2), last=day(last))
    plan = {need.id: taken for need, taken in zip(asked.needs, taken.values(), strict=True)}
    locked = {(need, 0): held for need, (held, fixed) in plan.items() if fixed}
    asked = replace(asked, locked=locked)
    model = build(asked)
    for (_, place), literal in model.taken.items():
        held, _ = plan[model.blocks[place].ids[0]]
        model.form.limit([~literal if held else literal], 0, None, Source("asked"))
    found = rules.check(asked, {(need, 0) for need, (held, _) in plan.items() if held})
    answer = Solver().solve(encode(model.form), Effort(20, 1))
    assert answer.bound == (None if answer.values is None else rules.cost(found))
    assert answer.values is not None or rules.hard(found)


@pytest.mark.parametrize(("people", "lines"), [(7, 2), (11, 3)])
def test_a_team_of_week_turns_is_told_what_its_spacing_costs(people, lines):
    asked = weeks(people, lines)
    assert len(build(asked).form.chains) == people
