"""A problem as literals and terms: who may take what, and everything that a plan is judged by.

Shares no code with `rota.rules`: each computes what a plan breaks and costs in its own way, so that
neither can hide the other's mistake. Nobody has a literal for what they cannot take.

What locked seats break between them, and what stands published against a rule, is not asked again:
somebody decided it, and no plan could mend it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dispatch.rota.planner import beside, costs, days, pairs, weekly
from dispatch.rota.planner.blocks import Block, bars, blocks_of
from dispatch.rota.planner.chains import Chains
from dispatch.rota.planner.cover import add_cover, can_fill
from dispatch.rota.planner.graph import Graph
from dispatch.rota.planner.pairs import Pairs
from dispatch.rota.planner.people import Own
from dispatch.rota.planner.roles import dealt
from dispatch.rota.planner.stretches import add_stretches
from dispatch.rota.planner.terms import TRUE, Form, Literal, Shape, Source
from dispatch.rota.problem import (
    FreeRun,
    Limit,
    Mentored,
    NotAll,
    Officer,
    Problem,
    Rule,
    Run,
    Seat,
    Selection,
    Together,
    WeekendsInARow,
    WeeklyRest,
    WholeWeekend,
)


@dataclass(frozen=True)
class Model:
    """A problem's form, and what its literals mean."""

    problem: Problem
    form: Form
    blocks: tuple[Block, ...]
    taken: dict[tuple[int, int], Literal]
    """By person and place of block."""

    def seats(self, values: Sequence[bool]) -> frozenset[Seat]:
        """Return the seats of a plan, lines that are alike dealt out evenly."""
        by_block: dict[int, list[int]] = defaultdict(list)
        for (person, place), literal in self.taken.items():
            if values[literal]:
                by_block[place].append(person)
        return dealt([(self.blocks[place], people) for place, people in by_block.items()])

    def chosen(self, seats: Iterable[Seat]) -> set[Literal]:
        """Return the literals for some seats; seats that nobody can take so are left out."""
        given = set(seats)
        return {
            literal
            for (person, place), literal in self.taken.items()
            if any(
                all((need.id, person) in given for need in lane)
                for lane in self.blocks[place].lanes
            )
        }


def build(problem: Problem, *, told: bool = False) -> Model:
    """Return the model of a problem.

    `told`: as an explanation needs it, with literals also for what people cannot take and each rule
    by itself, so that every term names what it comes from.
    """
    return _Building(problem, told).model()


class _Building:
    def __init__(self, problem: Problem, told: bool) -> None:
        self._problem, self._told = problem, told
        self._form = Form()
        self._blocks = blocks_of(problem)
        self._turns = pairs.turns_of(self._blocks)
        self._pairs: dict[str, Pairs] = {}
        self._graphs: dict[tuple[str, ...], Graph] = {}
        self._weekly: dict[str, weekly.WeeklyRests] = {}
        self._published: dict[int, set[int]] = defaultdict(set)
        for need, person in problem.stays:
            self._published[person].add(need)
        self._locked: dict[tuple[int, int], bool] = {}
        places = {id_: block.place for block in self._blocks for id_ in block.ids}
        for (need, person), wanted in problem.locked.items():
            self._locked[person, places[need]] = wanted

    def model(self) -> Model:
        owns = {officer.id: self._own(officer) for officer in self._problem.people}
        self._chains = Chains(owns.values(), self._turns)
        for own in owns.values():
            self._add_person(own)
        together = beside.Beside(self._form, owns, self._turns)
        for rule in self._problem.rules:
            together.add(rule)
        taken = {
            (person, place): literal
            for person, own in owns.items()
            for place, (_, literal) in own.blocks.items()
        }
        self._tolerate(taken)
        for block in self._blocks:
            add_cover(self._form, block, list(owns.values()))
        for wish in self._problem.wishes:
            costs.add_wish(self._form, owns[wish.person], wish)
        costs.add_stays(self._form, self._problem, owns)
        return Model(self._problem, self._form, self._blocks, taken)

    def _own(self, officer: Officer) -> Own:
        blocks: dict[int, tuple[Block, Literal]] = {}
        for block in self._blocks:
            locked = self._locked.get((officer.id, block.place))
            if self._told:
                blocks[block.place] = (block, self._told_literal(officer, block, locked))
            elif locked is True:
                blocks[block.place] = (block, TRUE)
            elif locked is None and can_fill(officer, block) and not any(bars(officer, block)):
                blocks[block.place] = (block, self._form.new())
        return Own(self._problem, self._form, officer, blocks, self._graph(officer))

    def _told_literal(self, officer: Officer, block: Block, locked: bool | None) -> Literal:
        literal = self._form.new()
        source = Source("locked", officer.id, block.ids, block.needs[0].days[0])
        if locked is not None:
            self._form.limit([~literal if locked else literal], 0, None, source)
        if locked is not True:
            for bar in bars(officer, block):
                self._form.limit([literal], 0, None, bar)
        return literal

    def _binding(self, officer: Officer) -> list[Rule]:
        return [
            rule for rule in self._problem.rules if rule.people is None or officer.id in rule.people
        ]

    def _hard_pairwise(self, officer: Officer) -> list[Rule | None]:
        rules = self._binding(officer)
        return [None, *(rule for rule in rules if pairs.is_pairwise(rule) and rule.weight is None)]

    def _graph(self, officer: Officer) -> Graph:
        """Return what one person cannot take together, whatever else an explanation lets go of."""
        return self._graph_of([None] if self._told else self._hard_pairwise(officer))

    def _graph_of(self, rules: Sequence[Rule | None]) -> Graph:
        key = tuple("" if rule is None else rule.key for rule in rules)
        if key not in self._graphs:
            edges = [edge for rule in rules for edge in self._pairs_of(rule)]
            self._graphs[key] = Graph(len(self._blocks), edges)
        return self._graphs[key]

    def _pairs_of(self, rule: Rule | None) -> Pairs:
        key = "" if rule is None else rule.key
        if key not in self._pairs:
            self._pairs[key] = pairs.pairs(rule, self._turns)
        return self._pairs[key]

    def _add_person(self, own: Own) -> None:
        rules = self._hard_pairwise(own.officer)
        stands = {
            place
            for place, (block, _) in own.blocks.items()
            if self._published[own.officer.id].issuperset(need.id for need in block.needs)
        }
        for group in [[rule] for rule in rules] if self._told else [rules]:
            key = "overlap" if group[0] is None else group[0].key
            pairs.add_graph(own, self._graph_of(group), key, stands)
        for rule in rules:
            pairs.add_before(own, rule, self._turns)
        shaped = [] if self._told else self._add_stretches(own)
        for rule in self._binding(own.officer):
            if rule not in shaped:
                self._add_rule(own, rule)
        for fair in self._problem.fairs:
            costs.add_fair(own, fair)

    def _add_stretches(self, own: Own) -> list[Rule]:
        """Add the hard rules on days in a row, those of the same turns together; return them."""
        by_turns: dict[Selection, list[Run | FreeRun]] = defaultdict(list)
        for rule in self._binding(own.officer):
            if rule.weight is not None or pairs.is_pairwise(rule):
                continue
            if isinstance(rule, Run | FreeRun):
                by_turns[rule.only].append(rule)
        for only, rules in by_turns.items():
            add_stretches(own, only, rules)
        return [rule for rules in by_turns.values() for rule in rules]

    def _add_rule(self, own: Own, rule: Rule) -> None:
        if pairs.is_pairwise(rule):
            if rule.weight is not None:
                pairs.add_before(own, rule, self._turns)
                pairs.add_priced(own, rule, self._pairs_of(rule))
            return
        match rule:
            case FreeRun(between_blocks=True):
                self._chains.add(own, rule)
            case FreeRun():
                days.add_free_run(own, rule)
            case Run():
                days.add_run(own, rule)
            case Limit():
                days.add_limit(own, rule)
            case WeekendsInARow():
                days.add_weekends_in_a_row(own, rule)
            case WholeWeekend():
                days.add_whole_weekend(own, rule)
            case NotAll():
                days.add_not_all(own, rule)
            case WeeklyRest():
                self._weekly_rest(rule).add(own)

    def _weekly_rest(self, rule: WeeklyRest) -> weekly.WeeklyRests:
        if rule.key not in self._weekly:
            self._weekly[rule.key] = weekly.WeeklyRests(self._problem, rule, self._turns)
        return self._weekly[rule.key]

    def _tolerate(self, taken: dict[tuple[int, int], Literal]) -> None:
        """Let what stands published against a rule stay as it is.

        Not so who serves alone: whoever was beside them may just have fallen ill.
        """
        chosen = Model(self._problem, self._form, self._blocks, taken).chosen(self._problem.stays)
        if not chosen:
            return
        alone = {rule.key for rule in self._problem.rules if isinstance(rule, Together | Mentored)}
        values = self._form.complete(chosen)
        stricter: set[Shape] = set()
        for term in self._form.broken(values):
            if not term.asks and term.source.key not in alone:
                term.most = term.total(values)
                stricter |= set() if term.shape is None else {term.shape}
        self._form.unshape(stricter)
