"""Let policies hold at times only, and keep what each attempt to send a message brought."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.db import Json

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("message", sa.Column("tries", Json, nullable=False, server_default="[]"))
    for name in ("lineage", "begins", "ends", "created_by"):
        op.add_column("policy", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("policy", sa.Column("days", Json, nullable=False, server_default="[]"))
    # One statement for both: SQLite takes a reference only together with its column.
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE policy ADD COLUMN category_id {kind} "
        "CONSTRAINT fk_policy_category_id REFERENCES category (id)"
    )
    op.execute("UPDATE policy SET lineage = 'policy-' || id")
    op.create_index("uq_policy_version", "policy", ["lineage", "version"], unique=True)
