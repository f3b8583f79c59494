"""What teams chose about checks, and how people want to be reminded; safe where nobody chose."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch import audit
from dispatch.audit import Actor
from dispatch.checks.models import CheckTerms, ReminderChoice
from dispatch.db import Session
from dispatch.people.models import Person, Team
from dispatch.rota import record

_DEFAULTS = {
    column.name: getattr(column.default, "arg", None)
    for column in CheckTerms.__table__.columns
    if column.name not in ("id", "team_id")
}


def of_team(session: Session, team: Team) -> CheckTerms:
    """Return what holds for a team; a row that is not stored where nobody chose anything."""
    found = session.scalars(sa.select(CheckTerms).where(CheckTerms.team_id == team.id)).first()
    return found or CheckTerms(team_id=team.id, **_DEFAULTS)


def choose(session: Session, team: Team, actor: Actor, now: datetime, **chosen: Any) -> None:
    """Let something hold for a team; what is not named stays as it is."""
    terms = of_team(session, team)
    for name, value in chosen.items():
        setattr(terms, name, value)
    session.add(terms)
    session.flush()
    record.note(session, team, actor, "checks.chosen", f"team:{team.id}", chosen, now)


def of_people(session: Session, person_ids: Collection[int]) -> Mapping[int, ReminderChoice]:
    """Return how people want to be reminded, of those who chose."""
    query = sa.select(ReminderChoice).where(ReminderChoice.person_id.in_(person_ids))
    return {one.person_id: one for one in session.scalars(query)}


def remind(
    session: Session, person: Person, hours: int | None, by_mail: bool, actor: Actor, now: datetime
) -> None:
    """Let somebody be reminded so long before each turn; None: as their team has it."""
    held = of_people(session, [person.id]).get(person.id)
    if hours is None:
        if held is not None:
            session.delete(held)
    else:
        held = held or ReminderChoice(person_id=person.id)
        held.hours, held.by_mail = hours, by_mail
        session.add(held)
    session.flush()
    facts = {"hours": hours, "by_mail": by_mail}
    audit.record(session, actor, "reminder.chosen", f"person:{person.id}", facts, now)
