"""Turns that change hands on the phone: offered, answered, signed up for; rules in words; whose."""

import pytest
import sqlalchemy as sa

from dispatch.people.models import Role
from dispatch.rota import open_turns, terms
from dispatch.rota.models import Absence, Cover, Line, OpenState, OpenTurn, Swap, SwapState
from tests.centre import ADA, NOW
from tests.web.conftest import Browser, Web
from tests.web.rotas import BEGINS, DAY, entered, holder, rest_of, text


@pytest.fixture
def an(web: Web) -> Browser:
    return officer(web, "An")


@pytest.fixture
def bert(web: Web) -> Browser:
    return officer(web, "Bert")


def officer(web: Web, name: str) -> Browser:
    return web.browser(web.centre.people[name])


@pytest.fixture
def turn(web: Web) -> str:
    """An has a turn of a day in three weeks."""
    return entered(web, "An", BEGINS)


def swap(web: Web) -> Swap:
    with web.store.read() as session:
        return session.scalars(sa.select(Swap).order_by(Swap.id.desc())).first()


def choose(web: Web, **choices: object) -> None:
    with web.store.write() as session:
        terms.choose(session, web.centre.team, ADA, NOW, **choices)


def test_a_turn_is_given_to_everybody_and_taken_by_whoever_says_so_first(web, an, bert, turn):
    assert f"/turns/{turn}/swap" in an.get("/turns").text
    done = an.post(f"/turns/{turn}/swap", {"do": "give", "to": ""})
    assert (done.status_code, done.location) == (303, "/turns/swaps")
    shown = text(an.get(done.location))
    assert "You ask everybody waits for an answer" in shown
    asked = text(bert.get("/turns/swaps"))
    assert "An Peeters offers this turn to everybody Fri 3 Apr 15:02" in asked
    path = f"/turns/swaps/{swap(web).id}/accept"
    assert bert.post(path).status_code == 303
    assert holder(web) == "Bert"
    assert "Done: the turn has changed hands." in text(bert.get("/turns/swaps"))
    assert "Done, and can be taken back" in text(an.get("/turns/swaps"))
    late = officer(web, "Chloé").post(path)
    assert late.status_code == 422
    assert "This is no longer offered to you." in text(late)
    assert an.post(path.replace("accept", "undo")).status_code == 303
    assert holder(web) == "An"
    assert "Taken back: the turn is whose it was." in text(an.get("/turns/swaps"))


def test_somebody_who_is_asked_is_told_so_and_may_say_no(web, an, bert, turn):
    to = str(web.centre.people["Bert"].id)
    an.post(f"/turns/{turn}/swap", {"do": "give", "to": to})
    assert "Colleagues ask you for a turn: 1." in text(bert.get("/turns"))
    assert "An Peeters asks you to take this turn" in text(bert.get("/turns/swaps"))
    assert "An Peeters asks you" not in text(officer(web, "Chloé").get("/turns/swaps"))
    assert bert.post(f"/turns/swaps/{swap(web).id}/decline").status_code == 303
    assert swap(web).state is SwapState.REFUSED
    assert holder(web) == "An"
    assert "Bert Maes refused" in text(an.get("/turns/swaps"))


def test_two_turns_are_exchanged(web, an, bert, turn):
    other = entered(web, "Bert", BEGINS + 5 * DAY)
    shown = an.get(f"/turns/{turn}/swap?do=exchange")
    assert '<optgroup label="Bert Maes">' in shown.text
    an.post(f"/turns/{turn}/swap", {"do": "exchange", "other": other})
    asked = text(bert.get("/turns/swaps"))
    assert "An Peeters asks you to swap" in asked
    assert "in exchange for Wed 8 Apr" in asked
    bert.post(f"/turns/swaps/{swap(web).id}/accept")
    assert (holder(web), holder(web, BEGINS + 5 * DAY)) == ("Bert", "An")


def test_a_part_is_given_in_the_teams_time(web, an, bert, turn):
    shown = an.get(f"/turns/{turn}/swap?do=part").text
    assert 'value="2026-04-03T15:02"' in shown
    part = {"do": "part", "starts_at": "2026-04-03T18:00", "ends_at": "2026-04-03T23:00"}
    assert an.post(f"/turns/{turn}/swap", part).status_code == 303
    assert "a part of the turn" in text(bert.get("/turns/swaps"))
    bert.post(f"/turns/swaps/{swap(web).id}/accept")
    with web.store.read() as session:
        cover = session.scalars(sa.select(Cover)).one()
    assert f"{cover.starts_at:%H:%M}–{cover.ends_at:%H:%M}" == "16:00–21:00"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"do": "exchange", "other": "nothing"}, "other"),
        ({"do": "give", "to": "99999"}, "to"),
        ({"do": "part", "starts_at": "2026-04-03T18:00", "ends_at": ""}, "ends_at"),
        (
            {"do": "part", "starts_at": "2026-04-02T18:00", "ends_at": "2026-04-03T23:00"},
            "starts_at",
        ),
    ],
)
def test_what_cannot_be_offered_is_said_beside_the_field(web, an, turn, fields, field):
    refused = an.post(f"/turns/{turn}/swap", fields)
    assert refused.status_code == 422
    assert f'id="{field}-error"' in refused.text
    assert swap(web) is None


def test_what_the_rules_say_is_read_before_it_is_accepted(web, an, bert, turn):
    rest_of(web, 11)
    entered(web, "Bert", BEGINS + DAY, "backup")
    an.post(f"/turns/{turn}/swap", {"do": "give", "to": str(web.centre.people["Bert"].id)})
    shown = text(bert.get("/turns/swaps"))
    assert "The rules say: Bert Maes has 0 h of rest where 11 h are due" in shown
    assert "So it cannot be done like this." in shown
    assert "Yes, I take it" not in shown
    refused = bert.post(f"/turns/swaps/{swap(web).id}/accept")
    assert refused.status_code == 422
    assert "Bert Maes has 0 h of rest" in text(refused)
    assert "say why" not in text(refused)
    assert holder(web) == "An"


def test_where_a_planner_must_agree_it_says_so_and_waits(web, an, bert, turn):
    choose(web, swaps_approved=True)
    an.post(f"/turns/{turn}/swap", {"do": "give", "to": ""})
    bert.post(f"/turns/swaps/{swap(web).id}/accept")
    assert "You take it from An Peeters a planner must agree" in text(bert.get("/turns/swaps"))
    assert holder(web) == "An"
    petra = web.as_role(Role.PLANNER)
    assert "Swaps to agree to 1 An Peeters Bert Maes" in text(petra.get("/rota/support/requests"))
    path = f"/rota/support/requests/swap/{swap(web).id}/approve"
    assert petra.post(path).status_code == 303
    assert holder(web) == "Bert"


def test_a_planner_refuses_with_a_reason_and_agrees_against_a_rule_only_with_one(
    web, an, bert, turn
):
    choose(web, swaps_approved=True)
    an.post(f"/turns/{turn}/swap", {"do": "give", "to": ""})
    bert.post(f"/turns/swaps/{swap(web).id}/accept")
    rest_of(web, 11)
    entered(web, "Bert", BEGINS + DAY, "backup")
    petra = web.as_role(Role.PLANNER)
    path = f"/rota/support/requests/swap/{swap(web).id}"
    assert "Approve all the same" in petra.get("/rota/support/requests").text
    silent = petra.post(f"{path}/approve")
    assert silent.status_code == 422
    assert "This breaks rules: say why it must be so." in text(silent)
    assert petra.post(f"{path}/refuse").status_code == 422
    assert petra.post(f"{path}/approve", {"reason": "nobody else"}).status_code == 303
    assert (holder(web), swap(web).reason) == ("Bert", "nobody else")


def test_an_open_turn_is_offered_by_a_planner_and_signed_up_for(web, bert):
    entered(web, "An", BEGINS)
    entered(web, "An", BEGINS + 3 * DAY)
    petra = web.as_role(Role.PLANNER)
    shown = text(petra.get("/rota/support/requests"))
    assert "Gaps in the published rota 2" in shown
    assert "Requests 2" in shown
    assert "too long for one person: plan it in a draft" in shown
    assert shown.count("Offer to everybody") == 1
    gap = {"line": "primary", "uid": ""}
    gap |= {"begins": (BEGINS + DAY).isoformat(), "ends": (BEGINS + 3 * DAY).isoformat()}
    assert petra.post("/rota/support/requests/offer", gap).status_code == 303
    offered = text(petra.get("/rota/support/requests"))
    assert "offered to everybody" in offered
    assert "Requests 1" in offered
    assert "Nobody has this turn yet" in text(bert.get("/turns/swaps"))
    with web.store.read() as session:
        number = session.scalars(sa.select(OpenTurn.id)).one()
    assert bert.post(f"/turns/open/{number}").location == "/turns"
    assert holder(web, BEGINS + DAY) == "Bert"
    with web.store.write() as session:
        session.get_one(OpenTurn, number).to_approve = True
    late = petra.get("/rota/support/requests")
    assert "Holds already; look at it 1 Bert Maes" in text(late)
    assert f"/rota/support/requests/open/{number}/refuse" in late.text
    assert petra.post(f"/rota/support/requests/open/{number}/approve").status_code == 303
    assert "Holds already" not in text(petra.get("/rota/support/requests"))


def test_a_sign_up_waits_for_a_planner_where_they_must_agree(web, bert):
    choose(web, swaps_approved=True)
    with web.store.write() as session:
        line = session.scalars(sa.select(Line).where(Line.key == "primary")).one()
        number = open_turns.offer(session, line, BEGINS, BEGINS + DAY, ADA, NOW).id
    bert.post(f"/turns/open/{number}")
    assert "you signed up; a planner must agree" in text(bert.get("/turns/swaps"))
    petra = web.as_role(Role.PLANNER)
    assert "Signed up for an open turn 1 Bert Maes" in text(petra.get("/rota/support/requests"))
    path = f"/rota/support/requests/open/{number}"
    assert petra.post(f"{path}/refuse").status_code == 303
    with web.store.read() as session:
        assert session.get_one(OpenTurn, number).state is OpenState.OPEN
    bert.post(f"/turns/open/{number}")
    assert petra.post(f"{path}/approve").status_code == 303
    assert holder(web) == "Bert"


def test_only_my_own_turn_is_mine_to_give_and_only_what_i_am_asked_mine_to_answer(
    web, an, bert, turn
):
    assert bert.get(f"/turns/{turn}/swap").status_code == 404
    assert bert.post(f"/turns/{turn}/swap", {"do": "give"}).status_code == 404
    an.post(f"/turns/{turn}/swap", {"do": "give", "to": str(web.centre.people["Bert"].id)})
    path = f"/turns/swaps/{swap(web).id}"
    chloe, stranger = officer(web, "Chloé"), web.as_role(Role.PLANNER, zone=web.leie)
    assert chloe.post(f"{path}/decline").status_code == 404
    assert chloe.post(f"{path}/withdraw").status_code == 404
    assert chloe.post(f"{path}/accept").status_code == 422
    for action in ("accept", "decline", "withdraw", "undo"):
        assert stranger.post(f"{path}/{action}").status_code == 404
    planner = web.as_role(Role.PLANNER)
    assert planner.post(f"{path}/accept").status_code == 404
    assert an.post(f"{path}/undo").status_code == 404
    assert an.post(f"{path}/eat").status_code == 404
    assert an.post(f"{path}/withdraw").status_code == 303
    assert swap(web).state is SwapState.WITHDRAWN


def test_another_zones_open_turn_is_not_there(web):
    with web.store.write() as session:
        line = session.scalars(sa.select(Line)).first()
        number = open_turns.offer(session, line, BEGINS, BEGINS + DAY, ADA, NOW).id
    stranger = web.browser(web.add("Zoë Ver", zone=web.leie))
    assert stranger.post(f"/turns/open/{number}").status_code == 404
    assert stranger.post("/turns/open/99999").status_code == 404
    assert "Nobody has this turn yet" not in stranger.get("/turns/swaps").text


def test_a_turn_of_somebody_away_is_offered_to_everybody_by_a_planner(web, bert, turn):
    away = {"kind": "sick", "first_on": "2026-04-01", "last_on": "2026-04-06"}
    officer(web, "An").post("/turns/absences", away)
    petra = web.as_role(Role.PLANNER)
    with web.store.read() as session:
        number = session.scalars(sa.select(Absence.id)).one()
    petra.post(f"/rota/support/requests/absence/{number}/approve")
    hole = {"line": "primary", "uid": turn}
    hole |= {"begins": BEGINS.isoformat(), "ends": (BEGINS + DAY).isoformat()}
    assert petra.post("/rota/support/requests/offer", hole).status_code == 303
    assert "offered to everybody" in text(petra.get("/rota/support/requests"))
    bert.post(f"/turns/swaps/{swap(web).id}/accept")
    assert holder(web) == "Bert"
    assert "is away" not in text(petra.get("/rota/support/requests"))


@pytest.mark.parametrize("field", ["begins", "line", "uid"])
def test_an_offer_with_rubbish_in_it_is_refused(web, turn, field):
    hole = {"line": "primary", "uid": turn}
    hole |= {"begins": BEGINS.isoformat(), "ends": (BEGINS + DAY).isoformat()}
    petra = web.as_role(Role.PLANNER)
    answer = petra.post("/rota/support/requests/offer", {**hole, field: "rubbish"})
    assert answer.status_code == 422
    assert swap(web) is None
