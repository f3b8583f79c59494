"""The rules that count one person's days: runs, free runs, weekends, limits."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from datetime import date, timedelta
from math import ceil, floor

from dispatch.rota.planner.people import DAY, Own
from dispatch.rota.planner.terms import FALSE, TRUE, Literal
from dispatch.rota.problem import (
    FreeRun,
    Limit,
    Measure,
    NotAll,
    Past,
    Rule,
    Run,
    WeekendsInARow,
    WholeWeekend,
)

_WEEK = timedelta(days=7)


def add_run(own: Own, rule: Run) -> None:
    """Let days in a row be neither too many nor too few."""
    if rule.most is not None:
        days, before = own.days(rule.only), own.days_before(rule.only)
        _not_too_many(own, rule, rule.most, days, before, DAY)
    first, last = own.problem.first, own.problem.last
    for length in range(1, rule.least):
        begin = first + DAY
        while begin + length * DAY <= last:
            run = [own.worked(rule.only, begin + at * DAY) for at in range(-1, length + 1)]
            literals = [~run[0], *run[1:-1], ~run[-1]]
            cost = None if rule.weight is None else rule.weight * (rule.least - length)
            own.form.forbid(literals, cost, own.on(rule.key, begin))
            begin += DAY


def add_weekends_in_a_row(own: Own, rule: WeekendsInARow) -> None:
    """Let weekends running be not too many."""
    weekends = own.days(rule.only, weekends=True)
    before = own.days_before(rule.only, weekends=True)
    _not_too_many(own, rule, rule.most, weekends, before, _WEEK)


def _not_too_many(
    own: Own,
    rule: Rule,
    most: int,
    days: dict[date, Literal],
    before: set[date],
    step: timedelta,
) -> None:
    """Forbid every stretch of most + 1 that the turns before the plan do not fill alone."""
    begins = {day - back * step for day in days for back in range(most + 1)}
    for begin in sorted(begins):
        stretch = [begin + at * step for at in range(most + 1)]
        if before.issuperset(stretch):
            continue
        literals = [TRUE if day in before else days.get(day, FALSE) for day in stretch]
        own.form.forbid(literals, rule.weight, own.on(rule.key, begin))


def add_free_run(own: Own, rule: FreeRun) -> None:
    """Let free days between two worked ones be enough, unless both have parts of one turn."""
    before, parts = own.days_before(rule.only), own.parts(rule.only)
    past = [turn for turn in own.before(rule.only) if turn.within is not None]
    days = sorted(before | own.days(rule.only).keys())
    for at, one in enumerate(days):
        for other in days[at + 1 :]:
            free = (other - one).days - 1
            if free >= rule.least:
                break
            if free > 0 and not _are_one(past, one, other):
                within = [turn for turn in parts.values() if one in turn and other in turn]
                both = [
                    own.form.at_least([own.any_of(turn[one]), own.any_of(turn[other])], 2)
                    for turn in within
                ]
                _forbid_free(own, rule, one, other, [~literal for literal in both])


def _are_one(past: Iterable[Past], one: date, other: date) -> bool:
    """Return whether parts of one turn outside the plan are on two days."""
    on = [{(turn.line, turn.within) for turn in past if day in turn.days} for day in (one, other)]
    return not on[0].isdisjoint(on[1])


def _forbid_free(own: Own, rule: FreeRun, one: date, other: date, unless: list[Literal]) -> None:
    between = [one + at * DAY for at in range(1, (other - one).days)]
    literals = [own.worked(rule.only, day) for day in (one, other)]
    if literals == [TRUE, TRUE]:
        # Known from before on both sides: it counts only if the plan adds to one of them.
        planned = own.days(rule.only)
        literals = [own.form.at_least(planned.get(day, FALSE) for day in (one, other))]
    literals += [~own.worked(rule.only, day) for day in between] + unless
    cost = None if rule.weight is None else rule.weight * (rule.least - len(between))
    own.form.forbid(literals, cost, own.on(rule.key, one))


def add_whole_weekend(own: Own, rule: WholeWeekend) -> None:
    """Let both days of a weekend be worked, or neither."""
    sunday = own.problem.first + (6 - own.problem.first.weekday()) * DAY
    while sunday <= own.problem.last:
        both = [own.worked(rule.only, day) for day in (sunday - DAY, sunday)]
        for literals in ([both[0], ~both[1]], [~both[0], both[1]]):
            own.form.forbid(literals, rule.weight, own.on(rule.key, sunday - DAY))
        sunday += _WEEK


def add_not_all(own: Own, rule: NotAll) -> None:
    """Let one person fill at most so many of some needs."""
    literals = [
        literal
        for block, literal in own.blocks.values()
        if any(need.id in rule.needs and rule.only.takes(need) for need in block.needs)
    ]
    own.form.limit(literals, rule.most, rule.weight, own.source(rule.key, ()))


def add_limit(own: Own, rule: Limit) -> None:
    """Let a measure stay within bounds in each period."""
    share = own.officer.share if rule.per_share else 1
    least = None if rule.least is None else floor(round(rule.least * share, 6))
    most = None if rule.most is None else ceil(round(rule.most * share, 6))
    first, last = own.problem.first, own.problem.last
    marks = own.marks(rule.of, rule.only)
    before = [] if rule.period == "plan" else own.marks_before(rule.of, rule.only)
    if rule.of in {Measure.DAYS, Measure.WEEKENDS}:
        known = {day for day, _ in before}
        marks = [mark for mark in marks if mark[0] not in known]
    marks.sort()
    unit = 60 if rule.of is Measure.MINUTES else 1
    for begin, end in _periods(rule.period, first, last, {day for day, _ in before}):
        inside = marks[bisect_left(marks, (begin,)) : bisect_left(marks, (end + DAY,))]
        literals, coefs = [mark[1] for mark in inside], [mark[2] for mark in inside]
        base = sum(amount for day, amount in before if begin <= day <= end)
        source = own.on(rule.key, begin)
        if most is not None:
            room = max(0, most - base)
            own.form.limit(literals, room, rule.weight, source, coefs=coefs, unit=unit)
        if least is not None and first <= begin and end <= last:
            own.form.floor(literals, least - base, rule.weight, source, coefs=coefs, unit=unit)


def _periods(
    period: str | int, first: date, last: date, known: Collection[date]
) -> Iterator[tuple[date, date]]:
    """Yield the first and last day of each period that a limit is about.

    Those that end on a settled day after the plan are the only ones of theirs that bind.
    """
    if period == "plan":
        yield first, last
    elif isinstance(period, int):
        settled = sorted(day for day in known if last < day < last + period * DAY)
        for end in (*(first + at * DAY for at in range((last - first).days + 1)), *settled):
            yield end - (period - 1) * DAY, end
    else:
        begin = first.replace(day=1) if period == "month" else first.replace(month=1, day=1)
        while begin <= last:
            later = begin + (32 if period == "month" else 367) * DAY
            after = later.replace(day=1) if period == "month" else later.replace(month=1, day=1)
            yield begin, after - DAY
            begin = after
