"""Who comes into question, judged at the moment of paging.

Gathers what the rota, the certificates and the phones say right now and hands it to `policy`, which
decides. Nothing is remembered between two steps: a turn that changed hands a minute ago counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.incidents.models import Want
from dispatch.paging.models import NobodyOnDuty, Target
from dispatch.paging.policy import Candidate, Judged, Step, best_there_is, judge
from dispatch.people import phones, qualifications
from dispatch.people.models import MethodKind, Person, Qualification, Team
from dispatch.people.phones import Method
from dispatch.rota import duty

SMS, CALL = "sms", "call"


@dataclass(frozen=True)
class Prospect:
    """Somebody who may be paged, before certificates and phones are looked at."""

    person_id: int
    name: str
    reason: Mapping[str, Any]
    last_resort: bool = False


@dataclass(frozen=True)
class Found:
    """What one step finds: the judged, their phones, and the lines nobody is on."""

    judged: tuple[Judged, ...]
    methods: Mapping[int, Sequence[Method]]
    gaps: tuple[duty.Gap, ...] = ()


def on_duty(session: Session, want: Want, now: datetime) -> duty.Duty:
    """Return who is on duty in the wanted team."""
    return duty.on_duty(session, want.team, now)


def for_step(session: Session, want: Want, step: Step, present: duty.Duty, now: datetime) -> Found:
    """Return who a step adds, judged, in order."""
    prospects, gaps = _prospects(session, want, step, present, now)
    return _judged(session, want, prospects, gaps, now)


def nobody_on_duty(session: Session, want: Want, now: datetime) -> Found:
    """Return the team's nobody-on-duty list: paged even when not trained for this."""
    prospects = _nobody_list(session, want.team)
    return _judged(session, want, prospects, (), now)


def by_hand(session: Session, want: Want, person: Person, by: str, now: datetime) -> Found:
    """Return one person whom a dispatcher chose, whatever the training."""
    chosen = Prospect(person.id, person.name, {"kind": "by_hand", "by": by}, last_resort=True)
    return _judged(session, want, [chosen], (), now)


def best(
    session: Session, want: Want, present: duty.Duty, refused: set[int], now: datetime
) -> tuple[Judged, Sequence[Method]] | None:
    """Return the best there is when nobody trained can be reached: on duty first, then the list."""
    turns = [Prospect(t.person_id, t.person_name, _turn_reason(t)) for t in present.turns]
    everybody = [*turns, *_nobody_list(session, want.team)]
    found = _judged(session, want, [p for p in everybody if p.person_id not in refused], (), now)
    chosen = best_there_is(found.judged)
    if chosen is None:
        return None
    return chosen, found.methods[chosen.candidate.person_id]


def _prospects(
    session: Session, want: Want, step: Step, present: duty.Duty, now: datetime
) -> tuple[list[Prospect], tuple[duty.Gap, ...]]:
    if step.target in (Target.PRIMARY, Target.BACKUP):
        lines = [line for line in present.lines if line.line_key == step.target]
        gaps = tuple(line for line in lines if isinstance(line, duty.Gap))
        return [_of_turn(line) for line in lines if isinstance(line, duty.Turn)], gaps
    if step.target is Target.EVERYONE:
        return _everyone(session, want, now), ()
    if step.target is Target.NOBODY_LIST:
        return _nobody_list(session, want.team), ()
    if step.target is Target.TEAM and step.team_id is not None:
        other = session.get_one(Team, step.team_id)
        turns = duty.on_duty(session, other, now).turns
        reason = {"kind": "team", "team": other.name}
        return [Prospect(t.person_id, t.person_name, reason) for t in turns], ()
    if step.target is Target.PERSON and step.person_id is not None:
        person = session.get_one(Person, step.person_id)
        return [Prospect(person.id, person.name, {"kind": "named"}, last_resort=True)], ()
    return [], ()


def _of_turn(turn: duty.Turn) -> Prospect:
    return Prospect(turn.person_id, turn.person_name, _turn_reason(turn))


def _turn_reason(turn: duty.Turn) -> dict[str, Any]:
    kind = turn.line_key if turn.line_key in ("primary", "backup") else "on_line"
    reason = {"kind": kind, "line": turn.line_name, "until": turn.until_at.isoformat()}
    return reason | ({"covering": turn.covers} if turn.covers else {})


def _everyone(session: Session, want: Want, now: datetime) -> list[Prospect]:
    """Everybody in the team; who is not trained falls out without a row of its own."""
    members = qualifications.members(session, want.team, _today(want.team, now))
    ids = [person_id for person_id, _ in members]
    if want.qualification_id is not None:
        found = qualifications.standing(session, ids, want.qualification_id, _today(want.team, now))
        members = [(i, name) for i, name in members if found[i].valid]
    return [Prospect(i, name, {"kind": "everyone"}) for i, name in members]


def _nobody_list(session: Session, team: Team) -> list[Prospect]:
    query = (
        sa.select(Person.id, Person.name)
        .join(NobodyOnDuty, NobodyOnDuty.person_id == Person.id)
        .where(NobodyOnDuty.team_id == team.id, Person.left_at.is_(None))
        .order_by(NobodyOnDuty.position)
    )
    return [
        Prospect(row.id, row.name, {"kind": "nobody_list"}, last_resort=True)
        for row in session.execute(query)
    ]


def _judged(
    session: Session,
    want: Want,
    prospects: Sequence[Prospect],
    gaps: tuple[duty.Gap, ...],
    now: datetime,
) -> Found:
    if not prospects:
        return Found((), {}, gaps)
    ids = [prospect.person_id for prospect in prospects]
    methods = phones.reachable(session, ids)
    standing: dict[int, qualifications.Standing] = {}
    qualification: dict[str, Any] = {}
    if want.qualification_id is not None:
        day = _today(want.team, now)
        standing = qualifications.standing(session, ids, want.qualification_id, day)
        qualification = session.get_one(Qualification, want.qualification_id).names
    judged = tuple(
        judge(
            Candidate(
                person_id=prospect.person_id,
                name=prospect.name,
                reason=_reason(prospect, standing, qualification),
                channels=channels_of(methods[prospect.person_id]),
                shortfall=_shortfall(standing.get(prospect.person_id), qualification),
                last_resort=prospect.last_resort,
            )
        )
        for prospect in prospects
    )
    return Found(judged, methods, gaps)


def _reason(
    prospect: Prospect,
    standing: Mapping[int, qualifications.Standing],
    qualification: Mapping[str, Any],
) -> dict[str, Any]:
    held = standing.get(prospect.person_id)
    holds = {"holds": qualification} if held is not None and held.valid else {}
    return {**prospect.reason, **holds}


def _shortfall(
    standing: qualifications.Standing | None, qualification: Mapping[str, Any]
) -> dict[str, Any] | None:
    if standing is None or standing.valid:
        return None
    on = {"on": standing.on.isoformat()} if standing.on else {}
    return {"kind": standing.reason.value, "qualification": qualification, **on}


def lacking(
    session: Session, qualification_id: int, team: Team, person_id: int, now: datetime
) -> Mapping[str, Any] | None:
    """Return the names of the qualification if this person does not hold it today."""
    day = _today(team, now)
    if qualifications.standing(session, [person_id], qualification_id, day)[person_id].valid:
        return None
    return session.get_one(Qualification, qualification_id).names


def channels_of(methods: Sequence[Method]) -> frozenset[str]:
    """Return by which channels these methods reach somebody."""
    channels = {SMS for method in methods if method.texts}
    channels |= {CALL for method in methods if method.kind is not MethodKind.MAIL}
    return frozenset(channels)


def _today(team: Team, now: datetime) -> date:
    return now.astimezone(ZoneInfo(team.time_zone)).date()
