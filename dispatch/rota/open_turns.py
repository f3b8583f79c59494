"""Open turns: gaps that a planner offers to everybody of the team, and whoever signs up first.

Rules judge a sign-up like any other turn; within a day they only warn, and a planner looks at it
afterwards. Where the organisation wants it, a planner agrees first.
"""

from datetime import datetime

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people import qualifications
from dispatch.people.models import Person, Team
from dispatch.rota import changes, handing, judging, notices, record
from dispatch.rota.days import local, local_day
from dispatch.rota.handing import Hand
from dispatch.rota.judging import Judged
from dispatch.rota.models import Line, OpenState, OpenTurn, Shift
from dispatch.rota.terms import owners, terms_of
from dispatch.texts import N_, Sentence

_OPEN = (OpenState.OPEN, OpenState.ASKED)


def offer(
    session: Session,
    line: Line,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
    now: datetime,
) -> OpenTurn:
    """Offer an empty time of a line to everybody of the team.

    Raises Invalid where somebody has it, Conflict where it is offered already.
    """
    team = _lock(session, line)
    _refuse_impossible(session, team, line, starts_at, ends_at, now)
    turn = OpenTurn(
        line_id=line.id,
        starts_at=starts_at,
        ends_at=ends_at,
        state=OpenState.OPEN,
        offered_at=now,
        offered_by=actor.name,
    )
    session.add(turn)
    session.flush()
    _note(session, team, turn, actor, "open_turn.offered", now)
    day = local_day(starts_at, team.time_zone)
    everybody = [person_id for person_id, _ in qualifications.members(session, team, day)]
    told = N_("%(team)s: nobody has %(turn)s yet. Sign up for it.")
    _tell(session, team, turn, everybody, told, now)
    return turn


def judge(session: Session, turn: OpenTurn, person_id: int) -> list[Judged]:
    """Return what it would break if somebody took an open turn."""
    team = session.get_one(Team, turn.line.team_id)
    hand = Hand(turn.line_id, turn.starts_at, turn.ends_at, person_id)
    return handing.broken_by(session, team, [hand])


def sign_up(
    session: Session, turn: OpenTurn, person: Person, actor: Actor, now: datetime
) -> OpenTurn:
    """Take an open turn; raises Invalid with everything hard that it breaks, Conflict if late."""
    turn = _locked(session, turn)
    if turn.state is not OpenState.OPEN or turn.ends_at <= now:
        raise Conflict(N_("Somebody else has this turn by now."))
    team = session.get_one(Team, turn.line.team_id)
    late = handing.is_late(turn.starts_at, now)
    broken = judge(session, turn, person.id)
    if not late:
        judging.refuse(broken, "")
    turn.person_id, turn.broken = person.id, judging.keys(one for one in broken if one.hard)
    if terms_of(session, team).swaps_approved and not late:
        turn.state = OpenState.ASKED
        session.flush()
        _note(session, team, turn, actor, "open_turn.asked", now)
        told = N_("%(team)s: %(name)s would take %(turn)s: say yes or no.")
        where = notices.requests(team)
        _tell(session, team, turn, owners(session, team), told, now, where, name=person.name)
        return turn
    turn.to_approve = late and (bool(turn.broken) or terms_of(session, team).swaps_approved)
    if turn.to_approve:
        told, where = N_("%(team)s: %(name)s has %(turn)s."), notices.requests(team)
        others = [one for one in owners(session, team) if one != person.id]
        _tell(session, team, turn, others, told, now, where, name=person.name)
    return _enter(session, team, turn, actor, now)


def approve(
    session: Session, turn: OpenTurn, actor: Actor, now: datetime, reason: str = ""
) -> OpenTurn:
    """Agree as a planner that whoever signed up has the turn.

    What holds already has been looked at by this.
    """
    turn = _locked(session, turn)
    if turn.to_approve:
        turn.to_approve = False
        team = session.get_one(Team, turn.line.team_id)
        _note(session, team, turn, actor, "open_turn.approved", now)
        return turn
    turn = _asked(session, turn)
    assert turn.person_id is not None, "somebody signed up"
    judging.refuse(judge(session, turn, turn.person_id), reason)
    team = session.get_one(Team, turn.line.team_id)
    _enter(session, team, turn, actor, now, reason)
    told = N_("%(team)s: %(turn)s is yours.")
    _tell(session, team, turn, [turn.person_id], told, now)
    return turn


def refuse(session: Session, turn: OpenTurn, actor: Actor, now: datetime) -> OpenTurn:
    """Say no as a planner: the turn is open again, what is left of it if it holds already."""
    turn = _locked(session, turn)
    if turn.to_approve:
        _take_back(session, turn, actor, now)
    else:
        turn = _asked(session, turn)
    team = session.get_one(Team, turn.line.team_id)
    told = N_("%(team)s: %(turn)s goes to somebody else.")
    _tell(session, team, turn, [turn.person_id or 0], told, now)
    turn.state, turn.person_id = OpenState.OPEN, None
    session.flush()
    _note(session, team, turn, actor, "open_turn.refused", now)
    return turn


def withdraw(session: Session, turn: OpenTurn, actor: Actor, now: datetime) -> None:
    """Offer a turn no more."""
    turn = _locked(session, turn)
    if turn.state not in _OPEN:
        raise Conflict(N_("Somebody else has this turn by now."))
    turn.state = OpenState.WITHDRAWN
    session.flush()
    team = session.get_one(Team, turn.line.team_id)
    _note(session, team, turn, actor, "open_turn.withdrawn", now)


def standing(session: Session, team: Team, now: datetime) -> list[OpenTurn]:
    """Return the turns of a team that are open, or wait for a planner, in order."""
    query = (
        sa.select(OpenTurn)
        .join(Line)
        .where(Line.team_id == team.id, OpenTurn.state.in_(_OPEN), OpenTurn.ends_at > now)
        .order_by(OpenTurn.starts_at, OpenTurn.id)
    )
    return list(session.scalars(query))


def taken_late(session: Session, team: Team) -> list[OpenTurn]:
    """Return the late sign-ups of a team that hold already and a planner must look at, in order."""
    query = sa.select(OpenTurn).join(Line).where(Line.team_id == team.id, OpenTurn.to_approve)
    return list(session.scalars(query.order_by(OpenTurn.starts_at, OpenTurn.id)))


def _enter(
    session: Session, team: Team, turn: OpenTurn, actor: Actor, now: datetime, reason: str = ""
) -> OpenTurn:
    person = session.get_one(Person, turn.person_id)
    times = max(turn.starts_at, now), turn.ends_at
    shift = changes.enter_shift(session, turn.line, person, *times, actor, now, reason)
    turn.state, turn.taken_at, turn.shift_id = OpenState.TAKEN, now, shift.id
    session.flush()
    _note(session, team, turn, actor, "open_turn.taken", now)
    return turn


def _take_back(session: Session, turn: OpenTurn, actor: Actor, now: datetime) -> None:
    """Let a late sign-up hold no longer; what has been served stays served."""
    shift = session.get_one(Shift, turn.shift_id)
    if shift.cancelled_at is not None or shift.person_id != turn.person_id:
        raise Conflict(N_("This turn was changed meanwhile. Look at the rota again."))
    if shift.ends_at <= now:
        raise Conflict(N_("This turn is over."))
    if shift.starts_at < now:
        changes.change_shift(session, shift, actor, now, ends_at=now, reason="refused")
    else:
        changes.cancel_shift(session, shift, actor, now, "refused")
    turn.starts_at = max(turn.starts_at, now)
    turn.to_approve, turn.broken, turn.taken_at, turn.shift_id = False, [], None, None


def _tell(
    session: Session,
    team: Team,
    turn: OpenTurn,
    person_ids: list[int],
    told: str,
    now: datetime,
    place: str = "turns/swaps",
    **facts: object,
) -> None:
    at = local(turn.starts_at, team.time_zone)
    named = Sentence("%(line)s %(at)s", line=turn.line.name, at=at)
    said = Sentence(told, team=team.name, turn=named, **facts)
    touches, about = max(turn.starts_at, now), f"open_turn:{turn.id}"
    notices.tell(session, team, person_ids, said, now, touches=touches, about=about, place=place)


def _refuse_impossible(
    session: Session,
    team: Team,
    line: Line,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> None:
    problems = changes.wrong_times(starts_at, ends_at)
    problems = problems or changes.taken(session, team, line, starts_at, ends_at)
    if not problems and ends_at <= now:
        problems = {"ends_at": N_("This turn is over.")}
    if problems:
        raise Invalid(" ".join(problems.values()), **problems)
    meets = sa.select(OpenTurn.id).where(
        OpenTurn.line_id == line.id,
        OpenTurn.state.in_(_OPEN),
        OpenTurn.starts_at < ends_at,
        OpenTurn.ends_at > starts_at,
    )
    if session.scalars(meets).first() is not None:
        raise Conflict(N_("This is offered already: withdraw that first."))


def _lock(session: Session, line: Line) -> Team:
    query = sa.select(Team).where(Team.id == line.team_id).with_for_update()
    return session.scalars(query).one()


def _locked(session: Session, turn: OpenTurn) -> OpenTurn:
    query = sa.select(OpenTurn).where(OpenTurn.id == turn.id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _asked(session: Session, turn: OpenTurn) -> OpenTurn:
    turn = _locked(session, turn)
    if turn.state is not OpenState.ASKED:
        raise Conflict(N_("This was answered meanwhile. Look again."))
    return turn


def _note(
    session: Session, team: Team, turn: OpenTurn, actor: Actor, action: str, now: datetime
) -> None:
    facts = {
        "line": turn.line_id,
        "person": turn.person_id,
        "starts_at": turn.starts_at,
        "ends_at": turn.ends_at,
        "broken": turn.broken,
    }
    record.note(session, team, actor, action, f"open_turn:{turn.id}", facts, now)
