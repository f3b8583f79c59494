"""Who is in a team: joining, leaving, being away and returning, and who may enter it."""

import pytest
import sqlalchemy as sa

from dispatch.people.models import Membership, Role
from dispatch.rota.models import Absence, Answer
from tests.web.conftest import Browser, Web
from tests.web.rotas import text

PATH = "/rota/support/people"


@pytest.fixture
def petra(web: Web) -> Browser:
    return web.as_role(Role.PLANNER)


def place(web: Web, name: str) -> Membership:
    query = sa.select(Membership).where(Membership.person_id == web.centre.people[name].id)
    with web.store.read() as session:
        return session.scalars(query.order_by(Membership.from_on.desc())).first()


def absences(web: Web) -> list[Absence]:
    with web.store.read() as session:
        return list(session.scalars(sa.select(Absence)))


def test_somebody_who_is_known_joins_the_team(web, petra):
    somebody = web.add("Dieter Claes")
    assert (
        petra.post(f"{PATH}/join", {"who": str(somebody.id), "from_on": "2026-05-01"}).status_code
        == 303
    )
    shown = text(petra.get(PATH))
    assert "Dieter Claes from Fri 1 May 2026" in shown


def test_nobody_joins_who_is_in_it_already_or_of_another_zone(web, petra):
    stranger = web.add("Zoë Ver", zone=web.leie)
    for person in (web.centre.people["An"], stranger):
        answer = petra.post(f"{PATH}/join", {"who": str(person.id), "from_on": "2026-05-01"})
        assert answer.status_code == 422
        assert 'id="who-error"' in answer.text
    assert "Zoë Ver" not in petra.get(PATH).text


def test_whoever_leaves_leaves_turns_that_are_counted(web, petra):
    number = place(web, "An").id
    answer = petra.post(f"{PATH}/leave", {"membership": str(number), "last_on": "2026-03-16"})
    assert answer.status_code == 303
    shown = text(petra.get(PATH))
    assert "Turns after that day that need somebody else: 1." in shown
    assert "An Peeters until Mon 16 Mar 2026" in shown


def test_a_long_leave_has_no_end_until_somebody_returns(web, petra):
    an = str(web.centre.people["An"].id)
    away = {"person": an, "kind": "leave", "first_on": "2026-03-10", "last_on": ""}
    assert petra.post(f"{PATH}/away", away).status_code == 303
    (absence,) = absences(web)
    assert (absence.answer, absence.ends_at) == (Answer.APPROVED, None)
    shown = text(petra.get(PATH))
    assert "Published turns that need somebody else: 1." in shown
    assert "from Tue 10 Mar on leave away now" in shown
    back = {"absence": str(absence.id), "back_on": "2026-06-01"}
    assert petra.post(f"{PATH}/return", back).status_code == 303
    assert "Tue 10 Mar – Sun 31 May" in text(petra.get(PATH))
    later = {"person": an, "kind": "leave", "first_on": "2026-07-01", "last_on": "2026-07-02"}
    petra.post(f"{PATH}/away", later)
    assert "Stored. It leaves no published turn empty." in text(petra.get(PATH))


def test_an_overlap_is_refused_beside_the_day(web, petra):
    away = {"person": str(web.centre.people["An"].id), "kind": "sick", "first_on": "2026-03-10"}
    petra.post(f"{PATH}/away", away)
    refused = petra.post(f"{PATH}/away", {**away, "first_on": "2026-04-01"})
    assert refused.status_code == 422
    assert "An Peeters is away already: illness from Tue 10 Mar 00:00 on (approved)." in text(
        refused
    )
    assert 'id="first_on-error"' in refused.text


def test_only_who_plans_the_team_enters_anything(web):
    number = str(place(web, "An").id)
    posted = {"membership": number, "last_on": "2026-03-16"}
    assert web.as_role(Role.ADMINISTRATOR).post(f"{PATH}/leave", posted).status_code == 403
    for browser in (
        web.as_role(Role.PLANNER, zone=web.leie),
        web.browser(web.centre.people["An"]),
    ):
        assert browser.get(PATH).status_code == 404
        assert browser.post(f"{PATH}/leave", posted).status_code == 404
    assert place(web, "An").until_on is None


def test_what_is_not_of_this_team_is_not_there(web, petra):
    assert petra.post(f"{PATH}/eat").status_code == 404
    assert (
        petra.post(f"{PATH}/return", {"absence": "99", "back_on": "2026-06-01"}).status_code == 404
    )
    missing = petra.post(f"{PATH}/leave", {"membership": "99", "last_on": "2026-03-16"})
    assert missing.status_code == 422
