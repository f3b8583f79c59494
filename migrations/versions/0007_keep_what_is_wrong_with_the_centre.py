"""Keep what is wrong with the centre."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.db import Instant, Json

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "console_call",
        sa.Column(
            "organisation_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("alarms", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_console_call_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_console_call")),
    )
    op.create_table(
        "open_board",
        sa.Column("tab", sa.Text(), nullable=False),
        sa.Column(
            "organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("sounds", sa.Boolean(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_open_board_organisation_id")
        ),
        sa.PrimaryKeyConstraint("tab", "organisation_id", name=op.f("pk_open_board")),
    )
    with op.batch_alter_table("open_board", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_open_board_organisation_id"), ["organisation_id"], unique=False
        )

    op.create_table(
        "sheet_address",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column(
            "organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("sealed_address", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_sheet_address_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_address")),
        sa.UniqueConstraint(
            "organisation_id",
            "fingerprint",
            name=op.f("uq_sheet_address_organisation_id_fingerprint"),
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_sheet_address_uid")),
    )
    with op.batch_alter_table("sheet_address", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sheet_address_organisation_id"), ["organisation_id"], unique=False
        )

    op.create_table(
        "sheet_sent",
        sa.Column(
            "organisation_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("pending", sa.Text(), nullable=False),
        sa.Column("pending_since", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_sheet_sent_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_sheet_sent")),
    )
    op.create_table(
        "wrong",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column(
            "organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "trouble",
            sa.Enum(
                "engine",
                "web",
                "overdue",
                "supplier",
                "no_supplier",
                "callbacks",
                "source",
                "clock",
                "cover",
                name="trouble",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("facts", Json, nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("found_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("seen_at", Instant(), nullable=True),
        sa.Column("seen_by", sa.Text(), nullable=False),
        sa.Column("told", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_wrong_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wrong")),
        sa.UniqueConstraint("uid", name=op.f("uq_wrong_uid")),
    )
    with op.batch_alter_table("wrong", schema=None) as batch_op:
        batch_op.create_index("ix_wrong_ended_at", ["ended_at"], unique=False)
        batch_op.create_index(
            "ix_wrong_standing",
            ["trouble", "about"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("promised_minutes", sa.Integer(), server_default="0", nullable=False)
        )
