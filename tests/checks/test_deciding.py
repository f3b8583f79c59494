"""What is due when: whose duty begins, how far to go, when to remind and whom to test."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.checks import deciding
from dispatch.checks.deciding import Held
from dispatch.checks.models import CheckKind, Stage
from dispatch.rota.duty import Turn

ZONE = "Europe/Brussels"


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def held(person: int, begins: str, ends: str, line: int = 1, team: int = 1) -> Held:
    turn = Turn(line, f"l{line}", f"l{line}", at(begins), at(ends), person, f"P{person}", "uid")
    return Held(team, turn)


def begun(*stretches: Held) -> list[tuple[int, int]]:
    return [(one.turn.person_id, one.turn.line_id) for one in deciding.beginnings(stretches)]


def test_who_takes_over_begins_and_who_goes_on_does_not():
    an, bert = held(1, "03-14T08:00", "03-15T08:00"), held(2, "03-15T08:00", "03-16T08:00")
    more = held(2, "03-16T08:00", "03-17T08:00")
    assert begun(an, bert, more) == [(1, 1), (2, 1)]


def test_who_changes_lines_or_teams_without_a_pause_goes_on():
    an = held(1, "03-14T08:00", "03-15T08:00")
    for next_turn in (
        held(1, "03-15T08:00", "03-16T08:00", line=2),
        held(1, "03-15T08:00", "03-16T08:00", line=3, team=2),
        held(1, "03-14T20:00", "03-16T08:00", line=2),
    ):
        assert begun(an, next_turn) == [(1, 1)]


def test_hand_overs_of_several_lines_at_one_instant_ask_everybody_once():
    before = held(1, "03-14T08:00", "03-15T08:00"), held(2, "03-14T08:00", "03-15T08:00", 2)
    after = (
        held(3, "03-15T08:00", "03-16T08:00"),
        held(4, "03-15T08:00", "03-16T08:00", 2),
        held(3, "03-15T08:00", "03-16T08:00", 3),
    )
    assert begun(*before, *after)[2:] == [(3, 1), (4, 2)]
    leaves = [deciding.outgoing([*before, *after], one.turn) for one in after]
    assert [one and one.person_id for one in leaves] == [1, 2, None]


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 9)), max_size=25))
def test_a_duty_has_one_beginning(rows):
    stretches = [
        held(
            person,
            f"03-0{1 + day // 5}T0{day % 5}:00",
            f"03-0{1 + day // 5}T0{day % 5 + 1}:00",
            line,
        )
        for person, line, day in rows
    ]
    found = deciding.beginnings(stretches)
    for one in found:
        others = [s.turn for s in stretches if s.turn.person_id == one.turn.person_id]
        assert not any(s.from_at < one.turn.from_at <= s.until_at for s in others)
    assert {one.turn.person_id for one in found} == {person for person, _, _ in rows}


def test_whose_the_duty_is_counts_at_its_beginning_and_while_it_lasts():
    duty = [held(1, "03-15T08:00", "03-16T08:00")]
    begins = at("03-15T08:00")
    assert deciding.is_theirs(duty, 1, begins, at("03-15T07:30"))
    assert deciding.is_theirs(duty, 1, begins, at("03-15T09:00"))
    assert not deciding.is_theirs(duty, 1, begins, at("03-16T08:00"))
    assert not deciding.is_theirs(duty, 2, begins, at("03-15T07:30"))


@pytest.mark.parametrize(
    ("now", "due"),
    [("07:29", False), ("07:30", True), ("08:29", True), ("08:30", False)],
)
def test_somebody_is_asked_from_before_the_turn_until_its_first_half_hour(now, due):
    assert deciding.is_due(at("03-15T08:00"), timedelta(minutes=30), at(f"03-15T{now}")) is due


def test_silence_goes_from_the_text_to_the_board_and_a_test_ends_with_the_call():
    def way(kind, has_outgoing):
        stages = [Stage.TEXTED]
        while after := deciding.next_stage(kind, stages[-1], has_outgoing=has_outgoing):
            stages.append(after)
        return stages

    assert way(CheckKind.CHECK_IN, True) == list(Stage)
    assert Stage.OUTGOING not in way(CheckKind.CHECK_IN, False)
    assert way(CheckKind.TEST, True) == [Stage.TEXTED, Stage.CALLED]


def test_nobody_waits_for_a_no_and_nothing_comes_after_the_board():
    wait, now = timedelta(minutes=10), at("03-15T07:30")
    check_in = CheckKind.CHECK_IN
    assert deciding.next_at(check_in, Stage.CALLED, wait, now, refused=False) == now + wait
    assert deciding.next_at(check_in, Stage.CALLED, wait, now, refused=True) == now
    assert deciding.next_at(check_in, Stage.BOARD, wait, now, refused=False) is None


@pytest.mark.parametrize(
    ("begins", "hours", "reminded"),
    [
        ("03-15T07:00", 24, "03-14T07:00"),  # 08:00 there
        ("03-15T06:00", 24, "03-13T18:00"),  # 07:00 there: the evening before
        ("03-15T20:00", 24, "03-14T18:00"),  # 21:00 there: that evening
        ("03-29T15:00", 24, "03-28T15:00"),  # 16:00 in winter, 17:00 in summer
        ("03-15T07:00", 0, None),
    ],
)
def test_reminders_come_by_day(begins, hours, reminded):
    expected = at(reminded) if reminded else None
    assert deciding.reminder_at(at(begins), hours, ZONE) == expected


def test_a_turn_that_was_moved_since_is_not_reminded_of():
    begins, reminder = at("03-15T08:00"), at("03-14T08:00")
    now = reminder + timedelta(minutes=1)
    assert deciding.to_remind(begins, at("02-01T08:00"), reminder, now)
    assert not deciding.to_remind(begins, now, reminder, now)
    assert not deciding.to_remind(begins, at("02-01T08:00"), reminder, at("03-14T10:30"))
    assert not deciding.to_remind(begins, at("02-01T08:00"), None, now)


@pytest.mark.parametrize(
    ("now", "may"),
    [
        ("03-16T09:00", True),  # Monday 10:00 there
        ("03-16T08:59", False),
        ("03-16T15:00", False),
        ("03-14T10:00", False),  # Saturday
        ("03-30T08:00", True),  # Monday after the change: 10:00 there
    ],
)
def test_tests_keep_to_working_hours(now, may):
    assert deciding.may_test(at(now), ZONE) is may


def test_who_was_heard_of_within_a_month_is_not_tested():
    now = at("03-16T09:00")
    long_ago, lately = now - timedelta(days=31), now - timedelta(days=29)
    assert deciding.to_test([long_ago, None, None], now)
    assert not deciding.to_test([long_ago, lately, None], now)
    assert not deciding.to_test([long_ago, None, lately], now)
    assert not deciding.to_test([], now)
