"""What a dispatcher sees and does of an incident that is more than one report, or needs leading.

Reports merged and taken apart, cases linked, alerts that join by themselves, who leads, where all
meet and when they arrived, relief, the facts to give by telephone and what to ask before somebody
drives. Each action is a verb of the core, called on an incident that `dispatcher` has locked; who
may read what of the others is asked of `confidentiality`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext
from sqlalchemy.orm import joinedload
from werkzeug.datastructures import MultiDict

from dispatch.db import Session
from dispatch.errors import Invalid, NotFound
from dispatch.incidents import briefing, catalogue, handling, links, merging
from dispatch.incidents.case_models import Gathering
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.paging import apart, attending, callouts, confidentiality, joining, leading
from dispatch.paging.confidentiality import Readable
from dispatch.paging.models import UNFINISHED, Assignment, Callout
from dispatch.people import phones
from dispatch.people.access import Right
from dispatch.texts import N_
from dispatch.web import board, events, session
from dispatch.web.forms import REQUIRED, Form

#: Minutes to choose from for alerts that join by themselves.
JOINING = (30, 60, 120, 240)
MOST_PEOPLE = 40
_MOST_HOURS = 48
_MOST_OTHERS = 60
_OTHERS_SINCE = timedelta(days=30)


def shown(
    opened: Session,
    found: Readable,
    held: Sequence[Callout],
    facts: Mapping[str, Any] | None,
    now: datetime,
) -> dict[str, Any]:
    """Return what the screen of an incident shows of this; `facts` None: they are not shown."""
    incident = found.incident
    if not found.may_handle:
        return {"may": False, "links": _linked(opened, incident), "joined": _joined(opened, found)}
    gathered = opened.get(Gathering, incident.id)
    others = _others(opened, incident)
    return {
        "may": True,
        "open": incident.status is IncidentStatus.OPEN,
        "joined": _joined(opened, found),
        "reports": list(_reports(opened, incident)),
        "links": _linked(opened, incident),
        "others": [_named(one) for one in others],
        "going": list(_going(opened, incident, held)),
        "quotas": [
            {"id": one.id, "team": one.want.team.name, "people": one.want.people}
            for one in held
            if one.cancelled_at is None
        ],
        "lead": gathered.lead_id if gathered is not None else None,
        "relief_hours": gathered.relief_hours if gathered is not None else 0,
        "joins_until": events.joining_until(opened, [incident.id], now).get(incident.id),
        "joining": JOINING,
        "owed": _owed(opened, incident),
        "asked": _asked(opened, incident, facts),
        "tell": list(_to_tell(opened, incident, facts)),
        **_alike(opened, incident, others),
    }


def _joined(opened: Session, found: Readable) -> str | None:
    """Return with what a report is joined."""
    if found.incident.status is IncidentStatus.OPEN:
        return None
    merge = merging.standing(opened, found.incident)
    return merge.into.reference if merge is not None else None


def _reports(opened: Session, incident: Incident) -> Iterator[dict[str, Any]]:
    for merge in merging.reports_of(opened, incident):
        yield _named(merge.report) | {
            "by_itself": not merge.merged_by,
            "cancelled": merge.cancelled_at is not None,
        }


def _named(incident: Incident) -> dict[str, Any]:
    return {
        "reference": incident.reference,
        "category": catalogue.name(incident.category, board.language()) or gettext("unclassified"),
        "at": incident.received_at,
        "place": incident.municipality or incident.postcode,
        "status": str(incident.status),
    }


def _linked(opened: Session, incident: Incident) -> list[dict[str, Any]]:
    """Return the incidents of the same case that the viewer may read, the direct ones first."""
    ids = links.linked_to(opened, incident.id)
    if not ids:
        return []
    direct = {one.id for one in links.neighbours(opened, incident)}
    mine = session.viewer().organisations(Right.INCIDENT_READ)
    query = (
        sa.select(Incident)
        .where(Incident.id.in_(ids), Incident.organisation_id.in_(mine))
        .options(joinedload(Incident.category))
    )
    rows = sorted(opened.scalars(query), key=lambda one: (one.id not in direct, one.id))
    return [_named(one) | {"direct": one.id in direct} for one in rows]


def _others(opened: Session, incident: Incident) -> list[Incident]:
    """Return what is offered to be merged or linked with it, the newest first."""
    query = _may_be_joined(incident).options(joinedload(Incident.category))
    return list(opened.scalars(query.order_by(Incident.id.desc()).limit(_MOST_OTHERS)))


def _may_be_joined(incident: Incident) -> sa.Select[Incident]:
    """Return what may be merged or linked with it: incidents that the viewer handles."""
    mine = session.viewer().organisations(Right.INCIDENT_HANDLE)
    return (
        sa.select(Incident)
        .where(Incident.organisation_id.in_(mine), Incident.id != incident.id)
        .where(Incident.drill == incident.drill, ~merging.HAS_JOINED)
        .where(
            sa.or_(
                Incident.status == IncidentStatus.OPEN,
                Incident.received_at > session.now() - _OTHERS_SINCE,
            )
        )
    )


def _alike(
    opened: Session, incident: Incident, others: Sequence[Incident]
) -> dict[str, Sequence[dict[str, Any]]]:
    """Return what looks like the same event: earlier ones to join, later ones that may join."""
    by_id = {one.id: one for one in (incident, *others)}
    found: dict[str, list[dict[str, Any]]] = {"alike": [], "earlier": []}
    for group in merging.proposed(opened, by_id.values()):
        if group.first == incident.id:
            found["alike"] += [
                _named(by_id[key]) | {"why": events.why(like)} for key, like in group.others.items()
            ]
        elif incident.id in group.others:
            like = group.others[incident.id]
            found["earlier"].append(_named(by_id[group.first]) | {"why": events.why(like)})
    return dict(found)


def _going(
    opened: Session, incident: Incident, held: Sequence[Callout]
) -> Iterator[dict[str, Any]]:
    """Yield everybody who goes or went: when they were expected and when they came."""
    reliefs = attending.reliefs(opened, incident)
    for callout in held:
        for one in callouts.active_assignments(callout):
            relief = reliefs.get(one.id)
            called = relief is not None and relief.called_at is not None
            yield {
                "id": one.id,
                "name": one.person.name,
                "person": one.person_id,
                "team": callout.want.team.name,
                "status": str(one.status),
                "accepted_at": one.accepted_at,
                "expected_at": one.expected_at,
                "on_scene_at": one.on_scene_at,
                "done_at": one.done_at,
                "works": one.status in UNFINISHED and callout.cancelled_at is None,
                "relief": called,
                "relieved_by": attending.successors(relief) if relief and called else [],
            }


def _owed(opened: Session, incident: Incident) -> list[dict[str, Any]]:
    """Return who must be rung and told the facts."""
    owed = attending.without_facts(opened, incident)
    numbers = board.numbers_of(opened, [one.person_id for one in owed]) if owed else {}
    return [
        {"id": one.id, "name": one.person.name, "phone": numbers.get(one.person_id)} for one in owed
    ]


def _asked(
    opened: Session, incident: Incident, facts: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    return [
        {
            "key": one.key,
            "words": _question(one),
            "value": one.words or (_told(one.told) if one.answered_at is None else ""),
            "told": one.told is not None and one.answered_at is None,
            "at": one.answered_at,
            "by": one.answered_by,
            "open": one.is_open,
        }
        for one in briefing.asked(opened, incident, facts)
    ]


def _question(one: briefing.Asked) -> str:
    return briefing.words(one.names, board.language())


def _told(told: str | bool | None) -> str:
    if isinstance(told, bool):
        return str(gettext("yes") if told else gettext("no"))
    return phones.spaced(told) if told and told.startswith("+") else told or ""


def for_officer(
    opened: Session, incident: Incident, facts: Mapping[str, Any]
) -> list[dict[str, str]]:
    """Return what whoever goes reads beside the facts of the report: who leads, what was asked."""
    return list(_to_tell(opened, incident, facts))


def _to_tell(
    opened: Session, incident: Incident, facts: Mapping[str, Any] | None
) -> Iterator[dict[str, str]]:
    gathered = opened.get(Gathering, incident.id)
    if gathered is not None and gathered.lead is not None:
        yield {"label": str(gettext("Leads")), "value": gathered.lead.name}
    for one in briefing.asked(opened, incident, facts):
        # Where it says no more than the report, the report's own line stands for it.
        if one.words:
            yield {"label": _question(one), "value": one.words}


# --- actions ---


def lock(opened: Session, reference: str, fields: MultiDict[str, str]) -> None:
    """Lock an incident together with those that a form names beside it.

    In one order everywhere, as two dispatchers may join two incidents both ways at once: what has
    joined another before that other, as an answer locks them, and else by their ids.
    """
    beside = [*fields.getlist("report"), *fields.getlist("other")][:_MOST_OTHERS]
    if not beside:
        return
    mine = session.viewer().organisations(Right.INCIDENT_HANDLE)
    named = sa.select(Incident.id).where(
        Incident.reference.in_([reference, *beside]), Incident.organisation_id.in_(mine)
    )
    for incident_id in opened.scalars(named.order_by(~merging.HAS_JOINED, Incident.id)).all():
        handling.locked(opened, incident_id)


def _named_in(opened: Session, held: Incident, form: Form, name: str) -> list[Incident]:
    """Return those incidents that a form names and that may be joined with this, in order."""
    query = _may_be_joined(held).where(Incident.reference.in_(form.several(name)[:_MOST_OTHERS]))
    return list(opened.scalars(query.order_by(Incident.id).limit(_MOST_OTHERS)))


def _merge(opened: Session, held: Incident, form: Form) -> str:
    chosen = _named_in(opened, held, form, "report")
    if not chosen:
        raise Invalid(REQUIRED, report=REQUIRED)
    for one in chosen:
        found = confidentiality.handled(opened, session.viewer(), one.reference, session.now())
        joining.merge(opened, found, held, session.actor(), session.now())
    return str(gettext("Merged with %(reference)s.", reference=held.reference))


def _take_apart(opened: Session, held: Incident, _form: Form) -> str:
    merged = merging.standing(opened, held)
    if merged is None:
        raise NotFound(N_("This is not merged with anything."))
    merging.staying(opened, merged)
    joining.take_apart(opened, merged, session.actor(), session.now())
    return str(gettext("%(reference)s stands for itself again.", reference=held.reference))


def _other(opened: Session, form: Form, offered: Iterable[Incident]) -> Incident:
    reference = form.one_of("other", {one.reference for one in offered})
    form.check()
    found = confidentiality.reader(opened, session.viewer(), reference, session.now())
    if not found.may_handle:
        raise NotFound(N_("There is no such incident, or it is not yours to see."))
    return found.incident


def _keep_apart(opened: Session, held: Incident, form: Form) -> str:
    other = _other(opened, form, _named_in(opened, held, form, "other"))
    merging.keep_apart(opened, held, other, session.actor(), session.now())
    return str(gettext("Kept apart: they are not proposed again."))


def _link(opened: Session, held: Incident, form: Form) -> str:
    other = _other(opened, form, _named_in(opened, held, form, "other"))
    apart.link(opened, held, other, session.actor(), session.now())
    return str(gettext("Linked with %(reference)s.", reference=other.reference))


def _unlink(opened: Session, held: Incident, form: Form) -> str:
    other = _other(opened, form, links.neighbours(opened, held))
    links.unlink(opened, held, other, session.actor(), session.now())
    return str(gettext("No longer linked with %(reference)s.", reference=other.reference))


def _begin_joining(opened: Session, held: Incident, form: Form) -> str:
    most = int(merging.LONGEST_JOINING.total_seconds() // 60)
    minutes = form.number("minutes", 5, most) or JOINING[1]
    form.check()
    merging.begin_joining(opened, held, minutes, session.actor(), session.now())
    return str(gettext("Alerts like this join by themselves now."))


def _end_joining(opened: Session, held: Incident, _form: Form) -> str:
    merging.end_joining(opened, held, session.actor(), session.now())
    return str(gettext("Every alert stands for itself again."))


def _people(opened: Session, held: Incident, form: Form) -> str:
    by_id = {one.id: one for one in callouts.of_incident(opened, held)}
    chosen = form.id_of("callout", by_id)
    people = form.number("people", 1, MOST_PEOPLE)
    form.check()
    if chosen is None or people is None:
        raise Invalid(REQUIRED, people=REQUIRED)
    callout = by_id[chosen]
    leading.want_people(opened, callout, people, session.actor(), session.now())
    return str(
        gettext("%(people)s wanted of %(team)s.", people=people, team=callout.want.team.name)
    )


def _lead(opened: Session, held: Incident, form: Form) -> str:
    going = _working(opened, held)
    chosen = form.id_of("assignment", going, required=False)
    form.check()
    one = going[chosen] if chosen is not None else None
    leading.lead(opened, held, one, session.actor(), session.now())
    return str(gettext("Noted: everybody who goes is told."))


def _meet(opened: Session, held: Incident, form: Form) -> str:
    point = form.text("point", most=200)
    form.check()
    leading.meet(opened, held, point, session.actor(), session.now())
    return str(gettext("Noted: everybody who goes is told."))


def _relief_hours(opened: Session, held: Incident, form: Form) -> str:
    hours = form.number("hours", 0, _MOST_HOURS) or 0
    form.check()
    leading.relieve_after(opened, held, hours, session.actor(), session.now())
    return str(gettext("Noted."))


def _working(opened: Session, held: Incident) -> dict[int, Assignment]:
    return {
        one.id: one
        for callout in callouts.of_incident(opened, held)
        for one in callouts.active_assignments(callout)
        if one.status in UNFINISHED
    }


def _on_somebody(
    verb: Callable[[Session, Assignment, Any, datetime], None],
) -> Callable[[Session, Incident, Form], str]:
    def act(opened: Session, held: Incident, form: Form) -> str:
        going = _working(opened, held)
        chosen = form.id_of("assignment", going)
        form.check()
        if chosen is None:
            raise Invalid(REQUIRED, assignment=REQUIRED)
        verb(opened, going[chosen], session.actor(), session.now())
        return str(gettext("Noted for %(name)s.", name=going[chosen].person.name))

    return act


def _answer(opened: Session, held: Incident, form: Form) -> str:
    found = confidentiality.reader(opened, session.viewer(), held.reference, session.now())
    facts = found.facts(opened) if found.shows_facts else None
    given = {}
    for one in briefing.asked(opened, held, facts):
        words = form.text(f"ask-{one.key}", most=300)
        # What stood filled in from the alert is no answer of whoever saved the others, and what
        # was not shown is not erased by leaving it empty.
        as_told = one.answered_at is None and words == _told(one.told)
        if not as_told and (words or facts is not None):
            given[one.key] = words
    form.check()
    briefing.answer(opened, held, given, session.actor(), session.now())
    return str(gettext("The answers are kept. Whoever goes reads them with the facts."))


#: What may be done, by the word of the form's address.
ON_INCIDENT: Mapping[str, Callable[[Session, Incident, Form], str]] = {
    "merge": _merge,
    "take_apart": _take_apart,
    "keep_apart": _keep_apart,
    "link": _link,
    "unlink": _unlink,
    "begin_joining": _begin_joining,
    "end_joining": _end_joining,
    "people": _people,
    "lead": _lead,
    "meet": _meet,
    "relief_hours": _relief_hours,
    "call_relief": _on_somebody(attending.call_relief),
    "hand_over": _on_somebody(attending.hand_over),
    "facts_given": _on_somebody(attending.give_facts),
    "asked": _answer,
}
