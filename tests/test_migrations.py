"""The migrations make exactly the tables that the models describe, on both databases."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from dispatch import schema
from dispatch.db import Store, Unavailable
from tests.databases import make_database, make_schema, migrations

# Everything that a database says of itself, one line each; the order of columns does not matter.
_DESCRIPTIONS = {
    "sqlite": (
        'SELECT m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk'
        " FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c WHERE m.type = 'table'",
        'SELECT m.name, f."from", f."table", f."to", f.on_delete, f.on_update'
        " FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
        "SELECT name, tbl_name, sql FROM sqlite_master WHERE type <> 'table'",
    ),
    "postgresql": (
        "SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,"
        " pg_get_expr(adbin, adrelid) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
        " LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
        " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0",
        "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT tgrelid::regclass, tgname, pg_get_triggerdef(oid) FROM pg_trigger"
        " WHERE NOT tgisinternal",
        "SELECT proname, pg_get_functiondef(oid) FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace",
    ),
}


def _description(store: Store) -> set[str]:
    with store.read() as session:
        connection = session.connection()
        rows = [
            " ".join(" ".join(str(value) for value in row).split())
            for query in _DESCRIPTIONS[connection.dialect.name]
            for row in connection.exec_driver_sql(query)
        ]
        rows += [
            f"{table} CHECK {check['name']} {' '.join(check['sqltext'].split())}"
            for table in sa.inspect(connection).get_table_names()
            for check in sa.inspect(connection).get_check_constraints(table)
        ]
    return {row for row in rows if "alembic_version" not in row}


@pytest.fixture(params=["sqlite", "postgresql"])
def two_stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """Two databases without a single table."""
    if request.param == "sqlite":
        urls = [f"sqlite:///{tmp_path / name}.db" for name in ("one", "two")]
    else:
        server = request.getfixturevalue("postgres_server")
        worker = request.getfixturevalue("worker_id")
        urls = [make_database(server, f"dispatch_{name}_{worker}") for name in ("one", "two")]
    one, two = Store(urls[0]), Store(urls[1])
    yield one, two
    one.close()
    two.close()


def _upgrade(store: Store) -> None:
    with store.write() as session:
        command.upgrade(migrations(session.connection()), "head")


# What cannot be compared this way on SQLite is compared by the next test.
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_head_has_every_table_and_column_of_the_models(two_stores: tuple[Store, Store]):
    store, _ = two_stores
    _upgrade(store)
    with store.read() as session:
        command.check(migrations(session.connection()))


def test_the_head_refuses_what_the_models_refuse(two_stores: tuple[Store, Store]):
    migrated, modelled = two_stores
    _upgrade(migrated)
    make_schema(modelled.url.render_as_string(hide_password=False))
    assert _description(migrated) == _description(modelled)


def test_the_command_makes_what_the_tests_are_made_of(tmp_path: Path):
    """Checks get another name where the models are not at hand: none may be left behind."""
    settings = os.environ | {"DISPATCH_DATA_DIR": str(tmp_path)}
    call = [sys.executable, "-m", "dispatch", "upgrade"]
    subprocess.run(call, env=settings, check=True, capture_output=True)
    url = f"sqlite:///{tmp_path}/dispatch.db"
    with contextlib.closing(Store(url)) as store, store.read() as session:
        look = sa.inspect(session.connection())
        for table in look.get_table_names():
            words = [one["sqltext"].split(" IN ")[0] for one in look.get_check_constraints(table)]
            assert len(words) == len(set(words)), table


def test_an_upgrade_that_is_done_again_changes_nothing(two_stores: tuple[Store, Store]):
    store, _ = two_stores
    _upgrade(store)
    before = _description(store)
    _upgrade(store)
    assert _description(store) == before


def test_an_upgrade_that_fails_leaves_nothing_behind(two_stores: tuple[Store, Store]):
    store, _ = two_stores
    with pytest.raises(ZeroDivisionError), store.write() as session:
        command.upgrade(migrations(session.connection()), "head")
        raise ZeroDivisionError
    with store.read() as session:
        assert sa.inspect(session.connection()).get_table_names() == []


def test_there_is_one_line_of_numbered_migrations(two_stores: tuple[Store, Store]):
    with two_stores[0].read() as session:
        script = ScriptDirectory.from_config(migrations(session.connection()))
    revisions = [revision.revision for revision in script.walk_revisions()]
    assert len(script.get_heads()) == 1
    assert revisions == [f"{number:04}" for number in range(len(revisions), 0, -1)]


def _hurry(connection: psycopg.Connection, _record: object) -> None:
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.execute(f"SET {limit} = '200ms'")
    connection.commit()


@pytest.mark.parametrize("two_stores", ["postgresql"], indirect=True)
def test_an_upgrade_takes_as_long_as_it_takes(
    two_stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
):
    store, _ = two_stores
    sa.event.listen(store.engine, "connect", _hurry)
    upgrade = command.upgrade

    def slow(config: Config, revision: str) -> None:
        """Upgrade as if there were a large table: one long statement, and work between two."""
        config.attributes["connection"].exec_driver_sql("SELECT pg_sleep(0.4)")
        threading.Event().wait(0.4)
        upgrade(config, revision)

    monkeypatch.setattr(command, "upgrade", slow)
    schema.upgrade(store)
    schema.require_present(store)
    with pytest.raises(Unavailable), store.read() as session:
        session.execute(sa.text("SELECT pg_sleep(0.4)"))
