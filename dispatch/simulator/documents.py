"""What the gateway says, as `config/deploy/sms-gateway.md` describes it (pure).

A document has a type and data; it is signed as Standard Webhooks describes. Answers hold the data
alone.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from dispatch import signatures
from dispatch.simulator.relay import Posted
from dispatch.simulator.state import Traffic

#: The words of the protocol for what the phones do.
_STATES = {"delivered": "delivered", "undelivered": "failed", "failed": "failed"}
_WORDS = {30003: "unreachable", 30036: "expired", 30006: "no-texts"}
#: Why it will never arrive there.
_FOR_GOOD = ("no-texts", "unknown-number")


class Document(NamedTuple):
    """Something to be told."""

    type: str
    data: Mapping[str, Any]


def state(text: Traffic) -> Document:
    """Say what became of a text."""
    return Document("sms.state", standing(text))


def standing(text: Traffic) -> dict[str, Any]:
    """Return what is known of a text."""
    told = {"id": text.customers_id, "state": _STATES.get(text.status, "sent")}
    if told["state"] != "failed":
        return told
    word = _WORDS.get(text.error or 0, str(text.error or "failed"))
    return {**told, "code": word, "permanent": word in _FOR_GOOD}


def inbound(text: Traffic) -> Document:
    """Say that a text came in."""
    return Document("sms.inbound", came_in(text))


def came_in(text: Traffic) -> dict[str, Any]:
    """Return a text that came in."""
    return {"id": text.sid, "from": text.number, "text": text.body, "at": _instant(text.created_at)}


def posted(document: Document, secret: str, at: datetime) -> Posted:
    """Return a document ready to be posted."""
    said = {"type": document.type, "timestamp": _instant(at), "data": document.data}
    body = json.dumps(said, ensure_ascii=False).encode()
    headers = signatures.sign(secret, f"gw_{secrets.token_hex(12)}", at, body)
    return Posted(body, headers | {"Content-Type": "application/json"})


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
