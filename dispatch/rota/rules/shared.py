"""The rules on several people at once: apart, together, beside a mentor."""

from collections.abc import Iterator

from dispatch.rota.problem import Apart, Breach, Mentored, Rule, Together
from dispatch.rota.rules.plan import Plan, breach


def named(rule: Rule) -> frozenset[int] | None:
    """Return the people that a rule on several names; None: it is a rule on each person."""
    if isinstance(rule, Apart | Together):
        return frozenset(rule.pair)
    if isinstance(rule, Mentored):
        return rule.mentors | {rule.trainee}
    return None


def broken(rule: Rule, plan: Plan) -> Iterator[Breach]:
    """Yield each breach of a rule on several people."""
    if isinstance(rule, Apart):
        yield from _apart(rule, plan)
    elif isinstance(rule, Together):
        one, other = rule.pair
        yield from _alone(rule, plan, one, frozenset({other}))
        yield from _alone(rule, plan, other, frozenset({one}))
    elif isinstance(rule, Mentored):
        yield from _alone(rule, plan, rule.trainee, rule.mentors)


def _apart(rule: Apart, plan: Plan) -> Iterator[Breach]:
    one, other = (plan.duty(person).meant(rule.only).planned for person in rule.pair)
    for mine in one:
        for theirs in other:
            if mine.overlaps(theirs):
                turns = [mine] if mine.turn == theirs.turn else [mine, theirs]
                yield breach(rule, 1, rule.pair[0], turns, {"other": rule.pair[1]})


def _alone(rule: Rule, plan: Plan, person: int, beside: frozenset[int]) -> Iterator[Breach]:
    """Yield the needs that somebody fills with none of some others on duty."""
    others = [held for other in sorted(beside) for held in plan.duty(other).planned]
    for mine in plan.duty(person).meant(rule.only).planned:
        if not any(mine.overlaps(theirs) for theirs in others):
            facts = {"other": next(iter(beside))} if len(beside) == 1 else {}
            yield breach(rule, 1, person, [mine], facts)
