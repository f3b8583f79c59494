"""Documents that people edit (patterns, rules) as typed values, or a fault for every field.

What TOML or JSON gives is read into dataclasses by the types of their fields; a field that nobody
knows is a fault like any other, because one that is quietly ignored is found out at night. Every
fault names its field by its path, `lines.1.turns.0.ends`, counted from 0. What the values mean
together is for whoever reads them.
"""

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, TypeVar

from dispatch.errors import Invalid
from dispatch.texts import N_, Sentence

_T = TypeVar("_T")


class Wall(int):
    """A time on the wall's clock in minutes since midnight: 0 to 1440, which is 24:00."""


@dataclasses.dataclass(frozen=True)
class Between:
    """The whole numbers that a field takes: `Annotated[int, Between(1, 52)]`."""

    least: int
    most: int


def read(kind: type[_T], document: object, at: str = "") -> _T:
    """Return what a document says; raises Invalid with a sentence for every field at fault.

    `at` is the path of the document within a greater one.
    """
    reader = _Reader()
    found = reader.value(kind, document, at)
    refuse(reader.faults)
    return typing.cast("_T", found)


def refuse(faults: Mapping[str, str]) -> None:
    """Raise Invalid if there is a fault."""
    if faults:
        told = N_("This cannot be used as it is: %(fields)s.")
        raise Invalid(Sentence(told, fields=", ".join(faults)), **faults)


_EXPECTED: Mapping[Any, str] = {
    str: N_("A text is expected."),
    bool: N_("Yes or no is expected: true or false."),
    int: N_("A whole number is expected, 0 or more."),
    date: N_("A day is expected, such as 2026-03-14."),
    datetime: N_("A local day and time are expected, such as 2026-03-14T08:00."),
    Wall: N_("A time is expected, such as 08:00, 24:00 at the latest."),
}


class _Reader:
    """Collects faults by field; where there is one, what is returned is of no use."""

    def __init__(self) -> None:
        self.faults: dict[str, str] = {}

    def value(self, kind: Any, value: object, at: str) -> Any:
        origin, of = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Annotated:
            return self._bounded(of[1], self.value(of[0], value, at), at)
        if origin in (types.UnionType, typing.Union):
            return self._one_of(of, value, at)
        if origin in (tuple, frozenset):
            return self._several(origin, of, value, at)
        if dataclasses.is_dataclass(kind):
            return self._fields(kind, value, at)
        if issubclass(kind, StrEnum):
            known = [word.value for word in kind]
            return kind(str(value)) if value in known else self._unknown(known, at)
        found = _plain(kind, value)
        return self._fault(at, _EXPECTED[kind]) if found is None else found

    def _bounded(self, allowed: Between, value: Any, at: str) -> Any:
        if isinstance(value, int) and not allowed.least <= value <= allowed.most:
            told = N_("A number from %(least)s to %(most)s is expected.")
            return self._fault(at, Sentence(told, least=allowed.least, most=allowed.most))
        return value

    def _one_of(self, kinds: tuple[Any, ...], value: object, at: str) -> Any:
        kinds = tuple(kind for kind in kinds if kind is not types.NoneType)
        if len(kinds) == 1:
            return None if value is None else self.value(kinds[0], value, at)
        if all(dataclasses.is_dataclass(kind) for kind in kinds):
            forms = {kind.FORM: kind for kind in kinds}
            word = value.get("form") if isinstance(value, Mapping) else None
            if not isinstance(word, str) or word not in forms:
                return self._unknown(list(forms), f"{at}.form")
            content = {key: part for key, part in dict(value).items() if key != "form"}  # type: ignore[call-overload]
            return self._fields(forms[word], content, at)
        fitting = [kind for kind in kinds if _plain(kind, value) is not None]
        return self.value((*fitting, *kinds)[0], value, at)

    def _several(self, origin: Any, of: tuple[Any, ...], value: object, at: str) -> Any:
        fixed = origin is tuple and of[-1] is not Ellipsis
        values = list(value) if isinstance(value, list | tuple | set | frozenset) else None
        if values is None or (fixed and len(values) != len(of)):
            told = N_("A list of %(count)s is expected.") if fixed else N_("A list is expected.")
            return self._fault(at, Sentence(told, count=len(of)) if fixed else told)
        return origin(self.value(of[0], one, f"{at}.{place}") for place, one in enumerate(values))

    def _fields(self, kind: Any, content: object, at: str) -> Any:
        if not isinstance(content, Mapping):
            return self._fault(at, N_("Named fields are expected here."))
        within = f"{at}." if at else ""
        hints = typing.get_type_hints(kind, include_extras=True)
        fields = {field.name: field for field in dataclasses.fields(kind)}
        for key in content:
            if key not in fields:
                self._unknown(list(fields), f"{within}{key}")
        for name, field in fields.items():
            if name not in content and not _has_default(field):
                self._fault(f"{within}{name}", N_("This is missing."))
        values = {
            # What holds anyway may be said in so many words: an empty text, none.
            name: fields[name].default
            if value == fields[name].default
            else self.value(hints[name], value, f"{within}{name}")
            for name, value in content.items()
            if name in fields
        }
        return None if self.faults else kind(**values)

    def _unknown(self, known: list[str], at: str) -> None:
        told = N_("Only these are known here: %(known)s.")
        self._fault(at, Sentence(told, known=", ".join(known)))

    def _fault(self, at: str, told: str) -> None:
        self.faults.setdefault(at, told)


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return not (field.default is field.default_factory is dataclasses.MISSING)


#: What no number in a document exceeds, and from when to when its days lie: beyond, a slip of the
#: finger would be worked through for hours.
_HIGHEST = 1_000_000_000
_YEARS = range(2000, 2200)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?|24:00")


def _plain(kind: Any, value: object) -> Any:
    """Return a single value as the kind asked for; None if it is none."""
    if kind is Wall:
        return _wall(value)
    if kind is str:
        return value.strip() or None if isinstance(value, str) else None
    if kind in (date, datetime):
        return _day(kind, value)
    if kind is bool:
        return value if isinstance(value, bool) else None
    number = isinstance(value, int) and not isinstance(value, bool)
    return value if number and 0 <= typing.cast("int", value) <= _HIGHEST else None


def _wall(value: object) -> Wall | None:
    if isinstance(value, time):
        value = value.isoformat()
    found = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    return Wall(int(found[1]) * 60 + int(found[2])) if found[1] else Wall(1440)


def _day(kind: type[date], value: object) -> date | None:
    if isinstance(value, str):
        try:
            value = kind.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, date) or type(value) is not kind or getattr(value, "tzinfo", None):
        return None
    return value if value.year in _YEARS else None
