"""A police system that sends, in a process of its own: connections kept open, bodies signed before.

`sent` starts the process, hands it the requests and returns what it measured; `python -m` of this
module is that process. It ends after a bounded time, whatever the server does. Without a pace each
client sends as soon as it has its answer; with one, a request is due at its instant and its time
counts from there, so that a server that falls behind cannot slow the question down.
"""

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from dispatch.clock import SystemClock, monotonic

_ROOT = Path(__file__).parents[3]
_LONGEST_SECONDS = 60.0


@dataclass(frozen=True)
class Ask:
    """One request."""

    path: str
    headers: dict[str, str]
    method: str = "GET"
    body: str = ""


class Told(NamedTuple):
    """One answer."""

    sent_at: float
    """When it was due, in unix seconds: comparable with the supplier's arrivals."""
    took: float
    """Seconds until the whole answer was there."""
    status: int
    """0: the connection broke."""
    body: str

    @property
    def done_at(self) -> float:
        """When the whole answer was there, in unix seconds."""
        return self.sent_at + self.took


def sent(
    url: str,
    asks: Sequence[Ask],
    *,
    clients: int = 1,
    per_second: float = 0.0,
    seconds: float = _LONGEST_SECONDS,
) -> list[Told]:
    """Send by so many clients and return the answers in the order in which they came.

    What is left after `seconds` is not sent any more.
    """
    order = {"url": url, "clients": clients, "per_second": per_second, "seconds": seconds}
    order["asks"] = [asdict(ask) for ask in asks]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.rig.client"],
        cwd=_ROOT,
        input=json.dumps(order),
        capture_output=True,
        text=True,
        timeout=seconds + 60,
    )
    if done.returncode:
        raise RuntimeError(f"the client ended with {done.returncode}: {done.stderr[-2000:]}")
    return [Told(*row) for row in json.loads(done.stdout)]


class _Clients:
    """Threads that share the requests."""

    def __init__(self, url: str, asks: Sequence[Ask], per_second: float, seconds: float) -> None:
        self._address = urlsplit(url)
        self._asks = enumerate(asks)
        self._pause = 1 / per_second if per_second else 0.0
        self._lock = threading.Lock()
        self._begun, self._seconds = monotonic(), seconds
        # Unix seconds are needed to compare with other processes, steady ones to measure.
        self._offset = SystemClock().now().timestamp() - self._begun
        self.told: list[Told] = []

    def run(self) -> None:
        """Send until nothing is left or time is over."""
        connection = HTTPConnection(str(self._address.hostname), self._address.port, timeout=30)
        while True:
            with self._lock:
                number, ask = next(self._asks, (0, None))
            due = self._begun + number * self._pause if self._pause else monotonic()
            if ask is None or due > self._begun + self._seconds:
                break
            threading.Event().wait(max(0.0, due - monotonic()))
            self._send(connection, ask, due if self._pause else monotonic())
        connection.close()

    def _send(self, connection: HTTPConnection, ask: Ask, due: float) -> None:
        try:
            connection.request(ask.method, ask.path, ask.body.encode() or None, ask.headers)
            answer = connection.getresponse()
            status, body = answer.status, answer.read().decode()
        except (OSError, HTTPException):
            connection.close()
            status, body = 0, ""
        took = monotonic() - due
        # Only what an alert's answer says is of use; a calendar would only fill the pipe.
        body = body if ask.method == "POST" else ""
        self.told.append(Told(due + self._offset, took, status, body))


def main() -> None:
    """Do what standard input orders and print what was measured."""
    order = json.load(sys.stdin)
    asks = [Ask(**ask) for ask in order["asks"]]
    clients = _Clients(order["url"], asks, order["per_second"], order["seconds"])
    threads = [threading.Thread(target=clients.run) for _ in itertools.repeat(0, order["clients"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump(clients.told, sys.stdout)


if __name__ == "__main__":
    main()
