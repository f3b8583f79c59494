"""Why her, why not him, in words: who could take a turn, ranked, and what speaks against each.

Also of what a plan does not meet, wishes and soft rules: what meeting it would have cost. The
ranking is `rota.planner.choices`, judged by the same rules as every plan; here its breaches become
sentences, of a draft as of what is published. Nothing is changed.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, datetime
from typing import Any, Protocol

from flask_babel import format_date

from dispatch.rota import sentences
from dispatch.rota.judging import Judged
from dispatch.rota.planner import choices
from dispatch.rota.planner.choices import Choice
from dispatch.rota.planning import Ground, Laid
from dispatch.rota.problem import Breach, Need, Officer, Problem
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


class Whole(Protocol):
    """A plan, drafted or published, with what it depends on."""

    @property
    def ground(self) -> Ground:
        """What the plan depends on."""

    @property
    def laid(self) -> Laid:
        """The plan as a problem."""

    @property
    def judged(self) -> list[Judged]:
        """Everything that it breaks."""


def named(whole: Whole, line: str, at: str) -> Need | None:
    """Return the need that a screen names by its line and beginning."""
    with suppress(TypeError, ValueError):
        begins = datetime.fromisoformat(at)
        needs = whole.laid.problem.needs
        return next((one for one in needs if (one.line, one.starts_at) == (line, begins)), None)
    return None


def panel_of_day(
    whole: Whole, day: date, person_id: int, shown: Callable[[Need, int], dict[str, Any]]
) -> dict[str, Any] | None:
    """Return what a screen says of a cell, `shown` of each turn there; None of no such person."""
    person = next((one for one in whole.ground.people if one.id == person_id), None)
    if person is None:
        return None
    held = held_on(whole, day, person.id)
    return {
        "title": person.name,
        "beside": format_date(day, "EEE d MMMM"),
        "back": f"c-{person.id}-{day}",
        "turns": [shown(one, person.id) for one in held],
        "takes": [] if held else takes(whole, day, person.id),
        "going_on": [] if held else going_on(whole, day),
        "person": {"id": person.id, "name": person.name},
    }


def panel_of_gap(whole: Whole, asked: Need, shown: dict[str, Any]) -> dict[str, Any]:
    """Return what a screen says of a turn that lacks people."""
    return {
        "title": turn(whole, asked),
        "beside": "",
        "back": f"g-1-{asked.days[0]}",
        "turns": [shown],
        "takes": [],
        "going_on": [],
        "person": None,
    }


def held_on(whole: Whole, day: date, person_id: int) -> list[Need]:
    """Return the turns that somebody has on a day."""
    needs = whole.laid.problem.needs
    return [
        needs[id_] for id_, who in whole.laid.seats if who == person_id and day in needs[id_].days
    ]


def turn(whole: Whole, one: Need) -> str:
    """Name a turn."""
    return told(sentences.turn(one, whole.laid.problem, whole.ground.words))


def others(whole: Whole, one: Need, holder: int | None) -> dict[str, Any]:
    """Return a turn with everybody else who could take it, the best first."""
    return {
        "line": one.line,
        "at": one.starts_at.isoformat(),
        "told": turn(whole, one),
        "together": len(together(whole.laid.problem, one)),
        "holder": holder,
        "choices": [choice for choice in ranked(whole, one.id) if not choice["here"]],
    }


def takes(whole: Whole, day: date, person_id: int) -> list[dict[str, Any]]:
    """Return the turns that begin on a day and that somebody could take, the best first."""
    problem, seats = whole.laid.problem, frozenset(whole.laid.seats)
    found = [
        (choice, one)
        for one in problem.needs
        if one.days[0] == day and _is_wanted(one)
        for choice in [choices.why(problem, seats, one.id, person_id)]
    ]
    found.sort(key=lambda pair: (pair[0].hard, pair[0].cost))
    return [
        {
            "line": one.line,
            "at": one.starts_at.isoformat(),
            "told": turn(whole, one),
            **said(whole, choice, one.id),
        }
        for choice, one in found
    ]


def going_on(whole: Whole, day: date) -> list[dict[str, Any]]:
    """Return the turns of a day that begin on an earlier one: there they can be taken."""
    found = [one for one in whole.laid.problem.needs if day in one.days[1:] and _is_wanted(one)]
    return [{"told": turn(whole, one), "day": one.days[0]} for one in found]


def _is_wanted(one: Need) -> bool:
    return bool(one.wanted) or one.under == 0


def ranked(whole: Whole, need: int) -> list[dict[str, Any]]:
    """Return everybody for a need, the best first, with what it would break, mend and cost."""
    problem, seats = whole.laid.problem, frozenset(whole.laid.seats)
    found = choices.candidates(problem, seats, need)
    return [said(whole, choice, need) for choice in found]


def said(whole: Whole, choice: Choice, need: int) -> dict[str, Any]:
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


def unfilled(whole: Whole) -> list[dict[str, Any]]:
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


def unmet(whole: Whole) -> list[dict[str, Any]]:
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


def _why(whole: Whole, breach: Breach) -> dict[str, Any] | None:
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


def _nearest(whole: Whole, need: int) -> list[Choice]:
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


def _sentences(whole: Whole, some: Iterable[Breach]) -> list[str]:
    """Return breaches in words; that somebody is missing is no news about a person."""
    problem, words = whole.laid.problem, whole.ground.words
    return [
        told(sentences.told(breach, problem, words))
        for breach in some
        if breach.key not in ("cover", "stays")
    ]
