"""A small centre for tests that need a whole one: a zone, its team on duty, and a source.

An is primary and Bert is backup in the week of 14 March 2026; both are trained for deaths. Chloé
is on the nobody-on-duty list.
"""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
import standardwebhooks

from dispatch.audit import Actor
from dispatch.db import Session, Store
from dispatch.incidents.models import Alarm, Category, CategoryWant, ResponseMode
from dispatch.intake import receive, sources
from dispatch.intake.models import Source
from dispatch.intake.receive import Answer, Request
from dispatch.paging.models import NobodyOnDuty, Policy, PolicyStep, Target
from dispatch.people import phones
from dispatch.people.models import (
    Area,
    Certificate,
    Membership,
    MethodKind,
    Organisation,
    OrganisationKind,
    Person,
    Qualification,
    Service,
    Team,
)
from dispatch.rota.models import Line, Shift

NOW = datetime(2026, 3, 14, 13, 2, tzinfo=UTC)
ADA = Actor("person", 1, "Ada")
SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes !!!").decode()
ALERT = {
    "type": "alert",
    "reference": "R-1",
    "category": "fatal_crash",
    "place": {"postcode": "9400", "municipality": "Ninove"},
}
_ATTEMPTS = [["sms", 0], ["call", 20], ["call", 90]]


@dataclass(frozen=True)
class Centre:
    """The rows that tests name."""

    organisation: Organisation
    team: Team
    people: dict[str, Person]
    source_id: int


def build(store: Store) -> Centre:
    """Fill an empty database with the centre."""
    with store.write() as session:
        zone = Organisation(
            key="dender",
            name="Zone Dender",
            kind=OrganisationKind.POLICE_ZONE,
            control_room_phone="+3253123456",
        )
        session.add(zone)
        session.flush()
        session.add(Area(organisation_id=zone.id, first_postcode="9400", last_postcode="9409"))
        team = _team(session, zone)
        people = _people(session, zone, team)
        _category_and_policy(session)
        session.flush()
        source, _ = sources.add_source(
            session, "control-room", "Control room", zone, team, ADA, NOW, SECRET
        )
    return Centre(zone, team, people, source.id)


def _team(session: Session, zone: Organisation) -> Team:
    team = Team(
        key="support", name="Victim support", organisation_id=zone.id, function="victim_support"
    )
    session.add_all([team, Service(team=team, organisation_id=zone.id)])
    session.flush()
    return team


def _people(session: Session, zone: Organisation, team: Team) -> dict[str, Person]:
    trained = Qualification(key="bad_news", names={"en": "death notification"})
    names = ("An Peeters", "Bert Maes", "Chloé Dubois")
    people = {
        name.split()[0]: Person(organisation_id=zone.id, name=name, created_at=NOW, language="en")
        for name in names
    }
    session.add_all([trained, *people.values()])
    session.flush()
    for number, person in enumerate(people.values()):
        session.add(Membership(person_id=person.id, team_id=team.id, from_on=date(2020, 1, 1)))
        session.add(
            Certificate(
                person_id=person.id, qualification_id=trained.id, issued_on=date(2025, 1, 1)
            )
        )
        method = phones.add_method(
            session, person, MethodKind.MOBILE, f"+3247012345{number}", ADA, NOW
        )
        phones.verify(session, method, ADA, NOW)
    for position, (key, name) in enumerate((("primary", "An"), ("backup", "Bert"))):
        line = Line(team_id=team.id, key=key, name=key, position=position)
        session.add(line)
        session.flush()
        session.add(
            Shift(
                uid=f"shift-{key}",
                line_id=line.id,
                person_id=people[name].id,
                starts_at=NOW - timedelta(days=3),
                ends_at=NOW + timedelta(days=4),
                changed_at=NOW,
            )
        )
    session.add(NobodyOnDuty(team_id=team.id, person_id=people["Chloé"].id))
    return people


def _category_and_policy(session: Session) -> None:
    session.add(
        Category(
            key="fatal_crash",
            number=3,
            names={"en": "fatal road crash"},
            priority=1,
            response_mode=ResponseMode.GO_NOW,
            wants=[CategoryWant(function="victim_support", people=1, qualification_id=1)],
        )
    )
    steps = ((0, Target.PRIMARY), (240, Target.BACKUP), (480, Target.CONTROL_ROOM))
    session.add(
        Policy(
            name="standard",
            repeat_seconds=300,
            created_at=NOW,
            steps=[
                PolicyStep(position=n, after_seconds=after, target=target, attempts=_ATTEMPTS)
                for n, (after, target) in enumerate(steps)
            ],
        )
    )


def signed(
    body: bytes, at: datetime = NOW, webhook_id: str = "msg_1", secret: str = SECRET
) -> dict[str, str]:
    """Return the headers with which a source sends a body."""
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": standardwebhooks.Webhook(secret).sign(webhook_id, at, body.decode()),
    }


class Sender:
    """A source that sends to one centre; each request has an id of its own unless given."""

    def __init__(self, store: Store, centre: Centre) -> None:
        self.store, self.centre = store, centre
        self._sent = 0

    def send(
        self, body: bytes | dict[str, Any], webhook_id: str = "", after: timedelta = timedelta()
    ) -> Answer:
        """Send a body so long after the centre began."""
        self._sent += 1
        raw = json.dumps(body).encode() if isinstance(body, dict) else body
        request = Request(webhook_id or f"msg_{self._sent}", "application/json", raw)
        prepared = receive.prepare(request, NOW + after)
        with self.store.write() as session:
            source = session.get_one(Source, self.centre.source_id)
            return receive.take_in(session, source, prepared, NOW + after)

    def alert(self, **fields: Any) -> dict[str, Any]:
        """Send `ALERT` with other fields and return what is answered."""
        answer = self.send({**ALERT, **fields})
        assert answer.status == 202
        return said(answer)


def said(answer: Answer) -> dict[str, Any]:
    """Return what an answer says."""
    document: dict[str, Any] = json.loads(answer.body)
    return document


def count(store: Store, table: type) -> int:
    """Return how many rows a table has."""
    with store.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def sounding(store: Store) -> list[str]:
    """Return the kinds of the alarms that nobody has seen, of every incident."""
    query = sa.select(Alarm.kind).where(Alarm.ended_at.is_(None), Alarm.acknowledged_at.is_(None))
    with store.read() as session:
        return list(session.scalars(query.order_by(Alarm.id)))
