"""Rules on several people: apart, together, a trainee beside a mentor."""

import pytest

from dispatch.rota.problem import Apart, Mentored, Selection, Together
from dispatch.rota.rules import check
from tests.rota.rules.cases import officer, problem, turn

#: 0 and 1 overlap, 1 and 2 meet, 3 is the backup of 0.
NEEDS = [
    turn(5, 8, 16),
    turn(5, 12, 20, line="backup"),
    turn(5, 20, 23),
    turn(5, 8, 16, line="backup"),
]
PEOPLE = [officer(0), officer(1), officer(2)]


def broken(rule, *seats):
    found = [b for b in check(problem(NEEDS, PEOPLE, [rule]), set(seats)) if b.key == rule.key]
    assert all(breach.amount == 1 for breach in found)
    return [(breach.person, breach.needs) for breach in found]


APART = Apart(key="apart", pair=(0, 1))


@pytest.mark.parametrize(
    ("rule", "seats", "expected"),
    [
        (APART, [(0, 0), (1, 1)], [(0, (0, 1))]),
        (APART, [(0, 0), (2, 1)], []),
        (APART, [(1, 0), (2, 1)], []),
        (APART, [(0, 0), (0, 1)], [(0, (0,))]),
        (APART, [(0, 0), (1, 1), (3, 1)], [(0, (0, 3)), (0, (0, 1))]),
        (APART, [(0, 0), (1, 2)], []),
        (
            Apart(key="apart", pair=(0, 1), only=Selection(lines=frozenset({"backup"}))),
            [(0, 0), (1, 1)],
            [],
        ),
    ],
)
def test_two_people_apart(rule, seats, expected):
    assert broken(rule, *seats) == expected


TOGETHER = Together(key="together", pair=(0, 1))


@pytest.mark.parametrize(
    ("rule", "seats", "expected"),
    [
        (TOGETHER, [(0, 0), (1, 1)], []),
        (TOGETHER, [(0, 0), (0, 1)], []),
        (TOGETHER, [(0, 0), (2, 1)], [(0, (0,)), (1, (2,))]),
        (TOGETHER, [(0, 0), (1, 1), (2, 1)], [(1, (2,))]),
        (TOGETHER, [(0, 0), (1, 2)], [(0, (0,))]),
        (
            Together(key="together", pair=(0, 1), only=Selection(lines=frozenset({"primary"}))),
            [(0, 0), (1, 1)],
            [],
        ),
        (
            Together(key="together", pair=(0, 1), only=Selection(lines=frozenset({"primary"}))),
            [(1, 1)],
            [],
        ),
    ],
)
def test_two_people_together(rule, seats, expected):
    assert broken(rule, *seats) == expected


MENTORED = Mentored(key="mentor", trainee=0, mentors=frozenset({1, 2}))


@pytest.mark.parametrize(
    ("rule", "seats", "expected"),
    [
        (MENTORED, [(0, 0), (1, 1)], []),
        (MENTORED, [(0, 0), (3, 2)], []),
        (MENTORED, [(0, 0), (2, 1)], [(0, (0,))]),
        (MENTORED, [(0, 0)], [(0, (0,))]),
        (MENTORED, [(1, 1), (2, 2)], []),
        (
            Mentored(
                key="mentor",
                trainee=0,
                mentors=frozenset({1}),
                only=Selection(lines=frozenset({"backup"})),
            ),
            [(0, 0)],
            [],
        ),
    ],
)
def test_a_trainee_beside_a_mentor(rule, seats, expected):
    assert broken(rule, *seats) == expected


def test_the_one_other_is_named_and_of_several_none():
    (found,) = check(problem(NEEDS[:1], PEOPLE, [TOGETHER]), {(0, 0)})
    assert found.facts == {"other": 1}
    (found,) = check(problem(NEEDS[:1], PEOPLE, [MENTORED]), {(0, 0)})
    assert found.facts == {}


def test_a_rule_on_somebody_unknown_is_kept():
    given = problem(NEEDS, PEOPLE, [Apart(key="apart", pair=(0, 99))])
    assert check(given, {(0, 0)}) == ()
