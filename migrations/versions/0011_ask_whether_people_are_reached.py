"""Ask whether people are reached before they are needed, and pass a line's telephone on."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.db import Instant

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "check_terms",
        sa.Column("id", _ID, nullable=False),
        sa.Column("team_id", _ID, nullable=False),
        sa.Column("check_ins", sa.Boolean(), nullable=False),
        sa.Column("lead_minutes", sa.Integer(), nullable=False),
        sa.Column("wait_minutes", sa.Integer(), nullable=False),
        sa.Column("tests", sa.Boolean(), nullable=False),
        sa.Column("reminder_hours", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_check_terms_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_terms")),
        sa.UniqueConstraint("team_id", name=op.f("uq_check_terms_team_id")),
    )
    op.create_table(
        "reminder_choice",
        sa.Column("id", _ID, nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("by_mail", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_reminder_choice_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder_choice")),
        sa.UniqueConstraint("person_id", name=op.f("uq_reminder_choice_person_id")),
    )
    op.create_table("reach_check", *_columns(), *_constraints())
    op.create_index(op.f("ix_reach_check_person_id"), "reach_check", ["person_id"])
    op.create_index(op.f("ix_reach_check_token_hash"), "reach_check", ["token_hash"])
    still_open = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_reach_check_open",
        "reach_check",
        ["due_at"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    # One statement for both: SQLite takes a reference only together with its column.
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE contact_method ADD COLUMN line_id {kind} "
        "CONSTRAINT fk_contact_method_line_id REFERENCES line (id)"
    )
    op.add_column("contact_method", sa.Column("mute_at", Instant()))
    op.add_column("contact_method", sa.Column("held_at", Instant()))
    op.create_index(op.f("ix_contact_method_line_id"), "contact_method", ["line_id"])


def _columns() -> list[sa.Column]:
    return [
        sa.Column("id", _ID, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("kind", _words("checkkind", "check_in", "test", "reminder"), nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("team_id", _ID, nullable=False),
        sa.Column("line_id", _ID, nullable=True),
        sa.Column("method_id", _ID, nullable=True),
        sa.Column("begins_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column(
            "stage",
            _words("stage", "texted", "called", "outgoing", "coordinator", "board"),
            nullable=False,
        ),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("refused_at", Instant(), nullable=True),
        sa.Column("outgoing_id", _ID, nullable=True),
        sa.Column("heard_at", Instant(), nullable=True),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column(
            "outcome", _words("checkend", "answered", "unanswered", "moved", "sent"), nullable=True
        ),
    ]


def _constraints() -> list[sa.Constraint]:
    references = {
        "person_id": "person.id",
        "team_id": "team.id",
        "line_id": "line.id",
        "method_id": "contact_method.id",
        "outgoing_id": "person.id",
    }
    return [
        *(
            sa.ForeignKeyConstraint([name], [target], name=op.f(f"fk_reach_check_{name}"))
            for name, target in references.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reach_check")),
        sa.UniqueConstraint("uid", name=op.f("uq_reach_check_uid")),
        sa.UniqueConstraint("about", name=op.f("uq_reach_check_about")),
    ]


def _words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)
