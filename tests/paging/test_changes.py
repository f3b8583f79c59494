"""What changes midway: an update, one person more, somebody released; nobody is lost by it."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from dispatch.audit import ENGINE
from dispatch.channels.contract import Receipt, State
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import handling
from dispatch.incidents.alerts import Alert, AlertType, Place
from dispatch.incidents.models import IncidentStatus
from dispatch.outbox.models import Message
from dispatch.paging import callouts, hearing, seats
from dispatch.paging.models import Callout, Policy, PolicyStep, Target
from dispatch.people.models import Person, Team
from dispatch.rota.models import Shift
from tests.paging.conftest import ALERT, DORA, Night, second_team

UPDATE = replace(ALERT, type=AlertType.UPDATE)


def _end(night: Night, then: IncidentStatus = IncidentStatus.CANCELLED) -> None:
    with night.store.write() as session:
        incident = handling.locked(session, night.incidents[-1])
        handling.end_incident(session, incident, then, ENGINE, night.now)
        callouts.advance(session, incident, night.now)


def _by_hand(night: Night, name: str) -> None:
    with night.store.write() as session:
        incident = handling.locked(session, night.incidents[-1])
        (callout,) = callouts.of_incident(session, incident)
        person = session.get_one(Person, night.person(session, name))
        callouts.page_person(session, callout, person, DORA, night.now)
        callouts.advance(session, incident, night.now)


def _settled_late(night: Night, name: str) -> None:
    """Let the first text to somebody, on the wire all the time, turn out to have left."""
    with night.store.write() as session:
        query = sa.select(Message.uid).where(Message.person_id == night.person(session, name))
        uid = session.scalars(query.order_by(Message.id)).first()
        hearing.receipt_in(session, uid, Receipt(State.SENT), night.now)


def _on_the_wire(night: Night) -> None:
    with night.store.write() as session:
        session.execute(sa.update(Message).values(status=State.SENDING))


def test_team_that_is_wanted_again_can_accept_again(night: Night) -> None:
    second_team(night)
    night.report()
    night.change(Alert(AlertType.UPDATE, category="theft"))
    night.change(Alert(AlertType.UPDATE, category="fatal_crash"))
    assert night.text("An", night.code("An")) == "goes"


def test_whoever_was_woken_for_the_wrong_team_is_told_that_it_is_over(night: Night) -> None:
    second_team(night)
    night.report()
    night.deliver()
    night.change(Alert(AlertType.UPDATE, category="theft"))
    assert "no longer needed" in night.said("An", "sms")[-1]
    assert len(night.said("Chloé", "sms")) == 1


def test_higher_priority_is_pursued_by_its_own_policy(night: Night) -> None:
    with night.store.write() as session:
        step = PolicyStep(
            position=0, after_seconds=0, target=Target.PRIMARY, attempts=[["sms", 0], ["call", 600]]
        )
        calm = Policy(
            name="calm", priority=3, repeat_seconds=1800, created_at=night.now, steps=[step]
        )
        session.add(calm)
    night.report(replace(ALERT, priority=3))
    night.change(replace(UPDATE, priority=1))
    night.pass_time(20)
    assert len(night.said("An", "call")) == 1


def test_text_of_before_an_update_that_leaves_late_calls_nobody_off(night: Night) -> None:
    night.report()
    _on_the_wire(night)
    night.change(replace(UPDATE, place=Place(postcode="9401")))
    _settled_late(night, "An")
    assert not [text for text in night.said("An", "sms") if "rest" in text]


def test_text_that_leaves_late_does_not_call_off_whoever_goes(night: Night) -> None:
    night.report()
    _on_the_wire(night)
    night.change(replace(UPDATE, place=Place(postcode="9401")))
    night.text("An", night.code("An"))
    _settled_late(night, "An")
    assert not [text for text in night.said("An", "sms") if "rest" in text]


def test_text_that_leaves_after_the_cancel_is_called_off_as_cancelled(night: Night) -> None:
    night.report()
    _on_the_wire(night)
    _end(night)
    _settled_late(night, "An")
    assert "no longer needed" in night.said("An", "sms")[-1]


def test_one_more_chosen_by_hand_wakes_nobody_else(night: Night) -> None:
    night.report()
    night.text("An", night.code("An"))
    night.text("An", "on scene")
    night.pass_time(7200)
    _by_hand(night, "Chloé")
    assert len(night.said("Chloé", "sms")) == 1
    assert night.said("Bert") == []
    assert night.said("+3253123456") == []
    assert night.status() == ["paging"]
    assert night.alarm() == ""


def test_whoever_goes_is_not_called_once_more(night: Night) -> None:
    night.report()
    night.text("An", night.code("An"))
    with pytest.raises(Invalid, match="An Peeters"):
        _by_hand(night, "An")


def test_nobody_is_called_by_hand_for_what_is_over(night: Night) -> None:
    night.report()
    _end(night)
    with pytest.raises(Conflict, match="ended already"):
        _by_hand(night, "Chloé")


@pytest.mark.parametrize("then", [IncidentStatus.CANCELLED, IncidentStatus.CLOSED])
def test_nobody_more_is_wanted_for_what_is_over(night: Night, then: IncidentStatus) -> None:
    night.report()
    _end(night, then)
    with night.store.write() as session, pytest.raises(Conflict, match="ended already"):
        incident = handling.locked(session, night.incidents[-1])
        team = session.get_one(Team, night.cast.team.id)
        seats.want_more(session, incident, team, 1, DORA, night.now)


def test_releasing_the_last_on_duty_says_that_nobody_is(night: Night) -> None:
    night.report()
    night.text("An", night.code("An"))
    with night.store.write() as session:
        session.execute(sa.update(Shift).values(cancelled_at=night.now))
        incident = handling.locked(session, night.incidents[-1])
        (callout,) = callouts.of_incident(session, incident)
        (going,) = callouts.active_assignments(callout)
        seats.release(session, going, DORA, night.now)
    assert night.alarm() == "nobody_on_duty"


def test_callout_that_was_over_is_paged_for_by_its_wants_alone(night: Night) -> None:
    """Whatever ends and begins again, a callout that pages is never one that refuses answers."""
    second_team(night)
    night.report()
    for category in ("theft", "fatal_crash", "theft"):
        night.change(Alert(AlertType.UPDATE, category=category))
    with night.store.read() as session:
        for callout in session.scalars(sa.select(Callout)):
            wanted = callout.want.ended_at is None
            assert (callout.cancelled_at is None) == wanted
            assert (callout.due_at is not None) == wanted
