"""The centre of the demonstration: invented, believable, and filled once through the real verbs.

A police zone runs two teams: victim support around the clock, social on-call after office hours. A
second zone is served by the same victim support and told apart by its postcodes. `people` are the
fourteen, `turns` the rota, `past` the call-outs of the last weeks, `plans` what comes next. At the
first start whoever is on duty can be reached and is trained for everything. A database that holds
another centre is refused: the passwords and secrets of this one are published. Serving it is left
to `dispatch.demo`.
"""

from datetime import datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from dispatch import founding
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict
from dispatch.intake import sources
from dispatch.intake.models import Source
from dispatch.people import accounts, phones
from dispatch.people.models import TELEPHONES, ContactMethod, Organisation, Person, Team
from dispatch.rota import changes
from dispatch.rota.models import Line, Shift
from dispatch.settings import Settings
from dispatch.simulator.centre import past, people, plans, turns

_ACTOR = Actor("command", None, "demo")
_BEFORE, _AHEAD = timedelta(weeks=8), timedelta(weeks=12)
#: Everything is set up a little before the first turn.
_SET_UP = timedelta(weeks=10)

_ORGANISATIONS = [
    {
        "key": "dender",
        "name": "Police zone Dender",
        "kind": "police_zone",
        "control_room_phone": "+3253555100",
        "areas": [
            {"first": "9400", "last": "9404", "municipality": "Ninove"},
            {"first": "9450", "last": "9451", "municipality": "Haaltert"},
            {"first": "9470", "last": "9473", "municipality": "Denderleeuw"},
        ],
    },
    {
        "key": "molenland",
        "name": "Police zone Molenland",
        "kind": "police_zone",
        "control_room_phone": "+3254555100",
        "areas": [
            {"first": "9500", "last": "9506", "municipality": "Geraardsbergen"},
            {"first": "9570", "last": "9572", "municipality": "Lierde"},
        ],
    },
]
_TEAMS: list[dict[str, Any]] = [
    {
        "key": "victim-support",
        "name": "Victim support",
        "organisation": "dender",
        "serves": ["dender", "molenland"],
        "function": "victim_support",
    },
    {
        "key": "social-on-call",
        "name": "Social on-call",
        "organisation": "dender",
        "serves": ["dender"],
        "function": "social_on_call",
        "hours": [
            {
                "days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
                "starts": "17:00",
                "ends": "08:30",
            },
            {"days": ["saturday", "sunday"], "starts": "08:30", "ends": "08:30"},
        ],
        "day_contact": "Social house of Ninove, +32 53 55 51 10",
    },
]
_LINES = [{"key": "primary", "name": "Primary"}, {"key": "backup", "name": "Backup"}]
_NOBODY_ON_DUTY = {"victim-support": ("Petra", "Bert"), "social-on-call": ("Ingrid",)}


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
            .where(ContactMethod.removed_at.is_(None), ContactMethod.kind.in_(TELEPHONES))
        )
    }
    for organisation in session.scalars(sa.select(Organisation)):
        if organisation.control_room_phone:
            control_room = f"Control room of {organisation.name}"
            found[organisation.control_room_phone] = (control_room, organisation.language)
    return found


def _fill(session: Session, settings: Settings, now: datetime) -> None:
    began = now - _SET_UP
    founding.found(session, {"organisation": _ORGANISATIONS}, settings.centre, _ACTOR, began)
    organisations = {row.key: row for row in session.scalars(sa.select(Organisation))}
    pool = people.add(session, organisations, settings.demo, _ACTOR, began, now)
    listed = {key: [pool[name].sign_in for name in names] for key, names in _NOBODY_ON_DUTY.items()}
    described = [
        {**team, "lines": _LINES, "nobody_on_duty": listed[team["key"]]} for team in _TEAMS
    ]
    founding.found(session, {"team": described}, settings.centre, _ACTOR, began)
    teams = {row.key: row for row in session.scalars(sa.select(Team).order_by(Team.id))}
    people.place(session, pool, organisations, teams, _ACTOR, began)
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
    plans.plan(session, teams, pool, began, now)


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
