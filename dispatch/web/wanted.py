"""The administrator's screen of who is wanted: by kind of incident, by flag, and at what hours.

Kinds and flags are the same for every organisation, so only whoever administers all that run a team
changes them; quiet hours and the question to whoever is on scene are each organisation's own. What
the numbers mean is left to `incidents.choices`.
"""

import re
from datetime import time
from functools import partial
from typing import Any

import flask
import sqlalchemy as sa
from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.db import Session
from dispatch.errors import Invalid, NotFound, Refused
from dispatch.incidents import catalogue, choices
from dispatch.paging import sentences
from dispatch.people.access import Right
from dispatch.people.models import Organisation, Qualification, Team
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.board import language
from dispatch.web.forms import Form
from dispatch.web.posted import Done, show, take

blueprint = Blueprint("wanted", __name__)

FUNCTIONS = {
    "victim_support": N_("victim support"),
    "social_on_call": N_("social on-call"),
}
_MOST_PEOPLE, _LONGEST_MINUTES = 9, 240
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_GENERAL = N_("Only whoever administers every team may change what is for every team.")


@blueprint.route("/wanted", methods=["GET", "POST"])
def shown() -> ResponseReturnValue:
    """Show who is wanted when, and keep what was changed."""
    session.viewer().require(Right.POLICY_READ)
    posted = flask.request.method == "POST"
    form = Form(flask.request.form if posted else None)
    part = form.values.pop("part", "")
    if posted and part not in _PARTS:
        raise NotFound(N_("There is no such action."))
    if posted:
        done = take(form, partial(_keep, part))
        if done is not None:
            return done
    return show("admin/wanted.html", form, _facts)


def _keep(part: str, opened: Session, form: Form) -> Done:
    session.viewer().require(Right.POLICY_CHANGE)
    told = _PARTS[part](opened, form)
    return Done(str(gettext(told)), url_for("wanted.shown"))


def _kinds(opened: Session, form: Form) -> str:
    require_general(opened)
    for category in catalogue.in_use(opened):
        people = _people(opened, form, f"kind-{category.id}")
        silent = form.number(f"kind-{category.id}-silent", 1, _LONGEST_MINUTES)
        form.check()
        try:
            choices.change_kind(opened, category, people, silent, session.actor(), session.now())
        except Invalid as error:
            form.error(f"kind-{category.id}", error.message)
    form.check()
    return N_("Kept. It holds for what is reported from now on.")


def _flags(opened: Session, form: Form) -> str:
    require_general(opened)
    held = qualifications(opened)
    for flag in sentences.FLAGS:
        people = _people(opened, form, f"flag-{flag}")
        trained = {
            function: form.id_of(f"held-{flag}-{function}", held, required=False)
            for function in people
        }
        form.check()
        choices.change_flag(opened, flag, people, trained, session.actor(), session.now())
    return N_("Kept. It holds for what is reported from now on.")


def _home(opened: Session, form: Form) -> str:
    homes = session.viewer().organisations(Right.POLICY_CHANGE)
    home_id = form.id_of("home", homes)
    quiet = _clock(form, "quiet_from"), _clock(form, "quiet_until")
    minutes = form.number("welfare_minutes", 0, _LONGEST_MINUTES) or 0
    priority = form.number("welfare_priority", 1, 3) or 3
    form.check()
    home = opened.get_one(Organisation, home_id)
    actor, now = session.actor(), session.now()
    choices.change_home(opened, home, quiet, (minutes, priority), actor, now)
    return N_("Kept.")


_PARTS = {"kinds": _kinds, "flags": _flags, "home": _home}


def _people(opened: Session, form: Form, name: str) -> dict[str, int]:
    return {
        function: form.number(f"{name}-{function}", 0, _MOST_PEOPLE) or 0
        for function in choices.functions(opened)
    }


def _clock(form: Form, name: str) -> time | None:
    text = form.text(name, most=5)
    found = _CLOCK.fullmatch(text)
    if text and found is None:
        form.error(name, N_("Give a time, such as 22:00."))
    return time(int(found[1]), int(found[2])) if found else None


def require_general(opened: Session) -> None:
    """Raise Refused for whoever may not change what is the same for every organisation."""
    if not may_general(opened):
        raise Refused(_GENERAL)


def may_general(opened: Session) -> bool:
    """Return whether the viewer administers every organisation that runs a team."""
    running = set(opened.scalars(sa.select(Team.organisation_id)))
    return bool(running) and running <= session.viewer().organisations(Right.POLICY_CHANGE)


def qualifications(opened: Session) -> dict[int, str]:
    """Return every qualification by id, with its name."""
    found = opened.scalars(sa.select(Qualification).order_by(Qualification.key))
    return {one.id: str(one.names.get(language()) or one.names["en"]) for one in found}


def _facts(opened: Session, form: Form) -> dict[str, Any]:
    functions = choices.functions(opened)
    by_flag = choices.flag_wants(opened)
    kinds = catalogue.in_use(opened)
    begin = {f"kind-{one.id}-silent": one.silent_minutes or "" for one in kinds}
    for one in kinds:
        begin |= {f"kind-{one.id}-{want.function}": want.people for want in one.wants}
    for (flag, function), row in by_flag.items():
        begin[f"flag-{flag}-{function}"] = row.people
        begin[f"held-{flag}-{function}"] = row.qualification_id or ""
    for name, value in begin.items():
        form.values.setdefault(name, str(value))
    mine = session.viewer().organisations(Right.POLICY_CHANGE)
    query = sa.select(Organisation).where(Organisation.id.in_(mine)).order_by(Organisation.name)
    return {
        "functions": [(one, gettext(FUNCTIONS.get(one, one))) for one in functions],
        "kinds": [(one.id, catalogue.name(one, language())) for one in kinds],
        "qualifications": list(qualifications(opened).items()),
        "flags": [(flag, gettext(words)) for flag, words in sentences.FLAGS.items()],
        "homes": [_of_home(one, form) for one in opened.scalars(query)],
        "may_general": may_general(opened),
        "silent_minutes": opened.info["settings"].paging.silent_minutes,
    }


def _of_home(home: Organisation, form: Form) -> dict[str, Any]:
    """Return an organisation with a form of its own: what was typed stays with its own."""
    names = ("quiet_from", "quiet_until", "welfare_minutes", "welfare_priority")
    own = Form(**{name: getattr(home, name) for name in names})
    if form.values.get("home") == str(home.id):
        own.values |= {name: form.values[name] for name in names if name in form.values}
        own.errors = form.errors
    return {"id": home.id, "name": home.name, "form": own}
