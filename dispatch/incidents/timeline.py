"""The story of an incident: kinds and facts, worded only when somebody reads them.

Facts are plain and tell of staff, teams and channels, never of victims; a person's own words are
sealed beside them.
"""

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch import seal
from dispatch.audit import Actor
from dispatch.db import Base, Session
from dispatch.incidents.models import Incident, TimelineEntry

_INSERT = sa.insert(Base.metadata.tables["timeline_entry"])


def add(
    session: Session,
    incident: Incident,
    kind: str,
    actor: Actor,
    now: datetime,
    own_words: str = "",
    **facts: Any,
) -> str:
    """Add what happened. `own_words` are sealed; `facts` must be fit for JSON.

    Returns what finds somebody's own words again; nothing where there are none.
    """
    uid = sealed_words = ""
    if own_words:
        uid = seal.new_token()
        place = f"timeline_entry.sealed_words:{uid}"
        sealed_words = seal.seal(session, incident.organisation_id, place, own_words)
    entry = {"incident_id": incident.id, "at": now, "kind": kind, "facts": facts}
    entry |= {"actor": actor.name, "uid": uid, "sealed_words": sealed_words}
    # Past the session's bookkeeping: an entry is never changed, and each alert writes several.
    session.connection().execute(_INSERT, entry)
    return uid


def words_of(session: Session, incident: Incident, entry: TimelineEntry) -> str:
    """Return somebody's own words, unsealed; empty if there are none."""
    if not entry.sealed_words:
        return ""
    place = f"timeline_entry.sealed_words:{entry.uid}"
    return seal.unseal(session, incident.organisation_id, place, entry.sealed_words)


def seal_json(session: Session, incident: Incident, column: str, value: Any) -> str:
    """Seal a JSON value into one column of the incident; nothing for an empty value."""
    if not value:
        return ""
    text = json.dumps(value, ensure_ascii=True)
    return seal.seal(
        session, incident.organisation_id, f"incident.{column}:{incident.reference}", text
    )


def unseal_json(session: Session, incident: Incident, column: str) -> Any:
    """Return what `seal_json` put into the column; an empty dictionary for an empty column."""
    sealed = getattr(incident, column)
    if not sealed:
        return {}
    place = f"incident.{column}:{incident.reference}"
    return json.loads(seal.unseal(session, incident.organisation_id, place, sealed))
