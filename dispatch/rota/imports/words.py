"""What the cells of a sheet mean: headings in any language, people, lines, days and times.

A heading is understood in every language of the catalogue and as spreadsheets usually write it. Who
or what is meant must be sure: of two people with one first name, neither is.
"""

import difflib
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from dispatch import texts
from dispatch.rota.fairness import BURDENS
from dispatch.rota.imports.sheets import Cell
from dispatch.rota.sentences import COUNTED

_LANGUAGES = ("en", "nl", "fr", "sv", "da")
_HEADINGS: Mapping[str, str] = {
    "person": "person name naam persoon nom personne namn navn medewerker officer agent",
    "line": "line lijn ligne linje role rol roll rolle",
    "from": "from begin begins start starts van vanaf de du debut fran fra",
    "until": "until to end ends tot einde eind fin au till til slut jusqu'au",
    "day": "day date dag datum jour dato",
}
#: What our own sheets call their columns: a list that was exported can be sent back.
_EXPORTED: Mapping[str, str] = {
    "Who": "person",
    "Line": "line",
    "From": "from",
    "Until": "until",
    "Instead of": "instead",
}
#: The year first, or last after day and month: in that order in every country that is served.
_DAY = re.compile(r"(?<!\d)(\d{4}|\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?!\d)")
#: From this likeness on, a name is asked after as mistyped.
_NEAR = 0.85
_TIME = re.compile(r"([01]?\d|2[0-4])[:.hu]?([0-5]\d)?")


@dataclass(frozen=True)
class Known:
    """The people and lines of a team, by everything that a sheet may call them."""

    people: Mapping[str, frozenset[int]] = field(default_factory=dict)
    lines: Mapping[str, frozenset[int]] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)

    def person(self, cell: Cell) -> frozenset[int]:
        """Return who may be meant: one, or nobody, or several."""
        return self.people.get(plain(cell), frozenset())

    def nearest(self, cell: Cell) -> str | None:
        """Return the name of the only one who may be meant by a word that is nearly theirs."""
        near = difflib.get_close_matches(plain(cell), self.people, cutoff=_NEAR)
        ids = frozenset[int]().union(*(self.people[word] for word in near))
        return self.names.get(next(iter(ids))) if len(ids) == 1 else None

    def line(self, cell: Cell) -> frozenset[int]:
        """Return which line may be meant."""
        return self.lines.get(plain(cell), frozenset())


def known(
    people: Iterable[tuple[int, str, str | None]], lines: Iterable[tuple[int, str, str]]
) -> Known:
    """Return what a sheet may name: people by (id, name, sign-in), lines by (id, key, name).

    A person goes by the whole name, either way round, the name to sign in with, and the first name;
    a line by its key, its name, and its first letter.
    """
    found: dict[str, set[int]] = {}
    names: dict[int, str] = {}
    for id_, name, sign_in in people:
        names[id_] = name
        first, _, rest = name.partition(" ")
        for word in (name, f"{rest} {first}", f"{rest}, {first}", first, sign_in):
            if word:
                found.setdefault(plain(word), set()).add(id_)
    rows: dict[str, set[int]] = {}
    for id_, key, name in lines:
        for word in {key, name, key[:1], name[:1]}:
            rows.setdefault(plain(word), set()).add(id_)
    return Known(
        {word: frozenset(ids) for word, ids in found.items()},
        {word: frozenset(ids) for word, ids in rows.items()},
        names,
    )


def heading(cell: Cell) -> str | None:
    """Return what a column holds: person, line, from, until, day, instead, or a burden's key."""
    return _MEANINGS.get(plain(cell))


def day_of(cell: Cell) -> date | None:
    """Return the day in a cell; None if there is none."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if not isinstance(cell, str):
        return None
    # Spreadsheets show the weekday before a date.
    found = _DAY.search(cell)
    if found is None:
        return None
    first, month, last = found.groups()
    year, day = (first, last) if len(first) == 4 else (last, first)
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    except ValueError:
        return None


def clock_of(cell: Cell) -> time | None:
    """Return the time of day in a cell; 24:00 is midnight."""
    if isinstance(cell, datetime):
        return cell.time()
    if isinstance(cell, time):
        return cell
    if isinstance(cell, int | float):
        # A spreadsheet keeps a time as a part of a day.
        minutes = round(cell * 1440) if 0 <= cell < 1 else int(cell) * 60
        return time(minutes // 60 % 24, minutes % 60) if minutes <= 1440 else None
    found = _TIME.fullmatch(cell.strip().lower()) if isinstance(cell, str) else None
    return time(int(found[1]) % 24, int(found[2] or 0)) if found else None


def instant_of(cell: Cell) -> datetime | None:
    """Return the local day and time in a cell, without a zone."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None)
    if not isinstance(cell, str):
        return None
    day, _, clock = cell.replace("T", " ").rpartition(" ")
    on, at = day_of(day), clock_of(clock)
    return datetime.combine(on, at) if on is not None and at is not None else None


def number_of(cell: Cell) -> float | None:
    """Return the number in a cell, also with a comma; none that is endless."""
    try:
        number = float(cell if isinstance(cell, int | float) else str(cell).replace(",", "."))
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def plain(cell: Cell) -> str:
    """Return a word as it is compared: small, without accents, marks at its end, or extra space."""
    spread = unicodedata.normalize("NFKD", str(cell or "").casefold())
    bare = "".join(c for c in spread if not unicodedata.combining(c))
    return " ".join(bare.split()).strip(" .:*")


def _meanings() -> dict[str, str]:
    found = {word: key for key, words in _HEADINGS.items() for word in words.split()}
    for word, key in _EXPORTED.items():
        found |= {plain(texts.say(language, word)): key for language in _LANGUAGES}
    for burden in BURDENS:
        for language in _LANGUAGES:
            found[plain(texts.say(language, COUNTED[burden.key]))] = burden.key
        found[burden.key] = burden.key
        found[burden.key.replace("_", " ")] = burden.key
    return found


_MEANINGS = _meanings()
