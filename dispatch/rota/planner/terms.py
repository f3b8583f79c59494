"""A plan as yes and no: literals, what they have to keep, and what they cost.

The form lies between a problem and whoever searches: the greedy, the solver, the repair and the
explanation all work on it, and each can add up what a plan costs without the solver. It knows
nothing of turns and people; every term carries a `Source` that says where it comes from.

A literal is an index, or `~index` for its negation, as the solver counts them.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import gcd
from typing import NamedTuple

Literal = int

#: The literal that always holds: a turn before the plan, for example.
TRUE: Literal = 0
FALSE: Literal = ~TRUE


class Source(NamedTuple):
    """Where a term comes from."""

    key: str
    """The rule's key, or one of the words that `Breach.key` lists."""
    person: int | None = None
    needs: tuple[int, ...] = ()
    day: date | None = None
    qualification: str | None = None


@dataclass(slots=True)
class Term:
    """The sum of some literals, each times its coefficient, is at most so much."""

    literals: tuple[Literal, ...]
    coefs: tuple[int, ...]
    most: int
    cost: int | None
    """Of each begun unit beyond the most; None: hard."""
    unit: int
    source: Source
    shape: "Shape | None" = None
    """A shape of the form that says the same."""
    chain: "Chain | None" = None
    """A chain of the form that says the same."""

    @property
    def asks(self) -> bool:
        """Return whether it asks for literals to hold; it forbids otherwise."""
        return all(coef < 0 for coef in self.coefs)

    def total(self, values: Sequence[bool]) -> int:
        """Return the sum; `values` by index."""
        pairs = zip(self.literals, self.coefs, strict=True)
        return sum(coef for literal, coef in pairs if holds(values, literal))

    def amount(self, values: Sequence[bool]) -> int:
        """Return how many begun units the sum lies beyond the most."""
        return max(0, -((self.most - self.total(values)) // self.unit))


@dataclass(slots=True)
class Curve:
    """A price for the sum of some literals, each times its coefficient."""

    literals: tuple[Literal, ...]
    coefs: tuple[int, ...]
    unit: int
    price: Callable[[int], int]
    """Of a number of begun units; convex but for rounding."""
    top: int
    """A number of units that no plan exceeds."""
    source: Source

    def total(self, values: Sequence[bool]) -> int:
        """Return the begun units."""
        pairs = zip(self.literals, self.coefs, strict=True)
        return -(-sum(coef for literal, coef in pairs if holds(values, literal)) // self.unit)


@dataclass(slots=True)
class Definition:
    """A literal that holds exactly when at least so many others hold."""

    literal: Literal
    among: tuple[Literal, ...]
    least: int
    exclusive: bool
    """Whether no two of them can hold together, which the solver is glad to know."""


@dataclass(slots=True, eq=False)
class Shape:
    """Sequences that some literals in a row may make, as a machine reads them one by one.

    It says what some terms say together, in a way from which the solver concludes far more.
    """

    literals: tuple[Literal, ...]
    steps: tuple[tuple[int, bool, int], ...]
    """From a state, by whether the next literal holds, to a state."""
    begin: int
    ends: frozenset[int] | None = None
    """The states that it may end in; None: any."""


@dataclass(slots=True, eq=False)
class Chain:
    """Literals in order, and what it costs when one that holds is the next after another.

    It says what some priced terms say together, in a way that linear programming understands.
    """

    literals: tuple[Literal, ...]
    steps: dict[tuple[int, int], int]
    """By two places, in order; what is not named costs nothing."""


@dataclass(slots=True)
class Form:
    """Literals, terms and prices."""

    count: int = 1
    """How many indices there are; the first is TRUE."""
    definitions: list[Definition] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    base: int = 0
    """What every plan costs."""
    _known: dict[tuple[int, tuple[Literal, ...]], Literal] = field(default_factory=dict)

    def new(self) -> Literal:
        """Return a literal that is free to hold or not."""
        self.count += 1
        return self.count - 1

    def at_least(
        self, among: Iterable[Literal], least: int = 1, *, exclusive: bool = False
    ) -> Literal:
        """Return the literal that holds when at least so many of different others do."""
        given = set(among)
        least -= TRUE in given
        kept = tuple(sorted(given - {TRUE, FALSE}))
        if least <= 0:
            return TRUE
        if least > len(kept):
            return FALSE
        if len(kept) == 1:
            return kept[0]
        if (least, kept) not in self._known:
            literal = self._known[least, kept] = self.new()
            self.definitions.append(Definition(literal, kept, least, exclusive))
        return self._known[least, kept]

    def limit(
        self,
        literals: Iterable[Literal],
        most: int,
        cost: int | None,
        source: Source,
        *,
        coefs: Iterable[int] | None = None,
        unit: int = 1,
    ) -> None:
        """Let the sum be at most so much, or cost so much for each begun unit beyond.

        A hard one that turns before the plan and locked seats alone break lets nothing be added:
        no plan could mend it.
        """
        sums, fixed = _summed(literals, coefs)
        most -= fixed
        if cost is None and min(sums.values(), default=1) > 0:
            most = max(most, 0)
        self._limit(sums, most, cost, source, unit)

    def floor(
        self,
        literals: Iterable[Literal],
        least: int,
        cost: int | None,
        source: Source,
        *,
        coefs: Iterable[int] | None = None,
        unit: int = 1,
    ) -> None:
        """Let the sum be at least so much, or cost so much for each begun unit short."""
        sums, fixed = _summed(literals, coefs)
        turned = {literal: -coef for literal, coef in sums.items()}
        self._limit(turned, fixed - least, cost, source, unit)

    def _limit(
        self, sums: dict[Literal, int], most: int, cost: int | None, source: Source, unit: int
    ) -> None:
        lowest = sum(coef for coef in sums.values() if coef < 0)
        if sum(coef for coef in sums.values() if coef > 0) <= most or cost == 0:
            return
        if cost is not None and lowest > most and unit == 1:
            self.base += cost * (lowest - most)
            most = lowest
        if sums or cost is None:
            self.terms.append(Term(tuple(sums), tuple(sums.values()), most, cost, unit, source))
        else:
            self.base += cost * -((most - lowest) // unit)

    def forbid(self, literals: Iterable[Literal], cost: int | None, source: Source) -> None:
        """Let not all of different literals hold together, or cost so much."""
        given = set(literals)
        if FALSE not in given and not any(~literal in given for literal in given):
            self.limit(given, len(given) - 1, cost, source)

    def curve(
        self,
        marks: Iterable[tuple[Literal, int]],
        price: Callable[[int], int],
        source: Source,
        *,
        unit: int = 1,
        top: int | None = None,
    ) -> None:
        """Let the begun units of a sum have a price; `top`: a sum that no plan exceeds."""
        sums: dict[Literal, int] = {}
        for literal, coef in marks:
            if literal != FALSE and coef:
                sums[literal] = sums.get(literal, 0) + coef
        if not sums:
            self.base += price(0)
            return
        if gcd(*sums.values()) % unit == 0:
            sums = {literal: coef // unit for literal, coef in sums.items()}
            top = None if top is None else top // unit
            unit = 1
        most = sum(sums.values()) if top is None else min(top, sum(sums.values()))
        self.curves.append(
            Curve(tuple(sums), tuple(sums.values()), unit, price, -(-most // unit), source)
        )

    def unshape(self, shapes: Collection[Shape]) -> None:
        """Let the terms alone say what some shapes say."""
        self.shapes = [shape for shape in self.shapes if shape not in shapes]
        for term in self.terms:
            if term.shape in shapes:
                term.shape = None

    def complete(self, chosen: Iterable[Literal]) -> list[bool]:
        """Return the value of every index when exactly these free literals hold."""
        values = [False] * self.count
        values[TRUE] = True
        for literal in chosen:
            values[literal] = True
        for definition in self.definitions:
            met = sum(holds(values, literal) for literal in definition.among)
            values[definition.literal] = met >= definition.least
        return values

    def cost(self, values: Sequence[bool]) -> int:
        """Return what a plan costs, whatever hard terms it breaks."""
        soft = sum(term.cost * term.amount(values) for term in self.terms if term.cost is not None)
        return self.base + soft + sum(curve.price(curve.total(values)) for curve in self.curves)

    def broken(self, values: Sequence[bool]) -> list[Term]:
        """Return the hard terms that a plan does not keep."""
        return [term for term in self.terms if term.cost is None and term.total(values) > term.most]


def holds(values: Sequence[bool], literal: Literal) -> bool:
    """Return whether a literal holds; `values` by index."""
    return values[literal] if literal >= 0 else not values[~literal]


def _summed(
    literals: Iterable[Literal], coefs: Iterable[int] | None
) -> tuple[dict[Literal, int], int]:
    """Return what each literal adds to a sum, and what is fixed in it."""
    sums: dict[Literal, int] = {}
    fixed = 0
    given = list(literals)
    for literal, coef in zip(given, [1] * len(given) if coefs is None else coefs, strict=True):
        if literal in {TRUE, FALSE}:
            fixed += coef * (literal == TRUE)
        elif ~literal in sums:
            fixed += coef
            sums[~literal] -= coef
        else:
            sums[literal] = sums.get(literal, 0) + coef
    return {literal: coef for literal, coef in sums.items() if coef}, fixed
