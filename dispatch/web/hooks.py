"""Where police systems send alerts, and the supplier of texts and calls its callbacks.

Every request proves itself by a signature. A forged one learns nothing: an unknown source, a bad
signature and a request that is too old get the same answer, and nothing of it is kept but a count.
The order matters: a body is read up to the limit, verified and understood with no transaction open,
so that whatever a stranger sends costs no place in the queue for the database. What an alert leads
to is left to `intake`, what an answer leads to, to `paging`, calls to `voice`.
"""

import ipaddress
import threading
from collections import Counter
from datetime import datetime

import flask
from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

from dispatch import logs, signatures
from dispatch.channels.contract import Receipt
from dispatch.channels.gateway import GatewayChannel
from dispatch.channels.twilio import TwilioChannel
from dispatch.intake import receive, sources
from dispatch.intake.sources import Door
from dispatch.paging import hearing, replies
from dispatch.web import failures, session

log = logs.logger(__name__)

blueprint = Blueprint("hooks", __name__)

_SILENCE_SECONDS = 10
#: The longest text is far below it.
_GATEWAY_LIMIT = 65_536
_REFUSED = "The signature does not match, or the request is too old. Check secret, clock and path."
_UNREADABLE = "This is no document that a gateway sends."
_TOO_MANY = "Too many requests. Send again after the time that Retry-After gives."


@blueprint.post("/hooks/alerts/<source>")
def alert(source: str) -> ResponseReturnValue:
    """Take an alert in."""
    settings, now = session.parts().settings.intake, session.now()
    body = _body(settings.body_limit)
    with session.reading() as opened:
        door = sources.door(opened, source, now)
    headers = {name: request.headers.get(name, "") for name in sources.HEADERS}
    if not sources.verify(door, headers, body, now, settings.age_seconds):
        return _forged(door, now)
    assert door.source is not None
    if _pace("authentic").count(str(door.source.id), now) > settings.authentic_per_minute:
        return _too_many(now)
    content_type = request.headers.get("content-type", "")
    sent = receive.Request(headers["webhook-id"], content_type, body)
    prepared = receive.prepare(sent, now)
    with session.transaction() as opened:
        answer = receive.take_in(opened, door.source, prepared, now)
    return flask.Response(answer.body, answer.status, answer.headers)


def _body(limit: int) -> bytes:
    """Read the body, of a stated length or not, but never more than the limit (413)."""
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        # Whoever stops in the middle of a body would keep one of our threads for ever.
        connection.settimeout(_SILENCE_SECONDS)
    # One byte more, because reading just ends there: a cut body would look like a forged one.
    request.max_content_length = limit + 1
    body = request.get_data(cache=False)
    if len(body) > limit:
        flask.abort(413)
    return body


def _forged(door: Door, now: datetime) -> flask.Response:
    limit = session.parts().settings.intake.forged_per_minute
    address = _network(request.remote_addr or "")
    source_id = None if door.source is None else door.source.id
    # Whoever is over the limit here already must not go on writing to the database.
    if _pace("forged").count(address, now) > limit:
        return _too_many(now)
    with session.transaction() as opened:
        count = sources.count_forged(opened, source_id, address, now)
    log.warning("forged_alert", source_id=source_id, count=count)
    return _too_many(now) if count > limit else failures.problem(401, _REFUSED)


def _network(address: str) -> str:
    """Return whom an address stands for: somebody with IPv6 has a whole network of them."""
    try:
        if ipaddress.ip_address(address).version == 6:
            return str(ipaddress.ip_network(f"{address}/64", strict=False))
    except ValueError:
        return ""
    return address


def _too_many(now: datetime) -> flask.Response:
    refused = failures.problem(429, _TOO_MANY)
    refused.headers["Retry-After"] = str(60 - now.second)
    return refused


class _Pace:
    """Counts by key in the running minute, for this process only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._counts: Counter[str] = Counter()

    def count(self, key: str, now: datetime) -> int:
        """Count one more and return the count."""
        minute = int(now.timestamp()) // 60
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, Counter()
            self._counts[key] += 1
            return self._counts[key]


def _pace(what: str) -> _Pace:
    found: _Pace = current_app.extensions.setdefault(f"pace of {what}", _Pace())
    return found


# --- callbacks of Twilio ---


@blueprint.post("/hooks/twilio/sms")
def text_in() -> ResponseReturnValue:
    """Take in a text that somebody sent."""
    channel = supplier()
    with session.transaction() as opened:
        replies.text_in(opened, channel.inbound_sms(request.form), session.now())
    return flask.Response("<Response/>", content_type="text/xml; charset=utf-8")


@blueprint.post("/hooks/twilio/status/<message>")
def status(message: str) -> ResponseReturnValue:
    """Take in what became of a text or call."""
    receipt = supplier().receipt(request.form)
    if receipt is not None and not _repeated(message, receipt):
        with session.transaction() as opened:
            known = hearing.receipt_in(opened, message, receipt, session.now())
        if not known:
            flask.abort(404)
    return "", 204


def _repeated(message: str, receipt: Receipt) -> bool:
    with session.reading() as opened:
        return hearing.is_repeated(opened, message, receipt)


# --- callbacks of the gateway ---


@blueprint.post("/hooks/gateway")
def gateway() -> ResponseReturnValue:
    """Take in what became of a text, or a text that somebody sent."""
    body = _body(_GATEWAY_LIMIT)
    channel = session.parts().channels.get(GatewayChannel.name)
    headers = {name: request.headers.get(name, "") for name in signatures.HEADERS}
    if not isinstance(channel, GatewayChannel) or not channel.verify(headers, body, session.now()):
        log.warning("forged_callback", endpoint=request.endpoint)
        return failures.problem(401, _REFUSED)
    told, text = channel.receipt(body), channel.inbound_sms(body)
    if told is not None and _repeated(*told):
        return "", 204
    if told is not None:
        with session.transaction() as opened:
            known = hearing.receipt_in(opened, *told, session.now())
        if not known:
            flask.abort(404)
    elif text is not None:
        with session.transaction() as opened:
            replies.text_in(opened, text, session.now())
    else:
        return failures.problem(422, _UNREADABLE)
    return "", 204


def supplier() -> TwilioChannel:
    """Return the supplier that signed this request; 403 when none did."""
    channel = session.parts().channels.get(TwilioChannel.name)
    query = request.query_string.decode("latin-1")
    address = f"{request.path}?{query}" if query else request.path
    signature = request.headers.get("X-Twilio-Signature", "")
    if not isinstance(channel, TwilioChannel) or not channel.verify(
        address, request.form, signature
    ):
        log.warning("forged_callback", endpoint=request.endpoint)
        flask.abort(403)
    return channel
