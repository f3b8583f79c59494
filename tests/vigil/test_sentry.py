"""What a process looks at, from the rows: a source that is silent, an engine that is gone."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask

from dispatch import upkeep, wiring
from dispatch.channels import wire
from dispatch.clock import SystemClock
from dispatch.db import Store
from dispatch.intake.models import Source
from dispatch.settings import Settings
from dispatch.vigil import promises, wrongs
from dispatch.vigil.models import Trouble, Wrong
from dispatch.vigil.sentry import Sentry
from dispatch.wiring import Parts
from tests import centre
from tests.simulated import served
from tests.vigil.conftest import Watched


def round_of_a_web(watched: Watched) -> None:
    for duty, _ in watched.sentry.duties():
        duty()


def standing(watched: Watched, organisation_id: int) -> list[Wrong]:
    with watched.store.read() as session:
        return list(wrongs.standing(session, [organisation_id]))


def test_a_source_that_breaks_its_promise_is_told_to_its_organisation(
    watched: Watched, cast: centre.Centre
):
    mine = cast.organisation.id
    with watched.store.write() as session:
        source = session.get_one(Source, cast.source_id)
        source.last_delivery_at = centre.NOW
        promises.promise(session, source, 60, centre.ADA, centre.NOW)
    found = []
    for minutes in (59, 2):
        watched.later("engine", "web", minutes=minutes)
        watched.sentry.look()
        found.append([one.trouble for one in standing(watched, mine)])
    assert found == [[], [Trouble.SOURCE]]
    assert standing(watched, mine + 1) == []
    (wrong,) = standing(watched, mine)
    assert wrongs.said(wrong, "nl").startswith("Control room heeft al meer dan 60 minuten niets")
    sender = centre.Sender(watched.store, cast)
    sender.send({"type": "test"}, after=timedelta(minutes=61))
    watched.sentry.look()
    assert standing(watched, mine) == []


def test_a_web_process_lives_and_takes_over_only_from_an_engine_that_is_gone(
    watched: Watched, cast: centre.Centre
):
    mine = cast.organisation.id
    round_of_a_web(watched)
    assert standing(watched, mine) == []
    with watched.store.read() as session:
        assert len(upkeep.living(session, "web", watched.clock.now(), 1)) == 2
    watched.later(seconds=8)
    round_of_a_web(watched)
    assert [one.trouble for one in standing(watched, mine)] == [Trouble.ENGINE]


class Behind(SystemClock):
    """A machine whose clock is an hour late."""

    def now(self) -> datetime:
        return super().now() - timedelta(hours=1)


def test_clocks_of_the_database_and_of_a_supplier_are_compared_with_ours(
    store: Store, settings: Settings, cast: centre.Centre, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # A supplier of this machine has our clock: that is not asked.
    monkeypatch.setattr(wire, "is_local", lambda _url: False)
    with served(Flask("supplier")) as url:
        twilio = replace(settings.twilio, account_sid="AC1", auth_token="x", api_base=url)
        chosen = replace(settings, twilio=twilio)
        channels = wiring.channels(chosen, Behind())
        sentry = Sentry(Parts(chosen, store, Behind(), channels), "here:1")
        sentry.compare_clocks()
    asked = ["twilio"] if store.is_sqlite else ["PostgreSQL", "twilio"]
    assert sorted(sentry.skews) == asked
    assert all(abs(skew - 3600) < 2 for skew in sentry.skews.values())
