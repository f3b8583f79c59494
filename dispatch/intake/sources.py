"""Who may send alerts: sources, their secrets, and whether a request was signed by one of them.

A stranger learns nothing, neither from the answer nor from its time: not whether a source exists,
nor what was wrong. How a signature is made is known to `signatures`; what a request says is left to
`receive`.
"""

import base64
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from dispatch import audit, logs, seal, signatures, upkeep
from dispatch.audit import Actor
from dispatch.db import Instant, Session
from dispatch.errors import Conflict, Invalid
from dispatch.intake.models import Source, SourceSecret
from dispatch.people.models import Organisation, Service, Team
from dispatch.texts import N_

log = logs.logger(__name__)

HEADERS = signatures.HEADERS
#: The demonstration's source, whose secret is published.
DEMO = "demo-control-room"
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{1,59}")
_DAY_SECONDS = 86_400
_NOBODY = signatures.PREFIX + base64.b64encode(bytes(32)).decode()


@dataclass(frozen=True)
class Door:
    """A source as far as letting it in goes; without a source nothing is let in."""

    source: Source | None
    """With its organisation and default team."""
    secrets: tuple[str, ...]


#: What an unknown source is checked against, in about the time that a known one takes.
CLOSED = Door(None, (_NOBODY,))


_NOW = sa.bindparam("now", type_=Instant())
# With all that taking an alert in needs of its source, in one question.
_DOOR = (
    sa.select(Source, SourceSecret.uid, SourceSecret.sealed_secret)
    .join(SourceSecret, SourceSecret.source_id == Source.id)
    .where(Source.key == sa.bindparam("key"), Source.retired_at.is_(None))
    .where(SourceSecret.valid_from <= _NOW)
    .where(sa.or_(SourceSecret.valid_until.is_(None), SourceSecret.valid_until > _NOW))
    .order_by(SourceSecret.id)
    .options(joinedload(Source.organisation), joinedload(Source.default_team))
)


def door(session: Session, key: str, now: datetime) -> Door:
    """Return the door of the source with this key, with the secrets valid now; or CLOSED."""
    if not _KEY.fullmatch(key):
        return CLOSED
    found: list[tuple[Source, str]] = []
    for source, uid, sealed in session.execute(_DOOR, {"key": key, "now": now}):
        try:
            secret = seal.unseal(session, source.organisation_id, _place(uid), sealed)
            found.append((source, secret))
        except seal.Unsealable:
            # The other secrets of the source must go on working.
            log.error("source_secret_unsealable", source=key, secret_uid=uid)
    return Door(found[0][0], tuple(secret for _, secret in found)) if found else CLOSED


def verify(
    at: Door, headers: Mapping[str, str], body: bytes, now: datetime, age_seconds: int = 300
) -> bool:
    """Tell whether a source signed this request, at most `age_seconds` ago or ahead."""
    matches = signatures.is_signed(at.secrets, headers, body, now, age_seconds)
    return matches and at.source is not None


def _place(uid: str) -> str:
    return f"source_secret.sealed_secret:{uid}"


# --- forged requests ---


def count_forged(session: Session, source_id: int | None, address: str, now: datetime) -> int:
    """Count a request without a good signature; return how many the address sent this minute."""
    upkeep.hits(session, _forged_key(source_id), now, _DAY_SECONDS)
    return upkeep.hits(session, seal.fingerprint(session, f"forged {address}"), now)


def forged_today(
    session: Session, source_ids: Iterable[int], now: datetime
) -> dict[int | None, int]:
    """Return the forged requests of this day (UTC) by source; None: in the name of no source."""
    keys = {_forged_key(source_id): source_id for source_id in (None, *source_ids)}
    window_at = datetime.combine(now.astimezone(UTC).date(), datetime.min.time(), UTC)
    query = sa.select(upkeep.RateCount.key, upkeep.RateCount.count).where(
        upkeep.RateCount.key.in_(keys), upkeep.RateCount.window_at == window_at
    )
    return {keys[key]: count for key, count in session.execute(query)}


def _forged_key(source_id: int | None) -> str:
    return f"forged-source-{source_id}"


# --- sources and secrets ---


def listed(session: Session, organisation_ids: Iterable[int]) -> Sequence[Source]:
    """Return the sources of these organisations by name."""
    query = sa.select(Source).where(Source.organisation_id.in_(organisation_ids))
    return session.scalars(query.order_by(Source.name)).all()


def served(session: Session, source: Source, key: str) -> Organisation:
    """Return the organisation with this key that a source's team serves, or else the source's."""
    query = (
        sa.select(Organisation)
        .join(Service, Service.organisation_id == Organisation.id)
        .where(Organisation.key == key, Service.team_id == source.default_team_id)
    )
    return session.scalars(query).one_or_none() or source.organisation


def add_source(
    session: Session,
    key: str,
    name: str,
    organisation: Organisation,
    default_team: Team,
    actor: Actor,
    now: datetime,
    secret: str = "",
) -> tuple[Source, str]:
    """Add a source and return it with its secret, which is shown this once.

    Raises Invalid for a key that cannot stand in an address or is taken, and for a team that does
    not serve the organisation.
    """
    if not _KEY.fullmatch(key):
        raise _invalid("key", N_("Use 2 to 60 small letters, digits and hyphens."))
    if not name.strip():
        raise _invalid("name", N_("Give the source a name that a dispatcher knows."))
    if session.scalar(sa.select(Source.id).where(Source.key == key)) is not None:
        raise _invalid("key", N_("Another source has this key."))
    if session.get(Service, (default_team.id, organisation.id)) is None:
        raise _invalid("default_team", N_("This team does not serve the organisation."))
    source = Source(key=key, name=name.strip(), organisation=organisation)
    source.default_team = default_team
    session.add(source)
    session.flush()
    audit.record(session, actor, "source.add", f"source:{key}", {"name": source.name}, now)
    return source, add_secret(session, source, actor, now, secret)


def add_secret(
    session: Session, source: Source, actor: Actor, now: datetime, secret: str = ""
) -> str:
    """Make another secret valid from now on, made here unless given; return it, shown this once."""
    secret = secret or signatures.PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    if not signatures.is_secret(secret):
        raise _invalid("secret", N_("Use whsec_ followed by 24 to 64 bytes in base64."))
    uid = seal.new_token()
    sealed = seal.seal(session, source.organisation_id, _place(uid), secret)
    source.secrets.append(SourceSecret(uid=uid, sealed_secret=sealed, valid_from=now))
    session.flush()
    audit.record(session, actor, "source.add_secret", f"source:{source.key}", {"secret": uid}, now)
    return secret


def end_secret(
    session: Session, source: Source, uid: str, hours: int, actor: Actor, now: datetime
) -> None:
    """End a secret so many hours from now.

    Raises Conflict when no other secret goes on being valid: the source would fall silent.
    """
    others = [s for s in source.secrets if s.uid != uid and s.valid_until is None]
    ending = next((s for s in source.secrets if s.uid == uid), None)
    if ending is None or (ending.valid_until is not None and ending.valid_until <= now):
        raise Conflict(N_("This secret has ended already."))
    if not others:
        told = N_("Add the new secret first: without one this source could not send alerts.")
        raise Conflict(told)
    ending.valid_until = now + timedelta(hours=max(0, hours))
    details = {"secret": uid, "hours": hours}
    audit.record(session, actor, "source.end_secret", f"source:{source.key}", details, now)


def _invalid(field: str, sentence: str) -> Invalid:
    return Invalid(sentence, **{field: sentence})
