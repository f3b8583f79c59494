"""What must be true once everything has come to rest, whatever was killed before."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from dispatch import audit
from dispatch.db import Session
from dispatch.incidents.models import Incident
from dispatch.intake.models import Delivery
from dispatch.outbox.models import Message
from dispatch.paging.models import Assignment, AssignmentStatus, Callout, Page, PageStatus
from tests.crash.conftest import Site


@dataclass(frozen=True)
class Count:
    """What arrived at the phones."""

    messages: int
    doubled: int
    """Messages that arrived more than once."""
    extra: int
    """Arrivals that there should not have been."""
    told: int
    """The same by the outbox's own count, which may be higher, never lower."""

    def __str__(self) -> str:
        return (
            f"{self.messages} messages arrived, {self.doubled} of them more than once "
            f"({self.extra} extra arrivals, {self.told} counted by the outbox)"
        )


def nothing_is_lost(site: Site, answers: Mapping[str, Mapping[str, Any]]) -> None:
    """Hold that every alert answered 202 is one incident whose page has arrived."""
    with site.store.read() as session:
        incidents = Counter(session.scalars(sa.select(Incident.source_reference)))
        arrived = _arrived_for(session, site)
        assert {key: incidents[key] for key in answers} == dict.fromkeys(answers, 1)
        for answer in answers.values():
            assert arrived[answer["reference"]], _story(session, answer["reference"])
        query = sa.select(Delivery.webhook_id, Delivery.answer).where(Delivery.answer_status == 202)
        kept = dict(session.execute(query).all())
        for key, answer in answers.items():
            assert answer["reference"] in kept[f"msg_{key}"]


def _story(session: Session, reference: str) -> str:
    """Tell what became of an alert of which nothing arrived."""
    query = (
        sa.select(Page.person_id, Page.code, Page.status, Page.created_at, Page.ended_at)
        .add_columns(Message.kind, Message.status, Message.code, Message.attempts, Message.channel)
        .join(Callout, Callout.id == Page.callout_id)
        .join(Incident, Incident.id == Callout.incident_id)
        .outerjoin(Message, Message.about == sa.literal("page:") + Page.uid)
        .where(Incident.reference == reference)
    )
    return "\n".join([f"{reference}: no page arrived", *map(str, session.execute(query))])


def _arrived_for(session: Session, site: Site) -> Counter[str]:
    """Return how many texts and calls of pages arrived, by the incident's reference."""
    query = (
        sa.select(Message.uid, Incident.reference)
        .join(Page, Message.about == sa.literal("page:") + Page.uid)
        .join(Callout, Callout.id == Page.callout_id)
        .join(Incident, Incident.id == Callout.incident_id)
    )
    references = dict(session.execute(query).all())
    return Counter(references[uid] for uid in arrivals(site).elements() if uid in references)


def arrivals(site: Site) -> Counter[str]:
    """Return how often each message arrived at the supplier."""
    return Counter(row["callback"].rpartition("/")[2] for row in site.twilio.arrivals())


def doubles_are_counted(site: Site) -> Count:
    """Hold that no message arrived more often than the outbox says it may have."""
    arrived = arrivals(site)
    with site.store.read() as session:
        told = dict(session.execute(sa.select(Message.uid, Message.resent)).all())
    extra = {uid: times - 1 for uid, times in arrived.items() if times > 1}
    uncounted = {uid: (times, told[uid]) for uid, times in extra.items() if times > told[uid]}
    assert uncounted == {}
    return Count(len(arrived), len(extra), sum(extra.values()), sum(told.values()))


def everything_is_in_order(site: Site) -> None:
    """Hold what the rows promise each other."""
    with site.store.read() as session:
        verdict = audit.verify(session, site.parts.clock.now())
        assert verdict.ok, verdict.faults
        forgotten = sa.select(Callout.id).where(
            Callout.due_at.is_(None),
            Callout.filled_at.is_(None),
            Callout.cancelled_at.is_(None),
        )
        assert session.scalars(forgotten).all() == []
        accepted = sa.select(Page.callout_id, Page.person_id).where(
            Page.status == PageStatus.ACCEPTED
        )
        seats = sa.select(Assignment.callout_id, Assignment.person_id).where(
            Assignment.status != AssignmentStatus.RELEASED
        )
        assert Counter(session.execute(accepted).all()) == Counter(session.execute(seats).all())
        callouts = Counter(callout_id for callout_id, _ in session.execute(seats).all())
        assert set(callouts.values()) <= {1}
