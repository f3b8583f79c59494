"""Who can be planned in a team, for what and when not: from rows to values.

Somebody is away while they are no member or have left, in approved absences, and during turns in
other teams. A share that changes within the days is averaged over them; unit and lines are those of
the first day on which somebody is a member.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.people.models import Certificate, Membership, Person, Qualification, Team
from dispatch.rota import absences
from dispatch.rota.days import between, local_day, midnight, span
from dispatch.rota.duty import Turn, duty_between
from dispatch.rota.models import Contract
from dispatch.rota.problem import Away, Holding, Officer, Past

_DAY = timedelta(days=1)
#: Turns begin on the last day at the latest, and no turn is longer.
_BEYOND = timedelta(days=14)
#: Turns in other teams so shortly before still ask for rest.
_JUST_BEFORE = timedelta(days=8)

_Span = tuple[datetime, datetime]


def load(
    session: Session, team: Team, first: date, last: date, others: Iterable[int] = ()
) -> list[Officer]:
    """Return everybody who is a member on one of the days, and `others`, by name."""
    begins, ends = span(first, last, team.time_zone)
    reach = (begins - _JUST_BEFORE, ends + _BEYOND)
    places = _memberships(session, team, first, last)
    ids = {*places, *others}
    query = sa.select(Person).where(Person.id.in_(ids)).order_by(Person.name, Person.id)
    people = list(session.scalars(query))
    contracts = _contracts(session, places)
    holdings = _holdings(session, ids)
    elsewhere = _elsewhere(session, team, ids, *reach)
    away = defaultdict(list)
    for absence in absences.standing(session, ids, *reach):
        until = absence.ends_at or reach[1]
        away[absence.person_id].append(Away(absence.starts_at, max(until, begins), "absence"))
    result = []
    for person in people:
        member = _member(team, person, places.get(person.id, ()))
        outside = [Away(*gap, "not_member") for gap in _outside(member, *reach)]
        turns = elsewhere.get(person.id, ())
        busy = [Away(turn.from_at, turn.until_at, "other_team") for turn in turns]
        share, unit, lines = _terms(places.get(person.id, ()), contracts, first, last)
        result.append(
            Officer(
                id=person.id,
                name=person.name,
                share=share,
                unit=unit or None,
                lines=frozenset(lines) if lines else None,
                holds=tuple(holdings.get(person.id, ())),
                away=(*outside, *away[person.id], *busy),
                before=tuple(_past(turn, team) for turn in turns if turn.from_at < begins),
                after=tuple(_past(turn, team) for turn in turns if turn.from_at >= ends),
            )
        )
    return result


def _memberships(
    session: Session, team: Team, first: date, last: date
) -> dict[int, list[Membership]]:
    query = sa.select(Membership).where(
        Membership.team_id == team.id,
        Membership.from_on <= last,
        sa.or_(Membership.until_on.is_(None), Membership.until_on >= first),
    )
    result: dict[int, list[Membership]] = defaultdict(list)
    for place in session.scalars(query.order_by(Membership.from_on)):
        result[place.person_id].append(place)
    return result


def _contracts(
    session: Session, places: Mapping[int, Sequence[Membership]]
) -> dict[int, list[Contract]]:
    ids = [place.id for held in places.values() for place in held]
    query = sa.select(Contract).where(Contract.membership_id.in_(ids))
    result: dict[int, list[Contract]] = defaultdict(list)
    for contract in session.scalars(query.order_by(Contract.from_on)):
        result[contract.membership_id].append(contract)
    return result


def _terms(
    places: Sequence[Membership],
    contracts: Mapping[int, Sequence[Contract]],
    first: date,
    last: date,
) -> tuple[float, str, list[str]]:
    """Return share, unit and lines of somebody for some days."""
    shares: list[float] = []
    held: Contract | None = None
    for place in places:
        begin, end = max(first, place.from_on), min(last, place.until_on or last)
        for day in between(begin, end):
            known = [c for c in contracts.get(place.id, ()) if c.from_on <= day]
            shares.append(known[-1].share if known else 1.0)
            if len(shares) == 1 and known:
                held = known[-1]
    share = round(sum(shares) / len(shares), 6) if shares else 1.0
    return share, held.unit if held else "", held.lines if held else []


def _member(team: Team, person: Person, places: Iterable[Membership]) -> list[_Span]:
    """Return when somebody is in the team."""
    left_at = person.left_at or absences.FAR
    zone = team.time_zone
    spans = [
        (
            midnight(place.from_on, zone),
            midnight(place.until_on + _DAY, zone) if place.until_on else absences.FAR,
        )
        for place in places
    ]
    return sorted((begin, min(end, left_at)) for begin, end in spans if begin < left_at)


def _outside(inside: Iterable[_Span], begins: datetime, ends: datetime) -> list[_Span]:
    """Return what is left of a time without some spans that are in order."""
    left, at = [], begins
    for begin, end in inside:
        if at < min(begin, ends):
            left.append((at, min(begin, ends)))
        at = max(at, end)
    if at < ends:
        left.append((at, ends))
    return left


def _holdings(session: Session, ids: Iterable[int]) -> dict[int, list[Holding]]:
    query = (
        sa.select(Certificate, Qualification.key)
        .join(Qualification, Qualification.id == Certificate.qualification_id)
        .where(Certificate.person_id.in_(ids))
        .order_by(Certificate.id)
    )
    result: dict[int, list[Holding]] = defaultdict(list)
    for certificate, key in session.execute(query):
        ends = [certificate.expires_on, certificate.revoked_on and certificate.revoked_on - _DAY]
        until = min((end for end in ends if end is not None), default=None)
        if until is None or certificate.issued_on <= until:
            result[certificate.person_id].append(Holding(key, certificate.issued_on, until))
    return result


def _elsewhere(
    session: Session, team: Team, ids: Iterable[int], begins: datetime, ends: datetime
) -> dict[int, list[Turn]]:
    """Return what people have to do in other teams."""
    ids = set(ids)
    others = sa.select(Membership.team_id).where(
        Membership.person_id.in_(ids), Membership.team_id != team.id
    )
    result: dict[int, list[Turn]] = defaultdict(list)
    for other in session.scalars(sa.select(Team).where(Team.id.in_(others)).order_by(Team.id)):
        for turn in duty_between(session, other, begins, ends):
            if isinstance(turn, Turn) and turn.person_id in ids:
                result[turn.person_id].append(turn)
    return result


def _past(turn: Turn, team: Team) -> Past:
    """Return a turn in another team as rest looks at it."""
    first = local_day(turn.from_at, team.time_zone)
    last = local_day(turn.until_at - timedelta(microseconds=1), team.time_zone)
    minutes = (turn.until_at - turn.from_at) // timedelta(minutes=1)
    days = tuple(between(first, last))
    return Past("other_team", turn.line_key, turn.from_at, turn.until_at, days, minutes)
