"""The processes of a centre, held by a test: started, killed at a boundary, frozen, ended."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.crash.victim import Life

_ROOT = Path(__file__).parents[2]
_SECONDS = 60


class Nursery:
    """The process that all others are forked from, by `victim`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.victim"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, *order: Any) -> int:
        """Give an order and return its answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the nursery is gone, and everybody with it"
        return int(answer)

    def close(self) -> None:
        """End it."""
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()


class Process:
    """One process of the product at a time, and the next one when it has ended."""

    def __init__(
        self, nursery: Nursery, command: str, environ: Mapping[str, str], folder: Path
    ) -> None:
        self._nursery, self._command, self._environ = nursery, command, dict(environ)
        self._folder = folder
        self._pid = 0

    @classmethod
    @contextmanager
    def of(
        cls, nursery: Nursery, command: str, environ: Mapping[str, str], folder: Path
    ) -> Iterator["Process"]:
        """Hold processes of one command; whatever lives at the end is killed."""
        process = cls(nursery, command, environ, folder)
        try:
            yield process
        finally:
            if process.alive:
                process.kill()

    @property
    def log(self) -> Path:
        """What all of them have logged."""
        return self._folder / f"{self._command}.log"

    @property
    def alive(self) -> bool:
        """Whether one was started whose end was not awaited yet."""
        return bool(self._pid)

    def start(self, life: Life = Life()) -> None:  # noqa: B008 - a life is never changed
        """Start the next one."""
        assert not self.alive
        log = str(self.log)
        self._pid = self._nursery.ask("live", self._command, self._environ, log, life)

    def wait(self, seconds: float = _SECONDS) -> int:
        """Wait until it has ended; return its exit status, negative for a signal."""
        handle = os.pidfd_open(self._pid)
        try:
            ended, _, _ = select.select([handle], [], [], seconds)
        finally:
            os.close(handle)
        assert ended, f"still there after {seconds} s"
        status = self._nursery.ask("wait", self._pid)
        self._pid = 0
        return status

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to everything that it started."""
        self._nursery.ask("signal", -self._pid, number)

    def is_frozen(self) -> bool:
        """Whether it was stopped by a signal and has not been continued."""
        # The name in parentheses may hold anything; the state follows it.
        return Path(f"/proc/{self._pid}/stat").read_text().rpartition(") ")[2][0] == "T"

    def end(self) -> int:
        """Ask it to end, as an operator does; return its exit status."""
        self._nursery.ask("signal", self._pid, signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self.signal(signal.SIGKILL)
        self.wait()
