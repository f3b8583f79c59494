"""Whether an officer knows those concerned: what is shown before they say that they go.

Whoever is paged sees, signed in, where it is and who is concerned, and nothing else: enough to say
"I know them, pass on". No reason is asked; it counts as a no at once, and the case is closed to
them from then on. Of somebody with a protected identity no more than the municipality is shown.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.incidents import timeline
from dispatch.incidents.models import IncidentStatus
from dispatch.paging import apart, bars, seats
from dispatch.paging.models import Page

#: How the timeline says by which way it was answered: only that it was passed on.
_PASSED_ON = "passed_on"


def may_see(session: Session, page: Page) -> bool:
    """Return whether a page waits for its officer's answer, and the case is open to them."""
    callout, incident = page.callout, page.callout.incident
    if page.ended_at is not None or page.person_id is None or callout.cancelled_at is not None:
        return False
    if incident.status is not IncidentStatus.OPEN:
        return False
    return not bars.is_closed(incident, page.person_id, bars.others_of(session, incident))


def facts(session: Session, page: Page) -> Mapping[str, Any]:
    """Return place, contact and persons, as far as an officer needs them to know whether they know.

    The caller has made sure that it is the page's own officer, and that they `may_see`.
    """
    incident = page.callout.incident
    if incident.flags.get("protected_identity"):
        return {}
    held = timeline.unseal_json(session, incident, "sealed_facts")
    found: dict[str, Any] = {"persons": held.get("persons", [])}
    for part, field in (("place", "address"), ("contact", "name")):
        if held.get(part, {}).get(field):
            found[part] = {field: held[part][field]}
    return found


def pass_on(session: Session, page: Page, actor: Actor, now: datetime) -> None:
    """Take an officer off a case whose people they know; the caller has locked the incident.

    In no incident linked with it they are called any more; from where they go already, a dispatcher
    takes them.
    """
    if page.person is None:
        return
    bars.pass_on(session, page.callout.incident, page.person, actor, now)
    seats.decline(session, page, actor, _PASSED_ON, now)
    apart.settle(session, page.callout.incident, now)
