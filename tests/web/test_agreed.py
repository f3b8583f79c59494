"""A swap that people agreed on, entered by a planner: at once, judged, and only by who plans."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.people.models import Role
from dispatch.rota.models import Cover, Swap
from tests.web.conftest import Browser, Web
from tests.web.rotas import BEGINS, DAY, entered, holder, rest_of, text

PATH = "/rota/support/requests/swap"


@pytest.fixture
def petra(web: Web) -> Browser:
    return web.as_role(Role.PLANNER)


@pytest.fixture
def turn(web: Web) -> str:
    """An has a turn of a day in three weeks."""
    return entered(web, "An", BEGINS)


def fields(web: Web, turn: str, name: str = "Bert", **more: str) -> dict[str, str]:
    return {"turn": turn, "person": str(web.centre.people[name].id), **more}


def swaps(web: Web) -> int:
    with web.store.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Swap))


def test_a_turn_is_given_and_it_holds_at_once(web, petra, turn):
    assert f'href="{PATH}"' in petra.get("/rota/support/requests").text
    assert f'value="{turn}"' in petra.get(PATH).text
    done = petra.post(PATH, fields(web, turn))
    assert (done.status_code, done.location) == (303, "/rota/support/requests")
    assert holder(web) == "Bert"


def test_two_turns_are_exchanged_and_a_part_becomes_a_cover(web, petra, turn):
    other = entered(web, "Bert", BEGINS + 5 * DAY)
    assert petra.post(PATH, {"turn": turn, "other": other}).status_code == 303
    assert (holder(web), holder(web, BEGINS + 5 * DAY)) == ("Bert", "An")
    later = entered(web, "An", BEGINS + 9 * DAY)
    part = {"starts_at": "2026-04-12T18:00", "ends_at": "2026-04-12T23:00"}
    assert petra.post(PATH, fields(web, later, **part)).status_code == 303
    with web.store.read() as session:
        cover = session.scalars(sa.select(Cover)).one()
    assert cover.ends_at - cover.starts_at == timedelta(hours=5)


def test_what_breaks_a_rule_needs_a_reason_and_says_which(web, petra, turn):
    rest_of(web, 11)
    entered(web, "Bert", BEGINS + DAY, "backup")
    refused = petra.post(PATH, fields(web, turn))
    assert refused.status_code == 422
    assert "Bert Maes has 0 h of rest where 11 h are due" in text(refused)
    assert 'id="reason-error"' in refused.text
    assert holder(web) == "An"
    assert petra.post(PATH, fields(web, turn, reason="nobody else")).status_code == 303
    assert holder(web) == "Bert"


def test_what_cannot_be_read_is_named_by_field(web, petra):
    refused = petra.post(PATH, {"turn": "", "person": "", "starts_at": "rubbish"})
    assert refused.status_code == 422
    for field in ("turn", "person", "starts_at"):
        assert f'id="{field}-error"' in refused.text


def test_only_who_plans_the_team_enters_one(web, turn):
    for browser, status in (
        (web.as_role(Role.DISPATCHER), 403),
        (web.as_role(Role.PLANNER, zone=web.leie), 404),
        (web.browser(web.centre.people["An"]), 404),
    ):
        assert browser.get(PATH).status_code == status
        assert browser.post(PATH, fields(web, turn)).status_code == status
    assert swaps(web) == 0
