"""The rota for machines: who is on duty at an instant, and the turns of a time.

Instants carry their zone or are refused: "20:00" is two different hours of some nights. A key of
one organisation sees the teams that serve it; any other team is not found. Whoever is away is not
on duty, though the turn is theirs. Reasons come as kind and facts with a sentence in English.
"""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from dispatch.checks import showing
from dispatch.checks.showing import Shown
from dispatch.db import Session
from dispatch.errors import Invalid, NotFound
from dispatch.people.models import Service, Team
from dispatch.rota import attendance
from dispatch.rota.duty import Gap, Stretch, Turn, duty_between
from dispatch.web import session
from dispatch.web.session import api_key_required

blueprint = Blueprint("api_rota", __name__)

#: A longer time is asked for in parts, so that no single question holds the database.
LONGEST = timedelta(days=400)

_DAY = re.compile(r"\d{4}-\d\d-\d\d")

_GAPS = {
    "nobody": "Nobody is planned.",
    "left": "{person} is planned but has left.",
    "not_member": "{person} is planned but is no member of the team on this day.",
    "away": "{person} is planned but is away.",
}


@blueprint.get("/api/v1/on-duty")
@api_key_required("rota:read")
def duty() -> ResponseReturnValue:
    """Answer with who is on duty in a team at an instant, now if none is given."""
    at = _instant("at") or session.now()
    with session.reading() as opened:
        return jsonify(duty_json(opened, _team(opened), at))


@blueprint.get("/api/v1/shifts")
@api_key_required("rota:read")
def shifts() -> ResponseReturnValue:
    """Answer with the turns of a team that touch a time."""
    with session.reading() as opened:
        team = _team(opened)
        from_at, until_at = _required("from", team), _required("to", team)
        if until_at <= from_at:
            raise _invalid("to", "Give an instant after `from`.")
        if until_at - from_at > LONGEST:
            raise _invalid("to", f"Ask for at most {LONGEST.days} days at once.")
        return jsonify(shifts_json(opened, team, from_at, until_at))


def duty_json(opened: Session, team: Team, at: datetime) -> dict[str, Any]:
    """Return who is on duty as the contract words it."""
    duty = attendance.on_duty(opened, team, at)
    return {
        "team": team.key,
        "at": _written(at),
        "lines": [_line_json(stretch) for stretch in duty.lines],
        "complete": duty.complete,
        "expected": duty.expected,
        "check_ins": [_check_in_json(one) for one in showing.current(opened, [team.id], at)],
    }


def _check_in_json(one: Shown) -> dict[str, Any]:
    """Return whether somebody whose duty lasts, or comes, said that they are reached."""
    return {
        "person": {"id": one.person_id, "name": one.name},
        "begins": _written(one.begins_at),
        "state": one.state.value,
        "at": _written(one.at),
    }


def shifts_json(
    opened: Session, team: Team, from_at: datetime, until_at: datetime
) -> dict[str, Any]:
    """Return the turns of a time as the contract words them, covers in their place."""
    return {
        "team": team.key,
        "from": _written(from_at),
        "to": _written(until_at),
        "shifts": [
            {"shift": stretch.shift_uid, "cover": stretch.cover_uid, **_line_json(stretch)}
            for stretch in duty_between(opened, team, from_at, until_at)
            if isinstance(stretch, Turn)
        ],
    }


def _line_json(stretch: Stretch) -> dict[str, Any]:
    turn = stretch if isinstance(stretch, Turn) else None
    return {
        "line": stretch.line_key,
        "person": {"id": turn.person_id, "name": turn.person_name} if turn else None,
        "from": _written(stretch.from_at),
        "until": _written(stretch.until_at),
        "covering": turn.covers if turn else None,
        "reason": {"text": _sentence(stretch), **stretch.reason},
        **({} if turn else {"next": _next_json(stretch)}),
    }


def _next_json(stretch: Stretch) -> dict[str, Any] | None:
    if not isinstance(stretch, Gap) or stretch.next_id is None:
        return None
    return {"id": stretch.next_id, "name": stretch.next_name}


def _sentence(stretch: Stretch) -> str:
    if isinstance(stretch, Gap):
        return _GAPS[stretch.kind].format(person=stretch.absent)
    until = _written(stretch.until_at)
    if stretch.covers is None:
        return f"On {stretch.line_name} until {until}."
    return f"Covers {stretch.covers} on {stretch.line_name} until {until}."


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _team(opened: Session) -> Team:
    """Return the team that the request names, if the key's organisation is served by it."""
    key = request.args.get("team", "")
    if not key:
        raise _invalid("team", "Give the team's key.")
    team = opened.scalars(sa.select(Team).where(Team.key == key)).one_or_none()
    organisation_id = session.api_key().organisation_id
    if team is not None and organisation_id not in (None, team.organisation_id):
        served = opened.get(Service, (team.id, organisation_id))
        team = team if served else None
    if team is None:
        raise NotFound("There is no such team, or this key may not see it.")
    return team


def _required(name: str, team: Team) -> datetime:
    """Return the instant asked for; a bare day begins at the team's own midnight."""
    if _DAY.fullmatch(request.args.get(name, "")):
        with suppress(ValueError):
            day = date.fromisoformat(request.args[name])
            return datetime.combine(day, time.min, ZoneInfo(team.time_zone)).astimezone(UTC)
    at = _instant(name)
    if at is None:
        raise _invalid(name, "Give a day, or an instant with its zone: 2026-03-29T02:00:00Z.")
    return at


def _instant(name: str) -> datetime | None:
    # A plus sign that nobody encoded arrives as a space.
    value = re.sub(r"(T.*) ", r"\1+", request.args.get(name, ""))
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _invalid(name, "This is no instant. Write it like 2026-03-29T02:00:00Z.") from None
    sentence = "This has no zone, and one night a year it would be two instants: end it with Z."
    raise _invalid(name, sentence)


def _invalid(name: str, sentence: str) -> Invalid:
    return Invalid(sentence, **{name: sentence})
