"""One person's turns one after the other, each at a price by how soon it follows the one before.

Clauses on two turns and those between them tell linear programming nothing of what such a rule
costs: a third of every week for everybody breaks none. As a way through the turns, of which each
person goes exactly one, its least cost is known at once for any number of turns. That is said only
where people are so few that turns must come close; else it costs time and tells nothing new.
"""

from collections.abc import Collection, Iterable, Sequence

from dispatch.rota.planner.pairs import Span, Turn, add_free_between, crowded, spans, with_before
from dispatch.rota.planner.people import Own
from dispatch.rota.planner.terms import TRUE, Chain, Literal, Term
from dispatch.rota.problem import FreeRun

#: How many turns one person has within reach of another, on average, from where on it is said.
_CROWDED = 0.3


class Chains:
    """Adds the rules on how soon a turn may follow another, where they have a price."""

    def __init__(self, owns: Collection[Own], turns: Sequence[Turn]) -> None:
        self._turns = turns
        self._part = {
            place: block.needs[0].wanted * len(block.lanes) / len(owns)
            for own in owns
            for place, (block, _) in own.blocks.items()
        }
        """By place of a block, which part of it is one person's on average."""
        self._crowded: dict[str, bool] = {}

    def add(self, own: Own, rule: FreeRun) -> None:
        """Let free days that two blocks following each other lack cost what a soft rule says."""
        begin = len(own.form.terms)
        add_free_between(own, rule, self._turns)
        if rule.key not in self._crowded:
            self._crowded[rule.key] = self._is_crowded(rule)
        if self._crowded[rule.key] and len(own.form.terms) > begin:
            _add(own, rule, self._turns, own.form.terms[begin:])

    def _is_crowded(self, rule: FreeRun) -> bool:
        """Return whether there is another of one's turns within reach of each, on average."""
        meant = [turn for turn in self._turns if rule.only.takes(turn.what)]
        near = crowded(rule, spans(meant))
        part = self._part.get
        within = sum(part(one.turn.place, 0) * part(other.turn.place, 0) for one, other, _ in near)
        return within >= _CROWDED * sum(part(place, 0) for place in {t.place for t in meant})


def _add(own: Own, rule: FreeRun, turns: Sequence[Turn], terms: Iterable[Term]) -> None:
    """Add a chain that says the same as some terms."""
    mine = [turn for turn in turns if turn.place in own.blocks]
    around = [turn for turn in with_before(own.officer, mine) if rule.only.takes(turn.what)]
    groups = _groups(own, spans(around))
    literals = tuple(
        own.form.at_least((_literal(own, span) for span in group), exclusive=True)
        for group in groups
    )
    at = {group[0].turn.place: number for number, group in enumerate(groups)}
    steps = {}
    for first, then, _ in crowded(rule, [group[0] for group in groups]):
        one, other = at[first.turn.place], at[then.turn.place]
        known = max(first.turn.place, then.turn.place) < 0
        # What is fixed at both ends with nothing between is in every plan's cost already.
        free = known or set(literals[one : other + 1]) == {TRUE}
        steps[one, other] = (
            0 if free else (rule.weight or 0) * (rule.least - first.free_until(then))
        )
    chain = Chain(literals, steps)
    own.form.chains.append(chain)
    for term in terms:
        term.chain = chain


def _groups(own: Own, ordered: Sequence[Span]) -> list[list[Span]]:
    """Return the spans in order, those that lie alike and exclude each other as one."""
    found: list[list[Span]] = []
    for span in ordered:
        if found and all(_alike(own, other, span) for other in found[-1]):
            found[-1].append(span)
        else:
            found.append([span])
    return found


def _alike(own: Own, one: Span, other: Span) -> bool:
    return (
        (one.first, one.last) == (other.first, other.last)
        and TRUE not in {_literal(own, one), _literal(own, other)}
        and other.turn.place in own.graph.beside[one.turn.place]
    )


def _literal(own: Own, span: Span) -> Literal:
    return TRUE if span.turn.place < 0 else own.blocks[span.turn.place][1]
