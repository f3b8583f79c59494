"""A form cut down to some literals while all else stays as it is in a plan.

What is cut out is a form by itself: it holds only the terms, prices and shapes that the freed
literals touch, so that it is searched in a fraction of the time that the whole takes, and any plan
of it fits into the rest. Hard terms that the plan breaks may stay broken, never more, at a price
that is above all others: so a plan that breaks something is mended in the same way as one that
costs too much.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dispatch.rota.planner.standing import Standing
from dispatch.rota.planner.terms import (
    FALSE,
    TRUE,
    Curve,
    Definition,
    Form,
    Literal,
    Shape,
    Term,
)

#: What it costs, about, that one seat too few or too many breaks a hard term.
BROKEN = 100_000_000


@dataclass(frozen=True)
class Part:
    """Some literals of a form, as a form by themselves."""

    form: Form
    free: dict[int, Literal]
    """By index of the whole, the literal of the part."""
    present: list[bool]
    """The values that the plan gives it, by index of the part."""

    def turned(self, values: Sequence[bool]) -> list[int]:
        """Return the indices of the whole whose value is another than in the plan."""
        return [old for old, new in self.free.items() if values[new] != self.present[new]]


class Parts:
    """Cuts parts out of a plan."""

    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        self.shapes: list[list[Shape]] = [[] for _ in range(standing.form.count)]
        for shape in standing.form.shapes:
            for literal in shape.literals:
                self.shapes[literal if literal >= 0 else ~literal].append(shape)

    def part(self, free: Iterable[int]) -> Part:
        """Return the part of the plan that some free indices decide."""
        return _Cut(self, free).part()


class _Cut:
    def __init__(self, parts: Parts, free: Iterable[int]) -> None:
        self._parts, self._standing = parts, parts.standing
        self._whole = parts.standing.form
        self._form = Form()
        self._free = {index: self._form.new() for index in sorted(free)}
        self._open: dict[int, Literal] = dict(self._free)

    def part(self) -> Part:
        standing = self._standing
        self._define()
        kept = self._shape()
        for place in _places(standing.in_terms, self._open):
            term = self._whole.terms[place]
            if term.shape not in kept:
                self._limit(term)
        for place in _places(standing.in_curves, self._open):
            self._curve(self._whole.curves[place])
        held = [new for old, new in self._free.items() if standing.values[old]]
        return Part(self._form, self._free, self._form.complete(held))

    def _literal(self, literal: Literal) -> Literal:
        """Return what a literal of the whole is in the part."""
        opened = self._open.get(literal if literal >= 0 else ~literal)
        if opened is None:
            return TRUE if self._standing.holds(literal) else FALSE
        return opened if literal >= 0 else ~opened

    def _define(self) -> None:
        """Define what the free literals decide; a definition uses only what came before it."""
        definitions, reached = self._whole.definitions, set()
        waiting = list(self._free)
        while waiting:
            for place in _places(self._standing.in_met, [waiting.pop()]):
                if place not in reached:
                    reached.add(place)
                    waiting.append(definitions[place].literal)
        for place in sorted(reached):
            self._define_one(definitions[place])

    def _define_one(self, definition: Definition) -> None:
        among = [self._literal(one) for one in definition.among]
        left = tuple(one for one in among if one not in {TRUE, FALSE})
        least = definition.least - among.count(TRUE)
        if 0 < least <= len(left):
            literal = self._form.new()
            self._form.definitions.append(Definition(literal, left, least, definition.exclusive))
            self._open[definition.literal] = literal

    def _limit(self, term: Term) -> None:
        literals = [self._literal(one) for one in term.literals]
        limit, most = self._form.limit, term.most
        if term.cost is None and (total := term.total(self._standing.values)) > most:
            price = BROKEN // max(map(abs, term.coefs))
            limit(literals, most, price, term.source, coefs=term.coefs, unit=term.unit)
            most = total
        limit(literals, most, term.cost, term.source, coefs=term.coefs, unit=term.unit)

    def _curve(self, curve: Curve) -> None:
        pairs = zip(curve.literals, curve.coefs, strict=True)
        marks = [(self._literal(one), coef) for one, coef in pairs]
        fixed = sum(coef for literal, coef in marks if literal == TRUE)
        top = max(curve.top, curve.total(self._standing.values))
        if fixed % curve.unit:
            top *= curve.unit
            self._form.curve(marks, curve.price, curve.source, unit=curve.unit, top=top)
            return
        units = fixed // curve.unit
        self._form.curve(
            [(literal, coef) for literal, coef in marks if literal != TRUE],
            lambda total: curve.price(total + units),
            curve.source,
            unit=curve.unit,
            top=(top - units) * curve.unit,
        )

    def _shape(self) -> set[Shape | None]:
        """Cut the shapes that the plan keeps down to what is free; return the whole ones."""
        kept: set[Shape | None] = set()
        for shape in {
            id(one): one for index in self._open for one in self._parts.shapes[index]
        }.values():
            cut = self._cut(shape)
            if cut is not None:
                self._form.shapes.append(cut)
                kept.add(shape)
        return kept

    def _cut(self, shape: Shape) -> Shape | None:
        """Return a shape without what is fixed before and after; None: the plan breaks it."""
        then = {(tail, label): head for tail, label, head in shape.steps}
        if not _is_kept(shape, then, self._standing):
            return None
        read = [self._literal(one) for one in shape.literals]
        free = [at for at, one in enumerate(read) if one not in {TRUE, FALSE}]
        if not free:
            return None
        begin = shape.begin
        for one in read[: free[0]]:
            begin = then[begin, one == TRUE]
        ends = frozenset(then.values()) if shape.ends is None else shape.ends
        for one in reversed(read[free[-1] + 1 :]):
            ends = frozenset(
                tail
                for (tail, label), head in then.items()
                if label == (one == TRUE) and head in ends
            )
        return Shape(tuple(read[free[0] : free[-1] + 1]), shape.steps, begin, ends)


def _is_kept(shape: Shape, then: dict[tuple[int, bool], int], standing: Standing) -> bool:
    state: int | None = shape.begin
    for one in shape.literals:
        state = None if state is None else then.get((state, standing.holds(one)))
    return state is not None and (shape.ends is None or state in shape.ends)


def _places(rows: list[list[tuple[int, int]]], indices: Iterable[int]) -> list[int]:
    """Return the places of all that some indices are in, in order."""
    return sorted({place for index in indices for place, _ in rows[index]})
