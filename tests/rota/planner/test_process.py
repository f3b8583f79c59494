"""The planner in a process of its own: stopped, out of time, killed, and left alone."""

import os
import signal
from multiprocessing import active_children

import pytest

from dispatch.clock import monotonic
from dispatch.rota import planner, rules
from dispatch.rota import problem as p
from dispatch.rota.planner import process
from tests.benchmarks.rig.staffing import instance
from tests.benchmarks.rig.years import year
from tests.rota.rules.cases import officer, problem, turn


def test_a_quarter_is_planned_and_the_way_there_is_told():
    quarter = year(14, months=3)
    points: list[p.Point] = []
    found = planner.plan(quarter, seconds=20, progress=points.append)
    checked = rules.check(quarter, found.seats)
    assert found.outcome is p.Outcome.OPTIMAL
    assert found.cost == found.bound == rules.cost(checked)
    assert rules.hard(checked) == ()
    assert list(found.curve) == points
    costs = [point.cost for point in points if point.cost is not None]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == found.cost


def test_whoever_stops_it_gets_the_best_so_far():
    told: list[p.Point] = []
    begun = monotonic()
    found = planner.plan(instance(6), seconds=60, progress=told.append, stop=lambda: bool(told))
    assert monotonic() - begun < 30
    assert found.outcome is p.Outcome.FEASIBLE
    assert found.cost == min(point.cost for point in told if point.cost is not None)
    assert not active_children()


def test_it_ends_in_time():
    begun = monotonic()
    found = planner.plan(instance(3), seconds=1)
    assert monotonic() - begun < 1 + process.GRACE
    assert found.outcome is p.Outcome.FEASIBLE
    assert found.cost is not None
    assert found.bound is None or found.bound <= found.cost
    assert rules.hard(rules.check(instance(3), found.seats)) == ()


def test_work_that_does_not_end_is_ended_with_the_best_so_far():
    begun = monotonic()
    waiting = process.run("tests.rota.planner.work:endless", (), seconds=0.5 - process.GRACE)
    assert monotonic() - begun < 20
    assert waiting.result is None
    assert not active_children()


def test_a_planner_that_is_killed_is_an_error_that_says_so():
    def kill(point: p.Point) -> None:
        for child in active_children():
            os.kill(child.pid, signal.SIGKILL)

    with pytest.raises(planner.PlannerEnded, match="exit status -9"):
        planner.plan(instance(3), seconds=60, progress=kill)


def test_a_planner_that_fails_says_what_failed():
    with pytest.raises(planner.PlannerEnded, match="ZeroDivisionError"):
        process.run("tests.rota.planner.work:faulty", (), seconds=20)


def test_the_same_problem_gives_the_same_plan_when_that_is_asked():
    quarter = year(10, months=1)
    one, other = (planner.plan(quarter, seconds=30, reproducible=True) for _ in range(2))
    assert one.reproducible
    assert one.seats == other.seats
    assert not planner.plan(quarter, seconds=30).reproducible


def test_without_a_solver_the_greedy_answers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(planner, "find_spec", lambda name: None)
    small = problem([turn(2, under=None), turn(3, under=None)], [officer(0)])
    found = planner.plan(small)
    assert (found.outcome, found.method) == (p.Outcome.FEASIBLE, "greedy")
    assert found.seats == {(0, 0), (1, 0)}


def test_nobody_needs_the_solver_to_ask_for_a_plan():
    """The planner's package is imported by every process, the solver only by its own."""
    import subprocess
    import sys

    told = "import sys, dispatch.rota.planner; print('ortools' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
