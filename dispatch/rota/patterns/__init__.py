"""Turn patterns as data: from a document to the needs of a period.

A team's pattern says for each line when its turns begin and end, how many people of which
qualification each wants, which unit it belongs to and who follows whom. `needs` makes of it what
the planner fills, `locks` what a fixed order of people leaves it no choice about. Nothing here
knows rows or people's names; days that matter come as a frozen `Calendar`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from dispatch.rota.documents import refuse
from dispatch.rota.holidays import Calendar
from dispatch.rota.patterns.document import Every, Line, Pattern, Rotation, Turn, Units, parsed
from dispatch.rota.patterns.spans import DAY, MINUTE, Span, instant, spans
from dispatch.rota.problem import Need, Seat, SkillNeed
from dispatch.texts import N_, Sentence

__all__ = ["Pattern", "calendar_from", "locks", "needs", "read"]

#: A turn is a night with this much of it between midnight and five (Directive 2003/88/EC, art. 2).
NIGHT, NIGHT_ENDS = timedelta(hours=3), timedelta(hours=5)


def read(document: object) -> Pattern:
    """Return the pattern that a document describes.

    Raises Invalid naming each field at fault by its path, such as `lines.1.turns.0.ends`; turns of
    one line that overlap within ordinary weeks are found too.
    """
    pattern = parsed(document)
    needs(pattern, date(2026, 1, 5), date(2026, 3, 8), "UTC", Calendar())
    return pattern


def needs(
    pattern: Pattern, first: date, last: date, zone: str, calendar: Calendar
) -> tuple[Need, ...]:
    """Return what the turns want that begin on one of some local days, both included.

    In order of beginning, lines in their order; a need's id is its place. The calendar should reach
    as far as the turns, and a day further than `last`. Raises Invalid naming a line whose turns
    overlap on these days.
    """
    place = ZoneInfo(zone)
    found: list[tuple[datetime, int, Need]] = []
    faults: dict[str, str] = {}
    for number, line in enumerate(pattern.lines):
        of_line = sorted(_of_line(pattern, line, first, last, place, calendar), key=_begins)
        for one, other in pairwise(of_line):
            if other.starts_at < one.ends_at:
                told = Sentence(N_("Two turns overlap on %(day)s."), day=other.days[0])
                faults.setdefault(f"lines.{number}.turns", told)
        found += [(need.starts_at, number, need) for need in of_line]
    refuse(faults)
    found.sort(key=lambda entry: entry[:2])
    return tuple(replace(need, id=id_) for id_, (_, _, need) in enumerate(found))


def _begins(need: Need) -> datetime:
    return need.starts_at


def _of_line(
    pattern: Pattern, line: Line, first: date, last: date, zone: ZoneInfo, calendar: Calendar
) -> Iterator[Need]:
    for turn in line.turns:
        for span in spans(turn, first, last, calendar):
            timed = _Timed(span, instant(span.starts, zone), instant(span.ends, zone))
            # A turn that lies within the hour that clocks skip does not exist.
            if timed.starts_at < timed.ends_at:
                yield _need(pattern, line, turn, timed, zone, calendar)


@dataclass(frozen=True, slots=True)
class _Timed:
    span: Span
    starts_at: datetime
    ends_at: datetime


def _need(
    pattern: Pattern, line: Line, turn: Turn, timed: _Timed, zone: ZoneInfo, calendar: Calendar
) -> Need:
    days = timed.span.days
    counts = turn.counts if turn.counts is not None else 0 if turn.rests else 100
    saturdays = {day - (day.weekday() - 5) * DAY for day in days if day.weekday() >= 5}
    if "weekend" in turn.tags and days[0].weekday() == 4:
        saturdays.add(days[0] + DAY)
    tags = turn.tags.union(*(calendar.tags(day) for day in days))
    return Need(
        id=0,
        line=line.key,
        kind=timed.span.kind,
        starts_at=timed.starts_at,
        ends_at=timed.ends_at,
        days=days,
        minutes=(timed.ends_at - timed.starts_at) // MINUTE * counts // 100,
        rests=turn.rests,
        wanted=turn.people or line.people,
        under=line.missing,
        over=line.surplus,
        skills=tuple(
            SkillNeed(one.qualification, one.count, one.weight)
            for one in (*line.qualifications, *turn.qualifications)
        ),
        unit=_unit(pattern.units, days[0]) if pattern.units and line.units else None,
        tags=tags | ({"weekend"} if saturdays else set()) | _night(timed, zone),
        weekends=frozenset(saturdays),
        block=_block(line, timed.span),
    )


def _night(timed: _Timed, zone: ZoneInfo) -> set[str]:
    day = timed.span.starts.date()
    while day <= timed.span.ends.date():
        midnight = datetime.combine(day, datetime.min.time())
        begin, end = instant(midnight, zone), instant(midnight + NIGHT_ENDS, zone)
        if min(timed.ends_at, end) - max(timed.starts_at, begin) >= NIGHT:
            return {"night"}
        day += DAY
    return set()


def _block(line: Line, span: Span) -> str | None:
    day = span.starts.date()
    for block in line.blocks:
        if day.weekday() in {weekday.number for weekday in block}:
            begun = (day.weekday() - block[0].number) % 7
            return f"{span.kind} {(day - begun * DAY).isoformat()}"
    return None


def _unit(units: Units, day: date) -> str:
    """Return whose turn it is; before the first one's turn it counts backwards."""
    if units.every is Every.WEEK:
        turn = (day - units.since).days // 7
    else:
        turn = (day.year - units.since.year) * 12 + day.month - units.since.month
        if units.every is Every.HALF_MONTH:
            turn = 2 * turn + (day.day > 15) - (units.since.day > 15)
    return units.names[turn % len(units.names)]


# --- A fixed order of people.


def calendar_from(pattern: Pattern, first: date) -> date:
    """Return the day from which on `locks` must know the days that matter."""
    begun = [rotation.since for line in pattern.lines for rotation in line.rotations]
    return min([first, *begun])


def locks(
    pattern: Pattern, first: date, last: date, zone: str, calendar: Calendar
) -> Mapping[Seat, bool]:
    """Return the seats of `needs` that a fixed order of people decides.

    Turns are counted from the day that the order holds since, so that every plan of the same days
    comes to the same people.
    """
    wanted = needs(pattern, first, last, zone, calendar)
    since = needs(pattern, calendar_from(pattern, first), last, zone, calendar)
    ids = {(need.line, need.starts_at): need.id for need in wanted}
    found: dict[Seat, bool] = {}
    for line in pattern.lines:
        for rotation in line.rotations:
            turns = [need for need in since if need.line == line.key]
            for need, people in _in_order(rotation, turns):
                if (place := ids.get((need.line, need.starts_at))) is not None:
                    found |= {(place, person): True for person in people}
    return found


def _in_order(rotation: Rotation, turns: Sequence[Need]) -> Iterator[tuple[Need, list[int]]]:
    order, turn = rotation.order, 0
    blocks: dict[str, list[int]] = {}
    for need in turns:
        if need.days[0] < rotation.since or rotation.unit not in (None, need.unit):
            continue
        people = blocks.get(need.block) if need.block is not None else None
        if people is None:
            people = [order[(turn + place) % len(order)] for place in range(need.wanted)]
            turn += need.wanted
            if need.block is not None:
                blocks[need.block] = people
        yield need, people
