"""Which step is next, by what and when (pure).

Values in, values out: no session, no clock. A plan is an escalation policy as values; which steps
are due, and by what and when somebody is tried. Who the right person is, is for `ranking` to say.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum

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


LAST_STEP = "its last step must add people."
NO_REPEAT = "it must be repeated after a second or more."
OUT_OF_ORDER = "a step comes before the one that it follows."
NO_CHANNEL = "a step tries nobody by any channel."
NO_PERSON = "a step that adds a person must say whom."
NO_TEAM = "a step that adds another team must say which."


@dataclass(frozen=True)
class Fault:
    """Why a plan could end in silence, and in which field of which step, counted from 0."""

    field: str
    told: str
    step: int | None = None


def faults(plan: Plan) -> Iterator[Fault]:
    """Name everything by which a page could end in silence."""
    last = len(plan.steps) - 1
    people = any(step.target is not Target.CONTROL_ROOM for step in plan.steps)
    if not people or plan.steps[last].target is Target.CONTROL_ROOM:
        yield Fault("target", LAST_STEP, max(last, 0))
    if plan.repeat_seconds < 1:
        yield Fault("repeat", NO_REPEAT)
    for number, step in enumerate(plan.steps):
        if number and step.after_seconds < plan.steps[number - 1].after_seconds:
            yield Fault("after", OUT_OF_ORDER, number)
        if not step.attempts:
            yield Fault("attempts", NO_CHANNEL, number)
        if step.target is Target.PERSON and step.person_id is None:
            yield Fault("person", NO_PERSON, number)
        if step.target is Target.TEAM and step.team_id is None:
            yield Fault("team", NO_TEAM, number)


class DayKind(StrEnum):
    """What a day is to a policy; a holiday is no weekday, on a Sunday it is both others."""

    WEEKDAY = "weekday"
    WEEKEND = "weekend"
    PUBLIC_HOLIDAY = "public_holiday"


@dataclass(frozen=True)
class Hours:
    """When a policy holds, on the clock and by the days of its team."""

    days: frozenset[DayKind] = frozenset()
    """Empty: on every day."""
    begins: time | None = None
    ends: time | None = None
    """Not later than the beginning: on the next day."""

    @property
    def always(self) -> bool:
        """Whether nothing narrows it."""
        return not self.days and self.begins is None

    def hold(self, local: datetime, holidays: Collection[date]) -> bool:
        """Return whether it holds; what is left of a night belongs to the day that it began on."""
        day, clock = local.date(), local.time()
        if self.begins is not None and self.ends is not None:
            over_midnight = self.ends <= self.begins
            if over_midnight and clock < self.ends:
                day -= timedelta(days=1)
            elif clock < self.begins or (clock >= self.ends and not over_midnight):
                return False
        return not self.days or not self.days.isdisjoint(kinds_of(day, holidays))


ALWAYS = Hours()


def kinds_of(day: date, holidays: Collection[date]) -> frozenset[DayKind]:
    """Return what a day is."""
    kinds = {DayKind.PUBLIC_HOLIDAY} if day in holidays else set()
    if day.weekday() >= _SATURDAY:
        kinds.add(DayKind.WEEKEND)
    return frozenset(kinds) or frozenset({DayKind.WEEKDAY})


_SATURDAY = 5


@dataclass(frozen=True)
class Offer:
    """A policy that an alert may follow, as far as choosing depends on it."""

    policy_id: int
    first_id: int = 0
    """Of its first version: a change does not give it another place among others."""
    of_team: bool = False
    of_category: bool = False
    of_priority: bool = False
    hours: Hours = ALWAYS


def choose(offers: Collection[Offer], local: datetime, holidays: Collection[date]) -> Offer | None:
    """Return the policy that says most exactly what it is for, of those that hold at `local`.

    A team's own comes before one for every team, then one for the category, for these hours, for
    the priority; of two alike the newer.
    """
    return max(
        (offer for offer in offers if offer.hours.hold(local, holidays)),
        key=lambda one: (
            one.of_team,
            one.of_category,
            not one.hours.always,
            one.of_priority,
            one.first_id,
            one.policy_id,
        ),
        default=None,
    )


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


def hurries(step: Step, tried: int, missing: int) -> bool:
    """Return whether a step is taken before its time: nobody is being tried, or too few on duty.

    Where several are wanted, as many are called at once as have a turn; whoever has none sleeps.
    """
    return not tried or (tried < missing and step.target in (Target.PRIMARY, Target.BACKUP))


def next_step_at(plan: Plan, taken: int, repeat: int, began_at: datetime) -> datetime:
    """Return when the next step, the end of the last one's wait or the next repeat is due."""
    if taken < len(plan.steps):
        return began_at + timedelta(seconds=plan.steps[taken].after_seconds)
    last = plan.steps[-1].after_seconds if plan.steps else 0.0
    return began_at + timedelta(seconds=last + plan.repeat_seconds * (repeat + 1))


def attempts_for(
    attempts: Sequence[Attempt], channels: frozenset[str], at: datetime
) -> list[tuple[str, datetime]]:
    """Return when to try which channel, of those the person has; the first one is at once."""
    usable = [(channel, offset) for channel, offset in attempts if channel in channels]
    if not usable:
        usable = [(channel, 0.0) for channel in sorted(channels)]
    first = usable[0][1] if usable else 0.0
    return [(channel, at + timedelta(seconds=offset - first)) for channel, offset in usable]
