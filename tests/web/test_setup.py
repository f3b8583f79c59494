"""What a team is planned by: whose it is to change, what forms keep, and faults by their field."""

from datetime import date

import pytest
import sqlalchemy as sa

from dispatch.people.models import Membership, Person, Role, Team
from dispatch.rota import ground, rulebook, terms
from dispatch.rota.models import Contract, OpeningBalance, OwnDay, Pairing
from tests.web.conftest import Browser, Web
from tests.web.rotas import rest_of

PARTS = ("pattern", "rules", "days", "people", "choices")


@pytest.fixture
def planner(web: Web) -> Browser:
    return web.as_role(Role.PLANNER)


def do(planner: Browser, part: str, action: str, **fields: object):
    return planner.post(f"/rota/support/setup/{part}", {"do": action, **fields})


def only(web: Web, table: type):
    with web.store.read() as session:
        return session.scalars(sa.select(table)).one()


def team_of(web: Web, session) -> Team:
    return session.get_one(Team, web.centre.team.id)


def test_only_who_may_change_the_rota_comes_here(web, planner):
    stranger = web.as_role(Role.PLANNER, zone=web.leie)
    dispatcher = web.as_role(Role.DISPATCHER)
    assert planner.get("/rota/support/setup").status_code == 200
    for part in PARTS:
        path = f"/rota/support/setup/{part}"
        assert planner.get(path).status_code == 200
        assert dispatcher.get(path).status_code == 403
        assert stranger.get(path).status_code == 404
    assert planner.get("/rota/support/setup/else").status_code == 404
    assert do(planner, "days", "explode").status_code == 404


def test_a_rule_of_a_preset_gets_numbers_of_its_own(web, planner):
    assert do(planner, "rules", "preset", preset="eu").status_code == 303
    rule = {"key": "daily_rest", "daily_rest.hours": "12", "daily_rest.on": "yes"}
    soft = {"daily_rest.hard": "soft", "daily_rest.weight": "70", "daily_rest.source": "ours"}
    assert do(planner, "rules", "rule", **rule, **soft).status_code == 303
    with web.store.read() as session:
        rows = {row["key"]: row for row in rulebook.rows_of(session, team_of(web, session))}
    assert rows["daily_rest"]["numbers"] == {"hours": 12}
    assert rows["daily_rest"]["weight"] == 70
    assert "weekly_rest" in rows


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"daily_rest.hours": "many", "daily_rest.hard": "hard"}, "daily_rest.hours"),
        ({"daily_rest.hours": "11", "daily_rest.hard": "soft"}, "Fill this in."),
        ({"key": "no_such_rule"}, "Choose one of these."),
    ],
)
def test_a_rule_without_sense_is_refused(planner, fields, said):
    do(planner, "rules", "preset", preset="eu")
    refused = do(planner, "rules", "rule", **{"key": "daily_rest", **fields})
    assert refused.status_code == 422
    assert said in refused.text


def test_hours_are_said_as_hours_also_where_they_are_wrong(web, planner):
    do(planner, "rules", "preset", preset="eu")
    wrong = {"key": "weekly_rest", "weekly_rest.hours": "500", "weekly_rest.hard": "hard"}
    refused = do(planner, "rules", "rule", **wrong)
    assert 'id="weekly_rest.hours-error"' in refused.text
    rest_of(web, 11)
    shown = planner.get("/rota/support/setup/rules").text
    assert 'name="rest.hours" value="11"' in shown
    assert "minutes" not in shown


def test_a_day_of_ones_own_is_added_and_one_of_the_library_taken_out(web, planner):
    added = do(planner, "days", "add", on="2026-07-11", kind="public_holiday", name="Ours")
    assert added.status_code == 303
    assert only(web, OwnDay).name == "Ours"
    do(planner, "days", "remove", on="2026-12-25", kind="public_holiday", name="Christmas")
    with web.store.read() as session:
        team = team_of(web, session)
        calendar = ground.calendar_of(session, team, date(2026, 12, 1), date(2026, 12, 31))
    assert "public_holiday" not in calendar.tags(date(2026, 12, 25))
    assert "Counts again" in planner.get("/rota/support/setup/days").text


def test_shares_pairs_and_balances_are_kept(web, planner):
    an, bert = (web.centre.people[name].id for name in ("An", "Bert"))
    with web.store.read() as session:
        place = session.scalars(sa.select(Membership.id).where(Membership.person_id == an)).one()
    share = {"membership": place, "percent": "60", "from_on": "2026-04-01", "unit": "north"}
    assert do(planner, "people", "contract", **share).status_code == 303
    assert (only(web, Contract).share, only(web, Contract).unit) == (0.6, "north")
    pair = {"first": an, "second": bert, "kind": "apart", "pair_from": "2026-01-01"}
    assert do(planner, "people", "pair", **pair).status_code == 303
    balance = {"person": an, "measure": "weekends", "amount": "4", "balance_on": "2026-03-01"}
    assert do(planner, "people", "balance", **balance).status_code == 303
    assert only(web, OpeningBalance).amount == 4
    shown = planner.get("/rota/support/setup/people").text
    assert "60 %" in shown
    assert "never together" in shown
    assert do(planner, "people", "unpair", pairing=only(web, Pairing).id).status_code == 303
    assert only(web, Pairing).until_on is not None


def test_nobody_is_paired_with_themselves(web, planner):
    an = web.centre.people["An"].id
    pair = {"first": an, "second": an, "kind": "apart", "pair_from": "2026-01-01"}
    refused = do(planner, "people", "pair", **pair)
    assert refused.status_code == 422
    assert "Choose two different people." in refused.text


def test_choices_are_kept_and_shown(web, planner):
    fields = {"wish_budget": "12", "wish_period": "year", "four_eyes": "yes", "days": ""}
    with web.store.read() as session:
        [(owner, _)] = session.execute(
            sa.select(Person.id, Person.name).where(Person.name.startswith("planner"))
        )
    fields |= {"owner": str(owner), "eves": "yes", "heavy": ["fatal_crash", "no_such_kind"]}
    assert do(planner, "choices", "choose", **fields).status_code == 303
    with web.store.read() as session:
        held = terms.terms_of(session, team_of(web, session))
        team = team_of(web, session)
        calendar = ground.calendar_of(session, team, date(2026, 12, 1), date(2026, 12, 31))
    assert (held.four_eyes, held.swaps_approved, held.wish_budget) == (True, False, 12)
    assert [day.on.day for day in calendar.days if day.kind == "eve"] == [24, 31]
    assert (held.heavy, held.owner_id) == ("fatal_crash", owner)
    assert 'name="four_eyes" value="yes" checked' in planner.get("/rota/support/setup/choices").text


def test_each_rule_is_said_as_a_sentence(planner):
    do(planner, "rules", "preset", preset="be-police")
    shown = planner.get("/rota/support/setup/rules").text
    for sentence in (
        "At least 11 h of rest between two turns.",
        "Each person at most 12 hours in a day.",
        "Each person at most 50 hours in 7 days.",
        "At most 7 nights in a row.",
    ):
        assert sentence in shown
