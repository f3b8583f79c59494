"""The record of who did what, made so that changing it later shows.

An entry holds what happened and a salted digest of its details; the details stand beside it and may
be erased without breaking anything. A person's own words among them may quote a case: they are
sealed for its organisation, and the digest is of what is stored. Transactions only insert entries;
one leased chore links them into a chain of hashes afterwards, so that the chain is no lock that
every alert waits for. Both databases refuse to change or delete entries and links. `verify` names
what was changed in spite of that. The end of the chain is logged at each linking: kept elsewhere,
it shows that the newest part was cut off, which the chain alone cannot. What is worth an entry is
left to the features.
"""

import hashlib
import itertools
import json
import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from dispatch import logs, seal
from dispatch.db import Base, Id, Session

log = logs.logger(__name__)


@dataclass(frozen=True)
class Actor:
    """Who does something: a person, source, engine, phone, command or key."""

    kind: str
    id: int | None
    name: str


ENGINE = Actor("engine", None, "engine")


@dataclass(frozen=True)
class OwnWords:
    """Details that somebody wrote about a case, by name, and the organisation whose case it is."""

    organisation_id: int
    said: Mapping[str, str]


_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class AuditEntry(Base):
    """Something that happened; never changed or deleted."""

    __tablename__ = "audit_entry"

    id: orm.Mapped[Id]
    uid: orm.Mapped[str] = orm.mapped_column(unique=True)
    at: orm.Mapped[datetime]
    actor: orm.Mapped[str]
    action: orm.Mapped[str]
    subject: orm.Mapped[str] = orm.mapped_column(index=True)
    digest: orm.Mapped[str]


class AuditDetail(Base):
    """The details of an entry: canonical JSON, its salt, and whether the entry is linked yet."""

    __tablename__ = "audit_detail"

    entry_id: orm.Mapped[int] = orm.mapped_column(
        _BIG, sa.ForeignKey("audit_entry.id"), primary_key=True, autoincrement=False
    )
    salt: orm.Mapped[str | None]
    details: orm.Mapped[str | None]
    linked: orm.Mapped[bool]

    # Finding the few unlinked entries must not take longer as the record grows.
    __table_args__ = (
        sa.Index(
            "ix_audit_detail_unlinked",
            "entry_id",
            sqlite_where=sa.text("NOT linked"),
            postgresql_where=sa.text("NOT linked"),
        ),
    )


class AuditLink(Base):
    """An entry's place in the chain; never changed or deleted."""

    __tablename__ = "audit_link"

    position: orm.Mapped[int] = orm.mapped_column(_BIG, primary_key=True, autoincrement=False)
    entry_id: orm.Mapped[int] = orm.mapped_column(
        _BIG, sa.ForeignKey("audit_entry.id"), unique=True
    )
    hash: orm.Mapped[str]


_ENTRY = Base.metadata.tables["audit_entry"]
_DETAIL = Base.metadata.tables["audit_detail"]
_LINK = Base.metadata.tables["audit_link"]

#: What makes each database refuse changes, by dialect; run after the tables are made.
TRIGGERS: dict[str, list[str]] = {
    "sqlite": [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'the audit record is never changed'); END"
        for table in ("audit_entry", "audit_link")
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        """CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit record is never changed'; END $$""",
        *(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()"
            for table in ("audit_entry", "audit_link")
        ),
    ],
}


_INSERT_ENTRY = sa.insert(_ENTRY).returning(_ENTRY.c.id)
_INSERT_DETAIL = sa.insert(_DETAIL)


@sa.event.listens_for(_LINK, "after_create")
def _make_triggers(_table: sa.Table, connection: sa.Connection, **_options: Any) -> None:
    for statement in TRIGGERS[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def record(
    session: Session,
    actor: Actor,
    action: str,
    subject: str,
    details: Mapping[str, Any],
    now: datetime,
    *,
    words: OwnWords | None = None,
) -> None:
    """Write down that `actor` did `action` to `subject` ("incident:D7K-4QX").

    The actor's name and the details may be erased later; the rest stays for ever, so it must not
    hold personal data.
    """
    uid, salt = uuid.uuid4().hex, secrets.token_hex(16)
    content = json.dumps(
        {"by": actor.name, **details, **(_sealed(session, uid, words) if words else {})},
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
        default=_plain,
    )
    entry = {
        "uid": uid,
        "at": now,
        "actor": actor.kind if actor.id is None else f"{actor.kind}:{actor.id}",
        "action": action,
        "subject": subject,
        "digest": _digest(salt, content),
    }
    connection = session.connection()
    entry_id = connection.execute(_INSERT_ENTRY, entry).scalar_one()
    connection.execute(
        _INSERT_DETAIL,
        {"entry_id": entry_id, "salt": salt, "details": content, "linked": False},
    )


def _sealed(session: Session, uid: str, words: OwnWords) -> dict[str, Any]:
    owner = words.organisation_id
    said = {
        name: seal.seal(session, owner, _place(uid, name), text)
        for name, text in words.said.items()
    }
    return {"organisation": owner, "sealed": said}


def _place(uid: str, name: str) -> str:
    return f"audit_detail.{name}:{uid}"


@dataclass(frozen=True)
class Told:
    """An entry as whoever may read the record sees it."""

    at: datetime
    actor: str
    action: str
    details: Mapping[str, Any]
    """Own words in clear, None where their key is missing; nothing once they are erased."""


def tell(session: Session, subject: str, action: str | None = None) -> Iterator[Told]:
    """Return what was written down of a subject, in order; of one action alone if it is given."""
    query = (
        sa.select(AuditEntry, AuditDetail.details)
        .join(AuditDetail, AuditDetail.entry_id == AuditEntry.id)
        .where(AuditEntry.subject == subject)
        .order_by(AuditEntry.id)
    )
    if action is not None:
        # Nobody's own words are unsealed for whoever did not ask for them.
        query = query.where(AuditEntry.action == action)
    for entry, details in session.execute(query):
        shown = json.loads(details) if details else {}
        owner = shown.pop("organisation", None) if "sealed" in shown else None
        for name, sealed in shown.pop("sealed", {}).items():
            try:
                shown[name] = seal.unseal(session, owner, _place(entry.uid, name), sealed)
            except seal.Unsealable:
                shown[name] = None
        yield Told(entry.at, entry.actor, entry.action, shown)


@dataclass(frozen=True)
class Link:
    """An entry with its place in the chain, so that its hash can be worked out anew elsewhere."""

    entry_id: int
    uid: str
    at: datetime
    actor: str
    action: str
    digest: str
    position: int | None
    """None: not linked yet."""
    previous: str
    hash: str


def evidence(session: Session, subject: str) -> list[Link]:
    """Return the entries of a subject as they stand in the chain, in order."""
    before = sa.orm.aliased(AuditLink)
    query = (
        sa.select(AuditEntry, AuditLink.position, before.hash.label("previous"), AuditLink.hash)
        .outerjoin(AuditLink, AuditLink.entry_id == AuditEntry.id)
        .outerjoin(before, before.position == AuditLink.position - 1)
        .where(AuditEntry.subject == subject)
        .order_by(AuditEntry.id)
    )
    return [
        Link(
            entry_id=entry.id,
            uid=entry.uid,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            digest=entry.digest,
            position=position,
            previous=previous or "",
            hash=found or "",
        )
        for entry, position, previous, found in session.execute(query)
    ]


def details_of(session: Session, action: str) -> Iterator[tuple[AuditEntry, Mapping[str, Any]]]:
    """Return every entry of an action with its details, as far as they were not erased."""
    query = (
        sa.select(AuditEntry, AuditDetail.details)
        .join(AuditDetail, AuditDetail.entry_id == AuditEntry.id)
        .where(AuditEntry.action == action, AuditDetail.details.is_not(None))
        .order_by(AuditEntry.id)
    )
    for entry, details in session.execute(query):
        yield entry, json.loads(details or "{}")


def erase(session: Session, entry_ids: Iterable[int]) -> None:
    """Forget the details of entries; that something happened stays, and the chain stays whole."""
    statement = sa.update(_DETAIL).where(_DETAIL.c.entry_id == sa.bindparam("entry"))
    entries = [{"entry": entry_id} for entry_id in entry_ids]
    if entries:
        session.connection().execute(statement.values(salt=None, details=None), entries)


#: Entries linked in one transaction: a backlog may not keep an alert from being written.
_BATCH = 1000


def link(session: Session, now: datetime) -> int:
    """Chain the oldest entries that are not linked yet, at most 1000, and return how many.

    An entry that became visible after one with a higher id is simply linked later. Two linkers at
    once end in an IntegrityError of the second.
    """
    query = (
        sa.select(_ENTRY)
        .join(_DETAIL, _DETAIL.c.entry_id == _ENTRY.c.id)
        .where(sa.not_(_DETAIL.c.linked))
        .order_by(_DETAIL.c.entry_id)
        .limit(_BATCH)
    )
    entries = session.execute(query).all()
    if not entries:
        return 0
    last = session.execute(
        sa.select(_LINK.c.position, _LINK.c.hash).order_by(_LINK.c.position.desc()).limit(1)
    ).one_or_none()
    end, previous = last or (0, "")
    links = []
    for position, entry in enumerate(entries, end + 1):
        previous = _hash(previous, entry)
        links.append({"position": position, "entry_id": entry.id, "hash": previous})
    session.execute(sa.insert(_LINK), links)
    session.execute(
        sa.update(_DETAIL)
        .where(_DETAIL.c.entry_id.in_([entry.id for entry in entries]))
        .values(linked=True)
    )
    oldest = min((now - entry.at).total_seconds() for entry in entries)
    log.info(
        "audit_linked", position=end + len(links), head=previous, entries=len(links), wait=oldest
    )
    return len(links)


@dataclass(frozen=True)
class Verdict:
    """What checking the whole record found; `faults` begins with the first broken entry."""

    ok: bool
    entries: int
    unlinked: int
    oldest_unlinked_seconds: float
    faults: list[str]


#: An entry that stays unlinked for longer could still be changed unnoticed.
_UNLINKED_SECONDS = 60.0
_FAULTS_NAMED = 20


def verify(session: Session, now: datetime) -> Verdict:
    """Check every hash and every digest whose salt still exists, without holding all in memory."""
    faults = list(itertools.islice(_faults(session), _FAULTS_NAMED))
    unlinked, first = session.execute(
        sa.select(sa.func.count(), sa.func.min(_ENTRY.c.at))
        .select_from(_ENTRY)
        .outerjoin(_LINK, _LINK.c.entry_id == _ENTRY.c.id)
        .where(_LINK.c.entry_id.is_(None))
    ).one()
    oldest = (now - first).total_seconds() if unlinked else 0.0
    if oldest > _UNLINKED_SECONDS:
        faults.append(f"{unlinked} entries are not linked, the oldest for {oldest:.0f} s")
    entries = session.scalar(sa.select(sa.func.count()).select_from(_ENTRY)) or 0
    return Verdict(not faults, entries, unlinked, oldest, faults)


def _faults(session: Session) -> Iterator[str]:
    query = (
        sa.select(_LINK, _ENTRY, _DETAIL.c.salt, _DETAIL.c.details)
        .select_from(_LINK)
        .outerjoin(_ENTRY, _ENTRY.c.id == _LINK.c.entry_id)
        .outerjoin(_DETAIL, _DETAIL.c.entry_id == _LINK.c.entry_id)
        .order_by(_LINK.c.position)
    )
    previous, expected = "", 1
    for row in session.execute(query, execution_options={"yield_per": 1000}):
        name = f"entry {row.entry_id} (position {row.position})"
        if row.position != expected:
            yield f"{name}: {row.position - expected} links before it are missing"
        elif row.uid is None:
            yield f"{name}: is missing"
        elif _hash(previous, row) != row.hash:
            yield f"{name}: was changed, or its place in the chain was"
        elif row.salt is not None and _digest(row.salt, row.details or "") != row.digest:
            yield f"{name}: its details were changed"
        previous, expected = row.hash, row.position + 1


def _hash(previous: str, entry: sa.Row[Any]) -> str:
    fields = (entry.uid, entry.at.isoformat(), entry.actor, entry.action, entry.subject)
    content = json.dumps([previous, entry.id, *fields, entry.digest], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _digest(salt: str, content: str) -> str:
    return hashlib.sha256((salt + content).encode()).hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be part of an audit entry")
