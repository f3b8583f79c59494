"""Rows inserted past the session's bookkeeping, which costs several times as much.

For the path of an alert and for rows that somebody else may have inserted first. What is inserted
here is in the session as if it had written it itself, also where a savepoint takes it back.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql, sqlite

from dispatch.db import Base, Session


def insert_once(session: Session, table: sa.Table, row: Mapping[str, Any]) -> int | None:
    """Insert a row and return its id; None when a unique value of it is taken.

    Waits for another transaction that is inserting the same. Neither needs a SAVEPOINT.
    """
    statement = _insert_once(table, session.get_bind().dialect.name)
    return session.connection().execute(statement, row).scalar_one_or_none()


@functools.cache
def _insert_once(table: sa.Table, dialect: str) -> sa.Executable:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing().returning(table.c.id)


def insert_now(session: Session, rows: Sequence[Base]) -> None:
    """Insert new objects of one table at once and keep them in the session as it would itself.

    Keys of other rows must be set, not only the relationships to them.
    """
    if not rows:
        return
    mapper = orm.object_mapper(rows[0])
    table = mapper.local_table
    assert isinstance(table, sa.Table)
    values = [_values(mapper, row) for row in rows]
    ids = session.connection().execute(_insert_rows(table), values).scalars()
    for row, row_id in zip(rows, ids, strict=True):
        if row in session:
            session.expunge(row)
        orm.attributes.set_committed_value(row, "id", row_id)
        orm.make_transient_to_detached(row)
        session.add(row)
    begun = session.get_nested_transaction() or session.get_transaction()
    session.info.setdefault("inserted", []).append((begun, rows))


@sa.event.listens_for(Session, "after_soft_rollback")
def _forget_inserted(session: Session, ended: orm.SessionTransaction) -> None:
    """Forget rows that a savepoint took back: SQLite gives their ids to others."""
    inserted = session.info.get("inserted", [])
    session.info["inserted"] = kept = []
    for begun, rows in inserted:
        if not _is_within(begun, ended):
            kept.append((begun, rows))
            continue
        for row in rows:
            if row in session:
                session.expunge(row)


def _is_within(begun: orm.SessionTransaction | None, outer: orm.SessionTransaction) -> bool:
    while begun is not None and begun is not outer:
        begun = begun.parent
    return begun is outer


@functools.cache
def _insert_rows(table: sa.Table) -> sa.Executable:
    return sa.insert(table).returning(table.c.id, sort_by_parameter_order=True)


def _values(mapper: orm.Mapper[Any], row: Base) -> dict[str, Any]:
    """Return what a new object holds, its defaults filled in."""
    held = row.__dict__
    for key, default in _defaults(mapper):
        if key not in held:
            orm.attributes.set_committed_value(
                row, key, default() if callable(default) else default
            )
    return {key: held[key] for key, _ in _defaults(mapper)}


@functools.cache
def _defaults(mapper: orm.Mapper[Any]) -> list[tuple[str, Any]]:
    """Return every column but the id with what it is where nothing was said."""
    found: list[tuple[str, Any]] = []
    for column in mapper.local_table.columns:
        if column.key == "id":
            continue
        default = column.default
        if default is None:
            found.append((column.key, None))
        elif default.is_callable:
            found.append((column.key, functools.partial(default.arg, None)))
        else:
            found.append((column.key, default.arg))
    return found
