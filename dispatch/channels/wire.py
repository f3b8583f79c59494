"""What every supplier has in common: one bounded exchange, and an honest reading of its failure.

Promise: whatever is done through `within` ends in time; a request over `http` is never repeated,
logged or sent elsewhere than told; and a fault counts as "nothing was sent" only where that is
certain. What a supplier's own words mean is left to its module.
"""

import logging
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from dispatch.channels.contract import SEND_DEADLINE_SECONDS, Outcome, State

_T = TypeVar("_T")

#: Leaves the engine a second of its own before the deadline of the contract.
DEADLINE_SECONDS = SEND_DEADLINE_SECONDS - 1.0
#: For each address of the supplier's name, so that two of them and the answer fit the deadline.
CONNECT_SECONDS = 2.0
#: Try again so soon where nothing left this machine.
SOON_SECONDS = 2.0


def within(seconds: float, work: Callable[[], _T]) -> _T:
    """Return what `work` returns, or raise TimeoutError after `seconds`.

    The time-outs of a socket bound neither a name look-up nor an answer that trickles in. A thread
    of its own for each request, so that those left behind hold up nobody.
    """
    done: Future[_T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            done.set_exception(error)

    threading.Thread(target=run, name="supplier", daemon=True).start()
    return done.result(seconds)


def http(pool: int, base: str = "") -> requests.Session:
    """Return connections to a supplier at `base`, or to several: nothing repeated or logged."""
    session = requests.Session()
    if is_local(base):
        # A proxy of the environment does not lead to this machine.
        session.trust_env = False
    for scheme in ("http://", "https://"):
        # max_retries=0 also for connections: a POST that may have gone is never repeated here.
        session.mount(scheme, HTTPAdapter(pool_maxsize=pool, max_retries=0))
    # At DEBUG it logs addresses, and those hold telephone numbers.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
    return session


def is_local(url: str) -> bool:
    """Tell whether an address names this machine."""
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def broken_off(error: Exception) -> Outcome:
    """Say what an exchange over HTTP that ended in an error leaves us with."""
    match error:
        case requests.exceptions.InvalidURL() | requests.exceptions.InvalidSchema():
            return Outcome(State.FAILED, code="address", fault=True)
        case requests.RequestException() if _unwritten(error):
            # Nothing left this machine, so trying again soon doubles nothing.
            return Outcome(State.PENDING, code="connection", retry_after=SOON_SECONDS, fault=True)
        case requests.Timeout() | TimeoutError():
            return Outcome(State.UNKNOWN, code="timeout")
        case requests.RequestException():
            return Outcome(State.UNKNOWN, code="connection")
        case _:
            return Outcome(State.UNKNOWN, code="nonsense")


def turned_away(status: int, retry_after: str, too_fast: str = "http-429") -> Outcome | None:
    """Say what an HTTP status means that is the same with every supplier; None for any other."""
    if status == 429:
        return Outcome(State.PENDING, code=too_fast, retry_after=pause(retry_after))
    if status == 503:
        # Refused at the door. Any other 5xx may come after the message was taken.
        again = pause(retry_after)
        return Outcome(State.PENDING, code="http-503", retry_after=again, fault=True)
    if status >= 500:
        return Outcome(State.UNKNOWN, code=f"http-{status}", fault=True)
    return None


def pause(retry_after: str) -> float:
    """Read Retry-After; bounded, so that no supplier can silence an alert for long."""
    try:
        return min(60.0, max(0.5, float(retry_after)))
    except ValueError:
        return SOON_SECONDS


def _unwritten(error: requests.RequestException) -> bool:
    """Tell whether it is certain that no byte of the request left."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    cause: object = error.args[0] if error.args else None
    reason: object = getattr(cause, "reason", cause)
    if isinstance(reason, urllib3.exceptions.NewConnectionError):
        return True
    return isinstance(reason, urllib3.exceptions.SSLError) and any(
        isinstance(inner, ssl.SSLCertVerificationError) for inner in reason.args
    )
