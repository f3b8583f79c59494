"""When paging begins: at once, before an appointment, after the quiet hours; and who insists."""

import json
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.errors import Conflict
from dispatch.incidents import beginning, handling
from dispatch.incidents.alerts import Alert, AlertType, Place
from dispatch.incidents.beginning import Quiet
from dispatch.incidents.models import Category, CategoryWant, ResponseMode
from dispatch.intake import receive
from dispatch.paging import callouts, clocks, seats, waiting
from dispatch.people.models import Organisation
from tests.paging.conftest import DORA, Night

BRUSSELS = ZoneInfo("Europe/Brussels")
NIGHT = Quiet(time(22), time(7), BRUSSELS)
LEAD = timedelta(hours=1)
GO, RING, APPOINTMENT = ResponseMode.GO_NOW, ResponseMode.RING_15, ResponseMode.APPOINTMENT


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BRUSSELS).astimezone(UTC)


@pytest.mark.parametrize(
    ("priority", "mode", "appointment", "now", "begins"),
    [
        (3, RING, None, "2026-03-14 23:00", "2026-03-15 07:00"),
        (3, RING, None, "2026-03-15 06:59", "2026-03-15 07:00"),
        (3, RING, None, "2026-03-15 07:00", None),
        (3, RING, None, "2026-03-14 21:59", None),
        (2, RING, None, "2026-03-14 23:00", None),
        (3, GO, None, "2026-03-14 23:00", None),
        # The night in which the clock is put forward, and the one in which it is put back.
        (3, RING, None, "2026-03-28 23:00", "2026-03-29 07:00"),
        (3, RING, None, "2026-10-24 23:00", "2026-10-25 07:00"),
        # By appointment: an hour before, or the evening before where that would be at night.
        (2, APPOINTMENT, "2026-03-16 10:00", "2026-03-14 23:00", "2026-03-16 09:00"),
        (2, APPOINTMENT, "2026-03-16 07:30", "2026-03-14 23:00", "2026-03-15 20:00"),
        (2, APPOINTMENT, "2026-03-16 07:30", "2026-03-15 21:00", "2026-03-16 06:30"),
        (2, APPOINTMENT, "2026-03-16 10:00", "2026-03-16 09:30", None),
        (3, APPOINTMENT, "2026-03-15 01:00", "2026-03-15 00:30", None),
    ],
)
def test_paging_begins_when_the_table_says(priority, mode, appointment, now, begins):
    agreed = _at(appointment) if appointment else None
    found = beginning.begins_at(priority, mode, agreed, NIGHT, LEAD, _at(now))
    assert found == (_at(begins) if begins else None)


def test_without_quiet_hours_only_an_appointment_is_waited_for():
    now = _at("2026-03-14 23:00")
    assert beginning.begins_at(3, RING, None, None, LEAD, now) is None
    assert beginning.begins_at(3, RING, now + 5 * LEAD, None, LEAD, now) == now + 4 * LEAD


@given(
    hours=st.floats(0, 17_000),
    begins=st.times(),
    ends=st.times(),
    ahead=st.none() | st.timedeltas(timedelta(hours=-5), timedelta(days=9)),
    priority=st.integers(1, 3),
    mode=st.sampled_from(ResponseMode),
)
def test_nothing_waits_for_the_past_nor_past_its_appointment(
    hours, begins, ends, ahead, priority, mode
):
    now = _at("2025-01-01 00:00") + timedelta(hours=hours)
    quiet = Quiet(begins, ends, BRUSSELS)
    agreed = now + ahead if ahead is not None else None
    found = beginning.begins_at(priority, mode, agreed, quiet, LEAD, now)
    assert found is None or found > now
    if agreed is None:
        # The longest night is the one in which the clock is put back.
        assert found is None or found - now <= timedelta(hours=25)
        assert found is None or (priority == 3 and mode is not GO)
    else:
        assert found is None or found <= agreed - LEAD


def _category(night: Night, **facts: object) -> None:
    with night.store.write() as session:
        row = {"key": "theft", "number": 9, "names": {"en": "theft"}, "priority": 3}
        wants = [CategoryWant(function="victim_support")]
        session.add(Category(**(row | {"response_mode": RING, "wants": wants} | facts)))


THEFT = Alert(AlertType.ALERT, category="theft", place=Place(postcode="9400"))


def test_what_can_wait_is_paged_for_when_the_quiet_hours_end(night: Night):
    _category(night)
    night.now = _at("2026-03-14 23:00")
    night.report(THEFT)
    assert night.status() == ["scheduled"] and not night.pages()
    assert night.story() == ["received", "waits_for_morning"]
    with night.callout() as (_, callout):
        (told,) = callouts.summary([callout])
    assert told["due_at"] == _at("2026-03-15 07:00").isoformat()

    night.pass_time(7.9 * 3600)
    assert not night.pages()

    night.pass_time(0.2 * 3600)
    assert [page.person.name for page in night.pages()] == ["An Peeters", "Bert Maes"]
    assert night.status() == ["paging"]


def test_a_dispatcher_who_insists_wakes_people_now_and_cannot_insist_twice(night: Night):
    _category(night)
    night.now = _at("2026-03-14 23:00")
    night.report(THEFT)
    with night.callout() as (session, callout):
        waiting.insist(session, callout.incident, [callout], DORA, night.now)
        callouts.advance(session, callout.incident, night.now)
    assert [page.person.name for page in night.pages()] == ["An Peeters"]
    assert night.story()[2:4] == ["begins_now", "paging"]
    with pytest.raises(Conflict), night.callout() as (session, callout):
        waiting.insist(session, callout.incident, [callout], DORA, night.now)


def test_a_graver_report_ends_the_waiting_and_the_same_one_does_not(night: Night):
    _category(night)
    night.now = _at("2026-03-14 23:00")
    night.report(THEFT)
    night.change(Alert(AlertType.UPDATE, place=Place(address="Graanmarkt 12")))
    assert night.status() == ["scheduled"] and not night.pages()
    night.change(Alert(AlertType.UPDATE, priority=2))
    assert night.status() == ["paging"]


def test_an_appointment_that_is_moved_moves_the_paging(night: Night):
    night.now = _at("2026-03-14 15:00")
    agreed = _at("2026-03-15 10:00")
    night.report(Alert(AlertType.ALERT, "R", "fatal_crash", appointment_at=agreed))
    assert night.status() == ["scheduled"]
    night.change(Alert(AlertType.UPDATE, appointment_at=agreed + timedelta(hours=4)))
    night.pass_time(21.9 * 3600)
    assert not night.pages()
    night.pass_time(600)
    assert night.pages()[0].created_at == _at("2026-03-15 13:00")
    assert "by appointment Sun 15 Mar 14:00" in night.said("An", "sms")[0]


def test_an_update_puts_nothing_off_for_which_people_are_being_called(night: Night):
    night.now = _at("2026-03-14 15:00")
    agreed = _at("2026-03-16 07:30")
    night.report(Alert(AlertType.ALERT, "R", "fatal_crash", appointment_at=agreed))
    # At night nobody is called for the day: the evening before.
    night.pass_time(29 * 3600 + 60)
    assert night.status() == ["paging"] and len(night.pages()) == 1
    night.change(Alert(AlertType.UPDATE, narrative="The family asks for two chairs."))
    night.pass_time(300)
    assert [page.person.name for page in night.pages()] == ["An Peeters", "Bert Maes"]


@pytest.mark.parametrize(("days", "kept"), [(3, True), (59, True), (61, False)])
def test_a_source_may_name_an_appointment_within_reason(days: int, kept: bool):
    now = _at("2026-03-14 15:00")
    at = now + timedelta(days=days)
    body = json.dumps({"type": "alert", "appointment_at": at.isoformat()}).encode()
    alert = receive.prepare(receive.Request("1", "application/json", body), now).alert
    assert alert is not None
    assert (alert.appointment_at == at, bool(alert.problems)) == (kept, not kept)


def test_a_clock_that_is_set_back_moves_no_appointment(night: Night):
    _category(night)
    night.now = _at("2026-03-14 23:00")
    night.report(THEFT)
    with night.store.write() as session:
        clocks.set_back(session, LEAD, night.now - LEAD)
    with night.callout() as (_, callout):
        assert callout.due_at == _at("2026-03-15 07:00")


def test_somebody_who_says_on_the_telephone_that_they_go_needs_not_wait(night: Night):
    _category(night)
    night.now = _at("2026-03-14 23:00")
    night.report(THEFT)
    with night.callout() as (session, callout):
        bert = night.someone(session, "Bert")
        seats.accept_on_behalf(session, callout, bert, DORA, night.now)
    assert night.status() == ["accepted"]
    night.pass_time(9 * 3600)
    assert {page.person.name for page in night.pages()} == {"Bert Maes"}
    assert "silent" in night.story()


def test_whoever_goes_already_is_asked_after_while_the_other_seat_waits(night: Night):
    _category(night, wants=[CategoryWant(function="victim_support", people=2)])
    night.now = _at("2026-03-14 23:00")
    night.report(THEFT)
    with night.callout() as (session, callout):
        bert = night.someone(session, "Bert")
        seats.accept_on_behalf(session, callout, bert, DORA, night.now)
    night.pass_time(900)
    assert night.alarms() == ["silent"] and night.status() == ["scheduled"]
    assert {page.person.name for page in night.pages()} == {"Bert Maes"}


def test_an_organisation_without_quiet_hours_pages_at_once(night: Night):
    _category(night)
    with night.store.write() as session:
        session.get_one(Organisation, night.cast.organisation.id).quiet_from = ""
    night.now = _at("2026-03-14 23:00")
    night.report(THEFT)
    assert night.status() == ["paging"]


def test_at_once_stands_above_the_hour(night: Night):
    _category(night)
    night.now = _at("2026-03-14 23:00")
    with night.store.write() as session:
        home = session.get_one(Organisation, night.cast.organisation.id)
        incident = handling.open_incident(
            session, THEFT, handling.Origin(home), DORA, night.now, at_once=True
        )
        callouts.advance(session, incident, night.now)
    assert [page.person.name for page in night.pages()] == ["An Peeters"]
