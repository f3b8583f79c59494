"""Why her, why not him, in words: who could take a turn, ranked, and what speaks against each.

Also of what a plan does not meet, wishes and soft rules: what meeting it would have cost. The
ranking is `rota.planner.choices`, judged by the same rules as every plan; here its breaches become
sentences. Nothing is changed.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from dispatch.rota import sentences
from dispatch.rota.planner import choices
from dispatch.rota.planner.choices import Choice
from dispatch.rota.problem import Breach, Need, Officer, Problem
from dispatch.web.drafted import Drafted
from dispatch.web.forms import told

#: Of so many things that were not met it is looked into why, the dearest first.
_EXPLAINED = 6
#: Of so many people it is looked at what each would break: all of a large team would take long.
_LOOKED_AT = 6
#: So many soft things against a choice are said, the dearest first.
_AGAINST = 2
#: Less than this beside a fair share cannot be helped: turns are whole.
_UNFAIR = 1.0
#: Of so many empty turns it is said why nobody can take them, and of so many people each.
_TURNS, _NEAREST = 6, 4


def ranked(whole: Drafted, need: int) -> list[dict[str, Any]]:
    """Return everybody for a need, the best first, with what it would break, mend and cost."""
    problem, seats = whole.laid.problem, frozenset(whole.laid.seats)
    found = choices.candidates(problem, seats, need)
    return [said(whole, choice, need) for choice in found]


def said(whole: Drafted, choice: Choice, need: int) -> dict[str, Any]:
    """Return a choice in words."""
    names = {person.id: person.name for person in whole.laid.problem.people}
    here = (need, choice.person) in whole.laid.seats
    worse, better = _sides(choice)
    return {
        "person": choice.person,
        "name": names[choice.person],
        "here": here,
        "instead": names.get(choice.instead or 0, ""),
        "instead_id": choice.instead,
        "possible": choice.possible,
        "cost": choice.cost,
        "hard": _sentences(whole, (one for one in choice.breaks if one.cost is None)),
        "soft": _sentences(whole, worse),
        "mends": _sentences(whole, better),
    }


def _sides(choice: Choice) -> tuple[list[Breach], list[Breach]]:
    """Return what speaks against a choice and what for it, hard breaches aside.

    What is broken before and after, only more or less, is said once, as it would be after.
    """
    before = {_mark(one): one for one in choice.mends}
    worse: list[Breach] = []
    better: list[Breach] = []
    for one in choice.breaks:
        was = before.pop(_mark(one), None)
        if one.cost is None:
            continue
        less = was is not None and was.cost is not None and one.cost < was.cost
        (better if less else worse).append(one)
    # What remains is kept from now on: an unfairness that is gone needs no word.
    return worse, better + [one for one in before.values() if not one.key.startswith("fair:")]


def _mark(breach: Breach) -> tuple[object, ...]:
    days = () if breach.key.startswith("fair:") else breach.days
    return breach.key, breach.person, days


def unfilled(whole: Drafted) -> list[dict[str, Any]]:
    """Return the first turns that lack people, each with who comes nearest and what forbids it."""
    problem = whole.laid.problem
    seen: dict[int, str] = {}
    for judged in whole.judged:
        breach = judged.breach
        if breach.key == "cover" and int(breach.facts["count"]) < int(breach.facts["wanted"]):
            seen.setdefault(breach.needs[0], told(judged.told))
    return [
        {
            "told": said_,
            "line": problem.needs[need].line,
            "at": problem.needs[need].starts_at,
            "nearest": [said(whole, one, need) for one in _nearest(whole, need)[:_NEAREST]],
        }
        for need, said_ in list(seen.items())[:_TURNS]
    ]


def unmet(whole: Drafted) -> list[dict[str, Any]]:
    """Return by person which wishes and soft rules a plan does not meet, and why the dearest."""
    soft = [one for one in whole.judged if _is_unmet(one.breach)]
    soft.sort(key=lambda one: -(one.breach.cost or 0))
    names = {person.id: person.name for person in whole.laid.problem.people}
    found: dict[int, list[dict[str, Any]]] = {}
    for place, one in enumerate(soft):
        why = _why(whole, one.breach) if place < _EXPLAINED else None
        row = {"told": told(one.told), "cost": one.breach.cost, "why": why}
        found.setdefault(one.breach.person or 0, []).append(row)
    rows = [{"name": names.get(person, ""), "rows": some} for person, some in found.items()]
    return sorted(rows, key=lambda row: str(row["name"]))


def _is_unmet(breach: Breach) -> bool:
    if breach.cost is None or breach.person is None or breach.key == "stays":
        return False
    if not breach.key.startswith("fair:"):
        return True
    return abs(float(breach.facts["count"]) - float(breach.facts["target"])) >= _UNFAIR


def _why(whole: Drafted, breach: Breach) -> dict[str, Any] | None:
    """Return what would have to be instead: the nearest choice, and what speaks against it."""
    problem, seats = whole.laid.problem, frozenset(whole.laid.seats)
    mine = [need for need in breach.needs if (need, breach.person) in seats]
    if breach.key.startswith("fair:") or breach.person is None or not breach.needs:
        return None
    if mine:
        need = mine[-1]
        others = [one for one in _nearest(whole, need) if one.instead == breach.person]
    else:
        pairs = [
            (choices.why(problem, seats, one, breach.person), one)
            for one in breach.needs[:_NEAREST]
        ]
        best, need = min(pairs, key=lambda pair: (pair[0].hard, pair[0].cost))
        others = [best]
    if not others:
        return None
    worse, _ = _sides(others[0])
    dearest = sorted(worse, key=lambda one: -(one.cost or 0))[:_AGAINST]
    return {**said(whole, others[0], need), "soft": _sentences(whole, dearest)}


def _nearest(whole: Drafted, need: int) -> list[Choice]:
    """Return those who come nearest to taking a need, the best first.

    Of a large team only those are looked at whom nothing plain keeps from it and who have least.
    """
    problem, seats = whole.laid.problem, frozenset(whole.laid.seats)
    turns = Counter(person for _, person in seats)
    turn = problem.needs[need]

    def far(officer: Officer) -> tuple[bool, float]:
        away = any(
            one.starts_at < turn.ends_at and turn.starts_at < one.ends_at for one in officer.away
        )
        untrained = any(
            all(one.qualification != skill.qualification for one in officer.holds)
            for skill in turn.skills
        )
        elsewhere = officer.lines is not None and turn.line not in officer.lines
        return away or untrained or elsewhere, turns[officer.id] / officer.share

    others = [one for one in problem.people if (need, one.id) not in seats]
    found = [
        choices.why(problem, seats, need, one.id) for one in sorted(others, key=far)[:_LOOKED_AT]
    ]
    return sorted(found, key=lambda one: (one.hard, one.cost, one.person))


def together(problem: Problem, need: Need) -> list[Need]:
    """Return the needs that one person takes with this one, itself among them."""
    if need.block is None:
        return [need]
    place = (need.line, need.block)
    return [other for other in problem.needs if (other.line, other.block) == place]


def _sentences(whole: Drafted, some: Iterable[Breach]) -> list[str]:
    """Return breaches in words; that somebody is missing is no news about a person."""
    problem, words = whole.laid.problem, whole.ground.words
    return [
        told(sentences.told(breach, problem, words))
        for breach in some
        if breach.key not in ("cover", "stays")
    ]
