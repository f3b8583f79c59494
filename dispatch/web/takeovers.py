"""The late one: "I have An's turn until 08:00", said by whoever takes over, or keyed for them.

It holds at once. A member says it for themselves; whoever may write it down for others (a
dispatcher, a planner) says who. What it means is for `rota.takeovers`; undoing it is in `swaps`.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_datetime, gettext

from dispatch.db import Session
from dispatch.errors import NotFound, Refused
from dispatch.people import qualifications
from dispatch.people.access import Right
from dispatch.people.models import Person, Team
from dispatch.rota import rights, takeovers
from dispatch.rota.days import local_day
from dispatch.rota.duty import Turn
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.forms import Form
from dispatch.web.on_duty import name_of
from dispatch.web.posted import Done, show, take
from dispatch.web.rota_table import team_for
from dispatch.web.turns import teams_of

blueprint = Blueprint("takeovers", __name__)

_SCREEN = "responder/takeover.html"


@blueprint.route("/turns/take-over", methods=["GET", "POST"])
def choose() -> ResponseReturnValue:
    """Say that one has a colleague's turn from now on."""
    form = Form(request.form if request.method == "POST" else request.args)
    return take(form, _taken) or show(_SCREEN, form, _choosing)


@blueprint.route("/rota/<key>/taken-over", methods=["GET", "POST"])
def written(key: str) -> ResponseReturnValue:
    """Write down that somebody has taken over a turn, for whoever rang to say so."""
    form = Form(request.form if request.method == "POST" else request.args)
    return take(form, partial(_written, key)) or show(_SCREEN, form, partial(_writing, key))


def _taken(opened: Session, form: Form) -> Done:
    me = opened.get_one(Person, session.viewer().person_id)
    near = {
        name_of(turn): (team, turn)
        for team in _own_teams(opened)
        for turn in _others(opened, team, me.id)
    }
    chosen = near.get(form.one_of("turn", near))
    if chosen is None:
        form.check()
        raise NotFound(N_("There is no such thing, or it is not yours to see."))
    until = _take_over(opened, *chosen, me, form)
    told = gettext("You have the turn until %(at)s. Call-outs reach you from now on.", at=until)
    return Done(told, url_for("turns.mine"))


def _written(key: str, opened: Session, form: Form) -> Done:
    team = _team(opened, key)
    near = {name_of(turn): turn for turn in takeovers.near(opened, team, session.now())}
    turn = near.get(form.one_of("turn", near))
    person_id = form.id_of("person", dict(_members(opened, team)))
    form.check()
    assert turn and person_id, "the form was checked"
    person = opened.get_one(Person, person_id)
    until = _take_over(opened, team, turn, person, form)
    told = gettext("%(name)s has the turn until %(at)s.", name=person.name, at=until)
    return Done(told, _onward(team))


def _take_over(opened: Session, team: Team, turn: Turn, person: Person, form: Form) -> str:
    until = form.instant("until", ZoneInfo(team.time_zone))
    form.check()
    swap = takeovers.take_over(opened, team, turn, person, until, session.actor(), session.now())
    return str(format_datetime(swap.ends_at, "EEE d MMM HH:mm"))


def _onward(team: Team) -> str:
    """Return the screen that whoever wrote it down came from."""
    if session.viewer().may(Right.BOARD_READ):
        return url_for("dispatcher.board")
    return url_for("inbox.requests", key=team.key)


def _team(opened: Session, key: str) -> Team:
    """Return the team if the viewer may write down who has taken over there."""
    team = team_for(opened, key, Right.ROTA_READ)
    if not rights.may_take_over_for(session.viewer(), team):
        raise Refused(N_("Your roles do not allow this here. Ask an administrator."))
    return team


def _own_teams(opened: Session) -> list[Team]:
    """Return the teams that the viewer takes turns in today."""
    me = session.viewer().person_id
    return [team for team in teams_of(opened, me) if me in dict(_members(opened, team))]


def _members(opened: Session, team: Team) -> list[tuple[int, str]]:
    return qualifications.members(opened, team, local_day(session.now(), team.time_zone))


def _others(opened: Session, team: Team, person_id: int) -> list[Turn]:
    near = takeovers.near(opened, team, session.now())
    return [turn for turn in near if turn.person_id != person_id]


def _choosing(opened: Session, form: Form) -> dict[str, Any]:
    me = session.viewer().person_id
    found = [
        _shown(turn, team) for team in _own_teams(opened) for turn in _others(opened, team, me)
    ]
    return {"turns": _ordered(found, form), "people": None, "back": url_for("turns.mine")}


def _writing(key: str, opened: Session, form: Form) -> dict[str, Any]:
    team = _team(opened, key)
    found = [_shown(turn, team) for turn in takeovers.near(opened, team, session.now())]
    return {
        "turns": _ordered(found, form),
        "people": [("", gettext("choose")), *_members(opened, team)],
        "back": _onward(team),
    }


def _ordered(found: Iterable[dict[str, Any]], form: Form) -> list[dict[str, Any]]:
    turns = sorted(found, key=lambda turn: (not turn["now"], turn["starts_at"], turn["line"]))
    if len(turns) == 1:
        form.values.setdefault("turn", turns[0]["uid"])
    return turns


def _shown(turn: Turn, team: Team) -> dict[str, Any]:
    return {
        "uid": name_of(turn),
        "name": turn.person_name,
        "team": team.name,
        "line": turn.line_name,
        "starts_at": turn.from_at,
        "ends_at": turn.until_at,
        "now": turn.from_at <= session.now(),
    }
