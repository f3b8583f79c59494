"""Mending the published rota when somebody is away: who steps in, at what cost, and doing it.

`lost` finds the published turns, or parts of them, that nobody can serve. `load` reads what mending
them depends on, `propose` searches without a transaction (it takes seconds), `apply` enters what a
planner chose. Stepping in is a cover: the turn stays its owner's, whoever returns gets back what is
left of it, and no calendar loses an entry. Gaps that nobody was planned for are not mended here.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Membership, Person, Team
from dispatch.rota import (
    absences,
    changes,
    differences,
    fairness,
    handing,
    judging,
    notices,
    planner,
    planning,
    sentences,
)
from dispatch.rota.absences import FAR
from dispatch.rota.days import local, local_day
from dispatch.rota.differences import Stand
from dispatch.rota.duty import Turn, duty_between
from dispatch.rota.handing import Hand
from dispatch.rota.judging import Judged
from dispatch.rota.models import Absence, Line, Shift
from dispatch.rota.planning import Ground, Laid
from dispatch.texts import N_, Sentence

#: So far ahead published turns are looked at.
AHEAD = timedelta(days=183)
#: Others may move so long after the last turn to be mended, so that loads even out again.
_BEYOND = timedelta(days=28)
_AT_LEAST = timedelta(days=56)
_TICK = timedelta(microseconds=1)
#: The reason in the record.
_WHY = "stepping in for somebody who is away"


@dataclass(frozen=True)
class Hole:
    """A published turn, or the part of one, whose holder is away."""

    turn: Turn
    absence: Absence
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Move:
    """A stretch of a published turn and who steps in; None: nobody can."""

    starts_at: datetime
    ends_at: datetime
    line_id: int
    shift_uid: str
    from_id: int
    to_id: int | None


@dataclass(frozen=True)
class Effect:
    """What a repair means for somebody: turns in the days looked at, before, after, and fair."""

    person_id: int
    before: int
    after: int
    fair: float


@dataclass(frozen=True)
class Task:
    """What is to be mended."""

    ground: Ground
    laid: Laid
    turns: tuple[Turn, ...]
    """The published turn behind each of the stretches laid, in the same order."""
    holes: frozenset[Stand]
    now: datetime


@dataclass(frozen=True)
class Proposed:
    """A repair."""

    moves: tuple[Move, ...]
    effects: tuple[Effect, ...]
    broken: tuple[Judged, ...]
    """What it breaks that was kept before; nothing hard."""


def lost(session: Session, team: Team, now: datetime) -> list[Hole]:
    """Return the published turns of people who are away then, in order."""
    away = absences.standing(session, _members(session, team), now, now + AHEAD)
    if not away:
        return []
    found = [
        Hole(
            turn,
            absence,
            max(turn.from_at, absence.starts_at, now),
            min(turn.until_at, absence.ends_at or FAR),
        )
        for turn in _turns(session, team, now, now + AHEAD)
        for absence in away
        if absence.person_id == turn.person_id
        and max(turn.from_at, absence.starts_at, now) < min(turn.until_at, absence.ends_at or FAR)
    ]
    return sorted(found, key=lambda hole: (hole.starts_at, hole.turn.line_id))


def load(session: Session, team: Team, now: datetime) -> Task | None:
    """Read what mending a team's rota depends on; None where nothing has to be mended."""
    holes = lost(session, team, now)
    if not holes:
        return None
    turns = _turns(session, team, now, now + AHEAD)
    first, last = _days(team, holes, turns, now)
    pieces = [
        (Stand(begin, end, turn.line_id, turn.person_id), turn, is_hole)
        for turn in turns
        for begin, end, is_hole in _pieces(turn, holes)
        if first <= local_day(begin, team.time_zone) <= last and (is_hole or begin > now)
    ]
    people = {stand.person_id for stand, _, _ in pieces}
    ground = planning.load(session, team, first, last, people=people, history=True)
    laid = ground.lay([stand for stand, _, _ in pieces])
    return Task(
        ground,
        _only_published(laid),
        tuple(turn for _, turn, _ in pieces),
        frozenset(stand for stand, _, is_hole in pieces if is_hole),
        now,
    )


def propose(task: Task, *, seconds: float = 10.0) -> Proposed:
    """Return the least change that makes up for who is away; takes up to so many seconds."""
    # A stretch that begins at this very moment has not begun: somebody must still be found for it.
    now, words = task.now - _TICK, task.ground.words
    try:
        found = planner.repair(task.laid.problem, frozenset(task.laid.seats), now, seconds=seconds)
    except Invalid as error:
        raise Invalid(sentences.in_names(error.message, words)) from error
    if not found.proposal.seats:
        return Proposed(tuple(sorted(_nobody(task, task.holes), key=_order)), (), ())
    after = task.laid.turns(found.proposal.seats)
    return Proposed(
        tuple(sorted(_moves(task, after), key=_order)),
        tuple(_effects(task, found.proposal.seats)),
        tuple(judging.broken_by(task.ground, task.laid.stands, after)),
    )


def apply(session: Session, team: Team, moves: Iterable[Move], actor: Actor, now: datetime) -> None:
    """Let people step in as was proposed, and tell each of them and whom they step in for.

    Raises Conflict where a turn is no longer as it was, Invalid where a rule would now be broken.
    """
    chosen = sorted((move for move in moves if move.to_id is not None), key=_order)
    for move in chosen:
        _refuse_changed(session, team, move, now)
    _refuse_broken(session, team, chosen, now)
    for move in chosen:
        _step_in(session, move, actor, now)
    for move in chosen:
        _tell(session, team, move, now)


# --- From rows to a task.


def _members(session: Session, team: Team) -> list[int]:
    query = sa.select(Membership.person_id).where(Membership.team_id == team.id)
    return sorted(set(session.scalars(query)))


def _turns(session: Session, team: Team, begin: datetime, end: datetime) -> list[Turn]:
    found = duty_between(session, team, begin, end)
    return [one for one in found if isinstance(one, Turn) and one.until_at > begin]


def _days(
    team: Team, holes: Sequence[Hole], turns: Sequence[Turn], now: datetime
) -> tuple[date, date]:
    """Return the days to look at: none on which nothing is published."""
    wanted = max(now + _AT_LEAST, holes[-1].starts_at + _BEYOND)
    last = min(wanted, max(turn.from_at for turn in turns))
    last = max(last, holes[-1].starts_at)
    return local_day(now, team.time_zone), local_day(last, team.time_zone)


def _pieces(turn: Turn, holes: Iterable[Hole]) -> list[tuple[datetime, datetime, bool]]:
    """Cut a turn where its holder is away; each piece says whether it is a hole."""
    mine = [hole for hole in holes if hole.turn == turn]
    pieces, at = [], turn.from_at
    for hole in sorted(mine, key=lambda hole: hole.starts_at):
        if at < hole.starts_at:
            pieces.append((at, hole.starts_at, False))
        pieces.append((hole.starts_at, hole.ends_at, True))
        at = hole.ends_at
    if at < turn.until_at:
        pieces.append((at, turn.until_at, False))
    return pieces


def _only_published(laid: Laid) -> Laid:
    """Let needs want no more people than were planned for them.

    Nobody may come where nobody was: a gap that a repair filled on the way would be told to no one.
    """
    filled = [need_id for need_id, _ in laid.seats]
    needs = []
    for need in laid.problem.needs:
        count = filled.count(need.id)
        if not count:
            need = replace(need, under=0, over=None, skills=(), block=None)
        needs.append(replace(need, wanted=count))
    return replace(laid, problem=replace(laid.problem, needs=tuple(needs)))


# --- From a repair to what is shown.


def _moves(task: Task, after: Sequence[Stand]) -> Iterable[Move]:
    before = dict(enumerate(task.laid.stands))
    found = differences.compare(before, [(stand, None) for stand in after])
    moves = [
        _move(task, change.shift_id, change.now.person_id)
        for change in found
        if change.shift_id is not None and change.now is not None
    ]
    filled = {(move.starts_at, move.line_id) for move in moves}
    still = {hole for hole in task.holes if (hole.starts_at, hole.line_id) not in filled}
    return [*moves, *_nobody(task, still)]


def _nobody(task: Task, holes: Collection[Stand]) -> list[Move]:
    return [_move(task, task.laid.stands.index(hole), None) for hole in holes]


def _order(move: Move) -> tuple[datetime, int]:
    return move.starts_at, move.line_id


def _move(task: Task, number: int, to_id: int | None) -> Move:
    stand, turn = task.laid.stands[number], task.turns[number]
    times = (stand.starts_at, stand.ends_at)
    return Move(*times, stand.line_id, turn.shift_uid, stand.person_id, to_id)


def _effects(task: Task, seats: Collection[tuple[int, int]]) -> Iterable[Effect]:
    """Return what changes for whoever is there and gains or loses a turn."""
    was = fairness.standings(task.laid.problem, task.laid.seats)
    now = fairness.standings(task.laid.problem, seats)
    for before, after in zip(was, now, strict=True):
        if before.key == "turns":
            for person_id, target in after.targets.items():
                if before.counts[person_id] != after.counts[person_id]:
                    counts = (before.counts[person_id], after.counts[person_id])
                    yield Effect(person_id, *counts, round(target, 1))


# --- Doing it.


def _refuse_changed(session: Session, team: Team, move: Move, now: datetime) -> None:
    stands = [
        turn
        for turn in _turns(session, team, max(move.starts_at, now), move.ends_at)
        if turn.line_id == move.line_id and turn.person_id == move.from_id
    ]
    if not any(
        turn.shift_uid == move.shift_uid
        and turn.from_at <= move.starts_at
        and move.ends_at <= turn.until_at
        for turn in stands
    ):
        told = N_("The turn from %(at)s was changed meanwhile: look for who can step in again.")
        raise Conflict(Sentence(told, at=local(move.starts_at, team.time_zone)))


def _refuse_broken(session: Session, team: Team, moves: Sequence[Move], now: datetime) -> None:
    if not moves:
        raise Invalid(N_("Nothing was chosen."))
    hands = [
        Hand(move.line_id, move.starts_at, move.ends_at, move.to_id or move.from_id)
        for move in moves
    ]
    late = [hand for hand in hands if handing.is_late(hand.starts_at, now)]
    if len(late) == len(hands):
        return
    # Somebody must have the turn tonight: for it rules only warn, and were shown.
    warned = [_name(one) for one in handing.broken_by(session, team, late)] if late else []
    found = handing.broken_by(session, team, hands)
    judging.refuse([one for one in found if _name(one) not in warned], "")


def _name(judged: Judged) -> tuple[str, int | None, tuple[date, ...]]:
    return judged.breach.key, judged.breach.person, judged.breach.days


def _step_in(session: Session, move: Move, actor: Actor, now: datetime) -> None:
    """Let somebody have a stretch of a turn; what a cover there has besides stays as it is."""
    shift = session.scalars(sa.select(Shift).where(Shift.uid == move.shift_uid)).one()
    by = (actor, now)
    for cover in changes.covers_of(session, shift):
        begin, end, holder = (
            cover.starts_at,
            cover.ends_at,
            session.get_one(Person, cover.person_id),
        )
        if not (begin < move.ends_at and move.starts_at < end):
            continue
        if (begin, end) == (move.starts_at, move.ends_at):
            changes.cancel_cover(session, cover, *by, _WHY)
        elif begin == move.starts_at:
            changes.change_cover(session, cover, *by, starts_at=move.ends_at, reason=_WHY)
        else:
            changes.change_cover(session, cover, *by, ends_at=move.starts_at, reason=_WHY)
            if move.ends_at < end:
                changes.enter_cover(session, shift, holder, move.ends_at, end, *by, _WHY)
    if move.to_id != shift.person_id:
        person = session.get_one(Person, move.to_id)
        changes.enter_cover(session, shift, person, move.starts_at, move.ends_at, *by, _WHY)


def _tell(session: Session, team: Team, move: Move, now: datetime) -> None:
    assert move.to_id is not None, "only what somebody can do is told"
    facts = {
        "team": team.name,
        "line": session.get_one(Line, move.line_id).name,
        "begin": local(move.starts_at, team.time_zone),
        "end": local(move.ends_at, team.time_zone),
    }
    told = N_("%(team)s: you step in for %(name)s, %(line)s, from %(begin)s to %(end)s.")
    name = session.get_one(Person, move.from_id).name
    said = Sentence(told, name=name, **facts)
    notices.tell(session, team, [move.to_id], said, now, touches=move.starts_at)
    told = N_("%(team)s: %(name)s steps in for you, %(line)s, from %(begin)s to %(end)s.")
    name = session.get_one(Person, move.to_id).name
    said = Sentence(told, name=name, **facts)
    notices.tell(session, team, [move.from_id], said, now, touches=move.starts_at)
