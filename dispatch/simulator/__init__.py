"""A telephone supplier to run against: the real protocol, phones to look at, faults on demand.

`state` is what it knows, `carrier` moves texts and calls, `relay` calls the customer back, `twiml`
reads what a call shall say, `faults` breaks things, `api` is the supplier's interface, `gateway` a
second one's, whose words are in `documents`, `phones` the page. The demo mounts it beside the
console, the tests start it; the product sends through `channels` as it would to the real ones.
Promise: but for `centre`, which invents the data of the demo, nothing in it knows the product.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from dispatch.clock import Clock, SystemClock
from dispatch.simulator import api, gateway, phones
from dispatch.simulator.carrier import Carrier
from dispatch.simulator.phones import Owners
from dispatch.simulator.state import Account, Exchange

__all__ = ["Account", "Owners", "beside", "create_app"]

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PATHS = ("/2010-04-01", "/phones", "/gateway")


def create_app(
    account: Account,
    *,
    inbound_url: str = "",
    voice_url: str = "",
    owners: Callable[[], Owners] = dict,
    clock: Clock | None = None,
    step_seconds: float = 0.0,
    zone: tzinfo = UTC,
    gateway_secret: str = "",
) -> Flask:
    """Make the application; `app.extensions["carrier"]` is its Carrier.

    `inbound_url` is where texts from phones are posted and `voice_url` where their calls are,
    `owners` names who carries which number, `step_seconds` pass between the statuses of a message,
    `zone` is what the page tells time in, `gateway_secret` signs at the gateway; without it there
    is none.
    """
    app = Flask(__name__, static_url_path="/phones/static")
    exchange = Exchange(clock or SystemClock())
    carrier = Carrier(
        account,
        exchange,
        inbound_url=inbound_url,
        voice_url=voice_url,
        step_seconds=step_seconds,
        gateway_secret=gateway_secret,
    )
    app.extensions["carrier"] = carrier
    app.register_blueprint(api.blueprint(carrier))
    if gateway_secret:
        app.register_blueprint(gateway.blueprint(carrier))
    app.register_blueprint(phones.blueprint(carrier, owners))
    app.register_error_handler(404, _not_found)
    app.jinja_env.filters["clock_time"] = lambda at: at.astimezone(zone).strftime("%H:%M:%S")
    return app


def beside(console: "WSGIApplication", simulator: "WSGIApplication") -> "WSGIApplication":
    """Serve the simulator's paths next to the console, under one address."""

    def both(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        ours = any(path == own or path.startswith(own + "/") for own in _PATHS)
        return (simulator if ours else console)(environ, start_response)

    return both


def _not_found(error: HTTPException) -> Response | HTTPException:
    return api.unknown(error) if request.path.startswith(_PATHS[0]) else error
