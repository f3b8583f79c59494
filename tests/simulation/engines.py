"""The life of an engine process: real `Engine` objects, whose loops the night turns by hand.

What an engine does is the product's; when it does it is decided here, as its loops would: it looks
when something is due or half a second later, holds what it has claimed, sends it, writes down what
came of it, batch by batch, and tries again what the database did not take. It may die between any
two of these with all that it held, be frozen while its leases run out, or write a result down
twice, as after a commit whose answer was lost.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from dispatch.channels.contract import SEND_DEADLINE_SECONDS
from dispatch.db import Unavailable
from dispatch.engine import Engine, Result
from dispatch.outbox.queue import Claimed
from tests.simulation.faults import Crash

if TYPE_CHECKING:
    from tests.simulation.night import Night

#: As the engine's own: results written down in one go, and a pause after a failure.
_BATCH = 32
_PAUSE = 0.5


@dataclass
class Life:
    """One engine process after the other on one machine."""

    night: "Night"
    name: str
    engine: Engine | None = None
    number: int = 0
    """Which process of its name it is; what an earlier one held is gone."""
    frozen_until: float = -1.0
    results: list[Result] = field(default_factory=list)
    looks: dict[str, tuple[float, float]] = field(default_factory=dict)
    """When its loops look next, and for what was due when."""
    _settling: bool = False

    # --- living and dying

    def start(self) -> None:
        """Let a new process begin."""
        if self.engine is None:
            self.number += 1
            self.engine = Engine(self.night.parts)
            self.engine.holder = f"{self.name}:{self.number}"
            self.results, self._settling = [], False
            self.night.say(f"engine {self.name} starts")
            self.look_at_clock()
            self.beat()
            self.hint()
            self.night.later(self.night.rng.uniform(0, 3), self._chores, self.number)

    def die(self) -> None:
        """Lose everything that is not in the database."""
        night = self.night
        if self.engine is None or night.ending:
            return
        night.say(f"engine {self.name} dies, {len(self.results)} results with it")
        night.count.faults["engine died"] += 1
        self.engine, self.number, self.looks = None, self.number + 1, {}
        self.frozen_until = -1.0
        night.later(night.rng.uniform(0.2, 2 if night.ending else 30), self.start)

    def freeze(self, seconds: float) -> None:
        """Do nothing for a while, and know nothing of it afterwards."""
        if self.engine is not None and not self.night.ending:
            self.night.count.faults["engine frozen"] += 1
            self.night.say(f"engine {self.name} is frozen for {seconds:.0f} s")
            self.frozen_until = max(self.frozen_until, self.night.now + seconds)
            for loop, (at, due) in self.looks.items():
                self.looks[loop] = max(at, self.frozen_until), due

    def thaw(self) -> None:
        """Go on at once."""
        self.frozen_until, self.looks = -1.0, {}
        self.hint()

    def _is(self, number: int) -> bool:
        return self.engine is not None and self.number == number

    def _later(self, delay: float, work: object, *details: object) -> None:
        """Do something later in this process, if it lives then, and not while it is frozen."""

        def do(number: int) -> None:
            if self._is(number):
                wait = self.frozen_until - self.night.now
                if wait > 0:
                    self.night.later(wait + 0.001, do, number)
                else:
                    work(*details)  # type: ignore[operator]

        self.night.later(delay, do, self.number)

    # --- loops

    def hint(self) -> None:
        """Look at once, or, as hints may be lost, half a second later."""
        if self.engine is None:
            return
        night = self.night
        for loop, due in night.due().items():
            if due is None:
                self.looks.pop(loop, None)
            elif loop not in self.looks or self.looks[loop][1] != due:
                late = 0.5 if night.chance(0.2) else 0.02
                at = max(due, night.now, self.frozen_until) + night.rng.uniform(0.001, late)
                self.looks[loop] = at, due

    def next_look(self) -> tuple[float, str] | None:
        """Return when which loop looks next."""
        return min(((at, loop) for loop, (at, _) in self.looks.items()), default=None)

    def look(self, loop: str) -> None:
        """Let a loop go round once."""
        del self.looks[loop]
        if self.engine is None:
            return
        if loop == "advance":
            self._step("advances what is due", self.engine.advance_due)
        else:
            self._claim()

    def _step(self, what: str, work: object) -> object:
        """Do a step that may fail; the loop goes on, the process may not. None: it failed."""
        try:
            return self.night.step(f"engine {self.name} {what}", work)  # type: ignore[arg-type]
        except Crash:
            self.die()
        except Exception as error:  # noqa: BLE001 - as the engine's loops
            self.night.unless_meant(error)
        return None

    def _claim(self) -> None:
        night, engine = self.night, self.engine
        assert engine is not None
        until = night.now + night.world.settings.engine.lease_seconds - SEND_DEADLINE_SECONDS
        limit = night.rng.choice((1, 4, 16))
        claimed = self._step("claims", lambda: engine.claim(limit))
        if claimed is None:
            return
        assert isinstance(claimed, list)
        ids = ", ".join(f"{one.id} to {one.task}" for one in claimed)
        night.say(f"  it holds message {ids or 'none'}")
        if night.chance(0.01 * night.violence):
            self.die()
        for one in claimed:
            slow = night.chance(0.02 * night.violence)
            delay = night.rng.uniform(2, 20) if slow else night.rng.uniform(0, 0.1)
            self._later(delay, self._perform, one, until)

    def _perform(self, claimed: Claimed, until: float) -> None:
        night, engine, number = self.night, self.engine, self.number
        assert engine is not None
        night.answer_seconds = night.rng.uniform(0.05, 0.3)
        # What the monotonic clock would say: it goes on while a process is frozen.
        in_time = math.inf if night.now <= until else -math.inf
        night.say(f"engine {self.name} performs {claimed.task} of message {claimed.id}")
        night.performing = (self, claimed)
        try:
            result = engine.perform(claimed, in_time)
        finally:
            night.performing = None
        told = result.outcome.state if result.outcome else result.receipt and result.receipt.state
        night.say(f"  it gets {told} {result.outcome.code if result.outcome else ''}".rstrip())
        if not self._is(number):
            return
        if night.chance(0.01 * night.violence):
            self.die()
            return
        self._later(night.answer_seconds, self._result, result)

    def _result(self, result: Result) -> None:
        self.results.append(result)
        if not self._settling:
            self._settling = True
            self._later(self.night.rng.uniform(0, 0.05), self._settle)

    def _settle(self) -> None:
        self._settling = False
        results, self.results = self.results[:_BATCH], self.results[_BATCH:]
        if results:
            self._settle_surely(results)

    def _settle_surely(self, results: list[Result]) -> None:
        """Keep results until the database takes them, as the engine's own loop does."""
        night, engine = self.night, self.engine
        assert engine is not None
        ids = ", ".join(str(result.claimed.id) for result in results)
        try:
            night.step(f"engine {self.name} settles message {ids}", lambda: engine.settle(results))
        except Crash:
            self.die()
            return
        except Unavailable as error:
            night.unless_meant(error)
            self._later(_PAUSE, self._settle_surely, results)
            return
        except Exception as error:  # noqa: BLE001 - as the engine's loop
            night.unless_meant(error)
            for result in results if len(results) > 1 else ():
                self._settle_surely([result])
            return
        if night.chance(0.02 * night.violence):
            night.count.faults["settled twice"] += 1
            self._later(night.rng.uniform(0.1, 25), self._settle_surely, results)

    # --- chores

    def _chores(self, number: int) -> None:
        """Beat, now and then; link the record, sweep."""
        night, engine = self.night, self.engine
        if not self._is(number) or engine is None:
            return
        if night.now >= self.frozen_until:
            self.beat()
            for what, chore, probability in (
                ("follows the rota", engine.follow_rota, 1.0),
                ("sweeps", engine.sweep, 0.05),
                ("goes round the hand-overs", engine.check, 0.5),
                ("asks after whoever goes", engine.look_at_going, 0.7),
            ):
                if self._is(number) and night.chance(probability):
                    self._step(what, chore)
        night.later(night.rng.uniform(50, 300), self._chores, number)

    def beat(self) -> None:
        """Say that it lives, and link the record."""
        self._do("beats", self._beat)

    def _beat(self, engine: Engine) -> None:
        # When a loop last went round is known by this machine's clock, on which a night may last
        # long where it is busy.
        engine._ticks.clear()
        engine.beat()

    def ask_for_texts(self) -> None:
        """Ask the suppliers what came in."""
        self._do("asks for texts", lambda engine: engine.ask_for_texts())

    def ask_suppliers(self) -> None:
        """Ask the suppliers that are not trusted whether they are well."""
        self._do("asks suppliers", lambda engine: engine.ask_suppliers())

    def follow_rota(self) -> None:
        """Look whether the rota has changed."""
        self._do("follows the rota", lambda engine: engine.follow_rota())

    def look_at_clock(self) -> None:
        """Notice that the clock was set, and put right what waits."""
        self._do("looks at the clock", lambda engine: engine.look_at_clock())
        if self.night.sabotage.struck is None and self.engine is not None:
            self.night.slack = timedelta()

    def _do(self, what: str, chore: Callable[[Engine], object]) -> None:
        engine = self.engine
        if engine is not None and self.night.now >= self.frozen_until:
            self._step(what, lambda: chore(engine))
