"""The screen on which somebody says where they know people and where they live.

It is theirs alone: nobody else has a screen for it, whatever they may do. What it leads to, who is
not called and who is nearer, is for `paging` to say.
"""

import flask
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.db import Session
from dispatch.errors import Invalid
from dispatch.people import places as kept
from dispatch.people.models import Person
from dispatch.web import session
from dispatch.web.forms import Form

blueprint = Blueprint("places", __name__)


@blueprint.get("/account/places")
@session.reads
def mine(opened: Session) -> str:
    """Show what one has said."""
    found = kept.of(opened, opened.get_one(Person, session.viewer().person_id))
    return _screen(Form(ties="\n".join(found.ties), home="\n".join(found.home)))


@blueprint.post("/account/places")
def store() -> ResponseReturnValue:
    """Keep what one says."""
    form = Form(request.form)
    ties, home = (form.text(name, most=6000, lines=True) for name in ("ties", "home"))
    try:
        form.check()
        with session.transaction() as opened:
            me = opened.get_one(Person, session.viewer().person_id)
            kept.keep(opened, me, ties, home, session.actor(), session.now())
    except Invalid as error:
        return _screen(form.refuse(error)), 422
    flash(gettext("Kept. Only you read it."), "done")
    return redirect(url_for("places.mine"), 303)


def _screen(form: Form) -> str:
    return flask.render_template("account/places.html", form=form)
