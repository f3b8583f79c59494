"""The administrator's screen of how those must be trained whom a kind of incident wants.

Which qualification is wanted, what serves instead while nobody on duty has it, and who goes for the
suspect's side, to which nobody goes who goes to the victim. It is the same for every organisation,
as is who is wanted; what the choices mean is left to `incidents.choices` and `paging.ranking`.
"""

from collections.abc import Iterator
from typing import Any

import flask
from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.db import Session
from dispatch.errors import Invalid
from dispatch.incidents import catalogue, choices
from dispatch.incidents.models import Category, CategoryWant
from dispatch.people.access import Right
from dispatch.web import session, wanted
from dispatch.web.board import language
from dispatch.web.forms import Form
from dispatch.web.posted import Done, show, take

blueprint = Blueprint("training", __name__)


@blueprint.route("/wanted/training", methods=["GET", "POST"])
def shown() -> ResponseReturnValue:
    """Show how those must be trained who are wanted, and keep what was changed."""
    session.viewer().require(Right.POLICY_READ)
    form = Form(flask.request.form if flask.request.method == "POST" else None)
    return take(form, _keep) or show("admin/training.html", form, _facts)


def _keep(opened: Session, form: Form) -> Done:
    session.viewer().require(Right.POLICY_CHANGE)
    wanted.require_general(opened)
    held = wanted.qualifications(opened)
    for _, want in _wants(opened):
        first = form.id_of(f"qualification-{want.id}", held, required=False)
        instead = form.id_of(f"substitute-{want.id}", held, required=False)
        other = "" if want.side == choices.SUSPECT else want.side
        side = choices.SUSPECT if form.ticked(f"suspect-{want.id}") else other
        form.check()
        actor, now = session.actor(), session.now()
        try:
            choices.change_training(opened, want, first, instead, side, actor, now)
        except Invalid as error:
            form.error(f"substitute-{want.id}", error.message)
    form.check()
    told = gettext("Kept. It holds for what is reported from now on.")
    return Done(str(told), url_for("training.shown"))


def _wants(opened: Session) -> Iterator[tuple[Category, CategoryWant]]:
    for kind in catalogue.in_use(opened):
        for want in kind.wants:
            yield kind, want


def _facts(opened: Session, form: Form) -> dict[str, Any]:
    found = list(_wants(opened))
    if flask.request.method != "POST":
        for _, want in found:
            form.values |= {
                f"qualification-{want.id}": str(want.qualification_id or ""),
                f"substitute-{want.id}": str(want.substitute_id or ""),
                f"suspect-{want.id}": "yes" if want.side == choices.SUSPECT else "",
            }
    return {
        "qualifications": list(wanted.qualifications(opened).items()),
        "wants": [
            {
                "id": want.id,
                "kind": catalogue.name(kind, language()),
                "function": gettext(wanted.FUNCTIONS.get(want.function, want.function)),
                "people": want.people,
            }
            for kind, want in found
        ],
        "may_change": wanted.may_general(opened),
    }
