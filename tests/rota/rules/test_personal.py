"""Each rule on one person: kept, just kept, broken by one; over DST and at the edge of the plan."""

import pytest

from dispatch.rota.problem import (
    FreeRun,
    Limit,
    Measure,
    NotAll,
    Rest,
    Run,
    Selection,
    Succession,
    WeekendsInARow,
    WeeklyRest,
    WholeWeekend,
)
from dispatch.rota.rules import check, cost, hard
from tests.rota.rules.cases import amount, at, day, of_one, officer, problem, turn, turns

REST = Rest(key="rest", minutes=11 * 60)
WEEKLY = WeeklyRest(key="weekly", minutes=35 * 60)
NIGHTS = Selection(tag="night")
WEEKEND_DAYS = frozenset({"weekend"})


def night(number: int, **more: object):
    return turn(number, 20, 8, kind="night", tags=frozenset({"night"}), **more)


def standby(number: int, starts: float = 8, ends: float = 16):
    return turn(number, starts, ends, rests=True)


def block(numbers: list[int], name: str = "weekend"):
    return turns(numbers, block=name)


def table(*cases: tuple[object, ...]) -> pytest.MarkDecorator:
    """Take (sentence, rule, turns, amount) or (sentence, rule, before, turns, amount)."""
    rows = [(case[1], [], *case[2:]) if len(case) == 4 else case[1:] for case in cases]
    ids = [str(case[0]) for case in cases]
    return pytest.mark.parametrize(("rule", "before", "needs", "expected"), rows, ids=ids)


@table(
    ("eleven hours", REST, [turn(3, 8, 20), turn(4, 7, 15)], 0),
    ("a minute less", REST, [turn(3, 8, 20), turn(4, 7 - 1 / 60, 15)], 1),
    ("overlapping", REST, [turn(3, 8, 20), turn(3, 12, 15)], 1),
    ("each two too near", REST, [turn(3, 6, 8), turn(3, 10, 12), turn(3, 14, 16)], 3),
    ("a standby is rest", REST, [turn(3, 8, 20), standby(3, 20, 8)], 0),
    ("two of one block", REST, [*turns([3], 8, 20, block="b"), *turns([3], 20, 8, block="b")], 0),
    ("after the last turn before", REST, [turn(1, 8, 23)], [turn(2, 9, 17)], 1),
    ("long after the last turn before", REST, [turn(1, 8, 22)], [turn(2, 9, 17)], 0),
    ("two turns before are done", REST, [turn(0, 8, 23), turn(1, 6, 8)], [turn(4)], 0),
    ("others than those meant", Rest(key="rest", minutes=660, only=NIGHTS), [night(3), turn(4)], 0),
)
def test_rest(rule, before, needs, expected):
    assert amount(of_one(rule, needs, before)) == expected


def test_rest_is_real_time_in_the_night_that_loses_an_hour():
    needs = [turn(28, 8, 20), turn(29, 7, 15)]
    assert amount(of_one(REST, needs)) == 1
    assert of_one(REST, needs)[0].facts == {"minutes": 600, "least": 660}
    needs = [turn(28, 8, 20), turn(29, 8, 15)]
    assert amount(of_one(REST, needs)) == 0


def test_rest_is_real_time_in_the_night_that_gains_an_hour():
    # Clocks go back in the night before 25 October 2026, day 239.
    autumn = {"first": day(230), "last": day(250)}
    assert amount(of_one(REST, [turn(238, 8, 20), turn(239, 6, 14)], **autumn)) == 0
    assert amount(of_one(REST, [turn(238, 8, 20), turn(239, 5, 14)], **autumn)) == 1


def test_two_readings_of_one_wall_clock_are_an_hour_apart():
    until_the_first = turn(238, 20, 2.5)
    from_the_second = turn(239, 2.5, 8, starts_at=at(239, 2.5, fold=1))
    rule = Rest(key="rest", minutes=60)
    autumn = {"first": day(230), "last": day(250)}
    assert amount(of_one(rule, [until_the_first, from_the_second], **autumn)) == 0
    rule = Rest(key="rest", minutes=61)
    assert amount(of_one(rule, [until_the_first, from_the_second], **autumn)) == 1


WEEK = {"first": day(2), "last": day(8)}


@table(
    ("thirty-five hours", WEEKLY, [*turns(range(2, 8)), turn(8, 0, 4), turn(8, 15, 23)], 1),
    ("a day between", WEEKLY, [*turns(range(2, 7), 9, 17), turn(8, 4, 12)], 0),
    ("a minute less", WEEKLY, [*turns(range(2, 7), 9, 17), turn(8, 4 - 1 / 60, 12)], 1),
    ("at the end of the week", WEEKLY, turns(range(2, 8), 1, 13), 0),
    ("not quite at the end", WEEKLY, [*turns(range(2, 7), 1, 13), turn(7, 2, 13.5)], 1),
    ("standby is rest", WEEKLY, [*turns(range(2, 7)), standby(7), standby(8)], 0),
    (
        "standby that interrupts",
        WeeklyRest(key="weekly", minutes=2100, standby_interrupts=True),
        [*turns(range(2, 7)), standby(7), standby(8)],
        1,
    ),
    ("what was before is known", WEEKLY, turns(range(-4, 2)), turns([2]), 1),
    ("a rest before", WEEKLY, turns([-3, 1]), turns(range(2, 5)), 0),
    ("what only lies before", WEEKLY, turns(range(-8, 2)), [turn(8)], 0),
    ("a plan shorter than the window", WeeklyRest(key="weekly", minutes=60, days=8), [turn(3)], 0),
)
def test_weekly_rest(rule, before, needs, expected):
    assert amount(of_one(rule, needs, before, **WEEK)) == expected


def test_a_week_without_rest_is_found_in_each_window():
    found = of_one(WEEKLY, turns(range(10, 20)))
    assert [breach.days for breach in found] == [
        (day(number), day(number + 6)) for number in range(9, 15)
    ]
    assert found[1].facts == {"minutes": 16 * 60, "least": 2100, "days": 7}


def test_the_week_that_loses_an_hour_has_an_hour_less_of_rest():
    # From Saturday 16:00 to Sunday midnight there are 32 hours on the clock and 31 in truth.
    rule = WeeklyRest(key="weekly", minutes=32 * 60)
    week = {"first": day(23), "last": day(29)}
    assert amount(of_one(rule, turns(range(23, 29)), **week)) == 1
    week = {"first": day(16), "last": day(22)}
    assert amount(of_one(rule, turns(range(16, 22)), **week)) == 0


THREE = Run(key="run", least=2, most=3)


@table(
    ("two days", THREE, turns([5, 6]), 0),
    ("three days", THREE, turns([5, 6, 7]), 0),
    ("four days", THREE, turns([5, 6, 7, 8]), 1),
    ("six days", THREE, turns(range(5, 11)), 3),
    ("one day alone", THREE, turns([5]), 1),
    ("one day at the beginning", THREE, turns([2]), 0),
    ("one day at the end", THREE, turns([29]), 0),
    ("two turns on one day", THREE, [turn(5, 8, 10), turn(5, 12, 14), turn(6)], 0),
    ("a turn of four days", THREE, [turn(5, days=tuple(map(day, range(5, 9))))], 1),
    ("a run that began before", THREE, turns([0, 1]), turns([2, 3]), 1),
    ("too long before already", THREE, turns(range(-4, 2)), turns([2]), 1),
    ("too long only before", THREE, turns(range(-4, 2)), turns([4, 5]), 0),
    ("nights only", Run(key="run", most=1, only=NIGHTS), [turn(5), night(6), turn(7)], 0),
    ("nights in a row", Run(key="run", most=1, only=NIGHTS), [night(5), night(6)], 1),
)
def test_run(rule, before, needs, expected):
    assert amount(of_one(rule, needs, before)) == expected


def test_a_run_tells_its_days():
    (found,) = of_one(THREE, turns(range(5, 9)))
    assert (found.days, found.facts) == (
        tuple(map(day, range(5, 9))),
        {"count": 4, "most": 3},
    )


TWO_FREE = FreeRun(key="free", least=2)
TWO_BETWEEN = FreeRun(key="free", least=2, between_blocks=True)


@table(
    ("two free days", TWO_FREE, turns([5, 8]), 0),
    ("one free day", TWO_FREE, turns([5, 7]), 1),
    ("no free day is no run of them", TWO_FREE, turns([5, 6]), 0),
    ("at the edges", TWO_FREE, turns([3, 28]), 0),
    ("after the last turn before", TWO_FREE, turns([0]), turns([2]), 1),
    ("only before", TWO_FREE, turns([-2, 0]), turns([5]), 0),
    ("neighbouring turns", TWO_BETWEEN, turns([5, 6]), 2),
    ("one free day between turns", TWO_BETWEEN, turns([5, 7]), 1),
    ("two free days between turns", TWO_BETWEEN, turns([5, 8]), 0),
    ("within a block", TWO_BETWEEN, block([5, 6]), 0),
    ("a hole in a block", TWO_BETWEEN, block([5, 7]), 0),
    ("neighbouring blocks", TWO_BETWEEN, [*block([5, 6], "a"), *block([7, 8], "b")], 2),
    ("two turns on one day", TWO_BETWEEN, [turn(5, 8, 10), turn(5, 12, 14)], 2),
    ("neighbours over the edge", TWO_BETWEEN, turns([1]), turns([2]), 2),
    ("neighbours before the edge", TWO_BETWEEN, turns([0, 1]), turns([5]), 0),
)
def test_free_run(rule, before, needs, expected):
    assert amount(of_one(rule, needs, before)) == expected


def limit(of: Measure = Measure.TURNS, **more: object) -> Limit:
    return Limit(key="limit", of=of, **more)


EIGHT = {"kind": "week", "days": tuple(map(day, range(6, 14)))}


@table(
    ("two turns in the plan", limit(most=2), turns([5, 9]), 0),
    ("three turns in the plan", limit(most=2), turns([5, 9, 20]), 1),
    ("those before are not of the plan", limit(most=2), turns([0, 1]), turns([5, 9]), 0),
    ("too few", limit(least=3), turns([5, 9]), 1),
    ("just enough", limit(least=2), turns([5, 9]), 0),
    ("a block is one turn", limit(most=1), block([7, 8]), 0),
    ("a block in line with another", limit(most=1), [*block([7, 8], "a"), *block([14], "b")], 1),
    ("of the selection", limit(most=1, only=NIGHTS), [night(5), *turns([6, 7, 8])], 0),
    ("days", limit(Measure.DAYS, most=7), [turn(6, **EIGHT)], 1),
    ("days are different ones", limit(Measure.DAYS, most=1), [turn(5, 1, 3), turn(5, 8, 9)], 0),
    ("minutes", limit(Measure.MINUTES, most=960), turns([5, 6]), 0),
    ("a minute too many", limit(Measure.MINUTES, most=959), turns([5, 6]), 1),
    ("sixty-one too many", limit(Measure.MINUTES, most=899), turns([5, 6]), 2),
    ("minutes too few", limit(Measure.MINUTES, least=1000), turns([5, 6]), 1),
    ("one weekend on two days", limit(Measure.WEEKENDS, most=1), turns([7, 8]), 0),
    ("two weekends", limit(Measure.WEEKENDS, most=1), turns([7, 15]), 1),
    (
        "two weekends of one turn",
        limit(Measure.WEEKENDS, most=1),
        [turn(7, weekends=frozenset({day(7), day(14)}))],
        1,
    ),
)
def test_limit_in_the_plan(rule, before, needs, expected):
    assert amount(of_one(rule, needs, before)) == expected


@table(
    ("one in seven days", limit(period=7, most=1), turns([5, 12]), 0),
    ("two in seven days", limit(period=7, most=1), turns([5, 11]), 1),
    ("two in six of the windows", limit(period=7, most=1), turns([5, 6]), 6),
    ("a window at the end", limit(period=7, most=1), turns([28, 29]), 1),
    ("a window over the edge", limit(period=7, most=1), turns([0]), turns([4]), 3),
    ("what was too many before", limit(period=7, most=1), turns([0, 1]), turns([2]), 6),
    ("too many before, nothing now", limit(period=7, most=1), turns([0, 1]), turns([20]), 0),
    ("least in every window", limit(period=14, least=1), turns([14]), 2),
    ("longer than the plan", limit(period=60, most=2), turns([-20, -10]), turns([5]), 25),
    ("least longer than the plan", limit(period=60, least=9), turns([5]), 0),
    ("weekends by Saturday", limit(Measure.WEEKENDS, period=8, most=1), turns([8, 15]), 1),
    ("nights in 28 days", limit(period=28, most=2, only=NIGHTS), [night(5), night(6), turn(7)], 0),
)
def test_limit_in_a_window(rule, before, needs, expected):
    assert amount(of_one(rule, needs, before)) == expected


@table(
    ("one a month", limit(period="month", most=1), turns([20, 33]), 0),
    ("two in one month", limit(period="month", most=1), turns([20, 31]), 1),
    ("before in the first month", limit(period="month", most=1), turns([1]), turns([2]), 1),
    ("least in a whole month", limit(period="month", least=1), turns([3, 40]), 0),
    ("none in a whole month", limit(period="month", least=1), turns([3]), 1),
    ("a year that began before", limit(period="year", most=2), turns([-20, 0]), turns([5]), 1),
    ("a year before", limit(period="year", most=2), turns([-65, -64]), turns([5]), 0),
    ("a block on its first day", limit(period="month", most=1), [*block([31, 32]), turn(36)], 0),
)
def test_limit_in_calendar_periods(rule, before, needs, expected):
    assert amount(of_one(rule, needs, before, last=day(64))) == expected


@pytest.mark.parametrize(
    ("share", "most", "count", "expected"),
    [
        (1.0, 4, 4, 0),
        (0.5, 4, 2, 0),
        (0.5, 4, 3, 1),
        (0.5, 5, 3, 0),
        (0.8, 4, 4, 0),
        (0.55, 100, 56, 1),
    ],
)
def test_a_limit_follows_the_share_of_employment(share, most, count, expected):
    needs = [turn(2 + number // 4, 1 + number % 4, 2 + number % 4) for number in range(count)]
    rule = limit(most=most, per_share=True)
    assert amount(of_one(rule, needs, share=share)) == expected


def test_the_least_of_a_share_is_rounded_down():
    assert amount(of_one(limit(least=5, per_share=True), turns([4, 6]), share=0.5)) == 0
    assert amount(of_one(limit(least=6, per_share=True), turns([4, 6]), share=0.5)) == 1


@table(
    ("two running", WeekendsInARow(key="row", most=2), turns([7, 15]), 0),
    ("three running", WeekendsInARow(key="row", most=2), turns([7, 15, 21]), 1),
    ("one free between", WeekendsInARow(key="row", most=1), turns([7, 21]), 0),
    ("four running", WeekendsInARow(key="row", most=2), turns([7, 14, 21, 28]), 2),
    ("one before", WeekendsInARow(key="row", most=2), turns([1]), turns([7, 14]), 1),
    ("too many before", WeekendsInARow(key="row", most=1), turns([-7, 0]), turns([14]), 0),
    ("others than meant", WeekendsInARow(key="row", most=1, only=NIGHTS), turns([7, 14]), 0),
)
def test_weekends_in_a_row(rule, before, needs, expected):
    assert amount(of_one(rule, needs, before)) == expected


@table(
    ("both days", WholeWeekend(key="whole"), turns([7, 8]), 0),
    ("Saturday alone", WholeWeekend(key="whole"), turns([7]), 1),
    ("Sunday alone", WholeWeekend(key="whole"), turns([8]), 1),
    ("a turn of both days", WholeWeekend(key="whole"), [turn(7, days=(day(7), day(8)))], 0),
    ("two weekends by half", WholeWeekend(key="whole"), turns([7, 15]), 2),
)
def test_whole_weekend(rule, before, needs, expected):
    assert amount(of_one(rule, needs, before)) == expected


def test_a_weekend_over_the_edge_is_judged_where_its_sunday_is():
    rule, from_sunday = WholeWeekend(key="whole"), {"first": day(1), "last": day(28)}
    assert amount(of_one(rule, turns([1]), turns([0]), **from_sunday)) == 0
    assert amount(of_one(rule, turns([1]), **from_sunday)) == 1
    assert amount(of_one(rule, [], turns([0]), **from_sunday)) == 1
    assert amount(of_one(rule, turns([28]), **from_sunday)) == 0


NIGHT_THEN_DAY = Succession(key="then", first="night", then="day")


@table(
    ("the day after", NIGHT_THEN_DAY, [night(5), turn(6)], 1),
    ("two days after", NIGHT_THEN_DAY, [night(5), turn(7)], 0),
    ("the other way round", NIGHT_THEN_DAY, [turn(5), night(6)], 0),
    ("night after night", NIGHT_THEN_DAY, [night(5), night(6)], 0),
    ("over the edge", NIGHT_THEN_DAY, [night(1)], [turn(2)], 1),
    ("before the edge", NIGHT_THEN_DAY, [night(0), turn(1)], [turn(5)], 0),
    ("after itself", Succession(key="then", first="day", then="day"), turns([5, 6, 7]), 2),
)
def test_succession(rule, before, needs, expected):
    assert amount(of_one(rule, needs, before)) == expected


@table(
    ("one of two", NotAll(key="n", needs=frozenset({0, 1}), most=1), turns([5]), 0),
    ("both", NotAll(key="n", needs=frozenset({0, 1}), most=1), turns([5, 6]), 1),
    ("others", NotAll(key="n", needs=frozenset({0, 9}), most=1), turns([5, 6, 7]), 0),
    (
        "a block",
        NotAll(key="n", needs=frozenset({0, 1, 2}), most=1),
        [*block([5, 6]), turn(9)],
        1,
    ),
)
def test_not_all(rule, before, needs, expected):
    assert amount(of_one(rule, needs, before)) == expected


def test_a_soft_rule_costs_its_weight_for_each_unit():
    needs = turns(range(5, 11))
    assert cost(of_one(Run(key="run", most=3, weight=7), needs)) == 21
    assert not hard(of_one(Run(key="run", most=3, weight=7), needs))
    assert len(hard(of_one(Run(key="run", most=3), needs))) == 1


def test_a_rule_binds_those_it_names():
    needs = turns([5, 6])
    rule = limit(most=1, people=frozenset({1}))
    given = problem(needs, [officer(0), officer(1)], [rule])
    everything = {(need.id, person) for need in given.needs for person in (0, 1)}
    assert [breach.person for breach in check(given, everything)] == [1]


def test_what_a_limit_says():
    (found,) = of_one(limit(period="month", most=1), turns([3, 4]))
    assert (found.days, found.needs) == ((day(1), day(31)), (0, 1))
    assert found.facts == {"count": 2, "most": 1, "of": "turns", "period": "month"}


def test_an_unknown_period_is_no_period():
    with pytest.raises(ValueError, match="fortnight"):
        of_one(limit(period="fortnight", most=1), turns([3]))


PARTS = {"line": "primary", "within": "from the 9th"}


@pytest.mark.parametrize(
    ("rule", "taken", "expected"),
    [
        (limit(period="plan", most=1), [0, 1], 0),
        (limit(period="plan", most=1), [0, 1, 2], 1),
        (REST, [0, 1], 0),
        (REST, [1, 2], 1),
        (FreeRun(key="free", least=2, between_blocks=True), [0, 1], 0),
        (FreeRun(key="free", least=2, between_blocks=True), [1, 2], 2),
        (TWO_FREE, [0, 3], 0),
        (TWO_FREE, [0, 4], 1),
    ],
)
def test_whoever_is_relieved_for_some_hours_or_a_day_has_one_turn(rule, taken, expected):
    parts = [turn(9, 8, 12, **PARTS), turn(9, 18, 8, **PARTS)]
    others = [turn(10, 12), turn(11, **PARTS), turn(11)]
    given = problem([*parts, *others], [officer()], [rule])
    found = check(given, {(need, 0) for need in taken})
    assert amount(one for one in found if one.key == rule.key) == expected


def test_a_part_of_a_turn_counts_on_the_day_on_which_the_whole_begins():
    rule = Limit(key="month", period="month", most=0)
    given = problem([turn(1, **PARTS), turn(20, **PARTS)], [officer()], [rule])
    (found,) = (one for one in check(given, {(1, 0)}) if one.key == "month")
    assert found.days[0].day == 1


@pytest.mark.parametrize(
    ("rule", "needs", "after", "expected"),
    [
        (REST, [turn(29, 8, 23)], [turn(30, 9, 17)], 1),
        (REST, [turn(29, 8, 22)], [turn(30, 9, 17)], 0),
        (REST, [turn(20)], [turn(30, 8, 23), turn(31, 6, 8)], 0),
        (WEEKLY, turns(range(26, 30)), turns(range(30, 33)), 2),
        (WEEKLY, turns(range(26, 30)), turns(range(30, 31)), 0),
        (WEEKLY, turns(range(26, 30)), turns([32]), 0),
        (THREE, turns([28, 29]), turns([30, 31]), 1),
        (THREE, turns([28, 29]), turns([31, 32, 33]), 0),
        (TWO_FREE, turns([29]), turns([31]), 1),
        (WeekendsInARow(key="weekends", most=1), turns([28]), turns([35]), 1),
        (Limit(key="month", period="month", most=1), turns([20]), turns([30]), 1),
        (Limit(key="days", period=7, most=2), turns([27, 28]), turns([32]), 1),
        (Limit(key="days", period=7, most=2), turns([27, 28]), turns([34]), 0),
        (Limit(key="days", period=7, most=2), turns([20]), turns([30, 31, 32]), 0),
    ],
)
def test_what_is_settled_after_the_plan_is_known(rule, needs, after, expected):
    given = problem(needs, [officer(after=after)], [rule])
    found = check(given, {(need.id, 0) for need in given.needs})
    assert amount(one for one in found if one.key == rule.key) == expected
