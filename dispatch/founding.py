"""What a new installation begins with: organisations, teams and people, described in one file.

What is missing is added; what is there stays as it is, because screens change it and a file from
the first day must not undo that: somebody who is known is not touched at all, an organisation or
team only gets areas, lines, those it serves and those listed for nobody on duty that it lacks. The
form of the whole file is checked before anything is added; every fault is named with its place, and
one fault keeps everything out. `config/examples/centre.toml` explains the file. Passwords are left
to `people.accounts`, turns to `rota`.
"""

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import DispatchError, Invalid
from dispatch.incidents.models import CategoryWant
from dispatch.paging import policies
from dispatch.paging.models import NobodyOnDuty
from dispatch.people import organisations, phones, staff
from dispatch.people.models import (
    MethodKind,
    Organisation,
    OrganisationKind,
    Person,
    Qualification,
    Role,
    Team,
)
from dispatch.rota import changes
from dispatch.rota.models import Line
from dispatch.sections import Centre

_Row = TypeVar("_Row", Organisation, Team, Person)


def found(
    session: Session, document: Mapping[str, Any], centre: Centre, actor: Actor, now: datetime
) -> list[str]:
    """Add what a parsed file describes and is missing; say in a sentence each what became of it.

    Raises Invalid with a line for every fault; the transaction must then be rolled back.
    """
    plan = _Reader().whole(document)
    founding = _Founding(session, centre, actor, now)
    founding.add_organisations(plan.organisation)
    founding.add_teams(plan.team)
    founding.add_people(plan.person)
    founding.list_people(plan.team)
    return founding.said


# --- the file ---


class _Day(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class _Telephone(StrEnum):
    MOBILE = MethodKind.MOBILE.value
    LANDLINE = MethodKind.LANDLINE.value


@dataclass(frozen=True)
class _Area:
    first: str
    last: str
    municipality: str


@dataclass(frozen=True)
class _Organisation:
    key: str
    name: str
    kind: OrganisationKind
    control_room_phone: str
    country: str = ""
    time_zone: str = ""
    language: str = ""
    areas: tuple[_Area, ...] = ()


@dataclass(frozen=True)
class _Window:
    days: tuple[_Day, ...]
    starts: str
    ends: str


@dataclass(frozen=True)
class _Line:
    key: str
    name: str


@dataclass(frozen=True)
class _Team:
    key: str
    name: str
    organisation: str
    function: str
    serves: tuple[str, ...]
    lines: tuple[_Line, ...]
    nobody_on_duty: tuple[str, ...]
    hours: tuple[_Window, ...] = ()
    day_contact: str = ""


@dataclass(frozen=True)
class _Phone:
    number: str
    kind: _Telephone = _Telephone.MOBILE
    verified: bool = False


@dataclass(frozen=True)
class _Certificate:
    qualification: str
    issued_on: date
    expires_on: date | None = None


@dataclass(frozen=True)
class _Roles:
    """Where each role is held: keys of organisations or, for the first two, of teams."""

    responder: tuple[str, ...] = ()
    planner: tuple[str, ...] = ()
    dispatcher: tuple[str, ...] = ()
    administrator: tuple[str, ...] = ()
    privacy_officer: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Person:
    sign_in: str
    name: str
    organisation: str
    language: str = ""
    teams: tuple[str, ...] = ()
    roles: _Roles = _Roles()
    phones: tuple[_Phone, ...] = ()
    certificates: tuple[_Certificate, ...] = ()


@dataclass(frozen=True)
class _File:
    organisation: tuple[_Organisation, ...] = ()
    team: tuple[_Team, ...] = ()
    person: tuple[_Person, ...] = ()


_EXPECTED = {str: "text", bool: "true or false", date: "a day such as 2026-03-14"}


class _Reader:
    """Makes the values above of parsed TOML; a key that nobody knows is a fault like any other."""

    def __init__(self) -> None:
        self._faults: list[str] = []

    def whole(self, document: Mapping[str, Any]) -> _File:
        """Return what the file says; raises Invalid with a line for every fault."""
        plan: _File = self._table(_File, document, "")
        _refuse(self._faults)
        return plan

    def _value(self, kind: Any, value: Any, place: str) -> Any:
        if isinstance(kind, types.UnionType):
            kind = typing.get_args(kind)[0]
        if typing.get_origin(kind) is tuple:
            return self._list(typing.get_args(kind)[0], value, place)
        if dataclasses.is_dataclass(kind):
            return self._table(kind, value, place)
        if issubclass(kind, StrEnum):
            if value in list(kind):
                return kind(value)
            return self._fault(place, f"{value} is none of {', '.join(kind)}")
        if type(value) is not kind:
            return self._fault(place, f"expected {_EXPECTED[kind]}")
        if kind is str and not value.strip():
            return self._fault(place, "is empty")
        return value.strip() if kind is str else value

    def _list(self, kind: Any, values: Any, place: str) -> tuple[Any, ...]:
        if not isinstance(values, list) or not values:
            self._fault(place, "expected a list of one or more")
            return ()
        names = [_name(value, number) for number, value in enumerate(values, 1)]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self._fault(f"{place} {name}", "is there twice")
        return tuple(
            self._value(kind, value, f"{place} {name}")
            for name, value in zip(names, values, strict=True)
        )

    def _table(self, kind: Any, content: Any, place: str) -> Any:
        if not isinstance(content, Mapping):
            return self._fault(place, "expected a table")
        hints = typing.get_type_hints(kind)
        within = f"{place}, " if place else ""
        for key in content:
            if key not in hints:
                self._fault(f"{within}{key}", f"no such key, only {', '.join(hints)}")
        for field in dataclasses.fields(kind):
            if field.name not in content and field.default is dataclasses.MISSING:
                self._fault(f"{within}{field.name}", "is missing")
        values = {
            key: self._value(hints[key], value, f"{within}{key}")
            for key, value in content.items()
            if key in hints
        }
        return None if self._faults else kind(**values)

    def _fault(self, place: str, what: str) -> None:
        self._faults.append(f"{place}: {what}.")


def _name(value: Any, number: int) -> str:
    """Return what an entry of a list is called in a fault: by its key, or else counted from 1."""
    if isinstance(value, str):
        return value
    called = value if isinstance(value, Mapping) else {}
    return next(
        (called[key] for key in ("key", "sign_in") if type(called.get(key)) is str), ""
    ) or (str(number))


def _refuse(faults: list[str]) -> None:
    if faults:
        raise Invalid("\n".join(["Nothing was added.", *faults]))


# --- the rows ---


class _Founding:
    """Adds what is missing, kind by kind, as each needs the one before."""

    def __init__(self, session: Session, centre: Centre, actor: Actor, now: datetime) -> None:
        self.said: list[str] = []
        self._faults: list[str] = []
        self._session, self._centre, self._now = session, centre, now
        self._by = (actor, now)

    def add_organisations(self, entries: Sequence[_Organisation]) -> None:
        """Add organisations and areas."""
        for entry in entries:
            with self._at(f"organisation {entry.key}") as place:
                row = self._known(Organisation, Organisation.key == entry.key, place)
                self._areas(row or self._organisation(entry), entry, place)
        _refuse(self._faults)

    def _organisation(self, entry: _Organisation) -> Organisation:
        return organisations.add_organisation(
            self._session,
            entry.key,
            entry.name,
            entry.kind,
            country=entry.country or self._centre.country,
            time_zone=entry.time_zone or self._centre.time_zone,
            language=self._language(entry.language) or self._centre.language,
            control_room_phone=entry.control_room_phone,
            actor=self._by[0],
            now=self._now,
        )

    def _areas(self, row: Organisation, entry: _Organisation, place: str) -> None:
        held = {(area.first_postcode, area.last_postcode) for area in row.areas}
        for area in entry.areas:
            run = area.first, area.last
            if run not in held:
                with self._at(f"{place}, areas"):
                    organisations.add_area(self._session, row, *run, area.municipality, *self._by)
                    self._say(place, f"answers for {area.first} to {area.last}")

    def add_teams(self, entries: Sequence[_Team]) -> None:
        """Add teams, whom they serve and the lines of their rota."""
        for entry in entries:
            with self._at(f"team {entry.key}") as place:
                team = self._known(Team, Team.key == entry.key, place) or self._team(entry)
                self._served(team, entry, place)
                self._lines(team, entry, place)
        _refuse(self._faults)

    def _team(self, entry: _Team) -> Team:
        wanted = set(self._session.scalars(sa.select(CategoryWant.function)))
        if entry.function not in wanted:
            known = ", ".join(sorted(wanted))
            raise Invalid(f"No category asks for the function {entry.function}, only for {known}.")
        if "primary" not in {line.key for line in entry.lines}:
            raise Invalid("One of its lines needs the key primary: who is on it is paged first.")
        return organisations.add_team(
            self._session,
            organisations.by_key(self._session, Organisation, entry.organisation),
            entry.key,
            entry.name,
            entry.function,
            *self._by,
            hours=[
                (list(_Day).index(day), window.starts, window.ends)
                for window in entry.hours
                for day in window.days
            ],
            day_contact=entry.day_contact,
        )

    def _served(self, team: Team, entry: _Team, place: str) -> None:
        held = {service.organisation_id for service in team.services}
        for key in entry.serves:
            with self._at(f"{place}, serves"):
                organisation = organisations.by_key(self._session, Organisation, key)
                if organisation.id not in held:
                    organisations.serve(self._session, team, organisation, *self._by)
                    self._say(place, f"serves {key}")

    def _lines(self, team: Team, entry: _Team, place: str) -> None:
        held = set(self._session.scalars(sa.select(Line.key).where(Line.team_id == team.id)))
        for line in entry.lines:
            if line.key not in held:
                changes.add_line(self._session, team, line.key, line.name, *self._by)
                self._say(place, f"has a line {line.key}")

    def add_people(self, entries: Sequence[_Person]) -> None:
        """Add those whose name to sign in with is new, with all that is theirs."""
        for entry in entries:
            with self._at(f"person {entry.sign_in}") as place:
                if not self._known(Person, Person.sign_in == entry.sign_in.lower(), place):
                    self._person(entry, place)
        _refuse(self._faults)

    def _person(self, entry: _Person, place: str) -> None:
        person = staff.add_person(
            self._session,
            organisations.by_key(self._session, Organisation, entry.organisation),
            entry.name,
            sign_in=entry.sign_in,
            language=self._language(entry.language),
            actor=self._by[0],
            now=self._now,
        )
        for key in entry.teams:
            with self._at(f"{place}, teams"):
                team = organisations.by_key(self._session, Team, key)
                today = self._now.astimezone(ZoneInfo(team.time_zone)).date()
                staff.join(self._session, person, team, today, None, *self._by)
                # Whoever takes turns must see the rota.
                staff.grant(self._session, person, Role.RESPONDER, *self._by, team=team)
        self._grant(person, entry, place)
        self._equip(person, entry, place)

    def _grant(self, person: Person, entry: _Person, place: str) -> None:
        for role in Role:
            for key in getattr(entry.roles, role.value):
                if role is not Role.RESPONDER or key not in entry.teams:
                    with self._at(f"{place}, roles, {role}"):
                        where = self._where(role, key)
                        staff.grant(self._session, person, role, *self._by, **where)

    def _where(self, role: Role, key: str) -> dict[str, Any]:
        if role in (Role.RESPONDER, Role.PLANNER):
            team = self._session.scalar(sa.select(Team).where(Team.key == key))
            if team is not None:
                return {"team": team}
        return {"organisation": organisations.by_key(self._session, Organisation, key)}

    def _equip(self, person: Person, entry: _Person, place: str) -> None:
        """Give telephones and proofs of training."""
        for phone in entry.phones:
            with self._at(f"{place}, phones, {phone.number}"):
                kind = MethodKind(phone.kind.value)
                method = phones.add_method(self._session, person, kind, phone.number, *self._by)
                if phone.verified:
                    phones.verify(self._session, method, *self._by)
        for proof in entry.certificates:
            with self._at(f"{place}, certificates"):
                chosen = organisations.by_key(self._session, Qualification, proof.qualification)
                days = proof.issued_on, proof.expires_on
                staff.certify(self._session, person, chosen.id, *days, *self._by)

    def list_people(self, entries: Sequence[_Team]) -> None:
        """Let each team's nobody-on-duty list have those whom it lacks."""
        for entry in entries:
            team = organisations.by_key(self._session, Team, entry.key)
            query = sa.select(NobodyOnDuty.person_id).where(NobodyOnDuty.team_id == team.id)
            held = set(self._session.scalars(query))
            for sign_in in entry.nobody_on_duty:
                with self._at(f"team {entry.key}, nobody_on_duty") as place:
                    person = staff.by_sign_in(self._session, sign_in)
                    if person.id not in held:
                        policies.list_for_nobody_on_duty(self._session, team, person, *self._by)
                        self._say(place, f"has {sign_in}")
        _refuse(self._faults)

    def _known(self, table: type[_Row], which: sa.ColumnElement[bool], place: str) -> _Row | None:
        """Return the row that is there already, if one is, and say whether."""
        row = self._session.scalar(sa.select(table).where(which))
        self._say(place, "is there already" if row else "is added")
        return row

    def _language(self, language: str) -> str:
        offered = self._centre.languages
        if language and language not in offered:
            raise Invalid(f"The centre speaks {', '.join(offered)}, not {language}.")
        return language

    def _say(self, place: str, what: str) -> None:
        self.said.append(f"{place}: {what}.")

    @contextmanager
    def _at(self, place: str) -> Iterator[str]:
        """Note a refusal with its place in the file, and go on to find the next."""
        try:
            yield place
        except DispatchError as error:
            self._faults.append(f"{place}: {error}")
