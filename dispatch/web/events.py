"""What the board says of reports that are one event, or may be.

A report that joined another has no card of its own: the card of the incident that stays says how
many there are, what looks like it, and that alerts like it join by themselves. Two or three
questions for the whole board, however many incidents stand on it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext

from dispatch.db import Session
from dispatch.incidents import alarms, merging
from dispatch.incidents.case_models import Gathering
from dispatch.incidents.likeness import Likeness
from dispatch.incidents.models import Incident
from dispatch.people.access import Right
from dispatch.texts import N_
from dispatch.web import session

_WHY = {
    "postcode": N_("same kind, same postcode, %(minutes)s min apart"),
    "municipality": N_("same kind, same municipality, %(minutes)s min apart"),
}


@dataclass(frozen=True)
class Event:
    """What a card says beside its incident."""

    reports: int = 0
    """How many joined it."""
    alike: Sequence[tuple[str, str]] = ()
    """Reports that look like it: reference and why, for those who may merge them."""
    joins_until: datetime | None = None


@dataclass(frozen=True)
class Events:
    """What the board says of all."""

    by_incident: dict[int, Event]
    joined: frozenset[int]
    """Shown with the incident that they joined, unless a person must act on them."""

    def hides(self, incident: Incident) -> bool:
        """Return whether an incident has no card of its own."""
        return incident.id in self.joined and not alarms.standing(incident)

    def of(self, incident: Incident) -> Event:
        """Return what its card says."""
        return self.by_incident.get(incident.id, Event())


def on_board(opened: Session, incidents: Sequence[Incident], now: datetime) -> Events:
    """Return what a board with these incidents says of them."""
    ids = [incident.id for incident in incidents]
    if not ids:
        return Events({}, frozenset())
    counts = merging.counts(opened, ids)
    until = joining_until(opened, ids, now)
    mine = session.viewer().organisations(Right.INCIDENT_HANDLE)
    alike = _alike(opened, [one for one in incidents if one.organisation_id in mine])
    named = {*counts, *until, *alike}
    found = {key: Event(counts.get(key, 0), alike.get(key, ()), until.get(key)) for key in named}
    return Events(found, frozenset(merging.joined(opened, ids)))


def _alike(opened: Session, incidents: Sequence[Incident]) -> dict[int, list[tuple[str, str]]]:
    references = {incident.id: incident.reference for incident in incidents}
    return {
        group.first: [(references[key], why(likeness)) for key, likeness in group.others.items()]
        for group in merging.proposed(opened, incidents)
    }


def why(likeness: Likeness) -> str:
    """Return why two reports may be one event, in words."""
    return str(gettext(_WHY[likeness.place], minutes=likeness.minutes))


def joining_until(
    opened: Session, incident_ids: Collection[int], now: datetime
) -> dict[int, datetime]:
    """Return until when alerts like each of these incidents join by themselves, where they do."""
    query = sa.select(Gathering.incident_id, Gathering.joins_until).where(
        Gathering.incident_id.in_(incident_ids), Gathering.joins_until > now
    )
    return {key: until for key, until in opened.execute(query) if until is not None}


def disasters(events: Events, cards: Sequence[Incident]) -> list[dict[str, Any]]:
    """Return what the banner over the lanes says of incidents that others join by themselves."""
    return [
        {
            "reference": incident.reference,
            "until": event.joins_until,
            "reports": event.reports,
            "place": incident.municipality or incident.postcode,
        }
        for incident in cards
        if (event := events.of(incident)).joins_until is not None
    ]
