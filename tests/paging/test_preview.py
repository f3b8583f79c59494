"""What a report would lead to is what then happens, also where not simply the primary goes."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.incidents import catalogue
from dispatch.incidents.models import FlagWant, ResponseMode
from dispatch.incidents.wanting import Wanted
from dispatch.outbox.models import Message
from dispatch.paging import preview
from dispatch.paging.models import Policy, PolicyStep, Target
from dispatch.paging.preview import Draft
from dispatch.people.models import Certificate, Person, Team
from dispatch.rota.models import Absence, AbsenceKind, Answer, Line, Shift
from tests.centre import NOW
from tests.paging.conftest import Night


def _team(session: Session) -> Team:
    return session.scalars(sa.select(Team).where(Team.key == "support")).one()


def _foreseen_and_sent(night: Night) -> tuple[list[object], list[object]]:
    """Return what is foreseen of an alert, and what left in as long as that, as it happens."""
    with night.store.read() as session:
        crash = catalogue.by_key(session, "fatal_crash")
        found = preview.rehearse(session, _team(session), Draft(1, crash), night.now).preview
    began_at = night.now
    night.report()
    night.pass_time(found.repeat_after_seconds - 1)
    with night.store.read() as session:
        query = sa.select(Message.created_at, Message.kind, Person.name)
        rows = session.execute(query.outerjoin(Person, Person.id == Message.person_id))
        sent = [((at - began_at).total_seconds(), name or "", str(kind)) for at, kind, name in rows]
    foreseen = [
        (seconds, one.name, channel) for one in found.foreseen for channel, seconds in one.attempts
    ]
    return [sorted(foreseen), [gap.kind for gap in found.gaps]], [sorted(sent), night.alarms()]


def test_that_everybody_left_is_away_is_foreseen(night: Night):
    with night.store.write() as session:
        for name in ("An", "Bert"):
            session.add(
                Absence(
                    person_id=night.person(session, name),
                    kind=AbsenceKind.SICK,
                    starts_at=NOW - timedelta(days=1),
                    ends_at=NOW + timedelta(days=1),
                    answer=Answer.APPROVED,
                    asked_at=NOW,
                    asked_by=name,
                )
            )
    foreseen, happened = _foreseen_and_sent(night)
    assert foreseen == happened
    assert happened[1] == ["only_away"]


def test_that_only_somebody_who_learns_is_on_duty_is_foreseen(night: Night):
    with night.store.write() as session:
        line = Line(team_id=night.cast.team.id, key="shadow", name="shadow", position=9)
        session.add(line)
        session.flush()
        session.execute(sa.update(Shift).values(cancelled_at=NOW))
        times = {"starts_at": NOW, "ends_at": NOW + timedelta(days=1), "changed_at": NOW}
        learns = night.person(session, "Bert")
        session.add(Shift(uid="learns", line_id=line.id, person_id=learns, **times))
    with night.store.read() as session:
        found = preview.rehearse(session, _team(session), Draft(1), NOW).preview
    assert [one.name for one in found.foreseen if one.fit][:1] == ["Chloé Dubois"]
    assert found.learners == [("Bert Maes", [])]
    assert "nobody_on_duty" in [gap.kind for gap in found.gaps]


def test_of_two_teams_outside_their_hours_one_is_called_and_foreseen(night: Night):
    closed = {"organisation_id": night.cast.organisation.id, "hours": [[0, "08:00", "09:00"]]}
    with night.store.write() as session:
        two = [Team(key=key, name=key, function="social", **closed) for key in ("day", "late")]
        session.add_all(two)
        session.flush()
        found = preview.foresee(session, [Wanted(team) for team in two], Draft(1), NOW)
    assert [one.closed for one in found] == [True, False]


def test_what_can_wait_is_foreseen_for_the_morning_and_a_flag_with_whom_it_calls(night: Night):
    at = datetime(2026, 3, 14, 22, 30, tzinfo=UTC)
    with night.store.write() as session:
        crash = catalogue.by_key(session, "fatal_crash")
        crash.response_mode = ResponseMode.RING_15
        session.add(FlagWant(flag="second_officer", function=_team(session).function, people=2))
        session.flush()
        early = preview.rehearse(session, _team(session), Draft(2, crash), at)
        flags = {"second_officer": True}
        late = preview.rehearse(session, _team(session), Draft(3, crash, flags=flags), at)
    assert (early.begins_at, early.preview.people) == (at, 1)
    assert late.begins_at == datetime(2026, 3, 15, 6, tzinfo=UTC)
    assert (late.preview.people, late.preview.flag) == (2, "second_officer")


def test_that_nobody_on_duty_is_trained_is_foreseen_and_sounds_while_others_are_called(
    night: Night,
):
    with night.store.write() as session:
        on_duty = [night.person(session, name) for name in ("An", "Bert")]
        session.execute(sa.delete(Certificate).where(Certificate.person_id.in_(on_duty)))
        standard = session.scalars(sa.select(Policy)).one()
        more = {"target": Target.EVERYONE, "after_seconds": 720, "attempts": [["sms", 0]]}
        session.add(PolicyStep(policy_id=standard.id, position=9, **more))
    foreseen, happened = _foreseen_and_sent(night)
    assert foreseen == happened
    assert happened[1] == ["untrained_on_duty"]
    assert tuple(reversed(night.story()[4:6])) == ("untrained_on_duty", "paging")
