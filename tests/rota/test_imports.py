"""Taking in an existing rota: every form people keep, each problem by its row, no hostile file."""

import contextlib
import csv
import io
import zipfile
from datetime import date, time
from time import perf_counter

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import texts
from dispatch.errors import Conflict, Invalid
from dispatch.rota import drafts, ground, imports, publishing
from dispatch.rota.imports import sheets
from dispatch.rota.models import Origin

WEEKS = [
    ("2026-11-20 17:00", "2026-11-27 17:00"),
    ("2026-11-27 17:00", "2026-12-04 17:00"),
    ("2026-12-04 17:00", "2026-12-11 17:00"),
]
LIST = [
    ["Persoon", "Lijn", "Van", "Tot"],
    ["An Peeters", "primary", *WEEKS[0]],
    ["Maes, Bert", "Primary", *WEEKS[1]],
    ["chloe", "backup", "04/12/2026 17:00", "11/12/2026 17:00"],
]


@pytest.fixture
def now(zone):
    zone.pattern()
    return zone.at("2026-12-01 09:00")


def sheet(rows, name="rota.xlsx"):
    if name.endswith(".csv"):
        text = io.StringIO()
        csv.writer(text, delimiter=";").writerows(rows)
        return name, text.getvalue().encode("cp1252")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return name, content.getvalue()


def look(zone, rows, name="rota.xlsx"):
    now = zone.at("2026-12-01 09:00")
    return imports.look(zone.session, zone.team, *sheet(rows, name), now)


def shown(zone, imported):
    names = {person.id: name for name, person in zone.people.items()}
    lines = {line.id: key for key, line in zone.lines.items()}
    return [
        (lines[stand.line_id], names[stand.person_id], zone.at(WEEKS[0][0]) <= stand.starts_at)
        for stand in imported.read.stands
    ]


def told(imported):
    return [str(problem.told) for problem in imported.problems]


@pytest.mark.parametrize("name", ["rota.xlsx", "rota.csv"])
def test_a_list_of_turns_is_read_whatever_its_words_and_dates(zone, now, name):
    imported = look(zone, [["Our rota"], [], *LIST], name)
    assert told(imported) == []
    assert shown(zone, imported) == [
        ("primary", "An", True),
        ("primary", "Bert", True),
        ("backup", "Chloé", True),
    ]
    assert imported.read.stands[2].starts_at == zone.at(WEEKS[2][0])
    assert (imported.first_on, imported.last_on) == (date(2026, 11, 20), date(2026, 12, 4))
    assert len(imported.changes) == 3


def test_a_spreadsheets_own_days_and_times_are_read(zone, now):
    rows = [
        ["datum", "begin", "einde", "naam", "lijn"],
        [date(2026, 12, 11), time(17), "8u30", "An", "p"],
        ["vr 12/12/2026", "17:00", 0.5, "Bert Maes", "backup"],
    ]
    imported = look(zone, rows)
    assert told(imported) == []
    one, other = imported.read.stands
    assert (one.starts_at, one.ends_at) == (
        zone.at("2026-12-11 17:00"),
        zone.at("2026-12-12 08:30"),
    )
    assert other.ends_at == zone.at("2026-12-13 12:00")


@pytest.mark.parametrize("language", ["en", "nl", "fr", "sv", "da"])
def test_our_own_list_is_read_back_and_a_covered_turn_is_whose_it_was(zone, now, language):
    begin, end = WEEKS[0]
    words = ("Line", "Who", "From", "Until", "Instead of")
    rows = [
        [texts.say(language, word) for word in words],
        ["primary", "An Peeters", begin, "2026-11-22 18:00", ""],
        ["primary", "Bert Maes", "2026-11-22 18:00", "2026-11-22 23:00", "An Peeters"],
        ["primary", "An Peeters", "2026-11-22 23:00", end, ""],
        ["primary", "An Peeters", *WEEKS[1], ""],
    ]
    found = look(zone, rows).read
    assert found.problems == []
    an = zone.people["An"].id
    assert [(one.starts_at, one.ends_at, one.person_id) for one in found.stands] == [
        (zone.at(begin), zone.at(end), an) for begin, end in WEEKS[:2]
    ]


def test_a_table_of_days_by_lines_is_read_by_the_pattern(zone, now):
    rows = [
        ["Dag", "Primary", "Backup"],
        ["2026-11-27", "An", "Bert"],
        ["2026-11-28", "An", None],
        ["2026-12-04", "Chloé", "An"],
    ]
    imported = look(zone, rows)
    assert told(imported) == []
    assert [line for line, _, _ in shown(zone, imported)] == [
        "primary",
        "backup",
        "primary",
        "backup",
    ]
    assert imported.read.stands[0].ends_at == zone.at("2026-12-04 17:00")


def test_a_table_of_people_by_days_is_read_by_the_pattern(zone, now):
    rows = [
        ["", date(2026, 11, 27), date(2026, 12, 4)],
        ["An Peeters", "P", "B"],
        ["Bert", None, "primary"],
    ]
    imported = look(zone, rows)
    assert told(imported) == []
    assert sorted(shown(zone, imported)) == [
        ("backup", "An", True),
        ("primary", "An", True),
        ("primary", "Bert", True),
    ]


def test_each_problem_is_named_by_its_row_and_nothing_is_guessed(zone, now):
    zone.people["Bert"].name = "An Maes"
    zone.session.flush()
    rows = [
        LIST[0],
        ["Jan", "primary", *WEEKS[0]],
        ["An", "primary", *WEEKS[0]],
        ["Chloé", "third", *WEEKS[0]],
        ["Chloé", "primary", "soon", "later"],
        ["Chloé", "primary", *reversed(WEEKS[0])],
        ["Chloé", "primary", "2026-11-20 17:00", "2027-11-27 17:00"],
        ["Chloé", "primary", *WEEKS[0]],
        ["An Peeters", "primary", "2026-11-26 17:00", "2026-11-28 17:00"],
        ["Chloe Duboi", "primary", *WEEKS[0]],
    ]
    imported = look(zone, rows)
    assert told(imported) == [
        "Row 2: nobody in the team is called Jan.",
        "Row 3: An may be several people. Write the whole name.",
        "Row 4: the team has no line third.",
        "Row 5: soon is no day and time. Write it like 2026-12-11 17:00.",
        "Row 6: the end must be after the start.",
        "Row 7: longer than two weeks. Is the year right?",
        "Row 9: meets the turn of row 8 on the same line.",
        "Row 10: nobody in the team is called Chloe Duboi. Is it Chloé Dubois?",
    ]
    with pytest.raises(Invalid) as refused:
        imports.draft(zone.session, zone.team, imported, zone.planner, now)
    assert "row.9" in refused.value.fields


def test_a_table_that_the_pattern_does_not_explain_is_said_to_be_so(zone, now):
    daily = {"form": "days", "on": ["every_day"], "kind": "day", "starts": "08:00", "ends": "20:00"}
    night = {**daily, "kind": "night", "starts": "20:00", "ends": "08:00"}
    zone.pattern(daily, night)
    rows = [["dag", "primary"], ["2026-11-27", "An"], ["soon", "An"]]
    assert told(look(zone, rows)) == [
        "Row 2: several turns begin on 2026-11-27. Send a list with times.",
        "Row 3: soon is no day. Write it like 2026-12-11.",
    ]
    assert told(look(zone, [["what", "is", "this"]]))[0].startswith("Row 1: headings are missing")


def test_taken_in_it_is_a_draft_like_any_other_and_done_again_it_changes_nothing(zone, now):
    zone.phone("An", "Bert", "Chloé")
    keeps = zone.shift("Bert", *WEEKS[0], line="backup")
    replaced = zone.shift("Bert", "2026-11-21 17:00", "2026-11-22 17:00")
    imported = look(zone, LIST)
    assert [(c.was is not None, c.now is not None) for c in imported.changes].count(
        (True, False)
    ) == 1
    draft = imports.draft(zone.session, zone.team, imported, zone.planner, now)
    origins = [seat.origin for seat in drafts.seats(zone.session, draft)]
    assert origins.count(Origin.IMPORT) == 3
    publishing.publish(zone.session, draft, zone.planner, now, reason="taken in")
    assert (keeps.cancelled_at, replaced.cancelled_at) == (None, now)
    assert [who for who, _, _ in zone.texts()] == ["Bert", "Chloé"]
    again = look(zone, LIST)
    assert again.changes == []


def test_a_wrong_year_condemns_its_own_row_only(zone, now):
    rows = [
        ["dag", "primary"],
        ["2026-11-27", "An"],
        ["2025-12-04", "Bert"],
        ["9999-12-31", "Bert"],
        ["2026-12-11", "An"],
        ["2026-12-18", "An"],
        ["2026-12-25", "An"],
        ["2027-01-01", "An"],
    ]
    far = "is far from today or the other days. Is the year right?"
    imported = look(zone, rows[:2] + rows[3:])
    assert told(imported) == [f"Row 3: 9999-12-31 {far}"]
    rows[3] = ["2026-12-04", "An"]
    rows[2][0] = "2023-12-04"
    imported = look(zone, rows)
    assert told(imported) == [f"Row 3: 2023-12-04 {far}"]
    assert len(imported.read.stands) == 6
    rows[2][0] = "0001-12-04"
    assert told(look(zone, rows)) == [f"Row 3: 0001-12-04 {far}"]
    ends = ["An", "primary", "2026-11-20 17:00", "9999-12-31 17:00"]
    assert told(look(zone, [*LIST, ends])) == [f"Row 5: 9999-12-31 {far}"]


@pytest.mark.parametrize("number", ["NaN", "inf", "1e300", 10_001])
def test_what_nobody_can_have_served_is_no_number(zone, now, number):
    imported = look(zone, [["Naam", "Beurten"], ["An Peeters", number]])
    assert told(imported) == [f"Row 2: {number} is no number."]


def test_balances_are_kept_and_done_again_change_nothing(zone, now):
    rows = [
        ["Naam", "Beurten", "nachten", "Weekends", "public_holidays"],
        ["An Peeters", 12, "3,5", 4, None],
        ["Bert", 9, 2, "x", 1],
    ]
    imported = look(zone, rows)
    assert told(imported) == ["Row 3: x is no number."]
    rows[2][3] = 3
    imported = look(zone, rows)
    on = date(2026, 11, 30)
    kept = (zone.session, zone.team, imported, on, zone.planner, now)
    assert imports.balances(*kept) == 8
    assert imports.balances(*kept) == 0
    an = zone.people["An"].id
    assert ground.balances_of(zone.session, zone.team)[an] == {
        "turns": 12,
        "nights": 3.5,
        "weekends": 4,
        "public_holidays": 0,
    }
    with pytest.raises(Conflict, match="no turns"):
        imports.draft(zone.session, zone.team, imported, zone.planner, now)


# --- Hostile files.


def refused(name, content):
    with pytest.raises(Invalid) as found:
        sheets.rows_of(name, content)
    assert tuple(found.value.fields) == ("file",)
    return str(found.value)


def test_files_that_are_no_sheets_are_refused_in_a_sentence():
    assert refused("rota.pdf", b"%PDF") == "Send an .xlsx or a .csv file."
    assert refused("rota.xlsx", b"not a zip") == "This is no spreadsheet that can be read."
    assert refused("rota.csv", b"") == "This file is empty."
    assert refused("rota.csv", b"a\0b") == "This is no text file."
    assert refused("rota.csv", b"x" * (sheets.MOST_BYTES + 1)) == "This file is larger than 5 MB."
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as parts:
        parts.writestr("hello.txt", "not a workbook")
    assert refused("rota.xlsx", archive.getvalue()) == "This is no spreadsheet that can be read."


def test_a_zip_bomb_is_refused_before_it_is_unpacked():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/workbook.xml", b"0" * (sheets.MOST_UNPACKED + 1))
    assert "unpacks to more" in refused("rota.xlsx", archive.getvalue())


def test_a_sheet_with_entities_is_refused():
    _, content = sheet(LIST)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as parts, zipfile.ZipFile(io.BytesIO(content)) as real:
        for name in real.namelist():
            part = real.read(name)
            if name == "xl/workbook.xml":
                part = part.replace(b"<workbook", b'<!DOCTYPE a [<!ENTITY b "c">]><workbook', 1)
            parts.writestr(name, part)
    assert refused("rota.xlsx", archive.getvalue()) == "This is no spreadsheet that can be read."


def test_a_million_rows_and_endless_columns_are_refused():
    assert "more than 20000 rows" in refused("rota.csv", b"a;b\n" * 25_000)
    assert "more than 400 columns" in refused("rota.csv", b"a;" * 500 + b"a\n")
    assert "more than 200000 cells" in refused("rota.csv", (b"a;" * 300 + b"a\n") * 800)


def test_a_stray_cell_far_below_costs_nothing_and_is_named_by_its_row():
    book = openpyxl.Workbook(write_only=False)
    book.active.append(["a", "b"])
    book.active.cell(1_048_576, 3, "stray")
    content = io.BytesIO()
    book.save(content)
    began = perf_counter()
    found = sheets.rows_of("rota.xlsx", content.getvalue())
    assert [row.number for row in found] == [1, 1_048_576]
    assert perf_counter() - began < 2


@pytest.mark.parametrize("name", ["rota.xlsx", "rota.csv"])
def test_a_formula_is_refused_by_its_row(name):
    told = refused(*sheet([LIST[0], ["=HYPERLINK(1)", "primary", *WEEKS[0]]], name))
    assert told == "Row 2 holds a formula: paste values instead."


@given(st.binary(max_size=400), st.sampled_from(["a.csv", "a.xlsx"]))
def test_whatever_is_sent_is_read_or_refused(content, name):
    with contextlib.suppress(Invalid):
        assert sheets.rows_of(name, content)
