"""What a team is planned by: patterns, rules, days, contracts, pairings, each from a day on."""

from datetime import date

import pytest

from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Certificate, Membership, Organisation, Qualification
from dispatch.rota import (
    absences,
    drafts,
    ground,
    planning,
    publishing,
    rulebook,
    seating,
    terms,
    wishes,
)
from dispatch.rota.models import AbsenceKind, PairingKind
from dispatch.rota.planner import faults
from dispatch.rota.problem import Apart, Mentored, Rest

DECEMBER = date(2026, 12, 1), date(2026, 12, 31)
WEEK = {"form": "week", "kind": "week", "begins": "friday", "starts": "17:00"}
DAILY = {"form": "days", "kind": "day", "on": ["every_day"], "starts": "08:00", "ends": "08:00"}


@pytest.fixture
def now(zone):
    return zone.at("2026-11-02 09:00")


def load(zone, days=DECEMBER, **more):
    return planning.load(zone.session, zone.team, *days, **more)


def officer(found, name):
    return next(person for person in found.people if person.name.startswith(name))


def test_a_pattern_says_what_is_needed_from_its_day_on(zone, now):
    zone.pattern(WEEK)
    daily = {"lines": [{"key": "primary", "turns": [DAILY], "people": 2}]}
    ground.set_pattern(zone.session, zone.team, daily, date(2026, 12, 20), zone.planner, now)
    found = load(zone)
    assert [(need.line, need.kind) for need in found.wanted[:5]] == [
        ("primary", "week"),
        ("backup", "week"),
    ] * 2 + [("primary", "week")]
    assert sum(need.kind == "day" for need in found.wanted) == 12
    keys = [line.key for line in ground.lines_of(zone.session, zone.team)]
    assert keys == ["primary", "backup", "primary-2"]
    assert len(found.rows["primary"]) == 2


@pytest.mark.parametrize(
    ("country", "chosen", "expected"),
    [
        ("BE", "", []),
        ("BE", "yes", [24, 31]),
        ("SE", "", [24, 31]),
        ("SE", "no", []),
        ("DK", "", [24, 31]),
        ("NL", "yes", []),
    ],
)
def test_eves_count_as_is_usual_in_the_country_or_as_the_team_says(
    zone, now, country, chosen, expected
):
    zone.session.get_one(Organisation, zone.team.organisation_id).country = country
    terms.choose(zone.session, zone.team, zone.planner, now, eves=chosen)
    calendar = ground.calendar_of(zone.session, zone.team, *DECEMBER)
    assert [day.on.day for day in calendar.days if day.kind == "eve"] == expected


def test_a_pattern_that_cannot_be_is_refused_by_field(zone, now):
    document = {"lines": [{"key": "primary", "turns": [{**DAILY, "starts": "25:00"}]}]}
    with pytest.raises(Invalid) as refused:
        ground.set_pattern(zone.session, zone.team, document, DECEMBER[0], zone.planner, now)
    assert tuple(refused.value.fields) == ("lines.0.turns.0.starts",)


def test_own_days_stand_beside_those_of_the_country(zone, now):
    christmas, fair = date(2026, 12, 25), date(2026, 12, 10)
    ground.set_day(zone.session, zone.team, fair, "public_holiday", "Jaarmarkt", zone.planner, now)
    ground.set_day(
        zone.session,
        zone.team,
        christmas,
        "public_holiday",
        "",
        zone.planner,
        now,
        removed=True,
    )
    calendar = ground.calendar_of(zone.session, zone.team, *DECEMBER)
    assert "public_holiday" in calendar.tags(fair)
    assert "public_holiday" not in calendar.tags(christmas)
    with pytest.raises(Invalid):
        ground.set_day(zone.session, zone.team, fair, "feast", "", zone.planner, now)


def test_rules_come_from_the_preset_and_are_changed_by_organisation_and_team(zone, now):
    terms.choose(zone.session, zone.team, zone.planner, now, preset="eu")
    rest = next(rule for rule in load(zone).rules if isinstance(rule, Rest))
    assert (rest.minutes, rest.weight) == (11 * 60, None)
    change = (zone.session, zone.team, rest.key, "rest", {"hours": 12}, zone.planner, now)
    rulebook.set_rule(*change, everywhere=True, weight=50)
    rulebook.set_rule(*change[:4], {"hours": 10}, *change[5:], source="own agreement")
    rest = next(rule for rule in load(zone).rules if isinstance(rule, Rest))
    assert (rest.minutes, rest.weight, rest.source) == (600, None, "own agreement")
    rulebook.set_rule(*change, off=True)
    assert not any(isinstance(rule, Rest) for rule in load(zone).rules)


def test_a_rule_that_cannot_be_is_refused_and_not_kept(zone, now):
    with pytest.raises(Invalid) as refused:
        rulebook.set_rule(
            zone.session, zone.team, "daily", "rest", {"houres": 11}, zone.planner, now
        )
    assert "daily.houres" in refused.value.fields
    assert "daily" not in [row["key"] for row in rulebook.rows_of(zone.session, zone.team)]


def test_pairs_hold_until_they_end(zone, now):
    an, bert, chloe = zone.people.values()
    who = zone.session, zone.team
    apart = ground.pair(*who, PairingKind.APART, an, bert, DECEMBER[0], zone.planner, now)
    for mentor in (bert, chloe):
        ground.pair(*who, PairingKind.MENTOR, an, mentor, DECEMBER[0], zone.planner, now)
    kinds = {type(rule): rule for rule in load(zone).rules}
    assert kinds[Apart].pair == (an.id, bert.id)
    assert kinds[Mentored].mentors == {bert.id, chloe.id}
    ground.unpair(zone.session, apart, date(2026, 12, 10), zone.planner, now)
    january = date(2027, 1, 1), date(2027, 1, 31)
    assert not any(isinstance(rule, Apart) for rule in load(zone, january).rules)
    with pytest.raises(Conflict):
        ground.unpair(zone.session, apart, date(2026, 12, 11), zone.planner, now)
    with pytest.raises(Invalid):
        ground.pair(*who, PairingKind.APART, an, an, DECEMBER[0], zone.planner, now)


def test_a_share_that_changes_is_averaged_over_the_days_of_the_plan(zone, now):
    membership = zone.session.query(Membership).filter_by(person_id=zone.people["An"].id).one()
    terms_ = (zone.session, membership)
    ground.set_contract(*terms_, date(2026, 1, 1), 1.0, zone.planner, now, unit="north")
    ground.set_contract(*terms_, date(2026, 12, 17), 0.5, zone.planner, now, lines=["backup"])
    an = officer(load(zone), "An")
    assert (round(an.share, 3), an.unit, an.lines) == (round((16 + 7.5) / 31, 3), "north", None)
    later = officer(load(zone, (date(2027, 1, 1), date(2027, 1, 31))), "An")
    assert (later.share, later.unit, later.lines) == (0.5, None, {"backup"})
    with pytest.raises(Invalid):
        ground.set_contract(*terms_, date(2026, 1, 1), 0, zone.planner, now)


def test_whoever_joins_leaves_or_is_away_cannot_be_planned_then(zone, now):
    membership = zone.session.query(Membership).filter_by(person_id=zone.people["An"].id).one()
    membership.until_on = date(2026, 12, 20)
    zone.people["Bert"].left_at = zone.at("2026-12-05 12:00")
    away = zone.at("2026-12-10"), None, zone.planner, now
    absences.ask(zone.session, zone.people["Chloé"], AbsenceKind.SICK, *away, approved=True)
    found = {
        name: [(one.reason, one.starts_at) for one in officer(load(zone), name).away]
        for name in ("An", "Bert", "Chloé")
    }
    assert found == {
        "An": [("not_member", zone.at("2026-12-21"))],
        "Bert": [("not_member", zone.at("2026-12-05 12:00"))],
        "Chloé": [("absence", zone.at("2026-12-10"))],
    }


def test_certificates_count_from_issue_to_expiry_or_revocation(zone, now):
    trained = Qualification(key="bad_news", names={"en": "bad news"})
    zone.session.add(trained)
    zone.session.flush()
    zone.session.add(
        Certificate(
            person_id=zone.people["An"].id,
            qualification_id=trained.id,
            issued_on=date(2025, 1, 1),
            expires_on=date(2026, 12, 31),
            revoked_on=date(2026, 12, 15),
        )
    )
    zone.session.flush()
    found = load(zone)
    (held,) = officer(found, "An").holds
    assert (held.qualification, held.until_on) == ("bad_news", date(2026, 12, 14))
    assert found.words.qualifications["bad_news"] == {"en": "bad news"}


def test_what_was_served_before_is_known_covers_included(zone, now):
    zone.pattern(WEEK)
    shift = zone.shift("An", "2026-11-27 17:00", "2026-12-04 17:00")
    zone.cover(shift, "Bert", "2026-11-29 17:00", "2026-11-30 17:00")
    zone.shift("An", "2026-12-04 17:00", "2026-12-11 17:00")
    found = load(zone)
    before = {name: officer(found, name).before for name in ("An", "Bert")}
    assert [turn.starts_at for turn in before["An"]] == [
        zone.at("2026-11-27 17:00"),
        zone.at("2026-11-30 17:00"),
    ]
    assert [(turn.kind, turn.days) for turn in before["Bert"]] == [("week", (date(2026, 11, 29),))]


def test_wishes_become_what_they_cost_of_the_needs_they_mean(zone, now):
    zone.pattern(WEEK)
    an = zone.people["An"]
    day = date(2026, 12, 24)
    wishes.wish(zone.session, zone.team, an, False, day, day, 7, zone.planner, now)
    found = load(zone)
    (wish,) = found.lay([]).problem.wishes
    assert (wish.person, wish.wanted, wish.weight) == (an.id, False, 7 * planning.POINT)
    meant = {found.lay([]).problem.needs[need].starts_at for need in wish.needs}
    assert meant == {zone.at("2026-12-18 17:00")}


def test_a_fixed_order_locks_who_is_due_unless_somebody_stands_there(zone, now):
    an, bert, _ = (person.id for person in zone.people.values())
    order = {"order": [an, bert], "since": "2026-12-04"}
    zone.pattern(WEEK, rotations=[order])
    found = load(zone)
    laid = found.lay([])
    first = [seat for seat in laid.problem.locked if seat[0] < 4]
    assert sorted(person for _, person in first) == [an, an, bert, bert]
    (stand,) = laid.turns([(0, bert)])
    again = found.lay([stand])
    assert (again.seats[0][0], an) not in again.problem.locked


def test_whoever_is_due_by_a_fixed_order_and_away_leaves_a_turn_that_lacks_people(zone, now):
    an, bert, _ = (person.id for person in zone.people.values())
    order = {"order": [an, bert], "since": "2026-12-04"}
    document = {"lines": [{"key": "primary", "turns": [WEEK], "rotations": [order]}]}
    ground.set_pattern(zone.session, zone.team, document, DECEMBER[0], zone.planner, now)
    leave = zone.at("2026-12-05 08:00"), zone.at("2026-12-07 08:00")
    asked = (AbsenceKind.LEAVE, *leave, zone.planner, now)
    absences.ask(zone.session, zone.people["An"], *asked, approved=True)
    problem = load(zone).lay([]).problem
    assert faults.problem_faults(problem) == {}
    days = {need.days[0] for need in problem.needs} - {
        problem.needs[need].days[0] for need, _ in problem.locked
    }
    assert days == {date(2026, 12, 4)}


def test_a_turn_that_has_begun_is_a_fact_though_somebody_fell_ill_in_it(zone, now):
    zone.pattern(DAILY, blocks=[["friday", "saturday", "sunday"]])
    for day in (4, 5, 6):
        zone.shift("An", f"2026-12-{day:02} 08:00", f"2026-12-{day + 1:02} 08:00")
    ill = zone.at("2026-12-04 20:00"), zone.at("2026-12-20 08:00"), zone.planner, now
    draft = drafts.begin(zone.session, zone.team, *DECEMBER, zone.planner, now)
    absences.ask(zone.session, zone.people["An"], AbsenceKind.SICK, *ill, approved=True)
    _, laid = drafts.lay(zone.session, draft, now=zone.at("2026-12-04 21:00"))
    problem, an = laid.problem, zone.people["An"].id
    assert faults.problem_faults(problem) == {}
    (fact,) = problem.locked
    assert problem.needs[fact[0]].days[0] == date(2026, 12, 4)
    assert problem.needs[fact[0]].block is None
    (person,) = (one for one in problem.people if one.id == an)
    assert [faults.may_fill(person, problem.needs[need]) for need, _ in laid.seats] == [
        True,
        False,
        False,
    ]


def test_seats_of_a_proposal_come_back_as_turns_on_free_rows(zone, now):
    zone.pattern(DAILY, people=2)
    found = load(zone, (date(2026, 12, 1), date(2026, 12, 1)))
    an, bert, chloe = (person.id for person in zone.people.values())
    turns = found.lay([]).turns([(0, an), (0, bert), (1, chloe)])
    assert len({turn.line_id for turn in turns}) == 3
    kept = found.lay(turns)
    again = kept.turns([*kept.seats[:1], (kept.seats[1][0], chloe)])
    assert turns[0] in again


def test_a_covered_part_is_of_the_day_on_which_its_turn_begins(zone, now):
    zone.pattern(WEEK)
    shift = zone.shift("An", "2026-11-27 17:00", "2026-12-04 17:00")
    zone.cover(shift, "Bert", "2026-12-02 17:00", "2026-12-03 17:00")
    assert planning.published(zone.session, zone.team, *DECEMBER) == []
    days = date(2026, 11, 27), date(2026, 11, 30)
    found = planning.published(zone.session, zone.team, *days)
    assert [stand.person_id for stand in found] == [1, 2, 1]
    laid = load(zone, days).lay(found)
    assert {need.kind for need in laid.problem.needs} == {"week"}


def test_what_was_published_keeps_the_days_that_mattered_then(zone, now):
    zone.pattern(WEEK)
    draft = drafts.begin(zone.session, zone.team, *DECEMBER, zone.planner, now)
    where = zone.lines["primary"], zone.people["An"]
    times = zone.at("2026-12-04 17:00"), zone.at("2026-12-11 17:00")
    seating.put(zone.session, draft, *where, *times, zone.planner, now)
    publishing.publish(zone.session, draft, zone.planner, now)
    fair = date(2026, 12, 5)
    ground.set_day(zone.session, zone.team, fair, "public_holiday", "Jaarmarkt", zone.planner, now)
    (turn,) = officer(load(zone, (date(2027, 1, 1), date(2027, 1, 31))), "An").before
    assert "public_holiday" not in turn.tags
    drafted = load(zone).lay(planning.published(zone.session, zone.team, *DECEMBER))
    assert "public_holiday" in drafted.problem.needs[drafted.seats[0][0]].tags


def test_a_fixed_order_names_nobody_who_never_was_in_the_team(zone):
    order = {"order": [zone.people["An"].id, 99_999], "since": "2026-12-04"}
    with pytest.raises(Invalid) as refused:
        zone.pattern(WEEK, rotations=[order])
    assert set(refused.value.fields) == {
        "lines.0.rotations.0.order.1",
        "lines.1.rotations.0.order.1",
    }
