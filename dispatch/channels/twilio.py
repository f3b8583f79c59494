"""Texts and calls by Twilio, or by a supplier that speaks its protocol; only home of its package.

Promise: `send` ends within `SEND_DEADLINE_SECONDS` whatever the supplier or the network does, never
raises for it, and says SENT, FAILED or PENDING only when that is certain. Whatever may have gone
and may not is UNKNOWN: saying FAILED would call somebody twice, saying SENT could lose an alert.
There is no idempotency key, so nothing is sent again here; that, and the order of statuses, is the
outbox's. Who may be reached, and with which words, is decided elsewhere.
"""

import functools
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

from twilio.base.exceptions import (  # type: ignore[import-untyped]
    TwilioRestException,
    TwilioServiceException,
)
from twilio.http import HttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from twilio.twiml.voice_response import Gather, VoiceResponse  # type: ignore[import-untyped]

from dispatch import db
from dispatch.channels import segments, wire
from dispatch.channels.contract import (
    Calling,
    Inbound,
    Kind,
    Outcome,
    Outgoing,
    Receipt,
    Speech,
    State,
)
from dispatch.texts import N_

_T = TypeVar("_T")


class Fault(NamedTuple):
    """What an error code of the supplier means for us."""

    permanent: bool
    """The address itself: do not try it again, tell its owner."""
    alarm: bool
    """It will hit everybody: an administrator has to act."""
    meaning: str
    ours: bool = False
    """Any message would have met it: another supplier has to carry this one."""


#: Error codes of Twilio that ask for more than the next channel; any other is a passing failure.
FAULTS: Mapping[str, Fault] = {
    "20003": Fault(False, True, N_("the supplier does not accept our account or token"), ours=True),
    "20005": Fault(False, True, N_("our account with the supplier is not active"), ours=True),
    "20429": Fault(False, True, N_("the supplier finds that we send too fast")),
    "21210": Fault(False, True, N_("our number may not be shown as caller"), ours=True),
    "21211": Fault(True, False, "not a telephone number"),
    "21212": Fault(False, True, N_("our own number is not valid"), ours=True),
    "21214": Fault(True, False, "the number cannot be called"),
    "21215": Fault(False, True, N_("calling this country is not switched on at the supplier")),
    "21217": Fault(True, False, "not a telephone number"),
    "21408": Fault(False, True, N_("this country is not switched on at the supplier")),
    "21606": Fault(False, True, N_("our own number cannot send texts"), ours=True),
    "21610": Fault(True, False, "the owner texted STOP: only a START sent by them ends it"),
    "21611": Fault(False, True, N_("the queue of our own number is full"), ours=True),
    "21612": Fault(False, True, N_("our own number cannot reach this country or network")),
    "21614": Fault(True, False, "not a mobile number"),
    "21635": Fault(True, False, "a landline: no texts"),
    "30001": Fault(False, True, N_("the queue of our own number is full"), ours=True),
    "30002": Fault(False, True, N_("our account with the supplier is suspended"), ours=True),
    "30003": Fault(False, False, "the phone is off or out of reach"),
    "30005": Fault(True, False, "the network does not know the number"),
    "30006": Fault(True, False, "a landline, or a network that takes no texts"),
    "30007": Fault(False, True, N_("the network filtered the text out")),
    "30008": Fault(False, True, N_("the network does not say why")),
    "30029": Fault(False, True, N_("the supplier's message privacy is not switched on")),
    "30030": Fault(False, True, N_("the supplier's message privacy is not switched on")),
    "30036": Fault(False, False, "not delivered before it expired"),
}

#: Voices by language. Named outright: a language without a voice that knows it is a call that
#: rings and then says nothing.
_VOICES = {
    "nl": ("nl-NL", "Polly.Lotte"),
    "fr": ("fr-FR", "Polly.Celine"),
    "sv": ("sv-SE", "Polly.Astrid"),
    "da": ("da-DK", "Polly.Naja"),
    "en": ("en-GB", "Polly.Amy"),
}
_STATES = {
    "accepted": State.SENT,
    "scheduled": State.SENT,
    "queued": State.SENT,
    "sending": State.SENT,
    "sent": State.SENT,
    "partially_delivered": State.SENT,
    "initiated": State.SENT,
    "ringing": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.DELIVERED,
    "answered": State.DELIVERED,
    "in-progress": State.DELIVERED,
    "completed": State.DELIVERED,
    "undelivered": State.FAILED,
    "failed": State.FAILED,
    "busy": State.FAILED,
    "no-answer": State.FAILED,
    "canceled": State.FAILED,
}
_ANSWERED = {"answered", "in-progress", "completed"}

#: Seconds that a phone rings: the supplier's 60 would end in the voicebox.
_RING_SECONDS = 25
#: Characters that a call says at most, so that twice the text fits the 4000 of inline TwiML.
_LONGEST_SPEECH = 700
#: Inbound texts read at most after an outage.
_MOST_INBOUND = 1000
#: The supplier's instants have whole seconds, and its clock is its own.
_CLOCK_SLACK = timedelta(seconds=5)


class TwilioChannel:
    """Sends texts and calls, asks after them, and reads what the supplier calls back."""

    name = "twilio"
    kinds = frozenset({Kind.SMS, Kind.CALL})
    alarms: Mapping[str, str] = {
        code: fault.meaning for code, fault in FAULTS.items() if fault.alarm
    }

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        senders: Sequence[str],
        public_url: str,
        api_base: str = "https://api.twilio.com",
        timeout: float = 5.0,
        address_obfuscated: bool = False,
        pool: int = 16,
    ) -> None:
        self._senders = senders
        self._sender = senders[0]
        self._public_url = public_url.rstrip("/")
        self._address_obfuscated = address_obfuscated
        self._validator = RequestValidator(auth_token)
        self._client = Client(
            account_sid, auth_token, http_client=_Transport(api_base, timeout, pool)
        )

    def warm(self) -> bool:
        """Open a connection before the first alert needs it; return whether the supplier is well.

        The client loads its parts on first use: without this the first call-out is 150 ms later.
        """
        account = self._ask(self._client.api.account.fetch, None)
        return account is not None and account.status == "active"

    def send(self, message: Outgoing) -> Outcome:
        """Make one attempt; end within `SEND_DEADLINE_SECONDS`; never raise."""
        db.outside_transaction()
        make = self._text if message.kind is Kind.SMS else self._call
        try:
            made = wire.within(wire.DEADLINE_SECONDS, lambda: make(message))
        except Exception as error:  # noqa: BLE001 - whatever it is, the engine has to live on
            return _outcome(error)
        receipt = self._receipt(made.status, made)
        if not made.sid or receipt is None:
            return Outcome(State.UNKNOWN, code="nonsense")
        if receipt.state is State.FAILED:
            return Outcome(State.FAILED, made.sid, receipt.code, receipt.permanent)
        return Outcome(State.SENT, made.sid)

    def look_up(self, kind: Kind, supplier_id: str) -> Receipt | None:
        """Ask what became of a message the supplier took; None when it does not say."""
        if not supplier_id:
            return None
        resource = self._client.messages if kind is Kind.SMS else self._client.calls
        found = self._ask(lambda: resource(supplier_id).fetch(), None)
        return found and self._receipt(found.status, found)

    def find(self, message: Outgoing, since: datetime, known: Collection[str]) -> Receipt | None:
        """Ask whether an attempt with an unclear outcome arrived; None when it cannot be told.

        `since` is when the message was made, `known` are the supplier's ids of our other messages
        to this address. A text is recognised by its words. A call has none, and the supplier is
        told to discard those of a text: then only the one stranger since that time can be ours;
        of two, the wrong one would be an alert lost. Obfuscated addresses cannot be asked for.
        """
        if self._address_obfuscated:
            return None
        listed = (self._client.messages if message.kind is Kind.SMS else self._client.calls).list
        # Without the supplier's own date filter: it skips what is still queued.
        ends = {"to": message.to, "from_": self._from(message)}
        rows: list[Any] = self._ask(lambda: listed(**ends, limit=50), [])
        strangers = [x for x in rows if x.sid not in known and _is_since(x.date_created, since)]
        words = segments.plain(message.text)
        same = [x for x in strangers if segments.plain(getattr(x, "body", None) or "") == words]
        wordless = [x for x in strangers if not getattr(x, "body", None)]
        found = same[:1] or (wordless if len(wordless) == 1 else [])
        return self._receipt(found[0].status, found[0]) if found else None

    def inbound(self, since: datetime) -> Sequence[Inbound]:
        """Ask for texts that came in since then, oldest first; empty when it does not say."""
        # Filled as pages come in: a page that fails does not take the others with it.
        texts: list[Inbound] = []
        self._ask(lambda: texts.extend(self._inbound(since)), None)
        # Listed newest first, with instants too coarse to tell a yes from the no that follows it.
        texts.reverse()
        return sorted(texts, key=lambda text: text.at or since)

    def verify(self, path_and_query: str, form: Mapping[str, str], signature: str) -> bool:
        """Tell whether a callback was signed by the supplier for our *configured* address.

        The request's own host header is never believed: it is the forger's to choose.
        """
        address = self._public_url + path_and_query
        return bool(self._validator.validate(address, form, signature))

    def receipt(self, form: Mapping[str, str]) -> Receipt | None:
        """Read a status callback of a text or a call; None when it holds no known status."""
        status = form.get("MessageStatus") or form.get("SmsStatus") or form.get("CallStatus", "")
        supplier_id = form.get("MessageSid") or form.get("SmsSid") or form.get("CallSid", "")
        return _receipt(status, form.get("ErrorCode", ""), supplier_id)

    def inbound_sms(self, form: Mapping[str, str]) -> Inbound:
        """Read the callback of a text that came in."""
        supplier_id = form.get("MessageSid") or form.get("SmsSid", "")
        return Inbound(supplier_id, form.get("From", ""), form.get("Body", ""))

    def calling(self, form: Mapping[str, str]) -> Calling:
        """Read the callback of somebody who called us, at the beginning or after keys."""
        caller = form.get("From", "")
        # Withheld numbers come as words, or as a made-up number without a country.
        caller = caller if caller.startswith("+") and len(caller) > 6 else ""
        return Calling(form.get("CallSid", ""), caller, form.get("Digits", ""))

    def speak(self, speech: Speech) -> str:
        """Say what a call says next, and what it does then."""
        response = VoiceResponse()
        if speech.keys_to:
            self._gather(response, speech.text, speech.language, speech.keys_to, speech.digits)
        else:
            _say(response, speech.text, speech.language)
        if speech.connect:
            dial = response.dial(caller_id=self._sender, timeout=_RING_SECONDS)
            dial.number(speech.connect)
        response.hangup()
        return str(response)

    def _text(self, message: Outgoing) -> Any:
        return self._client.messages.create(
            to=message.to,
            from_=self._from(message),
            body=segments.plain(message.text),
            status_callback=self._callback("status", message.uid),
            validity_period=max(1, min(36_000, message.validity_seconds)),
            smart_encoded=True,
            content_retention="discard",
            address_retention="obfuscate" if self._address_obfuscated else "retain",
            # The supplier's guard against fraud by SMS may drop a text that looks like one of many.
            risk_check="disable",
            shorten_urls=False,
        )

    def _call(self, message: Outgoing) -> Any:
        response = VoiceResponse()
        if message.gather:
            action = self._callback("voice", message.uid)
            self._gather(response, message.text, message.language, action)
        else:
            _say(response, message.text, message.language)
            response.pause(length=1)
            _say(response, message.text, message.language)
        return self._client.calls.create(
            to=message.to,
            from_=self._sender,
            # Inline, so that the call speaks even when our web server cannot be reached.
            twiml=str(response),
            timeout=_RING_SECONDS,
            status_callback=self._callback("status", message.uid),
            status_callback_event=["initiated", "ringing", "answered", "completed"],
        )

    def _from(self, message: Outgoing) -> str:
        """Return the number that a message leaves from; another supplier's is none of ours."""
        return message.sender if message.sender in self._senders else self._sender

    def _callback(self, what: str, uid: str) -> str:
        return f"{self._public_url}/hooks/twilio/{what}/{quote(uid, safe='')}"

    def _gather(
        self, response: Any, text: str, language: str, action: str, digits: int = 1
    ) -> None:
        until = {"num_digits": digits} if digits else {"finish_on_key": "#"}
        gather = Gather(input="dtmf", timeout=8, action=action, **until)
        _say(gather, text, language)
        if digits == 1:
            # Twice: the first time finds somebody still half asleep.
            gather.pause(length=1)
            _say(gather, text, language)
        response.append(gather)

    def _receipt(self, status: str, found: Any) -> Receipt | None:
        return _receipt(status, str(getattr(found, "error_code", None) or ""), found.sid or "")

    def _inbound(self, since: datetime) -> Iterator[Inbound]:
        # By whole days, as the supplier documents it; the instant is compared below.
        day = since.replace(hour=0, minute=0, second=0, microsecond=0)
        ask = functools.partial(self._client.messages.stream, date_sent_after=day)
        # Each number by itself: another application may share the account.
        for number in self._senders:
            for text in ask(to=number, limit=_MOST_INBOUND, page_size=200):
                at = text.date_sent or text.date_created
                told = text.direction == "inbound" and text.sid and text.from_
                if told and _is_since(at, since):
                    yield Inbound(text.sid, text.from_, text.body or "", at)

    def _ask(self, question: Callable[[], _T], otherwise: _T) -> _T:
        """Answer a question within the deadline, or `otherwise` when the supplier cannot."""
        db.outside_transaction()
        try:
            return wire.within(wire.DEADLINE_SECONDS, question)
        except Exception as error:  # noqa: BLE001 - no answer is an answer too
            _log.warning("%s did not answer a question: %s", self.name, _outcome(error).code)
            return otherwise


_log = logging.getLogger(__name__)


class _Turned(Exception):
    """The supplier answered with a status that the client's own errors lose the headers of."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


class _Transport(HttpClient):  # type: ignore[misc]
    """Speaks HTTP for the client: own address, own pool, no retries, nothing logged.

    The package's own client keeps the last response on itself and returns it from there, so that
    two threads sending at once can get each other's answer, and it logs the numbers it asks for.
    """

    def __init__(self, api_base: str, timeout: float, pool: int) -> None:
        super().__init__(logging.getLogger(__name__), False, timeout)
        self._base = urlsplit(api_base.rstrip("/"))
        self._session = wire.http(pool, api_base)

    def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Any:
        """Send one request to the configured address."""
        parts = urlsplit(uri)
        address = parts._replace(
            scheme=self._base.scheme, netloc=self._base.netloc, path=self._base.path + parts.path
        ).geturl()
        answer = self._session.request(
            method,
            address,
            params=params,  # type: ignore[arg-type]
            data=data,
            headers=headers,
            auth=auth,
            timeout=(min(wire.CONNECT_SECONDS, self.timeout), timeout or self.timeout),
            allow_redirects=allow_redirects,
        )
        turned = wire.turned_away(
            answer.status_code, answer.headers.get("Retry-After", ""), too_fast="20429"
        )
        if turned is not None:
            raise _Turned(turned)
        return Response(answer.status_code, answer.text, answer.headers)


def _outcome(error: Exception) -> Outcome:
    """Say what an error leaves us with: certainly nothing sent, or nobody knows."""
    match error:
        case _Turned():
            return error.outcome
        case TwilioRestException() | TwilioServiceException():
            return _refusal(error)
        case _:
            return wire.broken_off(error)


def _refusal(error: TwilioRestException | TwilioServiceException) -> Outcome:
    status, code = error.status, str(error.code or "")
    if status == 401:
        code = "20003"
    elif 200 <= status < 300:
        # Refused by the client, not by the supplier: an odd status for a message it did take.
        return Outcome(State.UNKNOWN, code=f"http-{status}")
    elif not code or code == str(status):
        code = f"http-{status}"
    # Without a code of the supplier's it is not the message that was refused, but we.
    ours = FAULTS[code].ours if code in FAULTS else code.startswith("http-")
    return Outcome(State.FAILED, code=code, permanent=_permanent(code), fault=ours)


def _receipt(status: str, code: str, supplier_id: str) -> Receipt | None:
    state = _STATES.get(status)
    if state is None:
        return None
    if state is not State.FAILED:
        return Receipt(state, supplier_id=supplier_id, answered=status in _ANSWERED)
    code = code if code not in ("", "0") else status
    return Receipt(state, code, _permanent(code), supplier_id)


def _is_since(at: object, since: datetime) -> bool:
    return isinstance(at, datetime) and at >= since - _CLOCK_SLACK


def _permanent(code: str) -> bool:
    return code in FAULTS and FAULTS[code].permanent


def _say(verb: Any, text: str, language: str) -> None:
    spoken, voice = _VOICES.get(language, _VOICES["en"])
    verb.say(segments.harmless(text, _LONGEST_SPEECH), language=spoken, voice=voice)
