"""Whether the centre works, for monitors and for the header."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch import db, upkeep, wiring
from dispatch.channels.contract import Kind, Outcome, State
from dispatch.channels.gateway import GatewayChannel
from dispatch.channels.mail import MailChannel
from dispatch.clock import monotonic
from dispatch.outbox import suppliers as suppliers_
from dispatch.outbox.models import Message, Purpose
from dispatch.people.models import Role
from dispatch.vigil import wrongs
from dispatch.vigil.judging import Found
from dispatch.vigil.models import Trouble
from dispatch.web import session, suppliers
from tests.centre import NOW
from tests.web.conftest import Web
from tests.writer import Writer


def beat(web: Web, seconds_ago: float = 0.0, **facts: object) -> None:
    with web.store.write() as session:
        upkeep.beat(session, "engine", "here", NOW - timedelta(seconds=seconds_ago), **facts)


def message(web: Web, status: State = State.PENDING, **facts) -> None:
    with web.store.write() as session:
        session.add(
            Message(
                uid=f"message-{session.scalar(sa.select(sa.func.count()).select_from(Message))}",
                organisation_id=web.centre.organisation.id,
                kind=Kind.SMS,
                purpose=Purpose.CALLOUT,
                sealed_address="",
                sealed_text="",
                status=status,
                created_at=NOW,
                expires_at=NOW + timedelta(minutes=30),
                **facts,
            )
        )


def health(web: Web) -> tuple[int, dict[str, object]]:
    answer = web.anonymous().get("/health")
    return answer.status_code, json.loads(answer.data)


def test_a_centre_with_a_live_engine_is_well(web: Web):
    beat(web, 1.5, skews={"PostgreSQL": 0.4})
    assert health(web) == (
        200,
        {
            "status": "ok",
            "database": "ok",
            "database_writer": None,
            "engine_heartbeat_seconds": 1.5,
            "oldest_due_message_seconds": 0,
            "clock_set_seconds": None,
            "clock_skew_seconds": {"PostgreSQL": 0.4},
            "troubles": [],
            "sms_refused": [],
            "no_callback_since": None,
        },
    )


@pytest.mark.parametrize(("seconds", "status"), [(10, 200), (10.5, 503), (3600, 503)])
def test_a_silent_engine_turns_it_red(web: Web, seconds: float, status: int):
    beat(web, seconds)
    assert health(web)[0] == status


def test_an_engine_that_never_ran_turns_it_red(web: Web):
    status, report = health(web)
    assert (status, report["status"], report["engine_heartbeat_seconds"]) == (503, "red", None)


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (10, 200), (11, 503)])
def test_an_overdue_message_turns_it_red(web: Web, seconds: int, status: int):
    beat(web)
    message(web, due_at=NOW - timedelta(seconds=seconds))
    found, report = health(web)
    assert (found, report["oldest_due_message_seconds"]) == (status, seconds)


def test_without_a_database_it_is_red_and_not_ready(web: Web, monkeypatch: pytest.MonkeyPatch):
    def gone(*_args, **_kwargs):
        raise sa.exc.OperationalError("", {}, Exception())

    assert web.anonymous().get("/ready").status_code == 200
    monkeypatch.setattr(web.store.engine.pool, "connect", gone)
    assert health(web)[0] == 503
    assert health(web)[1]["database"] == "unavailable"
    assert web.anonymous().get("/ready").status_code == 503


@pytest.mark.sqlite  # PostgreSQL ends what is frozen in the middle of a transaction
def test_a_process_that_lets_nobody_else_write_is_named(web: Web, monkeypatch: pytest.MonkeyPatch):
    beat(web)
    with Writer(web.store) as engine:
        engine.begin()
        engine.freeze()
        assert health(web)[0] == 200
        began = monotonic()
        monkeypatch.setattr(db, "monotonic", lambda: began + 12)
        status, report = health(web)
    assert (status, report["status"], report["database"]) == (503, "red", "locked")
    assert report["database_writer"] == {"pid": engine.pid, "seconds": 12}
    assert health(web)[0] == 200


def test_a_heartbeat_in_the_future_is_a_fault(web: Web):
    beat(web, -3600)
    status, report = health(web)
    assert (status, report["engine_heartbeat_seconds"]) == (503, None)
    assert report["clock_set_seconds"] == -3600
    assert "dispatch_clock_set_seconds -3600.0" in web.anonymous().get("/metrics").text
    shown = web.as_role(Role.PLANNER).get("/account").text
    assert 'data-kind="critical" role="alert"' in shown
    assert "The clock was set back by 3600 s" in shown


def test_a_request_that_had_to_wait_does_not_take_the_clock_for_set_back(web: Web):
    @web.app.before_request
    def wait():
        session.now()
        web.clock.advance(seconds=9)
        beat(web, 0)

    status, report = health(web)
    assert (status, report["clock_set_seconds"]) == (200, None)
    assert "The clock was set" not in web.as_role(Role.PLANNER).get("/account").text


def test_a_clock_that_was_set_while_the_engine_ran_is_told_and_no_fault(web: Web):
    beat(web, 1, clock_set_seconds=-3600.2)
    status, report = health(web)
    assert (status, report["clock_set_seconds"]) == (200, -3600.2)
    shown = web.as_role(Role.PLANNER).get("/account").text
    assert 'data-kind="waiting" role="alert"' in shown
    assert "The clock was set by -3600 s a moment ago" in shown


def test_a_process_is_ready_although_the_engine_is_silent(web: Web):
    assert web.anonymous().get("/ready").status_code == 200


def test_figures_are_counted_and_name_nobody(web: Web):
    beat(web, 2)
    message(web, State.SENT, resent=1)
    message(web, State.SENT)
    message(web, due_at=NOW - timedelta(seconds=4))
    figures = web.anonymous().get("/metrics").text
    for line in (
        "dispatch_engine_heartbeat_seconds 2.0",
        "dispatch_oldest_due_message_seconds 4.0",
        'dispatch_messages{kind="sms",state="sent"} 2.0',
        'dispatch_messages{kind="sms",state="pending"} 1.0',
        "dispatch_messages_resent 1.0",
        "dispatch_strangers_not_answered 0.0",
    ):
        assert line in figures
    for name in ("An Peeters", "Peeters", "+32", "470"):
        assert name not in figures


def test_a_missing_heartbeat_is_no_number(web: Web):
    assert "dispatch_engine_heartbeat_seconds NaN" in web.anonymous().get("/metrics").text


@pytest.mark.parametrize(
    ("seconds", "state", "banner"),
    [(1, "running", False), (5, "late", False), (40, "stopped", True)],
)
def test_every_screen_says_whether_the_engine_runs(
    web: Web, seconds: int, state: str, banner: bool
):
    beat(web, seconds)
    shown = web.as_role(Role.PLANNER).get("/account").text
    assert f'data-state="{state}"' in shown
    assert ("nobody is paged" in shown) is banner


def texts(web: Web) -> str:
    with web.app.test_request_context():
        return suppliers.state()["state"]


@pytest.fixture
def supplied(web: Web) -> Web:
    """The centre with an account at a supplier, which nobody calls here."""
    twilio = replace(
        web.settings.twilio, account_sid="AC" + "0" * 32, auth_token="0" * 32, sender="+32460200200"
    )
    channels = wiring.channels(replace(web.settings, twilio=twilio), web.clock)
    web.app.extensions["parts"] = replace(web.app.extensions["parts"], channels=channels)
    return web


def test_without_a_supplier_texts_are_down(web: Web):
    assert texts(web) == "down"


def test_with_a_supplier_and_nothing_to_send_texts_work(supplied: Web):
    assert texts(supplied) == "working"


def test_a_text_that_failed_is_trouble(supplied: Web):
    message(supplied, State.SENT, sent_at=NOW, attempts=1)
    message(supplied, State.FAILED, failed_at=NOW, attempts=1)
    assert texts(supplied) == "trouble"


def test_when_nothing_at_all_goes_out_the_supplier_is_down(supplied: Web):
    message(supplied, State.UNKNOWN, attempts=1)
    assert texts(supplied) == "down"
    message(supplied, State.SENT, sent_at=NOW, attempts=1)
    assert texts(supplied) == "trouble"


def refused(web: Web, code: str = "20003") -> None:
    message(web, State.FAILED, failed_at=NOW, attempts=1, code=code, channel="twilio")


def test_a_refusal_by_the_supplier_is_told_everywhere_in_plain_words(supplied: Web):
    beat(supplied)
    refused(supplied)
    status, report = health(supplied)
    assert (status, report["status"]) == (200, "ok")
    meaning = "the supplier does not accept our account or token"
    (told,) = report["sms_refused"]
    assert (told["supplier"], told["code"], told["meaning"]) == ("twilio", "20003", meaning)
    figures = supplied.anonymous().get("/metrics").text
    assert 'dispatch_supplier_refusing{supplier="twilio"} 1.0' in figures
    shown = supplied.as_role(Role.DISPATCHER).get("/board").text
    assert 'data-kind="critical" role="alert"' in shown
    assert f"twilio refuses our messages since 14:02: {meaning} (20003)." in shown
    assert "Ring people yourself." in shown


def test_a_refusal_is_told_live_and_over_when_a_message_is_taken(supplied: Web):
    beat(supplied)
    desk = supplied.as_role(Role.DISPATCHER)
    before = desk.get("/live/centre")
    refused(supplied)
    asked = {"If-None-Match": before.headers["ETag"]}
    told = desk.get("/live/centre", headers=asked)
    assert (told.status_code, "refuses our messages" in told.text) == (200, True)
    message(supplied, State.SENT, sent_at=NOW + timedelta(seconds=1), channel="twilio")
    assert "refuses our messages" not in desk.get("/live/centre").text
    assert 'dispatch_supplier_refusing{supplier="twilio"} 0.0' in desk.get("/metrics").text


def test_the_meaning_of_a_refusal_is_said_in_the_viewers_language(supplied: Web):
    refused(supplied, "30002")
    desk = supplied.as_role(Role.DISPATCHER)
    desk.post("/language", {"language": "nl"})
    assert "onze rekening bij de leverancier is geschorst (30002)" in desk.get("/board").text


def with_another(web: Web, *kinds: Kind) -> None:
    """Let another supplier carry texts, and calls if so named."""
    parts = web.app.extensions["parts"]
    gateway = GatewayChannel(
        url="http://127.0.0.1:9",
        secrets=("a secret of the tests' own",),
        sender="",
        public_url="",
        clock=web.clock,
        pool=1,
    )
    gateway.kinds = frozenset({Kind.SMS, *kinds})
    channels = {**parts.channels, "gateway": gateway}
    web.app.extensions["parts"] = replace(parts, channels=channels)


def test_a_refusal_while_another_supplier_carries_all_is_no_reason_to_ring(supplied: Web):
    with_another(supplied, Kind.CALL)
    refused(supplied)
    assert texts(supplied) == "trouble"
    shown = supplied.as_role(Role.DISPATCHER).get("/board").text
    assert "Texts go by gateway instead. Calls go by gateway instead." in shown
    assert "Ring people" not in shown


def test_while_nothing_else_carries_calls_people_are_to_be_rung(supplied: Web):
    with_another(supplied)
    refused(supplied)
    shown = supplied.as_role(Role.DISPATCHER).get("/board").text
    assert (
        "Texts go by gateway instead. Nothing else carries calls, and a text wakes nobody. "
        "Ring people yourself." in shown
    )
    assert 'data-kind="critical" role="alert"' in shown


AWAY = Outcome(State.PENDING, code="connection", retry_after=2, fault=True)


def note(web: Web, name: str, *outcomes: Outcome) -> None:
    with web.store.write() as session:
        limits = web.settings.suppliers
        suppliers_.note(session, [(name, one) for one in outcomes], limits, web.clock.now())


def test_a_breaker_that_opens_is_on_the_board_until_it_closes(supplied: Web):
    with_another(supplied, Kind.CALL)
    desk = supplied.as_role(Role.DISPATCHER)
    before = desk.get("/live/centre").headers["ETag"]
    faults = supplied.settings.suppliers.faults_in_a_row
    note(supplied, "twilio", *[AWAY] * faults)
    told = desk.get("/live/centre", headers={"If-None-Match": before}).text
    assert "twilio refuses our messages since 14:02: it cannot be reached (connection)." in told
    assert "Texts go by gateway instead." in told
    assert "It is asked again at 14:02 whether it is well." in told
    supplied.clock.advance(minutes=1)
    assert "It is asked now whether it is well again." in desk.get("/live/centre").text
    sent = Outcome(State.SENT, "1")
    note(supplied, "twilio", sent)
    assert "gets one message to show it" in desk.get("/live/centre").text
    note(supplied, "twilio", sent)
    assert "twilio" not in desk.get("/live/centre").text


def test_mail_is_told_of_once_it_is_not_trusted_and_is_no_reason_to_ring(supplied: Web):
    parts = supplied.app.extensions["parts"]
    mail = MailChannel(host="127.0.0.1", port=9, sender="d@zone.example", clock=supplied.clock)
    channels = {**parts.channels, "mail": mail}
    supplied.app.extensions["parts"] = replace(parts, channels=channels)
    note(supplied, "mail", AWAY)
    assert texts(supplied) == "working"
    note(supplied, "mail", AWAY, AWAY)
    shown = supplied.as_role(Role.DISPATCHER).get("/board").text
    assert "mail refuses our messages" in shown and "Nothing else carries mail." in shown
    assert "Ring people" not in shown
    listed = supplied.as_role(Role.ADMINISTRATOR).get("/sources").text
    assert "texts, calls" in listed and "Nothing else carries mail." in listed


def test_callbacks_that_stay_out_are_told(supplied: Web):
    beat(supplied)
    for _ in range(3):
        sent = NOW - timedelta(seconds=11)
        message(supplied, State.SENT, sent_at=sent, attempts=1, channel="twilio")
    assert health(supplied)[1]["no_callback_since"] == "2026-03-14T13:01:49Z"
    assert "dispatch_callbacks_missing 1.0" in supplied.anonymous().get("/metrics").text
    shown = supplied.as_role(Role.DISPATCHER).get("/board").text
    assert "No callback since 14:01: replies may not be reaching us." in shown
    assert 'data-kind="waiting" role="alert"' in shown


def test_old_trouble_is_forgotten(supplied: Web):
    message(supplied, State.UNKNOWN, attempts=1)
    supplied.clock.advance(minutes=11)
    assert texts(supplied) == "working"


def test_no_screen_says_that_all_is_well_while_messages_wait(web: Web):
    beat(web, 1)
    message(web, due_at=NOW - timedelta(seconds=11))
    assert 'data-state="late"' in web.as_role(Role.PLANNER).get("/account").text


def test_what_is_wrong_and_whose_clock_differs_is_told_to_monitors(web: Web):
    beat(web, 1, skews={"PostgreSQL": -3.2})
    with web.store.write() as session:
        found = [
            Found(Trouble.CLOCK, NOW, "PostgreSQL"),
            Found(Trouble.SOURCE, NOW, "room", organisation_id=web.centre.organisation.id),
        ]
        wrongs.keep(session, found, list(Trouble), NOW)
    _, report = health(web)
    assert report["troubles"] == [{"trouble": "clock", "since": "2026-03-14T13:02:00Z"}]
    figures = web.anonymous().get("/metrics").text
    assert 'dispatch_troubles{trouble="clock"} 1.0' in figures
    assert 'dispatch_clock_skew_seconds{whose="PostgreSQL"} -3.2' in figures
