"""The officer's screens: answering a call-out half asleep, and the incident one goes for.

Behind the link of a text stands what the text said and two buttons, nothing more of the incident,
whoever holds the phone. Looking changes nothing: phones fetch links by themselves. The secret in
the address is the proof that a token against forged forms is elsewhere, so the buttons work in a
browser that refuses cookies. After sign-in, whoever goes sees the facts and says how far they are.
"""

from collections.abc import Callable, Mapping
from typing import Any

import flask
import sqlalchemy as sa
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, gettext
from sqlalchemy.orm import joinedload

from dispatch.db import Session
from dispatch.errors import Conflict, NotFound
from dispatch.incidents import catalogue, handling
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.paging import (
    bars,
    callouts,
    confidentiality,
    handing,
    replies,
    seats,
    self_check,
    story,
)
from dispatch.paging.models import (
    UNFINISHED,
    Assignment,
    AssignmentStatus,
    Callout,
    Page,
    PageStatus,
)
from dispatch.paging.seats import Taken
from dispatch.people import phones
from dispatch.texts import N_
from dispatch.web import board, case, session, together, under_way
from dispatch.web.forms import Form

blueprint = Blueprint("responder", __name__)

#: Minutes of arrival to choose from.
MINUTES = (10, 20, 30, 60)
_OUTCOMES = {Taken.TOO_LATE: "taken", Taken.OVER: "closed"}


@blueprint.record_once
def _exempt(state: Any) -> None:
    state.app.extensions["csrf"].exempt(f"{__name__}.{answer.__name__}")


# --- the link in a text ---


@blueprint.route("/a/<token>", methods=["GET", "POST"])
def answer(token: str) -> ResponseReturnValue:
    """Show what the text said, and take the answer."""
    try:
        if request.method == "POST":
            return _take(token)
        return _show(token)
    except NotFound:
        return _outcome("expired"), 404


def _show(token: str) -> ResponseReturnValue:
    with session.reading() as opened:
        page = replies.page_behind(opened, token, session.now())
        state, mine = _state(page), _is_mine(page)
        if state not in ("open", "yours"):
            return _outcome(state, _language(page)), 410
        if not mine or page.opened_at is not None:
            return _screen(opened, page, state, url_for("responder.answer", token=token))
    # Only a person who signed in opens a page; a phone that looks at links does not.
    with session.transaction() as opened:
        page = replies.page_behind(opened, token, session.now())
        replies.opened(opened, seats.locked_page(opened, page.id), session.now())
    return redirect(url_for("responder.answer", token=token), 303)


def _take(token: str) -> ResponseReturnValue:
    form = Form(request.form)
    goes = form.one_of("answer", ("yes", "no")) == "yes"
    minutes = form.number("minutes", 1, 240)
    form.check()
    try:
        with session.transaction() as opened:
            page, taken = replies.answer_link(opened, token, goes, session.now(), minutes)
            reference, language = replies.incident_of(opened, page).reference, _language(page)
    except Conflict:
        return _after_all(token)
    if taken in _OUTCOMES:
        return _outcome(_OUTCOMES[taken], language)
    if not goes:
        return _outcome("declined", language)
    if _is_mine(page):
        return redirect(url_for("responder.call", reference=reference), 303)
    with session.reading() as opened:
        page = replies.page_behind(opened, token, session.now())
        return _screen(opened, page, "yours", url_for("responder.answer", token=token))


def _after_all(token: str) -> ResponseReturnValue:
    """Say what became of a page that could not be answered like this any more."""
    with session.reading() as opened:
        page = replies.page_behind(opened, token, session.now())
        return _outcome(_state(page), _language(page)), 409


def _state(page: Page) -> str:
    """Return the word for what the page's own screen says."""
    callout = page.callout
    if callout.incident.status is not IncidentStatus.OPEN or callout.cancelled_at is not None:
        return "closed"
    if any(going.person_id == page.person_id for going in callouts.active_assignments(callout)):
        return "yours"
    if page.person_id is not None and bars.is_closed(callout.incident, page.person_id):
        return "passed_on"
    if page.status is PageStatus.DECLINED:
        return "declined"
    if page.ended_at is None:
        return "open"
    return "taken" if callout.filled_at is not None else "expired"


def _is_mine(page: Page) -> bool:
    viewer = session.viewer_or_none()
    return viewer is not None and viewer.person_id == page.person_id


def _language(page: Page) -> str:
    """Return the officer's language: before sign-in the browser tells only its own."""
    return page.person.language if page.person is not None else board.language()


def _outcome(state: str, language: str = "") -> str:
    """Show a screen without any detail."""
    with force_locale(language or board.language()):
        return flask.render_template("responder/outcome.html", state=state)


def _screen(opened: Session, page: Page, state: str, answer_url: str) -> str:
    """Show a call-out to somebody of whom only the secret address is known."""
    incident = replies.incident_of(opened, page)
    with force_locale(_language(page)):
        return flask.render_template(
            "responder/answer.html",
            call=_call(incident, state) | {"answer_url": answer_url},
            incident=None,
            mine=None,
            onward=url_for("responder.call", reference=incident.reference),
        )


def _call(incident: Incident, state: str) -> dict[str, Any]:
    """Return what may be said to anybody who holds the phone: what stood in the text."""
    return {
        "reference": incident.reference,
        "priority": incident.priority,
        "response_mode": str(incident.response_mode),
        "at": incident.received_at,
        "appointment_at": incident.appointment_at,
        "drill": incident.drill,
        "control_room": phones.spaced(incident.organisation.control_room_phone),
        "state": state,
        "minutes": MINUTES,
    }


# --- signed in ---


@blueprint.get("/calls")
@session.reads
def calls(opened: Session) -> str:
    """Show what waits for the viewer's answer, and what the viewer goes for."""
    me = session.viewer().person_id
    waiting = sa.select(Page).where(Page.person_id == me, Page.ended_at.is_(None))
    going = (
        sa.select(Assignment)
        .join(Callout)
        .where(Assignment.person_id == me, Assignment.status.in_(UNFINISHED))
        .where(Callout.cancelled_at.is_(None))
    )
    return flask.render_template(
        "responder/calls.html",
        waiting=[_listed(page.callout) for page in opened.scalars(_newest(waiting, Page))],
        going=[
            _listed(one.callout)
            | {
                "status": str(one.status),
                "category": catalogue.name(one.callout.incident.category, board.language()),
            }
            for one in opened.scalars(_newest(going, Assignment))
        ],
    )


def _newest(query: Any, of: type[Page] | type[Assignment]) -> Any:
    callout = joinedload(of.callout)
    return query.options(callout.joinedload(Callout.incident)).order_by(of.id.desc())


def _listed(callout: Callout) -> dict[str, Any]:
    return _call(callout.incident, "") | {"team": callout.want.team.name}


@blueprint.get("/calls/<reference>")
def call(reference: str) -> str:
    """Show a call-out to whoever was called, and the incident to whoever goes."""
    with session.reading() as opened:
        page = _own_page(opened, reference)
        reads = _reads(opened, page) or self_check.may_see(opened, page)
        noted = confidentiality.read_lately(
            opened, page.callout.incident, session.actor(), session.now()
        )
    unopened = page.opened_at is None and page.ended_at is None
    if unopened or (reads and not noted):
        with session.transaction() as opened:
            held = seats.locked_page(opened, page.id)
            if unopened:
                replies.opened(opened, held, session.now())
            if reads and not noted:
                incident = held.callout.incident
                confidentiality.note_read(opened, incident, session.actor(), session.now())
    return _show_call(reference)


def _show_call(reference: str, narrative: str | None = None) -> str:
    with session.reading() as opened:
        page = _own_page(opened, reference)
        seat, incident = _own_seat(page), page.callout.incident
        return flask.render_template(
            "responder/answer.html",
            call=_call(incident, _state(page))
            | {"answer_url": url_for("responder.act", reference=reference, action="answer")},
            incident=_incident(opened, reference, page) if _reads(opened, page) else None,
            mine=_mine(opened, seat) if seat is not None else None,
            check=_check(opened, page) if self_check.may_see(opened, page) else None,
            narrative=narrative,
            onward=None,
        )


def _check(opened: Session, page: Page) -> dict[str, Any]:
    """Return where it is and who is concerned, for an officer to say that they know them."""
    incident, held = page.callout.incident, self_check.facts(opened, page)
    place, protected = case.place(incident, held), bool(incident.flags.get("protected_identity"))
    if protected and place["municipality"]:
        place["postcode"] = ""
    return {
        "place": place,
        "protected": protected,
        "facts": list(case.concerned(held)),
    }


def _own_page(opened: Session, reference: str) -> Page:
    """Return the viewer's page for an incident: the seat held, else one to answer, else the last.

    Raises NotFound for whoever was never called for it.
    """
    query = (
        sa.select(Page)
        .join(Callout)
        .join(Incident)
        .where(Incident.reference == reference)
        .where(Page.person_id == session.viewer().person_id, Page.status != PageStatus.SKIPPED)
        .order_by(Page.id)
    )
    found = opened.scalars(query).all()
    if not found:
        raise NotFound(N_("There is no such call-out, or it is not yours."))
    return max(
        found, key=lambda page: (_own_seat(page) is not None, page.ended_at is None, page.id)
    )


def _own_seat(page: Page) -> Assignment | None:
    for going in callouts.active_assignments(page.callout):
        if going.person_id == page.person_id:
            return going
    return None


def _reads(opened: Session, page: Page) -> bool:
    """Whether the facts are shown: to whoever goes, and for a while to whoever went."""
    viewer, incident_id = session.viewer(), page.callout.incident_id
    return confidentiality.reads_by_going(opened, viewer.person_id, incident_id, session.now())


def _incident(opened: Session, reference: str, page: Page) -> dict[str, Any]:
    """Return what whoever goes is told."""
    found = confidentiality.reader(opened, session.viewer(), reference, session.now())
    facts = found.facts(opened)
    held = story.callouts_of(opened, [found.incident.id])[found.incident.id]
    beside = [
        going
        for one in held
        for going in callouts.active_assignments(one)
        if going.person_id != page.person_id
    ]
    numbers = board.numbers_of(opened, [going.person_id for going in beside])
    return {
        "category": board.heading(found.incident)["category"],
        "protected": found.protected,
        "place": case.place(found.incident, facts),
        "facts": [
            *together.for_officer(opened, found.incident, facts),
            *case.facts_of(found.incident, facts),
        ],
        "with_me": case.going(beside, numbers, may_handle=False),
        "has_narrative": bool(found.incident.sealed_narrative),
        "notes": [line for line in case.told(opened, found.incident) if line.kind == "note"],
    }


def _mine(opened: Session, seat: Assignment) -> dict[str, Any]:
    return {
        "status": str(seat.status),
        "eta_at": seat.expected_at if seat.on_scene_at is None else None,
        "next": case.next_steps(seat),
        "may_withdraw": seat.status in UNFINISHED,
        "asked": handing.asked_name(seat),
        "colleagues": under_way.colleagues(opened, seat) if seat.status in UNFINISHED else [],
    }


@blueprint.post("/calls/<reference>/<action>")
def act(reference: str, action: str) -> ResponseReturnValue:
    """Answer a call-out, or say how far one is."""
    if action not in _ACTIONS:
        raise NotFound(N_("There is no such action."))
    with session.transaction() as opened:
        page = seats.locked_page(opened, _own_page(opened, reference).id)
        sentence = _ACTIONS[action](opened, page, Form(request.form))
    flash(sentence, "done")
    return redirect(url_for("responder.call", reference=reference), 303)


@blueprint.post("/calls/<reference>/narrative")
def narrative(reference: str) -> str:
    """Show the narrative once to whoever goes; a redirect would lose it, so there is none."""
    with session.transaction() as opened:
        found = confidentiality.reader(opened, session.viewer(), reference, session.now())
        text, _ = confidentiality.open_sealed(
            opened, found, "assigned", session.actor(), session.now()
        )
    return _show_call(reference, text)


def _answer(opened: Session, page: Page, form: Form) -> str:
    goes = form.one_of("answer", ("yes", "no")) == "yes"
    minutes = form.number("minutes", 1, 240)
    form.check()
    actor, now = session.actor(), session.now()
    if not goes:
        seats.decline(opened, page, actor, "screen", now)
        if page.status is not PageStatus.DECLINED:
            return str(gettext("Noted, thank you."))
        return str(gettext("Noted. A colleague is being called."))
    taken = seats.accept(opened, page, actor, "screen", now, minutes).taken
    return str(gettext(_ANSWERS[taken]))


def _status(opened: Session, page: Page, form: Form) -> str:
    then, seat = form.choice("status", AssignmentStatus), _own_seat(page)
    form.check()
    if then is None or seat is None:
        raise Conflict(N_("You do not go for this call-out any more."))
    seats.move_on(opened, seat, then, session.actor(), session.now())
    return str(gettext("Noted: %(status)s.", status=gettext(case.STEPS[then])))


def _withdraw(opened: Session, page: Page, _form: Form) -> str:
    if not seats.decline(opened, page, session.actor(), "screen", session.now()):
        raise Conflict(N_("You do not go for this call-out any more."))
    return str(gettext("Noted. A colleague is being called."))


def _pass_on(opened: Session, page: Page, _form: Form) -> str:
    self_check.pass_on(opened, page, session.actor(), session.now())
    return str(gettext("Noted. A colleague is being called. This case is closed to you now."))


def _note(opened: Session, page: Page, form: Form) -> str:
    if not _reads(opened, page):
        raise Conflict(N_("You do not go for this call-out any more."))
    text = form.text("text", most=1000, lines=True)
    handling.add_note(opened, page.callout.incident, text, session.actor(), session.now())
    return str(gettext("The note is added."))


_ACTIONS: Mapping[str, Callable[[Session, Page, Form], str]] = {
    "answer": _answer,
    "status": _status,
    "withdraw": _withdraw,
    "pass_on": _pass_on,
    "note": _note,
    "hand_on": under_way.own_hand_on,
    "keep": under_way.own_keep,
}
_ANSWERS = {
    Taken.GOES: N_("You are going. The others are told."),
    Taken.ALREADY: N_("You are going already."),
    Taken.TOO_LATE: N_("A colleague goes already. You can rest."),
    Taken.OVER: N_("The call-out is over. You can rest."),
}
