"""What may be keyed for whoever goes, and by them: handing on, calling that off, spoken to.

A dispatcher chooses anybody who can be reached, with the reasons beside; an officer sees names of
colleagues only. Everything else about a seat is in `actions` and `responder`.
"""

from typing import Any

from flask_babel import gettext

from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.paging import callouts, handing, silence, waiting
from dispatch.paging.models import UNFINISHED, Assignment, Callout, Page
from dispatch.people.models import Person
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.forms import REQUIRED, Form

_NO_SEAT = N_("You do not go for this call-out any more.")


def of_seat(seat: Assignment, may_handle: bool) -> dict[str, Any]:
    """Return what a dispatcher is shown of a seat: who is asked to take over, what may be keyed."""
    unfinished = seat.status in UNFINISHED and seat.callout.cancelled_at is None
    return {
        "asked": handing.asked_name(seat),
        "may_hand_on": may_handle and unfinished,
        "may_be_spoken_to": may_handle and unfinished,
    }


def colleagues(opened: Session, seat: Assignment) -> list[tuple[int, str]]:
    """Return whom an officer may ask to take over: names, the right person first."""
    found = handing.candidates(opened, seat.callout, session.now())
    return [(one.candidate.person_id, one.candidate.name) for one in found]


def hand_on(opened: Session, callout: Callout, form: Form) -> str:
    """Ask somebody to take over from whoever goes, as a dispatcher chose."""
    return _hand_on(opened, _chosen(callout, form), form)


def _hand_on(opened: Session, seat: Assignment, form: Form) -> str:
    offered = [person_id for person_id, _ in colleagues(opened, seat)]
    person_id = form.id_of("person", offered)
    form.check()
    person = opened.get_one(Person, person_id)
    handing.hand_on(opened, seat, person, session.actor(), session.now())
    callouts.advance(opened, seat.callout.incident, session.now())
    told = gettext("%(to)s is called. Until they accept, %(name)s goes.")
    return str(told % {"to": person.name, "name": seat.person.name})


def keep(opened: Session, callout: Callout, form: Form) -> str:
    """Call it off that somebody takes over, as a dispatcher decided."""
    return _keep(opened, _chosen(callout, form))


def _keep(opened: Session, seat: Assignment) -> str:
    handing.call_off(opened, seat, session.actor(), session.now())
    callouts.advance(opened, seat.callout.incident, session.now())
    return str(gettext("%(name)s goes on. The colleague is told.", name=seat.person.name))


def spoken_to(opened: Session, callout: Callout, form: Form) -> str:
    """Note that a dispatcher has spoken to whoever goes."""
    seat = _chosen(callout, form)
    silence.spoken_to(opened, seat, session.actor(), session.now())
    return str(gettext("Noted for %(name)s.", name=seat.person.name))


def begin_now(opened: Session, callout: Callout, _form: Form) -> str:
    """Page now for what was to wait."""
    incident = callout.incident
    held = callouts.of_incident(opened, incident)
    waiting.insist(opened, incident, held, session.actor(), session.now())
    callouts.advance(opened, incident, session.now())
    return str(gettext("People are called now."))


def _chosen(callout: Callout, form: Form) -> Assignment:
    seats = {one.id: one for one in callouts.active_assignments(callout)}
    chosen = form.id_of("assignment", seats)
    form.check()
    if chosen is None:
        raise Invalid(REQUIRED, assignment=REQUIRED)
    return seats[chosen]


# --- the officer's own ---


def own_hand_on(opened: Session, page: Page, form: Form) -> str:
    """Ask a colleague to take over from the officer who asks."""
    return _hand_on(opened, _own(page), form)


def own_keep(opened: Session, page: Page, _form: Form) -> str:
    """Go on oneself after all."""
    return _keep(opened, _own(page))


def _own(page: Page) -> Assignment:
    for seat in callouts.active_assignments(page.callout):
        if seat.person_id == page.person_id:
            return seat
    raise Conflict(_NO_SEAT)
