"""What the board shows: incidents in lanes by urgency, each as a card.

Everything is read in a number of queries that does not grow with the incidents. What needs a person
comes first and says in a sentence what to do. Who may see the board is decided by `dispatcher`, how
one incident is shown in full by `case`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import get_locale, gettext
from sqlalchemy.orm import joinedload

from dispatch.db import Session
from dispatch.incidents import catalogue, timeline
from dispatch.incidents.models import Incident, IncidentStatus, TimelineEntry
from dispatch.intake import deliveries
from dispatch.intake.models import Delivery
from dispatch.paging import callouts, pages, plans, policy, story, wording
from dispatch.paging.models import Callout, Target
from dispatch.people.access import Right
from dispatch.people.models import Team
from dispatch.rota import duty
from dispatch.texts import N_
from dispatch.web import session

#: What a person must do, by the word of the alarm.
NEEDS = {
    "unanswered": N_("Nobody has accepted: ring somebody, or page someone else."),
    "nobody_wanted": N_("Nobody is asked to go: choose a team."),
    "nobody_on_duty": N_("Nobody is on duty: its nobody-on-duty list is being paged."),
    "nobody_qualified": N_("Nobody trained for this can be reached: the best there is is paged."),
    "nobody_at_all": N_("Nobody can be reached: ring somebody yourself."),
    "withdrew": N_("Somebody who was going cannot: others are paged again."),
    "unclear_reply": N_("An answer in own words: read it and ring back."),
    "strange_number": N_("The right code came from an unknown number: ring the officer."),
    "correction": N_("The report changed: whoever goes is not trained for it. Keep, or add one?"),
    "no_match": N_("Place or kind was not understood: look whether the right team is paged."),
    "cancelled_before": N_("The cancellation came before the alert: nobody is paged. Is it right?"),
    "updated_after_end": N_(
        "An update came after the end: look whether somebody must go after all."
    ),
    "stuck": N_("Paging stopped by a fault of this system: ring somebody yourself."),
    "unreadable": N_("An alert that could not be read: open the delivery, or ring its sender."),
}

_TARGETS = {
    Target.PRIMARY: N_("primary"),
    Target.BACKUP: N_("backup"),
    Target.EVERYONE: N_("everybody trained"),
    Target.PERSON: N_("a person named by the policy"),
    Target.TEAM: N_("another team"),
    Target.NOBODY_LIST: N_("the nobody-on-duty list"),
    Target.CONTROL_ROOM: N_("the control room"),
}


def language() -> str:
    """Return the language of this request."""
    locale = get_locale()
    return locale.language if locale else "en"


def lanes(opened: Session, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Return the cards of each lane, the most urgent first."""
    visible = session.viewer().organisations(Right.BOARD_READ)
    incidents = _incidents(opened, visible, now)
    ids = [incident.id for incident in incidents]
    held, last = story.callouts_of(opened, ids), _last(opened, ids)
    words = _words(opened, incidents)
    ahead = Ahead(opened, now)
    found: dict[str, list[dict[str, Any]]] = {
        "needs_you": [_delivery(one) for one in deliveries.unseen(opened, visible)],
        "paging": [],
        "under_way": [],
        "closed": [],
    }
    for incident in incidents:
        card = _card(incident, held[incident.id], ahead)
        card["last"] = _line(incident, last.get(incident.id))
        card["words"] = words.get(incident.id) if card["needs"] else None
        found[_lane(card)].append(card)
    found["needs_you"].sort(key=lambda card: (card["seen"], card["priority"], card["opened_at"]))
    found["paging"].sort(key=lambda card: (card["priority"], card["opened_at"]))
    found["under_way"].sort(key=lambda card: card["opened_at"], reverse=True)
    found["closed"].sort(key=lambda card: card["closed_at"], reverse=True)
    return found


def _incidents(
    opened: Session, organisation_ids: Collection[int], now: datetime
) -> Sequence[Incident]:
    zone = ZoneInfo(session.viewer().time_zone)
    midnight = datetime.combine(now.astimezone(zone).date(), time.min, zone)
    query = (
        sa.select(Incident)
        .where(Incident.organisation_id.in_(organisation_ids))
        .where(
            sa.or_(
                Incident.status == IncidentStatus.OPEN,
                Incident.closed_at >= midnight,
                (Incident.alarm != "") & Incident.acknowledged_at.is_(None),
            )
        )
        .options(joinedload(Incident.category), joinedload(Incident.organisation))
    )
    return opened.scalars(query).all()


def _last(opened: Session, incident_ids: Sequence[int]) -> Mapping[int, TimelineEntry]:
    newest = (
        sa.select(sa.func.max(TimelineEntry.id))
        .where(TimelineEntry.incident_id.in_(incident_ids))
        .group_by(TimelineEntry.incident_id)
    )
    found = opened.scalars(sa.select(TimelineEntry).where(TimelineEntry.id.in_(newest)))
    return {entry.incident_id: entry for entry in found}


def _words(opened: Session, incidents: Sequence[Incident]) -> dict[int, dict[str, Any]]:
    """Return the newest answer in own words, where that is what a dispatcher must act on."""
    alarmed = {one.id: one for one in incidents if one.alarm == "unclear_reply"}
    query = sa.select(TimelineEntry).where(
        TimelineEntry.incident_id.in_(alarmed),
        TimelineEntry.kind.in_(("unclear_reply", "wrong_code")),
    )
    return {
        entry.incident_id: {
            "person": entry.facts.get("person", ""),
            "text": timeline.words_of(opened, alarmed[entry.incident_id], entry),
        }
        for entry in opened.scalars(query.order_by(TimelineEntry.id))
    }


def _line(incident: Incident, entry: TimelineEntry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    zone = incident.organisation.time_zone
    return {"at": entry.at, "text": wording.sentence(entry.kind, entry.facts, language(), zone)}


def _lane(card: Mapping[str, Any]) -> str:
    if card["needs"]:
        return "needs_you"
    if card["status"] != IncidentStatus.OPEN:
        return "closed"
    paging = any(callout["status"] == "paging" for callout in card["callouts"])
    return "paging" if paging else "under_way"


def heading(incident: Incident) -> dict[str, Any]:
    """Return what a card and a screen say of an incident first; nothing of it is sealed."""
    return {
        "reference": incident.reference,
        "category": catalogue.name(incident.category, language()) or gettext("unclassified"),
        "priority": incident.priority,
        "response_mode": str(incident.response_mode),
        "status": str(incident.status),
        "drill": incident.drill,
        "protected": bool(incident.flags.get("protected_identity")),
        "opened_at": incident.received_at,
        "closed_at": incident.closed_at,
    }


def _card(incident: Incident, held: Sequence[Callout], ahead: "Ahead") -> dict[str, Any]:
    word = story.alarm(incident, held)
    return heading(incident) | {
        "place": {"municipality": incident.municipality, "postcode": incident.postcode},
        "needs": gettext(NEEDS[word]) if word else None,
        "seen": incident.acknowledged_at is not None,
        "outcome": _outcome(incident, held),
        "callouts": [ahead.summary(callout) for callout in held],
    }


def _outcome(incident: Incident, held: Sequence[Callout]) -> str | None:
    if incident.status is IncidentStatus.OPEN:
        return None
    went = [going.person.name for one in held for going in callouts.active_assignments(one)]
    if incident.status is IncidentStatus.CANCELLED:
        return str(gettext("cancelled"))
    if not went:
        return str(gettext("closed, nobody went"))
    return str(gettext("%(names)s went", names=", ".join(dict.fromkeys(went))))


def _delivery(delivery: Delivery) -> dict[str, Any]:
    clash = delivery.due_at is None
    return {
        "delivery": delivery.uid,
        "reference": delivery.reference,
        "source": delivery.source.name,
        "priority": 1,
        "opened_at": delivery.received_at,
        "seen": False,
        "needs": gettext("The id of an alert came again with other content: ring its sender.")
        if clash
        else gettext(NEEDS["unreadable"]),
    }


@dataclass
class Ahead:
    """What comes next in callouts; who is on duty is asked once for each team."""

    opened: Session
    now: datetime
    _present: dict[int, duty.Duty] = field(default_factory=dict)

    def summary(self, callout: Callout) -> dict[str, Any]:
        """Return how far a callout is, who is tried, who goes and what comes next."""
        status, going = callouts.status(callout), callouts.active_assignments(callout)
        summary = {
            "id": callout.id,
            "team": callout.want.team.name,
            "status": status,
            "wanted": callout.want.people,
            "filled": len(going),
            "trying": [
                {"name": story.name_of(page, language()), "status": str(page.status)}
                for page in pages.still_open(callout)
            ],
            "going": [
                {"name": one.person.name, "status": str(one.status), "eta_at": one.expected_at}
                for one in going
            ],
            "step": callout.step,
            "steps": len(callout.policy.steps),
            "due_at": None,
            "step_seconds": None,
            "next": None,
        }
        if status in ("paging", "unanswered"):
            summary |= self._next(callout)
        return summary

    def _next(self, callout: Callout) -> dict[str, Any]:
        plan = plans.plan_of(self.opened, callout.policy_id, self.now)
        due_at = policy.next_step_at(plan, callout.step, callout.repeat, callout.began_at)
        before = callout.began_at
        if callout.step >= len(plan.steps):
            before = due_at - timedelta(seconds=plan.repeat_seconds)
        elif callout.step > 0:
            before += timedelta(seconds=plan.steps[callout.step - 1].after_seconds)
        return {
            "due_at": due_at,
            "step_seconds": max(1, round((due_at - before).total_seconds())),
            "next": self._whom(callout),
        }

    def _whom(self, callout: Callout) -> str:
        if callout.step >= len(callout.policy.steps):
            return str(gettext("everybody again"))
        target = callout.policy.steps[callout.step].target
        word = str(gettext(_TARGETS[target]))
        names = [
            turn.person_name
            for turn in self._on_duty(callout.want.team).turns
            if turn.line_key == target
        ]
        return f"{', '.join(names)} ({word})" if names else word

    def _on_duty(self, team: Team) -> duty.Duty:
        if team.id not in self._present:
            self._present[team.id] = duty.on_duty(self.opened, team, self.now)
        return self._present[team.id]
