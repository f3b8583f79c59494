"""The forms in which people keep a rota, told apart by their headings (pure).

A list has a row for each turn; where it says in whose place somebody serves, as our own lists do,
the turn is that one's and its rows are joined. A table of days by lines, or of people by days, says
who is on which turn of the pattern; a name that stands on each day of one long turn is that turn
once. A table of people by burdens says what each had. What cannot be read is a problem of its row,
never a guess.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from dispatch.rota.changes import LONGEST
from dispatch.rota.differences import Stand
from dispatch.rota.fairness import BURDENS
from dispatch.rota.imports import words
from dispatch.rota.imports.sheets import Cell, Row
from dispatch.rota.imports.words import Known
from dispatch.rota.problem import Need
from dispatch.texts import N_, Sentence

_BURDENS = {burden.key for burden in BURDENS}
#: Headings stand near the top.
_HEAD_ROWS = 10
_SHOWN = 40
#: Nobody has served more of anything.
_MOST_SERVED = 10_000
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Context:
    """What a sheet is read by."""

    known: Known
    zone: str
    lines: Mapping[int, str]
    """Keys of lines by the ids of their rows."""
    wanted: Sequence[Need] = ()
    """What the pattern wants on the days of the sheet."""
    first_on: date = date.max
    last_on: date = date.min
    """No turn on a day before or after is taken in."""


@dataclass(frozen=True)
class Problem:
    """A row that cannot be taken in, and why."""

    row: int
    told: Sentence


@dataclass
class Read:
    """What a sheet says."""

    stands: list[Stand] = field(default_factory=list)
    balances: list[tuple[int, str, float]] = field(default_factory=list)
    """Person, key of the burden, amount."""
    problems: list[Problem] = field(default_factory=list)


def read(rows: Sequence[Row], context: Context) -> Read:
    """Return what rows say, in whatever form."""
    reader = _Reader(context)
    for place, row in enumerate(rows[:_HEAD_ROWS]):
        form = reader.form_of(row)
        if form is not None:
            form(row, rows[place + 1 :])
            reader.settle()
            return reader.found
    told = N_("Row %(row)s: headings are missing. Person, line, from, until; or days and lines.")
    reader.problem(rows[0], told)
    return reader.found


class _Reader:
    """Collects what rows say, and what is wrong with them."""

    def __init__(self, context: Context) -> None:
        self.context, self.known = context, context.known
        self.found = Read()
        self._rows: dict[Stand, Row] = {}
        self._covered: set[Stand] = set()
        """Turns, or parts of them, in which somebody serves in another's place."""
        self._days: dict[tuple[int, int], tuple[int, Row]] = {}
        """Who is on a need (by its place) on a row of a line."""
        self._needs: dict[tuple[str, date], list[int]] = {}
        for place, need in enumerate(context.wanted):
            for day in need.days:
                self._needs.setdefault((need.line, day), []).append(place)

    def form_of(self, row: Row) -> Callable[[Row, Sequence[Row]], None] | None:
        """Return what reads the rows below these headings."""
        headings = [words.heading(cell) for cell in row.cells]
        days = sum(words.day_of(cell) is not None for cell in row.cells)
        lines = any(self.known.line(cell) for cell in row.cells[1:])
        if headings[0] == "day" and lines and not {"person", "from"} & set(headings):
            return self._days_by_lines
        if {"person", "from", "until"} <= set(headings):
            return self._list
        if "person" in headings and _BURDENS & set(headings):
            return self._burdens
        if days >= 2 and days >= len(row.cells) - 2:
            return self._people_by_days
        return None

    # Forms

    def _list(self, head: Row, rows: Sequence[Row]) -> None:
        columns = self._columns(head)
        for row in rows:
            instead = _at(row, columns["instead"]) if "instead" in columns else None
            person = self._person(row, instead or _at(row, columns["person"]))
            line = (
                self._line(row, _at(row, columns["line"])) if "line" in columns else self._only(row)
            )
            span = self._span(row, columns)
            if person is not None and line is not None and span is not None:
                stand = Stand(*span, line, person)
                self._stand(row, stand)
                self._covered |= {stand} if instead else set()

    def _days_by_lines(self, head: Row, rows: Sequence[Row]) -> None:
        lines = {
            place: self._line(head, cell) for place, cell in enumerate(head.cells) if place and cell
        }
        for row in rows:
            day = self._near(row, self._day(row, _at(row, 0)))
            for place, line in lines.items():
                cell = _at(row, place)
                if day is None or line is None or cell is None:
                    continue
                person = self._person(row, cell)
                if person is not None:
                    self._turn_on(row, day, line, person)

    def _people_by_days(self, head: Row, rows: Sequence[Row]) -> None:
        days = {
            place: day
            for place, cell in enumerate(head.cells)
            if (day := self._near(head, words.day_of(cell))) is not None
        }
        for row in rows:
            person = self._person(row, _at(row, 0))
            for place, day in days.items():
                cell = _at(row, place)
                line = self._line(row, cell) if cell is not None and person is not None else None
                if line is not None and person is not None:
                    self._turn_on(row, day, line, person)

    def _burdens(self, head: Row, rows: Sequence[Row]) -> None:
        columns = self._columns(head)
        for row in rows:
            person = self._person(row, _at(row, columns["person"]))
            for key in sorted(_BURDENS & columns.keys()):
                cell = _at(row, columns[key])
                amount = words.number_of(cell) if cell is not None else 0.0
                if amount is None or not 0 <= amount <= _MOST_SERVED:
                    told = N_("Row %(row)s: %(word)s is no number.")
                    self.problem(row, told, cell)
                elif person is not None:
                    self.found.balances.append((person, key, amount))

    # Cells

    def _columns(self, head: Row) -> dict[str, int]:
        found: dict[str, int] = {}
        for place, cell in enumerate(head.cells):
            if (heading := words.heading(cell)) is not None:
                found.setdefault(heading, place)
        return found

    def _person(self, row: Row, cell: Cell) -> int | None:
        people = self.known.person(cell)
        if len(people) == 1:
            return next(iter(people))
        several = N_("Row %(row)s: %(word)s may be several people. Write the whole name.")
        nobody = N_("Row %(row)s: nobody in the team is called %(word)s.")
        nearly = N_("Row %(row)s: nobody in the team is called %(word)s. Is it %(name)s?")
        near = None if people else self.known.nearest(cell)
        if near is not None:
            self.problem(row, nearly, cell, name=near)
        else:
            self.problem(row, several if people else nobody, cell)
        return None

    def _line(self, row: Row, cell: Cell) -> int | None:
        lines = self.known.line(cell)
        if len(lines) == 1:
            return next(iter(lines))
        self.problem(row, N_("Row %(row)s: the team has no line %(word)s."), cell)
        return None

    def _only(self, row: Row) -> int | None:
        """Return the line of a team that has one only."""
        if len(self.context.lines) == 1:
            return next(iter(self.context.lines))
        self.problem(row, N_("Row %(row)s: say which line."), None)
        return None

    def _day(self, row: Row, cell: Cell) -> date | None:
        day = words.day_of(cell)
        if day is None:
            self.problem(
                row, N_("Row %(row)s: %(word)s is no day. Write it like 2026-12-11."), cell
            )
        return day

    def _near(self, row: Row, day: date | None) -> date | None:
        """Return a day on which a turn may be."""
        if day is None or self.context.first_on <= day <= self.context.last_on:
            return day
        told = N_("Row %(row)s: %(day)s is far from today or the other days. Is the year right?")
        self.problem(row, told, None, day=day.isoformat())
        return None

    def _span(self, row: Row, columns: Mapping[str, int]) -> tuple[datetime, datetime] | None:
        cells = _at(row, columns["from"]), _at(row, columns["until"])
        walls = self._walls(row, columns, cells)
        if walls is None or not all(self._near(row, wall.date()) for wall in walls):
            return None
        begin, end = (self._instant(wall) for wall in walls)
        if end <= begin:
            self.problem(row, N_("Row %(row)s: the end must be after the start."), None)
            return None
        if end - begin > LONGEST:
            told = N_("Row %(row)s: longer than two weeks. Is the year right?")
            self.problem(row, told, None)
            return None
        return begin, end

    def _walls(
        self, row: Row, columns: Mapping[str, int], cells: tuple[Cell, Cell]
    ) -> tuple[datetime, datetime] | None:
        """Return when a turn begins and ends on the wall's clock."""
        if "day" in columns:
            day = self._day(row, _at(row, columns["day"]))
            starts, ends = (words.clock_of(cell) for cell in cells)
            if day is None:
                return None
            if starts is not None and ends is not None:
                if self._near(row, day) is None:
                    return None
                begin, end = datetime.combine(day, starts), datetime.combine(day, ends)
                return begin, end + (_DAY if end <= begin else timedelta())
        else:
            first, last = (words.instant_of(cell) for cell in cells)
            if first is not None and last is not None:
                return first, last
        self.problem(row, _NO_TIME, *cells)
        return None

    def _instant(self, wall: datetime) -> datetime:
        return wall.replace(tzinfo=ZoneInfo(self.context.zone)).astimezone(UTC)

    # Turns

    def _turn_on(self, row: Row, day: date, line: int, person: int) -> None:
        """Note who is on the turn of the pattern in which a day lies."""
        key = self.context.lines[line]
        places = self._needs.get((key, day)) or self._needs.get((key.rpartition("-")[0], day), [])
        begun = [place for place in places if self.context.wanted[place].days[0] == day]
        if len(begun or places) != 1:
            several = N_("Row %(row)s: several turns begin on %(day)s. Send a list with times.")
            nothing = N_("Row %(row)s: the pattern has no turn on %(day)s.")
            self.problem(row, several if places else nothing, None, day=day.isoformat())
            return
        (place,) = begun or places
        held, _ = self._days.setdefault((place, line), (person, row))
        if held != person:
            told = N_("Row %(row)s: somebody else has the turn of %(day)s on another row.")
            self.problem(row, told, None, day=day.isoformat())

    def _stand(self, row: Row, stand: Stand) -> None:
        self._rows.setdefault(stand, row)

    def settle(self) -> None:
        """Make turns of what was noted; two of one line may not meet."""
        for (place, line), (person, row) in self._days.items():
            need = self.context.wanted[place]
            self._stand(row, Stand(need.starts_at, need.ends_at, line, person))
        self._join()
        last: dict[int, Stand] = {}
        for stand in sorted(self._rows):
            before = last.get(stand.line_id)
            if before is not None and stand.starts_at < before.ends_at:
                told = N_("Row %(row)s: meets the turn of row %(other)s on the same line.")
                self.problem(self._rows[stand], told, None, other=self._rows[before].number)
            else:
                last[stand.line_id] = stand
                self.found.stands.append(stand)
        self.found.problems.sort(key=lambda problem: problem.row)

    def _join(self) -> None:
        """Join the parts of each turn in which somebody serves in another's place."""
        last: dict[int, Stand] = {}
        for stand in sorted(self._rows) if self._covered else ():
            before = last.get(stand.line_id)
            last[stand.line_id] = stand
            if before is None or not self._is_one(before, stand):
                continue
            whole = replace(before, ends_at=stand.ends_at)
            self._rows[whole] = self._rows.pop(before)
            del self._rows[stand]
            self._covered.add(whole)
            last[stand.line_id] = whole

    def _is_one(self, before: Stand, after: Stand) -> bool:
        """Return whether two are parts of one turn, which no turn of the pattern begins between."""
        touches = (before.ends_at, before.person_id) == (after.starts_at, after.person_id)
        key = self.context.lines[after.line_id]
        begins = any(
            need.line == key and need.starts_at == after.starts_at for need in self.context.wanted
        )
        return touches and not begins and bool(self._covered & {before, after})

    def problem(self, row: Row, told: str, *cells: Cell, **facts: object) -> None:
        """Note what is wrong with a row."""
        word = next((str(cell) for cell in cells if cell is not None), "-")
        sentence = Sentence(told, row=row.number, word=word[:_SHOWN], **facts)
        self.found.problems.append(Problem(row.number, sentence))


_NO_TIME = N_("Row %(row)s: %(word)s is no day and time. Write it like 2026-12-11 17:00.")


def _at(row: Row, place: int) -> Cell:
    return row.cells[place] if place < len(row.cells) else None
