"""Writing down what happened to a team's rota, and letting every screen that shows it look again.

One call for each change: an entry in the audit record, and a new revision of the topic "rota" for
every organisation that the team serves. What is worth an entry is left to the verbs.
"""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from dispatch import audit, upkeep
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.people.models import Membership, Person, Service, Team


def note(
    session: Session,
    team: Team,
    actor: Actor,
    action: str,
    subject: str,
    details: Mapping[str, object],
    now: datetime,
) -> None:
    """Record an action on a team's rota."""
    audit.record(session, actor, action, subject, {"team": team.key, **details}, now)
    show(session, team)


def note_person(
    session: Session,
    person: Person,
    actor: Actor,
    action: str,
    subject: str,
    details: Mapping[str, object],
    now: datetime,
) -> None:
    """Record an action that touches the rotas of every team that somebody is or was in."""
    audit.record(session, actor, action, subject, {"person": person.id, **details}, now)
    member = sa.select(Membership.team_id).where(Membership.person_id == person.id)
    show(session, *session.scalars(sa.select(Team).where(Team.id.in_(member))))


def show(session: Session, *teams: Team) -> None:
    """Let every screen that shows the rota of teams look again."""
    served = sa.select(Service.organisation_id).where(
        Service.team_id.in_([team.id for team in teams])
    )
    owners = {team.organisation_id for team in teams}
    for organisation_id in owners | set(session.scalars(served)):
        upkeep.bump(session, organisation_id, "rota")
