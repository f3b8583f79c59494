"""Turns are fitted onto a pattern's needs: nothing is lost and nothing is planned twice."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dispatch.rota import fitting
from dispatch.rota.differences import Stand
from dispatch.rota.fitting import Place
from dispatch.rota.holidays import Calendar, Day, Kind
from dispatch.rota.problem import Need, SkillNeed

PLACE = Place(
    {1: "primary", 2: "backup", 3: "backup", 4: "extra"},
    "Europe/Brussels",
    Calendar((Day(date(2026, 12, 25), Kind.PUBLIC_HOLIDAY),)),
)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def need(starts, hours=24, line="primary", **more):
    begin = at(starts)
    days = tuple(begin.date() + timedelta(days=number) for number in range(max(1, hours // 24)))
    return Need(0, line, "day", begin, begin + timedelta(hours=hours), days, hours * 60, **more)


def stand(starts, ends, person=1, line=1):
    return Stand(at(starts), at(ends), line, person)


def shown(fitted):
    filled = {need_id: [] for need_id in range(len(fitted.needs))}
    for need_id, person in fitted.seats:
        filled[need_id].append(person)
    return [
        (f"{n.starts_at:%d %H}-{n.ends_at:%d %H}", n.line, n.wanted, filled[n.id])
        for n in fitted.needs
    ]


def test_a_turn_with_the_very_times_of_a_need_fills_it():
    fitted = fitting.fit(
        [need("2026-12-24 16:00")], [stand("2026-12-24 16:00", "2026-12-25 16:00")], PLACE
    )
    assert shown(fitted) == [("24 16-25 16", "primary", 1, [1])]


def test_a_part_that_is_covered_leaves_the_rest_to_whoever_has_it():
    wanted = [need("2026-12-24 16:00", 48, skills=(SkillNeed("bad_news"),))]
    parts = [
        stand("2026-12-24 16:00", "2026-12-25 20:00"),
        stand("2026-12-25 20:00", "2026-12-26 08:00", 2),
    ]
    fitted = fitting.fit(wanted, parts, PLACE)
    assert shown(fitted) == [
        ("24 16-25 20", "primary", 1, [1]),
        ("25 20-26 08", "primary", 1, [2]),
        ("26 08-26 16", "primary", 1, []),
    ]
    first, second, left = fitted.needs
    assert (first.days, second.days) == (wanted[0].days, (date(2026, 12, 25),))
    assert [n.minutes for n in fitted.needs] == [28 * 60, 12 * 60, 8 * 60]
    assert left.skills == wanted[0].skills


def test_a_turn_that_lies_in_no_need_becomes_one_with_its_own_day_and_tags():
    fitted = fitting.fit([], [stand("2026-12-25 21:00", "2026-12-26 07:00", line=4)], PLACE)
    (own,) = fitted.needs
    assert (own.line, own.kind, own.days) == ("extra", fitting.LOOSE, (date(2026, 12, 25),))
    assert own.tags == {"night", "public_holiday"}
    assert fitted.seats == ((0, 1),)


def test_two_seats_of_one_line_are_one_need_of_two_people():
    wanted = [need("2026-12-24 16:00", line="backup", wanted=2)]
    both = [
        stand("2026-12-24 16:00", "2026-12-25 16:00", 1, 2),
        stand("2026-12-24 16:00", "2026-12-25 16:00", 2, 3),
    ]
    assert shown(fitting.fit(wanted, both, PLACE)) == [("24 16-25 16", "backup", 2, [1, 2])]
    shorter = [both[0], stand("2026-12-24 16:00", "2026-12-25 08:00", 2, 3)]
    assert sorted(shown(fitting.fit(wanted, shorter, PLACE))) == [
        ("24 16-25 08", "backup", 1, [2]),
        ("24 16-25 16", "backup", 1, [1]),
        ("25 08-25 16", "backup", 1, []),
    ]


def test_a_turn_over_two_needs_leaves_what_it_does_not_reach():
    wanted = [need("2026-12-24 16:00"), need("2026-12-25 16:00")]
    fitted = fitting.fit(wanted, [stand("2026-12-25 08:00", "2026-12-26 08:00")], PLACE)
    assert shown(fitted) == [
        ("24 16-25 08", "primary", 1, []),
        ("25 08-26 08", "primary", 1, [1]),
        ("26 08-26 16", "primary", 1, []),
    ]
    assert fitted.needs[1].minutes == 24 * 60


hours = st.integers(0, 24 * 4)


@st.composite
def lines_without_overlap(draw):
    edges = sorted(set(draw(st.lists(hours, min_size=2, max_size=10))))
    begin = at("2026-12-24 00:00")
    return [
        Stand(begin + timedelta(hours=one), begin + timedelta(hours=two), 1, number % 3)
        for number, (one, two) in enumerate(zip(edges[::2], edges[1::2], strict=False))
    ]


@given(lines_without_overlap())
def test_every_hour_of_the_pattern_and_of_the_turns_is_needed_exactly_once(stands):
    wanted = [need(f"2026-12-{day} 00:00") for day in (24, 25, 26)]
    fitted = fitting.fit(wanted, stands, PLACE)
    covered = [
        n.starts_at + timedelta(hours=number)
        for n in fitted.needs
        for number in range(int((n.ends_at - n.starts_at) / timedelta(hours=1)))
    ]
    assert len(covered) == len(set(covered))
    expected = {at("2026-12-24 00:00") + timedelta(hours=number) for number in range(72)}
    for one in stands:
        length = int((one.ends_at - one.starts_at) / timedelta(hours=1))
        expected |= {one.starts_at + timedelta(hours=number) for number in range(length)}
    assert set(covered) == expected
    assert [person for _, person in fitted.seats] == [one.person_id for one in stands]
    assert [fitted.needs[n].starts_at for n, _ in fitted.seats] == [s.starts_at for s in stands]
