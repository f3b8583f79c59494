"""The story of an incident: one timeline of rows and messages, proof, what machines read."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.channels.contract import Inbound, Kind, Receipt, State
from dispatch.db import Store
from dispatch.errors import NotFound
from dispatch.incidents import handling, timeline
from dispatch.outbox.models import Message
from dispatch.paging import callouts, confidentiality, hearing, replies, seats, story
from dispatch.people.access import Viewer
from tests import centre
from tests.centre import ADA, NOW, Centre
from tests.web import nights


@pytest.fixture
def cast(store: Store) -> Centre:
    return centre.build(store)


@pytest.fixture
def reference(store: Store, cast: Centre) -> str:
    return nights.open_incident(store, cast)


def receipt(store: Store, kind: Kind, heard: Receipt, seconds: int) -> None:
    """Let the supplier say something of the newest message of a kind."""
    with store.write() as session:
        query = sa.select(Message.uid).where(Message.kind == kind).order_by(Message.id.desc())
        uid = session.scalars(query).first()
        hearing.receipt_in(session, uid, heard, NOW + timedelta(seconds=seconds))


def told(store: Store, reference: str, language: str = "en") -> list[story.Line]:
    with store.read() as session:
        return story.timeline(session, nights.of(session, reference), language)


def test_rows_and_messages_are_one_timeline_in_order_of_time(store, reference):
    receipt(store, Kind.SMS, Receipt(State.SENT), 1)
    receipt(store, Kind.SMS, Receipt(State.DELIVERED), 3)
    nights.advance(store, reference, NOW + timedelta(seconds=20))
    receipt(store, Kind.CALL, Receipt(State.SENT), 22)
    receipt(store, Kind.CALL, Receipt(State.DELIVERED, answered=True), 30)
    lines = told(store, reference)
    assert [(line.kind, (line.at - NOW).seconds) for line in lines] == [
        ("received", 0),
        ("paging", 0),
        ("sent", 1),
        ("delivered", 3),
        ("sent", 22),
        ("picked_up", 30),
    ]
    assert lines[3].text == "Text delivered to An Peeters."
    assert "this is no answer yet" in lines[5].text


def test_what_became_of_a_message_is_stored_once(store, reference):
    receipt(store, Kind.SMS, Receipt(State.DELIVERED), 3)
    with store.read() as session:
        kinds = session.scalars(sa.select(timeline.TimelineEntry.kind)).all()
    assert not {"sent", "delivered"} & set(kinds)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("30003", "the phone is off or out of reach, 30003"),
        ("21610", "the owner texted STOP, 21610"),
        ("no-answer", "nobody picked up"),
        ("http-502", "http-502"),
        ("", "no reason given"),
    ],
)
def test_a_failure_says_what_the_suppliers_code_means(store, reference, code, words):
    receipt(store, Kind.SMS, Receipt(State.FAILED, code), 4)
    failed = next(line for line in told(store, reference) if line.kind == "failed")
    assert failed.text == f"Text to An Peeters failed ({words})."


def test_an_unclear_attempt_is_told_as_unclear(store, reference):
    with store.write() as session:
        message = session.scalars(sa.select(Message)).first()
        message.status, message.code = State.UNKNOWN, "timeout"
    unclear = next(line for line in told(store, reference) if line.kind == "unclear")
    assert "the supplier did not answer in time" in unclear.text


def test_own_words_stand_beside_their_line_and_not_in_it(store, reference):
    with store.write() as session:
        inbound = Inbound("SM1", "+32470123450", "child ill, not before four")
        replies.text_in(session, inbound, NOW + timedelta(seconds=40))
    line = next(line for line in told(store, reference) if line.kind == "unclear_reply")
    assert line.own_words == "child ill, not before four"
    assert "child" not in line.text
    assert line.actor == "An Peeters"


def test_an_unread_answer_is_an_alarm_until_somebody_goes(store, reference, cast):
    with store.write() as session:
        inbound = Inbound("SM1", "+32470123450", "child ill, not before four")
        replies.text_in(session, inbound, NOW + timedelta(seconds=40))
    (raised,) = raised_for_machines(store, reference)
    assert raised == {
        "kind": "unclear_reply",
        "text": "An Peeters answered in own words: read it and ring back.",
        "raised_at": at(40).isoformat(),
        "acknowledged_at": None,
    }
    with store.write() as session:
        incident = handling.locked(session, nights.of(session, reference).id)
        callout = callouts.of_incident(session, incident)[0]
        seats.accept_on_behalf(session, callout, cast.people["Bert"], ADA, NOW)
    assert raised_for_machines(store, reference) == []


def raised_for_machines(store: Store, reference: str) -> list[dict[str, object]]:
    with store.read() as session:
        return story.incident_json(session, nights.of(session, reference))["alarms"]


def test_the_proof_names_every_instant_of_every_message(store, reference, cast):
    receipt(store, Kind.SMS, Receipt(State.SENT), 1)
    receipt(store, Kind.SMS, Receipt(State.DELIVERED), 3)
    nights.advance(store, reference, NOW + timedelta(seconds=240))
    with store.write() as session:
        page = nights.of(session, reference)
        held = callouts.of_incident(session, page)[0].pages[0]
        held = seats.locked_page(session, held.id)
        replies.opened(session, held, NOW + timedelta(seconds=250))
        seats.accept(session, held, Actor("person", held.person_id, "An"), "link", at(260))
    with store.read() as session:
        proof = story.proof(session, nights.of(session, reference), "en")
    first, last = proof[0], proof[-1]
    assert (first.person, first.kind) == ("An Peeters", "sms")
    assert [first.created_at, first.sent_at, first.delivered_at] == [NOW, at(1), at(3)]
    assert [first.opened_at, first.answered_at] == [at(250), at(260)]
    assert (last.person, last.stood_down_at) == ("Bert Maes", at(260))


def at(seconds: int):
    return NOW + timedelta(seconds=seconds)


def test_machines_read_what_the_contract_promises_and_nothing_sealed(store, reference, cast):
    nights.advance(store, reference, NOW + timedelta(seconds=480))
    with store.write() as session:
        incident = handling.locked(session, nights.of(session, reference).id)
        callout = callouts.of_incident(session, incident)[0]
        seats.accept_on_behalf(session, callout, cast.people["Bert"], ADA, at(490))
        handling.add_note(session, incident, "The mother waits.", ADA, at(500))
    with store.read() as session:
        document = story.incident_json(session, nights.of(session, reference))
    assert document["reference"] == reference
    assert (document["status"], document["category"]) == ("open", "fatal_crash")
    assert (document["priority"], document["problems"]) == (1, [])
    [called] = document["callouts"]
    assert (called["team"], called["status"], called["wanted"]) == ("support", "accepted", 1)
    assert called["due_at"] is None
    bert = {"id": cast.people["Bert"].id, "name": "Bert Maes"}
    assert called["responders"] == [
        {"person": bert, "status": "accepted", "accepted_at": at(490).isoformat()}
    ]
    assert [page["person"]["name"] for page in called["pages"]] == [
        "An Peeters",
        "Bert Maes",
        "Control room",
    ]
    assert called["pages"][2]["person"]["id"] is None
    assert called["pages"][0]["reason"].startswith("primary until")
    assert set(called["pages"][0]) == {"person", "status", "reason", "sent_at", "answered_at"}
    assert set(document["timeline"][0]) == {"at", "kind", "text"}
    for secret in (nights.NARRATIVE, nights.ADDRESS, nights.CONTACT, nights.SUMMARY, "mother"):
        assert secret not in repr(document)


def test_reading_changes_nothing(store, reference):
    before = nights.snapshot(store)
    with store.write() as session:
        incident = nights.of(session, reference)
        story.timeline(session, incident, "nl")
        story.proof(session, incident, "nl")
        story.incident_json(session, incident)
    assert nights.snapshot(store) == before


def test_an_incident_does_not_exist_for_whoever_holds_no_right(store, reference):
    nobody = Viewer(99, "Nobody", "en", 1, "Europe/Brussels", ())
    with store.read() as session, pytest.raises(NotFound):
        confidentiality.reader(session, nobody, reference, NOW)
