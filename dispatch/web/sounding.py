"""What a board says of itself, and what a dispatcher says of the centre's troubles.

A board in a browser tells whether it can sound, so that the control room is rung where none can.
What is wrong with the centre stays on the board until it is well; that somebody has seen it stops
the sound.
"""

import re

import flask
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.people.access import Right
from dispatch.vigil import boards, wrongs
from dispatch.web import session

blueprint = Blueprint("sounding", __name__)


@blueprint.post("/board/open")
def board() -> ResponseReturnValue:
    """Take note of a board that is open: it says so itself, twice a minute."""
    session.viewer().require(Right.BOARD_READ)
    tab = request.form.get("tab", "")
    if not re.fullmatch(r"[A-Za-z0-9-]{8,40}", tab):
        flask.abort(422)
    mine = session.viewer().organisations(Right.BOARD_READ)
    sounds = request.form.get("sounds") == "yes"
    with session.transaction() as opened:
        boards.report(opened, f"{session.viewer().person_id}:{tab}", mine, sounds, session.now())
    return "", 204


@blueprint.post("/troubles/<uid>/seen")
def seen(uid: str) -> ResponseReturnValue:
    """Take care of what is wrong with the centre: the sound stops."""
    session.viewer().require(Right.INCIDENT_HANDLE)
    with session.transaction() as opened:
        mine = session.viewer().organisations(Right.INCIDENT_HANDLE)
        wrongs.mark_seen(opened, uid, mine, session.actor(), session.now())
    flash(gettext("Seen. It stays here until it is well again."), "done")
    return redirect(url_for("dispatcher.board"), 303)
