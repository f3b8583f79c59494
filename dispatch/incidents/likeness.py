"""Which reports may tell of one and the same event, and why (pure).

The same kind, near in time and place, and both a drill or neither: that is a reason to look, never
proof. Two deaths in one street are two; so what is found here is proposed to a dispatcher and only
joined by itself where one has said so. What an alert left out is like nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dispatch.incidents.alerts import SUSPECT_SIDE


@dataclass(frozen=True)
class Report:
    """What of an incident is compared."""

    id: int
    organisation_id: int
    category: str | None
    postcode: str
    municipality: str
    at: datetime
    drill: bool = False
    suspect: bool = False
    """It is about the suspect's side: nobody goes for that and for the victims."""


def of_suspect(flags: Mapping[str, Any]) -> bool:
    """Return whether an incident's flags say that it is about the suspect's side."""
    return bool(flags.get(SUSPECT_SIDE))


@dataclass(frozen=True)
class Likeness:
    """Why two may be one: what of the place is the same, and how far apart in time."""

    place: str
    """"postcode" or "municipality"."""
    minutes: int


@dataclass(frozen=True)
class Group:
    """Reports that may be one event; the earliest would stay."""

    first: int
    others: dict[int, Likeness]


def alike(one: Report, other: Report, within: timedelta | None) -> Likeness | None:
    """Return why two reports may tell of one event; None: nothing says so.

    Without `within`, however far apart in time.
    """
    apart = abs(one.at - other.at)
    same = _group_of(one) == _group_of(other)
    if not same or one.category is None or one.category != other.category:
        return None
    if within is not None and apart > within:
        return None
    minutes = round(apart.total_seconds() / 60)
    if one.postcode and one.postcode == other.postcode:
        return Likeness("postcode", minutes)
    if one.municipality and one.municipality.casefold() == other.municipality.casefold():
        return Likeness("municipality", minutes)
    return None


def _group_of(one: Report) -> tuple[object, ...]:
    return one.organisation_id, one.drill, one.suspect


def groups(
    reports: Iterable[Report], within: timedelta, apart: Collection[frozenset[int]] = ()
) -> list[Group]:
    """Return which reports may be one event, each at most once, by kind.

    A report is compared with the latest of a group: one event is reported for longer than `within`.
    Pairs in `apart` are not one, somebody has said.
    """
    # By kind: however many incidents are open, only few are compared with each other.
    found: dict[str, list[tuple[Report, Report, dict[int, Likeness]]]] = {}
    for report in sorted(reports, key=lambda one: (one.at, one.id)):
        if report.category is None:
            continue
        of_kind = found.setdefault(report.category, [])
        for place, (first, latest, others) in enumerate(of_kind):
            likeness = alike(latest, report, within)
            if likeness is not None and frozenset((first.id, report.id)) not in apart:
                # A dispatcher reads it beside the first: 0 minutes from another says nothing there.
                others[report.id] = alike(first, report, None) or likeness
                of_kind[place] = (first, report, others)
                break
        else:
            of_kind.append((report, report, {}))
    every = (group for of_kind in found.values() for group in of_kind)
    return [Group(first.id, others) for first, _, others in every if others]
