"""Let texts leave at a pace."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.db import Instant

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "sender",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("free_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sender")),
        sa.UniqueConstraint("supplier", "number", name=op.f("uq_sender_supplier_number")),
    )
    op.add_column("message", sa.Column("sender", sa.Text(), server_default="", nullable=False))
