"""What waits for a planner: absences asked for, and published turns that nobody can serve.

Each request shows what deciding it means: who else is away, which turns become empty. Deciding is
one tap; refusing takes a reason, which the person reads. Nothing here is decided by this module.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import flask
import sqlalchemy as sa
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.db import Session
from dispatch.errors import NotFound
from dispatch.people.access import Right
from dispatch.people.models import Membership, Person, Team
from dispatch.rota import absences, rights
from dispatch.rota.absences import FAR
from dispatch.rota.duty import Turn, duty_between
from dispatch.rota.models import Absence, Answer
from dispatch.texts import N_
from dispatch.web import live, session
from dispatch.web.absences import ICONS, hits_of, span_of
from dispatch.web.forms import Form
from dispatch.web.posted import Done, show, take
from dispatch.web.rota_table import team_for

blueprint = Blueprint("inbox", __name__)

_SCREEN = "planner/requests.html"
#: How far ahead turns that nobody can serve are looked for.
_AHEAD = timedelta(days=183)
#: For how long what was decided stays in sight.
_KEPT = timedelta(days=14)


@blueprint.get("/rota/<key>/requests")
def requests(key: str) -> ResponseReturnValue:
    """Show what waits for a planner of the team."""
    return show(_SCREEN, Form(), partial(_shown, key))


@blueprint.get("/rota/<key>/requests/list")
@session.reads
def listed(opened: Session, key: str) -> ResponseReturnValue:
    """Show it again, for a screen that keeps itself fresh."""
    facts = _shown(key, opened, Form())
    return live.fragment(
        opened, ("rota",), lambda: flask.render_template("planner/_requests.html", **facts)
    )


@blueprint.post("/rota/<key>/requests/<kind>/<int:row_id>/<action>")
def decide(key: str, kind: str, row_id: int, action: str) -> ResponseReturnValue:
    """Decide one request."""
    verb = _ACTIONS.get((kind, action))
    if verb is None:
        raise NotFound(N_("There is no such action."))
    form = Form(request.form)

    def do(opened: Session, form: Form) -> Done:
        team = team_for(opened, key, Right.ROTA_CHANGE)
        return Done(verb(opened, team, row_id, form), url_for("inbox.requests", key=key))

    return take(form, do) or show(_SCREEN, form, partial(_shown, key))


def waiting(opened: Session, team: Team) -> int:
    """Return how many requests of a team wait for an answer."""
    query = sa.select(sa.func.count()).select_from(_asked(team).subquery())
    return opened.scalar(query) or 0


# --- Deciding.


def _approve_absence(opened: Session, team: Team, row_id: int, _form: Form) -> str:
    absence = _absence(opened, team, row_id)
    hits = absences.approve(opened, absence, session.actor(), session.now())
    if not hits:
        return str(gettext("Approved. It leaves no published turn empty."))
    told = gettext(
        "Approved. Published turns that now need somebody else: %(count)s.", count=len(hits)
    )
    return str(told)


def _refuse_absence(opened: Session, team: Team, row_id: int, form: Form) -> str:
    absence = _absence(opened, team, row_id)
    reason = form.text("reason", most=300)
    form.check()
    absences.refuse(opened, absence, reason, session.actor(), session.now())
    return str(gettext("Refused. The person reads why."))


def _absence(opened: Session, team: Team, absence_id: int) -> Absence:
    absence = rights.absence_for(opened, session.viewer(), absence_id, deciding=True)
    if absence.person_id not in _members(opened, team):
        raise NotFound(N_("There is no such thing, or it is not yours to see."))
    return absence


_ACTIONS: Mapping[tuple[str, str], Callable[[Session, Team, int, Form], str]] = {
    ("absence", "approve"): _approve_absence,
    ("absence", "refuse"): _refuse_absence,
}


# --- What the screen shows.


def _shown(key: str, opened: Session, _form: Form) -> dict[str, Any]:
    team = team_for(opened, key, Right.ROTA_CHANGE)
    names = _members(opened, team)
    return {
        "team": team,
        "asked": [_request(opened, one, names) for one in opened.scalars(_asked(team))],
        "empty": _empty(opened, team, names),
        "decided": [_decided(one, names) for one in opened.scalars(_answered(team))],
    }


def _members(opened: Session, team: Team) -> dict[int, str]:
    query = sa.select(Person.id, Person.name).join(Membership)
    return {row.id: row.name for row in opened.execute(query.where(Membership.team_id == team.id))}


def _of_members(team: Team) -> sa.Select[Absence]:
    members = sa.select(Membership.person_id).where(Membership.team_id == team.id)
    return sa.select(Absence).where(Absence.person_id.in_(members))


def _asked(team: Team) -> sa.Select[Absence]:
    query = _of_members(team).where(Absence.answer == Answer.ASKED)
    return query.order_by(Absence.starts_at, Absence.id)


def _answered(team: Team) -> sa.Select[Absence]:
    query = _of_members(team).where(Absence.answered_at >= session.now() - _KEPT)
    return query.order_by(Absence.answered_at.desc(), Absence.id)


def _request(opened: Session, absence: Absence, names: Mapping[int, str]) -> dict[str, Any]:
    ends_at = absence.ends_at or FAR
    others = set(names) - {absence.person_id}
    beside = absences.standing(opened, others, absence.starts_at, ends_at)
    return {
        "id": absence.id,
        "name": names[absence.person_id],
        "kind": gettext(absences.KINDS[absence.kind]),
        "icon": ICONS[absence.kind],
        "span": span_of(absence.starts_at, absence.ends_at),
        "asked_at": absence.asked_at,
        "hits": hits_of(opened, absence),
        "beside": [
            {"name": names[one.person_id], "span": span_of(one.starts_at, one.ends_at)}
            for one in beside
        ],
    }


def _empty(opened: Session, team: Team, names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return the published turns of people who are away then, in order."""
    now = session.now()
    away = absences.standing(opened, set(names), now, now + _AHEAD)
    if not away:
        return []
    turns = [
        turn for turn in duty_between(opened, team, now, now + _AHEAD) if isinstance(turn, Turn)
    ]
    found = [
        _hole(turn, absence, now)
        for turn in turns
        for absence in away
        if absence.person_id == turn.person_id
        and absence.starts_at < turn.until_at
        and max(turn.from_at, now) < (absence.ends_at or FAR)
    ]
    return sorted(found, key=lambda hole: (hole["starts_at"], hole["line"]))


def _hole(turn: Turn, absence: Absence, now: datetime) -> dict[str, Any]:
    return {
        "uid": turn.shift_uid,
        "name": turn.person_name,
        "line": turn.line_name,
        "kind": gettext(absences.KINDS[absence.kind]),
        "starts_at": max(turn.from_at, absence.starts_at, now),
        "ends_at": min(turn.until_at, absence.ends_at or FAR),
    }


def _decided(absence: Absence, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "name": names[absence.person_id],
        "kind": gettext(absences.KINDS[absence.kind]),
        "span": span_of(absence.starts_at, absence.ends_at),
        "answer": str(absence.answer),
        "reason": absence.reason,
        "by": absence.answered_by,
        "at": absence.answered_at,
    }
