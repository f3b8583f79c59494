"""Notices to browsers by Web Push (RFC 8030, 8291, 8292); only home of its packages.

Promise: a notice is encrypted for the one browser that subscribed, so that the push service reads
nothing of it; it goes to push services that the settings name and to no other address, whatever a
browser gave; `send` ends within `SEND_DEADLINE_SECONDS`, never raises, and says SENT, FAILED or
PENDING only when that is certain. A notice sent twice after a doubt replaces itself, on its way and
on the screen. What it says is decided elsewhere: no more than a text may hold.
"""

import base64
import binascii
import hashlib
import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import http_ece  # type: ignore[import-untyped]
import py_vapid  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dispatch import db
from dispatch.channels import segments, wire
from dispatch.channels.contract import Inbound, Kind, Outcome, Outgoing, Receipt, State
from dispatch.clock import Clock
from dispatch.texts import N_

_log = logging.getLogger(__name__)

_CURVE = ec.SECP256R1()
#: Push services take 24 hours at most.
_TOKEN_HOURS = 12
_ANSWER_SECONDS = 5.0
#: So that any text fits the 3993 bytes that every push service takes.
_LONGEST_TEXT = 900
_URGENT = {1: "high", 2: "high"}
#: The browser took its subscription back, or never had it.
_GONE = (404, 410)


@dataclass(frozen=True)
class Subscription:
    """What a browser gave: where to send, and its public key and secret."""

    endpoint: str
    p256dh: bytes
    auth: bytes

    def text(self) -> str:
        """Return it in the browser's own form, always the same for the same subscription."""
        keys = {"auth": _plain(self.auth), "p256dh": _plain(self.p256dh)}
        return json.dumps({"endpoint": self.endpoint, "keys": keys}, sort_keys=True)


def subscription(text: str) -> Subscription:
    """Read the JSON of a browser's subscription; raises ValueError when it is none."""
    found = json.loads(text)
    try:
        endpoint, keys = found["endpoint"], found["keys"]
        read = Subscription(endpoint, _bytes(keys["p256dh"]), _bytes(keys["auth"]))
        host = urlsplit(endpoint).hostname
    except (TypeError, KeyError, AttributeError, binascii.Error) as error:
        raise ValueError("not a subscription") from error
    ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, read.p256dh)
    if len(read.auth) != 16 or not host or len(endpoint) > 2000 or not endpoint.isascii():
        raise ValueError("not a subscription")
    return read


def public_key(secret: bytes) -> str:
    """Return what a browser must be given to subscribe (`applicationServerKey`)."""
    point = _private_key(secret).public_key()
    return _plain(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


class WebPushChannel:
    """Notifies browsers."""

    name = "webpush"
    kinds = frozenset({Kind.PUSH})
    alarms: Mapping[str, str] = {
        "http-401": N_("the push service does not accept our key"),
        "http-403": N_("the push service does not accept our key"),
    }

    def __init__(
        self, *, key: bytes, contact: str, services: Collection[str], clock: Clock, pool: int = 16
    ) -> None:
        self._signer = py_vapid.Vapid02(_private_key(key))
        self.public_key = public_key(key)
        self._contact, self._services, self._clock = contact, tuple(services), clock
        self._http = wire.http(pool)

    def warm(self) -> bool:
        """Return True: there is no one server to ask, each browser names its own."""
        return True

    def send(self, message: Outgoing) -> Outcome:
        """Make one attempt; end within `SEND_DEADLINE_SECONDS`; never raise."""
        db.outside_transaction()
        try:
            to = subscription(message.to)
        except ValueError:
            return Outcome(State.FAILED, code="address", permanent=True)
        if not self._is_known(to.endpoint):
            _log.warning("webpush: %s is no push service we know", urlsplit(to.endpoint).hostname)
            return Outcome(State.FAILED, code="unknown-service", permanent=True)
        try:
            return wire.within(wire.DEADLINE_SECONDS, lambda: self._post(to, message))
        except Exception as error:  # noqa: BLE001 - whatever it is, the engine has to live on
            return wire.broken_off(error)

    def look_up(self, kind: Kind, supplier_id: str) -> Receipt | None:
        """Return None: a push service does not say what became of a notice."""
        return None

    def find(self, message: Outgoing, since: datetime, known: Collection[str]) -> Receipt | None:
        """Return None: a push service does not say whether it has a notice."""
        return None

    def inbound(self, since: datetime) -> Sequence[Inbound]:
        """Return nothing: browsers answer by their links."""
        return ()

    def _is_known(self, endpoint: str) -> bool:
        """Tell whether this is a push service: else anybody could let us post anywhere."""
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
        secret = parts.scheme == "https" or (parts.scheme == "http" and wire.is_local(endpoint))
        below = any(host.endswith(name) for name in self._services if name.startswith("."))
        return secret and (host in self._services or below)

    def _post(self, to: Subscription, message: Outgoing) -> Outcome:
        answer = self._http.post(
            to.endpoint,
            data=_sealed(to, message),
            headers=self._headers(to.endpoint, message),
            timeout=(wire.CONNECT_SECONDS, _ANSWER_SECONDS),
            allow_redirects=False,
        )
        status = answer.status_code
        if 200 <= status < 300:
            return Outcome(State.SENT, message.uid)
        turned = wire.turned_away(status, answer.headers.get("Retry-After", ""))
        if turned is not None:
            return turned
        if status in _GONE:
            return Outcome(State.FAILED, code="gone", permanent=True)
        # 401 and 403: our key or contact; the others: what we wrote.
        return Outcome(State.FAILED, code=f"http-{status}", fault=status in (401, 403))

    def _headers(self, endpoint: str, message: Outgoing) -> dict[str, str]:
        parts = urlsplit(endpoint)
        expires = self._clock.now() + timedelta(hours=_TOKEN_HOURS)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int(expires.timestamp()),
            "sub": self._contact,
        }
        headers: dict[str, str] = self._signer.sign(claims)
        return headers | {
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(message.validity_seconds),
            "Urgency": _URGENT.get(message.priority, "normal"),
            # Of two with one topic a push service keeps the last: sent twice is shown once.
            "Topic": hashlib.sha256(message.uid.encode()).hexdigest()[:32],
        }


def _sealed(to: Subscription, message: Outgoing) -> bytes:
    text = segments.harmless(message.text, _LONGEST_TEXT)
    document = json.dumps({"id": message.uid, "text": text}, ensure_ascii=False)
    sealed: bytes = http_ece.encrypt(
        document.encode(),
        private_key=ec.generate_private_key(_CURVE),
        dh=to.p256dh,
        auth_secret=to.auth,
        version="aes128gcm",
    )
    return sealed


def _private_key(secret: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the key that belongs to a secret of 32 bytes; the same on every machine."""
    return ec.derive_private_key(int.from_bytes(secret) % (_CURVE.group_order - 1) + 1, _CURVE)


def _plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")
