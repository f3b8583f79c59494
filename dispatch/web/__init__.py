"""The web: screens for people, hooks for police systems and suppliers, an interface for machines.

`create_app` makes a Flask application around `Parts`. Every screen is closed unless listed, every
answer carries the same strict headers, and one blueprint a topic holds the views. Views read a
request, call the core in one transaction and show the result; nothing is decided here.
"""

from datetime import timedelta
from typing import Any

import flask_babel
from babel.support import NullTranslations
from flask import Flask, request
from flask import session as cookie
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from dispatch import texts
from dispatch.web import (
    absences,
    account,
    admin,
    agreed,
    api,
    api_rota,
    calling,
    checks,
    deliveries,
    dispatcher,
    drafts,
    exports,
    failures,
    feeds,
    frame,
    hooks,
    imports,
    inbox,
    live,
    members,
    mending,
    places,
    planner,
    plans,
    policies,
    proof,
    questions,
    responder,
    rota,
    screens,
    seats,
    session,
    setup,
    sheets,
    shifts,
    sounding,
    swaps,
    takeovers,
    training,
    turns,
    voice,
    wanted,
    watch,
    wishes,
)
from dispatch.wiring import Parts

#: The modules that hold views.
TOPICS = (
    absences,
    account,
    admin,
    agreed,
    api,
    api_rota,
    calling,
    checks,
    deliveries,
    dispatcher,
    drafts,
    exports,
    feeds,
    hooks,
    imports,
    inbox,
    live,
    members,
    mending,
    places,
    planner,
    plans,
    policies,
    proof,
    questions,
    responder,
    rota,
    seats,
    setup,
    sheets,
    shifts,
    sounding,
    swaps,
    takeovers,
    training,
    turns,
    voice,
    wanted,
    watch,
    wishes,
)


def create_app(parts: Parts) -> Flask:
    """Return the application, ready to be served by several threads."""
    settings = parts.settings
    app = Flask(
        "dispatch.web",
        static_folder="static",
        template_folder=str(settings.templates_dir.absolute()),
    )
    app.extensions["parts"] = parts
    secure = settings.web.public_url.startswith("https://")
    app.config.update(
        SECRET_KEY=settings.derive("cookies"),
        SESSION_COOKIE_NAME="__Host-dispatch" if secure else "dispatch",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(days=settings.web.session_days),
        MAX_CONTENT_LENGTH=settings.intake.body_limit,
        # Together with the cookie's SameSite: the referrer is never sent, so it cannot be checked.
        WTF_CSRF_SSL_STRICT=False,
        # A board stays open for a whole night; the token ends with the session.
        WTF_CSRF_TIME_LIMIT=None,
    )
    if hops := settings.web.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    failures.install(app)
    session.install(app)
    imports.install(app)
    csrf = CSRFProtect(app)
    _Babel(app, locale_selector=_language, timezone_selector=_time_zone)
    screens.install(app)
    frame.install(app)
    for topic in TOPICS:
        app.register_blueprint(topic.blueprint)
        if topic.blueprint.name in session.MACHINES:
            csrf.exempt(topic.blueprint)
    return app


class _Catalogue(flask_babel.Domain):  # type: ignore[misc]
    """The one catalogue of words, instead of compiled files of its own."""

    def get_translations(self) -> Any:
        """Return the words of the request's language."""
        locale = flask_babel.get_locale()
        return texts.catalogue(locale.language) if locale else NullTranslations()


class _Babel(flask_babel.Babel):  # type: ignore[misc]
    _catalogue = _Catalogue()
    #: As days are written everywhere here; English would else write them as in America.
    default_date_formats = flask_babel.Babel.default_date_formats | {"date.medium": "EEE d MMM y"}

    @property
    def domain_instance(self) -> flask_babel.Domain:
        """Return where words are found."""
        return self._catalogue


def _language() -> str:
    """The language chosen on this browser, else the viewer's, else the browser's own."""
    centre = session.parts().settings.centre
    viewer = session.viewer_or_none()
    for language in (cookie.get("language"), viewer.language if viewer else None):
        if language in centre.languages:
            return str(language)
    return request.accept_languages.best_match(centre.languages) or centre.language


def _time_zone() -> str:
    viewer = session.viewer_or_none()
    return viewer.time_zone if viewer else session.parts().settings.centre.time_zone
