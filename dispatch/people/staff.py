"""People, their roles, teams and certificates: how they begin, change and end.

Every change is written to the audit record. Nobody is deleted: somebody who leaves can no longer
sign in and is no longer called, but what they did stays theirs. `seen_by` and `person_for` are the
only ways in which a screen gets at people, with the viewer's rights. Numbers are in `phones`,
passwords in `accounts`.
"""

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch import audit
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid, NotFound, Refused
from dispatch.people import accounts
from dispatch.people.access import Right, Viewer
from dispatch.people.models import (
    Certificate,
    Membership,
    Organisation,
    Person,
    Role,
    RoleGrant,
    Team,
)
from dispatch.texts import N_


def seen_by(session: Session, viewer: Viewer) -> list[Person]:
    """Return the people whom the viewer may see, by name, those who left at the end."""
    members = sa.select(Membership.person_id).where(
        Membership.team_id.in_(viewer.teams(Right.PEOPLE_READ))
    )
    query = (
        sa.select(Person)
        .where(
            sa.or_(
                Person.organisation_id.in_(viewer.organisations(Right.PEOPLE_READ)),
                Person.id.in_(members),
            )
        )
        .order_by(Person.left_at.is_not(None), Person.name, Person.id)
    )
    return list(session.scalars(query))


def person_for(
    session: Session, viewer: Viewer, person_id: int, right: Right = Right.PEOPLE_READ
) -> Person:
    """Return somebody over whom the viewer holds `right`.

    Raises NotFound where the viewer may not see the person at all, Refused where only `right` is
    missing.
    """
    person = session.get(Person, person_id)
    if person is not None:
        teams = session.scalars(
            sa.select(Membership.team_id).where(Membership.person_id == person_id)
        ).all()
        if viewer.may_person(right, person.organisation_id, teams):
            return person
        if viewer.may_person(Right.PEOPLE_READ, person.organisation_id, teams):
            raise Refused(N_("Your roles do not allow this. Ask an administrator."))
    raise NotFound(N_("There is no such person, or you may not see them."))


def by_sign_in(session: Session, sign_in: str) -> Person:
    """Return who signs in with a name; raises NotFound."""
    query = sa.select(Person).where(Person.sign_in == sign_in.strip().lower())
    person = session.scalar(query)
    if person is None:
        raise NotFound(f"Nobody signs in as {sign_in}.")
    return person


def add_person(
    session: Session,
    organisation: Organisation,
    name: str,
    *,
    actor: Actor,
    now: datetime,
    sign_in: str | None = None,
    language: str = "",
    gender: str = "",
    languages: Iterable[str] = (),
) -> Person:
    """Add somebody whom an organisation employs.

    Raises Conflict when the name to sign in with is taken.
    """
    person = Person(
        organisation_id=organisation.id,
        name=name,
        sign_in=_free_sign_in(session, sign_in),
        language=language or organisation.language,
        gender=gender,
        languages=list(languages),
        created_at=now,
    )
    session.add(person)
    session.flush()
    _record(session, actor, "person.added", person, now)
    return person


def change_person(
    session: Session,
    person: Person,
    *,
    name: str,
    sign_in: str | None,
    language: str,
    gender: str,
    languages: Iterable[str],
    actor: Actor,
    now: datetime,
) -> None:
    """Correct what is known of somebody."""
    if (sign_in or "").strip().lower() != (person.sign_in or ""):
        person.sign_in = _free_sign_in(session, sign_in)
    person.name, person.language, person.gender = name, language, gender
    person.languages = list(languages)
    session.flush()
    _record(session, actor, "person.changed", person, now)


def end_person(session: Session, person: Person, actor: Actor, now: datetime) -> None:
    """Let somebody leave: no sign-in, no call from now on; memberships end today."""
    if person.left_at is not None:
        raise Conflict(N_("This person has left already."))
    person.left_at, person.sealed_places = now, ""
    zone = ZoneInfo(session.get_one(Organisation, person.organisation_id).time_zone)
    today = now.astimezone(zone).date()
    for membership in person.memberships:
        if membership.until_on is None or membership.until_on > today:
            membership.until_on = max(today, membership.from_on)
    accounts.end_all(session, person, now)
    session.flush()
    _record(session, actor, "person.left", person, now)


def return_person(session: Session, person: Person, actor: Actor, now: datetime) -> None:
    """Take back somebody who left; memberships are given anew."""
    person.left_at = None
    session.flush()
    _record(session, actor, "person.returned", person, now)


def grant(
    session: Session,
    person: Person,
    role: Role,
    actor: Actor,
    now: datetime,
    *,
    organisation: Organisation | None = None,
    team: Team | None = None,
) -> RoleGrant:
    """Give a role in an organisation or, to planners and responders, in a team.

    Raises Invalid for a role that cannot be held there, Conflict for one that is held already.
    """
    if (organisation is None) == (team is None):
        raise Invalid(N_("Choose an organisation or a team."), place=N_("Choose one of these."))
    if team is not None and role not in (Role.PLANNER, Role.RESPONDER):
        sentence = N_("This role is held in an organisation, not in a team.")
        raise Invalid(sentence, place=sentence)
    organisation_id = organisation.id if organisation else None
    team_id = team.id if team else None
    place = (organisation_id, team_id)
    if any(
        held.role is role and (held.organisation_id, held.team_id) == place for held in person.roles
    ):
        raise Conflict(N_("This role is held there already."))
    row = RoleGrant(role=role, organisation_id=organisation_id, team_id=team_id)
    person.roles.append(row)
    session.flush()
    facts = {"role": role.value, "organisation": organisation_id, "team": team_id}
    _record(session, actor, "role.granted", person, now, **facts)
    return row


def revoke(session: Session, held: RoleGrant, actor: Actor, now: datetime) -> None:
    """Take a role back.

    Raises Conflict when nobody could administer the organisation any more.
    """
    if held.role is Role.ADMINISTRATOR and held.organisation_id and _is_last(session, held, now):
        raise Conflict(N_("Name another administrator first: nobody could undo this."))
    person = session.get_one(Person, held.person_id)
    facts = {"role": held.role.value, "organisation": held.organisation_id, "team": held.team_id}
    session.delete(held)
    session.flush()
    session.expire(person, ["roles"])
    _record(session, actor, "role.revoked", person, now, **facts)


def join(
    session: Session,
    person: Person,
    team: Team,
    from_on: date,
    until_on: date | None,
    actor: Actor,
    now: datetime,
) -> Membership:
    """Give somebody a place in a team.

    Raises Invalid when the days are in the wrong order, Conflict when they meet another place.
    """
    _in_order(from_on, until_on, "until_on")
    end = until_on or date.max
    for other in person.memberships:
        meets = other.from_on <= end and from_on <= (other.until_on or date.max)
        if other.team_id == team.id and meets:
            raise Conflict(N_("This person is in the team on some of these days already."))
    membership = Membership(team_id=team.id, from_on=from_on, until_on=until_on)
    person.memberships.append(membership)
    session.flush()
    _record(session, actor, "team.joined", person, now, team=team.id)
    return membership


def leave(
    session: Session, membership: Membership, last_on: date, actor: Actor, now: datetime
) -> None:
    """Let somebody's place in a team end with a day."""
    _in_order(membership.from_on, last_on, "until_on")
    membership.until_on = last_on
    session.flush()
    person = session.get_one(Person, membership.person_id)
    _record(session, actor, "team.left", person, now, team=membership.team_id)


def certify(
    session: Session,
    person: Person,
    qualification_id: int,
    issued_on: date,
    expires_on: date | None,
    actor: Actor,
    now: datetime,
) -> Certificate:
    """Write down a proof of training; raises Invalid when the days are in the wrong order."""
    _in_order(issued_on, expires_on, "expires_on")
    certificate = Certificate(
        qualification_id=qualification_id, issued_on=issued_on, expires_on=expires_on
    )
    person.certificates.append(certificate)
    session.flush()
    facts = {"certificate": certificate.id, "qualification": qualification_id}
    _record(session, actor, "certificate.added", person, now, **facts)
    return certificate


def revoke_certificate(
    session: Session, certificate: Certificate, on: date, actor: Actor, now: datetime
) -> None:
    """Let a certificate no longer count from a day on."""
    certificate.revoked_on = on
    session.flush()
    person = session.get_one(Person, certificate.person_id)
    _record(session, actor, "certificate.revoked", person, now, certificate=certificate.id)


def _free_sign_in(session: Session, sign_in: str | None) -> str | None:
    wanted = (sign_in or "").strip().lower() or None
    taken = sa.select(Person.id).where(Person.sign_in == wanted)
    if wanted and session.scalar(taken) is not None:
        sentence = N_("Somebody else signs in with this name.")
        raise Conflict(sentence, sign_in=sentence)
    return wanted


def _is_last(session: Session, held: RoleGrant, now: datetime) -> bool:
    others = (
        sa.select(sa.func.count())
        .select_from(RoleGrant)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(RoleGrant.role == Role.ADMINISTRATOR, RoleGrant.id != held.id)
        .where(RoleGrant.organisation_id == held.organisation_id)
        .where(sa.or_(Person.left_at.is_(None), Person.left_at > now))
    )
    return session.scalar(others) == 0


def _in_order(first: date, last: date | None, field: str) -> None:
    if last is not None and last < first:
        sentence = N_("The last day comes before the first.")
        raise Invalid(sentence, **{field: sentence})


def _record(
    session: Session, actor: Actor, action: str, person: Person, now: datetime, **facts: object
) -> None:
    audit.record(session, actor, action, f"person:{person.id}", facts, now)
