"""Organisations with their areas, and teams with those whom they serve: how they begin.

Whatever could send an incident astray is refused here: a telephone number or time zone that does
not exist, a postcode that two organisations would claim, a window that no clock shows. Beginnings
are recorded; nothing here changes or ends. The seats of a team's rota are left to `rota`, whom it
falls back on to `paging`, the people to `staff`.
"""

import re
import zoneinfo
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import phonenumbers
import sqlalchemy as sa

from dispatch import audit
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid, NotFound
from dispatch.people import phones
from dispatch.people.models import Area, Organisation, OrganisationKind, Service, Team

#: One weekly window of a team's hours: weekday 0-6, "HH:MM", "HH:MM".
Window = tuple[int, str, str]

_KEY = re.compile(r"[a-z0-9][a-z0-9-]{1,59}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def by_key(session: Session, table: type[Any], key: str) -> Any:
    """Return the row that a key names; raises NotFound naming the keys that there are."""
    row = session.scalar(sa.select(table).where(table.key == key))
    if row is None:
        known = ", ".join(sorted(session.scalars(sa.select(table.key)))) or "none"
        raise NotFound(f"There is no {table.__tablename__} {key}. Known: {known}.")
    return row


def add_organisation(
    session: Session,
    key: str,
    name: str,
    kind: OrganisationKind,
    *,
    country: str,
    time_zone: str,
    language: str,
    control_room_phone: str,
    actor: Actor,
    now: datetime,
) -> Organisation:
    """Add an organisation; its control room's number is read as somebody in `country` writes it.

    Raises Invalid, Conflict when the key is taken.
    """
    _free_key(session, Organisation, key)
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise Invalid(f"{country} is no country. Write two letters, such as BE.")
    if time_zone not in zoneinfo.available_timezones():
        raise Invalid(f"{time_zone} is no time zone. Write it like Europe/Brussels.")
    row = Organisation(
        key=key,
        name=name,
        kind=kind,
        country=country,
        time_zone=time_zone,
        language=language,
        control_room_phone=phones.e164(control_room_phone, country),
    )
    session.add(row)
    session.flush()
    facts = {"key": key, "kind": kind.value}
    audit.record(session, actor, "organisation.added", f"organisation:{row.id}", facts, now)
    return row


def add_area(
    session: Session,
    organisation: Organisation,
    first_postcode: str,
    last_postcode: str,
    municipality: str,
    actor: Actor,
    now: datetime,
) -> Area:
    """Let an organisation answer for a run of postcodes, both ends included.

    Raises Invalid when they are no run, Conflict when another organisation has one of them: of two
    owners an incident would get either.
    """
    # Postcodes are compared as text, so "950" would come after "9404".
    if len(first_postcode) != len(last_postcode) or last_postcode < first_postcode:
        raise Invalid(f"{first_postcode} to {last_postcode} is no run of postcodes.")
    others = (
        sa.select(Organisation.key)
        .join(Area)
        .where(Area.country == organisation.country, Area.organisation_id != organisation.id)
        .where(Area.first_postcode <= last_postcode, first_postcode <= Area.last_postcode)
    )
    if owner := session.scalars(others.limit(1)).first():
        raise Conflict(f"Some of {first_postcode} to {last_postcode} belong to {owner} already.")
    area = Area(
        country=organisation.country,
        first_postcode=first_postcode,
        last_postcode=last_postcode,
        municipality=municipality,
    )
    organisation.areas.append(area)
    session.flush()
    facts = {"first": first_postcode, "last": last_postcode}
    audit.record(session, actor, "area.added", f"organisation:{organisation.id}", facts, now)
    return area


def add_team(
    session: Session,
    organisation: Organisation,
    key: str,
    name: str,
    function: str,
    actor: Actor,
    now: datetime,
    *,
    hours: Sequence[Window] = (),
    day_contact: str = "",
) -> Team:
    """Add a team that an organisation runs, in its time zone; it serves nobody yet.

    Raises Invalid for a window that no clock shows, Conflict when the key is taken.
    """
    _free_key(session, Team, key)
    for weekday, starts, ends in hours:
        if weekday not in range(7) or not all(map(_CLOCK.fullmatch, (starts, ends))):
            raise Invalid(f"{starts} to {ends} is no window. Write times like 08:30 and 17:00.")
    team = Team(
        key=key,
        name=name,
        organisation_id=organisation.id,
        function=function,
        time_zone=organisation.time_zone,
        hours=[list(window) for window in hours],
        day_contact=day_contact,
    )
    session.add(team)
    session.flush()
    facts = {"key": key, "organisation": organisation.id, "function": function}
    audit.record(session, actor, "team.added", f"team:{team.id}", facts, now)
    return team


def serve(
    session: Session, team: Team, organisation: Organisation, actor: Actor, now: datetime
) -> None:
    """Let a team be called for an organisation's incidents, unless it is already."""
    if organisation.id in {service.organisation_id for service in team.services}:
        return
    team.services.append(Service(organisation_id=organisation.id))
    session.flush()
    facts = {"organisation": organisation.id}
    audit.record(session, actor, "team.serves", f"team:{team.id}", facts, now)


def _free_key(session: Session, table: type[Organisation] | type[Team], key: str) -> None:
    if not _KEY.fullmatch(key):
        raise Invalid(f"{key} is no key. Use 2 to 60 small letters, digits and hyphens.")
    if session.scalar(sa.select(table.id).where(table.key == key)) is not None:
        raise Conflict(f"The key {key} is taken by another {table.__tablename__}.")
