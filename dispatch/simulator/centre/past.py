"""The call-outs of the last eight weeks: told by the same code that handles those of tonight.

Each alert is taken in as the control room sends it, at its instant; texts and calls are delivered,
people answer, go and come home, and a dispatcher closes. So board, reports and records begin with
what really would have been written. Everything here is over before the first start ends.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from dispatch import seal
from dispatch.audit import Actor
from dispatch.channels.contract import Inbound, Kind, Outcome, Receipt, State
from dispatch.db import Session
from dispatch.incidents import handling
from dispatch.incidents.handling import Origin
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.intake import own, receive
from dispatch.intake.models import Source
from dispatch.intake.receive import Request
from dispatch.outbox import queue
from dispatch.paging import callouts, hearing, pages, replies, seats
from dispatch.paging.models import AssignmentStatus, Page
from dispatch.paging.seats import Went
from dispatch.people import phones
from dispatch.people.models import Person
from dispatch.rota import duty
from dispatch.simulator.centre import turns

_CLOSING_MINUTES = 12
_MANY = 100
_CARRIERS = {Kind.SMS: ["twilio"], Kind.CALL: ["twilio"]}


@dataclass(frozen=True)
class _Event:
    """Something that happened, and how it went."""

    days: int
    """So many days ago."""
    at: str
    """On the clock of the wall."""
    category: str
    place: tuple[str, str, str]
    """Postcode, municipality, address."""
    summary: str
    answers: tuple[tuple[int, str], ...] = ((25, "JA {code}"),)
    """Seconds after the alert, and what whoever was asked last texts then."""
    minutes: int = 70
    """From arriving to being done."""
    ends: str = "closed"
    """closed, cancelled, or recorded: handled by telephone and written down afterwards."""
    drill: bool = False


_NINOVE, _HAALTERT = ("9400", "Ninove"), ("9450", "Haaltert")
_DENDERLEEUW, _GERAARDSBERGEN = ("9470", "Denderleeuw"), ("9500", "Geraardsbergen")

_EVENTS = (
    _Event(52, "21:40", "suicide", (*_NINOVE, "Molenstraat 8"), "Son found by his mother."),
    _Event(
        45,
        "03:15",
        "fatal_crash",
        (*_HAALTERT, "Steenweg 112"),
        "Car against tree, driver dead. Parents not told yet.",
        ((31, "JA {code} 25"),),
        130,
    ),
    _Event(
        40,
        "19:05",
        "intrafamilial",
        (*_DENDERLEEUW, "Stationsplein 3"),
        "Woman with two children, partner arrested.",
        ((12, "NEE {code}"), (65, "OUI {code}")),
        95,
    ),
    _Event(
        36,
        "23:50",
        "acute_social",
        (*_NINOVE, "Burchtdam 14"),
        "Family of four without a roof after an eviction.",
        ((38, "JA {code}"),),
        150,
    ),
    _Event(
        30,
        "11:20",
        "theft_violence",
        (*_GERAARDSBERGEN, "Markt 21"),
        "Shopkeeper threatened with a knife, in shock.",
    ),
    _Event(
        26,
        "16:45",
        "sexual_offence",
        (*_GERAARDSBERGEN, "Abdijstraat 10"),
        "Student, 19, wishes to be heard by a woman.",
        ((20, "JA {code}"),),
        160,
    ),
    _Event(
        19,
        "02:10",
        "house_fire",
        (*_DENDERLEEUW, "De Nayerstraat 40"),
        "House lost, grandmother and two children safe.",
        ((29, "JA {code}"),),
        120,
    ),
    _Event(
        14,
        "08:30",
        "bad_news",
        (*_HAALTERT, "Kerkstraat 5"),
        "Husband died at work, wife at home.",
        ((95, "JA {code} 20"),),
        100,
    ),
    _Event(
        9,
        "20:15",
        "disappearance",
        (*_NINOVE, "Denderkaai 2"),
        "Boy, 9, not home. Found at a friend's.",
        (),
        ends="cancelled",
    ),
    _Event(
        7,
        "14:00",
        "house_fire",
        (*_NINOVE, "Fire station"),
        "Exercise with the fire brigade.",
        ((15, "JA {code}"),),
        20,
        drill=True,
    ),
    _Event(
        5,
        "22:05",
        "homejacking",
        (*_GERAARDSBERGEN, "Oudenbergstraat 77"),
        "Couple tied up, car stolen.",
        ((33, "JA {code}"),),
        110,
    ),
    _Event(
        2,
        "13:40",
        "threats_stalking",
        (*_DENDERLEEUW, "Guido Gezellestraat 9"),
        "Woman followed home by her former partner.",
        (),
        55,
        ends="recorded",
    ),
)
_TODAY = _Event(
    0,
    "",
    "theft_violence",
    (*_NINOVE, "Centrumlaan 30"),
    "Pensioner robbed at a cash machine, broken wrist.",
    ((22, "JA {code} 30"),),
    40,
)


def play(session: Session, source: Source, pool: Mapping[str, Person], now: datetime) -> None:
    """Let the last eight weeks' events happen, each at its instant, oldest first."""
    team = source.default_team
    dirk = Actor("person", pool["Dirk"].id, pool["Dirk"].name)
    today = turns.local_day(now, team)
    for number, event in enumerate(_EVENTS, 1):
        day = today - timedelta(days=event.days)
        at = turns.instant(day, time.fromisoformat(event.at), team)
        _happen(session, source, event, f"{day:%Y}-{number:04}", at, dirk)
    # Closed since midnight, so that the board shows one, however early the first start is.
    closed_at = max(now - timedelta(minutes=50), turns.instant(today, time(0), team))
    at = closed_at - timedelta(minutes=_TODAY.minutes + 40)
    _happen(session, source, _TODAY, f"{today:%Y}-0100", at, dirk, closed_at)


def _happen(
    session: Session,
    source: Source,
    event: _Event,
    reference: str,
    at: datetime,
    dispatcher: Actor,
    closed_at: datetime | None = None,
) -> None:
    if event.ends == "recorded":
        _record(session, source, event, at, dispatcher)
        return
    incident = _send(session, source, _alert(event, reference), at)
    carry(session, at)
    for seconds, words in event.answers:
        answered_at = at + timedelta(seconds=seconds)
        _run_until(session, incident, answered_at)
        _answer(session, incident, words, answered_at)
    if event.ends == "cancelled":
        _send(
            session, source, {"type": "cancel", "reference": reference}, at + timedelta(minutes=1)
        )
        carry(session, at + timedelta(minutes=1))
        return
    done_at = _go(session, incident, event)
    closed_at = closed_at or done_at + timedelta(minutes=_CLOSING_MINUTES)
    handling.end_incident(session, incident, IncidentStatus.CLOSED, dispatcher, closed_at)
    callouts.advance(session, incident, closed_at)
    carry(session, closed_at)


def _alert(event: _Event, reference: str) -> dict[str, Any]:
    postcode, municipality, address = event.place
    return {
        "type": "alert",
        "reference": reference,
        "category": event.category,
        "place": {"address": address, "municipality": municipality, "postcode": postcode},
        "summary": event.summary,
        "contact": {"name": "Chief inspector on scene", "role": "caller"},
        "drill": event.drill,
    }


def _send(session: Session, source: Source, alert: Mapping[str, Any], at: datetime) -> Incident:
    """Take an alert in as the hook does; return the incident it is about."""
    request = Request(f"msg_{seal.new_token()}", "application/json", json.dumps(alert).encode())
    answer = receive.take_in(session, source, receive.prepare(request, at), at)
    reference = json.loads(answer.body)["reference"]
    return session.scalars(sa.select(Incident).where(Incident.reference == reference)).one()


def _run_until(session: Session, incident: Incident, until: datetime) -> None:
    """Let the engine's clock run: take every step that is due, and let messages arrive."""
    while True:
        found = callouts.of_incident(session, incident)
        due_at = min((callout.due_at for callout in found if callout.due_at), default=until)
        if due_at >= until:
            return
        callouts.advance(session, incident, due_at)
        carry(session, due_at)


def carry(session: Session, at: datetime) -> None:
    """Let the supplier take and deliver what waits."""
    lease = session.info["settings"].engine.lease_seconds
    claimed, _ = queue.claim(session, at, lease, _MANY, _CARRIERS)
    taken = [(one, Outcome(State.SENT, supplier_id=f"SM{seal.new_token()}")) for one in claimed]
    hearing.settled(session, taken, _CARRIERS, at + timedelta(seconds=1))
    for one in claimed:
        delivered_at = at + timedelta(seconds=3)
        hearing.receipt_in(session, one.outgoing.uid, Receipt(State.DELIVERED), delivered_at)


def _answer(session: Session, incident: Incident, words: str, at: datetime) -> None:
    """Let whoever was asked last, of each callout, text from their own phone."""
    for callout in callouts.of_incident(session, incident):
        asked = [page for page in pages.still_open(callout) if page.person_id is not None]
        if asked:
            number, said = _number(session, asked[-1]), words.replace("{code}", asked[-1].code)
            replies.text_in(session, Inbound(f"SM{seal.new_token()}", number, said), at)
            carry(session, at)


def _number(session: Session, page: Page) -> str:
    person = session.get_one(Person, page.person_id)
    return phones.address_of(session, phones.methods(session, person)[0])


def _go(session: Session, incident: Incident, event: _Event) -> datetime:
    """Let everybody who goes leave, arrive and be done; return when the last one was."""
    steps = [
        (assignment.accepted_at + timedelta(minutes=after), then, assignment)
        for callout in callouts.of_incident(session, incident)
        for assignment in callouts.active_assignments(callout)
        for after, then in (
            (4, AssignmentStatus.ON_THE_WAY),
            (23, AssignmentStatus.ON_SCENE),
            (23 + event.minutes, AssignmentStatus.DONE),
        )
    ]
    for at, then, assignment in sorted(steps, key=lambda step: step[0]):
        person = assignment.person
        seats.move_on(session, assignment, then, Actor("person", person.id, person.name), at)
    return max(at for at, _, _ in steps)


def _record(
    session: Session, source: Source, event: _Event, at: datetime, dispatcher: Actor
) -> None:
    """Write down in the evening what was handled by telephone at `at`."""
    alert = own.read(json.dumps(_alert(event, "")).encode())
    told_at = at + timedelta(hours=4)
    home = Origin(source.organisation, source.default_team)
    incident = handling.open_incident(
        session, replace(alert, occurred_at=at), home, dispatcher, told_at, wants=()
    )
    turn = duty.on_duty(session, source.default_team, at).turns[0]
    went = Went(
        source.default_team,
        session.get_one(Person, turn.person_id),
        at,
        at + timedelta(minutes=30),
        at + timedelta(minutes=30 + event.minutes),
    )
    seats.record_afterwards(session, incident, [went], dispatcher, told_at)
    handling.end_incident(session, incident, IncidentStatus.CLOSED, dispatcher, told_at)
