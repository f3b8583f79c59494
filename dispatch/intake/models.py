"""Tables of sources and of what they delivered; raw deliveries are kept sealed."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.db import Base, Id, words
from dispatch.people.models import Organisation, Team


class Source(Base):
    """A police system that may send alerts."""

    __tablename__ = "source"
    id: Mapped[Id]
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"))
    """Where an alert belongs when its place matches no area."""
    default_team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"))
    pin_digest: Mapped[str | None] = mapped_column(unique=True)
    """Of the digits by which its control room reports over the telephone; none: it cannot."""
    pin_at: Mapped[datetime | None]
    """Since when these digits are good."""
    last_delivery_at: Mapped[datetime | None]
    promised_minutes: Mapped[int] = mapped_column(default=0, server_default="0")
    """How long it is silent at most, because it sends test alerts; 0: it promised nothing."""
    retired_at: Mapped[datetime | None]
    organisation: Mapped[Organisation] = relationship()
    default_team: Mapped[Team] = relationship()
    secrets: Mapped[list["SourceSecret"]] = relationship(order_by="SourceSecret.id")


class SourceSecret(Base):
    """A signing secret; several may be valid at once while a sender changes over."""

    __tablename__ = "source_secret"
    id: Mapped[Id]
    uid: Mapped[str]
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"), index=True)
    sealed_secret: Mapped[str]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]


class DeliveryStatus(StrEnum):
    """What became of a delivery."""

    HANDLED = "handled"
    UNREADABLE = "unreadable"
    """No object of a known type: answered 422, shown, paged for after a while."""
    FAILED = "failed"
    """We failed: answered 503; the same id tries again."""


class Delivery(Base):
    """One authentic request of a source, kept raw and sealed."""

    __tablename__ = "delivery"
    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(unique=True)
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"))
    webhook_id: Mapped[str]
    body_hash: Mapped[str]
    content_type: Mapped[str]
    sealed_body: Mapped[str]
    reference: Mapped[str]
    """Ours: the incident's once there is one."""
    status: Mapped[DeliveryStatus] = mapped_column(words(DeliveryStatus))
    received_at: Mapped[datetime]
    answer_status: Mapped[int]
    answer: Mapped[str] = mapped_column(default="")
    """The body of the answer, byte for byte."""
    problems: Mapped[list[Any]] = mapped_column(default=list)
    seen_at: Mapped[datetime | None]
    """A dispatcher has seen an unreadable one."""
    due_at: Mapped[datetime | None]
    """When an unreadable one not seen pages the default team."""
    clashes: Mapped[int] = mapped_column(default=0)
    """How often its id came again with another body."""
    source: Mapped[Source] = relationship()
    __table_args__ = (
        sa.UniqueConstraint("source_id", "webhook_id"),
        sa.Index("ix_delivery_received_at", "received_at"),
        # The few that want somebody are looked for all the time.
        sa.Index(
            "ix_delivery_due",
            "due_at",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_delivery_clashes",
            "clashes",
            sqlite_where=sa.text("clashes > 0"),
            postgresql_where=sa.text("clashes > 0"),
        ),
    )


class EarlyCancel(Base):
    """A cancel that came before its alert; remembered for a day."""

    __tablename__ = "early_cancel"
    id: Mapped[Id]
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"))
    source_reference: Mapped[str]
    received_at: Mapped[datetime]
    __table_args__ = (sa.UniqueConstraint("source_id", "source_reference"),)
