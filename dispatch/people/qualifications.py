"""Who is trained for what, on which day.

Validity is always decided for a day, never stored: a certificate that lapses overnight stops
counting at midnight without anything having to run. Days are days of the team or organisation
concerned; the caller knows which. Whether a missing training keeps somebody from being paged is
left to `paging.policy`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.people.models import Certificate, Membership, Person, Team


class Reason(StrEnum):
    """Why a qualification counts or not; worded where it is shown."""

    HELD = "held"
    LAPSED = "lapsed"
    REVOKED = "revoked"
    NOT_YET = "not_yet"
    NONE = "none"


@dataclass(frozen=True)
class Standing:
    """How somebody stands with a qualification on a day."""

    valid: bool
    reason: Reason
    on: date | None = None
    """Held: the last day; lapsed: the last valid day; revoked, not yet: since when."""
    days_left: int | None = None
    """Held: days after this one that it still counts; none: for good."""

    @property
    def facts(self) -> dict[str, str | int]:
        """The reason and its facts as a timeline keeps them."""
        facts: dict[str, str | int] = {"qualification": self.reason.value}
        if self.on is not None:
            facts["on"] = self.on.isoformat()
        if self.days_left is not None:
            facts["days_left"] = self.days_left
        return facts


def valid_on(certificate: Certificate, day: date) -> bool:
    """Return whether the certificate counts on `day`: on both its days, not from its revocation."""
    return standing_of(certificate, day).valid


def members(session: Session, team: Team, day: date) -> list[tuple[int, str]]:
    """Return id and name of the team's members on `day`, by name."""
    midnight = datetime.combine(day, time.min, ZoneInfo(team.time_zone))
    query = (
        sa.select(Person.id, Person.name)
        .join(Membership)
        .where(Membership.team_id == team.id, Membership.from_on <= day)
        .where(sa.or_(Membership.until_on.is_(None), Membership.until_on >= day))
        .where(sa.or_(Person.left_at.is_(None), Person.left_at > midnight))
        .order_by(Person.name, Person.id)
        .distinct()
    )
    return [(row.id, row.name) for row in session.execute(query)]


def holders(session: Session, team: Team, qualification_id: int, day: date) -> list[int]:
    """Return the ids of the team's members on `day` who hold the qualification, by name."""
    ids = [person_id for person_id, _ in members(session, team, day)]
    found = standing(session, ids, qualification_id, day)
    return [person_id for person_id in ids if found[person_id].valid]


_CERTIFICATES = sa.select(Certificate).where(
    Certificate.qualification_id == sa.bindparam("qualification_id"),
    Certificate.person_id.in_(sa.bindparam("people", expanding=True)),
)


def standing(
    session: Session, person_ids: Iterable[int], qualification_id: int, day: date
) -> dict[int, Standing]:
    """Return how each person stands, in one query; the best of several certificates counts."""
    result = {person_id: Standing(False, Reason.NONE) for person_id in person_ids}
    values = {"qualification_id": qualification_id, "people": list(result)}
    for certificate in session.scalars(_CERTIFICATES, values):
        found = standing_of(certificate, day)
        if _weight(found) > _weight(result[certificate.person_id]):
            result[certificate.person_id] = found
    return result


def standing_of(certificate: Certificate, day: date) -> Standing:
    """Return how one certificate stands."""
    expires_on, revoked_on = certificate.expires_on, certificate.revoked_on
    if revoked_on is not None and revoked_on <= day:
        return Standing(False, Reason.REVOKED, revoked_on)
    if certificate.issued_on > day:
        return Standing(False, Reason.NOT_YET, certificate.issued_on)
    if expires_on is None:
        return Standing(True, Reason.HELD)
    if expires_on < day:
        return Standing(False, Reason.LAPSED, expires_on)
    return Standing(True, Reason.HELD, expires_on, (expires_on - day).days)


def _weight(standing: Standing) -> tuple[bool, bool, date]:
    """Order standings: valid first, any certificate before none, then the latest day."""
    for_good = date.max if standing.valid else date.min
    return standing.valid, standing.reason is not Reason.NONE, standing.on or for_good
