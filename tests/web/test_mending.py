"""Who steps in: proposed with what it costs, entered with one tap, and only by who plans."""

import re
from datetime import timedelta
from html import unescape

import pytest

from dispatch.people.models import Role
from dispatch.rota import absences, ground
from dispatch.rota.duty import on_duty
from dispatch.rota.models import AbsenceKind
from dispatch.web import mending
from tests.centre import ADA, NOW
from tests.web.conftest import Browser, Web
from tests.web.rotas import text

PATH = "/rota/support/requests/repair"
WEEKS = {"form": "week", "kind": "week", "begins": "wednesday", "starts": "14:02"}


@pytest.fixture
def petra(web: Web) -> Browser:
    return web.as_role(Role.PLANNER)


@pytest.fixture
def ill(web: Web) -> None:
    """An, who is on duty, is ill from now on."""
    document = {"lines": [{"key": key, "turns": [WEEKS]} for key in ("primary", "backup")]}
    with web.store.write() as session:
        day = NOW.date() - timedelta(days=400)
        ground.set_pattern(session, web.centre.team, document, day, ADA, NOW)
        an = web.centre.people["An"]
        absences.ask(session, an, AbsenceKind.SICK, NOW, NOW + timedelta(days=9), ADA, NOW)


def primary(web: Web) -> str:
    with web.store.read() as session:
        return on_duty(session, web.centre.team, NOW).turns[0].person_name


def test_who_steps_in_is_proposed_with_what_it_means_and_entered_with_one_tap(web, petra, ill):
    assert PATH in petra.get("/rota/support/requests").text
    shown = petra.get(PATH)
    assert "Chloé Dubois for An Peeters Sat 14 Mar 14:02 – Wed 18 Mar 14:02" in text(shown)
    assert "Chloé Dubois : turns: 0, then 1;" in text(shown)
    moves = [unescape(value) for value in re.findall('name="move" value="([^"]+)"', shown.text)]
    done = petra.post(PATH, {"move": moves})
    assert (done.status_code, done.location) == (303, "/rota/support/requests")
    assert "Entered. Everybody whose turns changed is told." in text(petra.get(done.location))
    assert primary(web) == "Chloé Dubois"
    again = petra.post(PATH, {"move": moves})
    assert again.status_code == 422
    assert "was changed meanwhile" in text(again)


def test_with_nobody_away_there_is_nothing_to_propose(web, petra):
    assert "Every published turn has somebody who can serve it." in text(petra.get(PATH))


def test_no_more_than_two_search_at_once(web, petra, ill, monkeypatch):
    monkeypatch.setattr(mending, "_WAIT_SECONDS", 0.01)
    with mending._SEARCHING, mending._SEARCHING:
        assert "Others are looking at this moment." in text(petra.get(PATH))
    assert "Chloé Dubois for An Peeters" in text(petra.get(PATH))


def test_nothing_chosen_or_rubbish_changes_nothing(web, petra, ill):
    assert "Nothing was chosen." in text(petra.post(PATH))
    for rubbish in ("", "a|b|c|d|e|f", "2026-03-14|2026-03-15|1|shift-primary|1|2"):
        assert petra.post(PATH, {"move": rubbish}).status_code == 422
    assert primary(web) == "An Peeters"


def test_a_turn_that_nobody_can_take_may_be_offered_to_everybody(web, petra, ill):
    chloe = web.browser(web.centre.people["Chloé"])
    away = {"kind": "sick", "first_on": "2026-03-14", "last_on": "2026-03-30"}
    chloe.post("/turns/absences", away)
    shown = petra.get(PATH)
    assert "Nobody can take these without breaking a rule" in text(shown)
    assert 'action="/rota/support/requests/offer"' in shown.text
    hidden = re.findall('name="(line|uid|begins|ends)" value="([^"]*)"', shown.text)
    assert petra.post("/rota/support/requests/offer", dict(hidden)).status_code == 303
    bert = web.browser(web.centre.people["Bert"])
    assert "An Peeters offers this turn to everybody" in text(bert.get("/turns/swaps"))


def test_only_who_plans_the_team_gets_a_proposal(web, ill):
    move = {"move": f"{NOW.isoformat()}|{NOW.isoformat()}|1|shift-primary|1|2"}
    for browser, status in (
        (web.as_role(Role.DISPATCHER), 403),
        (web.as_role(Role.PLANNER, zone=web.leie), 404),
        (web.browser(web.centre.people["An"]), 404),
    ):
        assert browser.get(PATH).status_code == status
        assert browser.post(PATH, move).status_code == status
