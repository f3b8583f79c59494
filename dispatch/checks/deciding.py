"""What is due when (pure): whose duty begins, how far to go, when to remind and whom to test.

A check-in is asked where somebody's duty begins, not at every turn: two turns in a row, or two
lines at once, are one duty. Everything is decided from instants, so a night in which clocks change
is a night like any other; only what waits for the day looks at a place's clock.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dispatch.checks.models import CheckKind, Stage
from dispatch.rota.duty import Turn

#: An engine that was away asks late, but nobody in the middle of a turn.
GRACE = timedelta(minutes=30)
#: People off duty for so long are tested, and not again before as much time has passed.
OFF_DUTY = timedelta(days=30)
#: When people may be tested: a normal day's work, so that whoever tends the phones is there.
TEST_HOURS = (time(10, 0), time(16, 0))
_SATURDAY = 5
#: When people may be reminded; before and after it is said the evening before.
_DAY = (time(8, 0), time(20, 0))
_EVENING = time(19, 0)
#: A reminder that an engine could not send for so long says nothing new.
_LATE = timedelta(hours=2)


class Held(NamedTuple):
    """A stretch of duty in a team."""

    team_id: int
    turn: Turn


def beginnings(held: Iterable[Held]) -> list[Held]:
    """Return where somebody's duty begins, each once, in order of time.

    Whoever was on duty until then, or is on another line already, goes on and does not begin.
    """
    stretches = sorted(held, key=lambda one: (one.turn.from_at, one.team_id, one.turn.line_id))
    reached: dict[int, datetime] = {}
    found = []
    for one in stretches:
        until = reached.get(one.turn.person_id)
        if until is None or until < one.turn.from_at:
            found.append(one)
        reached[one.turn.person_id] = max(until or one.turn.until_at, one.turn.until_at)
    return found


def outgoing(held: Iterable[Held], begins: Turn) -> Turn | None:
    """Return who has a line until somebody else's turn there begins."""
    for one in held:
        same = one.turn.line_id == begins.line_id and one.turn.until_at == begins.from_at
        if same and one.turn.person_id != begins.person_id:
            return one.turn
    return None


def is_theirs(held: Iterable[Held], person_id: int, begins_at: datetime, now: datetime) -> bool:
    """Return whether somebody still has a duty that begins, or began, at an instant."""
    at = max(begins_at, now)
    return any(
        one.turn.person_id == person_id and one.turn.from_at <= at < one.turn.until_at
        for one in held
    )


def is_due(begins_at: datetime, lead: timedelta, now: datetime) -> bool:
    """Return whether it is time to ask somebody whose duty begins at an instant."""
    return begins_at - lead <= now < begins_at + GRACE


def next_stage(kind: CheckKind, stage: Stage, *, has_outgoing: bool) -> Stage | None:
    """Return how far to go when nobody answered; None: there is nobody else to turn to."""
    if kind is CheckKind.TEST:
        return Stage.CALLED if stage is Stage.TEXTED else None
    after = list(Stage)[list(Stage).index(stage) + 1 :]
    if not has_outgoing and Stage.OUTGOING in after:
        after.remove(Stage.OUTGOING)
    return after[0] if after else None


def next_at(
    kind: CheckKind, stage: Stage, wait: timedelta, now: datetime, *, refused: bool
) -> datetime | None:
    """Return when to go further than a stage that was just reached; nobody waits for a no."""
    if kind is CheckKind.CHECK_IN and stage is Stage.BOARD:
        return None
    return now if refused else now + wait


def reminder_at(begins_at: datetime, hours: int, zone: str) -> datetime | None:
    """Return when to remind somebody of a turn, by day at the place; None: not at all."""
    if hours <= 0:
        return None
    at = (begins_at - timedelta(hours=hours)).astimezone(ZoneInfo(zone))
    begins, ends = _DAY
    if begins <= at.time() < ends:
        return at.astimezone(UTC)
    day = at.date() - timedelta(days=1) if at.time() < begins else at.date()
    return datetime.combine(day, _EVENING, at.tzinfo).astimezone(UTC)


def to_remind(
    begins_at: datetime, changed_at: datetime, at: datetime | None, now: datetime
) -> bool:
    """Return whether to remind somebody now; whoever got the turn since then was told of it."""
    return at is not None and at <= now < min(at + _LATE, begins_at) and changed_at <= at


def may_test(now: datetime, zone: str) -> bool:
    """Return whether people may be tested now: in the hours of a working day."""
    local = now.astimezone(ZoneInfo(zone))
    begins, ends = TEST_HOURS
    return local.weekday() < _SATURDAY and begins <= local.time() < ends


def to_test(instants: Sequence[datetime | None], now: datetime) -> bool:
    """Return whether nothing was heard of somebody for long.

    `instants`: when they came to the team, ended their last turn (or will), were last tested.
    """
    known = [at for at in instants if at is not None]
    return bool(known) and max(known) <= now - OFF_DUTY
