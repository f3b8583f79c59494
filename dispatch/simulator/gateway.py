"""A second supplier of texts with the same phones: the reference of our own gateway protocol.

`config/deploy/sms-gateway.md` describes the protocol; whoever builds a bridge to another supplier
can read here what it must do. Promise: a text is taken once, however often it is sent, and the
same is answered; what is not signed is refused. Moving texts is for `carrier`.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from dispatch import signatures
from dispatch.channels.contract import Kind
from dispatch.channels.segments import LONGEST
from dispatch.simulator import documents
from dispatch.simulator.api import cut_off
from dispatch.simulator.carrier import Carrier
from dispatch.simulator.faults import Fault
from dispatch.simulator.state import Supplier, Traffic

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_ADDRESS = re.compile(r"(https?://[^\s/_]+(/\S*)?)?")
_TYPES = {"id": str, "to": str, "from": str, "text": str, "callback": str}
_NUMBERS = {"validity_seconds": range(1, 36_001), "priority": range(1, 4)}


def blueprint(carrier: Carrier) -> Blueprint:
    """Make the one address, /gateway."""
    routes = Blueprint("gateway", __name__)
    desk = Desk(carrier)

    @routes.post("/gateway")
    def take() -> Response:
        now, secrets = carrier.exchange.clock.now(), [carrier.gateway_secret]
        headers = {name: request.headers.get(name, "") for name in signatures.HEADERS}
        if not signatures.is_signed(secrets, headers, request.data, now):
            abort(401)
        try:
            document = json.loads(request.data)
            kind, data = document["type"], dict(document["data"])
        except (ValueError, KeyError, TypeError):
            return _refused("malformed")
        answers: dict[str, Callable[[Mapping[str, Any]], Response]] = {
            "ping": lambda _: jsonify({}),
            "sms.send": desk.send,
            "sms.state": desk.state,
            "sms.inbound": desk.inbound,
        }
        return answers[kind](data) if kind in answers else _refused("unknown-type")

    return routes


class Desk:
    """Takes texts and answers questions about them."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._lock = threading.Lock()
        self._taken: dict[str, Traffic] = {}

    def send(self, data: Mapping[str, Any]) -> Response:
        """Take a text, once; a fault that is set strikes before or after."""
        fault = _fault(data)
        if fault:
            return _refused(fault)
        struck = self._carrier.faults.strike(data["to"], Supplier.GATEWAY)
        if struck.drop == "before":
            return cut_off(self._carrier, struck)
        if struck.http or struck.refuse:
            self._carrier.closing.wait(struck.hang)
            return _turned_away(struck)
        text = self._take(data, struck)
        # Before the first callback can change it.
        shown = documents.standing(text) | {"state": "sent"}
        if struck.callbacks == "early":
            text.told.wait(2)
        if struck.drop == "after":
            return cut_off(self._carrier, struck)
        self._carrier.closing.wait(struck.hang)
        return jsonify(shown)

    def _take(self, data: Mapping[str, Any], struck: Fault) -> Traffic:
        with self._lock:
            known = self._taken.get(data["id"])
            if known is not None:
                return known
            text = Traffic(
                kind=Kind.SMS,
                direction="outbound-api",
                number=data["to"],
                body=data["text"],
                callback=data["callback"],
                validity=float(data["validity_seconds"]),
                supplier=Supplier.GATEWAY,
                customers_id=data["id"],
                fault=struck,
            )
            self._taken[data["id"]] = self._carrier.exchange.add(text)
        self._carrier.carry(text)
        return text

    def state(self, data: Mapping[str, Any]) -> Response:
        """Say what became of a text; 404 when it never came."""
        text = self._taken.get(str(data.get("id")))
        if text is None:
            abort(404)
        return jsonify(documents.standing(text))

    def inbound(self, data: Mapping[str, Any]) -> Response:
        """Return the texts that came in since an instant, oldest first."""
        try:
            since = datetime.fromisoformat(str(data.get("since")))
        except ValueError:
            return _refused("malformed")
        texts = self._carrier.exchange.traffic("", [Kind.SMS], [Supplier.GATEWAY])
        new = [text for text in texts if text.inbound and text.created_at >= since]
        return jsonify(texts=[documents.came_in(text) for text in new])


def _fault(data: Mapping[str, Any]) -> str:
    """Return what is wrong with a text to be sent; stricter than a real gateway has to be."""
    if set(data) != {*_TYPES, *_NUMBERS}:
        return "malformed"
    if any(type(data[name]) is not kind for name, kind in _TYPES.items()):
        return "malformed"
    if any(data[name] not in allowed for name, allowed in _NUMBERS.items()):
        return "malformed"
    if not data["id"] or not 0 < len(data["text"]) <= LONGEST:
        return "malformed"
    if not _ADDRESS.fullmatch(data["callback"]):
        return "malformed"
    return "" if _E164.fullmatch(data["to"]) else "unknown-number"


def _refused(word: str) -> Response:
    answer = jsonify(code=word, permanent=word == "unknown-number")
    answer.status_code = 422
    return answer


def _turned_away(struck: Fault) -> Response:
    if struck.refuse:
        return _refused(str(struck.refuse))
    answer = Response("", struck.http)
    if struck.retry_after:
        answer.headers["Retry-After"] = f"{struck.retry_after:g}"
    return answer
