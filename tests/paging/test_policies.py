"""Policies as rows: which one is followed, versions, and none by which a page ends in silence."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
import sqlalchemy as sa

from dispatch.db import Session, Store
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import catalogue
from dispatch.outbox.models import Message
from dispatch.paging import plans, policies, preview
from dispatch.paging.models import Policy, PolicyStep, Target
from dispatch.paging.policies import Proposal
from dispatch.paging.policy import DayKind, Hours, Plan, Step
from dispatch.paging.preview import Draft
from dispatch.people.models import Person, Team
from dispatch.rota.models import OwnDay
from tests import centre
from tests.centre import ADA, NOW
from tests.paging.conftest import Night

TEXT = [["sms", 0]]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"repeat_seconds": 0}, "must be repeated"),
        ({"waits": (0, 480, 240)}, "comes before the one"),
        ({"last": Target.CONTROL_ROOM}, "last step must add people"),
        ({"attempts": []}, "tries nobody"),
    ],
)
def test_a_policy_that_could_end_in_silence_is_named(
    store: Store, changes: dict[str, Any], words: str
):
    centre.build(store)
    waits, last = changes.get("waits", (0, 240, 480)), changes.get("last", Target.EVERYONE)
    targets = (Target.PRIMARY, Target.BACKUP, last)
    with store.write() as session:
        steps = [
            PolicyStep(
                position=position,
                after_seconds=after,
                target=target,
                attempts=changes.get("attempts", TEXT),
            )
            for position, (after, target) in enumerate(zip(waits, targets, strict=True))
        ]
        repeat = changes.get("repeat_seconds", 300)
        odd = Policy(
            name="odd", priority=2, repeat_seconds=repeat, created_at=centre.NOW, steps=steps
        )
        session.add(odd)
        session.flush()
        (said,) = [fault for fault in policies.faults(session) if "odd" in fault]
    assert words in said


def test_a_policy_without_a_pause_does_not_repeat_for_ever_at_once(store: Store):
    centre.build(store)
    with store.write() as session:
        session.execute(sa.update(Policy).values(repeat_seconds=0))
        policy_id = session.scalars(sa.select(Policy.id)).one()
        assert plans.plan_of(session, policy_id, centre.NOW).repeat_seconds > 0


# --- made on a screen ---

USUAL = (("sms", 0.0), ("call", 20.0))
PLAN = Plan((Step(0, Target.PRIMARY, USUAL), Step(120, Target.EVERYONE, USUAL)), 300)
EASTER_MONDAY = datetime(2026, 4, 6, 10, tzinfo=UTC)
TUESDAY = datetime(2026, 3, 17, 10, tzinfo=UTC)


def _team(session: Session) -> Team:
    return session.scalars(sa.select(Team)).one()


def _followed(session: Session, at: datetime) -> str:
    crash = catalogue.by_key(session, "fatal_crash")
    found = preview.rehearse(session, _team(session), Draft(1, crash), at).preview
    return session.get_one(Policy, found.policy_id).name


def test_an_alert_follows_the_policy_of_its_kind_its_hours_and_its_day(store: Store):
    centre.build(store)
    with store.write() as session:
        team = _team(session)
        for name, hours in (
            ("weekend", Hours(frozenset({DayKind.WEEKEND}))),
            ("feast", Hours(frozenset({DayKind.PUBLIC_HOLIDAY}))),
        ):
            wanted = Proposal(name, PLAN, team_id=team.id, hours=hours)
            policies.save(session, wanted, None, ADA, NOW)
        assert [_followed(session, at) for at in (NOW, TUESDAY, EASTER_MONDAY)] == [
            "weekend",
            "standard",
            "feast",
        ]
        # What the organisation says of its own days counts before the library.
        for on, removed in ((EASTER_MONDAY.date(), True), (date(2026, 3, 17), False)):
            row = OwnDay(organisation_id=team.organisation_id, on=on, removed=removed)
            row.kind = "public_holiday"
            session.add(row)
        session.flush()
        found = [_followed(session, at) for at in (EASTER_MONDAY, TUESDAY)]
        assert found == ["standard", "feast"]
        crash = catalogue.by_key(session, "fatal_crash")
        ours = Proposal("crashes", PLAN, team_id=team.id, category_id=crash.id)
        policies.save(session, ours, None, ADA, NOW)
        assert _followed(session, TUESDAY) == "crashes"


def test_choosing_asks_the_database_once(night: Night):
    night.report()
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        asked.append(statement)

    with night.callout() as (session, callout):
        assert callout.want.team.time_zone
        sa.event.listen(night.store.engine, "before_cursor_execute", note)
        plans.in_force(session, callout.want, NOW)
        sa.event.remove(night.store.engine, "before_cursor_execute", note)
    assert len(asked) == 1


def test_a_callout_keeps_the_version_that_it_began_with(night: Night):
    night.report()
    with night.callout() as (session, callout):
        before = session.get_one(Policy, callout.policy_id)
        wanted = Proposal("standard", PLAN)
        after = policies.save(session, wanted, before, ADA, NOW)
        assert (after.version, after.lineage) == (2, before.lineage)
        assert [one.version for one in policies.versions(session, before.lineage)] == [2, 1]
        with pytest.raises(Conflict):
            policies.save(session, wanted, before, ADA, NOW)
        with pytest.raises(Conflict):
            policies.retire(session, after, ADA, NOW)
        old, new = before.id, after.id
    night.pass_time(130)
    with night.callout() as (session, callout):
        assert (callout.policy_id, callout.step) == (old, 1)
        assert list(policies.faults(session)) == []
    night.report()
    with night.callout() as (_, callout):
        assert callout.policy_id == new


def test_a_policy_that_could_end_in_silence_is_not_stored(store: Store):
    cast = centre.build(store)
    steps = [
        Step(60, Target.PRIMARY, ()),
        Step(0, Target.PERSON, USUAL),
        Step(90, Target.PERSON, USUAL, person_id=cast.people["An"].id),
        Step(90, Target.TEAM, USUAL),
        Step(120, Target.CONTROL_ROOM, (("call", 0.0),)),
    ]
    with store.write() as session:
        for method in session.get_one(Person, cast.people["An"].id).methods:
            method.verified_at = None
        with pytest.raises(Invalid) as refused:
            policies.save(session, Proposal("odd", Plan(tuple(steps), 0)), None, ADA, NOW)
        assert sorted(refused.value.fields) == [
            "after_1",
            "attempts_0",
            "person_1",
            "person_2",
            "repeat",
            "target_4",
            "team_3",
        ]
        assert session.scalars(sa.select(Policy.name)).all() == ["standard"]


def test_a_second_policy_for_exactly_the_same_is_refused(store: Store):
    centre.build(store)
    with store.write() as session:
        with pytest.raises(Invalid, match="standard is for exactly this already"):
            policies.save(session, Proposal("another", PLAN), None, ADA, NOW)
        nights = Hours(begins=time(22), ends=time(6))
        policies.save(session, Proposal("nights", PLAN, hours=nights), None, ADA, NOW)
        with pytest.raises(Invalid, match="nights is for exactly this already"):
            policies.save(session, Proposal("another", PLAN, hours=nights), None, ADA, NOW)


def test_somebody_named_by_a_policy_who_can_no_longer_be_reached_is_told(store: Store):
    cast = centre.build(store)
    named = Step(0, Target.PERSON, USUAL, person_id=cast.people["An"].id)
    with store.write() as session:
        wanted = Proposal("named", Plan((named, *PLAN.steps[1:]), 300), priority=2)
        policies.save(session, wanted, None, ADA, NOW)
        assert not [fault for fault in policies.faults(session) if "named" in fault]
        session.get_one(Person, cast.people["An"].id).left_at = NOW
        session.flush()
        told = [fault for fault in policies.faults(session) if "named" in fault]
    assert told == ["Policy named: An Peeters has no verified phone."]


# --- what is foreseen is what happens ---


def test_what_was_foreseen_is_what_then_happens(night: Night):
    with night.store.write() as session:
        standard = session.scalars(sa.select(Policy)).one()
        plan = plans.as_values(standard)
        added = (Step(720, Target.EVERYONE, (("call", 0.0), ("sms", 30.0))),)
        wanted = Proposal("standard", replace(plan, steps=plan.steps + added))
        policies.save(session, wanted, standard, ADA, NOW)
        crash = catalogue.by_key(session, "fatal_crash")
        found = preview.rehearse(session, _team(session), Draft(1, crash), NOW).preview
    foreseen = sorted(
        (seconds, one.name, channel) for one in found.foreseen for channel, seconds in one.attempts
    )
    assert found.repeat_after_seconds == 1020
    night.report()
    night.pass_time(1019)
    with night.store.read() as session:
        rows = session.execute(
            sa.select(Message.created_at, Message.kind, Person.name)
            .outerjoin(Person, Person.id == Message.person_id)
            .order_by(Message.id)
        )
        sent = [((at - NOW).total_seconds(), name or "", str(kind)) for at, kind, name in rows]
    assert sorted(sent) == foreseen
    assert {name for _, name, _ in sent} == {"An Peeters", "Bert Maes", "Chloé Dubois", ""}


def test_a_night_without_anybody_on_duty_is_foreseen(night: Night):
    with night.store.read() as session:
        crash = catalogue.by_key(session, "fatal_crash")
        at = datetime(2026, 3, 22, 2, tzinfo=UTC)
        found = preview.rehearse(session, _team(session), Draft(1, crash), at).preview
    assert [gap.kind for gap in found.gaps][:1] == ["nobody_on_duty"]
    first = found.foreseen[0]
    assert (first.name, first.reason["kind"], first.attempts[0]) == (
        "Chloé Dubois",
        "nobody_list",
        ("sms", 0.0),
    )
