"""Which reports are proposed to be one event, as a table of cases and as promises."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.incidents.likeness import Group, Likeness, Report, alike, groups

AT = datetime(2026, 3, 14, 13, 2, tzinfo=UTC)
CRASH = Report(1, 7, "fatal_crash", "9400", "Ninove", AT)
HALF_AN_HOUR = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({}, Likeness("postcode", 0)),
        ({"at": AT + timedelta(minutes=4)}, Likeness("postcode", 4)),
        ({"at": AT - HALF_AN_HOUR}, Likeness("postcode", 30)),
        ({"at": AT + timedelta(minutes=31)}, None),
        ({"postcode": "9401", "municipality": "NINOVE"}, Likeness("municipality", 0)),
        ({"postcode": ""}, Likeness("municipality", 0)),
        ({"postcode": "9401", "municipality": "Aalst"}, None),
        ({"postcode": "", "municipality": ""}, None),
        ({"category": "suicide"}, None),
        ({"category": None}, None),
        ({"organisation_id": 8}, None),
        ({"drill": True}, None),
    ],
)
def test_two_reports_are_alike_by_kind_place_and_time(other, why):
    second = replace(CRASH, id=2, **other)
    assert alike(CRASH, second, HALF_AN_HOUR) == alike(second, CRASH, HALF_AN_HOUR) == why


def test_what_nobody_knows_is_like_nothing():
    unknown = replace(CRASH, category=None)
    assert alike(unknown, replace(unknown, id=2), None) is None
    nowhere = replace(CRASH, postcode="", municipality="")
    assert alike(nowhere, replace(nowhere, id=2), None) is None


def test_one_event_is_reported_for_longer_than_two_reports_are_apart():
    later = [replace(CRASH, id=n, at=AT + timedelta(minutes=20 * (n - 1))) for n in (4, 2, 3)]
    (group,) = groups([*later, CRASH], HALF_AN_HOUR)
    # Each is told as far as it is from the first, beside which it is read.
    assert group == Group(1, {n: Likeness("postcode", 20 * (n - 1)) for n in (2, 3, 4)})
    assert groups([later[0], CRASH], HALF_AN_HOUR) == []


def test_what_somebody_keeps_apart_is_proposed_no_more():
    reports = [replace(CRASH, id=n) for n in (1, 2, 3)]
    (group,) = groups(reports, HALF_AN_HOUR, [frozenset((1, 2))])
    assert (group.first, set(group.others)) == (1, {3})


reports = st.lists(
    st.builds(
        Report,
        st.integers(1, 10**6),
        st.integers(1, 2),
        st.sampled_from(["a", "b", None]),
        st.sampled_from(["", "1", "2"]),
        st.sampled_from(["", "x", "y"]),
        st.integers(0, 90).map(lambda minutes: AT + timedelta(minutes=minutes)),
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda one: one.id,
)


@given(reports)
def test_each_report_is_proposed_at_most_once_and_only_with_its_own_kind(held):
    by_id = {one.id: one for one in held}
    found = groups(held, HALF_AN_HOUR)
    named = [key for group in found for key in (group.first, *group.others)]
    assert len(named) == len(set(named))
    for group in found:
        first = by_id[group.first]
        for other in (by_id[key] for key in group.others):
            assert (other.category, other.organisation_id, other.drill) == (
                first.category,
                first.organisation_id,
                first.drill,
            )
            assert first.category is not None
            assert first.at <= other.at
