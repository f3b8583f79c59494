"""The dispatcher's screens: the board, one incident with everything that may be done, a new one.

Each action is a form that works without scripts: it is answered with a redirect, or, asked for by a
fragment, with the fragment as it is now. Every action takes the incident through
`confidentiality.handled`, which checks the right and locks it first, so that two dispatchers and an
officer's answer never act on the same moment. What an action means is left to the core.
"""

from collections.abc import Callable, Mapping

import flask
import sqlalchemy as sa
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import joinedload

from dispatch.db import Session
from dispatch.errors import Invalid, NotFound
from dispatch.incidents import catalogue
from dispatch.incidents.models import Incident
from dispatch.intake import deliveries
from dispatch.paging import callouts, confidentiality, sentences
from dispatch.paging.confidentiality import Readable
from dispatch.people.access import Right
from dispatch.texts import N_
from dispatch.web import actions, by_hand, case, entry, live, on_duty, session, together
from dispatch.web import board as lanes_
from dispatch.web import people as shown_people
from dispatch.web.forms import Form

blueprint = Blueprint("dispatcher", __name__)

_MOST_FOUND = 50


@blueprint.get("/board")
def board() -> str:
    """Show who is on duty, every incident by urgency, and the chosen one."""
    session.viewer().require(Right.BOARD_READ)
    chosen = request.args.get("incident")
    if chosen:
        _note_read(chosen)
    by_hand.note()
    with session.reading() as opened:
        return flask.render_template(
            "dispatcher/board.html",
            teams=on_duty.teams_on_duty(opened, session.now()),
            lanes=_with_choice(_lanes(opened)),
            selected=_shown(opened, chosen) if chosen else None,
            chosen=chosen,
        )


@blueprint.get("/board/lanes")
def lanes() -> ResponseReturnValue:
    """Show the lanes, for a board that keeps itself fresh."""
    session.viewer().require(Right.BOARD_READ)
    by_hand.note()
    return live.shared(("board",), _lanes, _with_choice)


def _lanes(opened: Session) -> str:
    return flask.render_template(
        "dispatcher/_lanes.html",
        lanes=lanes_.lanes(opened, session.now()),
        to_ring=by_hand.to_ring(opened),
    )


def _with_choice(lanes: str) -> str:
    """Mark the card that is chosen: in that alone boards of the same rights differ."""
    chosen = request.args.get("incident")
    link = f'href="{url_for("dispatcher.board", incident=chosen)}"'
    marked = f'aria-current="true" {link}'
    return lanes.replace(f'aria-current="false" {link}', marked) if chosen else lanes


@blueprint.get("/board/on-duty", endpoint="on_duty")
@session.reads
def duty(opened: Session) -> ResponseReturnValue:
    """Show who is on duty, for a board that keeps itself fresh."""
    session.viewer().require(Right.BOARD_READ)

    def made() -> str:
        teams = on_duty.teams_on_duty(opened, session.now())
        return flask.render_template("dispatcher/_on_duty.html", teams=teams)

    return live.fragment(opened, ("rota",), made)


@blueprint.get("/board/find")
@session.reads
def find(opened: Session) -> ResponseReturnValue:
    """Find incidents by reference, category, municipality or postcode: nothing that is sealed."""
    session.viewer().require(Right.INCIDENT_READ)
    sought = Form(request.args).text("q", most=60)
    found = _found(opened, sought) if sought else []
    if len(found) == 1:
        return redirect(url_for("dispatcher.incident", reference=found[0].reference), 303)
    cards = [
        lanes_.heading(one) | {"municipality": one.municipality, "postcode": one.postcode}
        for one in found
    ]
    return flask.render_template("dispatcher/found.html", sought=sought, cards=cards)


def _found(opened: Session, sought: str) -> list[Incident]:
    like = "%" + sought.lower().replace("%", "").replace("_", "") + "%"
    keys = [
        one.id
        for one in catalogue.in_use(opened)
        if sought.lower() in catalogue.name(one, lanes_.language()).lower()
    ]
    query = (
        sa.select(Incident)
        .where(Incident.organisation_id.in_(session.viewer().organisations(Right.INCIDENT_READ)))
        .where(
            sa.or_(
                sa.func.lower(Incident.reference).like(like),
                sa.func.lower(Incident.source_reference).like(like),
                sa.func.lower(Incident.municipality).like(like),
                Incident.postcode == sought,
                Incident.category_id.in_(keys),
            )
        )
        .options(joinedload(Incident.category))
        .order_by(Incident.received_at.desc())
    )
    return list(opened.scalars(query.limit(_MOST_FOUND)))


# --- one incident ---


@blueprint.get("/incidents/<reference>")
def incident(reference: str) -> str:
    """Show one incident on a screen of its own."""
    _note_read(reference)
    with session.reading() as opened:
        return _screen(_shown(opened, reference))


@blueprint.get("/incidents/<reference>/pane")
def pane(reference: str) -> ResponseReturnValue:
    """Show one incident beside the lanes, or again on its own screen."""
    _note_read(reference)
    with session.reading() as opened:
        return live.fragment(opened, ("board",), lambda: _pane(_shown(opened, reference)))


def _shown(opened: Session, reference: str) -> dict[str, object]:
    found = _readable(opened, reference)
    return case.whole(opened, found, session.now())


def _readable(opened: Session, reference: str) -> Readable:
    session.viewer().require(Right.INCIDENT_READ)
    return confidentiality.reader(opened, session.viewer(), reference, session.now())


def _screen(shown: Mapping[str, object]) -> str:
    return flask.render_template("dispatcher/incident.html", incident=shown, back="incident")


def _pane(shown: Mapping[str, object]) -> str:
    return flask.render_template("dispatcher/_pane.html", incident=shown, back=_back())


def _back() -> str:
    """Return where the fragment stands: beside the board, or on the incident's own screen."""
    given = request.values.get("back", "board")
    return given if given in ("board", "incident") else "board"


def _note_read(reference: str) -> None:
    """Write down that the incident is read, before it is shown; at most once an hour."""
    with session.reading() as opened:
        found = _readable(opened, reference)
        if confidentiality.read_lately(opened, found.incident, session.actor(), session.now()):
            return
    with session.transaction() as writing:
        confidentiality.note_read(writing, found.incident, session.actor(), session.now())


def _answer(reference: str, sentence: str = "") -> ResponseReturnValue:
    """Answer an action: the fragment as it is now, or the way back to its screen."""
    if sentence:
        flash(sentence, "done")
    if request.headers.get("HX-Request"):
        with session.reading() as opened:
            return _pane(_shown(opened, reference))
    if _back() == "incident":
        return redirect(url_for("dispatcher.incident", reference=reference), 303)
    return redirect(url_for("dispatcher.board", incident=reference), 303)


@blueprint.post("/incidents/<reference>/narrative")
def narrative(reference: str) -> ResponseReturnValue:
    """Show once what is sealed behind a reason; a redirect would lose it, so there is none."""
    reason = Form(request.form).text("reason")
    with session.transaction() as opened:
        found = _readable(opened, reference)
        text, sealed = confidentiality.open_sealed(
            opened, found, reason, session.actor(), session.now()
        )
    with session.reading() as opened:
        found = _readable(opened, reference)
        whole = case.whole(opened, found, session.now(), sealed) | {"narrative": text}
        fragment = request.headers.get("HX-Request")
        return _pane(whole) if fragment else _screen(whole)


@blueprint.post("/incidents/<reference>/<action>")
def act(reference: str, action: str) -> ResponseReturnValue:
    """Do something with the incident as a whole."""
    if action not in actions.ON_INCIDENT:
        raise NotFound(N_("There is no such action."))
    with session.transaction() as opened:
        together.lock(opened, reference, request.form)
        held = confidentiality.handled(opened, session.viewer(), reference, session.now())
        sentence = actions.ON_INCIDENT[action](opened, held, Form(request.form))
    return _answer(reference, sentence)


# --- one call-out ---


@blueprint.post("/incidents/<reference>/callouts/<int:callout>/<action>")
def act_on_callout(reference: str, callout: int, action: str) -> ResponseReturnValue:
    """Do something with one call-out of the incident."""
    if action not in actions.ON_CALLOUT:
        raise NotFound(N_("There is no such action."))
    with session.transaction() as opened:
        held = confidentiality.handled(opened, session.viewer(), reference, session.now())
        found = [one for one in callouts.of_incident(opened, held) if one.id == callout]
        if not found:
            raise NotFound(N_("There is no such call-out."))
        sentence = actions.ON_CALLOUT[action](opened, found[0], Form(request.form))
    return _answer(reference, sentence)


# --- a new incident ---


@blueprint.route("/incidents/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Enter an incident and call people out for it, or record one afterwards."""
    session.viewer().require(Right.INCIDENT_OPEN)
    recorded = bool(request.args.get("record"))
    if request.method == "GET":
        return _entry(entry.new_form(), recorded)
    form = Form(request.form)
    given = entry.reference(form)
    make = entry.record if recorded else entry.open_incident
    try:
        _once(given, make, form)
    except Invalid as error:
        form.refuse(error)
        with session.reading() as opened:
            found = None if recorded else entry.who(opened, form, session.now())
        return _entry(form, recorded, found), 422
    return redirect(url_for("dispatcher.board", incident=given), 303)


def _once(given: str, make: Callable[..., Incident], form: Form) -> None:
    """Open the incident unless the same form has opened it already, perhaps a moment ago."""
    try:
        with session.transaction() as opened:
            if not entry.opened_before(opened, given):
                make(opened, form, given, session.actor(), session.now())
    except sa.exc.IntegrityError:
        with session.reading() as opened:
            if not entry.opened_before(opened, given):
                raise


@blueprint.post("/incidents/who")
@session.reads
def who(opened: Session) -> ResponseReturnValue:
    """Show who would be called for what the form says; nothing is written."""
    form = Form(request.form)
    found = entry.who(opened, form, session.now())
    if request.headers.get("HX-Request"):
        return flask.render_template("dispatcher/_who.html", who=found)
    return _entry(form, recorded=False, who=found)


def _entry(form: Form, recorded: bool, who: Mapping[str, object] | None = None) -> str:
    with session.reading() as opened:
        organisation = entry.home(opened, session.viewer())
        return flask.render_template(
            "dispatcher/new.html",
            form=form,
            record=recorded,
            categories=case.categories(opened),
            languages_spoken=[(code, case.language_name(code)) for code in shown_people.SPOKEN],
            flags=sentences.FLAGS,
            teams=case.teams_serving(opened, organisation.id),
            people=entry.people(opened, organisation),
            people_counts=[(count, count) for count in range(1, entry.MOST_PEOPLE + 1)],
            who=who,
        )


@blueprint.post("/deliveries/<uid>/seen")
def seen(uid: str) -> ResponseReturnValue:
    """Take care of a delivery that gave no incident: the sound stops."""
    session.viewer().require(Right.INCIDENT_HANDLE)
    with session.transaction() as opened:
        mine = session.viewer().organisations(Right.INCIDENT_HANDLE)
        delivery = deliveries.by_uid(opened, uid, mine)
        deliveries.mark_seen(opened, delivery, session.actor(), session.now())
    flash(gettext("Seen: ring its sender."), "done")
    return redirect(url_for("dispatcher.board"), 303)
