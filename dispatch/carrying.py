"""Carrying messages: leasing what is due, doing it, and writing down what came of it.

Promise: each in a transaction of its own, and none is open while something is on the wire. An
engine carries everything; while none lives, a web process carries the calls to control rooms. Who
is texted or rung, and when, is for others.
"""

import math
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from dispatch.clock import SystemClock
from dispatch.db import Session
from dispatch.outbox import attempts, queue, suppliers
from dispatch.outbox.attempts import Result
from dispatch.outbox.models import Purpose
from dispatch.outbox.queue import Claimed, Task
from dispatch.paging import hearing
from dispatch.wiring import Parts


class Carrier:
    """Brings what is in the outbox to the suppliers."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._store = parts, parts.store
        self._who = suppliers.carriers(parts.channels.values())

    def claim(self, limit: int, only: Purpose | None = None) -> list[Claimed]:
        """Lease messages that are due; those that expired unsent are acted on."""
        parts, lease = self._parts, self._parts.settings.engine.lease_seconds
        with self._store.write() as session:
            now = self._lease_instant(session)
            claimed, expired = queue.claim(
                session, now, lease, limit, self._who, parts.limits, only
            )
            expired_ids = [message.id for message in expired]
        if expired_ids:
            with self._store.write() as session:
                hearing.expired(session, expired_ids, parts.clock.now())
        return claimed

    def _lease_instant(self, session: Session) -> datetime:
        """Leases of processes on several machines follow one clock: the database's."""
        if self._store.is_sqlite or not isinstance(self._parts.clock, SystemClock):
            return self._parts.clock.now()
        return session.execute(sa.select(sa.func.clock_timestamp())).scalar_one()  # type: ignore[no-any-return]

    def perform(self, claimed: Claimed, until: float = math.inf) -> Result:
        """Do what was claimed, unless it is after `until`, with no transaction open."""
        return attempts.perform(self._parts.channels, claimed, until)

    def settle(self, results: Sequence[Result]) -> None:
        """Write down what attempts and questions brought."""
        sent = [(r.claimed, r.outcome) for r in results if r.outcome is not None]
        told = [(r.claimed.channel, r.outcome) for r in results if r.outcome and r.of_supplier]
        now = self._parts.clock.now()
        if sent:
            with self._store.write() as session:
                hearing.settled(session, sent, self._who, now)
                suppliers.note(session, told, self._parts.settings.suppliers, now)
        for result in results:
            if result.claimed.task is Task.ASK:
                with self._store.write() as session:
                    hearing.asked(session, result.claimed, result.receipt, now)
