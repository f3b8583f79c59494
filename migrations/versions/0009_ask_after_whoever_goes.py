"""Ask more teams by flags, ask after whoever goes, hand seats on, wait until a time."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.db import Instant

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "flag_want",
        sa.Column("id", _ID, nullable=False),
        sa.Column("flag", sa.Text(), nullable=False),
        sa.Column("function", sa.Text(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("qualification_id", _ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["qualification_id"],
            ["qualification.id"],
            name=op.f("fk_flag_want_qualification_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flag_want")),
        sa.UniqueConstraint("flag", "function", name=op.f("uq_flag_want_flag_function")),
    )
    op.add_column("category", sa.Column("silent_minutes", sa.Integer(), nullable=True))
    op.add_column("incident", sa.Column("appointment_at", Instant(), nullable=True))
    op.add_column("incident", sa.Column("begins_at", Instant(), nullable=True))
    for name, begins in (("quiet_from", "22:00"), ("quiet_until", "07:00")):
        op.add_column(
            "organisation", sa.Column(name, sa.Text(), server_default=begins, nullable=False)
        )
    for name, number in (("welfare_minutes", "0"), ("welfare_priority", "3")):
        op.add_column(
            "organisation", sa.Column(name, sa.Integer(), server_default=number, nullable=False)
        )
    for name in ("ask_at", "welfare_asked_at"):
        op.add_column("assignment", sa.Column(name, Instant(), nullable=True))
    # One statement for both: SQLite takes a reference only together with its column.
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    for table, name, other in (
        ("assignment", "handed_to_id", "person"),
        ("page", "replaces_id", "assignment"),
    ):
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN {name} {kind} "
            f"CONSTRAINT fk_{table}_{name} REFERENCES {other} (id)"
        )
