"""Who is asking: passwords, sign-ins and keys of machines.

Passwords are kept as Argon2id only; of sessions and keys only digests are kept, so that a copy of
the database opens nothing. Guessing is counted before a password is looked at, by account and
address, by address, and by account for browsers that never signed in to it: strangers can slow
each other down, but never lock the owner out of a browser that was used before. Hashing takes a
fifth of a second and 64 MiB: `matches` and `hashed` belong outside every transaction, because they
would keep an alert waiting for the database. What somebody may do is left to `access`.
"""

import functools
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import argon2
import sqlalchemy as sa

from dispatch import audit, seal, upkeep
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Invalid, Refused
from dispatch.people.models import ApiKey, Organisation, Person, SignIn
from dispatch.texts import N_

LEAST_LENGTH, ADVISED_LENGTH, MOST_LENGTH = 8, 15, 128

_HASHER = argon2.PasswordHasher.from_parameters(argon2.profiles.RFC_9106_LOW_MEMORY)
#: Two at once: more would take the memory and processors that a call-out needs.
_HASHING = threading.BoundedSemaphore(2)
_HASHING_WAIT_SECONDS = 5


@dataclass(frozen=True)
class Attempt:
    """A try to sign in that has been counted; `limited` ones are not looked at."""

    limited: bool
    person_id: int | None = None
    password_hash: str = ""


#: Tries in a window of fifteen minutes.
_WINDOW_SECONDS = 900
_TRIES_HERE, _TRIES_ADDRESS, _TRIES_ACCOUNT = 10, 100, 100


def attempt(
    session: Session, name: str, address: str, known_person_id: int | None, now: datetime
) -> Attempt:
    """Count a try and return whom it is about; needs a write transaction that commits.

    `known_person_id` is who signed in from this browser before, if anybody.
    """
    name = name.strip().lower()
    found = session.execute(
        sa.select(Person.id, Person.password_hash, Person.left_at).where(Person.sign_in == name)
    ).one_or_none()
    if found is not None and found.left_at is not None and found.left_at <= now:
        found = None
    person_id = found.id if found else None
    tries = [(f"sign-in {name} from {address}", _TRIES_HERE)]
    if person_id is None or person_id != known_person_id:
        tries += [(f"sign-in from {address}", _TRIES_ADDRESS), (f"sign-in {name}", _TRIES_ACCOUNT)]
    for what, most in tries:
        # A try that is refused here is not counted against the account: else a single stranger
        # could use up what the owner needs.
        key = seal.fingerprint(session, what)
        if upkeep.hits(session, key, now, _WINDOW_SECONDS) > most:
            return Attempt(limited=True)
    return Attempt(False, person_id, found.password_hash if found else "")


def matches(attempt: Attempt, password: str) -> bool:
    """Return whether the password is right; takes as long for somebody who does not exist.

    Raises Refused when too many passwords are being looked at.
    """
    known = attempt.password_hash or _nobody()
    with _Hashing():
        try:
            _HASHER.verify(known, _normal(password)[:MOST_LENGTH])
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
    return bool(attempt.password_hash)


def hashed(password: str) -> str:
    """Return what is stored of a password."""
    with _Hashing():
        return _HASHER.hash(_normal(password))


def check_password(password: str, *about: str) -> None:
    """Raise Invalid unless the password is long enough and not one that is tried first.

    Source: OWASP ASVS 5.0, 6.2; no rule on kinds of letters. `about` are words that others know
    of the owner.
    """
    password = _normal(password)
    folded = password.casefold()
    names = [word.casefold() for words in about for word in words.replace("@", " ").split()]
    if len(password) < LEAST_LENGTH:
        sentence = N_("Use 8 characters or more; 15 or more are better, such as four words.")
    elif len(password) > MOST_LENGTH:
        sentence = N_("Use 128 characters at most.")
    elif folded in _common() or folded.strip("0123456789!.") in _common():
        sentence = N_("Many people use this password, so it is tried first. Take four words.")
    elif any(len(word) > 3 and folded.strip("0123456789!.") == word for word in names):
        sentence = N_("Do not use your name as password. Take four words.")
    else:
        return
    raise Invalid(sentence, password=sentence)


def set_password(
    session: Session, person: Person, password_hash: str, actor: Actor, now: datetime
) -> None:
    """Store a new password's hash and end every session of the person."""
    person.password_hash = password_hash
    end_all(session, person, now)
    audit.record(session, actor, "password.changed", f"person:{person.id}", {}, now)


def new_session(session: Session, person_id: int, now: datetime) -> str:
    """Open a session and return its token for the cookie."""
    token = seal.new_token()
    session.add(
        SignIn(person_id=person_id, token_hash=seal.hash_token(token), created_at=now, seen_at=now)
    )
    session.flush()
    actor = Actor("person", person_id, session.get_one(Person, person_id).name)
    audit.record(session, actor, "signed_in", f"person:{person_id}", {}, now)
    return token


@dataclass(frozen=True)
class SignedIn:
    """A live session."""

    person: Person
    seen_at: datetime
    idle_at: datetime
    """When it ends unless it is used."""
    over_at: datetime
    """When it ends in any case."""


def session_person(
    session: Session, token: str, now: datetime, idle: timedelta, longest: timedelta
) -> SignedIn | None:
    """Return whose session it is; None once idle, over, ended, or the person left."""
    query = (
        sa.select(Person, SignIn.seen_at, SignIn.created_at)
        .join(SignIn, SignIn.person_id == Person.id)
        .where(SignIn.token_hash == seal.hash_token(token), SignIn.ended_at.is_(None))
        .where(SignIn.seen_at > now - idle, SignIn.created_at > now - longest)
        .where(sa.or_(Person.left_at.is_(None), Person.left_at > now))
    )
    row = session.execute(query).one_or_none()
    if row is None:
        return None
    person, seen_at, created_at = row
    return SignedIn(person, seen_at, seen_at + idle, created_at + longest)


def touch(session: Session, token: str, now: datetime) -> None:
    """Note that the session is in use."""
    session.execute(
        sa.update(SignIn)
        .where(SignIn.token_hash == seal.hash_token(token), SignIn.seen_at < now)
        .values(seen_at=now)
    )


def end_session(session: Session, token: str, now: datetime) -> None:
    """End one session."""
    session.execute(
        sa.update(SignIn)
        .where(SignIn.token_hash == seal.hash_token(token), SignIn.ended_at.is_(None))
        .values(ended_at=now)
    )


def end_all(session: Session, person: Person, now: datetime) -> None:
    """End every session of a person."""
    session.execute(
        sa.update(SignIn)
        .where(SignIn.person_id == person.id, SignIn.ended_at.is_(None))
        .values(ended_at=now)
    )


def sweep(session: Session, now: datetime, longest: timedelta) -> None:
    """Forget sessions that are over; that somebody signed in stays in the audit record."""
    over = sa.or_(SignIn.ended_at <= now, SignIn.created_at <= now - longest)
    session.execute(sa.delete(SignIn).where(over))


#: What a key may be used for.
SCOPES = frozenset({"incidents:read", "rota:read"})


def create_api_key(
    session: Session,
    name: str,
    organisation: Organisation | None,
    scopes: Iterable[str],
    actor: Actor,
    now: datetime,
    *,
    key: str | None = None,
) -> str:
    """Make a key and return it: it is never shown again; `key` is for one published beforehand.

    Raises Invalid for a scope that nobody knows.
    """
    wanted = sorted(set(scopes))
    unknown = set(wanted) - SCOPES
    if unknown or not wanted:
        sentence = N_("Choose scopes out of: incidents:read, rota:read.")
        raise Invalid(sentence, scopes=sentence)
    key = key or f"dispatch-{seal.new_token(24)}"
    row = ApiKey(
        name=name,
        organisation_id=organisation.id if organisation else None,
        key_hash=seal.hash_token(key),
        scopes=wanted,
        created_at=now,
    )
    session.add(row)
    session.flush()
    audit.record(session, actor, "api_key.created", f"api_key:{row.id}", {"scopes": wanted}, now)
    return key


def api_key(session: Session, key: str, now: datetime) -> ApiKey | None:
    """Return the row of a key that is valid now."""
    query = sa.select(ApiKey).where(ApiKey.key_hash == seal.hash_token(key))
    row = session.scalar(query)
    revoked = row is None or (row.revoked_at is not None and row.revoked_at <= now)
    return None if revoked else row


class _Hashing:
    """A turn to hash; refused rather than letting waiting threads pile up."""

    def __enter__(self) -> None:
        if not _HASHING.acquire(timeout=_HASHING_WAIT_SECONDS):
            raise Refused(N_("Too many people sign in at this moment. Try again in a minute."))

    def __exit__(self, *_: object) -> None:
        _HASHING.release()


def _normal(password: str) -> str:
    """Return one form of what keyboards type in several ways."""
    return unicodedata.normalize("NFKC", password)


@functools.cache
def _nobody() -> str:
    return _HASHER.hash(seal.new_token())


@functools.cache
def _common() -> frozenset[str]:
    lines = (Path(__file__).parent / "common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
