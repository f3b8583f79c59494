"""Signed requests, as Standard Webhooks 1.0 describes them (https://www.standardwebhooks.com).

HMAC-SHA256 of `id.timestamp.body`, with any of several secrets, not older or newer than a limit.
It is checked here because the published library reads the machine's clock and takes UTF-8 text
only: a body in another encoding could never prove where it came from. Promise: every pair is
compared, so that the time tells a forger nothing. Whose secrets they are is left to the caller.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
PREFIX = "whsec_"
#: What the standard allows, in bytes.
_SECRET_BYTES = range(24, 65)
#: More signatures than any rotation needs would only cost time.
_SIGNATURES_LIMIT = 10


def sign(secret: str, webhook_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that prove where a body comes from."""
    timestamp = str(int(at.timestamp()))
    signature = _signature(secret, webhook_id.encode(), timestamp.encode(), body).decode()
    return dict(zip(HEADERS, (webhook_id, timestamp, signature), strict=True))


def is_signed(
    secrets: Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    age_seconds: int = 300,
) -> bool:
    """Tell whether somebody with one of the secrets signed this, `age_seconds` ago or ahead."""
    webhook_id, timestamp, given = (_bytes(headers.get(name) or "") for name in HEADERS)
    signatures = given.split(b" ")[:_SIGNATURES_LIMIT]
    matches = False
    for secret in secrets:
        expected = _signature(secret, webhook_id, timestamp, body)
        for signature in signatures:
            matches |= hmac.compare_digest(expected, signature)
    return matches and webhook_id != b"" and _is_recent(timestamp, now, age_seconds)


def is_secret(secret: str) -> bool:
    """Tell whether a secret is one that the standard allows."""
    try:
        return len(_signing_key(secret)) in _SECRET_BYTES
    except (binascii.Error, ValueError):
        return False


def _signature(secret: str, webhook_id: bytes, timestamp: bytes, body: bytes) -> bytes:
    signed = b".".join((webhook_id, timestamp, body))
    return b"v1," + base64.b64encode(hmac.digest(_signing_key(secret), signed, "sha256"))


def _bytes(header: str) -> bytes:
    return header.encode("utf-8", "surrogateescape")


def _is_recent(timestamp: bytes, now: datetime, age_seconds: int) -> bool:
    if not re.fullmatch(b"[0-9]{1,12}", timestamp):
        return False
    return abs(now.timestamp() - int(timestamp)) <= age_seconds


def _signing_key(secret: str) -> bytes:
    # Some systems leave the padding away; a surplus of it does no harm.
    return base64.b64decode(secret.removeprefix(PREFIX) + "==")
