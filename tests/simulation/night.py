"""One night from a seed: time, what is done at each instant, and what was seen of it.

Everything that the product does not decide is drawn from one generator in a fixed order, so a seed
is a night, to the last receipt. Time is a queue of events; each is done at its instant, with the
centre's clock set to it. That clock may be set wrong; the night's own time, which phones and
supplier follow, only goes on. While an attempt is frozen on the wire, the rest of the night goes on
inside it, as it would in other processes.
"""

import heapq
import itertools
import logging
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from dispatch.channels.contract import Kind
from dispatch.db import Session, Unavailable
from dispatch.errors import DispatchError
from dispatch.outbox.queue import Claimed
from dispatch.wiring import Parts
from tests.simulation import plan
from tests.simulation.desk import ControlRoom, Dispatcher, Planner
from tests.simulation.engines import Life
from tests.simulation.faults import Crash, Endless, Failure, Place, Sabotage, Trouble
from tests.simulation.officers import Phone
from tests.simulation.post import Post
from tests.simulation.rules import Rules
from tests.simulation.supplier import Supplier
from tests.simulation.world import World

T = TypeVar("T")

_ZONE = ZoneInfo("Europe/Brussels")
_TOLD_AT_THE_END = 40
_MOST_STEPS = 4000
_LONGEST_END = 3 * 3600.0
_TROUBLES: Mapping[Trouble, int] = {Trouble.CRASH: 50, Trouble.AWAY: 25, Trouble.BUG: 25}
_PLACES: Mapping[Place, tuple[int, int]] = {
    Place.STATEMENT: (50, 40),
    Place.BEFORE: (30, 2),
    Place.AFTER: (20, 2),
}
#: What an engine says loudly and rightly when the clock was set.
_RIGHTLY_LOUD = frozenset({"clock_set", "waits_set_back"})


class Broken(Exception):
    """A rule was broken: which, in which night, and how it came to that."""

    def __init__(self, seed: int, breaches: Sequence[str], told: Sequence[str]) -> None:
        self.seed, self.breaches, self.told = seed, list(breaches), list(told)
        lines = "\n  ".join(self.told)
        super().__init__(f"night {seed}:\n  {lines}\nBROKEN: " + "\nBROKEN: ".join(self.breaches))


@dataclass
class Count:
    """What happened in one night, or in many."""

    nights: int = 0
    steps: int = 0
    alerts: int = 0
    """Answered 202."""
    lost: int = 0
    left: int = 0
    """How often a message left."""
    again: int = 0
    """How often one left that had left before."""
    counted: int = 0
    """How often the outbox says that one may have."""
    faults: Counter[str] = field(default_factory=Counter)
    did: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Count") -> None:
        """Add what happened in another night."""
        for name, value in vars(other).items():
            mine = getattr(self, name)
            setattr(self, name, mine + value)

    def sentences(self) -> list[str]:
        """Return what is worth reporting."""
        faults = ", ".join(f"{name} {times}" for name, times in sorted(self.faults.items()))
        return [
            f"{self.nights} nights, {self.steps} steps, {self.alerts} alerts, {self.lost} lost",
            f"{self.left} messages left, {self.again} of them again ({self.counted} counted)",
            f"{sum(self.faults.values())} faults: {faults}",
        ]


class Ears(logging.Handler):
    """Hears what the product calls an error: it has caught a fault, which may be its own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the event's word, and the fault."""
        error = record.exc_info[1] if record.exc_info else None
        if record.getMessage() not in _RIGHTLY_LOUD:
            self.heard.append(f"{record.getMessage()}: {error!r}" if error else record.getMessage())


class Night:
    """A night, to be run once."""

    def __init__(self, world: World, seed: int, tell: Callable[[str], None] | None = None) -> None:
        self.world, self.seed, self._tell = world, seed, tell
        self.rng = random.Random(f"night {seed}")
        self.count = Count(nights=1)
        self.now = 0.0
        self.begins = datetime(2026, 3, 14, 13, 2, tzinfo=UTC)
        self.wrong = timedelta()
        self.slack = timedelta()
        """By how much waits may be too long, until an engine has put them right."""
        self.clock_set_at = -1e9
        self.violence = 0.0
        self.answer_seconds = 0.1
        self.ending = self.thawed = self._inside = False
        self.thawed_at = -1.0
        self.performing: tuple[Life, Claimed] | None = None
        self.rows = world.rows
        self.owners: dict[str, list[int]] = {}
        self.phones: dict[str, Phone] = {}
        self.suppliers = [Supplier(self, "twilio", frozenset({Kind.SMS, Kind.CALL}))]
        if self.chance(0.3):
            second = Supplier(self, "gateway", frozenset({Kind.SMS}), knows_ids=True)
            self.suppliers.append(second)
        self.suppliers.append(Post(self, "mail", frozenset({Kind.MAIL})))
        self.suppliers.append(Post(self, "webpush", frozenset({Kind.PUSH})))
        channels = {supplier.name: supplier for supplier in self.suppliers}
        self.parts = Parts(world.settings, world.store, world.clock, channels)
        self.rules = Rules(self, world.rows)
        self.sabotage = Sabotage(world.store, world.rows, self.rules.committed)
        self.control_room = ControlRoom(self)
        self.dispatcher, self.planner = Dispatcher(self), Planner(self)
        self.lives = [Life(self, "first")]
        self.told: deque[str] = deque(maxlen=_TOLD_AT_THE_END)
        self._events: list[tuple[float, int, Callable[..., object], tuple[object, ...]]] = []
        self._order, self._calls = itertools.count(), itertools.count(1)
        self._ears = Ears()
        self._due: tuple[object, dict[str, float | None]] = (None, {})

    def run(self) -> Count:
        """Live through it. Raises Broken."""
        with self._heard(), self.sabotage.watching():
            until = plan.begin(self)
            for life in self.lives:
                life.start()
            self.later(5.0, self._poll)
            self._run_until(until)
            self._end()
        return self.count

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Hear the product's errors, and keep its logs from everybody else."""
        ours = logging.getLogger("dispatch")
        ours.addHandler(self._ears)
        ours.propagate = False
        try:
            yield
        finally:
            ours.removeHandler(self._ears)
            ours.propagate = True

    # --- time

    def later(self, delay: float, work: Callable[..., object], *details: object) -> None:
        """Do something so many seconds from now."""
        heapq.heappush(self._events, (self.now + delay, next(self._order), work, details))

    def supplier_now(self) -> datetime:
        """Return the right time."""
        return self.begins + timedelta(seconds=self.now)

    def set_clock(self, seconds: float) -> None:
        """Set the centre's clock forward, or back.

        An engine measures that by the machine's monotonic clock, which does not follow this
        night's time: it looks just before and just after, when both stand still. One that is frozen
        could look at neither.
        """
        if any(self.now < life.frozen_until for life in self.lives):
            self.later(1.0, self.set_clock, seconds)
            return
        self.count.faults["clock set " + ("forward" if seconds > 0 else "back")] += 1
        for life in self.lives:
            life.look_at_clock()
            life.beat()
        self.say(f"the clock is set by {seconds:.0f} s")
        self.wrong += timedelta(seconds=seconds)
        self.slack += timedelta(seconds=max(0.0, -seconds))
        self.clock_set_at = self.now
        self._move_to(self.now)
        for life in self.lives:
            life.look_at_clock()
        self._hint()

    def _move_to(self, at: float) -> None:
        self.now = max(self.now, at)
        self.world.clock.set(self.supplier_now() + self.wrong)

    def _run_until(self, until: float) -> None:
        """Do what happens until then, one thing after the other."""
        while not self.rules.breaches and self._next(until):
            if self.count.steps > _MOST_STEPS:
                self.rules.broken("the night does not come to rest")
        if self.rules.breaches and not self._inside:
            raise Broken(self.seed, self.rules.breaches, self.told)
        self._move_to(until)

    def _next(self, until: float) -> bool:
        """Do what comes next, if it comes before `until`."""
        at = self._events[0][0] if self._events else until + 1
        looks = [(*look, life) for life in self.lives if (look := life.next_look()) is not None]
        first = min(looks, key=lambda look: look[0], default=None)
        if first is not None and first[0] < at:
            if first[0] > until:
                return False
            self._move_to(first[0])
            first[2].look(first[1])
        else:
            if at > until:
                return False
            _, _, work, details = heapq.heappop(self._events)
            self._move_to(at)
            work(*details)
        return True

    def freeze_on_the_wire(self, seconds: float) -> None:
        """Let the engine that is sending stand still between deciding and doing it."""
        if self._inside or self.performing is None or self.ending:
            return
        performing, self._inside = self.performing, True
        performing[0].freeze(seconds)
        self._run_until(self.now + seconds)
        self.performing, self._inside, self.thawed = performing, False, True
        self.thawed_at = self.now
        self.answer_seconds = 0.1

    def due(self) -> dict[str, float | None]:
        """Return when, by the night's own time, each loop of an engine has something to do."""
        known = (self.rows.total_changes, self.wrong)
        if self._due[0] != known:
            callout, delivery, message = self.rows.execute(_DUE).fetchone()
            advance = min((at for at in (callout, delivery) if at), default=None)
            self._due = known, {"advance": self._when(advance), "claim": self._when(message)}
        return self._due[1]

    def _when(self, at: str | None) -> float | None:
        if at is None:
            return None
        instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
        return (instant - self.begins - self.wrong).total_seconds()

    # --- chance

    def chance(self, probability: float) -> bool:
        """Return whether something happens."""
        return probability > 0 and self.rng.random() < probability

    def one_of(self, table: Mapping[T, float], scale: float) -> T | None:
        """Return one of a table of weights, each as probable as its weight times `scale`."""
        lot = self.rng.random()
        for one, weight in table.items():
            lot -= weight * scale
            if lot < 0:
                return one
        return None

    def number_of_call(self) -> int:
        """Return a number that no other call to the centre has."""
        return next(self._calls)

    def wrong_code(self) -> str:
        """Return digits that are nobody's code: none begins with 1."""
        return f"1{self.rng.randrange(100):02}"

    def _failure(self, *, intake: bool) -> Failure | None:
        if self.ending or not self.chance(0.04 * self.violence):
            return None
        troubles = {**_TROUBLES, Trouble.OVERTAKEN: 30} if intake else _TROUBLES
        kind = self.rng.choices(list(troubles), list(troubles.values()))[0]
        if kind is Trouble.OVERTAKEN:
            return Failure(kind, Place.STATEMENT, self.rng.randint(8, 25))
        weights = [weight for weight, _ in _PLACES.values()]
        place = self.rng.choices(list(_PLACES), weights)[0]
        if kind is Trouble.BUG:
            place = Place.STATEMENT
        return Failure(kind, place, self.rng.randint(1, _PLACES[place][1]))

    # --- steps

    def say(self, text: str) -> None:
        """Write down what happens."""
        local = self.world.clock.now().astimezone(_ZONE)
        line = f"{self.now:8.2f} {local:%H:%M:%S} {text}"
        self.told.append(line)
        if self._tell is not None:
            self._tell(line)

    def step(self, what: str, work: Callable[[], T], *, intake: bool = False) -> T:
        """Do one step of a process, which may fail as armed."""
        self.say(what)
        self.count.steps += 1
        self._ears.heard.clear()
        try:
            with self.sabotage.step(self._failure(intake=intake)):
                return work()
        except Endless:
            self.rules.broken(f"{what}: without an end")
            raise Crash from None
        finally:
            self._look_back()

    def _look_back(self) -> None:
        struck = self.sabotage.struck
        if struck is not None:
            self.say(f"  {struck}")
            self.count.faults[f"{struck.kind} {struck.place}"] += 1
        else:
            for event in self._ears.heard:
                self.rules.broken(f"the product caught a fault of its own: {event}")
        self._hint()

    def _hint(self) -> None:
        for life in self.lives:
            life.hint()

    def unless_meant(self, error: Exception) -> None:
        """Hold that an exception comes from what was armed."""
        if self.sabotage.struck is None:
            self.rules.broken(f"the product raised {error!r}")

    def web(
        self, what: str, work: Callable[[Session, datetime], object], *, intake: bool = False
    ) -> object:
        """Do one request of the web; None when nobody gets an answer, or a refusal."""

        def transaction() -> object:
            with self.world.store.write() as session:
                return work(session, self.world.clock.now())

        try:
            return self.step(f"web {what}", transaction, intake=intake)
        except Crash:
            self.say("  the web process dies")
        except Unavailable as error:
            self.unless_meant(error)
        except DispatchError as refusal:
            self.say(f"  refused: {refusal}")
            return refusal
        except Exception as error:  # noqa: BLE001 - answered 500
            self.unless_meant(error)
        return None

    def _poll(self) -> None:
        """Every five seconds engines ask the suppliers; mostly that is left out if it is vain."""
        kept, distrusted = self.rows.execute(_TO_ASK).fetchone()
        sent = sum(len(supplier.texts) for supplier in self.suppliers)
        for life in self.lives:
            if kept < sent or self.chance(0.01):
                life.ask_for_texts()
            if distrusted or self.chance(0.01):
                life.ask_suppliers()
        self.later(5.0, self._poll)

    def is_called(self, number: str) -> bool:
        """Return whether somebody of this number is being called."""
        query = "SELECT person_id FROM page WHERE ended_at IS NULL"
        called = {row[0] for row in self.rows.execute(query)}
        return bool(called.intersection(self.owners.get(number, ())))

    # --- the end

    def _end(self) -> None:
        """Let all be well and time go on until nothing is left to do; then look at everything."""
        self.say("from here on all is well")
        self.ending, self.violence = True, 0.0
        for supplier in self.suppliers:
            supplier.trouble, supplier.state = 0.0, "up"
        for phone in self.phones.values():
            phone.off_until = min(phone.off_until, self.now)
        for life in self.lives:
            life.thaw()
            life.start()
        latest = self.now + _LONGEST_END
        rested = 0
        # Twice, for the lease of a process that died may still stand.
        while rested < 2:
            if self.now > latest:
                self.rules.broken("the night does not come to rest")
            self._run_until(self.now + 10)
            rested = 0 if self._restless() else rested + 1
            for life in self.lives if rested else ():
                life.beat()
        self.rules.at_the_end()
        if self.rules.breaches:
            raise Broken(self.seed, self.rules.breaches, self.told)

    def _restless(self) -> bool:
        counts: Any = self.rows.execute(_RESTLESS).fetchone()
        return any(counts) or any(life.engine is None or life.results for life in self.lives)


_TO_ASK = """SELECT (SELECT count(*) FROM inbound_text),
    (SELECT count(*) FROM supplier WHERE state <> 'closed' OR code = 'unwell')"""
_DUE = """SELECT (SELECT min(due_at) FROM callout), (SELECT min(due_at) FROM delivery),
    (SELECT min(due_at) FROM message)"""
#: How much there is that must come to an end by itself.
_RESTLESS = """SELECT
    (SELECT count(*) FROM message WHERE status IN ('pending', 'sending', 'unknown')),
    (SELECT count(*) FROM delivery WHERE due_at IS NOT NULL),
    (SELECT count(*) FROM callout c JOIN want w ON w.id = c.want_id
        JOIN incident i ON i.id = c.incident_id
        WHERE i.status = 'open' AND w.ended_at IS NULL AND c.filled_at IS NULL
        AND c.exhausted_at IS NULL)"""
