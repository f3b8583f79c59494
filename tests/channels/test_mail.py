"""Mail: against a real SMTP server that takes, refuses, hangs or is somebody else's."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dispatch.channels import wire
from dispatch.channels.contract import Kind, Outcome, Outgoing, State
from dispatch.channels.mail import MailChannel
from dispatch.clock import ManualClock, SystemClock, monotonic
from tests.channels.mailboxes import Mailbox, listening
from tests.simulated import free_port

AN = "an.peeters@zone.example"
TEXT = "OPROEP D7K-4QX P1\nGa nu. Antwoord op de telefoon: JA of NEE."


def mail(to: str = AN, body: str = TEXT, priority: int = 1) -> Outgoing:
    return Outgoing("m1", Kind.MAIL, to, body, "nl", 1800, priority=priority)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


def channel_to(port: int, **given: Any) -> MailChannel:
    usual = {"host": "127.0.0.1", "security": "none", "sender": "dispatch@zone.example"}
    return MailChannel(**{**usual, "port": port, "clock": SystemClock(), **given})


@pytest.fixture
def channel(mailbox: Mailbox) -> Iterator[MailChannel]:
    with listening(mailbox) as port:
        yield channel_to(port, sender_name="Wacht Dender")


# --- what arrives


def test_a_mail_arrives_with_its_first_line_as_subject(channel: MailChannel, mailbox: Mailbox):
    assert channel.send(mail()) == Outcome(State.SENT, "<m1@zone.example>")
    (letter,) = mailbox.letters
    assert mailbox.recipients == [AN]
    assert letter["Subject"] == "OPROEP D7K-4QX P1"
    assert letter.get_content().strip() == "Ga nu. Antwoord op de telefoon: JA of NEE."
    assert letter.get_content_type() == "text/plain"
    assert letter["From"] == "Wacht Dender <dispatch@zone.example>"
    assert letter["To"] == AN


def test_a_mail_sent_twice_is_one_and_the_same(channel: MailChannel, mailbox: Mailbox):
    for _ in range(2):
        channel.send(mail())
    assert {letter["Message-ID"] for letter in mailbox.letters} == {"<m1@zone.example>"}


def test_a_mail_asks_no_machine_for_an_answer(channel: MailChannel, mailbox: Mailbox):
    for priority in (1, 3):
        channel.send(mail(priority=priority))
    urgent, other = mailbox.letters
    assert urgent["Auto-Submitted"] == "auto-generated"
    assert (urgent["Importance"], other["Importance"]) == ("high", None)


def test_every_letter_and_a_leading_dot_arrive(channel: MailChannel, mailbox: Mailbox):
    channel.send(mail(body="PROEF\n.één\n..två naïve œuvre €\n" + "å" * 1200))
    (letter,) = mailbox.letters
    lines = letter.get_content().splitlines()
    assert lines == [".één", "..två naïve œuvre €", "å" * 1200]
    assert max(map(len, letter.as_bytes().splitlines())) < 998


@pytest.mark.parametrize("body", ["TEST\r\nBcc: all@zone.example", "TEST\nBcc: all@zone.example"])
def test_no_text_becomes_a_header(channel: MailChannel, mailbox: Mailbox, body: str):
    channel.send(mail(body=body))
    (letter,) = mailbox.letters
    assert (letter["Subject"], letter["Bcc"]) == ("TEST", None)
    assert mailbox.recipients == [AN]


def test_an_address_that_would_be_a_header_goes_nowhere(channel: MailChannel, mailbox: Mailbox):
    outcome = channel.send(mail(to="an@zone.example\r\nBcc: all@zone.example"))
    assert outcome == Outcome(State.FAILED, code="unwritable")
    assert mailbox.letters == []


def test_nothing_more_is_heard_of_a_mail(channel: MailChannel):
    since = datetime(2026, 3, 14, tzinfo=UTC)
    assert channel.look_up(Kind.MAIL, "<m1@zone.example>") is None
    assert channel.find(mail(), since, ()) is None
    assert channel.inbound(since) == ()
    assert channel.warm()


def test_the_date_is_the_clocks(mailbox: Mailbox, clock: ManualClock):
    with listening(mailbox) as port:
        channel_to(port, clock=clock).send(mail())
    assert mailbox.letters[0]["Date"] == "Sat, 14 Mar 2026 13:02:00 +0000"


# --- what is refused


@pytest.mark.parametrize(
    ("step", "reply", "outcome"),
    [
        ("RCPT", "550 5.1.1 no such user", Outcome(State.FAILED, "", "smtp-550", permanent=True)),
        ("RCPT", "550 No such user", Outcome(State.FAILED, "", "smtp-550", permanent=True)),
        ("RCPT", "552 5.2.2 mailbox full", Outcome(State.FAILED, "", "smtp-552")),
        ("RCPT", "550 5.7.1 relay denied", Outcome(State.FAILED, "", "smtp-550", fault=True)),
        ("RCPT", "451 4.7.1 greylisted", Outcome(State.PENDING, "", "smtp-451", False, 15.0)),
        (
            "RCPT",
            "421 4.3.2 closing down",
            Outcome(State.PENDING, "", "smtp-421", False, 15.0, fault=True),
        ),
        ("MAIL", "550 sender refused", Outcome(State.FAILED, "", "smtp-550", fault=True)),
        (
            "MAIL",
            "452 4.3.1 disk full",
            Outcome(State.PENDING, "", "smtp-452", False, 15.0, fault=True),
        ),
        ("DATA", "554 5.6.0 not this text", Outcome(State.FAILED, "", "smtp-554")),
        ("DATA", "451 4.3.0 try again", Outcome(State.PENDING, "", "smtp-451", False, 15.0)),
    ],
)
def test_a_refusal_is_read_by_its_code_and_its_place(
    channel: MailChannel, mailbox: Mailbox, step: str, reply: str, outcome: Outcome
):
    mailbox.replies[step] = reply
    assert channel.send(mail()) == outcome
    assert mailbox.letters == []


def test_nobody_listening_means_that_nothing_left():
    outcome = channel_to(free_port()).send(mail())
    assert outcome == Outcome(State.PENDING, "", "connection", False, 2.0, fault=True)
    assert not channel_to(free_port()).warm()


def test_an_answer_that_does_not_come_after_the_text_leaves_it_open(
    channel: MailChannel, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(wire, "DEADLINE_SECONDS", 0.4)
    mailbox.hang["DATA"] = 1.0
    begun = monotonic()
    assert channel.send(mail()) == Outcome(State.UNKNOWN, code="timeout")
    assert monotonic() - begun < 0.9


def test_an_attempt_that_was_given_up_hands_over_nothing_later(
    channel: MailChannel, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
):
    """Else what was said not to have gone would go after all, beside the second attempt."""
    monkeypatch.setattr(wire, "DEADLINE_SECONDS", 0.3)
    mailbox.hang["RCPT"] = 0.6
    assert channel.send(mail()).state is State.PENDING
    for thread in threading.enumerate():
        if thread.name == "supplier":
            thread.join(5)
    assert mailbox.letters == []


def test_a_connection_cut_after_the_text_leaves_it_open():
    with _cutting_after_the_text() as port:
        assert channel_to(port).send(mail()) == Outcome(State.UNKNOWN, code="connection")


@contextmanager
def _cutting_after_the_text() -> Iterator[int]:
    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb", buffering=0) as lines:
            for reply in (b"220 hello", b"250 hello", b"250 sender", b"250 recipient", b"354 go"):
                lines.write(reply + b"\r\n")
                if reply != b"354 go":
                    lines.readline()
            while lines.readline() not in (b".\r\n", b""):
                continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


# --- who the server is


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A server's certificate that only whoever is told trusts, and the server's side of TLS."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = SystemClock().now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "server.pem", folder / "server.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_proves_by_its_certificate_who_it_is(
    mailbox: Mailbox, certificate: tuple[Path, ssl.SSLContext], security: str
):
    trusted, context = certificate
    options: dict[str, Any] = {"tls_context": context, "require_starttls": True}
    if security == "tls":
        options = {"ssl_context": context}
    with listening(mailbox, server_hostname="localhost", **options) as port:
        secure = {"security": security, "host": "localhost"}
        known = channel_to(port, **secure, certificates=str(trusted)).send(mail())
        stranger = channel_to(port, **secure).send(mail())
        misnamed = channel_to(port, security=security, certificates=str(trusted)).send(mail())
    refused = Outcome(State.PENDING, "", "certificate", False, 2.0, fault=True)
    assert (known.state, stranger, misnamed) == (State.SENT, refused, refused)
    assert len(mailbox.letters) == 1


def test_a_server_that_offers_no_encryption_gets_nothing(mailbox: Mailbox):
    with listening(mailbox) as port:
        outcome = channel_to(port, security="starttls").send(mail())
    assert outcome == Outcome(State.FAILED, "", "smtp-unsafe", fault=True)
    assert mailbox.letters == []


def test_a_password_lets_us_in_or_keeps_everything_out(
    mailbox: Mailbox, certificate: tuple[Path, ssl.SSLContext]
):
    trusted, context = certificate

    def judge(_server, _session, _envelope, _mechanism, given) -> AuthResult:
        return AuthResult(success=given.password == b"right", handled=False)

    options = {"tls_context": context, "authenticator": judge, "auth_required": True}
    with listening(mailbox, **options) as port:
        secure = {"security": "starttls", "host": "localhost", "certificates": str(trusted)}
        right = channel_to(port, **secure, username="dispatch", password="right")
        wrong = channel_to(port, **secure, username="dispatch", password="wrong")
        assert right.warm()
        assert right.send(mail()).state is State.SENT
        assert not wrong.warm()
        assert wrong.send(mail()) == Outcome(State.FAILED, "", "smtp-535", fault=True)
