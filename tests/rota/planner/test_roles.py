"""Lines that nothing tells apart are dealt out evenly."""

from collections import Counter
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.rota.planner.blocks import blocks_of
from dispatch.rota.planner.roles import dealt
from tests.rota.rules.cases import problem, turn

LINES = ["primary", "backup", "third"]


@settings(max_examples=60)
@given(st.integers(2, 3), st.lists(st.permutations(range(7)), min_size=1, max_size=20), st.data())
def test_nobody_has_one_line_more_than_once_oftener_than_another(count, orders, data):
    lines = LINES[:count]
    turns = [turn(2 + at, line=line) for at in range(len(orders)) for line in lines]
    given_problem = problem(turns)
    blocks = blocks_of(given_problem)
    assert {len(block.lanes) for block in blocks} == {count}
    taken = [
        (block, order[: data.draw(st.integers(0, count))])
        for block, order in zip(blocks, orders, strict=True)
    ]
    seats = dealt(taken)
    assert len(seats) == sum(len(people) for _, people in taken)
    assert max(Counter(need for need, _ in seats).values(), default=0) <= 1
    for person in range(7):
        of = Counter(given_problem.needs[need].line for need, who in seats if who == person)
        assert all(abs(of[one] - of[other]) <= 1 for one, other in combinations(lines, 2))


def test_needs_of_a_block_stay_with_the_same_person_on_the_same_line():
    turns = [
        turn(day, line=line, block=f"weekend {day // 7}")
        for day in (7, 8, 14, 15)
        for line in LINES[:2]
    ]
    given_problem = problem(turns)
    blocks = blocks_of(given_problem)
    seats = dealt([(block, [0, 1]) for block in blocks])
    of = {
        (given_problem.needs[need].days[0].day, who): given_problem.needs[need].line
        for need, who in seats
    }
    assert of[7, 0] == of[8, 0] != of[14, 0] == of[15, 0]
