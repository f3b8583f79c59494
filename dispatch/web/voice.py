"""Calls of the supplier: keys pressed in ours, and calls that come in.

What a call must know from one step to the next travels with it, sealed for that one call in the
address that the keys are sent to: nothing is kept in memory, so any process may take the next step,
and nobody reads or changes it on the way. Every request is signed by the supplier. Who is calling,
and what a key leads to, is for `paging.calling_in` and `intake.dial_in`.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import flask
from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from dispatch import logs, seal
from dispatch.channels.contract import Calling, Speech
from dispatch.db import Session
from dispatch.intake import dial_in, pins
from dispatch.paging import calling_in, replies
from dispatch.paging.calling_in import Turn
from dispatch.texts import N_, say
from dispatch.web import hooks, session

log = logs.logger(__name__)

blueprint = Blueprint("voice", __name__)

_FAILED = N_("Dispatch cannot answer now. Call again, or ring whoever is on duty yourself.")


@blueprint.post("/hooks/twilio/voice/<message>")
def key_pressed(message: str) -> ResponseReturnValue:
    """Act on a key pressed in a call of ours, and say what that led to."""
    channel = hooks.supplier()
    digit = request.form.get("Digits", "")
    with session.transaction() as opened:
        spoken = replies.key_pressed(opened, message, digit, session.now())
    again = _here() if spoken.again else ""
    speech = Speech(spoken.text, spoken.language, keys_to=again, connect=spoken.connect)
    return _said(channel.speak(speech))


@blueprint.post("/hooks/twilio/incoming")
def incoming() -> ResponseReturnValue:
    """Take a call, or the keys pressed in it, and say what comes next."""
    channel = hooks.supplier()
    calling, now = channel.calling(request.form), session.now()
    try:
        with session.transaction() as opened:
            said = turn(opened, calling, _state(opened, calling), now)
            keys_to = _onward(opened, calling, said)
    except HTTPException:
        raise
    except Exception:
        # Whoever calls must hear it: a control room would take silence for an alert that was sent.
        log.exception("call_failed")
        language = session.parts().settings.centre.language
        return _said(channel.speak(Speech(say(language, _FAILED), language)))
    speech = Speech(said.text, said.language, keys_to, said.digits, said.connect)
    return _said(channel.speak(speech))


def turn(opened: Session, calling: Calling, state: Mapping[str, Any] | None, now: datetime) -> Turn:
    """Return what is said next: to somebody of ours, to a control room, or to a stranger."""
    if state is not None and "step" in state:
        keys, caller = calling.keys, calling.caller
        return dial_in.go_on(opened, calling.call_id, caller, state, keys, now)
    known, reports = calling_in.known(opened, calling.caller, now), pins.any_is_good(opened)
    if state is None and known:
        return calling_in.begin(opened, known, now, reports=reports)
    if state is not None and not (reports and calling.keys == calling_in.REPORT):
        return calling_in.go_on(opened, known, state, calling.keys, now)
    return dial_in.begin(opened) if reports else calling_in.stranger(opened)


def _state(opened: Session, calling: Calling) -> Mapping[str, Any] | None:
    """Return what this call knew at the step before; None at its beginning, 403 for another's."""
    sealed = request.args.get("state")
    if sealed is None:
        return None
    try:
        found: dict[str, Any] = json.loads(seal.unseal(opened, None, _place(calling), sealed))
    except seal.Unsealable:
        log.warning("forged_callback", endpoint=request.endpoint)
        flask.abort(403)
    return found


def _onward(opened: Session, calling: Calling, said: Turn) -> str:
    if said.then is None:
        return ""
    sealed = seal.seal(opened, None, _place(calling), json.dumps(said.then))
    return f"{_here()}?{urlencode({'state': sealed})}"


def _place(calling: Calling) -> str:
    return f"call:{calling.call_id}"


def _here() -> str:
    return f"{session.parts().settings.twilio.public_url}{request.path}"


def _said(twiml: str) -> flask.Response:
    return flask.Response(twiml, content_type="text/xml; charset=utf-8")
