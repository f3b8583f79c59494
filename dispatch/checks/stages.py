"""How far the asking goes: text, call, whoever is still on duty, whoever plans, the board.

A stage at which nobody could be told is no stage: the next comes at once. Nothing is decided here
about when: `deciding` says it, `rounds` calls.
"""

from datetime import datetime, timedelta

from dispatch import seal
from dispatch.audit import ENGINE
from dispatch.checks import answers, deciding, telling
from dispatch.checks.models import Check, CheckEnd, CheckKind, Stage
from dispatch.db import Base, Session
from dispatch.inserts import insert_once
from dispatch.people.models import Team
from dispatch.rota import notices, record, terms
from dispatch.rota.days import local
from dispatch.texts import N_, Sentence


def begin(
    session: Session,
    kind: CheckKind,
    about: str,
    person_id: int,
    team: Team,
    span: tuple[datetime, datetime],
    now: datetime,
    *,
    line_id: int | None = None,
    method_id: int | None = None,
    outgoing_id: int | None = None,
) -> Check | None:
    """Keep that somebody is asked something; None if they were before."""
    uid = seal.new_token()
    row = {
        "uid": uid,
        "about": about,
        "kind": kind,
        "person_id": person_id,
        "team_id": team.id,
        "line_id": line_id,
        "method_id": method_id,
        "outgoing_id": outgoing_id,
        "begins_at": span[0],
        "ends_at": span[1],
        "code": "" if kind is CheckKind.REMINDER else telling.new_code(session),
        "token_hash": seal.hash_token(telling.token(session, uid)),
        "stage": Stage.TEXTED,
        "asked_at": now,
        "due_at": now,
        "answered_by": "",
    }
    made = insert_once(session, Base.metadata.tables[Check.__tablename__], row)
    return session.get_one(Check, made) if made is not None else None


def first(session: Session, check: Check, wait: timedelta, now: datetime) -> None:
    """Ask for the first time: by text, by call where no text can be sent."""
    if telling.ask_by_text(session, check, now + 2 * wait, now):
        check.due_at = now + wait
    else:
        further(session, check, wait, now)
    _show(session, check, now)


def further(session: Session, check: Check, wait: timedelta, now: datetime) -> None:
    """Go one stage further, or as far as there is anybody to turn to."""
    while True:
        stage = deciding.next_stage(
            check.kind, check.stage, has_outgoing=check.outgoing_id is not None
        )
        if stage is None:
            _end_unanswered(session, check, now)
            return
        check.stage = stage
        refused = check.refused_at is not None
        check.due_at = deciding.next_at(check.kind, stage, wait, now, refused=refused)
        if _act(session, check, stage, wait, now) and not refused:
            break
        if check.due_at is None:
            break
    _show(session, check, now)


def _act(session: Session, check: Check, stage: Stage, wait: timedelta, now: datetime) -> bool:
    """Do what a stage is for; False when nobody could be told, so that the next comes at once."""
    if stage is Stage.CALLED:
        # Whoever said no is not asked again.
        asks = check.refused_at is None
        return asks and telling.ask_by_call(session, check, now + wait, now)
    answers.mark_mute(session, check, now)
    if stage is Stage.OUTGOING:
        return telling.ask_to_stay(session, check, now + 3 * wait, now)
    if stage is Stage.COORDINATOR:
        return _tell_coordinator(session, check, now)
    return True


_SILENT = N_(
    "%(team)s, %(line)s: %(name)s has not answered the check-in for the turn of %(at)s. Ring them, "
    "or let somebody else take the turn."
)
_STAYS = N_("%(told)s %(other)s was asked to stay.")
_CANNOT = N_(
    "%(team)s, %(line)s: %(name)s answered no to the check-in for the turn of %(at)s. Ring them, "
    "or let somebody else take the turn."
)


def _tell_coordinator(session: Session, check: Check, now: datetime) -> bool:
    team, line = telling.team_and_line(session, check)
    told = Sentence(
        _CANNOT if check.refused_at is not None else _SILENT,
        team=team.name,
        line=line,
        name=check.person.name,
        at=local(check.begins_at, team.time_zone),
    )
    if check.outgoing is not None:
        told = Sentence(_STAYS, told=told, other=check.outgoing.name)
    owners = terms.owners(session, team)
    about = telling.about(check)
    return bool(
        notices.tell(
            session, team, owners, told, now, touches=now, about=f"owners:{about}", place="on-duty"
        )
    )


def _end_unanswered(session: Session, check: Check, now: datetime) -> None:
    answers.mark_mute(session, check, now)
    end(session, check, CheckEnd.UNANSWERED, now)
    if check.kind is CheckKind.TEST and check.method_id is None:
        team = session.get_one(Team, check.team_id)
        told = N_("%(team)s: %(name)s did not answer the monthly test. Ask whether texts arrive.")
        said = Sentence(told, team=team.name, name=check.person.name)
        notices.tell(session, team, terms.owners(session, team), said, now, place="people")


def end(session: Session, check: Check, outcome: CheckEnd, now: datetime) -> None:
    asked_to_stay = check.stage in (Stage.OUTGOING, Stage.COORDINATOR, Stage.BOARD)
    answers.end(session, check, outcome, now)
    if outcome is CheckEnd.MOVED and asked_to_stay:
        telling.release(session, check, now, moved=True)


def _show(session: Session, check: Check, now: datetime) -> None:
    team = session.get_one(Team, check.team_id)
    facts = {"check": check.uid, "kind": str(check.kind), "stage": str(check.stage)}
    record.note(session, team, ENGINE, "check.asked", f"person:{check.person_id}", facts, now)
