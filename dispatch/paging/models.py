"""Tables of escalation policies, callouts, assignments and pages."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch import seal
from dispatch.db import Base, Id, words
from dispatch.incidents.models import Incident, Want
from dispatch.people.models import Person


class Target(StrEnum):
    """Whom a step adds."""

    PRIMARY = "primary"
    BACKUP = "backup"
    EVERYONE = "everyone"
    """Everyone qualified in the team, on duty or not."""
    PERSON = "person"
    TEAM = "team"
    """Whoever is on duty in another team."""
    NOBODY_LIST = "nobody_list"
    """The team's nobody-on-duty list."""
    CONTROL_ROOM = "control_room"


class Policy(Base):
    """One version of an escalation policy. Rows are never changed: a callout keeps its version."""

    __tablename__ = "policy"
    id: Mapped[Id]
    name: Mapped[str]
    lineage: Mapped[str] = mapped_column(default=seal.new_token, server_default="")
    """The same for every version of one policy."""
    version: Mapped[int] = mapped_column(default=1)
    team_id: Mapped[int | None] = mapped_column(sa.ForeignKey("team.id"), index=True)
    """None: for every team without its own."""
    priority: Mapped[int | None]
    """None: for every priority without its own."""
    category_id: Mapped[int | None] = mapped_column(sa.ForeignKey("category.id"))
    """None: for every category without its own."""
    days: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """Of `policy.DayKind`, the days on which it holds; empty: every day."""
    begins: Mapped[str] = mapped_column(default="", server_default="")
    """"HH:MM" on the team's clock, as `ends`, which is on the next day when it is not later. Both
    empty: all day long."""
    ends: Mapped[str] = mapped_column(default="", server_default="")
    repeat_seconds: Mapped[int]
    """After the last step and then again and again: everybody still open is tried anew."""
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(default="", server_default="")
    retired_at: Mapped[datetime | None]
    steps: Mapped[list["PolicyStep"]] = relationship(order_by="PolicyStep.position")
    __table_args__ = (sa.Index("uq_policy_version", "lineage", "version", unique=True),)


class PolicyStep(Base):
    """Whom to add so many seconds after the start, and how to try each of them."""

    __tablename__ = "policy_step"
    id: Mapped[Id]
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("policy.id"), index=True)
    position: Mapped[int]
    after_seconds: Mapped[int]
    target: Mapped[Target] = mapped_column(words(Target))
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    team_id: Mapped[int | None] = mapped_column(sa.ForeignKey("team.id"))
    attempts: Mapped[list[Any]]
    """[[channel, seconds after the page began]]: [["sms", 0], ["call", 20], ["call", 90]]."""
    __table_args__ = (sa.UniqueConstraint("policy_id", "position"),)


class NobodyOnDuty(Base):
    """Who is paged for a team when nobody is on duty; in order, never empty."""

    __tablename__ = "nobody_on_duty"
    id: Mapped[Id]
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"), index=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    position: Mapped[int] = mapped_column(default=0)
    __table_args__ = (sa.UniqueConstraint("team_id", "person_id"),)


class Callout(Base):
    """The pursuit of one want."""

    __tablename__ = "callout"
    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incident.id"), index=True)
    want_id: Mapped[int] = mapped_column(sa.ForeignKey("want.id"), unique=True)
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("policy.id"))
    step: Mapped[int] = mapped_column(default=0)
    """How many steps have been taken."""
    repeat: Mapped[int] = mapped_column(default=0)
    began_at: Mapped[datetime]
    """When the clock of the steps started; a re-page starts it anew."""
    due_at: Mapped[datetime | None]
    """When something must happen next: somebody is paged, or asked after; none: nothing."""
    duty_until: Mapped[datetime | None]
    """When somebody next comes on duty, as the rota said when it was last looked at."""
    filled_at: Mapped[datetime | None]
    exhausted_at: Mapped[datetime | None]
    """The last step has waited in vain: unanswered, until somebody accepts."""
    cancelled_at: Mapped[datetime | None]
    incident: Mapped[Incident] = relationship()
    want: Mapped[Want] = relationship()
    policy: Mapped[Policy] = relationship()
    pages: Mapped[list["Page"]] = relationship(back_populates="callout", order_by="Page.id")
    assignments: Mapped[list["Assignment"]] = relationship(
        back_populates="callout", order_by="Assignment.id"
    )
    __table_args__ = (
        sa.Index(
            "ix_callout_due",
            "due_at",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        ),
    )


class AssignmentStatus(StrEnum):
    """How far somebody who goes has come."""

    ACCEPTED = "accepted"
    ON_THE_WAY = "on_the_way"
    ON_SCENE = "on_scene"
    DONE = "done"
    RELEASED = "released"


#: Somebody who has accepted and is neither done nor released.
UNFINISHED = (AssignmentStatus.ACCEPTED, AssignmentStatus.ON_THE_WAY, AssignmentStatus.ON_SCENE)


class Release(StrEnum):
    """Why somebody goes no more."""

    WITHDREW = "withdrew"
    DISPATCHER = "dispatcher"
    CANCELLED = "cancelled"


class Assignment(Base):
    """One person going for one callout. The seat's number lets the database refuse one too many."""

    __tablename__ = "assignment"
    id: Mapped[Id]
    callout_id: Mapped[int] = mapped_column(sa.ForeignKey("callout.id"), index=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    seat: Mapped[int]
    status: Mapped[AssignmentStatus] = mapped_column(words(AssignmentStatus))
    accepted_at: Mapped[datetime]
    on_the_way_at: Mapped[datetime | None]
    on_scene_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    released_why: Mapped[Release | None] = mapped_column(words(Release))
    cancel_told: Mapped[int] = mapped_column(default=0)
    """How often they were told that it is cancelled, as long as they have not confirmed it."""
    expected_at: Mapped[datetime | None]
    """When the officer said to be there."""
    ask_at: Mapped[datetime | None]
    """When the silence of this person is looked at next; none: not any more, or never."""
    handed_to_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    """The colleague who accepted in their place; released for that and nothing else."""
    welfare_asked_at: Mapped[datetime | None]
    """Since when they owe an answer to whether all is well."""
    callout: Mapped[Callout] = relationship(back_populates="assignments")
    person: Mapped[Person] = relationship(foreign_keys=person_id)
    __table_args__ = (
        sa.Index(
            "uq_assignment_seat",
            "callout_id",
            "seat",
            unique=True,
            sqlite_where=sa.text("released_at IS NULL"),
            postgresql_where=sa.text("released_at IS NULL"),
        ),
        sa.Index(
            "ix_assignment_unfinished",
            "accepted_at",
            sqlite_where=sa.text("released_at IS NULL AND done_at IS NULL"),
            postgresql_where=sa.text("released_at IS NULL AND done_at IS NULL"),
        ),
    )


class PageStatus(StrEnum):
    """How far the attempt to get one person has come."""

    WAITING = "waiting"
    SENT = "sent"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"
    SKIPPED = "skipped"


class Page(Base):
    """One attempt to get one person for one callout; answerable until filled or closed."""

    __tablename__ = "page"
    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(unique=True)
    callout_id: Mapped[int] = mapped_column(sa.ForeignKey("callout.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    """None: the control room, which is rung and never goes."""
    status: Mapped[PageStatus] = mapped_column(words(PageStatus))
    step: Mapped[int]
    reason: Mapped[dict[str, Any]]
    """Why this person, or why not: {"kind", ...facts}; worded when read."""
    attempts: Mapped[list[Any]] = mapped_column(default=list)
    """What remains to be tried: [[channel, instant in ISO 8601]], in order."""
    code: Mapped[str] = mapped_column(default="")
    """Digits of the answer; empty once it can no longer be answered."""
    token_hash: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    """Accepted, declined, withdrawn or skipped; while null the page is open."""
    replaces_id: Mapped[int | None] = mapped_column(sa.ForeignKey("assignment.id"))
    """Of somebody who hands on: whoever accepts takes this seat, and not a free one."""
    callout: Mapped[Callout] = relationship(back_populates="pages")
    person: Mapped[Person | None] = relationship()
    replaces: Mapped[Assignment | None] = relationship()
    __table_args__ = (
        sa.Index(
            "uq_page_open_code",
            "person_id",
            "code",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index(
            "uq_page_open_person",
            "callout_id",
            "person_id",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )
