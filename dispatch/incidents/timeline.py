"""The story of an incident: kinds and facts, worded only when somebody reads them.

Facts are plain and tell of staff, teams and channels, never of victims; a person's own words are
sealed beside them.
"""

import json
from datetime import datetime
from typing import Any

from dispatch import seal
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.incidents.models import Incident, TimelineEntry


def add(
    session: Session,
    incident: Incident,
    kind: str,
    actor: Actor,
    now: datetime,
    own_words: str = "",
    **facts: Any,
) -> TimelineEntry:
    """Add what happened. `own_words` are sealed; `facts` must be fit for JSON."""
    entry = TimelineEntry(
        incident_id=incident.id, at=now, kind=kind, facts=facts, actor=actor.name, uid=""
    )
    if own_words:
        entry.uid = seal.new_token()
        entry.sealed_words = seal.seal(
            session, incident.organisation_id, f"timeline_entry.sealed_words:{entry.uid}", own_words
        )
    session.add(entry)
    return entry


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
