"""Where two escalation policies for the same hold at the same time, and which of them comes first.

Neither is wrong: an alert follows exactly one of them, and `policy.choose` says which. Whoever
makes one hears of the other, for it would otherwise go unnoticed until an alert follows it. What
is for exactly the same at exactly the same times is refused by `policies`.
"""

from collections.abc import Iterator
from datetime import time

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.paging import plans, policies, policy
from dispatch.paging.models import Policy
from dispatch.paging.policy import DayKind, Hours, Offer
from dispatch.texts import N_, Sentence

_DAY_MINUTES = 24 * 60
#: What one day may be: a holiday is no weekday.
_KINDS = (
    {DayKind.WEEKDAY},
    {DayKind.WEEKEND},
    {DayKind.PUBLIC_HOLIDAY},
    {DayKind.WEEKEND, DayKind.PUBLIC_HOLIDAY},
)


def told(session: Session, found: Policy) -> Iterator[Sentence]:
    """Say of each other policy in use for the same when it holds too, and which comes first."""
    own = plans.hours_of(found)
    for other in policies.in_use(session):
        hours = plans.hours_of(other)
        if other.lineage == found.lineage or _scope(other) != _scope(found):
            continue
        times = both(own, hours)
        # One that holds at all times gives way to one for these hours: that is what they are for.
        if not times or own.always is not hours.always:
            continue
        words = N_("%(times)s: %(name)s holds as well, and comes first because it was made later.")
        if _first(session, found, other) == found.id:
            words = N_(
                "%(times)s: %(name)s holds as well; this policy comes first because it was made"
                " later."
            )
        yield Sentence(words, times=tuple(times), name=other.name)


def both(one: Hours, other: Hours) -> list[str]:
    """Return from when until when on the clock both hold, on some day; empty: never at once.

    What is left of a night may meet what begins on the next day, whatever kind of day that is.
    """
    begins, ends = _minutes(one)
    found: dict[str, None] = {}
    for later in (0, -1, 1):
        if later == 0 and not _on_one_day(one, other):
            continue
        first, last = (at + later * _DAY_MINUTES for at in _minutes(other))
        since, until = max(begins, first), min(ends, last)
        if since < until:
            found[f"{_clock(since)} - {_clock(until) if until % _DAY_MINUTES else '24:00'}"] = None
    return list(found)


def _on_one_day(one: Hours, other: Hours) -> bool:
    every = frozenset(DayKind)
    return any(kinds & (one.days or every) and kinds & (other.days or every) for kinds in _KINDS)


def _minutes(hours: Hours) -> tuple[int, int]:
    """Return when it begins and ends, in minutes of the day on which it begins."""
    begins = hours.begins or time(0)
    ends = hours.ends or time(0)
    since, until = (at.hour * 60 + at.minute for at in (begins, ends))
    return since, until if until > since else until + _DAY_MINUTES


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def _scope(found: Policy) -> tuple[int | None, ...]:
    return found.team_id, found.category_id, found.priority


def _first(session: Session, *two: Policy) -> int:
    """Return the id of the one that an alert follows while both hold."""
    query = sa.select(sa.func.min(Policy.id))
    offers = [
        Offer(one.id, first_id=session.scalars(query.where(Policy.lineage == one.lineage)).one())
        for one in two
    ]
    chosen = policy.choose(offers, two[0].created_at, ())
    return chosen.policy_id if chosen is not None else two[0].id
