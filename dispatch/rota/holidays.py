"""Days that matter to a rota: public holidays, eves, school holidays, and what a place adds itself.

The only home of the `holidays` library. It is asked while a rota is planned; a published rota keeps
the list it was planned by, so that an update of the library never rewrites what was fair. Where
the library knows none (school holidays that each municipality sets, a town's own feast), the
organisation adds its own.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any

import holidays

from dispatch.errors import Invalid
from dispatch.texts import N_, Sentence


class Kind(StrEnum):
    """What a day is; also the tag of turns on it."""

    PUBLIC_HOLIDAY = "public_holiday"
    EVE = "eve"
    """No holiday by law, kept as one by custom: Midsummer, Christmas and New Year's Eve."""
    SCHOOL_HOLIDAY = "school_holiday"
    OPTIONAL = "optional"
    """Free, or free from noon, for some: banks, half days, bridging days."""


@dataclass(frozen=True, slots=True, order=True)
class Day:
    """A day that matters, and why."""

    on: date
    kind: Kind
    name: str = ""


@dataclass(frozen=True)
class Calendar:
    """The days that matter, as they are when a rota is planned."""

    days: tuple[Day, ...] = ()

    def tags(self, on: date) -> frozenset[str]:
        """Return what a day is."""
        return self._tags.get(on, frozenset())

    def names(self, on: date) -> tuple[str, ...]:
        """Return what a day is called."""
        return tuple(dict.fromkeys(day.name for day in self.days if day.on == on and day.name))

    def frozen(self) -> list[list[str]]:
        """Return the days as plain lists, to be kept with a rota."""
        return [[day.on.isoformat(), day.kind.value, day.name] for day in self.days]

    @classmethod
    def thawed(cls, kept: Iterable[Iterable[str]]) -> "Calendar":
        """Return the calendar that was frozen."""
        return cls(tuple(Day(date.fromisoformat(on), Kind(kind), name) for on, kind, name in kept))

    @cached_property
    def _tags(self) -> Mapping[date, frozenset[str]]:
        found: dict[date, frozenset[str]] = {}
        for day in self.days:
            found[day.on] = found.get(day.on, frozenset()) | {day.kind.value}
        return found


def calendar(
    country: str,
    first: date,
    last: date,
    *,
    community: str = "",
    language: str = "",
    eves: "Eves | None" = None,
    added: Iterable[Day] = (),
    removed: Collection[tuple[date, str]] = (),
) -> Calendar:
    """Return the days that matter from `first` to `last`, both included, in order.

    `community` is whose school holidays count (one of `communities`), `language` what days are
    called in where the library has it, `eves` what stands for the library's, `removed` days by
    their kind. An own day stands before the library's of the same kind. Raises Invalid naming
    country or community.
    """
    own = {(day.on, day.kind): day for day in added}
    days_known = list(_known(country, first, last, community, language))
    if eves is not None:
        days_known = list(_with_eves(days_known, eves, first, last, language))
    known = {(day.on, day.kind): day for day in days_known}
    days = (known | own).values()
    return Calendar(
        tuple(sorted(d for d in days if first <= d.on <= last and (d.on, d.kind) not in removed))
    )


@dataclass(frozen=True)
class Eves:
    """What a team decided about eves, beside what the library knows."""

    count: bool
    """Whether they count at all."""
    days: Mapping[tuple[int, int], Mapping[str, str]] = field(default_factory=dict)
    """By month and day, what each is called by language."""


def _with_eves(
    known: Iterable[Day], eves: Eves, first: date, last: date, language: str
) -> Iterable[Day]:
    """Yield days with the eves that count, and without any where none do."""
    yield from (day for day in known if day.kind is not Kind.EVE or eves.count)
    for year in range(first.year, last.year + 1) if eves.count else ():
        for (month, day), names in eves.days.items():
            yield Day(date(year, month, day), Kind.EVE, names.get(language) or names["en"])


def communities(country: str) -> tuple[str, ...]:
    """Return the parts of a country whose school holidays the library knows."""
    entity = _entity(country)
    has_school = "school" in entity.supported_categories
    return tuple(part.lower() for part in entity.subdivisions) if has_school else ()


def _known(country: str, first: date, last: date, community: str, language: str) -> Iterable[Day]:
    entity = _entity(country)
    years = range(first.year, last.year + 1)
    spoken = {"en": "en_US"}.get(language, language)
    spoken = spoken if spoken in entity.supported_languages else entity.default_language
    found: dict[str, Mapping[date, str]] = {
        category: holidays.country_holidays(
            country, years=years, categories=(category,), language=spoken
        )
        for category in entity.supported_categories
        if category in ("public", "de_facto", "optional", "bank")
    }
    if community:
        if community not in communities(country):
            known = ", ".join(communities(country)) or "-"
            told = Sentence(N_("School holidays are known here for: %(known)s."), known=known)
            raise Invalid(told, community=told)
        found["school"] = holidays.country_holidays(
            country,
            subdiv=community.capitalize(),
            years=years,
            categories=("school",),
            language=spoken,
        )
    return _days(found)


def _days(found: Mapping[str, Mapping[date, str]]) -> Iterable[Day]:
    """Yield each day once as what it mostly is, and apart from that as a school holiday."""
    free: dict[date, Day] = {}
    for category in ("public", "de_facto", "optional", "bank"):
        for on, name in found.get(category, {}).items():
            free.setdefault(on, Day(on, _kind(category, on), name))
    yield from free.values()
    for on, name in found.get("school", {}).items():
        yield Day(on, Kind.SCHOOL_HOLIDAY, name)


def _kind(category: str, on: date) -> Kind:
    if category == "public":
        return Kind.PUBLIC_HOLIDAY
    # Denmark has no de-facto holidays in the library; these two are kept there as in Sweden.
    eve = category == "de_facto" or (category == "optional" and (on.month, on.day) in _EVES)
    return Kind.EVE if eve else Kind.OPTIONAL


_EVES = {(12, 24), (12, 31)}


def _entity(country: str) -> Any:
    supported = holidays.list_supported_countries()
    if country not in supported:
        told = Sentence(N_("No holidays are known for the country %(country)s."), country=country)
        raise Invalid(told, country=told)
    return getattr(holidays, country)
