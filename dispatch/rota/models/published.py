"""Tables of the published rota.

`Shift` holds published turns only. A row is never deleted: cancelling leaves it as a tombstone, so
that calendars learn of it. The database itself refuses two shifts of one line at the same time.
"""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.db import Base, Id


class Line(Base):
    """One seat of a team's rota: primary, backup."""

    __tablename__ = "line"
    id: Mapped[Id]
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"), index=True)
    key: Mapped[str]
    """primary and backup are the words that escalation policies know."""
    name: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    __table_args__ = (sa.UniqueConstraint("team_id", "key"),)


class Shift(Base):
    """One person on one line, from an instant up to but not including another."""

    __tablename__ = "shift"
    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(unique=True)
    """Stable for life: the calendar's UID."""
    line_id: Mapped[int] = mapped_column(sa.ForeignKey("line.id"))
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    sequence: Mapped[int] = mapped_column(default=0)
    """Grows with every change; never falls."""
    changed_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]
    line: Mapped[Line] = relationship()
    covers: Mapped[list["Cover"]] = relationship(back_populates="shift")
    __table_args__ = (
        sa.CheckConstraint("starts_at < ends_at", name="order"),
        sa.Index("ix_shift_line_during", "line_id", "starts_at", "ends_at"),
    )


class Cover(Base):
    """Somebody takes a shift, or part of it. Covers of one shift do not overlap."""

    __tablename__ = "cover"
    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(unique=True)
    shift_id: Mapped[int] = mapped_column(sa.ForeignKey("shift.id"), index=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    sequence: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]
    shift: Mapped[Shift] = relationship(back_populates="covers")
    __table_args__ = (sa.CheckConstraint("starts_at < ends_at", name="order"),)


class Version(Base):
    """What one publishing changed, and by which days it was planned."""

    __tablename__ = "rota_version"
    id: Mapped[Id]
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"))
    number: Mapped[int]
    """1, 2, 3, ... of each team."""
    draft_id: Mapped[int | None] = mapped_column(sa.ForeignKey("rota_draft.id"))
    first_on: Mapped[date]
    last_on: Mapped[date]
    published_at: Mapped[datetime]
    published_by: Mapped[str]
    seconded_by: Mapped[str] = mapped_column(default="")
    """The second planner, where two are asked for."""
    days: Mapped[list[Any]] = mapped_column(default=list)
    """The days that mattered, as they stood: a library's update must not rewrite history."""
    changes: Mapped[list[Any]] = mapped_column(default=list)
    """What differed, in order: line, person, start and end as they were and as they are."""
    undoes: Mapped[int | None]
    """The number of the version that this one takes back."""
    undo_asked_at: Mapped[datetime | None]
    undo_asked_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    """Who would take it back, where another planner must agree."""
    __table_args__ = (sa.UniqueConstraint("team_id", "number"),)


class Warned(Base):
    """Somebody was warned of something once and is not warned of it again."""

    __tablename__ = "rota_warned"
    id: Mapped[Id]
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"))
    about: Mapped[str]
    at: Mapped[datetime]
    __table_args__ = (sa.UniqueConstraint("team_id", "about"),)


class HeavyCall(Base):
    """Somebody of a team went for something that weighs on people; which thing is not said."""

    __tablename__ = "heavy_call"
    id: Mapped[Id]
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"))
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    at: Mapped[datetime]
    about: Mapped[str] = mapped_column(unique=True)
    """Whose word it is, so that it is counted once."""


def _no_overlap_sqlite(table: str, key: str) -> list[str]:
    """Triggers that refuse two uncancelled rows of one `key` at the same time."""
    clash = (
        f"EXISTS (SELECT 1 FROM {table} AS other WHERE other.{key} = NEW.{key}"
        " AND other.id <> NEW.id AND other.cancelled_at IS NULL"
        " AND other.starts_at < NEW.ends_at AND NEW.starts_at < other.ends_at)"
    )
    return [
        f"CREATE TRIGGER {table}_no_overlap_{event.lower()} AFTER {event} ON {table}"
        f" WHEN NEW.cancelled_at IS NULL AND {clash}"
        f" BEGIN SELECT RAISE(ABORT, '{table} overlaps'); END"
        for event in ("INSERT", "UPDATE")
    ]


def _no_overlap_postgresql(table: str, key: str) -> list[str]:
    """A constraint that needs no extension: the key is written as a range of one number."""
    return [
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_no_overlap EXCLUDE USING gist"
        f" (int8range({key}, {key}, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&)"
        " WHERE (cancelled_at IS NULL)"
    ]


#: By dialect; the migration runs the same statements.
NO_OVERLAP = {
    "sqlite": _no_overlap_sqlite("shift", "line_id") + _no_overlap_sqlite("cover", "shift_id"),
    "postgresql": _no_overlap_postgresql("shift", "line_id")
    + _no_overlap_postgresql("cover", "shift_id"),
}

for _dialect, _statements in NO_OVERLAP.items():
    for _statement in _statements:
        sa.event.listen(
            Base.metadata,
            "after_create",
            sa.DDL(_statement.replace("%", "%%")).execute_if(dialect=_dialect),  # type: ignore[no-untyped-call]
        )
