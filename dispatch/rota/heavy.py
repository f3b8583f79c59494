"""Calls that weigh on people: who went for how many, for fair shares.

Which kinds of incident weigh is the team's choice (`rota.terms`); that somebody went is told from
above, once for each, and nothing else of it is kept. What counts as having gone is for whoever
tells.
"""

from collections.abc import Mapping
from datetime import date, datetime

import sqlalchemy as sa

from dispatch.db import Base, Session
from dispatch.inserts import insert_once
from dispatch.people.models import Team
from dispatch.rota.days import span
from dispatch.rota.models import HeavyCall
from dispatch.rota.terms import terms_of


def kinds(session: Session, team: Team) -> frozenset[str]:
    """Return the keys of the kinds of incident that weigh on people of a team."""
    return frozenset(terms_of(session, team).heavy.split())


def note(session: Session, team_id: int, person_id: int, at: datetime, about: str) -> bool:
    """Count a call that somebody of a team went for; False if it was counted before.

    `about` names it for whoever tells, and must say nothing of what it was.
    """
    row = {"team_id": team_id, "person_id": person_id, "at": at, "about": about}
    return insert_once(session, Base.metadata.tables[HeavyCall.__tablename__], row) is not None


def counts(session: Session, team: Team, first: date, last: date) -> Mapping[int, int]:
    """Return how many heavy calls each person went for on some days, both included."""
    begins, ends = span(first, last, team.time_zone)
    query = (
        sa.select(HeavyCall.person_id, sa.func.count())
        .where(HeavyCall.team_id == team.id, HeavyCall.at >= begins, HeavyCall.at < ends)
        .group_by(HeavyCall.person_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}
