"""Tables of what holds incidents together, and of what is asked and told about one of them.

Answers to questions are sealed under the organisation's key, each bound to its own row.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.db import Base, Id
from dispatch.incidents.models import Incident
from dispatch.people.models import Person


class IncidentLink(Base):
    """Two incidents of one case, because a dispatcher said so; the lower id first."""

    __tablename__ = "incident_link"
    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id"))
    other_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id"), index=True)
    linked_at: Mapped[datetime]
    linked_by: Mapped[str]
    __table_args__ = (sa.UniqueConstraint("incident_id", "other_id"),)


class Merge(Base):
    """One report of an event that another incident stands for; or two that somebody keeps apart."""

    __tablename__ = "incident_merge"
    id: Mapped[Id]
    report_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id"), index=True)
    into_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id"), index=True)
    merged_at: Mapped[datetime]
    merged_by: Mapped[str] = mapped_column(default="")
    """Empty: it joined by itself, as a dispatcher had set."""
    wants: Mapped[list[Any]] = mapped_column(default=list)
    """The wants of the report that ended with it: they begin again when it is taken apart."""
    cancelled_at: Mapped[datetime | None]
    """Its own source has cancelled it since."""
    ended_at: Mapped[datetime | None]
    """Taken apart, or never joined: the two are not proposed again."""
    report: Mapped[Incident] = relationship(foreign_keys=report_id)
    into: Mapped[Incident] = relationship(foreign_keys=into_id)
    __table_args__ = (
        sa.Index(
            "uq_incident_merge_standing",
            "report_id",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )


class Gathering(Base):
    """What an incident needs that many reports tell of, or that many people go for."""

    __tablename__ = "gathering"
    incident_id: Mapped[int] = mapped_column(
        sa.ForeignKey("incident.id"), primary_key=True, autoincrement=False
    )
    joins_until: Mapped[datetime | None]
    """Disaster mode: until then, alerts like it join by themselves."""
    lead_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    """The officer who leads."""
    relief_hours: Mapped[int]
    """After so long the dispatcher is asked whether somebody takes over; 0: never."""
    cancelled_at: Mapped[datetime | None]
    """Its own source has cancelled it while other reports stand."""
    incident: Mapped[Incident] = relationship()
    lead: Mapped[Person | None] = relationship()
    __table_args__ = (
        sa.Index(
            "ix_gathering_joins_until",
            "joins_until",
            sqlite_where=sa.text("joins_until IS NOT NULL"),
            postgresql_where=sa.text("joins_until IS NOT NULL"),
        ),
    )


class Question(Base):
    """What a dispatcher asks before an officer leaves, for one kind of incident or for every.

    A row is one wording; what came in before it, or after it, is asked by another.
    """

    __tablename__ = "briefing_question"
    id: Mapped[Id]
    category_id: Mapped[int | None] = mapped_column(sa.ForeignKey("category.id"), index=True)
    """None: for every kind that has no questions of its own."""
    key: Mapped[str]
    names: Mapped[dict[str, Any]]
    """The question by language."""
    position: Mapped[int]
    told_by: Mapped[str] = mapped_column(default="")
    """What of an alert answers it already, of `asking.TELLS`; empty: nothing does."""
    from_at: Mapped[datetime | None]
    """None: from the beginning."""
    retired_at: Mapped[datetime | None]
    __table_args__ = (
        sa.Index(
            "uq_briefing_question_in_force",
            "category_id",
            "key",
            unique=True,
            sqlite_where=sa.text("retired_at IS NULL"),
            postgresql_where=sa.text("retired_at IS NULL"),
        ),
    )


class Answer(Base):
    """What was answered to a question; a later answer is a row of its own."""

    __tablename__ = "briefing_answer"
    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(unique=True)
    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id"), index=True)
    question: Mapped[str]
    """Its key: the answer stays when the incident becomes one of another kind."""
    sealed_words: Mapped[str]
    answered_at: Mapped[datetime]
    answered_by: Mapped[str]
