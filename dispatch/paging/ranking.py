"""Who is the right person: orders those who come into question and says why (pure).

Values in, values out: no session, no clock. What each of them is was gathered at the moment of
paging. Nobody to whom a case is closed is ever chosen, not even when nobody else is left. Whoever
is not fit (away, not trained, not what the victim insists on) is passed over, and is still the best
there is when nobody fit can be reached. What merely speaks against somebody (another call-out, a
wish, rest) never excludes: they come after a colleague of whom it is not true. How somebody ranks
depends on nobody else, so that taking one name away moves no other. When which step is taken is
left to `policy`, what is known of people to `candidates`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dispatch.paging.wishes import Answer
from dispatch.people.phones import Method
from dispatch.people.qualifications import Reason
from dispatch.texts import N_


@dataclass(frozen=True)
class Circumstances:
    """What speaks for or against somebody in this case, beside training and telephones."""

    barred: Mapping[str, Any] | None = None
    """Why the case is closed to them: {"kind": "closed"}, {"kind": "other_side"}."""
    answers: tuple[Answer, ...] = ()
    """How they answer to the victim's wishes."""
    busy: str | None = None
    """Since when they are on another call-out, an instant in ISO 8601."""
    rests: str | None = None
    """When they came back from the last one, if that is not long ago."""
    beyond: bool = False
    """They are asked to go to another side of the case as well, and may still say yes to that."""
    near: bool = False
    """The place lies where they said that they live."""


NOTHING_KNOWN = Circumstances()


@dataclass(frozen=True)
class Candidate:
    """What is known of somebody at the moment of paging."""

    person_id: int
    name: str
    reason: Mapping[str, Any]
    """Why this person comes into question: {"kind": "primary", "until": ...}."""
    channels: frozenset[str]
    """How they can be woken: sms, call."""
    methods: Sequence[Method] = ()
    """All by which they can be told, whether it wakes them or not."""
    shortfall: Mapping[str, Any] | None = None
    """What they lack for this category: {"kind": "lapsed", "on": ...}; None: nothing."""
    stands_in: Mapping[str, Any] | None = None
    """The names of what they hold that serves where nobody has what is wanted."""
    unreachable: Mapping[str, Any] | None = None
    """Why no channel is left, if none is."""
    away: Mapping[str, Any] | None = None
    """Until when they are on leave, in training or ill, as far as that was approved."""
    last_resort: bool = False
    """Paged although not trained, or not as wished: somebody is better than nobody."""
    place: int = 0
    """The rota's order: who comes before whom if nothing else speaks for either."""
    reached: bool = False
    """Something arrived on one of their telephones lately."""
    circumstances: Circumstances = NOTHING_KNOWN


@dataclass(frozen=True)
class Judged:
    """A candidate and the verdict."""

    candidate: Candidate
    fit: bool
    reason: Mapping[str, Any]


def rank(candidates: Iterable[Candidate], *, stand_ins: bool = False) -> tuple[Judged, ...]:
    """Judge candidates, the right person first; of two alike the one who was given first.

    `stand_ins`: nobody on duty has what is wanted, so that what serves instead counts.
    """
    return tuple(judge(one, stand_ins=stand_ins) for one in sorted(candidates, key=_order))


def judge(candidate: Candidate, *, stand_ins: bool = False) -> Judged:
    """Say whether to page a candidate, and why or why not."""
    against = _against(candidate, stand_ins)
    if against is not None:
        return Judged(candidate, False, against)
    return Judged(candidate, True, {**candidate.reason, **_notes(candidate)})


def _against(candidate: Candidate, stand_ins: bool) -> Mapping[str, Any] | None:
    """Return why somebody is not paged; None: they are."""
    if candidate.circumstances.barred is not None:
        return candidate.circumstances.barred
    if not candidate.channels:
        return candidate.unreachable or {"kind": "no_method"}
    if candidate.away is not None:
        # They will most likely not answer, and whoever waits has waited in vain.
        return candidate.away
    if candidate.last_resort:
        return None
    if candidate.shortfall is not None and not (stand_ins and candidate.stands_in is not None):
        return candidate.shortfall
    missed = [one for one in candidate.circumstances.answers if one.required and not one.met]
    if missed:
        return {"kind": "not_as_wished", "wishes": [one.facts() for one in missed]}
    return None


def could_come(candidate: Candidate) -> bool:
    """Return whether somebody has what is wanted and may be called: then nothing serves instead."""
    return candidate.shortfall is None and _against(candidate, stand_ins=False) is None


def give_way(first: Sequence[Judged], beside: Sequence[Judged]) -> tuple[Judged, ...]:
    """Let colleagues of the next line come before whoever of the first something speaks against.

    Those who give way are passed over for now, and come when it is the next line's turn.
    """
    held = {one.candidate.person_id for one in first}
    free = [one for one in beside if one.fit and one.candidate.person_id not in held]
    found: list[Judged] = []
    for one in first:
        better = [other for other in free if _burden(other.candidate) < _burden(one.candidate)]
        if not one.fit or not better:
            found.append(one)
            continue
        ahead = min(better, key=lambda other: _order(other.candidate))
        free.remove(ahead)
        why = {"kind": GIVES_WAY, "to": ahead.candidate.name, **_notes(one.candidate)}
        found += [replace(one, fit=False, reason=why), ahead]
    return tuple(found)


#: The kind of reason of somebody who comes with the next line's step.
GIVES_WAY = "gives_way"


#: Why even a dispatcher cannot have somebody called, by name.
CLOSED = N_("This case is closed to %(name)s.")
NO_PHONE = N_("%(name)s has no verified phone.")


def why_not(chosen: Judged) -> str:
    """Return why somebody whom a dispatcher chose is not called all the same."""
    return CLOSED if chosen.candidate.circumstances.barred is not None else NO_PHONE


def is_burdened(candidate: Candidate) -> bool:
    """Return whether anything speaks against somebody that does not exclude them."""
    return _burden(candidate) > _NO_BURDEN


def best_there_is(judged: Collection[Judged]) -> Judged | None:
    """Return who goes when nobody fit is left: the first who can be reached, away or not."""
    for verdict in sorted(judged, key=lambda one: _order(one.candidate)):
        one = verdict.candidate
        if one.channels and one.circumstances.barred is None:
            return Judged(one, True, {**one.reason, **_notes(one), "best": True})
    return None


_ON_DUTY = frozenset({"primary", "backup", "on_line"})
_UNTRAINED = frozenset(str(reason) for reason in Reason)


def lacks_on_duty(asked: Iterable[tuple[bool, Mapping[str, Any]]]) -> bool:
    """Return whether who is on duty was passed over untrained, and nobody on duty is called.

    Each as whether they are called, and why or why not.
    """
    found = [(called, reason.get("kind")) for called, reason in asked]
    untrained = any(not called and kind in _UNTRAINED for called, kind in found)
    return untrained and not any(called and kind in _ON_DUTY for called, kind in found)


def shortage(best: Judged) -> str:
    """Return which alarm must sound because this is the best there is; empty: none need."""
    if best.candidate.shortfall is not None or best.candidate.away is not None:
        return "nobody_qualified"
    answers = best.candidate.circumstances.answers
    return "nobody_as_wished" if any(one.required and not one.met for one in answers) else ""


def _notes(candidate: Candidate) -> dict[str, Any]:
    """Return what a dispatcher should know beside why somebody is paged."""
    known = candidate.circumstances
    notes: dict[str, Any] = {}
    if candidate.shortfall is not None:
        notes["lacks"] = candidate.shortfall["kind"]
        if candidate.stands_in is not None:
            notes["stands_in"] = candidate.stands_in
    if known.answers:
        notes["wishes"] = [one.facts() for one in known.answers]
    if known.busy is not None:
        notes["busy"] = known.busy
    if known.rests is not None:
        notes["rests"] = known.rests
    if known.beyond:
        notes["beyond"] = True
    if known.near:
        notes["near"] = True
    return notes


_Burden = tuple[bool, bool, int, bool]
_NO_BURDEN: _Burden = (False, False, 0, False)


def _burden(candidate: Candidate) -> _Burden:
    """Return what lets a colleague of a later line come first, the heaviest first."""
    known = candidate.circumstances
    wished = sum(one.weight for one in known.answers if not one.required)
    return known.beyond, known.busy is not None, wished, known.rests is not None


def _order(candidate: Candidate) -> tuple[Any, ...]:
    """Return what somebody is ranked by; it depends on nobody else."""
    known = candidate.circumstances
    training = 0 if candidate.shortfall is None else 1 if candidate.stands_in is not None else 2
    return (
        known.barred is not None,
        not candidate.channels,
        candidate.away is not None,
        training,
        sum(one.weight for one in known.answers if one.required),
        *_burden(candidate),
        candidate.place,
        -len(candidate.channels),
        not candidate.reached,
        not known.near,
    )
