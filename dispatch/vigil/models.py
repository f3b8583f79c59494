"""Tables of the vigil: what is wrong with the centre, boards that sound, the duty sheet."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.db import Base, Id, words


class Trouble(StrEnum):
    """What may be wrong with the centre."""

    ENGINE = "engine"
    """No engine is heard of: nobody is paged."""
    WEB = "web"
    """No web process is heard of: no alert comes in."""
    DATABASE = "database"
    """The database does not answer: no alert is taken in, and nobody is paged. It is kept nowhere
    but told outside."""
    OVERDUE = "overdue"
    """A message that is due does not leave."""
    SUPPLIER = "supplier"
    """A supplier takes nothing of ours."""
    NO_SUPPLIER = "no_supplier"
    """No supplier takes texts: people must be rung by hand."""
    CALLBACKS = "callbacks"
    """Suppliers call nothing back: replies may not be reaching us."""
    SOURCE = "source"
    """A source did not send the test alerts that it promised."""
    CLOCK = "clock"
    """Two clocks that must agree do not."""
    COVER = "cover"
    """Nobody, or nobody fit, will be on duty within the hour."""
    CHECK_IN = "check_in"
    """Whoever has a turn was asked in vain whether they are reached."""
    UNHEARD = "unheard"
    """Something needs a control room, no board there can sound, and it could not be rung."""
    WATCHDOG = "watchdog"
    """Whoever is to be told outside cannot be told."""


class Wrong(Base):
    """Something that is or was wrong, from when it was found until it was well again."""

    __tablename__ = "wrong"
    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(unique=True)
    organisation_id: Mapped[int | None] = mapped_column(sa.ForeignKey("organisation.id"))
    """Whose dispatchers are told; none: everybody's."""
    trouble: Mapped[Trouble] = mapped_column(words(Trouble))
    about: Mapped[str] = mapped_column(default="")
    """Tells one from another of the same kind: a supplier, a source, a stretch of a line."""
    facts: Mapped[dict[str, Any]]
    since: Mapped[datetime]
    """As far as it is known when it began."""
    found_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    """Somebody acts on it: it sounds no longer."""
    seen_by: Mapped[str] = mapped_column(default="")
    told: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """How far the outside watchdog knows, by the way that it is told: "began" or "ended"."""
    __table_args__ = (
        sa.Index(
            "ix_wrong_standing",
            "trouble",
            "about",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index("ix_wrong_ended_at", "ended_at"),
    )


class OpenBoard(Base):
    """A board that is open in a browser: whether it can sound, and when it last said so."""

    __tablename__ = "open_board"
    tab: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(
        sa.ForeignKey("organisation.id"), primary_key=True, index=True
    )
    sounds: Mapped[bool]
    at: Mapped[datetime]


class ConsoleCall(Base):
    """The last call to a control room because no board could sound there."""

    __tablename__ = "console_call"
    organisation_id: Mapped[int] = mapped_column(
        sa.ForeignKey("organisation.id"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime]
    alarms: Mapped[list[str]]
    """What was unseen at that moment."""


class SheetAddress(Base):
    """A mail address that an organisation's duty sheet goes to, with numbers."""

    __tablename__ = "sheet_address"
    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(unique=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"), index=True)
    sealed_address: Mapped[str]
    fingerprint: Mapped[str]
    added_at: Mapped[datetime]
    added_by: Mapped[str]
    __table_args__ = (sa.UniqueConstraint("organisation_id", "fingerprint"),)


class SheetSent(Base):
    """Which duty sheet an organisation has, and whether another one is on its way to it."""

    __tablename__ = "sheet_sent"
    organisation_id: Mapped[int] = mapped_column(
        sa.ForeignKey("organisation.id"), primary_key=True, autoincrement=False
    )
    digest: Mapped[str] = mapped_column(default="")
    """Of what was sent last."""
    sent_at: Mapped[datetime | None]
    pending: Mapped[str] = mapped_column(default="")
    """Of what differs from it, until it has stopped changing."""
    pending_since: Mapped[datetime | None]
