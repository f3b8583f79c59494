"""Keep why a period cannot be covered, and what a draft lets go of."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.db import Instant, Json

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("planning_run", sa.Column("explaining_at", Instant(), nullable=True))
    op.add_column("planning_run", sa.Column("explanation", Json, nullable=True))
    op.create_table(
        "draft_easing",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("draft_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "rule",
                "away",
                "skill",
                "unit",
                "line",
                "locked",
                "open",
                "gap",
                name="easingkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("starts_at", Instant(), nullable=True),
        sa.Column("weight", sa.Integer(), nullable=True),
        sa.Column(
            "open_turn_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["rota_draft.id"], name=op.f("fk_draft_easing_draft_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_draft_easing_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["open_turn_id"], ["open_turn.id"], name=op.f("fk_draft_easing_open_turn_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_easing")),
    )
    op.create_index(op.f("ix_draft_easing_draft_id"), "draft_easing", ["draft_id"], unique=False)
