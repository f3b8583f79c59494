"""Entering, changing and cancelling turns: what is refused and why, what every change leaves."""

import threading
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dispatch import upkeep
from dispatch.audit import AuditEntry
from dispatch.db import Store
from dispatch.errors import Conflict, DispatchError, Invalid
from dispatch.people.models import Membership
from dispatch.rota import absences, changes, editing, terms
from dispatch.rota.models import AbsenceKind, Cover, Shift


@pytest.fixture
def now(zone):
    return zone.at("2026-03-10 09:00")


def enter(zone, now, who="An", starts="2026-03-14 08:00", ends="2026-03-14 20:00", **more):
    line, person = zone.lines[more.pop("line", "primary")], zone.people[who]
    times = zone.at(starts), zone.at(ends)
    return changes.enter_shift(zone.session, line, person, *times, zone.planner, now, **more)


def take(zone, now, shift, who="Bert", starts="2026-03-14 10:00", ends="2026-03-14 12:00", **more):
    person, times = zone.people[who], (zone.at(starts), zone.at(ends))
    return changes.enter_cover(zone.session, shift, person, *times, zone.planner, now, **more)


def change(zone, now, row, **what):
    verb = changes.change_shift if isinstance(row, Shift) else changes.change_cover
    what = {key: zone.at(value) if key.endswith("_at") else value for key, value in what.items()}
    return verb(zone.session, row, zone.planner, now, **what)


def refused(action, *fields):
    with pytest.raises(Invalid) as found:
        action()
    assert tuple(found.value.fields) == fields
    return " ".join(found.value.fields.values())


def actions(zone):
    zone.session.flush()
    return list(zone.session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


def test_an_entered_turn_stands_and_is_recorded(zone, now):
    shift = enter(zone, now)
    assert (shift.sequence, shift.changed_at, shift.cancelled_at) == (0, now, None)
    assert actions(zone) == ["shift.entered"]


def test_a_change_is_shown_in_every_organisation_that_the_team_serves(store, make_zone):
    with store.write() as session:
        zone = make_zone(session)
        enter(zone, zone.at("2026-03-10 09:00"))
    with store.read() as session:
        shown = {owner for owner, topic in upkeep.revisions(session) if topic == "rota"}
    assert shown == set(zone.served)


def test_an_end_before_the_start_is_refused(zone, now):
    refused(lambda: enter(zone, now, ends="2026-03-14 08:00"), "ends_at")


def test_a_turn_longer_than_a_fortnight_is_taken_for_a_slip(zone, now):
    enter(zone, now, ends="2026-03-28 08:00")
    refused(lambda: enter(zone, now, line="backup", ends="2027-03-14 20:00"), "ends_at")


def test_an_overlap_is_refused_with_whom_and_when(zone, now):
    enter(zone, now)
    told = refused(lambda: enter(zone, now, "Bert", starts="2026-03-14 19:59"), "starts_at")
    assert told == "An Peeters is on primary from 2026-03-14 08:00 to 2026-03-14 20:00."


def test_turns_that_only_meet_and_turns_of_another_line_do_not_overlap(zone, now):
    enter(zone, now)
    enter(zone, now, "Bert", starts="2026-03-14 20:00", ends="2026-03-15 08:00")
    enter(zone, now, "Bert", line="backup")


def test_the_place_of_a_cancelled_turn_is_free(zone, now):
    changes.cancel_shift(zone.session, enter(zone, now), zone.planner, now)
    assert enter(zone, now, "Bert").cancelled_at is None


def test_somebody_who_leaves_during_the_turn_is_refused(zone, now):
    zone.people["An"].left_at = zone.at("2026-03-14 19:00")
    told = refused(lambda: enter(zone, now), "person")
    assert told == "An Peeters takes part until 2026-03-14 19:00."


def test_somebody_who_is_no_member_on_one_of_the_days_is_refused(zone, now):
    member = zone.session.scalars(
        sa.select(Membership).where(Membership.person_id == zone.people["An"].id)
    ).one()
    member.until_on = date(2026, 3, 14)
    enter(zone, now, ends="2026-03-15 00:00")
    told = refused(
        lambda: enter(zone, now, line="backup", ends="2026-03-15 00:01"),
        "person",
    )
    assert "is no member of Slachtofferbejegening on 2026-03-15 00:00" in told


def test_what_is_over_is_changed_only_with_a_reason(zone, now):
    past = {"starts": "2026-03-01 08:00", "ends": "2026-03-01 20:00"}
    refused(lambda: enter(zone, now, **past), "reason")
    shift = enter(zone, now, **past, reason="swapped by telephone")
    refused(lambda: change(zone, now, shift, ends_at="2026-03-01 19:00"), "reason")
    refused(
        lambda: changes.cancel_shift(zone.session, shift, zone.planner, now),
        "reason",
    )
    changes.cancel_shift(zone.session, shift, zone.planner, now, "entered twice")
    assert shift.cancelled_at == now


def test_a_running_turn_is_shortened_freely_but_its_past_needs_a_reason(zone):
    running = enter(zone, zone.at("2026-03-10 09:00"))
    noon = zone.at("2026-03-14 12:00")
    change(zone, noon, running, ends_at="2026-03-14 18:00")
    refused(lambda: change(zone, noon, running, ends_at="2026-03-14 11:00"), "reason")
    refused(lambda: change(zone, noon, running, starts_at="2026-03-14 09:00"), "reason")
    refused(lambda: change(zone, noon, running, person=zone.people["Bert"]), "reason")
    change(zone, noon, running, person=zone.people["Bert"], reason="Bert came from the start")


def test_a_moved_turn_keeps_its_uid_and_its_sequence_grows(zone, now):
    shift = enter(zone, now)
    uid, later = shift.uid, now + timedelta(hours=1)
    moved = change(zone, later, shift, ends_at="2026-03-14 21:00")
    assert (moved.uid, moved.sequence, moved.changed_at) == (uid, 1, later)
    assert change(zone, later, shift, ends_at="2026-03-14 21:00").sequence == 1
    assert actions(zone) == ["shift.entered", "shift.changed"]


def test_a_clock_set_back_never_makes_a_change_older(zone, now):
    shift = enter(zone, now)
    assert (
        change(zone, now - timedelta(days=1), shift, ends_at="2026-03-14 21:00").changed_at == now
    )


def test_a_turn_given_to_somebody_else_leaves_a_tombstone_for_the_first(zone, now):
    first = enter(zone, now)
    second = change(zone, now, first, person=zone.people["Bert"])
    assert first.cancelled_at == now
    assert first.sequence == 1
    assert second.uid != first.uid
    assert second.person_id == zone.people["Bert"].id
    assert actions(zone) == ["shift.entered", "shift.cancelled", "shift.entered"]


def test_a_refused_hand_over_leaves_the_first_turn_standing(zone, now):
    first = enter(zone, now)
    zone.people["Bert"].left_at = zone.at("2026-03-01 00:00")
    refused(lambda: change(zone, now, first, person=zone.people["Bert"]), "person")
    assert first.cancelled_at is None


def test_what_was_cancelled_meanwhile_is_a_conflict(zone, now):
    shift = enter(zone, now)
    cover = take(zone, now, shift)
    changes.cancel_shift(zone.session, shift, zone.planner, now)
    for action in (
        lambda: change(zone, now, shift, ends_at="2026-03-14 21:00"),
        lambda: changes.cancel_shift(zone.session, shift, zone.planner, now),
        lambda: take(zone, now, shift),
        lambda: changes.cancel_cover(zone.session, cover, zone.planner, now),
    ):
        with pytest.raises(Conflict):
            action()


def test_a_cover_lies_inside_its_turn(zone, now):
    shift = enter(zone, now)
    refused(lambda: take(zone, now, shift, starts="2026-03-14 07:59"), "starts_at")
    refused(lambda: take(zone, now, shift, ends="2026-03-14 20:01"), "ends_at")
    cover = take(zone, now, shift, starts="2026-03-14 08:00", ends="2026-03-14 20:00")
    refused(lambda: change(zone, now, cover, ends_at="2026-03-14 20:01"), "ends_at")


def test_covers_of_one_turn_do_not_overlap(zone, now):
    shift = enter(zone, now)
    take(zone, now, shift)
    told = refused(lambda: take(zone, now, shift, "Chloé", starts="2026-03-14 11:59"), "starts_at")
    assert told == "Bert Maes covers from 2026-03-14 10:00 to 2026-03-14 12:00."
    take(zone, now, shift, "Chloé", starts="2026-03-14 12:00", ends="2026-03-14 13:00")


def test_nobody_covers_their_own_turn(zone, now):
    refused(lambda: take(zone, now, enter(zone, now), "An"), "person")


def test_a_turn_is_not_shortened_under_a_cover(zone, now):
    shift = enter(zone, now)
    take(zone, now, shift)
    told = refused(lambda: change(zone, now, shift, ends_at="2026-03-14 11:00"), "ends_at")
    assert told.endswith("change that cover first.")
    refused(lambda: change(zone, now, shift, starts_at="2026-03-14 11:00"), "starts_at")
    refused(lambda: change(zone, now, shift, person=zone.people["Chloé"]), "person")
    change(zone, now, shift, starts_at="2026-03-14 10:00", ends_at="2026-03-14 12:00")


def test_a_cancelled_turn_takes_its_covers_along(zone, now):
    shift = enter(zone, now)
    cover = take(zone, now, shift)
    changes.cancel_shift(zone.session, shift, zone.planner, now)
    assert (cover.cancelled_at, cover.sequence) == (now, 1)
    assert actions(zone)[-2:] == ["cover.cancelled", "shift.cancelled"]


def test_a_cover_is_moved_handed_on_and_given_back(zone, now):
    shift = enter(zone, now)
    cover = take(zone, now, shift)
    moved = change(zone, now, cover, ends_at="2026-03-14 13:00")
    assert (moved.uid, moved.sequence) == (cover.uid, 1)
    handed = change(zone, now, moved, person=zone.people["Chloé"])
    assert (handed.person_id, cover.cancelled_at) == (zone.people["Chloé"].id, now)
    changes.cancel_cover(zone.session, handed, zone.planner, now)
    assert handed.sequence == 1


def test_a_cover_that_has_begun_is_given_back_only_with_a_reason(zone, now):
    cover = take(zone, now, enter(zone, now))
    later = zone.at("2026-03-14 10:00")
    refused(lambda: changes.cancel_cover(zone.session, cover, zone.planner, later), "reason")
    changes.cancel_cover(zone.session, cover, zone.planner, later, "came back")


def test_of_several_planners_at_the_same_moment_one_gets_the_place(store: Store, make_zone):
    with store.write() as session:
        zone = make_zone(session)
    outcomes: list[str] = []
    ready = threading.Barrier(4)

    def plan():
        ready.wait()
        try:
            with store.write() as session:
                zone_here = type(zone)(**{**vars(zone), "session": session})
                enter(zone_here, zone.at("2026-03-10 09:00"))
            outcomes.append("entered")
        except DispatchError as error:
            outcomes.append(type(error).__name__)

    planners = [threading.Thread(target=plan) for _ in range(4)]
    for planner in planners:
        planner.start()
    for planner in planners:
        planner.join()
    assert outcomes.count("entered") == 1
    # PostgreSQL may find that two wait for each other, and lets one of them try again.
    assert set(outcomes) <= {"entered", "Invalid", "Conflict", "Unavailable"}
    with store.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Shift)) == 1


def test_an_overlap_that_only_the_database_sees_is_a_conflict_and_loses_nothing_else(zone, now):
    shift = enter(zone, now)
    with pytest.raises(Conflict), changes.alone(zone.session):
        zone.shift("Bert", "2026-03-14 19:00", "2026-03-15 08:00")
    cover = take(zone, now, shift)
    with pytest.raises(Conflict), changes.alone(zone.session):
        zone.cover(shift, "Chloé", "2026-03-14 11:00", "2026-03-14 13:00")
    assert zone.session.scalars(sa.select(Cover)).all() == [cover]


def test_whoever_gets_a_turn_or_a_cover_on_leave_is_there_for_it_and_away_again_after(zone, now):
    away = (zone.at("2026-03-13 00:00"), zone.at("2026-03-16 00:00"))
    for who in ("An", "Bert"):
        leave = (zone.people[who], AbsenceKind.LEAVE, *away)
        absences.ask(zone.session, *leave, zone.planner, now, approved=True)
    take(zone, now, enter(zone, now))
    for who, begins, ends in (("An", "08:00", "20:00"), ("Bert", "10:00", "12:00")):
        found = absences.standing(zone.session, [zone.people[who].id], *away)
        turn = zone.at(f"2026-03-14 {begins}"), zone.at(f"2026-03-14 {ends}")
        assert [(one.starts_at, one.ends_at) for one in found] == [
            (away[0], turn[0]),
            (turn[1], away[1]),
        ]


def test_a_turn_moved_by_an_hour_takes_no_leave_of_what_it_was_before(zone, now):
    shift = enter(zone, now)
    away = zone.at("2026-03-14 12:00"), zone.at("2026-03-14 22:00")
    leave = zone.people["An"], AbsenceKind.LEAVE, *away, zone.planner, now
    absences.ask(zone.session, *leave, approved=True)
    take(zone, now, shift, starts="2026-03-14 12:00", ends="2026-03-14 20:00")
    change(zone, now, shift, ends_at="2026-03-14 21:00")
    found = absences.standing(zone.session, [zone.people["An"].id], *away)
    assert [(one.starts_at, one.ends_at) for one in found] == [
        (away[0], zone.at("2026-03-14 20:00")),
        (zone.at("2026-03-14 21:00"), away[1]),
    ]


def test_an_edit_by_hand_is_judged_told_and_left_to_two_where_two_must_agree(zone, now):
    zone.pattern()
    zone.phone("Bert", "Chloé")
    times = zone.at("2026-04-03 17:00"), zone.at("2026-04-10 17:00")
    leave = zone.people["Chloé"], AbsenceKind.LEAVE, *times, zone.planner, now
    absences.ask(zone.session, *leave, approved=True)
    by = editing.By(zone.planner, now)
    bert, chloe = zone.people["Bert"], zone.people["Chloé"]
    shift = editing.enter(zone.session, zone.lines["primary"], bert, times, by).row
    with pytest.raises(Invalid, match="Chloé Dubois is away"), zone.session.begin_nested():
        editing.change(zone.session, shift, chloe, times, by)
    edited = editing.change(
        zone.session, shift, chloe, times, editing.By(zone.planner, now, "she agreed to it")
    )
    assert [one.breach.key for one in edited.broken] == ["away"]
    assert "rota.broken" in zone.actions()
    words = [(who, text) for who, text, _ in zone.texts() if "primary" in text]
    assert [who for who, _ in words] == ["Bert", "Chloé", "Bert"]
    assert "je hebt primary van vr 3 apr 17:00 tot vr 10 apr 17:00" in words[1][1]
    assert "primary van vr 3 apr 17:00 tot vr 10 apr 17:00 is niet langer van jou" in words[2][1]
    far = zone.at("2099-04-03 17:00"), zone.at("2099-04-10 17:00")
    with pytest.raises(Invalid, match="far from today"):
        editing.enter(zone.session, zone.lines["primary"], bert, far, by)
    # What stands there all the same, as a slip of a file may, can be given away and taken out.
    slip = zone.shift("Bert", "2099-04-03 17:00", "2099-04-10 17:00")
    handed = editing.change(zone.session, slip, chloe, far, by).row
    assert editing.cancel(zone.session, handed, by).row.cancelled_at == now
    terms.choose(zone.session, zone.team, zone.planner, now, four_eyes=True)
    with pytest.raises(Conflict, match="Two planners"):
        editing.cancel(zone.session, edited.row, by)
    soon = editing.By(zone.planner, zone.at("2026-04-03 09:00"))
    assert editing.cancel(zone.session, edited.row, soon).row.cancelled_at == soon.now
