"""The engine: which work runs when, and in which transaction.

One process, never the web's. Three kinds of work that never wait for each other: advancing callouts
whose deadline has come, sending in a bounded pool for each supplier, and fixed chores
(APScheduler's only home). It wakes on a hint, at the next deadline, and twice a second without
either, so a lost hint or a crash costs half a second at the most. All wanted state is in rows: the
engine may be killed between any two statements and the next one finds what was left undone.

Several engines may run on one PostgreSQL: rows are claimed, chores are leased. The heartbeat stops
when one of the loops has stopped, not only when the process is gone. Pauses are measured by the
monotonic clock; what is due is judged by the machine's, and put right when that is set back.
"""

import contextlib
import gc
import math
import os
import queue as queues
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor as ChorePool
from apscheduler.schedulers.background import BackgroundScheduler

from dispatch import audit, clock, logs, searches, upkeep
from dispatch.carrying import Carrier
from dispatch.channels.contract import SEND_DEADLINE_SECONDS, Inbound
from dispatch.checks import monthly, rounds
from dispatch.checks.models import Check
from dispatch.db import Unavailable
from dispatch.intake import deliveries, receive
from dispatch.intake.models import Delivery
from dispatch.outbox import clocks as outbox_clocks
from dispatch.outbox import queue, receipts, suppliers
from dispatch.outbox.attempts import Result
from dispatch.outbox.queue import Claimed
from dispatch.paging import attending, callouts, clocks, plans, reached, replies, strain
from dispatch.people import accounts
from dispatch.vigil.sentry import Sentry
from dispatch.wiring import Parts

log = logs.logger(__name__)

#: Results are written down in batches: one commit for many, none waiting for long.
_BATCH = 32
#: What another transaction has is looked at again so soon.
_LEFT_SECONDS, _BUSY_SECONDS = 0.05, 0.02
#: A loop that has not come round for so long is stuck: the heartbeat must stop.
_STUCK_SECONDS = 8
_STOP_SECONDS = 12
#: However long nothing is due, and however long the settings allow.
_LONGEST_PAUSE_SECONDS = 1.0
_LOOK_SECONDS = 0.5


class Engine:
    """Advances, sends and does chores until it is stopped."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.store, self.settings = parts.store, parts.settings
        self.carrier = Carrier(parts)
        self.holder = f"{socket.gethostname()}:{os.getpid()}"
        self._stopping = threading.Event()
        self._results: queues.SimpleQueue[Result] = queues.SimpleQueue()
        self._seats = threading.Semaphore(self.settings.engine.senders)
        self._pool = ThreadPoolExecutor(self.settings.engine.senders, "send")
        self._ticks: dict[str, float] = {}
        self._rota: int | None = None
        self._drift = clock.Drift(parts.clock)
        self._behind: float | None = None
        self.sentry = Sentry(parts, self.holder)
        self._threads: list[threading.Thread] = []
        self._chores: BackgroundScheduler | None = None

    # Advancing

    def advance_due(self) -> datetime | None:
        """Advance every incident with a callout due; return when the next one is.

        One that another transaction has is left to it, and looked at again a moment later.
        """
        left: set[int] = set()
        unseen_left = False
        while not self._stopping.is_set():
            now = self.parts.clock.now()
            with self.store.read() as session:
                due = [key for key in callouts.due(session, now) if key not in left]
                unseen_at = deliveries.next_due(session)
            if unseen_at is not None and unseen_at <= now and not unseen_left:
                with self.store.write() as session:
                    unseen_left = not deliveries.page_unseen(session, now)
            elif not due:
                break
            for key in due:
                if not self._advance(key):
                    left.add(key)
                # Each time: a disaster's worth of callouts is no reason to take this for stuck.
                self._tick("advance")
        if left or unseen_left:
            return self.parts.clock.now() + timedelta(seconds=_LEFT_SECONDS)
        with self.store.read() as session:
            instants = deliveries.next_due(session), callouts.next_due(session)
        return min((at for at in instants if at is not None), default=None)

    def follow_rota(self) -> None:
        """Look at once who is on duty for whatever somebody is sought for, if the rota changed.

        A turn taken over this minute may begin long before the next step or repeat.
        """
        with self.store.read() as session:
            revision = upkeep.revisions_of(session, "rota")
            sought = callouts.sought(session) if revision != self._rota else []
        if not [key for key in sought if not self._advance(key, looking=True)]:
            self._rota = revision

    def _advance(self, incident_id: int, *, looking: bool = False) -> bool:
        """Advance one incident, or only look who is on duty; False when another one has it."""
        now = self.parts.clock.now()
        try:
            with self.store.write() as session:
                incident = callouts.take(session, incident_id)
                if incident is not None and looking:
                    callouts.look_again(session, incident, now)
                elif incident is not None:
                    callouts.advance(session, incident, now)
        except Exception:
            log.exception("advance_failed", incident=incident_id)
            with self.store.write() as session:
                callouts.put_off(session, incident_id, now)
            return True
        return incident is not None

    def look_at_going(self) -> None:
        """Ask after whoever goes without having seen the facts, or has worked for long."""
        now = self.parts.clock.now()
        with self.store.read() as session:
            owed = attending.owed(session, now)
        if owed:
            with self.store.write() as session:
                attending.look(session, owed, now)

    # Sending

    def claim(self, limit: int) -> list[Claimed]:
        """Lease messages that are due; those that expired unsent are acted on."""
        return self.carrier.claim(limit)

    def perform(self, claimed: Claimed, until: float = math.inf) -> Result:
        """Do what was claimed, unless it is after `until`, with no transaction open."""
        return self.carrier.perform(claimed, until)

    def settle(self, results: Sequence[Result]) -> None:
        """Write down what attempts and questions brought."""
        self.carrier.settle(results)

    # Chores

    def beat(self) -> None:
        """Say that the engine lives, and link what the audit has gained."""
        stuck = [
            name for name, at in self._ticks.items() if clock.monotonic() - at > _STUCK_SECONDS
        ]
        if stuck:
            log.error("loop_stuck", loops=",".join(stuck))
            return
        now = self.parts.clock.now()
        lately = self._drift.lately()
        with self.store.write() as session:
            facts = {"clock_set_seconds": lately, "skews": self.sentry.skews}
            upkeep.beat(session, "engine", self.holder, now, **facts)
        # Apart: an engine that is frozen while it links may not stop the hearts of the others.
        with self.store.write() as session:
            if upkeep.take_lease(session, "audit", self.holder, now, 5):
                audit.link(session, now)

    def ask_for_texts(self) -> int:
        """Ask the suppliers for texts that came in, while somebody may answer.

        A callback that found no web server is not repeated, and nobody here knows that it was lost.
        """
        now = self.parts.clock.now()
        overdue = self.settings.engine.receipt_overdue_seconds
        with self.store.read() as session:
            since = receipts.unheard_since(session, now, overdue)
            awaited_since = replies.awaited_since(session, now)
        instants = [at for at in (since, awaited_since) if at is not None]
        if not instants:
            return 0
        came_in: list[Inbound] = []
        for channel in self.parts.channels.values():
            # Not later than now: the clock may have been set back meanwhile.
            came_in += channel.inbound(min(*instants, now))
        with self.store.read() as session:
            new = receipts.unknown(session, came_in)
        for inbound in new:
            try:
                with self.store.write() as session:
                    replies.text_in(session, inbound, self.parts.clock.now())
            except Exception:
                # One that we cannot take in may not keep the others' answers out.
                log.exception("text_failed", inbound=inbound.supplier_id)
        return len(new)

    def ask_suppliers(self) -> None:
        """Ask suppliers that are not trusted, or gave no sign for long, whether they are well."""
        limits, now = self.settings.suppliers, self.parts.clock.now()
        with self.store.write() as session:
            names = suppliers.to_ask(session, self.parts.channels, limits, now)
        for name in names:
            well = self.parts.channels[name].warm()
            with self.store.write() as session:
                suppliers.note_answer(session, name, well, limits, self.parts.clock.now())

    def sweep(self) -> None:
        """Clear away what nobody needs any more: one engine of several, once an hour."""
        now, longest = self.parts.clock.now(), timedelta(days=self.settings.web.session_days)
        with self.store.write() as session:
            if upkeep.take_lease(session, "sweep", self.holder, now, 1800):
                upkeep.sweep(session, now)
                accounts.sweep(session, now, longest)
                receive.sweep(session, now)
                strain.tally(session, now)

    def check(self) -> None:
        """Ask whoever takes over whether they are reached, and go on with what is not answered."""
        rounds.go(self.store, self.holder, self.parts.clock.now(), reached.engaged)

    def test(self) -> None:
        """Try by day whether whoever was off duty for long is still reached."""
        monthly.go(self.store, self.holder, self.parts.clock.now())

    def plan(self) -> None:
        """Search for the plans that somebody asked for, one after another."""
        now, stopping = self.parts.clock, self._stopping.is_set
        while not stopping() and searches.next_one(self.store, now, stopping):
            continue

    # The clock

    def look_at_clock(self) -> None:
        """Notice that the machine's clock was set, and go on in time all the same."""
        seconds = self._drift.seconds()
        if self._behind is None:
            # Nothing else tells that it was set back while no engine ran.
            with self.store.read() as session:
                seconds = min(seconds, -upkeep.ahead(session, "engine", self.parts.clock.now()))
        self._behind = max(0.0, (self._behind or 0.0) - seconds)
        if seconds:
            log.error("clock_set", by_seconds=round(seconds, 1))
            for chore in self._chores.get_jobs() if self._chores is not None else ():
                # Else the next one would come when the clock is again where it was.
                chore.modify(next_run_time=self.parts.clock.now())
        if self._behind:
            self._set_back(timedelta(seconds=self._behind))
            self._behind = 0.0

    def _set_back(self, by: timedelta) -> None:
        now = self.parts.clock.now()
        with self.store.write() as session:
            # Of several engines whose clock was set, only one.
            if upkeep.take_lease(session, "clock", self.holder, now, 2 * _STUCK_SECONDS):
                log.error("waits_set_back", by_seconds=round(by.total_seconds(), 1))
                clocks.set_back(session, by, now)
                outbox_clocks.set_back(session, by, now)
                upkeep.set_back(session, Delivery.due_at, by, now)
                upkeep.set_back(session, Check.due_at, by, now)
                upkeep.forget_future(session, now)

    # Running

    def drain(self) -> None:
        """Do everything that is due now, in this thread, until nothing is: for tests."""
        while True:
            self.advance_due()
            claimed = self.claim(self.settings.engine.senders)
            if not claimed:
                return
            self.settle([self.perform(one) for one in claimed])

    def start(self) -> None:
        """Start the loops and the chores."""
        with contextlib.suppress(Unavailable):
            # Before the first heartbeat, which may take the place of the last; and that one before
            # anything is done: a clock set back while no engine runs shows by nothing else.
            self.look_at_clock()
            self.beat()
        for name, loop in (
            ("advance", self._advance_loop),
            ("claim", self._claim_loop),
            ("settle", self._settle_loop),
        ):
            self._ticks[name] = clock.monotonic()
            thread = threading.Thread(target=self._guard, args=(name, loop), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        chores = self._every()
        self._chores = BackgroundScheduler(
            # One for each chore: a supplier that hangs may not stop the heart.
            executors={"default": ChorePool(len(chores))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        for chore, seconds in chores:
            # At once as well: what came in while no engine ran has waited long enough.
            self._chores.add_job(
                self._safely(chore),
                "interval",
                seconds=seconds,
                next_run_time=self.parts.clock.now(),
            )
        self._chores.start()
        log.info("engine_started", holder=self.holder)

    def _every(self) -> tuple[tuple[Callable[[], object], float], ...]:
        return (
            (self.beat, 1),
            (self.follow_rota, 1),
            (self.ask_for_texts, 5),
            (self.ask_suppliers, 5),
            (self.look_at_going, 5),
            (self.sweep, 3600),
            (self.check, 5),
            (self.test, 1800),
            (self.plan, 2),
            *self.sentry.chores(),
        )

    def _safely(self, chore: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            try:
                chore()
            except Exception:
                log.exception("chore_failed", chore=chore.__name__)

        return run

    def _guard(self, name: str, loop: Callable[[], None]) -> None:
        """Keep a loop going whatever it meets: a database that is away, a fault of our own."""
        while not self._stopping.is_set():
            try:
                loop()
            except Exception:
                log.exception("loop_failed", loop=name)
                self._stopping.wait(0.5)

    def _tick(self, name: str) -> None:
        self._ticks[name] = clock.monotonic()

    def _advance_loop(self) -> None:
        listener = self.store.listen("callouts")
        try:
            while not self._stopping.is_set():
                self.look_at_clock()
                due_at = self.advance_due()
                # After it: a loop that only ever fails has stopped as well.
                self._tick("advance")
                listener.wait(self._pause(due_at))
        finally:
            listener.close()

    def _pause(self, due_at: datetime | None) -> float:
        sweep = min(self.settings.engine.sweep_seconds, _LONGEST_PAUSE_SECONDS)
        if due_at is None:
            return sweep
        return min(sweep, max(0.0, (due_at - self.parts.clock.now()).total_seconds()))

    def _claim_loop(self) -> None:
        listener = self.store.listen("outbox")
        hinted = False
        try:
            while not self._stopping.is_set():
                # A hint is believed. Else it looks before it takes the right to write, for an
                # idle engine must not hold up the web.
                pause = 0.0 if hinted else self._pause(self._next_message())
                if pause:
                    hinted = listener.wait(pause)
                elif self._claim_for_free_seats():
                    hinted = False
                else:
                    # Every sender is busy, or another engine has what is due.
                    self._stopping.wait(_BUSY_SECONDS)
                    hinted = False
                self._tick("claim")
        finally:
            listener.close()

    def _next_message(self) -> datetime | None:
        with self.store.read() as session:
            return queue.next_due(session)

    def _claim_for_free_seats(self) -> int:
        """Claim what the free senders can take, and let them; return how many that were."""
        taken, claimed = self._take_seats(), []
        until = clock.monotonic() + self.settings.engine.lease_seconds - SEND_DEADLINE_SECONDS
        try:
            if taken:
                claimed = self.claim(taken)
        finally:
            # Also when the database is away: a seat that is not given back is lost for good.
            for _ in range(taken - len(claimed)):
                self._seats.release()
        for one in claimed:
            self._pool.submit(self._work, one, until)
        return len(claimed)

    def _take_seats(self) -> int:
        taken = 0
        while taken < self.settings.engine.senders and self._seats.acquire(blocking=False):
            taken += 1
        return taken

    def _work(self, claimed: Claimed, until: float) -> None:
        try:
            self._results.put(self.perform(claimed, until))
        finally:
            self._seats.release()

    def _settle_loop(self) -> None:
        while not (self._stopping.is_set() and self._results.empty()):
            self._tick("settle")
            try:
                results = [self._results.get(timeout=0.5)]
            except queues.Empty:
                continue
            while len(results) < _BATCH and not self._results.empty():
                results.append(self._results.get())
            self._settle_surely(results)

    def _settle_surely(self, results: list[Result]) -> None:
        """Keep results until the database takes them; the leases keep others from sending."""
        while True:
            self._tick("settle")
            try:
                self.settle(results)
                return
            except Unavailable:
                log.warning("settle_waits", results=len(results))
                if self._stopping.wait(0.5):
                    return
            except Exception:
                log.exception("settle_failed", results=len(results))
                if len(results) > 1:
                    # One of them may be at fault: the others must not wait for it.
                    for result in results:
                        self._settle_surely([result])
                return

    def stop(self) -> None:
        """Stop gracefully: begin nothing new, let what is on the wire come back, write it down."""
        if self._stopping.is_set():
            return
        log.info("engine_stopping")
        self._stopping.set()
        self.store.hint("callouts", "outbox")
        if self._chores is not None:
            self._chores.shutdown(wait=False)
        self._pool.shutdown(wait=True)
        for thread in self._threads:
            thread.join(_STOP_SECONDS)
        log.info("engine_stopped")


def run(parts: Parts) -> None:
    """Run an engine until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    warm(parts)
    engine = Engine(parts)
    # What was made by now stays: searching it for what can go would hold a text up.
    gc.freeze()
    engine.start()
    # Again and again: a signal that came while we were frozen may wake another thread than this.
    while not stop.wait(_LOOK_SECONDS):
        continue
    engine.stop()


def warm(parts: Parts) -> None:
    """Do once, beside the start, what the first call-out must not pay for."""
    threading.Thread(target=plans.warm, name="warm", daemon=True).start()
    for channel in parts.channels.values():
        threading.Thread(target=channel.warm, name="warm", daemon=True).start()
