"""How late a deadline is acted on, with 100,000 callouts open."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dispatch.clock import SystemClock
from dispatch.db import Base, Session
from dispatch.incidents.models import Incident, Want
from dispatch.outbox.models import Message
from dispatch.paging.models import Callout, Page
from tests import centre as small
from tests.benchmarks.figures import Table, median, milliseconds, percentile
from tests.benchmarks.rig.site import Database, Site, databases, site

_OPEN, _DUE, _PER_SECOND = 100_000, 200, 10
_BEGIN = timedelta(seconds=8)
#: Ids of the copies begin here, far above those of the original.
_FIRST = 1_000


def run(share: float) -> Table:
    """Measure on both databases."""
    table = Table(("database", "what", "figure", "measured", "target", "of target", ""))
    for database in databases():
        with site(database) as centre:
            _open_many(centre, round(_OPEN * share))
            with centre.running("web", "engine"):
                due = _make_due(centre, round(_DUE * share))
                what = f"{round(_OPEN * share):,} open, {_PER_SECOND} due a second"
                _report(centre, table, database, what, due)
    return table


def _open_many(centre: Site, count: int) -> None:
    """Take one alert in and copy what it led to: open pages that wait for their next attempt."""
    sender = small.Sender(centre.store, centre.cast)
    sender.send(dict(small.ALERT), after=SystemClock().now() - small.NOW)
    with centre.store.write() as session:
        session.execute(sa.update(Message).values(due_at=None))
        ids = sa.select(sa.literal(_FIRST).label("id")).cte("ids", recursive=True)
        ids = ids.union_all(sa.select(ids.c.id + 1).where(ids.c.id < _FIRST + count))
        key, text = ids.c.id, sa.cast(ids.c.id, sa.String)
        _copy(session, ids, Incident, id=key, reference=text, source_reference=sa.null())
        _copy(session, ids, Want, id=key, incident_id=key)
        _copy(session, ids, Callout, id=key, incident_id=key, want_id=key)
        changed = {"uid": text, "callout_id": key, "code": text, "token_hash": sa.null()}
        _copy(session, ids, Page, id=key, **changed)


def _copy(
    session: Session, ids: sa.CTE, kind: type[Base], **changed: sa.ColumnElement[Any]
) -> None:
    """Insert the only row of a table once more for each of the ids."""
    columns = kind.__table__.columns
    copies = sa.select(*(changed.get(column.name, column) for column in columns))
    copies = copies.select_from(sa.join(kind, ids, sa.true()))
    session.execute(sa.insert(kind).from_select([column.name for column in columns], copies))


def _make_due(centre: Site, count: int) -> dict[str, datetime]:
    """Let a call be due for some of the pages, one after the other; return when, by page."""
    begin = SystemClock().now() + _BEGIN
    due = {number: begin + timedelta(seconds=number / _PER_SECOND) for number in range(1, count)}
    with centre.store.write() as session:
        session.execute(
            sa.update(Page),
            [
                {"id": number + _FIRST, "attempts": [["call", at.isoformat()]]}
                for number, at in due.items()
            ],
        )
        session.execute(
            sa.update(Callout),
            [{"id": number + _FIRST, "due_at": at} for number, at in due.items()],
        )
    centre.store.hint("callouts")
    return {f"page:{number + _FIRST}": at for number, at in due.items()}


def _report(
    centre: Site, table: Table, database: Database, what: str, due: dict[str, datetime]
) -> None:
    def calls() -> Sequence[sa.Row[tuple[str, str, datetime]]]:
        query = sa.select(Message.about, Message.supplier_id, Message.created_at).where(
            Message.about.in_(due), Message.supplier_id != ""
        )
        with centre.store.read() as session:
            return session.execute(query).all()

    centre.twilio.wait_until(lambda: len(calls()) == len(due), 60, lambda: f"{len(calls())} made")
    arrived = {arrival["id"]: arrival["at"] for arrival in centre.twilio.arrivals()}
    acted = [(call.created_at - due[call.about]).total_seconds() for call in calls()]
    rung = [arrived[call.supplier_id] - due[call.about].timestamp() for call in calls()]
    row = (database.name, what)
    table.add(*row, "acted on, median", milliseconds(median(acted)))
    table.add(*row, "acted on, p99", milliseconds(percentile(acted, 99)))
    table.add(*row, "call at the supplier, median", milliseconds(median(rung)))
    late = percentile(rung, 99)
    table.judge(*row, "call at the supplier, p99", late, target=0.1, form=milliseconds)
