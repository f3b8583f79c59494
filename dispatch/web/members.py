"""Who is in a team: people joining, leaving, on leave and returning, as whoever plans enters it.

A place in a team is given to people whom the planner may see; what somebody may do, and who they
are, is for an administrator. What leaving or being away leaves empty is said at once.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import contains_eager

from dispatch.db import Session
from dispatch.errors import Conflict, NotFound
from dispatch.people import staff
from dispatch.people.access import Right
from dispatch.people.models import Membership, Person, Team
from dispatch.rota import absences, rights
from dispatch.rota.days import local_day, midnight
from dispatch.rota.models import Absence, AbsenceKind, Line, Shift
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.absences import ICONS, span_of, told_beside_fields, typed_span
from dispatch.web.forms import Form
from dispatch.web.posted import Done, show, take
from dispatch.web.rota_table import team_for
from dispatch.web.wishes import days_of

blueprint = Blueprint("members", __name__)

_SCREEN = "planner/members.html"
_AHEAD = timedelta(days=366)


@blueprint.get("/rota/<key>/people")
def listed(key: str) -> ResponseReturnValue:
    """Show who is in the team, who is away, and who comes or goes."""
    return show(_SCREEN, Form(request.args), partial(_shown, key))


@blueprint.post("/rota/<key>/people/<action>")
def act(key: str, action: str) -> ResponseReturnValue:
    """Let somebody join or leave, be away or return."""
    verb = _ACTIONS.get(action)
    if verb is None:
        raise NotFound(N_("There is no such action."))
    form = Form(request.form)

    def do(opened: Session, form: Form) -> Done:
        team = team_for(opened, key, Right.ROTA_CHANGE)
        return Done(verb(opened, team, form), url_for("members.listed", key=key))

    return take(form, do) or show(_SCREEN, form, partial(_shown, key))


# --- What a post does.


def _join(opened: Session, team: Team, form: Form) -> str:
    person_id = form.id_of("who", dict(_others(opened, team)))
    from_on, until_on = form.day("from_on", required=True), form.day("until_on")
    form.check()
    assert person_id and from_on, "the form was checked"
    person = staff.person_for(opened, session.viewer(), person_id)
    staff.join(opened, person, team, from_on, until_on, session.actor(), session.now())
    return str(gettext("Stored. Turns can be planned now."))


def _leave(opened: Session, team: Team, form: Form) -> str:
    membership = _membership(opened, team, form)
    last_on = form.day("last_on", required=True)
    form.check()
    assert last_on, "the form was checked"
    staff.leave(opened, membership, last_on, session.actor(), session.now())
    count = _turns_after(opened, team, membership.person_id, last_on)
    return str(gettext("Stored. Turns after that day that need somebody else: %(n)s.", n=count))


def _away(opened: Session, team: Team, form: Form) -> str:
    person_id = form.id_of("person", {one.person_id for one in _members(opened, team)})
    kind = form.choice("kind", AbsenceKind)
    # Nobody knows how long a long leave lasts: whoever plans may leave any end open.
    starts_at, ends_at = typed_span(form, open_end=True)
    form.check()
    assert person_id and kind and starts_at, "the form was checked"
    absence = absences.ask(
        opened,
        opened.get_one(Person, person_id),
        kind,
        starts_at,
        ends_at,
        session.actor(),
        session.now(),
        approved=True,
    )
    count = len(absences.turns_hit(opened, absence, session.now()))
    if not count:
        return str(gettext("Stored. It leaves no published turn empty."))
    return str(gettext("Stored. Published turns that need somebody else: %(count)s.", count=count))


def _return(opened: Session, team: Team, form: Form) -> str:
    absence = rights.absence_for(
        opened, session.viewer(), form.number("absence", 1, 999_999_999) or 0, deciding=True
    )
    if absence.person_id not in {one.person_id for one in _members(opened, team)}:
        raise NotFound(N_("There is no such thing, or it is not yours to see."))
    back_on = form.day("back_on", required=True)
    form.check()
    assert back_on, "the form was checked"
    ends_at = midnight(back_on, session.viewer().time_zone)
    if ends_at <= absence.starts_at:
        absences.withdraw(opened, absence, session.actor(), session.now())
    else:
        absences.end(opened, absence, ends_at, session.actor(), session.now())
    return str(gettext("Stored. Turns can be planned from that day on."))


_ACTIONS: Mapping[str, Callable[[Session, Team, Form], str]] = {
    "join": _join,
    "leave": _leave,
    "away": _away,
    "return": _return,
}


def _membership(opened: Session, team: Team, form: Form) -> Membership:
    membership = opened.get(Membership, form.number("membership", 1, 999_999_999) or 0)
    if membership is None or membership.team_id != team.id:
        raise Conflict(N_("This is there no longer. Load the screen again."))
    return membership


def _turns_after(opened: Session, team: Team, person_id: int, last_on: date) -> int:
    query = (
        sa.select(sa.func.count())
        .select_from(Shift)
        .join(Line)
        .where(Line.team_id == team.id, Shift.person_id == person_id)
        .where(Shift.cancelled_at.is_(None))
        .where(Shift.ends_at > midnight(last_on + timedelta(days=1), team.time_zone))
    )
    return opened.scalar(query) or 0


# --- What the screen shows.


def _shown(key: str, opened: Session, form: Form) -> dict[str, Any]:
    team = team_for(opened, key, Right.ROTA_CHANGE)
    told_beside_fields(form)
    members = _members(opened, team)
    names = {one.person_id: one.person.name for one in members}
    form.values.setdefault("kind", str(AbsenceKind.LEAVE))
    away = absences.standing(opened, set(names), session.now(), session.now() + _AHEAD)
    return {
        "team": team,
        "today": local_day(session.now(), team.time_zone),
        "members": [
            _member(one, [a for a in away if a.person_id == one.person_id]) for one in members
        ],
        "others": [("", gettext("choose")), *_others(opened, team)],
        "people": [("", gettext("choose")), *names.items()],
        "kinds": [(str(kind), gettext(said), ICONS[kind]) for kind, said in absences.KINDS.items()],
    }


def _members(opened: Session, team: Team) -> list[Membership]:
    """Return the places in the team that have not ended, by name."""
    today = local_day(session.now(), team.time_zone)
    query = (
        sa.select(Membership)
        .join(Person)
        .where(Membership.team_id == team.id, Person.left_at.is_(None))
        .where(sa.or_(Membership.until_on.is_(None), Membership.until_on >= today))
        .options(contains_eager(Membership.person))
        .order_by(Person.name, Membership.from_on)
    )
    return list(opened.scalars(query))


def _others(opened: Session, team: Team) -> list[tuple[int, str]]:
    """Return people whom the planner sees and who have no lasting place in the team."""
    here = {one.person_id for one in _members(opened, team) if one.until_on is None}
    return [
        (person.id, person.name)
        for person in staff.seen_by(opened, session.viewer())
        if person.left_at is None and person.id not in here
    ]


def _member(membership: Membership, away: list[Absence]) -> dict[str, Any]:
    now = session.now()
    return {
        "id": membership.id,
        "person": membership.person_id,
        "name": membership.person.name,
        "from_on": membership.from_on,
        "until_on": membership.until_on,
        "days": days_of(membership.from_on, membership.until_on) if membership.until_on else "",
        "away": [
            {
                "id": one.id,
                "kind": gettext(absences.KINDS[one.kind]),
                "icon": ICONS[one.kind],
                "span": span_of(one.starts_at, one.ends_at),
                "now": one.starts_at <= now,
            }
            for one in away
        ],
    }
