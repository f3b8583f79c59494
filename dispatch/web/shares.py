"""How one's turns of the last year compare with a fair share, for one calm line.

Counted like the planner counts: each burden by itself, the share by contract and presence. Nobody
else's count is shown; what would be fair says enough about the others.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from flask_babel import format_decimal, gettext

from dispatch.db import Session
from dispatch.people.models import Team
from dispatch.rota import fairness, heavy, planning
from dispatch.rota.days import local_day
from dispatch.rota.sentences import COUNTED
from dispatch.web import session

_YEAR = timedelta(days=365)
#: What each burden is called.
BURDENS = {burden.key: COUNTED[burden.key] for burden in fairness.BURDENS}


@dataclass(frozen=True)
class Share:
    """What somebody had of a burden, and what would be fair."""

    burden: str
    count: int
    fair: str


def of_last_year(opened: Session, team: Team, person_id: int) -> list[Share]:
    """Return somebody's share of each burden that the team had; none for who had no part."""
    last = local_day(session.now(), team.time_zone)
    ground = planning.load(opened, team, last - _YEAR, last)
    laid = ground.lay(planning.published(opened, team, last - _YEAR, last))
    problem = replace(laid.problem, fairs=fairness.fairs(laid.problem))
    standings = [
        (gettext(BURDENS[one.key]), one) for one in fairness.standings(problem, laid.seats)
    ]
    calls = heavy.counts(opened, team, last - _YEAR, last)
    histories = {
        person.id: fairness.History(
            {"heavy": calls.get(person.id, 0)}, person.share * fairness.presence(problem, person)
        )
        for person in problem.people
    }
    if calls:
        standings.append((gettext("heavy calls"), fairness.borne(histories)))
    return [
        Share(
            name,
            standing.counts[person_id],
            str(format_decimal(round(standing.targets[person_id], 1), "#,##0.#")),
        )
        for name, standing in standings
        if person_id in standing.targets
    ]
