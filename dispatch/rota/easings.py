"""What a draft does not insist on: a rule relaxed, a turn offered, an absence overruled.

Rows of one draft with the reason that somebody gave. `applied` changes what the draft is planned
and judged by, so that planner, hand edits, score and publishing all see the same; the team's own
rules and everybody's absences stay as they are. Taking a way out, which makes these rows, is for
`ways`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.rota import sentences, why
from dispatch.rota.differences import Stand
from dispatch.rota.models import Draft, Easing, EasingKind
from dispatch.rota.planning import Ground
from dispatch.rota.problem import (
    Apart,
    Mentored,
    Need,
    NotAll,
    Officer,
    Problem,
    Rule,
    Together,
)
from dispatch.texts import N_, Sentence

#: Rules that name people of their own: they are let go of as a whole.
_OF_PEOPLE = (Apart, Together, Mentored, NotAll)

_TOLD: Mapping[EasingKind, str] = {
    EasingKind.AWAY: N_("%(name)s may have this turn although away: %(turn)s."),
    EasingKind.SKILL: N_("Nobody trained for %(qualification)s is needed: %(turn)s."),
    EasingKind.UNIT: N_("Any unit may have this turn: %(turn)s."),
    EasingKind.LINE: N_("%(name)s may take the line %(line)s."),
    EasingKind.LOCKED: N_("%(name)s need not have the fixed turn: %(turn)s."),
    EasingKind.OPEN: N_("Offered to everybody as an open turn, not planned: %(turn)s."),
    EasingKind.GAP: N_("One person fewer: %(turn)s."),
}
#: By whether it is for one person, and whether the rule is off.
_RULE = {
    (False, False): N_("Kept as often as possible: %(rule)s"),
    (True, False): N_("For %(name)s kept as often as possible: %(rule)s"),
    (False, True): N_("Switched off: %(rule)s"),
    (True, True): N_("Switched off for %(name)s: %(rule)s"),
}


def standing(session: Session, draft: Draft) -> list[Easing]:
    """Return what a draft does not insist on, in the order in which it was let go of."""
    query = sa.select(Easing).where(Easing.draft_id == draft.id, Easing.ended_at.is_(None))
    return list(session.scalars(query.order_by(Easing.id)))


def told(easing: Easing, ground: Ground, rules: Iterable[Rule]) -> Sentence:
    """Return what is not insisted on as a sentence; `rules` are the team's own."""
    words, name = ground.words, _name(ground, easing.person_id)
    if easing.kind is EasingKind.RULE:
        rule = next((one for one in rules if one.key == easing.key), None)
        frame = Problem(ground.first, ground.last, ground.place.zone, (), ground.people)
        said = easing.key if rule is None else why.rule_told(rule, frame)
        return Sentence(_RULE[bool(name), easing.weight is None], name=name, rule=said)
    assert easing.starts_at is not None, "all but a rule is of a turn"
    return Sentence(
        _TOLD[easing.kind],
        name=name,
        line=words.lines.get(easing.line, easing.line),
        qualification=words.qualifications.get(easing.key, easing.key),
        turn=sentences.turn_at(easing.line, easing.starts_at, ground.place.zone, words),
    )


def _name(ground: Ground, person_id: int | None) -> str:
    return next((one.name for one in ground.people if one.id == person_id), "")


def applied(ground: Ground, easings: Collection[Easing], stands: Iterable[Stand]) -> Ground:
    """Return what a draft is planned by, without what it does not insist on.

    `stands`: who has a turn in it; what was offered and is taken by now is wanted again.
    """
    if not easings:
        return ground
    return replace(
        ground,
        wanted=_wanted(ground, easings, stands),
        people=tuple(_officer(ground, one, easings) for one in ground.people),
        rules=tuple(rule for one in ground.rules for rule in _rules(one, easings, ground)),
        fixed={
            (line, at): [one for one in people if (line, at, one) not in _places(easings)]
            for (line, at), people in ground.fixed.items()
        },
    )


def _places(easings: Iterable[Easing]) -> set[tuple[str, datetime | None, int | None]]:
    locked = [one for one in easings if one.kind is EasingKind.LOCKED]
    return {(one.line, one.starts_at, one.person_id) for one in locked}


def _wanted(ground: Ground, easings: Iterable[Easing], stands: Iterable[Stand]) -> tuple[Need, ...]:
    filled = Counter(
        (ground.place.lines[stand.line_id], stand.starts_at, stand.ends_at) for stand in stands
    )
    of_turn: dict[tuple[str, datetime | None], list[Easing]] = {}
    for easing in easings:
        of_turn.setdefault((easing.line, easing.starts_at), []).append(easing)
    return tuple(
        _need(need, of_turn[need.line, need.starts_at], filled)
        if (need.line, need.starts_at) in of_turn
        else need
        for need in ground.wanted
    )


def _need(
    need: Need, easings: Sequence[Easing], filled: Mapping[tuple[str, datetime, datetime], int]
) -> Need:
    kinds = Counter(easing.kind for easing in easings)
    skills = {easing.key for easing in easings if easing.kind is EasingKind.SKILL}
    fewer = kinds[EasingKind.OPEN] + kinds[EasingKind.GAP]
    there = filled.get((need.line, need.starts_at, need.ends_at), 0)
    wanted = min(need.wanted, max(there, need.wanted - fewer, 0))
    return replace(
        need,
        wanted=wanted,
        unit=None if kinds[EasingKind.UNIT] else need.unit,
        skills=tuple(
            replace(skill, count=min(skill.count, wanted))
            for skill in need.skills
            if wanted and skill.qualification not in skills
        ),
    )


def _officer(ground: Ground, officer: Officer, easings: Iterable[Easing]) -> Officer:
    mine = [easing for easing in easings if easing.person_id == officer.id]
    lines = {easing.line for easing in mine if easing.kind is EasingKind.LINE}
    if lines and officer.lines is not None:
        officer = replace(officer, lines=officer.lines | lines)
    for easing in mine:
        if easing.kind is EasingKind.AWAY:
            place = (easing.line, easing.starts_at)
            for need in ground.wanted:
                if (need.line, need.starts_at) == place:
                    left = tuple(part for away in officer.away for part in away.without(need))
                    officer = replace(officer, away=left)
    return officer


def _rules(rule: Rule, easings: Iterable[Easing], ground: Ground) -> Iterable[Rule]:
    """Yield a rule as it holds in the draft: for one person otherwise than for the others."""
    mine = [one for one in easings if one.kind is EasingKind.RULE and one.key == rule.key]
    whole = [one for one in mine if one.person_id is None or isinstance(rule, _OF_PEOPLE)]
    if whole:
        if whole[-1].weight is not None:
            yield replace(rule, weight=_weight(rule, whole[-1]))
        return
    bound = {one.id for one in ground.people} if rule.people is None else set(rule.people)
    latest = {easing.person_id: easing for easing in mine if easing.person_id in bound}
    for person_id, easing in latest.items():
        if easing.weight is not None and person_id is not None:
            key, person = f"{rule.key}/{person_id}", frozenset({person_id})
            yield replace(rule, key=key, people=person, weight=_weight(rule, easing))
    yield replace(rule, people=frozenset(bound - latest.keys())) if latest else rule


def _weight(rule: Rule, easing: Easing) -> int | None:
    """Return what a breach costs: a rule that was only wished for becomes no stricter."""
    return min(one for one in (rule.weight, easing.weight) if one is not None)
