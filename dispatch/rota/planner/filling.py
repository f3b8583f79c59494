"""The instant plan: whoever costs least takes the next block, and no rule is broken.

It knows rest, certificates, wishes and shares because it works on the same form as the solver. It
is the first answer, where the search begins, and what there is where no solver is installed. It
never breaks a hard rule; what nobody can fill so stays empty, and who finds too few turns has less
than a rule asks for.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from heapq import heapify, heappop, heappush
from typing import NamedTuple

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
    """Return a plan as a proposal; what it breaks is that something lacks."""
    broken = bool(model.form.broken(values))
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


#: The less, the better: what it lacks less, what it costs, what somebody has already.
_Rank = tuple[float, float, float]


class _Seat(NamedTuple):
    """Somebody in a block."""

    person: int
    literal: Literal
    day: date


class _Filling:
    def __init__(self, model: Model, begun: Iterable[Literal]) -> None:
        self.standing = Standing(model.form, begun)
        self._able: dict[int, list[_Seat]] = defaultdict(list)
        self._of: dict[int, list[_Seat]] = defaultdict(list)
        self._on: dict[tuple[int, date], list[int]] = defaultdict(list)
        for (person, place), literal in model.taken.items():
            if literal != TRUE:
                seat = _Seat(person, literal, model.blocks[place].needs[0].days[0])
                self._able[place].append(seat)
                self._of[person].append(seat)
                self._on[person, seat.day].append(literal)
        places = {id_: block.place for block in model.blocks for id_ in block.ids}
        #: The terms that ask for people, by place of block, and for turns, by person.
        self._asking: dict[int, list[int]] = defaultdict(list)
        self._least: dict[int, list[int]] = defaultdict(list)
        for number, term in enumerate(model.form.terms):
            if term.source.key in {"cover", "skill"} and term.asks:
                self._asking[places[term.source.needs[0]]].append(number)
            elif term.cost is None and term.asks and term.source.person is not None:
                self._least[term.source.person].append(number)
        self._shares = {officer.id: officer.share for officer in model.problem.people}
        self._taken = dict.fromkeys(self._shares, 0)
        self._runs = _least_runs(model)

    def fill(self, block: Block) -> None:
        """Give a block to whoever costs least, until it has all that it wants."""
        self._give(self._able[block.place], self._asking[block.place], needed=False)

    def meet_least(self) -> None:
        """Give people what rules say they must have at least."""
        for person, asking in sorted(self._least.items()):
            self._give(self._of[person], asking, needed=True)
            if self._is_asked(asking):
                self._plan_anew(person, asking)

    def _is_asked(self, asking: Sequence[int]) -> bool:
        return any(map(self.standing.is_beyond, asking))

    def _give(self, seats: Sequence[_Seat], asking: Sequence[int], *, needed: bool) -> None:
        """Take the cheapest of some seats, by themselves or with days beside, while asked for.

        Taking one changes little for the others: only what comes first is looked at anew.
        """
        for way in (self._alone, self._beside):
            if not self._is_asked(asking):
                return
            waiting = [
                (found[0], seat) for seat in seats if (found := way(seat, needed)) is not None
            ]
            heapify(waiting)
            while waiting and self._is_asked(asking):
                _, seat = heappop(waiting)
                found = way(seat, needed)
                if found is not None and waiting and found[0] > waiting[0][0]:
                    heappush(waiting, (found[0], seat))
                elif found is not None:
                    self._take(seat.person, found[1])

    def _plan_anew(self, person: int, asking: Sequence[int]) -> None:
        """Plan one person from the first day on without a gap, if that breaks less."""
        mine = [seat.literal for seat in self._of[person] if self.standing.values[seat.literal]]
        change = self.standing.turn(mine)
        lost = change.worse - change.better
        taken: list[int] = []
        for day in sorted({seat.day for seat in self._of[person]}):
            if self._is_asked(asking):
                seats = [_Seat(person, literal, day) for literal in self._on[person, day]]
                for way in (self._alone, self._beside):
                    if found := min(
                        filter(None, (way(seat, True) for seat in seats)), default=None
                    ):
                        change = self.standing.turn(found[1])
                        lost += change.worse - change.better
                        taken += found[1]
                        break
        if lost >= 0:
            self.standing.turn([*taken, *mine])

    def _take(self, person: int, literals: Sequence[int]) -> None:
        self.standing.turn(literals)
        self._taken[person] += len(literals)

    def _alone(self, seat: _Seat, needed: bool) -> tuple[_Rank, list[int]] | None:
        """Return how good it is to take one seat; None: it does harm, or no good."""
        if self.standing.values[seat.literal] or self.standing.blocked(seat.literal):
            return None
        return self._rank(seat.person, [seat.literal], needed)

    def _beside(self, seat: _Seat, needed: bool) -> tuple[_Rank, list[int]] | None:
        """Return the same of a seat with days beside it, where one day alone is too few."""
        if self._runs.get(seat.person, 1) < 2 or self.standing.values[seat.literal]:
            return None
        literals = self._run(seat.person, seat.literal, seat.day)
        return self._rank(seat.person, literals, needed)

    def _rank(
        self, person: int, literals: list[int], needed: bool
    ) -> tuple[_Rank, list[int]] | None:
        change = self.standing.seen(literals)
        if change.worse or not (change.better or (change.cost < 0 and not needed)):
            return None
        load = self._taken[person] / self._shares[person]
        return (-change.better, change.cost, load), literals

    def _run(self, person: int, literal: int, day: date) -> list[int]:
        """Return a literal with those of days beside it that make a run long enough."""
        literals, first, last = [literal], day, day
        for _ in range(self._runs[person] - 1):
            if not self.standing.seen(literals).worse:
                break
            found = []
            for beside in (first - DAY, last + DAY):
                for more in self._on[person, beside]:
                    if more in literals or self.standing.values[more]:
                        continue
                    if not self.standing.blocked(more):
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
