"""The databases that the tests are given."""

import time

import pytest
import sqlalchemy as sa

from dispatch.db import Store
from dispatch.people.models import Organisation, OrganisationKind
from tests.databases import PostgresDatabases


def _add_organisation(store: Store) -> int:
    with store.write() as session:
        zone = Organisation(key="north", name="North", kind=OrganisationKind.POLICE_ZONE)
        session.add(zone)
        session.flush()
        return zone.id


def test_a_database_is_empty_and_counts_from_one(store: Store):
    assert _add_organisation(store) == 1


def test_the_next_test_finds_it_empty_again(store: Store):
    assert _add_organisation(store) == 1


def test_emptying_cuts_off_whoever_still_holds_a_row(postgres_databases: PostgresDatabases):
    url = postgres_databases.empty()
    left_over = Store(url)
    with left_over.write() as session:
        zone = Organisation(key="north", name="North", kind=OrganisationKind.POLICE_ZONE)
        session.add(zone)
    holder = left_over.engine.connect()
    holder.execute(sa.text("SELECT * FROM organisation FOR UPDATE"))

    postgres_databases.empty()

    holder.invalidate()
    holder.close()
    with left_over.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Organisation)) == 0
    left_over.close()


def test_a_connection_that_comes_back_after_the_end_is_closed(
    postgres_databases: PostgresDatabases,
):
    url = postgres_databases.empty()
    ended, other = Store(url), Store(url)
    with ended.read() as session:
        backend = session.scalar(sa.select(sa.func.pg_backend_pid()))
        ended.close()
    lives = sa.text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
    for _ in range(100):
        with other.read() as session:
            if not session.scalar(lives, {"pid": backend}):
                break
        time.sleep(0.02)
    else:
        pytest.fail("the connection is still open")
    other.close()
