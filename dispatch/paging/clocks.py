"""Putting right what was being waited for when the machine's clock was set back.

Every wait is an instant in a row, so a clock set back by an hour would keep the next person asleep
for an hour. What was waiting then waits for what was left of its time, and no longer. That the
clock was set is noticed by the engine; what else has a due instant is in `upkeep`.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch import upkeep
from dispatch.db import Session
from dispatch.incidents import handling
from dispatch.paging import callouts, pages, waiting
from dispatch.paging.models import Callout


def set_back(session: Session, by: timedelta, now: datetime) -> None:
    """Set every wait back together with the clock; each incident is locked, in their order."""
    since = upkeep.before_setting(by, now)
    query = sa.select(Callout.incident_id).where(Callout.due_at > since).distinct()
    for incident_id in session.scalars(query.order_by(Callout.incident_id)).all():
        incident = handling.locked(session, incident_id)
        for callout in callouts.of_incident(session, incident):
            # An appointment, and the end of a night, are where they were.
            if callout.due_at is not None and callout.due_at > since and not waiting.waits(callout):
                _set_back(callout, by)
    session.flush()


def _set_back(callout: Callout, by: timedelta) -> None:
    callout.began_at -= by
    callout.due_at = callout.due_at and callout.due_at - by
    for assignment in callout.assignments:
        assignment.ask_at = assignment.ask_at and assignment.ask_at - by
    for page in pages.still_open(callout):
        page.attempts = [
            [channel, (datetime.fromisoformat(at) - by).isoformat()]
            for channel, at in page.attempts
        ]
