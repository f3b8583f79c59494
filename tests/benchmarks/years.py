"""On-call years of 7 to 150 people: the planner, its greedy, and the longest-idle rotation.

Spreads are of duty days, weekends and public holidays (of week turns: of turns, weekends, public
and school holidays): the luckiest against the unluckiest, each from their own target by share and
history. Nothing but the leave is known to the rotation. A year is to be proven optimal within the
seconds hoped for (24 people in 10, 60 in 20, others in 60), which is a matter of processors: where
"processor" is far below twice the seconds, others had the machine. Memory is that of the planner's
own process. `--quick` plans the year of 24 people alone.
"""

from collections.abc import Callable, Iterator

from dispatch.rota import planner, rules
from dispatch.rota.problem import Problem, Seat
from tests.benchmarks.figures import Table
from tests.benchmarks.rig.plans import breaches, measured, spread, wishes_met
from tests.benchmarks.rig.rotation import longest_idle
from tests.benchmarks.rig.weeks import weeks
from tests.benchmarks.rig.years import year

#: People, and the seconds in which the plan is to be proven the best; then with the lines of week
#: turns.
_SIZES = {10: 60, 24: 10, 25: 10, 60: 20, 150: 60}
_WEEKLY = {(7, 2): 60, (10, 3): 60, (11, 3): 60}
_REST = ("gap", "rest", "weekly rest", "weekends")


def run(share: float) -> Table:
    """Plan each year in each way."""
    table = Table(
        (
            *("people", "way", "cost", "bound", "spreads", "wishes on", "wishes off"),
            *("rest breaches", "no certificate", "open", "seconds", "processor", "proven within"),
            "memory",
        )
    )
    for which, problem, seconds in _years() if share == 1 else [_year(24)]:
        ways: dict[str, Callable[[], frozenset[Seat]]] = {
            "idle": lambda problem=problem: longest_idle(problem),
            "greedy": lambda problem=problem: planner.greedy(problem).seats,
        }
        for name, way in ways.items():
            work = measured(way)
            table.add(which, name, *_said(problem, work.result), *_took(work), "")
        # Longer than asked, to see by how much a target is missed.
        limit = max(60, 2 * seconds)
        work = measured(lambda p=problem, s=limit: planner.plan(p, seconds=s))
        plan = work.result
        proven = plan.outcome.value == "optimal"
        met = f"{seconds} s: {'met' if proven and work.seconds <= seconds else 'MISSED'}"
        table.add(
            *(which, plan.outcome.value, *_said(problem, plan.seats, plan.bound), *_took(work)),
            *(met, f"{work.megabytes} MB"),
        )
    return table


def _years() -> Iterator[tuple[str, Problem, int]]:
    yield from map(_year, _SIZES)
    for (people, lines), seconds in _WEEKLY.items():
        yield f"{people}, {lines} lines of weeks", weeks(people, lines), seconds


def _year(people: int) -> tuple[str, Problem, int]:
    return str(people), year(people), _SIZES[people]


def _said(problem: Problem, seats: frozenset[Seat], bound: int | None = None) -> tuple[object, ...]:
    found = breaches(problem, seats)
    spreads = " / ".join(f"{spread(problem, fair, seats):.1f}" for fair in problem.fairs)
    return (
        rules.cost(rules.check(problem, seats)),
        "" if bound is None else bound,
        spreads,
        wishes_met(problem, seats, wanted=True),
        wishes_met(problem, seats, wanted=False),
        sum(found.get(key, 0) for key in _REST),
        found.get("skill", 0),
        found.get("cover", 0),
    )


def _took(work) -> tuple[str, str]:
    return f"{work.seconds:.1f} s", f"{work.processor:.1f} s"
