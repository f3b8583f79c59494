"""Swaps: a turn, or a part of it, goes from one person to another, by their own agreement.

Offered to one or to everybody, accepted by whoever takes it, agreed to by a planner where the
organisation wants that. The same rules judge it as everything else: what it breaks hard is refused,
unless a planner says why it must be. Within a day of the turn rules only warn and it holds at once;
a planner looks at it afterwards. A whole turn that has not begun changes hands; anything else
becomes a cover. Either of the two can take it back for a day, until the turn begins. Who may offer
or accept for whom is for `rights` to say.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people import qualifications
from dispatch.people.models import Person, Team
from dispatch.rota import absences, changes, handing, judging, notices, record
from dispatch.rota.days import local, local_day
from dispatch.rota.handing import Hand
from dispatch.rota.judging import Judged
from dispatch.rota.models import Line, Shift, Swap, SwapKind, SwapState
from dispatch.rota.terms import owners, terms_of
from dispatch.texts import N_, Sentence

#: For how long what was swapped can be taken back.
UNDO = timedelta(hours=24)
_OPEN = (SwapState.OFFERED, SwapState.ACCEPTED)


def offer(
    session: Session,
    shift: Shift,
    to: Person | None,
    actor: Actor,
    now: datetime,
    *,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    other: Shift | None = None,
) -> Swap:
    """Offer a turn or a part of it: to somebody, to everybody, or in exchange for another turn.

    Raises Invalid by field, Conflict where some of it is offered already.
    """
    team, shift = _team(session, shift), _standing(session, shift)
    swap = _made(shift, to, actor, now, starts_at, ends_at, other)
    _refuse_impossible(session, team, shift, swap, other, now)
    session.add(swap)
    session.flush()
    _note(session, team, swap, actor, "swap.offered", now)
    told = N_("%(team)s: %(name)s asks you to take %(turn)s.")
    asked = [to.id] if to is not None else _members(session, team, swap)
    _tell(session, team, swap, asked, told, now, name=_name(session, shift.person_id))
    return swap


def judge(session: Session, swap: Swap, person_id: int) -> list[Judged]:
    """Return what a swap would break if somebody accepted it; for showing, and for deciding."""
    return handing.broken_by(session, _team(session, swap.shift), _hands(swap, person_id))


def accept(session: Session, swap: Swap, person: Person, actor: Actor, now: datetime) -> Swap:
    """Take what was offered; it holds at once unless a planner must agree.

    Raises Invalid with everything hard that it breaks, Conflict where somebody was faster.
    """
    swap = _locked(session, swap)
    team = _team(session, swap.shift)
    if swap.state is not SwapState.OFFERED or swap.to_id not in (None, person.id):
        raise Conflict(N_("This is no longer offered to you."))
    if person.id == swap.from_id:
        raise Conflict(N_("This is your own turn."))
    _refuse_changed(session, swap)
    late = handing.is_late(swap.starts_at, now)
    broken = judge(session, swap, person.id)
    if not late:
        judging.refuse(broken, "")
    swap.to_id, swap.accepted_at = person.id, now
    swap.broken = judging.keys(one for one in broken if one.hard)
    if terms_of(session, team).swaps_approved and not late:
        swap.state = SwapState.ACCEPTED
        _note(session, team, swap, actor, "swap.accepted", now)
        told = N_("%(team)s: %(name)s would take %(turn)s: say yes or no.")
        where = notices.requests(team)
        _tell(session, team, swap, owners(session, team), told, now, where, name=person.name)
        return swap
    swap.to_approve = late and (bool(swap.broken) or terms_of(session, team).swaps_approved)
    return _carry_out(session, team, swap, actor, now)


def decline(session: Session, swap: Swap, reason: str, actor: Actor, now: datetime) -> None:
    """Say no: whoever is asked, or a planner who must agree. What holds already is undone."""
    swap = _locked(session, swap)
    team = _team(session, swap.shift)
    if swap.state is SwapState.DONE and swap.to_approve:
        _undo(session, team, swap, SwapState.REFUSED, reason, actor, now)
        return
    if swap.state not in _OPEN:
        raise Conflict(_OVER)
    _end(session, team, swap, SwapState.REFUSED, reason, actor, "swap.refused", now)
    told = N_("%(team)s: nobody takes %(turn)s from you: refused.")
    _tell(session, team, swap, _both(swap, actor), told, now)


def withdraw(session: Session, swap: Swap, actor: Actor, now: datetime) -> None:
    """Take back an offer that does not hold yet."""
    swap = _locked(session, swap)
    if swap.state not in _OPEN:
        raise Conflict(_OVER)
    team = _team(session, swap.shift)
    _end(session, team, swap, SwapState.WITHDRAWN, "", actor, "swap.withdrawn", now)


def approve(session: Session, swap: Swap, actor: Actor, now: datetime, reason: str = "") -> Swap:
    """Agree as a planner; what it breaks hard needs a reason.

    What holds already has been looked at by this.
    """
    swap = _locked(session, swap)
    team = _team(session, swap.shift)
    if swap.state is SwapState.DONE and swap.to_approve:
        swap.to_approve, swap.reason = False, reason.strip()
        _note(session, team, swap, actor, "swap.approved", now)
        return swap
    if swap.state is not SwapState.ACCEPTED or swap.to_id is None:
        raise Conflict(_OVER)
    _refuse_changed(session, swap)
    judging.refuse(judge(session, swap, swap.to_id), reason)
    swap.reason = reason.strip()
    return _carry_out(session, team, swap, actor, now)


def enter(
    session: Session,
    shift: Shift,
    to: Person,
    actor: Actor,
    now: datetime,
    *,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    other: Shift | None = None,
    reason: str = "",
) -> Swap:
    """Enter a swap that people agreed on elsewhere, as a planner; it holds at once."""
    team, shift = _team(session, shift), _standing(session, shift)
    swap = _made(shift, to, actor, now, starts_at, ends_at, other)
    _refuse_impossible(session, team, shift, swap, other, now)
    broken = handing.broken_by(session, team, _hands(swap, to.id))
    judging.refuse(broken, reason)
    swap.reason, swap.accepted_at = reason.strip(), now
    swap.broken = judging.keys(one for one in broken if one.hard)
    session.add(swap)
    session.flush()
    return _carry_out(session, team, swap, actor, now)


def undo(session: Session, swap: Swap, actor: Actor, now: datetime, reason: str = "") -> None:
    """Take back what a swap did: a cover from now on, a whole turn within a day and before it.

    Whoever else has a part in it is told. Raises Conflict where it is too late, Invalid with
    everything hard that would be broken by the turn going back.
    """
    swap = _locked(session, swap)
    until = undo_until(swap)
    if until is None or until <= now:
        raise Conflict(_OVER if until is None else _TOO_LATE)
    team = _team(session, swap.shift)
    _undo(session, team, swap, SwapState.UNDONE, reason, actor, now)


def undo_until(swap: Swap) -> datetime | None:
    """Return until when what a swap did can be taken back; None: it cannot."""
    if swap.state is not SwapState.DONE or swap.ended_at is None:
        return None
    if swap.cover is not None:
        # Somebody else may have taken it over from them since.
        return None if swap.cover.cancelled_at is not None else swap.cover.ends_at
    if swap.kind is SwapKind.LATE:
        return swap.ends_at
    turns = [swap.shift, *([swap.other_shift] if swap.other_shift is not None else [])]
    return min(swap.ended_at + UNDO, *(one.starts_at for one in turns))


def waiting(session: Session, team: Team, now: datetime) -> list[Swap]:
    """Return the swaps of a team that somebody must still decide on, in order of time.

    An offer that nobody took before its turn began is over.
    """
    query = (
        sa.select(Swap)
        .join(Shift, Shift.id == Swap.shift_id)
        .join(Line, Line.id == Shift.line_id)
        .where(Line.team_id == team.id)
        .where(
            sa.or_(
                sa.and_(Swap.state.in_(_OPEN), Swap.ends_at > now, Shift.cancelled_at.is_(None)),
                Swap.to_approve,
            )
        )
        .order_by(Swap.starts_at, Swap.id)
    )
    return list(session.scalars(query))


def of_person(session: Session, person_id: int, since: datetime) -> list[Swap]:
    """Return the swaps that somebody has a part in, the newest first."""
    query = sa.select(Swap).where(
        sa.or_(Swap.from_id == person_id, Swap.to_id == person_id), Swap.asked_at >= since
    )
    return list(session.scalars(query.order_by(Swap.id.desc())))


_OVER = N_("This swap is over.")
_TOO_LATE = N_("It is too late to take this back: offer the turn anew.")


# --- What each verb needs.


def _made(
    shift: Shift,
    to: Person | None,
    actor: Actor,
    now: datetime,
    starts_at: datetime | None,
    ends_at: datetime | None,
    other: Shift | None,
) -> Swap:
    begun = shift.starts_at <= now
    return Swap(
        kind=SwapKind.GIVE if other is None else SwapKind.EXCHANGE,
        shift=shift,
        starts_at=starts_at or (now if begun else shift.starts_at),
        ends_at=ends_at or shift.ends_at,
        other_shift=other,
        from_id=shift.person_id,
        to_id=to.id if to is not None else None,
        state=SwapState.OFFERED,
        asked_at=now,
        asked_by=actor.name,
    )


def _refuse_impossible(
    session: Session, team: Team, shift: Shift, swap: Swap, other: Shift | None, now: datetime
) -> None:
    problems: dict[str, str] = {}
    if swap.ends_at <= now:
        problems["ends_at"] = N_("This turn is over.")
    elif swap.ends_at <= swap.starts_at:
        problems["ends_at"] = N_("The end must be after the start.")
    if swap.starts_at < shift.starts_at:
        told = N_("The turn begins on %(at)s.")
        problems["starts_at"] = Sentence(told, at=local(shift.starts_at, team.time_zone))
    if swap.ends_at > shift.ends_at:
        told = N_("The turn ends on %(at)s.")
        problems["ends_at"] = Sentence(told, at=local(shift.ends_at, team.time_zone))
    if swap.to_id == swap.from_id:
        problems["to"] = N_("This is your own turn.")
    if other is not None:
        problems |= _no_exchange(session, team, shift, swap, other, now)
    if problems:
        raise Invalid(" ".join(problems.values()), **problems)
    _refuse_twice(session, shift, swap)


def _no_exchange(
    session: Session, team: Team, shift: Shift, swap: Swap, other: Shift, now: datetime
) -> dict[str, str]:
    if min(shift.starts_at, other.starts_at) <= now:
        return {"other": N_("Only turns that have not begun can be exchanged.")}
    if (swap.starts_at, swap.ends_at) != (shift.starts_at, shift.ends_at):
        return {"other": N_("Only whole turns can be exchanged.")}
    elsewhere = _team(session, other).id != team.id
    if other.person_id != swap.to_id or elsewhere or other.cancelled_at is not None:
        return {"other": N_("This turn is not theirs.")}
    return {}


def _refuse_twice(session: Session, shift: Shift, swap: Swap) -> None:
    query = sa.select(Swap.id).where(
        Swap.shift_id == shift.id,
        Swap.state.in_(_OPEN),
        Swap.starts_at < swap.ends_at,
        Swap.ends_at > swap.starts_at,
    )
    if session.scalars(query).first() is not None:
        raise Conflict(N_("This is offered already: withdraw that first."))


def _refuse_changed(session: Session, swap: Swap) -> None:
    """Raise Conflict where a turn is no longer what was offered."""
    shift, other = _standing(session, swap.shift), swap.other_shift
    inside = shift.starts_at <= swap.starts_at and swap.ends_at <= shift.ends_at
    same = inside and shift.person_id == swap.from_id
    if other is not None:
        same = same and _standing(session, other).person_id == swap.to_id
    if not same:
        raise Conflict(N_("This turn was changed meanwhile. Look at the rota again."))


def _hands(swap: Swap, person_id: int) -> list[Hand]:
    hands = [Hand(swap.shift.line_id, swap.starts_at, swap.ends_at, person_id)]
    other = swap.other_shift
    if other is not None:
        hands.append(Hand(other.line_id, other.starts_at, other.ends_at, swap.from_id))
    return hands


def _carry_out(session: Session, team: Team, swap: Swap, actor: Actor, now: datetime) -> Swap:
    """Let a swap hold."""
    shift, taker = swap.shift, session.get_one(Person, swap.to_id)
    whole = (swap.starts_at, swap.ends_at) == (shift.starts_at, shift.ends_at)
    if whole and shift.starts_at > now:
        changes.change_shift(session, shift, actor, now, person=taker, reason=swap.reason)
        if swap.other_shift is not None:
            giver = session.get_one(Person, swap.from_id)
            changes.change_shift(session, swap.other_shift, actor, now, person=giver)
    else:
        times = max(swap.starts_at, min(now, swap.ends_at)), swap.ends_at
        cover = changes.enter_cover(session, shift, taker, *times, actor, now, swap.reason)
        swap.cover_id, swap.cover = cover.id, cover
    _end(session, team, swap, SwapState.DONE, swap.reason, actor, "swap.done", now)
    told = N_("%(team)s: %(name)s has %(turn)s.")
    _tell(session, team, swap, _both(swap, actor), told, now, name=taker.name)
    return swap


def _undo(
    session: Session,
    team: Team,
    swap: Swap,
    state: SwapState,
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    why = reason.strip() or "undone"
    if swap.cover is None and swap.kind is not SwapKind.LATE:
        _hand_back(session, team, swap, reason, actor, now)
    else:
        _uncover(session, swap, why, actor, now)
    swap.to_approve = False
    _end(session, team, swap, state, reason, actor, "swap.undone", now)
    told = N_("%(team)s: %(name)s has %(turn)s again.")
    people = _both(swap, actor)
    if terms_of(session, team).swaps_approved and state is SwapState.UNDONE:
        # Whoever agreed to it must not learn of it from the rota.
        people += [one for one in owners(session, team) if one not in (*people, actor.id)]
    _tell(session, team, swap, people, told, now, name=_name(session, swap.from_id))


def _uncover(session: Session, swap: Swap, why: str, actor: Actor, now: datetime) -> None:
    """End a swap's cover; whoever covered before it does so again, not the turn's owner.

    There is none where an owner took their own turn back from whoever covered it.
    """
    shift, cover, times = swap.shift, swap.cover, (swap.starts_at, swap.ends_at)
    if cover is not None:
        times = cover.starts_at, cover.ends_at
    begin, end = max(times[0], now), times[1]
    if begin >= end or (cover is not None and cover.cancelled_at is not None):
        raise Conflict(_TOO_LATE)
    if cover is not None and cover.starts_at < now:
        changes.change_cover(session, cover, actor, now, ends_at=now, reason=why)
    elif cover is not None:
        changes.cancel_cover(session, cover, actor, now, why)
    session.flush()
    if swap.from_id != shift.person_id:
        person = session.get_one(Person, swap.from_id)
        changes.enter_cover(session, shift, person, begin, end, actor, now, why)
    if cover is None:
        absences.give_back(session, shift, begin, end, actor, now)


def _hand_back(
    session: Session, team: Team, swap: Swap, reason: str, actor: Actor, now: datetime
) -> None:
    """Let whole turns go back to whose they were; refuse where one has begun or was changed."""
    given = [(swap.shift, swap.to_id, swap.from_id)]
    if swap.other_shift is not None and swap.to_id is not None:
        given.append((swap.other_shift, swap.from_id, swap.to_id))
    if any(turn.starts_at <= now for turn, _, _ in given):
        raise Conflict(_TOO_LATE)
    back = [(_held(session, turn, holder), owner) for turn, holder, owner in given]
    hands = [Hand(turn.line_id, turn.starts_at, turn.ends_at, owner) for turn, owner in back]
    if not handing.is_late(min(hand.starts_at for hand in hands), now):
        judging.refuse(handing.broken_by(session, team, hands), reason)
    for turn, owner in back:
        person = session.get_one(Person, owner)
        changes.change_shift(session, turn, actor, now, person=person, reason=reason.strip())


def _held(session: Session, turn: Shift, holder: int | None) -> Shift:
    """Return the turn that stands where one was that changed hands; Conflict if it is another."""
    query = (
        sa.select(Shift)
        .where(Shift.line_id == turn.line_id, Shift.person_id == holder)
        .where(Shift.starts_at == turn.starts_at, Shift.ends_at == turn.ends_at)
        .where(Shift.cancelled_at.is_(None))
        .with_for_update()
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        raise Conflict(N_("This turn was changed meanwhile. Look at the rota again."))
    return found


def _end(
    session: Session,
    team: Team,
    swap: Swap,
    state: SwapState,
    reason: str,
    actor: Actor,
    action: str,
    now: datetime,
) -> None:
    swap.state, swap.reason = state, reason.strip()
    swap.ended_at, swap.ended_by = now, actor.name
    session.flush()
    _note(session, team, swap, actor, action, now)


def _both(swap: Swap, actor: Actor) -> list[int]:
    """Return who has a part in a swap, but for whoever acts."""
    people = {swap.from_id, swap.to_id}
    return sorted(one for one in people if one is not None and one != actor.id)


def _tell(
    session: Session,
    team: Team,
    swap: Swap,
    person_ids: Sequence[int],
    told: str,
    now: datetime,
    place: str = "turns/swaps",
    **facts: object,
) -> None:
    line = session.get_one(Line, swap.shift.line_id).name
    at = local(swap.starts_at, team.time_zone)
    turn = Sentence("%(line)s %(at)s", line=line, at=at)
    said = Sentence(told, team=team.name, turn=turn, **facts)
    touches, about = max(swap.starts_at, now), f"swap:{swap.id}"
    notices.tell(session, team, person_ids, said, now, touches=touches, about=about, place=place)


def _members(session: Session, team: Team, swap: Swap) -> list[int]:
    day = local_day(swap.starts_at, team.time_zone)
    members = qualifications.members(session, team, day)
    return [person_id for person_id, _ in members if person_id != swap.from_id]


def _name(session: Session, person_id: int) -> str:
    return session.get_one(Person, person_id).name


def _team(session: Session, shift: Shift) -> Team:
    return session.get_one(Team, session.get_one(Line, shift.line_id).team_id)


def _standing(session: Session, shift: Shift) -> Shift:
    query = sa.select(Shift).where(Shift.id == shift.id).with_for_update()
    shift = session.scalars(query.execution_options(populate_existing=True)).one()
    if shift.cancelled_at is not None:
        raise Conflict(N_("This turn was cancelled meanwhile. Look at the rota again."))
    return shift


def _locked(session: Session, swap: Swap) -> Swap:
    query = sa.select(Swap).where(Swap.id == swap.id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _note(
    session: Session, team: Team, swap: Swap, actor: Actor, action: str, now: datetime
) -> None:
    facts = {
        "kind": swap.kind.value,
        "from": swap.from_id,
        "to": swap.to_id,
        "starts_at": swap.starts_at,
        "ends_at": swap.ends_at,
        "broken": swap.broken,
        "reason": swap.reason,
    }
    record.note(session, team, actor, action, f"swap:{swap.id}", facts, now)
