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
from sqlalchemy.orm import joinedload, selectinload

from dispatch.db import Session
from dispatch.incidents import alarms, catalogue, timeline
from dispatch.incidents.models import Alarm, Incident, IncidentStatus, TimelineEntry, Want
from dispatch.intake import deliveries
from dispatch.intake.models import Delivery
from dispatch.paging import callouts, pages, plans, policy, story, wording
from dispatch.paging.models import Callout, Target
from dispatch.people import phones, qualifications
from dispatch.people.access import Right
from dispatch.people.models import Team
from dispatch.rota import absences, duty
from dispatch.texts import N_
from dispatch.vigil import wrongs
from dispatch.vigil.models import Wrong
from dispatch.web import events, session

TARGETS = {
    Target.PRIMARY: N_("primary"),
    Target.BACKUP: N_("backup"),
    Target.EVERYONE: N_("everybody trained"),
    Target.PERSON: N_("a person named by the policy"),
    Target.TEAM: N_("another team"),
    Target.NOBODY_LIST: N_("the nobody-on-duty list"),
    Target.CONTROL_ROOM: N_("the control room"),
}
_INSTANT = timedelta(microseconds=1)


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
    needed = needs(opened, incidents)
    ahead = Ahead(opened, now)
    told = events.on_board(opened, incidents, now)
    found: dict[str, list[dict[str, Any]]] = {
        "disasters": events.disasters(told, incidents),
        "needs_you": [
            *(_delivery(one) for one in deliveries.unseen(opened, visible)),
            *(_wrong(one) for one in wrongs.standing(opened, visible)),
        ],
        "paging": [],
        "under_way": [],
        "closed": [],
    }
    for incident in incidents:
        if told.hides(incident):
            continue
        card = _card(incident, held[incident.id], ahead)
        card["event"] = told.of(incident)
        card["last"] = _line(incident, last.get(incident.id))
        card["needs"] = needed[incident.id]
        card["seen"] = all(one["seen"] for one in card["needs"])
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
                Incident.alarms.any(Alarm.ended_at.is_(None)),
            )
        )
        .options(joinedload(Incident.category), joinedload(Incident.organisation))
        .options(selectinload(Incident.alarms))
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


def needs(opened: Session, incidents: Sequence[Incident]) -> dict[int, list[dict[str, Any]]]:
    """Return what a person must act on of each incident, in words; the oldest first."""
    standing = {incident.id: alarms.standing(incident) for incident in incidents}
    words, numbers = _words(opened, incidents), _numbers(opened, incidents)
    return {
        incident.id: [
            {
                "id": alarm.id,
                "text": wording.alarm(
                    {"kind": alarm.kind, **alarm.facts},
                    language(),
                    incident.organisation.time_zone,
                ),
                "seen": alarm.acknowledged_at is not None,
                "words": words.get(alarm.facts.get("words", "")),
                "phone": numbers.get(alarm.id),
            }
            for alarm in standing[incident.id]
        ]
        for incident in incidents
    }


def _words(opened: Session, incidents: Sequence[Incident]) -> dict[str, str]:
    """Return what officers wrote in own words, where that is what a dispatcher must act on."""
    home = {
        alarm.facts["words"]: incident
        for incident in incidents
        for alarm in alarms.standing(incident)
        if "words" in alarm.facts
    }
    if not home:
        return {}
    found = opened.scalars(sa.select(TimelineEntry).where(TimelineEntry.uid.in_(home)))
    return {entry.uid: timeline.words_of(opened, home[entry.uid], entry) for entry in found}


def _numbers(opened: Session, incidents: Sequence[Incident]) -> dict[int, str | None]:
    """Return whom to ring, for those who may: the number of whoever an alarm is about."""
    mine = session.viewer().organisations(Right.INCIDENT_HANDLE)
    about = {
        alarm.id: alarm.facts["person_id"]
        for incident in incidents
        for alarm in alarms.standing(incident)
        if "person_id" in alarm.facts and incident.organisation_id in mine
    }
    numbers = numbers_of(opened, set(about.values())) if about else {}
    return {alarm_id: numbers.get(person_id) for alarm_id, person_id in about.items()}


def numbers_of(opened: Session, person_ids: Collection[int]) -> dict[int | None, str]:
    """Return the number to ring of each who has one."""
    found: dict[int | None, str] = {}
    for person_id, methods in phones.reachable(opened, person_ids).items():
        for method in methods:
            if method.kind.is_telephone and person_id not in found:
                address = phones.open_address(opened, method)
                if address is not None:
                    found[person_id] = phones.spaced(address)
    return found


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
    paging = any(one["status"] in _SOUGHT for one in card["callouts"])
    return "paging" if paging else "under_way"


#: Somebody is called, or will be.
_SOUGHT = ("paging", "unanswered", "scheduled")


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
        "appointment_at": incident.appointment_at,
        "closed_at": incident.closed_at,
    }


def _card(incident: Incident, held: Sequence[Callout], ahead: "Ahead") -> dict[str, Any]:
    return heading(incident) | {
        "place": {"municipality": incident.municipality, "postcode": incident.postcode},
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
        else wording.alarm({"kind": "unreadable"}, language()),
    }


def _wrong(one: Wrong) -> dict[str, Any]:
    """Return a card about the centre itself."""
    return {
        "wrong": one.uid,
        "reference": "",
        "priority": 1,
        "opened_at": one.since,
        "seen": one.seen_at is not None,
        "seen_by": one.seen_by,
        "needs": wrongs.said(one, language()),
    }


@dataclass
class Ahead:
    """What comes next in callouts; who is on duty is asked once for each team."""

    opened: Session
    now: datetime
    _present: dict[int, list[duty.Turn]] = field(default_factory=dict)
    _holding: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    """Who of a team holds a qualification."""

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
            "begins_at": callout.began_at if status == "scheduled" else None,
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
        word = str(gettext(TARGETS[target]))
        turns = [one for one in self._on_duty(callout.want.team) if one.line_key == target]
        trained = self._trained(callout.want)
        names = [one.person_name for one in turns if trained is None or one.person_id in trained]
        if names or not turns:
            return f"{', '.join(names)} ({word})" if names else word
        passed_over = ", ".join(one.person_name for one in turns)
        return str(gettext("%(name)s is passed over", name=passed_over))

    def _trained(self, want: Want) -> set[int] | None:
        """Return who of the team may be sent for what is wanted; None: everybody."""
        if want.qualification_id is None:
            return None
        found: set[int] = set()
        for key in filter(None, (want.qualification_id, want.substitute_id)):
            if (want.team_id, key) not in self._holding:
                day = self.now.astimezone(ZoneInfo(want.team.time_zone)).date()
                held = qualifications.holders(self.opened, want.team, key, day)
                self._holding[want.team_id, key] = set(held)
            found |= self._holding[want.team_id, key]
        return found

    def _on_duty(self, team: Team) -> list[duty.Turn]:
        """Return who is on duty and there: whoever is away is not paged."""
        if team.id not in self._present:
            turns = duty.on_duty(self.opened, team, self.now).turns
            ids = [turn.person_id for turn in turns]
            found = absences.standing(self.opened, ids, self.now, self.now + _INSTANT)
            away = {absence.person_id for absence in found}
            self._present[team.id] = [turn for turn in turns if turn.person_id not in away]
        return self._present[team.id]
