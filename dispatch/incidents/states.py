"""What may follow what in the life of an incident, as a table (pure).

A transition that is not in the table does not happen, whoever asks and however often. What is over
stays over: what an update or a new want brings after that is for a person to judge.
"""

from collections.abc import Mapping

from dispatch.incidents.models import IncidentStatus

INCIDENT: Mapping[IncidentStatus, frozenset[IncidentStatus]] = {
    IncidentStatus.OPEN: frozenset({IncidentStatus.CLOSED, IncidentStatus.CANCELLED}),
    IncidentStatus.CANCELLED: frozenset({IncidentStatus.CLOSED}),
    IncidentStatus.CLOSED: frozenset(),
}


def may_follow(now: IncidentStatus, then: IncidentStatus) -> bool:
    """Return whether `then` may follow `now`."""
    return then in INCIDENT[now]
