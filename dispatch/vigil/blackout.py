"""Telling somebody while the database does not answer: from memory, for nothing else is left.

Without it no alert is taken in, nobody is paged, and nothing can be claimed or put in an outbox.
Every process looks; one of each machine (whoever holds a lock file) tells the watchdog outside and
rings the control rooms that it remembers, within reason, and says when it is over. Two machines
that both lost the database ring twice: better than not at all. A database that answers but takes
nothing, because a frozen process holds the right to write, is as good as gone.
"""

import fcntl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import IO

import sqlalchemy as sa

from dispatch import clock, logs, seal, texts
from dispatch.channels.contract import Kind, Outgoing, State
from dispatch.db import Unavailable
from dispatch.people.models import Organisation
from dispatch.texts import N_
from dispatch.vigil import boards
from dispatch.vigil.models import Trouble, Wrong
from dispatch.vigil.outside import Watchdog
from dispatch.wiring import Parts

log = logs.logger(__name__)

_REMEMBER_SECONDS = 60.0
#: What a process writes takes less; one that is stuck in the middle of it writes no more.
_STUCK_SECONDS = 10.0
_HOUR_SECONDS = 3600.0
_VALID_SECONDS = 240

_CALL = N_(
    "CONSOLE. This is Dispatch. The database does not answer: no alert is taken in and nobody is "
    "paged. Ring whoever is on duty yourself, and have it started."
)


@dataclass
class _Dark:
    """One time without the database."""

    since: datetime
    began: float
    """By the monotonic clock."""
    told: Wrong | None = None
    """As the watchdog outside is told it; None: it may pass in a moment."""
    rung: list[float] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether it only has to be said yet that it is over."""
        return self.told is not None and self.told.ended_at is not None


class Blackout:
    """Watches the database for one process."""

    def __init__(self, parts: Parts, watchdog: Watchdog) -> None:
        self._parts, self._watchdog = parts, watchdog
        self._rooms: Mapping[str, str] = {}
        """The language of each control room, by its number."""
        self._remembered_at = -_REMEMBER_SECONDS
        self._dark: _Dark | None = None
        self._lock: IO[bytes] | None = None

    def look(self) -> None:
        """Look whether the database answers, and tell whoever must know that it does not."""
        if self._answers():
            self._end()
            return
        if self._dark is None or self._dark.is_over:
            self._dark = _Dark(self._parts.clock.now(), clock.monotonic())
        lasted = clock.monotonic() - self._dark.began
        if lasted >= self._parts.settings.watchdog.ring_after_seconds and self._is_mine():
            self._tell(self._dark)

    def _answers(self) -> bool:
        writer = self._parts.store.writer()
        if writer is not None and writer.seconds > _STUCK_SECONDS:
            return False
        try:
            with self._parts.store.read() as session:
                session.execute(sa.text("SELECT 1"))
                if clock.monotonic() - self._remembered_at >= _REMEMBER_SECONDS:
                    found = session.scalars(sa.select(Organisation))
                    self._rooms = {
                        one.control_room_phone: one.language
                        for one in found
                        if one.control_room_phone
                    }
                    self._remembered_at = clock.monotonic()
        except Unavailable:
            return False
        return True

    def _is_mine(self) -> bool:
        """Take the lock of this machine, or keep it; without a place for it, everybody tells."""
        if self._lock is not None:
            return True
        folder = self._parts.settings.data_dir
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = (folder / "blackout.lock").open("wb")
        except OSError:
            log.exception("lock_not_made")
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._lock = file
        return True

    def _tell(self, dark: _Dark) -> None:
        if dark.told is None:
            log.error("database_dark", for_seconds=round(clock.monotonic() - dark.began))
            dark.told = Wrong(
                uid=seal.new_token(),
                trouble=Trouble.DATABASE,
                about="",
                facts={},
                since=dark.since,
                told={},
            )
        if self._must_ring(dark):
            dark.rung.append(clock.monotonic())
            for number, language in self._rooms.items():
                self._ring(number, language)
        self._watchdog.tell_of(dark.told)

    def _must_ring(self, dark: _Dark) -> bool:
        alarms, now = (Trouble.DATABASE.value,), clock.monotonic()
        ago = timedelta(seconds=now - dark.rung[-1]) if dark.rung else None
        lately = sum(now - at < _HOUR_SECONDS for at in dark.rung)
        return boards.must_ring(alarms, alarms if dark.rung else (), ago, lately)

    def _ring(self, number: str, language: str) -> None:
        """Ring by the first supplier that takes the call, or may have."""
        call = Outgoing(
            uid=seal.new_token(),
            kind=Kind.CALL,
            to=number,
            text=texts.say(language, _CALL),
            language=language,
            validity_seconds=_VALID_SECONDS,
        )
        for channel in self._parts.channels.values():
            if Kind.CALL in channel.kinds:
                outcome = channel.send(call)
                log.error("rung_without_database", message=call.uid, state=outcome.state.value)
                if outcome.state in (State.SENT, State.UNKNOWN):
                    return

    def _end(self) -> None:
        """Say that it is over, until that has arrived."""
        told = self._dark.told if self._dark is not None else None
        if told is not None:
            told.ended_at = told.ended_at or self._parts.clock.now()
            if not self._watchdog.tell_of(told):
                return
        self._dark = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None
