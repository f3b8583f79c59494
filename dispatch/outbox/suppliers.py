"""Which supplier carries a message, and which of them is found not to work: circuit breakers.

Promise: the state is in rows, so every engine and every screen sees the same. A supplier that
failed us several times in a row, or left too many outcomes unclear, gets no message while another
works; after a pause it is asked whether it is well, then tried with one message, then trusted
again. No message waits for this: where no supplier is trusted, the one whose last fault is longest
ago is tried. What counts as a supplier's fault, `channels` says; what becomes of the message is for
`queue`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from dispatch import logs, upkeep
from dispatch.channels.contract import Channel, Kind, Outcome, State
from dispatch.db import Base, Session
from dispatch.inserts import insert_once
from dispatch.outbox.models import Breaker, Supplier
from dispatch.sections import Suppliers as Limits

log = logs.logger(__name__)

#: Names of the suppliers of each kind, the preferred one first.
Carriers = Mapping[Kind, Sequence[str]]

#: A supplier that said it is unwell, but is still trusted, is asked again so soon.
_DOUBT = timedelta(seconds=10)
_LONGEST_PAUSE_SECONDS = 600
_UNWELL = "unwell"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def carriers(channels: Iterable[Channel]) -> Carriers:
    """Return who carries what."""
    channels = list(channels)
    return {kind: [one.name for one in channels if kind in one.kinds] for kind in Kind}


class Choice:
    """Chooses suppliers within one transaction."""

    def __init__(
        self, session: Session, who: Carriers, now: datetime, trial_seconds: float
    ) -> None:
        self._session, self._who, self._now = session, who, now
        self._trial_until = now + timedelta(seconds=trial_seconds)
        query = sa.select(Supplier).where(Supplier.state != Breaker.CLOSED)
        self._distrusted = {row.name: row for row in session.scalars(query)}

    def of(self, kind: Kind, last: str = "") -> str:
        """Return the supplier for a message of this kind; empty when there is none.

        `last` had the message before, or was named to have it next: it keeps it while it is
        trusted.
        """
        names = self._who.get(kind, ())
        if last in names and last not in self._distrusted:
            return last
        for name in names:
            if name not in self._distrusted or self._takes_trial(name):
                return name
        return min(names, key=lambda name: self._distrusted[name].faulted_at or _NEVER, default="")

    def _takes_trial(self, name: str) -> bool:
        """Let one message of all engines' try a supplier that says it is well again."""
        if self._distrusted[name].state is not Breaker.HALF_OPEN:
            return False
        free = sa.or_(Supplier.trial_until.is_(None), Supplier.trial_until <= self._now)
        query = sa.select(Supplier).where(Supplier.name == name, free)
        query = query.where(Supplier.state == Breaker.HALF_OPEN).with_for_update(skip_locked=True)
        row = self._session.scalars(query.execution_options(populate_existing=True)).one_or_none()
        if row is None:
            # Given to another, or judged at this moment: nobody waits for that.
            return False
        row.trial_until = self._trial_until
        self._session.flush()
        return True


def next_after(who: Carriers, kind: Kind, name: str) -> str:
    """Return the supplier to try after this one; empty when there is no other."""
    names = list(who.get(kind, ()))
    others = names[names.index(name) + 1 :] + names if name in names else names
    return next((other for other in others if other != name), "")


def note(
    session: Session, outcomes: Iterable[tuple[str, Outcome]], limits: Limits, now: datetime
) -> None:
    """Count what attempts said of their suppliers, by name; last in the transaction.

    The rows are shared by all: a lock taken earlier would let everybody wait for our work.
    """
    by_name: dict[str, list[Outcome]] = {}
    for name, outcome in outcomes:
        by_name.setdefault(name, []).append(outcome)
    for name in sorted(by_name):
        row = _locked(session, name, now)
        for outcome in by_name[name]:
            _count(session, row, outcome, limits, now)
    session.flush()


def _locked(session: Session, name: str, now: datetime) -> Supplier:
    query = sa.select(Supplier).where(Supplier.name == name).with_for_update()
    query = query.execution_options(populate_existing=True)
    row = session.scalars(query).one_or_none()
    if row is None:
        _insert(session, name, now)
        row = session.scalars(query).one()
    return row


def _insert(session: Session, name: str, now: datetime) -> None:
    fresh = {"name": name, "state": Breaker.CLOSED, "changed_at": now, "window_at": now}
    zero = {"faults": 0, "openings": 0, "attempts": 0, "unclear": 0, "code": ""}
    insert_once(session, Base.metadata.tables["supplier"], fresh | zero)


def _count(
    session: Session, row: Supplier, outcome: Outcome, limits: Limits, now: datetime
) -> None:
    if now - row.window_at >= timedelta(seconds=limits.window_seconds):
        row.window_at, row.attempts, row.unclear = now, 0, 0
    row.attempts += 1
    unclear = outcome.state is State.UNKNOWN
    row.unclear += unclear
    if outcome.fault or unclear:
        if outcome.fault and not row.faults:
            upkeep.bump(session, 0, "centre")
        row.faults += outcome.fault
        row.code, row.faulted_at = outcome.code, now
        _distrust(session, row, limits, now)
    elif outcome.state is not State.PENDING:
        if row.faults:
            upkeep.bump(session, 0, "centre")
        row.faults, row.worked_at = 0, now
        _trust(session, row, now)


def _distrust(session: Session, row: Supplier, limits: Limits, now: datetime) -> None:
    in_a_row = row.faults >= limits.faults_in_a_row
    share = row.unclear >= limits.unclear_at_least and (
        row.unclear >= limits.unclear_share * row.attempts
    )
    if row.state is Breaker.HALF_OPEN or (row.state is Breaker.CLOSED and (in_a_row or share)):
        _open(session, row, limits, now)


def _open(session: Session, row: Supplier, limits: Limits, now: datetime) -> None:
    _change(session, row, Breaker.OPEN, now)
    row.retry_at = now + _pause(row, limits)
    row.openings += 1


def _pause(row: Supplier, limits: Limits) -> timedelta:
    doubled = limits.pause_seconds * 2 ** min(row.openings, 10)
    return timedelta(seconds=min(doubled, max(_LONGEST_PAUSE_SECONDS, limits.pause_seconds)))


def _trust(session: Session, row: Supplier, now: datetime) -> None:
    """Trust it one step more: what was on its way when it opened may still have gone well."""
    if row.state is Breaker.OPEN:
        _change(session, row, Breaker.HALF_OPEN, now)
    elif row.state is Breaker.HALF_OPEN:
        _change(session, row, Breaker.CLOSED, now)
        row.openings = 0


def _change(session: Session, row: Supplier, state: Breaker, now: datetime) -> None:
    log.warning(
        "supplier", supplier=row.name, state=state.value, reason=row.code, faults=row.faults
    )
    row.state, row.changed_at = state, now
    row.retry_at = row.trial_until = None
    row.window_at, row.attempts, row.unclear = now, 0, 0
    upkeep.bump(session, 0, "board", "centre")


# --- asking whether it is well ---


def to_ask(session: Session, names: Collection[str], limits: Limits, now: datetime) -> list[str]:
    """Return which suppliers are to be asked now whether they are well; nobody else asks them."""
    found = []
    for name in sorted(names):
        row = _locked(session, name, now)
        if _is_due(row, limits, now):
            row.asked_at = now
            found.append(name)
    session.flush()
    return found


def _is_due(row: Supplier, limits: Limits, now: datetime) -> bool:
    asked_at = row.asked_at or _NEVER
    if row.state is Breaker.OPEN:
        return (row.retry_at or _NEVER) <= now and asked_at + _DOUBT <= now
    if row.faults and row.code == _UNWELL:
        return asked_at + _DOUBT <= now
    return max(asked_at, row.worked_at or _NEVER) + timedelta(seconds=limits.check_seconds) <= now


def note_answer(session: Session, name: str, well: bool, limits: Limits, now: datetime) -> None:
    """Write down whether a supplier said that it is well."""
    row = _locked(session, name, now)
    if well and row.state is Breaker.OPEN:
        _change(session, row, Breaker.HALF_OPEN, now)
    elif well and row.code == _UNWELL:
        row.faults, row.code = 0, ""
    elif not well:
        row.faults += 1
        row.code, row.faulted_at = _UNWELL, now
        if row.state is Breaker.OPEN:
            row.retry_at = now + _pause(row, limits)
            row.openings += 1
        else:
            _distrust(session, row, limits, now)
    session.flush()


# --- telling ---


@dataclass(frozen=True)
class Standing:
    """How a supplier stands, for a screen."""

    name: str
    state: Breaker
    since: datetime | None
    """None: nothing was sent through it yet."""
    code: str
    """Of the last fault."""
    faulted_at: datetime | None
    worked_at: datetime | None
    retry_at: datetime | None = None
    """When it is asked again whether it is well."""


def standings(session: Session, names: Iterable[str]) -> list[Standing]:
    """Return how each of these suppliers stands, in the order given."""
    rows = {row.name: row for row in session.scalars(sa.select(Supplier))}
    return [
        Standing(
            name,
            row.state if row else Breaker.CLOSED,
            row.changed_at if row else None,
            row.code if row else "",
            row.faulted_at if row else None,
            row.worked_at if row else None,
            row.retry_at if row else None,
        )
        for name, row in ((name, rows.get(name)) for name in names)
    ]
