"""The own format: JSON bytes to an `Alert`, as the contract describes it.

Only `type` is required. Whatever else is wrong or unknown is left out, kept in `alert.unknown` and
named in `alert.problems` with what was expected, never with what was sent: problems travel back to
the sender and stand unsealed in the database. Texts are made harmless and bounded here, so that
nobody after this has to fear them. Any bytes give an `Alert` or `Unreadable`, nothing else. Whether
a category or team exists, and whether an instant is plausible now, is left to others.
"""

import json
import math
import re
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from dispatch.incidents.alerts import (
    FLAGS,
    MAY_BE_REQUIRED,
    WISHES,
    Alert,
    AlertType,
    Contact,
    Involved,
    Place,
    Problem,
)

T = TypeVar("T")

NARRATIVE_LIMIT = 100_000
SUMMARY_LIMIT = 1_000
#: One line: an address, a name, a role.
LINE_LIMIT = 500
#: A word that identifies something. A longer one is left out, because a cut reference could be
#: taken for another incident's.
WORD_LIMIT = 200
PERSONS_LIMIT = 50
TEAMS_LIMIT = 20
#: More than this is a sender gone wrong: the answer and the row stay small.
PROBLEMS_LIMIT = 50
#: What is kept for reading must also be writable again, whatever the depth of the stack then.
DEPTH_LIMIT = 30


class Unreadable(Exception):
    """No object of a known type; `detail` says what was expected."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def read(body: bytes) -> Alert:
    """Return what `body` says. Raises Unreadable."""
    report = _Report()
    given = _parse(body, report)
    if not isinstance(given, dict):
        raise Unreadable("Expected one JSON object.")
    fields = _Fields(given, "", report)
    kind = _type(fields.take("type"))
    alert = Alert(
        kind,
        reference=fields.word("reference") or None,
        category=fields.word("category").lower() or None,
        occurred_at=fields.instant("occurred_at"),
        appointment_at=fields.instant("appointment_at"),
        priority=fields.whole("priority", 1, 3),
        place=_place(fields.part("place")),
        summary=fields.text("summary", SUMMARY_LIMIT),
        narrative=fields.text("narrative", NARRATIVE_LIMIT, lines=True),
        contact=_contact(fields.part("contact")),
        persons=tuple(_involved(part) for part in fields.parts("persons")),
        wishes=_wishes(fields.part("wishes")),
        flags=_flags(fields.part("flags")),
        teams=fields.words("teams"),
        drill=bool(fields.truth("drill")),
    )
    fields.close()
    return replace(alert, problems=report.named(), unknown=report.unknown)


def _type(value: Any) -> AlertType:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in {kind.value for kind in AlertType}:
        raise Unreadable('Expected "type" to be "alert", "update", "cancel" or "test".')
    return AlertType(word)


def _place(fields: "_Fields") -> Place:
    lat, lon = fields.number("lat", -90, 90), fields.number("lon", -180, 180)
    if (lat is None) != (lon is None):
        fields.refuse("lat" if lat is not None else "lon", lat if lon is None else lon, _BOTH)
        lat = lon = None
    place = Place(
        address=fields.text("address"),
        municipality=fields.text("municipality"),
        postcode=fields.word("postcode", limit=20),
        lat=lat,
        lon=lon,
        safe_to_approach=fields.truth("safe_to_approach"),
        meeting_point=fields.text("meeting_point"),
    )
    fields.close()
    return place


def _contact(fields: "_Fields") -> Contact:
    contact = Contact(
        name=fields.text("name"), phone=fields.word("phone"), role=fields.text("role")
    )
    fields.close()
    return contact


def _involved(fields: "_Fields") -> Involved:
    involved = Involved(
        role=fields.text("role"),
        age=fields.whole("age", 0, 130),
        children=fields.whole("children", 0, 50),
        knows_already=fields.truth("knows_already"),
    )
    fields.close()
    return involved


def _wishes(fields: "_Fields") -> dict[str, str]:
    # A sender may well say that an interpreter is wanted without saying which.
    fields.replace("interpreter", {True: "yes", False: "no"})
    wishes = {name: fields.text(name) for name in WISHES}
    wishes["required"] = " ".join(fields.words("required", among=MAY_BE_REQUIRED))
    fields.close()
    return {name: text for name, text in wishes.items() if text}


def _flags(fields: "_Fields") -> dict[str, bool]:
    flags = {name: fields.truth(name) for name in FLAGS}
    fields.close()
    return {name: value for name, value in flags.items() if value is not None}


# --- bytes to values ---


def _parse(body: bytes, report: "_Report") -> Any:
    def paired(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            report.add("body", "A field stands twice in one object; the last one was taken.")
        return values

    try:
        return json.loads(
            _decode(body, report),
            strict=False,
            object_pairs_hook=paired,
            parse_int=_whole_number,
            parse_float=_finite_number,
            parse_constant=str,
        )
    except RecursionError:
        raise Unreadable("Expected JSON that is not nested so deeply.") from None
    except ValueError:
        raise Unreadable("Expected JSON.") from None


def _decode(body: bytes, report: "_Report") -> str:
    encoding = json.detect_encoding(body)
    try:
        return body.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        report.add("body", "Expected UTF-8; some letters may be wrong.")
        # What older systems send instead; every byte is then some letter.
        older = "cp1252" if encoding.startswith("utf-8") else encoding
        return body.decode(older, "replace")


def _whole_number(digits: str) -> int | str:
    # Python refuses to turn thousands of digits into a number and back; as text they are harmless.
    return int(digits) if len(digits) <= 18 else digits


def _finite_number(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


# --- texts ---

_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029\x85]")
#: Control characters but tab and line feed, and marks that reorder, join or hide text.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAME = re.compile(r"[\w.\[\]$@:-]{1,80}")


def harmless(text: str) -> str:
    """Return `text` without what could disturb a screen, a log or a database."""
    return _SURROGATE.sub("\ufffd", _HARMFUL.sub("", _LINE_ENDS.sub("\n", text)))


def _kept(value: Any, depth: int = 0) -> Any:
    """Return a value as it came, but such that it can be written again."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if depth == DEPTH_LIMIT and isinstance(value, (dict, list)):
        return "[nested deeper]"
    if isinstance(value, dict):
        return {_kept(name): _kept(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_kept(inner, depth + 1) for inner in value]
    return value


# --- fields ---

_BOTH = "Expected lat and lon together."


class _Report:
    """What could not be used, over the whole document."""

    def __init__(self) -> None:
        self.unknown: dict[str, Any] = {}
        self._problems: list[Problem] = []
        self._more = 0

    def add(self, path: str, detail: str) -> None:
        """Name a problem; a field's name is a stranger's text too."""
        if len(self._problems) >= PROBLEMS_LIMIT:
            self._more += 1
            return
        name = path if _NAME.fullmatch(path) else "[unnamed]"
        problem = Problem(name, detail)
        if problem not in self._problems:
            self._problems.append(problem)

    def refuse(self, path: str, value: Any, detail: str) -> None:
        """Leave a field out, keep it and name it."""
        self.unknown[_kept(path)] = _kept(value)
        self.add(path, detail)

    def named(self) -> tuple[Problem, ...]:
        """Return the problems; beyond a bound only how many there are."""
        if self._more:
            more = Problem("body", f"{self._more} more fields were left out.")
            return (*self._problems, more)
        return tuple(self._problems)


class _Fields:
    """One object: each method takes a field out of it, and `close` names what nobody took."""

    def __init__(self, given: dict[str, Any], path: str, report: _Report) -> None:
        self._given, self._path, self._report = given, path, report

    def take(self, name: str) -> Any:
        """Take a field; None is the same as not given."""
        return self._given.pop(name, None)

    def replace(self, name: str, words: dict[bool, str]) -> None:
        """Put words in the place of true and false."""
        if isinstance(self._given.get(name), bool):
            self._given[name] = words[self._given[name]]

    def refuse(self, name: str, value: Any, detail: str) -> None:
        """Leave a field out."""
        self._report.refuse(self._path + name, value, detail)

    def text(self, name: str, limit: int = LINE_LIMIT, *, lines: bool = False) -> str:
        """Take a text, cut at `limit`; without `lines` it becomes one line."""
        value = self.take(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.refuse(name, value, "Expected a text.")
            return ""
        text = harmless(value).strip() if lines else " ".join(harmless(value).split())
        if len(text) > limit:
            detail = f"Cut after {limit:,} characters; the whole is kept with the delivery."
            self._report.add(self._path + name, detail)
        return text[:limit]

    def word(self, name: str, limit: int = WORD_LIMIT) -> str:
        """Take a text or whole number that identifies something: used whole or not at all."""
        value = self.take(name)
        if value is None:
            return ""
        if _is_whole(value):
            value = str(value)
        word = " ".join(harmless(value).split()) if isinstance(value, str) else ""
        if not isinstance(value, str) or len(word) > limit:
            self.refuse(name, value, f"Expected a text of at most {limit} characters.")
            return ""
        return word

    def words(self, name: str, among: Collection[str] = ()) -> tuple[str, ...]:
        """Take a list of words, of certain ones if any are named."""
        fields = self._list(name, TEAMS_LIMIT)
        words = {index: fields.word(index) for index in list(fields._given)}
        for index, word in words.items() if among else ():
            if word and word not in among:
                fields.refuse(index, word, f"Expected one of {', '.join(among)}.")
                words[index] = ""
        return tuple(dict.fromkeys(word for word in words.values() if word))

    def whole(self, name: str, low: int, high: int) -> int | None:
        """Take a whole number."""
        return self._checked(
            name,
            lambda value: int(value) if _is_whole(value) and low <= value <= high else None,
            f"Expected a whole number from {low} to {high}.",
        )

    def number(self, name: str, low: float, high: float) -> float | None:
        """Take a number."""
        return self._checked(
            name,
            lambda value: float(value) if _is_number(value) and low <= value <= high else None,
            f"Expected a number from {low} to {high}.",
        )

    def truth(self, name: str) -> bool | None:
        """Take true or false."""
        return self._checked(
            name,
            lambda value: value if isinstance(value, bool) else None,
            "Expected true or false.",
        )

    def instant(self, name: str) -> datetime | None:
        """Take an instant; one without a zone could be hours off, and is left out."""
        return self._checked(
            name, _instant, 'Expected an instant with its zone, like "2026-03-14T21:05:00+01:00".'
        )

    def part(self, name: str) -> "_Fields":
        """Take an object; an empty one if there is none."""
        value = self._checked(
            name, lambda value: value if isinstance(value, dict) else None, "Expected an object."
        )
        return _Fields(value or {}, f"{self._path}{name}.", self._report)

    def parts(self, name: str) -> list["_Fields"]:
        """Take a list of objects."""
        fields = self._list(name, PERSONS_LIMIT)
        given = [index for index, value in fields._given.items() if isinstance(value, dict)]
        parts = [fields.part(index) for index in given]
        fields.close("Expected an object.")
        return parts

    def close(self, detail: str = "Not a field of this format.") -> None:
        """Name and keep what nobody took."""
        for name, value in self._given.items():
            if value is not None:
                self.refuse(name, value, detail)
        self._given = {}

    def _list(self, name: str, limit: int) -> "_Fields":
        value = self._checked(
            name, lambda value: value if isinstance(value, list) else None, "Expected a list."
        )
        items = {f"[{index}]": item for index, item in enumerate(value or [])}
        if len(items) > limit:
            self.refuse(name, value, f"Expected at most {limit}; the others were left out.")
            items = dict(list(items.items())[:limit])
        return _Fields(items, self._path + name, self._report)

    def _checked(self, name: str, check: Callable[[Any], T | None], detail: str) -> T | None:
        value = self.take(name)
        if value is None:
            return None
        result = check(value)
        if result is None:
            self.refuse(name, value, detail)
        return result


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and value == int(value)


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value.strip())
        if instant.tzinfo is None:
            return None
        instant = instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # A missing date is often sent as the first day of some calendar.
    return instant if instant.year >= 1900 else None
