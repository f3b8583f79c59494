"""What an organisation chose for its rotas: the team's own choice, else its organisation's.

Changing it is recorded. What each choice does is said by whoever asks for it.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.people import access
from dispatch.people.access import Right
from dispatch.people.models import Team
from dispatch.rota import record
from dispatch.rota.models import Terms

_CHOICES = {
    column.name: getattr(column.default, "arg", None)
    for column in Terms.__table__.columns
    if column.name not in ("id", "organisation_id", "team_id")
}


def terms_of(session: Session, team: Team) -> Terms:
    """Return what holds for a team; a row that is not stored where nobody chose anything."""
    query = (
        sa.select(Terms)
        .where(Terms.organisation_id == team.organisation_id)
        .where(sa.or_(Terms.team_id == team.id, Terms.team_id.is_(None)))
        .order_by(Terms.team_id.is_(None))
    )
    found = session.scalars(query).first()
    return found or Terms(organisation_id=team.organisation_id, team_id=team.id, **_CHOICES)


def choose(session: Session, team: Team, actor: Actor, now: datetime, **choices: Any) -> Terms:
    """Let something hold for a team; what is not named stays as it is."""
    terms = terms_of(session, team)
    if terms.team_id is None:
        held = {name: getattr(terms, name) for name in _CHOICES}
        terms = Terms(organisation_id=team.organisation_id, team_id=team.id, **held)
    for name, value in choices.items():
        setattr(terms, name, value)
    session.add(terms)
    session.flush()
    record.note(session, team, actor, "terms.chosen", f"team:{team.id}", choices, now)
    return terms


def owners(session: Session, team: Team) -> list[int]:
    """Return who answers for a team's rota: its owner while they plan it, else whoever does."""
    planners = access.with_right(session, Right.ROTA_CHANGE, team)
    owner = terms_of(session, team).owner_id
    # An owner who left, or plans no more, would keep every warning from everybody.
    return [owner] if owner in planners else planners
