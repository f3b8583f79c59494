"""Nights with a watch: every engine stands still for minutes, no board is open, nobody checks in.

The watch of engines and web processes is the product's; here it gets its turns, and time. In some
of these nights a board is open that sounds. What must hold of being told is held at each look, from
outside: which engines live is known to the night alone.
"""

import math
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from dispatch.carrying import Carrier
from dispatch.checks.models import CheckTerms
from dispatch.db import Unavailable
from dispatch.outbox.attempts import Result
from dispatch.outbox.queue import Claimed
from dispatch.people.models import Organisation, Team
from dispatch.vigil import boards, standing_in
from dispatch.vigil.sentry import Sentry
from tests.simulation.faults import Crash
from tests.simulation.night import Count, Ears, Night
from tests.simulation.world import World

_LOOK, _REPORT = 10.0, 40.0
#: How long such a night is at least: a check-in that nobody answers is on the board by then.
_SECONDS = 700.0
#: Silence that is believed, a lease, and the pause after a call a moment before.
_RUNG_WITHIN = 30.0 + 20.0 + 75.0
_LONG_AWAKE = 3600.0
#: What is said loudly and rightly by whoever rings.
_RIGHTLY_LOUD = frozenset({"rung_without_engine", "nobody_hears"})


class WatchEars(Ears):
    """Hears what is no fault where the watch has something to tell."""

    def emit(self, record: Any) -> None:
        """Keep what is not said rightly."""
        if record.getMessage() not in _RIGHTLY_LOUD:
            super().emit(record)


class WebCarrier(Carrier):
    """Carries for a web process; the night sees what leaves."""

    def __init__(self, night: Night, web: "Web") -> None:
        super().__init__(night.parts)
        self._night, self._web = night, web

    def perform(self, claimed: Claimed, until: float = math.inf) -> Result:
        """Do what was claimed, by the night's time."""
        night = self._night
        in_time = math.inf if night.now <= until else -math.inf
        # It goes on within a step of its own: nothing freezes it in the middle.
        held, night._inside = night._inside, True
        night.performing, night.answer_seconds = (self._web, claimed), 0.1  # type: ignore[assignment]
        try:
            return super().perform(claimed, in_time)
        finally:
            night.performing, night._inside = None, held


class Web:
    """A web process, of which only the watch lives here."""

    def __init__(self, night: "WatchedNight", name: str) -> None:
        self.night, self.name = night, name
        self.number = 0
        self.start()

    def start(self) -> None:
        """Let a new process begin; it knows nothing of the one before."""
        self.number += 1
        self.began = self.night.now
        self.sentry = Sentry(self.night.parts, f"{self.name}:{self.number}")
        self.sentry.awake = lambda: _LONG_AWAKE  # type: ignore[method-assign]
        self.sentry._stand_in._carrier = WebCarrier(self.night, self)

    def look(self) -> None:
        """Beat, and look after the centre."""
        for what, duty in (("beats", self.sentry.beat), ("looks", self.sentry.take_over)):
            if not self.night.does(f"web {self.name} {what}", duty):
                self.start()
                return


class WatchedNight(Night):
    """A night whose engines may all stand still for long."""

    def __init__(self, world: World, seed: int, tell: Callable[[str], None] | None = None) -> None:
        super().__init__(world, seed, tell)
        self._ears = WatchEars()
        for supplier in self.suppliers:
            supplier.alarms = {}  # type: ignore[attr-defined]
        # Of its own, so that whatever else happens in this night is as it would have been.
        self.lot = random.Random(f"watch {seed}")
        self.has_board = self.lot.random() < 0.25
        self.frost_at, self.frost = self.lot.uniform(20, 300), self.lot.uniform(130, 240)
        self.webs: list[Web] = []
        self._dead_since: float | None = None
        self._newest = 0
        self.later(0.4, self._begin)

    def run(self) -> Count:
        """Live through it, by the night's own time. Raises Broken."""
        with pytest.MonkeyPatch.context() as patch:
            shown = SimpleNamespace(monotonic=lambda: self.now)
            patch.setattr(standing_in, "clock", shown)
            return super().run()

    def does(self, what: str, work: Callable[[], object]) -> bool:
        """Do a step of a process; False when that died."""
        try:
            self.step(what, work)
        except Crash:
            return False
        except Unavailable as error:
            self.unless_meant(error)
        except Exception as error:  # noqa: BLE001 - as the processes' own loops
            self.unless_meant(error)
        return True

    def _begin(self) -> None:
        with self.world.store.write() as session:
            for team_id in session.scalars(sa.select(Team.id)):
                session.add(CheckTerms(team_id=team_id, wait_minutes=1))
        self.webs = [Web(self, name) for name in ("web-1", "web-2")[: self.lot.randint(1, 2)]]
        self.later(self.frost_at, self._freeze_all)
        if self.has_board:
            self._board()
        self._watch()

    def _freeze_all(self) -> None:
        self.count.faults["every engine frozen"] += 1
        for life in self.lives:
            life.start()
            life.freeze(self.frost)

    def _board(self) -> None:
        """Let somebody have a board open that sounds, all night."""
        with self.world.store.write() as session:
            ids = list(session.scalars(sa.select(Organisation.id)))
            boards.report(session, "tab", ids, True, self.world.clock.now())
        self.later(_REPORT, self._board)

    def _watch(self) -> None:
        """Give everybody who watches a turn, and hold what must be told."""
        for life in self.lives:
            engine = life.engine
            if engine is None or self.now < life.frozen_until:
                continue
            engine.sentry.awake = lambda: _LONG_AWAKE  # type: ignore[method-assign]
            # Of its loops, which the night turns by hand, and not at the machine's pace.
            engine._ticks.clear()
            for what, chore in (
                ("beats", engine.beat),
                ("goes round the hand-overs", engine.check),
                ("looks after the centre", engine.sentry.look),
                ("rings", engine.sentry.ring),
            ):
                if life.engine is engine and not self.does(f"engine {life.name} {what}", chore):
                    life.die()
            if life.engine is engine and self.sabotage.struck is None:
                self.hold_shown()
        for web in self.webs:
            web.look()
        self._hold_rung()
        if not self.ending:
            self.later(_LOOK, self._watch)

    def hold_shown(self) -> None:
        """Hold that the board shows whom nobody reached."""
        now = self.world.clock.now().strftime("%Y-%m-%d %H:%M:%S.%f")
        for (check_id,) in self.rows.execute(_UNSHOWN, (now,)):
            self.rules.broken(f"not reached, and the board does not say so: check {check_id}")

    def _hold_rung(self) -> None:
        """Hold that a control room was rung where it had to be, and nowhere else."""
        calls, newest, last = self.rows.execute(_CALLS).fetchone()
        if any(life.engine and self.now >= life.frozen_until for life in self.lives):
            self._dead_since, self._newest = None, newest
        elif self._dead_since is None:
            self._dead_since = self.now
        since = self._dead_since
        well = since is None or (
            self.clock_set_at < since - 120 and all(web.began <= since for web in self.webs)
        )
        if self.has_board:
            if calls and self.clock_set_at < 0:
                self.rules.broken("a board sounds, and the control room is rung all the same")
        elif (
            since is not None and well and self.now - since > _RUNG_WITHIN and last <= self._newest
        ):
            self.rules.broken("no engine lives, and nobody rings the control room")
        if calls > 3 + self.now / 60 and self.clock_set_at < 0:
            self.rules.broken(f"the control room is rung {calls} times")

    def _end(self) -> None:
        self._run_until(max(self.now, _SECONDS))
        super()._end()
        for life in self.lives:
            if life.engine is not None:
                life.beat()
                self.does("the last look", life.engine.sentry.look)
        if self.rows.execute(_STILL_GONE).fetchone()[0]:
            self.rules.broken("an engine lives, and the board says that none does")


_CALLS = """SELECT (SELECT count(*) FROM message WHERE about LIKE 'console:%'),
    (SELECT coalesce(max(id), 0) FROM message),
    (SELECT coalesce(max(id), 0) FROM message WHERE about LIKE 'console:%')"""
_UNSHOWN = """SELECT id FROM reach_check c WHERE stage = 'board' AND ended_at IS NULL
    AND kind = 'check_in' AND ends_at > ? AND NOT EXISTS (SELECT 1 FROM wrong w
        WHERE w.trouble = 'check_in' AND w.ended_at IS NULL AND w.about LIKE '%:' || c.uid)"""
_STILL_GONE = "SELECT count(*) FROM wrong WHERE trouble = 'engine' AND ended_at IS NULL"
