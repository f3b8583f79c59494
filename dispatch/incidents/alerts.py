"""What an alert says, whatever its format and whoever reports: a control room or a dispatcher.

The formats make an `Alert` from bytes, the console makes one from a form; `handling` turns it into
an incident. Nothing but the type is required; what was wrong or unknown stands in `problems`, and
the field itself is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class AlertType(StrEnum):
    """What the sender wants."""

    ALERT = "alert"
    UPDATE = "update"
    CANCEL = "cancel"
    TEST = "test"


@dataclass(frozen=True)
class Problem:
    """A field that could not be used; the detail never repeats what was sent."""

    field: str
    detail: str


@dataclass(frozen=True)
class Place:
    """Where. Municipality and postcode are plain in the database, the rest is sealed."""

    address: str = ""
    municipality: str = ""
    postcode: str = ""
    lat: float | None = None
    lon: float | None = None
    safe_to_approach: bool | None = None
    meeting_point: str = ""


@dataclass(frozen=True)
class Contact:
    """Who asks, to be rung back."""

    name: str = ""
    phone: str = ""
    role: str = ""
    call_back: bool | None = None
    """They wait at this number for whoever goes."""


@dataclass(frozen=True)
class Involved:
    """Somebody concerned: never a name."""

    role: str = ""
    age: int | None = None
    children: int | None = None
    knows_already: bool | None = None


@dataclass(frozen=True)
class Alert:
    """One report. An empty or None field was not given."""

    type: AlertType
    reference: str | None = None
    """The sender's own."""
    category: str | None = None
    """A category's key."""
    occurred_at: datetime | None = None
    priority: int | None = None
    appointment_at: datetime | None = None
    """When somebody is to be there: until shortly before nobody is called."""
    place: Place = Place()
    summary: str = ""
    narrative: str = ""
    contact: Contact = Contact()
    persons: tuple[Involved, ...] = ()
    wishes: Mapping[str, str] = field(default_factory=dict)
    """language, gender, interpreter; required: which of them are more than a preference."""
    flags: Mapping[str, bool] = field(default_factory=dict)
    """Of FLAGS, those that were given."""
    teams: tuple[str, ...] = ()
    """Keys of teams that the sender asks for by name."""
    organisation: str | None = None
    """Whose it is, by key, where the sender knows that and no place; else its place says so."""
    drill: bool = False
    problems: tuple[Problem, ...] = ()
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """Fields that were wrong or not known, as they came: kept sealed, shown masked."""


def without(alert: Alert, name: str, latest: datetime, detail: str) -> Alert:
    """Return the alert without an instant that lies after `latest`, which is named and kept."""
    at: datetime | None = getattr(alert, name)
    if at is None or at <= latest:
        return alert
    problems = (*alert.problems, Problem(name, detail))
    changes: dict[str, Any] = {name: None, "problems": problems}
    return replace(alert, unknown={**alert.unknown, name: at.isoformat()}, **changes)


#: The flag of a report that is about the other side of a case.
SUSPECT_SIDE = "suspect_side"
FLAGS = (
    "children_present",
    "protected_identity",
    "suspect_at_large",
    "deceased_identified",
    "second_officer",
    "magistrate_limits",
    SUSPECT_SIDE,
)

WISHES = ("language", "gender", "interpreter")
#: Wishes that somebody may insist on. An interpreter is arranged, whoever goes.
MAY_BE_REQUIRED = ("language", "gender")
