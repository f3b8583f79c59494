"""Plans that nobody follows yet: drafts with their seats, and runs of the planner."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.db import Base, Id, words


class DraftState(StrEnum):
    """Where a draft stands."""

    OPEN = "open"
    ASKED = "asked"
    """Somebody wants it published; another planner must agree."""
    PUBLISHED = "published"
    DROPPED = "dropped"


class Draft(Base):
    """A team's plan for some days, both included: every turn that begins on one of them."""

    __tablename__ = "rota_draft"
    id: Mapped[Id]
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"), index=True)
    name: Mapped[str] = mapped_column(default="")
    first_on: Mapped[date]
    last_on: Mapped[date]
    state: Mapped[DraftState] = mapped_column(words(DraftState), default=DraftState.OPEN)
    revision: Mapped[int] = mapped_column(default=0)
    """Rises with every change of its seats."""
    based_at: Mapped[datetime]
    """When the published rota was last looked at: what changed there since is taken in first."""
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    asked_at: Mapped[datetime | None]
    asked_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    """Who wants it published."""
    __table_args__ = (sa.CheckConstraint("first_on <= last_on", name="order"),)


class Origin(StrEnum):
    """Where a seat comes from."""

    PUBLISHED = "published"
    PLANNER = "planner"
    HAND = "hand"
    IMPORT = "import"


class DraftSeat(Base):
    """Somebody on a line of a draft; a removed one stays, to say who removed it."""

    __tablename__ = "draft_seat"
    id: Mapped[Id]
    draft_id: Mapped[int] = mapped_column(sa.ForeignKey("rota_draft.id"))
    line_id: Mapped[int] = mapped_column(sa.ForeignKey("line.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    shift_id: Mapped[int | None] = mapped_column(sa.ForeignKey("shift.id"))
    """The published turn that it began as."""
    origin: Mapped[Origin] = mapped_column(words(Origin))
    locked: Mapped[bool] = mapped_column(default=False)
    """The planner may not move it."""
    reason: Mapped[str] = mapped_column(default="")
    """Why it stands although it breaks a rule."""
    broken: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """Keys of the rules that it broke then: the reason is for no other."""
    revision: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str]
    removed_at: Mapped[datetime | None]
    __table_args__ = (
        sa.CheckConstraint("starts_at < ends_at", name="order"),
        sa.Index(
            "uq_draft_seat",
            "draft_id",
            "line_id",
            "starts_at",
            unique=True,
            sqlite_where=sa.text("removed_at IS NULL"),
            postgresql_where=sa.text("removed_at IS NULL"),
        ),
    )


class EasingKind(StrEnum):
    """What a draft does not insist on."""

    RULE = "rule"
    """A rule, for one person or everybody: weighted, or off."""
    AWAY = "away"
    """Somebody's absence, in one turn."""
    SKILL = "skill"
    """A qualification, in one turn."""
    UNIT = "unit"
    """The unit that one turn belongs to."""
    LINE = "line"
    """The lines that somebody takes: one more."""
    LOCKED = "locked"
    """A fixed order, in one turn of one person."""
    OPEN = "open"
    """One person of a turn, which was offered to everybody."""
    GAP = "gap"
    """One person of a turn, which stays empty."""


class Easing(Base):
    """Something that a planner lets go of in one draft, and why; what ended stays, to say so."""

    __tablename__ = "draft_easing"
    id: Mapped[Id]
    draft_id: Mapped[int] = mapped_column(sa.ForeignKey("rota_draft.id"), index=True)
    kind: Mapped[EasingKind] = mapped_column(words(EasingKind))
    key: Mapped[str] = mapped_column(default="")
    """Of the rule or the qualification."""
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    line: Mapped[str] = mapped_column(default="")
    """The pattern's line, and when the turn on it begins."""
    starts_at: Mapped[datetime | None]
    weight: Mapped[int | None]
    """What each breach of the rule costs; none: it is off."""
    open_turn_id: Mapped[int | None] = mapped_column(sa.ForeignKey("open_turn.id"))
    reason: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(default="")


class RunState(StrEnum):
    """How far a run of the planner is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """Nobody wanted it any more before it began."""
    FAILED = "failed"


class PlanningRun(Base):
    """One search for a plan of a draft, with what it found and how it went."""

    __tablename__ = "planning_run"
    id: Mapped[Id]
    draft_id: Mapped[int] = mapped_column(sa.ForeignKey("rota_draft.id"), index=True)
    state: Mapped[RunState] = mapped_column(words(RunState), default=RunState.WAITING)
    seconds: Mapped[int]
    """The most that it may take."""
    reproducible: Mapped[bool] = mapped_column(default=False)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    began_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    """Last sign of life: a run whose engine died is begun again."""
    ended_at: Mapped[datetime | None]
    stop_asked: Mapped[bool] = mapped_column(default=False)
    curve: Mapped[list[Any]] = mapped_column(default=list)
    """[seconds, cost, bound] in order."""
    outcome: Mapped[str] = mapped_column(default="")
    """In the words of `problem.Outcome`."""
    cost: Mapped[int | None]
    bound: Mapped[int | None]
    method: Mapped[str] = mapped_column(default="")
    found: Mapped[list[Any]] = mapped_column(default=list)
    """[line id, start, end, person id] of every seat."""
    revision: Mapped[int] = mapped_column(default=0)
    """The draft's when the run began."""
    taken_at: Mapped[datetime | None]
    """When what it found was put into the draft."""
    fault: Mapped[str] = mapped_column(default="")
    """Why it failed, in English."""
    explaining_at: Mapped[datetime | None]
    """Since when it is looked into why turns lack people."""
    explanation: Mapped[dict[str, Any] | None]
    """Why turns lack people, and the ways out, as `explained` writes them."""
    draft: Mapped[Draft] = relationship()
    __table_args__ = (
        sa.Index(
            "ix_planning_run_open",
            "state",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )
