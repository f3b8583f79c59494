"""Sources that promised test alerts: their silence is a fault that nobody else would notice."""

from datetime import datetime

import sqlalchemy as sa

from dispatch import audit
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.intake.models import Source
from dispatch.vigil.judging import Promise


def read(session: Session) -> list[Promise]:
    """Return what was promised, and when each source was last heard."""
    query = sa.select(Source).where(Source.promised_minutes > 0, Source.retired_at.is_(None))
    return [
        Promise(one.key, one.name, one.organisation_id, one.promised_minutes, one.last_delivery_at)
        for one in session.scalars(query.order_by(Source.key))
    ]


def promise(session: Session, source: Source, minutes: int, actor: Actor, now: datetime) -> None:
    """Note that a source will never be silent for longer than so many minutes; 0: it may be."""
    source.promised_minutes = minutes
    session.flush()
    facts = {"minutes": minutes}
    audit.record(session, actor, "source.promise", f"source:{source.key}", facts, now)
