"""What goes wrong inside: a process dies, the database goes away, the program has a fault.

One failure is armed for one step and strikes once: at a statement of it, just before a commit, or
just after one, when all is written and nobody was told. It strikes at the database's own edge, by
SQLAlchemy's events; nothing of the product is replaced. A process that dies is an exception that no
program catches, so that its transaction is rolled back as if it had never been.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa

from dispatch.db import Session, Store

#: No step of the product needs so many statements: it goes round in circles.
_ENDLESS = 6000


class Crash(BaseException):
    """The process is no more."""


class Endless(BaseException):
    """A step does not end."""


class Trouble(StrEnum):
    """What happens."""

    CRASH = "crash"
    AWAY = "database away"
    BUG = "own fault"
    OVERTAKEN = "overtaken"
    """Another transaction was faster with a unique value."""


class Place(StrEnum):
    """Where it happens."""

    STATEMENT = "statement"
    BEFORE = "before commit"
    AFTER = "after commit"


class Failure(NamedTuple):
    """What happens at which passage of a place."""

    kind: Trouble
    place: Place
    passage: int

    def __str__(self) -> str:
        return f"{self.kind} at {self.place} {self.passage}"

    def happen(self) -> None:
        """Raise what it is."""
        match self.kind:
            case Trouble.CRASH:
                raise Crash
            case Trouble.BUG:
                raise RuntimeError(str(self))
            case Trouble.AWAY:
                raise sa.exc.OperationalError(str(self), None, Exception("simulated"))
            case Trouble.OVERTAKEN:
                raise sa.exc.IntegrityError(str(self), None, Exception("simulated"))


class Sabotage:
    """Lets the database fail under one step, and calls `committed` after each commit."""

    def __init__(
        self, store: Store, rows: sqlite3.Connection, committed: Callable[[], None]
    ) -> None:
        self._store, self._rows, self._committed = store, rows, committed
        self._armed: Failure | None = None
        self._passed = dict.fromkeys(Place, 0)
        self.struck: Failure | None = None
        """What has struck in the last step."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the store for the time of a night."""
        # Not at the cursor: there SQLAlchemy gives up a connection whose process was interrupted,
        # and with it a database in memory.
        listeners: tuple[tuple[Any, str, Callable[..., None]], ...] = (
            (self._store.engine, "before_execute", self._at_statement),
            (self._store.engine, "commit", self._before_commit),
            (Session, "after_commit", self._after_commit),
        )
        for target, name, listener in listeners:
            sa.event.listen(target, name, listener)
        try:
            yield
        finally:
            for target, name, listener in listeners:
                sa.event.remove(target, name, listener)

    @contextmanager
    def step(self, armed: Failure | None) -> Iterator[None]:
        """Arm a failure for what happens inside."""
        self._armed, self.struck = armed, None
        self._passed = dict.fromkeys(Place, 0)
        try:
            yield
        finally:
            self._armed = None

    def _at_statement(self, *_details: object) -> None:
        self._pass(Place.STATEMENT)
        if self._passed[Place.STATEMENT] > _ENDLESS:
            raise Endless

    def _before_commit(self, _connection: sa.Connection) -> None:
        self._pass(Place.BEFORE)

    def _after_commit(self, session: Session) -> None:
        # A savepoint that is released says so as well.
        if session.get_bind() is self._store.engine and not self._rows.in_transaction:
            self._committed()
            self._pass(Place.AFTER)

    def _pass(self, place: Place) -> None:
        self._passed[place] += 1
        failure = self._armed
        if failure is not None and failure[1:] == (place, self._passed[place]):
            self._armed, self.struck = None, failure
            if place is Place.BEFORE:
                # As SQLite does by itself when it cannot commit, or when its process is gone.
                self._rows.rollback()
            failure.happen()
