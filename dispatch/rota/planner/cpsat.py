"""A form in the solver's own words, and the search; the only home of OR-Tools.

Only the solver's core is imported (`cp_model_helper`, 0.1 s), not the modelling layer above it,
which brings pandas along and takes a second; and only here, inside the planner's own process.
Index and literal are the form's own: the solver negates in the same way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, gcd
from typing import Any

from ortools.sat.python import cp_model_helper as cp

from dispatch.rota.planner.terms import TRUE, Chain, Curve, Definition, Form, Literal, Shape, Term

_FAR = 1 << 50


@dataclass(slots=True)
class _Slack:
    """A variable that says how far a soft term is exceeded."""

    term: Term


@dataclass(slots=True)
class _Step:
    """A literal that says whether a total is at least so much."""

    curve: Curve
    total: int


@dataclass
class Encoded:
    """A form as the solver takes it."""

    form: Form
    proto: Any
    extras: list[_Slack | _Step]
    """What the variables after the form's own stand for."""
    offset: int
    """What a plan costs before anything in the solver's objective is counted."""

    def between(self, low: int | None, high: int | None) -> None:
        """Ask for a plan that costs at least and at most so much."""
        domain = self.proto.objective.domain
        domain.clear()
        if low is not None or high is not None:
            ends = (-_FAR if low is None else low, _FAR if high is None else high)
            domain.extend([end - self.offset for end in ends])

    def hint(self, values: Sequence[bool]) -> list[int]:
        """Return the value of every variable of the solver, for a plan."""
        return [int(value) for value in values] + [
            extra.term.amount(values)
            if isinstance(extra, _Slack)
            else int(extra.curve.total(values) >= extra.total)
            for extra in self.extras
        ]


def encode(form: Form, ceiling: int | None = None) -> Encoded:
    """Return a form in the solver's words.

    `ceiling`: what a plan is known to cost, so that dearer ones need not be thought of.
    """
    return _Encoding(form).encoded(ceiling)


class _Encoding:
    def __init__(self, form: Form) -> None:
        self._form = form
        self._proto = cp.CpModelProto()
        self._extras: list[_Slack | _Step] = []
        self._prices: dict[int, int] = {}
        self._offset = form.base
        self._bounds: dict[tuple[tuple[Literal, int], ...], list[int]] = {}

    def encoded(self, ceiling: int | None) -> Encoded:
        for index in range(self._form.count):
            self._variable(1 if index == TRUE else 0, 1)
        for definition in self._form.definitions:
            self._define(definition)
        for term in self._form.terms:
            if term.chain is not None:
                continue
            if term.cost is not None:
                self._soft(term, term.cost)
            elif term.shape is None:
                self._hard(term)
        for shape in self._form.shapes:
            self._shape(shape)
        for pairs, (low, high) in self._bounds.items():
            self._linear(pairs, low, high)
        dearest = None if ceiling is None else ceiling - self._cheapest()
        for curve in self._form.curves:
            self._steps(curve, dearest)
        for chain in self._form.chains:
            self._chain(chain)
        self._objective()
        return Encoded(self._form, self._proto, self._extras, self._offset)

    def _variable(self, low: int, high: int) -> int:
        variable = self._proto.variables.add()
        variable.domain.extend([low, high])
        return len(self._proto.variables) - 1

    def _extra(self, extra: _Slack | _Step, high: int) -> int:
        self._extras.append(extra)
        return self._variable(0, high)

    def _clause(self, literals: Sequence[Literal]) -> None:
        self._proto.constraints.add().bool_or.literals.extend(list(literals))

    def _linear(
        self,
        pairs: Sequence[tuple[Literal, int]],
        low: int,
        high: int,
        only_if: Literal | None = None,
    ) -> None:
        """Let a weighted sum of literals and variables lie between two bounds."""
        constraint = self._proto.constraints.add()
        linear = constraint.linear
        linear.vars.extend([index if index >= 0 else ~index for index, _ in pairs])
        linear.coeffs.extend([coef if index >= 0 else -coef for index, coef in pairs])
        shift = sum(coef for index, coef in pairs if index < 0)
        linear.domain.extend([low - shift, high - shift])
        if only_if is not None:
            constraint.enforcement_literal.append(only_if)

    def _define(self, definition: Definition) -> None:
        literal, among, least = definition.literal, definition.among, definition.least
        if definition.exclusive and least == 1:
            self._linear([*((one, 1) for one in among), (literal, -1)], 0, 0)
        elif least == 1:
            self._clause([~literal, *among])
            for one in among:
                self._clause([~one, literal])
        else:
            pairs = [(one, 1) for one in among]
            self._linear(pairs, least, _FAR, literal)
            self._linear(pairs, -_FAR, least - 1, ~literal)

    def _hard(self, term: Term) -> None:
        if set(term.coefs) == {1} and term.most == len(term.literals) - 1:
            self._clause([~literal for literal in term.literals])
        elif set(term.coefs) == {1} and term.most == 1:
            self._proto.constraints.add().at_most_one.literals.extend(list(term.literals))
        else:
            self._bound(term)

    def _bound(self, term: Term) -> None:
        """Keep a bound, to be said together with the opposite one of the same sum."""
        sign = 1 if next(iter(term.coefs), 1) > 0 else -1
        pairs = tuple(
            sorted((lit, sign * coef) for lit, coef in zip(term.literals, term.coefs, strict=True))
        )
        bounds = self._bounds.setdefault(pairs, [-_FAR, _FAR])
        if sign > 0:
            bounds[1] = min(bounds[1], term.most)
        else:
            bounds[0] = max(bounds[0], -term.most)

    def _shape(self, shape: Shape) -> None:
        automaton = self._proto.constraints.add().automaton
        for literal in shape.literals:
            read = automaton.exprs.add()
            read.vars.append(literal if literal >= 0 else ~literal)
            read.coeffs.append(1 if literal >= 0 else -1)
            read.offset = int(literal < 0)
        automaton.starting_state = shape.begin
        ends = {state for *_, state in shape.steps} if shape.ends is None else shape.ends
        automaton.final_states.extend(sorted(ends))
        automaton.transition_tail.extend([tail for tail, _, _ in shape.steps])
        automaton.transition_label.extend([int(label) for _, label, _ in shape.steps])
        automaton.transition_head.extend([head for _, _, head in shape.steps])

    def _chain(self, chain: Chain) -> None:
        """Let one way lead through the literals that hold, each step at its price.

        From one it leads to another near it, or to where none is near it any more: from there on it
        may wait for any.
        """
        count = len(chain.literals)
        near = list(range(count))
        for one, other in chain.steps:
            near[one] = max(near[one], other)
        into: list[list[tuple[int, int]]] = [[] for _ in range(count)]
        out: list[list[tuple[int, int]]] = [[] for _ in range(count)]
        freed: list[list[tuple[int, int]]] = [[] for _ in range(count)]
        for one in range(count):
            for other in range(one + 1, near[one] + 1):
                step = self._variable(0, 1)
                self._charge(step, chain.steps.get((one, other), 0))
                out[one].append((step, 1))
                into[other].append((step, 1))
        waits = self._variable(1, 1)
        for place, literal in enumerate(chain.literals):
            begins, ends, later = (self._variable(0, 1) for _ in range(3))
            freed[near[place]].append((ends, -1))
            self._linear([(begins, 1), *into[place], (literal, -1)], 0, 0)
            self._linear([(ends, 1), *out[place], (literal, -1)], 0, 0)
            self._linear([(waits, 1), (begins, -1)], 0, 1)
            self._linear([(later, 1), (begins, 1), (waits, -1), *freed[place]], 0, 0)
            waits = later

    def _soft(self, term: Term, cost: int) -> None:
        pairs = list(zip(term.literals, term.coefs, strict=True))
        lowest = sum(coef for coef in term.coefs if coef < 0)
        highest = sum(coef for coef in term.coefs if coef > 0)
        if term.unit == 1 and term.most == lowest:
            for literal, coef in pairs:
                self._charge(literal, cost * coef)
            self._offset -= cost * term.most
        elif set(term.coefs) == {1} and term.most == len(pairs) - 1:
            slack = self._extra(_Slack(term), 1)
            self._clause([slack, *(~literal for literal in term.literals)])
            self._charge(slack, cost)
        else:
            slack = self._extra(_Slack(term), -((term.most - highest) // term.unit))
            self._linear([*pairs, (slack, -term.unit)], -_FAR, term.most)
            alone = [(literal, coef - term.most) for literal, coef in pairs if coef > term.most]
            if alone and lowest == 0 < term.most:
                # Linear programming does not see that these exceed it all by themselves.
                self._linear([*alone, (slack, -term.unit)], -_FAR, 0)
            self._charge(slack, cost)

    def _charge(self, index: int, price: int) -> None:
        if index < 0:
            index, price = ~index, -price
            self._offset -= price
        self._prices[index] = self._prices.get(index, 0) + price

    def _cheapest(self) -> int:
        """Return what no plan can cost less than."""
        curves = (min(map(curve.price, _totals(curve))) for curve in self._form.curves)
        return self._form.base + sum(curves)

    def _steps(self, curve: Curve, dearest: int | None) -> None:
        """Price a total by steps: each is a literal, costs what it adds, and follows the last."""
        totals = _totals(curve)
        if dearest is not None:
            cheapest = min(map(curve.price, totals))
            near = [total for total in totals if curve.price(total) - cheapest <= dearest]
            totals = totals[totals.index(near[0]) : totals.index(near[-1]) + 1]
        pairs = list(zip(curve.literals, curve.coefs, strict=True))
        self._offset += curve.price(totals[0])
        last: Literal | None = None
        for at in range(1, len(totals)):
            step = self._extra(_Step(curve, totals[at]), 1)
            self._charge(step, curve.price(totals[at]) - curve.price(totals[at - 1]))
            pairs.append((step, (totals[at - 1] - totals[at]) * curve.unit))
            if last is not None:
                self._clause([last, ~step])
            last = step
        start = totals[0] * curve.unit
        self._linear(pairs, start - curve.unit + 1, start)

    def _objective(self) -> None:
        objective = self._proto.objective
        prices = {index: price for index, price in self._prices.items() if price}
        objective.vars.extend(list(prices))
        objective.coeffs.extend(list(prices.values()))
        objective.offset = float(self._offset)


def _totals(curve: Curve) -> range:
    """Return the totals that its literals can make, and perhaps some between."""
    return range(0, curve.top + 1, gcd(*curve.coefs) if curve.unit == 1 else 1)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much may be spent on a search."""

    seconds: float
    workers: int = 2
    ticks: float | None = None
    """The solver's own measure of work, the same on every machine: given, the search ends by it,
    and always finds the same."""
    seed: int = 1
    prove: bool = False
    """Whether a bound is wanted rather than plans, which others look for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found."""

    values: list[bool] | None
    """By index of the form."""
    bound: int | None
    """Nothing costs less."""
    proven: bool
    """That nothing is better, or that nothing is possible."""
    ticks: float = 0.0
    """How much work it took."""


class Solver:
    """Searches, one thing at a time; another thread may interrupt or stop it."""

    def __init__(self) -> None:
        self._running: Any = None
        self._stopped = False
        self._others: list[Solver] = []

    def another(self) -> "Solver":
        """Return a solver for another thread, which stops when this one does."""
        other = Solver()
        self._others.append(other)
        other._stopped = self._stopped
        return other

    def stop(self) -> None:
        """End the search that runs, and every later one at once."""
        self._stopped = True
        self.interrupt()
        for other in self._others:
            other.stop()

    def interrupt(self) -> None:
        """End the search that runs."""
        if (running := self._running) is not None:
            running.stop_search()

    @property
    def stopped(self) -> bool:
        """Return whether it was stopped."""
        return self._stopped

    def solve(
        self,
        encoded: Encoded,
        effort: Effort,
        hint: Sequence[int] | None = None,
        found: Callable[[list[bool]], None] | None = None,
        bound: Callable[[int], None] | None = None,
    ) -> Answer:
        """Search for the cheapest plan; `found` and `bound` are told what becomes better."""
        proto = encoded.proto
        proto.clear_solution_hint()
        if hint is not None:
            proto.solution_hint.vars.extend(list(range(len(hint))))
            proto.solution_hint.values.extend(list(hint))
        wrapper: Any = cp.SolveWrapper()
        listener = _Listener(encoded.form.count, found)
        wrapper.add_solution_callback(listener)
        if bound is not None:
            wrapper.add_best_bound_callback(lambda best: bound(_whole(best)))
        try:
            response = self._solved(proto, _parameters(effort), wrapper)
        finally:
            wrapper.clear_solution_callback(listener)
        if response is None:
            return Answer(None, None, proven=False)
        return _answer(encoded, response)

    def core(
        self, encoded: Encoded, assumed: Sequence[Literal], seconds: float
    ) -> list[Literal] | None:
        """Return some of the assumed literals that cannot hold together.

        None: they can, or the time was too short to tell. A name that was not assumed is left out
        (a fault of this version), so whoever asks has to prove what comes back.
        """
        encoded.proto.clear_solution_hint()
        encoded.proto.assumptions.clear()
        encoded.proto.assumptions.extend(list(assumed))
        parameters = cp.SatParameters()
        parameters.max_time_in_seconds = max(0.01, seconds)
        # With more workers the core is everything that was assumed; presolving takes longer.
        parameters.num_workers = 1
        parameters.cp_model_presolve = False
        response = self._solved(encoded.proto, parameters)
        encoded.proto.assumptions.clear()
        if response is None or response.status != cp.INFEASIBLE:
            return None
        given = set(assumed)
        return [one for one in response.sufficient_assumptions_for_infeasibility if one in given]

    def is_impossible(self, encoded: Encoded, seconds: float) -> bool | None:
        """Return whether no plan keeps the hard terms; None: not known in that time."""
        parameters = cp.SatParameters()
        parameters.max_time_in_seconds = max(0.01, seconds)
        parameters.num_workers = 1
        response = self._solved(encoded.proto, parameters)
        if response is None or response.status == cp.UNKNOWN:
            return None
        return bool(response.status == cp.INFEASIBLE)

    def _solved(self, proto: Any, parameters: Any, wrapper: Any = None) -> Any:
        """Return the solver's response; None: it was stopped before it began."""
        wrapper = wrapper or cp.SolveWrapper()
        wrapper.set_parameters(parameters)
        self._running = wrapper
        try:
            return None if self._stopped else wrapper.solve(proto)
        finally:
            self._running = None


def _parameters(effort: Effort) -> Any:
    """Return the solver's settings.

    With two workers it runs one full search; one that prunes by linear programming proves optimal
    what the default search does not. What must come out the same twice has one worker: interleaved
    workers would do too, but this version of the solver dies of a hint that cannot be met.
    """
    parameters = cp.SatParameters()
    parameters.max_time_in_seconds = max(0.01, effort.seconds)
    parameters.num_workers = effort.workers if effort.ticks is None else 1
    parameters.linearization_level = 2
    parameters.subsolvers.append("max_lp")
    parameters.random_seed = effort.seed
    if effort.prove:
        # Visits what has the lowest bound first: proves in seconds what else takes minutes, where a
        # good plan is known; finds next to none by itself.
        parameters.num_workers = 1
        parameters.optimize_with_lb_tree_search = True
    # The hint is where large neighbourhoods begin. To follow it from the top costs ten times the
    # work of the whole search, for it is far from what linear programming would have it.
    parameters.hint_conflict_limit = 0
    if effort.ticks is not None:
        parameters.max_deterministic_time = effort.ticks
    return parameters


class _Listener(cp.SolutionCallback):
    def __init__(self, count: int, found: Callable[[list[bool]], None] | None) -> None:
        super().__init__()
        self._count, self._found = count, found

    def OnSolutionCallback(self) -> None:  # noqa: N802 - the solver's name
        if self._found is not None:
            response: Any = self.Response()  # type: ignore[no-untyped-call]
            self._found([bool(value) for value in list(response.solution)[: self._count]])


def _answer(encoded: Encoded, response: Any) -> Answer:
    if response.status == cp.MODEL_INVALID:
        raise RuntimeError(cp.CpSatHelper.validate_model(encoded.proto))
    solved = response.status in {cp.OPTIMAL, cp.FEASIBLE}
    proven = response.status in {cp.OPTIMAL, cp.INFEASIBLE}
    solution = list(response.solution)[: encoded.form.count] if solved else []
    return Answer(
        [bool(value) for value in solution] if solved else None,
        _whole(response.best_objective_bound) if solved else None,
        proven,
        response.deterministic_time,
    )


def _whole(bound: float) -> int:
    """Return a bound as a whole number: every cost is one, so a fraction says the next."""
    return ceil(bound - 1e-6)
