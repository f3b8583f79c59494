"""Tables of the checks: one row for each time that somebody was asked, and what was chosen."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.db import Base, Id, words
from dispatch.people.models import Person


class CheckKind(StrEnum):
    """Why somebody is written to."""

    CHECK_IN = "check_in"
    """Their turn begins: they answer that they are reached."""
    TEST = "test"
    """They were off duty for long, or asked for it themselves."""
    REMINDER = "reminder"
    """Their turn comes; nothing is answered."""


class Stage(StrEnum):
    """How far the asking went; each comes after the one before, none twice."""

    TEXTED = "texted"
    CALLED = "called"
    OUTGOING = "outgoing"
    """Whoever is still on duty was rung and asked to stay."""
    COORDINATOR = "coordinator"
    BOARD = "board"
    """A dispatcher has to ring."""


class CheckEnd(StrEnum):
    """How a check ended."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    MOVED = "moved"
    """The turn went to somebody else, or was over."""
    SENT = "sent"
    """A reminder: nothing was asked."""


class Check(Base):
    """Somebody is asked, once for one reason, whether they are reached."""

    __tablename__ = "reach_check"
    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(unique=True)
    about: Mapped[str] = mapped_column(unique=True)
    """Why, so that two engines or a crash never ask for the same twice."""
    kind: Mapped[CheckKind] = mapped_column(words(CheckKind))
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"))
    line_id: Mapped[int | None] = mapped_column(sa.ForeignKey("line.id"))
    method_id: Mapped[int | None] = mapped_column(sa.ForeignKey("contact_method.id"))
    """The one telephone that is tried: a line's, or the one that its owner tests."""
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    """The turn, or until when an answer is waited for."""
    code: Mapped[str] = mapped_column(default="")
    token_hash: Mapped[str] = mapped_column(default="", index=True)
    stage: Mapped[Stage] = mapped_column(words(Stage))
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    """When to go a stage further; none: nobody is left to be told."""
    refused_at: Mapped[datetime | None]
    """They answered that they cannot, or have not got the line's telephone."""
    outgoing_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    """Who was asked to stay."""
    heard_at: Mapped[datetime | None]
    """When whoever was asked to stay confirmed it."""
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str] = mapped_column(default="")
    """sms, call, link, screen, callout, or the name of whoever rang."""
    ended_at: Mapped[datetime | None]
    outcome: Mapped[CheckEnd | None] = mapped_column(words(CheckEnd))
    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    outgoing: Mapped[Person | None] = relationship(foreign_keys=[outgoing_id])
    __table_args__ = (
        sa.Index(
            "ix_reach_check_open",
            "due_at",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )


class CheckTerms(Base):
    """What a team chose; where there is no row, the defaults below hold."""

    __tablename__ = "check_terms"
    id: Mapped[Id]
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"), unique=True)
    check_ins: Mapped[bool] = mapped_column(default=True)
    lead_minutes: Mapped[int] = mapped_column(default=30)
    """How long before a turn its holder is asked; a line's own telephone at its beginning."""
    wait_minutes: Mapped[int] = mapped_column(default=10)
    """Between two stages."""
    tests: Mapped[bool] = mapped_column(default=True)
    reminder_hours: Mapped[int] = mapped_column(default=24)
    """How long before a turn its holder is reminded, unless they chose otherwise; 0: not at all."""


class ReminderChoice(Base):
    """How somebody wants to be reminded of their turns."""

    __tablename__ = "reminder_choice"
    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), unique=True)
    hours: Mapped[int]
    """0: not at all."""
    by_mail: Mapped[bool] = mapped_column(default=False)
