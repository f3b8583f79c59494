"""What weighs on people is counted once for whoever went, and nobody learns what it was."""

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.paging import seats, strain
from dispatch.paging.models import Assignment, AssignmentStatus
from dispatch.people.models import Team
from dispatch.rota import fairness, heavy, planning, terms
from dispatch.rota.models import HeavyCall
from tests.centre import ADA
from tests.paging.conftest import Night


def _move_on(night: Night, status: AssignmentStatus) -> None:
    with night.store.write() as session:
        assignment = session.scalars(sa.select(Assignment).order_by(Assignment.id)).all()[-1]
        who = Actor("person", assignment.person_id, assignment.person.name)
        seats.move_on(session, assignment, status, who, night.now)


def _tally(night: Night) -> int:
    with night.store.write() as session:
        return strain.tally(session, night.now)


def test_whoever_went_for_something_heavy_has_it_counted_once(night: Night) -> None:
    night.report()
    night.text("An", f"JA {night.code('An')}")
    assert _tally(night) == 0, "accepting is not yet going"
    _move_on(night, AssignmentStatus.ON_SCENE)
    assert [_tally(night), _tally(night)] == [1, 0]
    with night.store.read() as session:
        team = session.get_one(Team, night.cast.team.id)
        day = session.scalars(sa.select(HeavyCall.at)).one().date()
        an = night.cast.people["An"].id
        assert heavy.counts(session, team, day, day) == {an: 1}
        ground = planning.load(
            session, team, day.replace(month=6), day.replace(month=7), history=True
        )
        assert ground.histories is not None
        borne = fairness.borne(ground.histories)
    assert borne.counts[an] == 1
    assert 0 < borne.targets[an] < 1


def test_a_kind_that_does_not_weigh_on_the_team_is_not_counted(night: Night) -> None:
    with night.store.write() as session:
        terms.choose(session, night.cast.team, ADA, night.now, heavy="suicide")
    night.report()
    night.text("An", f"JA {night.code('An')}")
    _move_on(night, AssignmentStatus.ON_SCENE)
    assert _tally(night) == 0
