"""Tables of what holds incidents together: cases that belong to each other."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.db import Base, Id


class IncidentLink(Base):
    """Two incidents of one case, because a dispatcher said so; the lower id first."""

    __tablename__ = "incident_link"
    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id"))
    other_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id"), index=True)
    linked_at: Mapped[datetime]
    linked_by: Mapped[str]
    __table_args__ = (sa.UniqueConstraint("incident_id", "other_id"),)
