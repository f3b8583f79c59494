"""What a refused or failed request is answered with, for machines and for people.

Machines (/api, /hooks) get a problem document (RFC 9457), people a screen that says what to do, a
fragment's request only the sentence, so that nothing half-written on the screen is replaced. What
went wrong unexpectedly is logged by a reference that the person sees, without the text of the
error, which may quote a narrative.
"""

import json
import secrets
from dataclasses import dataclass, field

import flask
from flask import Flask, g, request
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from dispatch import logs
from dispatch.db import Unavailable
from dispatch.errors import Conflict, DispatchError, Invalid, NotFound, Refused
from dispatch.texts import N_
from dispatch.web.forms import told

log = logs.logger(__name__)

#: Seconds after which a database that did not answer is worth another try.
RETRY_AFTER_SECONDS = 5

_STATUS: dict[type[DispatchError], int] = {
    Invalid: 422,
    Refused: 403,
    NotFound: 404,
    Conflict: 409,
    Unavailable: 503,
}
_TITLES = {
    400: N_("This request could not be read"),
    401: N_("Sign in first"),
    403: N_("You may not do this"),
    404: N_("There is nothing here"),
    405: N_("This cannot be done here"),
    409: N_("Somebody was faster"),
    413: N_("This is too big"),
    422: N_("Something needs to be corrected"),
    429: N_("Too many tries"),
    500: N_("Something went wrong here"),
    503: N_("The centre does not answer at this moment"),
}
_ADVICE = {
    400: N_("Go back, load the screen again and try once more."),
    401: N_("Sign in, then try again."),
    404: N_("The address may be wrong, or this is not yours to see."),
    405: N_("Go back and use the buttons of the screen."),
    413: N_("Send less at once."),
    429: N_("Wait a few minutes, then try again."),
    500: N_("What you did may not be stored. Look before you do it again; ring if it is urgent."),
}


@dataclass(frozen=True)
class Failure:
    """A refusal as it is told."""

    status: int
    detail: str
    reference: str | None = None
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The status in a few words."""
        return _TITLES.get(self.status, N_("This did not work"))


def install(app: Flask) -> None:
    """Answer every error of the application."""
    app.register_error_handler(DispatchError, _expected)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def for_machine() -> bool:
    """Return whether the present request comes from a machine."""
    return request.path.startswith(("/api/", "/hooks/"))


def problem(
    status: int, detail: str, fields: dict[str, str] | None = None, **more: object
) -> flask.Response:
    """Return a problem document; `more` are members of its own."""
    document: dict[str, object] = {
        "type": "about:blank",
        "title": _TITLES.get(status, "This did not work"),
        "status": status,
        "detail": detail,
        "instance": request.path,
        **more,
    }
    if fields:
        document["errors"] = [{"field": name, "detail": why} for name, why in fields.items()]
    body = json.dumps(document, ensure_ascii=False)
    return flask.Response(body, status, content_type="application/problem+json")


def _expected(error: DispatchError) -> flask.Response:
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    if status == 503:
        log.warning("database_unavailable", endpoint=request.endpoint)
        # Without a database nobody is known; asking again while answering would fail again.
        g.viewer = None
    return _answer(Failure(status, error.message, fields=dict(error.fields)))


def _http(error: HTTPException) -> flask.Response:
    if error.response is not None or (error.code or 500) < 400:
        return flask.make_response(error.get_response())
    status = error.code or 500
    if isinstance(error, CSRFError):
        status = 400
    # Never empty: the catalogue answers an empty text with its own head.
    detail = _ADVICE.get(status) or error.description or N_("Go back and try another way.")
    answer = _answer(Failure(status, detail))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            answer.headers[name] = value
    if status == 401 and for_machine():
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _unexpected(_error: Exception) -> flask.Response:
    reference = secrets.token_hex(4).upper()
    log.exception("unexpected", reference=reference, endpoint=request.endpoint)
    return _answer(Failure(500, _ADVICE[500], reference))


def _answer(failure: Failure) -> flask.Response:
    if for_machine():
        more = {"reference": failure.reference} if failure.reference else {}
        answer = problem(failure.status, failure.detail, failure.fields, **more)
    else:
        fragment = request.headers.get("HX-Request") == "true"
        template = "_failure.html" if fragment else "error.html"
        shown = {
            "status": failure.status,
            "title": gettext(failure.title),
            "detail": told(failure.detail),
            "reference": failure.reference,
        }
        answer = flask.make_response(flask.render_template(template, error=shown), failure.status)
        answer.headers["HX-Reswap"] = "none"
    if failure.status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer
