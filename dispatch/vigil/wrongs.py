"""Keeping what is wrong, from when it was found until it is well again.

Promise: each stands once, however many processes find it; it sounds on the boards of those whom it
concerns until somebody has seen it, and ends only when it is well again. Nothing is written while
nothing changes. What is wrong is judged elsewhere; whether somebody may see it, by the caller.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dispatch import audit, seal, upkeep
from dispatch.audit import Actor
from dispatch.db import Base, Session
from dispatch.errors import NotFound
from dispatch.inserts import insert_once
from dispatch.outbox import troubles
from dispatch.texts import N_, Sentence, say
from dispatch.vigil.judging import Found
from dispatch.vigil.models import Trouble, Wrong

#: What is long over is nobody's business.
_KEPT = timedelta(days=30)

_SAID = {
    Trouble.ENGINE: N_(
        "The engine does not run: nobody is paged. Ring people yourself and have it started."
    ),
    Trouble.WEB: N_("The web server does not run: no alert comes in. Have it started."),
    Trouble.OVERDUE: N_("Messages that are due do not leave. Ring people yourself."),
    Trouble.SUPPLIER: N_("%(supplier)s does not take our messages: %(meaning)s (%(code)s)."),
    Trouble.NO_SUPPLIER: N_("No supplier takes our texts and calls. Ring people yourself."),
    Trouble.CALLBACKS: N_(
        "Suppliers call nothing back: replies may come late. They are asked for instead."
    ),
    Trouble.SOURCE: N_(
        "%(source)s has sent nothing for more than %(minutes)s minutes, not even the test that it "
        "promised. Ask it by telephone whether it can alert us."
    ),
    Trouble.CLOCK: N_(
        "The clock of %(whose)s differs by %(seconds)s s from the engine's. Have the clocks set."
    ),
    Trouble.COVER: N_("%(team)s: %(told)s Find somebody."),
    Trouble.CHECK_IN: "%(team)s: %(told)s",
    Trouble.DATABASE: N_(
        "The database does not answer: no alert is taken in, and nobody is paged. Ring people "
        "yourself and have it started."
    ),
    Trouble.UNHEARD: N_(
        "Something needs %(organisation)s, no board is open there that can sound, and its control "
        "room could not be rung. Tell somebody there."
    ),
    Trouble.WATCHDOG: N_(
        "The watchdog outside cannot be reached (%(way)s): nobody there hears what goes wrong here."
    ),
}
_UNRUNG = N_("Nothing else carries calls, and a text wakes nobody: ring people yourself.")
_NEVER = N_("%(source)s has not sent any test alert yet. Ask it by telephone to send one.")


def said(one: Wrong, language: str) -> str:
    """Say what is wrong and what to do about it."""
    facts = {name: _read(fact) for name, fact in one.facts.items()}
    if "sentence" in facts:
        facts["told"] = say(language, str(facts["sentence"]), **facts)
    if one.trouble is Trouble.SUPPLIER:
        facts["meaning"] = say(language, str(facts.get("meaning") or troubles.UNSAID))
    text = _NEVER if facts.get("never") else _SAID[one.trouble]
    told = say(language, text, **facts)
    return f"{told} {say(language, _UNRUNG)}" if facts.get("unrung") else told


def kept(sentence: Sentence) -> dict[str, Any]:
    """Return a sentence as facts that `said` reads: days and instants marked, as JSON has none."""
    facts = {
        name: "@" + fact.isoformat() if isinstance(fact, date) else fact
        for name, fact in sentence.facts.items()
    }
    return {**facts, "sentence": sentence.text}


def _read(fact: object) -> object:
    if not isinstance(fact, str) or not fact.startswith("@"):
        return fact
    return datetime.fromisoformat(fact[1:]) if "T" in fact else date.fromisoformat(fact[1:])


def keep(
    session: Session, found: Iterable[Found], troubles: Collection[Trouble], now: datetime
) -> set[Trouble]:
    """Begin what is new and end what is over, of these troubles; the rest stays as it began.

    Returns what is over.
    """
    present = {(one.trouble, one.about): one for one in _of(session, troubles)}
    for one in found:
        if present.pop((one.trouble, one.about), None) is None:
            _begin(session, one, now)
    for row in present.values():
        row.ended_at = now
        _bump(session, row.organisation_id)
    session.flush()
    return {row.trouble for row in present.values()}


def is_news(session: Session, found: Iterable[Found], troubles: Collection[Trouble]) -> bool:
    """Tell whether `keep` would write anything."""
    present = {(one.trouble, one.about) for one in _of(session, troubles)}
    return present != {(one.trouble, one.about) for one in found}


def _of(session: Session, troubles: Collection[Trouble]) -> Sequence[Wrong]:
    query = sa.select(Wrong).where(Wrong.ended_at.is_(None), Wrong.trouble.in_(troubles))
    return session.scalars(query).all()


def _begin(session: Session, one: Found, now: datetime) -> None:
    row = {
        "uid": seal.new_token(),
        "organisation_id": one.organisation_id,
        "trouble": one.trouble,
        "about": one.about,
        "facts": dict(one.facts),
        "since": one.since,
        "found_at": now,
        "seen_by": "",
        "told": {},
    }
    # Another process may have found it at the same moment.
    if insert_once(session, Base.metadata.tables[Wrong.__tablename__], row) is not None:
        _bump(session, one.organisation_id)


def standing(session: Session, organisation_ids: Collection[int]) -> Sequence[Wrong]:
    """Return what is wrong now and concerns these organisations, the oldest first."""
    mine = sa.or_(Wrong.organisation_id.is_(None), Wrong.organisation_id.in_(organisation_ids))
    query = sa.select(Wrong).where(Wrong.ended_at.is_(None), mine)
    return session.scalars(query.order_by(Wrong.since, Wrong.id)).all()


def mark_seen(
    session: Session, uid: str, organisation_ids: Collection[int], actor: Actor, now: datetime
) -> None:
    """Stop the sound: somebody acts on it. Raises NotFound."""
    row = session.scalars(sa.select(Wrong).where(Wrong.uid == uid)).one_or_none()
    if row is None or row.organisation_id not in {None, *organisation_ids}:
        raise NotFound(N_("There is no such thing, or it is not yours to see."))
    if row.seen_at is None:
        row.seen_at, row.seen_by = now, actor.name
        facts = {"trouble": row.trouble.value, "about": row.about}
        audit.record(session, actor, "trouble.seen", f"trouble:{uid}", facts, now)
        _bump(session, row.organisation_id)


def sweep(session: Session, now: datetime) -> None:
    """Remove what has long been over."""
    session.execute(sa.delete(Wrong).where(Wrong.ended_at < now - _KEPT))


def _bump(session: Session, organisation_id: int | None) -> None:
    upkeep.bump(session, organisation_id or 0, "board")
