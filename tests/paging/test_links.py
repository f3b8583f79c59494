"""Incidents of one case are linked by a dispatcher, both ways and onwards."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from dispatch.audit import AuditEntry
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import links
from dispatch.incidents.models import Incident
from tests.paging.conftest import ALERT, DORA, Night


def _linked(night: Night, session: Session) -> list[set[int]]:
    """For each incident, the places of those linked with it."""
    places = {incident_id: place for place, incident_id in enumerate(night.incidents)}
    found = [links.linked_to(session, incident_id) for incident_id in night.incidents]
    return [{places[other] for other in others} for others in found]


def test_links_reach_on_until_they_are_taken_back(night: Night):
    for _ in range(4):
        night.report()
    with night.store.write() as session:
        one, two, three, _four = (session.get_one(Incident, key) for key in night.incidents)
        assert _linked(night, session) == [set(), set(), set(), set()]
        links.link(session, two, one, DORA, night.now)
        links.link(session, three, two, DORA, night.now)
        links.link(session, two, three, DORA, night.now)
        assert _linked(night, session) == [{1, 2}, {0, 2}, {0, 1}, set()]
        assert links.neighbours(session, two) == [one, three]
        assert links.neighbours(session, one) == [two]
        links.unlink(session, one, two, DORA, night.now)
        links.unlink(session, one, two, DORA, night.now)
        assert _linked(night, session) == [set(), {2}, {1}, set()]
        told = sa.select(AuditEntry.subject).where(AuditEntry.action == "incident.linked")
        subjects = [f"incident:{one.reference}" for one in (two, one, three, two)]
        assert session.scalars(told.order_by(AuditEntry.id)).all() == subjects
    night.incidents = night.incidents[:1]
    assert night.story()[-2:] == ["linked", "unlinked"]


def test_an_incident_is_linked_neither_with_itself_nor_with_a_drill(night: Night):
    night.report()
    night.report(replace(ALERT, drill=True))
    with night.store.write() as session:
        one, drill = (session.get_one(Incident, key) for key in night.incidents)
        with pytest.raises(Invalid):
            links.link(session, one, one, DORA, night.now)
        with pytest.raises(Conflict):
            links.link(session, one, drill, DORA, night.now)
        assert _linked(night, session) == [set(), set()]
