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

from tests.crash.victim import Life

_ROOT = Path(__file__).parents[2]
_READY_SECONDS = 60
_END_SECONDS = 20


class Process:
    """One process of the product at a time, and the next one when it has ended."""

    def __init__(self, command: str, environ: Mapping[str, str], folder: Path) -> None:
        self.log = folder / f"{command}.log"
        with self.log.open("ab") as log:
            self._nursery = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.victim", command],
                cwd=_ROOT,
                env={**os.environ, **environ},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
            )
        self._pid = 0

    @classmethod
    @contextmanager
    def of(cls, command: str, environ: Mapping[str, str], folder: Path) -> Iterator["Process"]:
        """Hold processes of one command; whatever lives at the end is killed."""
        process = cls(command, environ, folder)
        try:
            yield process
        finally:
            process._close()

    @property
    def alive(self) -> bool:
        """Whether one was started and its end was not awaited yet."""
        return bool(self._pid)

    def start(self, life: Life = Life()) -> None:  # noqa: B008 - a life is never changed
        """Start the next one."""
        assert not self.alive
        self._write(json.dumps(life).encode() + b"\n")
        self._pid = self._read(_READY_SECONDS)

    def wait(self, seconds: float = _END_SECONDS) -> int:
        """Wait until it has ended; return its exit status, negative for a signal."""
        status = self._read(seconds)
        self._pid = 0
        return status

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to everything that it started."""
        os.killpg(self._pid, number)

    def is_frozen(self) -> bool:
        """Whether it was stopped by a signal and has not been continued."""
        # The name in parentheses may hold anything; the state follows it.
        return Path(f"/proc/{self._pid}/stat").read_text().rpartition(") ")[2][0] == "T"

    def end(self) -> int:
        """Ask it to end, as an operator does; return its exit status."""
        os.kill(self._pid, signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self.signal(signal.SIGKILL)
        self.wait()

    def _write(self, line: bytes) -> None:
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(line)

    def _read(self, seconds: float) -> int:
        assert self._nursery.stdout is not None
        ready, _, _ = select.select([self._nursery.stdout], [], [], seconds)
        assert ready, f"nothing happened within {seconds} s"
        line = self._nursery.stdout.readline()
        assert line, f"cannot be started:\n{self.log.read_text()[-3000:]}"
        return int(line)

    def _close(self) -> None:
        if self.alive:
            self.kill()
        for pipe in (self._nursery.stdin, self._nursery.stdout):
            assert pipe is not None
            pipe.close()
        self._nursery.wait(_END_SECONDS)
