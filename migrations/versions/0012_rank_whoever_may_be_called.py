"""Keep what ranks people: what serves instead, which side, to whom a case is closed, their places."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.db import Instant, Json

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    for table in ("category_want", "want"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(
                sa.Column(
                    "substitute_id",
                    sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                    nullable=True,
                )
            )
            batch_op.add_column(sa.Column("side", sa.Text(), nullable=False, server_default=""))
            batch_op.create_foreign_key(
                batch_op.f(f"fk_{table}_substitute_id"), "qualification", ["substitute_id"], ["id"]
            )

    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.add_column(sa.Column("barred", Json, nullable=False, server_default="{}"))

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("sealed_places", sa.Text(), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("went_at", Instant(), nullable=True))
