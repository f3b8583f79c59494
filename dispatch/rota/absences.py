"""Absences: asked, approved, refused, withdrawn, and which published turns they leave empty.

An absence holds in every team that somebody is in. Two of one person that stand, asked or approved,
never overlap. Illness is told, not asked: it stands at once. What stands is heeded by every plan
from then on; published turns are never moved by it: `turns_hit` says which ones need somebody else,
and whoever answers for the rota is told.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Membership, Organisation, Person, Team
from dispatch.rota import notices, record, terms
from dispatch.rota.days import local, local_day
from dispatch.rota.duty import Turn, duty_between
from dispatch.rota.models import Absence, AbsenceKind, Answer, Cover, Room, Shift
from dispatch.texts import N_, Sentence

#: An absence without an end is looked at so far ahead.
FAR = datetime.max.replace(tzinfo=UTC)
_AHEAD = timedelta(days=366)
_LONGEST = timedelta(days=2 * 366)
#: Illness that begins further away than this is asked: nobody is ill next summer.
_ILL_SINCE, _ILL_SOON = timedelta(days=14), timedelta(days=2)
_STANDS = (Answer.ASKED, Answer.APPROVED)

KINDS = {
    AbsenceKind.LEAVE: N_("leave"),
    AbsenceKind.SICK: N_("illness"),
    AbsenceKind.TRAINING: N_("training"),
    AbsenceKind.OTHER: N_("other reason"),
}
_ANSWERS = {Answer.ASKED: N_("asked"), Answer.APPROVED: N_("approved")}


@dataclass(frozen=True)
class Hit:
    """A published turn, or the part of one, that an absence leaves empty."""

    team: Team
    turn: Turn
    from_at: datetime
    until_at: datetime


def ask(
    session: Session,
    person: Person,
    kind: AbsenceKind,
    starts_at: datetime,
    ends_at: datetime | None,
    actor: Actor,
    now: datetime,
    *,
    approved: bool = False,
) -> Absence:
    """Ask for an absence; `approved`: a planner enters it. Illness of these days stands at once.

    Raises Invalid naming the field and, where another absence is met, that one. One without an end
    lasts until the next that is known: whoever is ill tonight has no leave of next month to untie.
    """
    _lock(session, person.id)
    ends_at = ends_at or _next_begins(session, person, starts_at)
    _check(session, person, starts_at, ends_at)
    absence = Absence(
        person_id=person.id,
        kind=kind,
        starts_at=starts_at,
        ends_at=ends_at,
        answer=Answer.ASKED,
        asked_at=now,
        asked_by=actor.name,
    )
    session.add(absence)
    session.flush()
    _note(session, absence, actor, "absence.asked", now)
    of_now = now - _ILL_SINCE <= starts_at <= now + _ILL_SOON
    if approved or (kind is AbsenceKind.SICK and of_now):
        _stand(session, absence, actor, now)
    else:
        _tell_asked(session, absence, actor, now)
    return absence


def approve(session: Session, absence: Absence, actor: Actor, now: datetime) -> list[Hit]:
    """Approve what was asked; return the published turns that now need somebody else."""
    absence = _asked(session, absence)
    hits = _stand(session, absence, actor, now)
    _tell(session, absence, N_("your absence from %(at)s is approved."), now)
    return hits


def refuse(session: Session, absence: Absence, reason: str, actor: Actor, now: datetime) -> None:
    """Refuse what was asked; the person reads why."""
    absence = _asked(session, absence)
    if not reason.strip():
        sentence = N_("Say why: the person reads it.")
        raise Invalid(sentence, reason=sentence)
    absence.answer, absence.reason = Answer.REFUSED, reason.strip()
    _answered(session, absence, actor, "absence.refused", now)
    _tell(session, absence, N_("your absence from %(at)s is refused: read why."), now)


def withdraw(session: Session, absence: Absence, actor: Actor, now: datetime) -> None:
    """Take back an absence; what of it has passed already stays if it was approved."""
    absence = _locked(session, absence)
    if absence.answer not in _STANDS or (absence.ends_at or FAR) <= now:
        raise Conflict(N_("This absence does not stand any more."))
    if absence.answer is Answer.APPROVED and absence.starts_at < now:
        absence.ends_at = now
        _answered(session, absence, actor, "absence.ended", now)
        return
    absence.answer = Answer.WITHDRAWN
    _answered(session, absence, actor, "absence.withdrawn", now)


def end(session: Session, absence: Absence, ends_at: datetime, actor: Actor, now: datetime) -> None:
    """Let an absence end earlier or later than was known: somebody returns, or stays ill."""
    _lock(session, absence.person_id)
    absence = _locked(session, absence)
    if absence.answer not in _STANDS:
        raise Conflict(N_("This absence does not stand any more."))
    person, before = session.get_one(Person, absence.person_id), absence.ends_at or FAR
    _check(session, person, absence.starts_at, ends_at, absence.id)
    absence.ends_at = ends_at
    session.flush()
    _note(session, absence, actor, "absence.end_moved", now)
    if absence.answer is Answer.APPROVED:
        hits = [
            replace(hit, from_at=max(hit.from_at, before))
            for hit in turns_hit(session, absence, now)
            if hit.until_at > before
        ]
        _tell_hits(session, absence, hits, actor, now)


def make_room(
    session: Session,
    row: Shift | Cover,
    from_at: datetime,
    until_at: datetime,
    actor: Actor,
    now: datetime,
) -> None:
    """Leave a turn or cover, or a part of it, out of the absences of whoever has it all the same.

    Whoever is on duty must be paged: a rota that names them and an absence that passes them over
    cannot both be true. Whoever did not do it themselves is told. Illness stays.
    """
    _lock(session, row.person_id)
    for absence in standing(session, [row.person_id], from_at, until_at):
        if absence.kind is AbsenceKind.SICK:
            continue
        ends_at = absence.ends_at
        begin, end = max(absence.starts_at, from_at), min(ends_at or until_at, until_at)
        _keep_room(session, row, absence.kind, begin, end)
        if ends_at is None or ends_at > until_at:
            rest = Absence(person_id=row.person_id, kind=absence.kind, answer=Answer.APPROVED)
            rest.starts_at, rest.ends_at = until_at, ends_at
            rest.asked_at, rest.asked_by = absence.asked_at, absence.asked_by
            rest.answered_at, rest.answered_by = now, actor.name
            session.add(rest)
        if absence.starts_at < from_at:
            absence.ends_at = from_at
        else:
            absence.answer, absence.answered_at = Answer.WITHDRAWN, now
            absence.answered_by = actor.name
        session.flush()
        _note(session, absence, actor, "absence.made_room", now)
        if actor.id != row.person_id:
            told = N_("your absence is taken back from %(at)s to %(end)s: you have a turn then.")
            _tell(session, absence, told, now, begin, end)


def give_back(
    session: Session,
    row: Shift | Cover,
    from_at: datetime,
    until_at: datetime,
    actor: Actor,
    now: datetime,
) -> None:
    """Let absences stand again where they made room for what is somebody's no longer."""
    query = sa.select(Room).where(Room.about == _row(row))
    query = query.where(Room.starts_at < until_at, Room.ends_at > from_at)
    rooms = list(session.scalars(query.order_by(Room.starts_at)))
    if rooms:
        _lock(session, row.person_id)
    for room in rooms:
        begin, end = max(room.starts_at, from_at), min(room.ends_at, until_at)
        session.delete(room)
        for kept in ((room.starts_at, begin), (end, room.ends_at)):
            if kept[0] < kept[1]:
                _keep_room(session, row, room.kind, *kept)
        session.flush()
        if max(begin, now) < end:
            _give_back(session, room, max(begin, now), end, actor, now)


def _give_back(
    session: Session, room: Room, begin: datetime, end: datetime, actor: Actor, now: datetime
) -> None:
    if _meeting(session, room.person_id, begin, end):
        return
    absence = Absence(person_id=room.person_id, kind=room.kind, answer=Answer.APPROVED)
    absence.starts_at, absence.ends_at = begin, end
    absence.asked_at, absence.asked_by = now, actor.name
    session.add(absence)
    _answered(session, absence, actor, "absence.given_back", now)
    told = N_("your absence from %(at)s to %(end)s stands again.")
    _tell(session, absence, told, now, begin, end)
    # In another team they may have a turn then by now.
    _tell_hits(session, absence, turns_hit(session, absence, now), actor, now)


def _keep_room(
    session: Session, row: Shift | Cover, kind: AbsenceKind, starts_at: datetime, ends_at: datetime
) -> None:
    room = Room(about=_row(row), person_id=row.person_id, kind=kind)
    room.starts_at, room.ends_at = starts_at, ends_at
    session.add(room)


def _row(row: Shift | Cover) -> str:
    return f"{row.__tablename__}:{row.uid}"


def turns_hit(session: Session, absence: Absence, now: datetime) -> list[Hit]:
    """Return what the person has in the published rota during an absence, from now on."""
    begin, end = max(absence.starts_at, now), absence.ends_at or now + _AHEAD
    member = sa.select(Membership.team_id).where(Membership.person_id == absence.person_id)
    teams = session.scalars(sa.select(Team).where(Team.id.in_(member)).order_by(Team.id))
    return [
        Hit(team, turn, max(turn.from_at, begin), min(turn.until_at, end))
        for team in teams
        for turn in (duty_between(session, team, begin, end) if begin < end else ())
        if isinstance(turn, Turn) and turn.person_id == absence.person_id
    ]


def standing(
    session: Session, person_ids: Collection[int], from_at: datetime, until_at: datetime
) -> list[Absence]:
    """Return the approved absences of people that touch the time between, in order."""
    query = (
        sa.select(Absence)
        .where(Absence.person_id.in_(person_ids), Absence.answer == Answer.APPROVED)
        .where(Absence.starts_at < until_at)
        .where(sa.or_(Absence.ends_at.is_(None), Absence.ends_at > from_at))
        .order_by(Absence.starts_at, Absence.id)
    )
    return list(session.scalars(query))


# --- What each verb needs.


def _check(
    session: Session,
    person: Person,
    starts_at: datetime,
    ends_at: datetime | None,
    but: int | None = None,
) -> None:
    if ends_at is not None and ends_at <= starts_at:
        sentence = N_("The end must be after the start.")
        raise Invalid(sentence, ends_at=sentence)
    if ends_at is not None and ends_at - starts_at > _LONGEST:
        sentence = N_("Longer than two years: leave the end open.")
        raise Invalid(sentence, ends_at=sentence)
    met = _meeting(session, person.id, starts_at, ends_at or FAR, but)
    if met is not None:
        sentence = _met(session, person, met)
        raise Invalid(sentence, starts_at=sentence)


def _meeting(
    session: Session, person_id: int, starts_at: datetime, ends_at: datetime, but: int | None = None
) -> Absence | None:
    """Return the first absence of somebody, asked or approved, that touches a time."""
    query = (
        sa.select(Absence)
        .where(Absence.person_id == person_id, Absence.answer.in_(_STANDS))
        .where(Absence.starts_at < ends_at, Absence.id != (but or 0))
        .where(sa.or_(Absence.ends_at.is_(None), Absence.ends_at > starts_at))
        .order_by(Absence.starts_at)
    )
    return session.scalars(query.limit(1)).first()


def _next_begins(session: Session, person: Person, starts_at: datetime) -> datetime | None:
    query = sa.select(sa.func.min(Absence.starts_at)).where(
        Absence.person_id == person.id,
        Absence.answer.in_(_STANDS),
        Absence.starts_at > starts_at,
    )
    return session.scalar(query)


def _met(session: Session, person: Person, met: Absence) -> Sentence:
    zone = _zone(session, person)
    facts = {
        "name": person.name,
        "kind": Sentence(KINDS[met.kind]),
        "answer": Sentence(_ANSWERS[met.answer]),
        "begin": local(met.starts_at, zone),
    }
    if met.ends_at is None:
        told = N_("%(name)s is away already: %(kind)s from %(begin)s on (%(answer)s).")
        return Sentence(told, **facts)
    told = N_("%(name)s is away already: %(kind)s from %(begin)s to %(end)s (%(answer)s).")
    return Sentence(told, end=local(met.ends_at, zone), **facts)


def _stand(session: Session, absence: Absence, actor: Actor, now: datetime) -> list[Hit]:
    """Let an absence count from now on; whoever answers for the rota learns what it empties."""
    absence.answer = Answer.APPROVED
    _answered(session, absence, actor, "absence.approved", now)
    hits = turns_hit(session, absence, now)
    _tell_hits(session, absence, hits, actor, now)
    return hits


def _tell_hits(
    session: Session, absence: Absence, hits: Iterable[Hit], actor: Actor, now: datetime
) -> None:
    """Tell whoever answers for a rota which of its turns an absence leaves empty."""
    name = session.get_one(Person, absence.person_id).name
    for team, found in groupby(hits, key=lambda hit: hit.team):
        turns = list(found)
        told = N_("%(team)s: %(name)s is away. Turns left empty: %(count)s, from %(at)s.")
        first = local(turns[0].from_at, team.time_zone)
        said = Sentence(told, team=team.name, name=name, count=len(turns), at=first)
        _tell_owners(session, team, said, turns[0].from_at, actor, now)


def _tell_asked(session: Session, absence: Absence, actor: Actor, now: datetime) -> None:
    """Tell whoever answers for the rotas of somebody that they ask to be away."""
    person = session.get_one(Person, absence.person_id)
    begins = local_day(absence.starts_at, _zone(session, person))
    member = sa.select(Membership.team_id).where(
        Membership.person_id == person.id,
        sa.or_(Membership.until_on.is_(None), Membership.until_on >= begins),
    )
    for team in session.scalars(sa.select(Team).where(Team.id.in_(member)).order_by(Team.id)):
        told = N_("%(team)s: %(name)s asks to be away from %(at)s.")
        at = local(absence.starts_at, team.time_zone)
        said = Sentence(told, team=team.name, name=person.name, at=at)
        _tell_owners(session, team, said, absence.starts_at, actor, now)


def _tell_owners(
    session: Session, team: Team, said: Sentence, touches: datetime, actor: Actor, now: datetime
) -> None:
    others = [one for one in terms.owners(session, team) if one != actor.id]
    where = notices.requests(team)
    notices.tell(session, team, others, said, now, touches=touches, place=where)


def _answered(session: Session, absence: Absence, actor: Actor, action: str, now: datetime) -> None:
    absence.answered_at, absence.answered_by = now, actor.name
    session.flush()
    _note(session, absence, actor, action, now)


def _tell(
    session: Session,
    absence: Absence,
    told: str,
    now: datetime,
    begin: datetime | None = None,
    end: datetime | None = None,
) -> None:
    """Tell somebody what became of their absence, or of the part of it that is named."""
    person = session.get_one(Person, absence.person_id)
    zone, begin = _zone(session, person), begin or absence.starts_at
    facts = {"at": local(begin, zone)} | ({"end": local(end, zone)} if end is not None else {})
    team = _home(session, person)
    if team is not None:
        touches = begin if begin > now else None
        notices.tell(session, team, [person.id], Sentence(told, **facts), now, touches=touches)


def _home(session: Session, person: Person) -> Team | None:
    query = sa.select(Team).join(Membership, Membership.team_id == Team.id)
    query = query.where(Membership.person_id == person.id).order_by(Membership.from_on.desc())
    return session.scalars(query.limit(1)).first()


def _zone(session: Session, person: Person) -> str:
    return session.get_one(Organisation, person.organisation_id).time_zone


def _lock(session: Session, person_id: int) -> None:
    """Let two requests for one person wait for each other: neither may miss the other's rows."""
    session.execute(sa.select(Person.id).where(Person.id == person_id).with_for_update())


def _locked(session: Session, absence: Absence) -> Absence:
    query = sa.select(Absence).where(Absence.id == absence.id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _asked(session: Session, absence: Absence) -> Absence:
    absence = _locked(session, absence)
    if absence.answer is not Answer.ASKED:
        raise Conflict(N_("This absence was answered meanwhile. Look again."))
    return absence


def _note(session: Session, absence: Absence, actor: Actor, action: str, now: datetime) -> None:
    person = session.get_one(Person, absence.person_id)
    facts = {"starts_at": absence.starts_at, "ends_at": absence.ends_at}
    record.note_person(session, person, actor, action, f"absence:{absence.id}", facts, now)
