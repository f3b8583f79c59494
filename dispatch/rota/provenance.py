"""Where a published turn comes from: the version that brought it, and what was said of it then.

A turn that somebody entered or changed by hand since comes from no version; the audit record says
who did that and why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.people.models import Team
from dispatch.rota import differences, drafts
from dispatch.rota.models import DraftSeat, Origin, Shift, Version


@dataclass(frozen=True)
class Provenance:
    """The version that brought a turn, and the seat of its draft that it began as."""

    number: int
    published_at: datetime
    published_by: str
    origin: Origin | None
    """None: the draft's seat is not known."""
    reason: str = ""
    """Why it stands although it breaks rules."""
    broken: Sequence[str] = ()
    """Keys of the rules that it broke then."""


def of(session: Session, team: Team, shift: Shift) -> Provenance | None:
    """Return where a turn comes from as it stands now; None where it was entered by hand since."""
    query = sa.select(Version).where(Version.team_id == team.id)
    for version in session.scalars(query.order_by(Version.number.desc())):
        kept = next((one for one in version.changes if one["made"] == shift.uid), None)
        if kept is None:
            continue
        if differences.read(kept).now != drafts.stand_of(shift):
            return None
        seat = _seat(session, version, shift)
        brought = version.number, version.published_at, version.published_by
        if seat is None:
            return Provenance(*brought, None)
        return Provenance(*brought, seat.origin, seat.reason, tuple(seat.broken))
    return None


def _seat(session: Session, version: Version, shift: Shift) -> DraftSeat | None:
    """Return the seat of the draft that was published; taking a version back has none."""
    if version.draft_id is None or version.undoes is not None:
        return None
    query = (
        sa.select(DraftSeat)
        .where(DraftSeat.draft_id == version.draft_id, DraftSeat.removed_at.is_(None))
        .where(DraftSeat.line_id == shift.line_id, DraftSeat.person_id == shift.person_id)
        .where(DraftSeat.starts_at == shift.starts_at)
    )
    return session.scalars(query).first()
