"""The alerts that benchmarks send, and when their pages arrived at the supplier."""

import json
import re
from collections.abc import Sequence

from dispatch.clock import SystemClock
from tests import centre
from tests.benchmarks.rig.client import Ask, Told
from tests.benchmarks.rig.site import Site

_REFERENCE = re.compile(r"\b[A-Z]\d[A-Z]-\d[A-Z]{2}\b")
_PATH = "/hooks/alerts/control-room"
#: As long as what a control room really sends.
_REST = {
    "occurred_at": None,
    "summary": "Collision of a lorry and two cars, one driver died on the spot.",
    "narrative": "The driver of the first car was declared dead at 13.05 by the doctor. " * 6,
    "contact": {"name": "J. Peeters", "phone": "+32470998877", "role": "patrol"},
    "persons": [{"role": "relative", "age": 41, "children": 2}],
    "place": {**centre.ALERT["place"], "address": "Brakelsesteenweg 12"},
}


def alerts(name: str, count: int, **fields: object) -> list[Ask]:
    """Return so many signed alerts, each an incident of its own."""
    now = SystemClock().now()
    asks = []
    for number in range(count):
        reference = f"{name}-{number}"
        alert = {**centre.ALERT, **_REST, "occurred_at": now.isoformat(), **fields}
        body = json.dumps({**alert, "reference": reference})
        headers = centre.signed(body.encode(), now, f"msg_{reference}")
        headers["content-type"] = "application/json"
        asks.append(Ask(_PATH, headers, "POST", body))
    return asks


def require_taken(told: Sequence[Told]) -> None:
    """Raise unless every alert was taken: the time of a refusal would flatter."""
    refused = [answer for answer in told if answer.status != 202]
    if refused:
        first = refused[0]
        raise RuntimeError(f"{len(refused)} of {len(told)} refused: {first.status} {first.body}")


def arrived(
    site: Site, told: Sequence[Told], texts: int = 1, seconds: float = 60
) -> list[list[float]]:
    """Return for each answered alert when its texts arrived, waiting for the last.

    Raises when one does not come in time: a page that is not sent is no figure.
    """
    wanted = {json.loads(answer.body)["reference"]: answer for answer in told}

    def by_reference() -> dict[str, list[float]]:
        found: dict[str, list[float]] = {reference: [] for reference in wanted}
        for arrival in site.twilio.arrivals():
            named = _REFERENCE.search(arrival["body"])
            if arrival["kind"] == "sms" and named and named[0] in found:
                found[named[0]].append(arrival["at"])
        return found

    def missing() -> int:
        return sum(len(at) < texts for at in by_reference().values())

    site.twilio.wait_until(lambda: not missing(), seconds, lambda: f"{missing()} alerts not sent")
    return list(by_reference().values())
