"""The supplier's own interface: making, listing, fetching and ending texts and calls.

Promise: it accepts what the real one documents for what we use and refuses everything else with
the same shape of error, so that a slip in our requests fails here before it fails in a real night.
Stricter than the original in one thing: a parameter that is not simulated is refused, not ignored.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from socket import SHUT_RDWR
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from dispatch.channels.contract import Kind
from dispatch.channels.segments import LONGEST, count
from dispatch.simulator import twiml
from dispatch.simulator.carrier import Carrier
from dispatch.simulator.faults import Fault
from dispatch.simulator.state import Supplier, Traffic

_VERSION = "2010-04-01"
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_ADDRESS = re.compile(r"https?://[^\s/_]+(/\S*)?")
_BOOLEAN = re.compile(r"true|false")
_EVENT = re.compile(r"initiated|ringing|answered|completed")
_POST = re.compile(r"POST")
_NOTHING = re.compile(r"")


class Refusal(Exception):
    """What the supplier answers to a request it does not take."""

    def __init__(self, code: int, message: str, status: int = 400, retry_after: float = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after


def _within(lowest: int, highest: int) -> Callable[[str], bool]:
    return lambda value: value.isdecimal() and lowest <= int(value) <= highest


Check = tuple[Callable[[str], Any], int]
"""What tells a good value from a bad one, and the code of the refusal."""

_MESSAGE: Mapping[str, Check] = {
    "To": (_E164.fullmatch, 21211),
    "From": (_E164.fullmatch, 21212),
    "Body": (lambda body: 0 < len(body) <= LONGEST, 21617),
    "StatusCallback": (_ADDRESS.fullmatch, 21609),
    "ValidityPeriod": (_within(1, 36_000), 20001),
    "SmartEncoded": (_BOOLEAN.fullmatch, 20001),
    "ContentRetention": (re.compile("retain|discard").fullmatch, 30029),
    "AddressRetention": (re.compile("retain|obfuscate").fullmatch, 30030),
    "RiskCheck": (re.compile("enable|disable").fullmatch, 20001),
    "ShortenUrls": (_BOOLEAN.fullmatch, 20001),
}
_CALL: Mapping[str, Check] = {
    "To": (_E164.fullmatch, 21217),
    "From": (_E164.fullmatch, 21212),
    "Twiml": (lambda document: 0 < len(document) <= 4000, 21205),
    "Url": (_ADDRESS.fullmatch, 21205),
    "Method": (_POST.fullmatch, 20001),
    "Timeout": (_within(1, 600), 20001),
    "StatusCallback": (_ADDRESS.fullmatch, 21609),
    "StatusCallbackMethod": (_POST.fullmatch, 20001),
    "StatusCallbackEvent": (_EVENT.fullmatch, 20001),
}
#: What has to be there, and the code of the refusal when it is not.
_MESSAGE_NEEDS = {"To": 21604, "From": 21603, "Body": 21602}
_CALL_NEEDS = {"To": 21201, "From": 21213}
_MESSAGE_UPDATE: Mapping[str, Check] = {
    "Body": (_NOTHING.fullmatch, 20001),
    "Status": (re.compile("canceled").fullmatch, 20001),
}
_CALL_UPDATE: Mapping[str, Check] = {
    "Status": (re.compile("canceled|completed").fullmatch, 20001),
}
_LIST = ("To", "From", "Status", "PageSize", "Page", "PageToken")


def blueprint(carrier: Carrier) -> Blueprint:
    """Make the routes under /2010-04-01."""
    routes = Blueprint("api", __name__, url_prefix=f"/{_VERSION}")
    account = f"/Accounts/{carrier.account.sid}"

    @routes.before_request
    def authenticate() -> None:
        given = request.authorization
        good = given is not None and given.type == "basic"
        for name, right in (("username", carrier.account.sid), ("password", carrier.account.token)):
            sent = (getattr(given, name, None) or "").encode()
            good = hmac.compare_digest(sent, right.encode()) and good
        if not good:
            raise Refusal(20003, "Authenticate", 401)

    @routes.errorhandler(Refusal)
    def refuse(refusal: Refusal) -> Response:
        return _refused(refusal)

    @routes.get(f"{account}.json")
    def fetch_account() -> Response:
        sid = carrier.account.sid
        return jsonify(sid=sid, status="active", type="Full", friendly_name="Simulator")

    @routes.post(f"{account}/Messages.json")
    def create_message() -> Response:
        return _create(carrier, lambda: _new_text(carrier, request.form))

    @routes.post(f"{account}/Calls.json")
    def create_call() -> Response:
        return _create(carrier, lambda: _new_call(carrier, request.form))

    @routes.get(f"{account}/<any(Messages, Calls):resource>.json")
    def list_traffic(resource: str) -> Response:
        return _list(carrier, resource)

    @routes.get(f"{account}/<any(Messages, Calls):resource>/<sid>.json")
    def fetch_traffic(resource: str, sid: str) -> Response:
        return jsonify(_shown(carrier, _found(carrier, resource, sid)))

    @routes.post(f"{account}/<any(Messages, Calls):resource>/<sid>.json")
    def update_traffic(resource: str, sid: str) -> Response:
        return _update(carrier, _found(carrier, resource, sid))

    return routes


def unknown(_error: HTTPException) -> Response:
    """Answer a path that the supplier does not have, or that is not simulated."""
    return _refused(Refusal(20404, f"The requested resource {request.path} was not found", 404))


def _refused(refusal: Refusal) -> Response:
    answer = jsonify(
        code=refusal.code,
        message=refusal.message,
        more_info=f"https://www.twilio.com/docs/errors/{refusal.code}",
        status=refusal.status,
    )
    answer.status_code = refusal.status
    if refusal.retry_after:
        answer.headers["Retry-After"] = f"{refusal.retry_after:g}"
    if refusal.status == 401:
        answer.headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
    return answer


# --- making


def _create(carrier: Carrier, new: Callable[[], Traffic]) -> Response:
    traffic = new()
    fault = traffic.fault = carrier.faults.strike(traffic.number, traffic.supplier)
    if fault.drop == "before":
        return cut_off(carrier, fault)
    if fault.http or fault.refuse:
        carrier.closing.wait(fault.hang)
        raise _refusal(fault)
    own = traffic.own or carrier.account.sender
    if fault.per_second and carrier.faults.too_fast(own, fault.per_second):
        raise Refusal(20429, "Too Many Requests", 429, retry_after=fault.retry_after or 1)
    if carrier.exchange.phone(traffic.number).stopped and traffic.kind is Kind.SMS:
        raise Refusal(21610, "Attempt to send to unsubscribed recipient")
    # Before the first callback can change it.
    shown = _shown(carrier, carrier.exchange.add(traffic))
    carrier.carry(traffic)
    if fault.callbacks == "early":
        traffic.told.wait(2)
    if fault.drop == "after":
        return cut_off(carrier, fault)
    carrier.closing.wait(fault.hang)
    answer = jsonify(shown)
    answer.status_code = 201
    return answer


def _refusal(fault: Fault) -> Refusal:
    if fault.refuse:
        return Refusal(fault.refuse, "Refused by the simulator", fault.http or 400)
    code = 20429 if fault.http == 429 else fault.http
    message = HTTP_STATUS_CODES.get(fault.http, "Unknown")
    return Refusal(code, message, fault.http, fault.retry_after)


def cut_off(carrier: Carrier, fault: Fault) -> Response:
    """Close the connection without an answer."""
    carrier.closing.wait(fault.hang)
    connection = request.environ.get("werkzeug.socket") or request.environ["gunicorn.socket"]
    connection.shutdown(SHUT_RDWR)
    return Response()


def _new_text(carrier: Carrier, form: MultiDict[str, str]) -> Traffic:
    _check(form, _MESSAGE, _MESSAGE_NEEDS)
    if form["From"] not in (carrier.account.sender, *carrier.account.more):
        raise Refusal(21606, "The From number is not a number of your account")
    return Traffic(
        kind=Kind.SMS,
        direction="outbound-api",
        number=form["To"],
        own=form["From"],
        body=form["Body"],
        callback=form.get("StatusCallback", ""),
        validity=float(form.get("ValidityPeriod", 36_000)),
        discard=form.get("ContentRetention") == "discard",
        obfuscate=form.get("AddressRetention") == "obfuscate",
    )


def _new_call(carrier: Carrier, form: MultiDict[str, str]) -> Traffic:
    _check(form, _CALL, _CALL_NEEDS)
    if form["From"] != carrier.account.sender:
        raise Refusal(21210, "The From number is not verified for your account")
    if ("Twiml" in form) == ("Url" in form):
        raise Refusal(21205, "One of Url and Twiml is required")
    try:
        verbs = twiml.parse(form["Twiml"]) if "Twiml" in form else []
    except twiml.Unreadable as error:
        raise Refusal(12100, f"Document parse failure: {error}") from None
    return Traffic(
        kind=Kind.CALL,
        direction="outbound-api",
        number=form["To"],
        body=twiml.spoken(verbs),
        callback=form.get("StatusCallback", ""),
        events=frozenset(form.getlist("StatusCallbackEvent") or ["completed"]),
        verbs=verbs,
        url=form.get("Url", ""),
        ring_seconds=float(form.get("Timeout", 60)),
    )


def _check(
    form: MultiDict[str, str], checks: Mapping[str, Check], needs: Mapping[str, int] | None = None
) -> None:
    for name, code in (needs or {}).items():
        if not form.get(name):
            raise Refusal(code, f"A '{name}' is required")
    for name, values in form.lists():
        if name not in checks:
            raise Refusal(20001, f"Unknown parameter '{name}'")
        good, code = checks[name]
        if not all(map(good, values)):
            raise Refusal(code, f"Invalid parameter '{name}'")


# --- asking


def _found(carrier: Carrier, resource: str, sid: str) -> Traffic:
    traffic = carrier.exchange.get(sid)
    kind = Kind.SMS if resource == "Messages" else Kind.CALL
    if traffic is None or traffic.kind is not kind or traffic.supplier is not Supplier.TWILIO:
        raise Refusal(20404, f"The requested resource {request.path} was not found", 404)
    return traffic


def _update(carrier: Carrier, traffic: Traffic) -> Response:
    text = traffic.kind is Kind.SMS
    _check(request.form, _MESSAGE_UPDATE if text else _CALL_UPDATE)
    if "Body" in request.form:
        with carrier.exchange.change(traffic):
            traffic.body = ""
    elif text and traffic.status == "queued":
        carrier.exchange.move(traffic, "canceled")
    elif text:
        raise Refusal(30409, "The message can no longer be canceled")
    elif not traffic.ended:
        carrier.hang_up(traffic)
    return jsonify(_shown(carrier, traffic))


def _list(carrier: Carrier, resource: str) -> Response:
    kind = Kind.SMS if resource == "Messages" else Kind.CALL
    sent = "DateSent" if kind is Kind.SMS else "StartTime"
    since, until = _period(sent)
    # By number where one is asked for: a night's worth of texts is not gone through for it.
    ends = {request.args.get("To", ""), request.args.get("From", "")}
    number = next(iter(ends - {"", carrier.account.sender, *carrier.account.more}), "")
    found = [
        traffic
        for traffic in reversed(carrier.exchange.traffic(number, [kind], [Supplier.TWILIO]))
        if since <= (traffic.sent_at or traffic.created_at) < until
        and _ends(carrier, traffic).items() >= _asked_for().items()
        and traffic.status == request.args.get("Status", traffic.status)
    ]
    size = min(1000, max(1, request.args.get("PageSize", 50, int)))
    page = max(0, request.args.get("Page", 0, int))
    first, last = page * size, (page + 1) * size
    kept = {name: value for name, value in request.args.items() if not name.startswith("Page")}

    def address(number: int) -> str:
        return f"{request.path}?{urlencode({**kept, 'PageSize': size, 'Page': number})}"

    return jsonify(
        {
            resource.lower(): [_shown(carrier, traffic) for traffic in found[first:last]],
            "page": page,
            "page_size": size,
            "start": first,
            "end": max(first, min(len(found), last) - 1),
            "uri": address(page),
            "first_page_uri": address(0),
            "next_page_uri": address(page + 1) if len(found) > last else None,
            "previous_page_uri": address(page - 1) if page else None,
        }
    )


def _asked_for() -> dict[str, str]:
    return {name.lower(): request.args[name] for name in ("From", "To") if name in request.args}


def _ends(carrier: Carrier, traffic: Traffic) -> dict[str, str]:
    number = traffic.number[:-4] + "XXXX" if traffic.obfuscate else traffic.number
    ends = (number, traffic.own or carrier.account.sender)
    return dict(zip(("from", "to"), ends if traffic.inbound else ends[::-1], strict=True))


def _period(name: str) -> tuple[datetime, datetime]:
    known = (*_LIST, name, f"{name}<", f"{name}>")
    for given in request.args:
        if given not in known:
            raise Refusal(20001, f"Unknown parameter '{given}'")
    earliest, latest = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    if name in request.args:
        day = _instant(request.args[name])
        return day, day + timedelta(days=1)
    if f"{name}>" in request.args:
        earliest = _instant(request.args[f"{name}>"])
    if f"{name}<" in request.args:
        latest = _instant(request.args[f"{name}<"])
    return earliest, latest


def _instant(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    except ValueError:
        raise Refusal(20001, f"Invalid date '{value}'") from None


def _shown(carrier: Carrier, traffic: Traffic) -> dict[str, Any]:
    """Return a text or call as the supplier shows it."""
    account, text = carrier.account, traffic.kind is Kind.SMS
    resource = "Messages" if text else "Calls"
    row = {
        **_ends(carrier, traffic),
        "sid": traffic.sid,
        "account_sid": account.sid,
        "api_version": _VERSION,
        "status": traffic.status,
        "direction": traffic.direction,
        "date_created": format_datetime(traffic.created_at),
        "date_updated": format_datetime(traffic.updated_at),
        "price": None,
        "price_unit": "USD",
        "uri": f"/{_VERSION}/Accounts/{account.sid}/{resource}/{traffic.sid}.json",
    }
    sent = traffic.created_at if traffic.inbound else traffic.sent_at
    if text:
        return row | {
            "body": "" if traffic.discard and traffic.ended else traffic.body,
            "num_segments": str(count(traffic.body).parts),
            "num_media": "0",
            "date_sent": sent and format_datetime(sent),
            "error_code": traffic.error,
            "error_message": traffic.error and f"Error {traffic.error}",
            "messaging_service_sid": None,
        }
    took = traffic.updated_at - (traffic.answered_at or traffic.updated_at)
    return row | {
        "start_time": traffic.answered_at and format_datetime(traffic.answered_at),
        "end_time": format_datetime(traffic.updated_at) if traffic.ended else None,
        "duration": str(int(took.total_seconds())) if traffic.ended else None,
        "answered_by": None,
    }
