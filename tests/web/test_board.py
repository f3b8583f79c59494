"""The board: which lane an incident stands in, what needs somebody, and what is sent again."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.channels.contract import Inbound
from dispatch.intake.models import Delivery
from dispatch.paging import replies
from dispatch.people.models import Certificate, ContactMethod, Role
from dispatch.rota.models import Absence, AbsenceKind, Answer, Shift
from tests.centre import NOW, signed
from tests.web import nights
from tests.web.conftest import Browser, Web
from tests.web.desk import do, do_callout, lane_of, see


@pytest.fixture
def desk(web: Web) -> Browser:
    return web.as_role(Role.DISPATCHER)


@pytest.fixture
def reference(web: Web) -> str:
    return nights.open_incident(web.store, web.centre)


def test_the_board_puts_each_incident_into_its_lane(web, desk, reference):
    assert lane_of(desk, reference) == "paging"
    do_callout(web, desk, reference, "accept_for", {"person": web.centre.people["An"].id})
    assert lane_of(desk, reference) == "under_way"
    do(desk, reference, "close", {"outcome": "home visit"})
    assert lane_of(desk, reference) == "closed"
    web.clock.advance(hours=24)
    assert lane_of(desk, reference) == ""


def test_whoever_is_away_is_not_named_as_the_next_to_be_tried(web, desk, reference):
    assert "Bert Maes (backup)" in desk.get("/board/lanes").text
    with web.store.write() as session:
        away = {"kind": AbsenceKind.SICK, "answer": Answer.APPROVED, "starts_at": NOW}
        bert = web.centre.people["Bert"].id
        session.add(Absence(person_id=bert, asked_at=NOW, asked_by="Bert", **away))
    web.clock.advance(minutes=1)
    shown = desk.get("/board/lanes").text
    assert "(backup)" not in shown
    assert "Bert Maes" not in shown


def test_whoever_is_no_longer_trained_for_it_is_not_promised(web, desk, reference):
    with web.store.write() as session:
        bert = web.centre.people["Bert"].id
        proof = session.scalars(sa.select(Certificate).where(Certificate.person_id == bert)).one()
        proof.expires_on = NOW.date() - timedelta(days=1)
    web.clock.advance(minutes=1)
    shown = desk.get("/board/lanes").text
    assert "Bert Maes (backup)" not in shown
    assert "Bert Maes is passed over" in shown


def test_unanswered_needs_you_until_somebody_goes(web, desk, reference):
    for minutes in (4, 8, 13):
        web.clock.set(NOW + timedelta(minutes=minutes))
        nights.advance(web.store, reference, web.clock.now())
    shown = desk.get("/board").text
    assert lane_of(desk, reference) == "needs_you"
    assert "Nobody of Victim support has accepted" in shown
    assert "1 incident needs you" in shown
    see(web, desk, reference)
    assert lane_of(desk, reference) == "needs_you"
    assert "data-seen" in desk.get("/board/lanes").text
    do_callout(web, desk, reference, "accept_for", {"person": web.centre.people["Bert"].id})
    assert lane_of(desk, reference) == "under_way"


def test_an_answer_in_own_words_stands_on_the_board_until_it_was_seen(web, desk, reference):
    with web.store.write() as session:
        text = "not before four, child ill"
        replies.text_in(session, Inbound("SM1", "+32470123450", text), NOW)
    assert lane_of(desk, reference) == "needs_you"
    assert "not before four, child ill" in desk.get("/board/lanes").text
    see(web, desk, reference)
    assert lane_of(desk, reference) == "paging"


def test_each_alarm_has_words_and_a_button_of_its_own(web, desk, reference):
    web.clock.set(NOW + timedelta(minutes=4))
    nights.advance(web.store, reference, web.clock.now())
    with web.store.write() as session:
        for number, text in (("+32470123450", "child ill"), ("+32470123451", "car broke down")):
            replies.text_in(session, Inbound(f"SM{number}", number, text), web.clock.now())
    shown = desk.get("/board/lanes").text
    assert len(re.findall(r'data-alarm="\d+">', shown)) == 2
    assert "An Peeters answered in own words" in shown and "Bert Maes answered" in shown
    assert "child ill" in shown and "car broke down" in shown
    assert desk.get(f"/incidents/{reference}").text.count("Seen, I act") == 2
    see(web, desk, reference)
    shown = desk.get("/board/lanes").text
    assert "child ill" not in shown
    assert "car broke down" in shown
    assert len(re.findall(r'data-alarm="\d+">', shown)) == 1
    assert lane_of(desk, reference) == "needs_you"


def test_nothing_is_seen_that_was_not_on_the_screen(desk, reference):
    for form in ({}, {"alarm": "999"}, {"alarm": "x"}):
        assert do(desk, reference, "acknowledge", form).status_code == 422


def test_an_unreadable_alert_needs_you_until_it_was_seen(web, desk):
    body = b"this is no alert"
    path = "/hooks/alerts/control-room"
    kind = "application/json"
    sent = web.anonymous().client.post(path, data=body, headers=signed(body), content_type=kind)
    assert sent.status_code == 422
    with web.store.read() as session:
        uid = session.scalars(sa.select(Delivery.uid)).one()
    assert f"/deliveries/{uid}/seen" in desk.get("/board").text
    assert (
        web.as_role(Role.DISPATCHER, zone=web.leie).post(f"/deliveries/{uid}/seen").status_code
        == 404
    )
    assert desk.post(f"/deliveries/{uid}/seen").status_code == 303
    assert "All quiet" in desk.get("/board").text


def test_the_board_says_who_is_on_duty_and_what_is_empty(web, desk):
    shown = desk.get("/board/on-duty").text
    assert "An Peeters" in shown
    assert "+32 470 12 34 50" in shown
    with web.store.write() as session:
        session.execute(
            sa.update(Shift).where(Shift.uid == "shift-backup").values(cancelled_at=NOW)
        )
    web.clock.advance(minutes=1)
    assert "Nobody" in desk.get("/board/on-duty").text


def test_a_fragment_is_sent_again_only_when_something_changed(web, desk, reference):
    for path in ("/board/lanes", f"/incidents/{reference}/pane", "/live/centre"):
        etag = desk.get(path).headers["ETag"]
        unchanged = desk.get(path, headers={"If-None-Match": etag})
        assert (unchanged.status_code, unchanged.data) == (304, b"")
    etag = desk.get("/board/lanes").headers["ETag"]
    do(desk, reference, "note", {"text": "ring back"})
    assert desk.get("/board/lanes", headers={"If-None-Match": etag}).status_code == 200


def test_somebody_elses_copy_of_a_fragment_is_never_confirmed(web, desk, reference):
    etag = desk.get("/board/lanes").headers["ETag"]
    other = web.as_role(Role.DISPATCHER, Role.PLANNER)
    assert other.get("/board/lanes", headers={"If-None-Match": etag}).status_code == 200


def test_incidents_are_found_by_what_is_not_sealed(web, desk, reference):
    nights.open_incident(web.store, web.centre)
    for sought in (reference.lower(), "ninove", "9400", "road crash"):
        found = desk.get(f"/board/find?q={sought}", follow_redirects=True)
        assert reference in found.text, sought
    for sought in (nights.ADDRESS, "Wouters", "lorry"):
        assert reference not in desk.get(f"/board/find?q={sought}").text


def test_a_phone_that_cannot_be_read_hides_no_screen(web, desk):
    with web.store.write() as session:
        session.execute(sa.update(ContactMethod).values(sealed_address="1.AAAA"))
    reference = nights.open_incident(web.store, web.centre)
    for path in ("/board", "/board/on-duty", f"/incidents/{reference}"):
        assert desk.get(path).status_code == 200, path
    assert "A phone of An Peeters could not be read" in desk.get("/board/lanes").text
    an = web.centre.people["An"].id
    shown = web.as_role(Role.ADMINISTRATOR).get(f"/people/{an}")
    assert shown.status_code == 200
    assert "could not be read: enter it again" in shown.text
