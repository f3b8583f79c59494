"""Counting: where more is wanted than all together can give, whatever the plan.

For every rule that limits people, what the turns it is about want is held against the sum of what
each person can give. Instant, and in numbers that a coordinator can check by hand; but not every
conflict is one of numbers.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from dispatch.clock import monotonic
from dispatch.rota.planner.blocks import Block, bars
from dispatch.rota.planner.cover import officer_holds
from dispatch.rota.planner.explanation import (
    Explanation,
    Fact,
    Reason,
    Shortage,
    measure_of,
    reason,
)
from dispatch.rota.planner.graph import Graph
from dispatch.rota.planner.model import Model, build
from dispatch.rota.planner.pairs import is_pairwise, pairs, turns_of
from dispatch.rota.planner.terms import Literal, Source, Term
from dispatch.rota.problem import Apart, Mentored, Officer, Problem, Rule, Together

#: More of them would bury what matters.
_MOST = 10

#: What limits people: a rule's key and where it applies.
_Group = tuple[str, tuple[int, ...], object]


def counted(problem: Problem) -> Explanation:
    """Return what counting alone explains."""
    begun = monotonic()
    found = shortages(build(problem, told=True))
    return Explanation(
        False if found else None,
        found,
        reasons_of(problem, found[0]) if found else (),
        seconds=monotonic() - begun,
    )


def shortages(model: Model) -> tuple[Shortage, ...]:
    """Return where counting shows a lack, the narrowest first; `model` is built to be told."""
    found = sorted(_Counting(model).found(), key=lambda one: (len(one.needs), one.needs, one.key))
    kept: list[Shortage] = []
    for shortage in found:
        known = any(
            not set(other.needs).isdisjoint(shortage.needs)
            and other.qualification == shortage.qualification
            for other in kept
        )
        if not known and len(kept) < _MOST:
            kept.append(shortage)
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class _Demand:
    """What a block wants of people, or of those who hold something."""

    count: int
    qualification: str | None


class _Counting:
    def __init__(self, model: Model) -> None:
        self._model = model
        self._people = {officer.id: officer for officer in model.problem.people}
        self._rules = {rule.key: rule for rule in model.problem.rules}
        self._place_of = {
            literal: (person, place) for (person, place), literal in model.taken.items()
        }
        self._defined = {one.literal: one for one in model.form.definitions}
        self._able = {
            (person, place): not any(bars(self._people[person], model.blocks[place]))
            and model.problem.locked.get((model.blocks[place].ids[0], person)) is not False
            for person, place in model.taken
        }
        #: What is no limit on one person's turns.
        self._others = {"away", "unit", "line", "locked"} | {
            rule.key
            for rule in model.problem.rules
            if isinstance(rule, Apart | Together | Mentored)
        }
        self._demands = [list(_demands(block)) for block in model.blocks]
        self._graph = self._hard_graph()

    def _hard_graph(self) -> Graph:
        """Return what nobody can take together."""
        turns = turns_of(self._model.blocks)
        rules: list[Rule | None] = [None]
        rules += [
            rule
            for rule in self._model.problem.rules
            if is_pairwise(rule) and rule.weight is None and rule.people is None
        ]
        edges = [edge for rule in rules for edge in pairs(rule, turns)]
        return Graph(len(self._model.blocks), edges)

    def found(self) -> Iterator[Shortage]:
        for block in self._model.blocks:
            yield from self._short("cover", {block.place: 1}, {})
        groups: dict[_Group, dict[int, Term]] = defaultdict(dict)
        for term in self._model.form.terms:
            source = term.source
            if term.cost is not None or source.person is None or min(term.coefs) < 0:
                continue
            if source.key not in self._others:
                groups[source.key, source.needs, source.day][source.person] = term
        for (key, *_), terms in groups.items():
            weights = self._weights(next(iter(terms.values())))
            if weights:
                mosts = {person: term.most for person, term in terms.items()}
                yield from self._short(key, weights, mosts)

    def _weights(self, term: Term) -> dict[int, int]:
        """Return by place of block what it counts in a term; empty: that cannot be said."""
        found: dict[int, int] = defaultdict(int)
        for literal, coef in zip(term.literals, term.coefs, strict=True):
            places = self._places(literal)
            if places is None:
                return {}
            for place in places:
                found[place] += coef
        return found

    def _places(self, literal: Literal) -> list[int] | None:
        if literal in self._place_of:
            return [self._place_of[literal][1]]
        definition = self._defined.get(literal)
        if definition is None or definition.least != 1 or not definition.exclusive:
            return None
        places = [self._places(one) for one in definition.among]
        return None if None in places else [at for some in places if some for at in some]

    def _short(
        self, key: str, weights: Mapping[int, int], mosts: Mapping[int, int]
    ) -> Iterator[Shortage]:
        kinds = {demand.qualification for place in weights for demand in self._demands[place]}
        for kind in sorted(kinds, key=lambda word: word or ""):
            wanted = {
                place: demand.count * weight
                for place, weight in weights.items()
                for demand in self._demands[place]
                if demand.qualification == kind
            }
            given = {
                person: self._given(officer, kind, weights, wanted, mosts.get(person))
                for person, officer in self._people.items()
            }
            if sum(wanted.values()) > sum(given.values()):
                yield self._shortage(key, kind, wanted, given)

    def _given(
        self,
        officer: Officer,
        kind: str | None,
        weights: Mapping[int, int],
        wanted: Mapping[int, int],
        most: int | None,
    ) -> int:
        """Return what one person can give at most of what is wanted."""
        there = {
            place: weights[place]
            for place in sorted(wanted)
            if self._able[officer.id, place] and _has(officer, kind, self._model.blocks[place])
        }
        room = self._graph.room(there)
        return room if most is None else min(room, most)

    def _shortage(
        self, key: str, kind: str | None, wanted: Mapping[int, int], given: Mapping[int, int]
    ) -> Shortage:
        blocks = [self._model.blocks[place] for place in sorted(wanted)]
        needs = sorted({id_ for block in blocks for id_ in block.ids})
        held = [
            person
            for person, officer in self._people.items()
            if all(_has(officer, kind, block) for block in blocks)
        ]
        return Shortage(
            key,
            tuple(needs),
            tuple(sorted({day for id_ in needs for day in self._model.problem.needs[id_].days})),
            measure_of(self._rules.get(key)).value,
            sum(wanted.values()),
            sum(given.values()),
            kind,
            tuple(person for person, amount in given.items() if amount),
            tuple(person for person in held if not given[person]),
        )


def _demands(block: Block) -> Iterator[_Demand]:
    """Yield what a block wants without which it is not filled."""
    lanes = len(block.lanes)
    hard = [need.wanted for need in block.needs if need.under is None]
    if hard:
        yield _Demand(max(hard) * lanes, None)
    skills: dict[str, int] = {}
    for need in block.needs:
        for skill in need.skills:
            if skill.weight is None:
                skills[skill.qualification] = max(skill.count, skills.get(skill.qualification, 0))
    for qualification, count in skills.items():
        yield _Demand(count * lanes, qualification)


def _has(officer: Officer, kind: str | None, block: Block) -> bool:
    return kind is None or all(
        officer_holds(officer, kind, day) for need in block.needs for day in need.days
    )


def reasons_of(problem: Problem, shortage: Shortage) -> tuple[Reason, ...]:
    """Return the reasons that a shortage comes to."""
    what = "cover" if shortage.qualification is None else "skill"
    numbers: dict[str, Fact] = {
        "wanted": shortage.wanted,
        "available": shortage.available,
        "of": shortage.of,
    }
    wanted = reason(problem, Source(what, None, shortage.needs, None, shortage.qualification))
    limits = [] if shortage.key in {"cover", "overlap"} else [Source(shortage.key)]
    gone = [
        Source("away", person, need_ids)
        for person in shortage.away
        if (need_ids := _away_from(problem, person, shortage.needs))
    ]
    return (
        replace(wanted, facts={**wanted.facts, **numbers}),
        *(reason(problem, source) for source in [*limits, *gone]),
    )


def _away_from(problem: Problem, person: int, needs: Iterable[int]) -> tuple[int, ...]:
    officer = next(one for one in problem.people if one.id == person)
    return tuple(
        need
        for need in needs
        if any(
            away.starts_at.timestamp() < problem.needs[need].ends_at.timestamp()
            and problem.needs[need].starts_at.timestamp() < away.ends_at.timestamp()
            for away in officer.away
        )
    )
