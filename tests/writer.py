"""Another process with the same database that writes when a test says so, and may freeze in it."""

import signal
import subprocess
import sys

from dispatch.db import Store

_PROGRAM = """
import sys
from dispatch.db import Store
store = Store(sys.argv[1])
for line in sys.stdin:
    with store.write():
        print("writing", flush=True)
        sys.stdin.readline()
    print("written", flush=True)
"""


class Writer:
    """The process; ends with the `with` block."""

    def __init__(self, store: Store) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(store.url)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # As processes of the product are started: with all that they start, a group.
            start_new_session=True,
            text=True,
        )
        self.pid = self._process.pid

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()

    def begin(self) -> None:
        """Begin to write."""
        self._say("begin", "writing")

    def end(self) -> None:
        """End writing."""
        self._say("end", "written")

    def freeze(self) -> None:
        """Stop it wherever it is."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it wherever it is."""
        self._process.kill()
        self._process.wait()

    def _say(self, order: str, answer: str) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline().strip() == answer
