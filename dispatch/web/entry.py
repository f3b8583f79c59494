"""Entering an incident: what the form says, who would be called for it, and opening it once.

The form carries the incident's reference, signed for whoever asked for the form: sent twice, it
finds the incident that the first time opened. The same reading serves the preview, which writes
nothing, so that what is promised is what happens.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import current_app
from flask_babel import gettext
from itsdangerous import BadSignature, URLSafeSerializer

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Invalid
from dispatch.incidents import beginning, catalogue, handling
from dispatch.incidents.alerts import FLAGS, MAY_BE_REQUIRED, Alert, AlertType, Contact, Place
from dispatch.incidents.handling import Origin, Routing
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.incidents.wanting import Wanted
from dispatch.paging import (
    bars,
    callouts,
    pages,
    preview,
    ranking,
    seats,
    sentences,
    story,
    wording,
)
from dispatch.paging.models import Callout
from dispatch.paging.seats import Went
from dispatch.people import phones, qualifications
from dispatch.people.access import Right, Viewer
from dispatch.people.models import Organisation, Person, Team
from dispatch.texts import N_
from dispatch.web import case, rehearsal, session
from dispatch.web.board import language
from dispatch.web.forms import CHOOSE, REQUIRED, Form

#: More people of one team are asked for by telephone anyway.
MOST_PEOPLE = 5


def new_form() -> Form:
    """Return an empty form that opens one incident, however often it is sent."""
    owner = session.viewer().person_id
    return Form(token=_signer().dumps([handling.new_reference(), owner]))


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), "incident form")


def reference(form: Form) -> str:
    """Return the reference that the form was given; a new one if it was given none."""
    try:
        given, owner = _signer().loads(form.values.get("token", ""))
    except (BadSignature, ValueError, TypeError):
        return handling.new_reference()
    return str(given) if owner == session.viewer().person_id else handling.new_reference()


def opened_before(opened: Session, given: str) -> bool:
    """Return whether an incident of this reference is there already."""
    query = sa.select(Incident.id).where(Incident.reference == given)
    return opened.scalar(query) is not None


def home(opened: Session, viewer: Viewer) -> Organisation:
    """Return the organisation whose incident it is when the place does not say."""
    viewer.require(Right.INCIDENT_OPEN)
    allowed = viewer.organisations(Right.INCIDENT_OPEN)
    own = viewer.organisation_id
    return opened.get_one(Organisation, own if own in allowed else min(allowed))


def read(form: Form, zone: ZoneInfo, now: datetime) -> Alert:
    """Return what the form says; what cannot be used is noted on the form."""
    occurred_at = form.instant("occurred_at", zone)
    if occurred_at is not None and occurred_at > now:
        form.error("occurred_at", N_("This lies in the future."))
    appointment_at = form.instant("appointment_at", zone)
    if appointment_at is not None and appointment_at < now:
        form.error("appointment_at", N_("This lies in the past."))
    if appointment_at is not None and appointment_at > now + beginning.FARTHEST:
        form.error("appointment_at", N_("This is more than 60 days ahead."))
    wishes = {
        "language": form.text("language", most=20),
        "gender": form.one_of("gender", ("woman", "man"), required=False),
        "interpreter": "yes" if form.ticked("interpreter") else "",
        "required": " ".join(name for name in MAY_BE_REQUIRED if form.ticked(f"{name}_required")),
    }
    return Alert(
        AlertType.ALERT,
        category=form.text("category", most=60) or None,
        occurred_at=occurred_at,
        appointment_at=appointment_at,
        priority=form.number("priority", 1, 3),
        place=place(form),
        summary=form.text("summary", most=500),
        narrative=form.text("narrative", most=20_000, lines=True),
        contact=Contact(
            form.text("contact_name"),
            form.text("contact_phone", most=40),
            form.text("contact_role"),
        ),
        wishes={name: value for name, value in wishes.items() if value},
        flags={name: True for name in FLAGS if form.ticked(f"flag_{name}")},
        drill=form.ticked("drill"),
    )


def place(form: Form) -> Place:
    """Return the place that a form says."""
    safe = form.one_of("safe_to_approach", ("yes", "no"), required=False)
    return Place(
        address=form.text("address"),
        municipality=form.text("municipality", most=80),
        postcode=form.text("postcode", most=12),
        meeting_point=form.text("meeting_point"),
        safe_to_approach={"yes": True, "no": False}.get(safe),
    )


def route(opened: Session, form: Form, alert: Alert) -> Routing:
    """Return where the incident belongs and whom it wants; a faulty choice is noted on the form."""
    viewer = session.viewer()
    routing = handling.route(opened, alert, Origin(home(opened, viewer)), session.now())
    found = routing.organisation
    if not viewer.may(Right.INCIDENT_OPEN, found.id):
        form.error(
            "postcode",
            N_("This place belongs to %(zone)s: ring %(phone)s. Without it, it stays here."),
            zone=found.name,
            phone=phones.spaced(found.control_room_phone),
        )
    wants = _wanted(opened, form, routing)
    if routing.category is None and not wants:
        form.error("category", CHOOSE)
    begins_at = None if form.ticked("at_once") else routing.begins_at
    chosen = tuple(wants) or routing.wants
    return Routing(found, routing.category, chosen, begins_at=begins_at)


def _wanted(opened: Session, form: Form, routing: Routing) -> list[Wanted]:
    """Return the teams chosen by hand; nothing if the category is to decide."""
    asked = {want.team.id: replace(want, flag="") for want in routing.wants}
    wants = []
    for team in case.teams_serving(opened, routing.organisation.id):
        people = form.number(f"team_{team.id}", 1, MOST_PEOPLE)
        if people:
            found = asked.get(team.id, Wanted(team))
            wants.append(replace(found, people=people, by=session.viewer().name))
    return wants


def who(opened: Session, form: Form, now: datetime) -> dict[str, Any] | None:
    """Return who would be called and why; None before there is anything to tell it by."""
    alert = read(form, ZoneInfo(session.viewer().time_zone), now)
    routing = route(opened, form, alert)
    if routing.category is None and not _wanted(opened, form, routing):
        return None
    priority = alert.priority or (
        routing.category.priority if routing.category else catalogue.UNCLASSIFIED_PRIORITY
    )
    barred = _barred(opened, form, routing.organisation)
    draft = preview.Draft(
        priority, routing.category, alert.place, alert.wishes, alert.flags, frozenset(barred)
    )
    found = preview.foresee(opened, routing.wants, draft, routing.begins_at or now)
    listed = {one.person_id for team in found for one in team.foreseen}
    offered: set[int | None] = set()
    return {
        "teams": [_foreseen(one, barred, offered) for one in found],
        "others": [{"id": one, "name": name} for one, name in barred.items() if one not in listed],
        "reason": form.text("not_reason") if barred else None,
        "begins_at": routing.begins_at,
    }


def _barred(opened: Session, form: Form, organisation: Organisation) -> dict[int, str]:
    """Return whom the dispatcher does not want called, by id."""
    if not session.viewer().may(Right.INCIDENT_OPEN, organisation.id):
        return {}
    offered = {str(person_id): name for _, person_id, name in people(opened, organisation)}
    return {int(one): offered[one] for one in form.several("not", offered)}


def _foreseen(
    found: preview.Preview, barred: Collection[int], offered: set[int | None]
) -> dict[str, Any]:
    """Return a team as it is shown; each person is offered once, in whatever teams they are."""

    def once(one: preview.Foreseen) -> int | None:
        is_new = one.person_id not in offered and (one.fit or one.person_id in barred)
        offered.update({one.person_id} if is_new else ())
        return one.person_id if is_new else None

    zone = found.team.time_zone
    return {
        "team": found.team.name,
        "wanted": found.people,
        "because": gettext(sentences.FLAGS[found.flag]) if found.flag else "",
        "nobody": _short(found),
        "learners": list(rehearsal.learners(found)) if not found.closed else [],
        "people": [
            {
                "id": once(one),
                "name": one.name or gettext(story.CONTROL_ROOM),
                "reason": wording.reason(one.reason, language(), zone) if one.name else "",
                "at_seconds": round(one.after_seconds),
                "fit": not (one.reason.get("lacks") or _is_other_than_wished(one)),
            }
            for one in found.foreseen
            if one.fit
        ],
        "skipped": [
            {
                "id": once(one),
                "name": one.name,
                "reason": wording.reason(one.reason, language(), zone),
            }
            for one in found.foreseen
            if not one.fit
        ],
    }


def _short(found: preview.Preview) -> str | None:
    """Return what the dispatcher must know before all names; None: nothing."""
    if found.closed:
        return str(gettext("Outside its hours: not called. %(who)s", who=found.team.day_contact))
    if not any(one.fit and one.name for one in found.foreseen):
        return str(gettext("Nobody can be reached: ring somebody yourself."))
    if not found.on_duty:
        return str(gettext("Nobody is on duty: the nobody-on-duty list is called."))
    short = [gap for gap in found.gaps if gap.kind in preview.SHORT]
    return sentences.sentence(short[0].kind, short[0].facts, language()) if short else None


def _is_other_than_wished(one: preview.Foreseen) -> bool:
    return any(wish["met"] is False for wish in one.reason.get("wishes", ()))


def open_incident(opened: Session, form: Form, given: str, actor: Actor, now: datetime) -> Incident:
    """Open the incident and page for it, in the caller's transaction. Raises Invalid."""
    alert = read(form, ZoneInfo(session.viewer().time_zone), now)
    routing = route(opened, form, alert)
    person = form.id_of("person", _ids(people(opened, routing.organisation)), required=False)
    named = _barred(opened, form, routing.organisation)
    if person in named:
        form.error("person", ranking.CLOSED, name=named[person])
    form.check()
    origin = Origin(routing.organisation)
    incident = handling.open_incident(
        opened,
        alert,
        origin,
        actor,
        now,
        wants=routing.wants,
        at_once=form.ticked("at_once"),
        reference=given,
    )
    kept_out = [opened.get_one(Person, person_id) for person_id in named]
    bars.bar(opened, incident, kept_out, form.text("not_reason"), actor, now)
    held = callouts.advance(opened, incident, now)
    if person is not None:
        _page_too(opened, held, opened.get_one(Person, person), actor, now)
    return incident


def _page_too(
    opened: Session,
    held: Sequence[Callout],
    person: Person,
    actor: Actor,
    now: datetime,
) -> None:
    """Page somebody chosen by hand as well, unless they are being paged anyway."""
    tried = {page.person_id for one in held for page in pages.still_open(one)}
    if held and person.id not in tried:
        callouts.page_person(opened, held[0], person, actor, now)
        callouts.advance(opened, held[0].incident, now)


def people(opened: Session, organisation: Organisation) -> list[tuple[Team, int, str]]:
    """Return everybody who may be called for the organisation, with the team they are in."""
    day = session.now().astimezone(ZoneInfo(organisation.time_zone)).date()
    return [
        (team, person_id, name)
        for team in case.teams_serving(opened, organisation.id)
        for person_id, name in qualifications.members(opened, team, day)
    ]


def _ids(found: Iterable[tuple[Team, int, str]]) -> set[int]:
    return {person_id for _, person_id, _ in found}


def record(opened: Session, form: Form, given: str, actor: Actor, now: datetime) -> Incident:
    """Write down an incident that was handled without us; pages nobody. Raises Invalid."""
    zone = ZoneInfo(session.viewer().time_zone)
    alert = read(form, zone, now)
    routing = route(opened, form, alert)
    team_of = {f"{person_id}": team for team, person_id, _ in people(opened, routing.organisation)}
    chosen = form.several("handled_by", team_of)
    accepted_at = form.instant("accepted_at", zone, required=True)
    on_scene_at, done_at = form.instant("on_scene_at", zone), form.instant("done_at", zone)
    outcome = form.text("outcome", most=1000)
    if not chosen:
        form.error("handled_by", N_("Say who went."))
    form.check()
    if accepted_at is None:
        raise Invalid(REQUIRED, accepted_at=REQUIRED)
    went = [
        Went(team_of[one], opened.get_one(Person, int(one)), accepted_at, on_scene_at, done_at)
        for one in chosen
    ]
    incident = handling.open_incident(
        opened,
        alert,
        Origin(routing.organisation),
        actor,
        now,
        wants=(),
        status=IncidentStatus.CLOSED,
        reference=given,
    )
    incident.closed_at = done_at or now
    seats.record_afterwards(opened, incident, went, actor, now)
    if outcome:
        handling.add_note(opened, incident, outcome, actor, now)
    return incident
