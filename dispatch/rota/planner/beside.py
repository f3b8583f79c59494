"""The rules on several people at once: apart, together, beside a mentor."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from dispatch.rota.planner.pairs import Turn
from dispatch.rota.planner.people import Own
from dispatch.rota.planner.terms import FALSE, Form, Literal, Source
from dispatch.rota.problem import Apart, Mentored, Need, Rule, Together


class Beside:
    """Who is on duty at the same time as whom."""

    def __init__(self, form: Form, owns: Mapping[int, Own], turns: Sequence[Turn]) -> None:
        self._form, self._owns = form, owns
        self._at_once = _at_once(turns)

    def add(self, rule: Rule) -> bool:
        """Let a rule hold, if it is one on several people; return whether it is."""
        if isinstance(rule, Apart):
            self._apart(rule)
        elif isinstance(rule, Together):
            one, other = rule.pair
            self._not_alone(rule, one, [other])
            self._not_alone(rule, other, [one])
        elif isinstance(rule, Mentored):
            self._not_alone(rule, rule.trainee, rule.mentors)
        else:
            return False
        return True

    def _apart(self, rule: Apart) -> None:
        one, other = (self._owns.get(person) for person in rule.pair)
        if one is None or other is None:
            return
        found: dict[tuple[int, int], int] = defaultdict(int)
        for place, (block, _) in one.blocks.items():
            for need in block.needs:
                for turn in self._at_once[need.id] if rule.only.takes(need) else ():
                    if turn.place in other.blocks and rule.only.takes(turn.what):
                        found[place, turn.place] += 1
        for (mine, theirs), amount in found.items():
            cost = None if rule.weight is None else rule.weight * amount
            literals = [one.blocks[mine][1], other.blocks[theirs][1]]
            self._form.forbid(literals, cost, one.source(rule.key, [mine]))

    def _not_alone(self, rule: Rule, person: int, beside: Iterable[int]) -> None:
        own = self._owns.get(person)
        if own is None:
            return
        others = [self._owns[id_] for id_ in sorted(beside) if id_ in self._owns]
        for block, literal in own.blocks.values():
            for need in block.needs:
                if rule.only.takes(need):
                    source = Source(rule.key, person, (need.id,), need.days[0])
                    helped = self._form.at_least(self._with(others, need.id))
                    self._form.forbid([literal, ~helped], rule.weight, source)

    def _with(self, others: Sequence[Own], need: int) -> list[Literal]:
        places = {turn.place for turn in self._at_once[need]}
        return [
            own.blocks[place][1] if place in own.blocks else FALSE
            for own in others
            for place in places
        ]


def _at_once(turns: Sequence[Turn]) -> dict[int, list[Turn]]:
    """Return, by need, the turns that overlap it, itself among them."""
    found: dict[int, list[Turn]] = defaultdict(list)
    needs = [(turn.what.id, turn) for turn in turns if isinstance(turn.what, Need)]
    for at, (id_, turn) in enumerate(needs):
        found[id_].append(turn)
        for other_id, other in needs[at + 1 :]:
            if other.starts >= turn.ends:
                break
            found[id_].append(other)
            found[other_id].append(turn)
    return found
