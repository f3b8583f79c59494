"""Two zones that share one team, a town with its own, and somebody in each role."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session, Store
from dispatch.people import access, staff
from dispatch.people.access import Viewer
from dispatch.people.models import Organisation, OrganisationKind, Person, Role, Service, Team

NOW = datetime(2026, 3, 14, 13, 2, tzinfo=UTC)
ADA = Actor("person", 1, "Ada")


@dataclass
class Cast:
    """The rows that tests name.

    Dender runs the team `shared`, which serves Dender and Leie; the town runs and is served by
    `town_team`.
    """

    session: Session
    dender: Organisation
    leie: Organisation
    town: Organisation
    shared: Team
    town_team: Team

    def person(self, name: str, employer: Organisation | None = None) -> Person:
        """Add somebody."""
        return staff.add_person(
            self.session, employer or self.dender, name, sign_in=name, actor=ADA, now=NOW
        )

    def viewer(
        self, role: Role, *, organisation: Organisation | None = None, team: Team | None = None
    ) -> Viewer:
        """Add somebody with one role and return their rights."""
        person = self.person(f"{role.value} of {(organisation or team).key}")  # type: ignore[union-attr]
        staff.grant(self.session, person, role, ADA, NOW, organisation=organisation, team=team)
        return access.viewer_of(self.session, person)


@pytest.fixture
def cast(store: Store) -> Iterator[Cast]:
    """The cast, in a transaction that is open during the test."""
    with store.write() as session:
        dender, leie, town = (
            Organisation(key=key, name=key.title(), kind=kind)
            for key, kind in (
                ("dender", OrganisationKind.POLICE_ZONE),
                ("leie", OrganisationKind.POLICE_ZONE),
                ("town", OrganisationKind.MUNICIPALITY),
            )
        )
        session.add_all([dender, leie, town])
        session.flush()
        shared = Team(
            key="shared", name="Shared", organisation_id=dender.id, function="victim_support"
        )
        town_team = Team(
            key="town", name="Town", organisation_id=town.id, function="social_on_call"
        )
        session.add_all([shared, town_team])
        session.flush()
        session.add_all(
            Service(team_id=team.id, organisation_id=zone.id)
            for team, zone in ((shared, dender), (shared, leie), (town_team, town))
        )
        session.flush()
        yield Cast(session, dender, leie, town, shared, town_team)


@pytest.fixture
def queries(cast: Cast) -> Iterator[list[str]]:
    """Every statement that the cast's session sends from now on."""
    sent: list[str] = []
    engine = cast.session.get_bind()

    def note(_connection, _cursor, statement, *_rest) -> None:
        sent.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)
