"""The score of a plan: 100 only when nothing is broken, and every part says why it is less."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.rota.fairness import fairs
from dispatch.rota.problem import Holding, Rest, Run, SkillNeed, Wish
from dispatch.rota.quality import quality
from dispatch.rota.rules import check
from tests.rota.rules.cases import day, officer, problem, turn, turns

FOUR = [officer(n) for n in range(4)]
MONTH = turns(range(2, 30), 8, 16, under=None, over=None)
ROUND = {(n, n % 4) for n in range(28)}


def judged(given_problem, seats):
    return quality(given_problem, seats, check(given_problem, seats))


def month(**more):
    given_problem = problem(MONTH, FOUR, **more)
    return replace(given_problem, fairs=fairs(given_problem))


def part(found, key):
    return next(part for part in found.parts if part.key == key)


def test_a_plan_in_which_nothing_is_broken_scores_100():
    found = judged(month(rules=[Rest(key="rest", minutes=660)]), ROUND)
    assert found.score == 100
    assert [p.key for p in found.parts] == [
        "coverage",
        "gaps",
        "rules",
        "fairness:turns",
        "fairness:weekends",
    ]
    assert sum(p.most for p in found.parts) == 85


def test_an_empty_turn_costs_coverage_and_is_a_gap():
    found = judged(month(), ROUND - {(3, 3)})
    assert part(found, "coverage").facts == {
        "wanted": 28,
        "missing": 1,
        "untrained": 0,
        "surplus": 0,
    }
    assert part(found, "gaps").facts == {"needs": 28, "empty": 1}
    assert part(found, "gaps").points < part(found, "gaps").most
    assert found.score < 90


def test_an_empty_plan_keeps_only_the_rules():
    found = judged(month(), set())
    assert [p.points for p in found.parts if p.key in ("coverage", "gaps")] == [0, 0]
    assert part(found, "rules").points == 25


def test_nobody_trained_costs_coverage():
    needs = [replace(need, skills=(SkillNeed("bad_news"),)) for need in MONTH]
    trained = [officer(0, holds=(Holding("bad_news", day(1)),)), *FOUR[1:]]
    found = judged(problem(needs, trained), ROUND)
    assert part(found, "coverage").facts["untrained"] == 21
    assert found.score < 80


@pytest.mark.parametrize(("weight", "worse"), [(None, 20), (5, 4)])
def test_a_broken_rule_costs_more_when_it_is_hard(weight, worse):
    rule = Run(key="run", most=1, weight=weight)
    seats = {(n, n // 7) for n in range(28)}
    given_problem = problem(MONTH, FOUR, [rule])
    found = judged(given_problem, seats)
    assert 100 - found.score > worse
    kind = "hard" if weight is None else "soft"
    assert part(found, "rules").facts[kind] == 24


def test_an_unfair_plan_says_how_far_apart_people_are():
    found = judged(month(), {(n, 0) for n in range(28)})
    shared = part(found, "fairness:turns")
    assert shared.facts == {"spread": 28.0, "worst": 21.0}
    assert shared.points == 0
    nearly = judged(month(), {(n, n % 4) for n in range(27)} | {(27, 0)})
    assert part(nearly, "fairness:turns").points == part(nearly, "fairness:turns").most


def test_wishes_count_by_their_weight():
    wishes = [
        Wish("a", 0, frozenset({0}), True, 6),
        Wish("b", 1, frozenset({2}), True, 2),
        Wish("c", 2, frozenset({2}), False, 2),
    ]
    wished = part(judged(month(wishes=wishes), ROUND), "wishes")
    assert wished.facts == {"wishes": 3, "met": 1}
    assert wished.points == 6.0


def test_a_published_turn_taken_away_costs_stability():
    stays = {(0, 0): 400, (1, 2): 150}
    kept = part(judged(month(stays=stays), ROUND), "stability")
    assert (kept.points, kept.facts) == (2.5, {"published": 2, "moved": 1})


def test_what_may_stay_empty_is_no_gap():
    shadow = [replace(need, line="shadow", under=0) for need in MONTH]
    assert judged(problem([*MONTH, *shadow], FOUR), ROUND).score == 100


def test_a_plan_of_nothing_is_whole():
    assert judged(problem([]), set()).score == 100


@settings(max_examples=60)
@given(
    st.frozensets(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=14),
    st.sampled_from([None, 3]),
)
def test_100_is_only_for_a_plan_that_breaks_nothing(seats, weight):
    rules = [
        Run(key="run", most=2, weight=weight),
        Rest(key="rest", minutes=20 * 60, weight=weight),
    ]
    wish = Wish("w", 0, frozenset({0}), True, 3)
    given_problem = problem([*MONTH[:9], turn(6, 20, 4)], FOUR, rules, wishes=[wish])
    given_problem = replace(given_problem, fairs=fairs(given_problem))
    found = judged(given_problem, seats)
    broken = [b for b in check(given_problem, seats) if not b.key.startswith("fair:")]
    assert 0 <= found.score <= 100
    assert not (found.score == 100 and broken)
    for one in found.parts:
        assert 0 <= one.points <= one.most
