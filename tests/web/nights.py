"""What screens of a night are tested with: an incident being paged for, and the officer's link."""

import re
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch.db import Base, Store
from dispatch.incidents import handling
from dispatch.incidents.alerts import Alert, AlertType, Contact, Place
from dispatch.incidents.handling import Origin
from dispatch.incidents.models import Incident
from dispatch.paging import callouts, story, telling
from dispatch.paging.models import Assignment, Callout, Page
from dispatch.people.models import Area, Organisation
from tests.centre import ADA, NOW, Centre

__all__ = ["Area", "Contact", "Place"]

NARRATIVE = "A lorry drove through the red light."
ADDRESS = "Stationsstraat 12"
CONTACT = "Chief inspector Wouters"
SUMMARY = "Mother has not been told yet."
SECRETS = (NARRATIVE, ADDRESS, CONTACT, SUMMARY, "Ninove", "9400", "fatal road crash")


def report(**changes: Any) -> Alert:
    """An alert that holds everything an alert may hold."""
    facts: dict[str, Any] = {
        "category": "fatal_crash",
        "place": Place(ADDRESS, "Ninove", "9400", 50.83, 4.02, True, "the car park"),
        "summary": SUMMARY,
        "narrative": NARRATIVE,
        "contact": Contact(CONTACT, "+32 53 11 22 33", "on scene"),
    }
    return Alert(AlertType.ALERT, **facts | changes)


def open_incident(
    store: Store, centre: Centre, now: datetime = NOW, home: Organisation | None = None, **changes
) -> str:
    """Open an incident, page for it and return its reference."""
    with store.write() as session:
        origin = Origin(home or centre.organisation, centre.team)
        incident = handling.open_incident(session, report(**changes), origin, ADA, now)
        callouts.advance(session, incident, now)
        return incident.reference


def advance(store: Store, reference: str, now: datetime) -> None:
    """Let time pass for an incident, as the engine does."""
    with store.write() as session:
        callouts.advance(session, of(session, reference), now)


def of(session, reference: str) -> Incident:
    return session.scalars(sa.select(Incident).where(Incident.reference == reference)).one()


def callout(store: Store, reference: str) -> Callout:
    """The incident's first callout, with its pages, assignments and people."""
    with store.read() as session:
        incident = of(session, reference)
        return story.callouts_of(session, [incident.id])[incident.id][0]


def link(store: Store, reference: str, name: str = "An Peeters") -> str:
    """The address in the text to somebody."""
    with store.read() as session:
        pages = session.scalars(
            sa.select(Page).join(Callout).join(Incident).where(Incident.reference == reference)
        )
        page = next(page for page in pages if page.person is not None and page.person.name == name)
        return f"/a/{telling.link_token(session, page)}"


def going(store: Store, reference: str) -> list[tuple[int, str]]:
    """Who goes or went: person and status."""
    with store.read() as session:
        rows = session.scalars(
            sa.select(Assignment)
            .join(Callout)
            .join(Incident)
            .where(Incident.reference == reference)
            .order_by(Callout.id, Assignment.seat)
        )
        return [(row.person_id, str(row.status)) for row in rows]


def told(session, reference: str) -> list[story.Line]:
    """The incident's timeline in English."""
    return story.timeline(session, of(session, reference), "en")


def snapshot(store: Store, *beside: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but those named."""
    with store.read() as session:
        return {
            table.name: sorted(map(tuple, session.execute(sa.select(table))), key=repr)
            for table in Base.metadata.sorted_tables
            if table.name not in beside
        }


def field(text: str, name: str) -> str:
    """The value of a hidden field of a screen."""
    found = re.search(f'name="{name}" value="([^"]*)"', text)
    assert found, f"no field {name}"
    return found[1]
