"""The rota by person: whose it is to see, what it says of turns, gaps and shares."""

import re
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dispatch.people.models import Role, Team
from dispatch.rota import absences, ground, heavy
from dispatch.rota.models import AbsenceKind, Shift
from tests.centre import ADA, NOW
from tests.web.conftest import Web

PATTERN = {
    "lines": [
        {
            "key": "primary",
            "turns": [
                {"form": "week", "kind": "week", "begins": "wednesday", "starts": "14:02"},
            ],
        }
    ]
}
MARCH = "/rota/support?from=2026-03"


@pytest.fixture
def planned(web: Web) -> Web:
    with web.store.write() as session:
        team = session.get_one(Team, web.centre.team.id)
        ground.set_pattern(session, team, PATTERN, date(2026, 1, 1), ADA, NOW)
    return web


def row_of(html: str, name: str) -> str:
    found = re.search(rf"<tr><th[^>]*><bdi>{name}</bdi>.*?</tr>", html, re.S)
    assert found is not None
    return found[0]


def test_everybody_of_the_organisation_who_reads_rotas_sees_it(planned):
    planner, dispatcher = planned.as_role(Role.PLANNER), planned.as_role(Role.DISPATCHER)
    assert all("An Peeters" in seen.get(MARCH).text for seen in (planner, dispatcher))
    assert planner.get("/rota/no-such-team").status_code == 404
    stranger = planned.as_role(Role.PLANNER, zone=planned.leie)
    assert stranger.get(MARCH).status_code == 404


def test_a_turn_stands_on_each_of_its_days_with_its_lines_letter(planned):
    row = row_of(planned.as_role(Role.PLANNER).get(MARCH).text, "An Peeters")
    assert re.search(r'class="turn"[^>]*title="primary Wed 11 Mar 14:02', row)
    assert row.count('<span aria-hidden="true">P</span>') == 7
    assert row.count("data-goes-on") == 6


def test_absences_and_what_turns_break_are_shown_to_planners_alone(planned):
    with planned.store.write() as session:
        an = planned.centre.people["An"]
        span = (NOW - timedelta(hours=1), NOW + timedelta(days=2))
        absences.ask(session, an, AbsenceKind.SICK, *span, ADA, NOW)
    seen = row_of(planned.as_role(Role.PLANNER).get(MARCH).text, "An Peeters")
    assert "data-away" in seen
    assert "An Peeters is away" in seen
    hidden = row_of(planned.as_role(Role.DISPATCHER).get(MARCH).text, "An Peeters")
    assert "away" not in hidden


def test_what_nobody_fills_is_said_to_everybody(planned):
    with planned.store.write() as session:
        session.execute(sa.update(Shift).values(cancelled_at=NOW))
    html = planned.as_role(Role.DISPATCHER).get(MARCH).text
    assert "primary Wed 11 Mar 14:02: 0 of 1 people." in html


def test_sums_stand_beside_a_fair_share(planned):
    html = planned.as_role(Role.PLANNER).get("/rota/support?from=2026-03&months=3").text
    assert re.search(r"<b>1</b><span class=\"soft\"> / [0-9.]+</span>", row_of(html, "An Peeters"))


def test_a_month_that_is_none_is_the_present_one(planned):
    planner = planned.as_role(Role.PLANNER)
    for wanted in ("2026-13", "x", "0001-01"):
        answer = planner.get(f"/rota/support?from={wanted}")
        assert "March 2026" in answer.text


def test_what_weighed_on_whom_is_shown_to_planners_alone(planned):
    with planned.store.write() as session:
        an = planned.centre.people["An"].id
        heavy.note(session, planned.centre.team.id, an, NOW - timedelta(days=30), "assignment:1")
    shown = planned.as_role(Role.PLANNER).get(MARCH).text
    assert "heavy, two years" in shown
    assert "<b>1</b>" in row_of(shown, "An Peeters").rpartition('class="people-sum"')[2]
    assert "heavy, two years" not in planned.as_role(Role.DISPATCHER).get(MARCH).text
