"""Screens of how somebody wants to be called, and the contact card with the centre's numbers.

Everybody sets their own; whoever looks after telephones sees and sets those of others. What a rule
may leave out is for `paging.reaching` to say; the card is public behind an address that nobody can
guess, for the browser of a telephone that saves it is signed in nowhere.
"""

from collections.abc import Iterator, Sequence
from datetime import time
from typing import Any

import flask
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.incidents.models import Incident, Want
from dispatch.paging import contact_card, plans, policy, reaching
from dispatch.paging.reaching import Rule
from dispatch.people import phones, staff
from dispatch.people.access import Right
from dispatch.people.models import Organisation, Person, Team
from dispatch.texts import N_
from dispatch.web import people as shown
from dispatch.web import policy_form, session
from dispatch.web.forms import Form

blueprint = Blueprint("calling", __name__)

_WAYS = {way: policy_form.CHANNELS[way] for way in reaching.OFFERED}
_NAMED = {
    **_WAYS,
    reaching.SECOND[reaching.SMS]: N_("Text to the second mobile"),
    reaching.SECOND[reaching.CALL]: N_("Call of the second mobile"),
    reaching.LANDLINE: N_("Landline"),
}
_MISSING = {
    reaching.SMS: N_("no confirmed mobile that takes texts"),
    reaching.CALL: N_("no confirmed telephone"),
    reaching.PUSH: N_("no confirmed browser"),
    reaching.MAIL: N_("no confirmed mail address"),
}


@blueprint.get("/account/calling")
def mine() -> str:
    """Show how one is called oneself."""
    with session.reading() as opened:
        return _shown(opened, opened.get_one(Person, session.viewer().person_id), Form())


@blueprint.post("/account/calling")
def store_mine() -> ResponseReturnValue:
    """Store how one wants to be called."""
    return _store(session.viewer().person_id, None)


@blueprint.get("/people/<int:person_id>/calling")
def of_person(person_id: int) -> str:
    """Show how somebody is called."""
    with session.reading() as opened:
        person = staff.person_for(opened, session.viewer(), person_id, Right.PHONES_CHANGE)
        return _shown(opened, person, Form())


@blueprint.post("/people/<int:person_id>/calling")
def store_of_person(person_id: int) -> ResponseReturnValue:
    """Store how somebody is to be called."""
    return _store(person_id, Right.PHONES_CHANGE)


def _store(person_id: int, right: Right | None) -> ResponseReturnValue:
    form = Form(request.form)
    with session.transaction() as opened:
        person = _person(opened, person_id, right)
        try:
            rules = list(_rules(form))
            form.check()
            reaching.store(opened, person, rules, session.actor(), session.now())
        except Invalid as error:
            return _shown(opened, person, form.refuse(error)), 422
    flash(gettext("Stored. It holds from the next call-out on."), "done")
    return redirect(_back(person_id, right), 303)


def _person(opened: Session, person_id: int, right: Right | None) -> Person:
    if right is None:
        return opened.get_one(Person, person_id)
    return staff.person_for(opened, session.viewer(), person_id, right)


def _rules(form: Form) -> Iterator[Rule]:
    for priority in reaching.PRIORITIES:
        ways = [
            form.one_of(f"way_{priority}_{place}", reaching.OFFERED, required=False)
            for place in range(len(reaching.OFFERED))
        ]
        begins, ends = (policy_form.clock(form, f"{name}_{priority}") for name in _CLOCK)
        yield Rule(priority, tuple(way for way in ways if way), begins, ends)


_CLOCK = ("begins", "ends")


def _shown(opened: Session, person: Person, form: Form) -> str:
    own = person.id == session.viewer().person_id and request.path.startswith("/account")
    for priority, rule in reaching.rules_of(person).items():
        for place, way in enumerate(rule.order):
            form.values.setdefault(f"way_{priority}_{place}", way)
        for name in _CLOCK:
            form.values.setdefault(f"{name}_{priority}", _clock(getattr(rule, name)))
    methods = phones.reachable(opened, [person.id])[person.id]
    employer = opened.get_one(Organisation, person.organisation_id)
    return flask.render_template(
        "account/calling.html",
        form=form,
        person=person,
        own=own,
        priorities=reaching.PRIORITIES,
        effects=_effects(opened, person, methods),
        ways=[(way, gettext(words)) for way, words in _WAYS.items()],
        missing=[gettext(_MISSING[way]) for way in _WAYS if not reaching.fitting(way, methods)],
        numbers=[phones.spaced(number) for number in contact_card.numbers(opened, employer)],
        card=contact_card.address(opened, employer),
    )


def _effects(
    opened: Session, person: Person, methods: Sequence[phones.Method]
) -> dict[int, list[str]]:
    """Say what an alert now would lead to, by priority; nothing for who is in no team."""
    day = shown.today()
    teams = [one.team_id for one in person.memberships if (one.until_on or day) >= day]
    if not teams or not methods:
        return {}
    team, now = opened.get_one(Team, teams[0]), session.now()
    found = {}
    for priority in reaching.PRIORITIES:
        # Never added to the session: it only carries the question.
        want = Want(incident=Incident(priority=priority), team=team, team_id=team.id)
        plan = plans.plan_of(opened, plans.in_force(opened, want, now), now)
        usual = policy.usual_attempts(plan)
        tried = reaching.attempts(usual, methods, priority, now, team.time_zone)
        found[priority] = [_effect(way, round((at - now).total_seconds())) for way, at in tried]
    return found


def _effect(way: str, seconds: int) -> str:
    named = gettext(_NAMED.get(way, way))
    if not seconds:
        return str(gettext("%(way)s at once", way=named))
    return str(gettext("%(way)s after %(seconds)s s", way=named, seconds=seconds))


def _clock(at: time | None) -> str:
    return f"{at:%H:%M}" if at is not None else ""


# --- the contact card ---


@blueprint.get("/contact/<token>.vcf")
def card(token: str) -> ResponseReturnValue:
    """Answer with the centre's numbers, to be saved; `version=4.0` for newer address books."""
    chosen: dict[str, Any] = {"version": request.args.get("version", contact_card.VERSIONS[0])}
    if chosen["version"] not in contact_card.VERSIONS:
        chosen = {}
    with session.reading() as opened:
        found = contact_card.numbers(opened, contact_card.behind(opened, token))
    name = session.parts().settings.centre.name
    answer = flask.Response(
        contact_card.card(name, found, f"urn:dispatch:{token}", **chosen),
        content_type="text/vcard; charset=utf-8",
    )
    answer.headers["Content-Disposition"] = 'attachment; filename="dispatch.vcf"'
    return answer


@blueprint.post("/account/contact-card")
def text_card() -> ResponseReturnValue:
    """Text oneself where the card is."""
    return _text(session.viewer().person_id, None)


@blueprint.post("/people/<int:person_id>/contact-card")
def text_card_to(person_id: int) -> ResponseReturnValue:
    """Text somebody where the card is."""
    return _text(person_id, Right.PHONES_CHANGE)


def _text(person_id: int, right: Right | None) -> ResponseReturnValue:
    try:
        with session.transaction() as opened:
            person = _person(opened, person_id, right)
            contact_card.text(opened, person, session.now())
    except Conflict as error:
        flash(gettext(error.message), "critical")
    else:
        done = gettext("The link is on its way to the mobile, to be opened and saved there.")
        flash(done, "done")
    return redirect(_back(person_id, right), 303)


def _back(person_id: int, right: Right | None) -> str:
    if right is None:
        return url_for("calling.mine")
    return url_for("calling.of_person", person_id=person_id)
