"""Starts processes and keeps them: the web server, and one parent for web and engine together.

The parent restarts what ends, a little later each time, and kills what lives but does nothing: an
engine whose heartbeat has stopped, or a process that is frozen with the turn to write. A child that
finds its settings unusable ends everything, for starting it again cannot help. Nothing outlives the
parent: on SIGINT or SIGTERM every process has ended within five seconds, and if the parent is
killed the children are told by the kernel (Linux). What the processes do is theirs.
"""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from gunicorn.app.base import BaseApplication

from dispatch import clock, logs, upkeep, wiring
from dispatch.db import WRITE_WAIT_SECONDS, Store, Unavailable
from dispatch.paging import plans
from dispatch.vigil import sentry
from dispatch.web import create_app
from dispatch.wiring import Parts

log = logs.logger(__name__)

#: Exit status of a process whose settings or tables are unusable.
UNUSABLE = 2
_END_SECONDS = 3.5
_LOOK_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 30.0
#: A child that lived so long is started again at once, as if it had never ended.
_HEALTHY_SECONDS = 60
_HEARTBEAT_SECONDS = 30
_GRACEFUL_SECONDS = 5
#: Whoever takes in an alert lets go of the interpreter at every statement, and gets it back from a
#: thread that makes a screen only after so long: with Python's 5 ms an alert takes half a second
#: beside two screens, and holds the right to write all the while.
_SWITCH_SECONDS = 0.0005
_PR_SET_PDEATHSIG = 1


class WebServer(BaseApplication):  # type: ignore[misc]
    """Gunicorn with threads, set up by our settings alone."""

    def __init__(self, parts: Parts, environ: Mapping[str, str]) -> None:
        self._settings = parts.settings
        self._environ = environ
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from Gunicorn's defaults."""
        web = self._settings.web
        host = f"[{web.host}]" if ":" in web.host else web.host
        chosen = {
            "bind": f"{host}:{web.port}",
            "workers": web.processes,
            "worker_class": "gthread",
            "threads": web.threads,
            "worker_connections": web.threads * 4,
            "keepalive": 30,
            "timeout": 60,
            "graceful_timeout": _GRACEFUL_SECONDS,
            "logconfig_dict": logs.config(self._settings.log.level),
            "control_socket_disable": True,
            # Which proxies are believed is our own setting; Gunicorn would believe this machine's.
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "proc_name": "dispatch-web",
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> object:
        """Make the application in each worker: connections and locks do not survive a fork."""
        parts = wiring.build(self._environ)
        app = create_app(parts)
        sentry.stand(parts)
        threading.Thread(target=plans.warm, name="warm", daemon=True).start()
        # What was made by now stays: searching it for what can go would hold an alert up.
        gc.freeze()
        sys.setswitchinterval(_SWITCH_SECONDS)
        return app


def web(parts: Parts, environ: Mapping[str, str]) -> None:
    """Serve screens and hooks until told to stop."""
    parts.store.close()
    WebServer(parts, environ).run()


def command(name: str) -> list[str]:
    """Return what starts another command of this program."""
    return [sys.executable, "-m", "dispatch", name]


def supervise(
    children: Mapping[str, Sequence[str]],
    environ: Mapping[str, str],
    is_stuck: Callable[[str, int], bool] = lambda *_: False,
) -> int:
    """Start the children, restart what ends, end all on a signal; return the exit status."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    family = [_Child(name, argv, environ) for name, argv in children.items()]
    try:
        while not stop.wait(_LOOK_SECONDS):
            for child in family:
                if child.ended() == UNUSABLE:
                    return UNUSABLE
                child.look_after(is_stuck)
    finally:
        _end(family)
    return 0


class Watch:
    """Tells whether a child, by its name and number, lives without doing anything.

    Heartbeats are only compared with the last one seen: the clock may be set at any time.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._beat: datetime | None = None
        self._beat_at = clock.monotonic()

    def __call__(self, name: str, pid: int) -> bool:
        """Return whether to kill it."""
        writer = self._store.writer()
        if writer is not None and writer.seconds > WRITE_WAIT_SECONDS:
            # Nobody's heart beats now, and whoever keeps all others from writing is to blame.
            log.error("writer_stuck", writer=writer.pid, since_seconds=round(writer.seconds))
            return writer.seconds > _HEARTBEAT_SECONDS and _is_of(writer.pid, pid)
        return name == "engine" and self._is_silent()

    def _is_silent(self) -> bool:
        try:
            with self._store.read() as session:
                last = upkeep.last_beat(session, "engine")
        except Unavailable:
            # Without a database no engine can beat: another one would not either.
            return False
        if last is not None and last.at != self._beat:
            self._beat, self._beat_at = last.at, clock.monotonic()
        return clock.monotonic() - self._beat_at > _HEARTBEAT_SECONDS


def _is_of(pid: int, child: int) -> bool:
    """Return whether a process is a child or was started by it: each child leads a group."""
    try:
        return os.getpgid(pid) == child
    except ProcessLookupError:
        return False


class _Child:
    """A process that is started again when it ends."""

    def __init__(self, name: str, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        self._name, self._argv, self._environ = name, argv, environ
        self._process: subprocess.Popen[bytes] | None = None
        self._started = self._start_from = self._looked = 0.0
        self._falls = 0

    def ended(self) -> int | None:
        """Return the exit status, or None while it lives or was never started."""
        return self._process.poll() if self._process else None

    def look_after(self, is_stuck: Callable[[str, int], bool]) -> None:
        """Start the process if it has ended and its pause is over; kill it if it is stuck."""
        now = clock.monotonic()
        if self._process is not None and self._process.poll() is None:
            self._look(now, self._process.pid, is_stuck)
            return
        if self._process is not None:
            self._note_fall(now, self._process.returncode)
        if now >= self._start_from:
            self._start(now)

    def _look(self, now: float, process: int, is_stuck: Callable[[str, int], bool]) -> None:
        alive_for = now - self._started
        if alive_for > _HEALTHY_SECONDS:
            self._falls = 0
        # A fresh one gets as long to begin beating as a silent one to be given up.
        if alive_for < 2 * _HEARTBEAT_SECONDS or now - self._looked < _GRACEFUL_SECONDS:
            return
        self._looked = now
        if is_stuck(self._name, process):
            log.error("process_stuck", process=self._name)
            self.kill()

    def _note_fall(self, now: float, status: int) -> None:
        self._process = None
        pause = min(_LONGEST_PAUSE_SECONDS, 0.5 * 2**self._falls) if self._falls else 0.0
        self._falls += 1
        self._start_from = now + pause
        log.error("process_ended", process=self._name, status=status, again_in=pause)

    def _start(self, now: float) -> None:
        self._started = self._looked = now
        self._process = subprocess.Popen(
            self._argv,
            env=dict(self._environ),
            # Its own group: Ctrl-C reaches the parent alone, which then ends everything in order.
            start_new_session=True,
            # Safe, because the parent has one thread.
            preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509
        )
        log.info("process_started", process=self._name, pid=self._process.pid)

    def ask_to_end(self) -> None:
        """Ask the process to end by itself."""
        if self.ended() is None and self._process is not None:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended, at most so long, then kill what is left of it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            log.error("process_killed", process=self._name)
        self.kill()
        self._process.wait()

    def kill(self) -> None:
        """Kill the process with everything that it started."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return


def _end(family: Sequence[_Child]) -> None:
    until = clock.monotonic() + _END_SECONDS
    for child in family:
        child.ask_to_end()
    for child in family:
        child.wait(until - clock.monotonic())


def _die_with(parent: int) -> Callable[[], None]:
    """Return what a child does first so that the kernel tells it when its parent has died."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None

    def promise() -> None:
        if library is not None:
            library.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            # The parent died in between: nobody would ever tell.
            os.kill(os.getpid(), signal.SIGTERM)

    return promise
