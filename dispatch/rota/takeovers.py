"""The late one by telephone: "I have An's turn until 08:00", said by whoever takes over.

On a screen, by text, or keyed by a dispatcher: it holds at once, as a cover, because the next
call-out must reach whoever has the telephone now. Whose turn it was is told and can undo it; rules
only warn, and what they say is looked at by a planner afterwards.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Person, Team
from dispatch.rota import absences, changes, handing, judging, notices, record, swaps
from dispatch.rota.days import local
from dispatch.rota.duty import Turn, duty_between
from dispatch.rota.handing import Hand
from dispatch.rota.models import Cover, Shift, Swap, SwapKind, SwapState
from dispatch.rota.terms import terms_of
from dispatch.texts import N_, Sentence

#: A turn that begins so soon can be taken over as if it had begun.
SOON = timedelta(hours=12)
#: What the turn's owner answers to have it back, by language; every one is understood from anybody.
UNDO_WORDS = {"nl": "TERUG", "fr": "RETOUR", "sv": "ÅTER", "da": "TILBAGE", "en": "BACK"}


def take_over(
    session: Session,
    team: Team,
    turn: Turn,
    person: Person,
    until: datetime | None,
    actor: Actor,
    now: datetime,
) -> Swap:
    """Let a person have a turn from now on, until an instant or its end; it holds at once.

    Raises Invalid by field, Conflict where the turn changed hands meanwhile.
    """
    starts_at, ends_at = max(now, turn.from_at), until or turn.until_at
    _refuse_impossible(team, turn, person, starts_at, ends_at)
    shift = session.scalars(sa.select(Shift).where(Shift.uid == turn.shift_uid)).one()
    hand = Hand(turn.line_id, starts_at, ends_at, person.id)
    broken = [one for one in handing.broken_by(session, team, [hand]) if one.hard]
    cover = _cover(session, shift, turn, person, starts_at, ends_at, actor, now)
    swap = Swap(
        kind=SwapKind.LATE,
        shift_id=shift.id,
        starts_at=starts_at,
        ends_at=ends_at,
        from_id=turn.person_id,
        to_id=person.id,
        state=SwapState.DONE,
        asked_at=now,
        asked_by=actor.name,
        accepted_at=now,
        ended_at=now,
        ended_by=actor.name,
        broken=judging.keys(broken),
        to_approve=bool(broken) or terms_of(session, team).swaps_approved,
        cover_id=cover.id if cover is not None else None,
    )
    session.add(swap)
    session.flush()
    facts = {"from": turn.person_id, "to": person.id, "ends_at": ends_at, "broken": swap.broken}
    record.note(session, team, actor, "turn.taken_over", f"swap:{swap.id}", facts, now)
    _tell_owner(session, team, swap, person, actor, now)
    return swap


def _refuse_impossible(
    team: Team, turn: Turn, person: Person, starts_at: datetime, ends_at: datetime
) -> None:
    if ends_at <= starts_at or ends_at > turn.until_at:
        told = Sentence(N_("The turn ends on %(at)s."), at=local(turn.until_at, team.time_zone))
        raise Invalid(told, until=told)
    if person.id == turn.person_id:
        told = Sentence(N_("%(name)s has this turn already."), name=person.name)
        raise Invalid(told, person=told)


def near(session: Session, team: Team, now: datetime) -> list[Turn]:
    """Return the turns of a team that can be taken over: those of now and of the next hours."""
    return [
        stretch
        for stretch in duty_between(session, team, now, now + SOON)
        if isinstance(stretch, Turn) and stretch.from_at < now + SOON
    ]


def undo(session: Session, swap: Swap, actor: Actor, now: datetime) -> None:
    """Give a turn back to whose it was; whoever had taken it over is told at once."""
    swaps.undo(session, swap, actor, now)


def to_undo(session: Session, person_id: int, now: datetime) -> Swap | None:
    """Return what somebody last took over from a person and still has.

    An owner who took their own turn back from whoever covered it has it without a cover.
    """
    still = sa.and_(Cover.cancelled_at.is_(None), Cover.ends_at > now)
    query = (
        sa.select(Swap)
        .outerjoin(Cover, Cover.id == Swap.cover_id)
        .where(Swap.kind == SwapKind.LATE, Swap.from_id == person_id, Swap.ends_at > now)
        .where(Swap.state == SwapState.DONE, sa.or_(Swap.cover_id.is_(None), still))
        .order_by(Swap.id.desc())
        .limit(1)
    )
    return session.scalars(query).first()


def _cover(
    session: Session,
    shift: Shift,
    turn: Turn,
    person: Person,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
    now: datetime,
) -> Cover | None:
    """Enter the cover; where somebody covered already, theirs ends or goes on around it."""
    reason = "taken over"
    if turn.cover_uid is not None:
        query = sa.select(Cover).where(Cover.uid == turn.cover_uid, Cover.cancelled_at.is_(None))
        held = session.scalars(query).one_or_none()
        if held is None:
            raise Conflict(N_("This turn was changed meanwhile. Look at the rota again."))
        holder, end = session.get_one(Person, held.person_id), held.ends_at
        if held.starts_at < starts_at:
            changes.change_cover(session, held, actor, now, ends_at=starts_at, reason=reason)
        else:
            changes.cancel_cover(session, held, actor, now, reason)
        session.flush()
        if ends_at < end:
            changes.enter_cover(session, shift, holder, ends_at, end, actor, now, reason)
    if person.id == shift.person_id:
        # Whose turn it is has it again without a cover.
        absences.make_room(session, shift, starts_at, ends_at, actor, now)
        return None
    return changes.enter_cover(session, shift, person, starts_at, ends_at, actor, now, reason)


def _tell_owner(
    session: Session, team: Team, swap: Swap, person: Person, actor: Actor, now: datetime
) -> None:
    if swap.from_id == actor.id:
        return
    owner = session.get_one(Person, swap.from_id)
    word = UNDO_WORDS.get(owner.language, UNDO_WORDS["en"])
    told = N_("%(team)s: %(name)s has your turn until %(at)s. Not agreed? Answer %(word)s.")
    at = local(swap.ends_at, team.time_zone)
    said = Sentence(told, team=team.name, name=person.name, at=at, word=word)
    notices.tell(session, team, [owner.id], said, now, touches=now, about=f"swap:{swap.id}")
