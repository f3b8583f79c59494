"""Drafts: begun from what is published or from nothing, changed by two, judged by the rules."""

from datetime import date

import pytest

from dispatch.errors import Conflict, Invalid, NotFound, Refused
from dispatch.people import access
from dispatch.people.models import Role, RoleGrant
from dispatch.rota import absences, changes, differences, drafts, ground, judging, rights, seating
from dispatch.rota.models import AbsenceKind, DraftState, Origin, PairingKind
from dispatch.rota.planner import faults

DECEMBER = date(2026, 12, 1), date(2026, 12, 31)
WEEK = "2026-12-11 17:00", "2026-12-18 17:00"
NEXT = "2026-12-18 17:00", "2026-12-25 17:00"


@pytest.fixture
def now(zone):
    zone.pattern()
    return zone.at("2026-11-02 09:00")


def begin(zone, now, days=DECEMBER, **more):
    return drafts.begin(zone.session, zone.team, *days, zone.planner, now, **more)


def put(zone, now, draft, who="An", times=WEEK, line="primary", by="Petra Claes", **more):
    return seating.put(
        zone.session,
        draft,
        zone.lines[line],
        zone.people[who],
        *map(zone.at, times),
        type(zone.planner)("person", 1, by),
        now,
        **more,
    )


def shown(zone, draft):
    names = {person.id: name for name, person in zone.people.items()}
    lines = {line.id: key for key, line in zone.lines.items()}
    return [
        (lines[seat.line_id], names[seat.person_id], seat.origin.value)
        for seat in drafts.seats(zone.session, draft)
    ]


def test_a_draft_begins_with_what_is_published_on_its_days(zone, now):
    zone.shift("An", *WEEK)
    zone.shift("Bert", "2026-11-27 17:00", "2026-12-04 17:00")
    gone = zone.shift("Bert", *NEXT)
    changes.cancel(zone.session, gone, zone.planner, now)
    draft = begin(zone, now)
    assert shown(zone, draft) == [("primary", "An", "published")]
    assert drafts.compare(zone.session, draft) == []


def test_a_draft_from_nothing_still_holds_what_has_begun(zone, now):
    zone.shift("An", "2026-12-04 17:00", "2026-12-11 17:00")
    zone.shift("Bert", *WEEK)
    draft = begin(zone, zone.at("2026-12-06 09:00"), empty=True)
    assert shown(zone, draft) == [("primary", "An", "published")]


@pytest.mark.parametrize(
    "days",
    [
        (date(2026, 12, 31), date(2026, 12, 1)),
        (date(2026, 12, 1), date(2036, 12, 1)),
        (date(2026, 1, 1), date(2026, 1, 31)),
    ],
)
def test_days_that_cannot_be_planned_are_refused(zone, now, days):
    with pytest.raises(Invalid) as refused:
        begin(zone, now, days)
    assert tuple(refused.value.fields) == ("last_on",)


def test_seats_are_put_moved_locked_and_removed_and_all_of_it_is_recorded(zone, now):
    draft = begin(zone, now)
    seat = put(zone, now, draft)
    moved = seating.move(
        zone.session,
        draft,
        seat,
        zone.planner,
        now,
        seen=1,
        ends_at=zone.at("2026-12-17 17:00"),
    )
    seating.lock(zone.session, draft, seat, True, zone.planner, now, seen=2)
    assert (moved.id, moved.locked, moved.revision) == (seat.id, True, 3)
    seating.remove(zone.session, draft, seat, zone.planner, now, seen=3)
    assert shown(zone, draft) == []
    told = [action for action in zone.actions() if action.startswith("draft.")]
    assert told == [
        "draft.begun",
        "draft.seat_put",
        "draft.seat_moved",
        "draft.seat_locked",
        "draft.seat_removed",
    ]


def test_whoever_is_slower_learns_who_was_faster(zone, now):
    draft = begin(zone, now)
    put(zone, now, draft, by="Lars")
    with pytest.raises(Conflict, match="Lars changed this meanwhile"):
        put(zone, now, draft, "Bert")
    seat = put(zone, now, draft, "Bert", seen=1)
    with pytest.raises(Conflict):
        seating.remove(zone.session, draft, seat, zone.planner, now, seen=1)
    seating.remove(zone.session, draft, seat, zone.planner, now, seen=2)
    with pytest.raises(Conflict, match="Petra Claes changed this"):
        seating.remove(zone.session, draft, seat, zone.planner, now, seen=2)
    assert put(zone, now, draft).revision == 1


def test_a_seat_that_cannot_be_is_refused_whatever_the_reason(zone, now):
    draft = begin(zone, now)
    put(zone, now, draft)
    for times, field in (
        (("2026-12-11 18:00", "2026-12-11 18:00"), "ends_at"),
        (("2026-12-01 17:00", "2026-12-31 17:00"), "ends_at"),
        (("2027-01-01 17:00", "2027-01-02 17:00"), "starts_at"),
        (("2026-12-14 17:00", "2026-12-15 17:00"), "starts_at"),
    ):
        with pytest.raises(Invalid) as refused:
            put(zone, now, draft, "Bert", times, reason="it must be")
        assert field in refused.value.fields
    assert "An Peeters is on primary from Fri 11 Dec 17:00" in str(refused.value)


def test_a_hard_breach_is_refused_in_words_unless_somebody_says_why(zone, now):
    away = zone.at("2026-12-12"), zone.at("2026-12-13")
    leave = (AbsenceKind.LEAVE, *away, zone.planner, now)
    absences.ask(zone.session, zone.people["An"], *leave, approved=True)
    draft = begin(zone, now)
    with pytest.raises(Invalid) as refused:
        put(zone, now, draft)
    assert refused.value.fields["breach.0"] == "An Peeters is away: primary Fri 11 Dec 17:00."
    assert "reason" in refused.value.fields
    assert put(zone, now, draft, reason="she returns for it").reason == "she returns for it"


def test_nobody_has_two_lines_at_the_same_time(zone, now):
    draft = begin(zone, now)
    put(zone, now, draft)
    with pytest.raises(Invalid, match="two turns at the same time"):
        put(zone, now, draft, line="backup")


def test_a_change_answers_only_for_what_it_makes_worse(zone, now):
    zone.shift("An", *WEEK)
    zone.shift("An", *WEEK, line="backup")
    draft = begin(zone, now)
    put(zone, now, draft, "An", NEXT)
    put(zone, now, draft, "Bert", WEEK, seen=1)


def test_pairs_that_must_not_serve_together_are_kept_apart(zone, now):
    people = zone.people["An"], zone.people["Bert"]
    ground.pair(
        zone.session, zone.team, PairingKind.APART, *people, date(2026, 1, 1), zone.planner, now
    )
    draft = begin(zone, now)
    put(zone, now, draft)
    with pytest.raises(Invalid, match="may not serve at the same time"):
        put(zone, now, draft, "Bert", line="backup")
    put(zone, now, draft, "Bert", NEXT, line="backup")


def test_an_empty_need_is_shown_and_no_breach_of_whoever_left_it(zone, now):
    draft = begin(zone, now)
    seat = put(zone, now, draft)
    seating.remove(zone.session, draft, seat, zone.planner, now, seen=1)
    put(zone, now, draft, times=NEXT)
    found = judging.broken(*drafts.lay(zone.session, draft))
    assert len(found) == 7
    assert "primary Fri 11 Dec 17:00: 0 of 1 people." in [judged.told for judged in found]


def test_what_changed_in_the_published_rota_is_taken_in_unless_the_draft_decided(zone, now):
    mine, theirs = zone.shift("An", *WEEK), zone.shift("Bert", *NEXT)
    draft = begin(zone, now)
    put(zone, now, draft, "Chloé", WEEK, seen=1)
    later = zone.at("2026-11-03 09:00")
    for shift in (mine, theirs):
        changes.cancel(zone.session, shift, zone.planner, later)
    zone.session.flush()
    new = zone.shift("Chloé", "2026-12-04 17:00", "2026-12-11 17:00")
    new.changed_at = later
    zone.session.flush()
    assert drafts.changed_since(zone.session, draft) == [new, mine, theirs]
    assert drafts.take_in(zone.session, draft, zone.planner, later) == [mine]
    assert shown(zone, draft) == [("primary", "Chloé", "published"), ("primary", "Chloé", "hand")]
    assert drafts.changed_since(zone.session, draft) == []


def test_a_turn_that_somebody_covers_is_planned_by_who_really_serves(zone, now):
    turn = zone.shift("An", *WEEK)
    draft = begin(zone, now)
    told = zone.at("2026-11-02 10:00")
    ill = (AbsenceKind.SICK, *map(zone.at, WEEK), zone.planner, told)
    absences.ask(zone.session, zone.people["An"], *ill, approved=True)
    cover = zone.cover(turn, "Bert", *WEEK)
    cover.changed_at = told
    zone.session.flush()
    assert drafts.changed_since(zone.session, draft) == [turn]
    assert drafts.take_in(zone.session, draft, zone.planner, told) == []
    assert drafts.changed_since(zone.session, draft) == []
    drafts.refuse_breaches(zone.session, draft, "")
    _, laid = drafts.lay(zone.session, draft, now=told)
    assert [person for _, person in laid.problem.locked] == [zone.people["Bert"].id]
    with pytest.raises(Invalid, match="two turns at the same time"):
        put(zone, told, draft, "Bert", WEEK, line="backup")
    # What is planned around it leaves turn and cover as they are.
    found = laid.turns(laid.problem.locked)
    seating.fill(zone.session, draft, found, Origin.PLANNER, zone.planner, told)
    assert drafts.compare(zone.session, draft) == []
    put(zone, told, draft, "Chloé", WEEK, seen=1)
    [change] = drafts.compare(zone.session, draft)
    assert [one.person_id for one in change.covers] == [zone.people["Bert"].id]
    assert zone.people["Bert"].id in differences.by_person([change])


def test_a_cover_in_part_is_a_fact_also_over_the_end_of_a_plan(zone, now):
    turn = zone.shift("An", *WEEK)
    zone.cover(turn, "Bert", "2026-12-13 17:00", "2026-12-14 17:00")
    late = zone.shift("Chloé", "2026-12-25 17:00", "2027-01-01 17:00")
    zone.cover(late, "Bert", "2027-01-01 08:00", "2027-01-01 17:00")
    ill = (AbsenceKind.SICK, *map(zone.at, WEEK), zone.planner, now)
    absences.ask(zone.session, zone.people["An"], *ill, approved=True)
    draft = begin(zone, now)
    _, laid = drafts.lay(zone.session, draft, now=now)
    assert faults.problem_faults(laid.problem) == {}
    names = {person.id: name for name, person in zone.people.items()}
    serving = [names[person] for _, person in sorted(laid.problem.locked)]
    assert serving == ["An", "Bert", "An", "Chloé"]
    assert laid.turns(laid.problem.locked) == [drafts.stand_of(one) for one in (turn, late)]


def test_filling_a_draft_keeps_what_is_the_same_locked_or_begun(zone, now):
    zone.shift("An", *WEEK)
    draft = begin(zone, now)
    held = put(zone, now, draft, "Bert", NEXT, locked=True)
    keep, gone = (drafts.stand_of(seat) for seat in drafts.seats(zone.session, draft))
    new = type(keep)(zone.at("2026-12-04 17:00"), zone.at("2026-12-11 17:00"), gone.line_id, 3)
    filled = seating.fill(zone.session, draft, [keep, new], Origin.PLANNER, zone.planner, now)
    assert filled == 1
    assert shown(zone, draft) == [
        ("primary", "Chloé", "planner"),
        ("primary", "An", "published"),
        ("primary", "Bert", "hand"),
    ]
    assert held.locked


def test_a_closed_draft_is_not_changed_any_more(zone, now):
    draft = begin(zone, now)
    drafts.drop(zone.session, draft, zone.planner, now)
    assert draft.state is DraftState.DROPPED
    with pytest.raises(Conflict, match="closed"):
        put(zone, now, draft)


def test_drafts_are_for_those_who_plan_the_team(zone, now):
    draft = begin(zone, now)
    chloe = access.viewer_of(zone.session, zone.plans("Chloé"))
    assert rights.draft_for(zone.session, chloe, draft.id) is draft
    an = zone.people["An"]
    zone.session.add(RoleGrant(person_id=an.id, role=Role.RESPONDER, team_id=zone.team.id))
    zone.session.flush()
    with pytest.raises(Refused):
        rights.draft_for(zone.session, access.viewer_of(zone.session, an), draft.id)
    with pytest.raises(NotFound):
        rights.draft_for(
            zone.session, access.viewer_of(zone.session, zone.people["Bert"]), draft.id
        )
