"""The duty sheet on a screen: numbers for those who may ring, and who decides where it goes."""

import re
from time import monotonic

import pytest
import sqlalchemy as sa

from dispatch.audit import AuditEntry
from dispatch.outbox.models import Message
from dispatch.people.models import Role
from tests.web.conftest import Web
from tests.writer import Writer

SHEET = "/on-duty/sheet"


def count(web: Web, what: sa.Select) -> int:
    with web.store.read() as session:
        return session.scalar(what) or 0


def test_who_may_ring_reads_numbers_and_that_is_recorded(web: Web):
    noted = sa.select(sa.func.count()).where(AuditEntry.action == "sheet.read")
    officer = web.as_role(Role.RESPONDER).get(SHEET).text
    assert "An Peeters" in officer
    assert "tel:" not in officer
    assert count(web, noted) == 0
    board = web.as_role(Role.DISPATCHER)
    for _ in range(2):
        assert "tel:+32470123450" in board.get(SHEET).text
    assert count(web, noted) == 1
    assert "An Peeters" not in web.as_role(Role.DISPATCHER, zone=web.leie).get(SHEET).text


def test_an_administrator_decides_where_it_goes_by_mail(web: Web):
    zone, address = web.centre.organisation.id, {"address": "Room@Zone.example"}
    form = {"organisation": zone, **address}
    assert web.as_role(Role.DISPATCHER).post(SHEET, form).status_code == 403
    admin = web.as_role(Role.ADMINISTRATOR)
    assert admin.post(SHEET, {"organisation": zone, "address": "nobody"}).status_code == 422
    assert admin.post(SHEET, {**form, "organisation": web.leie.id}).status_code == 422
    assert admin.post(SHEET, form).status_code == 303
    text = admin.get(SHEET).text
    assert "room@zone.example" in text
    (uid,) = re.findall(r'name="uid" value="([^"]+)"', text)
    mails = sa.select(sa.func.count()).where(Message.about == f"sheet:{uid}")
    other = web.as_role(Role.ADMINISTRATOR, zone=web.leie)
    for action in ("send", "remove"):
        assert other.post(f"{SHEET}/{zone}/{action}", {"uid": uid}).status_code == 404
    assert (count(web, mails), admin.post(f"{SHEET}/{zone}/send").status_code) == (0, 303)
    assert count(web, mails) == 1
    assert admin.post(f"{SHEET}/{zone}/remove", {"uid": uid}).status_code == 303
    assert "room@zone.example" not in admin.get(SHEET).text


@pytest.mark.sqlite  # on PostgreSQL nobody keeps others from writing
def test_numbers_are_read_while_another_process_keeps_everybody_from_writing(web: Web):
    board = web.as_role(Role.DISPATCHER)
    with Writer(web.store) as engine:
        engine.begin()
        engine.freeze()
        began = monotonic()
        assert "tel:+32470123450" in board.get(SHEET).text
        assert monotonic() - began < 5
        assert "tel:+32470123450" in board.get(SHEET).text
    noted = sa.select(sa.func.count()).where(AuditEntry.action == "sheet.read")
    assert "tel:+32470123450" in board.get(SHEET).text
    assert count(web, noted) == 1
