"""Screens of people: who they are, what they may do, where they take turns, how they are reached.

Every view gets at people through `staff.seen_by` and `staff.person_for`, with the viewer's rights.
A person's screen is a row of small forms; each posts an action by its word, and `ACTIONS` says
which right it needs and which verb of the core does it. What was typed survives a refusal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import flask
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch import seal
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid, NotFound
from dispatch.people import accounts, phones, staff
from dispatch.people.access import Right
from dispatch.people.models import (
    Certificate,
    ContactMethod,
    Membership,
    MethodKind,
    Organisation,
    Person,
    Role,
    RoleGrant,
    Team,
)
from dispatch.texts import N_
from dispatch.web import people as shown
from dispatch.web import session
from dispatch.web.forms import Form

blueprint = Blueprint("admin", __name__)

Row = TypeVar("Row", RoleGrant, Membership, Certificate, ContactMethod)


@blueprint.get("/people")
@session.reads
def people(opened: Session) -> str:
    """Show everybody whom the viewer may see, with what may go wrong."""
    session.viewer().require(Right.PEOPLE_READ)
    return flask.render_template(
        "admin/people.html",
        people=shown.rows(opened, staff.seen_by(opened, session.viewer())),
        may_add=session.viewer().may(Right.PEOPLE_CHANGE),
    )


@blueprint.get("/people/phones")
@session.reads
def telephones(opened: Session) -> str:
    """Show every telephone, and whether it was reached lately."""
    session.viewer().require(Right.PEOPLE_READ)
    present = [one for one in staff.seen_by(opened, session.viewer()) if one.left_at is None]
    return flask.render_template("admin/phones.html", people=shown.phone_rows(opened, present))


@blueprint.route("/people/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Add somebody."""
    session.viewer().require(Right.PEOPLE_CHANGE)
    form = Form(request.form)
    if request.method == "POST":
        try:
            with session.transaction() as opened:
                person_id = _add(opened, form)
        except (Invalid, Conflict) as error:
            return _new(form.refuse(error)), 422
        flash(gettext("Added. Give a role, a team and a telephone now."), "done")
        return redirect(url_for("admin.person", person_id=person_id), 303)
    return _new(form)


def _add(opened: Session, form: Form) -> int:
    name = form.text("name", required=True)
    sign_in = form.text("sign_in")
    language = form.one_of("language", session.parts().settings.centre.languages)
    offered = session.viewer().organisations(Right.PEOPLE_CHANGE)
    employer_id = form.id_of("employer", offered)
    form.check()
    person = staff.add_person(
        opened,
        opened.get_one(Organisation, employer_id),
        name,
        sign_in=sign_in,
        language=language,
        actor=session.actor(),
        now=session.now(),
    )
    return person.id


def _new(form: Form) -> str:
    offered = session.viewer().organisations(Right.PEOPLE_CHANGE)
    with session.reading() as opened:
        employers = shown.organisation_choices(opened, offered)
        choices = shown.choices(opened, session.viewer())
    return flask.render_template("admin/new.html", form=form, employers=employers, choices=choices)


@blueprint.get("/people/<int:person_id>")
def person(person_id: int) -> str:
    """Show somebody."""
    return _person(person_id, Form())


def _person(person_id: int, form: Form) -> str:
    with session.reading() as opened:
        somebody = staff.person_for(opened, session.viewer(), person_id)
        facts = shown.facts(opened, session.viewer(), somebody, form)
        return flask.render_template("admin/person.html", form=form, **facts)


@blueprint.post("/people/<int:person_id>/password")
def password(person_id: int) -> str:
    """Make a new password for somebody and show it once."""
    fresh = seal.new_token(12)
    stored = accounts.hashed(fresh)
    with session.transaction() as opened:
        somebody = staff.person_for(opened, session.viewer(), person_id, Right.ADMINISTER)
        if somebody.sign_in is None:
            raise Conflict(N_("Give this person a name to sign in with first."))
        accounts.set_password(opened, somebody, stored, session.actor(), session.now())
    return flask.render_template("admin/password.html", person=somebody, password=fresh)


@blueprint.post("/people/<int:person_id>/<action>")
def act(person_id: int, action: str) -> ResponseReturnValue:
    """Do one thing to somebody, by the word of the form."""
    if action not in ACTIONS:
        raise NotFound(N_("There is no such action."))
    chosen = ACTIONS[action]
    form = Form(request.form)
    try:
        with session.transaction() as opened:
            somebody = staff.person_for(opened, session.viewer(), person_id, chosen.right)
            chosen.do(opened, somebody, form)
    except (Invalid, Conflict) as error:
        return _person(person_id, form.refuse(error)), 422
    flash(gettext(chosen.done), "done")
    return redirect(url_for("admin.person", person_id=person_id), 303)


def _change(opened: Session, person: Person, form: Form) -> None:
    name = form.text("name", required=True)
    sign_in = form.text("sign_in")
    language = form.one_of("language", session.parts().settings.centre.languages)
    gender = form.one_of("gender", ("woman", "man"), required=False)
    spoken = form.several("languages", shown.SPOKEN)
    form.check()
    staff.change_person(
        opened,
        person,
        name=name,
        sign_in=sign_in,
        language=language,
        gender=gender,
        languages=spoken,
        actor=session.actor(),
        now=session.now(),
    )


def _grant(opened: Session, person: Person, form: Form) -> None:
    role = form.choice("role", Role)
    organisations = session.viewer().organisations(Right.ADMINISTER)
    teams = session.viewer().teams(Right.ADMINISTER)
    offered = {f"organisation:{one}" for one in organisations} | {f"team:{one}" for one in teams}
    kind, _, number = form.one_of("place", offered).partition(":")
    form.check()
    if role is None:
        return
    staff.grant(
        opened,
        person,
        role,
        session.actor(),
        session.now(),
        organisation=opened.get_one(Organisation, int(number)) if kind == "organisation" else None,
        team=opened.get_one(Team, int(number)) if kind == "team" else None,
    )


def _revoke(opened: Session, person: Person, form: Form) -> None:
    held = _row(opened, RoleGrant, person, form)
    session.viewer().require(Right.ADMINISTER, held.organisation_id, held.team_id)
    staff.revoke(opened, held, session.actor(), session.now())


def _join(opened: Session, person: Person, form: Form) -> None:
    team_id = form.id_of("team", session.viewer().teams(Right.PEOPLE_CHANGE))
    from_on, until_on = form.day("from_on", required=True), form.day("until_on")
    form.check()
    if from_on is not None:
        team = opened.get_one(Team, team_id)
        staff.join(opened, person, team, from_on, until_on, session.actor(), session.now())


def _leave(opened: Session, person: Person, form: Form) -> None:
    membership = _row(opened, Membership, person, form)
    session.viewer().require(Right.PEOPLE_CHANGE, person.organisation_id, membership.team_id)
    last_on = max(shown.today(), membership.from_on)
    staff.leave(opened, membership, last_on, session.actor(), session.now())


def _certify(opened: Session, person: Person, form: Form) -> None:
    qualification_id = form.id_of("qualification", shown.qualifications_offered(opened))
    issued_on, expires_on = form.day("issued_on", required=True), form.day("expires_on")
    form.check()
    if qualification_id is not None and issued_on is not None:
        staff.certify(
            opened,
            person,
            qualification_id,
            issued_on,
            expires_on,
            session.actor(),
            session.now(),
        )


def _revoke_certificate(opened: Session, person: Person, form: Form) -> None:
    certificate = _row(opened, Certificate, person, form)
    on = max(shown.today(), certificate.issued_on)
    staff.revoke_certificate(opened, certificate, on, session.actor(), session.now())


def _add_phone(opened: Session, person: Person, form: Form) -> None:
    kind = form.choice("kind", MethodKind)
    address = form.text("address", required=True)
    lines = {line_id for line_id, _ in shown.lines_of(opened, person)}
    line_id = form.id_of("line", lines) if form.values.get("line") else None
    form.check()
    if kind is not None:
        by = session.actor(), session.now()
        phones.add_method(opened, person, kind, address, *by, line_id=line_id)


def _with_phone(
    verb: Callable[..., None],
) -> Callable[[Session, Person, Form], None]:
    def do(opened: Session, person: Person, form: Form) -> None:
        method = _row(opened, ContactMethod, person, form)
        verb(opened, method, session.actor(), session.now())

    return do


def _end(opened: Session, person: Person, _form: Form) -> None:
    if person.id == session.viewer().person_id:
        raise Conflict(N_("You cannot end your own account: ask another administrator."))
    staff.end_person(opened, person, session.actor(), session.now())


def _return(opened: Session, person: Person, _form: Form) -> None:
    staff.return_person(opened, person, session.actor(), session.now())


def _row(opened: Session, table: type[Row], person: Person, form: Form) -> Row:
    """Return the row that a button names; somebody else's row is none."""
    number = form.number("row", 1, 999_999_999)
    row = opened.get(table, number) if number else None
    if row is None or row.person_id != person.id:
        raise NotFound(N_("This is there no longer. Load the screen again."))
    return row


@dataclass(frozen=True)
class Action:
    """What a form on a person's screen does."""

    right: Right
    do: Callable[[Session, Person, Form], None]
    done: str


ACTIONS = {
    "change": Action(Right.PEOPLE_CHANGE, _change, N_("Stored.")),
    "grant": Action(Right.ADMINISTER, _grant, N_("The role is given.")),
    "revoke": Action(Right.ADMINISTER, _revoke, N_("The role is taken back.")),
    "join": Action(Right.PEOPLE_CHANGE, _join, N_("Stored. Turns can be planned now.")),
    "leave": Action(Right.PEOPLE_CHANGE, _leave, N_("The place in the team ends today.")),
    "certify": Action(Right.PEOPLE_CHANGE, _certify, N_("The certificate is stored.")),
    "revoke_certificate": Action(
        Right.PEOPLE_CHANGE, _revoke_certificate, N_("The certificate counts no longer.")
    ),
    "add_phone": Action(
        Right.PHONES_CHANGE, _add_phone, N_("Added. Confirm it before it is used.")
    ),
    "verify_phone": Action(
        Right.PHONES_CHANGE, _with_phone(phones.verify), N_("Confirmed: it is used from now on.")
    ),
    "remove_phone": Action(
        Right.PHONES_CHANGE, _with_phone(phones.remove), N_("Removed: it is used no longer.")
    ),
    "first_phone": Action(
        Right.PHONES_CHANGE, _with_phone(phones.put_first), N_("It is tried first now.")
    ),
    "end": Action(Right.PEOPLE_CHANGE, _end, N_("No sign-in and no call from now on.")),
    "return": Action(Right.PEOPLE_CHANGE, _return, N_("Back. Give a team and a password anew.")),
}
