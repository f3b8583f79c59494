"""Which step is next, and by what: values in, values out."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.paging import policy
from dispatch.paging.models import Target
from dispatch.paging.policy import DayKind, Hours, Offer, Plan, Step

AT = datetime(2026, 3, 14, 13, 2, tzinfo=UTC)
USUAL = (("sms", 0.0), ("call", 20.0), ("call", 90.0))
PLAN = Plan(
    (
        Step(0, Target.PRIMARY, USUAL),
        Step(240, Target.BACKUP, USUAL),
        Step(480, Target.CONTROL_ROOM, (("call", 0.0),)),
        Step(720, Target.EVERYONE, USUAL),
    ),
    300,
)
BOTH = frozenset({"sms", "call"})


def test_step_is_due_at_its_second_and_not_before() -> None:
    before = AT + timedelta(seconds=239.9)
    assert [s.target for s in policy.due_steps(PLAN, 1, AT, before)] == []
    due = policy.due_steps(PLAN, 1, AT, AT + timedelta(seconds=240))
    assert [s.target for s in due] == [Target.BACKUP]


def test_steps_missed_while_nothing_ran_are_all_due() -> None:
    due = policy.due_steps(PLAN, 0, AT, AT + timedelta(hours=1))
    assert len(due) == len(PLAN.steps)


def test_repeats_follow_the_last_step_for_ever() -> None:
    assert policy.next_step_at(PLAN, 4, 0, AT) == AT + timedelta(seconds=1020)
    assert policy.next_step_at(PLAN, 4, 7, AT) == AT + timedelta(seconds=720 + 8 * 300)


def test_demonstration_shortens_every_wait_and_keeps_the_order() -> None:
    short = policy.shortened(PLAN, 2)
    assert [step.after_seconds for step in short.steps] == [0, 6, 12, 14]
    assert short.steps[0].attempts == (("sms", 0), ("call", 2), ("call", 4))
    assert short.repeat_seconds == 2


@given(st.floats(0.1, 1000))
def test_shortening_never_lengthens_or_reorders(seconds: float) -> None:
    short = policy.shortened(PLAN, seconds)
    after = [step.after_seconds for step in short.steps]
    assert after == sorted(after)
    assert all(
        s.after_seconds <= p.after_seconds for s, p in zip(short.steps, PLAN.steps, strict=False)
    )


def test_landline_alone_is_called_at_once() -> None:
    assert policy.attempts_for(USUAL, frozenset({"call"}), AT)[0] == ("call", AT)


def test_channel_outside_the_policy_is_better_than_none() -> None:
    only_text = (("sms", 0.0),)
    assert policy.attempts_for(only_text, frozenset({"call"}), AT) == [("call", AT)]


@given(st.sets(st.sampled_from(["sms", "call"]), min_size=1))
def test_first_attempt_is_always_at_once(channels: set[str]) -> None:
    attempts = policy.attempts_for(USUAL, frozenset(channels), AT)
    assert attempts[0][1] == AT
    assert [at for _, at in attempts] == sorted(at for _, at in attempts)


# --- which policy an alert follows ---

EVERYWHERE = Offer(1)
THURSDAY, SATURDAY, SUNDAY = date(2026, 3, 12), date(2026, 3, 14), date(2026, 3, 15)
NIGHT = {"begins": time(22), "ends": time(6)}


def _hours(*days: DayKind, **clock: time) -> Hours:
    return Hours(frozenset(days), **clock)


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        ([EVERYWHERE, Offer(2, of_priority=True)], 2),
        ([Offer(2, of_priority=True), Offer(3, hours=_hours(DayKind.WEEKEND))], 3),
        ([Offer(3, hours=_hours(DayKind.WEEKEND)), Offer(4, of_category=True)], 4),
        ([Offer(4, of_category=True, of_priority=True), Offer(5, of_team=True)], 5),
        ([EVERYWHERE, Offer(6)], 6),
        ([EVERYWHERE, Offer(7, of_team=True, hours=_hours(DayKind.WEEKDAY))], 1),
    ],
)
def test_the_policy_that_says_most_exactly_what_it_is_for_is_chosen(offers, chosen):
    found = policy.choose(offers, datetime.combine(SATURDAY, time(14)), frozenset())
    assert found is not None
    assert found.policy_id == chosen


@pytest.mark.parametrize(
    ("hours", "at", "holds"),
    [
        (_hours(begins=time(8), ends=time(18)), (SATURDAY, time(8)), True),
        (_hours(begins=time(8), ends=time(18)), (SATURDAY, time(18)), False),
        (_hours(**NIGHT), (SATURDAY, time(3)), True),
        (_hours(**NIGHT), (SATURDAY, time(12)), False),
        # The night from Friday to Saturday is Friday's, the one to Monday the weekend's.
        (_hours(DayKind.WEEKDAY, **NIGHT), (SATURDAY, time(3)), True),
        (_hours(DayKind.WEEKEND, **NIGHT), (SATURDAY, time(3)), False),
        (_hours(DayKind.WEEKEND, **NIGHT), (SUNDAY + timedelta(days=1), time(3)), True),
        (_hours(begins=time(0), ends=time(0)), (SATURDAY, time(23, 59)), True),
        (_hours(DayKind.PUBLIC_HOLIDAY), (THURSDAY, time(12)), True),
        (_hours(DayKind.WEEKDAY), (THURSDAY, time(12)), False),
    ],
)
def test_a_policy_holds_at_its_hours_and_on_its_kind_of_day(hours, at, holds):
    assert hours.hold(datetime.combine(*at), frozenset({THURSDAY})) is holds
