"""Boards that are open on many screens, in a process of their own: each listens and fetches anew.

`open_boards` starts the process and returns, at the end, when each incident was first seen on each
board. A board does what the browser's script does: it fetches its lanes on a hint, and every
fifteen seconds without one, naming the copy that it has. `python -m` of this module does it.
"""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from dispatch.clock import SystemClock

_ROOT = Path(__file__).parents[3]
_REFERENCE = re.compile(r"\b[A-Z]\d[A-Z]-\d[A-Z]{2}\b")
_FORM_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')

Seen = list[dict[str, float]]
"""For each board, when it first showed an incident (unix seconds by reference)."""


@contextmanager
def open_boards(url: str, count: int, name: str, password: str) -> Iterator[Seen]:
    """Hold so many boards open; what they saw is in the list when the block has ended."""
    order = {"url": url, "count": count, "name": name, "password": password}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.rig.boards", json.dumps(order)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdin is not None
    seen: Seen = []
    try:
        if process.stdout.readline() != "open\n":
            raise RuntimeError("the boards do not open")
        yield seen
    finally:
        told, _ = process.communicate("end\n", timeout=30)
    seen += json.loads(told)


class _Board(threading.Thread):
    """One screen."""

    def __init__(self, url: str, cookies: requests.cookies.RequestsCookieJar) -> None:
        super().__init__(daemon=True)
        self._url, self._http, self._etag = url, requests.Session(), ""
        self._http.cookies.update(cookies)
        self.opened = threading.Event()
        self.seen: dict[str, float] = {}

    def run(self) -> None:
        """Listen, and fetch."""
        self._fetch()
        with self._http.get(f"{self._url}/live", stream=True, timeout=60) as stream:
            self.opened.set()
            for line in stream.iter_lines():
                if line in (b"event: board", b": still here"):
                    self._fetch()

    def _fetch(self) -> None:
        headers = {"X-By-Itself": "1", "HX-Request": "true", "If-None-Match": self._etag}
        answer = self._http.get(f"{self._url}/board/lanes", headers=headers, timeout=60)
        at = SystemClock().now().timestamp()
        if answer.status_code == 200:
            self._etag = answer.headers["ETag"]
            for reference in set(_REFERENCE.findall(answer.text)):
                self.seen.setdefault(reference, at)


def main() -> None:
    """Open the boards, and tell what they saw once there is a line to read."""
    order = json.loads(sys.argv[1])
    url, http = order["url"], requests.Session()
    token = _FORM_TOKEN.search(http.get(f"{url}/sign-in", timeout=30).text)
    assert token is not None
    form = {"csrf_token": token[1], "name": order["name"], "password": order["password"]}
    http.post(f"{url}/sign-in", data=form, timeout=30).raise_for_status()
    boards = [_Board(url, http.cookies) for _ in range(order["count"])]
    for board in boards:
        board.start()
    for board in boards:
        if not board.opened.wait(60):
            raise RuntimeError("a board does not open")
    print("open", flush=True)
    sys.stdin.readline()
    print(json.dumps([dict(board.seen) for board in boards]), flush=True)


if __name__ == "__main__":
    main()
