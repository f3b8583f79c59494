"""Texts by a signed HTTP gateway: a second supplier, behind which any other can be put.

`config/deploy/sms-gateway.md` describes the protocol: one JSON document to one address for
everything, signed both ways as Standard Webhooks describes. Promise: `send` ends within
`SEND_DEADLINE_SECONDS`, never raises, and says SENT, FAILED or PENDING only when that is certain;
every text is named by our own id, so that the gateway can take it once however often it is sent,
and can be asked for it. Who may be reached, and with which words, is decided elsewhere.
"""

import json
import logging
import secrets as random
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from dispatch import db, signatures
from dispatch.channels import segments, wire
from dispatch.channels.contract import Inbound, Kind, Outcome, Outgoing, Receipt, State
from dispatch.clock import Clock
from dispatch.texts import N_

_log = logging.getLogger(__name__)

_ANSWER_SECONDS = 5.0
_STATES = {"sent": State.SENT, "delivered": State.DELIVERED, "failed": State.FAILED}
#: Why a text did not arrive, in the protocol's words, and the codes that features act on.
_CODES = {"stopped": "21610", "no-texts": "21614", "unreachable": "30003", "expired": "30036"}
#: Refusals of us, not of this text.
_OURS = (401, 403, 404, 405, 410)


class GatewayChannel:
    """Sends texts, asks after them, and reads what the gateway calls back."""

    name = "gateway"
    kinds = frozenset({Kind.SMS})
    alarms: Mapping[str, str] = {
        "http-401": N_("the gateway does not accept our signature"),
        "http-403": N_("the gateway does not accept our account"),
        "http-404": N_("there is no gateway at the address that was set"),
    }

    def __init__(
        self,
        *,
        url: str,
        secrets: Sequence[str],
        sender: str,
        public_url: str,
        clock: Clock,
        pool: int = 16,
    ) -> None:
        self._url, self._secrets, self._sender = url, tuple(secrets), sender
        self._callback = f"{public_url}/hooks/gateway"
        self._clock = clock
        self._http = wire.http(pool, url)

    def warm(self) -> bool:
        """Open a connection before the first alert; return whether the gateway is well."""
        return self._ask("ping", {}) is not None

    def send(self, message: Outgoing) -> Outcome:
        """Make one attempt; end within `SEND_DEADLINE_SECONDS`; never raise."""
        db.outside_transaction()
        data = {
            "id": message.uid,
            "to": message.to,
            "from": self._sender,
            "text": segments.plain(message.text),
            "validity_seconds": message.validity_seconds,
            "priority": message.priority,
            "callback": self._callback,
        }
        try:
            answer = self._post("sms.send", data, message.uid)
        except Exception as error:  # noqa: BLE001 - whatever it is, the engine has to live on
            return wire.broken_off(error)
        return answer if isinstance(answer, Outcome) else _taken(message.uid, answer)

    def look_up(self, kind: Kind, supplier_id: str) -> Receipt | None:
        """Ask what became of a text the gateway took; None when it does not say."""
        answer = self._ask("sms.state", {"id": supplier_id}) if supplier_id else None
        return _receipt(answer, supplier_id) if answer is not None else None

    def find(self, message: Outgoing, since: datetime, known: Collection[str]) -> Receipt | None:
        """Ask whether an attempt with an unclear outcome arrived; None when it cannot be told."""
        return self.look_up(message.kind, message.uid)

    def inbound(self, since: datetime) -> Sequence[Inbound]:
        """Ask for texts that came in since then; empty when the gateway does not say."""
        answer = self._ask("sms.inbound", {"since": _instant(since)}) or {}
        listed = answer.get("texts")
        texts = [_inbound(text) for text in listed] if isinstance(listed, list) else []
        return [text for text in texts if text is not None]

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        """Tell whether a callback was signed by the gateway."""
        return signatures.is_signed(self._secrets, headers, body, now)

    def receipt(self, body: bytes) -> tuple[str, Receipt] | None:
        """Read what became of a text, and our own id of it; None when it says something else."""
        kind, data = _document(body)
        receipt = _receipt(data, str(data.get("id", ""))) if kind == "sms.state" else None
        return (receipt.supplier_id, receipt) if receipt is not None else None

    def inbound_sms(self, body: bytes) -> Inbound | None:
        """Read the callback of a text that came in; None when it says something else."""
        kind, data = _document(body)
        return _inbound(data) if kind == "sms.inbound" else None

    def _ask(self, kind: str, data: Mapping[str, object]) -> dict[str, Any] | None:
        """Ask a question; None when the gateway does not answer it."""
        db.outside_transaction()
        try:
            answer = self._post(kind, data, f"ask_{random.token_urlsafe(16)}")
        except Exception as error:  # noqa: BLE001 - no answer is an answer too
            answer = wire.broken_off(error)
        if isinstance(answer, Outcome):
            _log.warning("gateway did not answer %s: %s", kind, answer.code)
            return None
        return answer

    def _post(
        self, kind: str, data: Mapping[str, object], webhook_id: str
    ) -> dict[str, Any] | Outcome:
        """Post one document; return what is answered, or what a refusal means."""
        now = self._clock.now()
        document = {"type": kind, "timestamp": _instant(now), "data": data}
        body = json.dumps(document, ensure_ascii=False).encode()
        headers = signatures.sign(self._secrets[0], webhook_id, now, body)
        answer = wire.within(
            wire.DEADLINE_SECONDS,
            lambda: self._http.post(
                self._url,
                data=body,
                headers=headers | {"Content-Type": "application/json"},
                timeout=(wire.CONNECT_SECONDS, _ANSWER_SECONDS),
                allow_redirects=False,
            ),
        )
        said = _object(answer.content)
        if 200 <= answer.status_code < 300:
            return said
        turned = wire.turned_away(answer.status_code, answer.headers.get("Retry-After", ""))
        return turned or _refusal(answer.status_code, said)


def _taken(uid: str, answer: Mapping[str, Any]) -> Outcome:
    receipt = _receipt(answer, uid)
    if receipt is None:
        return Outcome(State.UNKNOWN, code="nonsense")
    if receipt.state is State.FAILED:
        return Outcome(State.FAILED, uid, receipt.code, receipt.permanent)
    return Outcome(State.SENT, uid)


def _refusal(status: int, said: Mapping[str, Any]) -> Outcome:
    if status in _OURS or 300 <= status < 400:
        return Outcome(State.FAILED, code=f"http-{status}", fault=True)
    word = said.get("code")
    code = _code(word) if isinstance(word, str) and word else f"http-{status}"
    return Outcome(State.FAILED, code=code, permanent=said.get("permanent") is True)


def _receipt(said: Mapping[str, Any], uid: str) -> Receipt | None:
    state = _STATES.get(str(said.get("state")))
    if state is None or not uid:
        return None
    if state is not State.FAILED:
        return Receipt(state, supplier_id=uid)
    code = _code(str(said.get("code") or "failed"))
    return Receipt(state, code, said.get("permanent") is True, uid)


def _code(word: str) -> str:
    return _CODES.get(word, word[:40])


def _inbound(said: object) -> Inbound | None:
    if not isinstance(said, dict):
        return None
    told = [said.get(name) for name in ("id", "from", "text")]
    uid, sender, text = (one if isinstance(one, str) else "" for one in told)
    if not uid or not sender:
        return None
    return Inbound(f"{GatewayChannel.name}:{uid}", sender, text, _read_instant(said.get("at")))


def _document(body: bytes) -> tuple[str, dict[str, Any]]:
    said = _object(body)
    data = said.get("data")
    return str(said.get("type")), data if isinstance(data, dict) else {}


def _object(body: bytes) -> dict[str, Any]:
    """Read a JSON object; empty when it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_instant(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
