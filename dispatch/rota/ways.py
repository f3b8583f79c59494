"""Taking a way out of what cannot be covered: letting go of what it names, in one draft, and why.

What is let go of stands as an easing of the draft until somebody ends it; a turn that is offered to
everybody and an absence that is taken back are real at once, and whoever it concerns is told.
Nothing is planned here: whoever takes a way asks for a new run.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Person, Team
from dispatch.rota import absences, drafts, explained, notices, open_turns, record, seating
from dispatch.rota.days import local
from dispatch.rota.models import (
    Absence,
    AbsenceKind,
    Draft,
    Easing,
    EasingKind,
    Line,
    OpenState,
    OpenTurn,
    PlanningRun,
)
from dispatch.rota.planning import Laid
from dispatch.rota.problem import Need
from dispatch.texts import N_, Sentence

_GONE = N_("This is there no longer. Load the screen again.")


@dataclass(frozen=True)
class _Taking:
    """What each step of a way needs to know."""

    session: Session
    draft: Draft
    laid: Laid
    reason: str
    actor: Actor
    now: datetime

    def ease(self, kind: EasingKind, **facts: Any) -> None:
        """Let go of something, unless that was done before."""
        same = {"draft_id": self.draft.id, "kind": kind, **facts}
        query = sa.select(Easing.id).filter_by(**same).where(Easing.ended_at.is_(None))
        # One more person fewer is not the same as one.
        counted = kind in (EasingKind.OPEN, EasingKind.GAP)
        if counted or self.session.scalars(query).first() is None:
            made = {"reason": self.reason, "made_at": self.now, "made_by": self.actor.name}
            self.session.add(Easing(**same, **made))
            self.session.flush()

    def needs(self, how: Mapping[str, Any]) -> list[Need]:
        """Return the turns that a step is about, as they are wanted now."""
        places = {(turn["line"], datetime.fromisoformat(turn["at"])) for turn in how["turns"]}
        found = [one for one in self.laid.problem.needs if (one.line, one.starts_at) in places]
        if not found:
            raise Conflict(_GONE)
        return found

    def lacking(self, how: Mapping[str, Any]) -> list[Need]:
        """Return of the turns of a step as many as lack people, with what belongs to each."""
        needs = self.needs(how)
        filled = Counter(need for need, _ in self.laid.seats)
        blocks: dict[Hashable, list[Need]] = {}
        for need in needs:
            mark = need.id if need.block is None else (need.line, need.block)
            blocks.setdefault(mark, []).append(need)
        empty = sorted(blocks.values(), key=lambda some: filled[some[0].id] >= some[0].wanted)
        # One line may lack all of them.
        counts = [max(1, some[0].wanted - filled[some[0].id]) for some in empty]
        found: list[Need] = []
        left = int(how.get("count", len(empty)))
        for some, count in zip(empty, counts, strict=True):
            found += some * min(count, max(left, 0))
            left -= count
        return found


def take(
    session: Session,
    run: PlanningRun,
    way: int,
    chosen: Sequence[int],
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Let go of what a way out of a run names; `chosen`: how, one for each thing it gives up.

    Raises Invalid without a reason, Conflict where the run has no such way.
    """
    if not reason.strip():
        told = N_("Say why: it is kept with the draft, and shown where it is published.")
        raise Invalid(told, reason=told)
    draft = drafts.opened(session, run.draft)
    steps = _steps(run, way, chosen)
    _, laid = drafts.lay(session, draft)
    taking = _Taking(session, draft, laid, reason.strip(), actor, now)
    for how in steps:
        _STEPS[how["do"]](taking, how)
    draft.revision += 1
    session.flush()
    team, facts = session.get_one(Team, draft.team_id), {"run": run.id, "way": way}
    record.note(session, team, actor, "draft.eased", f"draft:{draft.id}", facts, now)


def _steps(run: PlanningRun, way: int, chosen: Sequence[int]) -> list[dict[str, Any]]:
    ways = (run.explanation or {}).get("ways", [])
    if not 0 <= way < len(ways):
        raise Conflict(_GONE)
    gives = ways[way]["gives"]
    picked = [*chosen, *([0] * len(gives))][: len(gives)]
    pairs = list(zip(gives, picked, strict=True))
    if not all(0 <= number < len(one["how"]) for one, number in pairs):
        raise Conflict(_GONE)
    return [one["how"][number] for one, number in pairs]


def end(session: Session, easing: Easing, actor: Actor, now: datetime) -> None:
    """Insist again on what was let go of; a turn that still waits for somebody is offered no more.

    Raises Conflict where that was done before.
    """
    draft = drafts.opened(session, session.get_one(Draft, easing.draft_id))
    session.refresh(easing)
    if easing.ended_at is not None:
        raise Conflict(_GONE)
    easing.ended_at, easing.ended_by = now, actor.name
    draft.revision += 1
    session.flush()
    offered = session.get(OpenTurn, easing.open_turn_id) if easing.open_turn_id else None
    if offered is not None and offered.state in (OpenState.OPEN, OpenState.ASKED):
        open_turns.withdraw(session, offered, actor, now)
    team, facts = session.get_one(Team, draft.team_id), {"easing": easing.id}
    record.note(session, team, actor, "draft.insisted", f"draft:{draft.id}", facts, now)


# --- The steps.


def _rule(weighted: bool, taking: _Taking, how: Mapping[str, Any]) -> None:
    weight = how.get("weight") if weighted else None
    # Somebody's own copy of a rule is the same rule.
    key = str(how["key"]).partition("/")[0]
    taking.ease(EasingKind.RULE, key=key, person_id=how["person"], weight=weight)


def _although_away(taking: _Taking, how: Mapping[str, Any]) -> None:
    for need in taking.needs(how):
        span = (need.starts_at, need.ends_at)
        _refuse_ill(
            taking, how["person"], absences.standing(taking.session, [how["person"]], *span)
        )
    _in_turn(taking, how)


def _refuse_ill(taking: _Taking, person_id: int, found: Iterable[Absence]) -> None:
    """Raise Invalid where somebody is ill: no reason of a planner's makes them well."""
    if any(absence.kind is AbsenceKind.SICK for absence in found):
        name = taking.session.get_one(Person, person_id).name
        told = Sentence(N_("%(name)s is ill: choose another way."), name=name)
        raise Invalid(told, way=told)


def _leave(taking: _Taking, how: Mapping[str, Any]) -> None:
    for need in taking.lacking(how):
        taking.ease(EasingKind.GAP, line=need.line, starts_at=need.starts_at)


def _in_turn(taking: _Taking, how: Mapping[str, Any]) -> None:
    facts: dict[str, Any] = {"person_id": how.get("person"), "key": how.get("key", "")}
    for need in taking.needs(how):
        taking.ease(EasingKind(how["do"]), line=need.line, starts_at=need.starts_at, **facts)


def _free(taking: _Taking, how: Mapping[str, Any]) -> None:
    """Free a seat that somebody locked, or a turn that a fixed order gives."""
    held = {
        (need, person): stand
        for stand, (need, person) in zip(taking.laid.stands, taking.laid.seats, strict=True)
    }
    for need in taking.needs(how):
        stand = held.get((need.id, how["person"]))
        seats = drafts.seats(taking.session, taking.draft)
        locked = [one for one in seats if one.locked and drafts.stand_of(one) == stand]
        for seat in locked:
            where = (taking.session, taking.draft, seat, False, taking.actor, taking.now)
            seating.lock(*where, seen=seat.revision)
        if not locked:
            facts = {"line": need.line, "starts_at": need.starts_at, "person_id": how["person"]}
            taking.ease(EasingKind.LOCKED, **facts)


def _offer(taking: _Taking, how: Mapping[str, Any]) -> None:
    for need in taking.lacking(how):
        line = taking.session.get_one(Line, _row(taking, need))
        times = (need.starts_at, need.ends_at)
        turn = open_turns.offer(taking.session, line, *times, taking.actor, taking.now)
        facts = {"line": need.line, "starts_at": need.starts_at, "open_turn_id": turn.id}
        taking.ease(EasingKind.OPEN, **facts)


def _row(taking: _Taking, need: Need) -> int:
    """Return a row of a line that nobody has at the time of a turn, drafted or offered."""
    meets = sa.select(OpenTurn.line_id).where(
        OpenTurn.state.in_((OpenState.OPEN, OpenState.ASKED)),
        OpenTurn.starts_at < need.ends_at,
        OpenTurn.ends_at > need.starts_at,
    )
    taken = set(taking.session.scalars(meets)) | {
        stand.line_id
        for stand in taking.laid.stands
        if stand.starts_at < need.ends_at and need.starts_at < stand.ends_at
    }
    free = [row for row in taking.laid.rows[need.line] if row not in taken]
    if not free:
        raise Conflict(N_("Somebody has this turn by now, or it is offered already. Plan again."))
    return free[0]


def _withdraw(taking: _Taking, how: Mapping[str, Any]) -> None:
    """Take back the absences that keep somebody from a turn."""
    session, now = taking.session, taking.now
    person = session.get_one(Person, how["person"])
    team = session.get_one(Team, taking.draft.team_id)
    for need in taking.needs(how):
        found = absences.standing(session, [person.id], need.starts_at, need.ends_at)
        _refuse_ill(taking, person.id, found)
        for absence in found:
            at = local(absence.starts_at, team.time_zone)
            absence.reason = taking.reason
            absences.withdraw(session, absence, taking.actor, now)
            told = N_("%(team)s: your absence from %(at)s does not stand any more: read why.")
            said = Sentence(told, team=team.name, at=at)
            notices.tell(session, team, [person.id], said, now, touches=need.starts_at)


_STEPS: Mapping[str, Callable[[_Taking, Mapping[str, Any]], None]] = {
    EasingKind.RULE: lambda taking, how: _rule(True, taking, how),
    "off": lambda taking, how: _rule(False, taking, how),
    EasingKind.AWAY: _although_away,
    EasingKind.SKILL: _in_turn,
    EasingKind.UNIT: _in_turn,
    EasingKind.LINE: _in_turn,
    EasingKind.LOCKED: _free,
    EasingKind.OPEN: _offer,
    EasingKind.GAP: _leave,
    explained.WITHDRAW: _withdraw,
}
