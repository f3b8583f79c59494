"""Check-ins on screens: behind the link of a text, on duty, and tests of one's own telephones."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.checks import rounds
from dispatch.checks.models import Check, CheckEnd, CheckTerms, ReminderChoice
from dispatch.outbox import queue
from dispatch.outbox.models import Message
from dispatch.paging import reached
from dispatch.people import accounts
from dispatch.people.models import ContactMethod, MethodKind, Role
from dispatch.rota.models import Line
from dispatch.vigil.sentry import Sentry
from dispatch.wiring import Parts
from tests.centre import ADA, NOW
from tests.web.conftest import Web
from tests.web.rotas import entered, text

HANDOVER = NOW + timedelta(days=4)


@pytest.fixture
def silent(web: Web) -> Check:
    """Chloé takes over from An and answers nothing until everybody is told."""
    entered(web, "Chloé", HANDOVER)
    for minutes in (-30, -20, -10, 0, 10):
        web.clock.set(HANDOVER + timedelta(minutes=minutes))
        go(web)
    Sentry(Parts(web.settings, web.store, web.clock), "engine").look()
    return check(web)


def go(web: Web) -> None:
    rounds.go(web.store, "engine", web.clock.now(), reached.engaged)


def check(web: Web) -> Check:
    with web.store.read() as session:
        return session.scalars(sa.select(Check).order_by(Check.id.desc())).first()


def texts(web: Web) -> list[str]:
    with web.store.read() as session:
        found = session.scalars(sa.select(Message).order_by(Message.id))
        return [queue.text_of(session, one) for one in found]


def test_the_link_of_a_text_is_answered_without_sign_in_cookie_or_token(web, silent):
    link = re.search(r"/c/[a-z]+", next(one for one in texts(web) if "YES 1" in one))[0]
    phone = web.app.test_client(use_cookies=False)
    assert "Are you on duty, and reached here?" in text(phone.get(link))
    assert check(web).answered_at is None, "looking is no answer"
    assert phone.post(link, data={"answer": "yes"}).status_code == 303
    assert "You are on duty." in text(phone.get(link))
    assert (check(web).outcome, check(web).answered_by) == (CheckEnd.ANSWERED, "link")
    assert phone.get("/c/ghijkm").status_code == 404


def test_the_board_says_who_does_not_answer_and_keeps_who_was_rung(web, silent):
    dora = web.as_role(Role.DISPATCHER)
    shown = text(dora.get("/board"))
    assert "no answer to the check-in: ring. An Peeters was asked to stay." in shown
    needs = "Victim support: Chloé Dubois, whose turn is from Wed 18 Mar 14:02, has not answered"
    assert f"{needs} the check-in. Ring them." in shown
    an = web.browser(web.centre.people["An"])
    path = f"/checks/{silent.uid}/reached"
    assert an.post(path).status_code == 403
    assert dora.post(path).status_code == 303
    assert "checked in" in text(dora.get("/on-duty"))
    assert check(web).answered_by == "DISPATCHER@dender.example".lower()


def test_machines_read_who_is_not_reached(web, silent):
    with web.store.write() as session:
        key = accounts.create_api_key(session, "k", None, ["rota:read"], ADA, NOW)
    headers = {"Authorization": f"Bearer {key}"}
    answer = web.app.test_client().get("/api/v1/on-duty?team=support", headers=headers)
    chloe = web.centre.people["Chloé"]
    assert answer.json["check_ins"] == [
        {
            "person": {"id": chloe.id, "name": "Chloé Dubois"},
            "begins": "2026-03-18T13:02:00Z",
            "state": "silent",
            "at": "2026-03-18T12:32:00Z",
        }
    ]


def test_an_owner_tests_a_telephone_and_chooses_reminders(web):
    an = web.browser(web.centre.people["An"])
    shown = an.get("/account").text
    path = re.search(r"/account/methods/[^/]+/test", shown)[0]
    assert an.post(path).status_code == 303
    assert texts(web)[-1].startswith("TEST: no call-out. Answer YES 1")
    assert "test sent" in text(an.get("/account"))
    for _ in range(4):
        an.post(path)
    assert an.post(path).status_code == 409, "not without end"
    assert an.post("/account/reminder", {"hours": "6", "by": "mail"}).status_code == 303
    with web.store.read() as session:
        chosen = session.scalars(sa.select(ReminderChoice)).one()
    assert (chosen.hours, chosen.by_mail) == (6, True)
    bert = web.browser(web.centre.people["Bert"])
    assert bert.post(path).status_code == 404


def test_whoever_plans_chooses_when_people_are_asked(web):
    petra = web.as_role(Role.PLANNER)
    fields = {"do": "choose", "lead_minutes": "15", "wait_minutes": "5", "reminder_hours": "0"}
    assert petra.post("/rota/support/setup/checks", fields).status_code == 303
    with web.store.read() as session:
        held = session.scalars(sa.select(CheckTerms)).one()
    assert (held.check_ins, held.lead_minutes, held.reminder_hours) == (False, 15, 0)
    wrong = petra.post("/rota/support/setup/checks", fields | {"wait_minutes": "1"})
    assert wrong.status_code == 422
    assert "checked" not in petra.get("/rota/support/setup/checks").text


def test_an_administrator_gives_a_line_a_telephone_of_its_own(web):
    ada = web.as_role(Role.ADMINISTRATOR)
    an = web.centre.people["An"].id
    with web.store.read() as session:
        line = session.scalars(sa.select(Line.id).where(Line.key == "primary")).one()
    fields = {"address": "+32470123499", "kind": str(MethodKind.MOBILE), "line": line}
    assert ada.post(f"/people/{an}/add_phone", fields).status_code == 303
    assert "telephone of the line primary" in text(ada.get(f"/people/{an}"))
    second = fields | {"address": "+32470123498"}
    assert "has a telephone already" in text(ada.post(f"/people/{an}/add_phone", second))
    with web.store.read() as session:
        found = sa.select(ContactMethod).where(ContactMethod.line_id == line)
        assert session.scalars(found).one().person_id == an
    shown = text(web.as_role(Role.DISPATCHER).get("/on-duty"))
    assert "has not said that they have the line's telephone" in shown
