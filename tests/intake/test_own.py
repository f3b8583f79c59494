"""The own format: what is understood, what is left out and named, and that nothing crashes it."""

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatch.incidents.alerts import Alert, AlertType, Contact, Involved, Place, Problem
from dispatch.intake import own

COMPLETE = {
    "type": "alert",
    "reference": "2026/0314-17",
    "category": "fatal_crash",
    "occurred_at": "2026-03-14T21:05:00+01:00",
    "priority": 1,
    "place": {
        "address": "Kerkstraat 1",
        "municipality": "Ninove",
        "postcode": "9400",
        "lat": 50.83,
        "lon": 4.02,
        "safe_to_approach": True,
        "meeting_point": "at the church",
    },
    "summary": "Crash with one death",
    "narrative": "First line\nsecond line",
    "contact": {"name": "Chief inspector", "phone": "+32 54 12 34 56", "role": "intervention"},
    "persons": [{"role": "widow", "age": 41, "children": 2, "knows_already": False}],
    "wishes": {"language": "fr", "gender": "woman", "interpreter": "sign language"},
    "flags": {"children_present": True, "second_officer": False},
    "teams": ["dender"],
    "drill": False,
}


def read(**fields: Any) -> Alert:
    return own.read(json.dumps({"type": "alert", **fields}).encode())


def named(alert: Alert) -> list[str]:
    return [problem.field for problem in alert.problems]


def test_a_complete_alert_is_understood_whole() -> None:
    assert own.read(json.dumps(COMPLETE).encode()) == Alert(
        AlertType.ALERT,
        reference="2026/0314-17",
        category="fatal_crash",
        occurred_at=datetime(2026, 3, 14, 20, 5, tzinfo=UTC),
        priority=1,
        place=Place(
            "Kerkstraat 1", "Ninove", "9400", 50.83, 4.02, True, meeting_point="at the church"
        ),
        summary="Crash with one death",
        narrative="First line\nsecond line",
        contact=Contact("Chief inspector", "+32 54 12 34 56", "intervention"),
        persons=(Involved("widow", 41, 2, False),),
        wishes={"language": "fr", "gender": "woman", "interpreter": "sign language"},
        flags={"children_present": True, "second_officer": False},
        teams=("dender",),
    )


@pytest.mark.parametrize("word", ["alert", "update", "cancel", "test", " Alert ", "CANCEL"])
def test_only_the_type_is_required_in_any_letter_case(word: str) -> None:
    assert own.read(json.dumps({"type": word}).encode()) == Alert(AlertType(word.strip().lower()))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"not json",
        b"{",
        b"null",
        b"[]",
        b'"alert"',
        b'[{"type": "alert"}]',
        b"{}",
        b'{"type": null}',
        b'{"type": 1}',
        b'{"type": "alarm"}',
        b'{"type": ["alert"]}',
        b'{"type": "alert"} {"type": "alert"}',
        b"[" * 100_000,
        b'{"type": "alert", "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b"\x00" * 9,
        b"\xff\xfe",
        b"<alert/>",
    ],
    ids=lambda body: body[:20].decode("latin-1"),
)
def test_without_an_object_of_a_known_type_it_is_unreadable(body: bytes) -> None:
    with pytest.raises(own.Unreadable) as caught:
        own.read(body)
    assert caught.value.detail.startswith("Expected")


WRONG = [
    ("reference", {"a": 1}),
    ("reference", "R" * 201),
    ("category", ["fatal_crash"]),
    ("occurred_at", "2026-03-14T21:05:00"),
    ("occurred_at", "2026-03-14"),
    ("occurred_at", "yesterday"),
    ("occurred_at", 1_773_500_000),
    ("occurred_at", "0001-01-01T00:00:00+14:00"),
    ("occurred_at", "9999-12-31T23:59:59-12:00"),
    ("priority", 0),
    ("priority", 4),
    ("priority", "1"),
    ("priority", 1.5),
    ("priority", True),
    ("place", "Kerkstraat 1"),
    ("place.postcode", "9" * 21),
    ("place.safe_to_approach", "yes"),
    ("summary", 7),
    ("narrative", ["a", "b"]),
    ("contact", []),
    ("contact.name", {"first": "x"}),
    ("persons", {"role": "widow"}),
    ("persons[0]", "widow"),
    ("persons[0].age", "forty"),
    ("persons[0].age", 200),
    ("persons[0].children", -1),
    ("persons[0].knows_already", 0),
    ("persons[0].name", "somebody"),
    ("wishes.gender", True),
    ("flags", ["children_present"]),
    ("flags.children_present", "yes"),
    ("flags.protected_identity", 1),
    ("flags.armed", True),
    ("teams", "dender"),
    ("teams[0]", {}),
    ("drill", "ja"),
    ("colour", "red"),
]


@pytest.mark.parametrize(("path", "value"), WRONG, ids=[f"{p}={str(v)[:12]}" for p, v in WRONG])
def test_a_wrong_or_unknown_field_is_left_out_kept_and_named(path: str, value: Any) -> None:
    fields: Any = value
    for part in reversed(path.replace("[0]", ".0").split(".")):
        fields = [fields] if part == "0" else {part: fields}
    alert = own.read(json.dumps({"type": "alert", "summary": "kept", **fields}).encode())
    assert named(alert) == [path]
    assert path in alert.unknown
    assert alert.summary == ("" if path == "summary" else "kept")
    assert getattr(alert, re.split(r"[.\[]", path, maxsplit=1)[0], None) in (
        *(None, "", False, (), {}, Place(), Contact()),
        (Involved(),),
    )


def test_a_number_longer_than_python_writes_is_left_out() -> None:
    alert = own.read(b'{"type": "alert", "priority": 1' + b"0" * 5000 + b"}")
    assert named(alert) == ["priority"]
    assert json.dumps(dict(alert.unknown))


def test_a_problem_says_what_is_expected_and_never_what_was_sent() -> None:
    secret = "Marie Dupont 0470123456"
    alert = read(occurred_at=secret, place=secret, persons=[secret], teams=secret, drill=secret)
    assert len(alert.problems) == 5
    assert all(problem.detail.startswith("Expected") for problem in alert.problems)
    assert secret not in str(alert.problems)
    assert alert.unknown["occurred_at"] == secret


def test_a_field_whose_name_is_no_name_is_not_repeated() -> None:
    alert = read(**{"Marie Dupont <0470 12 34 56>": 1, "x" * 81: 2})
    assert alert.problems == (Problem("[unnamed]", "Not a field of this format."),)
    assert len(alert.unknown) == 2


def test_null_is_the_same_as_not_given() -> None:
    fields = dict.fromkeys([*COMPLETE, "something_else"])
    assert read(**{**fields, "type": "alert"}) == Alert(AlertType.ALERT)
    assert read(place={"lat": None, "lon": None}, flags={"second_officer": None}) == read()


def test_numbers_may_stand_for_words_and_whole_floats_for_whole_numbers() -> None:
    alert = read(reference=4711, place={"postcode": 9400}, contact={"phone": 3254}, priority=2.0)
    assert (alert.reference, alert.place.postcode, alert.contact.phone) == ("4711", "9400", "3254")
    assert alert.priority == 2
    assert alert.problems == ()


def test_a_category_is_taken_without_spaces_in_lower_case_and_judged_later() -> None:
    assert read(category="  Fatal_Crash ").category == "fatal_crash"
    assert read(category="never heard of").problems == ()


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ({"lat": 91, "lon": 4}, ["place.lat", "place.lon"]),
        ({"lat": 50, "lon": -180.1}, ["place.lon", "place.lat"]),
        ({"lat": 50}, ["place.lat"]),
        ({"lon": 4}, ["place.lon"]),
        ({"lat": "50.8", "lon": "4.0"}, ["place.lat", "place.lon"]),
        ({"lat": True, "lon": False}, ["place.lat", "place.lon"]),
    ],
)
def test_half_a_position_is_no_position(place: dict[str, Any], names: list[str]) -> None:
    alert = read(place=place)
    assert (alert.place.lat, alert.place.lon) == (None, None)
    assert named(alert) == names


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_are_none_are_left_out_and_can_be_written_again(word: str) -> None:
    body = f'{{"type": "alert", "place": {{"lat": {word}, "lon": 4}}, "x": {word}}}'
    alert = own.read(body.encode())
    assert alert.place.lat is None
    assert json.dumps(dict(alert.unknown), allow_nan=False)


def test_an_instant_is_kept_in_utc() -> None:
    for text in ("2026-03-14T21:05:00+01:00", "2026-03-14T20:05:00Z", " 20260314T200500Z "):
        assert read(occurred_at=text).occurred_at == datetime(2026, 3, 14, 20, 5, tzinfo=UTC)


def test_an_interpreter_may_be_wished_for_without_saying_which() -> None:
    assert read(wishes={"interpreter": True}).wishes == {"interpreter": "yes"}
    assert read(wishes={"interpreter": False, "gender": ""}).wishes == {"interpreter": "no"}


def test_a_wish_may_be_required_which_older_senders_need_not_know() -> None:
    alert = read(wishes={"language": "fr", "gender": "woman", "required": ["gender", "money"]})
    assert alert.wishes == {"language": "fr", "gender": "woman", "required": "gender"}
    assert [problem.field for problem in alert.problems] == ["wishes.required[1]"]


def test_hostile_text_becomes_harmless_and_markup_stays_text() -> None:
    alert = read(
        summary="a\x00b\x07c\u202ed\u200be\ud800f\x1b[31m\nnext",
        narrative="one\r\ntwo\u2028three\x00\u2066four\ud83d\ude00",
        contact={"name": "<script>alert(1)</script>", "phone": "\u202e+32 2 000\t00"},
        place={"municipality": "  Saint-\u00e9tienne\ufeff "},
    )
    assert alert.summary == "abcde\ufffdf[31m next"
    assert alert.narrative == "one\ntwo\nthreefour\U0001f600"
    assert alert.contact == Contact("<script>alert(1)</script>", "+32 2 000 00")
    assert alert.place.municipality == "Saint-étienne"
    assert alert.problems == ()


def test_a_lone_surrogate_never_reaches_anything_that_is_kept() -> None:
    body = rb'{"type": "alert", "reference": "a\ud800", "\udfff": {"\ud800": ["\udc00"]}}'
    alert = own.read(body)
    assert alert.reference == "a\ufffd"
    json.dumps(dict(alert.unknown), ensure_ascii=False).encode()


def test_long_texts_are_cut_and_named() -> None:
    alert = read(narrative="n" * 100_001, summary="s" * 1_001, place={"address": "a" * 501})
    assert (len(alert.narrative), len(alert.summary)) == (100_000, 1_000)
    assert len(alert.place.address) == 500
    assert sorted(named(alert)) == ["narrative", "place.address", "summary"]
    assert alert.unknown == {}


def test_one_line_of_a_megabyte_is_read_within_half_a_second() -> None:
    body = json.dumps({"type": "alert", "narrative": "\u00e9" * 500_000}, ensure_ascii=False)
    began = time.perf_counter()
    alert = own.read(body.encode())
    assert len(alert.narrative) == 100_000
    assert time.perf_counter() - began < 0.5


def test_too_many_problems_are_counted_instead_of_listed() -> None:
    alert = read(**{f"field_{number}": number for number in range(1_000)})
    assert len(alert.problems) == 51
    assert alert.problems[-1] == Problem("body", "950 more fields were left out.")
    assert len(alert.unknown) == 1_000


def test_more_people_and_teams_than_anybody_can_help_are_left_out_and_named() -> None:
    alert = read(persons=[{"age": 3}] * 51, teams=[f"team-{number}" for number in range(21)])
    assert (len(alert.persons), len(alert.teams)) == (50, 20)
    assert named(alert) == ["persons", "teams"]


def test_a_field_given_twice_is_taken_once_and_named() -> None:
    alert = own.read(b'{"type": "test", "type": "alert", "priority": 3, "priority": 2}')
    assert (alert.type, alert.priority) == (AlertType.ALERT, 2)
    assert named(alert) == ["body"]


def test_what_is_nested_deeply_but_readable_is_kept_to_a_depth() -> None:
    alert = own.read(b'{"type": "alert", "x": ' + b"[" * 500 + b"]" * 500 + b"}")
    assert named(alert) == ["x"]
    assert "nested deeper" in json.dumps(alert.unknown["x"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_every_unicode_encoding_of_json_is_read(encoding: str) -> None:
    body = json.dumps({"type": "alert", "summary": "Liège"}, ensure_ascii=False).encode(encoding)
    alert = own.read(body)
    assert alert.summary == "Liège"
    assert alert.problems == ()


def test_another_encoding_is_read_as_well_as_possible_and_named() -> None:
    alert = own.read('{"type": "alert", "summary": "Liège"}'.encode("latin-1"))
    assert alert.summary == "Liège"
    assert alert.problems == (Problem("body", "Expected UTF-8; some letters may be wrong."),)


def test_line_ends_inside_texts_are_forgiven() -> None:
    assert own.read(b'{"type": "alert", "narrative": "a\nb"}').narrative == "a\nb"


def understood(body: bytes) -> None:
    try:
        alert = own.read(body)
    except own.Unreadable:
        return
    # Whatever is kept must be fit for the database and for being sealed.
    for text in (alert.reference, alert.summary, alert.narrative, alert.place.postcode):
        assert "\x00" not in (text or "")
        (text or "").encode()
    json.dumps(dict(alert.unknown), ensure_ascii=False, allow_nan=False).encode()
    json.dumps([problem.__dict__ for problem in alert.problems], ensure_ascii=False).encode()
    assert len(alert.problems) <= own.PROBLEMS_LIMIT + 1
    assert alert.occurred_at is None or alert.occurred_at.tzinfo is UTC
    assert alert.priority in (None, 1, 2, 3)


@given(st.binary(max_size=400))
@example(b"\xef\xbb\xbf")
@example(b'\x00{"type"')
@settings(max_examples=300)
def test_any_bytes_are_an_alert_or_unreadable(body: bytes) -> None:
    understood(body)


TEXTS = st.text(st.characters(codec=None), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
PLACES = st.dictionaries(st.sampled_from([*COMPLETE["place"], "x"]), VALUES, max_size=5)
PERSONS = st.lists(st.dictionaries(st.sampled_from(["role", "age", "children"]), VALUES))


@given(
    st.dictionaries(st.sampled_from(list(COMPLETE)[1:]) | TEXTS, VALUES, max_size=8),
    PLACES,
    PERSONS,
    st.sampled_from(["utf-8", "utf-16", "utf-32-be"]),
)
@settings(max_examples=300)
def test_any_values_of_any_field_are_an_alert(
    fields: dict[str, Any], place: Any, persons: Any, encoding: str
) -> None:
    body = json.dumps({"place": place, "persons": persons, **fields, "type": "alert"})
    understood(body.encode(encoding))
    assert own.read(body.encode()).type is AlertType.ALERT
