"""Putting right what the outbox waits for when the machine's clock was set back.

Messages, the turns of the supplier's numbers, and the pauses of suppliers that failed are instants
in rows: left where they were, texts would wait for as long as the clock went back. That the clock
was set is noticed by the engine.
"""

from datetime import datetime, timedelta

from dispatch import upkeep
from dispatch.db import Session
from dispatch.outbox.models import Message, Sender, Supplier

_WAITS = (
    Message.due_at,
    Sender.free_at,
    Supplier.window_at,
    Supplier.worked_at,
    Supplier.asked_at,
    Supplier.retry_at,
    Supplier.trial_until,
)


def set_back(session: Session, by: timedelta, now: datetime) -> None:
    """Set every wait back together with the clock."""
    for column in _WAITS:
        upkeep.set_back(session, column, by, now)
