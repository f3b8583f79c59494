"""By which ways somebody is tried, and when: the policy's attempts, bent to the person's own rules.

A policy says what is tried after how many seconds; each person may put the ways in another order
for a priority, leave some out, and say between which hours it may ring. Promise: whoever can be
woken is woken for priority 1, by text and by call, at no later instant than the policy says; a rule
that would leave nothing counts for nothing; a second mobile is texted and rung once when the first
has not answered or cannot be reached; a landline rings last, for whoever is out does not hear it.
What a way needs is for `phones` to know, sending for `telling`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from dispatch import audit
from dispatch.audit import Actor
from dispatch.channels.contract import Kind
from dispatch.db import Session
from dispatch.errors import Invalid
from dispatch.paging import policy
from dispatch.paging.policy import Attempt, Hours
from dispatch.people.models import MethodKind, Person
from dispatch.people.phones import Method
from dispatch.texts import N_

SMS, CALL, LANDLINE, MAIL, PUSH = "sms", "call", "landline", "mail", "push"
#: The same on their second mobile.
SECOND = {SMS: "sms_second", CALL: "call_second"}
_FIRST = {second: first for first, second in SECOND.items()}
#: What a person may put in order; a landline and a second mobile have their place.
OFFERED = (SMS, CALL, PUSH, MAIL)
PRIORITIES = (1, 2, 3)
#: Nothing bends what must wake.
_MUST_WAKE = 1
_WAKE = frozenset({SMS, CALL})
_RING = frozenset({CALL, LANDLINE})
#: A mobile rings for less: then it has not answered.
_RUNG_SECONDS = 30.0
#: Between a last attempt and one more, where the policy shows no pace of its own.
_PACE_SECONDS = 60.0


@dataclass(frozen=True)
class Rule:
    """How somebody wants to be called for one priority."""

    priority: int
    order: tuple[str, ...] = ()
    """Ways, the first to be tried first; those left out are not tried. Empty: the policy's."""
    begins: time | None = None
    """From when it may ring, and until when; none: at any hour."""
    ends: time | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether it leaves everything to the policy."""
        return not self.order and self.begins is None


def rules_of(person: Person) -> dict[int, Rule]:
    """Return somebody's own rules by priority."""
    return {row["priority"]: _rule(row) for row in person.called_by}


def _rule(row: Mapping[str, Any]) -> Rule:
    begins, ends = (time.fromisoformat(at) if at else None for at in (row["begins"], row["ends"]))
    return Rule(row["priority"], tuple(row["order"]), begins, ends)


def store(
    session: Session, person: Person, rules: Sequence[Rule], actor: Actor, now: datetime
) -> None:
    """Keep how somebody wants to be called from now on; raises Invalid naming the field."""
    wrong = {}
    for rule in rules:
        if len(set(rule.order)) < len(rule.order):
            wrong[f"way_{rule.priority}_0"] = N_("Choose each way once.")
        if (rule.begins is None) is not (rule.ends is None) or (
            rule.begins is not None and rule.begins == rule.ends
        ):
            wrong[f"begins_{rule.priority}"] = N_("Give two different times, or none.")
    if wrong:
        raise Invalid(next(iter(wrong.values())), **wrong)
    kept = [_row(rule) for rule in rules if not rule.says_nothing]
    if kept != person.called_by:
        person.called_by = kept
        session.flush()
        audit.record(session, actor, "person.called_by", f"person:{person.id}", {"is": kept}, now)


def _row(rule: Rule) -> dict[str, Any]:
    begins, ends = (f"{at:%H:%M}" if at is not None else "" for at in (rule.begins, rule.ends))
    return {
        "priority": rule.priority,
        "order": list(rule.order),
        "begins": begins,
        "ends": ends,
    }


def fitting(channel: str, methods: Sequence[Method]) -> list[Method]:
    """Return what a way reaches of these, the first to be tried first."""
    landline = MethodKind.LANDLINE
    if channel == LANDLINE:
        return [method for method in methods if method.kind is landline]
    kind = kind_of(channel)
    found = [method for method in methods if kind in method.kinds]
    if channel in _FIRST:
        found = [method for method in found if method.kind is MethodKind.MOBILE]
        # Alone left where the first is found not to exist.
        return found[1:] or found
    if channel == CALL:
        found.sort(key=lambda method: method.kind is landline)
    return found


def kind_of(channel: str) -> Kind:
    """Return as which kind of message a way is sent."""
    return Kind.CALL if channel == LANDLINE else Kind(_FIRST.get(channel, channel))


def attempts(
    planned: Sequence[Attempt], methods: Sequence[Method], priority: int, at: datetime, zone: str
) -> list[tuple[str, datetime]]:
    """Return when to try somebody by which way, the first at once, at `at` on the clock of `zone`.

    Nothing is asked of anybody but for the methods: their person is loaded with them.
    """
    channels = _channels(methods)
    waking = channels & _WAKE
    if not any(channel in waking for channel, _ in planned):
        # Of what the policy names they have nothing that wakes them.
        at_once = min((after for _, after in planned), default=0.0)
        planned = [*((channel, at_once) for channel in sorted(waking)), *planned]
    rule = rules_of(methods[0].person).get(priority) if methods else None
    if rule is not None:
        quiet = not Hours(begins=rule.begins, ends=rule.ends).hold(
            at.astimezone(ZoneInfo(zone)), ()
        )
        planned = bent(planned, channels, rule, quiet=quiet)
    pace, planned = _pace([after for _, after in planned]), _second_mobile(planned, channels)
    if LANDLINE in channels:
        planned = _landline_last(planned, pace)
    return policy.attempts_for(planned, channels, at)


def hurried(
    left: Sequence[tuple[str, datetime]], failed: str, now: datetime
) -> list[tuple[str, datetime]]:
    """Return what is left to try with what follows a way that failed due at once.

    That is the next other way, the same on a second mobile, and a call for a text: another text
    alone would wake nobody.
    """
    others = [way for way, _ in left if way != failed]
    due = {*others[:1], SECOND.get(failed, "")}
    if failed == SMS:
        due |= set([way for way in others if kind_of(way) is Kind.CALL][:1])
    moved = []
    for way, at in left:
        moved.append((way, min(at, now) if way in due else at))
        due.discard(way)
    return sorted(moved, key=lambda attempt: attempt[1])


def _channels(methods: Sequence[Method]) -> frozenset[str]:
    found: set[str] = set()
    for method in methods:
        found |= method.kinds
    for way, kind in ((SMS, Kind.SMS), (CALL, Kind.CALL)):
        mobiles = [one for one in methods if one.kind is MethodKind.MOBILE and kind in one.kinds]
        found |= {SECOND[way]} if len(mobiles) > 1 else set()
    # Without a mobile the landline is what a call goes to.
    if {MethodKind.MOBILE, MethodKind.LANDLINE} <= {method.kind for method in methods}:
        found.add(LANDLINE)
    return frozenset(found)


def bent(
    planned: Sequence[Attempt], channels: frozenset[str], rule: Rule, *, quiet: bool
) -> Sequence[Attempt]:
    """Return the policy's attempts as a person wants them; `quiet`: it may not ring now (pure)."""
    usable = [(channel, after) for channel, after in planned if channel in channels]
    chosen = [channel for channel in rule.order if channel in channels]
    if rule.priority <= _MUST_WAKE:
        return _beside(usable, chosen)
    named = list(dict.fromkeys(channel for channel, _ in usable))
    order = [one for one in chosen or named if not (quiet and one in _RING)]
    return _one_by_one(usable, order) if order else planned


def _beside(usable: Sequence[Attempt], chosen: Sequence[str]) -> Sequence[Attempt]:
    """Reorder what the policy tries at its own instants, and try at once whatever else is wanted.

    What wakes nobody never takes the place of what does.
    """
    waking = [(channel, after) for channel, after in usable if channel in _WAKE]
    named = list(dict.fromkeys(channel for channel, _ in waking))
    order = list(dict.fromkeys([*(one for one in chosen if one in named), *named]))
    extra = [channel for channel in chosen if channel not in named]
    at_once = usable[0][1] if usable else 0.0
    beside = [(channel, after) for channel, after in usable if channel not in {*_WAKE, *extra}]
    found = [*_one_by_one(waking, order), *((channel, at_once) for channel in extra), *beside]
    return sorted(found, key=lambda attempt: attempt[1])


def _one_by_one(usable: Sequence[Attempt], order: Sequence[str]) -> list[Attempt]:
    """Return the ways in order, then what the policy tries again, at the policy's own instants."""
    left, again = set(order), []
    for channel, _ in usable:
        if channel in left:
            left.discard(channel)
        elif channel in order:
            again.append(channel)
    sequence = [*order, *again]
    instants = [after for _, after in usable] or [0.0]
    pace = _pace(instants)
    while len(instants) < len(sequence):
        instants.append(instants[-1] + pace)
    return list(zip(sequence, instants, strict=False))


def _second_mobile(planned: Sequence[Attempt], channels: frozenset[str]) -> Sequence[Attempt]:
    """Try the second mobile where the first has not answered: texted with what follows, rung next.

    Once each: what is tried again goes to the first, which a second call pierces.
    """
    found = list(planned)
    for way, second in SECOND.items():
        first = next((after for channel, after in planned if channel == way), None)
        if second not in channels or first is None:
            continue
        later = (after for _, after in planned if after > first)
        text_at = min(later, default=first + _PACE_SECONDS)
        found.append((second, text_at if way == SMS else first + _RUNG_SECONDS))
    return sorted(found, key=lambda attempt: attempt[1])


def _landline_last(planned: Sequence[Attempt], pace: float) -> Sequence[Attempt]:
    """Ring the landline after everything else, where it may ring at all."""
    if not any(channel == CALL for channel, _ in planned):
        return planned
    return [*planned, (LANDLINE, planned[-1][1] + pace)]


def _pace(instants: Sequence[float]) -> float:
    gaps = [later - before for before, later in pairwise(instants)]
    return next((gap for gap in reversed(gaps) if gap > 0), _PACE_SECONDS)
