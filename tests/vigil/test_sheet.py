"""The duty sheet goes every afternoon and a while after its last change, with numbers, to a few."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.audit import AuditEntry
from dispatch.channels.contract import Outgoing
from dispatch.channels.mail import MailChannel
from dispatch.clock import ManualClock
from dispatch.errors import Conflict, Invalid
from dispatch.outbox import queue
from dispatch.outbox.models import Message
from dispatch.people.models import Organisation
from dispatch.rota.models import Shift
from dispatch.vigil import sheet
from tests import centre
from tests.channels.mailboxes import Mailbox
from tests.channels.mailboxes import listening as mail_listening
from tests.vigil.conftest import Watched

NOW = centre.NOW
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DAILY = NOW - HOUR


@pytest.mark.parametrize(
    ("sent_at", "sent", "present", "pending", "pending_since", "does"),
    [
        (None, "", "", "", None, "send"),
        (NOW - 2 * HOUR, "a", "a", "", None, "send"),
        (NOW - MINUTE, "a", "a", "", None, ""),
        (NOW - MINUTE, "a", "b", "", None, "wait"),
        (NOW - MINUTE, "a", "b", "b", NOW - 4 * MINUTE, ""),
        (NOW - MINUTE, "a", "c", "b", NOW - 9 * MINUTE, "wait"),
        (NOW - MINUTE, "a", "b", "b", NOW - 5 * MINUTE, "send"),
        (NOW - MINUTE, "a", "a", "b", NOW - 5 * MINUTE, ""),
    ],
)
def test_when_a_sheet_goes(sent_at, sent, present, pending, pending_since, does):
    assert sheet.step(sent_at, sent, present, pending, pending_since, NOW, DAILY) == does


def test_it_goes_in_the_afternoon_by_the_clock_of_the_place():
    for now, hours_ago in ((NOW, 22), (NOW + HOUR, 23), (NOW + 2 * HOUR, 0)):
        last = sheet.last_daily("Europe/Brussels", now)
        assert last.isoformat().endswith("15:00:00+00:00")
        assert int((now - last) / HOUR) == hours_ago


def letters(watched: Watched) -> list[str]:
    with watched.store.read() as session:
        found = session.scalars(sa.select(Message).where(Message.about.like("sheet:%")))
        return [queue.text_of(session, one) for one in found]


def look(watched: Watched, cast: centre.Centre) -> bool:
    """Look as the engine does: what is no news is made with nobody waiting."""
    with watched.store.read() as session:
        zone = session.get_one(Organisation, cast.organisation.id)
        if not sheet.is_news(session, zone, watched.clock.now()):
            return False
    with watched.store.write() as session:
        zone = session.get_one(Organisation, cast.organisation.id)
        return sheet.look(session, zone, watched.clock.now())


def test_addresses_of_an_administrator_get_it_daily_and_after_changes(
    watched: Watched, cast: centre.Centre, clock: ManualClock
):
    with watched.store.write() as session:
        zone = session.get_one(Organisation, cast.organisation.id)
        zone.language = "en"
        assert sheet.organisations(session) == []
        sheet.add_address(session, zone, " Room@Zone.example", centre.ADA, NOW)
        for refused, error in (("room@zone.example", Conflict), ("nobody", Invalid)):
            with pytest.raises(error):
                sheet.add_address(session, zone, refused, centre.ADA, NOW)
    assert [look(watched, cast), look(watched, cast)] == [True, False]
    with watched.store.write() as session:
        primary = session.scalars(sa.select(Shift).where(Shift.uid == "shift-primary")).one()
        primary.person_id = cast.people["Chloé"].id
    went = []
    for _ in range(7):
        clock.advance(minutes=1)
        went.append(look(watched, cast))
    assert went == [False] * 5 + [True, False]
    clock.advance(hours=24)
    assert look(watched, cast)
    before, after, _ = letters(watched)
    assert "Wed 18 Mar 14:02  primary: An Peeters  +32 470 12 34 50" in before
    assert "Wed 18 Mar 14:02 - Sat 21 Mar 00:00  primary: NOBODY" in before
    assert "primary: Chloé Dubois  +32 470 12 34 52" in after
    with watched.store.read() as session:
        sent = sa.select(sa.func.count()).where(AuditEntry.action == "sheet.sent")
        assert session.scalar(sent) == 3
    _arrives_for_paper(before, clock)


def _arrives_for_paper(text: str, clock: ManualClock) -> None:
    mailbox = Mailbox()
    with mail_listening(mailbox) as port:
        channel = MailChannel(
            host="127.0.0.1", port=port, sender="a@b.example", clock=clock, security="none"
        )
        channel.send(Outgoing("u" * 22, sheet.Kind.MAIL, "room@zone.example", text, "en", 3600))
    (letter,) = mailbox.letters
    assert letter["Subject"] == "DUTY SHEET: Zone Dender, Sat 14 Mar to Fri 20 Mar"
    (paper,) = letter.iter_attachments()
    assert paper.get_content_type() == "text/html"
    assert "<td>An Peeters</td>" in paper.get_content()
    body = letter.get_body(("plain",))
    assert body is not None
    assert "<td>" not in body.get_content()
