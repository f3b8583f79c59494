"""Keep each wording of a question as a version, and find by an index who is to be asked after."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.db import Instant

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_IN_FORCE = sa.text("retired_at IS NULL")
_UNFINISHED = sa.text("released_at IS NULL AND done_at IS NULL")
_OPEN = sa.text("given_at IS NULL")


def upgrade() -> None:
    with op.batch_alter_table("briefing_question", schema=None) as batch_op:
        batch_op.add_column(sa.Column("from_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("retired_at", Instant(), nullable=True))
        batch_op.drop_constraint(op.f("uq_briefing_question_category_id_key"), type_="unique")
        batch_op.create_index(
            "uq_briefing_question_in_force",
            ["category_id", "key"],
            unique=True,
            sqlite_where=_IN_FORCE,
            postgresql_where=_IN_FORCE,
        )
    for name, table, column, where in (
        ("ix_assignment_unfinished", "assignment", "accepted_at", _UNFINISHED),
        ("ix_facts_call_open", "facts_call", "asked_at", _OPEN),
    ):
        op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)
