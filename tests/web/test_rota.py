"""The rota by person: whose it is to see, what it says of turns, gaps and shares."""

import re
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dispatch.people import phones
from dispatch.people.models import Person, Role, Team
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


def cell(who, planned, name, day, **more):
    query = {"from": "2026-03", "person": planned.centre.people[name].id, "day": day}
    return who.get("/rota/support/cell", query_string=query, **more)


def test_why_a_published_turn_is_whose_it_is_and_why_not_somebody_elses_is_said(planned):
    with planned.store.write() as session:
        span = (NOW - timedelta(hours=1), NOW + timedelta(days=2))
        bert = planned.centre.people["Bert"]
        absences.ask(session, bert, AbsenceKind.SICK, *span, ADA, NOW)
    planner = planned.as_role(Role.PLANNER)
    panel = cell(planner, planned, "An", "2026-03-14", headers={"HX-Request": "true"}).text
    assert "<html" not in panel
    assert "Entered or changed by hand" in panel
    assert "It breaks no rule." in panel
    assert "Bert Maes is away: primary Wed 11 Mar 14:02." in panel
    assert 'href="/shifts/' in panel
    assert "<form" not in panel
    whole = cell(planner, planned, "An", "2026-03-14").text
    assert "Why not somebody else" in whole
    assert "<html" in whole
    assert cell(planned.as_role(Role.DISPATCHER), planned, "An", "2026-03-14").status_code == 403
    assert cell(planner, planned, "An", "2026-04-14").status_code == 404


def test_a_cell_of_a_later_day_leads_to_the_day_on_which_its_turn_begins(planned):
    planner = planned.as_role(Role.PLANNER)
    later = cell(planner, planned, "Chloé", "2026-03-14").text
    assert "No turn begins on this day." not in later
    first = re.search(r'href="([^"]*day=2026-03-11[^"]*)"[^>]*>primary Wed 11 Mar 14:02<', later)
    assert first is not None
    begins = planner.get(first[1].replace("&amp;", "&")).text
    assert "Why not these turns of this day" in begins
    assert "instead of An Peeters" in begins


def test_who_could_take_a_published_gap_is_listed(planned):
    with planned.store.write() as session:
        session.execute(sa.update(Shift).values(cancelled_at=NOW))
    planner = planned.as_role(Role.PLANNER)
    gap = re.search(r'href="(/rota/support/gap[^"]*)"', planner.get(MARCH).text)
    panel = planner.get(gap[1].replace("&amp;", "&")).text
    assert "Bert Maes" in panel
    assert 'href="/shifts/new' in panel


def test_whoever_plans_sees_on_the_rota_whom_texts_or_calls_do_not_reach(planned):
    web = planned
    petra = web.as_role(Role.PLANNER)
    with web.store.write() as session:
        an = session.get_one(Person, web.centre.people["An"].id)
        phones.block(session, phones.methods(session, an)[0].fingerprint, NOW)
    shown = petra.get(MARCH).text
    assert shown.count("answered STOP, has to text START") == 2, "in the title and to be heard"
    officer = web.browser(web.centre.people["Bert"])
    assert "answered STOP" not in officer.get(MARCH).text
