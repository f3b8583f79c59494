"""Merge reports of one event."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.db import Instant, Json

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "briefing_question",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "category_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("names", Json, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_briefing_question_category_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_briefing_question")),
        sa.UniqueConstraint(
            "category_id", "key", name=op.f("uq_briefing_question_category_id_key")
        ),
    )
    with op.batch_alter_table("briefing_question", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_briefing_question_category_id"), ["category_id"], unique=False
        )

    op.create_table(
        "briefing_answer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column(
            "incident_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("sealed_words", sa.Text(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_briefing_answer_incident_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_briefing_answer")),
        sa.UniqueConstraint("uid", name=op.f("uq_briefing_answer_uid")),
    )
    with op.batch_alter_table("briefing_answer", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_briefing_answer_incident_id"), ["incident_id"], unique=False
        )

    op.create_table(
        "gathering",
        sa.Column(
            "incident_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("joins_until", Instant(), nullable=True),
        sa.Column("lead_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("relief_hours", sa.Integer(), nullable=False),
        sa.Column("cancelled_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_gathering_incident_id")
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["person.id"], name=op.f("fk_gathering_lead_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_gathering")),
    )
    with op.batch_alter_table("gathering", schema=None) as batch_op:
        batch_op.create_index(
            "ix_gathering_joins_until",
            ["joins_until"],
            unique=False,
            sqlite_where=sa.text("joins_until IS NOT NULL"),
            postgresql_where=sa.text("joins_until IS NOT NULL"),
        )

    op.create_table(
        "incident_merge",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("merged_at", Instant(), nullable=False),
        sa.Column("merged_by", sa.Text(), nullable=False),
        sa.Column("wants", Json, nullable=False),
        sa.Column("cancelled_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["into_id"], ["incident.id"], name=op.f("fk_incident_merge_into_id")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["incident.id"], name=op.f("fk_incident_merge_report_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_merge")),
    )
    with op.batch_alter_table("incident_merge", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_incident_merge_into_id"), ["into_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_incident_merge_report_id"), ["report_id"], unique=False
        )
        batch_op.create_index(
            "uq_incident_merge_standing",
            ["report_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "facts_call",
        sa.Column(
            "assignment_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("given_at", Instant(), nullable=True),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name=op.f("fk_facts_call_assignment_id")
        ),
        sa.PrimaryKeyConstraint("assignment_id", name=op.f("pk_facts_call")),
    )
    op.create_table(
        "relief",
        sa.Column(
            "assignment_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("called_at", Instant(), nullable=True),
        sa.Column("called_by", sa.Text(), nullable=False),
        sa.Column("handed_over_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name=op.f("fk_relief_assignment_id")
        ),
        sa.PrimaryKeyConstraint("assignment_id", name=op.f("pk_relief")),
    )
