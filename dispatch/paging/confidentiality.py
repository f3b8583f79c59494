"""Who may see what of one incident: the only way in which a screen gets at it.

An incident is seen by those whose named right reaches its organisation and by whoever goes for it,
never by membership of a team alone; to everybody else it does not exist. Who has gone may read on
for the days that a setting gives, to write things up; who said no or gave up the seat, not at all.
What is sealed is unsealed only for those who handle it and those who go, and of somebody with a
protected identity only when it is opened with a reason. Whoever passed a case on, because they know
those concerned, reads nothing of it any more, whatever else they are. That a case was read is
written down once an hour for each reader.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dispatch import audit
from dispatch.audit import Actor, AuditEntry, OwnWords
from dispatch.db import Instant, Session
from dispatch.errors import Invalid, NotFound, Refused
from dispatch.incidents import handling, timeline
from dispatch.incidents.models import Incident
from dispatch.paging import bars, telling
from dispatch.paging.models import Assignment, Callout, Release
from dispatch.people import access
from dispatch.people.access import Right, Viewer
from dispatch.texts import N_

_READ = "incident.read"
_PROOF_READ = "proof.read"
_LOGGED_ONCE_IN = timedelta(hours=1)


@dataclass(frozen=True)
class Readable:
    """An incident with what its reader may do."""

    incident: Incident
    assigned: bool
    """The reader goes for it, or has gone a short while ago."""
    may_handle: bool
    may_open: bool
    """May open what is behind a reason."""

    @property
    def protected(self) -> bool:
        """Whether somebody concerned has a protected identity."""
        return bool(self.incident.flags.get("protected_identity"))

    @property
    def shows_facts(self) -> bool:
        """Whether the sealed facts are shown without a reason."""
        return self.assigned or (self.may_handle and not self.protected)

    def facts(self, session: Session) -> dict[str, Any]:
        """Return summary, place, contact and persons as far as they are shown."""
        if not self.shows_facts:
            return {}
        return dict(timeline.unseal_json(session, self.incident, "sealed_facts"))


def reader(session: Session, viewer: Viewer, reference: str, now: datetime) -> Readable:
    """Return an incident as the viewer may see it. Raises NotFound when it is not theirs to see."""
    query = sa.select(Incident).where(Incident.reference == reference)
    incident = session.scalars(query).one_or_none()
    if incident is not None:
        home = incident.organisation_id
        goes = reads_by_going(session, viewer.person_id, incident.id, now)
        closed = _is_closed(session, incident, viewer.person_id, goes)
        if not closed and access.may_read_incident(viewer, home, goes):
            return Readable(
                incident,
                assigned=goes,
                may_handle=viewer.may(Right.INCIDENT_HANDLE, home),
                may_open=access.may_open(viewer, Right.NARRATIVE_OPEN, home, goes),
            )
    raise NotFound(N_("There is no such incident, or it is not yours to see."))


def _is_closed(session: Session, incident: Incident, person_id: int, goes: bool) -> bool:
    """Return whether somebody passed the case on, by this incident or by one linked with it.

    Whoever goes reads what they go for all the same, until a dispatcher has taken them off.
    """
    others = bars.ALONE if goes else bars.others_of(session, incident)
    return bars.is_closed(incident, person_id, others)


def provable(session: Session, viewer: Viewer, reference: str) -> Readable:
    """Return an incident whose proof of alert the viewer may read; nothing of it is unsealed.

    Raises NotFound when it is not theirs to see.
    """
    query = sa.select(Incident).where(Incident.reference == reference)
    incident = session.scalars(query).one_or_none()
    closed = incident is None or _is_closed(session, incident, viewer.person_id, goes=False)
    if incident is None or closed or not viewer.may(Right.PROOF_READ, incident.organisation_id):
        raise NotFound(N_("There is no such incident, or it is not yours to see."))
    home = incident.organisation_id
    may_open = access.may_open(viewer, Right.NARRATIVE_OPEN, home, assigned=False)
    return Readable(incident, assigned=False, may_handle=False, may_open=may_open)


def handled(session: Session, viewer: Viewer, reference: str, now: datetime) -> Incident:
    """Return an incident that the viewer handles, locked.

    Raises NotFound when it is not theirs to see, Refused when they may only read.
    """
    found = reader(session, viewer, reference, now)
    if not found.may_handle:
        raise Refused(N_("Only its dispatchers may change this incident."))
    return handling.locked(session, found.incident.id)


def open_sealed(
    session: Session, found: Readable, reason: str, actor: Actor, now: datetime
) -> tuple[str, dict[str, Any]]:
    """Return the narrative and every sealed fact, and record who opened them and why.

    Raises Refused without the right, Invalid without a reason.
    """
    if not found.may_open:
        raise Refused(N_("You may not open this."))
    narrative = handling.open_narrative(session, found.incident, reason, actor, now)
    return narrative, dict(timeline.unseal_json(session, found.incident, "sealed_facts"))


def open_words(session: Session, found: Readable, reason: str, actor: Actor, now: datetime) -> None:
    """Record who opened what was said to people and by them in a proof of alert, and why.

    Raises Refused without the right, Invalid without a reason.
    """
    if not found.may_open:
        raise Refused(N_("You may not open this."))
    if not reason.strip():
        told = N_("Say why you open this.")
        raise Invalid(told, reason=told)
    words = OwnWords(found.incident.organisation_id, {"reason": reason.strip()})
    audit.record(session, actor, "proof.open", _subject(found.incident), {}, now, words=words)


def read_lately(
    session: Session, incident: Incident, actor: Actor, now: datetime, *, proof: bool = False
) -> bool:
    """Return whether it is written down already that this reader has read it within the hour."""
    query = sa.select(AuditEntry.id).where(
        AuditEntry.subject == _subject(incident),
        AuditEntry.action == (_PROOF_READ if proof else _READ),
        AuditEntry.actor == f"{actor.kind}:{actor.id}",
        AuditEntry.at > now - _LOGGED_ONCE_IN,
    )
    return session.scalar(query.limit(1)) is not None


def note_read(
    session: Session, incident: Incident, actor: Actor, now: datetime, *, proof: bool = False
) -> None:
    """Write down that somebody has read it, or its proof of alert."""
    audit.record(session, actor, _PROOF_READ if proof else _READ, _subject(incident), {}, now)


def _subject(incident: Incident) -> str:
    return f"incident:{incident.reference}"


def reads_by_going(session: Session, person_id: int, incident_id: int, now: datetime) -> bool:
    """Return whether somebody goes for the incident, or went so lately that they may read on."""
    days = telling.settings(session).paging.case_days
    over_at = sa.func.coalesce(
        Assignment.done_at, Assignment.released_at, Callout.cancelled_at, type_=Instant()
    )
    query = (
        sa.select(Assignment.id)
        .join(Callout)
        .where(Callout.incident_id == incident_id, Assignment.person_id == person_id)
        .where(Assignment.released_why.is_distinct_from(Release.WITHDREW))
        .where(sa.or_(over_at.is_(None), over_at > now - timedelta(days=days)))
    )
    return session.scalar(query.limit(1)) is not None
