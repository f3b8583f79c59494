"""What a plan of some days knows of the published rota around them, and of who really serves."""

from datetime import date

import pytest

from dispatch.people.models import Membership, Team
from dispatch.rota import fairness, judging, planning, rulebook
from dispatch.rota.differences import Stand
from dispatch.rota.models import Line

DAYS = {"form": "days", "kind": "day24", "on": ["every_day"], "starts": "08:00", "ends": "08:00"}
FIRST, LAST = date(2026, 6, 8), date(2026, 6, 14)


@pytest.fixture
def planned(zone):
    zone.pattern(DAYS, missing=1)
    began = zone.at("2020-01-01")
    for key, kind, numbers in [
        ("daily_rest", "rest", {"hours": 11}),
        ("weekends_in_a_row", "weekends_in_a_row", {"most": 1}),
    ]:
        rulebook.set_rule(zone.session, zone.team, key, kind, numbers, zone.planner, began)
    return zone


def broken(zone, *turns: tuple[str, str]) -> list[str]:
    """What An breaks with some turns, each on a day of June."""
    ground = planning.load(zone.session, zone.team, FIRST, LAST)
    stands = [
        Stand(
            zone.at(f"2026-06-{begin} 08:00"),
            zone.at(f"2026-06-{end} 08:00"),
            zone.lines["primary"].id,
            zone.people["An"].id,
        )
        for begin, end in turns
    ]
    found = judging.broken(ground, ground.lay(stands))
    return sorted({one.breach.key for one in found if one.hard})


def test_rest_and_weekends_reach_over_both_ends_of_a_plan(planned):
    assert broken(planned, ("08", "09"), ("14", "15")) == []
    planned.shift("An", "2026-06-07 08:00", "2026-06-08 08:00")
    assert broken(planned, ("08", "09")) == ["daily_rest"]
    assert broken(planned, ("14", "15")) == ["weekends_in_a_row"]
    planned.shift("An", "2026-06-15 16:00", "2026-06-16 08:00")
    assert broken(planned, ("09", "10")) == []
    assert broken(planned, ("14", "15")) == ["daily_rest", "weekends_in_a_row"]


def test_the_weekend_after_a_plan_counts_as_well(planned):
    planned.shift("An", "2026-06-20 08:00", "2026-06-21 08:00")
    assert broken(planned, ("13", "14")) == ["weekends_in_a_row"]


def test_a_turn_in_another_team_asks_for_rest_at_both_ends_of_a_plan(planned):
    session, an = planned.session, planned.people["An"]
    other = Team(
        key="jour",
        name="Socialjour",
        organisation_id=planned.team.organisation_id,
        function="social_on_call",
        time_zone="Europe/Brussels",
        hours=[],
    )
    session.add(other)
    session.flush()
    line = Line(team_id=other.id, key="jour", name="jour", position=0)
    session.add_all([line, Membership(person_id=an.id, team_id=other.id, from_on=date(2020, 1, 1))])
    session.flush()
    planned.lines["jour"] = line
    planned.shift("An", "2026-06-07 12:00", "2026-06-08 06:00", line="jour")
    planned.shift("An", "2026-06-15 16:00", "2026-06-16 06:00", line="jour")
    assert broken(planned, ("08", "09")) == ["daily_rest"]
    assert broken(planned, ("14", "15")) == ["daily_rest"]
    assert broken(planned, ("10", "11")) == []


def test_whoever_covers_has_the_rest_and_the_share_of_what_they_serve(planned):
    turn = planned.shift("An", "2026-06-07 08:00", "2026-06-08 08:00")
    planned.cover(turn, "Bert", "2026-06-08 02:00", "2026-06-08 08:00")
    # An went home at two, Bert has been on duty until eight.
    assert broken(planned, ("08", "09")) == ["daily_rest"]
    ground = planning.load(planned.session, planned.team, FIRST, LAST, history=True)
    assert ground.histories is not None
    an, bert = (ground.histories[planned.people[name].id].served for name in ("An", "Bert"))
    assert an["turns"] + bert["turns"] == pytest.approx(1)
    assert bert["turns"] == pytest.approx(0.25)
    assert bert["nights"] == pytest.approx(0.25)
    # What An served, from Sunday morning to two at night, has no three hours of night in it.
    assert "nights" not in an


def test_whoever_is_relieved_for_some_hours_has_one_turn_and_no_rest_to_miss(planned):
    assert broken(planned, ("09", "10")) == []
    ground = planning.load(planned.session, planned.team, FIRST, LAST)
    turn = planned.shift("An", "2026-06-09 08:00", "2026-06-10 08:00")
    planned.cover(turn, "Bert", "2026-06-09 12:00", "2026-06-09 14:00")
    stands = planning.published(planned.session, planned.team, FIRST, LAST)
    found = judging.broken(ground, ground.lay(stands))
    assert [str(one.told) for one in found if one.hard] == []


def test_a_turn_that_two_people_shared_is_still_one_to_share_out(planned):
    turn = planned.shift("An", "2026-06-09 08:00", "2026-06-10 08:00")
    planned.cover(turn, "Bert", "2026-06-09 12:00", "2026-06-09 14:00")
    ground = planning.load(planned.session, planned.team, FIRST, LAST, history=True)
    laid = ground.lay(planning.published(planned.session, planned.team, FIRST, LAST))
    [turns] = [one for one in fairness.standings(laid.problem, laid.seats) if one.key == "turns"]
    names = {person.id: name for name, person in planned.people.items()}
    assert sum(turns.targets.values()) == pytest.approx(14)
    assert {names[one]: count for one, count in turns.counts.items() if count} == {"An": 1}
