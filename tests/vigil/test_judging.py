"""What is wrong with the centre follows from what was read, cause before consequence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dispatch.vigil.judging import Promise, Readings, Standing, judged, wrong
from dispatch.vigil.models import Trouble, Wrong
from dispatch.vigil.wrongs import said

NOW = datetime(2026, 3, 14, 3, 0, tzinfo=UTC)
WELL = Readings(
    awake_seconds=3600,
    engine_seconds=1,
    web_seconds=4,
    due_seconds=0.2,
    suppliers=(Standing("twilio", True), Standing("gateway", True)),
    promises=(Promise("room", "Control room", 7, 60, NOW - timedelta(minutes=59)),),
    skews={"PostgreSQL": 1.9, "twilio": -1.5},
)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def refused(twilio: float | None, gateway: float | None) -> tuple[Standing, Standing]:
    both = (("twilio", twilio), ("gateway", gateway))
    return tuple(Standing(name, True, s and ago(s), "20003") for name, s in both)  # type: ignore[return-value]


CASES = {
    "all is well": ({}, []),
    "an engine that is slow": ({"engine_seconds": 6.9}, []),
    "an engine that stands still": ({"engine_seconds": 7.1}, [Trouble.ENGINE]),
    "an engine that never ran": ({"engine_seconds": None}, [Trouble.ENGINE]),
    "one that starts with us": ({"engine_seconds": None, "awake_seconds": 19}, []),
    "what follows from it": ({"engine_seconds": 60, "due_seconds": 55}, [Trouble.ENGINE]),
    "a web that stands still": ({"web_seconds": 31}, [Trouble.WEB]),
    "one that starts after us": ({"web_seconds": 3600, "awake_seconds": 29}, []),
    "an installation without web": ({"web_seconds": None}, []),
    "a message that does not leave": ({"due_seconds": 10.1}, [Trouble.OVERDUE]),
    "a fault that is a moment old": ({"suppliers": refused(4, None)}, []),
    "one supplier that refuses": ({"suppliers": refused(6, None)}, [Trouble.SUPPLIER]),
    "both, for less than ten seconds": ({"suppliers": refused(20, 9)}, [Trouble.SUPPLIER] * 2),
    "both": ({"suppliers": refused(20, 11)}, [*[Trouble.SUPPLIER] * 2, Trouble.NO_SUPPLIER]),
    "a supplier that starts with us": ({"suppliers": refused(6, 6), "awake_seconds": 19}, []),
    "no callbacks": ({"silent_since": ago(60)}, [Trouble.CALLBACKS]),
    "a database ahead of us": ({"skews": {"PostgreSQL": 2.1}}, [Trouble.CLOCK]),
    "a supplier behind us": ({"skews": {"twilio": -2.1}}, [Trouble.CLOCK]),
    "a source that is late": (
        {"promises": (Promise("room", "Room", 7, 60, ago(3601)),)},
        [Trouble.SOURCE],
    ),
    "a source that never came": ({"promises": (Promise("a", "A", 7, 60, None),)}, [Trouble.SOURCE]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong(case: str):
    read, expected = CASES[case]
    assert [one.trouble for one in wrong(replace(WELL, **read), NOW)] == expected


def test_whoever_just_began_ends_nothing_that_it_cannot_judge():
    young = judged(replace(WELL, awake_seconds=19))
    assert young.isdisjoint({Trouble.NO_SUPPLIER, Trouble.SUPPLIER, Trouble.CALLBACKS, Trouble.WEB})
    assert {Trouble.ENGINE, Trouble.OVERDUE} <= young < judged(WELL)


def test_whoever_is_told_reads_since_when_and_whose_it_is():
    read = replace(
        WELL,
        due_seconds=15,
        suppliers=refused(20, None),
        promises=(Promise("room", "Room", 7, 60, ago(4000)),),
    )
    due, supplier, source = wrong(read, NOW)
    assert (due.since, due.organisation_id) == (ago(15), None)
    assert (supplier.since, supplier.about) == (ago(20), "twilio")
    assert supplier.facts == {"supplier": "twilio", "code": "20003", "meaning": "", "unrung": False}
    assert (source.since, source.organisation_id, source.about) == (ago(4000), 7, "room")


@pytest.mark.parametrize(("other_calls", "unrung"), [(True, False), (False, True)])
def test_a_refusal_that_leaves_nothing_to_ring_with_says_so(other_calls: bool, unrung: bool):
    twilio = Standing("twilio", True, ago(20), "connection", "it cannot be reached", calls=True)
    both = (twilio, Standing("gateway", True, calls=other_calls))
    (found,) = wrong(replace(WELL, suppliers=both), NOW)
    told = said(Wrong(trouble=found.trouble, facts=dict(found.facts)), "en")
    assert told.startswith("twilio does not take our messages: it cannot be reached (connection).")
    assert ("ring people yourself" in told) is unrung
