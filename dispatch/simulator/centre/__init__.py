"""The centre of the demonstration: invented, believable, and filled once through the real verbs.

A police zone runs two teams: victim support around the clock, social on-call after office hours. A
second zone is served by the same victim support and told apart by its postcodes. `people` are the
fourteen, `turns` the rota, `past` the call-outs of the last weeks. At the first start whoever is on
duty can be reached and is trained for everything. A database that holds another centre is refused:
the passwords and secrets of this one are published. Serving it is left to `dispatch.demo`.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict
from dispatch.intake import sources
from dispatch.intake.models import Source
from dispatch.paging.models import NobodyOnDuty
from dispatch.people import accounts, phones
from dispatch.people.models import (
    Area,
    ContactMethod,
    MethodKind,
    Organisation,
    OrganisationKind,
    Person,
    Service,
    Team,
)
from dispatch.rota import changes
from dispatch.rota.models import Line, Shift
from dispatch.settings import Settings
from dispatch.simulator.centre import past, people, turns

_ACTOR = Actor("command", None, "demo")
_BEFORE, _AHEAD = timedelta(weeks=8), timedelta(weeks=12)
#: Everything is set up a little before the first turn.
_SET_UP = timedelta(weeks=10)

_ZONES = {
    "dender": ("Police zone Dender", "+3253555100"),
    "molenland": ("Police zone Molenland", "+3254555100"),
}
_AREAS = {
    "dender": (
        ("9400", "9404", "Ninove"),
        ("9450", "9451", "Haaltert"),
        ("9470", "9473", "Denderleeuw"),
    ),
    "molenland": (("9500", "9506", "Geraardsbergen"), ("9570", "9572", "Lierde")),
}


def fill(session: Session, settings: Settings, now: datetime) -> bool:
    """Fill an empty database; in a filled one only let the rota reach twelve weeks ahead.

    Returns whether it was empty. Raises Conflict when it holds another centre.
    """
    keys = set(session.scalars(sa.select(Organisation.key)))
    if keys and not session.scalar(sa.select(Source.id).where(Source.key == sources.DEMO)):
        raise Conflict(
            "The database holds another centre. Let DISPATCH_DATA_DIR name an empty folder."
        )
    if not keys:
        _fill(session, settings, now)
    else:
        _extend(session, settings, now)
    return not keys


def owners(session: Session) -> dict[str, tuple[str, str]]:
    """Return the name and language of whoever carries each number, for the simulated phones."""
    found = {
        phones.address_of(session, method): (name, language)
        for method, name, language in session.execute(
            sa.select(ContactMethod, Person.name, Person.language)
            .join(Person, Person.id == ContactMethod.person_id)
            .where(ContactMethod.removed_at.is_(None), ContactMethod.kind != MethodKind.MAIL)
        )
    }
    for organisation in session.scalars(sa.select(Organisation)):
        if organisation.control_room_phone:
            control_room = f"Control room of {organisation.name}"
            found[organisation.control_room_phone] = (control_room, organisation.language)
    return found


def _fill(session: Session, settings: Settings, now: datetime) -> None:
    began = now - _SET_UP
    organisations = _organisations(session, settings)
    teams = _teams(session, organisations)
    pool = people.add(session, organisations, settings.demo, _ACTOR, began, now)
    people.place(session, pool, organisations, teams, _ACTOR, began)
    for key, names in (("victim-support", ("Petra", "Bert")), ("social-on-call", ("Ingrid",))):
        for position, name in enumerate(names):
            team_id, person_id = teams[key].id, pool[name].id
            session.add(NobodyOnDuty(team_id=team_id, person_id=person_id, position=position))
    source, _ = sources.add_source(
        session,
        sources.DEMO,
        "Control room Dender",
        organisations["dender"],
        teams["victim-support"],
        _ACTOR,
        began,
        settings.demo.alert_secret,
    )
    accounts.create_api_key(
        session, "Demo", None, accounts.SCOPES, _ACTOR, began, key=settings.demo.api_key
    )
    for team in teams.values():
        turns.extend(session, team, pool, now, now - _BEFORE, now + _AHEAD, _ACTOR)
    _cover(session, teams["victim-support"], pool["Petra"], now)
    past.play(session, source, pool, now)


def _organisations(session: Session, settings: Settings) -> dict[str, Organisation]:
    organisations = {}
    for key, (name, control_room) in _ZONES.items():
        organisations[key] = Organisation(
            key=key,
            name=name,
            kind=OrganisationKind.POLICE_ZONE,
            country=settings.centre.country,
            time_zone=settings.centre.time_zone,
            language=settings.centre.language,
            control_room_phone=control_room,
            areas=[
                Area(
                    country=settings.centre.country,
                    first_postcode=first,
                    last_postcode=last,
                    municipality=municipality,
                )
                for first, last, municipality in _AREAS[key]
            ],
        )
    session.add_all(organisations.values())
    session.flush()
    return organisations


def _teams(session: Session, organisations: Mapping[str, Organisation]) -> dict[str, Team]:
    dender = organisations["dender"]
    zone = dender.time_zone
    support = Team(
        key="victim-support",
        name="Victim support",
        organisation_id=dender.id,
        function="victim_support",
        time_zone=zone,
        services=[Service(organisation_id=each.id) for each in organisations.values()],
    )
    social = Team(
        key="social-on-call",
        name="Social on-call",
        organisation_id=dender.id,
        function="social_on_call",
        time_zone=zone,
        hours=turns.AFTER_HOURS,
        day_contact="Social house of Ninove, +32 53 55 51 10",
        services=[Service(organisation_id=dender.id)],
    )
    session.add_all([support, social])
    session.flush()
    for team in (support, social):
        for position, (key, name) in enumerate((("primary", "Primary"), ("backup", "Backup"))):
            session.add(Line(team_id=team.id, key=key, name=name, position=position))
    session.flush()
    return {"victim-support": support, "social-on-call": social}


def _cover(session: Session, team: Team, person: Person, now: datetime) -> None:
    """Let a colleague take this week's Wednesday evening from whoever is primary."""
    friday = turns.week_of(now, team)
    wednesday = friday + timedelta(days=5)
    primary = (
        sa.select(Shift)
        .join(Line)
        .where(Line.team_id == team.id, Line.key == "primary", Shift.ends_at > now)
        .order_by(Shift.starts_at)
        .limit(1)
    )
    changes.enter_cover(
        session,
        session.scalars(primary).one(),
        person,
        turns.instant(wednesday, time(18, 0), team),
        turns.instant(wednesday, time(23, 0), team),
        _ACTOR,
        # Asked for when the week began.
        turns.instant(friday, time(17, 0), team),
    )


def _extend(session: Session, settings: Settings, now: datetime) -> None:
    pool = people.present(session, settings.demo)
    for team in session.scalars(sa.select(Team)):
        begun = session.scalar(
            sa.select(sa.func.min(Shift.starts_at)).join(Line).where(Line.team_id == team.id)
        )
        if begun is not None:
            turns.extend(session, team, pool, begun + _BEFORE, now, now + _AHEAD, _ACTOR)
