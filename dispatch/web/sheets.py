"""The duty sheet: the coming week with numbers, for paper, and to whom it goes by mail.

Everybody who reads a rota reads the sheet of its teams; numbers are given to those who may ring
them, and that they were is recorded. Where it goes by mail is for whoever has the right to send
everybody's numbers out. What it says and when it goes is for `vigil.sheet`.
"""

from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import flask
import sqlalchemy as sa
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch import audit, upkeep
from dispatch.db import Session
from dispatch.errors import NotFound
from dispatch.people.access import Right
from dispatch.people.models import Organisation, Person, Team
from dispatch.texts import N_
from dispatch.vigil import sheet
from dispatch.vigil.models import SheetSent
from dispatch.vigil.sheet import Part, Row
from dispatch.web import session
from dispatch.web.forms import Form
from dispatch.web.posted import Done, take

blueprint = Blueprint("sheets", __name__)

_HOUR_SECONDS = 3600


@blueprint.route("/on-duty/sheet", methods=["GET", "POST"])
def shown() -> ResponseReturnValue:
    """Show the sheet of the teams that the viewer may see, and let it go to another address."""
    session.viewer().require(Right.ROTA_READ)
    form = Form(request.form)
    return take(form, _added) or _screen(form)


@blueprint.post("/on-duty/sheet/<int:organisation_id>/<action>")
def act(organisation_id: int, action: str) -> ResponseReturnValue:
    """Send an organisation's sheet now, or to an address no more."""
    if action not in _ACTIONS:
        raise NotFound(N_("There is no such action."))
    form = Form(request.form)
    return take(form, partial(_ACTIONS[action], organisation_id)) or _screen(form)


def _added(opened: Session, form: Form) -> Done:
    session.viewer().require(Right.SHEET_SEND)
    chosen = form.one_of("organisation", _choices(opened))
    address = form.text("address", required=True, most=200)
    form.check()
    organisation = _mine(opened, int(chosen))
    sheet.add_address(opened, organisation, address, session.actor(), session.now())
    return Done(gettext("The sheet goes there from now on."), url_for("sheets.shown"))


def _removed(organisation_id: int, opened: Session, form: Form) -> Done:
    organisation, uid = _mine(opened, organisation_id), form.text("uid")
    sheet.remove_address(opened, organisation, uid, session.actor(), session.now())
    return Done(gettext("The sheet goes there no more."), url_for("sheets.shown"))


def _sent(organisation_id: int, opened: Session, _form: Form) -> Done:
    count = sheet.send(opened, _mine(opened, organisation_id), session.actor(), session.now())
    return Done(gettext("On its way to %(count)s addresses.", count=count), url_for("sheets.shown"))


_ACTIONS = {"remove": _removed, "send": _sent}


def _mine(opened: Session, organisation_id: int) -> Organisation:
    session.viewer().require(Right.SHEET_SEND, organisation_id)
    return opened.get_one(Organisation, organisation_id)


def _choices(opened: Session) -> dict[str, str]:
    mine = session.viewer().organisations(Right.SHEET_SEND)
    query = sa.select(Organisation).where(Organisation.id.in_(mine)).order_by(Organisation.name)
    return {str(one.id): one.name for one in opened.scalars(query)}


def _screen(form: Form) -> ResponseReturnValue:
    with session.reading() as opened:
        teams = _teams(opened)
        numbers = any(row["numbers"] for team in teams for row in [*team["rows"], *team["beside"]])
        html = flask.render_template(
            "planner/sheet.html",
            form=form,
            teams=teams,
            organisations=[_goes(opened, int(one)) for one in _choices(opened)],
            choices=list(_choices(opened).items()),
            by_mail=bool(session.parts().settings.mail.host),
        )
    if numbers:
        _note()
    return html, 422 if form.errors else 200


def _teams(opened: Session) -> list[dict[str, Any]]:
    visible = session.viewer().teams(Right.ROTA_READ)
    teams = opened.scalars(sa.select(Team).where(Team.id.in_(visible)).order_by(Team.name)).all()
    zone = ZoneInfo(session.viewer().time_zone)
    today = session.now().astimezone(zone).date()
    begin = datetime.combine(today, time(), zone).astimezone(UTC)
    end = datetime.combine(today + timedelta(days=sheet.DAYS), time(), zone).astimezone(UTC)
    return [_team(opened, sheet.part(opened, team, begin, end)) for team in teams]


def _team(opened: Session, part: Part) -> dict[str, Any]:
    rows = [*part.rows, *part.beside]
    ids = {row.person_id for row in rows if row.person_id is not None}
    employers = sa.select(Person.id, Person.organisation_id).where(Person.id.in_(ids))
    viewer, seen = session.viewer(), set()
    for row in opened.execute(employers):
        if viewer.may_person(Right.PHONES_READ, row.organisation_id, [part.team_id]):
            seen.add(row.id)

    def shown(row: Row) -> dict[str, Any]:
        numbers = row.numbers if row.person_id in seen else ()
        return {
            "line": row.line,
            "begin": row.begin,
            "end": row.end,
            "name": row.name,
            "numbers": numbers,
        }

    return {
        "name": part.team,
        "contact": part.contact,
        "rows": [shown(row) for row in part.rows],
        "beside": [shown(row) for row in part.beside],
    }


def _goes(opened: Session, organisation_id: int) -> dict[str, Any]:
    state = opened.get(SheetSent, organisation_id)
    return {
        "id": organisation_id,
        "name": opened.get_one(Organisation, organisation_id).name,
        "sent_at": state.sent_at if state is not None else None,
        "addresses": [
            {
                "uid": one.uid,
                "address": sheet.address_of(opened, one),
                "at": one.added_at,
                "by": one.added_by,
            }
            for one in sheet.addresses(opened, organisation_id)
        ],
    }


def _note() -> None:
    """Record that somebody has a week of numbers before them; once an hour is enough."""
    viewer, now = session.viewer(), session.now()

    def write(opened: Session) -> None:
        if upkeep.hits(opened, f"sheet {viewer.person_id}", now, _HOUR_SECONDS) == 1:
            subject = f"person:{viewer.person_id}"
            audit.record(opened, session.actor(), "sheet.read", subject, {}, now)

    session.record_numbers_read(write)
