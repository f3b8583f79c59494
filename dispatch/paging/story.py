"""The story of an incident as it is read: for screens, for machines, and as proof.

A timeline is worded when somebody reads it, in the reader's language, from two sources that are
never copied into each other: the rows of what happened, and what became of each message. So a
receipt that comes late stands at its own instant, and nothing said here can differ from what the
outbox knows. Nothing is locked and nothing is changed; who may read is decided by
`confidentiality`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from dispatch.channels.contract import Kind, State
from dispatch.db import Session
from dispatch.incidents import alarms, merging
from dispatch.incidents import timeline as rows
from dispatch.incidents.models import Incident, IncidentStatus, TimelineEntry, Want
from dispatch.outbox.models import Message, Purpose
from dispatch.paging import callouts, sentences, telling
from dispatch.paging.models import Assignment, Callout, Page, PageStatus, Policy
from dispatch.paging.sentences import code, reason, sentence
from dispatch.texts import N_, say

CONTROL_ROOM = N_("Control room")


@dataclass(frozen=True)
class Line:
    """One thing that happened, in words."""

    at: datetime
    kind: str
    text: str
    own_words: str | None = None
    """What somebody wrote: a reply, a note."""
    actor: str = ""


@dataclass(frozen=True)
class Proof:
    """The instants of one message, and of the page that it belongs to."""

    person: str
    kind: Kind
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    """For a call: picked up."""
    opened_at: datetime | None
    answered_at: datetime | None
    stood_down_at: datetime | None
    failed: str
    """Why it did not arrive; empty while it may."""


def callouts_of(session: Session, incident_ids: Iterable[int]) -> dict[int, list[Callout]]:
    """Return the callouts of incidents with all that belongs to them, in a few queries for all.

    Unlike `callouts.of_incident`, locks nothing.
    """
    found: dict[int, list[Callout]] = {incident_id: [] for incident_id in incident_ids}
    query = (
        sa.select(Callout)
        .where(Callout.incident_id.in_(found))
        .options(
            joinedload(Callout.want).joinedload(Want.team),
            selectinload(Callout.pages).joinedload(Page.person),
            selectinload(Callout.assignments).joinedload(Assignment.person),
            selectinload(Callout.policy).selectinload(Policy.steps),
        )
        .order_by(Callout.id)
    )
    for callout in session.scalars(query):
        found[callout.incident_id].append(callout)
    return found


def timeline(session: Session, incident: Incident, language: str) -> list[Line]:
    """Return everything that happened, the oldest first."""
    lines = told_rows(session, incident, language)
    for page, message in messages_of(session, incident):
        lines += _lines(page, message, language)
    return sorted(lines, key=lambda line: line.at)


def told_rows(session: Session, incident: Incident, language: str) -> list[Line]:
    """Return what was written down as it happened, without what became of each message."""
    zone = incident.organisation.time_zone
    query = sa.select(TimelineEntry).where(TimelineEntry.incident_id == incident.id)
    return [
        Line(
            entry.at,
            entry.kind,
            sentence(entry.kind, entry.facts, language, zone),
            rows.words_of(session, incident, entry) or None,
            entry.actor,
        )
        for entry in session.scalars(query.order_by(TimelineEntry.id))
    ]


def messages_of(session: Session, incident: Incident) -> list[tuple[Page, Message]]:
    """Return every message of the incident's pages, in the order in which they were put in."""
    pages = session.scalars(
        sa.select(Page)
        .join(Callout)
        .where(Callout.incident_id == incident.id)
        .options(joinedload(Page.person))
    )
    by_about = {
        about: page
        for page in pages
        for about in (
            telling.about(page),
            f"{Purpose.NOTICE}:{page.uid}",
            *telling.said([page]),
        )
    }
    query = sa.select(Message).where(Message.about.in_(by_about)).order_by(Message.id)
    return [(by_about[message.about], message) for message in session.scalars(query)]


def _lines(page: Page, message: Message, language: str) -> Iterator[Line]:
    """Say what became of a message; of a notice, whose sending is told already, only failure."""
    for at, kind in _progress(message):
        if message.about == telling.about(page) or kind == "failed":
            facts = {
                "person": name_of(page, language),
                "channel": str(message.kind),
                "code": message.code,
            }
            yield Line(at, kind, sentence(kind, facts, language))


def _progress(message: Message) -> Iterator[tuple[datetime, str]]:
    if message.sent_at is not None:
        yield message.sent_at, "sent"
    if message.delivered_at is not None:
        yield message.delivered_at, "picked_up" if message.kind is Kind.CALL else "delivered"
    if message.status is State.FAILED:
        yield message.failed_at or message.created_at, "failed"
    elif message.status is State.UNKNOWN:
        yield message.sent_at or message.created_at, "unclear"
    elif message.status is State.PENDING and message.attempts > 0:
        yield message.created_at, "not_yet"


def name_of(page: Page, language: str) -> str:
    """Return whom a page is for."""
    return page.person.name if page.person is not None else say(language, CONTROL_ROOM)


def proof(session: Session, incident: Incident, language: str) -> list[Proof]:
    """Return the proof of alert: a line for every message that was to call somebody."""
    return [
        Proof(
            person=name_of(page, language),
            kind=message.kind,
            created_at=message.created_at,
            sent_at=message.sent_at,
            delivered_at=message.delivered_at,
            opened_at=page.opened_at,
            answered_at=page.answered_at,
            stood_down_at=page.ended_at if page.status is PageStatus.WITHDRAWN else None,
            failed=code(message.code, language) if message.status is State.FAILED else "",
        )
        for page, message in messages_of(session, incident)
        if message.about == telling.about(page)
    ]


def incident_json(session: Session, incident: Incident) -> dict[str, Any]:
    """Return what machines read of an incident; texts are in English."""
    zone = incident.organisation.time_zone
    over = incident.status is not IncidentStatus.OPEN
    merged = merging.standing(session, incident) if over else None
    return {
        "reference": incident.reference,
        "status": str(incident.status),
        **({"joined": merged.into.reference} if merged is not None else {}),
        "category": incident.category.key if incident.category else None,
        "priority": incident.priority,
        "problems": list(incident.problems),
        "callouts": [
            _callout_json(callout, zone)
            for callout in callouts_of(session, [incident.id])[incident.id]
        ],
        "alarms": [
            {
                "kind": alarm.kind,
                "text": sentences.alarm({"kind": alarm.kind, **alarm.facts}, "en", zone),
                "raised_at": alarm.raised_at.isoformat(),
                "acknowledged_at": _iso(alarm.acknowledged_at),
            }
            for alarm in alarms.standing(incident)
        ],
        "timeline": [
            {"at": line.at.isoformat(), "kind": line.kind, "text": line.text}
            for line in timeline(session, incident, "en")
        ],
    }


def _callout_json(callout: Callout, zone: str) -> Mapping[str, Any]:
    return {
        "id": callout.id,
        "team": callout.want.team.key,
        "status": callouts.status(callout),
        "wanted": callout.want.people,
        "due_at": _iso(callouts.paged_at(callout)),
        "responders": [
            {
                "person": {"id": going.person_id, "name": going.person.name},
                "status": str(going.status),
                "accepted_at": _iso(going.accepted_at),
            }
            for going in callouts.active_assignments(callout)
        ],
        "pages": [
            {
                "person": {"id": page.person_id, "name": name_of(page, "en")},
                "status": str(page.status),
                "reason": reason(page.reason, "en", zone),
                "sent_at": _iso(page.sent_at),
                "answered_at": _iso(page.answered_at),
            }
            for page in callout.pages
        ],
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
