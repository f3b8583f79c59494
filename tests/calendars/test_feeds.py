"""Calendars behind secret addresses: read back with a calendar library, and byte by byte."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from dispatch.audit import Actor, AuditDetail
from dispatch.calendars import feeds
from dispatch.calendars.models import CalendarAddress
from dispatch.people.models import Membership, Organisation, OrganisationKind, Person, Team
from dispatch.rota import changes
from dispatch.rota.models import Line, Shift

NOW = datetime(2026, 3, 14, 13, 2, tzinfo=UTC)
ADA = Actor("person", 1, "Ada")
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Zone:
    """A team of two with one line, and a calendar address of each."""

    def __init__(self, session, team="Slachtofferbejegening", line="primair", an="An Peeters"):
        self.session = session
        owner = Organisation(key="dender", name="Dender", kind=OrganisationKind.POLICE_ZONE)
        session.add(owner)
        session.flush()
        self.team = Team(key="support", name=team, organisation_id=owner.id, function="support")
        self.an = Person(organisation_id=owner.id, name=an, created_at=NOW, language="en")
        self.bert = Person(organisation_id=owner.id, name="Bert Maes", created_at=NOW)
        session.add_all([self.team, self.an, self.bert])
        session.flush()
        self.line = Line(team_id=self.team.id, key="primary", name=line)
        session.add(self.line)
        for person in (self.an, self.bert):
            session.add(
                Membership(person_id=person.id, team_id=self.team.id, from_on=date(2020, 1, 1))
            )
        session.flush()
        self.token = feeds.create_address(session, self.an, ADA, NOW)
        self.berts = feeds.create_address(session, self.bert, ADA, NOW)

    def shift(self, begin=NOW + DAY, hours=12, now=NOW):
        end = begin + hours * HOUR
        return changes.enter_shift(self.session, self.line, self.an, begin, end, ADA, now, "late")

    def cover(self, shift, from_hour, until_hour, now=NOW):
        times = (shift.starts_at + from_hour * HOUR, shift.starts_at + until_hour * HOUR)
        return changes.enter_cover(self.session, shift, self.bert, *times, ADA, now, "late")

    def body(self, token=None, now=NOW):
        return feeds.feed(self.session, token or self.token, now).body

    def events(self, token=None, now=NOW):
        calendar = Calendar.from_ical(self.body(token, now))
        return {str(event["UID"]).partition("@")[0]: event for event in calendar.walk("VEVENT")}


@pytest.fixture
def zone(store):
    with store.write() as session:
        yield Zone(session)


def status(events):
    return {uid: str(event["STATUS"]) for uid, event in events.items()}


def test_a_turn_is_one_entry_with_all_that_calendars_need(zone):
    shift = zone.shift()
    calendar = Calendar.from_ical(zone.body())
    (event,) = calendar.walk("VEVENT")
    assert str(event["UID"]) == f"{shift.uid}@127.0.0.1"
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (shift.starts_at, shift.ends_at)
    assert event["DTSTAMP"].dt == event["LAST-MODIFIED"].dt == NOW
    assert event["SEQUENCE"] == 0
    assert str(event["SUMMARY"]) == "On duty: Slachtofferbejegening - primair"
    assert [str(event[name]) for name in ("CLASS", "TRANSP", "STATUS")] == [
        "PRIVATE",
        "TRANSPARENT",
        "CONFIRMED",
    ]
    assert "METHOD" not in calendar
    assert str(calendar["NAME"]) == str(calendar["X-WR-CALNAME"]) == "Duty of An Peeters"
    assert b"\r\nREFRESH-INTERVAL;VALUE=DURATION:PT15M\r\n" in zone.body()
    assert b"\r\nX-PUBLISHED-TTL:PT15M\r\n" in zone.body()


def test_a_feed_holds_no_colleague(zone):
    zone.cover(zone.shift(), 2, 4)
    assert b"Bert" not in zone.body()
    assert b"An Peeters" not in zone.body(zone.berts)


def test_the_same_rows_give_the_same_bytes_at_any_time_of_the_day(zone):
    zone.shift()
    first = feeds.feed(zone.session, zone.token, NOW)
    later = feeds.feed(zone.session, zone.token, NOW + 9 * HOUR)
    assert (first.body, first.etag, first.last_modified) == (
        later.body,
        later.etag,
        later.last_modified,
    )


def test_what_is_kept_in_memory_is_never_served_after_a_change(zone):
    shift = zone.shift()
    zone.body()
    changes.change_shift(zone.session, shift, ADA, NOW + HOUR, ends_at=shift.ends_at + HOUR)
    assert zone.events()[shift.uid]["DTEND"].dt == shift.ends_at
    cover = zone.cover(shift, 2, 4)
    assert len(zone.events()) == 2
    changes.cancel_cover(zone.session, cover, ADA, NOW)
    assert zone.events()[shift.uid]["DTEND"].dt == shift.ends_at
    zone.line.name = "achterwacht"
    zone.session.flush()
    assert b"achterwacht" in zone.body()


def test_a_moved_turn_keeps_its_uid_and_its_sequence_grows(zone):
    shift = zone.shift()
    later = NOW + HOUR
    changes.change_shift(zone.session, shift, ADA, later, ends_at=shift.ends_at + HOUR)
    event = zone.events()[shift.uid]
    assert event["SEQUENCE"] == 1
    assert event["DTSTAMP"].dt == later


def test_a_cancelled_turn_is_told_for_thirty_days(zone):
    shift = zone.shift()
    changes.cancel_shift(zone.session, shift, ADA, NOW)
    assert status(zone.events(now=NOW + 30 * DAY)) == {shift.uid: "CANCELLED"}
    assert status(zone.events(now=NOW + 31 * DAY)) == {}


def test_a_covered_part_leaves_two_pieces_and_goes_to_the_coverer(zone):
    shift = zone.shift()
    cover = zone.cover(shift, 4, 6)
    rest = f"{shift.uid}-{cover.uid}"
    pieces = zone.events()
    assert set(pieces) == {shift.uid, rest}
    assert pieces[shift.uid]["DTEND"].dt == cover.starts_at
    assert pieces[rest]["DTSTART"].dt == cover.ends_at
    theirs = zone.events(zone.berts)
    assert set(theirs) == {cover.uid}
    assert (theirs[cover.uid]["DTSTART"].dt, theirs[cover.uid]["DTEND"].dt) == (
        cover.starts_at,
        cover.ends_at,
    )


def test_a_cover_elsewhere_renames_no_piece(zone):
    shift = zone.shift()
    late = zone.cover(shift, 8, 10)
    rest = f"{shift.uid}-{late.uid}"
    before = zone.events()[rest]["DTSTART"].dt
    zone.cover(shift, 2, 4)
    after = zone.events()
    assert len(after) == 3
    assert after[rest]["DTSTART"].dt == before


def test_a_cover_given_back_takes_its_pieces_back_and_is_cancelled_for_the_coverer(zone):
    shift = zone.shift()
    cover = zone.cover(shift, 4, 6)
    seen = {uid: event["SEQUENCE"] for uid, event in zone.events().items()}
    changes.cancel_cover(zone.session, cover, ADA, NOW + HOUR)
    after = zone.events()
    assert status(after) == {shift.uid: "CONFIRMED", f"{shift.uid}-{cover.uid}": "CANCELLED"}
    assert all(after[uid]["SEQUENCE"] > sequence for uid, sequence in seen.items())
    assert after[shift.uid]["DTEND"].dt == shift.ends_at
    assert status(zone.events(zone.berts)) == {cover.uid: "CANCELLED"}


def test_a_wholly_covered_turn_leaves_one_tombstone(zone):
    shift = zone.shift()
    zone.cover(shift, 0, 12)
    assert status(zone.events()) == {shift.uid: "CANCELLED"}


def test_a_piece_that_a_moved_cover_swallowed_leaves_a_tombstone(zone):
    shift = zone.shift()
    cover = zone.cover(shift, 4, 6)
    changes.change_cover(zone.session, cover, ADA, NOW, ends_at=shift.ends_at)
    assert status(zone.events()) == {
        shift.uid: "CONFIRMED",
        f"{shift.uid}-{cover.uid}": "CANCELLED",
    }


def test_the_window_is_sixty_days_back_and_four_hundred_ahead(zone):
    inside = {
        zone.shift(NOW - 60 * DAY).uid,
        zone.shift(NOW + 399 * DAY).uid,
    }
    zone.shift(NOW - 62 * DAY)
    zone.shift(NOW + 401 * DAY)
    assert set(zone.events()) == inside


def test_a_revoked_address_is_empty_for_thirty_days_and_then_gone(zone):
    zone.shift()
    feeds.revoke(zone.session, zone.an, ADA, NOW)
    emptied = feeds.feed(zone.session, zone.token, NOW)
    assert b"VEVENT" not in emptied.body
    assert emptied.body.endswith(b"END:VCALENDAR\r\n")
    assert feeds.feed(zone.session, zone.token, NOW + 30 * DAY) is None
    assert feeds.standing(zone.session, zone.an.id) is None


def test_a_new_address_ends_the_old_one(zone):
    zone.shift()
    fresh = feeds.create_address(zone.session, zone.an, ADA, NOW)
    assert b"VEVENT" not in zone.body()
    assert b"VEVENT" in zone.body(fresh)


def test_who_has_left_has_an_empty_calendar(zone):
    zone.shift()
    zone.an.left_at = NOW
    zone.session.flush()
    assert b"VEVENT" not in zone.body()
    assert feeds.feed(zone.session, zone.token, NOW + 31 * DAY) is None


def test_an_unknown_address_has_no_calendar(zone):
    assert feeds.feed(zone.session, "x" * 23, NOW) is None


def test_only_a_digest_of_the_address_is_kept(zone):
    kept = zone.session.execute(sa.select(*CalendarAddress.__table__.columns)).all()
    assert zone.token not in str(kept)
    recorded = zone.session.scalars(sa.select(AuditDetail.details)).all()
    assert not any(zone.token in (details or "") for details in recorded)


def test_a_fetch_is_noted_once_a_minute_and_without_control_marks(zone):
    assert feeds.feed(zone.session, zone.token, NOW).note_fetch
    feeds.fetched(zone.session, zone.token, "iOS/18\r\nSet: x" + "y" * 200, NOW)
    assert not feeds.feed(zone.session, zone.token, NOW + timedelta(seconds=59)).note_fetch
    assert feeds.feed(zone.session, zone.token, NOW + timedelta(seconds=60)).note_fetch
    address = feeds.standing(zone.session, zone.an.id)
    assert address.fetched_by.startswith("iOS/18  Set: x")
    assert len(address.fetched_by) == 80


HOSTILE = st.text(
    alphabet=st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
        st.sampled_from('\r\n\\;,:"\u2028\u2029\x85\x0b\x0c\x1f\u202eé漢🚓'),
    ),
    min_size=1,
    max_size=120,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(team=HOSTILE, line=HOSTILE, name=HOSTILE)
def test_no_name_breaks_the_form(store, team, line, name):
    with store.write() as session:
        zone = Zone(session, team, line, name)
        zone.shift()
        zone.cover(zone.shift(NOW + 3 * DAY), 2, 4)
        body = zone.body()
        session.rollback()
    assert body.endswith(b"\r\n")
    lines = body[:-2].split(b"\r\n")
    assert not any(b"\r" in each or b"\n" in each for each in lines)
    assert all(0 < len(each) <= 75 for each in lines)
    for each in lines:
        each.decode()
    calendar = Calendar.from_ical(body)
    shown = [str(event["SUMMARY"]) for event in calendar.walk("VEVENT")]
    clean = [feeds._plain(text) for text in (team, line)]
    assert shown == [f"On duty: {clean[0]} - {clean[1]}"] * 3
    assert str(calendar["NAME"]) == f"Duty of {feeds._plain(name)}"


def test_a_year_of_daily_turns_is_quickly_asked_for_again(zone):
    zone.session.add_all(
        Shift(
            uid=str(uuid4()),
            line_id=zone.line.id,
            person_id=zone.an.id,
            starts_at=NOW + number * DAY,
            ends_at=NOW + number * DAY + HOUR,
            changed_at=NOW,
        )
        for number in range(400)
    )
    zone.session.flush()
    statements = []
    body = zone.body()

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    engine = zone.session.get_bind().engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        assert zone.body() == body
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    assert body.count(b"BEGIN:VEVENT") == 400
    assert len(statements) == 3
