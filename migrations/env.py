"""Runs the migrations on a connection that somebody else opened, inside its transaction.

Either all of them are done or none: both databases take changes of tables back with the rest.
Whoever calls puts the connection into `config.attributes["connection"]`, and, to compare the tables
with the models, their metadata into `config.attributes["metadata"]`.
"""

from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

from dispatch.db import Instant, Json

#: Any number that no other advisory lock of the database has.
_UPGRADING = 7_342_118


def _render(kind: str, item: Any, autogenerate: AutogenContext) -> str | bool:
    for mine, name in (
        (isinstance(item, Instant), "Instant()"),
        (repr(item) == repr(Json), "Json"),
    ):
        if kind == "type" and mine:
            autogenerate.imports.add(f"from dispatch.db import {name.removesuffix('()')}")
            return name
    return False


def _compare_type(
    _context: Any, _inspected: Any, _column: Any, found: Any, wanted: Any
) -> bool | None:
    """Say whether a column's type differs; None leaves it to Alembic."""
    if isinstance(wanted, Instant) and isinstance(found, sa.String):
        # On SQLite an instant is text of 26 characters.
        return found.length != 26
    return None


connection: sa.Connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    # A second machine that upgrades at the same time waits and then finds nothing to do.
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADING})")
context.configure(
    connection=connection,
    target_metadata=context.config.attributes.get("metadata"),
    render_as_batch=True,
    render_item=_render,
    compare_type=_compare_type,
)
with context.begin_transaction():
    context.run_migrations()
