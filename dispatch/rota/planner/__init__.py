"""Plans rotas: a `Problem` in, a `Proposal` out.

`plan` searches in a process of its own for the best plan, and proves it where it can; `greedy`
gives a good one at once. The formulation follows from the problem's shape alone: `blocks` finds
what is one choice, `model` turns it into literals and terms (`terms`; `chains` where turns must
come close), `cpsat` hands these to the solver. `search` has the whole proven while `improving`
plans parts of it (`parts`) anew. Shares no code with `rota.rules`, which judges what comes out.
"""

from collections.abc import Callable
from datetime import date, datetime
from importlib.util import find_spec

from dispatch.clock import monotonic
from dispatch.rota.planner import process
from dispatch.rota.planner.choices import Choice, candidates, why
from dispatch.rota.planner.counting import counted
from dispatch.rota.planner.explanation import Explanation, Reason, Shortage, WayOut
from dispatch.rota.planner.faults import problem_faults, refuse, refuse_unknown
from dispatch.rota.planner.filling import filled_proposal, greedy
from dispatch.rota.planner.mending import Mending, Repair
from dispatch.rota.planner.process import Options, PlannerEnded
from dispatch.rota.problem import Outcome, Point, Problem, Proposal, Seat

__all__ = [
    "Choice",
    "Explanation",
    "PlannerEnded",
    "Reason",
    "Repair",
    "Shortage",
    "WayOut",
    "candidates",
    "explain",
    "greedy",
    "plan",
    "problem_faults",
    "repair",
    "why",
]


def plan(
    problem: Problem,
    *,
    seconds: float = 60.0,
    workers: int = 2,
    reproducible: bool = False,
    progress: Callable[[Point], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Proposal:
    """Return the best plan found within a time, or until `stop` says so.

    `progress` is told of every better plan and bound. Where no solver is installed, the greedy
    answers. A problem that cannot be planned is Invalid; a solver that dies is PlannerEnded.
    """
    refuse(problem)
    if find_spec("ortools") is None:
        return greedy(problem)
    begun = monotonic()
    waiting = process.run(
        "dispatch.rota.planner.search:run",
        (problem, Options(seconds, workers, reproducible)),
        seconds=seconds,
        progress=progress,
        stop=stop,
    )
    if isinstance(waiting.result, Proposal):
        return waiting.result
    return _so_far(waiting, monotonic() - begun)


def repair(
    problem: Problem,
    published: frozenset[Seat],
    now: datetime,
    *,
    until: date | None = None,
    seconds: float = 20.0,
    workers: int = 2,
    progress: Callable[[Point], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Repair:
    """Return a published rota with the least change that makes up for who is away now.

    `problem` has the absence among its people's and the whole published period; what has begun by
    `now` stays. `until`: nothing on a later day moves; by default well beyond the last turn lost.
    """
    refuse(problem)
    refuse_unknown(problem, published)
    mending = Mending(problem, published, now, until)
    if find_spec("ortools") is not None:
        waiting = process.run(
            "dispatch.rota.planner.search:mend",
            (mending, Options(seconds, workers)),
            seconds=seconds,
            progress=progress,
            stop=stop,
        )
        if isinstance(waiting.result, Repair):
            return waiting.result
    mendable, end = mending.mendable()
    return mending.mended(filled_proposal(mendable), end)


def explain(
    problem: Problem, *, seconds: float = 10.0, stop: Callable[[], bool] | None = None
) -> Explanation:
    """Return why a period cannot be covered, and the ways out, or that it can.

    Without a solver, only what counting shows. A problem that makes no sense is Invalid.
    """
    refuse(problem)
    if find_spec("ortools") is not None:
        work = "dispatch.rota.planner.explaining:work"
        waiting = process.run(work, (problem, seconds), seconds=seconds, stop=stop)
        if isinstance(waiting.result, Explanation):
            return waiting.result
    return counted(problem)


def _so_far(waiting: process.Waiting, seconds: float) -> Proposal:
    """Return the best that was told of before the process had to be ended."""
    cost = min((point.cost for point in waiting.curve if point.cost is not None), default=None)
    bound = max((point.bound for point in waiting.curve if point.bound is not None), default=None)
    outcome = Outcome.UNKNOWN if not waiting.seats else Outcome.PARTIAL
    return Proposal(
        outcome if cost is None else Outcome.FEASIBLE,
        waiting.seats,
        cost,
        bound,
        seconds,
        curve=tuple(waiting.curve),
    )
