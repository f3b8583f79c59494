"""Documents that are no pattern: every fault is named by its field, and nothing else is raised."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.errors import Invalid
from dispatch.rota.patterns import read
from tests.rota.test_patterns import AFTER, OFFICE, WEEK, daily, pattern, rotation


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "lines"),
        ({"lines": []}, "lines"),
        ({"lines": "week"}, "lines"),
        ([], ""),
        ({"lines": [{"key": "primary", "turns": [daily()]}], "color": "red"}, "color"),
        ({"lines": [{"turns": [daily()]}]}, "lines.0.key"),
        ({"lines": [{"key": "primary", "turns": []}]}, "lines.0.turns"),
        ({"lines": [{"key": "a", "turns": [daily()]}] * 2}, "lines.1.key"),
        ({"lines": [{"key": "a", "turns": [{"kind": "x"}]}]}, "lines.0.turns.0.form"),
        ({"lines": [{"key": "a", "turns": [daily(ends="25:00")]}]}, "lines.0.turns.0.ends"),
        ({"lines": [{"key": "a", "turns": [daily(ends=8)]}]}, "lines.0.turns.0.ends"),
        ({"lines": [{"key": "a", "turns": [daily(days=0)]}]}, "lines.0.turns.0.ends"),
        ({"lines": [{"key": "a", "turns": [daily(on=["moonday"])]}]}, "lines.0.turns.0.on.0"),
        ({"lines": [{"key": "a", "turns": [daily(on=[])]}]}, "lines.0.turns.0.on"),
        ({"lines": [{"key": "a", "turns": [daily(counts=101)]}]}, "lines.0.turns.0.counts"),
        ({"lines": [{"key": "a", "turns": [daily(people=0)]}]}, "lines.0.turns.0.people"),
        ({"lines": [{"key": "a", "turns": [daily(days=10**9)]}]}, "lines.0.turns.0.days"),
        ({"lines": [{"key": "a", "turns": [daily(days=2)]}]}, "lines.0.turns"),
        ({"lines": [{"key": "a", "turns": [WEEK | {"weeks": 2}]}]}, "lines.0.turns.0.since"),
        ({"lines": [{"key": "a", "turns": [WEEK, daily()]}]}, "lines.0.turns"),
        (
            {
                "lines": [
                    {"key": "a", "turns": [AFTER | {"office": [OFFICE[0] | {"ends": "07:00"}]}]}
                ]
            },
            "lines.0.turns.0.office.0.ends",
        ),
        (
            {"lines": [{"key": "a", "turns": [daily()], "blocks": [["monday"], ["monday"]]}]},
            "lines.0.blocks",
        ),
        (
            {"lines": [{"key": "a", "turns": [daily()], **rotation([1], unit="north")}]},
            "lines.0.rotations.0.unit",
        ),
        (
            {"lines": [{"key": "a", "turns": [daily()], **rotation([])}]},
            "lines.0.rotations.0.order",
        ),
        (
            {"lines": [{"key": "a", "turns": [daily()], **rotation([1], since="0001-01-01")}]},
            "lines.0.rotations.0.since",
        ),
        (
            {
                "lines": [
                    {
                        "key": "a",
                        "turns": [daily()],
                        "qualifications": [{"qualification": "x", "count": 2}],
                    }
                ]
            },
            "lines.0.qualifications.0.count",
        ),
        (
            {
                "lines": [{"key": "a", "turns": [daily()]}],
                "units": {"names": [], "every": "week", "since": "2026-01-05"},
            },
            "units.names",
        ),
    ],
)
def test_a_fault_is_named_by_its_field(document, field):
    with pytest.raises(Invalid) as refused:
        read(document)
    assert field in refused.value.fields
    assert str(refused.value.fields[field])


def test_dated_turns_that_overlap_or_end_before_they_start_are_named():
    windows = [
        {"starts": "2026-03-03T22:00", "ends": "2026-03-05T06:00"},
        {"starts": "2026-03-04T22:00", "ends": "2026-03-05T07:00"},
        {"starts": "2026-03-06T22:00", "ends": "2026-03-06T22:00"},
    ]
    with pytest.raises(Invalid) as refused:
        pattern({"form": "dates", "kind": "event", "windows": windows})
    assert set(refused.value.fields) == {
        "lines.0.turns.0.windows.1.starts",
        "lines.0.turns.0.windows.2.ends",
    }


def test_days_and_times_may_be_those_of_toml_or_their_texts():
    written = """
    [[lines]]
    key = "primary"
    rotations = [{{ order = [1], since = {day} }}]
    [[lines.turns]]
    form = "dates"
    kind = "event"
    windows = [{{ starts = {starts}, ends = 2026-03-05T06:00:00 }}]
    [[lines.turns]]
    form = "days"
    kind = "day"
    on = ["monday"]
    starts = {eight}
    ends = "24:00"
    """
    values = written.format(day="2026-03-02", starts="2026-03-03T22:00:00", eight="08:00:00")
    texts = written.format(day='"2026-03-02"', starts='"2026-03-03 22:00"', eight='"8:00"')
    assert read(tomllib.loads(values)) == read(tomllib.loads(texts))


@pytest.mark.parametrize("at", ["2026-03-03T22:00:00Z", "1999-12-31T22:00", "soon", 20260303, ""])
def test_a_local_time_has_no_zone_and_is_of_this_century(at):
    windows = [{"starts": at, "ends": "2026-03-05T06:00"}]
    with pytest.raises(Invalid) as refused:
        pattern({"form": "dates", "kind": "event", "windows": windows})
    assert "lines.0.turns.0.windows.0.starts" in refused.value.fields


@pytest.mark.parametrize("office", [[], "monday", [{"on": ["monday"], "starts": "08:00"}]])
def test_an_office_has_hours(office):
    with pytest.raises(Invalid):
        pattern(AFTER | {"office": office})


def test_all_faults_are_told_at_once():
    with pytest.raises(Invalid) as refused:
        pattern(daily(starts="8 o'clock", on=["moonday"], size=3))
    assert set(refused.value.fields) == {
        "lines.0.turns.0.starts",
        "lines.0.turns.0.on.0",
        "lines.0.turns.0.size",
    }


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["lines", "key", "turns", "form", "kind", "on", "starts", "units"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_is_sent_is_a_pattern_or_refused(document):
    with pytest.raises(Invalid):
        read(document)
