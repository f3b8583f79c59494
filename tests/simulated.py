"""The simulated supplier, started for a test.

`SimulatedTwilio.in_thread()` is quick and lets a test reach inside; `as_process()` is the same in a
process of its own, for benchmarks and for tests that kill others. Everything but `app` goes by
HTTP, so a test is the same with either.
"""

import base64
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

from dispatch.simulator import Account, create_app

ACCOUNT = Account("AC" + "5" * 32, "a token for tests", "+3225550199", ("+3225550198",))
GATEWAY_SECRET = "whsec_" + base64.b64encode(b"a gateway's secret of 32 bytes!!").decode()
_ROOT = Path(__file__).parent.parent


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the tests read what arrived instead."""


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve a WSGI application in a thread; give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    # The server must not wait for connections that a client keeps open or a fault holds.
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Callback:
    """A request that the supplier made."""

    path: str
    """With its query."""
    form: dict[str, str]
    signature: str

    @property
    def status(self) -> str:
        """Of the text or call it is about."""
        names = ("MessageStatus", "CallStatus", "SmsStatus")
        return next(self.form[name] for name in names if name in self.form)


@dataclass
class Customer:
    """A web server in the place of the product: takes callbacks and remembers them."""

    url: str = ""
    callbacks: list[Callback] = field(default_factory=list)
    answer: tuple[int, str] = (204, "")
    """Status and body for everything but what `answers` names."""
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By path."""
    hold: threading.Event = field(default_factory=threading.Event)
    """While it is set, callbacks hang."""

    @classmethod
    @contextmanager
    def serving(cls) -> Iterator["Customer"]:
        """Start it in a thread."""
        customer = cls()
        with served(customer._app()) as customer.url:
            yield customer

    def statuses(self, uid: str = "") -> list[str]:
        """Return the statuses called back in order, of one of our messages or of all."""
        return [x.status for x in list(self.callbacks) if x.path.endswith(uid)]

    def wait_for(self, *statuses: str, uid: str = "") -> None:
        """Wait until these statuses have been called back; more may follow."""
        SimulatedTwilio.wait_until(
            lambda: self.statuses(uid)[: len(statuses)] == list(statuses),
            otherwise=lambda: f"{self.statuses(uid)} instead of {list(statuses)}",
        )

    def _app(self) -> Flask:
        app = Flask(__name__)

        @app.post("/<path:_path>")
        def take(_path: str) -> Response:
            SimulatedTwilio.wait_until(lambda: not self.hold.is_set())
            signature = request.headers.get("X-Twilio-Signature", "")
            address = request.full_path.rstrip("?")
            self.callbacks.append(Callback(address, request.form.to_dict(), signature))
            status, body = self.answers.get(request.path, self.answer)
            return Response(body, status, content_type="text/xml")

        return app


@dataclass
class SimulatedTwilio:
    """A supplier with phones, and the hands of everybody who carries one."""

    base_url: str
    account: Account = ACCOUNT
    app: Flask | None = None
    """Only in a thread."""
    _http: requests.Session = field(default_factory=requests.Session)

    @classmethod
    @contextmanager
    def in_thread(cls, inbound_url: str = "", **options: Any) -> Iterator["SimulatedTwilio"]:
        """Start it in a thread; `options` are those of `create_app`."""
        app = create_app(ACCOUNT, inbound_url=inbound_url, **options)
        carrier = app.extensions["carrier"]
        with served(app) as base_url:
            twilio = cls(base_url, app=app)
            try:
                yield twilio
            finally:
                twilio._http.close()
                carrier.close()

    @classmethod
    @contextmanager
    def as_process(
        cls,
        inbound_url: str = "",
        step_seconds: float = 0.0,
        port: int = 0,
        account: Account = ACCOUNT,
    ) -> Iterator["SimulatedTwilio"]:
        """Start it as a process of its own and wait until it answers."""
        port = port or free_port()
        sid, token, sender, more = account
        command = [sys.executable, "-m", "dispatch.simulator", "--port", str(port)]
        command += ["--account-sid", sid, "--auth-token", token, "--sender", sender]
        command += ["--more", ",".join(more)]
        command += ["--inbound-url", inbound_url, "--step-seconds", str(step_seconds)]
        process = subprocess.Popen(command, cwd=_ROOT)
        twilio = cls(f"http://127.0.0.1:{port}", account=account)
        try:
            twilio.wait_until(twilio._answers, 20)
            yield twilio
        finally:
            twilio._http.close()
            process.terminate()
            process.wait(10)

    @property
    def inbound_url(self) -> str:
        """Where texts from phones are posted; only in a thread."""
        assert self.app is not None
        return str(self.app.extensions["carrier"].inbound_url)

    @inbound_url.setter
    def inbound_url(self, url: str) -> None:
        assert self.app is not None
        self.app.extensions["carrier"].inbound_url = url

    def environment(self, public_url: str) -> dict[str, str]:
        """Return the settings that let the product send through here."""
        return {
            "DISPATCH_TWILIO__API_BASE": self.base_url,
            "DISPATCH_TWILIO__ACCOUNT_SID": self.account.sid,
            "DISPATCH_TWILIO__AUTH_TOKEN": self.account.token,
            "DISPATCH_TWILIO__SENDER": self.account.sender,
            "DISPATCH_TWILIO__PUBLIC_URL": public_url,
        }

    def as_gateway(self, public_url: str) -> dict[str, str]:
        """Return the settings that make this a second supplier of texts."""
        return {
            "DISPATCH_GATEWAY__URL": f"{self.base_url}/gateway",
            "DISPATCH_GATEWAY__SECRETS": GATEWAY_SECRET,
            "DISPATCH_GATEWAY__SENDER": self.account.sender,
            "DISPATCH_GATEWAY__PUBLIC_URL": public_url,
        }

    # --- what the phones show

    def messages(self, number: str = "", **wanted: str) -> list[dict[str, Any]]:
        """Return texts and calls, oldest first, whose fields are as wanted (kind="sms")."""
        rows = self._get("/phones/messages.json", number=number).json()
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]

    def wait_for(
        self, number: str = "", count: int = 1, seconds: float = 5.0, **wanted: str
    ) -> list[dict[str, Any]]:
        """Wait until so many texts and calls are as wanted, and return them."""
        self.wait_until(
            lambda: len(self.messages(number, **wanted)) >= count,
            seconds,
            lambda: f"{count} with {wanted} for {number or 'anybody'}, of {self.messages(number)}",
        )
        return self.messages(number, **wanted)

    def arrivals(self) -> list[dict[str, Any]]:
        """Return what was handed in, with the instant of each (`at`: unix seconds)."""
        rows: list[dict[str, Any]] = self._get("/phones/arrivals.json").json()
        return rows

    # --- what their owners do

    def reply(self, number: str, body: str) -> str:
        """Send a text from a phone; return its identity."""
        return str(self._post("/phones/reply", number=number, body=body)["id"])

    def dial(self, number: str) -> str:
        """Call the customer from a phone; return the call's identity."""
        return str(self._post("/phones/dial", number=number)["id"])

    def behave(self, number: str, mode: str, seconds: float = 0.0) -> None:
        """Set how a phone takes what comes: deliver, fail, delay (seconds), silent."""
        self._post("/phones/behaviour", number=number, mode=mode, seconds=seconds)

    def press(self, number: str, key: str, sid: str = "") -> bool:
        """Press a key in the newest call (or that one), "answer" or "hangup"."""
        return bool(self._post("/phones/call", number=number, key=key, id=sid)["done"])

    # --- what goes wrong

    def fault(self, number: str = "", **fields: Any) -> None:
        """Let a fault strike a number, or every number; fields as in `simulator.faults.Fault`."""
        self._post("/phones/faults", number=number, **fields)

    def heal(self) -> None:
        """Let everything go well again."""
        self._post("/phones/faults", clear="1")

    @staticmethod
    def wait_until(
        condition: Callable[[], object],
        seconds: float = 5.0,
        otherwise: Callable[[], str] = lambda: "waited in vain",
    ) -> None:
        """Wait until a condition holds; fail the test when it does not in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(otherwise())
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            return self._get("/phones/arrivals.json").ok
        except requests.ConnectionError:
            return False

    def _get(self, path: str, **query: str) -> requests.Response:
        return self._http.get(self.base_url + path, params=query, timeout=10)

    def _post(self, path: str, **form: Any) -> dict[str, Any]:
        answer = self._http.post(self.base_url + path, data=form, timeout=10)
        assert answer.ok, answer.text
        result: dict[str, Any] = answer.json()
        return result
