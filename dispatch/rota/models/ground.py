"""What a team is planned by: pattern, rules, days, contracts, pairings and what people bring along.

Each holds from a day on or until another, so that a past period can be looked at by what held then.
What the documents mean is for `rota.patterns` and `rota.presets`.
"""

from datetime import date
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.db import Base, Id, words


class WishPeriod(StrEnum):
    """For how long a budget of wishes lasts."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


#: Deaths and sexual offences, until a team says otherwise.
HEAVY = "suicide fatal_crash murder sexual_offence"


class Terms(Base):
    """What an organisation chose for its rotas; a team's own row stands before its organisation's.

    Where there is no row, the defaults below hold.
    """

    __tablename__ = "rota_terms"
    id: Mapped[Id]
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"))
    team_id: Mapped[int | None] = mapped_column(sa.ForeignKey("team.id"))
    preset: Mapped[str] = mapped_column(default="none")
    """Which preset of rules is the ground; own rules stand before it by key."""
    days: Mapped[str] = mapped_column(default="")
    """Whose school holidays count: a community, in the words of `rota.holidays`."""
    eves: Mapped[str] = mapped_column(default="", server_default="")
    """Whether eves count: yes, no, or empty: as is usual in the country."""
    heavy: Mapped[str] = mapped_column(default=HEAVY, server_default=HEAVY)
    """Kinds of incident that weigh on people, by key, with spaces between."""
    four_eyes: Mapped[bool] = mapped_column(default=False)
    """Whether a second planner must publish what a first one asks to publish."""
    swaps_approved: Mapped[bool] = mapped_column(default=False)
    """Whether a planner must agree to what two people settle among themselves."""
    wish_budget: Mapped[int] = mapped_column(default=20)
    """Points that each person has for wishes in a period."""
    wish_period: Mapped[WishPeriod] = mapped_column(words(WishPeriod), default=WishPeriod.QUARTER)
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    """Who is warned when the rota runs out; none: every planner of the team."""
    __table_args__ = (
        sa.UniqueConstraint("team_id"),
        sa.Index(
            "uq_rota_terms_organisation",
            "organisation_id",
            unique=True,
            sqlite_where=sa.text("team_id IS NULL"),
            postgresql_where=sa.text("team_id IS NULL"),
        ),
    )


class TeamPattern(Base):
    """How a team takes turns from a day on, until the next pattern begins."""

    __tablename__ = "rota_pattern"
    id: Mapped[Id]
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"))
    valid_from: Mapped[date]
    document: Mapped[dict[str, Any]]
    __table_args__ = (sa.UniqueConstraint("team_id", "valid_from"),)


class OwnRule(Base):
    """A rule that an organisation or a team sets, changes or, switched off, takes out."""

    __tablename__ = "rota_rule"
    id: Mapped[Id]
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(sa.ForeignKey("team.id"))
    """None: every team that the organisation runs."""
    key: Mapped[str]
    """The same key as in the preset replaces it; the team's own stands before the other."""
    kind: Mapped[str]
    numbers: Mapped[dict[str, Any]]
    """Numbers and whom or what it is about, in the words of `rota.presets`."""
    weight: Mapped[int | None]
    """Cost of each unit of breach; none: hard."""
    source: Mapped[str] = mapped_column(default="")
    """Law, agreement or own decision."""
    off: Mapped[bool] = mapped_column(default=False)
    __table_args__ = (sa.UniqueConstraint("organisation_id", "team_id", "key"),)


class OwnDay(Base):
    """A day that matters to an organisation, or one of the library's that does not."""

    __tablename__ = "own_day"
    id: Mapped[Id]
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"))
    on: Mapped[date]
    kind: Mapped[str]
    """In the words of `rota.holidays`: public_holiday, eve, school_holiday."""
    name: Mapped[str] = mapped_column(default="")
    removed: Mapped[bool] = mapped_column(default=False)
    """The day does not count here, whatever the library says."""
    __table_args__ = (sa.UniqueConstraint("organisation_id", "on", "kind"),)


class Contract(Base):
    """How much, where and what somebody takes part in a team, from a day on."""

    __tablename__ = "rota_contract"
    id: Mapped[Id]
    membership_id: Mapped[int] = mapped_column(sa.ForeignKey("membership.id"))
    from_on: Mapped[date]
    share: Mapped[float] = mapped_column(default=1.0)
    """Of full employment, above 0."""
    unit: Mapped[str] = mapped_column(default="")
    """Part of the pool whose turn it may be: a zone."""
    lines: Mapped[list[str]] = mapped_column(default=list)
    """Keys of the lines that this person may take; empty: every one."""
    __table_args__ = (
        sa.UniqueConstraint("membership_id", "from_on"),
        sa.CheckConstraint("share > 0", name="share"),
    )


class PairingKind(StrEnum):
    """What holds of two people."""

    APART = "apart"
    TOGETHER = "together"
    MENTOR = "mentor"
    """The first only serves beside the second, or beside another of their mentors."""


class Pairing(Base):
    """Two people who must, or must not, serve together."""

    __tablename__ = "rota_pairing"
    id: Mapped[Id]
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"), index=True)
    kind: Mapped[PairingKind] = mapped_column(words(PairingKind))
    first_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    second_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    weight: Mapped[int | None]
    """Cost of each breach; none: hard."""
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    __table_args__ = (sa.CheckConstraint("first_id <> second_id", name="two"),)


class OpeningBalance(Base):
    """What somebody had served of a measure before turns are known here."""

    __tablename__ = "opening_balance"
    id: Mapped[Id]
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"))
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    measure: Mapped[str]
    """In the words of `rota.fairness`: turns, nights, weekends."""
    amount: Mapped[float]
    on: Mapped[date]
    """The last day that it counts."""
    __table_args__ = (sa.UniqueConstraint("team_id", "person_id", "measure"),)
