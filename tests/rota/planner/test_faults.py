"""What cannot be planned is refused by name, at once."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from dispatch.clock import monotonic
from dispatch.errors import Invalid
from dispatch.rota import planner
from dispatch.rota import problem as p
from dispatch.rota.planner.faults import problem_faults
from tests.rota.rules.cases import FIRST, at, officer, problem, turn

HOLDS = (p.Holding("certificate", date(2020, 1, 1)),)


def two(**more) -> p.Problem:
    turns = [turn(3, over=None), turn(3, 12, 20, line="backup")]
    return problem(turns, [officer(0), officer(1)], **more)


def block(**second) -> p.Problem:
    return problem([turn(7, block="weekend", under=None), turn(8, **second)], [officer(0)])


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        (two(last=FIRST - timedelta(days=1)), "last", "swap the two days"),
        (two(last=FIRST + timedelta(days=3650)), "last", "3651 days long. Plan at most 800"),
        (two(zone="Europe/Atlantis"), "zone", "no time zone Europe/Atlantis"),
        (two(locked={(0, 9): True}), "locked", "Person 9 is not among"),
        (two(locked={(9, 0): True}), "locked", "Turn 9 is not part"),
        (two(stays={(9, 0): 1}), "stays", "Turn 9 is not part"),
        (two(present=frozenset({(0, 9)})), "present", "Person 9 is not among"),
        (
            two(wishes=(p.Wish("w", 9, frozenset({0}), wanted=True, weight=1),)),
            "wishes.0.person",
            "Person 9",
        ),
        (
            two(wishes=(p.Wish("w", 0, frozenset({9}), wanted=True, weight=1),)),
            "wishes.0.needs",
            "Turn 9",
        ),
        (two(fairs=(p.Fair(key="f", weight=-1),)), "fairs.0.weight", "below 0"),
        (two(locked={(0, 0): True, (1, 0): True}), "locked", "two turns at the same time"),
        (two(locked={(0, 0): True, (0, 1): True}), "locked", "2 people are locked"),
        (
            problem([turn(3)], [officer(0, lines=frozenset({"x"}))], locked={(0, 0): True}),
            "locked",
            "Officer 0 is locked in the turn on line primary",
        ),
        (
            problem(
                [turn(3)],
                [officer(0, away=(p.Away(at(2), at(5), "absence"),))],
                locked={(0, 0): True},
            ),
            "locked",
            "is away then",
        ),
        (block(block="weekend", unit="north", under=None), "needs.1.block", "different units"),
        (
            problem([turn(7, block="b"), turn(7, 12, 20, block="b")], [officer(0)]),
            "needs.1.block",
            "nobody can fill both",
        ),
        (
            replace(block(block="weekend"), locked={(0, 0): True, (1, 0): False}),
            "locked",
            "A block is taken as a whole",
        ),
        (problem([turn(60)]), "needs.0.days", "lies outside the plan"),
        (problem([turn(3, wanted=-1)]), "needs.0.wanted", "fewer people than none"),
        (problem([replace(turn(3), days=())]), "needs.0", "has no day"),
        (problem([turn(3)], [officer(0), officer(0)]), "people.1.id", "listed twice"),
        (problem([turn(3)], [officer(0, share=0.0)]), "people.0.share", "above 0"),
        (
            problem([turn(3)], [officer(0, away=(p.Away(at(5), at(4), "absence"),))]),
            "people.0",
            "ends before it begins",
        ),
    ],
)
def test_a_fault_names_its_field_and_the_way_out(given, field, sentence):
    faults = problem_faults(given)
    assert list(faults) == [field]
    assert sentence in faults[field]
    with pytest.raises(Invalid) as refused:
        planner.plan(given)
    assert refused.value.fields == faults


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (p.Limit(key="r", period="decade", most=3), "period"),
        (p.Limit(key="r", period=0, most=3), "period"),
        (p.Limit(key="r", least=4, most=3), "least"),
        (p.Limit(key="r", most=-1), "most"),
        (p.Run(key="r", least=4, most=3), "least"),
        (p.FreeRun(key="r", least=-1), "least"),
        (p.Rest(key="r", minutes=-1), "minutes"),
        (p.WeeklyRest(key="r", minutes=60, days=0), "days"),
        (p.WeeklyRest(key="r", minutes=99999), "minutes"),
        (p.WeekendsInARow(key="r", most=-1), "most"),
        (p.NotAll(key="r", needs=frozenset({0, 77}), most=1), "needs"),
        (p.Rest(key="r", minutes=660, weight=-5), "weight"),
    ],
)
def test_a_rule_without_sense_is_refused(rule, field):
    assert list(problem_faults(problem([turn(3)], [officer(0)], [rule]))) == [f"rules.0.{field}"]


def test_two_rules_of_one_name_are_refused():
    rest = p.Rest(key="r", minutes=660)
    assert list(problem_faults(problem([turn(3)], [officer(0)], [rest, rest]))) == ["rules.1.key"]


def test_ten_years_of_turns_are_refused_at_once():
    turns = [replace(turn(3), id=number) for number in range(10)]
    many = replace(
        problem(turns, [officer(0)]),
        needs=tuple(replace(turns[0], id=number) for number in range(30_000)),
        people=tuple(officer(number) for number in range(150)),
        last=FIRST + timedelta(days=3650),
    )
    begun = monotonic()
    with pytest.raises(Invalid):
        planner.plan(many)
    assert monotonic() - begun < 5


def test_a_plan_that_makes_sense_has_no_fault():
    assert problem_faults(two(locked={(0, 0): True, (1, 1): True, (1, 0): False})) == {}
