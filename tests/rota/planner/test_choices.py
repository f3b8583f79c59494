"""Why her, why not him, asked of the checker about one change at a time."""

from dispatch.rota import problem as p
from dispatch.rota.planner import candidates, why
from tests.rota.rules.cases import at, officer, problem, turn

REST = p.Rest(key="rest", minutes=660)


def small(**more) -> p.Problem:
    turns = [turn(2, 20, 8, under=None, over=None), turn(3, 8, 20, under=None, over=None)]
    people = [officer(0), officer(1), officer(2, away=(p.Away(at(3), at(5), "absence"),))]
    return problem(turns, people, [REST], **more)


def test_everybody_is_ranked_for_a_turn_with_what_each_would_break():
    fair = p.Fair(key="turns", targets={0: 1.0, 1: 1.0, 2: 0.0})
    found = candidates(small(fairs=(fair,)), {(0, 0)}, 1)
    assert [choice.person for choice in found] == [1, 0, 2]
    assert found[0].possible
    assert [breach.key for breach in found[0].mends] == ["cover", "fair:turns"]
    assert found[0].cost == -100
    assert {breach.key for breach in found[1].breaks} == {"rest", "fair:turns"}
    assert not found[1].possible
    assert "away" in {breach.key for breach in found[2].breaks}


def test_in_a_full_turn_somebody_leaves_for_it():
    wish = p.Wish("w", 1, frozenset({1}), wanted=False, weight=7)
    choice = why(small(wishes=(wish,)), {(0, 0), (1, 0)}, 1, 1)
    assert choice.instead == 0
    assert [breach.key for breach in choice.breaks] == ["wish:w"]
    assert [breach.key for breach in choice.mends] == ["rest"]
    assert (choice.hard, choice.cost) == (-1, 7)


def test_who_has_the_turn_is_told_what_would_come_of_leaving_it():
    choice = why(small(), {(0, 0), (1, 1)}, 1, 1)
    assert choice.instead is None
    assert [breach.key for breach in choice.breaks] == ["cover"]
    everybody = candidates(small(), {(0, 0), (1, 1)}, 1)
    assert everybody[0] == everybody[0].__class__(1, None)


def test_a_block_is_taken_as_a_whole():
    turns = [turn(7, block="weekend", under=None), turn(8, block="weekend", under=None)]
    given = problem(turns, [officer(0), officer(1)])
    choice = why(given, {(0, 0), (1, 0)}, 1, 1)
    assert choice.breaks == choice.mends == ()
    assert choice.instead == 0
