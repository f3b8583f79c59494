"""A turn that will have nobody is alarmed a week, a day and an hour ahead, then on the board."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dispatch.db import Store
from dispatch.outbox import queue
from dispatch.outbox.models import Message
from dispatch.people.models import Certificate, Role, RoleGrant
from dispatch.rota import absences
from dispatch.rota.models import AbsenceKind, Shift
from dispatch.vigil import cover, wrongs
from dispatch.vigil.cover import stage
from tests import centre
from tests.vigil.conftest import Watched

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(-2, "1h"), (0, "1h"), (1, "1h"), (1.1, "24h"), (24, "24h"), (25, "7d"), (169, None)],
)
def test_how_near_it_is(hours: float, expected: str | None):
    assert stage(centre.NOW + hours * HOUR, centre.NOW) == expected


@pytest.fixture
def planned(watched: Watched, cast: centre.Centre) -> Watched:
    """An's turn ends in four days and nobody follows; Bert's goes on. Chloé plans."""
    with watched.store.write() as session:
        planner = cast.people["Chloé"].id
        session.add(RoleGrant(person_id=planner, role=Role.PLANNER, team_id=cast.team.id))
        backup = session.scalars(sa.select(Shift).where(Shift.uid == "shift-backup")).one()
        backup.ends_at += timedelta(days=30)
    return watched


def told(store: Store) -> list[str]:
    with store.read() as session:
        found = session.scalars(sa.select(Message).order_by(Message.id))
        return [queue.text_of(session, one).partition(" http")[0] for one in found]


def sounding(store: Store, cast: centre.Centre) -> list[str]:
    with store.read() as session:
        found = wrongs.standing(session, [cast.organisation.id])
        return [wrongs.said(one, "en") for one in found]


def test_a_gap_is_told_at_each_distance_once_and_sounds_within_the_hour(
    planned: Watched, cast: centre.Centre
):
    ends, seen = centre.NOW + timedelta(days=4), []
    for ahead in (4 * 24 * HOUR, 30 * HOUR, 23 * HOUR, 22 * HOUR, 0.9 * HOUR, 0.5 * HOUR):
        planned.clock.set(ends - ahead)
        planned.sentry.look_ahead()
        seen.append((len(told(planned.store)), len(sounding(planned.store, cast))))
    assert set(told(planned.store)) == {
        "ROTA: Victim support: primary: nobody from Wed 18 Mar 14:02 on."
    }
    assert seen == [(1, 0), (1, 0), (2, 0), (2, 0), (3, 1), (3, 1)]
    assert sounding(planned.store, cast) == [
        "Victim support: primary: nobody from Wed 18 Mar 14:02 on. Find somebody."
    ]
    with planned.store.write() as session:
        shift = session.scalars(sa.select(Shift).where(Shift.uid == "shift-primary")).one()
        shift.ends_at += timedelta(days=20)
    planned.clock.advance(minutes=2)
    planned.sentry.look_ahead()
    assert sounding(planned.store, cast) == []


def test_a_fault_in_telling_keeps_nothing_off_the_board(
    planned: Watched, cast: centre.Centre, monkeypatch: pytest.MonkeyPatch
):
    planned.clock.set(centre.NOW + timedelta(days=4) - 0.9 * HOUR)
    monkeypatch.setattr(cover, "tell", lambda *_, **__: 1 / 0)
    planned.sentry.look_ahead()
    assert len(sounding(planned.store, cast)) == 1


def test_somebody_who_will_be_away_or_loses_a_proof_is_told_as_well(
    planned: Watched, cast: centre.Centre
):
    now = centre.NOW
    with planned.store.write() as session:
        away = now + 30 * HOUR, now + 40 * HOUR, centre.ADA, now
        bert = session.merge(cast.people["Bert"])
        absences.ask(session, bert, AbsenceKind.SICK, *away, approved=True)
        mine = sa.select(Certificate).where(Certificate.person_id == cast.people["An"].id)
        session.scalars(mine).one().expires_on = date(2026, 3, 16)
    planned.sentry.look_ahead()
    assert told(planned.store)[-1] == (
        "ROTA: Victim support: An Peeters: death notification is valid until Mon 16 Mar, the turn "
        "is on Wed 11 Mar 14:02. That is the first of 3 within a week."
    )
