"""The database goes away in the middle of everything, and comes back or is followed by another."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.crash import verdict
from tests.crash.conftest import Site, located
from tests.crash.processes import Nursery
from tests.crash.traffic import ControlRoom, Officers
from tests.databases import make_database, make_schema
from tests.postgres import cluster, crash, promote, standby, stopped

#: SQLite is no server that could go away.
pytestmark = pytest.mark.postgresql


@pytest.fixture
def server() -> Iterator[str]:
    """A PostgreSQL server of its own, which keeps what it has committed."""
    with cluster(durable=True) as url:
        yield url


@pytest.fixture
def second(server: str) -> Iterator[str]:
    """A second server that holds whatever the first has said is committed."""
    with standby(server) as url:
        yield url


@pytest.fixture
def site(nursery: Nursery, server: str, tmp_path: Path) -> Iterator[Site]:
    """The centre on that server."""
    with located(nursery, _database(server), tmp_path) as site:
        yield site


@pytest.fixture
def replicated(nursery: Nursery, server: str, second: str, tmp_path: Path) -> Iterator[Site]:
    """The centre on whichever of both can be written."""
    both = sa.make_url(_database(server))
    hosts = tuple(str(sa.make_url(one).query["host"]) for one in (server, second))
    both = both.set(query={"host": hosts, "target_session_attrs": "read-write"})
    with located(nursery, both.render_as_string(hide_password=False), tmp_path) as site:
        yield site


def _database(server: str) -> str:
    database = make_database(server, "dispatch")
    make_schema(database)
    return database


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_everything_goes_on_when_the_database_is_back(
    site: Site, server: str, record_property
) -> None:
    control_room, officers = _traffic(site)
    for taken in (10, 20):
        control_room.await_answers(taken)
        with stopped(server):
            control_room.await_refusal()
    control_room.await_answers(30)
    record_property("figure", f"database stopped twice: {_verdict(site, control_room, officers)}")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_everything_goes_on_when_a_standby_takes_over(
    replicated: Site, server: str, second: str, record_property
) -> None:
    control_room, officers = _traffic(replicated)
    control_room.await_answers(10)
    crash(server)
    control_room.await_refusal()
    promote(second)
    control_room.await_answers(20)
    count = _verdict(replicated, control_room, officers)
    record_property("figure", f"database crashed, its standby took over: {count}")


def _traffic(site: Site) -> tuple[ControlRoom, Officers]:
    control_room, officers = ControlRoom(site.url, 0.1), Officers(site.twilio)
    site.serve()
    site.engine.start()
    control_room.start()
    officers.start()
    return control_room, officers


def _verdict(site: Site, control_room: ControlRoom, officers: Officers) -> verdict.Count:
    control_room.finish()
    site.rest()
    officers.finish()
    assert site.engine.end() == 0
    assert site.web.end() == 0
    verdict.nothing_is_lost(site, control_room.answers)
    verdict.everything_is_in_order(site)
    return verdict.doubles_are_counted(site)
