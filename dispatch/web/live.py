"""Keeping screens fresh: a stream of hints, and fragments that cost little when nothing changed.

A stream says only "this topic has a new revision"; the browser then fetches the fragment with the
viewer's rights. One thread a process reads the revisions, on a hint and twice a second, and tells
every stream of it; a stream holds no connection to the database and never more than one pending
hint a topic. A stream ends with its sign-in, and at once when the process is told to end. How often
a crowd of screens is told, `crowd` says. What is refused here (no seat left) costs time, never
truth: browsers also ask every 15 seconds.
"""

import dataclasses
import functools
import hashlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

import flask
import flask_babel
from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf

from dispatch import clock, logs, upkeep
from dispatch.db import Session, Store, Unavailable
from dispatch.people import accounts
from dispatch.people.access import Right, Viewer
from dispatch.web import failures, session, suppliers
from dispatch.web.crowd import Crowd, Made
from dispatch.web.watch import engine_state
from dispatch.wiring import Parts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logs.logger(__name__)
blueprint = Blueprint("live", __name__)

HEARTBEAT_SECONDS = 15.0
_LOOK_SECONDS = 0.5
#: What a request carries that nobody's hand made (`session` says more), and when it came.
_BY_ITSELF, _ASKED_AT = "HTTP_X_BY_ITSELF", "dispatch.asked_at"
#: Threads of a process that screens may never take, and how many one that is told of a change may:
#: its stream, and the fragments that it asks for then.
_KEPT_FREE, _PER_SCREEN = 32, 3
#: Whoever waits longer for a turn asks again: a database that hangs would else hold every thread.
_PATIENCE_SECONDS = 5.0

Revisions = Mapping[tuple[int, str], int]


class Stream:
    """What one browser has not been told yet; `mine` says whose changes of a topic it is told."""

    def __init__(self, mine: Callable[[str], frozenset[int]]) -> None:
        self.mine = mine
        self.begun = False
        self._changed = threading.Condition()
        self._pending: dict[str, int] = {}
        self._ended = False

    def tell(self, topic: str, revision: int) -> None:
        """Add a hint; an older one of the same topic is forgotten."""
        with self._changed:
            self._pending[topic] = revision
            self._changed.notify()

    def end(self) -> None:
        """End the stream now."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def wait(self, seconds: float, turn: Callable[[], float]) -> dict[str, int] | None:
        """Return the hints when it is the stream's turn, none after so long, None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._ended, seconds)
            while self._pending and not self._ended and (later := turn()):
                self._changed.wait_for(lambda: self._ended, later)
            told, self._pending = self._pending, {}
            return None if self._ended else told


class Streams:
    """Every stream of this process, and the one thread that feeds them all."""

    def __init__(self, store: Store, most: int) -> None:
        self._store, self._most = store, most
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        self.crowd = Crowd()
        self._watching = False

    def open(self, mine: Callable[[str], frozenset[int]]) -> Stream | None:
        """Return a new stream, or None when there is no seat left."""
        with self._lock:
            if len(self._streams) >= self._most:
                return None
            stream = Stream(mine)
            self._streams.add(stream)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="streams", daemon=True).start()
            return stream

    def close(self, stream: Stream) -> None:
        """Give back a stream's seat."""
        with self._lock:
            self._streams.discard(stream)

    def end(self) -> None:
        """End every stream, and with them the thread that feeds them."""
        ending, self._streams = self._streams, set()
        for stream in ending:
            stream.end()

    def count(self) -> int:
        """Return how many streams are open."""
        return len(self._streams)

    def _watch(self) -> None:
        """Look for new revisions until nobody listens any more."""
        try:
            listener = self._store.listen("screens")
        except OSError:
            # The next stream tries again; until then browsers ask by themselves.
            log.exception("streams_unheard")
            with self._lock:
                self._watching = False
            return
        try:
            seen: Revisions = {}
            while self._is_needed():
                seen = self._look(seen)
                listener.wait(_LOOK_SECONDS)
        finally:
            listener.close()

    def _is_needed(self) -> bool:
        with self._lock:
            self._watching = bool(self._streams)
            return self._watching

    def _look(self, seen: Revisions) -> Revisions:
        try:
            with self._store.read() as opened:
                found = upkeep.revisions(opened)
        except Unavailable:
            log.warning("revisions_unavailable")
            return seen
        changed = {key: value for key, value in found.items() if seen.get(key) != value}
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            # A new one is told everything: something may have changed since its screen was made.
            news = changed if stream.begun else found
            stream.begun = True
            for (organisation_id, topic), revision in news.items():
                if organisation_id in stream.mine(topic):
                    stream.tell(topic, revision)
        return found


def visible(viewer: Viewer, topic: str) -> frozenset[int]:
    """Return the organisations of whose changes the viewer may be told; 0 is for all.

    That something happens at an organisation at night is not for those who read no incident there.
    """
    rights = (Right.BOARD_READ, Right.INCIDENT_READ) if topic == "board" else tuple(Right)
    return frozenset({0}).union(*(viewer.organisations(right) for right in rights))


@blueprint.record_once
def _install(state: Any) -> None:
    parts: Parts = state.app.extensions["parts"]
    most = max(0, parts.settings.web.threads - _KEPT_FREE) // _PER_SCREEN
    streams = state.app.extensions["streams"] = Streams(parts.store, most)
    state.app.wsgi_app = _InTurn(state.app.wsgi_app, streams.crowd)
    _end_with_process(streams)


def _end_with_process(streams: Streams) -> None:
    """End the streams as soon as the process is told to: each holds a thread that it waits for."""
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)
    if not callable(before):
        return

    def handle(number: int, frame: FrameType | None) -> None:
        streams.end()
        before(number, frame)

    signal.signal(signal.SIGTERM, handle)


def streams() -> Streams:
    """Return the streams of this application."""
    return cast(Streams, current_app.extensions["streams"])


@blueprint.get("/live")
def stream() -> ResponseReturnValue:
    """Stream hints until the sign-in ends."""
    viewer = session.viewer()
    found = streams().open(functools.cache(lambda topic: visible(viewer, topic)))
    if found is None:
        answer = failures.problem(503, "No seat for another stream; ask again every 15 seconds.")
        answer.headers["Retry-After"] = "60"
        return answer
    body = _events(session.parts(), session.token(), found, streams().crowd)
    answer = flask.Response(body, content_type="text/event-stream; charset=utf-8")
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(functools.partial(streams().close, found))
    return answer


def _events(parts: Parts, token: str, stream: Stream, crowd: Crowd) -> Iterator[str]:
    yield "retry: 3000\n\n"
    looked = clock.monotonic()
    while True:
        told = stream.wait(HEARTBEAT_SECONDS, crowd.turn)
        if told is None:
            return
        if clock.monotonic() - looked >= HEARTBEAT_SECONDS:
            looked = clock.monotonic()
            if not _signed_in(parts, token):
                return
        for topic, revision in told.items():
            yield f"event: {topic}\ndata: {revision}\n\n"
        if not told:
            yield ": still here\n\n"


def _signed_in(parts: Parts, token: str) -> bool:
    web = parts.settings.web
    idle, longest = timedelta(minutes=web.session_idle_minutes), timedelta(days=web.session_days)
    try:
        with parts.store.read() as opened:
            found = accounts.session_person(opened, token, parts.clock.now(), idle, longest)
    except Unavailable:
        # Nobody is signed out by a database that does not answer; it is asked again soon.
        return True
    return found is not None


class _InTurn:
    """Answers what pages ask for by themselves a few at a time, everything else at once.

    Each of a hundred boards would else take its slice of the interpreter, and its connection to the
    database, while an alert waits for both.
    """

    def __init__(self, answer: "WSGIApplication", crowd: Crowd) -> None:
        self._answer, self._crowd = answer, crowd

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET" or _BY_ITSELF not in environ:
            return self._answer(environ, start)
        environ[_ASKED_AT] = clock.monotonic()
        if not self._crowd.making.acquire(timeout=_PATIENCE_SECONDS):
            start("503 Service Unavailable", [("Retry-After", "5"), ("Cache-Control", "no-store")])
            return []
        begun = clock.worked()
        try:
            return self._answer(environ, start)
        finally:
            self._crowd.spent(clock.worked() - begun)
            self._crowd.making.release()


def fragment(
    opened: Session, topics: tuple[str, ...], make: Callable[[], str]
) -> ResponseReturnValue:
    """Answer with a fragment, or 304 while no topic has changed since the browser's copy.

    Anew each minute in any case: turns begin and certificates end without a row being written.
    """
    etag = _etag(opened, topics, f"{request.full_path} {session.viewer().person_id}")
    if etag in request.if_none_match:
        return "", 304, {"ETag": f'"{etag}"'}
    return make(), 200, {"ETag": f'"{etag}"'}


def shared(
    topics: tuple[str, ...], make: Callable[[Session], str], own: Callable[[str], str]
) -> ResponseReturnValue:
    """Answer like `fragment`, with one that all who wait and may see the same are given.

    `make` may depend on what the viewer may see and on the path, on nothing else of the request;
    `own` then adds what is this viewer's alone.
    """
    alike = dataclasses.replace(session.viewer(), person_id=0, name="")
    key = (request.path, alike, _language())

    def made_now(last: Made | None) -> Made:
        begun = clock.monotonic()
        with session.reading() as opened:
            etag = _etag(opened, topics, repr(key))
            if last is not None and last.etag == etag:
                return dataclasses.replace(last, begun=begun)
            return Made(begun, make(opened), etag, generate_csrf())

    asked_at = request.environ.get(_ASKED_AT)
    made = made_now(None) if asked_at is None else streams().crowd.shared(key, asked_at, made_now)
    if made.etag in request.if_none_match:
        return "", 304, {"ETag": f'"{made.etag}"'}
    answer = own(made.text.replace(made.form_token, generate_csrf()))
    return answer, 200, {"ETag": f'"{made.etag}"'}


def _language() -> str:
    return str(flask_babel.get_locale())


def _etag(opened: Session, topics: tuple[str, ...], of: str) -> str:
    viewer = session.viewer()
    mine = {topic: visible(viewer, topic) for topic in topics}
    revision = sum(
        value
        for (organisation_id, topic), value in upkeep.revisions(opened).items()
        if organisation_id in mine.get(topic, ())
    )
    minute = int(session.now().timestamp()) // 60
    told = f"{of} {_language()} {topics} {revision} {minute}"
    return hashlib.sha256(told.encode()).hexdigest()[:24]


@blueprint.get("/live/centre")
def centre() -> ResponseReturnValue:
    """Show whether the centre works."""
    state = f"{engine_state()} {suppliers.state()} {flask.session.get('language')}"
    etag = hashlib.sha256(state.encode()).hexdigest()[:24]
    if etag in request.if_none_match:
        return "", 304, {"ETag": f'"{etag}"'}
    shown = flask.render_template("_centre.html", live_screen=True)
    return shown, 200, {"ETag": f'"{etag}"'}
