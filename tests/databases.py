"""Databases for the tests: the present schema, empty, made once and then given out in milliseconds.

SQLite gives each test a copy of one file. PostgreSQL gives each process of the tests one database,
emptied before a test: measured, that takes 1.5 ms where cloning one takes 20 ms or more. The schema
is made from the models; `test_migrations` proves that the migrations make the same.
"""

import importlib
import pkgutil
import shutil
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config

import dispatch
from dispatch.db import Base, Store
from dispatch.settings import shipped

# Without triggers, so that what is written once and for all can be removed after all, and so that
# the order of the tables does not matter. Whoever is left over from the test before is cut off.
_EMPTY = """
DO $$ DECLARE item record; BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;
    FOR item IN SELECT oid::regclass AS name, relkind FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S') LOOP
        IF item.relkind = 'S' THEN PERFORM setval(item.name, 1, false);
        ELSE EXECUTE 'DELETE FROM ' || item.name; END IF;
    END LOOP;
END $$
"""


class Statements(dict[tuple[Any, ...], Any]):
    """Statements that were compiled, for the engines of all tests.

    Engines and mappers keep them by the dialect, of which each engine has one; those of one kind of
    database are alike.
    """

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        """Return what was compiled for any engine."""
        return super().get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__((key[0].name, *key[1:]), compiled)

    @classmethod
    def shared(cls) -> "Statements":
        """Return a store for engines; let every mapper have one of its own."""
        know_every_table()
        for mapper in Base.registry.mappers:
            mapper.base_mapper._compiled_cache = cls()
        return cls()


class SqliteDatabases:
    """Files copied from one that holds the schema."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "schema.db"
        url = f"sqlite:///{self._template}"
        make_schema(url)
        # The write-ahead log goes with the last connection, so that one file is the whole.
        assert not self._template.with_name("schema.db-wal").exists()

    def empty(self, folder: Path) -> str:
        """Return the address of an empty database in `folder`."""
        path = folder / "dispatch.db"
        shutil.copyfile(self._template, path)
        return f"sqlite:///{path}"


class PostgresDatabases:
    """One database of a server, emptied again and again."""

    def __init__(self, server: str, name: str) -> None:
        self.url = make_database(server, name)
        make_schema(self.url)
        self._engine = sa.create_engine(
            self.url, isolation_level="AUTOCOMMIT", pool_pre_ping=True, pool_size=1
        )

    def empty(self) -> str:
        """Return the address of the database, emptied."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql(_EMPTY)
        return self.url

    def close(self) -> None:
        """Give back the connection."""
        self._engine.dispose()


def make_database(server: str, name: str) -> str:
    """Make a database without tables on a PostgreSQL server; return its address."""
    address = sa.make_url(server)
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    engine.dispose()
    return address.set(database=name).render_as_string(hide_password=False)


def make_schema(url: str) -> None:
    """Make every table of the models, with triggers and constraints, in an empty database."""
    know_every_table()
    store = Store(url)
    with store.write() as session:
        Base.metadata.create_all(session.connection())
    store.close()


def know_every_table() -> None:
    """Import every module that declares tables, so that `Base.metadata` is complete."""
    for module in pkgutil.walk_packages(dispatch.__path__, "dispatch."):
        if module.name.endswith(("models", ".audit", ".seal", ".upkeep")):
            importlib.import_module(module.name)


def migrations(connection: sa.Connection) -> Config:
    """Return what Alembic's commands need to work on `connection` and to compare the models."""
    know_every_table()
    config = Config(attributes={"connection": connection, "metadata": Base.metadata})
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config
