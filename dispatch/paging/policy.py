"""Whom to page next, by what and when (pure).

Values in, values out: no session, no clock. A plan is an escalation policy as values; the rest
judges people from facts gathered at the moment of paging and says why in kinds and facts that a
dispatcher reads as a sentence.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from dispatch.paging.models import Target

Attempt = tuple[str, float]
"""A channel and after how many seconds."""


@dataclass(frozen=True)
class Step:
    """Whom to add after so many seconds, and how each of them is tried."""

    after_seconds: float
    target: Target
    attempts: tuple[Attempt, ...]
    person_id: int | None = None
    team_id: int | None = None


@dataclass(frozen=True)
class Plan:
    """An escalation policy."""

    steps: tuple[Step, ...]
    repeat_seconds: float


def shortened(plan: Plan, seconds: float) -> Plan:
    """Return the plan with every wait between two events cut to at most `seconds`."""
    instants = {0.0}
    for step in plan.steps:
        instants |= {step.after_seconds + offset for _, offset in step.attempts}
        instants.add(step.after_seconds)
    moved: dict[float, float] = {}
    for earlier, later in zip([0.0, *sorted(instants)], sorted(instants), strict=False):
        moved[later] = moved.get(earlier, 0.0) + min(later - earlier, seconds)
    steps = tuple(
        replace(
            step,
            after_seconds=moved[step.after_seconds],
            attempts=tuple(
                (channel, moved[step.after_seconds + offset] - moved[step.after_seconds])
                for channel, offset in step.attempts
            ),
        )
        for step in plan.steps
    )
    return Plan(steps, min(plan.repeat_seconds, seconds))


def usual_attempts(plan: Plan) -> tuple[Attempt, ...]:
    """Return how the policy tries a person, for somebody whom no step adds."""
    for step in plan.steps:
        if step.target is not Target.CONTROL_ROOM:
            return step.attempts
    return ("sms", 0.0), ("call", 20.0)


def due_steps(plan: Plan, taken: int, began_at: datetime, now: datetime) -> Sequence[Step]:
    """Return the steps whose time has come, in order."""
    return [
        step
        for step in plan.steps[taken:]
        if began_at + timedelta(seconds=step.after_seconds) <= now
    ]


def next_step_at(plan: Plan, taken: int, repeat: int, began_at: datetime) -> datetime:
    """Return when the next step, the end of the last one's wait or the next repeat is due."""
    if taken < len(plan.steps):
        return began_at + timedelta(seconds=plan.steps[taken].after_seconds)
    last = plan.steps[-1].after_seconds if plan.steps else 0.0
    return began_at + timedelta(seconds=last + plan.repeat_seconds * (repeat + 1))


@dataclass(frozen=True)
class Candidate:
    """What is known of somebody at the moment of paging."""

    person_id: int
    name: str
    reason: Mapping[str, Any]
    """Why this person comes into question: {"kind": "primary", "until": ...}."""
    channels: frozenset[str]
    """How they can be reached: sms, call."""
    shortfall: Mapping[str, Any] | None = None
    """What they lack for this category: {"kind": "lapsed", "on": ...}; None: nothing."""
    unreachable: Mapping[str, Any] | None = None
    """Why no channel is left, if none is."""
    last_resort: bool = False
    """Paged although not trained: somebody is better than nobody."""


@dataclass(frozen=True)
class Judged:
    """A candidate and the verdict."""

    candidate: Candidate
    fit: bool
    reason: Mapping[str, Any]


def judge(candidate: Candidate) -> Judged:
    """Say whether to page a candidate, and why or why not."""
    if not candidate.channels:
        return Judged(candidate, False, candidate.unreachable or {"kind": "no_method"})
    if candidate.shortfall is not None and not candidate.last_resort:
        return Judged(candidate, False, candidate.shortfall)
    reason = dict(candidate.reason)
    if candidate.shortfall is not None:
        reason["lacks"] = candidate.shortfall["kind"]
    return Judged(candidate, True, reason)


def best_there_is(judged: Collection[Judged]) -> Judged | None:
    """Return who goes when nobody is trained: the first who can be reached at all."""
    for verdict in judged:
        if verdict.candidate.channels:
            reason = {**verdict.candidate.reason, "best": True}
            if verdict.candidate.shortfall is not None:
                reason["lacks"] = verdict.candidate.shortfall["kind"]
            return Judged(verdict.candidate, True, reason)
    return None


def attempts_for(
    attempts: Sequence[Attempt], channels: frozenset[str], at: datetime
) -> list[tuple[str, datetime]]:
    """Return when to try which channel, of those the person has; the first one is at once."""
    usable = [(channel, offset) for channel, offset in attempts if channel in channels]
    if not usable:
        usable = [(channel, 0.0) for channel in sorted(channels)]
    first = usable[0][1] if usable else 0.0
    return [(channel, at + timedelta(seconds=offset - first)) for channel, offset in usable]


def brought_forward(
    attempts: Sequence[tuple[str, datetime]], failed_channel: str, now: datetime
) -> list[tuple[str, datetime]]:
    """Return the remaining attempts with the first one by another channel due at once."""
    moved = list(attempts)
    for position, (channel, at) in enumerate(moved):
        if channel != failed_channel:
            moved[position] = (channel, min(at, now))
            break
    return sorted(moved, key=lambda attempt: attempt[1])
