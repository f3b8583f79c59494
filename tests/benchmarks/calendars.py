"""A calendar fetched: changed since the last time, or not (304)."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import sqlalchemy as sa

from dispatch.calendars import feeds
from dispatch.clock import SystemClock, monotonic
from dispatch.rota.models import Shift
from tests.benchmarks.figures import Table, median, milliseconds, percentile
from tests.benchmarks.rig.client import Ask, sent
from tests.benchmarks.rig.rota import add_year
from tests.benchmarks.rig.site import Database, Site, databases, site
from tests.centre import ADA

_CHANGED, _UNCHANGED = 60, 500


def run(share: float) -> Table:
    """Measure on both databases."""
    table = Table(("database", "what", "figure", "measured", "target", "of target", ""))
    for database in databases():
        with site(database) as centre:
            path, turns = _busiest(centre)
            with centre.running("web"):
                etag = _changed(centre, table, database, path, turns[: round(_CHANGED * share)])
                _unchanged(centre, table, database, path, etag, round(_UNCHANGED * share))
    return table


def _busiest(centre: Site) -> tuple[str, list[int]]:
    """Return the address of a calendar with a turn every day, and the turns."""
    owner = add_year(centre)[0]
    with centre.store.write() as session:
        first = session.scalars(sa.select(Shift).where(Shift.person_id == owner.id)).first()
        assert first is not None
        ids = list(session.scalars(sa.select(Shift.id).where(Shift.line_id == first.line_id)))[::3]
        session.execute(sa.update(Shift).where(Shift.id.in_(ids)).values(person_id=owner.id))
        token = feeds.create_address(session, owner, ADA, SystemClock().now())
    return f"/calendars/{token}.ics", ids[-_CHANGED:]


def _changed(centre: Site, table: Table, database: Database, path: str, turns: list[int]) -> str:
    """Fetch after each of several changes of one turn; return the last ETag."""
    address = urlsplit(centre.url)
    program = HTTPConnection(str(address.hostname), address.port, timeout=30)
    first, etag, size = _fetch(program, path)
    took = []
    for turn in turns:
        with centre.store.write() as session:
            session.execute(
                sa.update(Shift).where(Shift.id == turn).values(sequence=Shift.sequence + 1)
            )
        before = etag
        seconds, etag, _ = _fetch(program, path)
        if etag == before:
            raise RuntimeError("the calendar did not change: the figure would be of nothing")
        took.append(seconds)
    program.close()
    what = f"changed, {size // 1000} kB"
    table.add(database.name, what, "the first of all", milliseconds(first))
    table.judge(database.name, what, "median", median(took), target=0.015, form=milliseconds)
    table.add(database.name, what, "p99", milliseconds(percentile(took, 99)))
    return etag


def _fetch(program: HTTPConnection, path: str) -> tuple[float, str, int]:
    begun = monotonic()
    program.request("GET", path)
    answer = program.getresponse()
    body = answer.read()
    return monotonic() - begun, answer.headers["ETag"], len(body)


def _unchanged(
    centre: Site, table: Table, database: Database, path: str, etag: str, count: int
) -> None:
    told = sent(centre.url, [Ask(path, {"if-none-match": etag})] * count)
    if any(answer.status != 304 for answer in told):
        raise RuntimeError("not a 304: the figure would be of something else")
    took = [answer.took for answer in told]
    row = (database.name, "unchanged, 304")
    table.judge(*row, "median", median(took), target=0.003, form=milliseconds)
    table.add(*row, "p99", milliseconds(percentile(took, 99)))
