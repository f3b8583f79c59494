"""The centre that a night happens to: one database in memory, made anew each night by a copy.

A zone whose victim support and social on-call have people of every kind: one who is only rung, one
with two phones, two who share one. What differs from night to night (turns, certificates that end)
is entered when the night begins; everything else comes from one template. The store is the same all
the time, so that what SQLAlchemy has compiled once is not compiled again.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from dispatch import settings as settings_
from dispatch.clock import ManualClock
from dispatch.db import Base, Session, Store
from dispatch.incidents.models import Category, CategoryWant, ResponseMode
from dispatch.intake import pins
from dispatch.intake.models import Source
from dispatch.paging import reaching
from dispatch.paging.models import NobodyOnDuty, Policy, PolicyStep, Target
from dispatch.paging.reaching import Rule
from dispatch.people import phones
from dispatch.people.models import (
    Certificate,
    Membership,
    MethodKind,
    Organisation,
    Person,
    Qualification,
    Service,
    Team,
)
from dispatch.rota.models import Line, Shift
from tests import centre
from tests.conftest import INSTALLATION_KEY
from tests.databases import know_every_table

MADE_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
CONTROL_ROOM = "+3253123456"
SHARED = "+32470123470"
LANDLINE = "+3253200300"
#: Who is reached by which number, in the order of the seat in the template.
NUMBERS: Mapping[str, str] = {
    "An": "+32470123450",
    "Bert": "+32470123451",
    "Chloé": "+32470123452",
    "Dirk": LANDLINE,
    "Els": "+32470123461",
    "Fay": SHARED,
    "Gil": SHARED,
}
_BROWSER = json.dumps(
    {
        "endpoint": "https://fcm.googleapis.com/1",
        "keys": {
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
            "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    }
)
#: The second phone of somebody who has two.
SECOND = "+32470123462"

_RUNG_LATER = [["sms", 0], ["call", 20], ["call", 90]]
_TEXT_FIRST = [["sms", 0], ["call", 60]]


@dataclass(frozen=True)
class Turn:
    """Somebody on a line for a part of the night, in seconds from its beginning."""

    line: str
    person: str
    begins: float
    ends: float


class World:
    """A centre, and the one way into its database."""

    def __init__(self, folder: Path) -> None:
        self.settings = settings_.load(
            {
                "DISPATCH_DATA_DIR": str(folder),
                "DISPATCH_DATABASE_URL": "sqlite://",
                "DISPATCH_TWILIO__API_BASE": "http://127.0.0.1:9",
            }
        )
        self.clock = ManualClock(MADE_AT)
        self.store = Store("sqlite://", settings=self.settings, installation_key=INSTALLATION_KEY)
        self.people: dict[str, int] = {}
        self.lines: dict[str, int] = {}
        self.pin = ""
        """The digits by which its control room reports over the telephone."""
        self.source_id = self._build()
        self.rows: sqlite3.Connection = self._connection()
        self._template = sqlite3.connect(":memory:")
        self.rows.backup(self._template)

    def begin(self, at: datetime, turns: list[Turn], lapsing: list[str]) -> None:
        """Forget the night before: begin one at `at` with these turns.

        Certificates of `lapsing` end with the local day on which it begins.
        """
        self._template.backup(self.rows)
        self.clock.set(at)
        with self.store.write() as session:
            session.execute(sa.insert(Shift), [self._row(at, n, t) for n, t in enumerate(turns)])
            ids = [self.people[name] for name in lapsing]
            if ids:
                lapses = sa.update(Certificate).where(Certificate.person_id.in_(ids))
                session.execute(lapses.values(expires_on=at.date()))

    def _row(self, at: datetime, number: int, turn: Turn) -> dict[str, Any]:
        return {
            "uid": f"turn-{number}",
            "line_id": self.lines[turn.line],
            "person_id": self.people[turn.person],
            "starts_at": at + timedelta(seconds=turn.begins),
            "ends_at": at + timedelta(seconds=turn.ends),
            "sequence": 0,
            "changed_at": MADE_AT,
        }

    def close(self) -> None:
        """Give the database back."""
        self._template.close()
        self.store.close()

    def _connection(self) -> sqlite3.Connection:
        """Return the only connection there is to a database in memory."""
        driver = self.store.engine.raw_connection().driver_connection
        assert isinstance(driver, sqlite3.Connection)
        return driver

    # --- the template

    def _build(self) -> int:
        know_every_table()
        with self.store.write() as session:
            Base.metadata.create_all(session.connection())
        cast = centre.build(self.store)
        with self.store.write() as session:
            session.execute(sa.delete(Shift))
            zone = session.get_one(Organisation, cast.organisation.id)
            zone.language = "en"
            support = session.get_one(Team, cast.team.id)
            social = _social(session, zone)
            self.people = {name: one.id for name, one in cast.people.items()}
            for name, number in list(NUMBERS.items())[len(self.people) :]:
                team = social if number == SHARED else support
                self.people[name] = _person(session, zone, team, name, number)
            session.add(NobodyOnDuty(team_id=social.id, person_id=self.people["Gil"]))
            _own_rules(session, self.people)
            _categories(session)
            _policies(session)
            session.flush()
            lines = session.execute(sa.select(Line.key, Team.key, Line.id).join(Team)).all()
            source = session.get_one(Source, cast.source_id)
            self.pin = pins.renew(session, source, centre.ADA, MADE_AT)
            self.lines = {f"{team} {line}": line_id for line, team, line_id in lines}
        return cast.source_id


def _social(session: Session, zone: Organisation) -> Team:
    """A second team with one line; it has a day contact and is always wanted."""
    team = Team(
        key="social", name="Social on-call", organisation_id=zone.id, function="social_on_call"
    )
    session.add_all([team, Service(team=team, organisation_id=zone.id)])
    session.flush()
    session.add(Line(team_id=team.id, key="primary", name="primary", position=0))
    return team


def _person(session: Session, zone: Organisation, team: Team, name: str, number: str) -> int:
    person = Person(organisation_id=zone.id, name=name, created_at=MADE_AT, language="en")
    session.add(person)
    session.flush()
    session.add(Membership(person_id=person.id, team_id=team.id, from_on=date(2020, 1, 1)))
    (trained,) = session.scalars(sa.select(Qualification).where(Qualification.key == "bad_news"))
    # Dirk is a volunteer who is not trained for deaths.
    if name != "Dirk":
        session.add(
            Certificate(
                person_id=person.id, qualification_id=trained.id, issued_on=date(2025, 1, 1)
            )
        )
    kind = MethodKind.LANDLINE if number == LANDLINE else MethodKind.MOBILE
    given = [(kind, number)] + [(MethodKind.MOBILE, SECOND)] * (name == "Els")
    for kind, address in given:
        method = phones.add_method(session, person, kind, address, centre.ADA, MADE_AT)
        phones.verify(session, method, centre.ADA, MADE_AT)
    return person.id


def _own_rules(session: Session, people: Mapping[str, int]) -> None:
    """Give some a mail address or a browser, and let some be called in another way."""
    for name, kind, address in (
        ("Chloé", MethodKind.MAIL, "chloe@zone.example"),
        ("Els", MethodKind.PUSH, _BROWSER),
        ("Gil", MethodKind.MAIL, "gil@zone.example"),
    ):
        person = session.get_one(Person, people[name])
        method = phones.add_method(session, person, kind, address, centre.ADA, MADE_AT)
        phones.verify(session, method, centre.ADA, MADE_AT)
    night = time(8), time(22)
    for name, rules in {
        # Would rather be called than texted, and let sleep for what can wait.
        "Bert": [Rule(1, ("call", "sms")), Rule(3, (), *night)],
        # Is not woken unless it is urgent.
        "Chloé": [Rule(1, ("mail", "call")), Rule(2, ("mail",))],
        "Els": [Rule(1, ("push",), *night), Rule(2, ("push", "sms", "call"), *night)],
        "Gil": [Rule(2, ("mail", "sms"))],
    }.items():
        reaching.store(session, session.get_one(Person, people[name]), rules, centre.ADA, MADE_AT)


def _categories(session: Session) -> None:
    (trained,) = session.scalars(sa.select(Qualification).where(Qualification.key == "bad_news"))
    support = CategoryWant(function="victim_support", people=1)
    both = [
        CategoryWant(function="victim_support", people=1),
        CategoryWant(function="social_on_call", people=1),
    ]
    two = CategoryWant(function="victim_support", people=2, qualification_id=trained.id)
    for number, (key, priority, mode, wants) in enumerate(
        (
            ("robbery", 2, ResponseMode.RING_15, [support]),
            ("house_fire", 1, ResponseMode.GO_NOW, both),
            ("bus_crash", 1, ResponseMode.GO_NOW, [two]),
        ),
        start=10,
    ):
        names = {"en": key.replace("_", " ")}
        session.add(
            Category(
                key=key,
                number=number,
                names=names,
                priority=priority,
                response_mode=mode,
                wants=wants,
            )
        )


def _policies(session: Session) -> None:
    """The example centre's own policy for priority 1 ends with a control room; these do not."""
    steps: Mapping[int, list[tuple[int, Target, list[list[object]]]]] = {
        1: [
            (0, Target.PRIMARY, _RUNG_LATER),
            (240, Target.BACKUP, _RUNG_LATER),
            (480, Target.CONTROL_ROOM, [["call", 0]]),
            (720, Target.EVERYONE, _TEXT_FIRST),
        ],
        2: [(0, Target.PRIMARY, _TEXT_FIRST), (180, Target.EVERYONE, _TEXT_FIRST)],
    }
    for priority, wanted in steps.items():
        session.add(
            Policy(
                name=f"priority {priority}",
                priority=priority,
                repeat_seconds=300,
                created_at=MADE_AT,
                steps=[
                    PolicyStep(position=n, after_seconds=after, target=target, attempts=attempts)
                    for n, (after, target, attempts) in enumerate(wanted)
                ],
            )
        )
