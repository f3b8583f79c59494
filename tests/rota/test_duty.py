"""Who is on duty: boundaries, covers, people who do not count, DST, and a naive model beside it."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.clock import monotonic
from dispatch.db import Store
from dispatch.people.models import Membership
from dispatch.rota.duty import Duty, Gap, Turn, duty_between, expected, gaps, on_duty
from dispatch.rota.models import Cover, Shift

MICROSECOND = timedelta(microseconds=1)


def names(duty: Duty) -> list[str | None]:
    return [line.person_name if isinstance(line, Turn) else None for line in duty.lines]


def duty_at(zone, text, fold=0):
    return on_duty(zone.session, zone.team, zone.at(text, fold))


def test_a_turn_includes_its_start_and_excludes_its_end(zone):
    shift = zone.shift("An", "2026-03-14 08:00", "2026-03-14 20:00")
    for at, who in [
        (shift.starts_at - MICROSECOND, None),
        (shift.starts_at, "An Peeters"),
        (shift.ends_at - MICROSECOND, "An Peeters"),
        (shift.ends_at, None),
    ]:
        assert names(on_duty(zone.session, zone.team, at))[0] == who


def test_two_turns_that_meet_leave_no_instant_out(zone):
    zone.shift("An", "2026-03-14 08:00", "2026-03-14 20:00")
    zone.shift("Bert", "2026-03-14 20:00", "2026-03-15 08:00")
    found = duty_between(
        zone.session, zone.team, zone.at("2026-03-14 08:00"), zone.at("2026-03-15 08:00")
    )
    primary = [stretch for stretch in found if stretch.line_key == "primary"]
    assert [stretch.person_name for stretch in primary] == ["An Peeters", "Bert Maes"]


def test_each_line_answers_for_itself_in_its_order(zone):
    zone.shift("An", "2026-03-14 08:00", "2026-03-14 20:00")
    zone.shift("Bert", "2026-03-14 08:00", "2026-03-14 20:00", line="backup")
    duty = duty_at(zone, "2026-03-14 09:00")
    assert [(turn.line_key, turn.person_name) for turn in duty.turns] == [
        ("primary", "An Peeters"),
        ("backup", "Bert Maes"),
    ]
    assert duty.complete


def test_a_cover_beats_the_turn_for_its_time_only(zone):
    shift = zone.shift("An", "2026-03-14 08:00", "2026-03-14 20:00")
    zone.cover(shift, "Bert", "2026-03-14 10:00", "2026-03-14 12:00")
    turns = {
        hour: duty_at(zone, f"2026-03-14 {hour}").turns[0] for hour in ("09:59", "10:00", "12:00")
    }
    assert [turn.person_name for turn in turns.values()] == [
        "An Peeters",
        "Bert Maes",
        "An Peeters",
    ]
    covering = turns["10:00"]
    assert covering.covers == "An Peeters"
    assert covering.reason == {
        "kind": "cover",
        "for": "An Peeters",
        "until": "2026-03-14T11:00:00+00:00",
    }
    assert turns["09:59"].until_at == covering.from_at
    assert turns["12:00"].from_at == covering.until_at


def test_cancelled_turns_and_covers_do_not_count(zone):
    shift = zone.shift("An", "2026-03-14 08:00", "2026-03-14 20:00")
    cover = zone.cover(shift, "Bert", "2026-03-14 08:00", "2026-03-14 20:00")
    cover.cancelled_at = zone.at("2026-03-13 08:00")
    gone = zone.shift("Chloé", "2026-03-14 08:00", "2026-03-14 20:00", line="backup")
    gone.cancelled_at = zone.at("2026-03-13 08:00")
    assert names(duty_at(zone, "2026-03-14 09:00")) == ["An Peeters", None]


def test_a_gap_says_since_when_until_when_and_who_is_next(zone):
    zone.shift("An", "2026-03-13 08:00", "2026-03-13 20:00")
    zone.shift("Bert", "2026-03-15 08:00", "2026-03-15 20:00")
    gap = duty_at(zone, "2026-03-14 09:00").lines[0]
    assert isinstance(gap, Gap)
    assert (gap.from_at, gap.until_at) == (zone.at("2026-03-13 20:00"), zone.at("2026-03-15 08:00"))
    assert gap.next_name == "Bert Maes"
    assert gap.reason == {"kind": "nobody"}


def test_a_line_without_any_turn_is_a_gap_without_ends(zone):
    gap = duty_at(zone, "2026-03-14 09:00").lines[0]
    assert isinstance(gap, Gap)
    assert (gap.from_at, gap.until_at, gap.next_name) == (None, None, None)


def test_somebody_who_has_left_is_a_gap_from_that_instant(zone):
    zone.shift("An", "2026-03-14 08:00", "2026-03-14 20:00")
    zone.people["An"].left_at = zone.at("2026-03-14 12:00")
    assert names(duty_at(zone, "2026-03-14 11:59"))[0] == "An Peeters"
    gap = duty_at(zone, "2026-03-14 12:00").lines[0]
    assert isinstance(gap, Gap)
    assert gap.reason == {"kind": "left", "person": "An Peeters"}
    assert gap.from_at == zone.at("2026-03-14 12:00")


def test_a_membership_ends_with_its_last_local_day(zone):
    zone.shift("An", "2026-03-14 20:00", "2026-03-15 08:00")
    member = zone.session.scalars(
        sa.select(Membership).where(Membership.person_id == zone.people["An"].id)
    ).one()
    member.until_on = date(2026, 3, 14)
    zone.session.flush()
    assert names(duty_at(zone, "2026-03-14 23:59"))[0] == "An Peeters"
    gap = duty_at(zone, "2026-03-15 00:00").lines[0]
    assert isinstance(gap, Gap)
    assert gap.reason == {"kind": "not_member", "person": "An Peeters"}


def test_a_coverer_who_left_is_a_gap_because_the_owner_believes_to_be_free(zone):
    shift = zone.shift("An", "2026-03-14 08:00", "2026-03-14 20:00")
    zone.cover(shift, "Bert", "2026-03-14 08:00", "2026-03-14 20:00")
    zone.people["Bert"].left_at = zone.at("2026-03-01 00:00")
    gap = duty_at(zone, "2026-03-14 12:00").lines[0]
    assert gap.reason == {"kind": "left", "person": "Bert Maes"}


@pytest.mark.parametrize(
    ("night", "hours"), [("2026-03-28", 11), ("2026-10-24", 13)], ids=["23 h day", "25 h day"]
)
def test_a_night_turn_lasts_as_long_as_the_clocks_make_it(zone, night, hours):
    morning = date.fromisoformat(night) + timedelta(days=1)
    zone.shift("An", f"{night} 20:00", f"{morning} 08:00")
    zone.shift("Bert", f"{morning} 08:00", f"{morning} 20:00")
    turn = duty_at(zone, f"{morning} 07:59").turns[0]
    assert turn.person_name == "An Peeters"
    assert turn.until_at - turn.from_at == timedelta(hours=hours)
    assert names(duty_at(zone, f"{morning} 08:00"))[0] == "Bert Maes"


def test_both_readings_of_the_doubled_hour_are_told_apart(zone):
    change = zone.at("2026-10-25 02:30", fold=1)
    first = zone.shift("An", "2026-10-25 00:00", "2026-10-25 02:00")
    first.ends_at = change
    zone.session.flush()
    assert names(duty_at(zone, "2026-10-25 02:45", fold=0))[0] == "An Peeters"
    assert names(duty_at(zone, "2026-10-25 02:45", fold=1))[0] is None


def test_hours_say_when_somebody_must_be_there(zone):
    zone.team.hours = [[4, "16:30", "00:00"], [5, "16:00", "01:30"]]
    assert not expected(zone.team, zone.at("2026-03-13 16:29"))
    assert expected(zone.team, zone.at("2026-03-13 16:30"))
    assert not expected(zone.team, zone.at("2026-03-14 00:00"))
    assert expected(zone.team, zone.at("2026-03-15 01:29"))
    assert not expected(zone.team, zone.at("2026-03-15 01:30"))


def test_hours_of_the_changing_nights_leave_no_minute_out(zone):
    zone.team.hours = [[5, "20:00", "02:30"], [6, "02:30", "08:00"]]
    for night in ("2026-03-28", "2026-10-24"):
        at, morning = zone.at(f"{night} 20:00"), date.fromisoformat(night) + timedelta(days=1)
        while at < zone.at(f"{morning} 08:00"):
            assert expected(zone.team, at)
            at += timedelta(minutes=15)


def test_a_window_lasts_until_the_second_of_two_equal_times(zone):
    zone.team.hours = [[5, "20:00", "02:30"]]
    assert expected(zone.team, zone.at("2026-10-25 02:15", fold=1))
    assert not expected(zone.team, zone.at("2026-10-25 02:30", fold=1))


def test_gaps_are_told_within_the_hours_only_and_joined_windows_give_one_gap(zone):
    zone.team.hours = [[5, "08:00", "12:00"], [5, "12:00", "20:00"]]
    zone.shift("An", "2026-03-14 08:00", "2026-03-14 10:00")
    zone.shift("Bert", "2026-03-14 00:00", "2026-03-15 00:00", line="backup")
    found = gaps(zone.session, zone.team, zone.at("2026-03-13 00:00"), zone.at("2026-03-16 00:00"))
    assert [(gap.line_key, gap.from_at, gap.until_at) for gap in found] == [
        ("primary", zone.at("2026-03-14 10:00"), zone.at("2026-03-14 20:00"))
    ]


def test_it_takes_one_query_however_many_lines_and_covers(zone):
    shift = zone.shift("An", "2026-03-14 08:00", "2026-03-14 20:00")
    zone.cover(shift, "Bert", "2026-03-14 08:00", "2026-03-14 20:00")
    zone.shift("Chloé", "2026-03-14 08:00", "2026-03-14 20:00", line="backup")
    statements: list[str] = []
    engine = zone.session.get_bind().engine

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        duty_at(zone, "2026-03-14 09:00")
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    assert len(statements) == 1


def test_a_long_history_does_not_slow_the_answer(zone):
    first = zone.at("2022-01-01 00:00")
    rows = [
        {
            "uid": str(number),
            "line_id": zone.lines["primary"].id,
            "person_id": zone.people["An"].id,
            "starts_at": first + number * timedelta(hours=12),
            "ends_at": first + (number + 1) * timedelta(hours=12),
            "sequence": 0,
            "changed_at": first,
        }
        for number in range(3000)
    ]
    zone.session.execute(sa.insert(Shift), rows)
    begin = monotonic()
    for days in range(0, 1500, 100):
        assert names(on_duty(zone.session, zone.team, first + timedelta(days=days)))[0]
    # A plan that looks at every shift for every shift takes minutes.
    assert monotonic() - begin < 3


# --- A naive model: every half hour of three days around a change of clocks, asked one by one.

STEP = timedelta(minutes=30)
STEPS = 3 * 48
WHO = st.sampled_from(["An", "Bert", "Chloé"])


WANTED = st.tuples(st.integers(0, 20), st.integers(1, 50), WHO, st.integers(0, 4))


def laid_out(wanted, length):
    """Put drawn spans one after another, as far as they fit; every fifth is cancelled."""
    found, at = [], 0
    for pause, duration, who, chance in wanted:
        begin, at = at + pause, at + pause + duration
        if at <= length:
            found.append((begin, at, who, chance == 4))
    return found


@st.composite
def plans(draw):
    lines = {}
    for line in ("primary", "backup"):
        lines[line] = [
            (begin, end, *who, laid_out(draw(st.lists(WANTED, max_size=3)), end - begin))
            for begin, end, *who in laid_out(draw(st.lists(WANTED, max_size=6)), STEPS)
        ]
    left = draw(st.dictionaries(WHO, st.integers(0, STEPS), max_size=1))
    days = draw(st.dictionaries(WHO, st.tuples(st.integers(-1, 3), st.integers(-1, 3)), max_size=2))
    hours = draw(
        st.lists(
            st.tuples(st.sampled_from([5, 6, 0]), st.integers(0, 47), st.integers(0, 47)),
            max_size=3,
        )
    )
    return lines, left, days, hours


@pytest.mark.parametrize("first_day", [date(2026, 3, 28), date(2026, 10, 24)], ids=str)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=plans())
def test_duty_agrees_with_a_naive_model(store: Store, make_zone, first_day, plan):
    lines, left, days, hours = plan
    zero = datetime.combine(first_day, datetime.min.time(), ZoneInfo("Europe/Brussels"))
    zero = zero.astimezone(UTC)
    with store.write() as session:
        zone = make_zone(session)
        write(zone, zero, first_day, plan)
        end = zero + STEPS * STEP
        between = duty_between(session, zone.team, zero, end)
        missing = gaps(session, zone.team, zero, end)
        for step in range(STEPS):
            at = zero + step * STEP
            duty = on_duty(session, zone.team, at) if step % 7 == 0 else None
            for index, line in enumerate(lines):
                who = naive(lines[line], left, days, zero, first_day, step)
                told = [s for s in between if s.line_key == line and during(s, at)]
                assert [getattr(s, "person_name", None) for s in told] == [
                    zone.people[who].name if who else None
                ]
                if duty is not None:
                    assert duty.lines[index] == told[0] or isinstance(told[0], Gap)
                    assert names(duty)[index] == getattr(told[0], "person_name", None)
                empty = any(g.line_key == line and during(g, at) for g in missing)
                assert empty == (who is None and expected(zone.team, at))
                if unambiguous(at):
                    assert expected(zone.team, at) == naive_expected(hours, at)
        session.rollback()


def during(stretch, at):
    return (stretch.from_at is None or stretch.from_at <= at) and (
        stretch.until_at is None or at < stretch.until_at
    )


def local_day(at):
    return at.astimezone(ZoneInfo("Europe/Brussels")).date()


def unambiguous(at):
    """Whether no clock is changed within the day, so that the wall clock alone decides."""
    near = {
        (at + timedelta(hours=h)).astimezone(ZoneInfo("Europe/Brussels")).utcoffset()
        for h in (-26, 26)
    }
    return len(near) == 1


def naive(shifts, left, days, zero, first_day, step):
    at = zero + step * STEP
    for begin, end, who, cancelled, covers in shifts:
        if cancelled or not begin <= step < end:
            continue
        for cover_begin, cover_end, coverer, cover_cancelled in covers:
            if not cover_cancelled and begin + cover_begin <= step < begin + cover_end:
                who = coverer
        if who in left and step >= left[who]:
            return None
        if who in days:
            first, last = (first_day + timedelta(days=n) for n in sorted(days[who]))
            if not first <= local_day(at) <= last:
                return None
        return who
    return None


def naive_expected(hours, at):
    if not hours:
        return True
    local = at.astimezone(ZoneInfo("Europe/Brussels"))
    now, yesterday = local.hour * 2 + local.minute // 30, (local.weekday() - 1) % 7
    return any(
        (weekday == local.weekday() and begin <= now and (now < end or end <= begin))
        or (weekday == yesterday and end <= begin and now < end)
        for weekday, begin, end in hours
    )


def write(zone, zero, first_day, plan):
    lines, left, days, hours = plan
    zone.team.hours = [[day, clock(begin), clock(end)] for day, begin, end in hours]
    for line, shifts in lines.items():
        for begin, end, who, cancelled, covers in shifts:
            times = {"starts_at": zero + begin * STEP, "ends_at": zero + end * STEP}
            gone = {"changed_at": zero, "cancelled_at": zero if cancelled else None}
            person = {"uid": str(uuid4()), "person_id": zone.people[who].id}
            shift = Shift(line_id=zone.lines[line].id, **person, **times, **gone)
            zone.session.add(shift)
            zone.session.flush()
            for cover_begin, cover_end, coverer, cover_cancelled in covers:
                zone.session.add(
                    Cover(
                        uid=str(uuid4()),
                        shift_id=shift.id,
                        person_id=zone.people[coverer].id,
                        starts_at=shift.starts_at + cover_begin * STEP,
                        ends_at=shift.starts_at + cover_end * STEP,
                        changed_at=zero,
                        cancelled_at=zero if cover_cancelled else None,
                    )
                )
    for who, step in left.items():
        zone.people[who].left_at = zero + step * STEP
    for who, bounds in days.items():
        first, last = (first_day + timedelta(days=n) for n in sorted(bounds))
        zone.session.execute(
            sa.update(Membership)
            .where(Membership.person_id == zone.people[who].id)
            .values(from_on=first, until_on=last)
        )
    zone.session.flush()


def clock(half_hours):
    return f"{half_hours // 2:02}:{half_hours % 2 * 30:02}"
