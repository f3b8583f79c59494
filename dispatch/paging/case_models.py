"""Tables of what a dispatcher owes to whoever goes: the facts by telephone, and relief."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.db import Base
from dispatch.paging.models import Assignment


class FactsCall(Base):
    """Somebody goes without having seen the facts: a dispatcher was asked to tell them."""

    __tablename__ = "facts_call"
    assignment_id: Mapped[int] = mapped_column(
        sa.ForeignKey("assignment.id"), primary_key=True, autoincrement=False
    )
    asked_at: Mapped[datetime]
    given_at: Mapped[datetime | None]
    given_by: Mapped[str] = mapped_column(default="")
    """Empty: they have opened the facts themselves since."""
    assignment: Mapped[Assignment] = relationship()
    __table_args__ = (
        sa.Index(
            "ix_facts_call_open",
            "asked_at",
            sqlite_where=sa.text("given_at IS NULL"),
            postgresql_where=sa.text("given_at IS NULL"),
        ),
    )


class Relief(Base):
    """Somebody has worked for long: the dispatcher was asked whether another takes over."""

    __tablename__ = "relief"
    assignment_id: Mapped[int] = mapped_column(
        sa.ForeignKey("assignment.id"), primary_key=True, autoincrement=False
    )
    asked_at: Mapped[datetime]
    called_at: Mapped[datetime | None]
    """Somebody is being called to take over."""
    called_by: Mapped[str] = mapped_column(default="")
    handed_over_at: Mapped[datetime | None]
    assignment: Mapped[Assignment] = relationship()
