"""What stands around every screen: strict headers, and the words of the header line.

Every answer leaves with the same headers, whatever view made it. Templates get who is looking, what
they may go to, and whether the centre works, each worked out only where a template asks for it.
The look is in the templates; how values are shown is in `screens`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import flask
from babel import Locale
from flask import Flask, request, url_for
from flask_babel import get_locale, gettext

from dispatch.people.access import Right, Viewer
from dispatch.people.models import Role
from dispatch.texts import N_
from dispatch.web import session, suppliers
from dispatch.web.watch import engine_state

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "media-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}
_STATIC_SECONDS = 31_536_000

ROLES = {
    Role.RESPONDER: N_("responder"),
    Role.DISPATCHER: N_("dispatcher"),
    Role.PLANNER: N_("planner"),
    Role.ADMINISTRATOR: N_("administrator"),
    Role.PRIVACY_OFFICER: N_("privacy officer"),
}


@dataclass(frozen=True)
class Place:
    """A screen that the header leads to."""

    endpoint: str
    label: str
    icon: str
    right: Right | None
    """Who may go there; None: everybody signed in."""
    unless: Right | None = None
    """Who gets there from a screen of theirs."""


#: The screens of the header, and, in this order, the first one shown after a sign-in.
PLACES = (
    Place("dispatcher.board", N_("Board"), "radio-tower", Right.BOARD_READ),
    Place("planner.rota", N_("Rota"), "calendar-days", Right.ROTA_CHANGE),
    Place("admin.people", N_("People"), "users", Right.PEOPLE_READ),
    Place("policies.listed", N_("Escalation"), "timer", Right.POLICY_CHANGE),
    Place(
        "proof.listed",
        N_("Proofs of alert"),
        "clipboard-check",
        Right.PROOF_READ,
        unless=Right.BOARD_READ,
    ),
    Place("deliveries.listed", N_("Deliveries"), "inbox", Right.DELIVERY_READ_RAW),
    Place("deliveries.sources_", N_("Sources"), "webhook", Right.ADMINISTER),
    Place("responder.calls", N_("My calls"), "bell-ring", None),
    Place("turns.mine", N_("My turns"), "calendar-check", None),
    Place("planner.on_duty", N_("On duty"), "users-round", Right.ROTA_READ),
)


def install(app: Flask) -> None:
    """Add the headers and what templates may ask for."""
    app.after_request(_add_headers)
    app.context_processor(_context)


def places(viewer: Viewer) -> list[Place]:
    """Return the screens that the viewer may go to."""
    known = flask.current_app.view_functions
    return [
        place
        for place in PLACES
        if place.endpoint in known
        and (place.right is None or viewer.may(place.right))
        and not (place.unless is not None and viewer.may(place.unless))
    ]


def _add_headers(answer: flask.Response) -> flask.Response:
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    if session.parts().settings.web.public_url.startswith("https://"):
        answer.headers.setdefault("Strict-Transport-Security", f"max-age={_STATIC_SECONDS}")
    if request.endpoint != "static":
        answer.headers.setdefault("Cache-Control", "no-store")
    elif request.args.get("v"):
        # The version stands in the address, so what is kept can never be old.
        answer.headers["Cache-Control"] = f"public, max-age={_STATIC_SECONDS}, immutable"
    return answer


def _context() -> dict[str, Any]:
    viewer = session.viewer_or_none()
    settings = session.parts().settings
    locale = get_locale()
    return {
        "now": session.now(),
        "viewer": _Looking(viewer) if viewer else None,
        "centre": _Centre() if viewer else None,
        "idle": session.idle() if viewer else None,
        "centre_name": settings.centre.name,
        "may": viewer.may if viewer else None,
        "language": locale.language if locale else settings.centre.language,
        "languages": [
            {"code": code, "name": Locale.parse(code).get_display_name(code)}
            for code in settings.centre.languages
        ],
    }


class _Looking:
    """Who is looking, as the header shows it."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self.name = viewer.name
        self.person_id = viewer.person_id

    @cached_property
    def roles(self) -> str:
        """Every role in one line."""
        held = sorted(self._viewer.roles, key=list(Role).index)
        return ", ".join(gettext(ROLES[role]) for role in held)

    @cached_property
    def navigation(self) -> list[dict[str, object]]:
        """Where the viewer may go."""
        return [
            {
                "label": gettext(place.label),
                "url": url_for(place.endpoint),
                "icon": place.icon,
                "current": request.endpoint == place.endpoint,
            }
            for place in places(self._viewer)
        ]


class _Centre:
    """Whether the centre works, asked only where the header is shown."""

    @cached_property
    def engine(self) -> dict[str, str]:
        """The engine's heartbeat in a word and a sentence."""
        return engine_state()

    @cached_property
    def sms(self) -> dict[str, str]:
        """Whether texts go out, in a word and a sentence."""
        return suppliers.state()
