"""Keep how each person wants to be called, and by which digits a control room reports by telephone."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.db import Instant, Json

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("called_by", Json, nullable=False, server_default="[]"))

    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pin_digest", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("pin_at", Instant(), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_source_pin_digest"), ["pin_digest"])
