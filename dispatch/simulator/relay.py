"""One thread that keeps the time and calls the customer back over connections kept open.

Promise: the callbacks of one message leave in the order they were made; what the customer's server
does (refuses, fails, hangs) is reported and never breaks anything; like the real supplier it is
not tried again. What is called back, and when, is for `carrier`.
"""

import asyncio
import base64
import hashlib
import hmac
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlencode

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
#: Callbacks under way at once; the others wait, and that wait is not part of the time-out.
_AT_ONCE = 8


class Answer(NamedTuple):
    """What the customer's server answered."""

    body: str = ""
    trouble: str = ""
    """Why there is no usable body; empty when all went well."""


Then = Callable[[Answer], None]
"""Called in the thread of the relay: must not wait."""


class Posted(NamedTuple):
    """What is posted to the customer."""

    body: bytes
    headers: Mapping[str, str]


class Relay:
    """Does things later, and posts to the customer."""

    def __init__(self, auth_token: str) -> None:
        self._token = auth_token.encode()
        self._lock = threading.Lock()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        # From here on used in the thread of the relay only.
        self._session: aiohttp.ClientSession | None = None
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._waiting: dict[str, deque[tuple[str, Posted, Then]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Do something after so many seconds; it must not wait itself."""
        self._soon(lambda loop: loop.call_later(seconds, work))

    def post(self, sid: str, url: str, posted: Posted, then: Then) -> None:
        """Post something, after all else of the same message; `then` is told the answer."""
        self._soon(lambda loop: self._queue(loop, sid, url, posted, then))

    def form(self, url: str, form: Mapping[str, str]) -> Posted:
        """Return a form that is signed for its address."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "X-Twilio-Signature": self.sign(url, form),
            "User-Agent": "TwilioProxy/1.1",
        }
        return Posted(urlencode(form).encode(), headers)

    def sign(self, url: str, form: Mapping[str, str]) -> str:
        """Return the signature that the customer checks."""
        text = url + "".join(name + form[name] for name in sorted(form))
        # The supplier's protocol knows no other digest.
        digest = hmac.new(self._token, text.encode(), hashlib.sha1).digest()
        return base64.b64encode(digest).decode()

    def close(self) -> None:
        """Forget what is waiting and give the thread and its connections back."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _soon(self, work: Callable[[asyncio.AbstractEventLoop], object]) -> None:
        with self._lock:
            if self._closed:
                return
            if self._loop is None:
                # Not before the first message: a server may fork after the application was made.
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._run, args=(self._loop,), name="relay", daemon=True
                )
                self._thread.start()
            self._loop.call_soon_threadsafe(work, self._loop)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_forever()
        loop.run_until_complete(self._end())
        loop.close()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _queue(
        self,
        loop: asyncio.AbstractEventLoop,
        sid: str,
        url: str,
        posted: Posted,
        then: Then,
    ) -> None:
        if sid in self._waiting:
            self._waiting[sid].append((url, posted, then))
            return
        self._waiting[sid] = deque([(url, posted, then)])
        task = loop.create_task(self._drain(sid))
        # The loop itself keeps no hold of its tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, sid: str) -> None:
        waiting = self._waiting[sid]
        while waiting:
            url, posted, then = waiting.popleft()
            async with self._free:
                answer = await self._post(url, posted)
            then(answer)
        del self._waiting[sid]

    async def _post(self, url: str, posted: Posted) -> Answer:
        if self._session is None:
            # Cookies of the customer's server are not ours to keep.
            jar = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=jar)
        try:
            async with self._session.post(
                url, data=posted.body, headers=posted.headers, allow_redirects=False
            ) as answer:
                if answer.status >= 300:
                    return Answer(trouble=f"callback: HTTP {answer.status}")
                return Answer(await answer.text())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return Answer(trouble=f"callback: {type(error).__name__}")
