"""The phones as a live page, and the few addresses by which people and tests use them.

Promise: every control is a plain form that works without scripts; with them only what changed is
exchanged, and never a form that somebody is filling in. No sign-in and no CSRF token: the demo and
the tests run on this machine only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from dispatch.simulator import faults
from dispatch.simulator.carrier import Carrier
from dispatch.simulator.state import Mode, Phone, Traffic

#: Number -> name and language of whoever carries the phone.
Owners = Mapping[str, tuple[str, str]]

#: So that the page stays light: the latest of each phone, and the latest of all.
_BUBBLES, _CARDS, _LATEST = 40, 200, 5


@dataclass(frozen=True)
class Card:
    """One phone, ready to be shown."""

    phone: Phone
    person: str
    language: str
    bubbles: list[Traffic]
    """Oldest first."""

    @property
    def calls(self) -> list[Traffic]:
        """Calls that want something of the owner."""
        return [call for call in self.bubbles if call.status in ("ringing", "in-progress")]


def blueprint(carrier: Carrier, owners: Callable[[], Owners]) -> Blueprint:
    """Make the routes under /phones."""
    routes = Blueprint("phones", __name__, url_prefix="/phones")

    @routes.get("", strict_slashes=False)
    def page() -> str:
        exchange = carrier.exchange
        revision = exchange.revision
        cards = _cards(carrier, owners())
        latest = sorted(cards, key=lambda card: -card.phone.revision)
        return render_template(
            "phones.html",
            cards=cards,
            latest=[card for card in latest if card.bubbles][:_LATEST],
            revision=revision,
            sender=carrier.account.sender,
        )

    @routes.get("/changes.json")
    def changes() -> Response:
        since = request.args.get("since", 0, int)
        revision = carrier.exchange.revision
        if revision == since:
            return jsonify(revision=revision, cards=[])
        changed = [x for x in _cards(carrier, owners()) if x.phone.revision > since]
        cards = [
            {
                "number": card.phone.number,
                "card": render_template("_phone.html", card=card),
                "latest": render_template("_latest.html", card=card) if card.bubbles else "",
            }
            for card in sorted(changed, key=lambda card: card.phone.revision)
        ]
        return jsonify(revision=revision, cards=cards)

    @routes.get("/messages.json")
    def messages() -> Response:
        number = request.args.get("number", "").replace(" ", "+")
        names = owners()
        return jsonify([_message(x, names) for x in carrier.exchange.traffic(number)])

    @routes.get("/arrivals.json")
    def arrivals() -> Response:
        return jsonify([arrival._asdict() for arrival in list(carrier.exchange.arrivals)])

    @routes.post("/reply")
    def reply() -> AnyResponse:
        text = carrier.reply(_number(), request.form.get("body", "")[:1600])
        return _done(id=text.sid)

    @routes.post("/behaviour")
    def behave() -> AnyResponse:
        mode, seconds = request.form.get("mode", ""), request.form.get("seconds", 0.0, float)
        if mode not in list(Mode):
            abort(400, f"mode: one of {', '.join(Mode)}")
        carrier.behave(_number(), Mode(mode), max(0.0, seconds))
        return _done(mode=mode)

    @routes.post("/call")
    def use_call() -> AnyResponse:
        number, key = _number(), request.form.get("key", "")
        calls = [x for x in carrier.exchange.traffic(number) if x.sid.startswith("CA")]
        sid = request.form.get("id", "")
        call = next((x for x in reversed(calls) if sid in ("", x.sid)), None)
        if call is None:
            abort(404, "no such call")
        if key == "answer":
            done = carrier.answer(call)
        elif key == "hangup":
            done = carrier.hang_up(call)
        elif 0 < len(key) <= 20 and set(key) <= set("0123456789*#"):
            done = all(carrier.press(call, one) for one in key)
        else:
            abort(400, "key: answer, hangup or keys of a phone")
        return _done(id=call.sid, done=done)

    @routes.post("/dial")
    def dial() -> AnyResponse:
        return _done(id=carrier.call_in(_number()).sid)

    @routes.post("/faults")
    def set_fault() -> AnyResponse:
        form = request.form
        if form.get("clear"):
            carrier.faults.clear()
            return _done(cleared=True)
        try:
            fault = faults.read(form)
        except ValueError as error:
            abort(400, str(error))
        carrier.faults.set(form.get("number", ""), fault)
        return _done(set=True)

    @routes.after_app_request
    def secure(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    routes.add_app_template_filter(_spaced, "spaced")
    return routes


def _cards(carrier: Carrier, owners: Owners) -> list[Card]:
    """Return the phones, owners by name first, then strangers as they appeared."""
    exchange = carrier.exchange
    for number in owners:
        exchange.phone(number)
    phones = exchange.phones()
    busiest = sorted(phones, key=lambda phone: -phone.revision)[:_CARDS]
    cards = [
        Card(
            phone,
            *owners.get(phone.number, ("", "")),
            exchange.traffic(phone.number)[-_BUBBLES:],
        )
        for phone in phones
        if phone in busiest
    ]
    return sorted(cards, key=lambda card: (not card.person, card.person.casefold()))


def _message(traffic: Traffic, owners: Owners) -> dict[str, Any]:
    sent_at = traffic.sent_at or traffic.created_at
    return {
        "id": traffic.sid,
        "number": traffic.number,
        "person": owners.get(traffic.number, ("", ""))[0],
        "direction": "in" if traffic.inbound else "out",
        "kind": traffic.kind.value,
        "body": traffic.body,
        "status": traffic.status,
        "sent_at": sent_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }


def _number() -> str:
    # A plus sign that was not escaped arrives as a space.
    number = "".join(request.form.get("number", "").split())
    if not number:
        abort(400, "number is missing")
    return number if number.startswith("+") else f"+{number}"


def _done(**answer: Any) -> AnyResponse:
    """Send a browser's form back to its phone, and tell a program what was done."""
    if "text/html" in request.headers.get("Accept", ""):
        return redirect(f"/phones#phone-{_number().lstrip('+')}", 303)
    return jsonify(answer)


def _spaced(number: str) -> str:
    """Break a number into groups that can be read."""
    return " ".join([number[:3], *(number[at : at + 3] for at in range(3, len(number), 3))])
