"""Two turns that one person cannot take both, or not without cost: overlap, rest, successions."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from dispatch.rota.planner.blocks import Block
from dispatch.rota.planner.graph import Graph
from dispatch.rota.planner.people import DAY, Own
from dispatch.rota.problem import FreeRun, Need, Officer, Past, Rest, Rule, Succession

#: By two places, in order, how often a rule is broken when one person has both.
Pairs = dict[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn on the clock."""

    place: int
    """Of its block; negative: a turn before the plan."""
    what: Need | Past
    starts: float
    ends: float


def turns_of(blocks: Iterable[Block]) -> list[Turn]:
    """Return the turns of blocks in the order in which they begin."""
    return _ordered(_turn(block.place, need) for block in blocks for need in block.needs)


def with_before(officer: Officer, turns: Sequence[Turn]) -> list[Turn]:
    """Return the same with somebody's turns around the plan, places -1, -2, ... for these."""
    before = [_turn(-1 - place, past) for place, past in enumerate(officer.around)]
    return _ordered([*before, *turns])


def _turn(place: int, what: Need | Past) -> Turn:
    return Turn(place, what, what.starts_at.timestamp(), what.ends_at.timestamp())


def _ordered(turns: Iterable[Turn]) -> list[Turn]:
    return sorted(turns, key=lambda turn: (turn.starts, turn.ends, turn.place))


def is_pairwise(rule: Rule) -> bool:
    """Return whether a rule is about two turns of one person, whatever else they do."""
    return isinstance(rule, Rest | Succession) or (_between(rule) and rule.weight is None)


def _between(rule: Rule) -> bool:
    return isinstance(rule, FreeRun) and rule.between_blocks


def pairs(rule: Rule | None, turns: Sequence[Turn]) -> Pairs:
    """Return which two blocks break a rule together (None: they overlap), and how often."""
    found: Pairs = defaultdict(int)
    for one, other in _candidates(rule, turns):
        if isinstance(rule, Rest | FreeRun) and _one_turn(one, other):
            continue
        if one.place != other.place or isinstance(rule, Succession):
            found[min(one.place, other.place), max(one.place, other.place)] += 1
    return found


def _one_turn(one: Turn, other: Turn) -> bool:
    """Return whether two are parts of one turn, both of the plan or both around it."""
    if one.what.within is None or (one.place < 0) != (other.place < 0):
        return False
    return (one.what.line, one.what.within) == (other.what.line, other.what.within)


def _candidates(rule: Rule | None, turns: Sequence[Turn]) -> Iterator[tuple[Turn, Turn]]:
    if rule is None:
        yield from _near(turns, 0)
        return
    meant = [turn for turn in turns if rule.only.takes(turn.what)]
    if isinstance(rule, Rest):
        yield from _near([turn for turn in meant if not turn.what.rests], rule.minutes * 60)
    elif isinstance(rule, Succession):
        yield from _successions(rule, meant)
    elif isinstance(rule, FreeRun):
        yield from _crowded(rule, meant)


def _near(turns: Sequence[Turn], seconds: float) -> Iterator[tuple[Turn, Turn]]:
    for at, one in enumerate(turns):
        for later in range(at + 1, len(turns)):
            if turns[later].starts - one.ends >= seconds:
                break
            yield one, turns[later]


def _successions(rule: Succession, turns: Sequence[Turn]) -> Iterator[tuple[Turn, Turn]]:
    thens: dict[date, list[Turn]] = defaultdict(list)
    for turn in turns:
        if turn.what.kind == rule.then:
            thens[turn.what.days[0]].append(turn)
    for one in turns:
        if one.what.kind == rule.first:
            for other in thens[one.what.days[0] + DAY]:
                yield one, other


@dataclass(frozen=True, slots=True)
class Span:
    """A block, or a turn before the plan, in days."""

    turn: Turn
    """The first of it."""
    first: date
    last: date

    def free_until(self, other: "Span") -> int:
        """Return how many days lie free before another that begins later."""
        return max(0, (other.first - self.last).days - 1)


def spans(turns: Sequence[Turn]) -> list[Span]:
    """Return the blocks of some turns in the order in which they begin."""
    by_place: dict[int, list[Turn]] = defaultdict(list)
    for turn in turns:
        by_place[turn.place].append(turn)
    return [
        Span(
            block[0],
            min(turn.what.days[0] for turn in block),
            max(turn.what.days[-1] for turn in block),
        )
        for block in by_place.values()
    ]


def _crowded(rule: FreeRun, turns: Sequence[Turn]) -> Iterator[tuple[Turn, Turn]]:
    for one, other, _ in crowded(rule, spans(turns)):
        yield one.turn, other.turn


def crowded(rule: FreeRun, ordered: Sequence[Span]) -> Iterator[tuple[Span, Span, list[Span]]]:
    """Yield each two blocks with too few free days, and what begins between them."""
    for at, one in enumerate(ordered):
        for later in range(at + 1, len(ordered)):
            other = ordered[later]
            if one.free_until(other) < rule.least:
                yield one, other, list(ordered[at + 1 : later])
            elif (other.turn.starts - one.turn.ends) > (rule.least + 2) * 86_400:
                break


def add_graph(own: Own, graph: Graph, key: str, stands: set[int]) -> None:
    """Let one person take at most one block of each clique; what stands together may stay so."""
    for place in graph.never:
        if place in own.blocks:
            own.form.limit([own.blocks[place][1]], 0, None, own.source(key, [place]))
    seen: set[tuple[int, ...]] = set()
    for clique in graph.cliques:
        there = tuple(place for place in clique if place in own.blocks)
        together = [there] if len(stands.intersection(there)) < 2 else combinations(there, 2)
        for places in together:
            if len(places) > 1 and places not in seen and not stands.issuperset(places):
                seen.add(places)
                literals = [own.blocks[place][1] for place in places]
                own.form.limit(literals, 1, None, own.source(key, places))


def add_before(own: Own, rule: Rule | None, turns: Sequence[Turn]) -> None:
    """Let a rule (None: no overlap) hold between turns before the plan and its own."""
    if not own.officer.around:
        return
    cost, key = (None, "overlap") if rule is None else (rule.weight, rule.key)
    amounts: dict[int, int] = defaultdict(int)
    for (one, other), amount in pairs(rule, with_before(own.officer, turns)).items():
        if one < 0 <= other and other in own.blocks:
            amounts[other] += amount
    for place, amount in amounts.items():
        charged = None if cost is None else cost * amount
        own.form.limit([own.blocks[place][1]], 0, charged, own.source(key, [place]))


def add_priced(own: Own, rule: Rule, found: Pairs) -> None:
    """Let each two blocks that break a soft rule together cost what it says."""
    for (one, other), amount in found.items():
        if one in own.blocks and other in own.blocks and rule.weight is not None:
            literals = [own.blocks[one][1], own.blocks[other][1]]
            source = own.source(rule.key, sorted({one, other}))
            own.form.forbid(literals, rule.weight * amount, source)


def add_free_between(own: Own, rule: FreeRun, turns: Sequence[Turn]) -> None:
    """Let free days that two blocks following each other lack cost what a soft rule says."""
    mine = [turn for turn in turns if turn.place in own.blocks and rule.only.takes(turn.what)]
    ordered = spans([turn for turn in with_before(own.officer, mine) if rule.only.takes(turn.what)])
    for one, other, between in crowded(rule, ordered):
        if (one.turn.place < 0 and other.turn.place < 0) or rule.weight is None:
            continue
        if _one_turn(one.turn, other.turn):
            continue
        if any(span.turn.place < 0 for span in between):
            continue
        ends = [span.turn.place for span in (one, other) if span.turn.place >= 0]
        literals = [own.blocks[place][1] for place in ends]
        literals += [~own.blocks[span.turn.place][1] for span in between]
        lacking = rule.least - one.free_until(other)
        own.form.forbid(literals, rule.weight * lacking, own.source(rule.key, ends))
