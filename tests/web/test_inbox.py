"""What waits for a planner: what deciding means is shown, deciding is one tap, and whose it is."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dispatch.people import staff
from dispatch.people.models import Membership, Person, Role
from dispatch.rota.models import Absence, AbsenceKind, Answer
from tests.centre import ADA, NOW
from tests.web.conftest import Browser, Web
from tests.web.rotas import text

WEEK = timedelta(days=7)


@pytest.fixture
def petra(web: Web) -> Browser:
    return web.as_role(Role.PLANNER)


@pytest.fixture
def number(web: Web) -> int:
    """An asks for leave during her turn."""
    return asked(web, "An")


def asked(web: Web, name: str, answer: Answer = Answer.ASKED, kind: str = "leave") -> int:
    with web.store.write() as session:
        absence = Absence(
            person_id=web.centre.people[name].id,
            kind=AbsenceKind(kind),
            starts_at=NOW + timedelta(days=2),
            ends_at=NOW + WEEK,
            answer=answer,
            asked_at=NOW,
            asked_by=name,
            answered_at=NOW if answer is not Answer.ASKED else None,
        )
        session.add(absence)
        session.flush()
        return absence.id


def answer_of(web: Web, number: int) -> tuple[Answer, str]:
    with web.store.read() as session:
        absence = session.get_one(Absence, number)
        return absence.answer, absence.reason


def test_a_request_shows_what_deciding_it_means(web, petra, number):
    asked(web, "Chloé", Answer.APPROVED, "training")
    shown = text(petra.get("/rota/support/requests"))
    assert "An Peeters asked 0 s Mon 16 Mar 14:02 – Sat 21 Mar 14:02 leave" in shown
    assert "Published turns that this leaves empty: Mon 16 Mar 14:02 – Wed 18 Mar 14:02" in shown
    assert "Away then already: Chloé Dubois (Mon 16 Mar 14:02" in shown


def test_approving_is_one_tap_and_names_what_is_empty_now(web, petra, number):
    done = petra.post(f"/rota/support/requests/absence/{number}/approve")
    assert (done.status_code, done.location) == (303, "/rota/support/requests")
    assert answer_of(web, number)[0] is Answer.APPROVED
    shown = text(petra.get(done.location))
    assert "Approved. Published turns that now need somebody else: 1." in shown
    assert "Turns whose holder is away 1" in shown
    assert '<span class="count">1</span>' in petra.get("/rota/support/drafts").text
    assert "An Peeters is away: leave" in shown
    assert '/shifts/shift-primary/cover"' in petra.get(done.location).text


def test_refusing_needs_a_reason_that_the_person_reads(web, petra, number):
    path = f"/rota/support/requests/absence/{number}/refuse"
    silent = petra.post(path, {"reason": " "})
    assert silent.status_code == 422
    assert "Say why: the person reads it." in text(silent)
    assert petra.post(path, {"reason": "Too few are left"}).status_code == 303
    assert answer_of(web, number) == (Answer.REFUSED, "Too few are left")
    assert "Too few are left" in text(web.browser(web.centre.people["An"]).get("/turns/absences"))


def test_an_answer_that_came_too_late_is_said(web, petra, number):
    path = f"/rota/support/requests/absence/{number}/approve"
    petra.post(path)
    late = petra.post(path)
    assert late.status_code == 422
    assert "This absence was answered meanwhile." in text(late)


def test_with_nothing_to_decide_the_screen_says_so(petra):
    assert "Nothing waits for you" in text(petra.get("/rota/support/requests"))


def test_who_only_reads_the_rota_decides_nothing_and_a_stranger_finds_nothing(web, number):
    path = f"/rota/support/requests/absence/{number}/approve"
    for role in (Role.DISPATCHER, Role.ADMINISTRATOR):
        reader = web.as_role(role)
        assert reader.get("/rota/support/requests").status_code == 403
        assert reader.post(path).status_code == 403
    an = web.browser(web.centre.people["An"])
    stranger = web.as_role(Role.PLANNER, zone=web.leie)
    for browser in (an, stranger):
        assert browser.get("/rota/support/requests").status_code == 404
        assert browser.get("/rota/support/requests/list").status_code == 404
        assert browser.post(path).status_code == 404
    assert answer_of(web, number)[0] is Answer.ASKED


def test_an_absence_of_another_team_or_none_is_not_there(web, petra, number):
    assert petra.post("/rota/support/requests/absence/99999/approve").status_code == 404
    assert petra.post(f"/rota/support/requests/absence/{number}/eat").status_code == 404
    assert petra.post(f"/rota/other/requests/absence/{number}/approve").status_code == 404
    with web.store.write() as session:
        session.execute(
            sa.text("UPDATE membership SET until_on = '2021-01-01' WHERE person_id = 1")
        )
    assert petra.get("/rota/support/requests").status_code == 200


def test_a_team_left_years_ago_and_a_planner_from_elsewhere_learn_no_more_than_they_need(
    web, number
):
    elsewhere = web.add("Lars", zone=web.leie)
    with web.store.write() as session:
        an = session.get_one(Person, web.centre.people["An"].id)
        there = session.get_one(Person, elsewhere.id)
        staff.grant(session, there, Role.PLANNER, ADA, NOW, team=web.centre.team)
        member = session.scalars(sa.select(Membership).where(Membership.person_id == an.id)).one()
        member_id = member.id
    shown = text(web.browser(elsewhere).get("/rota/support/requests"))
    assert "An Peeters asked 0 s Mon 16 Mar 14:02 – Sat 21 Mar 14:02 away" in shown
    assert "leave" not in shown.replace("leaves empty", "").partition("An Peeters")[2][:60]
    with web.store.write() as session:
        session.get_one(Membership, member_id).until_on = date(2021, 1, 1)
    shown = text(web.browser(elsewhere).get("/rota/support/requests"))
    assert "An Peeters asked" not in shown


def test_the_list_is_fetched_anew_only_when_something_changed(web, petra, number):
    first = petra.get("/rota/support/requests/list")
    assert "<html" not in first.text
    again = {"If-None-Match": first.headers["ETag"]}
    assert petra.get("/rota/support/requests/list", headers=again).status_code == 304
    petra.post(f"/rota/support/requests/absence/{number}/approve")
    assert petra.get("/rota/support/requests/list", headers=again).status_code == 200
