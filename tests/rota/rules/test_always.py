"""What every plan must keep or pays for: cover, skills, absence, units, lines, blocks, wishes."""

from dataclasses import replace
from datetime import date

import pytest

from dispatch.rota.problem import (
    Away,
    Fair,
    Holding,
    Measure,
    Selection,
    SkillNeed,
    Wish,
)
from dispatch.rota.rules import check, cost, hard
from tests.rota.rules.cases import amount, at, day, officer, problem, turn, turns

CERTIFIED = Holding("sexual_offences", date(2020, 1, 1))


def only(found, key):
    """Return the breaches of one key, of which nothing else may be among them."""
    assert {breach.key for breach in found} <= {key}
    return found


@pytest.mark.parametrize(
    ("filled", "under", "over", "missing", "expected"),
    [
        (2, None, None, 0, 0),
        (1, None, None, 1, None),
        (0, 30, None, 2, 60),
        (3, 30, None, 1, None),
        (4, 30, 7, 2, 14),
        (4, None, 0, 0, 0),
    ],
)
def test_cover(filled, under, over, missing, expected):
    people = [officer(id_) for id_ in range(4)]
    given = problem([turn(5, wanted=2, under=under, over=over)], people)
    found = only(check(given, {(0, id_) for id_ in range(filled)}), "cover")
    assert amount(found) == missing
    if missing:
        assert (found[0].cost, found[0].needs, found[0].person) == (expected, (0,), None)
        assert found[0].facts == {"count": filled, "wanted": 2}


WEEK_TURN = turn(5, days=tuple(map(day, range(5, 9))), skills=(SkillNeed("sexual_offences"),))


@pytest.mark.parametrize(
    ("holdings", "missing"),
    [
        ([CERTIFIED], []),
        ([], [5, 6, 7, 8]),
        ([Holding("bad_news", date(2020, 1, 1))], [5, 6, 7, 8]),
        ([Holding("sexual_offences", date(2020, 1, 1), day(8))], []),
        ([Holding("sexual_offences", date(2020, 1, 1), day(7))], [8]),
        ([Holding("sexual_offences", day(5))], []),
        ([Holding("sexual_offences", day(7))], [5, 6]),
        (
            [
                Holding("sexual_offences", date(2020, 1, 1), day(6)),
                Holding("sexual_offences", day(7)),
            ],
            [],
        ),
    ],
)
def test_a_qualification_counts_on_the_days_it_is_valid(holdings, missing):
    given = problem([WEEK_TURN], [officer(holds=tuple(holdings))])
    found = only(check(given, {(0, 0)}), "skill")
    assert [breach.days for breach in found] == ([tuple(map(day, missing))] if missing else [])


def test_two_people_can_hold_it_between_them():
    early = officer(0, holds=(Holding("sexual_offences", date(2020, 1, 1), day(6)),))
    late = officer(1, holds=(Holding("sexual_offences", day(7)),))
    given = problem([WEEK_TURN], [early, late])
    assert check(given, {(0, 0), (0, 1)}) == ()
    (found,) = check(given, {(0, 0)})
    assert (found.amount, found.days) == (1, (day(7), day(8)))


def test_missing_holders_cost_as_many_as_on_the_worst_day():
    need = replace(WEEK_TURN, wanted=2, skills=(SkillNeed("sexual_offences", 2, weight=10),))
    people = [officer(0, holds=(Holding("sexual_offences", day(7)),)), officer(1)]
    (found,) = check(problem([need], people), {(0, 0), (0, 1)})
    assert (found.amount, found.cost) == (2, 20)
    assert found.facts == {"qualification": "sexual_offences", "count": 0, "wanted": 2}


@pytest.mark.parametrize(
    ("away", "broken"),
    [
        (Away(at(5, 16), at(6, 0), "absence"), False),
        (Away(at(5, 15.9), at(6, 0), "absence"), True),
        (Away(at(4, 0), at(5, 8), "absence"), False),
        (Away(at(4, 0), at(5, 8.1), "absence"), True),
        (Away(at(4, 0), at(7, 0), "not_member"), True),
    ],
)
def test_nobody_is_planned_while_away(away, broken):
    given = problem([turn(5)], [officer(away=(away,))])
    found = only(check(given, {(0, 0)}), "away")
    assert bool(found) == broken
    if broken:
        assert (found[0].person, found[0].needs, found[0].cost) == (0, (0,), None)
        assert found[0].facts == {"reason": away.reason}


def test_a_need_of_a_unit_is_for_its_people():
    people = [officer(0, unit="north"), officer(1, unit="south"), officer(2)]
    given = problem([turn(5, unit="north", wanted=3), turn(7, wanted=3)], people)
    found = only(check(given, {(n, p) for n in (0, 1) for p in (0, 1, 2)}), "unit")
    assert [(breach.needs, breach.person) for breach in found] == [((0,), 1), ((0,), 2)]


def test_a_line_is_for_those_who_may_take_it():
    people = [officer(0, lines=frozenset({"shadow"})), officer(1)]
    given = problem([turn(5), turn(7, line="shadow", over=None, wanted=2)], people)
    found = only(check(given, {(0, 0), (0, 1), (1, 0), (1, 1)}), "line")
    assert [(breach.needs, breach.person, breach.facts) for breach in found] == [
        ((0,), 0, {"line": "primary"})
    ]


def test_nobody_fills_two_needs_at_once():
    needs = [turn(5, 8, 16), turn(5, 16, 20), turn(5, 15, 18, line="backup")]
    found = only(check(problem(needs), {(0, 0), (1, 0), (2, 0)}), "overlap")
    assert [breach.needs for breach in found] == [(0, 2), (2, 1)]
    assert len(hard(found)) == 2


def test_a_turn_that_lasts_into_the_plan_is_held_too():
    given = problem([turn(2, 6, 10)], [officer(before=[turn(1, 20, 8)])])
    found = only(check(given, {(0, 0)}), "overlap")
    assert [breach.needs for breach in found] == [(0,)]
    given = problem([turn(2, 8, 10)], [officer(before=[turn(1, 20, 8)])])
    assert check(given, {(0, 0)}) == ()


def test_two_times_an_hour_apart_in_truth_do_not_overlap():
    # In the night before 25 October (day 239) the clock shows 02:30 twice.
    first = turn(239, 1, 2.5)
    second = turn(239, 2.5, 4, starts_at=at(239, 2.5, fold=1))
    also_first = replace(second, starts_at=at(239, 2.4))
    given = problem([first, second], first=day(230), last=day(250))
    assert check(given, {(0, 0), (1, 0)}) == ()
    given = problem([first, also_first], first=day(230), last=day(250))
    assert len(only(check(given, {(0, 0), (1, 0)}), "overlap")) == 1


def test_a_block_is_filled_by_the_same_people():
    needs = [*turns([7, 8], block="w10", wanted=2), *turns([7, 8], line="backup", block="w10")]
    people = [officer(0), officer(1), officer(2)]
    together = {(0, 0), (1, 0), (0, 1), (1, 1), (2, 2), (3, 2)}
    assert check(problem(needs, people), together) == ()
    found = only(check(problem(needs, people), together - {(1, 1)}), "block")
    assert [(breach.person, breach.needs, breach.days) for breach in found] == [
        (1, (1,), (day(8),))
    ]
    assert found[0].facts == {"block": "w10", "count": 1, "wanted": 2}


def test_locks_are_kept():
    locked = {(0, 0): True, (1, 1): False, (2, 0): True, (2, 1): False}
    given = problem(turns([5, 6, 7]), [officer(0), officer(1)], locked=locked)
    found = only(check(given, {(1, 1), (2, 0)}), "locked")
    assert [(breach.needs, breach.person, breach.facts) for breach in found] == [
        ((0,), 0, {"wanted": 1}),
        ((1,), 1, {"wanted": 0}),
    ]


def test_taking_a_published_turn_away_costs():
    given = problem(turns([5, 6]), [officer(0)], stays={(0, 0): 400, (1, 0): 150})
    found = only(check(given, {(0, 0)}), "stays")
    assert [(breach.needs, breach.person, breach.cost) for breach in found] == [((1,), 0, 150)]


@pytest.mark.parametrize(
    ("wanted", "filled", "needs"),
    [
        (True, {0}, None),
        (True, {2}, (0, 1)),
        (False, {2}, None),
        (False, {0}, (0,)),
        (False, {0, 1}, (0, 1)),
    ],
)
def test_wishes(wanted, filled, needs):
    wish = Wish("7", 0, frozenset({0, 1}), wanted, 12)
    given = problem(turns([5, 6, 7]), [officer(0)], wishes=[wish])
    found = only(check(given, {(need, 0) for need in filled}), "wish:7")
    assert [(breach.needs, breach.cost) for breach in found] == ([(needs, 12)] if needs else [])


def fair(target: float, **more: object) -> Fair:
    return Fair(key="load", targets={0: target}, **more)


@pytest.mark.parametrize(
    ("burden", "share", "expected"),
    [
        (fair(4.0), 1.0, 0),
        (fair(3.0), 1.0, 100),
        (fair(5.0), 1.0, 100),
        (fair(2.5), 1.0, 225),
        (fair(3.0), 0.5, 200),
        (fair(3.0), 0.8, 125),
        (fair(2.0, weight=7), 1.0, 28),
        (fair(3.5, weight=1), 1.0, 0),  # a quarter
        (fair(3.5, weight=2), 1.0, 0),  # half, to even
        (fair(3.5, weight=6), 1.0, 2),  # one and a half, to even
        (fair(2.0, of=Measure.DAYS), 1.0, 400),
        (fair(30.0, of=Measure.MINUTES), 1.0, 100),
        (fair(1.0, of=Measure.WEEKENDS), 1.0, 0),
        (fair(1.0, only=Selection(kinds=frozenset({"night"}))), 1.0, 100),
    ],
)
def test_fairness_costs_the_square_of_what_is_too_much_or_too_little(burden, share, expected):
    # Four turns of 7:10, of which two on one weekend: 28 h 40, that is 29 begun hours.
    given = problem(turns([5, 6, 7, 8], 8, 15 + 1 / 6), [officer(share=share)], fairs=[burden])
    found = only(check(given, {(need, 0) for need in range(4)}), "fair:load")
    assert cost(found) == expected


def test_fairness_counts_a_block_once_and_says_how_far_off():
    given = problem(turns([7, 8], block="w"), fairs=[fair(2.2)])
    (found,) = check(given, {(0, 0), (1, 0)})
    assert (found.amount, found.person, found.cost) == (2, 0, 144)
    assert found.facts == {"count": 1, "target": 2.2, "of": "turns"}


def test_who_has_no_target_costs_nothing():
    given = problem(turns([5]), [officer(1)], fairs=[fair(0.0)])
    assert check(given, {(0, 1)}) == ()


@pytest.mark.parametrize("seat", [(0, 5), (3, 0), (-1, 0)])
def test_a_seat_that_cannot_be_is_an_error(seat):
    with pytest.raises(ValueError, match="no such seat"):
        check(problem(turns([5])), {seat})


def test_an_empty_plan_of_an_empty_problem_breaks_nothing():
    assert check(problem([]), ()) == ()
