"""Call-outs that wait: for the time before an appointment, or for the end of the quiet hours.

Such a call-out is open and due from the beginning, so that nothing but its instant is waited for
and no restart loses it; until then nobody is paged. Whoever decides that it cannot wait ends the
waiting for the whole incident. When paging begins is for `incidents.beginning` to say.
"""

from collections.abc import Sequence
from datetime import datetime

from dispatch import audit
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict
from dispatch.incidents import timeline
from dispatch.incidents.models import Incident
from dispatch.paging import silence
from dispatch.paging.models import Callout
from dispatch.texts import N_


def start(incident: Incident, now: datetime) -> datetime:
    """Return when paging for an incident begins: now, where it does not wait."""
    return now if incident.begins_at is None else max(now, incident.begins_at)


def put_off(callout: Callout) -> None:
    """Let a call-out wait as its incident does; who goes already is asked after meanwhile."""
    begins_at = callout.incident.begins_at
    if begins_at is not None:
        callout.began_at = begins_at
        callout.due_at = min(begins_at, silence.next_at(callout) or begins_at)


def waits(callout: Callout) -> bool:
    """Return whether nobody has been paged yet, because it can wait."""
    if callout.step or callout.filled_at is not None or callout.cancelled_at is not None:
        return False
    return callout.began_at == callout.incident.begins_at


def no_longer(
    session: Session, incident: Incident, held: Sequence[Callout], actor: Actor, now: datetime
) -> bool:
    """Let paging begin now; return whether anything waited. The caller lets paging catch up."""
    waiting = [callout for callout in held if waits(callout)]
    incident.begins_at = None
    for callout in waiting:
        callout.began_at = callout.due_at = now
    if waiting:
        timeline.add(session, incident, "begins_now", actor, now, by=actor.name)
        subject = f"incident:{incident.reference}"
        audit.record(session, actor, "incident.begin_now", subject, {}, now)
    return bool(waiting)


def insist(
    session: Session, incident: Incident, held: Sequence[Callout], actor: Actor, now: datetime
) -> None:
    """Let paging begin now, as a dispatcher asks. Raises Conflict when it has begun."""
    if not no_longer(session, incident, held, actor, now):
        raise Conflict(N_("People are being called already."))
