"""What one person takes as a whole, and on which lines that may be.

Needs of one block are one choice. So are the same windows of several lines (primary and backup)
that nothing in the problem tells apart: then it is enough to choose who is in the pair, and
`planner.roles` says afterwards who has which line. That makes the search four times quicker, and
loses nothing, because no rule, price, wish or lock sees the difference.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property

from dispatch.rota.planner.terms import Source
from dispatch.rota.problem import Need, NotAll, Officer, Problem, Selection

Lane = tuple[Need, ...]


@dataclass(frozen=True)
class Block:
    """Needs that the same person fills, on one of several lines."""

    place: int
    lanes: tuple[Lane, ...]
    """Of each line its needs, in order; all alike."""

    @cached_property
    def needs(self) -> Lane:
        """Return the needs of the first line, which stand for those of each."""
        return self.lanes[0]

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """Return every need of every line."""
        return tuple(need.id for lane in self.lanes for need in lane)

    @cached_property
    def starts(self) -> float:
        """Return when it begins, in seconds."""
        return min(need.starts_at.timestamp() for need in self.needs)

    @cached_property
    def ends(self) -> float:
        """Return when it ends, in seconds."""
        return max(need.ends_at.timestamp() for need in self.needs)


def blocks_of(problem: Problem) -> tuple[Block, ...]:
    """Return the blocks of a problem in the order in which they begin."""
    by_block: dict[Hashable, list[Need]] = defaultdict(list)
    for need in problem.needs:
        by_block[need.id if need.block is None else (need.line, need.block)].append(need)
    lanes = [
        tuple(sorted(needs, key=lambda need: (need.starts_at.timestamp(), need.id)))
        for needs in by_block.values()
    ]
    alike: dict[Hashable, list[Lane]] = defaultdict(list)
    tell = _Teller(problem)
    for lane in lanes:
        alike[tell.mark(lane)].append(lane)
    found = [Block(0, tuple(group)) for group in alike.values()]
    found.sort(key=lambda block: (block.starts, block.ends, block.ids))
    return tuple(Block(place, block.lanes) for place, block in enumerate(found))


class _Teller:
    """Tells lanes apart by everything that a problem can see of them."""

    def __init__(self, problem: Problem) -> None:
        self._officers = problem.people
        self._selections = _selections(problem)
        self._members: dict[int, set[Hashable]] = defaultdict(set)
        sets = [rule.needs for rule in problem.rules if isinstance(rule, NotAll)]
        for place, needs in enumerate([*sets, *(wish.needs for wish in problem.wishes)]):
            for need in needs:
                self._members[need].add(place)
        self._alone = {need for (need, _) in problem.stays}
        for (need, person), wanted in problem.locked.items():
            if wanted:
                self._alone.add(need)
            else:
                self._members[need].add(("locked", person))

    def mark(self, lane: Lane) -> Hashable:
        """Return what is equal for lanes that nothing tells apart."""
        if any(need.id in self._alone or not _plain(need) for need in lane):
            return lane[0].id
        line = lane[0].line
        may = tuple(who.lines is None or line in who.lines for who in self._officers)
        return (may, tuple(self._need_mark(need) for need in lane))

    def _need_mark(self, need: Need) -> Hashable:
        return (
            need.kind,
            need.starts_at.timestamp(),
            need.ends_at.timestamp(),
            need.days,
            need.minutes,
            need.rests,
            need.under,
            need.over,
            need.skills,
            need.unit,
            need.tags,
            need.weekends,
            tuple(only.takes(need) for only in self._selections),
            frozenset(self._members.get(need.id, ())),
        )


def _plain(need: Need) -> bool:
    """Return whether it is a turn for one person, so that people can be dealt over the lines."""
    return (
        need.within is None and need.wanted == 1 and all(skill.count == 1 for skill in need.skills)
    )


def _selections(problem: Problem) -> list[Selection]:
    found = [rule.only for rule in problem.rules] + [fair.only for fair in problem.fairs]
    return list(dict.fromkeys(found))


def bars(officer: Officer, block: Block) -> Iterator[Source]:
    """Yield why somebody cannot take a block: away, unit, line."""
    for need in block.needs:
        starts, ends = need.starts_at.timestamp(), need.ends_at.timestamp()
        for away in officer.away:
            if away.starts_at.timestamp() < ends and starts < away.ends_at.timestamp():
                yield Source("away", officer.id, (need.id,), need.days[0])
                break
        if need.unit not in {None, officer.unit}:
            yield Source("unit", officer.id, (need.id,), need.days[0])
    line = block.needs[0].line
    if officer.lines is not None and line not in officer.lines:
        yield Source("line", officer.id, (block.needs[0].id,), block.needs[0].days[0])
