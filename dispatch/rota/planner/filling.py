"""The instant plan: whoever costs least takes the next block, and no rule is broken.

It knows rest, certificates, wishes and shares because it works on the same form as the solver. It
is the first answer, the hint from which the solver begins, and what there is where no solver is
installed. It never breaks a hard rule; what nobody can fill so stays empty.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from dispatch.clock import monotonic
from dispatch.rota.planner.blocks import Block
from dispatch.rota.planner.faults import refuse
from dispatch.rota.planner.model import Model, build
from dispatch.rota.planner.people import DAY
from dispatch.rota.planner.standing import Standing
from dispatch.rota.planner.terms import TRUE, Literal
from dispatch.rota.problem import Outcome, Problem, Proposal, Run


def greedy(problem: Problem) -> Proposal:
    """Return a good plan at once; a problem that cannot be planned is Invalid."""
    refuse(problem)
    return filled_proposal(problem)


def filled_proposal(problem: Problem) -> Proposal:
    """Return a good plan of a problem that can be planned."""
    begun = monotonic()
    model = build(problem)
    found = proposal(model, filled(model))
    return replace(found, seconds=monotonic() - begun, reproducible=True)


def filled(model: Model) -> list[bool]:
    """Return the values of a plan made seat by seat; hard terms may be left that nobody meets.

    It is made from nothing, and from the present seats if there are some, and the better one taken.
    """
    best: tuple[tuple[int, int], list[bool]] | None = None
    present = model.chosen(model.problem.present)
    ways = [(model.blocks, present)] if present else []
    for blocks, begun in [*ways, (model.blocks, set()), (_scarce(model), set())]:
        filling = _Filling(model, begun)
        for block in blocks:
            filling.fill(block)
        filling.meet_least()
        values = filling.standing.values
        rank = len(model.form.broken(values)), model.form.cost(values)
        if best is None or rank < best[0]:
            best = rank, values
        if rank[0] == 0 and not begun:
            break
    assert best is not None
    return best[1]


def proposal(model: Model, values: Sequence[bool]) -> Proposal:
    """Return a plan as a proposal; one that breaks more than cover has no seats to offer."""
    broken = {term.source.key for term in model.form.broken(values)}
    if not broken <= {"cover", "skill"}:
        return Proposal(Outcome.UNKNOWN, method="greedy")
    return Proposal(
        Outcome.PARTIAL if broken else Outcome.FEASIBLE,
        model.seats(values),
        None if broken else model.form.cost(values),
        method="greedy",
    )


def _scarce(model: Model) -> list[Block]:
    """Return the blocks, those that few can take first."""
    able = Counter(place for _, place in model.taken)
    return sorted(model.blocks, key=lambda block: able[block.place])


class _Filling:
    def __init__(self, model: Model, begun: Iterable[Literal]) -> None:
        self.standing = Standing(model.form, begun)
        self._able: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._on: dict[tuple[int, date], list[int]] = defaultdict(list)
        for (person, place), literal in model.taken.items():
            if literal != TRUE:
                self._able[place].append((person, literal))
                self._on[person, model.blocks[place].needs[0].days[0]].append(literal)
        self._shares = {officer.id: officer.share for officer in model.problem.people}
        self._taken = dict.fromkeys(self._shares, 0)
        self._runs = _least_runs(model)

    def fill(self, block: Block) -> None:
        """Give a block to whoever costs least, until more would help nobody."""
        able = self._able[block.place]
        while choice := self._cheapest(able) or self._cheapest_run(able, block):
            self._take(*choice)

    def meet_least(self) -> None:
        """Give people what rules say they must have at least."""
        short = {term.source.person for term in self.standing.broken() if term.asks}
        for person in sorted(who for who in short if who is not None):
            mine = {day: on for (who, day), on in self._on.items() if who == person}
            able = [(person, literal) for on in mine.values() for literal in on]
            while choice := self._cheapest(able, needed=True):
                self._take(*choice)

    def _take(self, person: int, literals: Sequence[int]) -> None:
        self.standing.turn(literals)
        self._taken[person] += len(literals)

    def _cheapest(
        self, able: Sequence[tuple[int, int]], *, needed: bool = False
    ) -> tuple[int, list[int]] | None:
        best: tuple[tuple[float, ...], int, int] | None = None
        for person, literal in able:
            if self.standing.values[literal] or self.standing.blocked(literal):
                continue
            change = self.standing.seen([literal])
            if change.worse or not (change.better or (change.cost < 0 and not needed)):
                continue
            rank = (-change.better, change.cost, self._taken[person] / self._shares[person])
            if best is None or rank < best[0]:
                best = rank, person, literal
        return None if best is None else (best[1], [best[2]])

    def _cheapest_run(
        self, able: Sequence[tuple[int, int]], block: Block
    ) -> tuple[int, list[int]] | None:
        """Return who would take a block with days beside it, where one day alone is too few."""
        best: tuple[tuple[float, ...], int, list[int]] | None = None
        for person, literal in able:
            if self._runs.get(person, 1) > 1 and not self.standing.values[literal]:
                literals = self._run(person, literal, block.needs[0].days[0])
                change = self.standing.seen(literals)
                if change.worse or not (change.better or change.cost < 0):
                    continue
                rank = (change.cost, -change.better)
                if best is None or rank < best[0]:
                    best = rank, person, literals
        return None if best is None else best[1:]

    def _run(self, person: int, literal: int, day: date) -> list[int]:
        """Return a literal with those of days beside it that make a run long enough."""
        literals, first, last = [literal], day, day
        for _ in range(self._runs[person] - 1):
            if not self.standing.seen(literals).worse:
                break
            found = []
            for beside in (first - DAY, last + DAY):
                for more in self._on[person, beside]:
                    if more not in literals and not self.standing.values[more]:
                        change = self.standing.seen([*literals, more])
                        found.append((change.worse, change.cost, more, beside))
            if not found:
                break
            *_, more, beside = min(found)
            literals.append(more)
            first, last = min(first, beside), max(last, beside)
        return literals


def _least_runs(model: Model) -> dict[int, int]:
    """Return, by person, how many days in a row a hard rule asks at least."""
    found: dict[int, int] = {}
    for rule in model.problem.rules:
        if isinstance(rule, Run) and rule.weight is None:
            for officer in model.problem.people:
                if rule.people is None or officer.id in rule.people:
                    found[officer.id] = max(rule.least, found.get(officer.id, 1))
    return found
