"""Swaps: offered, accepted, judged by the same rules, agreed to where set, and taken back."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.errors import Conflict, Invalid, NotFound
from dispatch.people import access
from dispatch.people.models import Person
from dispatch.rota import absences, open_turns, rights, swaps, terms
from dispatch.rota.duty import Turn, duty_between
from dispatch.rota.models import AbsenceKind, OpenState, OpenTurn, Shift, Swap, SwapState

WEEK = "2026-12-11 17:00", "2026-12-18 17:00"
NEXT = "2026-12-18 17:00", "2026-12-25 17:00"


@pytest.fixture
def now(zone):
    zone.pattern()
    return zone.at("2026-12-01 09:00")


def offer(zone, now, shift, to="Bert", **more):
    person = zone.people[to] if to else None
    return swaps.offer(zone.session, shift, person, zone.actor("An"), now, **more)


def accept(zone, now, swap, who="Bert"):
    return swaps.accept(zone.session, swap, zone.people[who], zone.actor(who), now)


def served(zone, line="primary"):
    zone.session.flush()
    times = zone.at("2026-12-04 17:00"), zone.at("2027-01-01 17:00")
    names = {person.id: name for name, person in zone.people.items()}
    return [
        (names[turn.person_id], f"{turn.from_at:%d}")
        for turn in duty_between(zone.session, zone.team, *times)
        if isinstance(turn, Turn) and turn.line_key == line
    ]


def away(zone, now, who, first, last):
    times = zone.at(first), zone.at(last), zone.planner, now
    absences.ask(zone.session, zone.people[who], AbsenceKind.LEAVE, *times, approved=True)


def test_a_turn_is_offered_accepted_and_has_changed_hands(zone, now):
    zone.phone("An", "Bert", "Chloé")
    swap = offer(zone, now, zone.shift("An", *WEEK))
    assert served(zone) == [("An", "11")]
    assert accept(zone, now, swap).state is SwapState.DONE
    assert served(zone) == [("Bert", "11")]
    words = [(who, text.partition(": ")[2].partition(" http")[0]) for who, text, _ in zone.texts()]
    assert words == [
        (
            "Bert",
            "Slachtofferbejegening: An Peeters vraagt je dit over te nemen: "
            "primary vr 11 dec 17:00.",
        ),
        ("An", "Slachtofferbejegening: Bert Maes heeft primary vr 11 dec 17:00."),
    ]
    assert [action for action in zone.actions() if action.startswith("swap.")] == [
        "swap.offered",
        "swap.done",
    ]


def test_a_part_of_a_turn_becomes_a_cover(zone, now):
    shift = zone.shift("An", *WEEK)
    part = {"starts_at": zone.at("2026-12-12 17:00"), "ends_at": zone.at("2026-12-13 17:00")}
    swap = accept(zone, now, offer(zone, now, shift, **part))
    assert swap.cover is not None
    assert served(zone) == [("An", "11"), ("Bert", "12"), ("An", "13")]
    swaps.undo(zone.session, swap, zone.planner, now)
    assert (served(zone), swap.state) == ([("An", "11")], SwapState.UNDONE)


def test_two_people_exchange_their_turns(zone, now):
    mine, theirs = zone.shift("An", *WEEK), zone.shift("Bert", *NEXT)
    accept(zone, now, offer(zone, now, mine, other=theirs))
    assert served(zone) == [("Bert", "11"), ("An", "18")]


def test_either_of_the_two_takes_a_whole_swap_back_within_a_day(zone, now):
    zone.phone("An", "Bert")
    given = accept(zone, now, offer(zone, now, zone.shift("An", *WEEK)))
    assert served(zone) == [("Bert", "11")]
    later = now + timedelta(hours=23)
    swaps.undo(zone.session, given, zone.actor("Bert"), later)
    assert (served(zone), given.state) == ([("An", "11")], SwapState.UNDONE)
    assert [who for who, text, _ in zone.texts() if "opnieuw" in text] == ["An"]
    with pytest.raises(Conflict, match="This swap is over"):
        swaps.undo(zone.session, given, zone.actor("An"), later)


def test_a_whole_swap_is_not_taken_back_too_late_or_into_a_broken_rule(zone, now):
    swap = accept(zone, now, offer(zone, now, zone.shift("An", *WEEK)))
    with pytest.raises(Conflict, match="too late to take this back"):
        swaps.undo(zone.session, swap, zone.actor("An"), now + timedelta(hours=25))
    away(zone, now, "An", "2026-12-12 00:00", "2026-12-13 00:00")
    with pytest.raises(Invalid, match="An Peeters is away"):
        swaps.undo(zone.session, swap, zone.actor("Bert"), now)
    [mine] = zone.session.scalars(sa.select(Shift).where(Shift.cancelled_at.is_(None)))
    mine.person_id = zone.people["Chloé"].id
    zone.session.flush()
    with pytest.raises(Conflict, match="changed meanwhile"):
        swaps.undo(zone.session, swap, zone.actor("Bert"), now)


def test_what_is_offered_to_everybody_goes_to_whoever_is_first(zone, now):
    zone.phone("Bert", "Chloé")
    swap = offer(zone, now, zone.shift("An", *WEEK), to=None)
    assert sorted(who for who, _, _ in zone.texts()) == ["Bert", "Chloé"]
    accept(zone, now, swap, "Chloé")
    with pytest.raises(Conflict, match="no longer offered"):
        accept(zone, now, swap)


def test_rules_judge_who_takes_it_and_within_a_day_they_only_warn(zone, now):
    away(zone, now, "Bert", "2026-12-12", "2026-12-13")
    swap = offer(zone, now, zone.shift("An", *WEEK))
    told = [str(one.told) for one in swaps.judge(zone.session, swap, zone.people["Bert"].id)]
    assert told == ["Bert Maes is away: primary Fri 11 Dec 17:00."]
    with pytest.raises(Invalid, match="Bert Maes is away"):
        accept(zone, now, swap)
    done = accept(zone, zone.at("2026-12-10 20:00"), swap)
    assert (done.state, done.broken, done.to_approve) == (SwapState.DONE, ["away"], True)
    swaps.approve(zone.session, done, zone.planner, now, "Bert returns")
    assert (done.to_approve, done.reason) == (False, "Bert returns")


def test_nobody_takes_a_turn_beside_their_own(zone, now):
    zone.shift("Bert", *WEEK, line="backup")
    swap = offer(zone, now, zone.shift("An", *WEEK))
    with pytest.raises(Invalid, match="two turns at the same time"):
        accept(zone, now, swap)


def test_where_a_planner_must_agree_it_holds_only_then(zone, now):
    terms.choose(zone.session, zone.team, zone.planner, now, swaps_approved=True)
    zone.plans("Chloé")
    zone.phone("An", "Bert", "Chloé")
    swap = accept(zone, now, offer(zone, now, zone.shift("An", *WEEK)))
    assert (swap.state, served(zone)) == (SwapState.ACCEPTED, [("An", "11")])
    assert swaps.waiting(zone.session, zone.team, now) == [swap]
    swaps.approve(zone.session, swap, zone.actor("Chloé"), now)
    assert (swap.state, served(zone)) == (SwapState.DONE, [("Bert", "11")])
    assert [who for who, _, _ in zone.texts()] == ["Bert", "Chloé", "An", "Bert"]
    assert swaps.waiting(zone.session, zone.team, now) == []


def test_a_no_is_told_and_an_offer_can_be_taken_back(zone, now):
    zone.phone("An")
    shift = zone.shift("An", *WEEK)
    swap = offer(zone, now, shift)
    swaps.decline(zone.session, swap, "", zone.actor("Bert"), now)
    assert (swap.state, [who for who, _, _ in zone.texts()]) == (SwapState.REFUSED, ["An"])
    again = offer(zone, now, shift)
    with pytest.raises(Conflict, match="offered already"):
        offer(zone, now, shift, "Chloé")
    swaps.withdraw(zone.session, again, zone.actor("An"), now)
    for late in (
        lambda: swaps.withdraw(zone.session, again, zone.actor("An"), now),
        lambda: swaps.decline(zone.session, again, "", zone.actor("Bert"), now),
        lambda: swaps.approve(zone.session, again, zone.planner, now),
    ):
        with pytest.raises(Conflict, match="is over"):
            late()
    assert swaps.of_person(zone.session, zone.people["An"].id, now) == [again, swap]


def test_what_cannot_be_offered_is_refused_by_field(zone, now):
    shift, theirs = zone.shift("An", *WEEK), zone.shift("Chloé", *NEXT)
    for more, field in (
        ({"starts_at": zone.at("2026-12-10 17:00")}, "starts_at"),
        ({"ends_at": zone.at("2026-12-19 17:00")}, "ends_at"),
        ({"ends_at": zone.at("2026-12-11 17:00")}, "ends_at"),
        ({"to": "An"}, "to"),
        ({"other": theirs}, "other"),
        ({"to": "Chloé", "other": theirs, "ends_at": zone.at("2026-12-17 17:00")}, "other"),
    ):
        with pytest.raises(Invalid) as refused:
            offer(zone, now, shift, **more)
        assert tuple(refused.value.fields) == (field,)
    with pytest.raises(Invalid, match="is over"):
        offer(zone, zone.at("2026-12-20 09:00"), shift)


def test_a_turn_that_changed_after_it_was_offered_is_not_taken(zone, now):
    shift = zone.shift("An", *WEEK)
    swap = offer(zone, now, shift)
    shift.starts_at = zone.at("2026-12-12 17:00")
    zone.session.flush()
    with pytest.raises(Conflict, match="changed meanwhile"):
        accept(zone, now, swap)


def test_a_planner_enters_what_people_agreed_and_says_why_where_a_rule_breaks(zone, now):
    away(zone, now, "Bert", "2026-12-12", "2026-12-13")
    shift = zone.shift("An", *WEEK)
    where = zone.session, shift, zone.people["Bert"], zone.planner, now
    with pytest.raises(Invalid, match="say why"):
        swaps.enter(*where)
    swap = swaps.enter(*where, reason="An is in hospital")
    assert (swap.state, swap.reason) == (SwapState.DONE, "An is in hospital")
    assert served(zone) == [("Bert", "11")]


def test_a_turn_under_way_is_taken_from_now_on(zone, now):
    shift = zone.shift("An", *WEEK)
    at = zone.at("2026-12-13 09:00")
    accept(zone, at, offer(zone, at, shift))
    assert served(zone) == [("An", "11"), ("Bert", "13")]


def test_swaps_are_seen_by_the_team_and_by_its_planners(zone, now):
    swap = offer(zone, now, zone.shift("An", *WEEK))
    for person in (zone.people["Bert"], zone.plans("Chloé")):
        viewer = access.viewer_of(zone.session, person)
        assert rights.swap_for(zone.session, viewer, swap.id) is swap
    stranger = Person(organisation_id=zone.served[0], name="Lars", created_at=now)
    zone.session.add(stranger)
    zone.session.flush()
    with pytest.raises(NotFound):
        rights.swap_for(zone.session, access.viewer_of(zone.session, stranger), swap.id)


def test_two_who_accept_at_the_same_moment_are_one_and_a_conflict(store, make_zone):
    with store.write() as session:
        zone = make_zone(session)
        zone.pattern()
        now = zone.at("2026-12-01 09:00")
        swap_id = offer(zone, now, zone.shift("An", *WEEK), to=None).id
    outcomes, start = [], threading.Barrier(2)

    def take(who):
        start.wait()
        try:
            with store.write() as session:
                person = session.get_one(Person, zone.people[who].id)
                swap = session.get_one(Swap, swap_id)
                swaps.accept(session, swap, person, zone.actor(who), now)
            outcomes.append("taken")
        except Conflict:
            outcomes.append("late")

    threads = [threading.Thread(target=take, args=(who,)) for who in ("Bert", "Chloé")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["late", "taken"]


# --- Open turns.


def offered(zone, now, times=WEEK, line="primary"):
    where = zone.lines[line], *map(zone.at, times)
    return open_turns.offer(zone.session, *where, zone.planner, now)


def sign_up(zone, now, turn, who="Bert"):
    return open_turns.sign_up(zone.session, turn, zone.people[who], zone.actor(who), now)


def test_a_gap_is_offered_to_everybody_and_whoever_signs_up_first_has_it(zone, now):
    zone.phone("An", "Bert")
    turn = offered(zone, now)
    assert sorted(who for who, _, _ in zone.texts()) == ["An", "Bert"]
    assert open_turns.standing(zone.session, zone.team, now) == [turn]
    assert sign_up(zone, now, turn).state is OpenState.TAKEN
    assert served(zone) == [("Bert", "11")]
    with pytest.raises(Conflict, match="Somebody else"):
        sign_up(zone, now, turn, "An")
    assert open_turns.standing(zone.session, zone.team, now) == []


def test_a_sign_up_is_judged_and_agreed_to_where_set(zone, now):
    terms.choose(zone.session, zone.team, zone.planner, now, swaps_approved=True)
    zone.phone("Bert")
    away(zone, now, "An", "2026-12-12", "2026-12-13")
    turn = offered(zone, now)
    with pytest.raises(Invalid, match="An Peeters is away"):
        sign_up(zone, now, turn, "An")
    assert sign_up(zone, now, turn).state is OpenState.ASKED
    open_turns.refuse(zone.session, turn, zone.planner, now)
    assert (turn.state, turn.person_id) == (OpenState.OPEN, None)
    sign_up(zone, now, turn)
    open_turns.approve(zone.session, turn, zone.planner, now)
    assert served(zone) == [("Bert", "11")]
    assert len(zone.texts()) == 3


def test_a_late_sign_up_that_breaks_rules_holds_and_waits_to_be_looked_at(zone, now):
    zone.phone("Chloé")
    zone.plans("Chloé")
    zone.shift("An", *WEEK, line="backup")
    turn, late = offered(zone, now), zone.at(WEEK[0]) - timedelta(hours=3)
    assert sign_up(zone, late, turn, "An").state is OpenState.TAKEN
    assert (turn.to_approve, bool(turn.broken)) == (True, True)
    assert open_turns.taken_late(zone.session, zone.team) == [turn]
    assert "An Peeters heeft primary" in zone.texts()[-1][1]
    open_turns.approve(zone.session, turn, zone.planner, late)
    assert open_turns.taken_late(zone.session, zone.team) == []


@pytest.mark.parametrize("hours", [-3, 5])
def test_a_late_sign_up_is_refused_and_what_is_left_of_the_turn_is_open_again(zone, now, hours):
    zone.phone("An")
    zone.shift("An", *WEEK, line="backup")
    turn, begins = offered(zone, now), zone.at(WEEK[0])
    sign_up(zone, begins - timedelta(hours=3), turn, "An")
    then = begins + timedelta(hours=hours)
    open_turns.refuse(zone.session, turn, zone.planner, then)
    assert open_turns.standing(zone.session, zone.team, then) == [turn]
    assert (turn.starts_at, turn.shift_id) == (max(begins, then), None)
    assert open_turns.taken_late(zone.session, zone.team) == []
    assert "gaat naar iemand anders" in zone.texts()[-1][1]
    assert sign_up(zone, then, turn).state is OpenState.TAKEN
    held = [("An", begins)] if hours > 0 else []
    query = sa.select(Shift).where(Shift.line_id == zone.lines["primary"].id)
    stands = zone.session.scalars(query.where(Shift.cancelled_at.is_(None)).order_by(Shift.id))
    names = {person.id: name for name, person in zone.people.items()}
    assert [(names[one.person_id], one.starts_at) for one in stands] == [
        *held,
        ("Bert", max(begins, then)),
    ]


def test_only_gaps_are_offered_and_each_once(zone, now):
    zone.shift("An", *NEXT)
    with pytest.raises(Invalid, match="An Peeters is on primary"):
        offered(zone, now, NEXT)
    with pytest.raises(Invalid):
        offered(zone, now, ("2026-11-01 17:00", "2026-11-02 17:00"))
    with pytest.raises(Invalid, match="Longer than 14 days"):
        # Nobody could sign up for it.
        offered(zone, now, ("2026-12-25 17:00", "2027-01-25 17:00"))
    turn = offered(zone, now)
    with pytest.raises(Conflict, match="offered already"):
        offered(zone, now)
    open_turns.withdraw(zone.session, turn, zone.planner, now)
    assert turn.state is OpenState.WITHDRAWN
    with pytest.raises(Conflict):
        open_turns.withdraw(zone.session, turn, zone.planner, now)
    assert zone.session.scalar(sa.select(sa.func.count()).select_from(OpenTurn)) == 1
    assert zone.session.scalar(sa.select(sa.func.count()).select_from(Shift)) == 1


def test_open_turns_are_for_the_team(zone, now):
    turn = offered(zone, now)
    bert = access.viewer_of(zone.session, zone.people["Bert"])
    assert rights.open_turn_for(zone.session, bert, turn.id) is turn
    with pytest.raises(NotFound):
        rights.open_turn_for(zone.session, bert, turn.id + 1)
