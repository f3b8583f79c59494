"""Doing what the planner was asked for, in the engine or at a terminal.

The search itself runs in a process of its own; here it is begun, watched and ended, each in a short
transaction, so that a year can be planned while calls go out. Once a second what was found is
written down and somebody's wish to stop is heeded. Where turns lack people, it is looked into why.
What a run is, and what becomes of its plan, is for `rota.runs`.
"""

from collections.abc import Callable

from dispatch import clock, logs
from dispatch.audit import ENGINE, Actor
from dispatch.clock import Clock
from dispatch.db import Store
from dispatch.errors import DispatchError
from dispatch.rota import planner, runs
from dispatch.rota.planner import Explanation, PlannerEnded
from dispatch.rota.problem import Point, Problem, Proposal
from dispatch.rota.runs import Search

log = logs.logger(__name__)

_LOOK_SECONDS = 1.0


def next_one(store: Store, now: Clock, stopping: Callable[[], bool]) -> bool:
    """Search for one plan that waits, until it ends; False if none waits.

    `stopping`: whether this process wants to end; the run then waits for another.
    """
    with store.read() as session:
        if not runs.waits(session, now.now()):
            return False
    with store.write() as session:
        found = runs.begin(session, now.now())
    if found is not None:
        carry_out(store, now, found, ENGINE, stopping)
    return found is not None


def carry_out(
    store: Store,
    now: Clock,
    found: int,
    actor: Actor,
    stopping: Callable[[], bool],
    say: Callable[[Point], None] | None = None,
    explains: Callable[[], None] = lambda: None,
) -> None:
    """Search for what a run that has begun asks for, and keep what comes of it.

    `say` is told of every better plan and bound, `explains` when it is looked into why turns lack
    people.
    """
    try:
        with store.read() as session:
            search = runs.search(session, found, now.now())
        watching = _Watching(store, now, found, stopping, say)
        proposal = planner.plan(
            search.laid.problem,
            seconds=search.seconds,
            reproducible=search.reproducible,
            progress=watching.note,
            stop=watching.stop,
        )
        problem = None if stopping() else runs.to_explain(search, proposal)
        reasons = None
        if problem is not None:
            explains()
            reasons = _explained(store, now, search, proposal, problem, watching)
    except (DispatchError, PlannerEnded) as error:
        # Not its text: a sentence is read in the language of whoever looks.
        _fail(store, now, found, error.args[0], actor)
    except Exception:
        log.exception("plan_failed", run=found)
        # Otherwise the next engine would begin it again, and fail again, for ever.
        _fail(store, now, found, "A fault of this system: look in its log.", actor)
        raise
    else:
        with store.write() as session:
            if stopping():
                runs.give_back(session, found)
            else:
                runs.finish(session, search, proposal, actor, now.now(), explanation=reasons)


def _explained(
    store: Store,
    now: Clock,
    search: Search,
    proposal: Proposal,
    problem: Problem,
    watching: "_Watching",
) -> Explanation | None:
    """Look into why turns lack people; quickly where somebody asked to stop."""
    with store.write() as session:
        hurried = runs.explaining(session, search.run_id, proposal, now.now())
    seconds = runs.HURRIED_SECONDS if hurried else runs.EXPLAIN_SECONDS
    stop = watching.stopping if hurried else watching.stop
    try:
        return planner.explain(problem, seconds=seconds, stop=stop)
    except (DispatchError, PlannerEnded) as error:
        # What was found is worth more than why something was not.
        log.warning("explanation_failed", run=search.run_id, error=type(error).__name__)
        return None


def _fail(store: Store, now: Clock, run_id: int, fault: str, actor: Actor) -> None:
    with store.write() as session:
        runs.fail(session, run_id, fault, actor, now.now())


class _Watching:
    """What is written down of a search while it lasts."""

    def __init__(
        self,
        store: Store,
        now: Clock,
        run_id: int,
        stopping: Callable[[], bool],
        say: Callable[[Point], None] | None,
    ) -> None:
        self.store, self.now, self.run_id = store, now, run_id
        self.stopping, self.say = stopping, say
        self.curve: list[Point] = []
        self._looked, self._asked = clock.monotonic(), False

    def note(self, point: Point) -> None:
        """Keep a better plan's cost, or a better bound."""
        self.curve.append(point)
        if self.say is not None:
            self.say(point)

    def stop(self) -> bool:
        """Return whether to stop; once a second the row is asked and told."""
        if clock.monotonic() - self._looked >= _LOOK_SECONDS:
            self._looked = clock.monotonic()
            with self.store.write() as session:
                self._asked = runs.watch(session, self.run_id, self.curve, self.now.now())
        return self._asked or self.stopping()
