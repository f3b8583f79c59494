"""Writes the migration from the last one to the present models: `make migration NAME="..."`.

It compares the models with a scratch PostgreSQL database at the last revision, because SQLite does
not tell everything. Triggers and checks are not compared: write those by hand; `test_migrations`
tells what is still missing.
"""

import sys

from alembic import command
from alembic.script import ScriptDirectory

from dispatch.db import Store
from tests.databases import migrations
from tests.postgres import cluster


def main(message: str) -> None:
    """Write the next numbered migration."""
    with cluster() as url:
        store = Store(url)
        with store.write() as session:
            config = migrations(session.connection())
            command.upgrade(config, "head")
            last = ScriptDirectory.from_config(config).get_current_head() or "0000"
            number = f"{int(last) + 1:04}"
            command.revision(config, message, autogenerate=True, rev_id=number)
        store.close()


if __name__ == "__main__":
    main(sys.argv[1])
