"""Who could step in for people who are away: proposed, looked at, and entered with one tap.

The search takes seconds and holds no transaction. What is shown is posted back as it was shown, so
that a planner enters what they saw; whether it can still be done is for `rota.repairs`.
"""

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_decimal, gettext

from dispatch.db import Session
from dispatch.errors import Conflict
from dispatch.people.access import Right
from dispatch.people.models import Person
from dispatch.rota import repairs
from dispatch.rota.models import Line
from dispatch.rota.planner import PlannerEnded
from dispatch.rota.repairs import Move, Proposed, Task
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.forms import Form, told
from dispatch.web.posted import Done, instant, show, take
from dispatch.web.rota_table import team_for
from dispatch.web.wishes import days_of

blueprint = Blueprint("mending", __name__)

#: Whoever waits for a screen waits no longer than this.
_SECONDS = 8.0
#: Two at once: more would take the threads and processors that a call-out needs.
_SEARCHING = threading.BoundedSemaphore(2)
_WAIT_SECONDS = 5


@blueprint.route("/rota/<key>/requests/repair", methods=["GET", "POST"])
def repair(key: str) -> ResponseReturnValue:
    """Propose who steps in for people who are away, and enter it."""
    form = Form(request.form)
    done = take(form, partial(_enter, key))
    if done is not None:
        return done
    with session.reading() as opened:
        task = repairs.load(opened, team_for(opened, key, Right.ROTA_CHANGE), session.now())
    found = None if task is None else _propose(task, form)
    return show("planner/repair.html", form, partial(_shown, key, task, found))


def _propose(task: Task, form: Form) -> Proposed | None:
    if not _SEARCHING.acquire(timeout=_WAIT_SECONDS):
        form.error("", N_("Others are looking at this moment. Try again in a minute."))
        return None
    try:
        return repairs.propose(task, seconds=_SECONDS)
    except PlannerEnded:
        form.error("", N_("The search ended before it found anything. Try again."))
        return None
    finally:
        _SEARCHING.release()


def _enter(key: str, opened: Session, _form: Form) -> Done:
    team = team_for(opened, key, Right.ROTA_CHANGE)
    moves = [_read(text) for text in request.form.getlist("move")]
    repairs.apply(opened, team, moves, session.actor(), session.now())
    return Done(gettext("Entered. Everybody whose turns changed is told."), _back(key))


def _back(key: str) -> str:
    return url_for("inbox.requests", key=key)


def _written(move: Move) -> str:
    facts = (move.starts_at.isoformat(), move.ends_at.isoformat(), move.line_id)
    return "|".join(map(str, (*facts, move.shift_uid, move.from_id, move.to_id)))


def _read(text: str) -> Move:
    try:
        begin, end, line, uid, from_id, to_id = text.split("|")
        numbers = int(line), int(from_id), int(to_id)
    except ValueError as error:
        raise Conflict(N_("This is there no longer. Load the screen again.")) from error
    return Move(instant(begin), instant(end), numbers[0], uid, *numbers[1:])


def _shown(
    key: str, task: Task | None, found: Proposed | None, opened: Session, _form: Form
) -> dict[str, Any]:
    team = team_for(opened, key, Right.ROTA_CHANGE)
    facts: dict[str, Any] = {"team": team, "moves": [], "open": [], "effects": [], "broken": []}
    if task is None or found is None:
        return facts
    names = {row.id: row.name for row in opened.execute(sa.select(Person.id, Person.name))}
    lines = {line.id: line for line in opened.scalars(sa.select(Line))}
    moves = [_move(move, names, lines) for move in found.moves]
    return facts | {
        "moves": [move for move in moves if move["to"]],
        "open": [move for move in moves if not move["to"]],
        "days": days_of(task.ground.first, task.ground.last),
        "effects": [
            {
                "name": names[one.person_id],
                "before": one.before,
                "after": one.after,
                "fair": format_decimal(one.fair, "#,##0.#"),
            }
            for one in found.effects
        ],
        "broken": [told(one.told) for one in found.broken],
    }


def _move(move: Move, names: Mapping[int, str], lines: Mapping[int, Line]) -> dict[str, Any]:
    return {
        "value": _written(move),
        "uid": move.shift_uid,
        "line": lines[move.line_id].name,
        "line_key": lines[move.line_id].key,
        "starts_at": move.starts_at,
        "ends_at": move.ends_at,
        "from": names[move.from_id],
        "to": names[move.to_id] if move.to_id is not None else None,
    }
