"""The best plan and bound so far, for the threads that look for better ones, and who waits."""

import threading
from collections.abc import Sequence

from dispatch.clock import monotonic
from dispatch.rota.planner.model import Model
from dispatch.rota.planner.process import Tell
from dispatch.rota.problem import Point, Seat


class Best:
    """What was found so far; each better plan and bound is told once."""

    def __init__(self, model: Model, tell: Tell, begun: float) -> None:
        self._begun, self._model, self._tell = begun, model, tell
        self._lock = threading.RLock()
        self.values: list[bool] | None = None
        """The values of the best plan that keeps every hard rule."""
        self.cost: int | None = None
        self.bound: int | None = None
        self.seats: frozenset[Seat] = frozenset()
        self.curve: list[Point] = []

    @property
    def proven(self) -> bool:
        """Return whether nothing costs less than the best plan."""
        cost, bound = self.cost, self.bound
        return cost is not None and bound is not None and cost <= bound

    def offer(self, seats: frozenset[Seat]) -> None:
        """Keep what there is while no plan keeps every hard rule."""
        with self._lock:
            if self.cost is None and seats != self.seats:
                self.seats = seats
                self.note(seats)

    def found(self, values: Sequence[bool], cost: int | None = None) -> None:
        """Keep a plan that breaks no hard rule, if it is better."""
        cost = self._model.form.cost(values) if cost is None else cost
        with self._lock:
            if self.cost is None or cost < self.cost:
                self.values, self.cost = list(values), cost
                self.seats = self._model.seats(values)
                self.note(self.seats)

    def bounded(self, bound: int) -> None:
        """Keep a bound if it is better."""
        with self._lock:
            bound = bound if self.cost is None else min(bound, self.cost)
            if self.bound is None or bound > self.bound:
                self.bound = bound
                self.note(None)

    def note(self, seats: frozenset[Seat] | None) -> None:
        """Tell of the moment."""
        point = Point(self.seconds(), self.cost, self.bound)
        self.curve.append(point)
        self._tell(point, seats)

    def seconds(self) -> float:
        """Return how long the search has lasted."""
        return monotonic() - self._begun
