"""Whoever has a turn and was asked in vain whether they are reached: a dispatcher has to ring.

By then they were texted and rung, and whoever was still on duty and whoever plans were told. It
sounds on the boards of every organisation that the team serves, until somebody is reached, has the
turn instead, or the turn is over.
"""

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from dispatch.checks import showing
from dispatch.checks.showing import State
from dispatch.db import Session
from dispatch.people.models import Service, Team
from dispatch.rota.days import local
from dispatch.texts import N_, Sentence
from dispatch.vigil import wrongs
from dispatch.vigil.judging import Found
from dispatch.vigil.models import Trouble

_SILENT = N_("%(name)s, whose turn is from %(at)s, has not answered the check-in. Ring them.")
_REFUSED = N_("%(name)s, whose turn is from %(at)s, answered no to the check-in. Ring them.")


def found(session: Session, now: datetime) -> Iterator[Found]:
    """Yield what is wrong with the centre for every organisation that the team serves."""
    for one in showing.unreached(session, now):
        team = session.get_one(Team, one.team_id)
        text = _REFUSED if one.state is State.REFUSED else _SILENT
        told = Sentence(text, name=one.name, at=local(one.begins_at, team.time_zone))
        served = sa.select(Service.organisation_id).where(Service.team_id == team.id)
        for organisation_id in session.scalars(served).all():
            facts = {"team": team.name} | wrongs.kept(told)
            about = f"{organisation_id}:{team.id}:{one.uid}"
            yield Found(Trouble.CHECK_IN, one.at, about, facts, organisation_id)
