"""Swaps that people agreed on elsewhere, entered by a planner: on the telephone, in the corridor.

It holds at once, and what it breaks is refused unless the planner says why it must be so. What a
swap means is for `rota.swaps`.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.db import Session
from dispatch.people import qualifications
from dispatch.people.access import Right
from dispatch.people.models import Person, Team
from dispatch.rota import swaps
from dispatch.rota.days import local_day
from dispatch.rota.models import Line, Shift
from dispatch.web import session
from dispatch.web.forms import Form
from dispatch.web.posted import Done, show, take
from dispatch.web.rota_table import team_for
from dispatch.web.swaps import worded
from dispatch.web.turns import AHEAD

blueprint = Blueprint("agreed", __name__)


@blueprint.route("/rota/<key>/requests/swap", methods=["GET", "POST"])
def enter(key: str) -> ResponseReturnValue:
    """Enter a swap that people agreed on; it holds at once."""
    form = Form(request.form if request.method == "POST" else request.args)
    return take(form, partial(_enter, key)) or show("planner/swap.html", form, partial(_shown, key))


def _enter(key: str, opened: Session, form: Form) -> Done:
    team = team_for(opened, key, Right.ROTA_CHANGE)
    turns = {shift.uid: shift for shift in _turns(opened, team)}
    shift = turns.get(form.one_of("turn", turns))
    other = turns.get(form.one_of("other", turns, required=False))
    person_id = form.id_of("person", dict(_members(opened, team)), required=other is None)
    starts_at, ends_at = _part(form, team)
    reason = form.text("reason", most=300)
    form.check()
    assert shift is not None, "the form was checked"
    to_id = person_id if person_id is not None or other is None else other.person_id
    swaps.enter(
        opened,
        shift,
        opened.get_one(Person, to_id),
        session.actor(),
        session.now(),
        starts_at=starts_at,
        ends_at=ends_at,
        other=other,
        reason=reason,
    )
    told = gettext("Entered: the turn has changed hands. Both are told.")
    return Done(told, url_for("inbox.requests", key=key))


def _part(form: Form, team: Team) -> tuple[datetime | None, datetime | None]:
    zone = ZoneInfo(team.time_zone)
    return form.instant("starts_at", zone), form.instant("ends_at", zone)


def _members(opened: Session, team: Team) -> list[tuple[int, str]]:
    return qualifications.members(opened, team, local_day(session.now(), team.time_zone))


def _turns(opened: Session, team: Team) -> Sequence[Shift]:
    """Return the published turns that are not over, by person and in order."""
    now = session.now()
    query = (
        sa.select(Shift)
        .join(Line)
        .join(Person, Person.id == Shift.person_id)
        .where(Line.team_id == team.id, Shift.cancelled_at.is_(None))
        .where(Shift.ends_at > now, Shift.starts_at < now + AHEAD)
        .order_by(Person.name, Person.id, Shift.starts_at)
    )
    return opened.scalars(query).all()


def _shown(key: str, opened: Session, _form: Form) -> dict[str, Any]:
    team = team_for(opened, key, Right.ROTA_CHANGE)
    names = {row.id: row.name for row in opened.execute(sa.select(Person.id, Person.name))}
    by_person = groupby(_turns(opened, team), key=lambda shift: shift.person_id)
    return {
        "team": team,
        "people": [("", gettext("choose")), *_members(opened, team)],
        "turns": [
            {"name": names[person], "turns": [(one.uid, worded(one)) for one in turns]}
            for person, turns in by_person
        ],
    }
