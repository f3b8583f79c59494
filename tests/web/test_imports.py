"""Taking in what a team has: problems by row, what would change, one tap, and only by who plans."""

import io
import re
from html import unescape

import openpyxl
import pytest
import sqlalchemy as sa

from dispatch.people.models import Role
from dispatch.rota.models import DraftSeat, OpeningBalance, Origin, Shift
from tests.web.conftest import Browser, Web
from tests.web.rotas import text

PATH = "/rota/support/import"
TURNS = """Naam;Lijn;Van;Tot
An Peeters;primary;2026-04-01 08:00;2026-04-02 08:00
Bert Maes;backup;2026-04-01 08:00;2026-04-02 08:00
"""
SERVED = [["Person", "turns", "weekends"], ["An Peeters", 14, 5], ["Bert Maes", 12.5, 4]]


@pytest.fixture
def petra(web: Web) -> Browser:
    return web.as_role(Role.PLANNER)


def send(browser: Browser, content: bytes | str, name: str = "rota.csv", **fields: str):
    raw = content.encode() if isinstance(content, str) else content
    return browser.post(PATH, {"file": (io.BytesIO(raw), name), **fields})


def book(rows: list[list[object]]) -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


def carried(shown) -> dict[str, str]:
    """What the form carries along of the file that was looked at."""
    found = re.findall('name="(do|name|content|on)"[^>]*value="([^"]*)"', shown.text)
    return {name: unescape(value) for name, value in reversed(found)}


def rows(web: Web, table: type) -> list:
    with web.store.read() as session:
        return list(session.scalars(sa.select(table)))


def test_a_file_is_looked_at_and_its_turns_go_into_a_draft_with_one_tap(web, petra):
    looked = send(petra, TURNS)
    assert looked.status_code == 200
    shown = text(looked)
    assert "Turns in the file: 2, from Wed 1 Apr 2026 to Wed 1 Apr 2026." in shown
    assert "Wed 1 Apr 2026 08:00 – Thu 2 Apr 08:00 primary nobody An Peeters" in shown
    assert rows(web, DraftSeat) == []
    done = petra.post(PATH, carried(looked))
    assert (done.status_code, done.location) == (303, "/rota/drafts/1/compare")
    seats = rows(web, DraftSeat)
    assert [seat.origin for seat in seats] == [Origin.IMPORT, Origin.IMPORT]
    assert len(rows(web, Shift)) == 2


def test_every_problem_is_named_by_its_row_and_nothing_can_be_taken_in(web, petra):
    looked = send(petra, TURNS + "Somebody Else;primary;2026-04-03 08:00;2026-04-04 08:00\n")
    shown = text(looked)
    assert "Correct these rows in the file" in shown
    assert re.search(r"Row 4: .*Somebody Else", shown)
    assert 'name="do"' not in looked.text
    forced = send(petra, TURNS + "Somebody Else;primary;x;y\n", do="draft")
    assert forced.status_code == 422
    assert rows(web, DraftSeat) == []


def test_what_people_have_served_is_taken_in_up_to_a_day(web, petra):
    looked = send(petra, book(SERVED), "served.xlsx")
    assert "An Peeters turns 14 , weekends 5" in text(looked)
    done = petra.post(PATH, {**carried(looked), "on": "2026-02-28"})
    assert (done.status_code, done.location) == (303, PATH)
    assert "Numbers that are new or changed: 4." in text(petra.get(PATH))
    kept = {(one.measure, one.amount, f"{one.on}") for one in rows(web, OpeningBalance)}
    assert ("turns", 12.5, "2026-02-28") in kept
    again = send(petra, book(SERVED), "served.xlsx")
    assert "<s>" not in again.text
    later = [*SERVED[:2], ["Bert Maes", 13, 4]]
    assert "<s>12.5</s> <b>13</b>" in send(petra, book(later), "served.xlsx").text


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        ("", "rota.csv", "This file is empty."),
        ("x", "rota.pdf", "Send an .xlsx or a .csv file."),
        ("no zip at all", "rota.xlsx", None),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_beside_the_field(petra, content, name, why):
    refused = send(petra, content, name)
    assert refused.status_code == 422
    assert 'id="file-error"' in refused.text
    assert why is None or why in text(refused)


def large(browser: Browser, size: int):
    """Send a file at once as a browser does; the client of the tests would leave one open."""
    parts = [("csrf_token", browser.form_token(), ""), ("file", "x" * size, "rota.csv")]
    body = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"'
        f"{f'; filename={file}' if file else ''}\r\n\r\n{value}\r\n"
        for name, value, file in parts
    )
    raw, kind = f"{body}--b--\r\n".encode(), "multipart/form-data; boundary=b"
    return browser.client.post(PATH, data=raw, content_type=kind)


def test_a_file_as_large_as_promised_is_read_and_a_larger_one_is_refused(petra):
    assert "This is no text file." in text(large(petra, 5 << 20))
    assert "larger than 5 MB" in text(large(petra, (5 << 20) + 1))
    assert large(petra, 7 << 20).status_code == 413


def test_what_is_carried_along_is_read_again_and_rubbish_is_refused(web, petra):
    for content in ("", "%%%", "bm8gcm90YQ=="):
        answer = petra.post(PATH, {"do": "draft", "name": "rota.csv", "content": content})
        assert answer.status_code == 422
    assert rows(web, DraftSeat) == []


def test_only_who_plans_the_team_takes_anything_in(web):
    for browser, status in (
        (web.as_role(Role.DISPATCHER), 403),
        (web.as_role(Role.PLANNER, zone=web.leie), 404),
        (web.browser(web.centre.people["An"]), 404),
    ):
        assert browser.get(PATH).status_code == status
        assert send(browser, TURNS).status_code == status
        assert send(browser, TURNS, do="draft").status_code == status
    assert rows(web, DraftSeat) == []
