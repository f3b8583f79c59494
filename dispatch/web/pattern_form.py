"""The form of a team's pattern of turns: from the fields of a request to the document, and back.

A field is named by its path in the document (`lines.0.turns.1.starts`), which is how a fault is
named too, so that each stands beside the field that it is about. Which fields there are follows
from the types of `rota.patterns.document`; what cannot be used is kept as it was typed and refused
there. Adding a row, taking one out and moving one up change the document in hand and store nothing.
"""

import dataclasses
import re
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from flask_babel import gettext

from dispatch.errors import Conflict
from dispatch.rota.documents import Wall
from dispatch.rota.patterns.document import Pattern, Units
from dispatch.texts import N_
from dispatch.web.forms import Form, clean_text

#: More rows than any list of a form has.
_MOST = 500
_GONE = N_("This is there no longer. Load the screen again.")
_EMPTY: tuple[object, ...] = ("", None, [], {})

#: What fields are called, by the last word of their path.
FIELDS: Mapping[str, str] = {
    "key": N_("name of the line"),
    "people": N_("people"),
    "missing": N_("cost of each person missing"),
    "surplus": N_("cost of each person too many"),
    "units": N_("goes by unit"),
    "kind": N_("kind of turn"),
    "tags": N_("also counts as"),
    "rests": N_("counts as rest"),
    "counts": N_("working time in per cent"),
    "qualification": N_("trained for"),
    "count": N_("how many of them"),
    "weight": N_("cost of each one missing"),
    "starts": N_("from"),
    "ends": N_("until"),
    "begins": N_("changes hands on"),
    "weeks": N_("weeks"),
    "since": N_("the first began on"),
    "on": N_("on"),
    "not_on": N_("but not on"),
    "days": N_("days later"),
    "closed": N_("closed on"),
    "cuts": N_("then turns change at"),
    "closed_kind": N_("kind of turn when closed"),
    "order": N_("people in their order"),
    "unit": N_("only turns of the unit"),
    "names": N_("units in their order"),
    "every": N_("the unit changes"),
    "office": N_("office hours"),
    "windows": N_("turns"),
    "turns": N_("turns"),
    "lines": N_("lines"),
    "blocks": N_("days that go to the same people"),
    "rotations": N_("fixed order"),
    "qualifications": N_("training"),
}
#: What a row of a list is called, with its number.
_ROWS: Mapping[str, str] = {
    "lines": N_("line %(number)s"),
    "turns": N_("turn %(number)s"),
    "windows": N_("turn %(number)s"),
    "qualifications": N_("training %(number)s"),
    "office": N_("office hours %(number)s"),
    "rotations": N_("fixed order %(number)s"),
    "order": N_("place %(number)s"),
    "blocks": N_("days %(number)s"),
}

_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]
_WHOLE_DAY = {
    "form": "days",
    "kind": "day24",
    "on": ["every_day"],
    "starts": "08:00",
    "ends": "08:00",
    "rests": True,
}
#: What a new turn begins with, by its form.
_TURNS: Mapping[str, Mapping[str, Any]] = {
    "week": {"kind": "week", "begins": "monday", "starts": "08:00", "rests": True},
    "days": _WHOLE_DAY,
    "after_hours": {
        "kind": "evening",
        "office": [{"on": _WEEKDAYS, "starts": "08:00", "ends": "16:30"}],
        "rests": True,
    },
    "dates": {"kind": "turn", "windows": [{"starts": "", "ends": ""}]},
}
FORMS: Mapping[str, str] = {
    "week": N_("whole weeks"),
    "days": N_("the same hours on certain days"),
    "after_hours": N_("whenever the office is shut"),
    "dates": N_("single dates"),
}


def posted(form: Form) -> dict[str, Any]:
    """Return the document that a form says; what cannot be used stands in it as it was typed."""
    return _Posted(form).fields(Pattern, "")


def fill(form: Form, document: Mapping[str, Any]) -> None:
    """Let a form show a document, defaults included."""
    form.values.update(_texts(Pattern, document, ""))


def edit(
    document: dict[str, Any], action: str, *, people: list[int], since: date | None
) -> str | None:
    """Change a document by a button: `add PATH [FORM]`, `remove PATH` or `up PATH`.

    Returns the path of a row that was added. A new fixed order begins with `people` on a day.
    Raises Conflict for a place that is not there.
    """
    verb, _, rest = action.partition(" ")
    path, _, turn = rest.partition(" ")
    if verb == "add":
        rows = _list_at(document, path)
        name = path.rpartition(".")[2]
        rows.append(_new(name, turn, people, since))
        return f"{path}.{len(rows) - 1}"
    path, _, place = path.rpartition(".")
    rows = _list_at(document, path)
    if not place.isdecimal() or int(place) >= len(rows):
        raise Conflict(_GONE)
    row = rows.pop(int(place))
    if verb == "up":
        rows.insert(max(int(place) - 1, 0), row)
    return None


def where(path: str) -> str:
    """Return the place that a path names, in the viewer's words: "line 1, turn 2, until"."""
    names = path.removeprefix("units.").split(".")
    words = []
    for name, number in zip(names, [*names[1:], ""], strict=True):
        if name in _ROWS and number.isdecimal():
            words.append(gettext(_ROWS[name], number=int(number) + 1))
        elif name in FIELDS:
            words.append(gettext(FIELDS[name]))
    return ", ".join(words) or path


def _new(name: str, turn: str, people: list[int], since: date | None) -> Any:
    if name == "turns":
        if turn not in _TURNS:
            raise Conflict(_GONE)
        return {"form": turn, **_TURNS[turn]}
    return {
        "lines": {"key": "", "turns": [_WHOLE_DAY]},
        "qualifications": {"qualification": ""},
        "office": {"on": _WEEKDAYS, "starts": "08:00", "ends": "16:30"},
        "windows": {"starts": "", "ends": ""},
        "blocks": ["saturday", "sunday"],
        "rotations": {"order": people, "since": since.isoformat() if since else ""},
    }.get(name, "")


def _list_at(document: dict[str, Any], path: str) -> list[Any]:
    """Return a list of a document; one that is not there yet is made."""
    found: Any = document
    *onward, last = path.split(".")
    try:
        for name in onward:
            found = found[int(name)] if isinstance(found, list) else found[name]
        rows = found.setdefault(last, []) if last in _ROWS else None
    except (KeyError, IndexError, ValueError, TypeError, AttributeError):
        rows = None
    if not isinstance(rows, list) or len(rows) >= _MOST:
        raise Conflict(_GONE)
    return rows


# --- From fields to a document.


class _Posted:
    """The fields of a form by their types."""

    def __init__(self, form: Form) -> None:
        self._form = form

    def fields(self, kind: Any, at: str) -> dict[str, Any]:
        """Return what is said of a dataclass; what holds anyway is left out."""
        found = {}
        for name, hint, default in _fields(kind):
            value = self._value(hint, f"{at}.{name}" if at else name)
            # A list that was emptied says something where one is asked for, or is there otherwise.
            says = value == [] and bool(default)
            if says or (value not in _EMPTY and value != default):
                found[name] = value
        return found

    def _value(self, kind: Any, at: str) -> Any:
        kind = _plain(kind)
        origin, of = typing.get_origin(kind), typing.get_args(kind)
        if origin is types.UnionType:
            form = self._form.values.get(f"{at}.form", "")
            forms = {one.FORM: one for one in of}
            return {"form": form, **(self.fields(forms[form], at) if form in forms else {})}
        if origin in (tuple, frozenset):
            return self._several(of[0], at)
        if kind is Units and not self._form.values.get(f"{at}.every"):
            return None
        if dataclasses.is_dataclass(kind):
            return self.fields(kind, at)
        if kind is bool:
            return self._form.ticked(at)
        text = clean_text(self._form.values.get(at, ""))
        return int(text) if kind is int and re.fullmatch("[0-9]{1,10}", text) else text

    def _several(self, kind: Any, at: str) -> list[Any]:
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return self._form.several(at, {word.value for word in kind})
        if kind in (str, Wall):
            parts = clean_text(self._form.values.get(at, "")).split(",")
            return [part.strip() for part in parts if part.strip()]
        row = re.compile(re.escape(at) + r"\.([0-9]{1,3})(?:\.|$)")
        places = {int(found[1]) for name in self._form.values if (found := row.match(name))}
        rows = [self._value(kind, f"{at}.{place}") for place in sorted(places)[:_MOST]]
        return [one for one in rows if one not in _EMPTY]


# --- From a document to fields.


def _texts(kind: Any, value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Yield each field of a value with its text."""
    kind = _plain(kind)
    if typing.get_origin(kind) is types.UnionType:
        yield f"{at}.form", str(value.get("form", ""))
        forms = {one.FORM: one for one in typing.get_args(kind)}
        kind = forms.get(value.get("form"))
    if dataclasses.is_dataclass(kind):
        for name, hint, default in _fields(kind):
            content = (value or {}).get(name, None if default is dataclasses.MISSING else default)
            yield from _texts(hint, content, f"{at}.{name}" if at else name)
    elif _has_rows(kind):
        for place, one in enumerate(value or ()):
            yield from _texts(typing.get_args(kind)[0], one, f"{at}.{place}")
    elif typing.get_origin(kind) in (tuple, frozenset):
        yield at, ", ".join(_text(one) for one in value or ())
    elif kind is not None:
        yield at, _text(value)


def _has_rows(kind: Any) -> bool:
    """Return whether each of several has a row; all other lists of plain values are one field."""
    if typing.get_origin(kind) is not tuple:
        return False
    one = _plain(typing.get_args(kind)[0])
    return typing.get_origin(one) is not None or dataclasses.is_dataclass(one) or one is int


def _text(value: object) -> str:
    if isinstance(value, Wall):
        return f"{value // 60:02}:{value % 60:02}"
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else str(value)


# --- Types.


def _fields(kind: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, type and default of the fields of a dataclass."""
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        yield field.name, hints[field.name], field.default


def _plain(kind: Any) -> Any:
    """Return a type without its bounds and without None."""
    if typing.get_origin(kind) is typing.Annotated:
        return _plain(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        rest = [one for one in typing.get_args(kind) if one is not types.NoneType]
        return _plain(rest[0]) if len(rest) == 1 else kind
    return kind
