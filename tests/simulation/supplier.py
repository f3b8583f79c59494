"""Suppliers that keep `Channel`'s promise and nothing beyond it.

One takes a message or not, answers or not, carries what it took to a phone or loses it, and calls
back when it likes: late, twice, in any order, never, before it has answered. What it says of its
doings is always true as far as it says anything, as with the real ones, whose readings of answers
(`dispatch.channels`) it follows: FAILED and PENDING mean that nothing went, UNKNOWN that it may
have. The first is like Twilio: it carries texts and calls, and knows a text by its words at best.
The second is like the gateway: texts only, known by our own id and taken once. Their clock is their
own. Each attempt that leaves is shown to the night's rules.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dispatch import db
from dispatch.channels.contract import Inbound, Kind, Outcome, Outgoing, Receipt, State
from dispatch.channels.twilio import FAULTS
from dispatch.paging import hearing, replies

if TYPE_CHECKING:
    from tests.simulation.night import Night

#: What an attempt may meet, and how often of a thousand while the supplier is in a bad mood.
_TROUBLE: Mapping[str, int] = {
    "slow": 60,
    "refused": 40,
    "too fast": 30,
    "busy": 30,
    "broken, gone": 25,
    "broken, not gone": 25,
    "silent, gone": 30,
    "silent, not gone": 30,
    "cut, gone": 20,
    "unreachable": 20,
    "nonsense": 10,
    "failed at once": 20,
    "frozen": 15,
}
#: Codes of refusals: of the address, of the moment, of our account.
_REFUSALS = ("21211", "21610", "21614", "21635", "21408", "21612", "20005", "21217", "21611")
_UNDELIVERED = ("30003", "30003", "30005", "30006", "30007", "30008", "30001")
_RING_SECONDS = 25.0
_SLACK = timedelta(seconds=5)
_EXPIRED = "30036"
_UNREACHABLE = Outcome(State.PENDING, code="connection", retry_after=2.0, fault=True)


@dataclass
class Traffic:
    """A text or call that the supplier has taken."""

    sid: str
    kind: Kind
    number: str
    text: str
    uid: str
    at: datetime
    """By the supplier's clock."""
    validity: float
    shows_text: bool
    state: State = State.SENT
    code: str = ""
    calls_back: str = "well"

    @property
    def receipt(self) -> Receipt:
        """What is true of it now."""
        permanent = self.code in FAULTS and FAULTS[self.code].permanent
        answered = self.kind is Kind.CALL and self.state is State.DELIVERED
        return Receipt(self.state, self.code, permanent, self.sid, answered)


@dataclass
class Text:
    """A text that came in."""

    sid: str
    number: str
    body: str
    at: datetime


@dataclass
class Supplier:
    """One supplier, for one night."""

    night: "Night"
    name: str
    kinds: frozenset[Kind]
    knows_ids: bool = False
    trouble: float = 0.0
    """How bad its mood is: 0 does all well, 1 is the table above."""
    state: str = "up"
    """up, refusing (our account), gone (cannot be reached), mute (takes all, answers nothing)."""
    traffic: list[Traffic] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)

    # --- the channel

    def warm(self) -> bool:
        """Say whether it is well."""
        return not self._says_nothing()

    def send(self, message: Outgoing) -> Outcome:
        """Make one attempt."""
        db.outside_transaction()
        night = self.night
        match self.state:
            case "gone":
                night.answer_seconds = 2.0
                return self._told("gone", _UNREACHABLE)
            case "refusing":
                return self._told("refusing", Outcome(State.FAILED, code="20003", fault=True))
            case "mute":
                self._take(message)
                night.answer_seconds = 9.0
                return self._told("mute", Outcome(State.UNKNOWN, code="timeout"))
        if message.kind is Kind.SMS and message.to in self.stopped:
            return self._told("stopped", Outcome(State.FAILED, code="21610", permanent=True))
        met = night.one_of(_TROUBLE, self.trouble * 0.001)
        if met is None:
            return Outcome(State.SENT, self._take(message).sid)
        return self._told(met, self._meet(met, message))

    def _told(self, met: str, outcome: Outcome) -> Outcome:
        self.night.count.faults[f"supplier {met}"] += 1
        return outcome

    def _meet(self, met: str, message: Outgoing) -> Outcome:
        rng = self.night.rng
        match met:
            case "refused":
                return self._refusal()
            case "too fast":
                pause = rng.choice((0.5, 1.0, 5.0, 60.0))
                return Outcome(State.PENDING, code="20429", retry_after=pause)
            case "busy":
                return Outcome(State.PENDING, code="http-503", retry_after=2.0, fault=True)
            case "unreachable":
                self.night.answer_seconds = 4.0
                return _UNREACHABLE
            case "failed at once":
                taken = self._take(message, carried=False)
                taken.state, taken.code = State.FAILED, "30008"
                return Outcome(State.FAILED, taken.sid, "30008")
            case "frozen":
                self.night.freeze_on_the_wire(rng.uniform(6, 40))
            case "slow":
                self.night.answer_seconds = rng.uniform(1, 8.9)
        if not met.endswith("not gone"):
            taken = self._take(message)
            if met in ("slow", "frozen"):
                return Outcome(State.SENT, taken.sid)
        if met.startswith("silent"):
            self.night.answer_seconds = 9.0
        code = {"b": "http-500", "s": "timeout", "c": "connection", "n": "nonsense"}[met[0]]
        return Outcome(State.UNKNOWN, code=code, fault=code == "http-500")

    def _refusal(self) -> Outcome:
        code = self.night.rng.choice(_REFUSALS)
        fault = FAULTS[code]
        return Outcome(State.FAILED, code=code, permanent=fault.permanent, fault=fault.ours)

    def look_up(self, kind: Kind, supplier_id: str) -> Receipt | None:
        """Say what became of a message."""
        db.outside_transaction()
        if self._says_nothing():
            return None
        found = [one for one in self.traffic if one.sid == supplier_id]
        return found[0].receipt if found else None

    def find(self, message: Outgoing, since: datetime, known: Collection[str]) -> Receipt | None:
        """Look for an attempt with an unclear outcome, as well as the real one can be asked."""
        db.outside_transaction()
        if self._says_nothing():
            return None
        if self.knows_ids:
            mine = [one for one in self.traffic if one.uid == message.uid]
            return mine[0].receipt if mine else None
        strangers = [
            one
            for one in reversed(self.traffic)
            if (one.kind, one.number) == (message.kind, message.to)
            and one.sid not in known
            and one.at >= since - _SLACK
        ]
        same = [one for one in strangers if one.shows_text and one.text == message.text]
        wordless = [one for one in strangers if not one.shows_text]
        found = same[:1] or (wordless if len(wordless) == 1 else [])
        return found[0].receipt if found else None

    def inbound(self, since: datetime) -> Sequence[Inbound]:
        """List the texts that came in."""
        db.outside_transaction()
        if self._says_nothing():
            return []
        told = [text for text in self.texts if text.at >= since - _SLACK]
        return [Inbound(text.sid, text.number, text.body, text.at) for text in told]

    def _says_nothing(self) -> bool:
        silent = self.state != "up" or self.night.chance(0.15 * self.trouble)
        self.night.count.faults["supplier asked in vain"] += silent
        return silent

    def turn(self, state: str) -> None:
        """Change for all: up, refusing, gone or mute."""
        if not self.night.ending:
            self.night.say(f"supplier {self.name} is {state}")
            self.state = state

    # --- carrying

    def _take(self, message: Outgoing, *, carried: bool = True) -> Traffic:
        night = self.night
        known = [one for one in self.traffic if self.knows_ids and one.uid == message.uid]
        if known:
            return known[0]
        taken = Traffic(
            sid=self._sid(),
            kind=message.kind,
            number=message.to,
            text=message.text,
            uid=message.uid,
            at=night.supplier_now(),
            validity=message.validity_seconds,
            shows_text=message.kind is Kind.SMS and night.chance(0.6),
            calls_back=self._calling_back(),
        )
        self.traffic.append(taken)
        night.rules.leaving(message)
        if carried:
            self._carry(taken)
        return taken

    def _carry(self, taken: Traffic) -> None:
        if taken.kind is Kind.SMS:
            self._carry_text(taken)
        else:
            self.night.later(self.night.rng.uniform(0.5, 3), self._ring, taken)

    def _sid(self) -> str:
        return f"{self.name}-{len(self.traffic) + len(self.texts)}"

    def _calling_back(self) -> str:
        ways = {"lost": 100, "twice": 60, "late": 60, "backwards": 40, "chatty": 100}
        return self.night.one_of(ways, self.trouble * 0.001) or "well"

    def _carry_text(self, text: Traffic) -> None:
        night, phone = self.night, self.night.phones[text.number]
        delay = night.rng.uniform(0.5, 4)
        if night.chance(0.06 * self.trouble):
            delay = night.rng.uniform(10, 400)
        if night.chance(0.06 * self.trouble):
            night.later(delay, self._end, text, State.FAILED, night.rng.choice(_UNDELIVERED))
        elif night.chance(0.04 * self.trouble):
            night.count.faults["text vanished"] += 1
        elif phone.off_until > night.now + delay:
            self._deliver_when_on(text, phone.off_until - night.now)
        else:
            night.later(delay, self._end, text, State.DELIVERED)

    def _deliver_when_on(self, text: Traffic, wait: float) -> None:
        if wait > text.validity:
            self.night.later(text.validity, self._end, text, State.FAILED, _EXPIRED)
        else:
            self.night.later(wait + 1, self._end, text, State.DELIVERED)

    def _ring(self, call: Traffic) -> None:
        night, phone = self.night, self.night.phones[call.number]
        if phone.off_until > night.now or night.chance(0.05 * self.trouble):
            self._end(call, State.FAILED, night.rng.choice(("busy", "failed", "no-answer")))
            return
        picks_up = phone.rings(call)
        if picks_up is None:
            night.later(_RING_SECONDS, self._end, call, State.FAILED, "no-answer")
        else:
            night.later(picks_up, self._end, call, State.DELIVERED)

    def _end(self, one: Traffic, state: State, code: str = "") -> None:
        """Let a text or call end, tell the phone, and call back."""
        night = self.night
        one.state, one.code = state, code
        night.say(f"{one.kind} {one.sid} to {one.number} is {state} {code}".rstrip())
        if state is State.DELIVERED:
            phone = night.phones[one.number]
            if one.kind is Kind.SMS:
                phone.text_arrives(one.text, self)
            else:
                phone.picks_up(one)
        self._call_back(one)

    def _call_back(self, one: Traffic) -> None:
        night, how = self.night, one.calls_back
        if how != "well":
            night.count.faults[f"receipt {how}"] += 1
        final, begun = one.receipt, Receipt(State.SENT, supplier_id=one.sid)
        told = {"lost": [], "twice": [final, final], "backwards": [final, begun]}.get(how, [final])
        if how == "chatty":
            told = [begun, final]
        delay = night.rng.uniform(30, 900) if how == "late" else night.rng.uniform(0.02, 1)
        for each in told:
            night.later(delay, self._receipt, one, each)
            delay += night.rng.uniform(0.01, 3)

    def _receipt(self, one: Traffic, receipt: Receipt) -> None:
        self.night.web(
            f"is told that {one.kind} {one.sid} is {receipt.state}",
            lambda session, now: hearing.receipt_in(session, one.uid, receipt, now),
        )

    # --- texts from phones

    def texted(self, number: str, body: str) -> None:
        """Take a text from a phone, and call back about it once, if at all."""
        night = self.night
        text = Text(self._sid(), number, body, night.supplier_now())
        self.texts.append(text)
        word = body.strip().upper()
        if word in ("STOP", "START"):
            (self.stopped.add if word == "STOP" else self.stopped.discard)(number)
        how = night.one_of({"lost": 120, "twice": 50, "late": 50}, max(self.trouble, 0.1) * 0.001)
        if how is not None:
            night.count.faults[f"reply {how}"] += 1
        delay = night.rng.uniform(20, 300) if how == "late" else night.rng.uniform(0.05, 1)
        for _ in range({"lost": 0, "twice": 2}.get(how or "", 1)):
            night.later(delay, self._inbound, text)
            delay += night.rng.uniform(0.01, 5)

    def _inbound(self, text: Text) -> None:
        inbound = Inbound(text.sid, text.number, text.body)
        self.night.web(
            f"is told that {text.number} texted", lambda s, now: replies.text_in(s, inbound, now)
        )
