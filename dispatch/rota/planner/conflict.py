"""What cannot all hold, found by the solver: the cheapest to let go of, and the smallest such set.

Works on a form that is told: every term names the rule or the fact that it comes from. What
`given` holds is never let go of and never named.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from dispatch.clock import monotonic
from dispatch.rota.planner.cpsat import Effort, Solver, encode
from dispatch.rota.planner.filling import filled
from dispatch.rota.planner.model import build
from dispatch.rota.planner.terms import TRUE, Form, Literal, Source, Term
from dispatch.rota.problem import Problem, Seat

#: One proof that some terms alone are enough; most take a hundredth of it.
_PROOF_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Release:
    """What is let go of so that the rest holds."""

    broken: tuple[tuple[Source, int, int], ...]
    """Sources with the amount by which each is broken, and what that costs."""
    cost: int
    proven: bool
    """Whether nothing costs less."""


def cheapest(
    form: Form,
    terms: Iterable[Term],
    given: Iterable[Term],
    price: Callable[[Source], int | None],
    solver: Solver,
    seconds: float,
    begin: Sequence[bool] | None = None,
) -> Release | None:
    """Return the cheapest of some hard terms to let go of; `price` of each unit, None: never.

    `begin`: the values of some plan, from which the search begins. None: whatever is let go of, the
    rest cannot hold, or the time was too short.
    """
    priced = [replace(term, cost=price(term.source)) for term in terms]
    soft, kept = _alone(form, priced, given)
    encoded = encode(soft)
    hint = None if begin is None else encoded.hint([begin[old] for old in kept])
    # One worker: what is around a few days is proven sooner than another could help.
    answer = solver.solve(encoded, Effort(seconds, 1), hint)
    if answer.values is None:
        return None
    amounts = [(term, term.amount(answer.values)) for term in soft.terms if term.cost is not None]
    broken = tuple(
        (term.source, amount, (term.cost or 0) * amount) for term, amount in amounts if amount
    )
    return Release(broken, sum(cost for *_, cost in broken), answer.proven)


class Fullest:
    """The plan with the fewest people and qualifications missing, whatever else it costs."""

    def __init__(self, problem: Problem, solver: Solver, seconds: float) -> None:
        model = build(problem)
        asked = {"cover", "skill"}
        soft = replace(model.form, terms=[], curves=[], chains=[], base=0)
        for term in model.form.terms:
            if term.cost is None:
                price = 1 if term.source.key in asked and term.asks else None
                soft.terms.append(replace(term, cost=price))
        encoded = encode(soft)
        values = filled(model)
        answer = solver.solve(encoded, Effort(seconds), encoded.hint(values))
        if answer.values is not None:
            values = answer.values
        self.seats: frozenset[Seat] = model.seats(values)
        self.proven = answer.proven
        """Whether nothing misses fewer."""
        broken = [term.source.day for term in soft.terms if term.amount(values)]
        self.whole = not broken
        """Whether nothing is missing or broken."""
        self.short = tuple(sorted({day for day in broken if day}))
        """The days on which something is."""


class Conflict:
    """Terms of a form that may be impossible together."""

    def __init__(self, form: Form, given: Sequence[Term], solver: Solver, seconds: float) -> None:
        self._form, self._given, self._solver = form, given, solver
        self._seconds = seconds
        self._ends = monotonic() + seconds

    def smallest(self, terms: Sequence[Term]) -> tuple[list[Term], bool] | None:
        """Return some of the terms that cannot all hold, and whether each of them is needed.

        None: they can, or the time was too short to tell.
        """
        core = self._core(terms)
        if core is None or not self._cannot_hold(core):
            return None
        kept = list(core)
        for term in core:
            if monotonic() > self._ends or self._solver.stopped:
                return kept, False
            fewer = [other for other in kept if other is not term]
            if self._cannot_hold(fewer):
                kept = fewer
        return kept, True

    def families(self, terms: Sequence[Term]) -> tuple[str, ...]:
        """Return keys of terms that cannot all hold, as few as time allows; none: not proven."""
        if not self._cannot_hold(terms):
            return ()
        kept = list(dict.fromkeys(term.source.key for term in terms))
        for key in list(kept):
            fewer = [term for term in terms if term.source.key in kept and term.source.key != key]
            if self._cannot_hold(fewer):
                kept.remove(key)
        return tuple(kept)

    def _core(self, terms: Sequence[Term]) -> list[Term] | None:
        """Return terms that a proof of impossibility used; each is switched on by a literal."""
        alone, _ = _alone(self._form, terms, self._given)
        switches: dict[Literal, Term] = {}
        for place, term in enumerate(terms):
            switch = alone.new()
            switches[switch] = term
            own = alone.terms[place]
            highest = sum(coef for coef in own.coefs if coef > 0)
            alone.terms[place] = replace(
                own,
                literals=(*own.literals, switch),
                coefs=(*own.coefs, highest - own.most),
                most=highest,
            )
        used = self._solver.core(encode(alone), list(switches), self._seconds / 2)
        return None if used is None else [switches[switch] for switch in used]

    def _cannot_hold(self, terms: Sequence[Term]) -> bool:
        """Return whether it is proven that some terms cannot all hold."""
        seconds = min(_PROOF_SECONDS, self._ends - monotonic())
        if seconds <= 0:
            return False
        alone, _ = _alone(self._form, terms, self._given)
        return self._solver.is_impossible(encode(alone), seconds) is True


def _alone(form: Form, terms: Iterable[Term], given: Iterable[Term]) -> tuple[Form, list[int]]:
    """Return a form of some terms and of nothing that they do not speak of, and what it keeps.

    Of what is given, which only forbids, what two of its literals are in. What is kept: by index of
    that form, the index in the whole.
    """
    terms = list(terms)
    used = {index(literal) for term in terms for literal in term.literals}
    definitions = []
    for definition in reversed(form.definitions):
        if definition.literal in used:
            definitions.append(definition)
            used.update(index(literal) for literal in definition.among)
    for term in given:
        there = [one for one in term.literals if index(one) in used]
        if len(there) > 1 or len(there) == len(term.literals):
            terms.append(term)
    used.update(index(literal) for term in terms for literal in term.literals)
    kept = sorted(used | {TRUE})
    new = {old: place for place, old in enumerate(kept)}

    def renamed(literals: Iterable[Literal]) -> tuple[Literal, ...]:
        return tuple(new[one] if one >= 0 else ~new[~one] for one in literals)

    defined = [
        replace(one, literal=new[one.literal], among=renamed(one.among))
        for one in reversed(definitions)
    ]
    alone = [replace(term, literals=renamed(term.literals), shape=None) for term in terms]
    return Form(len(kept), defined, alone), kept


def index(literal: Literal) -> int:
    """Return the index of a literal or its negation."""
    return literal if literal >= 0 else ~literal
