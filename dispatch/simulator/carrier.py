"""Carries texts and calls: moves them through their statuses and calls the customer back.

What the phone at the other end does (`Mode`) and what goes wrong on purpose (`Fault`) decide which
way a message takes. Promise: nothing here waits in the thread of a request, a status is called back
after it is true, and a customer's server that fails changes nothing but a note on the message. How
a request is answered is for `api`.
"""

import threading
from dataclasses import replace
from email.utils import format_datetime

from dispatch.channels.contract import Kind
from dispatch.channels.segments import count
from dispatch.simulator import documents, twiml
from dispatch.simulator.faults import Faults
from dispatch.simulator.relay import Answer, Posted, Relay, Then
from dispatch.simulator.state import Account, Exchange, Mode, Supplier, Traffic

#: The supplier's own opt-out words for single-word texts, and those that take it back.
STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
_STOPPED = "You have successfully been unsubscribed. Reply START to receive messages again."
_STARTED = "You have successfully been re-subscribed. Reply STOP to stop messages."

#: Error codes of the supplier for a phone that is off, and for a text that came too late.
_UNREACHABLE, _EXPIRED = 30003, 30036
#: How fast a voice reads: a question waits for a key from the end of its text on.
_SPOKEN_PER_SECOND = 14.0
#: The step of a call that each status is called back as; the rest is "completed".
_EVENTS = {"initiated": "initiated", "ringing": "ringing", "in-progress": "answered"}


class Carrier:
    """The network between the customer's account and the phones."""

    def __init__(
        self,
        account: Account,
        exchange: Exchange,
        *,
        inbound_url: str,
        voice_url: str = "",
        step_seconds: float,
        gateway_secret: str = "",
    ) -> None:
        self.account = account
        self.gateway_secret = gateway_secret
        """Signs both ways at the gateway; empty: there is none."""
        self.exchange = exchange
        self.faults = Faults()
        self.inbound_url = inbound_url
        """Where texts from phones are posted; empty: nowhere."""
        self.voice_url = voice_url
        """Where calls from phones are; empty: nowhere."""
        self.closing = threading.Event()
        """Set at the end, so that a hanging answer ends too."""
        self._step_seconds = step_seconds
        self._relay = Relay(account.token)

    def carry(self, traffic: Traffic) -> None:
        """Let a text or call that the exchange has taken go its way."""
        if traffic.kind is Kind.SMS:
            self._call_back(traffic)
            self._relay.later(self._pace(traffic), lambda: self._hand_over(traffic))
        else:
            self._relay.later(self._pace(traffic), lambda: self._dial(traffic))

    def reply(self, number: str, body: str) -> Traffic:
        """Let a phone answer whoever texted it last, or else the customer's number."""
        texts = self.exchange.traffic(number, [Kind.SMS])
        last = next((text for text in reversed(texts) if not text.inbound), None)
        text = Traffic(Kind.SMS, "inbound", number, body, status="received", told=threading.Event())
        if last is not None and last.supplier is Supplier.GATEWAY:
            text.supplier, text.callback = last.supplier, last.callback
            self.exchange.add(text)
            if text.callback:
                self._post(text, text.callback, self._document(documents.inbound(text)))
            return text
        text.own = last.own if last is not None else ""
        self.exchange.add(text)
        self._obey_stop_words(number, body)
        if self.inbound_url:
            form = self._relay.form(self.inbound_url, self._inbound_form(text))
            self._post(text, self.inbound_url, form)
        return text

    def call_in(self, number: str) -> Traffic:
        """Let a phone call the customer's number; nobody answers where no address is set."""
        call = Traffic(Kind.CALL, "inbound", number, "", status="ringing", url=self.voice_url)
        self.exchange.add(call)
        if not self.voice_url:
            self._move(call, "no-answer")
            return call
        self._move(call, "in-progress")
        self._follow(call, self.voice_url, {})
        return call

    def behave(self, number: str, mode: Mode, seconds: float) -> None:
        """Set how a phone takes what comes to it from now on."""
        phone = self.exchange.phone(number)
        with self.exchange.change(phone):
            phone.mode, phone.seconds = mode, seconds

    def answer(self, call: Traffic) -> bool:
        """Pick up a phone that rings; return whether it did."""
        with self.exchange.lock:
            if call.status != "ringing" or not self._move(call, "in-progress"):
                return False
        if call.connected:
            return True
        if call.url:
            self._follow(call, call.url, {})
        else:
            self._run(call)
        return True

    def press(self, call: Traffic, key: str) -> bool:
        """Press a key, picking up first; return whether anybody listens."""
        with self.exchange.lock:
            if call.ended or call.status in ("queued", "initiated"):
                return False
            call.key += key
        if not self.answer(call) and call.gather is not None:
            self._heard(call)
        return True

    def hang_up(self, call: Traffic) -> bool:
        """End a call, or refuse it while it rings; return whether there was one."""
        return self._move(call, "completed" if call.status == "in-progress" else "busy")

    def close(self) -> None:
        """Let nothing happen any more."""
        self.closing.set()
        self._relay.close()

    # --- texts

    def _hand_over(self, text: Traffic) -> None:
        if text.fault.failed:
            self._move(text, "failed", text.fault.failed)
            return
        if not self._move(text, "sent"):
            return
        phone, pace = self.exchange.phone(text.number), self._pace(text)
        if text.fault.undelivered:
            self._relay.later(pace, lambda: self._move(text, "undelivered", text.fault.undelivered))
        elif phone.mode is Mode.FAIL:
            self._relay.later(pace, lambda: self._move(text, "undelivered", _UNREACHABLE))
        elif phone.mode is Mode.DELAY and phone.seconds > text.validity:
            self._relay.later(text.validity, lambda: self._move(text, "undelivered", _EXPIRED))
        elif phone.mode is Mode.DELAY:
            self._relay.later(phone.seconds, lambda: self._move(text, "delivered"))
        elif phone.mode is Mode.DELIVER:
            self._relay.later(pace, lambda: self._move(text, "delivered"))

    def _obey_stop_words(self, number: str, body: str) -> None:
        word, phone = body.strip().upper(), self.exchange.phone(number)
        if word in STOP_WORDS and not phone.stopped:
            answer, phone.stopped = _STOPPED, True
        elif word in START_WORDS and phone.stopped:
            answer, phone.stopped = _STARTED, False
        else:
            return
        kind = Kind.SMS
        self.exchange.add(Traffic(kind, "outbound-reply", number, answer, status="delivered"))

    # --- calls

    def _dial(self, call: Traffic) -> None:
        if not self._move(call, "initiated"):
            return
        phone, pace = self.exchange.phone(call.number), self._pace(call)
        if call.fault.failed or phone.mode is Mode.FAIL:
            self._relay.later(pace, lambda: self._move(call, "failed", call.fault.failed or None))
        elif phone.mode is Mode.SILENT:
            self._relay.later(call.ring_seconds, lambda: self._move(call, "no-answer"))
        else:
            late = phone.seconds if phone.mode is Mode.DELAY else 0.0
            self._relay.later(pace + late, lambda: self._ring(call))

    def _ring(self, call: Traffic) -> None:
        if self._move(call, "ringing"):
            self._relay.later(call.ring_seconds, lambda: self._give_up(call))

    def _give_up(self, call: Traffic) -> None:
        with self.exchange.lock:
            if call.status == "ringing":
                self._move(call, "no-answer")

    def _run(self, call: Traffic) -> None:
        """Do what the call has still to do, up to its end or to a question."""
        while call.verbs and not call.ended:
            match call.verbs.pop(0):
                case twiml.Gather() as gather:
                    self._ask(call, gather, sum(map(len, gather.texts)) / _SPOKEN_PER_SECOND)
                    return
                case twiml.Dial() as dial:
                    self._connect(call, dial)
                    return
                case twiml.Redirect(url):
                    self._follow(call, url, {})
                    return
                case twiml.Hangup():
                    break
        self._move(call, "completed")

    def _ask(self, call: Traffic, gather: twiml.Gather, speech: float) -> None:
        """Wait for keys, for some seconds after the question was spoken or the last key came."""
        with self.exchange.change(call):
            call.gather = gather
        if gather.heard(call.key) is not None:
            self._heard(call)
        else:
            self._relay.later(gather.timeout + speech, lambda: self._unheard(call, gather))

    def _heard(self, call: Traffic) -> None:
        with self.exchange.change(call):
            gather = call.gather
            told = gather.heard(call.key) if gather is not None else None
            if told is not None:
                call.gather, (keys, call.key) = None, told
        if gather is None:
            return
        if told is None:
            # A copy, so that the time of the question before does not end this one.
            self._ask(call, replace(gather), 0)
        elif gather.action:
            self._follow(call, gather.action, {"Digits": keys, "msg": "Gather End"})
        else:
            self._run(call)

    def _unheard(self, call: Traffic, gather: twiml.Gather) -> None:
        with self.exchange.lock:
            if call.gather is not gather:
                return
            call.gather, keys, call.key = None, call.key, ""
        if keys and gather.action:
            self._follow(call, gather.action, {"Digits": keys, "msg": "Gather End"})
        else:
            self._run(call)

    def _connect(self, call: Traffic, dial: twiml.Dial) -> None:
        """Ring another phone and let both talk until one hangs up."""
        words = f"Connected with {call.number}."
        leg = Traffic(Kind.CALL, "outbound-dial", dial.number, words, connected=True)
        leg.ring_seconds, leg.other, call.other = dial.ring_seconds, call, leg
        self.exchange.add(leg)
        self._relay.later(self._pace(leg), lambda: self._dial(leg))

    def _part(self, call: Traffic) -> None:
        """One of two connected phones is off the line: whoever called goes on, the other ends."""
        with self.exchange.lock:
            other, call.other = call.other, None
            if other is None or other.ended:
                return
            other.other = None
        if call.connected:
            self._run(other)
        else:
            self._move(other, "completed")

    def _follow(self, call: Traffic, url: str, extra: dict[str, str]) -> None:
        """Ask the customer how the call goes on, and go on."""

        def go_on(answer: Answer) -> None:
            try:
                verbs = twiml.parse(answer.body)
            except twiml.Unreadable as error:
                self._note(call, answer.trouble or f"callback: {error}")
                self._move(call, "completed")
                return
            with self.exchange.change(call):
                call.verbs = verbs
                call.body = " ".join(filter(None, [call.body, twiml.spoken(verbs)]))
            self._run(call)

        self._post(call, url, self._relay.form(url, self._call_form(call) | extra), go_on)

    # --- calling back

    def _move(self, traffic: Traffic, status: str, error: int | None = None) -> bool:
        with self.exchange.lock:
            if not self.exchange.move(traffic, status, error):
                return False
            self._call_back(traffic)
        if traffic.ended and traffic.other is not None:
            self._part(traffic)
        return True

    def _call_back(self, traffic: Traffic) -> None:
        how = traffic.fault.callbacks
        due = traffic.kind is Kind.SMS or _EVENTS.get(traffic.status, "completed") in traffic.events
        if not traffic.callback or not due or how == "drop":
            return
        posted = self._status(traffic)
        last = traffic.ended or traffic.status == "ringing"
        if how == "reorder":
            traffic.held.append(posted)
            every = traffic.held[::-1] if last else []
            traffic.held = [] if last else traffic.held
        else:
            every = [posted, posted] if how == "double" else [posted]
        for at, each in enumerate(every, 1):
            told = last and at == len(every)
            self._post(
                traffic, traffic.callback, each, (lambda _: traffic.told.set()) if told else None
            )

    def _status(self, traffic: Traffic) -> Posted:
        if traffic.supplier is Supplier.GATEWAY:
            return self._document(documents.state(traffic))
        return self._relay.form(traffic.callback, self._status_form(traffic))

    def _document(self, document: documents.Document) -> Posted:
        return documents.posted(document, self.gateway_secret, self.exchange.clock.now())

    def _post(self, traffic: Traffic, url: str, posted: Posted, then: Then | None = None) -> None:
        def note(answer: Answer) -> None:
            if answer.trouble:
                self._note(traffic, answer.trouble)
            if then is not None:
                then(answer)

        self._relay.post(traffic.sid, url, posted, note)

    def _note(self, traffic: Traffic, trouble: str) -> None:
        with self.exchange.change(traffic):
            traffic.trouble = trouble

    def _status_form(self, traffic: Traffic) -> dict[str, str]:
        if traffic.kind is Kind.CALL:
            return self._call_form(traffic) | {
                "CallbackSource": "call-progress-events",
                "Timestamp": format_datetime(traffic.updated_at),
            }
        form = {
            "AccountSid": self.account.sid,
            "ApiVersion": "2010-04-01",
            "From": traffic.own or self.account.sender,
            "To": traffic.number,
            "MessageSid": traffic.sid,
            "SmsSid": traffic.sid,
            "MessageStatus": traffic.status,
            "SmsStatus": traffic.status,
        }
        return form | ({"ErrorCode": str(traffic.error)} if traffic.error else {})

    def _call_form(self, call: Traffic) -> dict[str, str]:
        ends = (self.account.sender, call.number)
        ends = ends[::-1] if call.inbound else ends
        form = {
            "AccountSid": self.account.sid,
            "ApiVersion": "2010-04-01",
            "CallSid": call.sid,
            "CallStatus": call.status,
            "Direction": call.direction,
            **dict(zip(("From", "To"), ends, strict=True)),
            **dict(zip(("Caller", "Called"), ends, strict=True)),
        }
        if call.error:
            form["ErrorCode"] = str(call.error)
        if call.ended:
            since = call.answered_at or call.updated_at
            form["CallDuration"] = str(int((call.updated_at - since).total_seconds()))
        return form

    def _inbound_form(self, text: Traffic) -> dict[str, str]:
        return {
            "AccountSid": self.account.sid,
            "ApiVersion": "2010-04-01",
            "Body": text.body,
            "From": text.number,
            "To": text.own or self.account.sender,
            "MessageSid": text.sid,
            "SmsSid": text.sid,
            "SmsMessageSid": text.sid,
            "SmsStatus": "received",
            "NumMedia": "0",
            "NumSegments": str(count(text.body).parts),
        }

    def _pace(self, traffic: Traffic) -> float:
        return self._step_seconds + traffic.fault.delay
