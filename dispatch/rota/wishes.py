"""Wishes: turns that somebody would rather have or rather not have, from a fair budget.

Everybody has the same points in each period; a wish takes some of them and weighs as much. It binds
nobody: a plan that does not meet it costs its points, and is told so.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Person, Team
from dispatch.rota import record
from dispatch.rota.changes import no_member
from dispatch.rota.days import local_day, span
from dispatch.rota.models import Wish, WishPeriod
from dispatch.rota.terms import terms_of
from dispatch.texts import N_, Sentence

#: More days than this are an absence, not a wish.
LONGEST = 31
_MONTHS = {WishPeriod.MONTH: 1, WishPeriod.QUARTER: 3, WishPeriod.YEAR: 12}


@dataclass(frozen=True)
class Budget:
    """What somebody may still wish for."""

    first_on: date
    last_on: date
    points: int
    spent: int

    @property
    def left(self) -> int:
        """Points not spent yet."""
        return max(0, self.points - self.spent)


def wish(
    session: Session,
    team: Team,
    person: Person,
    wanted: bool,
    first_on: date,
    last_on: date,
    points: int,
    actor: Actor,
    now: datetime,
    *,
    kind: str = "",
) -> Wish:
    """Write down a wish; raises Invalid naming the field, also when the budget is spent."""
    # Two wishes at the same moment may not spend the same points.
    session.execute(sa.select(Person.id).where(Person.id == person.id).with_for_update())
    problems = _days(team, first_on, last_on, now)
    if not problems:
        problems = no_member(session, team, person, *span(first_on, last_on, team.time_zone))
        problems |= _points(budget(session, team, person, first_on), points)
    if problems:
        raise Invalid(" ".join(problems.values()), **problems)
    row = Wish(
        team_id=team.id,
        person_id=person.id,
        wanted=wanted,
        first_on=first_on,
        last_on=last_on,
        kind=kind,
        points=points,
        asked_at=now,
    )
    session.add(row)
    session.flush()
    _note(session, row, actor, "wish.made", now)
    return row


def withdraw(session: Session, wish: Wish, actor: Actor, now: datetime) -> None:
    """Take a wish back; its points can be spent again."""
    if wish.withdrawn_at is not None:
        raise Conflict(N_("This wish was taken back already."))
    wish.withdrawn_at = now
    session.flush()
    _note(session, wish, actor, "wish.withdrawn", now)


def standing(session: Session, team: Team, first_on: date, last_on: date) -> list[Wish]:
    """Return the wishes of a team that touch some days, in order."""
    query = sa.select(Wish).where(
        Wish.team_id == team.id,
        Wish.withdrawn_at.is_(None),
        Wish.first_on <= last_on,
        Wish.last_on >= first_on,
    )
    return list(session.scalars(query.order_by(Wish.first_on, Wish.id)))


def budget(session: Session, team: Team, person: Person, day: date) -> Budget:
    """Return what somebody may wish for in the period that a day is in."""
    terms = terms_of(session, team)
    first, last = _period(terms.wish_period, day)
    spent = sa.select(sa.func.sum(Wish.points)).where(
        Wish.team_id == team.id,
        Wish.person_id == person.id,
        Wish.withdrawn_at.is_(None),
        Wish.first_on.between(first, last),
    )
    return Budget(first, last, terms.wish_budget, session.scalar(spent) or 0)


def _period(period: WishPeriod, day: date) -> tuple[date, date]:
    months = _MONTHS[period]
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    over = first.month - 1 + months
    return first, date(first.year + over // 12, over % 12 + 1, 1) - timedelta(days=1)


def _days(team: Team, first_on: date, last_on: date, now: datetime) -> dict[str, str]:
    if last_on < first_on:
        return {"last_on": N_("The last day comes before the first.")}
    if (last_on - first_on).days >= LONGEST:
        told = N_("Longer than %(days)s days: ask for an absence.")
        return {"last_on": Sentence(told, days=LONGEST)}
    if last_on < local_day(now, team.time_zone):
        return {"last_on": N_("These days are over.")}
    return {}


def _points(budget: Budget, points: int) -> dict[str, str]:
    if points < 1:
        return {"points": N_("A wish takes one point or more.")}
    if points <= budget.left:
        return {}
    told = N_("%(left)s of %(points)s points are left from %(first)s to %(last)s.")
    facts = {"left": budget.left, "points": budget.points}
    return {"points": Sentence(told, **facts, first=budget.first_on, last=budget.last_on)}


def _note(session: Session, wish: Wish, actor: Actor, action: str, now: datetime) -> None:
    team = session.get_one(Team, wish.team_id)
    facts = {"person": wish.person_id, "first_on": wish.first_on, "last_on": wish.last_on}
    facts |= {"wanted": wish.wanted, "points": wish.points}
    record.note(session, team, actor, action, f"wish:{wish.id}", facts, now)
