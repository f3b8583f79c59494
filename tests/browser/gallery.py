"""A web that shows the gallery: the real templates, sheets and scripts around sample values.

It stands in for no part of the product: the screens of the product are tested where they are
served. Here the parts are shown in states that a centre is seldom in, and a fragment changes when
a test says so.
"""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import flask
from flask import Blueprint, Flask
from flask_babel import Babel
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined
from werkzeug.serving import make_server

from dispatch.clock import SystemClock
from dispatch.web import screens
from tests.web.test_screens import ROOT, STATES

#: Nothing inline and nothing from other hosts, as the product has it.
POLICY = "default-src 'none'; " + "; ".join(
    f"{kind}-src 'self'" for kind in ("script", "style", "img", "font", "connect")
)
HOSTILE = "call \u202e0032 470 12 34 56\u202c <script>alert(1)</script> \x07" + "x" * 3000


class Gallery:
    """The web, the number that its fragment shows, and what goes wrong in it on purpose."""

    def __init__(self) -> None:
        self.count = 1
        self.failing = False
        self.refusing = False
        self.address = ""
        self._streams: list[queue.Queue[str]] = []
        self._listening = threading.Event()

    def hint(self, topic: str) -> None:
        """Tell every open stream that a topic changed, once there is one."""
        assert self._listening.wait(10)
        for stream in self._streams:
            stream.put(topic)

    def follow(self) -> flask.Response:
        """Open a stream of hints."""
        if self.refusing:
            return flask.Response("full", 503)
        stream: queue.Queue[str] = queue.Queue()
        self._streams.append(stream)

        def hints() -> Iterator[str]:
            yield ": here\n\n"
            self._listening.set()
            while topic := stream.get():
                yield f"event: {topic}\ndata: 1\n\n"

        return flask.Response(hints(), content_type="text/event-stream")

    def end(self) -> None:
        """End every stream."""
        for stream in self._streams:
            stream.put("")


def values() -> dict[str, object]:
    """Return what the gallery shows."""
    now = SystemClock().now()
    return {
        "now": now,
        "soon": now + timedelta(seconds=112),
        "past": now - timedelta(minutes=3),
        "states": STATES,
        "hostile": HOSTILE,
        "form": {"values": {"postcode": "93"}, "errors": {"postcode": "Four digits."}},
        "viewer": None,
        "centre": {
            "engine": {
                "state": "stopped",
                "text": "The engine is silent: nobody is called.",
                "banner": "critical",
            },
            "sms": {"state": "trouble", "text": "Texts are slow.", "banner": "waiting"},
        },
        "idle": None,
        "language": "en",
        "languages": [{"code": "en", "name": "English"}],
    }


def make_app(gallery: Gallery) -> Flask:
    """Return the web around a gallery."""
    app = Flask("gallery", static_folder=str(ROOT / "dispatch/web/static"))
    app.secret_key = "gallery"
    app.jinja_env.loader = ChoiceLoader(
        [FileSystemLoader(ROOT / "templates"), FileSystemLoader(ROOT / "tests/browser")]
    )
    app.jinja_env.undefined = StrictUndefined
    Babel(app)
    screens.install(app)
    app.context_processor(values)
    app.after_request(_with_headers)
    live = Blueprint("live", __name__)
    live.add_url_rule("/live", "stream", gallery.follow)
    shown = Blueprint("gallery", __name__)

    @shown.get("/")
    def whole() -> str:
        return flask.render_template("gallery.html", count=gallery.count)

    @shown.get("/tally")
    def tally() -> str:
        if gallery.failing:
            flask.abort(503)
        return flask.render_template("tally.html", count=gallery.count)

    account = Blueprint("account", __name__)
    for name in ("home", "sign_in", "sign_out", "language", "me"):
        account.add_url_rule(f"/account/{name}", name, whole)
    for blueprint in (live, shown, account):
        app.register_blueprint(blueprint)
    return app


def _with_headers(answer: flask.Response) -> flask.Response:
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


@contextmanager
def serving() -> Iterator[Gallery]:
    """Serve a gallery on this machine."""
    gallery = Gallery()
    server = make_server("127.0.0.1", 0, make_app(gallery), threaded=True)
    server.daemon_threads = True
    gallery.address = f"http://127.0.0.1:{server.server_port}"
    running = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    running.start()
    try:
        yield gallery
    finally:
        gallery.end()
        server.shutdown()
        server.server_close()
        running.join()
