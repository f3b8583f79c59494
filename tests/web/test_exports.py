"""A rota as a file: who may take it along, and that no name in it does any harm."""

import csv
import io

import openpyxl
import pytest
from icalendar import Calendar

from dispatch.people.models import Person, Role
from tests.web.conftest import Web

KINDS = ("csv", "xlsx", "ics")


def path(kind: str) -> str:
    return f"/rota/support/export.{kind}?from=2026-03"


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_for_who_may_read_the_rota_after_a_sign_in(web: Web, kind: str):
    assert web.as_role(Role.DISPATCHER).get(path(kind)).status_code == 200
    assert web.as_role(Role.PLANNER, zone=web.leie).get(path(kind)).status_code == 404
    assert web.anonymous().get(path(kind)).status_code == 303


def test_a_kind_that_is_none_is_not_found(web: Web):
    assert web.as_role(Role.DISPATCHER).get(path("exe")).status_code == 404


def test_the_table_holds_every_turn_in_local_time(web: Web):
    answer = web.as_role(Role.DISPATCHER).get(path("csv"))
    head, first, second = csv.reader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert head == ["Line", "Who", "From", "Until", "Instead of"]
    assert first == ["primary", "An Peeters", "2026-03-11 14:02", "2026-03-18 14:02", ""]
    assert second[1] == "Bert Maes"


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@x", "\tx", "a\x0bb\x01"])
def test_a_name_is_never_a_formula_nor_breaks_the_file(web: Web, name: str):
    with web.store.write() as session:
        session.get_one(Person, web.centre.people["An"].id).name = name
    desk = web.as_role(Role.DISPATCHER)
    cells = [row[1] for row in csv.reader(io.StringIO(desk.get(path("csv")).text))]
    book = openpyxl.load_workbook(io.BytesIO(desk.get(path("xlsx")).data))
    kept = book.worksheets[0].cell(2, 2)
    assert kept.data_type == "s"
    for cell in (cells[1], kept.value):
        assert cell[0] not in "=+-@\t"
        assert cell.isprintable()


def test_the_calendar_names_who_is_on_which_line(web: Web):
    calendar = Calendar.from_ical(web.as_role(Role.DISPATCHER).get(path("ics")).data)
    said = [str(event["summary"]) for event in calendar.walk("VEVENT")]
    assert said == ["primary: An Peeters", "backup: Bert Maes"]
    assert len({str(event["uid"]) for event in calendar.walk("VEVENT")}) == 2
