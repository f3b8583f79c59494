"""Mending a published rota: what is lost, who steps in, what stays, and who is told."""

from datetime import timedelta

import pytest

from dispatch.errors import Conflict, Invalid
from dispatch.rota import absences, repairs, rulebook
from dispatch.rota.duty import Turn, duty_between
from dispatch.rota.models import AbsenceKind

WEEK = "2026-03-13 17:00", "2026-03-20 17:00"
NEXT = "2026-03-20 17:00", "2026-03-27 17:00"


@pytest.fixture
def now(zone):
    zone.pattern()
    return zone.at("2026-03-10 09:00")


@pytest.fixture
def week(zone):
    """An and Bert have this week, Chloé and Bert the next."""
    zone.shift("Bert", *WEEK, line="backup")
    zone.shift("Chloé", *NEXT)
    zone.shift("Bert", *NEXT, line="backup")
    return zone.shift("An", *WEEK)


def away(zone, now, starts=WEEK[0], ends=WEEK[1], who="An"):
    asked = AbsenceKind.SICK, zone.at(starts), zone.at(ends), zone.planner, now
    return absences.ask(zone.session, zone.people[who], *asked, approved=True)


def proposed(zone, now):
    task = repairs.load(zone.session, zone.team, now)
    return repairs.propose(task, seconds=10)


def said(zone, moves):
    names = {person.id: name for name, person in zone.people.items()}
    return [
        (names[move.from_id], names.get(move.to_id), move.starts_at, move.ends_at) for move in moves
    ]


def serving(zone, line="primary"):
    begin, end = zone.at(WEEK[0]), zone.at(NEXT[1])
    return [
        (turn.person_name.split()[0], turn.from_at, turn.until_at)
        for turn in duty_between(zone.session, zone.team, begin, end)
        if isinstance(turn, Turn) and turn.line_key == line
    ]


def test_where_nobody_is_away_nothing_is_to_be_mended(zone, now, week):
    assert repairs.load(zone.session, zone.team, now) is None


def test_whoever_can_steps_in_and_nobody_else_moves(zone, now, week):
    zone.phone("An", "Bert", "Chloé")
    away(zone, now)
    found = proposed(zone, now)
    times = zone.at(WEEK[0]), zone.at(WEEK[1])
    assert said(zone, found.moves) == [("An", "Chloé", *times)]
    effect = {one.person_id: (one.before, one.after) for one in found.effects}
    assert effect == {zone.people["An"].id: (1, 0), zone.people["Chloé"].id: (1, 2)}
    before = len(zone.texts())
    repairs.apply(zone.session, zone.team, found.moves, zone.planner, now)
    assert serving(zone)[0] == ("Chloé", *times)
    told = {who: words for who, words, _ in zone.texts()[before:]}
    assert set(told) == {"An", "Chloé"}
    assert "An Peeters" in told["Chloé"]
    assert repairs.load(zone.session, zone.team, now) is None


def test_a_gap_beside_it_is_left_as_it_is(zone, now):
    zone.shift("An", *WEEK)
    zone.shift("Bert", *WEEK, line="backup")
    zone.shift("Chloé", *NEXT)
    away(zone, now)
    found = proposed(zone, now)
    assert said(zone, found.moves) == [("An", "Chloé", zone.at(WEEK[0]), zone.at(WEEK[1]))]
    effect = {one.person_id: (one.before, one.after) for one in found.effects}
    assert effect == {zone.people["An"].id: (1, 0), zone.people["Chloé"].id: (1, 2)}


def test_only_the_days_of_the_absence_change_hands(zone, now, week):
    away(zone, now, "2026-03-15", "2026-03-17")
    found = proposed(zone, now)
    repairs.apply(zone.session, zone.team, found.moves, zone.planner, now)
    assert [who for who, _, _ in serving(zone)[:3]] == ["An", "Chloé", "An"]
    assert serving(zone)[1][1:] == (zone.at("2026-03-15"), zone.at("2026-03-17"))


def test_an_illness_of_this_minute_is_mended_from_this_minute(zone, week):
    zone.pattern()
    night = zone.at("2026-03-14 02:10")
    away(zone, night, "2026-03-14 02:00", "2026-03-16")
    found = proposed(zone, night)
    assert said(zone, found.moves) == [("An", "Chloé", night, zone.at("2026-03-16"))]
    repairs.apply(zone.session, zone.team, found.moves, zone.planner, night)
    assert [who for who, _, _ in serving(zone)[:3]] == ["An", "Chloé", "An"]


def test_a_turn_that_nobody_can_take_stays_open_and_is_named(zone, now, week):
    away(zone, now)
    away(zone, now, who="Chloé")
    found = proposed(zone, now)
    assert ("An", None, zone.at(WEEK[0]), zone.at(WEEK[1])) in said(zone, found.moves)
    with pytest.raises(Invalid, match="Nothing was chosen"):
        repairs.apply(zone.session, zone.team, found.moves, zone.planner, now)


def test_a_cover_whose_holder_is_away_is_mended_and_keeps_what_is_left_of_it(zone, now, week):
    zone.cover(week, "Chloé", "2026-03-14 08:00", "2026-03-18 08:00")
    away(zone, now, "2026-03-15", "2026-03-16", who="Chloé")
    found = proposed(zone, now)
    assert said(zone, found.moves) == [
        ("Chloé", "An", zone.at("2026-03-15"), zone.at("2026-03-16"))
    ]
    repairs.apply(zone.session, zone.team, found.moves, zone.planner, now)
    assert [who for who, _, _ in serving(zone)[:5]] == ["An", "Chloé", "An", "Chloé", "An"]


def test_what_was_changed_meanwhile_is_not_changed_again(zone, now, week):
    away(zone, now)
    found = proposed(zone, now)
    zone.cover(week, "Chloé", *WEEK)
    with pytest.raises(Conflict, match="changed meanwhile"):
        repairs.apply(zone.session, zone.team, found.moves, zone.planner, now)


def test_what_would_break_a_rule_by_now_is_refused_in_words(zone, now, week):
    away(zone, now)
    found = proposed(zone, now)
    rest = {"minutes": 11 * 60}
    rulebook.set_rule(zone.session, zone.team, "rest", "rest", rest, zone.planner, now)
    with pytest.raises(Invalid, match="Chloé Dubois has 0 h of rest where 11 h are due"):
        repairs.apply(zone.session, zone.team, found.moves, zone.planner, now)


def test_a_turn_of_tonight_lets_no_other_break_a_rule(zone, week):
    zone.pattern()
    zone.shift("An", "2026-03-27 17:00", "2026-04-03 17:00")
    zone.shift("Bert", "2026-03-27 17:00", "2026-04-03 17:00", line="backup")
    late = zone.at("2026-03-13 09:00")
    away(zone, late, ends="2026-04-04")
    found = proposed(zone, late)
    assert {move.to_id for move in found.moves} == {zone.people["Chloé"].id}
    assert len(found.moves) == 2
    rest = {"minutes": 11 * 60}
    rulebook.set_rule(zone.session, zone.team, "rest", "rest", rest, zone.planner, late)
    with pytest.raises(Invalid, match="rest"):
        repairs.apply(zone.session, zone.team, found.moves, zone.planner, late)
    repairs.apply(zone.session, zone.team, found.moves[:1], zone.planner, late)


def test_a_gap_that_nobody_was_planned_for_is_no_part_of_a_repair(zone, now, week):
    zone.shift("An", "2026-04-03 17:00", "2026-04-10 17:00")
    away(zone, now)
    later = zone.at(NEXT[1]) - timedelta(hours=1)
    assert all(move.starts_at < later for move in proposed(zone, now).moves)
