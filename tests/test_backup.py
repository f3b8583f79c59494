"""Copies of a PostgreSQL database; those of SQLite are in `test_commands`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dispatch import backup
from dispatch.db import Store
from dispatch.errors import Conflict, Invalid
from dispatch.people import phones
from dispatch.people.models import Person
from tests.centre import build
from tests.conftest import INSTALLATION_KEY
from tests.databases import make_database, make_schema
from tests.postgres import programs


@pytest.fixture
def stores(
    postgres_server: str, worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Store, Store]]:
    """A centre, and a database that holds nothing."""
    monkeypatch.setenv("PATH", f"{programs()}:{os.environ['PATH']}")
    urls = [make_database(postgres_server, f"backup_{worker_id}_{name}") for name in ("one", "two")]
    make_schema(urls[0])
    opened = [Store(url, installation_key=INSTALLATION_KEY) for url in urls]
    build(opened[0])
    yield opened[0], opened[1]
    for store in opened:
        store.close()


def test_a_copy_is_put_back_and_still_opens(stores: tuple[Store, Store], tmp_path: Path):
    full, empty = stores
    backup.write(full, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    backup.read(empty, tmp_path / "copy")
    with empty.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Person)) == 3
        (method,) = phones.by_number(session, "+32470123450")
        assert phones.address_of(session, method) == "+32470123450"


def test_a_copy_is_written_by_whichever_of_several_servers_can_be_written(
    stores: tuple[Store, Store], tmp_path: Path
):
    url = stores[0].url
    hosts = ("/nowhere", str(url.query["host"]))
    several = url.set(query={"host": hosts, "target_session_attrs": "read-write"})
    store = Store(several.render_as_string(hide_password=False))
    backup.write(store, tmp_path / "copy")
    store.close()
    backup.read(stores[1], tmp_path / "copy")
    with stores[1].read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Person)) == 3


def test_nothing_is_put_back_over_something(stores: tuple[Store, Store], tmp_path: Path):
    full, _ = stores
    backup.write(full, tmp_path / "copy")
    with pytest.raises(Conflict):
        backup.read(full, tmp_path / "copy")
    with pytest.raises(Conflict):
        backup.write(full, tmp_path / "copy")


def test_a_file_that_is_no_copy_leaves_the_database_empty(
    stores: tuple[Store, Store], tmp_path: Path
):
    _, empty = stores
    (tmp_path / "copy").write_bytes(b"no copy")
    with pytest.raises(Invalid, match="pg_restore failed"):
        backup.read(empty, tmp_path / "copy")
    assert sa.inspect(empty.engine).get_table_names() == []


def test_without_postgresqls_client_it_is_named_and_no_file_is_left(
    stores: tuple[Store, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Invalid, match="pg_dump is not installed"):
        backup.write(stores[0], tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []
