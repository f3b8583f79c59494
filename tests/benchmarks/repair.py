"""Somebody falls ill on a published year: turns lost, turns changed, and the seconds it took.

The least change is hoped for. The year is planned first. Seconds include the start of the planner's
own process.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dispatch.rota import planner
from dispatch.rota.problem import Away, Problem, Seat
from tests.benchmarks.figures import Table
from tests.benchmarks.rig.plans import measured
from tests.benchmarks.rig.years import ZONE, year

_SIZES = (24, 60, 150)
#: From which day on, for how many.
_ILL = ((30, 3), (100, 14), (200, 60))
_TARGET = 2.0


def run(share: float) -> Table:
    """Mend each year for each illness."""
    changes = ("turns lost", "turns changed", "outcome", "processor", "until")
    table = Table(("people", "ill from, for", *changes, "seconds", "target", "of target", ""))
    for people in _SIZES if share == 1 else _SIZES[:1]:
        problem = year(people)
        published = planner.plan(problem, seconds=60).seats
        for day, length in _ILL:
            _mend(table, problem, published, day, length)
    return table


def _mend(
    table: Table, problem: Problem, published: frozenset[Seat], day: int, length: int
) -> None:
    begin = problem.first + timedelta(days=day)
    now = datetime(begin.year, begin.month, begin.day, 6, tzinfo=ZoneInfo(ZONE))
    gone = Away(now, now + timedelta(days=length), "absence")
    who, lost = _busiest(problem, published, gone)
    ill = replace(
        problem,
        people=tuple(
            replace(one, away=(*one.away, gone)) if one.id == who else one for one in problem.people
        ),
    )
    work = measured(lambda: planner.repair(ill, published, now))
    mended = work.result
    row = (
        len(problem.people),
        f"day {day}, {length} days",
        lost,
        len(mended.changed),
        mended.proposal.outcome.value,
        f"{work.processor:.1f} s",
        mended.until,
        work.seconds,
    )
    if len(problem.people) == _SIZES[0]:
        table.judge(*row, target=_TARGET, form=lambda seconds: f"{seconds:.1f} s")
    else:
        table.add(*row[:-1], f"{work.seconds:.1f} s")


def _busiest(problem: Problem, published: frozenset[Seat], gone: Away) -> tuple[int, int]:
    """Return who loses most turns by an absence, and how many."""
    lost = dict.fromkeys((officer.id for officer in problem.people), 0)
    for need, who in published:
        asked = problem.needs[need]
        lost[who] += asked.starts_at < gone.ends_at and gone.starts_at < asked.starts_at
    who = max(lost, key=lambda one: lost[one])
    return who, lost[who]
