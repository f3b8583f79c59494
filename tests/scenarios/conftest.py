"""A whole centre over HTTP: the console, an engine, and a simulated supplier with phones.

Only time and the supplier are ours. The clock stands still until a test lets time pass; receipts
and answers come back over real connections, signed.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from flask import Flask

from dispatch import settings as settings_
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.engine import Engine
from dispatch.outbox.models import InboundText
from dispatch.paging import callouts
from dispatch.people import accounts
from dispatch.web import create_app
from dispatch.wiring import Parts, channels
from tests import centre
from tests.conftest import INSTALLATION_KEY
from tests.simulated import SimulatedTwilio, served

AN, BERT, CHLOE = "+32470123450", "+32470123451", "+32470123452"
CONTROL_ROOM = "+3253123456"


@dataclass
class Zone:
    """The centre as control rooms, officers and dispatchers meet it."""

    parts: Parts
    engine: Engine
    twilio: SimulatedTwilio
    clock: ManualClock
    cast: centre.Centre
    api_key: str
    url: str = ""
    sent: int = 0
    http: requests.Session = field(default_factory=requests.Session)

    def post(self, webhook_id: str = "", **alert: Any) -> requests.Response:
        """Let the control room send an alert, signed."""
        self.sent += 1
        body = json.dumps({"type": "alert", "category": "fatal_crash", **alert}).encode()
        headers = centre.signed(body, self.clock.now(), webhook_id or f"msg_{self.sent}")
        headers["content-type"] = "application/json"
        return self.http.post(f"{self.url}/hooks/alerts/control-room", body, headers=headers)

    def report(self, **alert: Any) -> str:
        """Send an alert at Aalst and let its first messages leave; return the reference."""
        answer = self.post(**({"place": {"postcode": "9400"}} | alert))
        assert answer.status_code == 202, answer.text
        self.engine.drain()
        return str(answer.json()["reference"])

    def pass_time(self, seconds: float) -> None:
        """Let time pass; the engine does what falls due at its own instant."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while True:
            with self.parts.store.read() as session:
                due_at = callouts.next_due(session)
            if due_at is None or due_at > end:
                break
            self.clock.set(max(self.clock.now(), due_at))
            self.engine.drain()
        self.clock.set(end)
        self.engine.drain()

    def incident(self, reference: str) -> dict[str, Any]:
        """Ask the interface what became of an incident."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        answer = self.http.get(f"{self.url}/api/v1/incidents/{reference}", headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def status(self, reference: str) -> str:
        """Return the state of the incident's only callout."""
        (callout,) = self.incident(reference)["callouts"]
        return str(callout["status"])

    def code(self, number: str) -> str:
        """Return the code of the newest call-out on a phone."""
        texts = [m["body"] for m in self.twilio.messages(number, kind="sms", direction="out")]
        words = {word.strip(".,") for word in texts[-1].split()}
        (found,) = {word for word in words if word.isdigit()}
        return str(found)

    def reply(self, number: str, body: str) -> None:
        """Answer from a phone, and let what follows leave."""
        before = self._taken_in()
        self.twilio.reply(number, body)
        self.twilio.wait_until(lambda: self._taken_in() > before)
        self.engine.drain()

    def _taken_in(self) -> int:
        with self.parts.store.read() as session:
            return session.scalar(sa.select(sa.func.count(InboundText.id))) or 0


@pytest.fixture
def zone(database: str, clock: ManualClock, tmp_path: Path) -> Iterator[Zone]:
    """A running centre at a Saturday afternoon, its phones all in order."""
    console: dict[str, Flask] = {}

    def app(*call: Any) -> Any:
        return console["app"](*call)

    # The supplier ends before the console it calls back, and the console before its database.
    with ExitStack() as ending:
        url = ending.enter_context(served(app))
        twilio = ending.enter_context(
            SimulatedTwilio.in_thread(
                f"{url}/hooks/twilio/sms", voice_url=f"{url}/hooks/twilio/incoming"
            )
        )
        parts = _parts(twilio, url, database, clock, tmp_path)
        console["app"] = create_app(parts)
        cast = centre.build(parts.store)
        with parts.store.write() as session:
            scopes = ["incidents:read"]
            key = accounts.create_api_key(session, "test", None, scopes, centre.ADA, clock.now())
        engine = Engine(parts)
        zone = Zone(parts, engine, twilio, clock, cast, key, url)
        yield zone
        engine.stop()
        zone.http.close()
    # Whoever was still answering a callback gives its connection back first.
    pool = parts.store.engine.pool
    assert isinstance(pool, sa.QueuePool)
    SimulatedTwilio.wait_until(lambda: pool.checkedout() == 0)
    parts.store.close()


def _parts(
    twilio: SimulatedTwilio, url: str, database: str, clock: ManualClock, folder: Path
) -> Parts:
    settings = settings_.load(
        {
            "DISPATCH_DATA_DIR": str(folder),
            "DISPATCH_DATABASE_URL": database,
            "DISPATCH_WEB__PUBLIC_URL": url,
            **twilio.environment(url),
        }
    )
    store = Store(database, settings=settings, installation_key=INSTALLATION_KEY)
    return Parts(settings, store, clock, channels(settings, clock))
