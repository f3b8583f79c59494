"""What the demonstration's teams are planned by, and a draft of the next quarter.

Patterns that explain the turns there are, rules, shares, what people asked for: one of each, so
that every screen of a planner has something to show. Everything is entered by Petra, who plans both
teams. The draft is the greedy's: good enough to publish, and left for the planner to better.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.people.models import Membership, Person, Team
from dispatch.rota import (
    absences,
    drafts,
    ground,
    notices,
    planner,
    rulebook,
    seating,
    terms,
    watch,
    wishes,
)
from dispatch.rota.models import AbsenceKind, Line, Origin, PairingKind, Shift
from dispatch.simulator.centre import past, turns

_DAY = timedelta(days=1)
_WEEK: dict[str, Any] = {"form": "week", "kind": "week", "begins": "friday", "starts": "17:00"}
_NIGHT: dict[str, Any] = {
    "form": "days",
    "kind": "night",
    "on": ["monday", "tuesday", "wednesday", "thursday"],
    "starts": "17:00",
    "ends": "08:30",
}
_WEEKEND: dict[str, Any] = {
    "form": "days",
    "kind": "weekend",
    "on": ["friday"],
    "starts": "17:00",
    "ends": "08:30",
    "days": 3,
    "tags": ["weekend"],
}
_PATTERNS = {"victim-support": [_WEEK], "social-on-call": [_NIGHT, _WEEKEND]}
#: By first name: the share of employment, where it is not all of it.
_SHARES = {"Chloé": 0.5, "Elin": 0.8, "Maud": 0.6}
_QUARTER = 13 * 7


def plan(
    session: Session,
    teams: Mapping[str, Team],
    people: Mapping[str, Person],
    began: datetime,
    now: datetime,
) -> None:
    """Give each team its pattern, rules and people's wishes, and draft the next quarter."""
    petra = people["Petra"]
    actor = Actor("person", petra.id, petra.name)
    for team in teams.values():
        lines = [
            {"key": key, "turns": [{**turn, "rests": True} for turn in _PATTERNS[team.key]]}
            for key in ("primary", "backup")
        ]
        first_on = turns.local_day(began, team)
        ground.set_pattern(session, team, {"lines": lines}, first_on, actor, began)
        terms.choose(session, team, actor, began, preset="be-police", owner_id=petra.id)
    support = teams["victim-support"]
    _people(session, support, people, actor, began)
    _requests(session, support, people, actor, now)
    for team in teams.values():
        _draft(session, team, actor, now)


def _people(
    session: Session, team: Team, people: Mapping[str, Person], actor: Actor, began: datetime
) -> None:
    first_on = began.date()
    for name, share in _SHARES.items():
        query = sa.select(Membership).where(Membership.person_id == people[name].id)
        membership = session.scalars(query).one()
        ground.set_contract(session, membership, first_on, share, actor, began)
    for mentor in ("An", "Petra"):
        pair = people["Elin"], people[mentor]
        ground.pair(session, team, PairingKind.MENTOR, *pair, first_on, actor, began, weight=50)
    between = {"least": 14, "between_blocks": True}
    rulebook.set_rule(
        session,
        team,
        "weeks_between",
        "free_run",
        between,
        actor,
        began,
        weight=20,
        source="Agreed in the team",
    )


def _requests(
    session: Session, team: Team, people: Mapping[str, Person], actor: Actor, now: datetime
) -> None:
    """Enter what people asked for last week."""
    asked = now - 7 * _DAY
    until = watch.published_until(session, team, now) or now
    quarter = turns.local_day(until, team)
    leave = _days(team, quarter + 28 * _DAY, 14)
    absences.ask(session, people["Bert"], AbsenceKind.LEAVE, *leave, actor, asked, approved=True)
    gilles = people["Gilles"]
    by_gilles = Actor("person", gilles.id, gilles.name)
    week = _days(team, quarter + 49 * _DAY, 7)
    absences.ask(session, gilles, AbsenceKind.LEAVE, *week, by_gilles, asked)
    past.carry(session, notices.by_day(team, asked))
    shift = _later(session, team, now + 28 * _DAY)
    away = session.get_one(Person, shift.person_id)
    begins = turns.local_day(shift.starts_at, team) + _DAY
    course = _days(team, begins, 2)
    absences.ask(session, away, AbsenceKind.TRAINING, *course, actor, asked, approved=True)
    for name, wanted, after, points in (
        ("An", False, 30, 10),
        ("Chloé", True, 14, 6),
        ("Nils", False, 60, 15),
    ):
        person = people[name]
        by = Actor("person", person.id, person.name)
        on = quarter + after * _DAY
        wishes.wish(session, team, person, wanted, on, on + 6 * _DAY, points, by, asked)


def _draft(session: Session, team: Team, actor: Actor, now: datetime) -> None:
    until = watch.published_until(session, team, now) or now
    first_on = turns.local_day(until, team)
    last_on = first_on + (_QUARTER - 1) * _DAY
    draft = drafts.begin(session, team, first_on, last_on, actor, now, name="Next quarter")
    _, laid = drafts.lay(session, draft, now=now)
    proposal = planner.greedy(laid.problem)
    found = laid.turns(sorted(proposal.seats))
    seating.fill(session, draft, found, Origin.PLANNER, actor, now)


def _days(team: Team, first: date, count: int) -> tuple[datetime, datetime]:
    return turns.instant(first, time(0), team), turns.instant(first + count * _DAY, time(0), team)


def _later(session: Session, team: Team, after: datetime) -> Shift:
    query = (
        sa.select(Shift)
        .join(Line)
        .where(Line.team_id == team.id, Line.key == "primary", Shift.starts_at > after)
        .order_by(Shift.starts_at)
        .limit(1)
    )
    return session.scalars(query).one()
