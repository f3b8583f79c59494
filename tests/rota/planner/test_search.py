"""What the search finds is the best there is, and what it says of it is true."""

from dataclasses import replace

from hypothesis import assume, given, settings

from dispatch.rota import problem as p
from dispatch.rota import rules
from dispatch.rota.planner.faults import problem_faults
from dispatch.rota.planner.filling import greedy
from dispatch.rota.problem import Outcome
from tests.rota.planner.tiny import cheapest, cut, searched
from tests.rota.rules.test_properties import plans


def free(problem: p.Problem) -> p.Problem:
    """Return a problem without locked and published seats, which may stand against rules."""
    return replace(problem, stays={}, locked={})


@settings(max_examples=60)
@given(plans())
def test_every_plan_is_what_the_checker_says_it_is(plan):
    problem = free(plan[0])
    assume(not problem_faults(problem))
    found = searched(problem)
    checked = rules.check(problem, found.seats)
    if found.outcome is Outcome.IMPOSSIBLE:
        assert found.cost is None
        # What is offered all the same lacks only what lacks where nobody has anything.
        nothing = {breach.key for breach in rules.hard(rules.check(problem, frozenset()))}
        assert {breach.key for breach in rules.hard(checked)} <= nothing
    else:
        assert found.outcome is Outcome.OPTIMAL
        assert rules.hard(checked) == ()
        assert found.bound == found.cost == rules.cost(checked)


@settings(max_examples=40)
@given(plans())
def test_no_plan_of_a_tiny_problem_is_cheaper(plan):
    problem = cut(free(plan[0]), 2)
    assume(not problem_faults(problem))
    best = cheapest(problem)
    found = searched(problem)
    assert found.cost == best
    assert (found.outcome is Outcome.IMPOSSIBLE) == (best is None)


@settings(max_examples=60)
@given(plans())
def test_the_greedy_breaks_nothing_but_leaves_short_what_nobody_can_fill(plan):
    problem = free(plan[0])
    assume(not problem_faults(problem))
    found = greedy(problem)
    checked = rules.check(problem, found.seats)
    broken = {breach.key for breach in rules.hard(checked)}
    if found.outcome is Outcome.FEASIBLE:
        assert broken == set()
        assert found.cost == rules.cost(checked)
    else:
        assert found.outcome is Outcome.PARTIAL
        # What lacks in it lacks also where nobody has anything.
        nothing = {breach.key for breach in rules.hard(rules.check(problem, frozenset()))}
        assert broken <= nothing
