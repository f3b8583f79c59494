"""When two policies for the same both hold."""

from datetime import time

import pytest

from dispatch.paging.overlaps import both
from dispatch.paging.policy import ALWAYS, DayKind, Hours

WEEKDAY, WEEKEND, HOLIDAY = (frozenset({kind}) for kind in DayKind)


def _hours(begins: int, ends: int, days: frozenset[DayKind] = frozenset()) -> Hours:
    return Hours(days, time(begins), time(ends))


@pytest.mark.parametrize(
    ("one", "other", "times"),
    [
        (_hours(22, 6), _hours(23, 5), ["23:00 - 05:00"]),
        (_hours(22, 6), _hours(6, 22), []),
        (_hours(20, 8), _hours(6, 22), ["20:00 - 22:00", "06:00 - 08:00"]),
        (Hours(WEEKDAY), Hours(WEEKEND), []),
        # A holiday on a Sunday is both.
        (Hours(HOLIDAY), Hours(WEEKEND), ["00:00 - 24:00"]),
        # Friday's night reaches into Saturday.
        (_hours(22, 6, WEEKDAY), Hours(WEEKEND), ["00:00 - 06:00"]),
        (ALWAYS, _hours(8, 9), ["08:00 - 09:00"]),
    ],
)
def test_the_times_at_which_both_hold(one: Hours, other: Hours, times: list[str]):
    assert both(one, other) == times
    assert sorted(both(other, one)) == sorted(times)
