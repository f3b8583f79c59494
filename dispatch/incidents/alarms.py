"""What a person must act on: each fact sounds on the console until a dispatcher has seen it.

An alarm stands from when it is raised until it is over; each stands for itself, with words of its
own, so that seeing one silences no other. What lasts (nobody goes) stands until it is answered;
what only needs to be read is over once somebody has seen it. A fact that stands is not raised
again, one that comes back is news and sounds anew. Whoever calls this holds the incident locked.
What is raised when is left to those who find it out, its wording to `paging.sentences`.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from dispatch import audit, upkeep
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.incidents import timeline
from dispatch.incidents.models import Alarm, Incident, Want

#: Nobody is being tried: over as soon as somebody is.
NOBODY_LEFT = frozenset({"nobody_at_all", "everybody_declined", "still_nobody"})
#: Somebody may still be on the way to what is cancelled: over when they know, and not before.
TURNING_BACK = frozenset({"cancel_unconfirmed", "cancel_unheard"})
#: Over when everything is well again, not when somebody has seen it.
LASTING = NOBODY_LEFT | TURNING_BACK
LASTING |= {"unanswered", "nobody_wanted", "stuck", "phone_unreadable", "facts_unread"}
LASTING |= {"welfare", "not_well"}
#: Somebody goes who should not: over when they do not, or a dispatcher has seen it.
MUST_NOT_GO = frozenset({"goes_to_both", "goes_though_closed"})
#: Somebody is tried for want of anybody better: over when there is nobody at all.
LAST_TRIED = frozenset(
    {"nobody_on_duty", "nobody_qualified", "nobody_as_wished", "untrained_on_duty"}
)
#: Of one run of paging: over when the paging begins anew.
OF_A_RUN = NOBODY_LEFT | LAST_TRIED | {"unanswered", "only_away"}
#: Over once everybody wanted is going; the others wait for a dispatcher.
UNTIL_FILLED = OF_A_RUN | {"withdrew", "unclear_reply", "strange_number", "phone_unreadable"}
#: Raised for the incident that a report joins, as far as they come true there.
_RAISED_ANEW = OF_A_RUN | TURNING_BACK | {"withdrew", "stuck", "nobody_wanted", "phone_unreadable"}
_RAISED_ANEW |= {"facts_unread", "relief_due", "own_cancelled"}


def raise_alarm(
    session: Session,
    incident: Incident,
    kind: str,
    now: datetime,
    want: Want | None = None,
    **facts: Any,
) -> bool:
    """Make the console sound for a fact; False when it stands already. `facts` are plain."""
    if want is not None:
        facts["team"] = want.team.name
    fact = (kind, want, facts)
    if any((one.kind, one.want, one.facts) == fact for one in standing(incident)):
        return False
    incident.alarms.append(Alarm(kind=kind, want=want, facts=facts, raised_at=now))
    upkeep.bump(session, incident.organisation_id, "board")
    return True


def standing(incident: Incident) -> list[Alarm]:
    """Return what a person must act on, the oldest first."""
    return [alarm for alarm in incident.alarms if alarm.ended_at is None]


def news(report: Incident) -> list[Alarm]:
    """Return what of a report somebody must still act on for the incident that it joins."""
    return [
        one
        for one in standing(report)
        if one.kind not in _RAISED_ANEW and (one.acknowledged_at is None or one.kind in LASTING)
    ]


def sounding(incident: Incident) -> list[Alarm]:
    """Return what nobody has seen yet."""
    return [alarm for alarm in standing(incident) if alarm.acknowledged_at is None]


def acknowledge(
    session: Session, incident: Incident, alarm: Alarm, actor: Actor, now: datetime
) -> None:
    """Stop the sound of one alarm: a dispatcher has seen it."""
    if alarm.acknowledged_at is not None or alarm.ended_at is not None:
        return
    alarm.acknowledged_at, alarm.acknowledged_by = now, actor.name
    if alarm.kind not in LASTING:
        alarm.ended_at = now
    fact = {"kind": alarm.kind, **alarm.facts}
    timeline.add(session, incident, "acknowledged", actor, now, by=actor.name, alarm=fact)
    what = {"alarm": alarm.kind}
    audit.record(
        session, actor, "incident.acknowledge", f"incident:{incident.reference}", what, now
    )
    upkeep.bump(session, incident.organisation_id, "board")


def end(
    incident: Incident,
    kinds: Collection[str],
    now: datetime,
    want: Want | None = None,
    **facts: Any,
) -> bool:
    """End alarms of these kinds, of one want or of the incident as a whole: they are answered.

    With `facts`, only those that say so. Returns whether there was one.
    """
    ending = [
        alarm
        for alarm in standing(incident)
        if alarm.kind in kinds and alarm.want is want and facts.items() <= alarm.facts.items()
    ]
    for alarm in ending:
        alarm.ended_at = now
    return bool(ending)


def end_all(incident: Incident, now: datetime, want: Want | None = None) -> None:
    """End what stands, of one want or all, for it is over; but not that somebody must turn back."""
    for alarm in standing(incident):
        if alarm.kind not in TURNING_BACK and (want is None or alarm.want is want):
            alarm.ended_at = now
