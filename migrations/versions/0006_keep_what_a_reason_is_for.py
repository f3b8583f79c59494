"""Keep what a seat's reason is for, and what a late sign-up broke."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.db import Json

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("draft_seat", schema=None) as batch_op:
        batch_op.add_column(sa.Column("broken", Json, nullable=False, server_default="[]"))

    with op.batch_alter_table("open_turn", schema=None) as batch_op:
        batch_op.add_column(sa.Column("broken", Json, nullable=False, server_default="[]"))
        batch_op.add_column(
            sa.Column("to_approve", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
