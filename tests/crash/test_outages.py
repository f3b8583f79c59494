"""The database goes away in the middle of everything and comes back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import verdict
from tests.crash.conftest import Site, located
from tests.crash.processes import Nursery
from tests.crash.traffic import ControlRoom, Officers
from tests.databases import make_database, make_schema
from tests.postgres import cluster, stopped


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """A PostgreSQL server of its own, which keeps what it has committed."""
    if request.config.option.database == "sqlite":
        pytest.skip("SQLite is no server that could go away")
    with cluster(durable=True) as url:
        yield url


@pytest.fixture
def site(nursery: Nursery, server: str, tmp_path: Path) -> Iterator[Site]:
    """The centre on that server."""
    database = make_database(server, "dispatch")
    make_schema(database)
    with located(nursery, database, tmp_path) as site:
        yield site


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_everything_goes_on_when_the_database_is_back(
    site: Site, server: str, record_property
) -> None:
    control_room, officers = ControlRoom(site.url, 0.1), Officers(site.twilio)
    site.serve()
    site.engine.start()
    control_room.start()
    officers.start()
    for taken in (10, 20):
        control_room.await_answers(taken)
        with stopped(server):
            control_room.await_refusal()
    control_room.await_answers(30)
    control_room.finish()
    site.rest()
    officers.finish()
    assert site.engine.end() == 0
    assert site.web.end() == 0
    verdict.nothing_is_lost(site, control_room.answers)
    count = verdict.doubles_are_counted(site)
    verdict.everything_is_in_order(site)
    record_property("figure", f"database stopped twice: {count}")
