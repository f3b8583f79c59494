"""The board says what is wrong with the centre, who to ring by hand, and that it can sound."""

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa

from dispatch.audit import AuditEntry
from dispatch.paging.models import Page, PageStatus
from dispatch.people.models import Role
from dispatch.vigil import boards, judging, promises, wrongs
from dispatch.vigil.judging import Found
from dispatch.vigil.models import Trouble
from tests.centre import NOW, Sender
from tests.web.conftest import Web

WELL = judging.Readings(60, 1, 1, 0)


@pytest.fixture
def down(web: Web) -> Web:
    """Nothing leaves, and an incident seeks somebody."""
    Sender(web.store, web.centre).alert()
    with web.store.write() as session:
        wrongs.keep(session, [Found(Trouble.NO_SUPPLIER, NOW)], list(Trouble), NOW)
    return web


def recorded(web: Web) -> int:
    query = sa.select(sa.func.count()).where(AuditEntry.action == "incident.numbers_read")
    with web.store.read() as session:
        return session.scalar(query) or 0


def test_a_dispatcher_reads_whom_to_ring_in_order_and_it_is_recorded_once(down: Web):
    board = down.as_role(Role.DISPATCHER)
    for path in ("/board", "/board/lanes", "/board/lanes"):
        text = board.get(path).text
        names = re.findall(r"<li><b><bdi>([^<]+)</bdi></b> <a[^>]*tel:(\+\d+)", text)
        assert names == [
            ("An Peeters", "+32470123450"),
            ("Bert Maes", "+32470123451"),
            ("Chloé Dubois", "+32470123452"),
        ]
    assert recorded(down) == 1
    with down.store.write() as session:
        page = session.scalars(sa.select(Page)).first()
        page.status = PageStatus.DECLINED
    assert "<li><b><bdi>An Peeters" not in board.get("/board").text
    with down.store.write() as session:
        wrongs.keep(session, [], list(Trouble), NOW)
    assert "tel:+32470123452" not in board.get("/board").text


def test_a_dispatcher_of_another_zone_reads_that_nothing_leaves_but_no_number(down: Web):
    board = down.as_role(Role.DISPATCHER, zone=down.leie)
    assert "No supplier takes our texts and calls" in board.get("/board").text
    assert "tel:+3247" not in board.get("/board").text
    assert recorded(down) == 0


def test_what_is_seen_is_silent_and_stays_until_it_is_well(down: Web):
    board = down.as_role(Role.DISPATCHER)
    (path,) = re.findall(r'action="(/troubles/[^"]+/seen)"', board.get("/board").text)
    assert down.as_role(Role.PLANNER).post(path).status_code == 403
    with down.store.write() as session:
        whose = {"organisation_id": down.centre.organisation.id}
        wrongs.keep(session, [Found(Trouble.SOURCE, NOW, "room", **whose)], [Trouble.SOURCE], NOW)
        (own,) = [one.uid for one in wrongs.standing(session, whose.values()) if one.about]
    leie = down.as_role(Role.DISPATCHER, zone=down.leie)
    assert leie.post(f"/troubles/{own}/seen").status_code == 404
    assert board.post(path).status_code == 303
    shown = board.get("/board/lanes").text
    assert re.search(r"data-alarm=\S+ data-seen", shown)
    assert "seen by dispatcher@dender.example" in shown


def test_a_board_says_that_it_is_open_for_its_own_organisations(web: Web):
    board = web.as_role(Role.DISPATCHER)
    for sounds, heard in (("no", set()), ("yes", {web.centre.organisation.id})):
        answer = board.post("/board/open", {"tab": "a-tab-of-a-browser", "sounds": sounds})
        assert answer.status_code == 204
        with web.store.read() as session:
            assert boards.heard(session, web.clock.now()) == heard
    assert web.as_role(Role.PLANNER).post("/board/open", {"tab": "another-tab"}).status_code == 403
    assert board.post("/board/open", {"tab": "; drop"}).status_code == 422


def test_an_administrator_says_how_long_a_source_is_silent_at_most(web: Web):
    admin, path = web.as_role(Role.ADMINISTRATOR), f"/sources/{web.centre.source_id}/promise"
    assert admin.post(path, {"minutes": "60"}).status_code == 303
    assert 'value="60"' in admin.get("/sources").text
    assert web.as_role(Role.DISPATCHER).post(path, {"minutes": "0"}).status_code == 404
    with web.store.read() as session:
        (told,) = judging.wrong(replace(WELL, promises=promises.read(session)), NOW)
    assert told.facts == {"source": "Control room", "minutes": 60, "never": True}
