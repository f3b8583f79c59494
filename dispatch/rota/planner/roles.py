"""Who of a pair is primary and who is backup: lines that nothing tells apart, dealt out evenly.

A person and a block that they are in make an edge. For two lines, edges are taken along closed
walks and given to the one and the other line in turn; as every walk changes between people and
blocks its length is even, so each block gets both lines, and each person's two counts differ by at
most one (an Euler orientation of the graph of pairs). More than two lines are evened out two by two
until no two differ by more.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from dispatch.rota.planner.blocks import Block
from dispatch.rota.problem import Seat

#: A person and the place of a block.
_Edge = tuple[int, int]

#: A person or a block of the graph.
_Node = tuple[str, int]
_NOBODY: _Node = ("person", -1)
_NO_BLOCK: _Node = ("block", -1)


def dealt(taken: Sequence[tuple[Block, Sequence[int]]]) -> frozenset[Seat]:
    """Return the seats when some people take each block, each line of it as often as another."""
    by_lines: dict[tuple[str, ...], list[tuple[Block, Sequence[int]]]] = defaultdict(list)
    for block, people in taken:
        by_lines[tuple(lane[0].line for lane in block.lanes)].append((block, people))
    return frozenset(seat for group in by_lines.values() for seat in _dealt_alike(group))


def _dealt_alike(group: Sequence[tuple[Block, Sequence[int]]]) -> Iterable[Seat]:
    lanes = len(group[0][0].lanes)
    lane_of: dict[_Edge, int] = {}
    for at, (_, people) in enumerate(group):
        for number, person in enumerate(sorted(people)):
            lane_of[person, at] = number % lanes
    while any(_even_out(lane_of, one, other) for one, other in combinations(range(lanes), 2)):
        """Each time the counts of somebody come nearer to each other, and nobody's part."""
    for (person, at), lane in lane_of.items():
        for need in group[at][0].lanes[lane]:
            yield need.id, person


def _even_out(lane_of: dict[_Edge, int], one: int, other: int) -> bool:
    """Deal the edges of two lanes anew, if somebody has them unevenly; return whether."""
    edges = [edge for edge, lane in lane_of.items() if lane in {one, other}]
    counts: dict[int, int] = defaultdict(int)
    for person, at in edges:
        counts[person] += 1 if lane_of[person, at] == one else -1
    if all(abs(count) <= 1 for count in counts.values()):
        return False
    lane_of.update(_alternating(edges, one, other))
    return True


def _alternating(edges: Sequence[_Edge], one: int, other: int) -> dict[_Edge, int]:
    """Walk over every edge, lanes in turn.

    Whoever has an odd number gets one edge more, to a block or a person that does not exist.
    """
    ends: dict[_Node, list[int]] = defaultdict(list)
    made: list[tuple[_Node, _Node]] = []

    def join(person: _Node, block: _Node) -> None:
        ends[person].append(len(made))
        ends[block].append(len(made))
        made.append((person, block))

    for person, at in edges:
        join(("person", person), ("block", at))
    for node in list(ends):
        if len(ends[node]) % 2:
            join(*((node, _NO_BLOCK) if node[0] == "person" else (_NOBODY, node)))
    if len(ends[_NOBODY]) % 2:
        join(_NOBODY, _NO_BLOCK)
    lanes: dict[int, int] = {}
    for node in list(ends):
        while any(edge not in lanes for edge in ends[node]):
            _walk(node, ends, made, lanes, (one, other))
    return {edge: lanes[at] for at, edge in enumerate(edges)}


def _walk(
    node: _Node,
    ends: dict[_Node, list[int]],
    made: list[tuple[_Node, _Node]],
    lanes: dict[int, int],
    pair: tuple[int, int],
) -> None:
    """Follow edges not yet walked until none is left, which is where the walk began."""
    step = 0
    while True:
        while ends[node] and ends[node][-1] in lanes:
            ends[node].pop()
        if not ends[node]:
            return
        edge = ends[node].pop()
        lanes[edge] = pair[step % 2]
        person, block = made[edge]
        node = block if node == person else person
        step += 1
