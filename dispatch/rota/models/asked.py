"""What people ask for: absences, wishes, swaps, and open turns that anybody may take.

Rows are never deleted: who asked, who decided and what became of it stays to be seen.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.db import Base, Id, words
from dispatch.rota.models.published import Cover, Line, Shift


class AbsenceKind(StrEnum):
    """Why somebody is away; no more is asked, for the rest is theirs."""

    LEAVE = "leave"
    SICK = "sick"
    TRAINING = "training"
    OTHER = "other"


class Answer(StrEnum):
    """What became of a request."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Absence(Base):
    """Somebody cannot, from an instant up to but not including another, in every team."""

    __tablename__ = "absence"
    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    kind: Mapped[AbsenceKind] = mapped_column(words(AbsenceKind))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    """None: nobody knows yet."""
    answer: Mapped[Answer] = mapped_column(words(Answer), default=Answer.ASKED)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    """Why it was refused."""
    __table_args__ = (sa.CheckConstraint("starts_at < ends_at", name="order"),)


class Room(Base):
    """A part of somebody's absence that gave way to a turn or cover, as long as that is theirs."""

    __tablename__ = "room"
    id: Mapped[Id]
    about: Mapped[str] = mapped_column(index=True)
    """The turn or cover: its table and uid."""
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    kind: Mapped[AbsenceKind] = mapped_column(words(AbsenceKind))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    __table_args__ = (sa.CheckConstraint("starts_at < ends_at", name="order"),)


class Wish(Base):
    """Somebody would rather have, or rather not have, a turn on some days, both included."""

    __tablename__ = "wish"
    id: Mapped[Id]
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"), index=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    wanted: Mapped[bool]
    first_on: Mapped[date]
    last_on: Mapped[date]
    kind: Mapped[str] = mapped_column(default="")
    """Kind of turn in the pattern's words; empty: any."""
    points: Mapped[int]
    """Taken from the budget of the period in which it begins."""
    asked_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    __table_args__ = (
        sa.CheckConstraint("first_on <= last_on", name="order"),
        sa.CheckConstraint("points > 0", name="points"),
    )


class SwapKind(StrEnum):
    """How a turn changes hands."""

    GIVE = "give"
    """Somebody takes the turn, or a part of it."""
    EXCHANGE = "exchange"
    """Two people take each other's turns."""
    LATE = "late"
    """Whoever takes over says so; it holds at once."""


class SwapState(StrEnum):
    """How far a swap is."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    """A planner must still agree."""
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    UNDONE = "undone"


class Swap(Base):
    """A turn, or a part of it, goes from one person to another."""

    __tablename__ = "swap"
    id: Mapped[Id]
    kind: Mapped[SwapKind] = mapped_column(words(SwapKind))
    shift_id: Mapped[int] = mapped_column(sa.ForeignKey("shift.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    """The whole turn, or the part of it."""
    other_shift_id: Mapped[int | None] = mapped_column(sa.ForeignKey("shift.id"))
    """What is taken in exchange."""
    from_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    to_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    """Who is asked; none: everybody of the team, until somebody accepts."""
    state: Mapped[SwapState] = mapped_column(words(SwapState), default=SwapState.OFFERED)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    accepted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    """Why a planner did it in spite of a rule, or refused it."""
    broken: Mapped[list[Any]] = mapped_column(default=list)
    """Keys of the rules that it breaks."""
    to_approve: Mapped[bool] = mapped_column(default=False)
    """It holds already; a planner still has to look at it."""
    cover_id: Mapped[int | None] = mapped_column(sa.ForeignKey("cover.id"))
    """The cover that it made."""
    shift: Mapped[Shift] = relationship(foreign_keys=[shift_id])
    other_shift: Mapped[Shift | None] = relationship(foreign_keys=[other_shift_id])
    cover: Mapped[Cover | None] = relationship()
    __table_args__ = (sa.CheckConstraint("starts_at < ends_at", name="order"),)


class OpenState(StrEnum):
    """How far an open turn is."""

    OPEN = "open"
    ASKED = "asked"
    """Somebody would take it; a planner must still agree."""
    TAKEN = "taken"
    WITHDRAWN = "withdrawn"


class OpenTurn(Base):
    """A gap in the published rota that members may sign up for."""

    __tablename__ = "open_turn"
    id: Mapped[Id]
    line_id: Mapped[int] = mapped_column(sa.ForeignKey("line.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[OpenState] = mapped_column(words(OpenState), default=OpenState.OPEN)
    offered_at: Mapped[datetime]
    offered_by: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    """Who signed up."""
    broken: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """Keys of the rules that it breaks that they have it."""
    to_approve: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """They have it already; a planner still has to look at it."""
    taken_at: Mapped[datetime | None]
    shift_id: Mapped[int | None] = mapped_column(sa.ForeignKey("shift.id"))
    line: Mapped[Line] = relationship()
    __table_args__ = (
        sa.CheckConstraint("starts_at < ends_at", name="order"),
        sa.Index(
            "uq_open_turn",
            "line_id",
            "starts_at",
            unique=True,
            sqlite_where=sa.text("state IN ('open', 'asked')"),
            postgresql_where=sa.text("state IN ('open', 'asked')"),
        ),
    )
