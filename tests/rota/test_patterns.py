"""Turn patterns: which needs a document makes, over weekends, holidays and changes of clocks."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.rota.holidays import Calendar, Day, Kind
from dispatch.rota.patterns import calendar_from, locks, needs, read
from dispatch.rota.problem import SkillNeed

BRUSSELS = "Europe/Brussels"
NO_DAYS = Calendar()
MARCH = (date(2026, 3, 2), date(2026, 3, 8))


def pattern(*turns: dict, line: dict | None = None, **more: object):
    """Return a pattern with one line."""
    return read({"lines": [{"key": "primary", "turns": list(turns), **(line or {})}], **more})


def daily(starts: str = "08:00", ends: str = "08:00", **more: object) -> dict:
    return {
        "form": "days",
        "kind": "day",
        "on": ["every_day"],
        "starts": starts,
        "ends": ends,
        **more,
    }


WEEK = {"form": "week", "kind": "week", "starts": "08:00"}
OFFICE = [
    {"on": ["monday", "tuesday", "wednesday", "thursday"], "starts": "08:00", "ends": "16:30"},
    {"on": ["friday"], "starts": "08:00", "ends": "15:00"},
]
AFTER = {"form": "after_hours", "kind": "evening", "closed_kind": "free_day", "office": OFFICE}


def clock(at: datetime) -> str:
    return at.astimezone(ZoneInfo(BRUSSELS)).strftime("%d %H:%M")


def hours(found) -> list[str]:
    return [f"{clock(need.starts_at)}-{clock(need.ends_at)}" for need in found]


def test_turns_of_24_hours():
    found = needs(pattern(daily()), *MARCH, BRUSSELS, NO_DAYS)
    assert hours(found)[:2] == ["02 08:00-03 08:00", "03 08:00-04 08:00"]
    assert [need.id for need in found] == list(range(7))
    assert {need.days for need in found} == {(date(2026, 3, 2 + n),) for n in range(7)}
    assert {need.minutes for need in found} == {1440}


def test_turns_of_a_week_count_on_seven_days():
    (found,) = needs(pattern(WEEK), *MARCH, BRUSSELS, NO_DAYS)
    assert hours([found]) == ["02 08:00-09 08:00"]
    assert found.days == tuple(date(2026, 3, number) for number in range(2, 9))
    assert found.weekends == {date(2026, 3, 7)}
    assert found.tags == {"night", "weekend"}


def test_turns_of_two_weeks_begin_every_other_week():
    given_pattern = pattern(WEEK | {"weeks": 2, "since": "2026-02-16"})
    found = needs(given_pattern, date(2026, 2, 1), date(2026, 3, 31), BRUSSELS, NO_DAYS)
    assert hours(found) == [
        "02 08:00-16 08:00",
        "16 08:00-02 08:00",
        "02 08:00-16 08:00",
        "16 08:00-30 08:00",
        "30 08:00-13 08:00",
    ]


def test_day_and_night():
    found = needs(
        pattern(daily("08:00", "20:00"), daily("20:00", "08:00", kind="night")),
        MARCH[0],
        MARCH[0],
        BRUSSELS,
        NO_DAYS,
    )
    assert [(need.kind, need.tags) for need in found] == [("day", set()), ("night", {"night"})]


@pytest.mark.parametrize(
    ("starts", "ends", "night"),
    [
        ("16:00", "24:00", False),
        ("20:00", "02:59", False),
        ("20:00", "03:00", True),
        ("02:00", "10:00", True),
        ("02:01", "10:00", False),
        ("08:00", "08:00", True),
    ],
)
def test_a_night_is_three_hours_between_midnight_and_five(starts, ends, night):
    (found,) = needs(pattern(daily(starts, ends)), MARCH[0], MARCH[0], BRUSSELS, NO_DAYS)
    assert ("night" in found.tags) == night


def test_a_weekend_in_one_turn():
    weekend = daily("16:00", "08:00", on=["friday"], days=3, tags=["weekend"], kind="weekend")
    (found,) = needs(pattern(weekend), *MARCH, BRUSSELS, NO_DAYS)
    assert hours([found]) == ["06 16:00-09 08:00"]
    assert found.days == (date(2026, 3, 6), date(2026, 3, 7), date(2026, 3, 8))
    assert found.weekends == {date(2026, 3, 7)}


def test_a_friday_evening_can_be_part_of_the_weekend():
    friday = daily("20:00", "08:00", on=["friday"], tags=["weekend"])
    (found,) = needs(pattern(friday), *MARCH, BRUSSELS, NO_DAYS)
    assert (found.days, found.weekends) == ((date(2026, 3, 6),), {date(2026, 3, 7)})


def test_after_hours_are_whenever_the_office_is_shut():
    found = needs(pattern(AFTER), *MARCH, BRUSSELS, NO_DAYS)
    assert hours(found) == [
        "02 16:30-03 08:00",
        "03 16:30-04 08:00",
        "04 16:30-05 08:00",
        "05 16:30-06 08:00",
        "06 15:00-07 08:00",
        "07 08:00-08 08:00",
        "08 08:00-09 08:00",
    ]
    assert [need.kind for need in found] == ["evening"] * 5 + ["free_day"] * 2


def test_a_holiday_shuts_the_office():
    holiday = Calendar((Day(date(2026, 3, 5), Kind.PUBLIC_HOLIDAY),))
    found = needs(pattern(AFTER), date(2026, 3, 4), date(2026, 3, 6), BRUSSELS, holiday)
    assert hours(found) == ["04 16:30-05 08:00", "05 08:00-06 08:00", "06 15:00-07 08:00"]
    assert [need.tags for need in found] == [{"night"}, {"night", "public_holiday"}, {"night"}]
    assert (
        needs(
            pattern(AFTER | {"closed": ["eve"]}),
            date(2026, 3, 5),
            date(2026, 3, 5),
            BRUSSELS,
            holiday,
        )[0].kind
        == "evening"
    )


def test_free_days_can_be_cut_in_two():
    found = needs(
        pattern(AFTER | {"cuts": ["20:00", "08:00"]}),
        date(2026, 3, 6),
        date(2026, 3, 8),
        BRUSSELS,
        NO_DAYS,
    )
    assert hours(found) == [
        "06 15:00-07 08:00",
        "07 08:00-07 20:00",
        "07 20:00-08 08:00",
        "08 08:00-08 20:00",
        "08 20:00-09 08:00",
    ]


def test_free_days_without_a_cut_are_one_turn():
    found = needs(
        pattern(AFTER | {"cuts": []}), date(2026, 3, 6), date(2026, 3, 8), BRUSSELS, NO_DAYS
    )
    assert hours(found) == ["06 15:00-09 08:00"]


def test_an_office_that_does_not_open_again_ends_the_turn_after_two_months():
    once = [{"on": ["eve"], "starts": "08:00", "ends": "16:00"}]
    eve = Calendar((Day(MARCH[0], Kind.EVE),))
    given_pattern = pattern(AFTER | {"office": once, "cuts": []})
    (found,) = needs(given_pattern, *MARCH, BRUSSELS, eve)
    assert found.ends_at - found.starts_at == timedelta(days=59, hours=7)


@given(st.sets(st.integers(0, 40), max_size=12))
def test_office_and_after_hours_together_leave_no_hole(closed):
    begin = date(2026, 3, 2)
    calendar = Calendar(
        tuple(Day(begin + timedelta(days=n), Kind.PUBLIC_HOLIDAY) for n in sorted(closed))
    )
    found = needs(pattern(AFTER), begin, begin + timedelta(days=40), BRUSSELS, calendar)
    for one, other in pairwise(found):
        between = other.starts_at - one.ends_at
        office = {timedelta(0), timedelta(hours=8, minutes=30), timedelta(hours=7)}
        assert between in office
        if between:
            assert "public_holiday" not in calendar.tags(
                one.ends_at.astimezone(ZoneInfo(BRUSSELS)).date()
            )


def test_days_before_a_holiday_and_those_left_out():
    calendar = Calendar((Day(date(2026, 3, 5), Kind.PUBLIC_HOLIDAY),))
    late = daily("16:00", "01:30", on=["before_public_holiday", "friday"])
    early = daily("16:00", "24:00", not_on=["before_public_holiday", "friday", "public_holiday"])
    found = needs(pattern(early, late), *MARCH, BRUSSELS, calendar)
    assert hours(found) == [
        "02 16:00-03 00:00",
        "03 16:00-04 00:00",
        "04 16:00-05 01:30",
        "06 16:00-07 01:30",
        "07 16:00-08 00:00",
        "08 16:00-09 00:00",
    ]


def test_turns_by_their_own_times():
    windows = [
        {"starts": "2026-03-07T10:00", "ends": "2026-03-07T18:00"},
        {"starts": "2026-03-03T22:00", "ends": "2026-03-05T06:00"},
        {"starts": "2026-04-03T22:00", "ends": "2026-04-05T06:00"},
    ]
    found = needs(
        pattern({"form": "dates", "kind": "event", "windows": windows}), *MARCH, BRUSSELS, NO_DAYS
    )
    assert hours(found) == ["03 22:00-05 06:00", "07 10:00-07 18:00"]
    assert found[0].days == (date(2026, 3, 3), date(2026, 3, 4))


# --- Clocks.

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


@pytest.mark.parametrize(
    ("day", "length"), [(SPRING - timedelta(days=1), 23), (SPRING, 24), (AUTUMN, 24)]
)
def test_a_day_has_23_24_or_25_hours(day, length):
    (found,) = needs(pattern(daily()), day, day, BRUSSELS, NO_DAYS)
    assert (found.ends_at - found.starts_at, found.minutes) == (
        timedelta(hours=length),
        length * 60,
    )
    (found,) = needs(pattern(daily("00:00", "24:00")), AUTUMN, AUTUMN, BRUSSELS, NO_DAYS)
    assert found.minutes == 25 * 60


@pytest.mark.parametrize(
    ("starts", "ends", "expected", "minutes"),
    [
        ("02:30", "10:00", "29 03:00-29 10:00", 420),
        ("01:30", "02:30", "29 01:30-29 03:00", 30),
        ("02:30", "03:15", "29 03:00-29 03:15", 15),
        ("02:00", "03:00", None, 0),
        ("02:10", "02:50", None, 0),
    ],
)
def test_a_turn_at_the_hour_that_clocks_skip(starts, ends, expected, minutes):
    found = needs(pattern(daily(starts, ends)), SPRING, SPRING, BRUSSELS, NO_DAYS)
    assert hours(found) == ([expected] if expected else [])
    assert sum(need.minutes for need in found) == minutes


def test_a_turn_at_the_hour_that_clocks_show_twice_begins_at_its_first():
    found = needs(
        pattern(daily("20:00", "02:30"), daily("02:30", "20:00")),
        AUTUMN - timedelta(days=1),
        AUTUMN,
        BRUSSELS,
        NO_DAYS,
    )
    assert [need.minutes for need in found] == [1050, 390, 1110, 390]


@given(
    st.sampled_from([SPRING, AUTUMN]),
    st.sampled_from(["00:00", "01:59", "02:00", "02:30", "03:00", "12:00"]),
    st.sampled_from([BRUSSELS, "Europe/Stockholm", "America/St_Johns", "Australia/Lord_Howe"]),
)
def test_turns_that_meet_on_the_clock_meet_in_truth(day, hand_over, zone):
    found = needs(
        pattern(daily(hand_over, hand_over)),
        day - timedelta(days=220),
        day + timedelta(days=220),
        zone,
        NO_DAYS,
    )
    assert all(one.ends_at == other.starts_at for one, other in pairwise(found))
    assert all(need.starts_at < need.ends_at for need in found)


# --- Lines, people, units, blocks, orders.


def test_each_line_has_its_own_turns_and_demands():
    given_pattern = read(
        {
            "lines": [
                {
                    "key": "primary",
                    "people": 2,
                    "turns": [daily(qualifications=[{"qualification": "bad_news", "weight": 5}])],
                    "qualifications": [{"qualification": "sexual_offences"}],
                },
                {"key": "shadow", "turns": [WEEK | {"people": 3}], "missing": 0, "surplus": 7},
            ]
        }
    )
    found = needs(given_pattern, MARCH[0], MARCH[0], BRUSSELS, NO_DAYS)
    assert [(n.line, n.wanted, n.under, n.over) for n in found] == [
        ("primary", 2, None, None),
        ("shadow", 3, 0, 7),
    ]
    assert found[0].skills == (SkillNeed("sexual_offences"), SkillNeed("bad_news", 1, 5))


@pytest.mark.parametrize(
    ("more", "rests", "minutes"),
    [
        ({}, False, 1440),
        ({"rests": True}, True, 0),
        ({"rests": True, "counts": 25}, True, 360),
        ({"counts": 0}, False, 0),
    ],
)
def test_standby_rests_and_may_count_as_work_in_part(more, rests, minutes):
    (found,) = needs(pattern(daily(**more)), MARCH[0], MARCH[0], BRUSSELS, NO_DAYS)
    assert (found.rests, found.minutes) == (rests, minutes)


def test_paired_days_are_one_block_of_each_kind():
    blocks = {"blocks": [["saturday", "sunday"], ["monday", "tuesday"]]}
    found = needs(
        pattern(daily("08:00", "20:00"), daily("20:00", "08:00", kind="night"), line=blocks),
        date(2026, 3, 1),
        date(2026, 3, 8),
        BRUSSELS,
        NO_DAYS,
    )
    days = {}
    for need in found:
        days.setdefault(need.block, []).append(need.days[0].day)
    assert days.pop(None) == [4, 4, 5, 5, 6, 6]
    assert days == {
        "day 2026-02-28": [1],
        "night 2026-02-28": [1],
        "day 2026-03-02": [2, 3],
        "night 2026-03-02": [2, 3],
        "day 2026-03-07": [7, 8],
        "night 2026-03-07": [7, 8],
    }


@pytest.mark.parametrize(
    ("every", "days", "expected"),
    [
        ("week", [(1, 25), (1, 26), (2, 1), (2, 2), (2, 9), (2, 16)], "CAABCA"),
        ("month", [(1, 31), (2, 1), (2, 28), (3, 1), (4, 1), (5, 1)], "ABBCAB"),
        ("half_month", [(1, 15), (1, 16), (1, 31), (2, 1), (2, 16), (3, 1)], "CAABCA"),
    ],
)
def test_units_take_turns(every, days, expected):
    units = {"names": ["A", "B", "C"], "every": every, "since": "2026-01-26"}
    given_pattern = pattern(daily(), units=units)
    found = ""
    for month, number in days:
        day = date(2026, month, number)
        found += needs(given_pattern, day, day, BRUSSELS, NO_DAYS)[0].unit
    assert found == expected


def test_a_line_can_stay_out_of_the_units():
    units = {"names": ["A", "B"], "every": "week", "since": "2026-01-05"}
    given_pattern = pattern(daily(), line={"units": False}, units=units)
    assert {need.unit for need in needs(given_pattern, *MARCH, BRUSSELS, NO_DAYS)} == {None}


def rotation(order: list[int], since: str = "2026-02-02", **more: object) -> dict:
    return {"rotations": [{"order": order, "since": since, **more}]}


def test_a_fixed_order_locks_seats_turn_by_turn():
    given_pattern = pattern(WEEK, line=rotation([7, 8, 9]))
    found = locks(given_pattern, date(2026, 3, 2), date(2026, 3, 31), BRUSSELS, NO_DAYS)
    assert found == {(0, 8): True, (1, 9): True, (2, 7): True, (3, 8): True, (4, 9): True}


@given(st.integers(0, 60))
def test_an_order_does_not_depend_on_the_period_planned(later):
    given_pattern = pattern(
        daily(), line=rotation([7, 8, 9]) | {"blocks": [["friday", "saturday"]]}
    )
    whole = (date(2026, 3, 1), date(2026, 5, 30))
    part = (whole[0] + timedelta(days=later), whole[1])

    def by_day(first: date, last: date) -> dict[date, int]:
        wanted = needs(given_pattern, first, last, BRUSSELS, NO_DAYS)
        found = locks(given_pattern, first, last, BRUSSELS, NO_DAYS)
        return {wanted[need].days[0]: person for need, person in found}

    assert by_day(*part) == {d: who for d, who in by_day(*whole).items() if d >= part[0]}


def test_a_block_is_one_turn_of_an_order_and_several_people_take_the_next_several():
    given_pattern = pattern(
        daily(),
        line=rotation([1, 2, 3], "2026-03-06") | {"people": 2, "blocks": [["saturday", "sunday"]]},
    )
    found = locks(given_pattern, date(2026, 3, 5), date(2026, 3, 9), BRUSSELS, NO_DAYS)
    assert set(found) == {(1, 1), (1, 2), (2, 3), (2, 1), (3, 3), (3, 1), (4, 2), (4, 3)}


def test_each_unit_has_an_order_of_its_own():
    units = {"names": ["A", "B"], "every": "week", "since": "2026-03-02"}
    orders = {
        "rotations": [
            {"order": [1, 2], "since": "2026-03-02", "unit": "A"},
            {"order": [5, 6], "since": "2026-03-02", "unit": "B"},
        ]
    }
    given_pattern = pattern(WEEK, line=orders, units=units)
    found = locks(given_pattern, date(2026, 3, 2), date(2026, 3, 29), BRUSSELS, NO_DAYS)
    assert set(found) == {(0, 1), (1, 5), (2, 2), (3, 6)}


def test_the_days_that_an_order_needs_to_know():
    assert calendar_from(pattern(WEEK), date(2026, 3, 2)) == date(2026, 3, 2)
    ordered = pattern(WEEK, line=rotation([7, 8, 9]))
    assert calendar_from(ordered, date(2026, 3, 2)) == date(2026, 2, 2)
