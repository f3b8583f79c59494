"""How fast texts leave, and from which of the supplier's numbers.

A number passes on so many segments a second and no more. What is handed over beyond that waits at
the supplier, where nobody goes first and nothing can be called off: so it waits here. Promise: no
number is given more than it passes on, whatever the number of engines; each slot goes to the most
urgent text that waits for it; texts are spread over all numbers. What is urgent, `queue` says.
"""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch.channels import segments
from dispatch.channels.contract import Kind
from dispatch.db import Base, Session
from dispatch.inserts import insert_once
from dispatch.outbox.models import Message, Sender

#: The code of what waits for its turn to leave.
PACED = "paced"


@dataclass(frozen=True)
class Limit:
    """What a supplier passes on."""

    numbers: tuple[str, ...]
    """From which texts may leave, the usual one first."""
    per_second: float = 0.0
    """Segments a second from each of them; 0: as many as come."""


Limits = Mapping[str, Limit]
"""By the supplier's name."""
UNLIMITED: Limits = {}


class Pace:
    """Gives out turns to leave within one transaction."""

    def __init__(self, session: Session, limits: Limits, now: datetime) -> None:
        self._session, self._limits, self._now = session, limits, now
        self._free: dict[str, list[Sender]] = {}
        self._planned: dict[str, list[datetime]] = {}

    def hold(self, message: Message, supplier: str, text: Callable[[], str]) -> bool:
        """Put off a text until its turn, else give it a number; return whether it was put off.

        One that has a number because an attempt is in doubt keeps it: by that it is found.
        """
        limit = self._limits.get(supplier)
        if message.kind is not Kind.SMS or limit is None or limit.per_second <= 0:
            return False
        free = self._senders(supplier, limit)
        mine = [one for one in free if one.number == message.sender]
        first = min(mine or free, key=lambda one: one.free_at)
        lasts = timedelta(seconds=segments.count(text()).parts / limit.per_second)
        if first.free_at > self._now:
            message.code, message.due_at = PACED, self._plan(supplier, free, lasts)
            return True
        message.sender, first.free_at = first.number, self._now + lasts
        return False

    def _plan(self, supplier: str, free: list[Sender], lasts: timedelta) -> datetime:
        """Return when the text may leave if nothing more urgent comes."""
        if supplier not in self._planned:
            self._planned[supplier] = [one.free_at for one in free]
            heapq.heapify(self._planned[supplier])
        planned = self._planned[supplier]
        at = max(planned[0], self._now)
        heapq.heapreplace(planned, at + lasts)
        return at

    def _senders(self, supplier: str, limit: Limit) -> list[Sender]:
        """Return the supplier's numbers, locked: engines on other machines give out turns too."""
        if supplier not in self._free:
            query = (
                sa.select(Sender)
                .where(Sender.supplier == supplier, Sender.number.in_(limit.numbers))
                .order_by(Sender.id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
            found = self._session.scalars(query).all()
            if len(found) < len(limit.numbers):
                for number in limit.numbers:
                    row = {"supplier": supplier, "number": number, "free_at": self._now}
                    insert_once(self._session, Base.metadata.tables[Sender.__tablename__], row)
                found = self._session.scalars(query).all()
            self._free[supplier] = list(found)
        return self._free[supplier]
