"""The version of the database's tables: only `dispatch upgrade` changes it.

A process that finds older or newer tables than it was written for stops with a sentence instead of
failing in the middle of an alert. An upgrade is one transaction: all of it is done, or none. The
steps are in `migrations/versions`; what a new centre begins with is left to the features.
"""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from dispatch.db import Store
from dispatch.settings import shipped


class SchemaMismatch(Exception):
    """The tables are not of this version of the program; the sentence says what to do."""


def upgrade(store: Store) -> None:
    """Bring the tables to this version; does nothing when they are."""
    with store.write() as session:
        if not store.is_sqlite:
            # A large table takes as long as it takes; only waiting for others stays limited.
            for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
                session.execute(sa.text(f"SET LOCAL {limit} = 0"))
        config = _config()
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "head")


def require_present(store: Store) -> None:
    """Raise SchemaMismatch unless the tables are of this version."""
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    with store.read() as session:
        found = MigrationContext.configure(session.connection()).get_current_revision()
    if found is None:
        raise SchemaMismatch("The database is empty. Run `dispatch upgrade` first.")
    if found != wanted:
        raise SchemaMismatch(
            f"The database has the tables of version {found}, this program needs {wanted}. Make a "
            "backup, then run `dispatch upgrade`; if the database is the newer one, install the "
            "newer program."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    return config
