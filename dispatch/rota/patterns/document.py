"""What a team's pattern of turns says: the words of the document and what each may hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from dispatch.rota.documents import Between, Wall, read, refuse
from dispatch.texts import N_, Sentence

#: How many people.
_Some = Annotated[int, Between(1, 50)]


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"

    @property
    def number(self) -> int:
        """Return 0 for Monday."""
        return list(Weekday).index(self)


class On(StrEnum):
    """Which local days: a weekday, every one, what the calendar calls it, or the day before."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    EVERY_DAY = "every_day"
    PUBLIC_HOLIDAY = "public_holiday"
    EVE = "eve"
    SCHOOL_HOLIDAY = "school_holiday"
    OPTIONAL = "optional"
    BEFORE_PUBLIC_HOLIDAY = "before_public_holiday"
    BEFORE_EVE = "before_eve"


@dataclass(frozen=True, kw_only=True)
class Qualified:
    """How many of those on a turn hold a qualification."""

    qualification: str
    count: _Some = 1
    weight: int | None = None
    """Cost of each one missing; none: never."""


@dataclass(frozen=True, kw_only=True)
class _Turn:
    """What turns of every form have."""

    kind: str
    """The word that rules and wishes use: "day", "night", "week"."""
    tags: frozenset[str] = frozenset()
    """What it counts as beyond what its hours and days say: "heavy", "jour"."""
    people: _Some | None = None
    """How many; none: as many as the line wants."""
    qualifications: tuple[Qualified, ...] = ()
    """Beyond those of the line."""
    rests: bool = False
    """Standby that counts as rest."""
    counts: Annotated[int, Between(0, 100)] | None = None
    """How much of its time is working time, in per cent; none: all, or nothing if it rests."""


@dataclass(frozen=True, kw_only=True)
class WeekTurn(_Turn):
    """One or several weeks from hand-over to hand-over."""

    FORM: ClassVar[str] = "week"
    starts: Wall
    begins: Weekday = Weekday.MONDAY
    weeks: Annotated[int, Between(1, 52)] = 1
    since: date | None = None
    """A day on which one began; needed where they last several weeks."""


@dataclass(frozen=True, kw_only=True)
class DayTurn(_Turn):
    """The same hours on certain days: 24 hours, day and night, evenings, a whole weekend."""

    FORM: ClassVar[str] = "days"
    on: tuple[On, ...]
    not_on: tuple[On, ...] = ()
    starts: Wall
    ends: Wall
    days: Annotated[int, Between(0, 31)] | None = None
    """How many midnights lie between; none: none, or one if it ends no later than it starts."""


@dataclass(frozen=True, kw_only=True)
class Office:
    """Hours in which others answer."""

    on: tuple[On, ...]
    starts: Wall
    ends: Wall


@dataclass(frozen=True, kw_only=True)
class AfterHours(_Turn):
    """Whenever the office is shut; closed days in turns from cut to cut."""

    FORM: ClassVar[str] = "after_hours"
    office: tuple[Office, ...]
    closed: tuple[On, ...] = (On.PUBLIC_HOLIDAY,)
    cuts: tuple[Wall, ...] = (Wall(480),)
    """When turns change on a day on which the office does not open."""
    closed_kind: str | None = None
    """The kind of turns that begin on such a day; none: the same."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """One turn by its local times."""

    starts: datetime
    ends: datetime

    def overlaps(self, other: "Window") -> bool:
        """Return whether both last at some time."""
        return self.starts < other.ends and other.starts < self.ends


@dataclass(frozen=True, kw_only=True)
class DatedTurns(_Turn):
    """Turns that follow no rule, each by its own times."""

    FORM: ClassVar[str] = "dates"
    windows: tuple[Window, ...]


Turn = WeekTurn | DayTurn | AfterHours | DatedTurns


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """A fixed order of people, turn by turn; a block is one turn."""

    order: tuple[int, ...]
    """Numbers of people; a turn of several takes the next several."""
    since: date
    """The first turn on or after this day is the first one's."""
    unit: str | None = None
    """Only the turns of this unit."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line and its turns."""

    key: str
    turns: tuple[Turn, ...]
    people: _Some = 1
    qualifications: tuple[Qualified, ...] = ()
    missing: int | None = None
    """Cost of each person missing; none: never."""
    surplus: int | None = None
    """Cost of each person too many; none: never."""
    units: bool = True
    """Whether its turns go by unit, where the pattern has units."""
    blocks: tuple[tuple[Weekday, ...], ...] = ()
    """Weekdays whose turns of one kind go to the same people: Saturday with Sunday."""
    rotations: tuple[Rotation, ...] = ()


class Every(StrEnum):
    """How often the unit changes."""

    WEEK = "week"
    HALF_MONTH = "half_month"
    """On the 1st and the 16th."""
    MONTH = "month"


@dataclass(frozen=True, kw_only=True)
class Units:
    """Units that take turns; within one, its people do."""

    names: tuple[str, ...]
    every: Every
    since: date
    """The first one's turn began on this day; weeks are counted from it."""


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """How a team takes turns."""

    lines: tuple[Line, ...]
    name: str = ""
    units: Units | None = None


def parsed(document: object) -> Pattern:
    """Return the pattern that a document describes, its fields checked one against another.

    Raises Invalid naming each field at fault by its path.
    """
    pattern = read(Pattern, document)
    refuse(dict(_faults(pattern)))
    return pattern


def _faults(pattern: Pattern) -> Iterator[tuple[str, str]]:
    keys = [line.key for line in pattern.lines]
    for at, some in [("lines", keys), ("units.names", pattern.units and pattern.units.names)]:
        if some is not None and not some:
            yield at, _ONE_AT_LEAST
    for place, line in enumerate(pattern.lines):
        at = f"lines.{place}"
        if line.key in keys[:place]:
            yield f"{at}.key", N_("Another line has this key.")
        yield from _line_faults(line, at, pattern.units.names if pattern.units else ())


_ONE_AT_LEAST = N_("At least one is needed here.")


def _line_faults(line: Line, at: str, units: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if not line.turns:
        yield f"{at}.turns", _ONE_AT_LEAST
    for place, turn in enumerate(line.turns):
        yield from _turn_faults(turn, f"{at}.turns.{place}")
        most = turn.people or line.people
        own, common = f"{at}.turns.{place}.qualifications", f"{at}.qualifications"
        for where, qualified in [(own, turn.qualifications), (common, line.qualifications)]:
            for number, one in enumerate(qualified):
                if one.count > most:
                    told = N_("More than the %(people)s people of the turn.")
                    yield f"{where}.{number}.count", Sentence(told, people=most)
    days = [day for block in line.blocks for day in block]
    if len(days) > len(set(days)):
        yield f"{at}.blocks", N_("A day of the week stands here twice.")
    for place, rotation in enumerate(line.rotations):
        if not rotation.order:
            yield f"{at}.rotations.{place}.order", _ONE_AT_LEAST
        if rotation.unit is not None and rotation.unit not in units:
            yield f"{at}.rotations.{place}.unit", N_("The pattern has no such unit.")


def _turn_faults(turn: Turn, at: str) -> Iterator[tuple[str, str]]:
    later = N_("The end must come after the start.")
    if isinstance(turn, WeekTurn) and turn.weeks > 1 and turn.since is None:
        yield f"{at}.since", N_("Turns of several weeks need a day on which one began.")
    if isinstance(turn, DayTurn):
        if not turn.on:
            yield f"{at}.on", _ONE_AT_LEAST
        if turn.days == 0 and turn.ends <= turn.starts:
            yield f"{at}.ends", later
    if isinstance(turn, AfterHours):
        if not turn.office:
            yield f"{at}.office", _ONE_AT_LEAST
        for place, office in enumerate(turn.office):
            if office.ends <= office.starts:
                yield f"{at}.office.{place}.ends", later
    if isinstance(turn, DatedTurns):
        for place, window in enumerate(turn.windows):
            if window.ends <= window.starts:
                yield f"{at}.windows.{place}.ends", later
            elif any(window.overlaps(other) for other in turn.windows[:place]):
                told = Sentence(N_("Two turns overlap on %(day)s."), day=window.starts.date())
                yield f"{at}.windows.{place}.starts", told
