"""Forms of the rota: entering, changing and cancelling turns and covers by hand.

Times are typed in the team's wall clock: a time that does not exist is refused, one that comes
twice means the first, and the screen says so. A field that was not touched keeps its instant, also
where its text alone would be read as another. A cancelled turn can be entered again as it was. What
can be wrong with a turn is for `rota.changes`, what it breaks and whom it touches for
`rota.editing`.
"""

from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date, gettext

from dispatch.db import Session
from dispatch.errors import NotFound
from dispatch.people.access import Right
from dispatch.people.models import Membership, Person, Team
from dispatch.rota import editing
from dispatch.rota.changes import Span
from dispatch.rota.editing import By, Edited
from dispatch.rota.models import Cover, Shift
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.forms import Form, told
from dispatch.web.posted import Done, show, take
from dispatch.web.rota_table import comes_twice, field_text, lines_of, team_for, wall_clock
from dispatch.web.screens import span

blueprint = Blueprint("shifts", __name__)

_Row = TypeVar("_Row", bound=Shift | Cover)
_SCREEN = "planner/shift.html"


class _Typed(NamedTuple):
    person: Person
    times: Span
    reason: str


@blueprint.route("/shifts/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Put somebody on a line."""
    form = Form(request.form if request.method == "POST" else request.args)
    return take(form, _enter) or show(_SCREEN, form, _new)


@blueprint.route("/shifts/<uid>", methods=["GET", "POST"])
def shift(uid: str) -> ResponseReturnValue:
    """Show a turn with its covers; change it, cancel it, enter it again."""
    form = Form(request.form)
    return take(form, partial(_act, Shift, uid)) or show(_SCREEN, form, partial(_shown, Shift, uid))


@blueprint.route("/shifts/<uid>/cover", methods=["GET", "POST"])
def new_cover(uid: str) -> ResponseReturnValue:
    """Let somebody take a turn or a part of it."""
    form = Form(request.form)
    return take(form, partial(_enter_cover, uid)) or show(_SCREEN, form, partial(_new_cover, uid))


@blueprint.route("/covers/<uid>", methods=["GET", "POST"])
def cover(uid: str) -> ResponseReturnValue:
    """Show a cover; change it or give the time back."""
    form = Form(request.form)
    return take(form, partial(_act, Cover, uid)) or show(_SCREEN, form, partial(_shown, Cover, uid))


# --- What a post does; each answers with what to say and where to go on.


def _enter(opened: Session, form: Form) -> Done:
    team = team_for(opened, form.values.get("team", ""), Right.ROTA_CHANGE)
    lines = {line.key: line for line in lines_of(opened, team)}
    line_key = form.one_of("line", lines)
    typed = _typed(opened, form, team)
    edited = editing.enter(opened, lines[line_key], typed.person, typed.times, _by(typed.reason))
    return Done(gettext("The turn is entered."), _month_of(team, _warned(edited)))


def _enter_cover(uid: str, opened: Session, form: Form) -> Done:
    row, team = _found(opened, Shift, uid)
    typed = _typed(opened, form, team)
    _warned(editing.cover(opened, row, typed.person, typed.times, _by(typed.reason)))
    return Done(gettext("The cover is entered."), _month_of(team, row))


def _act(table: type[Shift] | type[Cover], uid: str, opened: Session, form: Form) -> Done:
    row, team = _found(opened, table, uid)
    chosen = form.one_of("do", ("change", "cancel", "again"))
    form.check()
    if chosen == "cancel":
        _warned(editing.cancel(opened, row, _by(form.text("reason"))))
        return Done(
            gettext("Cancelled. It can be entered again here."),
            url_for("shifts.shift" if isinstance(row, Shift) else "shifts.cover", uid=uid),
        )
    if chosen == "again":
        _again(opened, row, form.text("reason"))
        return Done(gettext("Entered again."), _month_of(team, row))
    typed = _typed(opened, form, team, row)
    edited = editing.change(opened, row, typed.person, typed.times, _by(typed.reason))
    return Done(gettext("Changed."), _month_of(team, _warned(edited)))


def _warned(edited: Edited) -> Shift | Cover:
    """Say what an edit breaks all the same; return what it made."""
    for one in edited.broken:
        flash(told(one.told), "waiting")
    return edited.row


def _again(opened: Session, row: Shift | Cover, reason: str) -> None:
    """Enter anew what was cancelled: for calendars the cancelled one stays so."""
    who, times = opened.get_one(Person, row.person_id), (row.starts_at, row.ends_at)
    by = _by(reason, gettext("entered again after it was cancelled"))
    if isinstance(row, Shift):
        _warned(editing.enter(opened, row.line, who, times, by))
    else:
        _warned(editing.cover(opened, row.shift, who, times, by))


def _typed(opened: Session, form: Form, team: Team, stored: Shift | Cover | None = None) -> _Typed:
    """Read the fields of a turn. Raises Invalid naming those that cannot be used."""
    zone = ZoneInfo(team.time_zone)
    person_id = form.id_of("person", [id_ for id_, _ in _members(opened, team)])
    starts_at = _instant(form, "starts_at", zone, stored.starts_at if stored else None)
    ends_at = _instant(form, "ends_at", zone, stored.ends_at if stored else None)
    reason = form.text("reason")
    form.check()
    assert person_id and starts_at and ends_at, "the form was checked"
    return _Typed(opened.get_one(Person, person_id), (starts_at, ends_at), reason)


def _instant(form: Form, name: str, zone: ZoneInfo, stored: datetime | None) -> datetime | None:
    typed = form.values.get(name, "").strip()
    if stored is not None and typed == field_text(stored, zone):
        return stored
    at = form.instant(name, zone, required=True)
    if at is not None and comes_twice(at, zone):
        said = gettext(
            "%(time)s comes twice that night: the first is meant.",
            time=f"{at.astimezone(zone):%H:%M}",
        )
        flash(said, "waiting")
    return at


def _by(reason: str, note: str = "") -> By:
    return By(session.actor(), session.now(), reason, note)


def _month_of(team: Team, row: Shift | Cover) -> str:
    day = row.starts_at.astimezone(ZoneInfo(team.time_zone)).date()
    month: dict[str, Any] = {"from": f"{day:%Y-%m}"}
    return url_for("planner.rota", team=team.key, **month)


# --- What a screen shows.


def _new(opened: Session, form: Form) -> dict[str, Any]:
    team = team_for(opened, form.values.get("team", ""), Right.ROTA_CHANGE)
    lines = [(line.key, line.name) for line in lines_of(opened, team)]
    return {"kind": "new", "lines": lines, **_common(opened, team)}


def _new_cover(uid: str, opened: Session, form: Form) -> dict[str, Any]:
    row, team = _found(opened, Shift, uid)
    _fill(form, team, row, person="")
    return {"kind": "new_cover", "of": _told(opened, team, row), **_common(opened, team)}


def _shown(
    table: type[Shift] | type[Cover], uid: str, opened: Session, form: Form
) -> dict[str, Any]:
    row, team = _found(opened, table, uid)
    _fill(form, team, row, person=str(row.person_id))
    whole = row if isinstance(row, Shift) else row.shift
    covers = sa.select(Cover).where(Cover.shift_id == whole.id, Cover.cancelled_at.is_(None))
    return {
        "kind": row.__tablename__,
        "of": _told(opened, team, whole),
        "row": _told(opened, team, row),
        "covers": [
            _told(opened, team, one) for one in opened.scalars(covers.order_by(Cover.starts_at))
        ],
        **_common(opened, team),
    }


def _common(opened: Session, team: Team) -> dict[str, Any]:
    return {"team": team, "people": [("", gettext("choose")), *_members(opened, team)]}


def _fill(form: Form, team: Team, row: Shift | Cover, person: str) -> None:
    zone = ZoneInfo(team.time_zone)
    form.values.setdefault("person", person)
    form.values.setdefault("starts_at", field_text(row.starts_at, zone))
    form.values.setdefault("ends_at", field_text(row.ends_at, zone))


def _told(opened: Session, team: Team, row: Shift | Cover) -> dict[str, Any]:
    zone = ZoneInfo(team.time_zone)
    line = row.line if isinstance(row, Shift) else row.shift.line
    return {
        "uid": row.uid,
        "line": line.name,
        "name": opened.get_one(Person, row.person_id).name,
        "from": _day_and_time(row.starts_at, zone),
        "until": _day_and_time(row.ends_at, zone),
        # The wall clock hides the hour that a night gains or loses; the length does not.
        "length": span(int((row.ends_at - row.starts_at).total_seconds())),
        "cancelled_at": row.cancelled_at,
    }


def _day_and_time(at: datetime, zone: ZoneInfo) -> str:
    return f"{format_date(at.astimezone(zone).date(), 'EEE d MMM')} {wall_clock(at, zone)}"


def _members(opened: Session, team: Team) -> list[tuple[int, str]]:
    """Return everybody who was or is in the team; the core says who is not on which day."""
    query = (
        sa.select(Person.id, Person.name)
        .where(Person.id.in_(sa.select(Membership.person_id).where(Membership.team_id == team.id)))
        .order_by(Person.name, Person.id)
    )
    return [(row.id, row.name) for row in opened.execute(query)]


def _found(opened: Session, table: type[_Row], uid: str) -> tuple[_Row, Team]:
    """Return the turn or cover if the viewer may change the team's rota."""
    row = opened.scalars(sa.select(table).where(table.uid == uid)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such turn, or it is not yours to change."))
    line = row.line if isinstance(row, Shift) else row.shift.line
    team = opened.get_one(Team, line.team_id)
    session.viewer().require(Right.ROTA_CHANGE, team_id=team.id)
    return row, team
