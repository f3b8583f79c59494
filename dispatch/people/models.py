"""Tables of organisations, teams and people.

An organisation owns incidents, areas and one sealing key, and employs people; a team serves one or
several organisations. Addresses of contact methods are sealed; numbers are found by fingerprint.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.db import Base, Id, words


class OrganisationKind(StrEnum):
    """Which law and which words an organisation works under."""

    POLICE_ZONE = "police_zone"
    MUNICIPALITY = "municipality"


class Organisation(Base):
    """A police zone or a municipality."""

    __tablename__ = "organisation"
    id: Mapped[Id]
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[OrganisationKind] = mapped_column(words(OrganisationKind))
    country: Mapped[str] = mapped_column(default="BE")
    time_zone: Mapped[str] = mapped_column(default="Europe/Brussels")
    language: Mapped[str] = mapped_column(default="nl")
    control_room_phone: Mapped[str] = mapped_column(default="")
    """A public number in E.164: it stands in every call-out's text."""
    quiet_from: Mapped[str] = mapped_column(default="22:00", server_default="22:00")
    """"HH:MM" on its clock, as `quiet_until`: between them what can wait is not paged for. Both
    empty: no quiet hours."""
    quiet_until: Mapped[str] = mapped_column(default="07:00", server_default="07:00")
    welfare_minutes: Mapped[int] = mapped_column(default=0, server_default="0")
    """Whoever is on scene and not heard of for so long is asked whether all is well; 0: nobody."""
    welfare_priority: Mapped[int] = mapped_column(default=3, server_default="3")
    """Asked for incidents of this priority or a higher one."""
    areas: Mapped[list["Area"]] = relationship(back_populates="organisation")


class Area(Base):
    """A run of postcodes that belongs to an organisation; both ends included."""

    __tablename__ = "area"
    id: Mapped[Id]
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"), index=True)
    country: Mapped[str] = mapped_column(default="BE")
    first_postcode: Mapped[str]
    last_postcode: Mapped[str]
    municipality: Mapped[str] = mapped_column(default="")
    organisation: Mapped[Organisation] = relationship(back_populates="areas")
    __table_args__ = (sa.Index("ix_area_postcodes", "country", "first_postcode", "last_postcode"),)


class Team(Base):
    """A pool of people who take turns."""

    __tablename__ = "team"
    id: Mapped[Id]
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"), index=True)
    """The organisation that runs it."""
    function: Mapped[str]
    """What it is for: victim_support, social_on_call. A category wants a function, not a team."""
    time_zone: Mapped[str] = mapped_column(default="Europe/Brussels")
    hours: Mapped[list[Any]] = mapped_column(default=list)
    """Weekly windows in which somebody must be on duty: [weekday 0-6, "HH:MM", "HH:MM"], an end
    at or before its start is on the next day. Empty: always."""
    day_contact: Mapped[str] = mapped_column(default="")
    """Who answers outside `hours`, for the dispatcher to read."""
    services: Mapped[list["Service"]] = relationship(back_populates="team")


class Service(Base):
    """A team serves an organisation."""

    __tablename__ = "service"
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(
        sa.ForeignKey("organisation.id"), primary_key=True, index=True
    )
    team: Mapped[Team] = relationship(back_populates="services")


class Person(Base):
    """Somebody: officer, dispatcher, planner, administrator."""

    __tablename__ = "person"
    id: Mapped[Id]
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"), index=True)
    """The employer."""
    name: Mapped[str]
    language: Mapped[str] = mapped_column(default="nl")
    gender: Mapped[str] = mapped_column(default="")
    languages: Mapped[list[str]] = mapped_column(default=list)
    """Languages spoken with victims, beside the own."""
    sealed_places: Mapped[str] = mapped_column(default="", server_default="")
    """JSON: where they know people and where they live, as `places` reads it; empty: not said."""
    went_at: Mapped[datetime | None]
    """When they last took a seat: whoever did lately may be on the way, or need rest."""
    called_by: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """Own rules of being called, one for a priority at most: [{priority, order, begins, ends}], as
    `paging.reaching` reads them. Empty: as the policy says."""
    sign_in: Mapped[str | None] = mapped_column(unique=True)
    """The name to sign in with: a mail address in lower case."""
    password_hash: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    """Since when the person no longer takes part; sessions end, pages are not sent."""
    memberships: Mapped[list["Membership"]] = relationship(back_populates="person")
    roles: Mapped[list["RoleGrant"]] = relationship(back_populates="person")
    certificates: Mapped[list["Certificate"]] = relationship(back_populates="person")
    methods: Mapped[list["ContactMethod"]] = relationship(
        back_populates="person", order_by="ContactMethod.position"
    )


class Membership(Base):
    """A person's place in a team, from one day to another."""

    __tablename__ = "membership"
    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"), index=True)
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    """The last day; none: for good."""
    person: Mapped[Person] = relationship(back_populates="memberships")
    __table_args__ = (sa.UniqueConstraint("person_id", "team_id", "from_on"),)


class Role(StrEnum):
    """What somebody may do; `access` says what each role allows."""

    RESPONDER = "responder"
    DISPATCHER = "dispatcher"
    PLANNER = "planner"
    ADMINISTRATOR = "administrator"
    PRIVACY_OFFICER = "privacy_officer"


class RoleGrant(Base):
    """A role held in an organisation, or, for planners and responders, in one team."""

    __tablename__ = "role_grant"
    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    role: Mapped[Role] = mapped_column(words(Role))
    organisation_id: Mapped[int | None] = mapped_column(sa.ForeignKey("organisation.id"))
    team_id: Mapped[int | None] = mapped_column(sa.ForeignKey("team.id"))
    person: Mapped[Person] = relationship(back_populates="roles")


class Qualification(Base):
    """A training that counts."""

    __tablename__ = "qualification"
    id: Mapped[Id]
    key: Mapped[str] = mapped_column(unique=True)
    names: Mapped[dict[str, Any]]
    """By language."""


class Certificate(Base):
    """One person's proof of a qualification; valid on both its days."""

    __tablename__ = "certificate"
    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    qualification_id: Mapped[int] = mapped_column(sa.ForeignKey("qualification.id"))
    issued_on: Mapped[date]
    expires_on: Mapped[date | None]
    revoked_on: Mapped[date | None]
    person: Mapped[Person] = relationship(back_populates="certificates")


class MethodKind(StrEnum):
    """What can be reached."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    MAIL = "mail"
    PUSH = "push"
    """A browser that asked for notices."""

    @property
    def is_telephone(self) -> bool:
        """Whether it rings."""
        return self in TELEPHONES


TELEPHONES = frozenset({MethodKind.MOBILE, MethodKind.LANDLINE})


class ContactMethod(Base):
    """A way to reach a person. Only a verified one is used."""

    __tablename__ = "contact_method"
    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    kind: Mapped[MethodKind] = mapped_column(words(MethodKind))
    position: Mapped[int] = mapped_column(default=0)
    """The order in which methods are tried."""
    sealed_address: Mapped[str]
    fingerprint: Mapped[str] = mapped_column(index=True)
    verified_at: Mapped[datetime | None]
    blocked_at: Mapped[datetime | None]
    """The owner texted a stop word: the supplier refuses every text until START."""
    unusable_at: Mapped[datetime | None]
    """The supplier said that the address cannot be reached this way."""
    reached_at: Mapped[datetime | None]
    """Last receipt of a delivery."""
    code_digest: Mapped[str] = mapped_column(default="")
    """Of the code last sent there to prove whose it is; empty: none, or used up."""
    code_until: Mapped[datetime | None]
    code_attempts: Mapped[int] = mapped_column(default=0)
    """Wrong answers to that code."""
    removed_at: Mapped[datetime | None]
    """No longer used; the address is erased, the row stays for the messages that went there."""
    mute_at: Mapped[datetime | None]
    """When a text that arrived there was last left without a text in answer; none: not since."""
    line_id: Mapped[int | None] = mapped_column(sa.ForeignKey("line.id"), index=True)
    """Of a line: the telephone is passed on with its turns, and is `person_id`'s meanwhile."""
    held_at: Mapped[datetime | None]
    """When they said that they have the line's telephone; none: they have not said so yet."""
    person: Mapped[Person] = relationship(back_populates="methods")


class SignIn(Base):
    """A session of a person on a browser; the cookie holds its token, the row its digest."""

    __tablename__ = "sign_in"
    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ApiKey(Base):
    """A machine's key to the read interface; only its digest is kept."""

    __tablename__ = "api_key"
    id: Mapped[Id]
    name: Mapped[str]
    organisation_id: Mapped[int | None] = mapped_column(sa.ForeignKey("organisation.id"))
    """None: every organisation."""
    key_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
