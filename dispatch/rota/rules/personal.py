"""The rules on one person: rest, runs, limits, weekends, successions.

One function for each kind, which sees the turns of the rule's selection. Turns before the plan are
among them; what they alone would break is not yielded.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import ceil, floor

from dispatch.rota.problem import (
    Breach,
    FreeRun,
    Limit,
    Need,
    NotAll,
    Rest,
    Rule,
    Run,
    Succession,
    WeekendsInARow,
    WeeklyRest,
    WholeWeekend,
)
from dispatch.rota.rules.measures import begun_hours, counted, days_of
from dispatch.rota.rules.plan import DAY, Duty, Held, breach, near

MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)


def broken(rule: Rule, duty: Duty) -> Iterator[Breach]:
    """Yield each breach of a rule by one person whom it binds."""
    duty = duty.meant(rule.only)
    match rule:
        case Rest():
            yield from _rest(rule, duty)
        case WeeklyRest():
            yield from _weekly_rest(rule, duty)
        case Run():
            yield from _run(rule, duty)
        case FreeRun():
            yield from _free_run(rule, duty)
        case Limit():
            yield from _limit(rule, duty)
        case WeekendsInARow():
            yield from _weekends_in_a_row(rule, duty)
        case WholeWeekend():
            yield from _whole_weekend(rule, duty)
        case Succession():
            yield from _succession(rule, duty)
        case NotAll():
            yield from _not_all(rule, duty)
        case _:
            raise TypeError(f"no check for {type(rule).__name__}")


def _rest(rule: Rest, duty: Duty) -> Iterator[Breach]:
    turns = [held for held in duty.turns if not held.turn.rests]
    for one, other in near(turns, rule.minutes * MINUTE):
        if one.whole != other.whole:
            minutes = max(0, (other.starts_at - one.ends_at) // MINUTE)
            facts = {"minutes": minutes, "least": rule.minutes}
            yield breach(rule, 1, duty.person.id, [one, other], facts)


def _weekly_rest(rule: WeeklyRest, duty: Duty) -> Iterator[Breach]:
    busy = [held for held in duty.turns if rule.standby_interrupts or not held.turn.rests]
    known = min([duty.problem.first, *(past.days[0] for past in duty.person.before)])
    until = max([duty.problem.last, *(later.days[-1] for later in duty.person.after)])
    begin = max(known, duty.problem.first - (rule.days - 1) * DAY)
    while begin <= duty.problem.last and (end := begin + rule.days * DAY) <= until + DAY:
        starts, ends = duty.midnight(begin), duty.midnight(end)
        inside = [held for held in busy if held.starts_at < ends and starts < held.ends_at]
        longest = _longest_free(starts, ends, inside)
        before = _longest_free(starts, ends, [held for held in inside if not held.planned])
        if longest < rule.minutes * MINUTE <= before:
            facts = {"minutes": longest // MINUTE, "least": rule.minutes, "days": rule.days}
            yield breach(rule, 1, duty.person.id, inside, facts, [begin, end - DAY])
        begin += DAY


def _longest_free(starts: datetime, ends: datetime, turns: Iterable[Held]) -> timedelta:
    longest, free_from = timedelta(), starts
    for held in turns:
        longest = max(longest, held.starts_at - free_from)
        free_from = max(free_from, held.ends_at)
    return max(longest, ends - free_from)


def _run(rule: Run, duty: Duty) -> Iterator[Breach]:
    before = {day for held in duty.turns if not held.planned for day in held.turn.days}
    days = before | {day for held in duty.planned for day in held.turn.days}
    for run in _runs(days, DAY):
        turns = [held for held in duty.turns if not set(run).isdisjoint(held.turn.days)]
        count = len(run)
        if rule.most is not None and (amount := _too_many(run, rule.most, before)):
            facts = {"count": count, "most": rule.most}
            yield breach(rule, amount, duty.person.id, turns, facts, run)
        if count < rule.least and duty.problem.first < run[0] and run[-1] < duty.problem.last:
            facts = {"count": count, "least": rule.least}
            yield breach(rule, rule.least - count, duty.person.id, turns, facts, run)


def _runs(days: Iterable[date], step: timedelta) -> list[list[date]]:
    """Return stretches of days without a hole."""
    runs: list[list[date]] = []
    for day in sorted(days):
        if runs and day - runs[-1][-1] == step:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _too_many(run: Sequence[date], most: int, before: set[date]) -> int:
    """Return how many stretches of most + 1 it has that what was before does not fill alone."""
    stretches = (set(run[begin : begin + most + 1]) for begin in range(len(run) - most))
    return sum(not stretch <= before for stretch in stretches)


def _free_run(rule: FreeRun, duty: Duty) -> Iterator[Breach]:
    for one, other in pairwise(_blocks(duty) if rule.between_blocks else _worked_days(duty)):
        free = max(0, (other[0] - one[1]).days - 1)
        before = all(any(not held.planned for held in span[2]) for span in (one, other))
        if _parts(one) & _parts(other):
            continue
        if not before and free < rule.least and (free or rule.between_blocks):
            facts = {"count": free, "least": rule.least}
            turns = dict.fromkeys((*one[2], *other[2]))
            yield breach(rule, rule.least - free, duty.person.id, turns, facts)


#: First and last day of something, and its turns.
_Span = tuple[date, date, list[Held]]


def _parts(span: _Span) -> set[tuple[str | int, ...]]:
    """Return the turns that were cut into parts, of which one is here."""
    return {held.whole for held in span[2] if held.turn.within is not None}


def _worked_days(duty: Duty) -> list[_Span]:
    days: dict[date, list[Held]] = defaultdict(list)
    for held in duty.turns:
        for day in held.turn.days:
            days[day].append(held)
    return [(day, day, days[day]) for day in sorted(days)]


def _blocks(duty: Duty) -> list[_Span]:
    blocks: dict[tuple[str | int, ...], list[Held]] = defaultdict(list)
    for held in duty.turns:
        blocks[held.block].append(held)
    return [
        (min(held.own_day for held in block), max(held.turn.days[-1] for held in block), block)
        for block in blocks.values()
    ]


def _limit(rule: Limit, duty: Duty) -> Iterator[Breach]:
    share = duty.person.share if rule.per_share else 1
    least = None if rule.least is None else floor(round(rule.least * share, 6))
    most = None if rule.most is None else ceil(round(rule.most * share, 6))
    first, last = duty.problem.first, duty.problem.last
    turns = duty.planned if rule.period == "plan" else duty.turns
    marks = counted(rule.of, turns)
    marks_before = counted(rule.of, [held for held in turns if not held.planned])
    for begin, end in _periods(rule.period, first, last, marks_before):
        count, before = (
            sum(found[day] for day in found if rule.period == "plan" or begin <= day <= end)
            for found in (marks, marks_before)
        )
        facts = {"count": count, "of": rule.of.value, "period": rule.period}
        if most is not None and count > max(most, before):
            amount, facts["most"] = count - max(most, before), most
        elif least is not None and count < least and (first <= begin and end <= last):
            amount, facts["least"] = least - count, least
        else:
            continue
        inside = [h for h in turns if any(begin <= day <= end for day in days_of(rule.of, h))]
        amount = begun_hours(rule.of, amount)
        yield breach(rule, amount, duty.person.id, inside, facts, [begin, end])


def _periods(
    period: str | int, first: date, last: date, known: Iterable[date]
) -> Iterator[tuple[date, date]]:
    """Yield the first and last day of each period that is judged; `known`: what counts already."""
    if period == "plan":
        yield first, last
    elif isinstance(period, int):
        ends = [date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1)]
        ends += [day for day in sorted(known) if last < day < last + period * DAY]
        for end in ends:
            yield end - (period - 1) * DAY, end
    elif period in {"month", "year"}:
        begin = first.replace(day=1) if period == "month" else first.replace(month=1, day=1)
        while begin <= last:
            later = begin + (31 if period == "month" else 366) * DAY
            after = later.replace(day=1) if period == "month" else later.replace(month=1, day=1)
            yield begin, after - DAY
            begin = after
    else:
        raise ValueError(f"no such period: {period}")


def _weekends_in_a_row(rule: WeekendsInARow, duty: Duty) -> Iterator[Breach]:
    before = {day for held in duty.turns if not held.planned for day in held.turn.weekends}
    weekends = before | {day for held in duty.planned for day in held.turn.weekends}
    for run in _runs(weekends, WEEK):
        if amount := _too_many(run, rule.most, before):
            turns = [held for held in duty.turns if not held.turn.weekends.isdisjoint(run)]
            facts = {"count": len(run), "most": rule.most}
            yield breach(rule, amount, duty.person.id, turns, facts, run)


def _whole_weekend(rule: WholeWeekend, duty: Duty) -> Iterator[Breach]:
    days = {day for held in duty.turns for day in held.turn.days}
    for saturday in sorted({day - (day.weekday() - 5) * DAY for day in days if day.weekday() >= 5}):
        weekend = [saturday, saturday + DAY]
        of_plan = duty.problem.first <= weekend[1] <= duty.problem.last
        if of_plan and not days.issuperset(weekend):
            turns = [held for held in duty.turns if not set(weekend).isdisjoint(held.turn.days)]
            yield breach(rule, 1, duty.person.id, turns, days=weekend)


def _succession(rule: Succession, duty: Duty) -> Iterator[Breach]:
    firsts = [held for held in duty.turns if held.turn.kind == rule.first]
    thens = [held for held in duty.turns if held.turn.kind == rule.then]
    for one in firsts:
        for other in thens:
            next_day = other.own_day - one.own_day == DAY
            if next_day and (one.planned or other.planned):
                facts = {"first": rule.first, "then": rule.then}
                yield breach(rule, 1, duty.person.id, [one, other], facts)


def _not_all(rule: NotAll, duty: Duty) -> Iterator[Breach]:
    turns = [h for h in duty.turns if isinstance(h.turn, Need) and h.turn.id in rule.needs]
    count = len({held.block for held in turns})
    if count > rule.most:
        facts = {"count": count, "most": rule.most}
        yield breach(rule, count - rule.most, duty.person.id, turns, facts)
