"""Mail and notices to browsers through the outbox: handed over, refused, or never to be tried."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from dispatch import settings as settings_
from dispatch.channels import webpush
from dispatch.channels.contract import Kind, State
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.engine import Engine
from dispatch.outbox import queue
from dispatch.outbox.models import Message, Purpose
from dispatch.outbox.queue import Draft, Recipient
from dispatch.people import phones
from dispatch.people.models import ContactMethod, MethodKind, Person
from dispatch.wiring import Parts, channels
from tests import centre
from tests.channels.browsers import PushService
from tests.channels.mailboxes import Mailbox, listening


@dataclass
class Desk:
    """An engine, a mailbox and a browser."""

    engine: Engine
    clock: ManualClock
    cast: centre.Centre
    mailbox: Mailbox
    browser: PushService

    def method(self, kind: MethodKind, address: str) -> ContactMethod:
        """Give An a confirmed method."""
        with self.engine.store.write() as session:
            an = session.get_one(Person, self.cast.people["An"].id)
            method = phones.add_method(session, an, kind, address, centre.ADA, self.clock.now())
            phones.verify(session, method, centre.ADA, self.clock.now())
        return method

    def put(self, kind: Kind, method: ContactMethod, text: str) -> int:
        """Put in a message to a method."""
        now = self.clock.now()
        with self.engine.store.write() as session:
            address = phones.address_of(session, method)
            to = Recipient(method.person_id, method.id, address, method.fingerprint, "en")
            draft = Draft(kind, Purpose.NOTICE, text, now + timedelta(minutes=30))
            return queue.put(session, self.cast.organisation.id, to, draft, now)

    def message(self, message_id: int) -> Message:
        with self.engine.store.read() as session:
            return session.get_one(Message, message_id)


@pytest.fixture
def desk(store: Store, clock: ManualClock, tmp_path: Path) -> Iterator[Desk]:
    mailbox = Mailbox()
    with PushService.serving() as browser, listening(mailbox) as port:
        environment = {
            "DISPATCH_DATA_DIR": str(tmp_path),
            "DISPATCH_SECRET_KEY": "a secret of the tests' own",
            "DISPATCH_MAIL__HOST": "127.0.0.1",
            "DISPATCH_MAIL__PORT": str(port),
            "DISPATCH_MAIL__SECURITY": "none",
            "DISPATCH_MAIL__SENDER": "dispatch@zone.example",
            "DISPATCH_PUSH__CONTACT": "mailto:ict@zone.example",
            "DISPATCH_PUSH__SERVICES": "127.0.0.1",
        }
        settings = settings_.load(environment)
        engine = Engine(Parts(settings, store, clock, channels(settings, clock)))
        yield Desk(engine, clock, centre.build(store), mailbox, browser)
        engine.stop()


def test_a_mail_leaves_and_nothing_more_is_asked_of_it(desk: Desk):
    method = desk.method(MethodKind.MAIL, "an@zone.example")
    put = desk.put(Kind.MAIL, method, "TEST\nThis is a test.")
    desk.engine.drain()
    message = desk.message(put)
    assert (message.status, message.channel, message.due_at) == (State.SENT, "mail", None)
    (letter,) = desk.mailbox.letters
    assert (letter["Subject"], letter["To"]) == ("TEST", "an@zone.example")
    assert letter["Message-ID"] == f"<{message.uid}@zone.example>" == message.supplier_id


def test_a_mail_whose_server_is_busy_leaves_later(desk: Desk):
    method = desk.method(MethodKind.MAIL, "an@zone.example")
    desk.mailbox.replies["RCPT"] = "451 4.7.1 greylisted"
    put = desk.put(Kind.MAIL, method, "TEST")
    desk.engine.drain()
    assert desk.message(put).status is State.PENDING
    desk.mailbox.replies.clear()
    desk.clock.advance(seconds=15)
    desk.engine.drain()
    assert desk.message(put).status is State.SENT


def test_a_notice_reaches_the_browser_with_the_key_that_it_subscribed_with(desk: Desk):
    method = desk.method(MethodKind.PUSH, desk.browser.subscription())
    put = desk.put(Kind.PUSH, method, "TEST This is a test.")
    desk.engine.drain()
    assert desk.message(put).status is State.SENT
    (notice,) = desk.browser.notices
    assert notice.document == {"id": desk.message(put).uid, "text": "TEST This is a test."}
    assert notice.claims["key"] == webpush.public_key(desk.engine.settings.derive("web push"))


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_used_no_more(desk: Desk, status: int):
    method = desk.method(MethodKind.PUSH, desk.browser.subscription())
    desk.browser.answer = (status, {})
    put = desk.put(Kind.PUSH, method, "TEST")
    desk.engine.drain()
    assert desk.message(put).status is State.FAILED
    with desk.engine.store.read() as session:
        reached_by = phones.reachable(session, [method.person_id])[method.person_id]
    assert MethodKind.PUSH not in {one.kind for one in reached_by}


def test_a_mailbox_that_does_not_exist_is_used_no_more(desk: Desk):
    method = desk.method(MethodKind.MAIL, "nobody@zone.example")
    desk.mailbox.replies["RCPT"] = "550 5.1.1 no such user"
    desk.put(Kind.MAIL, method, "TEST")
    desk.engine.drain()
    with desk.engine.store.read() as session:
        assert session.get_one(ContactMethod, method.id).unusable_at is not None


def test_what_no_setting_provides_for_waits_and_says_so(desk: Desk):
    method = desk.method(MethodKind.MOBILE, "0470 99 88 77")
    put = desk.put(Kind.SMS, method, "TEST")
    desk.engine.drain()
    message = desk.message(put)
    assert (message.status, message.code) == (State.PENDING, "no-supplier")
