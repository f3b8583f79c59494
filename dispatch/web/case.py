"""What screens show of one incident: facts, call-outs, timeline, proof, and what may be done.

Only what `confidentiality` lets this reader see is unsealed; what is kept from them is named, so
that nobody takes a masked fact for a missing one. A map is offered as coordinates for the reader's
own program: no address ever goes to somebody else's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from babel import Locale
from flask_babel import format_datetime, gettext

from dispatch.db import Session
from dispatch.incidents import catalogue
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.intake.models import Source
from dispatch.paging import callouts, handing, pages, recall, sentences, story, waiting, wording
from dispatch.paging.candidates import Moment
from dispatch.paging.confidentiality import Readable
from dispatch.paging.models import Assignment, AssignmentStatus, Callout, Page, PageStatus, Release
from dispatch.people import phones
from dispatch.people.models import Service, Team
from dispatch.texts import N_
from dispatch.web import board, screens, together
from dispatch.web.board import language
from dispatch.web.forms import clean_text
from dispatch.web.under_way import of_seat

#: What is next for somebody who goes, as the button says it.
STEPS = {
    AssignmentStatus.ON_THE_WAY: N_("on the way"),
    AssignmentStatus.ON_SCENE: N_("on scene"),
    AssignmentStatus.DONE: N_("done"),
}
_GENDERS = {"woman": N_("rather a woman"), "man": N_("rather a man")}
_LATE = timedelta(minutes=10)


def whole(
    opened: Session, found: Readable, now: datetime, sealed: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return everything a dispatcher's screen shows; `sealed` is what was opened with a reason."""
    incident = found.incident
    held = story.callouts_of(opened, [incident.id])[incident.id]
    facts = found.facts(opened) if sealed is None else sealed
    shown = found.shows_facts or sealed is not None
    ahead = board.Ahead(opened, now)
    return board.heading(incident) | {
        "source": _source(opened, incident),
        "source_reference": incident.source_reference,
        "organisation": incident.organisation.name,
        "occurred_at": incident.occurred_at,
        "needs": _needs(opened, incident, shown),
        "late": _late(incident),
        "place": place(incident, facts),
        "facts": list(facts_of(incident, facts)),
        "hidden": [] if shown else [gettext("Address"), gettext("Who asks"), gettext("Persons")],
        "problems": incident.problems,
        "callouts": [_callout(opened, one, found.may_handle, ahead) for one in held],
        "timeline": [asdict(line) for line in reversed(told(opened, incident, words=shown))],
        "proof": story.proof(opened, incident, language()),
        "may_handle": found.may_handle,
        "may_open": found.may_open and sealed is None,
        "has_sealed": bool(incident.sealed_narrative) or not shown,
        "reason": gettext("assigned") if found.assigned or found.may_handle else "",
        "edit": _edit(incident, facts) if found.may_handle else None,
        "categories": categories(opened),
        "teams": teams_serving(opened, incident.organisation_id),
        "together": together.shown(opened, found, held, facts if shown else None, now),
    }


def _needs(opened: Session, incident: Incident, shown: bool) -> list[dict[str, Any]]:
    needed = board.needs(opened, [incident])[incident.id]
    return needed if shown else [one | {"words": None} for one in needed]


def told(opened: Session, incident: Incident, *, words: bool = True) -> list[story.Line]:
    """Return the timeline in the reader's language.

    Notes and answers are sealed like the facts: without `words` it is said only that there are.
    """
    lines = story.timeline(opened, incident, language())
    if words:
        return lines
    masked = str(gettext("opened only with a reason"))
    return [replace(line, own_words=line.own_words and masked) for line in lines]


def _source(opened: Session, incident: Incident) -> str:
    if incident.source_id is None:
        return str(gettext("the console"))
    return opened.get_one(Source, incident.source_id).name


def _late(incident: Incident) -> str | None:
    if incident.occurred_at is None or incident.received_at - incident.occurred_at < _LATE:
        return None
    return str(
        gettext(
            "It happened on %(at)s, %(late)s before the alert.",
            at=format_datetime(incident.occurred_at, "EEE d MMM HH:mm"),
            late=screens.age(incident.occurred_at, incident.received_at),
        )
    )


def place(incident: Incident, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return where it is, with coordinates for a map if the report held any."""
    held = facts.get("place", {})
    lat, lon = held.get("lat"), held.get("lon")
    return {
        "municipality": incident.municipality,
        "postcode": incident.postcode,
        "address": held.get("address"),
        "meeting_point": held.get("meeting_point"),
        "safe_to_approach": held.get("safe_to_approach"),
        "map_url": f"geo:{lat},{lon}" if lat is not None and lon is not None else None,
    }


def facts_of(incident: Incident, facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what else is known, each fact with its label."""
    if facts.get("summary"):
        yield {"label": gettext("In one sentence"), "value": facts["summary"]}
    yield from concerned(facts)
    flags = [gettext(word) for name, word in sentences.FLAGS.items() if incident.flags.get(name)]
    if flags:
        yield {"label": gettext("Take note"), "value": ", ".join(flags)}
    wishes = _wishes(incident.wishes)
    if wishes:
        yield {"label": gettext("Wishes"), "value": ", ".join(wishes)}


def concerned(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield who asks and who is concerned."""
    contact = facts.get("contact", {})
    if contact:
        who = ", ".join(contact[key] for key in ("name", "role") if contact.get(key))
        yield {
            "label": gettext("Who asks"),
            "value": who,
            "phone": phones.spaced(contact.get("phone", "")),
        }
    for person in facts.get("persons", ()):
        yield {"label": gettext("Person"), "value": _person(person)}


def _person(person: Mapping[str, Any]) -> str:
    said = [str(person["role"])] if person.get("role") else []
    if person.get("age") is not None:
        said.append(gettext("%(age)s years", age=person["age"]))
    if person.get("children"):
        said.append(gettext("%(count)s children", count=person["children"]))
    if person.get("knows_already") is not None:
        known = gettext("knows already") if person["knows_already"] else gettext("does not know")
        said.append(known)
    return ", ".join(said)


def _wishes(wishes: Mapping[str, Any]) -> list[str]:
    said = []
    if wishes.get("language"):
        said.append(_insisted(wishes, "language", language_name(str(wishes["language"]))))
    if wishes.get("gender"):
        word = str(wishes["gender"])
        gender = gettext(_GENDERS[word]) if word in _GENDERS else word
        said.append(_insisted(wishes, "gender", gender))
    if wishes.get("interpreter"):
        said.append(gettext("with an interpreter"))
    return said


def _insisted(wishes: Mapping[str, Any], wish: str, words: str) -> str:
    if wish not in str(wishes.get("required", "")).split():
        return words
    return str(gettext("%(wish)s, required", wish=words))


def language_name(code: str) -> str:
    """Return a language's name in the reader's language; the code itself if nobody knows it."""
    return str(Locale.parse(language()).languages.get(code, code))


def categories(opened: Session) -> list[dict[str, Any]]:
    """Return the categories to choose from."""
    return [
        {
            "code": one.key,
            "name": catalogue.name(one, language()),
            "digit": one.number,
            "response_mode": str(one.response_mode),
            "priority": one.priority,
        }
        for one in catalogue.in_use(opened)
    ]


def teams_serving(opened: Session, organisation_id: int) -> list[Team]:
    """Return the teams that may be called for an organisation's incidents."""
    query = sa.select(Team).join(Service).where(Service.organisation_id == organisation_id)
    return list(opened.scalars(query.order_by(Team.name)))


def _edit(incident: Incident, facts: Mapping[str, Any]) -> dict[str, Any]:
    held = place(incident, facts)
    safe = {True: "yes", False: "no", None: ""}[held["safe_to_approach"]]
    values = {name: held[name] or "" for name in ("address", "meeting_point")}
    values |= {
        "category": incident.category.key if incident.category else "",
        "priority": str(incident.priority),
        "postcode": incident.postcode,
        "municipality": incident.municipality,
        "safe_to_approach": safe,
    }
    return {"values": {name: clean_text(value) for name, value in values.items()}, "errors": {}}


def _callout(
    opened: Session, callout: Callout, may_handle: bool, ahead: board.Ahead
) -> dict[str, Any]:
    shown = ahead.summary(callout)
    ended = callout.cancelled_at is not None
    open_ = callout.incident.status is IncidentStatus.OPEN and not ended
    may = _may(callout) if may_handle and open_ else set()
    if may_handle and ended and callout.incident.status is IncidentStatus.OPEN:
        may = {"call_again"}
    zone = callout.incident.organisation.time_zone
    active = callouts.active_assignments(callout)
    tried = [one.person_id for one in pages.still_open(callout) if one.person_id is not None]
    tried += [one.person_id for one in active]
    # A number is for those who ring it.
    numbers = board.numbers_of(opened, tried) if may_handle else {}
    return shown | {
        "going": going(active, numbers, may_handle and not ended),
        "pages": [_page(page, zone, numbers.get(page.person_id)) for page in callout.pages],
        "candidates": _candidates(opened, callout, zone, ahead.now) if "more" in may else [],
        "may": may,
    }


def _may(callout: Callout) -> set[str]:
    may = {"page_person", "stand_down", "more"}
    if callout.filled_at is None or handing.asked(callout):
        may.add("accept_for")
    if waiting.waits(callout):
        may.add("begin_now")
    elif callout.filled_at is None and callout.step < len(callout.policy.steps):
        may.add("page_next")
    return may


def going(
    assignments: Sequence[Assignment], numbers: Mapping[int | None, str], may_handle: bool
) -> list[dict[str, Any]]:
    """Return who goes, how to ring them, and what may be keyed for them."""
    return [
        {
            "id": one.id,
            "name": one.person.name,
            "status": str(one.status),
            "at": _since(one),
            "eta_at": one.expected_at if one.on_scene_at is None else None,
            "phone": numbers.get(one.person_id),
            "next": next_steps(one) if may_handle else [],
            "cancel_told": one.cancel_told if one in recall.unconfirmed(one.callout) else 0,
        }
        | of_seat(one, may_handle)
        for one in assignments
    ]


def _since(assignment: Assignment) -> datetime:
    return (
        assignment.done_at
        or assignment.on_scene_at
        or assignment.on_the_way_at
        or assignment.accepted_at
    )


def next_steps(assignment: Assignment) -> list[dict[str, str]]:
    """Return how far somebody may say to have come; only ever forward."""
    order = list(AssignmentStatus)
    here = order.index(assignment.status)
    return [
        {"status": str(then), "label": gettext(word)}
        for then, word in STEPS.items()
        if order.index(then) > here and assignment.status is not AssignmentStatus.RELEASED
    ]


def _page(page: Page, zone: str, phone: str | None) -> dict[str, Any]:
    return {
        "id": page.id,
        "person": {"id": page.person_id, "name": story.name_of(page, language())},
        "status": str(page.status),
        "reason": wording.reason(page.reason, language(), zone),
        "sent_at": page.sent_at,
        "answered_at": page.answered_at,
        "phone": phone,
    }


def _candidates(
    opened: Session, callout: Callout, zone: str, now: datetime
) -> list[dict[str, Any]]:
    """Return whom else a dispatcher may choose: everybody of the team who is not being tried."""
    declined = _declined(callout)
    tried = {page.person_id for page in pages.still_open(callout)}
    tried |= {one.person_id for one in callouts.active_assignments(callout)}
    return [
        {
            "id": judged.candidate.person_id,
            "name": judged.candidate.name,
            "reason": wording.reason(
                {**judged.reason, "declined": judged.candidate.person_id in declined},
                language(),
                zone,
            ),
            "fit": judged.fit,
            "reachable": bool(judged.candidate.channels),
            "tried": judged.candidate.person_id in tried,
        }
        for judged in Moment(opened, callout.want, now).ranked()
    ]


def _declined(callout: Callout) -> set[int | None]:
    """Return who has said no, or gave up the seat; not whom a dispatcher released."""
    released = {
        one.person_id for one in callout.assignments if one.released_why is Release.DISPATCHER
    }
    said_no = {one.person_id for one in callout.pages if one.status is PageStatus.DECLINED}
    return said_no - released
