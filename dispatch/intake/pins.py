"""The digits by which a control room proves over the telephone that it may report.

Promise: eight digits from the machine's own randomness, shown once and kept only as a keyed digest;
new ones end the old at once. Whoever guesses is counted, by the number that calls and by all
numbers together that are no control room's: a wrong answer is returned and never raised, for the
count must outlive it. A control room's own number is not locked by what others do. What is asked
after the digits is for `dial_in`.
"""

import secrets
from datetime import datetime

import sqlalchemy as sa

from dispatch import audit, logs, seal, upkeep
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.intake import sources
from dispatch.intake.models import Source
from dispatch.people.models import Organisation

log = logs.logger(__name__)

DIGITS = 8
_HOUR_SECONDS = 3600
#: Wrong digits an hour: of one number, of one that is a control room's, and of all the others.
_OF_ONE, _OF_A_ROOM, _OF_ALL = 10, 30, 100


def renew(session: Session, source: Source, actor: Actor, now: datetime) -> str:
    """Return new digits for a source, shown this once; the old ones are good no longer."""
    digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    while session.scalar(_BY_DIGEST, {"digest": _digest(session, digits)}) is not None:
        digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    source.pin_digest, source.pin_at = _digest(session, digits), now
    session.flush()
    audit.record(session, actor, "source.renew_pin", f"source:{source.key}", {}, now)
    return digits


def end(session: Session, source: Source, actor: Actor, now: datetime) -> None:
    """Let nobody report for a source by telephone any more."""
    if source.pin_digest is not None:
        source.pin_digest = source.pin_at = None
        session.flush()
        audit.record(session, actor, "source.end_pin", f"source:{source.key}", {}, now)


def any_is_good(session: Session) -> bool:
    """Return whether any source may report by telephone."""
    query = sa.select(Source.id).where(Source.pin_digest.is_not(None), Source.retired_at.is_(None))
    return session.scalar(query.limit(1)) is not None


_BY_DIGEST = sa.select(Source).where(
    Source.pin_digest == sa.bindparam("digest"), Source.retired_at.is_(None)
)


def of(session: Session, digits: str, caller: str, now: datetime) -> Source | None:
    """Return whose digits these are; None for wrong ones, and for whoever has guessed too often."""
    if _locked(session, caller, now):
        log.warning("dial_in_locked")
        return None
    source = session.scalars(_BY_DIGEST, {"digest": _digest(session, digits)}).one_or_none()
    if source is None:
        _count(session, caller, now)
    return source


def _locked(session: Session, caller: str, now: datetime) -> bool:
    if _is_room(session, caller):
        return upkeep.held(session, _key(session, caller), now, _HOUR_SECONDS) >= _OF_A_ROOM
    every = upkeep.held(session, _key(session, ""), now, _HOUR_SECONDS)
    own = upkeep.held(session, _key(session, caller), now, _HOUR_SECONDS)
    return every >= _OF_ALL or (caller != "" and own >= _OF_ONE)


def _count(session: Session, caller: str, now: datetime) -> None:
    # Shown beside the forged requests of the day.
    sources.count_forged(session, None, "telephone", now)
    if caller:
        upkeep.hits(session, _key(session, caller), now, _HOUR_SECONDS)
    if not _is_room(session, caller):
        upkeep.hits(session, _key(session, ""), now, _HOUR_SECONDS)


def _is_room(session: Session, caller: str) -> bool:
    query = sa.select(Organisation.id).where(Organisation.control_room_phone == caller)
    return caller != "" and session.scalar(query.limit(1)) is not None


def _key(session: Session, caller: str) -> str:
    return seal.fingerprint(session, f"dial-in tries {caller}")


def _digest(session: Session, digits: str) -> str:
    return seal.fingerprint(session, f"dial-in {digits}")
