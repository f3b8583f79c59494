"""Entering, changing and cancelling turns and covers by hand, on lines that a team is given once.

Each verb checks everything a planner can mend and raises Invalid naming the fields; what only the
database can see, a colleague's overlapping turn written at the same moment, becomes Conflict. A
turn keeps its uid while its times move, its sequence never falls and nothing is deleted, so that
calendars follow. Giving a turn to somebody else cancels it and enters a new one: only so does the
first person's calendar learn of it. Every change is recorded and shown on every screen of the
organisations that the team serves. Whom a running callout pages is judged when it pages, from the
rows, so nothing here has to tell it.

Who may plan is for `people.access` to say; rest and fairness are for `rota.rules`.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from dispatch import audit
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Person, Team
from dispatch.rota import absences, record
from dispatch.rota.duty import not_counted
from dispatch.rota.models import Cover, Line, Shift
from dispatch.texts import N_, Sentence

#: Longer is a slip of the year or the month far more often than a turn.
LONGEST = timedelta(days=14)
#: From an instant up to but not including another.
Span = tuple[datetime, datetime]


def add_line(
    session: Session, team: Team, key: str, name: str, actor: Actor, now: datetime
) -> Line:
    """Give a team's rota one more seat, after the others; raises Conflict when the key is taken."""
    query = sa.select(Line.key, Line.position).where(Line.team_id == team.id)
    taken = {row.key: row.position for row in session.execute(query)}
    if key in taken:
        raise Conflict(f"Team {team.key} has a line {key} already.")
    line = Line(team_id=team.id, key=key, name=name, position=max(taken.values(), default=-1) + 1)
    session.add(line)
    session.flush()
    audit.record(session, actor, "line.added", f"team:{team.id}", {"line": key}, now)
    return line


def enter_shift(
    session: Session,
    line: Line,
    person: Person,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
    now: datetime,
    reason: str = "",
) -> Shift:
    """Put a person on a line; a turn that is over already needs a reason."""
    team = session.get_one(Team, line.team_id)
    problems = wrong_times(starts_at, ends_at)
    if not problems:
        problems = _past(ends_at <= now, reason)
        problems |= no_member(session, team, person, starts_at, ends_at)
        problems |= taken(session, team, line, starts_at, ends_at)
    _refuse(problems)
    shift = Shift(
        uid=str(uuid.uuid4()),
        line_id=line.id,
        person_id=person.id,
        starts_at=starts_at,
        ends_at=ends_at,
        sequence=0,
        changed_at=now,
    )
    with alone(session):
        session.add(shift)
    absences.make_room(session, shift, starts_at, ends_at, actor, now)
    tell(session, team, actor, "shift.entered", shift, reason, now)
    return shift


def change_shift(
    session: Session,
    shift: Shift,
    actor: Actor,
    now: datetime,
    *,
    person: Person | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    reason: str = "",
) -> Shift:
    """Move a turn, or give it to somebody else; return the turn that stands afterwards."""
    shift = _standing(session, Shift, shift.id)
    line, team = _place(session, shift)
    starts_at, ends_at = starts_at or shift.starts_at, ends_at or shift.ends_at
    handed = person is not None and person.id != shift.person_id
    if (starts_at, ends_at) == (shift.starts_at, shift.ends_at) and not handed:
        return shift
    holder = person or session.get_one(Person, shift.person_id)
    problems = wrong_times(starts_at, ends_at)
    if not problems:
        problems = _past(_changes_from(shift, starts_at, ends_at, handed) <= now, reason)
        problems |= no_member(session, team, holder, starts_at, ends_at)
        problems |= taken(session, team, line, starts_at, ends_at, shift.id)
        problems |= _covers_left_out(session, team, shift, starts_at, ends_at, handed)
    _refuse(problems)
    if handed:
        with alone(session):
            cancel(session, shift, actor, now)
        tell(session, team, actor, "shift.cancelled", shift, reason, now)
        return enter_shift(session, line, holder, starts_at, ends_at, actor, now, reason)
    new = gained((shift.starts_at, shift.ends_at), (starts_at, ends_at))
    with alone(session):
        move(session, shift, (starts_at, ends_at), actor, now)
    for begin, end in new:
        absences.make_room(session, shift, begin, end, actor, now)
    tell(session, team, actor, "shift.changed", shift, reason, now)
    return shift


def cancel_shift(
    session: Session, shift: Shift, actor: Actor, now: datetime, reason: str = ""
) -> None:
    """Take a turn and its covers out of the rota; one that has begun needs a reason."""
    shift = _standing(session, Shift, shift.id)
    _, team = _place(session, shift)
    _refuse(_past(shift.starts_at <= now, reason))
    for cover in covers_of(session, shift):
        cancel(session, cover, actor, now)
        tell(session, team, actor, "cover.cancelled", cover, reason, now)
    cancel(session, shift, actor, now)
    tell(session, team, actor, "shift.cancelled", shift, reason, now)


def enter_cover(
    session: Session,
    shift: Shift,
    person: Person,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
    now: datetime,
    reason: str = "",
) -> Cover:
    """Let a person take a turn, or a part of it; one that is over already needs a reason."""
    shift = _standing(session, Shift, shift.id)
    _, team = _place(session, shift)
    problems = wrong_times(starts_at, ends_at)
    if not problems:
        problems = _past(ends_at <= now, reason)
        problems |= no_member(session, team, person, starts_at, ends_at)
        problems |= _cover_fits(session, team, shift, person, starts_at, ends_at)
    _refuse(problems)
    cover = Cover(
        uid=str(uuid.uuid4()),
        shift_id=shift.id,
        person_id=person.id,
        starts_at=starts_at,
        ends_at=ends_at,
        sequence=0,
        changed_at=now,
    )
    with alone(session):
        session.add(cover)
    absences.make_room(session, cover, starts_at, ends_at, actor, now)
    tell(session, team, actor, "cover.entered", cover, reason, now)
    return cover


def change_cover(
    session: Session,
    cover: Cover,
    actor: Actor,
    now: datetime,
    *,
    person: Person | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    reason: str = "",
) -> Cover:
    """Move a cover, or give it to somebody else; return the cover that stands afterwards."""
    # The shift first, always: whoever shortens it at the same moment must see this cover move.
    shift = _standing(session, Shift, cover.shift_id)
    cover = _standing(session, Cover, cover.id)
    _, team = _place(session, shift)
    starts_at, ends_at = starts_at or cover.starts_at, ends_at or cover.ends_at
    handed = person is not None and person.id != cover.person_id
    if (starts_at, ends_at) == (cover.starts_at, cover.ends_at) and not handed:
        return cover
    holder = person or session.get_one(Person, cover.person_id)
    problems = wrong_times(starts_at, ends_at)
    if not problems:
        problems = _past(_changes_from(cover, starts_at, ends_at, handed) <= now, reason)
        problems |= no_member(session, team, holder, starts_at, ends_at)
        problems |= _cover_fits(session, team, shift, holder, starts_at, ends_at, cover.id)
    _refuse(problems)
    if handed:
        cancel(session, cover, actor, now)
        tell(session, team, actor, "cover.cancelled", cover, reason, now)
        return enter_cover(session, shift, holder, starts_at, ends_at, actor, now, reason)
    new = gained((cover.starts_at, cover.ends_at), (starts_at, ends_at))
    with alone(session):
        move(session, cover, (starts_at, ends_at), actor, now)
    for begin, end in new:
        absences.make_room(session, cover, begin, end, actor, now)
    tell(session, team, actor, "cover.changed", cover, reason, now)
    return cover


def cancel_cover(
    session: Session, cover: Cover, actor: Actor, now: datetime, reason: str = ""
) -> None:
    """Give a covered time back to the turn's owner; one that has begun needs a reason."""
    shift = _standing(session, Shift, cover.shift_id)
    cover = _standing(session, Cover, cover.id)
    _, team = _place(session, shift)
    _refuse(_past(cover.starts_at <= now, reason))
    cancel(session, cover, actor, now)
    tell(session, team, actor, "cover.cancelled", cover, reason, now)


# --- What can be wrong; each answers with problems by field.


def wrong_times(starts_at: datetime, ends_at: datetime) -> dict[str, str]:
    """Return why no turn can be from an instant to another, by field; or nothing."""
    if ends_at <= starts_at:
        return {"ends_at": N_("The end must be after the start.")}
    if ends_at - starts_at > LONGEST:
        told = N_("Longer than %(days)s days: enter it in parts.")
        return {"ends_at": Sentence(told, days=LONGEST.days)}
    return {}


def _past(touched: bool, reason: str) -> dict[str, str]:
    if touched and not reason.strip():
        return {"reason": N_("This changes what has been: say why.")}
    return {}


def _changes_from(
    row: Shift | Cover, starts_at: datetime, ends_at: datetime, handed: bool
) -> datetime:
    """Return the first instant at which a change puts somebody else on duty, or nobody."""
    if handed or starts_at != row.starts_at:
        return min(starts_at, row.starts_at)
    return min(ends_at, row.ends_at)


def no_member(
    session: Session, team: Team, person: Person, starts_at: datetime, ends_at: datetime
) -> dict[str, str]:
    """Return why the team cannot count on a person between two instants, by field; or nothing."""
    found = not_counted(session, team, person.id, starts_at, ends_at)
    if found is None:
        return {}
    why, at = found
    if why == "left":
        told, at = N_("%(name)s takes part until %(at)s."), person.left_at or at
    else:
        told = N_("%(name)s is no member of %(team)s on %(at)s.")
    return {"person": Sentence(told, name=person.name, team=team.name, at=_local(team, at))}


def taken(
    session: Session,
    team: Team,
    line: Line,
    starts_at: datetime,
    ends_at: datetime,
    but: int | None = None,
) -> dict[str, str]:
    """Return who has a line between two instants, by field; or nothing."""
    found = session.execute(
        sa.select(Shift.starts_at, Shift.ends_at, Person.name)
        .join(Person, Person.id == Shift.person_id)
        .where(
            Shift.line_id == line.id,
            Shift.cancelled_at.is_(None),
            Shift.id != (but or 0),
            Shift.starts_at < ends_at,
            Shift.ends_at > starts_at,
        )
        .order_by(Shift.starts_at)
        .limit(1)
    ).first()
    if found is None:
        return {}
    told = N_("%(name)s is on %(line)s from %(begin)s to %(end)s.")
    facts = _span(team, found.starts_at, found.ends_at)
    return {"starts_at": Sentence(told, name=found.name, line=line.name, **facts)}


def _covers_left_out(
    session: Session, team: Team, shift: Shift, starts_at: datetime, ends_at: datetime, handed: bool
) -> dict[str, str]:
    problems: dict[str, str] = {}
    for cover in covers_of(session, shift):
        name = session.get_one(Person, cover.person_id).name
        change = N_("%(name)s covers from %(begin)s to %(end)s: change that cover first.")
        cancel = N_("%(name)s covers from %(begin)s to %(end)s: cancel that cover first.")
        facts = {"name": name, **_span(team, cover.starts_at, cover.ends_at)}
        if handed:
            problems["person"] = Sentence(cancel, **facts)
        if cover.starts_at < starts_at:
            problems["starts_at"] = Sentence(change, **facts)
        if cover.ends_at > ends_at:
            problems["ends_at"] = Sentence(change, **facts)
    return problems


def _cover_fits(
    session: Session,
    team: Team,
    shift: Shift,
    person: Person,
    starts_at: datetime,
    ends_at: datetime,
    but: int | None = None,
) -> dict[str, str]:
    problems: dict[str, str] = {}
    if person.id == shift.person_id:
        problems["person"] = Sentence(N_("%(name)s has this turn already."), name=person.name)
    if starts_at < shift.starts_at:
        told = N_("The turn begins on %(at)s.")
        problems["starts_at"] = Sentence(told, at=_local(team, shift.starts_at))
    if ends_at > shift.ends_at:
        told = N_("The turn ends on %(at)s.")
        problems["ends_at"] = Sentence(told, at=_local(team, shift.ends_at))
    for other in covers_of(session, shift):
        if other.id != but and other.starts_at < ends_at and starts_at < other.ends_at:
            name = session.get_one(Person, other.person_id).name
            told = N_("%(name)s covers from %(begin)s to %(end)s.")
            facts = _span(team, other.starts_at, other.ends_at)
            problems.setdefault("starts_at", Sentence(told, name=name, **facts))
    return problems


def _refuse(problems: dict[str, str]) -> None:
    if problems:
        raise Invalid(" ".join(problems.values()), **problems)


def _local(team: Team, at: datetime) -> str:
    return f"{at.astimezone(ZoneInfo(team.time_zone)):%Y-%m-%d %H:%M}"


def _span(team: Team, starts_at: datetime, ends_at: datetime) -> dict[str, str]:
    return {"begin": _local(team, starts_at), "end": _local(team, ends_at)}


# --- Reading and writing rows.

_Row = TypeVar("_Row", Shift, Cover)


def _standing(session: Session, table: type[_Row], row_id: int) -> _Row:
    """Return the row as it is now, locked; what somebody cancelled meanwhile is a conflict."""
    query = sa.select(table).where(table.id == row_id).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one()
    if row.cancelled_at is not None:
        raise Conflict(N_("This turn was cancelled meanwhile. Look at the rota again."))
    return row


def _place(session: Session, shift: Shift) -> tuple[Line, Team]:
    line = session.get_one(Line, shift.line_id)
    return line, session.get_one(Team, line.team_id)


def covers_of(session: Session, shift: Shift) -> list[Cover]:
    """Return the covers that stand over a turn, in order."""
    query = sa.select(Cover).where(Cover.shift_id == shift.id, Cover.cancelled_at.is_(None))
    return list(session.scalars(query.order_by(Cover.starts_at)))


def gained(was: Span, now: Span) -> list[Span]:
    """Return the parts of a time that were not in it before it moved."""
    parts = (now[0], min(now[1], was[0])), (max(now[0], was[1]), now[1])
    return [(begin, end) for begin, end in parts if begin < end]


def move(session: Session, row: Shift | Cover, times: Span, actor: Actor, now: datetime) -> None:
    """Let a turn or cover stand at other times; nothing is checked.

    Absences that made room for what it leaves stand again; for what it gains they make none.
    """
    left = gained(times, (row.starts_at, row.ends_at))
    row.starts_at, row.ends_at = times
    _touch(row, now)
    session.flush()
    for begin, end in left:
        absences.give_back(session, row, begin, end, actor, now)


def cancel(session: Session, row: Shift | Cover, actor: Actor, now: datetime) -> None:
    """Let a turn or cover stand no more, and absences that made room for it; nothing is checked."""
    row.cancelled_at = now
    _touch(row, now)
    session.flush()
    absences.give_back(session, row, row.starts_at, row.ends_at, actor, now)


def _touch(row: Shift | Cover, now: datetime) -> None:
    row.sequence += 1
    # A clock set back must not make a calendar believe that it has the newer text.
    row.changed_at = max(row.changed_at, now)


@contextmanager
def alone(session: Session) -> Iterator[None]:
    """Write in a savepoint; an overlap that only the database could see is a conflict."""
    try:
        with session.begin_nested():
            yield
    except IntegrityError as error:
        raise Conflict(
            N_("Somebody entered a turn at this time a moment ago. Look at the rota again.")
        ) from error


def tell(
    session: Session,
    team: Team,
    actor: Actor,
    action: str,
    row: Shift | Cover,
    reason: str,
    now: datetime,
) -> None:
    """Record what became of a turn or cover, and let screens look again."""
    details = {
        "person": row.person_id,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "sequence": row.sequence,
        "reason": reason.strip(),
    }
    record.note(session, team, actor, action, f"{row.__tablename__}:{row.uid}", details, now)
