"""What a dispatcher may do with an incident and its call-outs: one function a button.

Each takes what the form says, calls the verb of the core, lets paging catch up and returns the
sentence that the screen shows. The incident is locked and the right checked by `dispatcher`, in the
transaction that the functions are called in.
"""

from collections.abc import Callable, Mapping

from flask_babel import gettext

from dispatch.db import Session
from dispatch.errors import Invalid
from dispatch.incidents import alarms, handling
from dispatch.incidents.alerts import Alert, AlertType
from dispatch.incidents.handling import Origin
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.paging import callouts, corrections, recall, seats
from dispatch.paging.models import Assignment, AssignmentStatus, Callout
from dispatch.people.models import Person
from dispatch.texts import N_
from dispatch.web import case, entry, session, together, under_way
from dispatch.web.forms import REQUIRED, Form


def _acknowledge(opened: Session, held: Incident, form: Form) -> str:
    """Only what was on the screen is seen: what came since goes on sounding."""
    known = {alarm.id: alarm for alarm in held.alarms}
    chosen = form.id_of("alarm", known)
    form.check()
    if chosen is not None:
        alarms.acknowledge(opened, held, known[chosen], session.actor(), session.now())
    return str(gettext("Seen. Its sound has stopped for everybody."))


def _note(opened: Session, held: Incident, form: Form) -> str:
    text = form.text("text", most=1000, lines=True)
    handling.add_note(opened, held, text, session.actor(), session.now())
    return str(gettext("The note is added."))


def _more(opened: Session, held: Incident, form: Form) -> str:
    teams = {team.id: team for team in case.teams_serving(opened, held.organisation_id)}
    team_id = form.id_of("team", teams)
    people = form.number("people", 1, entry.MOST_PEOPLE) or 1
    form.check()
    if team_id is None:
        raise Invalid(REQUIRED, team=REQUIRED)
    team = teams[team_id]
    seats.want_more(opened, held, team, people, session.actor(), session.now())
    return str(gettext("%(team)s is asked for more people.", team=team.name))


def _facts(opened: Session, held: Incident, form: Form) -> str:
    given = form.text("category", most=60)
    category = given if held.category is None or given != held.category.key else ""
    priority = form.number("priority", 1, 3)
    alert = Alert(
        AlertType.UPDATE,
        category=category or None,
        priority=priority if priority != held.priority else None,
        place=entry.place(form),
    )
    form.check()
    origin, actor = Origin(held.organisation), session.actor()
    change = handling.update_incident(opened, held, alert, origin, actor, session.now())
    corrections.follow(opened, held, change, actor, session.now())
    if not change.fields:
        return str(gettext("Kept. Nothing changed that decides who goes."))
    return str(gettext("Kept. Whoever goes or is being called is told."))


def _end(then: IncidentStatus) -> Callable[[Session, Incident, Form], str]:
    def end(opened: Session, held: Incident, form: Form) -> str:
        outcome = form.text("outcome", most=1000, lines=True)
        if outcome:
            handling.add_note(opened, held, outcome, session.actor(), session.now())
        handling.end_incident(opened, held, then, session.actor(), session.now())
        found = callouts.advance(opened, held, session.now())
        turning = [one.person.name for callout in found for one in recall.unconfirmed(callout)]
        if turning:
            told = gettext("Ended. Ring until they know that it is cancelled: %(names)s.")
            return str(told % {"names": ", ".join(turning)})
        if then is IncidentStatus.CANCELLED:
            return str(gettext("Cancelled. Everybody who was called is told."))
        return str(gettext("Closed."))

    return end


#: What may be done with an incident as a whole, by the word of the form's address.
ON_INCIDENT: Mapping[str, Callable[[Session, Incident, Form], str]] = {
    "acknowledge": _acknowledge,
    "note": _note,
    "more": _more,
    "facts": _facts,
    "close": _end(IncidentStatus.CLOSED),
    "cancel": _end(IncidentStatus.CANCELLED),
    **together.ON_INCIDENT,
}


def _page_next(opened: Session, callout: Callout, _form: Form) -> str:
    callouts.hasten(opened, callout, session.now())
    callouts.advance(opened, callout.incident, session.now())
    return str(gettext("The next step was taken now."))


def _page_person(opened: Session, callout: Callout, form: Form) -> str:
    person = _person(opened, callout, form)
    callouts.page_person(opened, callout, person, session.actor(), session.now())
    callouts.advance(opened, callout.incident, session.now())
    return str(gettext("%(name)s is being called.", name=person.name))


def _accept_for(opened: Session, callout: Callout, form: Form) -> str:
    person = _person(opened, callout, form)
    taken = seats.accept_on_behalf(opened, callout, person, session.actor(), session.now()).taken
    said = {
        seats.Taken.GOES: N_("%(name)s goes. The others are told that it is taken."),
        seats.Taken.ALREADY: N_("%(name)s was going already."),
        seats.Taken.TOO_LATE: N_("%(name)s came too late: everybody wanted is going."),
        seats.Taken.OVER: N_("This call-out is over: %(name)s need not go."),
    }
    return str(gettext(said[taken], name=person.name))


def _person(opened: Session, callout: Callout, form: Form) -> Person:
    """Return the member of the team that was chosen."""
    team = callout.want.team
    members = {
        one
        for held, one, _ in entry.people(opened, callout.incident.organisation)
        if held.id == team.id
    }
    person_id = form.id_of("person", members)
    form.check()
    return opened.get_one(Person, person_id)


def _move_on(opened: Session, callout: Callout, form: Form) -> str:
    then = form.choice("status", AssignmentStatus)
    seat = _assignment(callout, form)
    if then is None:
        raise Invalid(REQUIRED, status=REQUIRED)
    seats.move_on(opened, seat, then, session.actor(), session.now())
    return str(gettext("Noted for %(name)s.", name=seat.person.name))


def _release(opened: Session, callout: Callout, form: Form) -> str:
    seat = _assignment(callout, form)
    seats.release(opened, seat, session.actor(), session.now())
    return str(
        gettext("%(name)s is released; the seat is called for again.", name=seat.person.name)
    )


def _told_cancel(opened: Session, callout: Callout, form: Form) -> str:
    turning = {one.id: one for one in recall.unconfirmed(callout)}
    chosen = form.id_of("assignment", turning)
    form.check()
    if chosen is None:
        raise Invalid(REQUIRED, assignment=REQUIRED)
    seats.told_cancel(opened, turning[chosen], session.actor(), session.now())
    return str(gettext("Noted for %(name)s.", name=turning[chosen].person.name))


def _call_again(opened: Session, callout: Callout, form: Form) -> str:
    people = form.number("people", 1, entry.MOST_PEOPLE) or 1
    form.check()
    team, incident = callout.want.team, callout.incident
    seats.want_more(opened, incident, team, people, session.actor(), session.now())
    return str(gettext("%(team)s is called again.", team=team.name))


def _assignment(callout: Callout, form: Form) -> Assignment:
    held = {one.id: one for one in callouts.active_assignments(callout)}
    chosen = form.id_of("assignment", held)
    form.check()
    if chosen is None:
        raise Invalid(REQUIRED, assignment=REQUIRED)
    return held[chosen]


def _stand_down(opened: Session, callout: Callout, form: Form) -> str:
    reason = form.text("reason", required=True)
    form.check()
    handling.add_note(opened, callout.incident, reason, session.actor(), session.now())
    seats.stand_down(opened, callout, session.actor(), session.now())
    return str(gettext("%(team)s is stood down.", team=callout.want.team.name))


#: What may be done with one call-out.
ON_CALLOUT: Mapping[str, Callable[[Session, Callout, Form], str]] = {
    "page_next": _page_next,
    "page_person": _page_person,
    "accept_for": _accept_for,
    "move_on": _move_on,
    "release": _release,
    "stand_down": _stand_down,
    "call_again": _call_again,
    "told_cancel": _told_cancel,
    "hand_on": under_way.hand_on,
    "keep": under_way.keep,
    "spoken_to": under_way.spoken_to,
    "begin_now": under_way.begin_now,
}
