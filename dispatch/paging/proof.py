"""The proof of alert: every instant of one incident, per person and per message, from what is kept.

Nothing is copied for it and nothing is worked out that is not in a row: decisions and answers come
from the timeline and the pages, what became of messages from the outbox, attempt by attempt. What
nobody wrote down is shown as missing. No text of a message and nobody's own words are in it unless
they are asked for, which `confidentiality` allows with a reason. What a complaint would ask about
is for `proof_gaps` to say, what leaves the house for `proof_file`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dispatch.audit import Told
from dispatch.channels.contract import Kind, State
from dispatch.db import Session
from dispatch.incidents.models import Incident
from dispatch.outbox import queue
from dispatch.outbox.models import Message, Purpose
from dispatch.outbox.piles import ENGAGED, SUPERSEDED
from dispatch.paging import sentences, story
from dispatch.paging.models import Callout, Page, PageStatus, Policy
from dispatch.texts import N_, say

#: The secret of a link, by which whoever reads it could answer in somebody's place.
_LINK = re.compile(r"/a/\w+")
PURPOSES: Mapping[Purpose, str] = {
    Purpose.CALLOUT: N_("calls out"),
    Purpose.CONTROL_ROOM: N_("rings the control room"),
    Purpose.STAND_DOWN: N_("tells that they may rest"),
    Purpose.NOTICE: N_("tells news"),
    Purpose.ANSWER: N_("answers them"),
}
#: What the audit calls it when somebody has an incident on a screen.
READ = "incident.read"
_ANSWERS = {
    State.SENT: N_("taken as %(id)s"),
    State.DELIVERED: N_("taken as %(id)s"),
    State.FAILED: N_("refused (%(code)s)"),
    State.UNKNOWN: N_("unclear (%(code)s)"),
    State.PENDING: N_("not taken yet (%(code)s)"),
}


@dataclass(frozen=True)
class Arrival:
    """A request of a source about the incident, as it was received."""

    at: datetime
    source: str
    answered: int
    """The status that the sender got."""


@dataclass(frozen=True)
class Try:
    """One attempt to hand a message to a supplier."""

    number: int
    supplier: str
    began_at: datetime
    answered_at: datetime | None
    """None: the engine ended before it wrote an answer down."""
    state: str
    answer: str
    supplier_id: str


@dataclass(frozen=True)
class Sent:
    """One message and what became of it."""

    uid: str
    kind: Kind
    purpose: Purpose
    queued_at: datetime
    tries: tuple[Try, ...]
    sent_at: datetime | None
    delivered_at: datetime | None
    """For a call: picked up."""
    failed_at: datetime | None
    withdrawn_at: datetime | None
    code: str
    """The supplier's word or ours for why it failed; empty while it did not."""
    resent: int
    status: State = State.SENT
    put_off: bool = False
    """A newer one stands for it, or its telephone was engaged: it was not to leave yet."""
    text: str | None = None
    """What it said, if that was opened with a reason."""

    @property
    def unclear(self) -> bool:
        """Whether it may have left without anybody having noted it."""
        if self.sent_at is not None or self.failed_at is not None:
            return False
        last = self.tries[-1].state if self.tries else self.status
        return last in ("", State.SENDING, State.UNKNOWN)


@dataclass(frozen=True)
class Seat:
    """A seat that somebody took, until they were off it."""

    number: int
    taken_at: datetime
    released_at: datetime | None = None
    released_why: str = ""
    """Of `Release`; empty while it is theirs."""


@dataclass(frozen=True)
class Asked:
    """One person and one call-out: why they were asked or not, and what came of it."""

    person: str
    team: str
    step: int
    decided_at: datetime
    reason: str
    passed_over: bool
    opened_at: datetime | None
    answered_at: datetime | None
    answer: str
    """Of `PageStatus`: accepted or declined; empty: neither. Giving a seat up is no answer."""
    stood_down_at: datetime | None
    seats: tuple[Seat, ...]
    """Taken by answering this page, in order."""
    messages: tuple[Sent, ...]


@dataclass(frozen=True)
class Instant:
    """One thing that happened."""

    at: datetime
    seconds: float
    """Since the alert was received."""
    kind: str
    text: str
    message: str = ""
    """The id of the message that it is about."""
    own_words: str | None = None


@dataclass(frozen=True)
class Followed:
    """By which version of which policy a team was paged."""

    team: str
    policy_id: int
    name: str
    version: int


@dataclass
class Proof:
    """Everything that is known of when who was alerted."""

    reference: str
    began_at: datetime
    language: str
    drill: bool
    followed: list[Followed] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    instants: list[Instant] = field(default_factory=list)

    def since(self, at: datetime) -> float:
        """Return the seconds between the alert and an instant."""
        return (at - self.began_at).total_seconds()


def of(
    session: Session,
    incident: Incident,
    arrivals: Sequence[Arrival],
    read: Iterable[Told],
    language: str,
    *,
    words: bool = False,
) -> Proof:
    """Return the proof of alert; `read` is what the audit says of the incident."""
    began_at = min([incident.received_at, *(arrival.at for arrival in arrivals)])
    found = Proof(incident.reference, began_at, language, incident.drill)
    held = story.callouts_of(session, [incident.id])[incident.id]
    by_page: dict[int, list[Sent]] = {}
    for page, message in story.messages_of(session, incident):
        text = _LINK.sub("/a/…", queue.text_of(session, message)) if words else None
        by_page.setdefault(page.id, []).append(_sent(message, language, text))
    for callout in held:
        found.followed.append(_followed(session, callout))
        for page in callout.pages:
            found.asked.append(_asked(callout, page, by_page.get(page.id, []), language))
    found.instants = _instants(session, incident, found, arrivals, held, read, words)
    return found


def _followed(session: Session, callout: Callout) -> Followed:
    policy = session.get_one(Policy, callout.policy_id)
    return Followed(callout.want.team.name, policy.id, policy.name, policy.version)


def _sent(message: Message, language: str, text: str | None) -> Sent:
    failed = message.status is State.FAILED
    engaged = message.code == ENGAGED and not message.attempts
    return Sent(
        uid=message.uid,
        kind=message.kind,
        purpose=message.purpose,
        queued_at=message.created_at,
        tries=tuple(_try(one, message, language) for one in message.tries),
        sent_at=message.sent_at,
        delivered_at=message.delivered_at,
        failed_at=message.failed_at,
        withdrawn_at=message.withdrawn_at,
        code=message.code or State.FAILED.value if failed else "",
        resent=message.resent,
        status=message.status,
        put_off=engaged or message.code == SUPERSEDED,
        text=text,
    )


def _try(one: Mapping[str, Any], message: Message, language: str) -> Try:
    ended, state = one.get("ended"), one.get("state", "")
    told = _ANSWERS.get(State(state)) if state else None
    if told is None:
        answer = "" if message.status is State.SENDING else say(language, N_("no answer noted"))
    else:
        code = sentences.code(one["code"], language)
        answer = say(language, told, id=one["id"] or "-", code=code)
    return Try(
        number=one["n"],
        supplier=one["by"],
        began_at=datetime.fromisoformat(one["began"]),
        answered_at=datetime.fromisoformat(ended) if ended else None,
        state=state,
        answer=answer,
        supplier_id=one.get("id", ""),
    )


def _asked(callout: Callout, page: Page, messages: list[Sent], language: str) -> Asked:
    zone = callout.incident.organisation.time_zone
    seats = _seats(callout, page)
    # The page keeps the last word only: who withdrew or was released has accepted before.
    answered_at, answer = page.answered_at, page.status
    if seats:
        answered_at, answer = seats[0].taken_at, PageStatus.ACCEPTED
    return Asked(
        person=story.name_of(page, language),
        team=callout.want.team.name,
        step=page.step,
        decided_at=page.created_at,
        reason=sentences.reason(page.reason, language, zone),
        passed_over=page.status is PageStatus.SKIPPED,
        opened_at=page.opened_at,
        answered_at=answered_at,
        answer=str(answer) if answered_at is not None else "",
        stood_down_at=page.ended_at if answer is PageStatus.WITHDRAWN else None,
        seats=seats,
        messages=tuple(messages),
    )


def _seats(callout: Callout, page: Page) -> tuple[Seat, ...]:
    """Return the seats that the person of a page took by answering it, until their next page."""
    if page.status is PageStatus.SKIPPED:
        return ()
    later = (
        one.created_at
        for one in callout.pages[callout.pages.index(page) + 1 :]
        if one.person_id == page.person_id and one.status is not PageStatus.SKIPPED
    )
    until = next(later, None)
    return tuple(
        Seat(one.seat, one.accepted_at, one.released_at, str(one.released_why or ""))
        for one in callout.assignments
        if one.person_id == page.person_id
        and one.accepted_at >= page.created_at
        and (until is None or one.accepted_at < until)
    )


# --- everything in order ---


def _instants(
    session: Session,
    incident: Incident,
    found: Proof,
    arrivals: Sequence[Arrival],
    held: Sequence[Callout],
    read: Iterable[Told],
    words: bool,
) -> list[Instant]:
    tell = _Teller(found)
    for arrival in arrivals:
        told = N_("Request from %(source)s received and kept; answered %(status)s.")
        tell.add(arrival.at, "delivery", told, source=arrival.source, status=arrival.answered)
    for line in story.told_rows(session, incident, found.language):
        tell.line(line.at, line.kind, line.text, own_words=line.own_words if words else None)
    for asked in found.asked:
        for message in asked.messages:
            tell.message(asked.person, message)
        if asked.stood_down_at is not None:
            told = N_("%(person)s need not answer any more.")
            tell.add(asked.stood_down_at, "stand_down", told, person=asked.person)
    for callout in held:
        for going in callout.assignments:
            facts = {"person": going.person.name, "seat": going.seat}
            facts |= {"people": callout.want.people, "team": callout.want.team.name}
            told = N_("%(person)s has seat %(seat)s of %(people)s of %(team)s.")
            tell.add(going.accepted_at, "seat", told, **facts)
    for entry in read:
        if entry.action == READ:
            told = N_("%(by)s had the incident on a screen.")
            tell.add(entry.at, "read", told, by=entry.details.get("by", entry.actor))
    return sorted(tell.instants, key=lambda instant: instant.at)


class _Teller:
    """Puts instants into words."""

    def __init__(self, proof: Proof) -> None:
        self.instants: list[Instant] = []
        self._proof = proof

    def line(
        self, at: datetime, kind: str, text: str, *, uid: str = "", own_words: str | None = None
    ) -> None:
        """Add what is worded already."""
        seconds = self._proof.since(at)
        self.instants.append(Instant(at, seconds, kind, text, uid, own_words))

    def add(
        self, at: datetime | None, kind: str, told: str, uid: str = "", /, **facts: object
    ) -> None:
        """Add what happened, if it did."""
        if at is not None:
            self.line(at, kind, say(self._proof.language, told, **facts), uid=uid)

    def message(self, person: str, message: Sent) -> None:
        """Add all instants of a message."""
        language, uid = self._proof.language, message.uid
        facts = {"person": person, "channel": sentences.channel(message.kind, language)}
        told = N_("%(channel)s to %(person)s queued: %(purpose)s.")
        purpose = say(language, PURPOSES.get(message.purpose, message.purpose))
        self.add(message.queued_at, "queued", told, uid, **facts, purpose=purpose)
        for one in message.tries:
            about = {"number": one.number, "supplier": one.supplier}
            told = N_("%(channel)s to %(person)s: attempt %(number)s, handed to %(supplier)s.")
            self.add(one.began_at, "try", told, uid, **facts, **about)
            told = N_("%(supplier)s on attempt %(number)s to %(person)s: %(answer)s.")
            self.add(one.answered_at, "answer", told, uid, **facts, **about, answer=one.answer)
        self._outcome(person, message)
        told = N_("%(channel)s to %(person)s taken back before it left.")
        if message.unclear:
            told = N_("%(channel)s to %(person)s taken back; whether it had left is unclear.")
        if message.sent_at is None:
            self.add(message.withdrawn_at, "withdrawn", told, uid, **facts)

    def _outcome(self, person: str, message: Sent) -> None:
        delivered = "picked_up" if message.kind is Kind.CALL else "delivered"
        # Of a message from before attempts were kept it is known only that it was sent.
        sent_at = None if message.tries else message.sent_at
        failed_at = message.failed_at if message.code else None
        facts = {"person": person, "channel": str(message.kind), "code": message.code}
        for at, kind in (
            (sent_at, "sent"),
            (message.delivered_at, delivered),
            (failed_at, "failed"),
        ):
            if at is not None:
                worded = sentences.sentence(kind, facts, self._proof.language)
                self.line(at, kind, worded, uid=message.uid)
