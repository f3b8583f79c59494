"""Fitting turns as they stand onto the needs of a pattern (pure).

A turn with the very times of a need fills it. Any other (moved by hand, covered in part, imported,
from a time before the pattern) becomes a need of its own that it fills, shaped like the need it
lies in, and what is left of that need stays to be filled. So every turn that stands is judged and
counted, and no line is ever planned twice. A part of a need counts as a part, for what it is: a
night only if it lies in the night.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from dispatch.rota.differences import Stand
from dispatch.rota.holidays import Calendar, Kind
from dispatch.rota.problem import Need, Past, Seat

#: The kind of a turn that lies in no need at all.
LOOSE = "turn"
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_NIGHT, _NIGHT_ENDS = timedelta(hours=3), timedelta(hours=5)
#: Tags that follow from when a turn is; all others are its pattern's.
_OF_TIME = frozenset({"night", "weekend", *(kind.value for kind in Kind)})

_Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Place:
    """Where turns are fitted: which line each row of a line is, its zone and days that matter."""

    lines: Mapping[int, str]
    """Keys of the pattern's lines, by the ids of rows; several rows may be seats of one line."""
    zone: str
    calendar: Calendar


@dataclass(frozen=True)
class Fitted:
    """Needs, and who fills them."""

    needs: tuple[Need, ...]
    seats: tuple[Seat, ...]
    """One for each turn, in the order in which they were given."""


def fit(wanted: Sequence[Need], stands: Sequence[Stand], place: Place) -> Fitted:
    """Return the needs with every turn in its place, numbered in order of beginning."""
    exact = {
        (need.line, need.starts_at, need.ends_at): number for number, need in enumerate(wanted)
    }
    filled: dict[int, list[int]] = defaultdict(list)
    loose: list[int] = []
    for number, stand in enumerate(stands):
        key = (place.lines[stand.line_id], stand.starts_at, stand.ends_at)
        if key in exact:
            filled[exact[key]].append(number)
        else:
            loose.append(number)
    found: list[tuple[Need, list[int]]] = []
    own = _of_lines([stands[number] for number in loose], place)
    for number, need in enumerate(wanted):
        chains = [chain for chain in own.get(need.line, {}).values() if _meets(chain, need)]
        room = need.wanted - len(filled[number])
        for chain in chains[: max(room, 0)]:
            pieces = _left(need, chain)
            found += [(_cut(need, *piece, place), []) for piece in pieces]
        kept = need.wanted - min(len(chains), max(room, 0))
        if kept or filled[number]:
            found.append((replace(need, wanted=kept), filled[number]))
    for number in loose:
        found.append((_own(stands[number], wanted, place), [number]))
    return _numbered(found, stands)


def past(fitted: Fitted) -> dict[int, list[Past]]:
    """Return turns that have been, by person."""
    result: dict[int, list[Past]] = defaultdict(list)
    for need_id, person in fitted.seats:
        need = fitted.needs[need_id]
        result[person].append(
            Past(
                kind=need.kind,
                line=need.line,
                starts_at=need.starts_at,
                ends_at=need.ends_at,
                days=need.days,
                minutes=need.minutes,
                rests=need.rests,
                tags=need.tags,
                weekends=need.weekends,
                block=need.block,
                part=need.part,
                within=need.within,
            )
        )
    return result


def _numbered(found: list[tuple[Need, list[int]]], stands: Sequence[Stand]) -> Fitted:
    found.sort(key=lambda entry: entry[0].starts_at)
    seats: dict[int, Seat] = {}
    for id_, (_, numbers) in enumerate(found):
        seats |= {number: (id_, stands[number].person_id) for number in numbers}
    needs = tuple(replace(need, id=id_) for id_, (need, _) in enumerate(found))
    return Fitted(needs, tuple(seats[number] for number in range(len(stands))))


def _of_lines(stands: Iterable[Stand], place: Place) -> dict[str, dict[int, list[Stand]]]:
    """Return loose turns by line and by row, in order."""
    result: dict[str, dict[int, list[Stand]]] = {}
    for stand in sorted(stands):
        rows = result.setdefault(place.lines[stand.line_id], {})
        rows.setdefault(stand.line_id, []).append(stand)
    return result


def _meets(chain: Iterable[Stand], need: Need) -> bool:
    return any(s.starts_at < need.ends_at and need.starts_at < s.ends_at for s in chain)


def _left(need: Need, chain: Iterable[Stand]) -> list[_Span]:
    """Return what loose turns leave of a need."""
    left, begin = [], need.starts_at
    for stand in chain:
        if begin < min(stand.starts_at, need.ends_at):
            left.append((begin, min(stand.starts_at, need.ends_at)))
        begin = max(begin, stand.ends_at)
    if begin < need.ends_at:
        left.append((begin, need.ends_at))
    return left


def _cut(need: Need, starts_at: datetime, ends_at: datetime, place: Place) -> Need:
    """Return a need for a part of another: what it counts for is cut with it."""
    begun = [need.starts_at + number * _DAY for number in range(len(need.days))]
    days = tuple(
        day
        for day, at in zip(need.days, begun, strict=True)
        if at < ends_at and starts_at < at + _DAY
    ) or (need.days[-1],)
    weekends = {s for s in need.weekends if any(abs((day - s).days) <= 1 for day in days)}
    share = (ends_at - starts_at) / (need.ends_at - need.starts_at)
    zone = ZoneInfo(place.zone)
    own = need.tags - _OF_TIME | set().union(*(place.calendar.tags(day) for day in days))
    own |= {"weekend"} if weekends else set()
    own |= _night(starts_at.astimezone(zone), ends_at.astimezone(zone))
    return replace(
        need,
        tags=frozenset(own),
        part=share,
        within=need.block or f"from {need.starts_at.isoformat()}",
        starts_at=starts_at,
        ends_at=ends_at,
        days=days,
        minutes=round(need.minutes * share),
        wanted=1,
        skills=need.skills if need.wanted == 1 else (),
        weekends=frozenset(weekends),
        block=None,
    )


def _own(stand: Stand, wanted: Sequence[Need], place: Place) -> Need:
    """Return the need that a loose turn fills: shaped like the one it mostly lies in."""
    line = place.lines[stand.line_id]
    inside = [need for need in wanted if need.line == line and _meets([stand], need)]
    if inside:
        like = max(inside, key=lambda need: _shared(need, stand))
        begin, end = max(stand.starts_at, like.starts_at), min(stand.ends_at, like.ends_at)
        part = _cut(like, begin, end, place)
        share = (stand.ends_at - stand.starts_at) / (end - begin)
        return replace(
            part,
            starts_at=stand.starts_at,
            ends_at=stand.ends_at,
            minutes=round(part.minutes * share),
            # Longer than what was wanted is still one turn.
            part=min(1.0, part.part * share),
        )
    return _shapeless(stand, line, place)


def _shared(need: Need, stand: Stand) -> timedelta:
    return min(need.ends_at, stand.ends_at) - max(need.starts_at, stand.starts_at)


def _shapeless(stand: Stand, line: str, place: Place) -> Need:
    zone = ZoneInfo(place.zone)
    begins, ends = (at.astimezone(zone) for at in (stand.starts_at, stand.ends_at))
    count = max(1, -((stand.starts_at - stand.ends_at) // _DAY))
    days = tuple(begins.date() + number * _DAY for number in range(count))
    saturdays = {day - (day.weekday() - 5) * _DAY for day in days if day.weekday() >= 5}
    tags = set().union(*(place.calendar.tags(day) for day in days))
    tags |= ({"weekend"} if saturdays else set()) | _night(begins, ends)
    return Need(
        id=0,
        line=line,
        kind=LOOSE,
        starts_at=stand.starts_at,
        ends_at=stand.ends_at,
        days=days,
        minutes=(stand.ends_at - stand.starts_at) // _MINUTE,
        tags=frozenset(tags),
        weekends=frozenset(saturdays),
    )


def _night(begins: datetime, ends: datetime) -> set[str]:
    day: date = begins.date()
    while day <= ends.date():
        midnight = datetime.combine(day, datetime.min.time(), begins.tzinfo)
        if min(ends, midnight + _NIGHT_ENDS) - max(begins, midnight) >= _NIGHT:
            return {"night"}
        day += _DAY
    return set()
