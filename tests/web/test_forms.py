"""Reading what people typed."""

from datetime import UTC, date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from dispatch.errors import Conflict, Invalid
from dispatch.web.forms import Form, clean_text

BRUSSELS = ZoneInfo("Europe/Brussels")


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  An   Peeters ", "An Peeters"),
        ("Cafe\u0301", "Café"),
        ("a\x00b\x1bc\x7fd\x9be", "abcde"),
        ("\u202egnirts\u202c", "gnirts"),
        ("a\u200bb\ufeffc\u2066d", "abcd"),
        ("tab\tand\nline", "tab and line"),
        ("\u200d family \U0001f468\u200d\U0001f469", "\u200d family \U0001f468\u200d\U0001f469"),
    ],
)
def test_marks_that_hide_or_turn_text_are_taken_out(typed: str, kept: str):
    assert clean_text(typed) == kept


def test_lines_stay_where_lines_are_meant():
    typed = "first  \r\nsecond\rthird\n\n"
    assert clean_text(typed, lines=True) == "first\nsecond\nthird"


@given(st.text())
def test_cleaning_twice_changes_nothing_more(typed: str):
    for lines in (False, True):
        once = clean_text(typed, lines=lines)
        assert clean_text(once, lines=lines) == once
        assert not any(ord(letter) < 32 and letter != "\n" for letter in once)


def test_what_was_typed_is_kept_and_each_field_says_what_is_wrong():
    form = Form({"name": "", "age": "many", "colour": "blue", "day": "32 March"})
    form.text("name", required=True)
    form.number("age", 0, 120)
    form.choice("colour", Colour)
    form.day("day")
    assert set(form.errors) == {"name", "age", "colour", "day"}
    assert form.values["age"] == "many"
    with pytest.raises(Invalid) as refusal:
        form.check()
    assert refusal.value.fields == form.errors


def test_what_is_right_is_read():
    form = Form({"name": " An ", "age": "7", "colour": "red", "day": "2026-03-14", "tick": "yes"})
    assert form.text("name") == "An"
    assert form.number("age", 0, 120) == 7
    assert form.choice("colour", Colour) is Colour.RED
    assert form.day("day") == date(2026, 3, 14)
    assert form.ticked("tick")
    assert not form.ticked("other")
    form.check()


def test_what_was_not_typed_is_nothing():
    form = Form({})
    assert form.text("name") == ""
    assert form.number("age", 0, 120) is None
    assert form.day("day") is None
    assert form.choice("colour", Colour, default=Colour.RED) is Colour.RED
    assert form.instant("at", BRUSSELS) is None
    form.check()


@pytest.mark.parametrize("field", ["day", "at"])
def test_a_required_day_or_time_is_asked_for(field: str):
    form = Form({})
    if field == "day":
        form.day("day", required=True)
    else:
        form.instant("at", BRUSSELS, required=True)
    assert set(form.errors) == {field}


def test_too_long_a_text_is_cut_and_told():
    form = Form({"name": "x" * 300})
    assert form.text("name") == "x" * 200
    assert "200" in form.errors["name"]


@pytest.mark.parametrize("typed", ["-1", "121", "1e2", "٧", "9" * 400, "7.5"])
def test_a_number_out_of_bounds_is_told(typed: str):
    form = Form({"age": typed})
    assert form.number("age", 0, 120) is None
    assert "age" in form.errors


@pytest.mark.parametrize("typed", ["0001-01-01", "9999-12-31", "2026-02-30", "today"])
def test_an_impossible_day_is_told(typed: str):
    form = Form({"day": typed})
    assert form.day("day") is None
    assert "day" in form.errors


def test_only_what_was_offered_can_be_chosen():
    form = Form(MultiDict([("team", "8"), ("speaks", "ar"), ("speaks", "xx")]))
    assert form.id_of("team", [7, 9]) is None
    assert "team" in form.errors
    assert form.several("speaks", ("ar", "fr")) == ["ar"]
    assert Form({"team": "7"}).id_of("team", [7, 9]) == 7
    assert Form({}).id_of("team", [7], required=False) is None


def test_a_local_time_becomes_an_instant():
    form = Form({"at": "2026-07-14T21:05"})
    assert form.instant("at", BRUSSELS) == datetime(2026, 7, 14, 19, 5, tzinfo=UTC)


def test_a_time_that_the_clock_skips_is_refused_and_one_it_repeats_is_the_first():
    skipped = Form({"at": "2026-03-29T02:30"})
    assert skipped.instant("at", BRUSSELS) is None
    assert "at" in skipped.errors
    repeated = Form({"at": "2026-10-25T02:30"})
    assert repeated.instant("at", BRUSSELS) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("typed", ["nine", "0001-01-01T00:00", "2026-13-01T00:00"])
def test_an_impossible_time_is_told(typed: str):
    form = Form({"at": typed})
    assert form.instant("at", BRUSSELS) is None
    assert "at" in form.errors


def test_a_refusal_of_the_core_goes_to_its_fields_or_above_the_form():
    form = Form({"name": "An"})
    form.refuse(Invalid("Look.", name="Take another.")).refuse(Conflict("Somebody was faster."))
    assert form.errors == {"name": "Take another.", "": "Somebody was faster."}


def test_a_password_is_read_once_and_never_shown_again():
    form = Form({"password": " as typed "})
    assert form.secret("password") == " as typed "
    assert "password" not in form.values


def test_a_screen_begins_with_what_is_stored():
    form = Form(None, name="An", until_on=None)
    assert form.values == {"name": "An", "until_on": ""}
