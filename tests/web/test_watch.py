"""Whether the centre works, for monitors and for the header."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch import db, upkeep, wiring
from dispatch.channels.contract import Kind, State
from dispatch.clock import monotonic
from dispatch.outbox.models import Message, Purpose
from dispatch.people.models import Role
from dispatch.web import watch
from tests.centre import NOW
from tests.web.conftest import Web
from tests.writer import Writer


def beat(web: Web, seconds_ago: float = 0.0, **facts: float) -> None:
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
    beat(web, 1.5)
    assert health(web) == (
        200,
        {
            "status": "ok",
            "database": "ok",
            "database_writer": None,
            "engine_heartbeat_seconds": 1.5,
            "oldest_due_message_seconds": 0,
            "clock_set_seconds": None,
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


def test_a_process_that_lets_nobody_else_write_is_named(web: Web, monkeypatch: pytest.MonkeyPatch):
    if not web.store.is_sqlite:
        pytest.skip("PostgreSQL ends what is frozen in the middle of a transaction")
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


def sms_state(web: Web) -> str:
    with web.app.test_request_context():
        return watch.sms_state()["state"]


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
    assert sms_state(web) == "down"


def test_with_a_supplier_and_nothing_to_send_texts_work(supplied: Web):
    assert sms_state(supplied) == "working"


def test_a_text_that_failed_is_trouble(supplied: Web):
    message(supplied, State.SENT, sent_at=NOW, attempts=1)
    message(supplied, State.FAILED, failed_at=NOW, attempts=1)
    assert sms_state(supplied) == "trouble"


def test_when_nothing_at_all_goes_out_the_supplier_is_down(supplied: Web):
    message(supplied, State.UNKNOWN, attempts=1)
    assert sms_state(supplied) == "down"
    message(supplied, State.SENT, sent_at=NOW, attempts=1)
    assert sms_state(supplied) == "trouble"


def test_old_trouble_is_forgotten(supplied: Web):
    message(supplied, State.UNKNOWN, attempts=1)
    supplied.clock.advance(minutes=11)
    assert sms_state(supplied) == "working"


def test_no_screen_says_that_all_is_well_while_messages_wait(web: Web):
    beat(web, 1)
    message(web, due_at=NOW - timedelta(seconds=11))
    assert 'data-state="late"' in web.as_role(Role.PLANNER).get("/account").text
