"""Notice that nobody is told: a check-in, a watchdog and a control room that stay unheard."""

from collections.abc import Sequence

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
    if op.get_bind().dialect.name != "sqlite":
        # SQLite makes the table anew, without its old check. Which name it got elsewhere depends on
        # whether the models were at hand when it was made.
        for name in ("ck_wrong_trouble", "trouble"):
            op.execute(f"ALTER TABLE wrong DROP CONSTRAINT IF EXISTS {name}")
    words = ", ".join(f"'{one}'" for one in _TROUBLES)
    with op.batch_alter_table("wrong", schema=None) as batch_op:
        batch_op.create_check_constraint(op.f("ck_wrong_trouble"), f"trouble IN ({words})")
