"""Sealing: what a victim told is unreadable in the database, in a backup and in another's hands.

Each organisation has a key of its own, wrapped by the installation's key, which is never in the
database; `session.info["installation_key"]` holds it (32 bytes). A sealed value names its key and
is bound to its organisation and its place ("table.column:uid"), so that a value copied elsewhere
does not open. Keys are made on first use. Rotating makes new keys current and keeps old values
readable. Who may open what, and writing down that somebody did, is left to the features.
"""

import base64
import hashlib
import hmac
import os
import threading
import weakref
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect

from dispatch.clock import monotonic
from dispatch.db import Base, Id, Session


class Unsealable(Exception):
    """The value does not open: changed, moved, of another organisation, or its key is missing."""


class SealingKey(Base):
    """A key of an organisation, or of the installation itself (no organisation), wrapped."""

    __tablename__ = "sealing_key"

    id: orm.Mapped[Id]
    organisation_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("organisation.id"))
    wrapped: orm.Mapped[bytes]
    created_at: orm.Mapped[datetime]
    retired_at: orm.Mapped[datetime | None]

    # At most one current key for each owner: two first uses at once agree on one.
    __table_args__ = (
        sa.Index(
            "ix_sealing_key_current",
            sa.text("coalesce(organisation_id, 0)"),
            unique=True,
            sqlite_where=sa.text("retired_at IS NULL"),
            postgresql_where=sa.text("retired_at IS NULL"),
        ),
    )


def seal(session: Session, organisation_id: int | None, place: str, text: str) -> str:
    """Return `text` sealed for its place; makes the organisation's key on first use."""
    key = _current_key(session, organisation_id)
    blob = _encrypt(key, place, text.encode())
    return f"{key.id}.{base64.urlsafe_b64encode(blob).decode()}"


def unseal(session: Session, organisation_id: int | None, place: str, sealed: str) -> str:
    """Return the text; raises Unsealable."""
    key_id, _, encoded = sealed.partition(".")
    try:
        blob = base64.urlsafe_b64decode(encoded)
    except ValueError:
        raise Unsealable("not a sealed value") from None
    return _decrypt(_key(session, organisation_id, key_id), place, blob).decode()


def rotate(session: Session, now: datetime) -> int:
    """Give every owner a new current key and return how many; old values stay readable.

    Other processes go over to the new keys within a minute.
    """
    query = sa.select(SealingKey).where(SealingKey.retired_at.is_(None)).order_by(SealingKey.id)
    retiring = list(session.scalars(query.with_for_update()))
    for row in retiring:
        row.retired_at = now
    session.flush()
    for row in retiring:
        session.add(
            SealingKey(
                organisation_id=row.organisation_id,
                wrapped=_wrap(_installation_key(session), row.organisation_id, _new_key()),
                created_at=now,
            )
        )
    session.flush()
    session.info["sealing_keys_made"] = True
    return len(retiring)


def fingerprint(session: Session, text: str) -> str:
    """Return what finds `text` again without showing it: HMAC-SHA256, 64 hexadecimal digits."""
    return hmac.new(_fingerprint_key(session), text.encode(), hashlib.sha256).hexdigest()


_DIGITS_TO_LETTERS = str.maketrans("234567", "abcdef")


def new_token(size: int = 16) -> str:
    """Return an unguessable token worth `size` random bytes, of letters only.

    Without digits, because a text to a phone may hold one run of digits only: the answer's code.
    """
    return base64.b32encode(os.urandom(size)).decode().rstrip("=").translate(_DIGITS_TO_LETTERS)


def hash_token(token: str) -> str:
    """Return what is stored of a token, so that the database opens nothing."""
    return hashlib.sha256(token.encode()).hexdigest()


class _Key(NamedTuple):
    id: int
    organisation_id: int | None
    raw: bytes
    cipher: AESGCM


class _Cache:
    """Unwrapped keys of one database, all of them committed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.keys: dict[int, _Key] = {}
        self.current: dict[int | None, tuple[int, float]] = {}
        self.fingerprint_key: bytes | None = None

    def keep(self, key: _Key) -> None:
        with self._lock:
            if len(self.keys) >= _KEPT_KEYS:
                self.keys.clear()
                self.current.clear()
            self.keys[key.id] = key


_KEPT_KEYS = 4096
#: Another process's rotation is noticed within this time.
_CURRENT_SECONDS = 60.0

# By the engine's dialect, which lives as long as its Store: a database made anew at the same
# address has other keys under the same numbers.
_caches: weakref.WeakKeyDictionary[Dialect, _Cache] = weakref.WeakKeyDictionary()


def _cache(session: Session) -> _Cache:
    dialect = session.get_bind().dialect
    cache = _caches.get(dialect)
    if cache is None:
        cache = _caches.setdefault(dialect, _Cache())
    return cache


def _may_keep(session: Session) -> bool:
    """Return whether what this transaction reads is committed.

    A key made here may be rolled back, alone or with a SAVEPOINT; kept in the cache, it would go
    on sealing values that nobody can ever open.
    """
    return "sealing_keys_made" not in session.info


def _current_key(session: Session, organisation_id: int | None) -> _Key:
    cache = _cache(session)
    key_id, since = cache.current.get(organisation_id, (0, 0.0))
    key = cache.keys.get(key_id)
    if key is not None and monotonic() - since < _CURRENT_SECONDS:
        return key
    query = (
        sa.select(SealingKey.id)
        .where(SealingKey.retired_at.is_(None))
        .where(SealingKey.organisation_id.is_not_distinct_from(organisation_id))
    )
    found = session.scalar(query)
    if found is None:
        _make_key(session, organisation_id)
        found = session.scalars(query).one()
    key = _key(session, organisation_id, str(found))
    if _may_keep(session):
        cache.current[organisation_id] = (key.id, monotonic())
    return key


def _make_key(session: Session, organisation_id: int | None) -> None:
    """Insert a key unless another transaction was faster, in which case wait for its commit."""
    session.info["sealing_keys_made"] = True
    table = Base.metadata.tables["sealing_key"]
    row = {
        "organisation_id": organisation_id,
        "wrapped": _wrap(_installation_key(session), organisation_id, _new_key()),
    }
    if session.get_bind().dialect.name == "sqlite":
        made = sa.func.strftime("%Y-%m-%d %H:%M:%f000", "now")
        session.execute(
            sqlite.insert(table).values(**row, created_at=made).on_conflict_do_nothing()
        )
    else:
        session.execute(
            postgresql.insert(table)
            .values(**row, created_at=sa.func.now())
            .on_conflict_do_nothing()
        )


def _key(session: Session, organisation_id: int | None, key_id: str) -> _Key:
    if not key_id.isascii() or not key_id.isdigit() or len(key_id) > 18:
        raise Unsealable("not a sealed value")
    cache = _cache(session)
    key = cache.keys.get(int(key_id))
    if key is None:
        columns = (SealingKey.id, SealingKey.organisation_id, SealingKey.wrapped)
        row = session.execute(sa.select(*columns).where(SealingKey.id == int(key_id))).one_or_none()
        if row is None:
            raise Unsealable("its key is missing")
        raw = _unwrap(_installation_key(session), row.organisation_id, row.wrapped)
        key = _Key(row.id, row.organisation_id, raw, AESGCM(raw))
        if _may_keep(session):
            cache.keep(key)
    if key.organisation_id != organisation_id:
        raise Unsealable("sealed for another organisation")
    return key


def _fingerprint_key(session: Session) -> bytes:
    """Return a key derived from the oldest key of the installation itself.

    Not from the installation's key: changing that would silently make every number unknown.
    """
    cache = _cache(session)
    if cache.fingerprint_key is not None:
        return cache.fingerprint_key
    query = (
        sa.select(SealingKey.id)
        .where(SealingKey.organisation_id.is_(None))
        .order_by(SealingKey.id)
        .limit(1)
    )
    oldest = session.scalar(query)
    if oldest is None and session.info.get("view"):
        # No number is known before there is a key: whatever is looked for is not found.
        return _new_key()
    oldest = oldest or _current_key(session, None).id
    raw = _key(session, None, str(oldest)).raw
    derived = HKDF(SHA256(), length=32, salt=None, info=b"dispatch fingerprint").derive(raw)
    if _may_keep(session):
        cache.fingerprint_key = derived
    return derived


def _installation_key(session: Session) -> bytes:
    key: bytes = session.info["installation_key"]
    return key


def _new_key() -> bytes:
    return AESGCM.generate_key(256)


def _wrap(installation_key: bytes, organisation_id: int | None, raw: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(installation_key).encrypt(nonce, raw, _wrapping(organisation_id))


def _unwrap(installation_key: bytes, organisation_id: int | None, wrapped: bytes) -> bytes:
    nonce, rest = wrapped[:_NONCE], wrapped[_NONCE:]
    try:
        return AESGCM(installation_key).decrypt(nonce, rest, _wrapping(organisation_id))
    except InvalidTag:
        raise Unsealable("its key was wrapped by another installation key") from None


def _wrapping(organisation_id: int | None) -> bytes:
    return b"sealing_key.wrapped:%d" % (organisation_id or 0)


_NONCE = 12


def _encrypt(key: _Key, place: str, data: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + key.cipher.encrypt(nonce, data, place.encode())


def _decrypt(key: _Key, place: str, blob: bytes) -> bytes:
    try:
        return key.cipher.decrypt(blob[:_NONCE], blob[_NONCE:], place.encode())
    except (InvalidTag, ValueError):
        raise Unsealable("changed, or moved from another place") from None
