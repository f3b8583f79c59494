"""Rows written past the session's bookkeeping behave as if it had written them."""

import contextlib

import sqlalchemy as sa

from dispatch.db import Store
from dispatch.inserts import insert_now
from dispatch.people.models import Qualification


def test_what_was_inserted_at_once_is_forgotten_with_its_savepoint(store: Store) -> None:
    """SQLite gives the ids of rows that were taken back to the next ones."""
    kept = []
    with store.write() as session:
        for key in ("taken back", "stays"):
            row = Qualification(key=key, names={"en": key})
            kept.append(row)
            with contextlib.suppress(ZeroDivisionError), session.begin_nested():
                with session.begin_nested():
                    insert_now(session, [row])
                assert row.id == session.get_one(Qualification, row.id).id
                if key == "taken back":
                    raise ZeroDivisionError
        assert [row in session for row in kept] == [False, True]
        kept[1].names = {"en": "changed"}
    with store.read() as session:
        found = session.scalars(sa.select(Qualification)).all()
        assert [(row.key, row.names) for row in found] == [("stays", {"en": "changed"})]
