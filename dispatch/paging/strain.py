"""Tells the rota who went for something that weighs on people, so that it can be shared fairly.

Looked at from time to time and not where calls are answered: nobody waits for a count. Somebody
went who arrived or was done; whoever was released on the way, and every drill, is left out. What is
told holds neither the incident nor its kind.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.incidents.models import Category, Incident, Want
from dispatch.paging.models import Assignment, Callout
from dispatch.people.models import Team
from dispatch.rota import heavy
from dispatch.rota.models import HeavyCall

#: A call that is still under way after so long is none that anybody waits to be counted.
_BACK = timedelta(days=60)


def tally(session: Session, now: datetime) -> int:
    """Tell the rota what is not counted yet; return how many."""
    about = sa.literal("assignment:").concat(sa.cast(Assignment.id, sa.Text))
    query = (
        sa.select(Assignment.person_id, Assignment.accepted_at, about, Category.key, Team)
        .join(Callout, Callout.id == Assignment.callout_id)
        .join(Want, Want.id == Callout.want_id)
        .join(Team, Team.id == Want.team_id)
        .join(Incident, Incident.id == Want.incident_id)
        .join(Category, Category.id == Incident.category_id)
        .where(sa.or_(Assignment.on_scene_at.is_not(None), Assignment.done_at.is_not(None)))
        .where(Assignment.accepted_at > now - _BACK, Incident.drill.is_(False))
        .where(about.not_in(sa.select(HeavyCall.about)))
    )
    kinds: dict[int, frozenset[str]] = {}
    told = 0
    for person_id, at, name, category, team in session.execute(query).all():
        if team.id not in kinds:
            kinds[team.id] = heavy.kinds(session, team)
        if category in kinds[team.id]:
            told += heavy.note(session, team.id, person_id, at, name)
    return told
