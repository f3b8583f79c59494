"""An explanation as a run keeps it: what cannot all hold, and the ways out, each with its price.

Sentences are kept with their facts, so that they are read in any language and as they were true
(`kept`). Each thing that a way lets go of comes with how that can be done, from which a planner
chooses; doing it is for `ways`. Before anything is explained, `insisting` turns needs that may stay
empty at a price into needs that may not: it is asked why they stayed empty.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from dispatch.rota import kept, why
from dispatch.rota import problem as planned
from dispatch.rota.models import EasingKind
from dispatch.rota.planner import Explanation, Reason, WayOut
from dispatch.rota.problem import Problem, Rule, Seat
from dispatch.rota.sentences import Words
from dispatch.texts import N_, Sentence

#: More lacks would bury the first.
_LACKS = 3
#: From so many people on, a rule is let go of for everybody.
_EVERYBODY = 4
#: What a breach of a rule costs that is only wished for: more than any unfairness.
EASED_WEIGHT = 1000
#: Taking an absence back is no easing of a draft: it holds everywhere.
WITHDRAW = "withdraw"

_GIVES = {
    "cover": N_("One person fewer than wanted: %(turns)s."),
    "skill": N_("Nobody trained for %(qualification)s: %(turns)s."),
    "away": N_("%(name)s serves although away: %(turns)s."),
    "unit": N_("%(name)s has this turn although of another unit: %(turns)s."),
    "line": N_("%(name)s takes this line as well: %(turns)s."),
    "locked": N_("%(name)s does not have the fixed turn: %(turns)s."),
}
_FEWER = N_("People fewer than wanted, %(count)s: %(turns)s.")
_BROKEN = {
    (False, False): N_("Not kept: %(rule)s"),
    (False, True): N_("Not kept, times in all %(count)s: %(rule)s"),
    (True, False): N_("Not kept by %(name)s: %(rule)s"),
    (True, True): N_("Not kept by %(name)s, times %(count)s: %(rule)s"),
}
_BEYOND = {
    False: N_("Beyond this by %(count)s %(of)s in all: %(rule)s"),
    True: N_("%(name)s beyond this by %(count)s %(of)s: %(rule)s"),
}

HOW: Mapping[str, str] = {
    EasingKind.OPEN: N_("offer it to everybody as an open turn; they are told at once"),
    EasingKind.GAP: N_("leave it empty"),
    EasingKind.SKILL: N_("do without the training there"),
    EasingKind.AWAY: N_("plan it all the same; once published, the absence makes room"),
    WITHDRAW: N_("take the absence back; the person is told at once"),
    EasingKind.UNIT: N_("let any unit take it"),
    EasingKind.LINE: N_("let it be taken, in this draft only"),
    EasingKind.LOCKED: N_("free the turn"),
    EasingKind.RULE: N_("keep it as often as possible, in this draft only"),
    "off": N_("switch it off, in this draft only"),
}


def insisting(problem: Problem, seats: Collection[Seat]) -> Problem | None:
    """Return a problem in which the needs that lack people may not; None: none does."""
    filled: dict[int, int] = {}
    for need, _ in seats:
        filled[need] = filled.get(need, 0) + 1
    lacking = {
        need.id
        for need in problem.needs
        if need.under != 0 and filled.get(need.id, 0) < need.wanted
    }
    blocks = {_block(need) for need in problem.needs if need.id in lacking}
    if not lacking:
        return None
    needs = tuple(
        replace(need, under=None) if _block(need) in blocks else need for need in problem.needs
    )
    return replace(problem, needs=needs)


def _block(need: planned.Need) -> tuple[object, ...]:
    return (need.id,) if need.block is None else (need.line, need.block)


def document(found: Explanation, problem: Problem, words: Words) -> dict[str, Any]:
    """Return an explanation as JSON: sentences, and ways out with how each can be taken."""
    lacks = [why.shortage_told(one, problem, words) for one in found.shortages[:_LACKS]]
    if not lacks and (reasons := why.reasons_told(found.reasons, problem, words)):
        days = sorted({day for reason in found.reasons for day in reason.days})
        lacks = [[_cannot(days), *reasons]]
    if not lacks and found.families:
        rules = [rule for rule in problem.rules if rule.key in found.families]
        lacks = [[_cannot([]), *(why.rule_told(rule, problem) for rule in rules)]]
    ways = [way for way in found.ways if all(map(_can_be_given, way.gives_up))]
    ways = ways or _likely(found, problem)
    return {
        "possible": found.possible,
        "smallest": found.smallest,
        "proven": found.proven and not found.remaining and ways[:1] == [*found.ways[:1]],
        "within": kept.written(_within(found)) if found.remaining and found.days else None,
        "seconds": round(found.seconds, 1),
        "lacks": [[kept.written(said) for said in lack] for lack in lacks],
        "more": max(0, len(found.shortages) - _LACKS),
        "ways": [_way(way, problem, words) for way in ways],
    }


def _within(found: Explanation) -> Sentence:
    """Say to which days the ways out are, where others lack people too."""
    told = N_(
        "These are ways out for %(first)s to %(last)s only. Conflicts on other days that remain: "
        "%(count)s."
    )
    return Sentence(told, first=found.days[0], last=found.days[-1], count=found.remaining)


def _cannot(days: Collection[Any]) -> Sentence:
    if not days:
        return Sentence(N_("These cannot all hold:"))
    if min(days) == max(days):
        return Sentence(N_("%(first)s: these cannot all hold:"), first=min(days))
    told = N_("From %(first)s to %(last)s: these cannot all hold:")
    return Sentence(told, first=min(days), last=max(days))


# --- Ways out.


def _way(way: WayOut, problem: Problem, words: Words) -> dict[str, Any]:
    gives = [
        {"told": kept.written(_given(one, problem, words)), "how": list(_how(one, problem))}
        for one in _merged(way.gives_up, problem)
    ]
    return {"cost": way.cost or None, "gives": gives}


def _likely(found: Explanation, problem: Problem) -> list[WayOut]:
    """Return ways that would ease what was counted, where there was no time to find the cheapest.

    They have no price, and nobody knows whether one is enough: the next plan will say.
    """
    rules = {one.key: _rule(problem, one.key) for one in found.shortages}
    ways = [WayOut((Reason(key),), 0) for key, rule in rules.items() if rule is not None]
    short = tuple(
        Reason("cover", None, one.needs, one.days, {"amount": one.wanted - one.available})
        for one in found.shortages
        if one.qualification is None and not isinstance(rules[one.key], planned.Limit)
    )
    return [*ways, WayOut(short, 0)] if short else ways


def _can_be_given(reason: Reason) -> bool:
    """Return whether something can be let go of at all.

    Whoever is not in the team then, or on duty for another, would be no one to page.
    """
    return reason.key != "away" or reason.facts.get("reason") == "absence"


def _merged(reasons: Iterable[Reason], problem: Problem) -> list[Reason]:
    """Return what is given up, a rule once for each person, or once for all where they are many."""
    rules = {rule.key for rule in problem.rules}
    found: dict[tuple[object, ...], Reason] = {}
    reasons = list(reasons)
    for key in rules:
        people = {one.person for one in reasons if one.key == key}
        if len(people) >= _EVERYBODY or _of_people(_rule(problem, key)):
            reasons = [replace(one, person=None) if one.key == key else one for one in reasons]
    for one in reasons:
        # One line for all turns of somebody who is away, one for each turn that lacks people.
        whole = one.key in rules or one.key == "away"
        mark = (one.key, one.person) if whole else (one.key, one.person, one.needs)
        was = found.get(mark)
        if was is None:
            found[mark] = one
            continue
        amount = int(was.facts.get("amount", 1)) + int(one.facts.get("amount", 1))
        needs = tuple(sorted({*was.needs, *one.needs}))
        found[mark] = replace(was, needs=needs, facts={**was.facts, "amount": amount})
    return list(found.values())


def _given(reason: Reason, problem: Problem, words: Words) -> Sentence:
    """Say what is given up."""
    name = next((one.name for one in problem.people if one.id == reason.person), "")
    amount = int(reason.facts.get("amount", 1))
    rule = _rule(problem, reason.key)
    if rule is None:
        turns = why.turns_told(reason.needs, problem, words)
        facts: dict[str, object] = {"name": name, "turns": turns}
        if reason.key == "cover" and amount > 1:
            return Sentence(_FEWER, count=amount, turns=turns)
        if reason.key == "skill":
            key = str(reason.facts.get("qualification", ""))
            facts["qualification"] = words.qualifications.get(key, key)
        return Sentence(_GIVES[reason.key], **facts)
    if isinstance(rule, planned.Rest) and name and len(reason.needs) == 2:
        return next(iter(why.reason_told(reason, problem, words)))
    facts = {"name": name, "rule": why.rule_told(rule, problem), "count": amount}
    if isinstance(rule, planned.Limit) and "amount" in reason.facts:
        return Sentence(_BEYOND[bool(name)], of=why.counted(rule.of, rule.only.tag), **facts)
    return Sentence(_BROKEN[bool(name), amount > 1], **facts)


def _how(reason: Reason, problem: Problem) -> Iterable[dict[str, Any]]:
    """Yield how something can be let go of, the mildest first."""
    rule = _rule(problem, reason.key)
    if rule is not None:
        facts = {"key": rule.key, "person": reason.person}
        yield {"do": EasingKind.RULE.value, **facts, "weight": EASED_WEIGHT}
        yield {"do": "off", **facts}
        return
    blocks = {_block(problem.needs[need]) for need in reason.needs}
    needs = [need for need in problem.needs if _block(need) in blocks]
    where = [{"line": need.line, "at": need.starts_at.isoformat()} for need in needs]
    if reason.key == "cover":
        # Lines that are alike are told together: so many of them lack people.
        lack = {"turns": where, "count": int(reason.facts.get("amount", 1))}
        yield {"do": EasingKind.OPEN.value, **lack}
        yield {"do": EasingKind.GAP.value, **lack}
    elif reason.key == "skill":
        key = reason.facts.get("qualification", "")
        yield {"do": EasingKind.SKILL.value, "key": key, "turns": where}
    else:
        yield {"do": reason.key, "person": reason.person, "turns": where}
        if reason.key == "away":
            yield {"do": WITHDRAW, "person": reason.person, "turns": where}


def _rule(problem: Problem, key: str) -> Rule | None:
    return next((rule for rule in problem.rules if rule.key == key), None)


def _of_people(rule: Rule | None) -> bool:
    """Return whether a rule is about people that it names, or about turns."""
    people = planned.Apart | planned.Together | planned.Mentored | planned.NotAll
    return isinstance(rule, people)
