"""The database: column types, transactions and hints, the same on SQLite and PostgreSQL.

A `Store` opens transactions; nothing else does. `write()` commits on leaving and rolls back on any
exception. On SQLite every write passes one fair lock in front of BEGIN IMMEDIATE (a thread lock in
the process, a file lock between processes), because SQLite's own waiting starves writers; nobody
waits for it longer than a while, and whoever has it can be named. On PostgreSQL rows are locked by
the features, in the order of the glossary. After a commit the hints that the transaction asked for
are sent: they make things prompt, never correct.

Only entry points (`web`, `engine`, `__main__`) call `read()` and `write()`; features take the
session and flush, never commit.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import Dialect

from dispatch import hints, logs
from dispatch.clock import monotonic
from dispatch.errors import DispatchError

log = logs.logger(__name__)


class Instant(sa.TypeDecorator[datetime]):
    """An aware instant, in UTC on both databases; a naive one is refused.

    On SQLite it is text of fixed width, so that comparing texts compares instants.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(26))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        value = value.astimezone(UTC)
        if dialect.name == "sqlite":
            return value.replace(tzinfo=None).isoformat(" ", "microseconds")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        return value.astimezone(UTC)  # type: ignore[no-any-return]


#: JSON that PostgreSQL can index; plain text on SQLite.
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

Id = Annotated[
    int, orm.mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
]


def words(kind: type[StrEnum]) -> sa.Enum:
    """Return the column type of a state or kind: its word, checked by the database."""
    return sa.Enum(
        kind,
        native_enum=False,
        length=20,
        create_constraint=True,
        name=kind.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


class Base(orm.DeclarativeBase):
    """Every table."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: Instant(),
        dict[str, Any]: Json,
        list[Any]: Json,
        list[str]: Json,
        int: sa.Integer(),
        str: sa.Text(),
    }


class Session(orm.Session):
    """A transaction with what the features may need beside it.

    `info` carries what `Store` was given as context: the settings and the installation's keys; and
    `view` where nothing can be changed.
    """

    def hint(self, *topics: str) -> None:
        """Ask that whoever listens to `topics` be woken after the commit."""
        self.info.setdefault("hints", set()).update(topics)


def one_at_a_time(session: Session, name: str) -> None:
    """Let transactions that name the same wait for each other, until they end.

    For what no row stands for yet. On SQLite there is one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        digest = hashlib.sha256(name.encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


class Unavailable(DispatchError):
    """The database cannot be reached or is too busy: try again soon (503)."""


_IDLE_SECONDS = 1.0
#: Waiting longer than this for the right to write is a fault, told as 503.
WRITE_WAIT_SECONDS = 10.0


class Writer(NamedTuple):
    """The process whose turn to write it is, and for how long it has been."""

    pid: int
    seconds: float


class _Turn:
    """The turn to write, of one process at a time: a lock on a file.

    The kernel takes it back from a process that dies, but a process that is frozen keeps it, and
    waiting for it cannot be given a limit. So a thread waits, for whoever asks next as well.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._open()
        self._changed = threading.Condition()
        self._awaited = self._wanted = self._got = False

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self, seconds: float) -> bool:
        """Take the turn; False when it did not come in time. One thread at a time asks."""
        if not self._take(seconds):
            return False
        # For `writer` in any process; since when, by the clock that all of them share.
        os.pwrite(self._file, f"{os.getpid()} {monotonic():.3f}".ljust(64).encode(), 0)
        return True

    def _take(self, seconds: float) -> bool:
        with self._changed:
            if not self._awaited:
                if _locked_now(self._file, fcntl.LOCK_EX):
                    return True
                threading.Thread(target=self._wait, name="turn", daemon=True).start()
                self._awaited = True
            self._wanted = True
            self._changed.wait_for(lambda: self._got or not self._awaited, max(0.0, seconds))
            got, self._wanted, self._got = self._got, False, False
            return got

    def _wait(self) -> None:
        own = self._locked_anew()
        with self._changed:
            if own is not None and self._wanted:
                self._file, own, self._got = own, self._file, True
            self._awaited = False
            self._changed.notify()
        if own is not None:
            # What came when nobody wanted it any more is given back by this.
            os.close(own)

    def _locked_anew(self) -> int | None:
        try:
            own = self._open()
            fcntl.flock(own, fcntl.LOCK_EX)
        except OSError:
            log.exception("turn_not_awaited")
            return None
        return own

    def give_back(self) -> None:
        """Let the next process have it."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def writer(self) -> Writer | None:
        """Return whose turn it is, or None when it is nobody's."""
        own = self._open()
        try:
            if _locked_now(own, fcntl.LOCK_SH):
                return None
            told = os.pread(own, 64, 0).split()
            # Whoever has taken it first of all may not have said so yet.
            return Writer(int(told[0]), monotonic() - float(told[1])) if told else None
        finally:
            os.close(own)

    def close(self) -> None:
        """Give back the file."""
        os.close(self._file)


def _locked_now(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_open = threading.local()


def outside_transaction() -> None:
    """Raise if this thread holds a transaction: a slow supplier must never hold a lock."""
    if getattr(_open, "depth", 0):
        raise RuntimeError("a network call inside a transaction")


class Store:
    """One database, and the only way into it."""

    def __init__(self, url: str, *, pool_size: int = 16, **context: Any) -> None:
        self.url = sa.make_url(url)
        if self.url.drivername == "postgresql":
            self.url = self.url.set(drivername="postgresql+psycopg")
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.context = context
        self._turn: _Turn | None = None
        self._closed = False
        self.engine = self._sqlite() if self.is_sqlite else self._postgresql(pool_size)
        self._threads = threading.Lock()
        self._hints = hints.connect(self.url)

    def _sqlite(self) -> sa.Engine:
        memory = self.url.database in (None, "", ":memory:")
        options: dict[str, Any] = {"poolclass": sa.StaticPool} if memory else {"pool_size": 32}
        engine = sa.create_engine(self.url, connect_args={"check_same_thread": False}, **options)
        self._turn = None if memory else _Turn(Path(f"{self.url.database}.lock"))
        sa.event.listen(engine, "connect", _prepare_sqlite)
        return engine

    def _postgresql(self, pool_size: int) -> sa.Engine:
        # A wait for a lock must end before the sender of an alert gives up. What a process that is
        # frozen in the middle of a transaction has locked is free before whoever waits gives up.
        # Every statement has its index whatever its values: planning it anew for each of them would
        # take longer than running it.
        options = (
            "-c timezone=UTC -c lock_timeout=8s -c statement_timeout=20s "
            "-c idle_in_transaction_session_timeout=5s -c plan_cache_mode=force_generic_plan"
        )
        engine = sa.create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=WRITE_WAIT_SECONDS,
            # The same few again and again: each learns the statements for itself.
            pool_use_lifo=True,
            connect_args={"options": options, **hints.CONNECTION},
        )
        sa.event.listen(engine, "checkin", self._take_back)
        sa.event.listen(engine, "checkout", functools.partial(_look_at, engine.dialect))
        return engine

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a view in which nothing that is changed stays."""
        with self._session("BEGIN") as session:
            session.info["view"] = True
            if self.is_sqlite:
                yield session
                return
            connection = session.connection(execution_options={"postgresql_readonly": True})
            yield session
            # Not rolled back: the driver would forget what it has prepared on this connection,
            # and the server would plan every statement anew each time.
            if not connection.invalidated:
                connection.connection.commit()

    @contextmanager
    def write(self, wait_seconds: float | None = None) -> Iterator[Session]:
        """Open a transaction; commit on leaving, roll back on any exception, then send hints.

        Raises Unavailable when the database cannot be reached, or on SQLite gives no turn within
        `wait_seconds` (WRITE_WAIT_SECONDS unless given).
        """
        wait = WRITE_WAIT_SECONDS if wait_seconds is None else wait_seconds
        if not self.is_sqlite:
            with self._session("") as session:
                yield session
                session.commit()
        else:
            # Upgrading a view to a write later is where SQLite deadlocks.
            with self._turn_to_write(wait), self._session("BEGIN IMMEDIATE") as session:
                yield session
                session.commit()
        self._hints.send(session.info.get("hints", ()))

    @contextmanager
    def _session(self, begin: str) -> Iterator[Session]:
        session = Session(self.engine, expire_on_commit=False, info=dict(self.context))
        _open.depth = getattr(_open, "depth", 0) + 1
        try:
            if self.is_sqlite:
                # Said here: a listener of the engine would be asked at every statement.
                session.connection().exec_driver_sql(begin)
            # Closing fails as well where the database went away meanwhile.
            with contextlib.closing(session):
                yield session
        except (sa.exc.OperationalError, sa.exc.TimeoutError) as error:
            raise Unavailable("The database is not available. Try again in a moment.") from error
        finally:
            _open.depth -= 1

    @contextmanager
    def _turn_to_write(self, seconds: float) -> Iterator[None]:
        until = monotonic() + seconds
        if not self._threads.acquire(timeout=seconds):
            raise self._busy()
        try:
            if self._turn is not None and not self._turn.take(until - monotonic()):
                raise self._busy()
            try:
                yield
            finally:
                if self._turn is not None:
                    self._turn.give_back()
        finally:
            self._threads.release()

    def _busy(self) -> Unavailable:
        writer = self.writer()
        if writer is not None:
            log.error("turn_not_given", writer=writer.pid, since_seconds=round(writer.seconds, 1))
        return Unavailable("The database is busy. Try again in a moment.")

    def writer(self) -> Writer | None:
        """Return which process is writing, on SQLite; None when none is, or on PostgreSQL."""
        return self._turn.writer() if self._turn is not None else None

    def listen(self, *topics: str) -> hints.Listener:
        """Return a listener that wakes on any hint of `topics`."""
        return self._hints.listen(topics)

    def hint(self, *topics: str) -> None:
        """Wake whoever listens to `topics`."""
        self._hints.send(topics)

    def _take_back(self, _connection: Any, record: Any) -> None:
        record.info["used_at"] = monotonic()
        if self._closed:
            # Whoever had it was slower than the end: nobody else would close it.
            record.invalidate()

    def close(self) -> None:
        """Give back every connection."""
        self._closed = True
        self._hints.close()
        self.engine.dispose()
        if self._turn is not None:
            self._turn.close()
            self._turn = None


def _look_at(dialect: Dialect, connection: Any, record: Any, _proxy: Any) -> None:
    """Notice a lost connection before a transaction begins on it; one used just now is taken."""
    if monotonic() - record.info.get("used_at", 0.0) < _IDLE_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        # The others were most likely lost together with it.
        raise sa.exc.InvalidatePoolError("connection lost") from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Durable and strict: a power cut may not take back an alert that was answered with 202."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=10000",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
