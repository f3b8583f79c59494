"""Makes a plan better part by part, each planned anew as well as can be while all else stays.

Begins with any plan, also one that breaks hard rules: what it breaks is mended first.
"""

from dispatch.rota.planner.best import Best
from dispatch.rota.planner.cpsat import Effort, Solver, encode
from dispatch.rota.planner.filling import proposal
from dispatch.rota.planner.model import Model
from dispatch.rota.planner.neighbourhoods import Neighbourhoods
from dispatch.rota.planner.parts import Parts
from dispatch.rota.planner.standing import Standing

#: How much work a part should be, and may be at most; the same for one person alone. In the
#: solver's ticks, two thirds of a second each, so that a busy machine changes nothing.
_SHOULD, _MAY, _PERSON = 1.0, 4.0, 0.6
#: What each is reckoned to take at least, so that some steps always come to an end.
_LEAST = 0.01


class Improving:
    """A plan that becomes better step by step."""

    def __init__(
        self, model: Model, values: list[bool], best: Best, solver: Solver, seed: int = 0
    ) -> None:
        self._model, self._best, self._solver = model, best, solver
        chosen = [literal for literal in model.taken.values() if literal > 0 and values[literal]]
        self._standing = Standing(model.form, chosen)
        self._cost = model.form.cost(self._standing.values)
        self._broken = self._standing.amount_broken()
        self._parts = Parts(self._standing)
        self._choice = Neighbourhoods(model, seed)
        # The first of several takes each person once.
        self._persons = [] if seed else self._choice.each_person()
        self._seed = seed

    @property
    def possible(self) -> bool:
        """Return whether there is anything to choose."""
        return bool(self._choice)

    def step(self, left: float) -> float:
        """Plan one part anew, in the seconds that are left; return the ticks that it took."""
        self._follow()
        if self._persons:
            kind, free, ticks = "", self._persons.pop(), _PERSON
        else:
            kind, free = self._choice.next(self._standing.values)
            ticks = _MAY
        part = self._parts.part(free)
        now = part.form.cost(part.present)
        encoded = encode(part.form, now)
        encoded.between(None, now)
        self._seed += 1
        effort = Effort(left, 1, ticks, self._seed)
        # Without a hint: to come upon another plan that costs the same leads on to better ones.
        answer = self._solver.solve(encoded, effort)
        if answer.values is not None and (turned := part.turned(answer.values)):
            self._turn(turned)
        if kind:
            self._choice.learn(kind, proven=answer.proven, share=answer.ticks / _SHOULD)
        return max(answer.ticks, _LEAST)

    def _turn(self, turned: list[int]) -> None:
        change = self._standing.turn(turned)
        self._cost += change.cost
        self._broken += change.worse - change.better
        if not self._broken:
            self._best.found(self._standing.values, self._cost)
        elif change.better and self._best.cost is None:
            self._best.offer(proposal(self._model, self._standing.values).seats)

    def _follow(self) -> None:
        """Go on from the best plan, if another thread found it."""
        cost, values = self._best.cost, self._best.values
        if cost is None or values is None or (not self._broken and cost >= self._cost):
            return
        mine = self._standing.values
        turned = [one for one in self._model.taken.values() if one > 0 and mine[one] != values[one]]
        change = self._standing.turn(turned)
        self._cost += change.cost
        self._broken += change.worse - change.better
