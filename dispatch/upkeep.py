"""Small rows that keep processes in step: heartbeats, leases of chores, counters, revisions.

A heartbeat says that a process lives. A lease lets one process of many do a chore. A counter limits
how often something may happen. A revision rises with every visible change of a topic, so that one
cheap query tells a screen whether to look again. All are written by single statements that are safe
against any other process on both databases. What a limit is, and what a topic shows, is left to the
features.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from dispatch.clock import SET_SECONDS
from dispatch.db import Base, Instant, Json, Session


class Heartbeat(Base):
    """When a process of this name was last alive, and what it said of itself."""

    __tablename__ = "heartbeat"

    name: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    holder: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    at: orm.Mapped[datetime]
    facts: orm.Mapped[dict[str, Any]]


class ChoreLease(Base):
    """Who does a chore until when, and when it was last taken up."""

    __tablename__ = "chore_lease"

    name: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    holder: orm.Mapped[str]
    until: orm.Mapped[datetime]
    ran_at: orm.Mapped[datetime]


class RateCount(Base):
    """How often something happened in the window that began at an instant."""

    __tablename__ = "rate_count"

    key: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    window_at: orm.Mapped[datetime] = orm.mapped_column(primary_key=True, index=True)
    count: orm.Mapped[int]


class Revision(Base):
    """How often a topic changed for an organisation (0: for all)."""

    __tablename__ = "revision"

    organisation_id: orm.Mapped[int] = orm.mapped_column(
        sa.BigInteger(), primary_key=True, autoincrement=False
    )
    topic: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    value: orm.Mapped[int] = orm.mapped_column(sa.BigInteger())


def _statement(sql: str, **types: Any) -> sa.TextClause:
    return sa.text(sql).bindparams(
        *(sa.bindparam(name, type_=kind) for name, kind in types.items())
    )


_BEAT = _statement(
    "INSERT INTO heartbeat (name, holder, at, facts) VALUES (:name, :holder, :at, :facts) "
    "ON CONFLICT (name, holder) DO UPDATE SET at = excluded.at, facts = excluded.facts",
    at=Instant(),
    facts=Json,
)


def beat(session: Session, name: str, holder: str, now: datetime, **facts: Any) -> None:
    """Say that `holder` (one process of that name) is alive."""
    session.execute(_BEAT, {"name": name, "holder": holder, "at": now, "facts": facts})


def last_beat(session: Session, name: str) -> Heartbeat | None:
    """Return the latest heartbeat of that name."""
    query = sa.select(Heartbeat).where(Heartbeat.name == name)
    return session.scalars(query.order_by(Heartbeat.at.desc()).limit(1)).one_or_none()


def living(session: Session, name: str, now: datetime, seconds: float) -> list[Heartbeat]:
    """Return the heartbeats of that name that are no older than so long."""
    since = now - timedelta(seconds=seconds)
    query = sa.select(Heartbeat).where(Heartbeat.name == name, Heartbeat.at >= since)
    return list(session.scalars(query.order_by(Heartbeat.holder)))


def age(session: Session, name: str, now: datetime) -> float | None:
    """Return the seconds since the youngest heartbeat of that name, or None if there is none.

    One in the future says nothing: a process that died before the clock was set back must not
    seem alive for as long as that.
    """
    at = session.scalar(
        sa.select(sa.func.max(Heartbeat.at)).where(
            Heartbeat.name == name, Heartbeat.at <= now + _IN_STEP
        )
    )
    return None if at is None else max(0.0, (now - at).total_seconds())


def ahead(session: Session, name: str, now: datetime) -> float:
    """Return by how many seconds a heartbeat of that name lies in the future; 0 if none does.

    The clock was set back since then, or another machine's goes differently.
    """
    last = last_beat(session, name)
    return max(0.0, (last.at - now).total_seconds()) if last and last.at > now + _IN_STEP else 0.0


#: Clocks of two machines that are kept in step differ by less.
_IN_STEP = timedelta(seconds=SET_SECONDS)


def set_back(
    session: Session,
    due_at: orm.InstrumentedAttribute[Any],
    by: timedelta,
    now: datetime,
) -> None:
    """Bring forward what waits in a column for an instant from before the clock was set back."""
    table = due_at.class_.__table__
    column = table.c[due_at.key]
    rows = session.execute(
        sa.select(table.c.id, column)
        .where(column > before_setting(by, now))
        .order_by(table.c.id)
        .with_for_update()
    ).all()
    for row_id, at in rows:
        statement = sa.update(table).where(table.c.id == row_id)
        session.execute(statement.values({due_at.key: max(now, at - by)}))


def before_setting(by: timedelta, now: datetime) -> datetime:
    """Return after which instant something waits since before the clock was set back by so much.

    What was written since waits for a minute at the most, mostly for seconds.
    """
    return now + min(by / 2, timedelta(minutes=1))


_LEASE = _statement(
    "INSERT INTO chore_lease (name, holder, until, ran_at) VALUES (:name, :holder, :until, :now) "
    "ON CONFLICT (name) DO UPDATE "
    "SET holder = excluded.holder, until = excluded.until, ran_at = excluded.ran_at "
    # One that begins in the future is from before the clock was set back.
    "WHERE chore_lease.until <= :now OR chore_lease.holder = :holder "
    "OR chore_lease.ran_at > :soon RETURNING name",
    until=Instant(),
    now=Instant(),
    soon=Instant(),
)


def take_lease(session: Session, chore: str, holder: str, now: datetime, seconds: float) -> bool:
    """Take or renew the right to do a chore; False while somebody else holds it."""
    until = now + timedelta(seconds=seconds)
    taken = session.execute(
        _LEASE,
        {"name": chore, "holder": holder, "until": until, "now": now, "soon": now + _IN_STEP},
    ).first()
    return taken is not None


_HIT = _statement(
    "INSERT INTO rate_count (key, window_at, count) VALUES (:key, :window_at, 1) "
    "ON CONFLICT (key, window_at) DO UPDATE SET count = rate_count.count + 1 RETURNING count",
    window_at=Instant(),
)


def hits(session: Session, key_hash: str, now: datetime, window_seconds: int = 60) -> int:
    """Count one more and return the count in the present window.

    On PostgreSQL others counting the same key wait until this transaction ends: keep it short.
    """
    window_at = _window(now, window_seconds)
    count: int = session.execute(_HIT, {"key": key_hash, "window_at": window_at}).scalar_one()
    return count


def held(session: Session, key_hash: str, now: datetime, window_seconds: int = 60) -> int:
    """Return the count in the present window without counting one more."""
    window_at = _window(now, window_seconds)
    query = sa.select(RateCount.count).where(RateCount.key == key_hash)
    return session.scalar(query.where(RateCount.window_at == window_at)) or 0


def _window(now: datetime, seconds: int) -> datetime:
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)


def counts(session: Session, key_hash: str) -> list[int]:
    """Return the counts of a key in every window that is remembered: those of about a day."""
    query = sa.select(RateCount.count).where(RateCount.key == key_hash)
    return list(session.scalars(query))


#: No window of a counter is longer.
_KEPT = timedelta(days=1)


def sweep(session: Session, now: datetime) -> None:
    """Remove counters and heartbeats older than a day; the last of each name stays.

    A process that is gone for two days is still missed.
    """
    session.execute(sa.delete(RateCount).where(RateCount.window_at < now - _KEPT))
    later = orm.aliased(Heartbeat)
    outlived = sa.exists().where(later.name == Heartbeat.name, later.at > Heartbeat.at)
    session.execute(sa.delete(Heartbeat).where(Heartbeat.at < now - _KEPT, outlived))


def forget_future(session: Session, now: datetime) -> None:
    """Remove heartbeats from before the clock was set back; who lives beats again at once."""
    session.execute(sa.delete(Heartbeat).where(Heartbeat.at > now + _IN_STEP))


_BUMP = _statement(
    "INSERT INTO revision (organisation_id, topic, value) VALUES (:organisation_id, :topic, 1) "
    "ON CONFLICT (organisation_id, topic) DO UPDATE SET value = revision.value + 1"
)


def bump(session: Session, organisation_id: int, *topics: str) -> None:
    """Say that topics of an organisation (0: of all) changed, once this transaction commits.

    The rows are written just before the commit, so that transactions of one organisation wait for
    each other's commit only and not for each other's work.
    """
    session.info.setdefault("bumps", set()).update((organisation_id, topic) for topic in topics)
    session.hint("screens")


@sa.event.listens_for(Session, "before_commit")
def _write_bumps(session: Session) -> None:
    if session.in_nested_transaction():
        return
    # In one order everywhere and as the last locks taken: two transactions never deadlock.
    bumps = sorted(session.info.pop("bumps", ()))
    if bumps:
        session.connection().execute(
            _BUMP, [{"organisation_id": owner, "topic": topic} for owner, topic in bumps]
        )


def revisions(session: Session) -> dict[tuple[int, str], int]:
    """Return every revision by organisation and topic."""
    rows = session.execute(sa.select(Revision.organisation_id, Revision.topic, Revision.value))
    return {(row.organisation_id, row.topic): row.value for row in rows}


def revisions_of(session: Session, topic: str) -> int:
    """Return a number that rises whenever a topic changes, for whichever organisation."""
    total = sa.select(sa.func.coalesce(sa.func.sum(Revision.value), 0))
    return int(session.scalar(total.where(Revision.topic == topic)) or 0)
