"""A watchdog outside is told once when something goes wrong and once when it is over."""

from dataclasses import replace

import pytest

from dispatch import signatures, wiring
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.intake.models import Source
from dispatch.settings import Settings
from dispatch.vigil import judging, promises, wrongs
from dispatch.vigil import outside as outside_
from dispatch.vigil.models import Trouble, Wrong
from dispatch.vigil.outside import BEGAN, ENDED, due
from dispatch.vigil.sentry import Sentry
from dispatch.wiring import Parts
from tests import centre
from tests.channels.mailboxes import Mailbox
from tests.channels.mailboxes import listening as mail_listening
from tests.vigil.conftest import Watched, listening, with_watchdog


def standing(store: Store) -> list[Wrong]:
    with store.read() as session:
        return list(wrongs.standing(session, [1]))


@pytest.mark.parametrize(
    ("told", "ended", "expected"),
    [
        ({}, False, [("mail", BEGAN), ("webhook", BEGAN)]),
        ({"mail": BEGAN}, False, [("webhook", BEGAN)]),
        ({"mail": BEGAN, "webhook": BEGAN}, False, []),
        ({"mail": BEGAN, "webhook": BEGAN}, True, [("mail", ENDED), ("webhook", ENDED)]),
        ({"mail": ENDED, "webhook": ENDED}, True, []),
        ({}, True, [("mail", ENDED), ("webhook", ENDED)]),
    ],
)
def test_each_way_is_told_of_the_beginning_and_of_the_end(told, ended, expected):
    assert due(told, ended, ["mail", "webhook"]) == expected


def test_an_engine_that_stops_is_told_by_the_web_once_whoever_looks(
    store: Store, settings: Settings, clock: ManualClock, cast: centre.Centre
):
    with listening() as outside:
        chosen = with_watchdog(settings, outside)
        web, other = Watched(store, chosen, clock), Watched(store, chosen, clock)
        other.sentry.watchdog = outside_.Watchdog(other.sentry.parts, "there:9")
        for one in (web, other):
            one.sentry.look()
        assert standing(store) == []
        web.later("web", seconds=10)
        for one in (web, other):
            one.sentry.look()
            one.sentry.watchdog.tell()
        (wrong,) = standing(store)
        assert (wrong.trouble, wrong.told) == (Trouble.ENGINE, {"webhook": BEGAN})
        web.later("web", "engine", seconds=30)
        for one in (web, other):
            one.sentry.look()
            one.sentry.watchdog.tell()
        assert standing(store) == []
    assert [(one["type"], one["trouble"]) for one in outside.told] == [
        ("trouble.began", "engine"),
        ("trouble.ended", "engine"),
    ]
    assert outside.told[0]["text"].startswith("The engine does not run: nobody is paged.")
    for headers, body in zip(outside.headers, outside.bodies, strict=True):
        named = {name.lower(): value for name, value in headers.items()}
        assert signatures.is_signed([centre.SECRET], named, body, clock.now())


def test_one_process_tells_while_another_waits(
    store: Store, settings: Settings, clock: ManualClock, cast: centre.Centre
):
    with listening() as outside:
        watched = Watched(store, with_watchdog(settings, outside), clock)
        watched.later("web", seconds=10)
        watched.sentry.look()
        first = watched.sentry.watchdog
        second, meanwhile = outside_.Watchdog(watched.sentry.parts, "there:9"), []
        post = first._ways[outside_.WEBHOOK]

        def slowly(one: Wrong, word: str) -> bool:
            meanwhile.append(second.tell())
            return post(one, word)

        first._ways[outside_.WEBHOOK] = slowly
        assert [first.tell(), second.tell()] == [1, 0]
    assert (meanwhile, len(outside.told)) == ([0], 1)


def test_what_does_not_arrive_is_told_again_later_and_nothing_is_said_of_being_well(
    store: Store, settings: Settings, clock: ManualClock, cast: centre.Centre, monkeypatch
):
    with listening() as outside:
        watched = Watched(store, with_watchdog(settings, outside), clock)
        watchdog, passed = watched.sentry.watchdog, [0.0]
        monkeypatch.setattr(outside_.clock, "monotonic", lambda: 1000.0 + passed[0])
        assert watchdog.ping()
        watched.later("web", seconds=10)
        watched.sentry.look()
        outside.status = 503
        assert [watchdog.tell(), watchdog.tell(), watchdog.ping()] == [0, 0, False]
        assert len(outside.bodies) == 1
        outside.status, passed[0] = 204, 6
        assert [watchdog.tell(), watchdog.tell()] == [1, 0]
    assert (len(outside.bodies), len(outside.told), outside.pings) == (2, 1, 1)
    assert outside.headers[0]["Webhook-Id"] == outside.headers[1]["Webhook-Id"]


def test_it_is_said_that_we_live_while_engine_and_intake_do_and_whatever_else_is_wrong(
    store: Store, settings: Settings, clock: ManualClock, cast: centre.Centre
):
    with listening() as outside:
        watched = Watched(store, with_watchdog(settings, outside), clock)
        ping, other = (
            watched.sentry.watchdog.ping,
            Watched(store, watched.sentry.parts.settings, clock),
        )
        assert [ping(), ping(), other.sentry.watchdog.ping()] == [True, False, False]
        assert signatures.is_signed([centre.SECRET], outside.ping_headers[0], b"", clock.now())
        with store.write() as session:
            source = session.get_one(Source, cast.source_id)
            promises.promise(session, source, 1, centre.ADA, clock.now())
        watched.sentry.look()
        assert [one.trouble for one in standing(store)] == [Trouble.SOURCE]
        said = []
        for living in (("engine", "web"), ("engine",), ("web",), ("engine", "web")):
            watched.later(*living, seconds=58)
            said.append(ping())
        assert said == [True, False, False, True]
        watched.later("engine", "web", seconds=58)
        with store.write() as session:
            found = [judging.Found(Trouble.OVERDUE, clock.now())]
            wrongs.keep(session, found, [Trouble.OVERDUE], clock.now())
        assert not ping()


def test_a_watchdog_that_cannot_be_reached_is_on_the_console_until_it_is(
    store: Store, settings: Settings, clock: ManualClock, cast: centre.Centre
):
    with listening() as outside:
        watched, seen = Watched(store, with_watchdog(settings, outside), clock), []
        outside.status = 503
        for _ in range(5):
            watched.sentry.watchdog.ping()
            watched.sentry.look()
            seen.append([(one.trouble, one.about) for one in standing(store)])
            watched.later("engine", "web", seconds=6)
        assert seen == [[]] * 3 + [[(Trouble.WATCHDOG, "ping")]] * 2
        outside.status = 204
        watched.sentry.watchdog.ping()
        watched.sentry.look()
        assert standing(store) == []
        outside.status = 503
        for living in (("web",), ("engine", "web")):
            watched.later(*living, seconds=20)
            watched.sentry.look()
            watched.sentry.watchdog.tell()
    assert [(one.trouble, one.about) for one in standing(store)] == [(Trouble.WATCHDOG, "webhook")]


def test_a_mail_says_since_when_and_until_when(
    store: Store, settings: Settings, clock: ManualClock, cast: centre.Centre
):
    mailbox = Mailbox()
    with mail_listening(mailbox) as port:
        mail = replace(settings.mail, host="127.0.0.1", port=port, security="none", sender="a@b.be")
        told = replace(settings.watchdog, mail=("ict@zone.example", "room@zone.example"))
        centre_ = replace(settings.centre, language="en")
        chosen = replace(settings, mail=mail, watchdog=told, centre=centre_)
        parts = Parts(chosen, store, clock, wiring.channels(chosen, clock))
        sentry = Sentry(parts, "here:1")
        sentry.awake = lambda: 3600.0  # type: ignore[method-assign]
        sentry.look()
        assert sentry.watchdog.tell() == 1
    assert mailbox.recipients == ["ict@zone.example", "room@zone.example"]
    assert mailbox.letters[0]["Subject"] == (
        "DISPATCH WATCH: Dispatch: The engine does not run: nobody is paged. Ring people yourself "
        "and have it started."
    )
    assert "Since Sat 14 Mar 14:02." in mailbox.letters[0].get_content()
