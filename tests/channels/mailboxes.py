"""A real SMTP server, and what it does with the mail that it is handed."""

import asyncio
import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope, Session

from tests.simulated import free_port


class Mailbox:
    """What the server does with what it is handed, by the step of the protocol."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.replies: dict[str, str] = {}
        """MAIL, RCPT or DATA: what is answered instead."""
        self.hang: dict[str, float] = {}

    async def _met(self, step: str) -> str | None:
        await asyncio.sleep(self.hang.get(step, 0))
        return self.replies.get(step)

    async def handle_MAIL(  # noqa: N802 - named by the server
        self, server, session: Session, envelope: Envelope, address, options
    ):
        envelope.mail_from = address
        return await self._met("MAIL") or "250 OK"

    async def handle_RCPT(  # noqa: N802 - named by the server
        self, server, session: Session, envelope: Envelope, address, options
    ):
        envelope.rcpt_tos.append(address)
        return await self._met("RCPT") or "250 OK"

    async def handle_DATA(self, server, session, envelope: Envelope):  # noqa: N802 - the same
        refused = await self._met("DATA")
        if refused is None:
            content = envelope.content
            assert isinstance(content, bytes)
            self.letters.append(email.message_from_bytes(content, policy=email.policy.default))
            self.recipients += envelope.rcpt_tos
        return refused or "250 OK: taken"


@contextmanager
def listening(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """Serve SMTP in a thread; give the port."""
    port = free_port()
    server = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    server.start()
    try:
        yield port
    finally:
        server.stop()
