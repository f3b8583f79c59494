"""Who learns beside somebody who goes: told by text once they go, and never called instead of them.

Whoever is on duty on a team's line "shadow" learns. With mentors of their own they are told only
when one of these goes, else when anybody of the team does. They may answer that they come along;
whoever goes is told so. A yes of theirs is never a seat: the victim waits for somebody trained.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch.audit import ENGINE, Actor
from dispatch.db import Session
from dispatch.incidents import timeline
from dispatch.paging import pages, telling
from dispatch.paging.candidates import SHADOW
from dispatch.paging.models import Assignment, Page
from dispatch.people.models import Person, Team
from dispatch.rota import duty
from dispatch.rota.models import Line, Pairing, PairingKind

_KIND = "comes_along"
_HAS_SHADOW = sa.select(Line.id).where(Line.team_id == sa.bindparam("team_id"), Line.key == SHADOW)


def told(learning: Collection[int], mentors: Mapping[int, Collection[int]], goes: int) -> list[int]:
    """Return who of those who learn is told that somebody goes (pure)."""
    return [one for one in learning if one != goes and goes in mentors.get(one, (goes,))]


def tell(session: Session, seat: Assignment, now: datetime) -> None:
    """Tell whoever learns beside somebody who has just taken a seat."""
    callout, team = seat.callout, seat.callout.want.team
    if session.scalar(_HAS_SHADOW, {"team_id": team.id}) is None:
        return
    found = duty.on_duty(session, team, now).turns
    learning = {turn.person_id for turn in found if turn.line_key == SHADOW}
    going = {one.person_id for one in callout.assignments if one.released_at is None}
    asked = {page.person_id for page in callout.pages if is_for_learning(page)}
    for person_id in told(
        sorted(learning - going - asked), _mentors(session, team, now), seat.person_id
    ):
        _tell(session, seat, session.get_one(Person, person_id), now)


def foreseen(
    session: Session, team: Team, turns: Collection[duty.Turn], now: datetime
) -> list[tuple[str, list[str]]]:
    """Return who of a duty would be told, each with whom they learn beside; nobody: beside all."""
    learning = [turn for turn in turns if turn.line_key == SHADOW]
    if not learning:
        return []
    mentors = _mentors(session, team, now)
    ids = {one for turn in learning for one in mentors.get(turn.person_id, ())}
    rows = session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(ids)))
    names = {row.id: row.name for row in rows.all()}
    return [
        (turn.person_name, sorted(names[one] for one in mentors.get(turn.person_id, ())))
        for turn in learning
    ]


def _mentors(session: Session, team: Team, now: datetime) -> dict[int, set[int]]:
    day = now.astimezone(ZoneInfo(team.time_zone)).date()
    query = sa.select(Pairing).where(
        Pairing.team_id == team.id,
        Pairing.kind == PairingKind.MENTOR,
        Pairing.from_on <= day,
        sa.or_(Pairing.until_on.is_(None), Pairing.until_on >= day),
    )
    mentors: dict[int, set[int]] = {}
    for pairing in session.scalars(query):
        mentors.setdefault(pairing.first_id, set()).add(pairing.second_id)
    return mentors


def _tell(session: Session, seat: Assignment, person: Person, now: datetime) -> None:
    callout = seat.callout
    page = pages.rung(session, callout, person, "", now)
    page.reason = {"kind": _KIND, "with": seat.person.name}
    session.flush()
    telling.notice(session, callout.incident, page, "along.sms", now)
    facts = {"person": person.name, "with": seat.person.name}
    timeline.add(session, callout.incident, "told_learner", ENGINE, now, **facts)


def is_for_learning(page: Page) -> bool:
    """Return whether a page told somebody who learns; it never leads to a seat."""
    return page.reason.get("kind") == _KIND


def answer(session: Session, page: Page, comes: bool, actor: Actor, now: datetime) -> None:
    """Take the answer of somebody who learns, and let those who go know who comes along."""
    callout = page.callout
    page.answered_at = page.answered_at or now
    name = page.person.name if page.person is not None else ""
    kind = "comes_along" if comes else "stays"
    timeline.add(session, callout.incident, kind, actor, now, person=name)
    for seat in callout.assignments if comes else ():
        first = pages.last_of(callout, seat.person_id)
        if seat.released_at is None and first is not None:
            telling.notice(session, callout.incident, first, "learner.sms", now)
