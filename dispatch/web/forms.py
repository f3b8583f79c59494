"""Reads what people typed: keeps it, says what is wrong with which field, and never trusts it.

A `Form` is made of a request's fields (or of what a screen begins with), its readers return typed
values and note what cannot be used, and `check` raises Invalid once, with every field named. The
same form then shows the screen again with nothing lost. What the values mean is left to the core,
whose Invalid is taken in by `refuse`.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from flask_babel import get_locale, gettext
from werkzeug.datastructures import MultiDict

from dispatch.errors import DispatchError, Invalid
from dispatch.texts import N_, Sentence, worded

Word = TypeVar("Word", bound=StrEnum)

#: Marks that turn text around, join or hide it, and characters that are none.
_UNSEEN = re.compile("[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

REQUIRED = N_("Fill this in.")
CHOOSE = N_("Choose one of these.")


def clean_text(text: str, *, lines: bool = False) -> str:
    """Return `text` in one form of Unicode without control, direction and hiding marks.

    With `lines`, ends of lines stay; without, every run of white space is one space.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _CONTROL.sub("", _UNSEEN.sub("", text.replace("\t", " ")))
    if lines:
        return "\n".join(line.rstrip() for line in text.split("\n")).strip()
    return " ".join(text.split())


def told(sentence: str) -> str:
    """Return a sentence of the core in the viewer's language."""
    if isinstance(sentence, Sentence):
        return str(gettext(sentence.text, **worded(str(get_locale()), sentence.facts)))
    return str(gettext(sentence))


def _is_near(day: date) -> bool:
    """Return whether a day can be counted from and to without leaving what a calendar knows."""
    return 1900 <= day.year <= 2200


class Form:
    """What was typed, and what is wrong with it; templates read `values` and `errors`."""

    def __init__(self, fields: Mapping[str, str] | None = None, **initial: object) -> None:
        self._fields = fields if isinstance(fields, MultiDict) else MultiDict(fields or {})
        self.values: dict[str, str] = {
            name: "" if value is None else str(value) for name, value in initial.items()
        }
        self.values.update(self._fields.items())
        self.errors: dict[str, str] = {}

    def text(
        self, name: str, *, required: bool = False, most: int = 200, lines: bool = False
    ) -> str:
        """Return a text without hidden marks."""
        value = clean_text(self.values.get(name, ""), lines=lines)
        self.values[name] = value
        if required and not value:
            self.error(name, REQUIRED)
        if len(value) > most:
            self.error(name, N_("Shorten this to %(most)s characters."), most=most)
        return value[:most]

    def secret(self, name: str) -> str:
        """Return a password as it was typed; it is never shown again."""
        return self.values.pop(name, "")

    def choice(self, name: str, words: type[Word], *, default: Word | None = None) -> Word | None:
        """Return one of the words."""
        value = self.values.get(name, "")
        if not value and default is not None:
            return default
        try:
            return words(value)
        except ValueError:
            self.error(name, CHOOSE)
            return default

    def one_of(self, name: str, choices: Collection[str], *, required: bool = True) -> str:
        """Return one of the texts that were offered."""
        value = self.values.get(name, "")
        if value in choices or (not value and not required):
            return value
        self.error(name, CHOOSE)
        return ""

    def id_of(self, name: str, offered: Iterable[int], *, required: bool = True) -> int | None:
        """Return one of the ids that were offered, so that no other row can be named."""
        value = self.one_of(name, {str(number) for number in offered}, required=required)
        return int(value) if value else None

    def number(self, name: str, least: int, most: int) -> int | None:
        """Return a whole number between two others, or None if nothing was typed."""
        value = self.values.get(name, "").strip()
        if not value:
            return None
        if re.fullmatch(r"-?[0-9]{1,9}", value) and least <= int(value) <= most:
            return int(value)
        self.error(name, N_("Give a number from %(least)s to %(most)s."), least=least, most=most)
        return None

    def day(self, name: str, *, required: bool = False) -> date | None:
        """Return a date as browsers send it."""
        value = self.values.get(name, "").strip()
        if not value:
            if required:
                self.error(name, REQUIRED)
            return None
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = date.min
        if _is_near(day):
            return day
        self.error(name, N_("Give a date, such as 2026-03-29."))
        return None

    def instant(self, name: str, zone: ZoneInfo, *, required: bool = False) -> datetime | None:
        """Return a local date and time of `zone` as an instant.

        A time that a change of the clock skipped is refused; one that it repeats is the first.
        """
        value = self.values.get(name, "").strip()
        if not value:
            if required:
                self.error(name, REQUIRED)
            return None
        try:
            local = datetime.fromisoformat(value).replace(tzinfo=zone)
        except ValueError:
            local = datetime.min.replace(tzinfo=zone)
        if not _is_near(local):
            self.error(name, N_("Give a date and a time, such as 2026-03-29 21:05."))
            return None
        instant = local.astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
            self.error(name, N_("This time does not exist: the clock is put forward then."))
            return None
        return instant

    def ticked(self, name: str) -> bool:
        """Return whether a box was ticked."""
        return bool(self.values.get(name))

    def several(self, name: str, offered: Collection[str] | None = None) -> list[str]:
        """Return what was chosen, of the offered values where those are given."""
        chosen = self._fields.getlist(name)
        return [value for value in chosen if offered is None or value in offered]

    def error(self, name: str, sentence: str, /, **facts: object) -> None:
        """Note what is wrong with a field; the first thing said stays."""
        self.errors.setdefault(name, gettext(sentence, **facts) if facts else told(sentence))

    def refuse(self, error: DispatchError) -> "Form":
        """Take in what the core refused; what names no field is said above the form."""
        for name, sentence in error.fields.items():
            self.error(name, sentence)
        if not error.fields:
            self.error("", error.message)
        return self

    def check(self) -> None:
        """Raise Invalid if anything was noted."""
        if self.errors:
            raise Invalid(gettext("Look at the fields that are marked."), **self.errors)
