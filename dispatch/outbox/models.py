"""Tables of the outbox: a row for each message, each text that came in, and each supplier."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.channels.contract import Kind, State
from dispatch.db import Base, Id, words


class Purpose(StrEnum):
    """What a message is for; each kind of text begins with its own word."""

    CALLOUT = "callout"
    STAND_DOWN = "stand_down"
    NOTICE = "notice"
    ANSWER = "answer"
    CONTROL_ROOM = "control_room"
    CODE = "code"


class Message(Base):
    """One SMS, call, mail or push."""

    __tablename__ = "message"
    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(unique=True)
    """Stands in the callback address."""
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"))
    """Whose key seals it."""
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    contact_method_id: Mapped[int | None] = mapped_column(sa.ForeignKey("contact_method.id"))
    kind: Mapped[Kind] = mapped_column(words(Kind))
    purpose: Mapped[Purpose] = mapped_column(words(Purpose))
    about: Mapped[str] = mapped_column(default="", index=True)
    """What it belongs to, in the words of whoever put it in; the outbox does not read it."""
    priority: Mapped[int] = mapped_column(default=1)
    language: Mapped[str] = mapped_column(default="en")
    gather: Mapped[bool] = mapped_column(default=False)
    sealed_address: Mapped[str]
    fingerprint: Mapped[str] = mapped_column(default="", index=True)
    sealed_text: Mapped[str]
    status: Mapped[State] = mapped_column(words(State))
    channel: Mapped[str] = mapped_column(default="")
    """Which supplier took it, has it in doubt, or is to be tried next."""
    sender: Mapped[str] = mapped_column(default="", server_default="")
    """The supplier's number that it leaves from; empty: the supplier's usual one."""
    supplier_id: Mapped[str] = mapped_column(default="", index=True)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    """When the engine must next look at it: to send it, to ask about it; none: nothing to do."""
    expires_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    resent: Mapped[int] = mapped_column(default=0)
    """How often it may have been sent again after an attempt whose outcome stayed unclear."""
    tries: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """[{n, by, began, ended, state, code, id}]: each attempt, its supplier and what that answered,
    as far as it was heard before the engine ended."""
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    """For a call: picked up."""
    failed_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]
    """Last word of the supplier, by callback or when asked."""
    code: Mapped[str] = mapped_column(default="")
    __table_args__ = (
        sa.Index(
            "ix_message_due",
            "due_at",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        ),
    )


class InboundText(Base):
    """A text that came in, by callback or when asked; the supplier's id makes it once."""

    __tablename__ = "inbound_text"
    id: Mapped[Id]
    uid: Mapped[str]
    supplier_id: Mapped[str] = mapped_column(unique=True)
    fingerprint: Mapped[str] = mapped_column(index=True)
    sealed_body: Mapped[str]
    received_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(default="")


class Breaker(StrEnum):
    """Whether a supplier is trusted with messages."""

    CLOSED = "closed"
    """It is."""
    OPEN = "open"
    """It is not, while another works."""
    HALF_OPEN = "half_open"
    """It says that it is well again, and gets one message to show it."""


class Supplier(Base):
    """What is known of a supplier, for every process."""

    __tablename__ = "supplier"
    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    state: Mapped[Breaker] = mapped_column(words(Breaker))
    changed_at: Mapped[datetime]
    faults: Mapped[int] = mapped_column(default=0)
    """In a row."""
    openings: Mapped[int] = mapped_column(default=0)
    """In a row: each doubles the pause."""
    window_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    """Since `window_at`."""
    unclear: Mapped[int] = mapped_column(default=0)
    """Of these attempts."""
    code: Mapped[str] = mapped_column(default="")
    """Of the last fault."""
    faulted_at: Mapped[datetime | None]
    worked_at: Mapped[datetime | None]
    """When it last took or judged a message."""
    asked_at: Mapped[datetime | None]
    """When it was last asked whether it is well."""
    retry_at: Mapped[datetime | None]
    """While open: when to ask it again."""
    trial_until: Mapped[datetime | None]
    """While half open: until when one message has the trial."""


class Sender(Base):
    """A number of a supplier's that passes on no more than so many texts a second."""

    __tablename__ = "sender"
    id: Mapped[Id]
    supplier: Mapped[str]
    number: Mapped[str]
    free_at: Mapped[datetime]
    """When it has passed on what it was given."""
    __table_args__ = (sa.UniqueConstraint("supplier", "number"),)
