"""What did not happen is explained as well: a step that adds nobody, a room that cannot be rung."""

from datetime import timedelta

import sqlalchemy as sa

from dispatch.incidents.models import TimelineEntry
from dispatch.paging.models import PageStatus, PolicyStep, Target
from dispatch.paging.sentences import sentence
from dispatch.people.models import Organisation
from dispatch.rota.models import Absence, AbsenceKind, Answer, Line, Shift
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


def _away(night: Night, *names: str, days: float | None = 3) -> None:
    """Approve that somebody is away since yesterday."""
    with night.store.write() as session:
        for name in names:
            session.add(
                Absence(
                    person_id=night.person(session, name),
                    kind=AbsenceKind.SICK,
                    starts_at=night.now - timedelta(days=1),
                    ends_at=None if days is None else night.now + timedelta(days=days),
                    answer=Answer.APPROVED,
                    asked_at=night.now,
                    asked_by=name,
                )
            )


def test_whoever_is_away_is_passed_over_and_the_backup_paged_at_once(night: Night) -> None:
    _away(night, "An")
    night.report()
    assert [(page.person.name, page.status) for page in night.pages()] == [
        ("An Peeters", PageStatus.SKIPPED),
        ("Bert Maes", PageStatus.WAITING),
    ]
    (told,) = _told(night, "skipped")
    assert told == "An Peeters passed over (Victim support): is away until 17 Mar 2026"


def test_when_everybody_is_away_all_who_are_trained_are_paged_all_the_same(night: Night) -> None:
    _away(night, *night.cast.people, days=None)
    night.report()
    paged = {page.person.name for page in night.pages() if page.ended_at is None and page.person}
    assert {"An Peeters", "Bert Maes"} <= paged
    assert "only_away" in night.alarms()


def test_leave_that_is_only_asked_for_keeps_nobody_from_being_paged(night: Night) -> None:
    _away(night, "An")
    with night.store.write() as session:
        session.execute(sa.update(Absence).values(answer=Answer.ASKED))
    night.report()
    assert [page.person.name for page in night.pages()] == ["An Peeters"]


def test_whoever_is_away_is_paged_after_all_once_the_steps_add_nobody_else(night: Night) -> None:
    """The leave may be a slip, and Bert may sleep on."""
    _away(night, "An")
    night.report()
    night.pass_time(720)
    assert [page.person.name for page in night.pages("An") if page.ended_at is None] == [
        "An Peeters"
    ]
    assert "only_away" in night.alarms()
    (told,) = _told(night, "only_away")
    assert told == "Nobody else of Victim support is left: paging those who are away."
