"""The planner's own process: work that may take long, or all memory, and can always be ended.

Whoever waits is told of each better plan, may ask for an end and then gets the best so far, and
waits no longer than the time given and a grace. The process ends with the one that started it; if
it ends by itself, that is an error that says so, never a wait. The solver is imported in it alone.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from dispatch.clock import monotonic
from dispatch.rota.problem import Point, Seat

#: How long work may take to hand in what it has, once its time is over or it was told to stop.
GRACE = 5.0
#: How often whoever waits looks whether it should stop.
_LOOK = 0.1
#: Others on the machine come first: pages go out while a year is planned.
_NICENESS = 5

Tell = Callable[[Point, frozenset[Seat] | None], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How to search."""

    seconds: float
    workers: int = 2
    reproducible: bool = False


class PlannerEnded(RuntimeError):
    """The planner's process ended before it handed in anything."""


@dataclass
class Waiting:
    """What came of some work while it was waited for."""

    result: Any = None
    """What the work returned; None: it was ended first."""
    seats: frozenset[Seat] = frozenset()
    """The best so far."""
    curve: list[Point] = field(default_factory=list)


def run(
    work: str,
    arguments: tuple[Any, ...],
    *,
    seconds: float,
    progress: Callable[[Point], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Waiting:
    """Do work ("module:function") in a process of its own and wait for it.

    The function is called with the arguments, a solver that ends when it should, and a function to
    tell what it found.
    """
    waiting = Waiting()
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(
        target=_child, args=(theirs, os.getpid(), work), daemon=True
    )
    process.start()
    theirs.close()
    try:
        # Not given at the start: what is large would wait for ever on a process that died early.
        with contextlib.suppress(OSError):
            ours.send(arguments)
        _wait(waiting, ours, process, seconds, progress, stop)
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()
    return waiting


def _wait(
    waiting: Waiting,
    ours: "Connection[Any, Any]",
    process: BaseProcess,
    seconds: float,
    progress: Callable[[Point], None] | None,
    stop: Callable[[], bool] | None,
) -> None:
    ends = monotonic() + seconds + GRACE
    asked = False
    while (now := monotonic()) < ends:
        if stop is not None and not asked and stop():
            asked, ends = True, now + GRACE
            with contextlib.suppress(OSError):
                ours.send("stop")
        if not ours.poll(min(_LOOK, ends - now)):
            continue
        try:
            kind, *told = ours.recv()
        except (EOFError, OSError):
            process.join(GRACE)
            raise PlannerEnded(
                f"The planner's process ended early (exit status {process.exitcode}); "
                "if it was killed, the machine may lack memory."
            ) from None
        if kind == "result":
            waiting.result = told[0]
            return
        if kind == "fault":
            raise PlannerEnded(f"The planner's process failed: {told[0]}")
        point, seats = told
        waiting.curve.append(point)
        waiting.seats = waiting.seats if seats is None else seats
        if progress is not None:
            progress(point)


def _child(theirs: "Connection[Any, Any]", parent: int, work: str) -> None:
    """Do the work, in the process made for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    module, name = work.split(":")
    arguments = theirs.recv()
    solver = import_module("dispatch.rota.planner.cpsat").Solver()
    threading.Thread(target=_heed, args=(theirs, parent, solver), daemon=True).start()
    lock = threading.Lock()

    def send(*told: Any) -> None:
        with lock:
            theirs.send(told)

    def tell(point: Point, seats: frozenset[Seat] | None) -> None:
        send("point", point, seats)

    try:
        send("result", getattr(import_module(module), name)(*arguments, solver, tell))
    except Exception as fault:
        send("fault", f"{type(fault).__name__}: {fault}")
        raise


def _heed(theirs: "Connection[Any, Any]", parent: int, solver: Any) -> None:
    """End the search when told, and everything when whoever waits is gone."""
    for told in _told(theirs, parent):
        if told == "stop":
            solver.stop()
    os._exit(1)


def _told(theirs: "Connection[Any, Any]", parent: int) -> Iterator[Any]:
    while os.getppid() == parent:
        with contextlib.suppress(EOFError, OSError):
            if not theirs.poll(1.0):
                continue
            yield theirs.recv()
            continue
        return
