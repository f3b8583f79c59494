"""Why a period cannot be covered: three conflicts in quarters and years; seconds, and what is said.

All who hold the certificate but one are away for a week; all but three people are; a monthly cap is
below the demand. Seconds include the start of the planner's own process.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dispatch.rota import planner
from dispatch.rota.problem import Away, Limit, Problem
from tests.benchmarks.figures import Table
from tests.benchmarks.rig.plans import measured
from tests.benchmarks.rig.years import year

_SIZES = ((24, 3), (24, 12), (60, 3), (60, 12))
_TARGET = 10.0


def run(share: float) -> Table:
    """Explain each conflict."""
    said = ("possible", "families", "ways out", "proven", "processor")
    table = Table(("people, months", "conflict", *said, "seconds", "target", "of target", ""))
    for people, months in _SIZES if share == 1 else _SIZES[:1]:
        for name, problem in _conflicts(year(people, months)).items():
            work = measured(lambda problem=problem: planner.explain(problem))
            told = work.result
            table.judge(
                f"{people}, {months}",
                name,
                told.possible,
                " + ".join(told.families),
                ", ".join(f"{way.cost} ({len(way.gives_up)})" for way in told.ways),
                told.proven,
                f"{work.processor:.1f} s",
                work.seconds,
                target=_TARGET,
                form=lambda seconds: f"{seconds:.1f} s",
            )
    return table


def _conflicts(problem: Problem) -> dict[str, Problem]:
    certified = [one.id for one in problem.people if one.holds]
    everyone = [one.id for one in problem.people]
    capped = tuple(
        replace(rule, most=1) if isinstance(rule, Limit) else rule for rule in problem.rules
    )
    return {
        "all certified but one away": _week_away(problem, certified[1:]),
        "all but three away": _week_away(problem, everyone[3:]),
        "cap below demand": replace(problem, rules=capped),
        "none": problem,
    }


def _week_away(problem: Problem, people: list[int]) -> Problem:
    begin = problem.first + timedelta(days=40)
    starts = datetime(begin.year, begin.month, begin.day, tzinfo=UTC)
    gone = Away(starts, starts + timedelta(days=7), "absence")
    return replace(
        problem,
        people=tuple(
            replace(one, away=(*one.away, gone)) if one.id in people else one
            for one in problem.people
        ),
    )
