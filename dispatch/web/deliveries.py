"""Screens of what police systems sent: deliveries, and the sources with their secrets.

A delivery is shown without its body; opening that is a POST with a reason, which is written down
before anything is shown. Bodies may be hostile, so they are shown as text only. A secret is shown
once, when it is made. Marking a delivery as seen is the board's.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import flask
import sqlalchemy as sa
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.db import Session
from dispatch.errors import Conflict, Invalid, NotFound, Refused
from dispatch.incidents.models import Incident
from dispatch.intake import deliveries, pins, sources
from dispatch.intake.deliveries import Sought
from dispatch.intake.models import Delivery, DeliveryStatus, Source, SourceSecret
from dispatch.people import phones
from dispatch.people.access import Right
from dispatch.people.models import Organisation, Service, Team
from dispatch.texts import N_
from dispatch.vigil import promises
from dispatch.web import session, suppliers
from dispatch.web.forms import Form

blueprint = Blueprint("deliveries", __name__)

#: Deliveries on one screen.
_MOST = 100
#: How long an old secret may go on, in hours: at once, a day, a week.
_ENDINGS = (0, 24, 168)
#: Minutes that a source may be silent at most before that is told: a week.
_LONGEST_PROMISE = 10_080
_STATUSES = {
    DeliveryStatus.HANDLED: N_("handled"),
    DeliveryStatus.UNREADABLE: N_("unreadable"),
    DeliveryStatus.FAILED: N_("failed"),
}


def _seen_by() -> frozenset[int]:
    """Return the organisations whose deliveries the viewer may list."""
    viewer = session.viewer()
    found = viewer.organisations(Right.DELIVERY_READ_RAW) | viewer.organisations(Right.ADMINISTER)
    if not found:
        raise Refused(N_("Your roles do not allow this. Ask an administrator."))
    return found


# --- deliveries ---


@blueprint.get("/deliveries")
@session.reads
def listed(opened: Session) -> str:
    """Show what came in, the newest first."""
    mine = _seen_by()
    form = Form(request.args)
    offered = sources.listed(opened, mine)
    source_id = form.id_of("source", [one.id for one in offered], required=False)
    status = form.choice("status", DeliveryStatus) if form.values.get("status") else None
    since = form.instant("since", ZoneInfo(session.viewer().time_zone))
    before = form.number("before", 1, 999_999_999)
    found = deliveries.found(opened, Sought(mine, source_id, status, since, before), _MOST + 1)
    narrowing = {name: form.values.get(name) or None for name in ("source", "status", "since")}
    return flask.render_template(
        "admin/deliveries.html",
        form=form,
        deliveries=[_row(one) for one in found[:_MOST]],
        older={**narrowing, "before": found[_MOST - 1].id} if len(found) > _MOST else None,
        sources=[("", gettext("every source")), *((one.id, one.name) for one in offered)],
        statuses=[("", gettext("every state"))]
        + [(str(word), gettext(words)) for word, words in _STATUSES.items()],
    )


def _row(delivery: Delivery) -> dict[str, Any]:
    return {
        "uid": delivery.uid,
        "reference": delivery.reference,
        "source": delivery.source.name,
        "received_at": delivery.received_at,
        "status": str(delivery.status),
        "word": gettext(_STATUSES[delivery.status]),
        "answer_status": delivery.answer_status,
        "clashes": delivery.clashes,
        "problems": delivery.problems,
        "needs_somebody": deliveries.needs_somebody(delivery),
    }


@blueprint.get("/deliveries/<uid>")
def delivery(uid: str) -> str:
    """Show one delivery without its body."""
    return _delivery(uid, Form())


@blueprint.post("/deliveries/<uid>")
def raw(uid: str) -> ResponseReturnValue:
    """Show one delivery with its body, once; a redirect would lose it, so there is none."""
    viewer, form = session.viewer(), Form(request.form)
    viewer.require(Right.DELIVERY_READ_RAW)
    mine = viewer.organisations(Right.DELIVERY_READ_RAW)
    reason = form.text("reason")
    try:
        with session.transaction() as opened:
            found = deliveries.by_uid(opened, uid, mine)
            body = deliveries.open_raw(opened, found, reason, session.actor(), session.now())
    except Invalid as error:
        return _delivery(uid, form.refuse(error)), 422
    return _delivery(uid, form, body.decode("utf-8", "replace"))


def _delivery(uid: str, form: Form, body: str | None = None) -> str:
    with session.reading() as opened:
        found = deliveries.by_uid(opened, uid, _seen_by())
        facts = _facts(opened, found)
    return flask.render_template("admin/delivery.html", form=form, body=body, **facts)


def _facts(opened: Session, found: Delivery) -> dict[str, Any]:
    viewer, home = session.viewer(), found.source.organisation_id
    known = opened.scalar(sa.select(Incident.id).where(Incident.reference == found.reference))
    return {
        "delivery": {
            **_row(found),
            "webhook_id": found.webhook_id,
            "content_type": found.content_type,
            "seen_at": found.seen_at,
            "due_at": found.due_at,
        },
        "has_incident": known is not None and viewer.may(Right.INCIDENT_READ, home),
        "may_open": viewer.may(Right.DELIVERY_READ_RAW, home),
        "may_mark": viewer.may(Right.INCIDENT_HANDLE, home),
    }


# --- sources ---


@blueprint.get("/sources")
def sources_() -> str:
    """Show who may send alerts, and what was heard of each."""
    return _sources(Form())


def _sources(form: Form) -> str:
    mine, now = _seen_by(), session.now()
    administered = session.viewer().organisations(Right.ADMINISTER)
    with session.reading() as opened:
        found = sources.listed(opened, mine)
        forged = sources.forged_today(opened, [one.id for one in found], now)
        return flask.render_template(
            "admin/sources.html",
            form=form,
            sources=[_source(one, forged, one.organisation_id in administered) for one in found],
            forged_unknown=forged.get(None, 0),
            suppliers=suppliers.listed(opened),
            places=_places(opened, administered),
            endings=[(hours, _ending(hours)) for hours in _ENDINGS],
        )


def _source(source: Source, forged: dict[int | None, int], may_change: bool) -> dict[str, Any]:
    now = session.now()
    return {
        "id": source.id,
        "key": source.key,
        "name": source.name,
        "organisation": source.organisation.name,
        "team": source.default_team.name,
        "address": session.parts().settings.web.public_url + f"/hooks/alerts/{source.key}",
        "digits_at": source.pin_at,
        "last_delivery_at": source.last_delivery_at,
        "promised_minutes": source.promised_minutes,
        "forged": forged.get(source.id, 0),
        "secrets": [_secret_row(one, source) for one in source.secrets if _is_valid(one, now)],
        "may_change": may_change,
    }


def _is_valid(secret: SourceSecret, now: datetime) -> bool:
    return secret.valid_until is None or secret.valid_until > now


def _secret_row(secret: SourceSecret, source: Source) -> dict[str, Any]:
    others = [one for one in source.secrets if one is not secret and one.valid_until is None]
    return {
        "uid": secret.uid,
        "from": secret.valid_from,
        "until": secret.valid_until,
        "may_end": bool(others),
    }


def _ending(hours: int) -> str:
    return str(gettext("in %(hours)s hours", hours=hours) if hours else gettext("at once"))


def _places(opened: Session, organisation_ids: Collection[int]) -> list[tuple[str, str]]:
    """Return every organisation with a team that serves it, as one choice each."""
    query = (
        sa.select(Organisation.id, Organisation.name, Team.id, Team.name)
        .join(Service, Service.organisation_id == Organisation.id)
        .join(Team, Team.id == Service.team_id)
        .where(Organisation.id.in_(organisation_ids))
        .order_by(Organisation.name, Team.name)
    )
    return [
        (f"{organisation_id}:{team_id}", f"{organisation} – {team}")
        for organisation_id, organisation, team_id, team in opened.execute(query)
    ]


@blueprint.post("/sources")
def add_source() -> ResponseReturnValue:
    """Add a source and show its secret, once."""
    form = Form(request.form)
    try:
        with session.transaction() as opened:
            mine = session.viewer().organisations(Right.ADMINISTER)
            offered = [choice for choice, _ in _places(opened, mine)]
            key, name = form.text("key", required=True), form.text("name", required=True)
            place = form.one_of("place", offered)
            form.check()
            organisation_id, team_id = (int(number) for number in place.split(":"))
            source, secret = sources.add_source(
                opened,
                key,
                name,
                opened.get_one(Organisation, organisation_id),
                opened.get_one(Team, team_id),
                session.actor(),
                session.now(),
            )
    except (Invalid, Conflict) as error:
        return _sources(form.refuse(error)), 422
    return _secret(source, secret)


@blueprint.post("/sources/<int:source_id>/secrets")
def add_secret(source_id: int) -> str:
    """Make a second secret for a source and show it, once."""
    with session.transaction() as opened:
        source = _administered(opened, source_id)
        secret = sources.add_secret(opened, source, session.actor(), session.now())
    return _secret(source, secret)


@blueprint.post("/sources/<int:source_id>/secrets/<uid>/end")
def end_secret(source_id: int, uid: str) -> ResponseReturnValue:
    """End an old secret, now or soon."""
    form = Form(request.form)
    try:
        with session.transaction() as opened:
            source = _administered(opened, source_id)
            hours = int(form.one_of("hours", [str(one) for one in _ENDINGS]) or 0)
            form.check()
            sources.end_secret(opened, source, uid, hours, session.actor(), session.now())
    except (Invalid, Conflict) as error:
        return _sources(form.refuse(error)), 422
    flash(gettext("The secret ends %(when)s.", when=_ending(hours)), "done")
    return redirect(url_for("deliveries.sources_"), 303)


@blueprint.post("/sources/<int:source_id>/promise")
def promise(source_id: int) -> ResponseReturnValue:
    """Note how long a source is silent at most, so that its silence is told."""
    form = Form(request.form)
    try:
        with session.transaction() as opened:
            source = _administered(opened, source_id)
            minutes = form.number("minutes", 0, _LONGEST_PROMISE) or 0
            form.check()
            promises.promise(opened, source, minutes, session.actor(), session.now())
    except Invalid as error:
        return _sources(form.refuse(error)), 422
    told = gettext("Its silence is told on the board.")
    flash(told if minutes else gettext("Its silence says nothing."), "done")
    return redirect(url_for("deliveries.sources_"), 303)


@blueprint.post("/sources/<int:source_id>/digits")
def renew_digits(source_id: int) -> str:
    """Make new digits for reporting by telephone and show them, once."""
    with session.transaction() as opened:
        source = _administered(opened, source_id)
        digits = pins.renew(opened, source, session.actor(), session.now())
        served = phones.spaced(session.parts().settings.twilio.sender)
        return flask.render_template(
            "admin/digits.html", source=source, digits=digits, number=served
        )


@blueprint.post("/sources/<int:source_id>/digits/end")
def end_digits(source_id: int) -> ResponseReturnValue:
    """Let nobody report for a source by telephone any more."""
    with session.transaction() as opened:
        pins.end(opened, _administered(opened, source_id), session.actor(), session.now())
    flash(gettext("Nobody can report by telephone for this source any more."), "done")
    return redirect(url_for("deliveries.sources_"), 303)


def _administered(opened: Session, source_id: int) -> Source:
    source = opened.get(Source, source_id)
    mine = session.viewer().organisations(Right.ADMINISTER)
    if source is None or source.organisation_id not in mine:
        raise NotFound(N_("There is no such source, or it is not yours to change."))
    return source


def _secret(source: Source, secret: str) -> str:
    address = session.parts().settings.web.public_url + f"/hooks/alerts/{source.key}"
    return flask.render_template("admin/secret.html", source=source, secret=secret, address=address)
