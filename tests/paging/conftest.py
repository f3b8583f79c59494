"""A night at the small centre: report, let time pass, answer, and see what was said to whom."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.channels.contract import Inbound, Receipt, State
from dispatch.db import Session, Store
from dispatch.incidents import alarms, handling
from dispatch.incidents.alerts import Alert, AlertType, Place
from dispatch.incidents.models import (
    Alarm,
    Category,
    CategoryWant,
    Incident,
    ResponseMode,
    TimelineEntry,
)
from dispatch.intake import receive
from dispatch.intake.models import Source
from dispatch.outbox import queue
from dispatch.outbox.models import Message
from dispatch.paging import callouts, corrections, hearing, replies, seats
from dispatch.paging.models import Callout, NobodyOnDuty, Page
from dispatch.people.models import Person, Service, Team
from tests import centre

NUMBERS = {"An": "+32470123450", "Bert": "+32470123451", "Chloé": "+32470123452"}
DORA = Actor("person", 99, "Dora")
ALERT = Alert(AlertType.ALERT, category="fatal_crash", place=Place(postcode="9400"))


@dataclass
class Night:
    """What tests do and look at; `now` moves on only when they say so."""

    store: Store
    cast: centre.Centre
    now: datetime = centre.NOW
    texts: int = 0
    incidents: list[int] = field(default_factory=list)

    def report(self, alert: Alert = ALERT) -> int:
        """Report an alert and page for it; return the incident's id."""
        with self.store.write() as session:
            source = session.get_one(Source, self.cast.source_id)
            home, sender = receive.origin(source), receive.actor(source)
            incident = handling.open_incident(session, alert, home, sender, self.now)
            callouts.advance(session, incident, self.now)
            self.incidents.append(incident.id)
            return incident.id

    def change(self, alert: Alert, incident_id: int | None = None) -> None:
        """Report an update."""
        with self.store.write() as session:
            source = session.get_one(Source, self.cast.source_id)
            incident = handling.locked(session, incident_id or self.incidents[-1])
            home, sender = receive.origin(source), receive.actor(source)
            change = handling.update_incident(session, incident, alert, home, sender, self.now)
            corrections.follow(session, incident, change, sender, self.now)

    @contextmanager
    def held(self, incident_id: int | None = None) -> Iterator[tuple[Session, Incident]]:
        """Hold the last incident, or another, locked in a transaction."""
        with self.store.write() as session:
            yield session, handling.locked(session, incident_id or self.incidents[-1])

    @contextmanager
    def callout(self, team: str = "support") -> Iterator[tuple[Session, Callout]]:
        """Hold the last incident's callout of a team."""
        with self.held() as (session, incident):
            found = callouts.of_incident(session, incident)
            yield session, next(one for one in found if one.want.team.key == team)

    def someone(self, session: Session, name: str) -> Person:
        """Return somebody of this session."""
        return session.get_one(Person, self.person(session, name))

    def pass_time(self, seconds: float) -> None:
        """Let time pass, doing whatever falls due on the way, at its own instant."""
        end = self.now + timedelta(seconds=seconds)
        while True:
            with self.store.read() as session:
                due_at = callouts.next_due(session)
            if due_at is None or due_at > end:
                break
            self.now = max(self.now, due_at)
            with self.store.write() as session:
                for incident_id in callouts.due(session, self.now):
                    callouts.advance(session, handling.locked(session, incident_id), self.now)
        self.now = end

    def deliver(self) -> None:
        """Let everything pending leave and arrive."""
        with self.store.write() as session:
            pending = sa.select(Message.uid).where(Message.status == State.PENDING)
            for uid in session.scalars(pending).all():
                hearing.receipt_in(session, uid, Receipt(State.DELIVERED), self.now)

    def text(self, name: str, body: str) -> str:
        """Let somebody text; `name` may be a number."""
        self.texts += 1
        sender = NUMBERS.get(name, name)
        with self.store.write() as session:
            inbound = Inbound(f"SM{self.texts}", sender, body)
            return replies.text_in(session, inbound, self.now)

    def code(self, name: str) -> str:
        """Return the code of somebody's newest page."""
        return self.pages(name)[-1].code

    def pages(self, name: str = "") -> list[Page]:
        """Return pages, of one person or all, oldest first."""
        with self.store.read() as session:
            query = sa.select(Page).options(sa.orm.joinedload(Page.person)).order_by(Page.id)
            found = session.scalars(query).all()
            return [
                page
                for page in found
                if not name or (page.person and page.person.name.startswith(name))
            ]

    def said(self, name: str, kind: str = "") -> list[str]:
        """Return the texts and calls to somebody, oldest first."""
        with self.store.read() as session:
            found = session.scalars(sa.select(Message).order_by(Message.id)).all()
            return [
                queue.text_of(session, message)
                for message in found
                if queue.address_of(session, message) == NUMBERS.get(name, name)
                and kind in ("", message.kind)
            ]

    def story(self) -> list[str]:
        """Return the kinds of the timeline of the last incident."""
        with self.store.read() as session:
            query = sa.select(TimelineEntry.kind).where(
                TimelineEntry.incident_id == self.incidents[-1]
            )
            return list(session.scalars(query.order_by(TimelineEntry.id)))

    def status(self, incident_id: int | None = None) -> list[str]:
        """Return the states of the incident's callouts."""
        with self.held(incident_id) as (session, incident):
            return [callouts.status(callout) for callout in callouts.of_incident(session, incident)]

    def alarm(self) -> str:
        """Return what a person must act on and nobody has seen."""
        return " ".join(self.alarms(alarms.sounding))

    def alarms(self, which: Callable[[Incident], list[Alarm]] = alarms.standing) -> list[str]:
        """Return the kinds of what a person must act on, the oldest first."""
        with self.store.read() as session:
            return [one.kind for one in which(session.get_one(Incident, self.incidents[-1]))]

    def see(self, *kinds: str) -> None:
        """Let a dispatcher acknowledge alarms of these kinds, or all."""
        with self.held() as (session, incident):
            for one in alarms.sounding(incident):
                if one.kind in kinds or not kinds:
                    alarms.acknowledge(session, incident, one, DORA, self.now)

    def person(self, session: Session, name: str) -> int:
        """Return somebody's id."""
        return self.cast.people[name].id


@pytest.fixture
def night(store: Store) -> Iterator[Night]:
    """The small centre, at a Saturday afternoon."""
    return Night(store, centre.build(store))


def second_team(night: Night, people: int = 1) -> None:
    """A municipal team with nobody on duty but Chloé on its list, wanted for theft."""
    with night.store.write() as session:
        home = night.cast.organisation.id
        team = Team(key="jour", name="Jour", organisation_id=home, function="social")
        session.add_all([team, Service(team=team, organisation_id=home)])
        session.flush()
        chloe = night.person(session, "Chloé")
        session.add(NobodyOnDuty(team_id=team.id, person_id=chloe))
        session.add(
            Category(
                key="theft",
                number=1,
                names={"en": "theft"},
                priority=1,
                response_mode=ResponseMode.GO_NOW,
                wants=[CategoryWant(function="social", people=people)],
            )
        )


def ask(night: Night, team: str, people: int) -> None:
    """Let a dispatcher ask for more people of a team."""
    with night.held() as (session, incident):
        found = session.scalars(sa.select(Team).where(Team.key == team)).one()
        seats.want_more(session, incident, found, people, DORA, night.now)
