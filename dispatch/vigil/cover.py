"""Turns that will have nobody, or nobody fit: alarmed a week, a day and an hour ahead.

Nobody planned, somebody who will be away, somebody whose proof will have ended by then. Whoever
answers for the rota is told by text and mail, once at each distance; within the hour it is wrong
with the centre, and sounds on the boards of every organisation that the team serves. What goes
wrong later, or breaks a rule, is told by `rota.watch`.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.people import hours
from dispatch.people.models import Service, Team
from dispatch.rota import attendance, duty, notices, terms, watch
from dispatch.rota.days import local, local_day
from dispatch.rota.duty import Gap
from dispatch.rota.models import Line, Shift
from dispatch.rota.watch import Finding, Kind
from dispatch.texts import N_, Sentence
from dispatch.vigil import wrongs
from dispatch.vigil.judging import Found
from dispatch.vigil.models import Trouble

WEEK, DAY, HOUR = timedelta(days=7), timedelta(days=1), timedelta(hours=1)
#: From near to far.
STAGES = {"1h": HOUR, "24h": DAY, "7d": WEEK}
#: Whoever is told by day must still have so long.
_TIME_TO_ACT = timedelta(hours=3)


def stage(at: datetime, now: datetime) -> str | None:
    """Return how near something is; None: further than a week."""
    return next((name for name, ahead in STAGES.items() if at - now <= ahead), None)


def teams(session: Session) -> Sequence[Team]:
    """Return the teams that ever had a published turn: others have not begun."""
    begun = sa.select(Line.team_id).join(Shift).where(Shift.cancelled_at.is_(None))
    query = sa.select(Team).where(Team.id.in_(begun)).order_by(Team.id)
    return session.scalars(query).all()


def coming(session: Session, team: Team, now: datetime) -> list[Finding]:
    """Return what a team will lack within a week, in order of time."""
    until = now + WEEK
    found = [
        *watch.gaps_ahead(session, team, now, until),
        *_losing(session, team, now, until),
        *_away(session, team, now, until),
    ]
    return sorted(found, key=lambda one: (one.at, one.about))


def _losing(session: Session, team: Team, now: datetime, until: datetime) -> Iterator[Finding]:
    """Yield the turns that will lose a proof; of one lost before, whoever plans knows."""
    today = local_day(now, team.time_zone)
    for one in watch.lapsing(session, team, now, until):
        end = one.told.facts["end"]
        if isinstance(end, date) and end >= today:
            yield one


def _away(session: Session, team: Team, now: datetime, until: datetime) -> Iterator[Finding]:
    """Yield the times that a turn's holder is away and that nobody covers."""
    wanted = hours.expected_windows(team, now, until)
    for gap in attendance.attended(session, duty.duty_between(session, team, now, until)):
        if not isinstance(gap, Gap) or gap.kind != "away" or not gap.from_at or not gap.until_at:
            continue
        if not any(begin < gap.until_at and gap.from_at < end for begin, end in wanted):
            continue
        said = Sentence(
            N_("%(line)s: %(name)s has the turn and is away from %(begin)s to %(end)s."),
            line=gap.line_name,
            name=gap.absent,
            begin=local(gap.from_at, team.time_zone),
            end=local(gap.until_at, team.time_zone),
        )
        about = f"away:{gap.line_key}:{gap.from_at.isoformat()}"
        yield Finding(Kind.GAP, max(now, gap.from_at), said, about)


def tell(session: Session, team: Team, found: Sequence[Finding], now: datetime) -> int:
    """Tell whoever answers for the rota what has come nearer; return how many were new."""
    new = [one for one in found if _is_new(session, team, one, now)]
    if not new:
        return 0
    told: Sentence = Sentence("%(team)s: %(told)s", team=team.name, told=new[0].told)
    if len(new) > 1:
        more = N_("%(team)s: %(told)s That is the first of %(count)s within a week.")
        told = Sentence(more, team=team.name, told=new[0].told, count=len(new))
    first = new[0].at
    by_day = notices.by_day(team, now) + _TIME_TO_ACT <= first
    owners = terms.owners(session, team)
    touches = None if by_day else first
    notices.tell(session, team, owners, told, now, touches=touches, place="shifts", mail=True)
    return len(new)


def _is_new(session: Session, team: Team, one: Finding, now: datetime) -> bool:
    near = stage(one.at, now)
    if near is None or not watch.is_new(session, team, f"{near}:{one.about}", now):
        return False
    # Who was told of it here need not be told by the look at the whole rota.
    watch.is_new(session, team, one.about, now)
    return True


def within_the_hour(
    session: Session, team: Team, found: Sequence[Finding], now: datetime
) -> Iterator[Found]:
    """Yield what is wrong with the centre for every organisation that the team serves."""
    near = [one for one in found if one.at - now <= HOUR]
    served = sa.select(Service.organisation_id).where(Service.team_id == team.id)
    for organisation_id in session.scalars(served).all() if near else ():
        for one in near:
            facts = {"team": team.name} | wrongs.kept(one.told)
            about = f"{organisation_id}:{team.id}:{one.about}"
            yield Found(Trouble.COVER, one.at, about, facts, organisation_id)
