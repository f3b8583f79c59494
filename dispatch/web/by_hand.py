"""Whom a dispatcher rings by hand while nothing of ours leaves, as the board shows it.

Only those who handle an organisation's incidents see its numbers, and it is recorded that they do
before they are shown. Who comes in which order is for `vigil.ringing`.
"""

from typing import Any

from dispatch.db import Session
from dispatch.paging import wording
from dispatch.people.access import Right
from dispatch.vigil import ringing
from dispatch.web import board, session


def note() -> None:
    """Record that the viewer will see numbers, if they will and it is not recorded yet."""
    with session.reading() as opened:
        if not ringing.is_down(opened):
            return
        seeking = ringing.seeking(opened, _mine())
        new = [one.id for one in seeking if not ringing.is_noted(opened, one, session.actor())]
    if not new:
        return

    def write(opened: Session) -> None:
        for callout in ringing.seeking(opened, _mine()):
            if callout.id in new:
                ringing.note(opened, callout, session.actor(), session.now())

    session.record_numbers_read(write)


def _mine() -> frozenset[int]:
    return session.viewer().organisations(Right.INCIDENT_HANDLE)


def to_ring(opened: Session) -> list[dict[str, Any]] | None:
    """Return whom to ring for each call-out that seeks somebody; None while texts leave."""
    if not ringing.is_down(opened):
        return None
    return [
        {
            **board.heading(callout.incident),
            "team": callout.want.team.name,
            "people": [
                {
                    "name": one.name,
                    "phone": one.number,
                    "reason": wording.reason(
                        one.reason, board.language(), callout.incident.organisation.time_zone
                    ),
                }
                for one in ringing.to_ring(opened, callout, session.now())
            ],
        }
        for callout in ringing.seeking(opened, _mine())
    ]
