"""Testing by day whoever was off duty for long: their number may have changed, or their phone.

A text that asks for a yes, then a call; who answers neither is named to whoever plans. Nobody is
tested who is away, and nobody twice within a month. An owner may test a telephone at any time.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch import logs, seal, upkeep
from dispatch.checks import choices, deciding, stages
from dispatch.checks.models import Check, CheckKind
from dispatch.db import Session, Store
from dispatch.errors import Conflict
from dispatch.people.models import ContactMethod, Membership, Person, Team
from dispatch.rota import absences
from dispatch.rota.days import local_day, midnight
from dispatch.rota.models import Cover, Shift
from dispatch.texts import N_

log = logs.logger(__name__)

_LEASE_SECONDS = 1800
#: An answer is waited for so long, by text and then by call.
_WAIT = timedelta(minutes=30)
_OWN_WAIT = timedelta(minutes=3)
_TESTS_AN_HOUR = 5
#: Who answered when more than a year ago is nobody's business.
_KEPT = timedelta(days=400)
_INSTANT = timedelta(microseconds=1)

_Step = Callable[[Session], None]


def go(store: Store, holder: str, now: datetime) -> int:
    """Test whoever is due now, by one engine of several; return how many."""
    with store.write() as session:
        if not upkeep.take_lease(session, "monthly tests", holder, now, _LEASE_SECONDS):
            return 0
        session.execute(sa.delete(Check).where(Check.ended_at < now - _KEPT))
    with store.read() as session:
        due = [
            (team, person_id)
            for team in session.scalars(sa.select(Team).order_by(Team.id)).all()
            if deciding.may_test(now, team.time_zone) and choices.of_team(session, team).tests
            for person_id in _due(session, team, now)
        ]
    for team, person_id in due:
        try:
            with store.write() as session:
                _test(session, team, person_id, now)
        except Exception:
            # One of them that cannot be done may not keep the others from being tested.
            log.exception("test_failed", person=person_id)
    return len(due)


def test_own(session: Session, method: ContactMethod, team: Team | None, now: datetime) -> Check:
    """Try one telephone because its owner asks for it; raises Conflict when that was too often."""
    key = seal.fingerprint(session, f"test of {method.uid}")
    if upkeep.hits(session, key, now, 3600) > _TESTS_AN_HOUR:
        raise Conflict(N_("Too many tests were sent there. Wait an hour, then try again."))
    if team is None or method.verified_at is None:
        raise Conflict(N_("Only a confirmed telephone of somebody in a team can be tested."))
    check = stages.begin(
        session,
        CheckKind.TEST,
        f"own:{method.uid}:{seal.new_token()}",
        method.person_id,
        team,
        (now, now + timedelta(hours=1)),
        now,
        method_id=method.id,
    )
    assert check is not None, "nobody else draws that"
    stages.first(session, check, _OWN_WAIT, now)
    return check


def _due(session: Session, team: Team, now: datetime) -> list[int]:
    """Return which members nothing was heard of for long."""
    today = local_day(now, team.time_zone)
    here = (
        sa.select(Membership.person_id, sa.func.min(Membership.from_on))
        .join(Person)
        .where(Membership.team_id == team.id, Membership.from_on <= today)
        .where(sa.or_(Membership.until_on.is_(None), Membership.until_on >= today))
        .where(Person.left_at.is_(None))
        .group_by(Membership.person_id)
        .order_by(Membership.person_id)
    )
    came = dict(session.execute(here).all())
    turns, tested = _last_turns(session, list(came), now), _last_tested(session, list(came))
    away = {one.person_id for one in absences.standing(session, list(came), now, now + _INSTANT)}
    return [
        person_id
        for person_id, from_on in came.items()
        if person_id not in away
        and deciding.to_test(
            [midnight(from_on, team.time_zone), turns.get(person_id), tested.get(person_id)], now
        )
    ]


def _last_turns(
    session: Session, person_ids: Sequence[int], now: datetime
) -> Mapping[int, datetime]:
    """Return until when each had a turn last, or has one within two days."""
    found: dict[int, datetime] = {}
    for table in (Shift, Cover):
        query = (
            sa.select(table.person_id, sa.func.max(table.ends_at))
            .where(table.person_id.in_(person_ids), table.cancelled_at.is_(None))
            .where(table.starts_at < now + timedelta(days=2))
            .group_by(table.person_id)
        )
        for person_id, ends_at in session.execute(query):
            found[person_id] = max(found.get(person_id, ends_at), ends_at)
    return found


def _last_tested(session: Session, person_ids: Sequence[int]) -> Mapping[int, datetime]:
    query = (
        sa.select(Check.person_id, sa.func.max(Check.asked_at))
        .where(Check.person_id.in_(person_ids), Check.kind != CheckKind.REMINDER)
        .group_by(Check.person_id)
    )
    return dict(session.execute(query).all())


def _test(session: Session, team: Team, person_id: int, now: datetime) -> None:
    day = local_day(now, team.time_zone)
    check = stages.begin(
        session,
        CheckKind.TEST,
        f"test:{person_id}:{day.isoformat()}",
        person_id,
        team,
        (now, now + 4 * _WAIT),
        now,
    )
    if check is not None:
        stages.first(session, check, _WAIT, now)
