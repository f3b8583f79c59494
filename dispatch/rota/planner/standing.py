"""A plan in the making: what it costs and breaks, kept up to date seat by seat.

Adding or taking away one seat touches a handful of terms, so that a search can try many thousand
changes in a second without a solver.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dispatch.rota.planner.terms import Form, Literal, Term


@dataclass(slots=True)
class Change:
    """What a change of a plan does."""

    worse: int = 0
    """Units by which hard terms are broken more."""
    better: int = 0
    """Units by which hard terms are broken less."""
    cost: int = 0


@dataclass(slots=True)
class _Look:
    """A change looked at, not yet made."""

    change: Change = field(default_factory=Change)
    turned: set[int] = field(default_factory=set)
    sums: dict[int, int] = field(default_factory=dict)
    totals: dict[int, int] = field(default_factory=dict)
    met: dict[int, int] = field(default_factory=dict)


class Standing:
    """The values of a form's literals, with the sums of its terms."""

    def __init__(self, form: Form, chosen: Iterable[Literal]) -> None:
        self.form = form
        self.values = form.complete(chosen)
        self._sums = [_sum(term.literals, term.coefs, self.values) for term in form.terms]
        self._totals = [_sum(curve.literals, curve.coefs, self.values) for curve in form.curves]
        self._met = [_sum(one.among, None, self.values) for one in form.definitions]
        #: By index, the terms (curves, definitions) it is in, and what it adds when it holds.
        self.in_terms = _places(form.count, ((term.literals, term.coefs) for term in form.terms))
        self.in_curves = _places(form.count, ((one.literals, one.coefs) for one in form.curves))
        self.in_met = _places(
            form.count, ((one.among, (1,) * len(one.among)) for one in form.definitions)
        )

    def is_beyond(self, place: int) -> bool:
        """Return whether the sum of a term, by its place in the form, lies beyond its most."""
        return self._sums[place] > self.form.terms[place].most

    def holds(self, literal: Literal) -> bool:
        """Return whether a literal holds."""
        return self.values[literal] if literal >= 0 else not self.values[~literal]

    def blocked(self, index: int) -> bool:
        """Return whether some hard term alone keeps a literal from holding; quicker than `seen`."""
        terms, sums = self.form.terms, self._sums
        for place, coef in self.in_terms[index]:
            if coef > 0:
                term = terms[place]
                if term.cost is None and sums[place] + coef > term.most:
                    return True
        return False

    def seen(self, indices: Iterable[int]) -> Change:
        """Return what it would do if free literals that hold held no longer, and the others did."""
        return self._looked(indices).change

    def turn(self, indices: Iterable[int]) -> Change:
        """Do it; doing it again takes it back."""
        look = self._looked(indices)
        for index in look.turned:
            self.values[index] = not self.values[index]
        for found, kept in (
            (look.sums, self._sums),
            (look.totals, self._totals),
            (look.met, self._met),
        ):
            for place, added in found.items():
                kept[place] += added
        return look.change

    def _looked(self, indices: Iterable[int]) -> _Look:
        look = _Look()
        for index in indices:
            self._turn(index, look)
        for place, added in look.sums.items():
            if added:
                self._change_term(place, added, look.change)
        for place, added in look.totals.items():
            curve, old = self.form.curves[place], self._totals[place]
            before, after = -(-old // curve.unit), -(-(old + added) // curve.unit)
            look.change.cost += curve.price(after) - curve.price(before)
        return look

    def _turn(self, index: int, look: _Look) -> None:
        sign = -1 if self.values[index] != (index in look.turned) else 1
        look.turned ^= {index}
        for place, coef in self.in_terms[index]:
            look.sums[place] = look.sums.get(place, 0) + sign * coef
        for place, coef in self.in_curves[index]:
            look.totals[place] = look.totals.get(place, 0) + sign * coef
        for place, coef in self.in_met[index]:
            look.met[place] = look.met.get(place, 0) + sign * coef
            definition = self.form.definitions[place]
            held = self.values[definition.literal] != (definition.literal in look.turned)
            if (self._met[place] + look.met[place] >= definition.least) != held:
                self._turn(definition.literal, look)

    def _change_term(self, place: int, added: int, change: Change) -> None:
        term, old = self.form.terms[place], self._sums[place]
        if old <= term.most and old + added <= term.most:
            return
        more = _beyond(term, old + added) - _beyond(term, old)
        if term.cost is not None:
            change.cost += term.cost * more
        elif more > 0:
            change.worse += more
        else:
            change.better -= more

    def amount_broken(self) -> int:
        """Return the units by which hard terms are broken."""
        return sum(
            _beyond(term, self._sums[place])
            for place, term in enumerate(self.form.terms)
            if term.cost is None
        )

    def broken(self) -> Iterator[Term]:
        """Yield the hard terms that the plan does not keep."""
        for place, term in enumerate(self.form.terms):
            if term.cost is None and self._sums[place] > term.most:
                yield term


def _beyond(term: Term, total: int) -> int:
    over = total - term.most
    if over <= 0:
        return 0
    return over if term.unit == 1 else -(-over // term.unit)


def _sum(literals: Iterable[Literal], coefs: Iterable[int] | None, values: list[bool]) -> int:
    if coefs is None:
        return sum(values[one] if one >= 0 else not values[~one] for one in literals)
    pairs = zip(literals, coefs, strict=True)
    return sum(coef for one, coef in pairs if (values[one] if one >= 0 else not values[~one]))


def _places(
    count: int, rows: Iterable[tuple[tuple[Literal, ...], tuple[int, ...]]]
) -> list[list[tuple[int, int]]]:
    found: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for place, (literals, coefs) in enumerate(rows):
        for literal, coef in zip(literals, coefs, strict=True):
            if literal >= 0:
                found[literal].append((place, coef))
            else:
                found[~literal].append((place, -coef))
    return found
