"""Whoever learns is told once somebody goes, may come along, and never goes instead."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dispatch.paging import seats, trainees
from dispatch.paging.models import NobodyOnDuty
from dispatch.paging.seats import Taken
from dispatch.rota.models import Line, Pairing, PairingKind, Shift
from tests.paging.conftest import DORA, Night


@pytest.mark.parametrize(
    ("learning", "mentors", "goes", "told"),
    [
        ([3], {}, 1, [3]),
        ([3], {3: {1, 2}}, 1, [3]),
        ([3], {3: {2}}, 1, []),
        ([3, 4], {3: {2}}, 1, [4]),
        ([1], {}, 1, []),
        ([], {3: {1}}, 1, []),
    ],
)
def test_who_is_told(learning, mentors, goes, told):
    assert trainees.told(learning, mentors, goes) == told


def _learns(night: Night, name: str, mentor: str = "") -> None:
    with night.store.write() as session:
        team = night.cast.team.id
        line = Line(team_id=team, key="shadow", name="shadow", position=9)
        session.add(line)
        session.flush()
        who = night.person(session, name)
        begins, ends = night.now - timedelta(days=1), night.now + timedelta(days=1)
        times = {"starts_at": begins, "ends_at": ends, "changed_at": begins}
        session.add(Shift(uid="learns", line_id=line.id, person_id=who, **times))
        session.execute(sa.delete(NobodyOnDuty))
        session.add(NobodyOnDuty(team_id=team, person_id=night.person(session, "Bert")))
        if mentor:
            pair = {"first_id": who, "second_id": night.person(session, mentor)}
            kind, day = PairingKind.MENTOR, date(2026, 1, 1)
            session.add(Pairing(team_id=team, kind=kind, from_on=day, **pair))


def test_whoever_learns_is_told_once_the_mentor_goes_and_fills_no_seat(night: Night):
    _learns(night, "Chloé", "An")
    night.report()
    night.pass_time(1000)
    assert night.said("Chloé") == []
    night.text("An", f"JA {night.code('An')}")
    (told,) = night.said("Chloé")
    assert "Do you come along to learn?" in told
    assert night.text("Chloé", f"JA {night.code('Chloé')}") == "comes_along"
    assert "a colleague who learns comes along" in night.said("An")[-1]
    # The mentor gives up: whoever learns goes for nobody.
    night.text("An", "nee")
    assert night.text("Chloé", f"JA {night.code('Chloé')}") == "comes_along"
    assert night.status() == ["paging"]


def test_a_yes_on_a_screen_gives_whoever_learns_no_seat_either(night: Night):
    _learns(night, "Chloé")
    night.report()
    night.text("An", f"JA {night.code('An')}")
    with night.callout() as (session, callout):
        callout.want.people = 2
        page = next(one for one in callout.pages if trainees.is_for_learning(one))
        found = seats.accept(session, page, DORA, "screen", night.now)
        assert found.taken is Taken.TOO_LATE and len(callout.assignments) == 1


def test_whoever_has_another_mentor_is_not_told(night: Night):
    _learns(night, "Chloé", "Bert")
    night.report()
    night.text("An", f"JA {night.code('An')}")
    assert night.said("Chloé") == []


def test_a_team_in_which_only_somebody_who_learns_is_on_duty_is_served_by_nobody(night: Night):
    _learns(night, "Chloé")
    with night.store.write() as session:
        session.execute(sa.delete(Shift).where(Shift.uid != "learns"))
    night.report()
    assert "nobody_on_duty" in night.story() and night.said("Chloé") == []
