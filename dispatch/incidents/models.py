"""Tables of incidents and categories.

What tells of people and of what happened is sealed under the organisation's key and bound to the
incident's reference; what is plain (category, municipality, instants) may be searched.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.db import Base, Id, words
from dispatch.people.models import Organisation, Qualification, Team


class ResponseMode(StrEnum):
    """How fast somebody must be with the victim."""

    GO_NOW = "go_now"
    RING_15 = "ring_15"
    APPOINTMENT = "appointment"


class Category(Base):
    """A kind of incident. Rows are data: an organisation may add its own."""

    __tablename__ = "category"
    id: Mapped[Id]
    key: Mapped[str] = mapped_column(unique=True)
    number: Mapped[int] = mapped_column(unique=True)
    """The digits that choose it on a keyboard."""
    names: Mapped[dict[str, Any]]
    priority: Mapped[int]
    response_mode: Mapped[ResponseMode] = mapped_column(words(ResponseMode))
    retired_at: Mapped[datetime | None]
    silent_minutes: Mapped[int | None]
    """After so long without being on the way, the console asks; none: as the settings say."""
    wants: Mapped[list["CategoryWant"]] = relationship(
        back_populates="category", order_by="CategoryWant.id"
    )


class CategoryWant(Base):
    """Whom a category wants: so many people of a team with this function, trained for it."""

    __tablename__ = "category_want"
    id: Mapped[Id]
    category_id: Mapped[int] = mapped_column(sa.ForeignKey("category.id"), index=True)
    function: Mapped[str]
    people: Mapped[int] = mapped_column(default=1)
    qualification_id: Mapped[int | None] = mapped_column(sa.ForeignKey("qualification.id"))
    substitute_id: Mapped[int | None] = mapped_column(sa.ForeignKey("qualification.id"))
    """What serves instead where nobody on duty has what is wanted; none: nothing does."""
    side: Mapped[str] = mapped_column(default="", server_default="")
    """Whom they are there for; empty: the victims. Nobody goes to two sides of one case."""
    category: Mapped[Category] = relationship(back_populates="wants")
    qualification: Mapped[Qualification | None] = relationship(foreign_keys=[qualification_id])


class FlagWant(Base):
    """Whom a flag wants beside the category: children are there, so social on-call comes too."""

    __tablename__ = "flag_want"
    id: Mapped[Id]
    flag: Mapped[str]
    """Of `alerts.FLAGS`."""
    function: Mapped[str]
    people: Mapped[int] = mapped_column(default=1)
    qualification_id: Mapped[int | None] = mapped_column(sa.ForeignKey("qualification.id"))
    qualification: Mapped[Qualification | None] = relationship()
    __table_args__ = (sa.UniqueConstraint("flag", "function"),)


class IncidentStatus(StrEnum):
    """From alert to closing."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Incident(Base):
    """One event."""

    __tablename__ = "incident"
    id: Mapped[Id]
    reference: Mapped[str] = mapped_column(unique=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"))
    source_id: Mapped[int | None] = mapped_column(sa.ForeignKey("source.id"))
    source_reference: Mapped[str | None]
    status: Mapped[IncidentStatus] = mapped_column(words(IncidentStatus))
    category_id: Mapped[int | None] = mapped_column(sa.ForeignKey("category.id"))
    """None: unclassified."""
    priority: Mapped[int]
    response_mode: Mapped[ResponseMode] = mapped_column(words(ResponseMode))
    municipality: Mapped[str] = mapped_column(default="")
    postcode: Mapped[str] = mapped_column(default="")
    occurred_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    appointment_at: Mapped[datetime | None]
    """When somebody is to be there, if that was agreed."""
    begins_at: Mapped[datetime | None]
    """Nobody is paged before; none: at once. Set for an appointment, or by quiet hours."""
    drill: Mapped[bool] = mapped_column(default=False)
    recorded_afterwards: Mapped[bool] = mapped_column(default=False)
    wishes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    barred: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    """To whom the case is closed, by the person's id: "dispatcher" or "self", who decided so."""
    flags: Mapped[dict[str, Any]] = mapped_column(default=dict)
    problems: Mapped[list[Any]] = mapped_column(default=list)
    """[{field, detail}]; a detail never repeats what was sent."""
    sealed_facts: Mapped[str] = mapped_column(default="")
    """JSON: summary, place, contact, persons."""
    sealed_narrative: Mapped[str] = mapped_column(default="")
    """Apart, because reading it needs a reason."""
    sealed_unknown: Mapped[str] = mapped_column(default="")
    """JSON: fields that were not understood, as they came."""
    organisation: Mapped[Organisation] = relationship()
    category: Mapped[Category | None] = relationship()
    wants: Mapped[list["Want"]] = relationship(back_populates="incident", order_by="Want.id")
    alarms: Mapped[list["Alarm"]] = relationship(back_populates="incident", order_by="Alarm.id")
    __table_args__ = (
        sa.UniqueConstraint("source_id", "source_reference"),
        sa.Index("ix_incident_board", "organisation_id", "status", "received_at"),
    )


class Want(Base):
    """What an incident wants of one team, and who decided so."""

    __tablename__ = "want"
    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id"), index=True)
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"))
    people: Mapped[int] = mapped_column(default=1)
    qualification_id: Mapped[int | None] = mapped_column(sa.ForeignKey("qualification.id"))
    substitute_id: Mapped[int | None] = mapped_column(sa.ForeignKey("qualification.id"))
    side: Mapped[str] = mapped_column(default="", server_default="")
    wanted_by: Mapped[str] = mapped_column(default="")
    """The person who decided it as it is; empty: the alert's own data, which updates restate."""
    ended_at: Mapped[datetime | None]
    """Stood down: no longer wanted."""
    incident: Mapped[Incident] = relationship(back_populates="wants")
    team: Mapped[Team] = relationship()
    qualification: Mapped[Qualification | None] = relationship(foreign_keys=[qualification_id])
    substitute: Mapped[Qualification | None] = relationship(foreign_keys=[substitute_id])
    __table_args__ = (sa.UniqueConstraint("incident_id", "team_id"),)


class Alarm(Base):
    """A fact that a person must act on; it stands until it is over."""

    __tablename__ = "alarm"
    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id"), index=True)
    want_id: Mapped[int | None] = mapped_column(sa.ForeignKey("want.id"))
    """None: it concerns the incident as a whole."""
    kind: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Plain, as those of the timeline."""
    raised_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    """A dispatcher has seen it: it sounds no more."""
    acknowledged_by: Mapped[str] = mapped_column(default="")
    ended_at: Mapped[datetime | None]
    incident: Mapped[Incident] = relationship(back_populates="alarms")
    want: Mapped[Want | None] = relationship()
    __table_args__ = (
        sa.Index(
            "ix_alarm_standing",
            "incident_id",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )


class TimelineEntry(Base):
    """What happened to an incident, as a kind and facts; worded when it is read."""

    __tablename__ = "timeline_entry"
    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Plain: staff names, teams, channels, instants; nothing of victims."""
    actor: Mapped[str] = mapped_column(default="")
    uid: Mapped[str] = mapped_column(default="")
    sealed_words: Mapped[str] = mapped_column(default="")
    """Somebody's own words: a reply, a note."""
