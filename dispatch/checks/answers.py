"""What comes back: a check is answered by text, by a key in a call, behind its link or by hand.

A yes ends it, tells whoever was asked to stay that they can go, and, where a line's telephone was
asked for, keeps that they have it. A no is never waited on: the next round tells everybody at once.
Which text means which check is decided by `paging.reached`, after every open page.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch import seal, upkeep
from dispatch.audit import ENGINE, Actor
from dispatch.channels.contract import State
from dispatch.checks import telling
from dispatch.checks.models import Check, CheckEnd, CheckKind, Stage
from dispatch.db import Session
from dispatch.errors import NotFound
from dispatch.outbox import queue
from dispatch.people import phones
from dispatch.people.models import ContactMethod, Team
from dispatch.rota import record

#: An answer that comes late is still known for what it answers.
_KNOWN = timedelta(hours=24)
_TOLD_TO_STAY = (Stage.OUTGOING, Stage.COORDINATOR, Stage.BOARD)


def asked(session: Session, person_ids: Collection[int], now: datetime) -> list[Check]:
    """Return what people were asked, the open first, then the newest."""
    query = (
        sa.select(Check)
        .where(Check.person_id.in_(person_ids), Check.kind != CheckKind.REMINDER)
        .where(sa.or_(Check.ended_at.is_(None), Check.ended_at > now - _KNOWN))
        .order_by(Check.ended_at.is_not(None), Check.id.desc())
    )
    return list(session.scalars(query))


def awaited_since(session: Session) -> datetime | None:
    """Return since when an answer to a check may have come; None while none is open."""
    query = sa.select(sa.func.min(Check.asked_at)).where(Check.ended_at.is_(None))
    return session.scalar(query)


def by_uid(session: Session, uid: str) -> Check:
    """Return a check, locked; raises NotFound."""
    query = sa.select(Check).where(Check.uid == uid).with_for_update()
    check = session.scalars(query).one_or_none()
    if check is None:
        raise NotFound("There is no such check.")
    return check


def behind(session: Session, token: str, now: datetime) -> Check:
    """Return the check of a link; raises NotFound for a link that is none, or none any more."""
    query = sa.select(Check).where(Check.token_hash == seal.hash_token(token))
    check = session.scalars(query).one_or_none()
    if check is None or (check.ended_at or now) < now - _KNOWN:
        raise NotFound("This link is not valid any more.")
    return check


def yes(
    session: Session, check: Check, by: str, now: datetime, *, method_id: int | None = None
) -> None:
    """Take a yes; `method_id`: of the telephone that it came from, if it came from one."""
    check.refused_at = None
    if check.ended_at is None:
        reached(session, check, by, now)
    if check.kind is CheckKind.CHECK_IN and method_id is not None and method_id == check.method_id:
        method = session.get_one(ContactMethod, method_id)
        if method.person_id == check.person_id and method.removed_at is None:
            phones.pass_on(session, method, check.person, _phone(check), now, confirmed=True)


def no(session: Session, check: Check, now: datetime) -> bool:
    """Take a no, also from somebody who said yes before; False once it is about nothing.

    Whoever must know is told by the next round, which is seconds away.
    """
    if check.kind is not CheckKind.CHECK_IN or check.ends_at <= now:
        return False
    if check.ended_at is not None and check.outcome is not CheckEnd.ANSWERED:
        return False
    if check.ended_at is not None:
        check.ended_at = check.outcome = check.answered_at = None
        check.stage = Stage.CALLED
    check.refused_at = check.due_at = now
    _note(session, check, "check.refused", now)
    return True


def reached(session: Session, check: Check, by: str, now: datetime) -> None:
    """End a check because somebody is reached, and let whoever was asked to stay go."""
    check.answered_at, check.answered_by = now, by
    if by in ("call", "callout"):
        mark_mute(session, check, now)
    end(session, check, CheckEnd.ANSWERED, now)
    if check.stage in _TOLD_TO_STAY:
        telling.release(session, check, now)


def stays(session: Session, check: Check, now: datetime) -> None:
    """Note that whoever was asked to stay has heard it."""
    if check.heard_at is None:
        check.heard_at = now
        _show(session, check)


def end(session: Session, check: Check, outcome: CheckEnd, now: datetime) -> None:
    """End a check; what was not sent yet is not sent any more."""
    check.ended_at, check.outcome, check.due_at = now, outcome, None
    queue.withdraw(session, [telling.about(check)], now)
    _note(session, check, "check.ended", now)


def mark_mute(session: Session, check: Check, now: datetime) -> None:
    """Mark a telephone where the text arrived and none came back: it may not be able to answer."""
    for message in telling.texted(session, check):
        if message.status is State.DELIVERED and message.contact_method_id is not None:
            phones.mark_mute(session, message.contact_method_id, now)


def _note(session: Session, check: Check, action: str, now: datetime) -> None:
    team = session.get_one(Team, check.team_id)
    facts = {"check": check.uid, "stage": str(check.stage), "outcome": str(check.outcome or "")}
    said = check.answered_at is not None or check.refused_at is not None
    by = _phone(check) if said else ENGINE
    record.note(session, team, by, action, f"person:{check.person_id}", facts, now)
    _show(session, check)


def _phone(check: Check) -> Actor:
    return Actor("phone", check.person_id, check.person.name)


def _show(session: Session, check: Check) -> None:
    team = session.get_one(Team, check.team_id)
    record.show(session, team)
    upkeep.bump(session, team.organisation_id, "board")
