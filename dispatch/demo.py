"""The demonstration: one command that fills a centre, simulates its phones and serves both.

The phones' supplier is mounted beside the console, under the same address: its state is in memory,
so there is one web process. What is there from an earlier start stays. It listens on this machine
only, for its passwords and secrets are published. How processes are kept is for `serving`.
"""

import os
import shlex
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch import serving, simulator, wiring
from dispatch.intake import sources
from dispatch.people.models import Team
from dispatch.rota import duty
from dispatch.settings import Settings, SettingsError, shipped
from dispatch.simulator import Account, centre
from dispatch.vigil import sentry
from dispatch.web import create_app
from dispatch.wiring import Parts

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

#: Between the statuses of a text or call: slow enough to be watched.
_STEP_SECONDS = 0.4
_PORT = 8000
_CONFIG = shipped("config") / "demo.toml"
_EXAMPLE = shipped("config") / "examples" / "fatal_crash.json"


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a demonstration: its own settings, and the port of `PORT`."""
    port = environ.get("PORT") or str(_PORT)
    defaults = {"DISPATCH_CONFIG": str(_CONFIG), "DISPATCH_WEB__PORT": port}
    return {**defaults, **environ, "DISPATCH_WEB__PROCESSES": "1"}


def run(parts: Parts, environ: Mapping[str, str]) -> int:
    """Fill the centre if there is none, serve it until told to stop, and return the exit status.

    The tables are of this version already. Raises SettingsError when the settings are no
    demonstration's or the port is taken, Conflict when the database holds another centre.
    """
    if not parts.settings.demo.enabled:
        raise SettingsError("demo.enabled: is false in the settings that DISPATCH_CONFIG names")
    _require_free(parts.settings.web.host, parts.settings.web.port)
    with parts.store.write() as session:
        centre.fill(session, parts.settings, parts.clock.now())
    children = {
        "web": [sys.executable, "-m", "dispatch.demo"],
        "engine": serving.command("engine"),
    }
    return serving.supervise(children, environ, serving.Watch(parts.store))


def _require_free(host: str, port: int) -> None:
    """Say at once what the server would try again and again."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sentence = f"port {port} cannot be used ({error.strerror}); choose another with PORT="
            raise SettingsError(f"web.port: {sentence}") from None


class _Server(serving.WebServer):
    """The web server with the phones beside the console."""

    def load_config(self) -> None:
        """Greet once the first request can be answered, and end quickly."""
        super().load_config()
        self.cfg.set("post_worker_init", lambda _worker: self._greet())
        # Whoever presses Ctrl-C waits; the simulated supplier's connections need no farewell.
        self.cfg.set("graceful_timeout", 1)

    def load(self) -> object:
        """Make both applications in the worker."""
        parts = wiring.build(self._environ)
        self._greeting = _greeting(parts, _command(parts.settings, self._environ))
        sentry.stand(parts)
        return simulator.beside(create_app(parts), _phones(parts))

    def _greet(self) -> None:
        sys.stdout.write(self._greeting)
        sys.stdout.flush()


def _web(environ: Mapping[str, str]) -> None:
    parts = wiring.build(environ)
    # Connections do not survive the fork of the worker, which builds its own.
    parts.store.close()
    _Server(parts, environ).run()


def _phones(parts: Parts) -> "WSGIApplication":
    twilio = parts.settings.twilio

    def owners() -> simulator.Owners:
        with parts.store.read() as session:
            return centre.owners(session)

    return simulator.create_app(
        Account(twilio.account_sid, twilio.auth_token, twilio.sender),
        inbound_url=f"{twilio.public_url}/hooks/twilio/sms",
        voice_url=f"{twilio.public_url}/hooks/twilio/incoming",
        owners=owners,
        clock=parts.clock,
        step_seconds=_STEP_SECONDS,
        zone=ZoneInfo(parts.settings.centre.time_zone),
        gateway_secret=parts.settings.gateway.secrets[0],
    )


def _greeting(parts: Parts, command: str) -> str:
    """Return what a newcomer needs: addresses, sign-ins, and how to send an alert."""
    demo, url = parts.settings.demo, parts.settings.web.public_url
    with parts.store.read() as session:
        team = session.scalars(sa.select(Team).order_by(Team.id)).first()
        turns = duty.on_duty(session, team, parts.clock.now()).turns if team else []
    name = turns[0].person_name if turns else "whoever is paged"
    return f"""
Dispatch demo: an invented centre with simulated phones. Ctrl-C ends it, its data stays.

  Board          {url}/
  Phones         {url}/phones
  Password       {demo.password}
  Dispatcher     {demo.dispatcher}
  Planner        {demo.planner}
  Administrator  {demo.administrator}
  Officer        {demo.calendar_person}

1. Sign in to the board as dispatcher, and open the phones beside it.
2. Send an alert from another terminal:
   {command}
3. Answer on the phone of {name}, who is on duty, and watch the board.
"""


def _command(settings: Settings, environ: Mapping[str, str]) -> str:
    """Return the line that sends an alert, for a shell in the same folder."""
    words = [_short(Path(sys.executable)), "-m", "dispatch", "alert", "send"]
    words += [_short(_EXAMPLE), "--source", sources.DEMO]
    if settings.web.port != _PORT:
        words += ["--url", settings.web.public_url]
    # By default the secret is found in the database; where that is elsewhere, in the settings.
    if settings.data_dir != Path("var") or settings.database.url:
        words.insert(0, f"DISPATCH_CONFIG={_short(Path(environ['DISPATCH_CONFIG']))}")
    return shlex.join(words)


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


if __name__ == "__main__":
    _web(os.environ)
