"""A team of two lines and three members, for the tests of the rota."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from dispatch.audit import Actor, AuditEntry
from dispatch.db import Session, Store
from dispatch.outbox import queue
from dispatch.outbox.models import Message
from dispatch.people import phones
from dispatch.people.models import (
    Membership,
    MethodKind,
    Organisation,
    OrganisationKind,
    Person,
    Role,
    RoleGrant,
    Service,
    Team,
)
from dispatch.rota import ground
from dispatch.rota.models import Cover, Line, Shift

BRUSSELS = ZoneInfo("Europe/Brussels")
_Row = TypeVar("_Row", Shift, Cover)


def local(text: str, fold: int = 0) -> datetime:
    """Read a time of Brussels' wall clocks."""
    return datetime.fromisoformat(text).replace(tzinfo=BRUSSELS, fold=fold).astimezone(UTC)


@dataclass
class Zone:
    """A team, its lines and its people; `shift` and `cover` write rows directly."""

    session: Session
    team: Team
    lines: dict[str, Line]
    people: dict[str, Person]
    served: list[int]
    planner: Actor = field(default_factory=lambda: Actor("person", 1, "Petra Claes"))

    @staticmethod
    def at(text: str, fold: int = 0) -> datetime:
        """Read a local time."""
        return local(text, fold)

    def shift(self, who: str, starts: str, ends: str, line: str = "primary") -> Shift:
        """Write a shift between two local times."""
        return self._written(
            Shift(
                uid=str(uuid4()),
                line_id=self.lines[line].id,
                person_id=self.people[who].id,
                starts_at=local(starts),
                ends_at=local(ends),
                changed_at=local("2020-01-01"),
            )
        )

    def cover(self, shift: Shift, who: str, starts: str, ends: str) -> Cover:
        """Write a cover between two local times."""
        return self._written(
            Cover(
                uid=str(uuid4()),
                shift_id=shift.id,
                person_id=self.people[who].id,
                starts_at=local(starts),
                ends_at=local(ends),
                changed_at=local("2020-01-01"),
            )
        )

    def phone(self, *names: str) -> None:
        """Give people a mobile each."""
        for name in names:
            person = self.people[name]
            number = f"+32470{person.id:06}"
            method = phones.add_method(
                self.session, person, MethodKind.MOBILE, number, self.planner, local("2020-01-01")
            )
            phones.verify(self.session, method, self.planner, local("2020-01-01"))

    def mail(self, *names: str) -> None:
        """Give people a mail address each, and the centre a server that takes mail."""
        held = self.session.info["settings"]
        taken = replace(held.mail, host="mail.zone.example")
        self.session.info["settings"] = replace(held, mail=taken)
        for name in names:
            address, began = f"p{self.people[name].id}@zone.example", local("2020-01-01")
            method = phones.add_method(
                self.session, self.people[name], MethodKind.MAIL, address, self.planner, began
            )
            phones.verify(self.session, method, self.planner, began)

    def texts(self) -> list[tuple[str, str, datetime | None]]:
        """Return what waits to be sent: to whom, its words, and when."""
        names = {person.id: name for name, person in self.people.items()}
        waiting = self.session.scalars(sa.select(Message).order_by(Message.id))
        return [
            (names.get(one.person_id, ""), queue.text_of(self.session, one), one.due_at)
            for one in waiting
        ]

    def actions(self) -> list[str]:
        """Return what the audit record says was done, in order."""
        self.session.flush()
        return list(self.session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))

    def pattern(self, *turns: dict[str, Any], **more: Any) -> None:
        """Let both lines take turns by the week, or as told, from 2020 on."""
        turns = turns or ({"form": "week", "kind": "week", "begins": "friday", "starts": "17:00"},)
        lines = [{"key": key, "turns": list(turns), **more} for key in self.lines]
        began = local("2020-01-01")
        document = {"lines": lines}
        ground.set_pattern(self.session, self.team, document, began.date(), self.planner, began)

    def actor(self, name: str) -> Actor:
        """Return somebody of the team who does something."""
        return Actor("person", self.people[name].id, self.people[name].name)

    def plans(self, name: str) -> Person:
        """Let somebody plan the team."""
        person = self.people[name]
        self.session.add(RoleGrant(person_id=person.id, role=Role.PLANNER, team_id=self.team.id))
        self.session.flush()
        return person

    def _written(self, row: _Row) -> _Row:
        self.session.add(row)
        self.session.flush()
        return row


@pytest.fixture
def zone(store: Store) -> Iterator[Zone]:
    """Open a transaction with a team that serves two organisations."""
    with store.write() as session:
        yield _zone(session)


@pytest.fixture
def make_zone() -> Callable[[Session], Zone]:
    """Return what writes such a team into a transaction of the test's own."""
    return _zone


def _zone(session: Session) -> Zone:
    owners = [
        Organisation(key=key, name=key.title(), kind=OrganisationKind.POLICE_ZONE)
        for key in ("dender", "ninove")
    ]
    session.add_all(owners)
    session.flush()
    team = Team(
        key="support",
        name="Slachtofferbejegening",
        organisation_id=owners[0].id,
        function="victim_support",
        time_zone="Europe/Brussels",
        hours=[],
    )
    session.add(team)
    session.flush()
    session.add(Service(team_id=team.id, organisation_id=owners[1].id))
    lines = {
        key: Line(team_id=team.id, key=key, name=key, position=position)
        for position, key in enumerate(("primary", "backup"))
    }
    people = {
        name.split()[0]: Person(
            organisation_id=owners[0].id, name=name, created_at=local("2020-01-01")
        )
        for name in ("An Peeters", "Bert Maes", "Chloé Dubois")
    }
    session.add_all([*lines.values(), *people.values()])
    session.flush()
    session.add_all(
        Membership(person_id=person.id, team_id=team.id, from_on=date(2020, 1, 1))
        for person in people.values()
    )
    session.flush()
    return Zone(session, team, lines, people, [owner.id for owner in owners])
