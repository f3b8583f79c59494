"""What did not happen is explained as well: a step that adds nobody, a room that cannot be rung."""

import sqlalchemy as sa

from dispatch.incidents.models import TimelineEntry
from dispatch.paging.models import PolicyStep, Target
from dispatch.paging.sentences import sentence
from dispatch.people.models import Organisation
from dispatch.rota.models import Line, Shift
from tests.paging.conftest import Night


def _told(night: Night, kind: str) -> list[str]:
    with night.store.read() as session:
        found = session.scalars(sa.select(TimelineEntry).where(TimelineEntry.kind == kind))
        return [sentence(entry.kind, entry.facts, "en") for entry in found]


def test_control_room_without_a_number_is_told(night: Night) -> None:
    with night.store.write() as session:
        session.execute(sa.update(Organisation).values(control_room_phone=""))
    night.report()
    night.pass_time(480)
    (told,) = _told(night, "no_control_room")
    assert "no number of a control room" in told
    assert "ringing_control_room" not in night.story()


def test_step_whose_backup_is_the_primary_says_that_it_adds_nobody(night: Night) -> None:
    with night.store.write() as session:
        of_backup = Shift.uid == "shift-backup"
        session.execute(
            sa.update(Shift).where(of_backup).values(person_id=night.person(session, "An"))
        )
    night.report()
    night.pass_time(240)
    assert _told(night, "asked_already") == [
        "The next step adds nobody of Victim support; asked already: An Peeters."
    ]


def test_step_for_a_line_that_there_is_not_says_that_it_adds_nobody(night: Night) -> None:
    with night.store.write() as session:
        session.execute(sa.update(Line).where(Line.key == "backup").values(key="third"))
    night.report()
    night.pass_time(240)
    assert _told(night, "adds_nobody") == ["The next step adds nobody of Victim support."]


def test_empty_line_is_told_once_as_such(night: Night) -> None:
    with night.store.write() as session:
        of_backup = Shift.uid == "shift-backup"
        session.execute(sa.update(Shift).where(of_backup).values(cancelled_at=night.now))
    night.report()
    night.pass_time(240)
    assert "gap" in night.story()
    assert "adds_nobody" not in night.story()


def test_everybody_trained_who_was_asked_already_is_named(night: Night) -> None:
    with night.store.write() as session:
        session.execute(
            sa.update(PolicyStep)
            .where(PolicyStep.target == Target.CONTROL_ROOM)
            .values(target=Target.BACKUP)
        )
    night.report()
    night.pass_time(480)
    assert _told(night, "asked_already") == [
        "The next step adds nobody of Victim support; asked already: Bert Maes."
    ]
