"""Screens of one's own account: signing in and out, language, password, telephones.

Signing in counts the try, looks at the password with no transaction open, and only then opens a
session. A wrong name and a wrong password are answered alike. The theme is the browser's own and
never reaches us.
"""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

import flask
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from itsdangerous import BadSignature, URLSafeSerializer

from dispatch.channels.webpush import WebPushChannel
from dispatch.db import Session
from dispatch.errors import DispatchError, Invalid, NotFound, Refused
from dispatch.paging import telling
from dispatch.people import accounts, phones, proofs, readiness
from dispatch.people.models import ContactMethod, MethodKind, Person
from dispatch.people.readiness import Concern
from dispatch.texts import N_
from dispatch.web import checks, frame, people, session
from dispatch.web.forms import Form

blueprint = Blueprint("account", __name__)

#: How long a browser is remembered as one that signed in before.
_KNOWN_SECONDS = 400 * 86400
_VERDICTS = {
    proofs.Verdict.WRONG: N_("This is not the code that was sent."),
    proofs.Verdict.VOID: N_("This code is no longer good. Ask for a new one."),
}
_TOO_MANY = N_("Too many tries. Wait a quarter of an hour, then try again.")
_LENGTHS = {
    "least": accounts.LEAST_LENGTH,
    "advised": accounts.ADVISED_LENGTH,
    "most": accounts.MOST_LENGTH,
}


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """Go to the first screen that the viewer may see."""
    places = frame.places(session.viewer())
    return redirect(url_for(places[0].endpoint if places else "account.me"))


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """Ask for name and password, and let somebody in or say that one of them is wrong."""
    if request.method == "POST":
        return _let_in(Form(request.form))
    if session.viewer_or_none():
        return redirect(session.onward(request.args.get("next")), 303)
    return _ask(Form(name=""), request.args.get("next"))


def _let_in(form: Form) -> ResponseReturnValue:
    name, password = form.text("name"), form.secret("password")
    onward = form.values.get("next")
    with session.transaction() as opened:
        attempt = accounts.attempt(
            opened, name, request.remote_addr or "", _known_person(), session.now()
        )
    if attempt.limited:
        form.error("", _TOO_MANY)
        return _ask(form, onward), 429
    if not accounts.matches(attempt, password) or attempt.person_id is None:
        form.error("", N_("Name or password is wrong."))
        return _ask(form, onward), 422
    session.begin(attempt.person_id)
    answer = flask.make_response(redirect(session.onward(onward), 303))
    _remember(answer, attempt.person_id)
    return answer


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End this browser's session."""
    session.end()
    return redirect(url_for("account.sign_in"), 303)


@blueprint.get("/account/idle")
def idle() -> str:
    """Show whether the sign-in ends soon, to a screen that asks by itself."""
    return flask.render_template("_idle.html")


@blueprint.post("/account/stay")
def stay() -> ResponseReturnValue:
    """Stay signed in."""
    session.stay()
    if request.headers.get("HX-Request"):
        return flask.render_template("_idle.html")
    return redirect(url_for("account.home"), 303)


@blueprint.post("/language")
def language() -> ResponseReturnValue:
    """Choose the language of this browser."""
    chosen = request.form.get("language", "")
    if chosen in session.parts().settings.centre.languages:
        flask.session["language"] = chosen
    came_from = urlsplit(request.referrer or "")
    here = came_from.path if came_from.netloc == request.host else None
    return redirect(session.onward(request.form.get("next") or here), 303)


@blueprint.get("/account")
def me() -> str:
    """Show one's own account."""
    return _me(Form())


@blueprint.post("/account/password")
def password() -> ResponseReturnValue:
    """Change one's own password; every other browser has to sign in again."""
    form = Form(request.form)
    present, wanted = form.secret("present"), form.secret("password")
    with session.transaction() as opened:
        owner = opened.get_one(Person, session.viewer().person_id)
        attempt = accounts.attempt(
            opened, owner.sign_in or "", request.remote_addr or "", owner.id, session.now()
        )
    try:
        _require_present(attempt, present)
        accounts.check_password(wanted, owner.name, owner.sign_in or "")
        stored = accounts.hashed(wanted)
    except DispatchError as error:
        return _me(form.refuse(error)), 422
    with session.transaction() as opened:
        owner = opened.get_one(Person, owner.id)
        accounts.set_password(opened, owner, stored, session.actor(), session.now())
    session.begin(owner.id)
    flash(gettext("Your password is changed. Other browsers have to sign in again."), "done")
    return redirect(url_for("account.me"), 303)


@blueprint.post("/account/language")
def own_language() -> ResponseReturnValue:
    """Choose the language in which texts and calls reach one."""
    form = Form(request.form)
    chosen = form.one_of("language", session.parts().settings.centre.languages)
    with session.transaction() as opened:
        if chosen:
            opened.get_one(Person, session.viewer().person_id).language = chosen
    flask.session.pop("language", None)
    return redirect(url_for("account.me"), 303)


@blueprint.post("/account/methods/<uid>/code")
def send_code(uid: str) -> ResponseReturnValue:
    """Send a code to an address of one's own."""
    with session.transaction() as opened:
        method = _own(opened, uid)
        code = proofs.new_code(opened, method, session.actor(), session.now())
        telling.code(opened, method, code, session.now())
    flash(gettext("A code is on its way. Enter it here when it is there."), "done")
    return redirect(url_for("account.me"), 303)


@blueprint.post("/account/methods/<uid>")
def confirm(uid: str) -> ResponseReturnValue:
    """Confirm by the code that came there that an address is one's own."""
    given = Form(request.form).text("code")
    with session.transaction() as opened:
        method = _own(opened, uid)
        verdict = proofs.answer(opened, method, given, session.actor(), session.now())
    if verdict is proofs.Verdict.RIGHT:
        flash(gettext("You can be reached there from now on."), "done")
        return redirect(url_for("account.me"), 303)
    return _me(Form(), {uid: _VERDICTS[verdict]}), 422


@blueprint.post("/account/browsers")
def add_browser() -> ResponseReturnValue:
    """Add this browser to one's addresses, and send it the code that proves it."""
    form = Form(request.form)
    subscription = form.text("subscription", most=4000)
    with session.transaction() as opened:
        owner = opened.get_one(Person, session.viewer().person_id)
        method = phones.add_method(
            opened, owner, MethodKind.PUSH, subscription, session.actor(), session.now()
        )
        code = proofs.new_code(opened, method, session.actor(), session.now())
        telling.code(opened, method, code, session.now())
    flash(gettext("A code is on its way. Enter it here when it is there."), "done")
    return redirect(url_for("account.me"), 303)


def _push_key() -> str:
    """Return what a browser subscribes with; empty where none can be notified."""
    channel = session.parts().channels.get(WebPushChannel.name)
    return channel.public_key if isinstance(channel, WebPushChannel) else ""


def _own(opened: Session, uid: str) -> ContactMethod:
    owner = opened.get_one(Person, session.viewer().person_id)
    method = next((one for one in phones.methods(opened, owner) if one.uid == uid), None)
    if method is None:
        raise NotFound(N_("There is no such address among yours."))
    return method


def _require_present(attempt: accounts.Attempt, present: str) -> None:
    if attempt.limited:
        raise Refused(_TOO_MANY)
    if not accounts.matches(attempt, present):
        sentence = N_("This is not your present password.")
        raise Invalid(sentence, present=sentence)


def _ask(form: Form, onward: str | None) -> str:
    form.values.pop("csrf_token", None)
    return flask.render_template(
        "account/sign_in.html", form=form, step="password", next=onward, passkey=False
    )


def _me(form: Form, wrong: Mapping[str, str] = MappingProxyType({})) -> str:
    with session.reading() as opened:
        owner = opened.get_one(Person, session.viewer().person_id)
        methods = [
            _method(opened, method)
            | {"wrong": gettext(wrong[method.uid]) if method.uid in wrong else ""}
            for method in phones.methods(opened, owner)
        ]
        form.values.setdefault("language", owner.language)
        return flask.render_template(
            "account/me.html",
            form=form,
            person=owner,
            methods=methods,
            lengths=_LENGTHS,
            push_key=_push_key(),
            own=checks.own(opened, owner),
            one={"concerns": people.worded(_concerns(opened, owner))},
        )


def _concerns(opened: Session, owner: Person) -> list[Concern]:
    """Return what may go wrong with calling somebody, if they are in a team."""
    if not owner.memberships:
        return []
    return readiness.concerns(opened, [owner.id], people.today())[owner.id]


def _method(opened: Session, method: ContactMethod) -> dict[str, object]:
    return {
        "row": method.id,
        "line": people.line_named(opened, method),
        "uid": method.uid,
        "kind": method.kind,
        "address": people.address(opened, method),
        "verified_at": method.verified_at,
        "blocked_at": method.blocked_at,
        "unusable_at": method.unusable_at,
        "reached_at": method.reached_at,
        "asked": proofs.is_asked(method, session.now()),
    }


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(flask.current_app.config["SECRET_KEY"], salt="known browser")


def _cookie_name() -> str:
    secure = flask.current_app.config["SESSION_COOKIE_SECURE"]
    return "__Host-known" if secure else "known"


def _known_person() -> int | None:
    """Return who signed in from this browser before; it proves nothing but that."""
    try:
        return int(_serializer().loads(request.cookies.get(_cookie_name(), "")))
    except (BadSignature, ValueError, TypeError):
        return None


def _remember(answer: flask.Response, person_id: int) -> None:
    answer.set_cookie(
        _cookie_name(),
        str(_serializer().dumps(person_id)),
        max_age=_KNOWN_SECONDS,
        secure=flask.current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
