"""Whether people can be reached and may be sent: what will go wrong with the next call-out.

Concerns are kinds and facts, found in two queries for any number of people and worded where they
are shown. They warn and never decide: whom a callout takes is left to `paging.policy`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import orm

from dispatch.db import Session
from dispatch.people.models import Certificate, ContactMethod, MethodKind, Qualification

#: A certificate that ends within so many days is worth a warning.
ENDS_SOON_DAYS = 60


class Kind(StrEnum):
    """What may go wrong."""

    UNREACHABLE = "unreachable"
    NO_TEXTS = "no_texts"
    STOPPED = "stopped"
    UNUSABLE = "unusable"
    UNVERIFIED = "unverified"
    ONE_DEVICE = "one_device"
    NO_ANSWER = "no_answer"
    """A text arrived there and none came back."""
    SHARED = "shared"
    """Somebody else has confirmed the same number: answers there need their code."""
    LAPSED = "lapsed"
    ENDS_SOON = "ends_soon"


@dataclass(frozen=True)
class Concern:
    """One thing that may go wrong with somebody."""

    kind: Kind
    qualification: Qualification | None = None
    on: date | None = None
    days: int = 0

    @property
    def urgent(self) -> bool:
        """Whether the next call-out fails because of it."""
        return self.kind in (Kind.UNREACHABLE, Kind.LAPSED)


def concerns(session: Session, person_ids: Collection[int], day: date) -> dict[int, list[Concern]]:
    """Return what may go wrong with each person, the urgent first."""
    result: dict[int, list[Concern]] = {person_id: [] for person_id in person_ids}
    methods: dict[int, list[ContactMethod]] = {person_id: [] for person_id in person_ids}
    query = sa.select(ContactMethod, _SHARED).where(
        ContactMethod.person_id.in_(result), ContactMethod.removed_at.is_(None)
    )
    sharing = set()
    for method, shared in session.execute(query):
        methods[method.person_id].append(method)
        if shared and method.verified_at is not None:
            sharing.add(method.person_id)
    for person_id, found in methods.items():
        result[person_id] += [Concern(kind) for kind in _reach(found)]
        if person_id in sharing:
            result[person_id].append(Concern(Kind.SHARED))
    for person_id, concern in _training(session, result, day):
        result[person_id].append(concern)
    return {
        person_id: sorted(found, key=lambda concern: not concern.urgent)
        for person_id, found in result.items()
    }


def _reach(methods: list[ContactMethod]) -> list[Kind]:
    numbers = [method for method in methods if method.kind.is_telephone]
    usable = [method for method in numbers if method.verified_at and not method.unusable_at]
    mobiles = [method for method in usable if method.kind is MethodKind.MOBILE]
    kinds = []
    if not usable:
        kinds.append(Kind.UNREACHABLE)
    elif not mobiles:
        kinds.append(Kind.NO_TEXTS)
    elif len(usable) == 1:
        kinds.append(Kind.ONE_DEVICE)
    if any(method.blocked_at for method in numbers):
        kinds.append(Kind.STOPPED)
    if any(method.unusable_at for method in numbers):
        kinds.append(Kind.UNUSABLE)
    if any(method.verified_at is None for method in numbers):
        kinds.append(Kind.UNVERIFIED)
    if any(method.mute_at for method in mobiles):
        kinds.append(Kind.NO_ANSWER)
    return kinds


_other = orm.aliased(ContactMethod)
#: Somebody else has confirmed the same address.
_SHARED = (
    sa.exists()
    .where(_other.fingerprint == ContactMethod.fingerprint, _other.removed_at.is_(None))
    .where(_other.person_id != ContactMethod.person_id, _other.verified_at.is_not(None))
)


def _training(
    session: Session, person_ids: Collection[int], day: date
) -> list[tuple[int, Concern]]:
    """Return what ended or ends soon and was not renewed; a revoked proof is no surprise."""
    query = (
        sa.select(Certificate, Qualification)
        .join(Qualification, Qualification.id == Certificate.qualification_id)
        .where(Certificate.person_id.in_(person_ids))
        .where(Certificate.revoked_on.is_(None))
    )
    last: dict[tuple[int, int], tuple[date, Qualification]] = {}
    for certificate, qualification in session.execute(query):
        key = (certificate.person_id, qualification.id)
        end = certificate.expires_on or date.max
        if key not in last or last[key][0] < end:
            last[key] = (end, qualification)
    found = []
    for (person_id, _), (end, qualification) in last.items():
        left = (end - day).days
        if left < 0:
            found.append((person_id, Concern(Kind.LAPSED, qualification, end)))
        elif left <= ENDS_SOON_DAYS:
            found.append((person_id, Concern(Kind.ENDS_SOON, qualification, end, left)))
    return found
