"""Who acts on the centre from outside: the control room's system, a dispatcher, a planner.

The control room's system repeats a request under the same id until it is answered 202, as a real
one does, or gives up. Dispatcher and planner call the verbs that their screens call, in one
transaction each, on what is there at that moment; what the core refuses them is no fault.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.incidents import alarms, handling, merging
from dispatch.incidents.alerts import Alert, AlertType
from dispatch.incidents.handling import Origin
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.intake import deliveries, receive
from dispatch.intake.models import Delivery, Source
from dispatch.paging import apart, callouts, corrections, handing, joining, recall, seats
from dispatch.paging.models import AssignmentStatus, Callout
from dispatch.people.models import Certificate, Membership, Person, Team
from dispatch.rota import changes
from dispatch.rota.models import Shift

if TYPE_CHECKING:
    from tests.simulation.night import Night

DORA = Actor("person", 1, "Dora")
PETRA = Actor("person", 1, "Petra")


@dataclass
class ControlRoom:
    """The system of a police control room."""

    night: "Night"
    answers: dict[str, bytes] = field(default_factory=dict)
    """The body of the first 202, by the request's id."""
    _sent: int = 0

    def report(self, patience: int = 30, webhook_id: str = "", **fields: Any) -> None:
        """Send a request until it is taken."""
        self._send(json.dumps(fields).encode(), self._id(webhook_id), patience, fields)

    def rubbish(self) -> None:
        """Send what nobody can read."""
        self._send(b'{"type": "fire drill?"', self._id(""), 3, {"type": "unreadable"})

    def _id(self, webhook_id: str) -> str:
        self._sent += 1
        return webhook_id or f"msg_{self._sent}"

    def _send(self, body: bytes, webhook_id: str, patience: int, fields: Mapping[str, Any]) -> None:
        night = self.night
        request = receive.Request(webhook_id, "application/json", body)
        prepared = receive.prepare(request, night.world.clock.now())
        answer = night.web(
            f"gets {fields['type']} {fields.get('reference', '')} ({webhook_id})",
            lambda session, now: receive.take_in(
                session, session.get_one(Source, night.world.source_id), prepared, now
            ),
            intake=True,
        )
        if not isinstance(answer, receive.Answer):
            night.say("  the control room has no answer")
        else:
            night.say(f"  the control room is answered {answer.status}")
            if answer.status == 202:
                self._taken(webhook_id, answer, fields)
            if answer.status in (202, 422):
                return
        if patience > 0:
            pause = night.rng.uniform(0.5, 6)
            night.later(pause, self._send, body, webhook_id, patience - 1, fields)
        else:
            night.say("  the control room gives up")

    def _taken(self, webhook_id: str, answer: receive.Answer, fields: Mapping[str, Any]) -> None:
        known = self.answers.setdefault(webhook_id, answer.body)
        if known != answer.body:
            self.night.rules.broken("a repeat of a request was answered otherwise than the first")
        told = json.loads(answer.body)
        self.night.rules.accepted(fields, told)


class Dispatcher:
    """Somebody at the console."""

    def __init__(self, night: "Night") -> None:
        self.night = night
        self._on_incident: Mapping[str, Callable[[Session, Incident, datetime], object]] = {
            "acknowledges": self._acknowledge,
            "wants more": self._more,
            "corrects": self._correct,
            "closes": self._close,
            "cancels": self._cancel,
            "merges": self._merge,
            "takes apart": self._take_apart,
            "links": self._link,
        }
        self._on_callout: Mapping[str, Callable[[Session, Callout, datetime], object]] = {
            "pages the next": self._next,
            "pages by hand": self._page,
            "accepts for": self._accept,
            "moves on": self._move_on,
            "releases": self._release,
            "hands on": self._hand_on,
            "stands down": self._stand_down,
            "has told of the cancel": self._told_cancel,
        }

    def act(self) -> None:
        """Do one thing that a button of the board does."""
        self.does(self.night.rng.choice([*self._on_incident, *self._on_callout]))

    def does(self, name: str) -> None:
        """Press one button, on any incident."""
        night = self.night
        ids = [row[0] for row in night.rows.execute("SELECT id FROM incident ORDER BY id")]
        if not ids:
            return
        incident_id, lot = night.rng.choice(ids), night.rng.random()
        night.count.did[f"dispatcher {name}"] += 1

        def do(session: Session, now: datetime) -> object:
            incident = handling.locked(session, incident_id)
            if name in self._on_incident:
                return self._on_incident[name](session, incident, now)
            held = callouts.of_incident(session, incident)
            if not held:
                return "nothing"
            return self._on_callout[name](session, held[int(lot * len(held))], now)

        night.web(f"lets the dispatcher do: {name}, incident {incident_id}", do)

    def looks(self) -> None:
        """See whatever sounds."""
        night = self.night

        def do(session: Session, now: datetime) -> object:
            for delivery in session.scalars(
                sa.select(Delivery).where(Delivery.due_at.is_not(None))
            ):
                deliveries.mark_seen(session, delivery, DORA, now)
            return "seen"

        night.web("lets the dispatcher look at deliveries", do)

    def _acknowledge(self, session: Session, incident: Incident, now: datetime) -> object:
        for alarm in alarms.sounding(incident)[:1]:
            alarms.acknowledge(session, incident, alarm, DORA, now)
        return None

    def _more(self, session: Session, incident: Incident, now: datetime) -> object:
        key = self.night.rng.choice(("support", "social"))
        (team,) = session.scalars(sa.select(Team).where(Team.key == key))
        return seats.want_more(session, incident, team, 1, DORA, now)

    def _correct(self, session: Session, incident: Incident, now: datetime) -> object:
        rng = self.night.rng
        category = rng.choice(("fatal_crash", "robbery", "house_fire", None))
        alert = Alert(AlertType.UPDATE, category=category, priority=rng.choice((None, 1, 2)))
        home = Origin(incident.organisation)
        change = handling.update_incident(session, incident, alert, home, DORA, now)
        return corrections.follow(session, incident, change, DORA, now)

    def _close(self, session: Session, incident: Incident, now: datetime) -> object:
        handling.end_incident(session, incident, IncidentStatus.CLOSED, DORA, now)
        return callouts.advance(session, incident, now)

    def _cancel(self, session: Session, incident: Incident, now: datetime) -> object:
        handling.end_incident(session, incident, IncidentStatus.CANCELLED, DORA, now)
        return callouts.advance(session, incident, now)

    def _other(self, session: Session, incident: Incident) -> int | None:
        held = sa.select(Incident.id).where(Incident.status == IncidentStatus.OPEN)
        others = session.scalars(held.where(Incident.id != incident.id).order_by(Incident.id)).all()
        return self.night.rng.choice(others) if others else None

    def _merge(self, session: Session, incident: Incident, now: datetime) -> object:
        other = self._other(session, incident)
        if other is None:
            return None
        return joining.merge(session, handling.locked(session, other), incident, DORA, now)

    def _link(self, session: Session, incident: Incident, now: datetime) -> object:
        other = self._other(session, incident)
        if other is None:
            return None
        return apart.link(session, incident, session.get_one(Incident, other), DORA, now)

    def _take_apart(self, session: Session, incident: Incident, now: datetime) -> object:
        merged = merging.standing(session, incident)
        if merged is None:
            return None
        handling.locked(session, merged.into_id)
        return joining.take_apart(session, merged, DORA, now)

    def _next(self, session: Session, callout: Callout, now: datetime) -> object:
        callouts.hasten(session, callout, now)
        return callouts.advance(session, callout.incident, now)

    def _page(self, session: Session, callout: Callout, now: datetime) -> object:
        callouts.page_person(session, callout, self._member(session, callout), DORA, now)
        return callouts.advance(session, callout.incident, now)

    def _accept(self, session: Session, callout: Callout, now: datetime) -> object:
        person = self._member(session, callout)
        return seats.accept_on_behalf(session, callout, person, DORA, now)

    def _member(self, session: Session, callout: Callout) -> Person:
        of_team = Membership.team_id == callout.want.team_id
        ids = session.scalars(
            sa.select(Membership.person_id).where(of_team).order_by(Membership.id)
        )
        return session.get_one(Person, self.night.rng.choice(ids.all()))

    def _move_on(self, session: Session, callout: Callout, now: datetime) -> object:
        then = self.night.rng.choice((AssignmentStatus.ON_THE_WAY, AssignmentStatus.DONE))
        for going in callouts.active_assignments(callout)[:1]:
            seats.move_on(session, going, then, DORA, now)
        return None

    def _release(self, session: Session, callout: Callout, now: datetime) -> object:
        for going in callouts.active_assignments(callout)[:1]:
            seats.release(session, going, DORA, now)
        return None

    def _hand_on(self, session: Session, callout: Callout, now: datetime) -> object:
        for going in callouts.active_assignments(callout)[:1]:
            handing.hand_on(session, going, self._member(session, callout), DORA, now)
        return callouts.advance(session, callout.incident, now)

    def _stand_down(self, session: Session, callout: Callout, now: datetime) -> object:
        return seats.stand_down(session, callout, DORA, now)

    def _told_cancel(self, session: Session, callout: Callout, now: datetime) -> object:
        for turning in recall.unconfirmed(callout)[:1]:
            seats.told_cancel(session, turning, DORA, now)
        return None


class Planner:
    """Somebody who changes the rota while people are being called."""

    def __init__(self, night: "Night") -> None:
        self.night = night

    def act(self) -> None:
        """Change one thing."""
        changes_ = (self._hand_over, self._cover, self._take_out, self._revoke, self._leave)
        change, lot = self.night.rng.choice(changes_), self.night.rng.random()
        people = list(self.night.world.people.values())
        person_id = self.night.rng.choice(people)
        name = change.__name__.strip("_").replace("_", " ")
        self.night.count.did[f"planner {name}"] += 1

        def do(session: Session, now: datetime) -> object:
            shifts = session.scalars(
                sa.select(Shift).where(Shift.cancelled_at.is_(None)).order_by(Shift.id)
            ).all()
            person = session.get_one(Person, person_id)
            return change(session, shifts[int(lot * len(shifts))], person, now) if shifts else None

        self.night.web(f"lets the planner do: {name}, person {person_id}", do)
        for life in self.night.lives:
            self.night.later(self.night.rng.uniform(0.05, 1), life.follow_rota)

    def _hand_over(self, session: Session, shift: Shift, person: Person, now: datetime) -> object:
        return changes.change_shift(session, shift, PETRA, now, person=person, reason="swap")

    def _cover(self, session: Session, shift: Shift, person: Person, now: datetime) -> object:
        begins = max(now, shift.starts_at)
        ends = min(begins + timedelta(minutes=10), shift.ends_at)
        return changes.enter_cover(session, shift, person, begins, ends, PETRA, now, "ill")

    def _take_out(self, session: Session, shift: Shift, _person: Person, now: datetime) -> object:
        return changes.cancel_shift(session, shift, PETRA, now, "ill")

    def _revoke(self, session: Session, _shift: Shift, person: Person, now: datetime) -> object:
        held = sa.update(Certificate).where(Certificate.person_id == person.id)
        return session.execute(held.values(revoked_on=now.date()))

    def _leave(self, session: Session, _shift: Shift, person: Person, now: datetime) -> object:
        person.left_at = now
        return session.flush()
