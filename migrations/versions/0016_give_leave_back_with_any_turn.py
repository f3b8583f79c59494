"""Give leave back with any turn that it made room for, not only with a version taken back."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from alembic import op

from dispatch.db import Instant, Json

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KINDS = ("leave", "sick", "training", "other")


def upgrade() -> None:
    op.create_table(
        "room",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "kind",
            sa.Enum(
                *_KINDS, name="absencekind", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_room_order")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_room_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room")),
    )
    with op.batch_alter_table("room", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_room_about"), ["about"], unique=False)
    _keep_what_versions_know()


def _keep_what_versions_know() -> None:
    connection = op.get_bind()
    room = sa.table(
        "room",
        *map(sa.column, ("about", "person_id", "kind")),
        sa.column("starts_at", Instant()),
        sa.column("ends_at", Instant()),
    )
    version = sa.table("rota_version", sa.column("changes", Json))
    shift = sa.table("shift", sa.column("uid"), sa.column("cancelled_at"))
    standing = set(connection.scalars(sa.select(shift.c.uid).where(shift.c.cancelled_at.is_(None))))
    rows = [
        {
            "about": f"shift:{change['made']}",
            "person_id": one["person"],
            "kind": one["kind"],
            "starts_at": datetime.fromisoformat(one["from"]),
            "ends_at": datetime.fromisoformat(one["until"]),
        }
        for changes in connection.scalars(sa.select(version.c.changes))
        for change in changes
        for one in change.get("rooms", ())
        if change["made"] in standing
    ]
    if rows:
        op.bulk_insert(room, rows)
