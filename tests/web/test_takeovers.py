"""The late one: said by whoever takes over, or keyed at a desk; at once, and undone by a tap."""

import pytest
import sqlalchemy as sa

from dispatch.people.models import Role
from dispatch.rota import terms
from dispatch.rota.duty import on_duty
from dispatch.rota.models import Swap
from tests.centre import ADA, NOW
from tests.web.conftest import Browser, Web
from tests.web.rotas import text

PRIMARY = "shift-primary|2026-03-11T13:02:00+00:00"
DESK = "/rota/support/taken-over"


@pytest.fixture
def chloe(web: Web) -> Browser:
    return web.browser(web.centre.people["Chloé"])


def primary(web: Web) -> str:
    with web.store.read() as session:
        return on_duty(session, web.centre.team, NOW).turns[0].person_name


def swap(web: Web) -> Swap | None:
    with web.store.read() as session:
        return session.scalars(sa.select(Swap).order_by(Swap.id.desc())).first()


def test_whoever_takes_over_says_so_and_it_holds_at_once(web, chloe):
    shown = text(chloe.get("/turns/take-over"))
    assert "An Peeters on duty now Victim support · primary" in shown
    done = chloe.post("/turns/take-over", {"turn": PRIMARY, "until": "2026-03-15T08:00"})
    assert (done.status_code, done.location) == (303, "/turns")
    assert primary(web) == "Chloé Dubois"
    shown = text(chloe.get("/turns"))
    assert "You have the turn until Sun 15 Mar 08:00." in shown
    assert "covers An Peeters" in shown


def test_whose_turn_it_was_has_it_back_with_one_tap(web, chloe):
    chloe.post("/turns/take-over", {"turn": PRIMARY, "until": ""})
    an = web.browser(web.centre.people["An"])
    assert "Chloé Dubois said to have your turn until Wed 18 Mar 14:02" in text(an.get("/turns"))
    path = f"/turns/swaps/{swap(web).id}/undo"
    assert chloe.post(path).status_code == 404
    assert an.post(path).status_code == 303
    assert primary(web) == "An Peeters"
    assert "said to have your turn" not in text(an.get("/turns"))
    assert an.post(path).status_code == 422


def test_a_dispatcher_keys_it_from_the_list_of_who_is_on_duty(web):
    dirk = web.as_role(Role.DISPATCHER)
    assert "/rota/support/taken-over?turn=shift-primary" in dirk.get("/board").text
    shown = dirk.get(DESK, query_string={"turn": PRIMARY})
    assert f'value="{PRIMARY}" required checked' in shown.text
    chloe = str(web.centre.people["Chloé"].id)
    done = dirk.post(DESK, {"turn": PRIMARY, "person": chloe, "until": ""})
    assert (done.status_code, done.location) == (303, "/board")
    assert primary(web) == "Chloé Dubois"
    assert "Chloé Dubois has the turn until Wed 18 Mar 14:02." in text(dirk.get("/board"))


def test_a_planner_looks_at_it_afterwards_and_may_undo_it(web, chloe):
    with web.store.write() as session:
        terms.choose(session, web.centre.team, ADA, NOW, swaps_approved=True)
    chloe.post("/turns/take-over", {"turn": PRIMARY, "until": ""})
    petra = web.as_role(Role.PLANNER)
    shown = text(petra.get("/rota/support/requests"))
    assert "Holds already; look at it 1 An Peeters Chloé Dubois" in shown
    assert "entered by Chloé Dubois" in shown
    path = f"/rota/support/requests/swap/{swap(web).id}"
    assert petra.post(f"{path}/approve").status_code == 303
    assert "Nothing waits for you" in text(petra.get("/rota/support/requests"))
    assert primary(web) == "Chloé Dubois"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"turn": "nothing"}, "turn"),
        ({"turn": PRIMARY, "until": "2026-03-20T08:00"}, "until"),
        ({"turn": PRIMARY, "until": "2026-03-14T08:00"}, "until"),
        ({"turn": PRIMARY, "until": "rubbish"}, "until"),
    ],
)
def test_what_cannot_be_taken_over_is_said_beside_the_field(web, chloe, fields, field):
    refused = chloe.post("/turns/take-over", fields)
    assert refused.status_code == 422
    assert f'id="{field}-error"' in refused.text
    assert primary(web) == "An Peeters"


def test_somebody_must_be_named_at_the_desk(web):
    refused = web.as_role(Role.DISPATCHER).post(DESK, {"turn": PRIMARY, "person": ""})
    assert refused.status_code == 422
    assert 'id="person-error"' in refused.text


def test_only_members_take_over_and_only_dispatchers_and_planners_write_it_down(web, chloe):
    posted = {"turn": PRIMARY, "person": str(web.centre.people["Chloé"].id)}
    outsider = web.browser(web.add("Zoë Ver"))
    assert "No colleague of yours is on duty" in text(outsider.get("/turns/take-over"))
    assert outsider.post("/turns/take-over", posted).status_code == 422
    for browser in (chloe, web.as_role(Role.DISPATCHER, zone=web.leie)):
        assert browser.get(DESK).status_code == 404
        assert browser.post(DESK, posted).status_code == 404
    administrator = web.as_role(Role.ADMINISTRATOR)
    assert administrator.post(DESK, posted).status_code == 403
    assert "taken-over" not in administrator.get("/on-duty").text
    assert primary(web) == "An Peeters"
