"""What it breaks when a turn, or a part of one, goes to somebody else.

Judged on the published rota as people really serve, covers included, some weeks around the turn.
Within a day of its beginning rules only warn: somebody must have the turn tonight.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from dispatch.db import Session
from dispatch.people.models import Team
from dispatch.rota import judging, planning
from dispatch.rota.days import local_day
from dispatch.rota.differences import Stand
from dispatch.rota.judging import Judged
from dispatch.rota.planning import Ground

#: Within so long of a turn rules only warn.
LATE = timedelta(hours=24)
_BEFORE, _AFTER = timedelta(days=7), timedelta(days=28)


@dataclass(frozen=True)
class Hand:
    """A line's time from an instant up to another goes to a person, or to nobody."""

    line_id: int
    starts_at: datetime
    ends_at: datetime
    person_id: int | None
    """None: to nobody."""


def broken_by(session: Session, team: Team, hands: Sequence[Hand]) -> list[Judged]:
    """Return what the published rota would break anew if times went to other people."""
    present, ground, other = _both(session, team, hands)
    return judging.broken_by(ground, present, other)


def broken_since(session: Session, team: Team, back: Sequence[Hand]) -> list[Judged]:
    """Return what the published rota breaks by times having changed hands; `back`: to whose."""
    present, ground, other = _both(session, team, back)
    return judging.broken_by(ground, other, present)


def _both(
    session: Session, team: Team, hands: Sequence[Hand]
) -> tuple[list[Stand], Ground, list[Stand]]:
    """Return the published turns around some times, and the same with these in other hands."""
    begin, end = min(hand.starts_at for hand in hands), max(hand.ends_at for hand in hands)
    first, last = around(team, begin, end)
    present = planning.published(session, team, first, last)
    other = present
    for hand in hands:
        other = handed(other, hand)
    everybody = {stand.person_id for stand in (*present, *other)}
    return present, planning.load(session, team, first, last, people=everybody), other


def handed(stands: Iterable[Stand], hand: Hand) -> list[Stand]:
    """Return turns with one time in somebody else's hands; an empty time becomes theirs too."""
    result = []
    for stand in stands:
        meets = stand.starts_at < hand.ends_at and hand.starts_at < stand.ends_at
        if stand.line_id != hand.line_id or not meets:
            result.append(stand)
            continue
        if stand.starts_at < hand.starts_at:
            result.append(replace(stand, ends_at=hand.starts_at))
        if hand.ends_at < stand.ends_at:
            result.append(replace(stand, starts_at=hand.ends_at))
    if hand.person_id is not None:
        result.append(Stand(hand.starts_at, hand.ends_at, hand.line_id, hand.person_id))
    return result


def around(team: Team, starts_at: datetime, ends_at: datetime) -> tuple[date, date]:
    """Return the days that have a say in what a change of some time breaks, both included."""
    zone = team.time_zone
    return local_day(starts_at - _BEFORE, zone), local_day(ends_at + _AFTER, zone)


def is_late(starts_at: datetime, now: datetime) -> bool:
    """Return whether rules only warn by now."""
    return starts_at < now + LATE
