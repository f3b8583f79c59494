"""One's own turns: whose they are, which comes first, and the calendar that fetches them."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.people.models import Role
from dispatch.rota.models import Shift
from tests.centre import NOW
from tests.web.conftest import Browser, Web
from tests.web.rotas import text


@pytest.fixture
def an(web: Web) -> Browser:
    return web.browser(web.centre.people["An"])


def test_my_turns_are_mine_only(web, an):
    shown = text(an.get("/turns"))
    assert "You are on duty now until Wednesday 18 March 14:02" in shown
    assert "Victim support · primary" in shown
    assert "Beside you: Bert Maes (backup)" in shown
    assert "You have no turns" in text(web.as_role(Role.PLANNER).get("/turns"))


def test_the_next_turn_stands_before_the_later_ones(web, an):
    with web.store.write() as session:
        session.execute(sa.update(Shift).values(starts_at=NOW + timedelta(days=1)))
        line_id = session.scalars(sa.select(Shift.line_id)).first()
        session.add(
            Shift(
                uid="later",
                line_id=line_id,
                person_id=web.centre.people["An"].id,
                starts_at=NOW + timedelta(days=9),
                ends_at=NOW + timedelta(days=10),
                changed_at=NOW,
            )
        )
    shown = text(an.get("/turns"))
    assert "Your next turn Sunday 15 March 14:02" in shown
    assert "After that Mon 23 Mar 14:02 – Tue 24 Mar 14:02" in shown


def test_one_line_says_what_a_fair_share_would_be(web, an):
    shown = text(an.get("/turns"))
    assert "what a fair share would be: turns 1 (0.7), weekends 1 (0.7)" in shown
    assert "fair share" not in text(web.as_role(Role.PLANNER).get("/turns"))


def test_a_calendar_address_is_shown_once_and_works(web, an):
    made = an.post("/turns/calendar")
    address = re.search(r'value="(http[^"]+/calendars/[^"]+\.ics)"', made.text)[1]
    assert made.headers["Cache-Control"] == "no-store"
    assert address not in an.get("/turns").text
    assert "not fetched yet" in text(an.get("/turns"))
    path = "/calendars/" + address.partition("/calendars/")[2]
    feed = web.anonymous().get(path, headers={"User-Agent": "Thunderbird/140"})
    assert feed.data.count(b"BEGIN:VEVENT") == 1
    assert "last fetched" in text(an.get("/turns"))
    assert "Thunderbird/140" in text(an.get("/turns"))
    an.post("/turns/calendar/end")
    again = web.anonymous().get(path)
    assert (again.status_code, b"VEVENT" in again.data) == (200, False)
