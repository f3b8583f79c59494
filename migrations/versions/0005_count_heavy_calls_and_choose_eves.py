"""Count heavy calls, choose eves, ask for a version to be taken back."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.db import Instant

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "heavy_call",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_heavy_call_person_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_heavy_call_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heavy_call")),
        sa.UniqueConstraint("about", name=op.f("uq_heavy_call_about")),
    )
    with op.batch_alter_table("heavy_call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_heavy_call_person_id"), ["person_id"], unique=False)

    with op.batch_alter_table("rota_terms", schema=None) as batch_op:
        batch_op.add_column(sa.Column("eves", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column(
                "heavy",
                sa.Text(),
                server_default="suicide fatal_crash murder sexual_offence",
                nullable=False,
            )
        )

    with op.batch_alter_table("rota_version", schema=None) as batch_op:
        batch_op.add_column(sa.Column("undo_asked_at", Instant(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "undo_asked_by_id",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=True,
            )
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_rota_version_undo_asked_by_id"), "person", ["undo_asked_by_id"], ["id"]
        )
