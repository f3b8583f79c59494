"""A process of the product that ends itself at a boundary.

`python -m tests.crash.victim` imports the product once. Told so on standard input, it forks a
process that runs a command as `dispatch COMMAND` would, and says its number; it sends one a signal,
and says how one has ended. Forking saves the imports, which take longer than all the rest of a
life. The product knows nothing of this: its functions are watched from outside, and a process dies
with everything that it started, by a signal that no program can handle.
"""

import ctypes
import functools
import http.client
import importlib
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

# Imported here and not in each life.
import twilio.rest.api.v2010.account.call
import twilio.rest.api.v2010.account.message  # noqa: F401

from dispatch import __main__ as product
from dispatch import db
from dispatch.channels.twilio import TwilioChannel
from dispatch.web import hooks  # noqa: F401
from tests.crash.boundaries import CALLS, ON_THE_WIRE, TRANSACTIONS

_PR_SET_PDEATHSIG = 1
_HOMES = {
    "audit": "dispatch.audit",
    "callouts": "dispatch.paging.callouts",
    "deliveries": "dispatch.intake.deliveries",
    "hearing": "dispatch.paging.hearing",
    "queue": "dispatch.outbox.queue",
    "receive": "dispatch.intake.receive",
    "replies": "dispatch.paging.replies",
}


class Life(NamedTuple):
    """How a process is to end."""

    boundary: str = ""
    """Where; empty: nowhere."""
    passage: int = 1
    """At which passage of it, counted in each process."""
    end: int = signal.SIGKILL
    """By which signal."""
    fails: str = ""
    """A function that raises the first time that a transaction is opened for it."""


def main() -> None:
    """Do what the lines say."""
    _die_with_parent()
    orders = {"live": _live, "signal": _signal, "wait": _wait}
    for line in sys.stdin:
        order, *details = json.loads(line)
        sys.stdout.write(f"{orders[order](*details)}\n")
        sys.stdout.flush()


def _signal(child: int, number: int) -> int:
    """Send a signal to a child, or with a negative number to its group.

    By its parent, for whom the number of a child that was not waited for is nobody else's.
    """
    # Number 0 would mean the tests themselves.
    assert child
    os.kill(child, number)
    return 0


def _wait(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _live(command: str, environ: dict[str, str], log: str, life: list[Any]) -> int:
    child = os.fork()
    # Both say so, for either may be first: a group of its own dies together, and without others.
    os.setpgid(child, child)
    if child:
        return child
    status = 1
    try:
        _die_with_parent()
        os.environ.update(environ)
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), sys.stderr.fileno())
        watch(Life(*life))
        status = product.main([command])
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    finally:
        os._exit(status)


def _die_with_parent() -> None:
    """Nothing may outlive a test, whatever ends it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def watch(life: Life) -> None:
    """Wrap what the boundaries name."""
    passages = itertools.count(1)

    def passing(boundary: str) -> None:
        if boundary == life.boundary and next(passages) == life.passage:
            os.killpg(os.getpgrp(), life.end)

    for _, _, work, _ in TRANSACTIONS:
        home, name = work.split(".")
        module = importlib.import_module(_HOMES[home])
        fails = work == life.fails
        setattr(module, name, _labelled(work, getattr(module, name), fails))
    for _, method, _ in CALLS:
        watched = _surrounded(f"channel.{method}", getattr(TwilioChannel, method), passing)
        setattr(TwilioChannel, method, watched)
    db.Session.commit = _surrounding_commit(passing)
    http.client.HTTPConnection.getresponse = _awaiting(passing)


def _labelled(work: str, function: Callable[..., Any], fails: bool) -> Callable[..., Any]:
    """Let a transaction carry the name of what it was opened for, not of what that calls."""
    failures = iter([fails])

    @functools.wraps(function)
    def run(session: db.Session, *args: Any, **kwargs: Any) -> Any:
        outermost = not session.info.get("inside")
        if outermost and next(failures, False):
            raise RuntimeError("a fault of our own")
        if outermost:
            session.info.update(work=work, inside=True)
        try:
            return function(session, *args, **kwargs)
        finally:
            if outermost:
                session.info["inside"] = False

    return run


def _surrounding_commit(passing: Callable[[str], None]) -> Callable[[db.Session], None]:
    original = db.Session.commit

    def commit(session: db.Session) -> None:
        work = session.info.get("work", "")
        session.flush()
        passing(f"{work}: before commit")
        original(session)
        passing(f"{work}: after commit")

    return commit


def _surrounded(
    name: str, function: Callable[..., Any], passing: Callable[[str], None]
) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        passing(f"{name}: before")
        found = function(*args, **kwargs)
        passing(f"{name}: after")
        return found

    return run


def _awaiting(passing: Callable[[str], None]) -> Callable[..., Any]:
    """The request is written, the answer has not come; only messages are posted by the engine."""
    original = http.client.HTTPConnection.getresponse

    def getresponse(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        if connection._method == "POST":  # type: ignore[attr-defined]
            passing(ON_THE_WIRE)
        return original(connection)

    return getresponse


if __name__ == "__main__":
    main()
