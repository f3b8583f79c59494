"""Make the tables that rotas are planned in."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.db import Instant, Json

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "own_day",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_own_day_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_day")),
        sa.UniqueConstraint(
            "organisation_id", "on", "kind", name=op.f("uq_own_day_organisation_id_on_kind")
        ),
    )
    op.create_table(
        "absence",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "leave",
                "sick",
                "training",
                "other",
                name="absencekind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=True),
        sa.Column(
            "answer",
            sa.Enum(
                "asked",
                "approved",
                "refused",
                "withdrawn",
                name="answer",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_absence_order")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_absence_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
    )
    op.create_index(op.f("ix_absence_person_id"), "absence", ["person_id"], unique=False)

    op.create_table(
        "opening_balance",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("amount", sa.Double(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_opening_balance_person_id")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_opening_balance_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening_balance")),
        sa.UniqueConstraint(
            "team_id",
            "person_id",
            "measure",
            name=op.f("uq_opening_balance_team_id_person_id_measure"),
        ),
    )
    op.create_index(
        op.f("ix_opening_balance_person_id"), "opening_balance", ["person_id"], unique=False
    )

    op.create_table(
        "rota_draft",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "asked",
                "published",
                "dropped",
                name="draftstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("based_at", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=True),
        sa.Column(
            "asked_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.CheckConstraint("first_on <= last_on", name=op.f("ck_rota_draft_order")),
        sa.ForeignKeyConstraint(
            ["asked_by_id"], ["person.id"], name=op.f("fk_rota_draft_asked_by_id")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_rota_draft_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_draft")),
    )
    op.create_index(op.f("ix_rota_draft_team_id"), "rota_draft", ["team_id"], unique=False)

    op.create_table(
        "rota_pairing",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "apart",
                "together",
                "mentor",
                name="pairingkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("first_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "second_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("weight", sa.Integer(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.CheckConstraint("first_id <> second_id", name=op.f("ck_rota_pairing_two")),
        sa.ForeignKeyConstraint(["first_id"], ["person.id"], name=op.f("fk_rota_pairing_first_id")),
        sa.ForeignKeyConstraint(
            ["second_id"], ["person.id"], name=op.f("fk_rota_pairing_second_id")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_rota_pairing_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_pairing")),
    )
    op.create_index(op.f("ix_rota_pairing_team_id"), "rota_pairing", ["team_id"], unique=False)

    op.create_table(
        "rota_pattern",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_rota_pattern_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_pattern")),
        sa.UniqueConstraint(
            "team_id", "valid_from", name=op.f("uq_rota_pattern_team_id_valid_from")
        ),
    )
    op.create_table(
        "rota_rule",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("numbers", Json, nullable=False),
        sa.Column("weight", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("off", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_rota_rule_organisation_id")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_rota_rule_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_rule")),
        sa.UniqueConstraint(
            "organisation_id",
            "team_id",
            "key",
            name=op.f("uq_rota_rule_organisation_id_team_id_key"),
        ),
    )
    op.create_index(
        op.f("ix_rota_rule_organisation_id"), "rota_rule", ["organisation_id"], unique=False
    )

    op.create_table(
        "rota_terms",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("preset", sa.Text(), nullable=False),
        sa.Column("days", sa.Text(), nullable=False),
        sa.Column("four_eyes", sa.Boolean(), nullable=False),
        sa.Column("swaps_approved", sa.Boolean(), nullable=False),
        sa.Column("wish_budget", sa.Integer(), nullable=False),
        sa.Column(
            "wish_period",
            sa.Enum(
                "month",
                "quarter",
                "year",
                name="wishperiod",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_rota_terms_organisation_id")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name=op.f("fk_rota_terms_owner_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_rota_terms_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_terms")),
        sa.UniqueConstraint("team_id", name=op.f("uq_rota_terms_team_id")),
    )
    op.create_index(
        "uq_rota_terms_organisation",
        "rota_terms",
        ["organisation_id"],
        unique=True,
        sqlite_where=sa.text("team_id IS NULL"),
        postgresql_where=sa.text("team_id IS NULL"),
    )

    op.create_table(
        "rota_warned",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_rota_warned_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_warned")),
        sa.UniqueConstraint("team_id", "about", name=op.f("uq_rota_warned_team_id_about")),
    )
    op.create_table(
        "wish",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.CheckConstraint("first_on <= last_on", name=op.f("ck_wish_order")),
        sa.CheckConstraint("points > 0", name=op.f("ck_wish_points")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_wish_person_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_wish_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wish")),
    )
    op.create_index(op.f("ix_wish_person_id"), "wish", ["person_id"], unique=False)
    op.create_index(op.f("ix_wish_team_id"), "wish", ["team_id"], unique=False)

    op.create_table(
        "planning_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("draft_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "running",
                "done",
                "stopped",
                "failed",
                name="runstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("reproducible", sa.Boolean(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("began_at", Instant(), nullable=True),
        sa.Column("seen_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("stop_asked", sa.Boolean(), nullable=False),
        sa.Column("curve", Json, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("cost", sa.Integer(), nullable=True),
        sa.Column("bound", sa.Integer(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("found", Json, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("taken_at", Instant(), nullable=True),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["rota_draft.id"], name=op.f("fk_planning_run_draft_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planning_run")),
    )
    op.create_index(op.f("ix_planning_run_draft_id"), "planning_run", ["draft_id"], unique=False)
    op.create_index(
        "ix_planning_run_open",
        "planning_run",
        ["state"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )

    op.create_table(
        "rota_contract",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "membership_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("lines", Json, nullable=False),
        sa.CheckConstraint("share > 0", name=op.f("ck_rota_contract_share")),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_rota_contract_membership_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_contract")),
        sa.UniqueConstraint(
            "membership_id", "from_on", name=op.f("uq_rota_contract_membership_id_from_on")
        ),
    )
    op.create_table(
        "rota_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("draft_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("published_at", Instant(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("seconded_by", sa.Text(), nullable=False),
        sa.Column("days", Json, nullable=False),
        sa.Column("changes", Json, nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["rota_draft.id"], name=op.f("fk_rota_version_draft_id")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_rota_version_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_version")),
        sa.UniqueConstraint("team_id", "number", name=op.f("uq_rota_version_team_id_number")),
    )
    op.create_table(
        "draft_seat",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("draft_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("shift_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "origin",
            sa.Enum(
                "published",
                "planner",
                "hand",
                "import",
                name="origin",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_draft_seat_order")),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["rota_draft.id"], name=op.f("fk_draft_seat_draft_id")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["line.id"], name=op.f("fk_draft_seat_line_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_draft_seat_person_id")),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_draft_seat_shift_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_seat")),
    )
    op.create_index(
        "uq_draft_seat",
        "draft_seat",
        ["draft_id", "line_id", "starts_at"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )

    op.create_table(
        "open_turn",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "asked",
                "taken",
                "withdrawn",
                name="openstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("offered_at", Instant(), nullable=False),
        sa.Column("offered_by", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("taken_at", Instant(), nullable=True),
        sa.Column("shift_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_open_turn_order")),
        sa.ForeignKeyConstraint(["line_id"], ["line.id"], name=op.f("fk_open_turn_line_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_open_turn_person_id")),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_open_turn_shift_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open_turn")),
    )
    op.create_index(op.f("ix_open_turn_line_id"), "open_turn", ["line_id"], unique=False)
    op.create_index(
        "uq_open_turn",
        "open_turn",
        ["line_id", "starts_at"],
        unique=True,
        sqlite_where=sa.text("state IN ('open', 'asked')"),
        postgresql_where=sa.text("state IN ('open', 'asked')"),
    )

    op.create_table(
        "swap",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "give",
                "exchange",
                "late",
                name="swapkind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("shift_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column(
            "other_shift_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("from_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "offered",
                "accepted",
                "done",
                "refused",
                "withdrawn",
                "undone",
                name="swapstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("accepted_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("broken", Json, nullable=False),
        sa.Column("to_approve", sa.Boolean(), nullable=False),
        sa.Column("cover_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_swap_order")),
        sa.ForeignKeyConstraint(["cover_id"], ["cover.id"], name=op.f("fk_swap_cover_id")),
        sa.ForeignKeyConstraint(["from_id"], ["person.id"], name=op.f("fk_swap_from_id")),
        sa.ForeignKeyConstraint(
            ["other_shift_id"], ["shift.id"], name=op.f("fk_swap_other_shift_id")
        ),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_swap_shift_id")),
        sa.ForeignKeyConstraint(["to_id"], ["person.id"], name=op.f("fk_swap_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_swap")),
    )
    op.create_index(op.f("ix_swap_from_id"), "swap", ["from_id"], unique=False)
    op.create_index(op.f("ix_swap_shift_id"), "swap", ["shift_id"], unique=False)
    op.create_index(op.f("ix_swap_to_id"), "swap", ["to_id"], unique=False)
