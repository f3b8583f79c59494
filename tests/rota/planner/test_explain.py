"""Why a period cannot be covered: counted, named, and with the ways out."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from dispatch.clock import monotonic
from dispatch.rota import planner
from dispatch.rota import problem as p
from dispatch.rota.planner import Explanation
from dispatch.rota.planner.cpsat import Solver
from dispatch.rota.planner.explaining import work
from tests.benchmarks.rig.years import CERTIFICATE, year
from tests.rota.planner.tiny import searched
from tests.rota.rules.cases import at, officer, problem, turn


def explained(given: p.Problem, seconds: float = 20.0) -> Explanation:
    """Explain without a process of its own."""
    return work(given, seconds, Solver(), lambda point, seats: None)


def week_away(given: p.Problem, people: set[int]) -> p.Problem:
    """Return a problem in which some people are away for its sixth week."""
    begin = given.first + timedelta(days=40)
    starts = datetime(begin.year, begin.month, begin.day, tzinfo=UTC)
    gone = p.Away(starts, starts + timedelta(days=7), "absence")
    return replace(
        given,
        people=tuple(
            replace(one, away=(*one.away, gone)) if one.id in people else one
            for one in given.people
        ),
    )


@pytest.fixture(scope="module")
def quarter() -> p.Problem:
    return year(20, months=2)


def test_all_who_hold_the_certificate_but_one_are_away(quarter):
    certified = [one.id for one in quarter.people if one.holds]
    found = explained(week_away(quarter, set(certified[1:])))
    assert found.possible is False
    shortage = found.shortages[0]
    assert (shortage.key, shortage.qualification) == ("rest", CERTIFICATE)
    assert (shortage.wanted, shortage.available) == (2, 1)
    assert shortage.people == (certified[0],)
    assert set(shortage.away) == set(certified[1:])
    assert {one.key for one in found.reasons} == {"skill", "rest", "away"}
    assert found.reasons[0].facts["qualification"] == CERTIFICATE
    assert found.proven
    assert [way.cost for way in found.ways] == sorted(way.cost for way in found.ways)
    assert {one.key for one in found.ways[0].gives_up} & {"away", "gap", "skill"}


def test_all_but_three_are_away(quarter):
    found = explained(week_away(quarter, {one.id for one in quarter.people[3:]}))
    assert found.possible is False
    assert found.shortages[0].wanted > found.shortages[0].available
    assert "away" in {one.key for one in found.reasons}
    assert {"cover", "skill"} & {one.key for one in found.reasons}


def test_a_monthly_cap_is_below_what_is_wanted(quarter):
    rules = tuple(
        replace(rule, most=2) if isinstance(rule, p.Limit) else rule for rule in quarter.rules
    )
    found = explained(replace(quarter, rules=rules))
    assert found.possible is False
    shortage = found.shortages[0]
    assert (shortage.key, shortage.of, shortage.wanted) == ("month", "days", 2 * 28)
    assert shortage.available < shortage.wanted
    limit = next(one for one in found.reasons if one.key == "month")
    assert limit.facts["most"] == 2
    assert {one.key for one in found.ways[0].gives_up} == {"month"}
    assert found.proven


def test_what_can_be_planned_is_possible(quarter):
    found = explained(quarter)
    assert (found.possible, found.reasons, found.ways) == (True, (), ())


def test_the_night_that_only_two_hold_the_certificate_for():
    # Of the night's two only officer 1 is there, who would have 4 hours of rest.
    skills = (p.SkillNeed("sexual offences"),)
    holds = (p.Holding("sexual offences", date(2020, 1, 1)),)
    turns = [
        turn(26, 8, 16, under=None, skills=skills),
        turn(26, 20, 8, under=None, kind="night", skills=skills),
    ]
    people = [
        officer(0, holds=holds, away=(p.Away(at(20), at(28), "absence"),)),
        officer(1, holds=holds),
        officer(2),
    ]
    found = explained(problem(turns, people, [p.Rest(key="rest", minutes=660)]))
    assert found.possible is False
    reasons = {(one.key, one.person, one.needs) for one in found.reasons}
    assert reasons == {("skill", None, (0, 1)), ("rest", None, ()), ("away", 0, (0, 1))}
    assert [{one.key for one in way.gives_up} for way in found.ways] == [{"rest"}, {"away"}]


def test_a_conflict_that_counting_does_not_see_is_named_with_no_reason_too_many():
    # 0 and 1 alone may take the two lines, and never serve together; 2 is far from it.
    turns = [turn(3, line=line, under=None, over=None) for line in ("primary", "backup")]
    turns += [turn(9, line="other", under=None)]
    people = [
        officer(0, lines=frozenset({"primary", "backup"})),
        officer(1, lines=frozenset({"primary", "backup"})),
        officer(2, lines=frozenset({"other"})),
    ]
    rules = [p.Apart(key="apart", pair=(0, 1)), p.Rest(key="rest", minutes=660)]
    found = explained(problem(turns, people, rules))
    assert found.possible is False
    assert found.shortages == ()
    assert found.smallest
    assert {(one.key, one.person) for one in found.reasons} >= {("apart", 0), ("cover", None)}
    assert "rest" not in found.families
    assert {one.key for one in found.ways[0].gives_up} == {"apart"}


def test_letting_go_of_what_a_way_out_names_makes_the_rest_possible(quarter):
    given = week_away(quarter, {one.id for one in quarter.people[4:]})
    way = explained(given).ways[0]
    away = {(one.person, need) for one in way.gives_up if one.key == "away" for need in one.needs}
    dropped = {one.key for one in way.gives_up} - {"away", "cover", "skill"}
    short = {need for one in way.gives_up if one.key in {"cover", "skill"} for need in one.needs}

    def back(one: p.Officer, gone: p.Away) -> bool:
        return any(
            gone.starts_at < given.needs[need].ends_at
            and given.needs[need].starts_at < gone.ends_at
            for who, need in away
            if who == one.id
        )

    eased = replace(
        given,
        people=tuple(
            replace(one, away=tuple(gone for gone in one.away if not back(one, gone)))
            for one in given.people
        ),
        rules=tuple(rule for rule in given.rules if rule.key not in dropped),
        needs=tuple(
            replace(need, under=0, skills=()) if need.id in short else need for need in given.needs
        ),
    )
    assert searched(eased).cost is not None


def test_without_a_solver_counting_explains_what_it_can(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(planner, "find_spec", lambda name: None)
    found = planner.explain(problem([turn(3, under=None, wanted=2)], [officer(0)]))
    assert found.possible is False
    assert found.shortages[0].key == "cover"
    assert (found.shortages[0].wanted, found.shortages[0].available) == (2, 1)


def test_an_explanation_is_made_in_a_process_of_its_own_and_in_time():
    begun = monotonic()
    found = planner.explain(problem([turn(3, under=None, wanted=2)], [officer(0)]), seconds=10)
    assert found.ways[0].gives_up[0].key == "cover"
    assert monotonic() - begun < 15
