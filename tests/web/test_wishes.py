"""One's own wishes: days, weight, a budget that is seen to shrink, and whose they are."""

import pytest
import sqlalchemy as sa

from dispatch.people.models import Role
from dispatch.rota import ground
from dispatch.rota.models import Wish
from tests.centre import ADA, NOW
from tests.web.conftest import Browser, Web
from tests.web.rotas import text


@pytest.fixture
def an(web: Web) -> Browser:
    return web.browser(web.centre.people["An"])


def fields(web: Web, **changed: str) -> dict[str, str]:
    days = {"first_on": "2026-04-05", "last_on": ""}
    return {"team": str(web.centre.team.id), "wanted": "no", "points": "10", **days, **changed}


def stored(web: Web) -> list[Wish]:
    with web.store.read() as session:
        return list(session.scalars(sa.select(Wish).order_by(Wish.id)))


def test_a_wish_takes_from_the_budget_of_its_period(web, an):
    assert text(an.get("/turns/wishes")).count("20 of 20 points left") == 2
    assert an.post("/turns/wishes", fields(web)).status_code == 303
    shown = text(an.get("/turns/wishes"))
    assert "Written down. Points left: 10." in shown
    assert "Wed 1 Apr 2026 – Tue 30 Jun 2026 10 of 20 points left" in shown
    assert "Sun 5 Apr 2026 points: 10 Rather no turn" in shown
    assert 'value="10" aria-labelledby' in an.get("/turns/wishes").text
    (wish,) = stored(web)
    assert (wish.wanted, wish.first_on, wish.last_on) == (False, wish.last_on, wish.first_on)


def test_more_than_the_budget_is_refused_in_words(web, an):
    an.post("/turns/wishes", fields(web))
    an.post("/turns/wishes", fields(web, first_on="2026-05-01", points="5", wanted="yes"))
    refused = an.post("/turns/wishes", fields(web, first_on="2026-06-01"))
    assert refused.status_code == 422
    assert "5 of 20 points are left from Wed 1 Apr to Tue 30 Jun." in text(refused)
    assert 'id="points-error"' in refused.text
    assert len(stored(web)) == 2


def test_a_wish_taken_back_gives_its_points_back(web, an):
    an.post("/turns/wishes", fields(web))
    assert an.post(f"/turns/wishes/{stored(web)[0].id}/withdraw").status_code == 303
    shown = text(an.get("/turns/wishes"))
    assert shown.count("20 of 20 points left") == 2
    assert "You have no wishes yet." in shown


def test_what_cannot_be_read_is_named_by_field(web, an):
    refused = an.post("/turns/wishes", {"team": "7000", "wanted": "maybe", "points": "3"})
    assert refused.status_code == 422
    for field in ("wanted", "first_on", "points"):
        assert f'id="{field}-error"' in refused.text
    assert stored(web) == []


def test_somebody_elses_wish_is_not_there(web, an):
    web.browser(web.centre.people["Bert"]).post("/turns/wishes", fields(web))
    assert an.post(f"/turns/wishes/{stored(web)[0].id}/withdraw").status_code == 404
    assert an.post("/turns/wishes/99999/withdraw").status_code == 404
    assert stored(web)[0].withdrawn_at is None
    assert "Sun 5 Apr" not in text(an.get("/turns/wishes"))


def test_who_is_in_no_team_has_nothing_to_wish_for(web):
    planner = web.as_role(Role.PLANNER)
    assert "You are in no team" in text(planner.get("/turns/wishes"))
    assert planner.post("/turns/wishes", fields(web)).status_code == 422


def test_where_turns_are_of_several_kinds_one_may_be_meant(web, an):
    assert 'id="kind"' not in an.get("/turns/wishes").text
    turns = [
        {"form": "days", "kind": kind, "on": ["every_day"], "starts": starts, "ends": ends}
        for kind, starts, ends in (("day", "08:00", "20:00"), ("night", "20:00", "08:00"))
    ]
    document = {"lines": [{"key": "primary", "turns": turns}]}
    with web.store.write() as session:
        ground.set_pattern(session, web.centre.team, document, NOW.date(), ADA, NOW)
    assert 'id="kind"' in an.get("/turns/wishes").text
    assert an.post("/turns/wishes", fields(web, kind="week")).status_code == 422
    an.post("/turns/wishes", fields(web, kind="night"))
    assert stored(web)[0].kind == "night"
    assert "Rather no turn · night" in text(an.get("/turns/wishes"))
