"""The watch over the centre: what is looked at when, by an engine and by each web process.

An engine looks at everything. A web process says that it lives, and takes over only while no engine
is heard of, because a dead engine tells nobody. Any number of them may look: what is found is kept
once, and what must happen once is leased. Nothing here is on the path of an alert.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial

import sqlalchemy as sa

from dispatch import clock, logs, upkeep
from dispatch.audit import ENGINE
from dispatch.channels import wire
from dispatch.channels.contract import RECEIPTED, Kind
from dispatch.clock import SystemClock
from dispatch.db import Session, Unavailable
from dispatch.outbox import queue, troubles
from dispatch.people.models import Organisation
from dispatch.rota import watch
from dispatch.vigil import (
    boards,
    cover,
    judging,
    promises,
    sheet,
    standing_in,
    unreached,
    wrongs,
)
from dispatch.vigil.blackout import Blackout
from dispatch.vigil.judging import Readings, Standing
from dispatch.vigil.models import Trouble, Wrong
from dispatch.vigil.outside import Watchdog
from dispatch.vigil.standing_in import StandIn
from dispatch.wiring import Parts

log = logs.logger(__name__)

LOOK_SECONDS = 2.0
_BEAT_SECONDS = 5.0
#: A heartbeat older than this is of an engine that is gone, and so is what it said of its clock.
_PRESENT_SECONDS = 60.0
_ASK_SECONDS = 3.0

Chore = tuple[Callable[[], object], float]


class Sentry:
    """Looks after the centre for one process."""

    def __init__(self, parts: Parts, holder: str = "") -> None:
        self.parts, self.store = parts, parts.store
        self.holder = holder or f"{socket.gethostname()}:{os.getpid()}"
        self.watchdog = Watchdog(parts, self.holder)
        self._stand_in, self._alone = StandIn(parts, self.holder), False
        self._blackout = Blackout(parts, Watchdog(parts, self.holder))
        self.skews: dict[str, float] = {}
        """By how much other clocks are ahead of ours."""
        self._began = clock.monotonic()

    def chores(self) -> tuple[Chore, ...]:
        """Return what an engine does beside paging, and how often in seconds."""
        return (
            (self.look, LOOK_SECONDS),
            (self.ring, LOOK_SECONDS),
            (self.watchdog.tell, LOOK_SECONDS),
            (self.watchdog.ping, LOOK_SECONDS),
            (self._blackout.look, LOOK_SECONDS),
            (self.look_ahead, 60),
            (self.send_sheets, 60),
            (self.compare_clocks, 60),
            (self.look_at_rotas, 3600),
        )

    def duties(self) -> tuple[Chore, ...]:
        """Return what a web process does beside its own work, and how often in seconds."""
        return (
            (self.beat, _BEAT_SECONDS),
            (self.take_over, LOOK_SECONDS),
            (self.tell_alone, LOOK_SECONDS),
            (self._blackout.look, LOOK_SECONDS),
        )

    def beat(self) -> None:
        """Say that a web process lives."""
        with self.store.write() as session:
            upkeep.beat(session, "web", self.holder, self.parts.clock.now())

    def take_over(self) -> None:
        """Look at everything, and ring, while no engine lives; carry calls that one cannot."""
        self._alone = self._is_alone()
        if self._alone:
            self.look()
            self._stand_in.act()
        elif self._is_stuck():
            self._stand_in.carry()

    def tell_alone(self) -> None:
        """Tell outside while no engine lives; apart, for a server that hangs holds up no call."""
        if self._alone:
            self.watchdog.tell()

    def awake(self) -> float:
        """Return for how many seconds this has been looking."""
        return clock.monotonic() - self._began

    def _is_alone(self) -> bool:
        with self.store.read() as session:
            self._stand_in.watch(session)
            beat = upkeep.age(session, "engine", self.parts.clock.now())
        return judging.is_silent(beat, self.awake())

    def _is_stuck(self) -> bool:
        """Tell whether an engine lives and what is due does not leave all the same."""
        seconds = self.parts.settings.watchdog.ring_after_seconds
        query = sa.select(Wrong.id).where(
            Wrong.ended_at.is_(None),
            Wrong.trouble == Trouble.OVERDUE,
            Wrong.found_at <= self.parts.clock.now() - timedelta(seconds=seconds),
        )
        with self.store.read() as session:
            return session.scalar(query.limit(1)) is not None

    # What is wrong now

    def look(self) -> None:
        """Find what is wrong, and keep what has changed."""
        now = self.parts.clock.now()
        with self.store.read() as session:
            read = self.readings(session)
            found, judged = judging.wrong(read, now), judging.judged(read)
            found += unreached.found(session, now)
            gone = any(one.trouble is Trouble.ENGINE for one in found)
            needs = (standing_in if gone else boards).needing(session, now)
            found += boards.unheard(session, needs, now)
            if not wrongs.is_news(session, found, judged):
                return
        with self.store.write() as session:
            if Trouble.ENGINE in wrongs.keep(session, found, judged, now):
                boards.take_back(session, now)

    def readings(self, session: Session) -> Readings:
        """Return what is known at this moment."""
        now = self.parts.clock.now()
        overdue = self.parts.settings.engine.receipt_overdue_seconds
        return Readings(
            awake_seconds=self.awake(),
            engine_seconds=upkeep.age(session, "engine", now),
            web_seconds=upkeep.age(session, "web", now),
            due_seconds=queue.oldest_due_seconds(session, now),
            suppliers=standings(session, self.parts),
            silent_since=troubles.silent_since(session, now, overdue),
            promises=promises.read(session),
            skews=skews(session, now),
            untold=self.watchdog.untold(session, now),
        )

    def ring(self) -> None:
        """Ring where the console would not be heard: one engine of several."""
        now = self.parts.clock.now()
        with self.store.read() as session:
            if not boards.is_news(session, now):
                return
        with self.store.write() as session:
            if upkeep.take_lease(session, "ring", self.holder, now, 3 * LOOK_SECONDS):
                boards.ring(session, boards.needing(session, now), ENGINE, now)

    # What will be wrong

    def look_ahead(self) -> None:
        """Alarm turns that will have nobody: one engine of several."""
        now = self.parts.clock.now()
        with self.store.write() as session:
            if not upkeep.take_lease(session, "cover", self.holder, now, 50):
                return
        with self.store.read() as session:
            # Read first: whoever writes an alert may not wait for this.
            ahead = [(team, cover.coming(session, team, now)) for team in cover.teams(session)]
            near = [
                one
                for team, found in ahead
                for one in cover.within_the_hour(session, team, found, now)
            ]
            is_news = wrongs.is_news(session, near, [Trouble.COVER])
        if is_news:
            with self.store.write() as session:
                wrongs.keep(session, near, [Trouble.COVER], now)
                wrongs.sweep(session, now)
        self._each(
            partial(cover.tell, team=team, found=found, now=now) for team, found in ahead if found
        )

    def send_sheets(self) -> None:
        """Send the duty sheets that are due or have changed: one engine of several."""
        now = self.parts.clock.now()
        with self.store.read() as session:
            if not sheet.organisations(session) or "mail" not in self.parts.channels:
                return
        with self.store.write() as session:
            if not upkeep.take_lease(session, "sheets", self.holder, now, 50):
                return
        with self.store.read() as session:
            found = sheet.organisations(session)
            ids = [one.id for one in found if sheet.is_news(session, one, now)]
        self._each(partial(_send_sheet, one, now) for one in ids)

    def look_at_rotas(self) -> None:
        """Tell whoever answers for a rota what will go wrong with it: one engine of several."""
        now = self.parts.clock.now()
        with self.store.write() as session:
            if not upkeep.take_lease(session, "rotas", self.holder, now, 1800):
                return
        with self.store.read() as session:
            teams = watch.teams_by_day(session, now)
            # Read first: whoever writes an alert may not wait for this.
            found = [(team, watch.findings(session, team, now)) for team in teams]
        self._each(
            partial(watch.tell, team=team, found=findings, now=now)
            for team, findings in found
            if findings
        )

    def _each(self, steps: Iterable[Callable[[Session], object]]) -> None:
        """Do each in a transaction of its own; one that cannot be done keeps no other waiting."""
        for step in steps:
            try:
                with self.store.write() as session:
                    step(session)
            except Exception:
                log.exception("telling_failed")

    # Clocks

    def compare_clocks(self) -> None:
        """Compare our clock with those of the database and of the suppliers of texts and calls."""
        if not isinstance(self.parts.clock, SystemClock):
            return
        skews = {} if self.store.is_sqlite else {"PostgreSQL": self._database_skew()}
        for name, address in _addresses(self.parts).items():
            skew = self._skew_of(address)
            if skew is not None:
                skews[name] = skew
        self.skews = skews

    def _database_skew(self) -> float:
        with self.store.read() as session:
            # The first question of a transaction may have to open a connection.
            session.execute(sa.text("SELECT 1"))
            before = self.parts.clock.now()
            theirs = session.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            after = self.parts.clock.now()
        skew: timedelta = theirs - (before + (after - before) / 2)
        return round(skew.total_seconds(), 3)

    def _skew_of(self, address: str) -> float | None:
        """Return by how much a server's clock is ahead, as it says by each answer, in full seconds.

        None when it does not say, or took so long that it says little.
        """
        http = wire.http(1, address)
        before, began = self.parts.clock.now(), clock.monotonic()
        try:
            answer = wire.within(
                _ASK_SECONDS + 1,
                lambda: http.head(address, timeout=_ASK_SECONDS, allow_redirects=False),
            )
            theirs = parsedate_to_datetime(answer.headers["Date"])
        except Exception:  # noqa: BLE001 - whatever it is, the centre has to live on
            return None
        took = clock.monotonic() - began
        if took > 1 or theirs.tzinfo is None:
            return None
        ours = before + timedelta(seconds=took / 2)
        return round((theirs - ours).total_seconds() + 0.5, 1)


def _send_sheet(organisation_id: int, now: datetime, session: Session) -> None:
    sheet.look(session, session.get_one(Organisation, organisation_id), now)


def stand(parts: Parts) -> None:
    """Let this web process look after the centre, in threads of its own, until it ends."""
    for chore, seconds in Sentry(parts).duties():
        name = f"sentry {chore.__name__}"
        threading.Thread(target=_again, args=(chore, seconds), name=name, daemon=True).start()


def _again(chore: Callable[[], object], seconds: float) -> None:
    pause = threading.Event()
    while True:
        try:
            chore()
        except Unavailable:
            log.warning("sentry_waits", chore=chore.__name__)
        except Exception:
            log.exception("sentry_failed", chore=chore.__name__)
        pause.wait(seconds)


def standings(session: Session, parts: Parts) -> list[Standing]:
    """Return how each supplier of texts and calls stands."""
    carrying = [one for one in parts.channels.values() if one.kinds & RECEIPTED]
    alarms = {one.name: one.alarms for one in carrying}
    refused = {one.supplier: one for one in troubles.refusals(session, alarms)}
    found = []
    for one in carrying:
        standing = Standing(one.name, Kind.SMS in one.kinds, calls=Kind.CALL in one.kinds)
        if (refusal := refused.get(one.name)) is not None:
            why = troubles.meaning(one.alarms, refusal.code)
            since = refusal.since
            standing = replace(standing, refused_since=since, code=refusal.code, meaning=why)
        found.append(standing)
    return found


def skews(session: Session, now: datetime) -> Mapping[str, float]:
    """Return by how much other clocks are ahead of living engines'; of two answers, the larger."""
    found: dict[str, float] = {}
    for beat in upkeep.living(session, "engine", now, _PRESENT_SECONDS):
        for name, seconds in beat.facts.get("skews", {}).items():
            if abs(seconds) >= abs(found.get(name, 0.0)):
                found[name] = seconds
    return found


def _addresses(parts: Parts) -> dict[str, str]:
    """Return where each supplier that is not this machine itself can be asked for the time."""
    chosen = {"twilio": parts.settings.twilio.api_base, "gateway": parts.settings.gateway.url}
    return {
        name: address
        for name, address in chosen.items()
        if name in parts.channels and address and not wire.is_local(address)
    }
