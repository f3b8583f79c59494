"""What a control room keyed in a call, as a document: kept as any delivery, and read from there.

One format, two ways: `document` writes it, `read` makes an `Alert` of it. What was asked, and in
which order, is for `dial_in`.
"""

import json
import re

from dispatch.incidents.alerts import Alert, AlertType, Contact
from dispatch.intake import own

CONTENT_TYPE = "application/vnd.dispatch.keyed+json"


def document(organisation: str, category: str, call_back: str) -> bytes:
    """Return what was keyed: keys of organisation and category, and the number to ring back."""
    said = {"organisation": organisation, "category": category, "call_back": call_back}
    return json.dumps(said).encode()


def read(body: bytes) -> Alert:
    """Return what `body` says. Raises Unreadable."""
    try:
        said = json.loads(body)
        organisation, category, number = (
            str(said[name]) for name in ("organisation", "category", "call_back")
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        raise own.Unreadable("Expected what was keyed in a call.") from None
    if re.fullmatch(r"\+[0-9]{6,15}", number) is None:
        # It stands in the text to whoever goes, where nothing else may.
        raise own.Unreadable("Expected the number at which to ring back.")
    return Alert(
        AlertType.ALERT,
        category=category or None,
        organisation=organisation,
        contact=Contact(phone=number, call_back=True),
    )
