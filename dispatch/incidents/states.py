"""What may follow what: the states of incidents, assignments, pages and messages, as tables (pure).

A transition that is not in its table does not happen, whoever asks and however often; asking for
the present state again is allowed and changes nothing.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from dispatch.incidents.models import IncidentStatus

S = TypeVar("S", bound=StrEnum)

INCIDENT: Mapping[IncidentStatus, frozenset[IncidentStatus]] = {
    IncidentStatus.OPEN: frozenset({IncidentStatus.CLOSED, IncidentStatus.CANCELLED}),
    # A late update or a new want may open it again.
    IncidentStatus.CLOSED: frozenset({IncidentStatus.OPEN}),
    IncidentStatus.CANCELLED: frozenset({IncidentStatus.OPEN, IncidentStatus.CLOSED}),
}


def may_follow(table: Mapping[S, frozenset[S]], now: S, then: S) -> bool:
    """Return whether `then` may follow `now`."""
    return then in table[now]
