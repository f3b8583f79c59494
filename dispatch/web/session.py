"""A request's frame: who is asking, what time it is, and its one transaction.

Closed by default: an endpoint that is not in `PUBLIC` needs a sign-in, and whoever adds a screen
need not think of it. Blueprints in `MACHINES` prove each request by themselves (a signature, a
bearer key, a secret address) and have no forms, so they need no token against forged forms either.
The cookie holds a session's token; everything else about it is in the database, so that ending it
there ends it at the next request. Rights are decided by `people.access`.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

import flask
import flask_login
from flask import Flask, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import UserMixin

from dispatch import logs
from dispatch.audit import Actor
from dispatch.db import Session, Unavailable
from dispatch.errors import Refused
from dispatch.people import access, accounts
from dispatch.people.access import Viewer
from dispatch.people.models import ApiKey
from dispatch.texts import N_
from dispatch.wiring import Parts

log = logs.logger(__name__)

#: Somebody who must ring people is not kept waiting for the record of it.
_RECORD_SECONDS = 1.0

#: Endpoints that anybody may ask for.
PUBLIC = frozenset(
    {
        "static",
        "account.sign_in",
        "account.language",
        "calling.card",
        "checks.answer",
        "responder.answer",
        "watch.health",
        "watch.ready",
        "watch.metrics",
    }
)
#: Blueprints whose every request proves itself in another way.
MACHINES = frozenset({"hooks", "voice", "api", "api_rota", "feeds", "phones"})

#: A page asks by itself with this header: that is no sign that anybody is there.
_BY_ITSELF = "X-By-Itself"
#: Endpoints that only pages ask for, and always by themselves.
_ASKED_BY_PAGES = frozenset({"live.stream", "account.idle", "sounding.board"})
#: How long a session's last use may go unrecorded, so that not every click is a write.
_TOUCH_SECONDS = 60
#: Somebody who looks is not kept waiting for that, whatever holds up those who write.
_TOUCH_WAIT_SECONDS = 0.5

P = ParamSpec("P")
R = TypeVar("R")


class Account(UserMixin):  # type: ignore[misc]
    """What Flask-Login knows of somebody: the session's token and the rights behind it."""

    def __init__(self, token: str, viewer: Viewer, idle_at: datetime, over_at: datetime) -> None:
        self.token = token
        self.viewer = viewer
        self.idle_at = idle_at
        self.over_at = over_at

    def get_id(self) -> str:
        """Return what the cookie holds."""
        return self.token


def install(app: Flask) -> None:
    """Ask for a sign-in before every screen that is not public."""
    login = flask_login.LoginManager()
    # An officer's phone changes its address on the road: a session bound to it would end there.
    login.session_protection = None
    login.user_loader(_load)
    # Templates get the viewer from `frame`; Flask-Login would ask a database that has just failed.
    login.init_app(app, add_context_processor=False)
    app.before_request(_begin)


def parts() -> Parts:
    """Return the parts of this application."""
    return cast(Parts, current_app.extensions["parts"])


def now() -> datetime:
    """Return the instant of this request, the same from beginning to end."""
    if "now" not in g:
        g.now = parts().clock.now()
    return cast(datetime, g.now)


def viewer_or_none() -> Viewer | None:
    """Return who is asking, or None before sign-in."""
    return cast(Viewer | None, g.get("viewer"))


def viewer() -> Viewer:
    """Return who is asking; for screens that need a sign-in."""
    return cast(Viewer, g.viewer)


def actor() -> Actor:
    """Return who is asking as the audit names them."""
    return Actor("person", viewer().person_id, viewer().name)


def token() -> str:
    """Return the session's token, so that a long stream can see whether it has ended."""
    return cast(str, flask_login.current_user.get_id())


@contextmanager
def reading() -> Iterator[Session]:
    """Open a view of the database, or go on with the transaction that is open."""
    if "session" in g:
        yield g.session
        return
    with parts().store.read() as session:
        g.session = session
        try:
            yield session
        finally:
            g.pop("session")


@contextmanager
def transaction(wait_seconds: float | None = None) -> Iterator[Session]:
    """Open the request's one writing transaction: commit on leaving, roll back on an exception."""
    if "session" in g:
        raise RuntimeError("a transaction inside another")
    with parts().store.write(wait_seconds) as session:
        g.session = session
        try:
            yield session
        finally:
            g.pop("session")


def record_numbers_read(write: Callable[[Session], object]) -> None:
    """Record that the viewer reads numbers; they read them also where that cannot be written."""
    try:
        with transaction(_RECORD_SECONDS) as session:
            write(session)
    except Unavailable:
        # Whoever keeps others from writing may be why people must be rung.
        log.error("numbers_read_unrecorded", person=viewer().person_id)


def begin(person_id: int) -> None:
    """Sign somebody in on this browser, under a new token and with nothing of before."""
    with transaction() as session:
        fresh = accounts.new_session(session, person_id, now())
    chosen = flask.session.get("language")
    flask.session.clear()
    flask.session.permanent = True
    if chosen:
        flask.session["language"] = chosen
    account = _load(fresh)
    if account is None:
        raise Refused(N_("You can no longer sign in. Ask an administrator."))
    flask_login.login_user(account)
    g.viewer = account.viewer


def stay() -> None:
    """Note that somebody is there, however short a while ago that was noted last."""
    with transaction() as session:
        accounts.touch(session, token(), now())
    account = _load(token())
    if account is not None:
        flask_login.login_user(account)


@dataclass(frozen=True)
class Idle:
    """When this sign-in ends if nobody clicks any more."""

    ends_at: datetime
    extendable: bool
    before: timedelta
    """How long before its end people are warned: never less than 20 s (WCAG 2.2.1)."""

    @property
    def warns(self) -> bool:
        """Whether to warn now."""
        return now() >= self.ends_at - self.before

    @property
    def quiet_seconds(self) -> int:
        """Seconds until there is something to say."""
        return max(0, round((self.ends_at - self.before - now()).total_seconds()))


def idle() -> Idle:
    """Return when this sign-in ends; for screens that need one."""
    account = flask_login.current_user
    longest = timedelta(minutes=parts().settings.web.session_idle_minutes) / 2
    ends_at = min(account.idle_at, account.over_at)
    return Idle(ends_at, ends_at < account.over_at, min(_WARNED, longest))


#: Time to finish a sentence and to find the button.
_WARNED = timedelta(minutes=5)


def end() -> None:
    """Sign out: end the session in the database and forget the cookie."""
    with transaction() as session:
        accounts.end_session(session, token(), now())
    flask_login.logout_user()
    flask.session.clear()
    g.viewer = None


def api_key_required(
    scope: str,
) -> Callable[[Callable[P, R]], Callable[P, R | ResponseReturnValue]]:
    """Let only machines in whose bearer key has `scope`; the view finds it in `api_key()`."""

    def decorate(view: Callable[P, R]) -> Callable[P, R | ResponseReturnValue]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | ResponseReturnValue:
            kind, _, key = request.headers.get("Authorization", "").partition(" ")
            with reading() as session:
                found = accounts.api_key(session, key.strip(), now())
            if kind.lower() != "bearer" or found is None:
                flask.abort(401)
            if scope not in found.scopes:
                raise Refused(f"This key has no scope {scope}.")
            g.api_key = found
            return view(*args, **kwargs)

        return guarded

    return decorate


def api_key() -> ApiKey:
    """Return the key that this request was made with; its organisation limits what it sees."""
    return cast(ApiKey, g.api_key)


def onward(target: str | None) -> str:
    """Return `target` if it is a path of this application, else the first screen.

    A sign-in that leads to any address would lend our name to a copy of this screen.
    """
    home = url_for("account.home")
    if not target or not target.startswith("/") or "\\" in target:
        return home
    if any(ord(letter) < 33 for letter in target):
        return home
    address = urlsplit(target)
    return home if address.scheme or address.netloc or target.startswith("//") else target


def is_public(endpoint: str, blueprint: str | None) -> bool:
    """Return whether an endpoint is reached without a sign-in."""
    return endpoint in PUBLIC or blueprint in MACHINES


def _begin() -> ResponseReturnValue | None:
    g.viewer = None
    if request.endpoint is None or request.blueprint in MACHINES or request.endpoint == "static":
        return None
    account = flask_login.current_user
    if account.is_authenticated:
        g.viewer = account.viewer
    elif not is_public(request.endpoint, request.blueprint):
        return _ask_to_sign_in()
    return None


def _ask_to_sign_in() -> ResponseReturnValue:
    if request.headers.get("HX-Request"):
        # A fragment asks for the whole screen to go to the sign-in: swapped in, it would be lost.
        return "", 401, {"HX-Redirect": url_for("account.sign_in")}
    wanted = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else None
    return redirect(url_for("account.sign_in", next=wanted), code=303)


def _load(token: str) -> Account | None:
    """Return whose session the cookie's token is, noting now and then that somebody uses it."""
    web = parts().settings.web
    idle, longest = timedelta(minutes=web.session_idle_minutes), timedelta(days=web.session_days)
    with reading() as session:
        found = accounts.session_person(session, token, now(), idle, longest)
        if found is None:
            return None
        viewer = access.viewer_of(session, found.person)
    idle_at = found.idle_at
    if now() - found.seen_at >= min(timedelta(seconds=_TOUCH_SECONDS), idle / 10) and _is_click():
        try:
            with transaction(_TOUCH_WAIT_SECONDS) as session:
                accounts.touch(session, token, now())
        except Unavailable:
            # Reading must go on while writing does not; the next click notes it.
            log.warning("session_not_touched")
        else:
            idle_at = now() + idle
    return Account(token, viewer, idle_at, found.over_at)


def _is_click() -> bool:
    return request.endpoint not in _ASKED_BY_PAGES and _BY_ITSELF not in request.headers


def reads(view: Callable[..., Any]) -> Callable[..., Any]:
    """Hand a reading session to a view as its first argument."""

    @functools.wraps(view)
    def opened(**kwargs: Any) -> Any:
        with reading() as session:
            return view(session, **kwargs)

    return opened
