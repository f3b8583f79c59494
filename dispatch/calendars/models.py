"""Table of secret calendar addresses; only a token's digest is kept."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.db import Base, Id


class CalendarAddress(Base):
    """A secret address. Revoked, it serves an empty calendar for a while, then nothing."""

    __tablename__ = "calendar_address"
    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]
    fetched_by: Mapped[str] = mapped_column(default="")
    """The program's name as it gave it, shortened."""
