"""One's own absences on the phone: asking, seeing what became of it, taking it back.

Days are typed, and times only where a part of a day is meant; an illness may end nobody knows when.
Illness is told, not asked. What an absence means, and which turns it leaves empty, is for
`rota.absences`.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date, gettext

from dispatch.db import Session
from dispatch.errors import Conflict, NotFound
from dispatch.people.models import Person
from dispatch.rota import absences, rights
from dispatch.rota.days import local, midnight
from dispatch.rota.models import Absence, AbsenceKind, Answer
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.forms import REQUIRED, Form
from dispatch.web.posted import Done, show, take

blueprint = Blueprint("absences", __name__)

_SCREEN = "responder/absences.html"
_STANDS = (Answer.ASKED, Answer.APPROVED)
#: What is over stays in sight for so long.
_KEPT = timedelta(days=400)
#: The core's words for the fields, and the form's.
_FIELDS = {"starts_at": "first_on", "ends_at": "last_on"}
ICONS = {
    AbsenceKind.LEAVE: "sun",
    AbsenceKind.SICK: "heart-pulse",
    AbsenceKind.TRAINING: "graduation-cap",
    AbsenceKind.OTHER: "circle-dashed",
}


@blueprint.route("/turns/absences", methods=["GET", "POST"])
def mine() -> ResponseReturnValue:
    """Show one's absences, and ask for one."""
    form = Form(request.form if request.method == "POST" else request.args)
    return take(form, _ask) or show(_SCREEN, form, _mine)


@blueprint.post("/turns/absences/<int:absence_id>/<action>")
def act(absence_id: int, action: str) -> ResponseReturnValue:
    """Take an absence back, or say when an illness ends."""
    if action not in _ACTIONS:
        raise NotFound(N_("There is no such action."))
    form = Form(request.form)
    return take(form, partial(_ACTIONS[action], absence_id)) or show(_SCREEN, form, _mine)


def span_of(starts_at: datetime, ends_at: datetime | None) -> str:
    """Write from when until when somebody is away: days, and times only where they matter."""
    zone = session.viewer().time_zone
    begin = local(starts_at, zone)
    if ends_at is None:
        return str(gettext("from %(begin)s on", begin=_moment(begin, _is_midnight(starts_at))))
    if _is_midnight(starts_at) and _is_midnight(ends_at):
        last = local(ends_at, zone) - timedelta(days=1)
        days = [_moment(begin, True), _moment(last, True)]
        return days[0] if begin.date() == last.date() else " – ".join(days)
    return f"{_moment(begin, False)} – {_moment(local(ends_at, zone), False)}"


def typed_span(form: Form, *, open_end: bool) -> tuple[datetime | None, datetime | None]:
    """Read the fields first_on, from_time, last_on and until_time; what is wrong is noted."""
    zone = session.viewer().time_zone
    first_on, last_on = form.day("first_on", required=True), form.day("last_on")
    from_time, until_time = (form.values.get(name, "") for name in ("from_time", "until_time"))
    if last_on is None and (until_time or not open_end):
        form.error("last_on", REQUIRED)
    starts_at = midnight(first_on, zone) if first_on else None
    ends_at = midnight(last_on + timedelta(days=1), zone) if last_on else None
    for name, day, time in (("starts_at", first_on, from_time), ("ends_at", last_on, until_time)):
        form.values[name] = f"{day}T{time}" if day and time else ""
    return (
        form.instant("starts_at", ZoneInfo(zone)) or starts_at,
        form.instant("ends_at", ZoneInfo(zone)) or ends_at,
    )


def told_beside_fields(form: Form) -> None:
    """Show what the core refused beside the fields that were typed."""
    for name, typed in _FIELDS.items():
        if name in form.errors:
            form.errors.setdefault(typed, form.errors.pop(name))


def hits_of(opened: Session, absence: Absence) -> list[dict[str, Any]]:
    """Return the published turns that an absence leaves empty."""
    return [
        {
            "uid": hit.turn.shift_uid,
            "team": hit.team.name,
            "line": hit.turn.line_name,
            "starts_at": hit.from_at,
            "ends_at": hit.until_at,
        }
        for hit in absences.turns_hit(opened, absence, session.now())
    ]


# --- What a post does.


def _ask(opened: Session, form: Form) -> Done:
    kind = form.choice("kind", AbsenceKind)
    starts_at, ends_at = typed_span(form, open_end=kind is AbsenceKind.SICK)
    form.check()
    assert kind and starts_at, "the form was checked"
    person = opened.get_one(Person, session.viewer().person_id)
    absence = absences.ask(opened, person, kind, starts_at, ends_at, session.actor(), session.now())
    if absence.answer is Answer.ASKED:
        return Done(gettext("Asked. You are told what is decided."), url_for("absences.mine"))
    count = len(absences.turns_hit(opened, absence, session.now()))
    told = gettext("Noted. Turns of yours that now need somebody else: %(count)s.", count=count)
    if not count:
        told = gettext("Noted. You have no turn then.")
    return Done(told, url_for("absences.mine"))


def _withdraw(absence_id: int, opened: Session, _form: Form) -> Done:
    absences.withdraw(opened, _own(opened, absence_id), session.actor(), session.now())
    return Done(gettext("Taken back: you can be planned again."), url_for("absences.mine"))


def _end(absence_id: int, opened: Session, form: Form) -> Done:
    absence = _own(opened, absence_id)
    if absence.kind is not AbsenceKind.SICK:
        # Longer leave has to be approved like any other.
        raise Conflict(N_("Only the end of an illness can be changed like this."))
    last_on = form.day("until_on", required=True)
    form.check()
    assert last_on, "the form was checked"
    ends_at = midnight(last_on + timedelta(days=1), session.viewer().time_zone)
    absences.end(opened, absence, ends_at, session.actor(), session.now())
    return Done(gettext("Noted."), url_for("absences.mine"))


_ACTIONS = {"withdraw": _withdraw, "end": _end}


def _own(opened: Session, absence_id: int) -> Absence:
    absence = rights.absence_for(opened, session.viewer(), absence_id)
    if absence.person_id != session.viewer().person_id:
        raise NotFound(N_("There is no such thing, or it is not yours to see."))
    return absence


# --- What the screen shows.


def _mine(opened: Session, form: Form) -> dict[str, Any]:
    told_beside_fields(form)
    form.values.setdefault("kind", str(AbsenceKind.LEAVE))
    if form.values["kind"] == AbsenceKind.SICK:
        today = local(session.now(), session.viewer().time_zone).date()
        form.values.setdefault("first_on", today.isoformat())
    query = (
        sa.select(Absence)
        .where(Absence.person_id == session.viewer().person_id)
        .where(sa.or_(Absence.ends_at.is_(None), Absence.ends_at > session.now() - _KEPT))
        .order_by(Absence.starts_at, Absence.id)
    )
    found = list(opened.scalars(query))
    return {
        "kinds": [(str(kind), gettext(words), ICONS[kind]) for kind, words in _kinds()],
        "coming": [_shown(opened, one) for one in found if _is_coming(one)],
        "past": [_shown(opened, one) for one in reversed(found) if not _is_coming(one)],
    }


def _kinds() -> list[tuple[AbsenceKind, str]]:
    return list(absences.KINDS.items())


def _is_coming(absence: Absence) -> bool:
    return absence.ends_at is None or absence.ends_at > session.now()


def _shown(opened: Session, absence: Absence) -> dict[str, Any]:
    stands = absence.answer in _STANDS and _is_coming(absence)
    return {
        "id": absence.id,
        "kind": gettext(absences.KINDS[absence.kind]),
        "icon": ICONS[absence.kind],
        "span": span_of(absence.starts_at, absence.ends_at),
        "answer": str(absence.answer),
        "reason": absence.reason,
        "by": absence.answered_by if absence.answer is Answer.REFUSED else "",
        "stands": stands,
        "begun": absence.starts_at <= session.now(),
        "ill": absence.kind is AbsenceKind.SICK,
        "hits": hits_of(opened, absence) if stands else [],
    }


def _is_midnight(at: datetime) -> bool:
    zone = session.viewer().time_zone
    return at == midnight(local(at, zone).date(), zone)


def _moment(at: datetime, is_day: bool) -> str:
    this_year = at.year == local(session.now(), session.viewer().time_zone).year
    day = format_date(at.date(), "EEE d MMM" if this_year else "EEE d MMM y")
    return str(day if is_day else f"{day} {at:%H:%M}")
