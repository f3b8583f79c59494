"""Fair shares: by employment and presence, made up for, and Christmas that goes round."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.rota.fairness import (
    BURDENS,
    History,
    alternation,
    fairs,
    history,
    presence,
    served,
    standings,
)
from dispatch.rota.problem import Away, Fair, Measure, Past
from dispatch.rota.rules import check
from tests.rota.rules.cases import at, day, officer, past, problem, turn, turns


def targets(given_problem, key="turns", **more):
    (found,) = [fair for fair in fairs(given_problem, **more) if fair.key == key]
    return found.targets


def away(first: int, last: int, reason: str = "absence") -> Away:
    """Return days away, both included."""
    return Away(at(first), at(last + 1), reason)


MARCH = turns(range(2, 30), 8, 8, under=None)
FOUR = [officer(n) for n in range(4)]


# --- Counting.


def test_turns_are_counted_by_burden():
    night = frozenset({"night"})
    mine = [
        turn(6, 20, 8, tags=night),
        turn(7, tags=frozenset({"public_holiday", "eve"})),
        turn(8, tags=frozenset({"school_holiday", "heavy"})),
        turn(15),
    ]
    assert served(mine) == {
        "turns": 4,
        "nights": 1,
        "weekends": 2,
        "public_holidays": 1,
        "eves": 1,
        "school_holidays": 1,
        "heavy": 1,
    }


def test_a_block_is_one_turn_before_the_plan_as_in_it():
    weekend = turns([7, 8], block="w")
    assert served(weekend) == {"turns": 1, "weekends": 1}
    assert served(replace(past(one), block="w") for one in weekend) == served(weekend)
    assert served(past(one) for one in weekend) == {"turns": 2, "weekends": 1}
    other_line = replace(weekend[0], line="backup")
    assert served([*weekend, other_line])["turns"] == 2


def test_history_adds_what_was_served_before_turns_are_known():
    found = history(map(past, turns([1])), 90.0, {"turns": 6.5, "eves": 1})
    assert found == History({"turns": 7.5, "weekends": 1, "eves": 1}, 90.0)


# --- Shares.


def test_everybody_has_the_same_share_of_the_same_employment():
    assert targets(problem(MARCH, [officer(n) for n in range(4)])) == dict.fromkeys(range(4), 7.0)


def test_the_share_of_employment_counts():
    people = [officer(0), officer(1, share=0.5), officer(2, share=0.5)]
    assert targets(problem(MARCH, people)) == {0: 14.0, 1: 7.0, 2: 7.0}


def test_somebody_absent_half_the_time_has_half_the_share():
    people = [officer(0), officer(1, away=(away(2, 15),)), officer(2)]
    found = targets(problem(MARCH, people))
    # An hour of the second half is missing, which clocks skip.
    assert found[1] == pytest.approx(found[0] / 2, rel=0.002)
    assert sum(found.values()) == pytest.approx(28)


@pytest.mark.parametrize(
    ("absences", "expected"),
    [
        ([], 1.0),
        ([away(-20, 60)], 0.0),
        ([away(16, 22), away(16, 18)], 0.75),
        ([away(16, 20), away(18, 22)], 0.75),
        ([away(16, 22, "not_member")], 0.75),
        ([away(16, 22, "other_team")], 1.0),
        ([away(30, 40), away(-9, 1)], 1.0),
    ],
)
def test_presence(absences, expected):
    given_problem = problem([])
    found = presence(given_problem, officer(0, away=tuple(absences)))
    assert found == pytest.approx(expected, abs=0.001)


def test_somebody_absent_all_the_time_has_no_share_and_nobody_gets_an_impossible_one():
    people = [officer(0), officer(1, away=(away(-3, 40),))]
    assert targets(problem(MARCH, people)) == {0: 28.0}
    assert fairs(problem(MARCH, people[1:])) == ()


def test_a_unit_shares_its_own_turns_and_a_line_is_shared_by_those_who_may_take_it():
    needs = [
        *turns(range(2, 8), unit="north"),
        *turns(range(8, 12), unit="south"),
        *turns(range(2, 5), line="backup"),
    ]
    people = [
        officer(0, unit="north"),
        officer(1, unit="north", lines=frozenset({"primary"})),
        officer(2, unit="south", lines=frozenset({"primary"})),
    ]
    needs = [replace(need, under=None) for need in needs]
    assert targets(problem(needs, people)) == {0: 6.0, 1: 3.0, 2: 4.0}


def test_a_line_that_may_stay_empty_is_no_burden():
    needs = [*turns([2, 3], under=None), *turns([2, 3], line="shadow", under=0)]
    (fair,) = fairs(problem(needs, [officer(0), officer(1)]))
    assert (fair.only.lines, fair.targets) == ({"primary"}, {0: 1.0, 1: 1.0})


def test_each_burden_is_shared_by_itself():
    holiday = frozenset({"public_holiday"})
    needs = [*turns([2, 3, 4, 5]), turn(6, tags=holiday), *turns([7, 8], block="w")]
    found = fairs(problem([replace(n, under=None) for n in needs], [officer(0), officer(1)]))
    assert {fair.key: (fair.of, fair.targets[0]) for fair in found} == {
        "turns": (Measure.TURNS, 3.0),
        "weekends": (Measure.WEEKENDS, 0.5),
        "public_holidays": (Measure.TURNS, 0.5),
    }


def test_nights_are_no_burden_of_their_own_where_every_turn_is_one():
    nights = [replace(one, under=None, tags=frozenset({"night"})) for one in turns([2, 3])]
    assert [fair.key for fair in fairs(problem(nights))] == ["turns"]
    mixed = [*nights, replace(turn(5), under=None)]
    assert [fair.key for fair in fairs(problem(mixed))] == ["turns", "nights"]


def test_a_burden_can_weigh_otherwise_or_be_left_out():
    needs = [replace(one, under=None) for one in turns([6, 7])]
    found = fairs(problem(needs), weights={"turns": 7, "weekends": 0})
    assert [(fair.key, fair.weight) for fair in found] == [("turns", 7)]


# --- History.


def of_history(served_turns: list[float], presences: list[float]) -> dict[int, History]:
    return {
        number: History({"turns": turns_}, there)
        for number, (turns_, there) in enumerate(zip(served_turns, presences, strict=True))
    }


def test_who_served_too_little_makes_up_for_it():
    found = targets(problem(MARCH, FOUR), histories=of_history([12, 10, 10, 8], [365] * 4))
    assert found == pytest.approx({0: 5, 1: 7, 2: 7, 3: 9}, abs=0.001)


def test_a_backlog_is_made_up_for_by_half_a_share_at_once():
    found = targets(problem(MARCH, FOUR), histories=of_history([10, 10, 10, 90], [365] * 4))
    assert found[3] == 3.5
    assert found[0] == found[1] == found[2] == pytest.approx(24.5 / 3)


def test_a_newcomer_is_neither_punished_nor_spared():
    newcomer = of_history([10, 10, 10], [365] * 3)
    assert targets(problem(MARCH, FOUR), histories=newcomer)[3] == 7.0
    of_two_months = of_history([60, 60, 60, 10], [365] * 3 + [365 / 6])
    assert targets(problem(MARCH, FOUR), histories=of_two_months)[3] == pytest.approx(7.0)


def test_long_absence_and_part_time_leave_nothing_to_make_up_for():
    returned = of_history([24, 24, 12, 6], [730, 730, 365, 730 / 4])
    assert targets(problem(MARCH, FOUR), histories=returned) == pytest.approx(
        dict.fromkeys(range(4), 7.0)
    )


def test_a_rare_burden_can_be_made_up_for_wholly():
    eve = turn(20, tags=frozenset({"eve"}), under=None)
    had = {n: History({"eves": 1.0 if n == 0 else 0.0}, 365.0) for n in range(4)}
    found = targets(problem([eve], FOUR), "eves", histories=had)
    assert found[0] == 0
    assert found[1] == found[2] == found[3] == pytest.approx(1 / 3)


def test_units_are_compared_with_themselves():
    needs = [*turns(range(2, 8), unit="north"), *turns(range(8, 14), unit="south")]
    needs = [replace(need, under=None) for need in needs]
    people = [officer(n, unit="north" if n < 2 else "south") for n in range(4)]
    busy_north = of_history([30, 30, 10, 10], [365] * 4)
    assert targets(problem(needs, people), histories=busy_north) == dict.fromkeys(range(4), 3.0)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.2, 0.5, 0.8, 1.0]),
            st.integers(0, 28),
            st.floats(0, 60),
            st.floats(0, 730),
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 28),
)
def test_the_targets_add_up_to_what_there_is_to_share(people, count):
    staff = [
        officer(n, share=share, away=(away(2, 1 + days),) if days else ())
        for n, (share, days, _, _) in enumerate(people)
    ]
    had = {n: History({"turns": turns_}, there) for n, (_, _, turns_, there) in enumerate(people)}
    found = fairs(problem(MARCH[:count], staff), had)
    if any(days < 28 for _, days, _, _ in people):
        assert sum(found[0].targets.values()) == pytest.approx(count, abs=0.001)
        assert all(target >= 0 for target in found[0].targets.values())
    else:
        assert found == ()


# --- Christmas and New Year.


def winter(first: date, last: date, staff: int = 6):
    """Return a problem of 24-hour turns over some days of a winter."""
    begin = (first - day(1)).days + 1
    needs = turns(range(begin, begin + (last - first).days + 1), 8, 8)
    return problem(needs, [officer(n) for n in range(staff)], first=first, last=last)


def on(given_problem, *days: tuple[int, int]) -> set[int]:
    return {n.id for n in given_problem.needs if (n.days[0].month, n.days[0].day) in days}


CHRISTMAS, NEW_YEAR = [(12, 24), (12, 25), (12, 26)], [(12, 31), (1, 1)]


def feast(on_: date) -> Past:
    return past(turn((on_ - day(1)).days + 1, 8, 8))


def test_nobody_has_christmas_and_new_year():
    given_problem = winter(date(2026, 12, 1), date(2027, 1, 31))
    (rule,) = alternation(given_problem, {})
    assert (rule.key, rule.most, rule.weight) == ("feasts_2026", 1, 100)
    assert rule.needs == on(given_problem, *CHRISTMAS, *NEW_YEAR)


def test_a_small_team_has_no_more_of_both_than_must_be():
    (rule,) = alternation(winter(date(2026, 12, 1), date(2027, 1, 31), staff=3), {})
    assert rule.most == 2


def test_who_had_christmas_the_year_before_is_spared():
    given_problem = winter(date(2026, 12, 1), date(2027, 1, 31))
    past_turns = {
        0: [feast(date(2025, 12, 25))],
        1: [feast(date(2026, 1, 1))],
        2: [feast(date(2024, 12, 25))],
        99: [feast(date(2025, 12, 24))],
    }
    found = {rule.key: rule for rule in alternation(given_problem, past_turns, weight=7)}
    assert list(found) == ["feasts_2026", "christmas_again_2026", "new_year_again_2026"]
    again = found["christmas_again_2026"]
    assert (again.people, again.most, again.weight) == ({0}, 0, 7)
    assert again.needs == on(given_problem, *CHRISTMAS)
    assert found["new_year_again_2026"].people == {1}


def test_a_plan_that_begins_at_new_year_spares_who_just_had_christmas():
    given_problem = winter(date(2027, 1, 1), date(2027, 1, 31))
    (rule,) = alternation(given_problem, {0: [feast(date(2026, 12, 26))], 1: []})
    assert (rule.key, rule.people, rule.most) == ("feasts_2026", {0}, 0)
    assert rule.needs == on(given_problem, (1, 1))


def test_where_everybody_had_it_nobody_is_spared():
    given_problem = winter(date(2026, 12, 1), date(2026, 12, 27), staff=2)
    had = {n: [feast(date(2025, 12, 24 + n))] for n in range(2)}
    assert alternation(given_problem, had) == ()


def test_an_ordinary_month_has_no_feasts():
    assert alternation(problem(MARCH, FOUR), {0: [feast(date(2025, 12, 25))]}) == ()


# --- Standings.


def test_how_a_plan_is_shared_is_said_by_person():
    given_problem = problem(MARCH[:4], FOUR)
    given_problem = replace(given_problem, fairs=fairs(given_problem))
    turns_ = standings(given_problem, {(0, 0), (1, 0), (2, 0), (3, 1)})[0]
    assert turns_.counts == {0: 3, 1: 1, 2: 0, 3: 0}
    assert turns_.deviations == {0: 2.0, 1: 0.0, 2: -1.0, 3: -1.0}
    assert (turns_.spread, turns_.deviation) == (3.0, pytest.approx(1.5**0.5))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 27), st.integers(0, 3)), max_size=30))
def test_standings_count_what_the_rules_count(pairs):
    tagged = [
        replace(need, tags=frozenset({"night"} if need.id % 3 else {"eve"}), block=str(n // 2))
        for n, need in enumerate(MARCH)
    ]
    given_problem = problem(tagged, FOUR)
    given_problem = replace(given_problem, fairs=fairs(given_problem))
    counts = {
        (breach.key, breach.person): breach.facts["count"]
        for breach in check(given_problem, set(pairs))
        if breach.key.startswith("fair:")
    }
    for standing in standings(given_problem, pairs):
        for person, count in standing.counts.items():
            assert counts.get((f"fair:{standing.key}", person), count) == count


@pytest.mark.parametrize(
    ("of", "count"), [(Measure.TURNS, 2), (Measure.DAYS, 3), (Measure.MINUTES, 29)]
)
def test_a_standing_counts_by_the_measure_of_its_burden(of, count):
    weekend = turns([7, 8], 8, 17.5, block="w")
    long = turn(9, 8, 17.5, days=(day(8), day(9)))
    fair = Fair(key="own", of=of, targets={0: 1.0})
    given_problem = problem([*weekend, long], FOUR, fairs=[fair])
    (found,) = standings(given_problem, {(0, 0), (1, 0), (2, 0)})
    assert (found.counts, found.spread) == ({0: count}, 0.0)


def test_every_burden_has_a_name_of_its_own():
    assert len({burden.key for burden in BURDENS}) == len(BURDENS)
