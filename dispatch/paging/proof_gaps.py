"""What a complaint or a court would ask about a proof of alert (pure).

Each gap is a sentence with the instants that it rests on: what did not arrive and what was done
instead and how soon, what left late, what nobody ever said, who was passed over and why. Nothing
here judges; a proof without gaps is told as such by whoever shows it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dispatch.channels.contract import Kind
from dispatch.outbox.models import Purpose
from dispatch.paging import sentences
from dispatch.paging.models import Release
from dispatch.paging.proof import PURPOSES, Asked, Proof, Sent
from dispatch.texts import N_, say

#: A message that leaves later than this after it was queued was held up.
_LATE_SECONDS = 10
_MINUTE, _HOUR = 60, 3600
#: Messages that call somebody out; the others tell them something.
CALLS = frozenset({Purpose.CALLOUT, Purpose.CONTROL_ROOM})
#: Who was turned back because of a cancellation has left nobody waiting.
_LEFT: Mapping[Release, str] = {
    Release.WITHDREW: N_("%(person)s gave the seat up after %(time)s."),
    Release.DISPATCHER: N_("%(person)s was taken off the seat by a dispatcher after %(time)s."),
}


@dataclass(frozen=True)
class Gap:
    """One thing to ask about, in words, at the instant at which it showed."""

    at: datetime
    grave: bool
    text: str


@dataclass(frozen=True)
class Sounded:
    """An alarm of the console: what it said, since when, and when somebody had seen it."""

    text: str
    raised_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str
    ended_at: datetime | None


@dataclass(frozen=True)
class Figure:
    """How long after the alert something first happened; None: it never did."""

    name: str
    seconds: float | None


def figures(proof: Proof) -> list[Figure]:
    """Return the first instant of each kind, in seconds since the alert."""
    calls = [one for asked in proof.asked for one in asked.messages if one.purpose in CALLS]
    found: tuple[tuple[str, Iterable[datetime | None]], ...] = (
        (N_("first decision"), (asked.decided_at for asked in proof.asked)),
        (N_("first message queued"), (one.queued_at for one in calls)),
        (N_("first message sent"), (one.sent_at for one in calls)),
        (N_("first message delivered"), (one.delivered_at for one in calls)),
        (N_("first opened"), (asked.opened_at for asked in proof.asked)),
        (N_("first answer"), (asked.answered_at for asked in proof.asked)),
        (N_("first seat taken"), (seat.taken_at for asked in proof.asked for seat in asked.seats)),
    )
    return [Figure(say(proof.language, name), _first(proof, instants)) for name, instants in found]


def _first(proof: Proof, instants: Iterable[datetime | None]) -> float | None:
    return min((proof.since(at) for at in instants if at is not None), default=None)


def length(seconds: float) -> str:
    """Write a length of time as exactly as it matters."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{int(seconds) // _MINUTE} min {int(seconds) % _MINUTE:02} s"
    return f"{int(seconds) // _HOUR} h {int(seconds) % _HOUR // _MINUTE:02} min"


def gaps(proof: Proof, sounded: Sequence[Sounded]) -> list[Gap]:
    """Return what would be asked about, in order of time."""
    found = [gap for asked in proof.asked for gap in _of_asked(proof, asked)]
    found += [gap for one in sounded for gap in _of_alarm(proof, one)]
    if proof.asked and not any(asked.seats for asked in proof.asked):
        last = max(instant.at for instant in proof.instants)
        found.append(Gap(last, True, say(proof.language, N_("Nobody has taken a seat."))))
    return sorted(found, key=lambda gap: gap.at)


def _of_asked(proof: Proof, asked: Asked) -> Iterator[Gap]:
    language, facts = proof.language, {"person": asked.person}
    if asked.passed_over:
        told = N_("%(person)s was passed over: %(reason)s.")
        yield Gap(asked.decided_at, False, say(language, told, reason=asked.reason, **facts))
        return
    if not asked.messages:
        # An answer keyed in for somebody who was rung needs no message.
        if asked.answered_at is None:
            told = N_("%(person)s was chosen, but nothing was sent to them.")
            yield Gap(asked.decided_at, True, say(language, told, **facts))
        return
    for message in asked.messages:
        yield from _of_message(proof, asked, message)
    calls = [one for one in asked.messages if one.purpose in CALLS]
    reached = [one.delivered_at for one in calls if one.delivered_at is not None]
    if calls and all(one.code for one in calls) and not asked.answered_at:
        told = N_("%(person)s was not reached.")
        at = asked.stood_down_at or max(one.failed_at or one.queued_at for one in calls)
        yield Gap(at, True, say(language, told, **facts))
    if asked.answered_at is None and (asked.opened_at or reached):
        at = asked.opened_at or min(reached)
        told = N_("%(person)s opened the link after %(time)s and has not answered.")
        if asked.opened_at is None:
            told = N_("%(person)s was reached after %(time)s and has not answered.")
        yield Gap(at, False, say(language, told, time=length(proof.since(at)), **facts))
    for seat in asked.seats:
        if seat.released_at is not None and seat.released_why in _LEFT:
            time = length((seat.released_at - seat.taken_at).total_seconds())
            told = _LEFT[Release(seat.released_why)]
            yield Gap(seat.released_at, False, say(language, told, time=time, **facts))


def _of_message(proof: Proof, asked: Asked, message: Sent) -> Iterator[Gap]:
    language = proof.language
    facts = {"person": asked.person, "channel": sentences.channel(message.kind, language)}
    if message.code and message.failed_at is not None:
        yield from _told_once(proof, asked, message, _not_delivered(proof, asked, message))
    elif message.sent_at and not message.delivered_at and not asked.answered_at:
        told = N_("%(channel)s to %(person)s: the supplier has not said whether it arrived.")
        yield Gap(message.sent_at, False, say(language, told, **facts))
    if message.sent_at is not None:
        held_up = (message.sent_at - message.queued_at).total_seconds()
        if held_up > _LATE_SECONDS:
            told = N_("%(channel)s to %(person)s left %(time)s after it was queued.")
            facts_late = facts | {"time": length(held_up)}
            yield Gap(message.sent_at, True, say(language, told, **facts_late))
    elif not message.code and not message.put_off:
        yield from _not_left(proof, asked, message)
    if len(message.tries) > 1:
        told = N_("%(channel)s to %(person)s took %(count)s attempts.")
        at = message.tries[-1].began_at
        yield Gap(at, False, say(language, told, count=len(message.tries), **facts))
    if message.resent:
        told = N_("%(channel)s to %(person)s may have arrived twice.")
        yield Gap(message.queued_at, False, say(language, told, **facts))
    for one in message.tries[:-1]:
        if one.answered_at is None:
            told = N_("%(channel)s to %(person)s: what became of an attempt was never noted.")
            yield Gap(one.began_at, True, say(language, told, **facts))


def _not_left(proof: Proof, asked: Asked, message: Sent) -> Iterator[Gap]:
    """Say of a message that nobody saw leave for how long, or that this is all that is known."""
    language, at, grave = proof.language, message.queued_at, not _reached(asked)
    facts = {"person": asked.person, "channel": sentences.channel(message.kind, language)}
    told = N_("%(channel)s to %(person)s has not left yet.")
    if message.unclear:
        told = N_("%(channel)s to %(person)s: whether it left is unclear.")
        at = message.tries[-1].began_at if message.tries else at
    elif message.withdrawn_at is not None:
        waited = (message.withdrawn_at - message.queued_at).total_seconds()
        if waited <= _LATE_SECONDS:
            return
        at, grave, facts["time"] = message.withdrawn_at, True, length(waited)
        told = N_("%(channel)s to %(person)s had not left after %(time)s, when it was taken back.")
    yield Gap(at, grave, say(language, told, **facts))


def _not_delivered(proof: Proof, asked: Asked, message: Sent) -> Gap:
    """Say why it did not arrive, and what was done instead and how soon."""
    language, failed_at = proof.language, message.failed_at or message.queued_at
    facts = {
        "person": asked.person,
        "channel": sentences.channel(message.kind, language),
        "code": sentences.code(message.code, language),
    }
    if message.purpose not in CALLS:
        told = N_("%(channel)s to %(person)s (%(purpose)s) did not arrive: %(code)s.")
        facts["purpose"] = say(language, PURPOSES.get(message.purpose, message.purpose))
        return Gap(failed_at, False, say(language, told, **facts))
    told, at = N_("%(channel)s to %(person)s did not arrive (%(code)s): nothing followed."), None
    follows = _next_call(asked, message, failed_at)
    others = [one for one in proof.asked if one.team == asked.team and not one.passed_over]
    paged = min((one for one in others if one.decided_at > failed_at), key=_decided, default=None)
    if asked.answered_at is not None and asked.answered_at <= failed_at:
        told = N_("%(channel)s to %(person)s did not arrive (%(code)s): they had answered.")
    elif follows is not None:
        at = _went(follows)
        told = N_("%(channel)s to %(person)s did not arrive (%(code)s): texted %(time)s later.")
        if follows.kind is Kind.CALL:
            told = N_("%(channel)s to %(person)s did not arrive (%(code)s): called %(time)s later.")
    elif paged is not None:
        at, facts["next"] = paged.decided_at, paged.person
        told = N_(
            "%(channel)s to %(person)s did not arrive (%(code)s): %(next)s was called out"
            " %(time)s later."
        )
    if at is not None:
        facts["time"] = length((at - failed_at).total_seconds())
    return Gap(failed_at, at is None and not _reached(asked), say(language, told, **facts))


def _told_once(proof: Proof, asked: Asked, message: Sent, gap: Gap) -> Iterator[Gap]:
    """Say of what failed again and again only how often: else the rest is not found among it."""
    about = message.kind, message.purpose, message.code
    same = [one for one in asked.messages if (one.kind, one.purpose, one.code) == about]
    if gap.grave or len(same) == 1:
        yield gap
    elif message is same[0]:
        last = max(one.failed_at or one.queued_at for one in same)
        told = N_("So %(count)s times, last %(time)s after the alert.")
        often = say(proof.language, told, count=len(same), time=length(proof.since(last)))
        yield replace(gap, text=f"{gap.text} {often}")


def _decided(asked: Asked) -> datetime:
    return asked.decided_at


def _next_call(asked: Asked, message: Sent, after: datetime) -> Sent | None:
    """Return the next message that calls the same person out."""
    later = [
        one
        for one in asked.messages
        if one is not message and one.purpose in CALLS and _went(one) >= after
    ]
    return min(later, key=_went, default=None)


def _went(message: Sent) -> datetime:
    """Return when a message left: it may have waited in the queue while the telephone rang."""
    return message.sent_at or message.queued_at


def _reached(asked: Asked) -> bool:
    calls = [one for one in asked.messages if one.purpose in CALLS]
    return asked.answered_at is not None or any(one.delivered_at for one in calls)


def _of_alarm(proof: Proof, alarm: Sounded) -> Iterator[Gap]:
    language, seen_at = proof.language, alarm.acknowledged_at
    until = seen_at or alarm.ended_at
    facts: dict[str, object] = {"alarm": alarm.text, "by": alarm.acknowledged_by}
    if until is not None:
        facts["time"] = length((until - alarm.raised_at).total_seconds())
    if seen_at is not None:
        told = N_("The console sounded; %(by)s had seen it after %(time)s: %(alarm)s")
    elif until is not None:
        told = N_("The console sounded for %(time)s until it was over, seen by nobody: %(alarm)s")
    else:
        told = N_("The console sounds and nobody has seen it yet: %(alarm)s")
    yield Gap(alarm.raised_at, seen_at is None, say(language, told, **facts))
