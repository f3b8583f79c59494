"""How far check-ins are, for the screens: of whoever is on duty, and of whoever comes next."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from dispatch.checks.models import Check, CheckEnd, CheckKind, Stage
from dispatch.db import Session


class State(StrEnum):
    """What is to be said of a check-in."""

    ANSWERED = "answered"
    WAITING = "waiting"
    SILENT = "silent"
    """Others were told: somebody has to ring."""
    REFUSED = "refused"


@dataclass(frozen=True)
class Shown:
    """The newest check-in of somebody for a duty that lasts, or is about to begin."""

    uid: str
    person_id: int
    name: str
    team_id: int
    line_id: int | None
    begins_at: datetime
    at: datetime
    """When it was answered, or else asked."""
    state: State
    stays: str = ""
    """Who was asked to stay."""
    heard: bool = False
    """They confirmed it."""


def current(session: Session, team_ids: Collection[int], now: datetime) -> list[Shown]:
    """Return the check-ins of the duties that last or are asked about already."""
    query = (
        sa.select(Check)
        .where(Check.team_id.in_(team_ids), Check.kind == CheckKind.CHECK_IN, Check.ends_at > now)
        .where(sa.or_(Check.outcome.is_(None), Check.outcome != CheckEnd.MOVED))
        .options(sa.orm.joinedload(Check.person), sa.orm.joinedload(Check.outgoing))
        .order_by(Check.id)
    )
    newest = {(one.team_id, one.person_id): one for one in session.scalars(query)}
    return [_shown(one) for one in newest.values()]


def unreached(session: Session, now: datetime) -> list[Shown]:
    """Return whom a dispatcher has to ring: everybody else was told already."""
    query = (
        sa.select(Check)
        .where(Check.ended_at.is_(None), Check.stage == Stage.BOARD)
        .where(Check.kind == CheckKind.CHECK_IN, Check.ends_at > now)
        .options(sa.orm.joinedload(Check.person), sa.orm.joinedload(Check.outgoing))
        .order_by(Check.id)
    )
    return [_shown(one) for one in session.scalars(query)]


def _shown(check: Check) -> Shown:
    state = State.WAITING
    if check.answered_at is not None:
        state = State.ANSWERED
    elif check.refused_at is not None:
        state = State.REFUSED
    elif check.stage not in (Stage.TEXTED, Stage.CALLED) or check.ended_at is not None:
        state = State.SILENT
    stays = check.outgoing.name if check.outgoing is not None and state in _TOLD else ""
    return Shown(
        check.uid,
        check.person_id,
        check.person.name,
        check.team_id,
        check.line_id,
        check.begins_at,
        check.answered_at or check.asked_at,
        state,
        stays,
        check.heard_at is not None,
    )


_TOLD = (State.SILENT, State.REFUSED)
