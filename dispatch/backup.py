"""A copy of the whole database in one file, while the centre goes on working.

The copy is of one instant, holds what is sealed as it is sealed, and is whole or not there at all.
It is put back only into a database that holds nothing. Without the installation's secret nothing
sealed in it can be read: that is kept elsewhere, by whoever runs the centre.
"""

import contextlib
import os
import sqlite3
import subprocess
from pathlib import Path

import psycopg
import sqlalchemy as sa

from dispatch.db import Store
from dispatch.errors import Conflict, Invalid


def write(store: Store, path: Path) -> None:
    """Write a copy to `path`; raises Conflict when there is a file already."""
    if path.exists():
        raise Conflict(f"{path} is there already. Choose another name.")
    draft = path.with_name(f".{path.name}.part")
    try:
        # Made before it is filled, so that at no moment others may read it.
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        if store.is_sqlite:
            with contextlib.closing(sqlite3.connect(draft)) as copy, store.engine.connect() as own:
                _driver(own).backup(copy)
        else:
            _run(store, "pg_dump", "--format=custom", f"--file={draft}")
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def read(store: Store, path: Path) -> None:
    """Put a copy back; raises Conflict unless the database is empty, Invalid for another file."""
    if not path.is_file():
        raise Invalid(f"{path} is no file.")
    if sa.inspect(store.engine).get_table_names():
        raise Conflict("The database is not empty. Restore into a new one.")
    if not store.is_sqlite:
        _run(store, "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", path)
        return
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as copy:
        try:
            sound = copy.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        except sqlite3.DatabaseError:
            sound = False
        if not sound:
            raise Invalid(f"{path} is no copy of a database, or it is damaged.")
        with store.engine.connect() as own:
            copy.backup(_driver(own))


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    # SQLAlchemy has begun a transaction, in which SQLite copies nothing.
    connection.rollback()
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _run(store: Store, program: str, *arguments: str | Path) -> None:
    """Run a program of PostgreSQL's on the database; the password stays off the command line."""
    _, chosen = store.engine.dialect.create_connect_args(store.url)
    names = {
        option.keyword.decode(): option.envvar.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.envvar
    }
    environment = {names[word]: str(value) for word, value in chosen.items() if word in names}
    target = ["--dbname", store.url.database or ""] if program == "pg_restore" else []
    try:
        done = subprocess.run(
            [program, *target, *arguments],
            env=os.environ | environment,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise Invalid(f"{program} is not installed: it comes with PostgreSQL's client.") from None
    if done.returncode:
        raise Invalid(f"{program} failed: {done.stderr.strip().splitlines()[-1]}")
