"""Whoever comes on duty while somebody is being sought is paged at that instant."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dispatch.paging.models import NobodyOnDuty, PolicyStep, Target
from dispatch.people.models import Membership, Service, Team
from dispatch.rota.models import Cover, Line, Shift
from tests.paging.conftest import Night


def _hand_over(night: Night, seconds: float, key: str = "primary", name: str = "Chloé") -> None:
    """Let somebody's turn on a line begin so many seconds from now, and the present one end."""
    at = night.now + timedelta(seconds=seconds)
    with night.store.write() as session:
        shift = session.scalars(sa.select(Shift).where(Shift.uid == f"shift-{key}")).one()
        ends_at, shift.ends_at = shift.ends_at, at
        session.flush()
        session.add(
            Shift(
                uid=f"next-{key}",
                line_id=shift.line_id,
                person_id=night.person(session, name),
                starts_at=at,
                ends_at=ends_at,
                changed_at=night.now,
            )
        )


def _texted_at(night: Night, name: str) -> list[float]:
    """Seconds from now, of every page."""
    return [(page.created_at - night.now).total_seconds() for page in night.pages(name)]


@pytest.mark.parametrize("seconds", [7, 100, 500, 1234])
def test_newcomer_is_paged_at_the_hand_over(night: Night, seconds: int) -> None:
    """Before the second attempt, between two steps, and between two repeats."""
    _hand_over(night, seconds)
    night.report()
    night.pass_time(seconds - 0.001)
    assert night.said("Chloé") == []
    night.pass_time(0.001)
    assert len(night.said("Chloé", "sms")) == 1
    assert night.pages("Chloé")[0].reason["kind"] == "primary"
    assert _texted_at(night, "Chloé") == [0]


def test_newcomer_ends_that_nobody_is_left(night: Night) -> None:
    with night.store.write() as session:
        session.execute(sa.delete(NobodyOnDuty))
    _hand_over(night, 100)
    night.report()
    for name in ("An", "Bert"):
        night.text(name, f"NEE {night.code(name)}")
    assert (night.status(), night.alarm()) == (["unanswered"], "everybody_declined")
    night.pass_time(100)
    assert (night.status(), night.alarms()) == (["paging"], [])


def test_newcomer_who_has_declined_is_left_alone(night: Night) -> None:
    _hand_over(night, 100)
    night.report()
    for name in ("An", "Bert", "Chloé"):
        night.text(name, f"NEE {night.code(name)}")
    night.pass_time(100)
    assert len(night.pages("Chloé")) == 1


def test_line_whose_step_has_not_come_waits_for_it(night: Night) -> None:
    _hand_over(night, 100, key="backup")
    night.report()
    night.pass_time(239)
    assert night.said("Chloé") == []
    night.pass_time(1)
    assert len(night.said("Chloé", "sms")) == 1
    assert night.said("Bert") == []


def test_line_that_was_empty_is_filled_in_the_middle(night: Night) -> None:
    with night.store.write() as session:
        shift = session.scalars(sa.select(Shift).where(Shift.uid == "shift-primary")).one()
        shift.starts_at = night.now + timedelta(seconds=300)
    night.report()
    assert len(night.said("Bert", "sms")) == 1
    night.pass_time(300)
    assert len(night.said("An", "sms")) == 1


def test_cover_that_begins_is_a_hand_over(night: Night) -> None:
    with night.store.write() as session:
        shift = session.scalars(sa.select(Shift).where(Shift.uid == "shift-primary")).one()
        session.add(
            Cover(
                uid="cover",
                shift_id=shift.id,
                person_id=night.person(session, "Chloé"),
                starts_at=night.now + timedelta(seconds=60),
                ends_at=night.now + timedelta(hours=2),
                changed_at=night.now,
            )
        )
    night.report()
    night.pass_time(60)
    assert len(night.said("Chloé", "sms")) == 1


def test_hand_over_in_another_team_that_a_step_asks_counts_too(night: Night) -> None:
    with night.store.write() as session:
        home = night.cast.organisation.id
        team = Team(key="jour", name="Jour", organisation_id=home, function="social")
        session.add_all([team, Service(team=team, organisation_id=home)])
        session.flush()
        line = Line(team_id=team.id, key="primary", name="primary", position=0)
        session.add(line)
        session.flush()
        chloe = night.person(session, "Chloé")
        session.add(Membership(person_id=chloe, team_id=team.id, from_on=date(2020, 1, 1)))
        begins_at = night.now + timedelta(seconds=250)
        session.add(
            Shift(
                uid="jour",
                line_id=line.id,
                person_id=chloe,
                starts_at=begins_at,
                ends_at=begins_at + timedelta(days=1),
                changed_at=night.now,
            )
        )
        session.execute(
            sa.update(PolicyStep)
            .where(PolicyStep.target == Target.BACKUP)
            .values(target=Target.TEAM, team_id=team.id)
        )
    night.report()
    night.pass_time(249)
    assert night.said("Chloé") == []
    night.pass_time(1)
    assert len(night.said("Chloé", "sms")) == 1
