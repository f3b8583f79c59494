"""Opening, correcting, cancelling and closing incidents, whoever asks.

An incident states what it wants of which teams; it never pages anybody: after each of these verbs
the caller lets paging catch up, in the same transaction. Nothing authentic is refused for a detail:
what cannot be used is named as a problem and the rest goes on.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from dispatch import audit, upkeep
from dispatch.audit import Actor, OwnWords
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import alarms, beginning, catalogue, states, timeline, wanting
from dispatch.incidents.alerts import Alert, Place, Problem
from dispatch.incidents.models import Category, Incident, IncidentStatus, ResponseMode
from dispatch.incidents.wanting import Wanted
from dispatch.inserts import insert_now
from dispatch.people.models import Area, Organisation, Service, Team
from dispatch.texts import N_

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_DIGITS = "23456789"


@dataclass(frozen=True)
class Origin:
    """Where an alert came from: where it belongs, and who is paged, when its place does not say."""

    organisation: Organisation
    default_team: Team | None = None
    source_id: int | None = None


@dataclass(frozen=True)
class Routing:
    """Whose incident it is, what kind, and what it wants; `fallback` names why it was a guess."""

    organisation: Organisation
    category: Category | None
    wants: tuple[Wanted, ...]
    problems: tuple[Problem, ...] = ()
    fallback: str = ""
    begins_at: datetime | None = None
    """Nobody is to be paged before; None: at once."""


@dataclass(frozen=True)
class Change:
    """What an update changed; `material` when it may change who must go."""

    fields: tuple[str, ...] = ()
    material: bool = False
    routing: Routing | None = field(default=None, compare=False)


def new_reference() -> str:
    """Return a reference such as D7K-4QX: easy to say, and never a run of digits."""
    pattern = (_LETTERS, _DIGITS, _LETTERS, "-", _DIGITS, _LETTERS, _LETTERS)
    return "".join(secrets.choice(choices) for choices in pattern)


def route(session: Session, alert: Alert, origin: Origin, now: datetime) -> Routing:
    """Find the organisation by place, the category by key and the teams by both.

    Always wants somebody: what matches nothing goes to the origin's default team.
    """
    problems: list[Problem] = []
    category = catalogue.by_key(session, alert.category)
    if alert.category and category is None:
        problems.append(Problem("category", "No category has this key; taken as unclassified."))
    organisation, teams = _served_at(session, alert.place, origin)
    fallback = ""
    if organisation is None:
        organisation, fallback = origin.organisation, _why_nowhere(alert.place)
        teams = session.scalars(_SERVING, {"organisation_id": organisation.id}).all()
    begins_at = _begins_at(session, alert, category, organisation, now)
    named = _named_teams(alert, teams, problems)
    wants = named or wanting.by_kind(category, teams, begins_at or now)
    default = origin.default_team or next(iter(teams), None)
    if not wants:
        fallback = fallback or ("unclassified" if category is None else "no_team")
    if not named and default is not None and (not wants or fallback == "no_area"):
        wants = [want for want in wants if want.team.id == default.id] or [Wanted(default)]
    flagged = wanting.by_flags(session, alert.flags, teams, begins_at or now)
    wants = wanting.together(wants, flagged) if flagged else wants
    return Routing(organisation, category, tuple(wants), tuple(problems), fallback, begins_at)


def _why_nowhere(place: Place) -> str:
    """No place at all is the source's own area; a place nobody knows is a fault to look at."""
    return "no_area" if place.postcode or place.municipality else "no_place"


_AREA = sa.select(Area.organisation_id).where(Area.country == sa.bindparam("country")).limit(1)
# Whose the place is and who serves there, in one question.
_SERVED = (
    sa.select(Organisation, Team)
    .outerjoin(Service, Service.organisation_id == Organisation.id)
    .outerjoin(Team, Team.id == Service.team_id)
    .order_by(Team.id)
)
_AT_POSTCODE = _SERVED.where(
    Organisation.id
    == _AREA.where(Area.first_postcode <= sa.bindparam("postcode"))
    .where(Area.last_postcode >= sa.bindparam("postcode"))
    .scalar_subquery()
)
_AT_MUNICIPALITY = _SERVED.where(
    Organisation.id
    == _AREA.where(
        sa.func.lower(Area.municipality) == sa.bindparam("municipality")
    ).scalar_subquery()
)
_SERVING = (
    sa.select(Team)
    .join(Service)
    .where(Service.organisation_id == sa.bindparam("organisation_id"))
    .order_by(Team.id)
)


def _served_at(
    session: Session, place: Place, origin: Origin
) -> tuple[Organisation | None, Sequence[Team]]:
    """Return the organisation whose a place is, and the teams that serve it."""
    where = {"country": origin.organisation.country}
    rows: Sequence[Any] = ()
    if place.postcode:
        rows = session.execute(_AT_POSTCODE, where | {"postcode": place.postcode}).all()
    elif place.municipality:
        municipality = place.municipality.lower()
        rows = session.execute(_AT_MUNICIPALITY, where | {"municipality": municipality}).all()
    teams = [team for _, team in rows if team is not None]
    return (rows[0][0], teams) if rows else (None, teams)


def _named_teams(alert: Alert, teams: Sequence[Team], problems: list[Problem]) -> list[Wanted]:
    by_key = {team.key: team for team in teams}
    detail = "A team that is not known, or does not serve this place."
    problems += [Problem("teams", detail) for key in alert.teams if key not in by_key]
    return [Wanted(by_key[key]) for key in dict.fromkeys(alert.teams) if key in by_key]


def _begins_at(
    session: Session,
    alert: Alert,
    category: Category | None,
    organisation: Organisation,
    now: datetime,
) -> datetime | None:
    mode = category.response_mode if category else catalogue.UNCLASSIFIED_MODE
    priority = alert.priority or (
        category.priority if category else catalogue.UNCLASSIFIED_PRIORITY
    )
    if priority < beginning.CAN_WAIT and alert.appointment_at is None:
        return None
    lead = timedelta(minutes=session.info["settings"].paging.appointment_minutes)
    quiet = beginning.quiet_of(organisation)
    return beginning.begins_at(priority, mode, alert.appointment_at, quiet, lead, now)


def open_incident(
    session: Session,
    alert: Alert,
    origin: Origin,
    actor: Actor,
    now: datetime,
    *,
    wants: Sequence[Wanted] | None = None,
    at_once: bool = False,
    status: IncidentStatus = IncidentStatus.OPEN,
    alarm: str = "",
    reference: str = "",
) -> Incident:
    """Open an incident and state its wants (`wants` replaces what the category asks for).

    With a status other than open nobody is wanted: an alert cancelled before it came, or one that
    is recorded afterwards. `at_once`: somebody decided that it cannot wait, whatever the hour.
    `reference` is given when the sender has been told one already.
    """
    routing = route(session, alert, origin, now)
    if wants is not None:
        routing = replace(routing, wants=tuple(wants))
    if at_once:
        routing = replace(routing, begins_at=None)
    incident = _incident(alert, origin, routing, now)
    incident.reference = reference or new_reference()
    incident.status = status
    _seal(session, incident, alert)
    insert_now(session, [incident])
    if status is IncidentStatus.OPEN:
        _state(session, incident, routing.wants)
    alarm = alarm or _mismatch(routing, origin)
    if alarm:
        alarms.raise_alarm(session, incident, alarm, now)
    _tell_opening(session, incident, alert, routing, actor, now)
    return incident


def _state(session: Session, incident: Incident, wants: Sequence[Wanted]) -> None:
    rows = [wanted.row() for wanted in wants]
    for row in rows:
        row.incident_id = incident.id
    insert_now(session, rows)
    for row in rows:
        set_committed_value(row, "incident", incident)
    set_committed_value(incident, "wants", rows)


def _mismatch(routing: Routing, origin: Origin) -> str:
    """Whoever types an incident in has seen whom it goes to; of a source nobody has."""
    guessed = origin.source_id is not None and routing.fallback not in ("", "no_place")
    return "no_match" if guessed else ""


def _incident(alert: Alert, origin: Origin, routing: Routing, now: datetime) -> Incident:
    """Return what an alert says as a row, its plain part only."""
    category = routing.category
    priority = category.priority if category else catalogue.UNCLASSIFIED_PRIORITY
    return Incident(
        organisation=routing.organisation,
        organisation_id=routing.organisation.id,
        source_id=origin.source_id,
        source_reference=alert.reference if origin.source_id else None,
        category=category,
        category_id=category.id if category else None,
        priority=alert.priority or priority,
        response_mode=_mode(alert.appointment_at, category),
        appointment_at=alert.appointment_at,
        begins_at=routing.begins_at,
        municipality=alert.place.municipality,
        postcode=alert.place.postcode,
        occurred_at=alert.occurred_at,
        received_at=now,
        drill=alert.drill,
        # Known to be none, so that nobody asks the database for those of a new incident.
        alarms=[],
        wants=[],
        wishes=dict(alert.wishes),
        barred={},
        flags=dict(alert.flags),
        problems=[asdict(p) for p in (*alert.problems, *routing.problems)],
    )


def _mode(appointment_at: datetime | None, category: Category | None) -> ResponseMode:
    if appointment_at is not None:
        return ResponseMode.APPOINTMENT
    return category.response_mode if category else catalogue.UNCLASSIFIED_MODE


def _tell_opening(
    session: Session,
    incident: Incident,
    alert: Alert,
    routing: Routing,
    actor: Actor,
    now: datetime,
) -> None:
    late = int((now - alert.occurred_at).total_seconds()) if alert.occurred_at else 0
    timeline.add(session, incident, "received", actor, now, source=actor.name, late_seconds=late)
    if routing.fallback:
        teams = ", ".join(want.team.name for want in routing.wants)
        timeline.add(session, incident, routing.fallback, actor, now, teams=teams)
    for want in routing.wants:
        if want.flag:
            team, flag = want.team.name, want.flag
            timeline.add(session, incident, "flag_wants", actor, now, team=team, flag=flag)
    if incident.begins_at is not None:
        begins = incident.begins_at.isoformat()
        kind = "waits_for_morning" if incident.appointment_at is None else "waits_for_appointment"
        timeline.add(session, incident, kind, actor, now, begins=begins)
    if incident.problems:
        fields = ", ".join(problem["field"] for problem in incident.problems)
        timeline.add(session, incident, "problems", actor, now, fields=fields)
    audit.record(
        session,
        actor,
        "incident.open",
        f"incident:{incident.reference}",
        {"category": routing.category.key if routing.category else None, "drill": incident.drill},
        now,
    )
    upkeep.bump(session, incident.organisation_id, "board")


def _seal(session: Session, incident: Incident, alert: Alert) -> None:
    """Seal what tells of people; an empty field of an update leaves what was there."""
    held = timeline.unseal_json(session, incident, "sealed_facts")
    facts = dict(held)
    for key, value in facts_of(alert).items():
        if value:
            # Half a place corrects that half and leaves the other.
            facts[key] = held.get(key, {}) | value if isinstance(value, dict) else value
    incident.sealed_facts = timeline.seal_json(session, incident, "sealed_facts", facts)
    if alert.narrative:
        incident.sealed_narrative = timeline.seal_json(
            session, incident, "sealed_narrative", {"text": alert.narrative}
        )
    if alert.unknown:
        incident.sealed_unknown = timeline.seal_json(
            session, incident, "sealed_unknown", dict(alert.unknown)
        )


def facts_of(alert: Alert) -> dict[str, Any]:
    """Return the sealed facts of an alert, as they are kept: only what was given."""

    def given(value: Any) -> dict[str, Any]:
        return {key: item for key, item in asdict(value).items() if item not in ("", None)}

    return {
        "summary": alert.summary,
        "place": given(alert.place),
        "contact": given(alert.contact),
        "persons": [given(person) for person in alert.persons],
    }


def update_incident(
    session: Session,
    incident: Incident,
    alert: Alert,
    origin: Origin,
    actor: Actor,
    now: datetime,
) -> Change:
    """Take over what an update says and return what changed; who goes is paging's business."""
    routing = route(session, _completed(incident, alert), origin, now)
    before = _deciding(session, incident)
    _take_over(incident, alert, routing, now)
    _seal(session, incident, alert)
    after = _deciding(session, incident)
    changed = [name for name in after if after[name] != before[name]]
    session.flush()
    timeline.add(session, incident, "updated", actor, now, fields=", ".join(changed))
    audit.record(
        session,
        actor,
        "incident.update",
        f"incident:{incident.reference}",
        {"fields": changed},
        now,
    )
    upkeep.bump(session, incident.organisation_id, "board")
    return Change(tuple(changed), bool(changed), routing)


def _deciding(session: Session, incident: Incident) -> dict[str, Any]:
    """Return what decides who must go."""
    facts = timeline.unseal_json(session, incident, "sealed_facts")
    return {
        "category": incident.category.key if incident.category else None,
        "postcode": incident.postcode,
        "municipality": incident.municipality,
        "address": facts.get("place", {}).get("address", ""),
        "priority": incident.priority,
        "appointment_at": incident.appointment_at,
    }


def _take_over(incident: Incident, alert: Alert, routing: Routing, now: datetime) -> None:
    if routing.category is not None and alert.category:
        incident.category = routing.category
        incident.priority = alert.priority or routing.category.priority
    incident.priority = alert.priority or incident.priority
    incident.postcode = alert.place.postcode or incident.postcode
    incident.municipality = alert.place.municipality or incident.municipality
    incident.wishes = {**incident.wishes, **alert.wishes}
    incident.flags = {**incident.flags, **alert.flags}
    incident.problems = [asdict(p) for p in (*alert.problems, *routing.problems)]
    incident.occurred_at = alert.occurred_at or incident.occurred_at
    incident.appointment_at = alert.appointment_at or incident.appointment_at
    incident.response_mode = _mode(incident.appointment_at, incident.category)
    # What is paged for already is not put off again.
    waits = incident.begins_at is not None and incident.begins_at > now
    incident.begins_at = routing.begins_at if waits else None


def _completed(incident: Incident, alert: Alert) -> Alert:
    """Return the update with what it leaves out taken from the incident, for routing only."""
    place = alert.place
    if not place.postcode and not place.municipality:
        place = Place(municipality=incident.municipality, postcode=incident.postcode)
    category = alert.category or (incident.category.key if incident.category else None)
    priority = alert.priority or (None if alert.category else incident.priority)
    appointment_at = alert.appointment_at or incident.appointment_at
    return replace(
        alert,
        place=place,
        category=category,
        priority=priority,
        appointment_at=appointment_at,
        flags={**incident.flags, **alert.flags},
    )


def restate_wants(session: Session, incident: Incident, routing: Routing, now: datetime) -> None:
    """Replace what the alert itself wanted by what `routing` asks for; a row that stays is kept.

    What a person decided stays decided: of such a team an alert can only want more people, and of
    one that was stood down nobody.
    """
    wanted = {want.team.id: want for want in routing.wants}
    for want in incident.wants:
        new = wanted.pop(want.team_id, None)
        if new is None:
            if not want.wanted_by:
                want.ended_at = want.ended_at or now
            continue
        want.qualification_id, want.substitute_id = new.qualification_id, new.substitute_id
        if not want.wanted_by:
            want.people, want.ended_at = new.people, None
        else:
            want.people = max(want.people, new.people)
    incident.wants.extend(new.row() for new in wanted.values())
    session.flush()


def end_incident(
    session: Session, incident: Incident, then: IncidentStatus, actor: Actor, now: datetime
) -> bool:
    """Close or cancel; return False when it was so already.

    Raises Conflict when the present state does not allow it.
    """
    if incident.status is then:
        return False
    if not states.may_follow(incident.status, then):
        raise Conflict(N_("This incident has ended already."))
    incident.status = then
    incident.closed_at = now
    alarms.end_all(incident, now)
    timeline.add(session, incident, str(then), actor, now)
    audit.record(session, actor, f"incident.{then}", f"incident:{incident.reference}", {}, now)
    upkeep.bump(session, incident.organisation_id, "board")
    return True


def add_note(session: Session, incident: Incident, text: str, actor: Actor, now: datetime) -> None:
    """Add somebody's own words, sealed. Raises Invalid when there are none."""
    if not text.strip():
        told = N_("Write a note first.")
        raise Invalid(told, text=told)
    timeline.add(session, incident, "note", actor, now, own_words=text.strip(), by=actor.name)
    upkeep.bump(session, incident.organisation_id, "board")


def open_narrative(
    session: Session, incident: Incident, reason: str, actor: Actor, now: datetime
) -> str:
    """Return the narrative and record who opened it and why. Raises Invalid without a reason."""
    if not reason.strip():
        told = N_("Say why you open this.")
        raise Invalid(told, reason=told)
    audit.record(
        session,
        actor,
        "narrative.open",
        f"incident:{incident.reference}",
        {},
        now,
        words=OwnWords(incident.organisation_id, {"reason": reason.strip()}),
    )
    held = timeline.unseal_json(session, incident, "sealed_narrative")
    return str(held.get("text", ""))


def locked(session: Session, incident_id: int) -> Incident:
    """Return the incident, locked first of all: the order of locks begins with it."""
    query = sa.select(Incident).where(Incident.id == incident_id).with_for_update(of=Incident)
    return session.scalars(query.execution_options(populate_existing=True)).one()
