"""A centre whose engine and web are only as alive as a test says, and a watchdog outside."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from flask import Flask, Response, request

from dispatch import upkeep
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.settings import Settings
from dispatch.vigil.sentry import Sentry
from dispatch.wiring import Parts
from tests import centre
from tests.simulated import served


@dataclass
class Outside:
    """A server that does not depend on the centre: keeps what it is told, and refuses on demand."""

    url: str = ""
    status: int = 204
    told: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    pings: int = 0
    ping_headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Outside]:
    outside, app = Outside(), Flask("outside")

    @app.post("/told")
    def told() -> Response:
        outside.bodies.append(request.get_data())
        outside.headers.append(dict(request.headers))
        if outside.status < 300:
            outside.told.append(json.loads(request.get_data()))
        return Response(status=outside.status)

    @app.get("/well")
    def well() -> Response:
        outside.ping_headers.append({k.lower(): v for k, v in request.headers.items()})
        outside.pings += outside.status < 300
        return Response(status=outside.status)

    with served(app) as outside.url:
        yield outside


@pytest.fixture
def cast(store: Store) -> centre.Centre:
    return centre.build(store)


class Watched:
    """A process that looks after a centre, and the hearts of the others."""

    def __init__(self, store: Store, settings: Settings, clock: ManualClock) -> None:
        self.store, self.clock = store, clock
        self.sentry = Sentry(Parts(settings, store, clock), "here:1")
        self.sentry.awake = lambda: 3600.0  # type: ignore[method-assign]
        self.alive("engine", "web")

    def alive(self, *names: str) -> None:
        with self.store.write() as session:
            for name in names:
                upkeep.beat(session, name, "there:2", self.clock.now())

    def later(self, *names: str, **delta: float) -> None:
        """Let time pass; these live on."""
        self.clock.advance(**delta)
        self.alive(*names)


@pytest.fixture
def watched(store: Store, settings: Settings, clock: ManualClock, cast: centre.Centre) -> Watched:
    return Watched(store, settings, clock)


def with_watchdog(settings: Settings, outside: Outside) -> Settings:
    chosen = replace(
        settings.watchdog,
        url=f"{outside.url}/told",
        secrets=(centre.SECRET,),
        ping_url=f"{outside.url}/well",
    )
    return replace(settings, watchdog=chosen)
