"""Hints between processes: "look now", never more.

A hint says that something on a topic changed; whoever listens looks at the database, which alone is
true. Hints may be lost (listeners also look twice a second), so sending one never fails and never
waits. On SQLite a hint is a unix datagram to every socket of the topic in a private folder beside
the database's name; on PostgreSQL a NOTIFY from a thread with a connection of its own, after the
commit, because NOTIFY inside a transaction makes all commits queue behind one lock.
"""

import contextlib
import hashlib
import os
import select
import socket
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import psycopg
import psycopg.sql
import sqlalchemy as sa

from dispatch import logs

log = logs.logger(__name__)


#: How every connection to PostgreSQL is made: one that a firewall forgot is found out in seconds,
#: for without these a thread waits for it for a quarter of an hour.
CONNECTION: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Listener(Protocol):
    """Somebody who wants to be woken."""

    def wait(self, seconds: float) -> bool:
        """Wait for a hint at most so long; return whether one came. Several become one."""

    def close(self) -> None:
        """Stop listening; a waiting thread returns."""


class Hints(Protocol):
    """Sender of hints, and maker of listeners."""

    def send(self, topics: Iterable[str]) -> None:
        """Wake the listeners of each topic; never fails."""

    def listen(self, topics: Iterable[str]) -> Listener:
        """Return a new listener."""

    def close(self) -> None:
        """Stop sending."""


def connect(url: sa.URL) -> Hints:
    """Return the way to hint that fits the database at `url`."""
    if url.get_backend_name() == "sqlite":
        return DatagramHints(str(url.database or "memory"))
    return NotifyHints(url)


class DatagramHints:
    """Unix datagrams; one socket a listener and topic."""

    def __init__(self, database: str) -> None:
        # The name is hashed because a socket's path may have no more than about 100 bytes.
        digest = hashlib.sha256(os.path.abspath(database).encode()).hexdigest()[:16]
        if database in ("memory", ":memory:"):
            digest = f"memory-{os.getpid()}-{id(self):x}"
        self.folder = Path(tempfile.gettempdir()) / f"dispatch-{os.getuid()}-{digest}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, topics: Iterable[str]) -> None:
        """Write one byte to every socket of each topic; remove those nobody reads any more."""
        wanted = tuple(f"{topic}." for topic in topics)
        if not wanted:
            return
        with contextlib.suppress(FileNotFoundError):
            # The sender of a text is woken before the screens.
            for path in sorted(self.folder.iterdir()):
                if path.name.startswith(wanted):
                    self._wake(path)

    def _wake(self, path: Path) -> None:
        try:
            self._socket.sendto(b"!", str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError:
            # A full buffer means that the listener is awake already.
            return

    def listen(self, topics: Iterable[str]) -> Listener:
        """Return a listener with a socket for each topic."""
        return _DatagramListener(self.folder, list(topics))

    def close(self) -> None:
        """Close the sending socket and remove the folder when nobody listens."""
        self._socket.close()
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def _bound(path: Path) -> socket.socket:
    """Return a socket at `path`, whose folder another process may be removing at this moment."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.setblocking(False)
    while True:
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.unlink(missing_ok=True)
            sock.bind(str(path))
        except (FileNotFoundError, FileExistsError):
            # The latter of mkdir, which found the folder and then found that it is none.
            continue
        return sock


class _DatagramListener:
    def __init__(self, folder: Path, topics: list[str]) -> None:
        self._paths = [folder / f"{topic}.{os.getpid()}.{id(self):x}" for topic in topics]
        self._sockets = [_bound(path) for path in self._paths]
        self._stop_reading, self._stop = os.pipe()

    def wait(self, seconds: float) -> bool:
        """Wait for a datagram and swallow all that are there."""
        try:
            watched: list[socket.socket | int] = [*self._sockets, self._stop_reading]
            ready, _, _ = select.select(watched, [], [], max(0.0, seconds))
        except (OSError, ValueError):
            return False
        for sock in ready:
            if isinstance(sock, socket.socket):
                with contextlib.suppress(OSError):
                    while sock.recv(16):
                        pass
        return bool(ready)

    def close(self) -> None:
        """Remove the sockets and wake a waiting thread."""
        with contextlib.suppress(OSError):
            os.write(self._stop, b"!")
        for sock, path in zip(self._sockets, self._paths, strict=True):
            path.unlink(missing_ok=True)
            sock.close()


class NotifyHints:
    """PostgreSQL's LISTEN and NOTIFY."""

    def __init__(self, url: sa.URL) -> None:
        # As the driver takes it: an address may name several servers, of which one can be written.
        _, self._address = url.get_dialect()().create_connect_args(url)
        self._topics: set[str] = set()
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def send(self, topics: Iterable[str]) -> None:
        """Leave the topics to the sending thread, which sends each once however often asked."""
        topics = set(topics)
        if not topics:
            return
        with self._changed:
            self._topics |= topics
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        connection: psycopg.Connection | None = None
        while True:
            with self._changed:
                while not self._topics and not self._closed:
                    self._changed.wait()
                if self._closed:
                    break
                topics, self._topics = self._topics, set()
            try:
                if connection is None or connection.closed:
                    connection = psycopg.connect(**self._address, autocommit=True, **CONNECTION)
                for topic in topics:
                    connection.execute("SELECT pg_notify(%s, '')", (f"dispatch_{topic}",))
            except psycopg.Error:
                # Only a hint is lost: every listener looks by itself twice a second.
                log.warning("hint_lost")
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def listen(self, topics: Iterable[str]) -> Listener:
        """Return a listener with a connection of its own, made anew when it breaks."""
        return _NotifyListener(self._address, [f"dispatch_{topic}" for topic in topics])

    def close(self) -> None:
        """End the sending thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(2)


class _NotifyListener:
    def __init__(self, address: Mapping[str, Any], channels: list[str]) -> None:
        self._address, self._channels = address, channels
        self._connection: psycopg.Connection | None = None
        self._closed = threading.Event()
        with contextlib.suppress(psycopg.Error):
            self._connection = self._connect()

    def _connect(self) -> psycopg.Connection:
        connection = psycopg.connect(**self._address, autocommit=True, **CONNECTION)
        try:
            for channel in self._channels:
                listen = psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel))
                connection.execute(listen)
        except psycopg.Error:
            connection.close()
            raise
        return connection

    def wait(self, seconds: float) -> bool:
        """Wait for a notification; a broken connection is made anew by a later call."""
        if self._closed.is_set():
            return False
        try:
            if self._connection is None or self._connection.closed:
                self._connection = self._connect()
                return True
            return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))
        except (psycopg.Error, OSError):
            self._drop()
            self._closed.wait(min(seconds, 0.5))
            return False

    def close(self) -> None:
        """Close the connection."""
        self._closed.set()
        self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
