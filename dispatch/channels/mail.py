"""Mail by SMTP, handed to one server; only home of `smtplib`.

Promise: `send` ends within `SEND_DEADLINE_SECONDS` whatever the server or the network does, never
raises for it, and says SENT, FAILED or PENDING only when that is certain: until the server has been
asked to take the text nothing can have gone, and an attempt that was given up asks no more. The
Message-ID is made of our own id, so that a mail sent twice after a doubt is one and the same to
mailboxes. The server proves by its certificate who it is. SENT says that the server has it; nothing
is heard of a mail after that. What it says is decided elsewhere.
"""

import logging
import re
import smtplib
import ssl
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from dispatch import db
from dispatch.channels import segments, wire
from dispatch.channels.contract import DOCUMENT, Inbound, Kind, Outcome, Outgoing, Receipt, State
from dispatch.clock import Clock
from dispatch.texts import N_

_log = logging.getLogger(__name__)

#: For each answer of the server; all of them together end with the deadline.
_ANSWER_SECONDS = 5.0
#: A server that does not know us yet lets us wait ("greylisting").
_LATER_SECONDS = 15.0
_LONGEST_SUBJECT, _LONGEST_LINE = 120, 1600
_DOCUMENT_NAME = "dispatch.html"
#: Replies that mean the mailbox, where the server does not say it by an enhanced code.
_NO_MAILBOX = (550, 551, 553)
_ENHANCED = re.compile(rb"\A([245]\.\d{1,3})\.\d{1,3}\b")


class _Attempt:
    """How far an attempt has come, known to the thread that makes it and to the one that waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given_up = False
        self.begun = False
        """The server was asked to take the text: it may have."""
        self.recipient = False
        """The server is judging the recipient."""

    def hand_over(self) -> None:
        """Begin what cannot be taken back; raises TimeoutError when nobody waits any more."""
        with self._lock:
            if self._given_up:
                raise TimeoutError
            self.begun = True

    def give_up(self) -> None:
        """Begin nothing any more."""
        with self._lock:
            self._given_up = True


class MailChannel:
    """Sends mail."""

    name = "mail"
    kinds = frozenset({Kind.MAIL})
    alarms: Mapping[str, str] = {
        "smtp-535": N_("the mail server does not accept our name or password"),
        "smtp-unsafe": N_("the mail server offers no encryption"),
        "certificate": N_("the mail server did not prove who it is"),
    }

    def __init__(
        self,
        *,
        host: str,
        port: int,
        sender: str,
        clock: Clock,
        security: str = "starttls",
        certificates: str = "",
        username: str = "",
        password: str = "",
        sender_name: str = "",
    ) -> None:
        self._host, self._port, self._security = host, port, security
        self._sender, self._clock = sender, clock
        self._username, self._password = username, password
        self._from = formataddr((sender_name, sender))
        self._domain = sender.rpartition("@")[2]
        self._tls = ssl.create_default_context(cafile=certificates or None)

    def warm(self) -> bool:
        """Sign in; return whether the server is well."""
        db.outside_transaction()
        try:
            wire.within(wire.DEADLINE_SECONDS, self._greet)
        except Exception as error:  # noqa: BLE001 - no answer is an answer too
            _log.warning("mail: the server is not well: %s", _outcome(error, _Attempt()).code)
            return False
        return True

    def send(self, message: Outgoing) -> Outcome:
        """Make one attempt; end within `SEND_DEADLINE_SECONDS`; never raise."""
        db.outside_transaction()
        attempt = _Attempt()
        try:
            letter = self._letter(message)
            wire.within(wire.DEADLINE_SECONDS, lambda: self._deliver(message.to, letter, attempt))
        except Exception as error:  # noqa: BLE001 - whatever it is, the engine has to live on
            attempt.give_up()
            return _outcome(error, attempt)
        return Outcome(State.SENT, self._message_id(message))

    def look_up(self, kind: Kind, supplier_id: str) -> Receipt | None:
        """Return None: a server does not say what became of a mail."""
        return None

    def find(self, message: Outgoing, since: datetime, known: Collection[str]) -> Receipt | None:
        """Return None: a server does not say whether it has a mail."""
        return None

    def inbound(self, since: datetime) -> Sequence[Inbound]:
        """Return nothing: no mail is read."""
        return ()

    def _message_id(self, message: Outgoing) -> str:
        return f"<{message.uid}@{self._domain}>"

    def _letter(self, message: Outgoing) -> bytes:
        text, _, document = message.text.partition(DOCUMENT)
        lines = [segments.harmless(line, _LONGEST_LINE) for line in text.splitlines()]
        subject, body = (lines or [""])[0], "\n".join(lines[1:]).strip() or "\n".join(lines)
        # Seven bits, for a server may know no more, and lines that no server has to break.
        letter = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
        letter["From"], letter["To"] = self._from, message.to
        letter["Subject"] = subject[:_LONGEST_SUBJECT]
        letter["Date"] = format_datetime(self._clock.now())
        letter["Message-ID"] = self._message_id(message)
        # Nobody reads what an absent owner's mailbox answers.
        letter["Auto-Submitted"] = "auto-generated"
        letter["X-Auto-Response-Suppress"] = "All"
        if message.priority == 1:
            letter["Importance"] = "high"
        letter.set_content(body)
        if document:
            letter.add_attachment(document, subtype="html", filename=_DOCUMENT_NAME)
        return letter.as_bytes()

    @contextmanager
    def _signed_in(self) -> Iterator[smtplib.SMTP]:
        server = self._connect()
        try:
            if self._security == "starttls":
                # Refused where it is not offered: else whoever is in between could read along.
                server.starttls(context=self._tls)
            server.ehlo_or_helo_if_needed()
            if self._username:
                server.login(self._username, self._password)
            yield server
        finally:
            # What the server has it keeps, however it takes leave.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    def _connect(self) -> smtplib.SMTP:
        # Named outright: by default it asks the name service for our own name, and waits for it.
        name, seconds = self._domain, _ANSWER_SECONDS
        if self._security != "tls":
            return smtplib.SMTP(self._host, self._port, name, timeout=seconds)
        return smtplib.SMTP_SSL(self._host, self._port, name, timeout=seconds, context=self._tls)

    def _greet(self) -> None:
        with self._signed_in():
            pass

    def _deliver(self, to: str, letter: bytes, attempt: _Attempt) -> None:
        with self._signed_in() as server:
            _expect(server.mail(self._sender))
            attempt.recipient = True
            _expect(server.rcpt(to))
            attempt.recipient = False
            attempt.hand_over()
            _expect(server.data(letter))


def _expect(reply: tuple[int, bytes]) -> None:
    if not 200 <= reply[0] < 300:
        raise smtplib.SMTPResponseException(*reply)


def _outcome(error: Exception, attempt: _Attempt) -> Outcome:
    """Say what an error leaves us with: certainly nothing sent, or nobody knows."""
    match error:
        case smtplib.SMTPResponseException():
            return _refusal(error, attempt)
        case smtplib.SMTPNotSupportedError():
            return Outcome(State.FAILED, code="smtp-unsafe", fault=True)
        case smtplib.SMTPException() | OSError() if not attempt.begun:
            certificate = isinstance(error, ssl.SSLCertVerificationError)
            code = "certificate" if certificate else "connection"
            return Outcome(State.PENDING, code=code, retry_after=wire.SOON_SECONDS, fault=True)
        case TimeoutError():
            return Outcome(State.UNKNOWN, code="timeout")
        case smtplib.SMTPException() | OSError():
            return Outcome(State.UNKNOWN, code="connection")
        case _ if not attempt.begun:
            return Outcome(State.FAILED, code="unwritable")
        case _:
            return Outcome(State.UNKNOWN, code="nonsense")


def _refusal(error: smtplib.SMTPResponseException, attempt: _Attempt) -> Outcome:
    """Read a refusal: 4xx is for now, 5xx for good; of us, of the mailbox or of the text."""
    status, reply = error.smtp_code, error.smtp_error
    reply = reply if isinstance(reply, bytes) else str(reply).encode()
    enhanced = _ENHANCED.match(reply)
    subject = enhanced[1] if enhanced else b""
    code = f"smtp-{status}"
    # 5.7: we may not send there, whoever it is.
    ours = status == 421 or subject == b"5.7" or not (attempt.recipient or attempt.begun)
    if 400 <= status < 500:
        return Outcome(State.PENDING, code=code, retry_after=_LATER_SECONDS, fault=ours)
    mailbox = subject == b"5.1" if subject else status in _NO_MAILBOX
    return Outcome(
        State.FAILED, code=code, permanent=attempt.recipient and mailbox and not ours, fault=ours
    )
