"""Runs the simulator on its own: `python -m dispatch.simulator --port 9000 --account-sid AC...`.

Under the product's own server, so that a benchmark measures the product and not a toy server.
"""

import argparse
from collections.abc import Mapping
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from dispatch.simulator import Account, create_app


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn without its command line."""

    def __init__(self, app: Flask, settings: Mapping[str, Any]) -> None:
        self._app = app
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


def serve(app: Flask, port: int, *, threads: int = 32) -> None:
    """Serve on this machine until interrupted; a hanging answer holds one of the threads."""
    settings = {
        "bind": f"127.0.0.1:{port}",
        # One process: everything is known in its memory.
        "workers": 1,
        "worker_class": "gthread",
        "threads": threads,
        "keepalive": 60,
        # A fault may make every thread hang for long; that is no reason to end the process.
        "timeout": 0,
        "graceful_timeout": 1,
        "loglevel": "warning",
    }
    _Server(app, settings).run()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m dispatch.simulator")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--account-sid", required=True)
    parser.add_argument("--auth-token", required=True)
    parser.add_argument("--sender", required=True, help="the account's number, like +3225550000")
    parser.add_argument("--more", default="", help="further numbers, separated by commas")
    parser.add_argument("--inbound-url", default="", help="where texts from phones are posted")
    parser.add_argument("--voice-url", default="", help="where calls from phones are posted")
    parser.add_argument("--step-seconds", type=float, default=0.0, help="between two statuses")
    parser.add_argument("--gateway-secret", default="", help="signs at /gateway; empty: none")
    given = parser.parse_args()
    account = Account(
        given.account_sid,
        given.auth_token,
        given.sender,
        tuple(filter(None, given.more.split(","))),
    )
    app = create_app(
        account,
        inbound_url=given.inbound_url,
        voice_url=given.voice_url,
        step_seconds=given.step_seconds,
        gateway_secret=given.gateway_secret,
    )
    serve(app, given.port)


if __name__ == "__main__":
    main()
