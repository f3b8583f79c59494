"""Publishing: only the difference, each person told once, four eyes where asked, and back again."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dispatch import upkeep
from dispatch.errors import Conflict, Invalid, Refused
from dispatch.rota import absences, changes, drafts, provenance, publishing, seating, terms
from dispatch.rota.duty import Turn, duty_between
from dispatch.rota.holidays import Calendar
from dispatch.rota.models import AbsenceKind, DraftState, Origin, Shift

DECEMBER = date(2026, 12, 1), date(2026, 12, 31)
WEEKS = (
    ("2026-12-04 17:00", "2026-12-11 17:00"),
    ("2026-12-11 17:00", "2026-12-18 17:00"),
    ("2026-12-18 17:00", "2026-12-25 17:00"),
    ("2026-12-25 17:00", "2027-01-01 17:00"),
)


@pytest.fixture
def now(zone):
    zone.pattern()
    return zone.at("2026-11-02 09:00")


def begin(zone, now, **more):
    return drafts.begin(zone.session, zone.team, *DECEMBER, zone.planner, now, **more)


def put(zone, now, draft, who, times, line="primary", **more):
    where = zone.lines[line], zone.people[who], *map(zone.at, times)
    return seating.put(zone.session, draft, *where, zone.planner, now, **more)


def publish(zone, now, draft, by=None, **more):
    return publishing.publish(zone.session, draft, by or zone.planner, now, **more)


def served(zone):
    """Who serves when on the primary line in December."""
    times = zone.at("2026-12-04 17:00"), zone.at("2027-01-01 17:00")
    return [
        (turn.person_name.split()[0], f"{turn.from_at.astimezone(zone.at('2026-01-01').tzinfo):%d}")
        for turn in duty_between(zone.session, zone.team, *times)
        if isinstance(turn, Turn) and turn.line_key == "primary"
    ]


def test_what_stays_keeps_its_identity_and_what_differs_is_told_to_its_people_only(zone, now):
    zone.phone("An", "Bert", "Chloé")
    stays = zone.shift("Bert", *WEEKS[0])
    handed = zone.shift("An", *WEEKS[1])
    moved = zone.shift("An", *WEEKS[2])
    draft = begin(zone, now)
    seat = drafts.seats(zone.session, draft)[1]
    put(zone, now, draft, "Chloé", WEEKS[1], seen=seat.revision)
    later = drafts.seats(zone.session, draft)[2]
    seating.move(
        zone.session,
        draft,
        later,
        zone.planner,
        now,
        seen=1,
        ends_at=zone.at("2026-12-24 17:00"),
    )
    version = publish(zone, now, draft)
    assert (stays.sequence, stays.cancelled_at) == (0, None)
    assert (moved.cancelled_at, moved.ends_at) == (None, zone.at("2026-12-24 17:00"))
    assert moved.sequence == 1
    assert handed.cancelled_at == now
    assert served(zone) == [("Bert", "04"), ("Chloé", "11"), ("An", "18")]
    assert (version.number, version.published_by, len(version.changes)) == (1, "Petra Claes", 2)
    told = {who: (words, at) for who, words, at in zone.texts()}
    assert set(told) == {"An", "Chloé"}
    assert told["An"][0].startswith(
        "ROOSTER: Slachtofferbejegening: je beurten zijn gewijzigd (2), de eerste op vr 11 dec"
    )
    assert told["An"][1] == now


def test_at_night_people_are_woken_only_for_what_begins_soon(zone, now):
    zone.phone("An", "Bert")
    draft = begin(zone, now)
    put(zone, now, draft, "An", WEEKS[0])
    put(zone, now, draft, "Bert", WEEKS[2])
    night = zone.at("2026-12-03 23:00")
    publish(zone, night, draft)
    assert {who: at for who, _, at in zone.texts()} == {
        "An": night,
        "Bert": zone.at("2026-12-04 08:00"),
    }


def test_it_is_known_who_was_told_and_who_could_not_be(zone, now):
    zone.phone("An")
    draft = begin(zone, now)
    put(zone, now, draft, "An", WEEKS[0])
    put(zone, now, draft, "Bert", WEEKS[1])
    version = publish(zone, now, draft)
    assert publishing.told_of(zone.session, version) == (1, ["Bert Maes"])


def test_who_lost_only_a_cover_and_could_not_be_told_is_named_too(zone, now):
    zone.phone("An", "Bert")
    shift = zone.shift("An", *WEEKS[0])
    zone.cover(shift, "Chloé", "2026-12-05 08:00", "2026-12-06 08:00")
    draft = begin(zone, now)
    put(zone, now, draft, "Bert", WEEKS[0], seen=1)
    version = publish(zone, now, draft)
    assert publishing.told_of(zone.session, version) == (2, ["Chloé Dubois"])
    publishing.undo(zone.session, version, zone.planner, now)
    assert served(zone)[:3] == [("An", "04"), ("Chloé", "05"), ("An", "06")]


def test_the_days_that_mattered_are_frozen_with_the_version(zone, now):
    draft = begin(zone, now)
    put(zone, now, draft, "An", WEEKS[0])
    version = publish(zone, now, draft)
    frozen = Calendar.thawed(version.days)
    assert "public_holiday" in frozen.tags(date(2026, 12, 25))
    assert draft.state is DraftState.PUBLISHED


def test_a_turn_under_way_changes_only_with_a_reason_and_from_now_on(zone, now):
    shift = zone.shift("An", *WEEKS[0])
    draft = begin(zone, now)
    put(zone, now, draft, "Bert", WEEKS[0], seen=1)
    at = zone.at("2026-12-06 09:00")
    with pytest.raises(Invalid, match=r"have begun: primary Fri 4 Dec 17:00 An Peeters"):
        publish(zone, at, draft)
    publish(zone, at, draft, reason="An is ill")
    assert (shift.ends_at, shift.cancelled_at) == (at, None)
    assert served(zone) == [("An", "04"), ("Bert", "06")]


def test_what_somebody_changed_meanwhile_is_never_wiped(zone, now):
    draft = begin(zone, now)
    put(zone, now, draft, "An", WEEKS[1])
    shift = zone.shift("Bert", *WEEKS[0])
    shift.changed_at = now + timedelta(hours=1)
    zone.session.flush()
    later = now + timedelta(hours=2)
    with pytest.raises(Conflict, match=r"primary Fri 4 Dec 17:00 Bert Maes. Take it in"):
        publish(zone, later, draft)
    drafts.take_in(zone.session, draft, zone.planner, later)
    publish(zone, later, draft)
    assert served(zone) == [("Bert", "04"), ("An", "11")]


def test_turns_of_one_line_change_places_without_ever_meeting(zone, now):
    first, second = zone.shift("An", *WEEKS[0]), zone.shift("Bert", *WEEKS[1])
    draft = begin(zone, now)
    one, other = drafts.seats(zone.session, draft)
    for seat, end in ((one, "2026-12-09 17:00"), (other, None)):
        seating.move(
            zone.session,
            draft,
            seat,
            zone.planner,
            now,
            seen=1,
            **({"ends_at": zone.at(end)} if end else {"starts_at": zone.at("2026-12-09 17:00")}),
        )
    publish(zone, now, draft)
    assert (first.ends_at, second.starts_at) == (zone.at("2026-12-09 17:00"),) * 2
    back = begin(zone, now)
    other, one = reversed(drafts.seats(zone.session, back))
    at = zone.at("2026-12-14 17:00")
    seating.move(zone.session, back, other, zone.planner, now, seen=1, starts_at=at)
    seating.move(zone.session, back, one, zone.planner, now, seen=1, ends_at=at)
    publish(zone, now, back)
    assert (first.ends_at, second.starts_at) == (at, at)


def test_a_cover_ends_with_the_turn_that_it_was_over_and_its_person_is_told(zone, now):
    zone.phone("Chloé")
    shift = zone.shift("An", *WEEKS[0])
    part = zone.cover(shift, "Chloé", "2026-12-09 17:00", "2026-12-11 17:00")
    gone = zone.cover(shift, "Chloé", "2026-12-05 17:00", "2026-12-06 17:00")
    draft = begin(zone, now)
    (seat,) = drafts.seats(zone.session, draft)
    seating.move(
        zone.session,
        draft,
        seat,
        zone.planner,
        now,
        seen=1,
        starts_at=zone.at("2026-12-07 17:00"),
        ends_at=zone.at("2026-12-10 17:00"),
    )
    publish(zone, now, draft)
    assert part.ends_at == zone.at("2026-12-10 17:00")
    assert gone.cancelled_at == now
    assert [who for who, _, _ in zone.texts()] == ["Chloé"]


def test_nothing_is_published_where_nothing_differs(zone, now):
    zone.shift("An", *WEEKS[0])
    with pytest.raises(Conflict, match="Nothing differs"):
        publish(zone, now, begin(zone, now))


def test_a_breach_that_nobody_explained_keeps_a_draft_back(zone, now):
    draft = begin(zone, now)
    put(zone, now, draft, "An", WEEKS[0])
    leave = zone.at("2026-12-05"), zone.at("2026-12-06"), zone.planner, now
    absences.ask(zone.session, zone.people["An"], AbsenceKind.LEAVE, *leave, approved=True)
    with pytest.raises(Invalid, match="An Peeters is away"):
        publish(zone, now, draft)
    put(zone, now, draft, "An", WEEKS[0], seen=1, reason="she returns for it")
    assert publish(zone, now, draft).number == 1


def test_a_reason_excuses_only_what_a_seat_broke_and_leave_taken_back_is_told_and_returns(
    zone, now
):
    zone.phone("Bert")
    away = zone.at("2026-12-05 00:00"), zone.at("2026-12-06 00:00")
    draft = begin(zone, now)
    put(zone, now, draft, "Bert", WEEKS[0])
    put(zone, now, draft, "Bert", WEEKS[0], line="backup", reason="both lines for one week")
    leave = zone.people["Bert"], AbsenceKind.LEAVE, *away, zone.planner, now
    absences.ask(zone.session, *leave, approved=True)
    with pytest.raises(Invalid, match="Bert Maes is away"):
        publish(zone, now, draft)

    def stands():
        found = absences.standing(zone.session, [zone.people["Bert"].id], *away)
        return [(one.starts_at, one.ends_at) for one in found]

    version = publish(zone, now, draft, reason="he comes back for it")
    assert stands() == []
    told = "je afwezigheid wordt ingetrokken van za 5 dec 00:00 tot zo 6 dec 00:00"
    assert [who for who, words, _ in zone.texts() if told in words] == ["Bert"]
    publishing.undo(zone.session, version, zone.planner, now)
    assert stands() == [away]
    assert "je afwezigheid van za 5 dec 00:00 tot zo 6 dec 00:00 geldt weer" in str(zone.texts())


def test_where_two_planners_must_agree_one_asks_and_another_publishes(zone, now):
    terms.choose(zone.session, zone.team, zone.planner, now, four_eyes=True)
    for name in ("An", "Bert"):
        zone.plans(name)
    zone.phone("An", "Bert")
    draft = begin(zone, now)
    put(zone, now, draft, "Chloé", WEEKS[0])
    an, bert = zone.actor("An"), zone.actor("Bert")
    assert publish(zone, now, draft, an) is None
    assert draft.state is DraftState.ASKED
    assert [who for who, _, _ in zone.texts()] == ["Bert"]
    with pytest.raises(Refused, match="another planner"):
        publish(zone, now, draft, an)
    version = publish(zone, now, draft, bert)
    assert (version.published_by, version.seconded_by) == ("An Peeters", "Bert Maes")


def test_where_two_planners_must_agree_taking_back_needs_two_as_well(zone, now):
    for name in ("An", "Bert"):
        zone.plans(name)
    zone.phone("An", "Bert")
    draft = begin(zone, now)
    put(zone, now, draft, "Chloé", WEEKS[0])
    version = publish(zone, now, draft)
    terms.choose(zone.session, zone.team, zone.planner, now, four_eyes=True)
    an, bert = zone.actor("An"), zone.actor("Bert")
    assert publishing.undo(zone.session, version, an, now) is None
    assert served(zone) == [("Chloé", "04")]
    assert [who for who, text, _ in zone.texts() if "versie 1" in text] == ["Bert"]
    with pytest.raises(Refused, match="another planner"):
        publishing.undo(zone.session, version, an, now)
    undone = publishing.undo(zone.session, version, bert, now)
    assert (undone.published_by, undone.seconded_by) == ("An Peeters", "Bert Maes")
    assert served(zone) == []


def test_a_draft_that_changed_after_it_was_asked_for_is_asked_for_again(zone, now):
    terms.choose(zone.session, zone.team, zone.planner, now, four_eyes=True)
    draft = begin(zone, now)
    put(zone, now, draft, "Chloé", WEEKS[0])
    publish(zone, now, draft, zone.actor("An"))
    put(zone, now, draft, "Chloé", WEEKS[1])
    assert publish(zone, now, draft, zone.actor("Bert")) is None
    assert publish(zone, now, draft, zone.actor("An")).published_by == "Bert Maes"


def test_a_version_is_taken_back_as_long_as_nothing_of_it_has_begun(zone, now):
    handed = zone.shift("An", *WEEKS[0])
    draft = begin(zone, now)
    put(zone, now, draft, "Bert", WEEKS[0], seen=1)
    put(zone, now, draft, "Chloé", WEEKS[1])
    version = publish(zone, now, draft)
    assert served(zone) == [("Bert", "04"), ("Chloé", "11")]
    undone = publishing.undo(zone.session, version, zone.planner, now)
    assert served(zone) == [("An", "04")]
    assert (undone.number, undone.undoes) == (2, 1)
    assert handed.cancelled_at == now
    again = publishing.undo(zone.session, undone, zone.planner, now)
    assert served(zone) == [("Bert", "04"), ("Chloé", "11")]
    with pytest.raises(Conflict, match="have begun meanwhile"):
        publishing.undo(zone.session, again, zone.planner, zone.at("2026-12-05 09:00"))
    assert [one.number for one in publishing.versions(zone.session, zone.team)] == [3, 2, 1]


def test_a_version_whose_turns_changed_since_is_not_taken_back(zone, now):
    draft = begin(zone, now)
    put(zone, now, draft, "Bert", WEEKS[0])
    version = publish(zone, now, draft)
    zone.session.scalars(sa.select(Shift)).one().ends_at = zone.at("2026-12-10 17:00")
    with pytest.raises(Conflict, match="changed meanwhile"):
        publishing.undo(zone.session, version, zone.planner, now)


def test_a_version_goes_back_only_with_a_reason_where_that_breaks_rules_and_loses_no_cover(
    zone, now
):
    zone.shift("An", *WEEKS[0])
    draft = begin(zone, now)
    put(zone, now, draft, "Bert", WEEKS[0], seen=1)
    version = publish(zone, now, draft)
    leave = zone.people["An"], AbsenceKind.LEAVE, *map(zone.at, WEEKS[0]), zone.planner, now
    absences.ask(zone.session, *leave, approved=True)
    shift = zone.session.scalars(sa.select(Shift).where(Shift.cancelled_at.is_(None))).one()
    cover = zone.cover(shift, "Chloé", "2026-12-06 17:00", "2026-12-07 17:00")
    with pytest.raises(Conflict, match=r"covered meanwhile: primary Sun 6 Dec 17:00 Chloé Dubois"):
        publishing.undo(zone.session, version, zone.planner, now)
    changes.cancel_cover(zone.session, cover, zone.planner, now)
    with pytest.raises(Invalid, match="An Peeters is away"):
        publishing.undo(zone.session, version, zone.planner, now)
    publishing.undo(zone.session, version, zone.planner, now, reason="she comes back for it")
    assert served(zone) == [("An", "04")]


def leave_of(zone, who, times):
    found = absences.standing(zone.session, [zone.people[who].id], *map(zone.at, times))
    return [(one.starts_at, one.ends_at) for one in found]


def test_a_version_taken_back_brings_covers_and_their_leave_and_can_be_taken_back_as_well(
    zone, now
):
    turn = zone.shift("An", *WEEKS[0])
    part = ("2026-12-06 17:00", "2026-12-07 17:00")
    zone.cover(turn, "Bert", *part)
    away = {"An": part, "Bert": ("2026-12-06 00:00", "2026-12-07 00:00")}
    asked = zone.people["An"], AbsenceKind.LEAVE, *map(zone.at, part), zone.planner, now
    absences.ask(zone.session, *asked, approved=True)
    draft = begin(zone, now)
    put(zone, now, draft, "Chloé", WEEKS[0], seen=1)
    version = publish(zone, now, draft)
    asked = zone.people["Bert"], AbsenceKind.LEAVE, *map(zone.at, away["Bert"]), zone.planner, now
    absences.ask(zone.session, *asked, approved=True)
    undone = publishing.undo(zone.session, version, zone.planner, now, reason="as it was agreed")
    assert served(zone) == [("An", "04"), ("Bert", "06"), ("An", "07")]
    # Whoever is covered is not there for it: their leave stands. Whoever covers has none then.
    assert leave_of(zone, "An", part) == [tuple(map(zone.at, part))]
    assert leave_of(zone, "Bert", part) == []
    again = publishing.undo(zone.session, undone, zone.planner, now)
    assert served(zone) == [("Chloé", "04")]
    begins, ends = map(zone.at, away["Bert"])
    cut = zone.at(part[0])
    assert leave_of(zone, "Bert", away["Bert"]) == [(begins, cut), (cut, ends)]
    publishing.undo(zone.session, again, zone.planner, now, reason="as it was agreed")
    assert served(zone) == [("An", "04"), ("Bert", "06"), ("An", "07")]


def test_every_organisation_that_the_team_serves_sees_it(store, make_zone):
    with store.write() as session:
        zone = make_zone(session)
        now = zone.at("2026-11-02 09:00")
        zone.pattern()
        draft = begin(zone, now)
        put(zone, now, draft, "Bert", WEEKS[0])
    with store.write() as session:
        before = upkeep.revisions(session)
        zone.session = session
        publish(zone, now, session.merge(draft))
    with store.read() as session:
        after = upkeep.revisions(session)
    assert all(after[owner, "rota"] > before[owner, "rota"] for owner in zone.served)


def test_it_is_known_which_version_brought_a_turn_and_why_it_stands(zone, now):
    leave = zone.at("2026-12-12 00:00"), zone.at("2026-12-14 00:00")
    who = zone.people["An"], AbsenceKind.LEAVE, *leave, zone.planner, now
    absences.ask(zone.session, *who, approved=True)
    draft = begin(zone, now)
    put(zone, now, draft, "Bert", WEEKS[0])
    put(zone, now, draft, "An", WEEKS[1], reason="nobody else")
    publish(zone, now, draft)
    bert, an = zone.session.scalars(sa.select(Shift).order_by(Shift.starts_at))
    found = provenance.of(zone.session, zone.team, an)
    assert (found.number, found.published_by, found.origin) == (1, "Petra Claes", Origin.HAND)
    assert (found.reason, found.broken) == ("nobody else", ("away",))
    changes.change_shift(zone.session, bert, zone.planner, now, ends_at=zone.at("2026-12-11 16:00"))
    assert provenance.of(zone.session, zone.team, bert) is None
    assert provenance.of(zone.session, zone.team, zone.shift("Bert", *WEEKS[2])) is None
