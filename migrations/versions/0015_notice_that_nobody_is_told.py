"""Notice that nobody is told: a check-in, a watchdog and a control room that stay unheard."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TROUBLES = (
    "engine",
    "web",
    "database",
    "overdue",
    "supplier",
    "no_supplier",
    "callbacks",
    "source",
    "clock",
    "cover",
    "check_in",
    "unheard",
    "watchdog",
)


def upgrade() -> None:
    # Which name it got depends on whether the models were at hand when it was made.
    held = sa.inspect(op.get_bind()).get_check_constraints("wrong")
    words = ", ".join(f"'{one}'" for one in _TROUBLES)
    with op.batch_alter_table("wrong", schema=None) as batch_op:
        for name in {one["name"] for one in held} & {"ck_wrong_trouble", "trouble"}:
            batch_op.drop_constraint(op.f(name), type_="check")
        batch_op.create_check_constraint(op.f("ck_wrong_trouble"), f"trouble IN ({words})")
