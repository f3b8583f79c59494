"""What a team is planned by: patterns, days, contracts, pairings, balances, each from a day on.

Entering one checks it, records it and lets screens look again; nothing here is deleted, because a
past period must still be understood. What rules say is in `rulebook`, what an organisation chose
besides in `terms`.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Membership, Organisation, Person, Team
from dispatch.rota import changes, holidays, patterns, presets, record
from dispatch.rota.days import between
from dispatch.rota.holidays import Calendar, Day, Eves, Kind
from dispatch.rota.models import (
    Contract,
    Line,
    OpeningBalance,
    OwnDay,
    Pairing,
    PairingKind,
    TeamPattern,
    Version,
)
from dispatch.rota.patterns import Pattern
from dispatch.rota.terms import terms_of
from dispatch.settings import Settings
from dispatch.texts import N_

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Phase:
    """A pattern and the days, both included, on which it says what is needed."""

    first: date
    last: date
    pattern: Pattern


# --- Patterns.


def set_pattern(
    session: Session,
    team: Team,
    document: Mapping[str, Any],
    valid_from: date,
    actor: Actor,
    now: datetime,
) -> TeamPattern:
    """Let a team take turns by a pattern from a day on; its lines are there afterwards.

    Raises Invalid naming each field that cannot be used.
    """
    pattern = patterns.read(document)
    _refuse_strangers(session, team, pattern)
    query = sa.select(TeamPattern).where(TeamPattern.team_id == team.id)
    row = session.scalars(query.where(TeamPattern.valid_from == valid_from)).one_or_none()
    if row is None:
        row = TeamPattern(team_id=team.id, valid_from=valid_from, document=dict(document))
        session.add(row)
    row.document = dict(document)
    known = {line.key for line in lines_of(session, team)}
    for line in pattern.lines:
        for key in seats_of(line.key, most_people(pattern, line.key)):
            if key not in known:
                name = key.replace("_", " ").replace("-", " ").capitalize()
                changes.add_line(session, team, key, name, actor, now)
    session.flush()
    facts = {"valid_from": valid_from, "lines": [line.key for line in pattern.lines]}
    record.note(session, team, actor, "pattern.set", f"team:{team.id}", facts, now)
    return row


def _refuse_strangers(session: Session, team: Team, pattern: Pattern) -> None:
    """Raise Invalid for a fixed order with somebody who never was in the team."""
    members = set(
        session.scalars(sa.select(Membership.person_id).where(Membership.team_id == team.id))
    )
    told = N_("Nobody like this is in the team.")
    strangers = {
        f"lines.{line_at}.rotations.{at}.order.{place}": told
        for line_at, line in enumerate(pattern.lines)
        for at, rotation in enumerate(line.rotations)
        for place, person_id in enumerate(rotation.order)
        if person_id not in members
    }
    if strangers:
        raise Invalid(told, **strangers)


def phases(session: Session, team: Team, first: date, last: date) -> list[Phase]:
    """Return the patterns that hold on some days, in order; days before the first have none."""
    query = sa.select(TeamPattern).where(
        TeamPattern.team_id == team.id, TeamPattern.valid_from <= last
    )
    rows = list(session.scalars(query.order_by(TeamPattern.valid_from)))
    found = []
    for number, row in enumerate(rows):
        until = rows[number + 1].valid_from - _DAY if number + 1 < len(rows) else last
        if max(first, row.valid_from) <= min(last, until):
            pattern = patterns.read(row.document)
            found.append(Phase(max(first, row.valid_from), min(last, until), pattern))
    return found


def lines_of(session: Session, team: Team) -> list[Line]:
    """Return the lines of a team in their order."""
    query = sa.select(Line).where(Line.team_id == team.id)
    return list(session.scalars(query.order_by(Line.position, Line.id)))


def most_people(pattern: Pattern, key: str) -> int:
    """Return how many people a line of a pattern wants at most at the same time."""
    return max(
        (
            turn.people or line.people
            for line in pattern.lines
            if line.key == key
            for turn in line.turns
        ),
        default=1,
    )


def seats_of(key: str, people: int) -> list[str]:
    """Return the keys of the rows that a pattern's line takes: each of its people has one."""
    return [key, *(f"{key}-{number}" for number in range(2, people + 1))]


def keys_of(session: Session, team: Team, found: Iterable[Phase]) -> dict[int, str]:
    """Return for each line of a team, by its id, which line of the patterns it is a seat of."""
    seats = {
        seat: line.key
        for phase in found
        for line in phase.pattern.lines
        for seat in seats_of(line.key, most_people(phase.pattern, line.key))
    }
    return {line.id: seats.get(line.key, line.key) for line in lines_of(session, team)}


# --- Days.


def calendar_of(
    session: Session, team: Team, first: date, last: date, *, kept_before: date | None = None
) -> Calendar:
    """Return the days that matter to a team as they are known now.

    Days before `kept_before` count as they did when their turns were published: an update of the
    library, or a day added since, must not rewrite what was fair.
    """
    known = _known_days(session, team, first, last)
    if kept_before is None:
        return known
    until = min(last, kept_before - _DAY)
    covered: dict[date, list[Day]] = {}
    for version in _versions(session, team, first, until):
        kept = Calendar.thawed(version.days).days
        for day in between(max(first, version.first_on), min(version.last_on, until)):
            covered[day] = [one for one in kept if one.on == day]
    fresh = [day for day in known.days if day.on not in covered]
    return Calendar(tuple(sorted([*fresh, *(day for days in covered.values() for day in days)])))


def _versions(session: Session, team: Team, first: date, last: date) -> Iterable[Version]:
    query = sa.select(Version).where(
        Version.team_id == team.id, Version.first_on <= last, Version.last_on >= first
    )
    return session.scalars(query.order_by(Version.number))


def _known_days(session: Session, team: Team, first: date, last: date) -> Calendar:
    organisation = session.get_one(Organisation, team.organisation_id)
    rows = session.scalars(sa.select(OwnDay).where(OwnDay.organisation_id == organisation.id)).all()
    return holidays.calendar(
        organisation.country,
        first,
        last,
        community=terms_of(session, team).days,
        language=organisation.language,
        eves=_eves(session, team, organisation),
        added=[Day(row.on, Kind(row.kind), row.name) for row in rows if not row.removed],
        removed={(row.on, row.kind) for row in rows if row.removed},
    )


def _eves(session: Session, team: Team, organisation: Organisation) -> Eves | None:
    settings: Settings = session.info["settings"]
    kept = _eves_of(settings.config_dir, organisation.country)
    if kept is None:
        return None
    chosen = terms_of(session, team).eves
    return Eves(kept.usual if not chosen else chosen == "yes", kept.days)


_eves_of = functools.cache(presets.eves_of)


def set_day(
    session: Session,
    team: Team,
    on: date,
    kind: str,
    name: str,
    actor: Actor,
    now: datetime,
    *,
    removed: bool = False,
) -> OwnDay:
    """Let a day matter to the organisation that runs a team, or, removed, matter no more."""
    if kind not in list(Kind):
        sentence = N_("Choose one of these.")
        raise Invalid(sentence, kind=sentence)
    query = sa.select(OwnDay).where(OwnDay.organisation_id == team.organisation_id)
    row = session.scalars(query.where(OwnDay.on == on, OwnDay.kind == kind)).one_or_none()
    if row is None:
        row = OwnDay(organisation_id=team.organisation_id, on=on, kind=kind)
        session.add(row)
    row.name, row.removed = name, removed
    session.flush()
    facts = {"on": on, "kind": kind, "name": name, "removed": removed}
    subject = f"organisation:{team.organisation_id}"
    record.note(session, team, actor, "day.set", subject, facts, now)
    return row


# --- People.


def set_contract(
    session: Session,
    membership: Membership,
    from_on: date,
    share: float,
    actor: Actor,
    now: datetime,
    *,
    unit: str = "",
    lines: Iterable[str] = (),
) -> Contract:
    """Say how much of full employment somebody takes turns for, from a day on."""
    if not 0 < share <= 1:
        sentence = N_("A share is above 0 and at most 1: half time is 0.5.")
        raise Invalid(sentence, share=sentence)
    query = sa.select(Contract).where(Contract.membership_id == membership.id)
    row = session.scalars(query.where(Contract.from_on == from_on)).one_or_none()
    if row is None:
        row = Contract(membership_id=membership.id, from_on=from_on)
        session.add(row)
    row.share, row.unit, row.lines = share, unit, list(lines)
    session.flush()
    team = session.get_one(Team, membership.team_id)
    facts = {"person": membership.person_id, "from_on": from_on, "share": share, "unit": unit}
    subject = f"membership:{membership.id}"
    record.note(session, team, actor, "contract.set", subject, facts, now)
    return row


def pair(
    session: Session,
    team: Team,
    kind: PairingKind,
    first: Person,
    second: Person,
    from_on: date,
    actor: Actor,
    now: datetime,
    *,
    until_on: date | None = None,
    weight: int | None = None,
) -> Pairing:
    """Say that two people serve apart, together, or the first only beside the second."""
    if first.id == second.id:
        sentence = N_("Choose two different people.")
        raise Invalid(sentence, second=sentence)
    if until_on is not None and until_on < from_on:
        sentence = N_("The last day comes before the first.")
        raise Invalid(sentence, until_on=sentence)
    row = Pairing(
        team_id=team.id,
        kind=kind,
        first_id=first.id,
        second_id=second.id,
        weight=weight,
        from_on=from_on,
        until_on=until_on,
    )
    session.add(row)
    session.flush()
    _note_pairing(session, team, row, actor, "pairing.set", now)
    return row


def unpair(session: Session, pairing: Pairing, last_on: date, actor: Actor, now: datetime) -> None:
    """Let a pairing end with a day."""
    if pairing.until_on is not None and pairing.until_on <= last_on:
        raise Conflict(N_("This has ended already."))
    pairing.until_on = last_on
    session.flush()
    team = session.get_one(Team, pairing.team_id)
    _note_pairing(session, team, pairing, actor, "pairing.ended", now)


def set_balance(
    session: Session,
    team: Team,
    person: Person,
    measure: str,
    amount: float,
    on: date,
    actor: Actor,
    now: datetime,
) -> OpeningBalance:
    """Say what somebody had served of a measure up to a day, before turns are known here."""
    query = sa.select(OpeningBalance).where(
        OpeningBalance.team_id == team.id,
        OpeningBalance.person_id == person.id,
        OpeningBalance.measure == measure,
    )
    row = session.scalars(query).one_or_none()
    if row is None:
        row = OpeningBalance(team_id=team.id, person_id=person.id, measure=measure)
        session.add(row)
    row.amount, row.on = amount, on
    session.flush()
    facts = {"person": person.id, "measure": measure, "amount": amount, "on": on}
    record.note(session, team, actor, "balance.set", f"team:{team.id}", facts, now)
    return row


def balances_of(session: Session, team: Team) -> dict[int, dict[str, float]]:
    """Return what people of a team had served before turns are known here, by measure."""
    result: dict[int, dict[str, float]] = {}
    for row in session.scalars(sa.select(OpeningBalance).where(OpeningBalance.team_id == team.id)):
        result.setdefault(row.person_id, {})[row.measure] = row.amount
    return result


def pairings_of(session: Session, team: Team, first: date, last: date) -> list[Pairing]:
    """Return the pairings of a team that hold on some of the days."""
    query = sa.select(Pairing).where(
        Pairing.team_id == team.id,
        Pairing.from_on <= last,
        sa.or_(Pairing.until_on.is_(None), Pairing.until_on >= first),
    )
    return list(session.scalars(query.order_by(Pairing.id)))


def _note_pairing(
    session: Session, team: Team, row: Pairing, actor: Actor, action: str, now: datetime
) -> None:
    facts = {"kind": row.kind.value, "people": [row.first_id, row.second_id]}
    record.note(session, team, actor, action, f"pairing:{row.id}", facts, now)
