"""Turning somebody back, until it is sure that they know; and calling a team again after all."""

import pytest
import sqlalchemy as sa

from dispatch.audit import ENGINE
from dispatch.channels.contract import Kind
from dispatch.errors import Conflict
from dispatch.incidents import handling
from dispatch.incidents.models import IncidentStatus, TimelineEntry
from dispatch.incidents.wanting import Wanted
from dispatch.outbox.models import Message
from dispatch.paging import callouts, preview, recall, replies, seats
from dispatch.paging.models import Assignment, AssignmentStatus
from dispatch.people.models import Team
from tests.paging.conftest import DORA, Night, ask, second_team


def _end(night: Night, then: IncidentStatus = IncidentStatus.CANCELLED) -> None:
    with night.held() as (session, incident):
        handling.end_incident(session, incident, then, ENGINE, night.now)
        callouts.advance(session, incident, night.now)


def _stand_down(night: Night, team: str = "support") -> None:
    with night.callout(team) as (session, callout):
        seats.stand_down(session, callout, DORA, night.now)


def _cancelled_on_the_way(night: Night) -> str:
    """An goes, and it is cancelled; returns her code."""
    night.report()
    code = night.code("An")
    night.text("An", f"JA {code}")
    _end(night)
    return code


def _told(night: Night) -> list[int]:
    """Seconds after the first time, of each text that says that it is cancelled."""
    with night.store.read() as session:
        query = sa.select(TimelineEntry.at).where(TimelineEntry.kind == "told_cancelled")
        found = session.scalars(query.order_by(TimelineEntry.id)).all()
    return [round((at - found[0]).total_seconds()) for at in found]


def _tick(night: Night) -> None:
    with night.callout() as (session, callout):
        (turning,) = recall.unconfirmed(callout)
        seats.told_cancel(session, turning, DORA, night.now)


def _last(night: Night, kind: str) -> dict[str, object]:
    with night.store.read() as session:
        query = sa.select(TimelineEntry).where(TimelineEntry.kind == kind)
        return session.scalars(query.order_by(TimelineEntry.id.desc())).first().facts


def test_cancel_is_repeated_by_text_and_call_at_growing_intervals_and_not_for_ever(
    night: Night,
) -> None:
    _cancelled_on_the_way(night)
    night.pass_time(24 * 3600)
    assert _told(night) == [0, 120, 360, 840, 1800]
    assert len([text for text in night.said("An", "sms") if "CANCELLED" in text]) == 5
    assert len([call for call in night.said("An", "call") if "cancelled" in call]) == 5


def test_console_asks_to_ring_until_the_officer_confirms(night: Night) -> None:
    code = _cancelled_on_the_way(night)
    assert night.alarm() == "cancel_unconfirmed"
    night.see()
    assert night.alarms() == ["cancel_unconfirmed"]
    assert night.text("An", f"JA {code}") == "cancel_confirmed"
    assert night.alarms() == []
    assert night.status() == ["cancelled"]


def test_console_sounds_again_when_nobody_is_told_any_more(night: Night) -> None:
    _cancelled_on_the_way(night)
    night.see()
    night.pass_time(1800)
    assert night.alarm() == ""
    night.pass_time(120)
    assert (night.alarm(), night.alarms()) == ("cancel_unheard", ["cancel_unheard"])
    assert _last(night, "cancel_unheard")["times"] == 5


def test_dispatcher_who_rang_ends_it(night: Night) -> None:
    _cancelled_on_the_way(night)
    _tick(night)
    assert night.alarms() == []
    assert _last(night, "cancel_told") == {"person": "An Peeters", "by": "Dora"}
    told = len(night.said("An"))
    night.pass_time(3600)
    assert len(night.said("An")) == told


@pytest.mark.parametrize("how", ["decline", "release", "done"])
def test_whatever_else_shows_that_they_know_ends_it_too(night: Night, how: str) -> None:
    _cancelled_on_the_way(night)
    with night.callout() as (session, callout):
        (turning,) = recall.unconfirmed(callout)
        if how == "decline":
            seats.decline(session, callout.pages[0], DORA, "screen", night.now)
        elif how == "release":
            seats.release(session, turning, DORA, night.now)
        else:
            seats.move_on(session, turning, AssignmentStatus.DONE, DORA, night.now)
    assert night.alarms() == []
    told = len(night.said("An"))
    night.pass_time(3600)
    assert len(night.said("An")) == told
    assert "withdrew" not in night.story()


def test_closing_changes_nothing_for_somebody_who_must_turn_back(night: Night) -> None:
    night.report()
    night.text("An", night.code("An"))
    _stand_down(night)
    _end(night, IncidentStatus.CLOSED)
    assert night.alarms() == ["cancel_unconfirmed"]
    night.pass_time(120)
    assert _told(night) == [0, 120]
    _tick(night)
    assert night.alarms() == []


def test_whoever_goes_for_what_is_closed_is_not_turned_back(night: Night) -> None:
    night.report()
    code = night.code("An")
    night.text("An", code)
    _end(night, IncidentStatus.CLOSED)
    with night.store.write() as session:
        callouts.put_off(session, night.incidents[-1], night.now)
    night.pass_time(3600)
    assert _told(night) == []
    assert night.text("An", f"JA {code}") == "over"
    with night.store.read() as session:
        assert session.scalars(sa.select(Assignment.status)).one() is AssignmentStatus.ACCEPTED


def test_yes_that_comes_after_the_cancel_is_told(night: Night) -> None:
    night.report()
    code = night.code("An")
    _end(night)
    assert night.text("An", f"JA {code}") == "over"
    assert _last(night, "late_yes") == {"person": "An Peeters", "via": "sms"}


def test_second_confirmation_is_no_late_yes(night: Night) -> None:
    code = _cancelled_on_the_way(night)
    for outcome in ("cancel_confirmed", "over"):
        assert night.text("An", f"JA {code}") == outcome
    assert "late_yes" not in night.story()


def test_key_in_the_call_confirms(night: Night) -> None:
    _cancelled_on_the_way(night)
    with night.store.write() as session:
        query = sa.select(Message.uid).where(Message.kind == Kind.CALL).order_by(Message.id.desc())
        replies.key_pressed(session, session.scalars(query).first(), "1", night.now)
    assert night.alarms() == []


# --- calling a team again ---


def test_team_that_was_stood_down_is_called_again_and_the_timeline_says_by_whom(
    night: Night,
) -> None:
    night.report()
    night.deliver()
    _stand_down(night)
    night.pass_time(3600)
    ask(night, "support", 1)
    assert night.status() == ["paging"]
    assert _last(night, "called_again") == {"by": "Dora", "people": 1, "team": "Victim support"}
    assert night.code("An") in night.said("An", "sms")[-1]
    assert night.text("An", night.code("An")) == "goes"


def test_whoever_turns_back_just_then_is_asked_anew_and_does_not_count_as_going(
    night: Night,
) -> None:
    night.report()
    first = night.code("An")
    night.text("An", first)
    _stand_down(night)
    ask(night, "support", 1)
    assert night.status() == ["paging"]
    assert night.alarms() == []
    assert night.pages("An")[-1].ended_at is None
    told = len(night.said("An"))
    night.pass_time(19)
    assert len(night.said("An")) == told
    assert night.text("An", first) == "goes"
    assert night.status() == ["accepted"]


def test_whoever_confirmed_the_cancel_is_called_with_the_others(night: Night) -> None:
    night.report()
    code = night.code("An")
    night.text("An", code)
    _stand_down(night)
    assert night.text("An", f"JA {code}") == "cancel_confirmed"
    ask(night, "support", 1)
    assert night.pages("An")[-1].ended_at is None


def test_whoever_was_done_before_is_none_of_those_asked_for_again(night: Night) -> None:
    night.report()
    night.text("An", night.code("An"))
    with night.callout() as (session, callout):
        seats.move_on(session, callout.assignments[0], AssignmentStatus.DONE, DORA, night.now)
        seats.stand_down(session, callout, DORA, night.now)
    ask(night, "support", 1)
    assert night.status() == ["paging"]
    night.pass_time(240)
    assert night.text("Bert", night.code("Bert")) == "goes"


def test_whoever_is_done_although_it_was_cancelled_is_rung_no_more(night: Night) -> None:
    night.report()
    code = night.code("An")
    night.text("An", code)
    _stand_down(night)
    assert night.alarms() == ["cancel_unconfirmed"]
    with night.callout() as (session, callout):
        seats.move_on(session, callout.assignments[0], AssignmentStatus.DONE, DORA, night.now)
    assert night.alarms() == []
    assert night.text("An", f"YES {code}") == "over"
    assert "you are going" not in night.said("An", "sms")[-1]


def test_page_by_hand_says_that_the_team_must_be_called_again_first(night: Night) -> None:
    night.report()
    _stand_down(night)
    with night.callout() as (session, callout), pytest.raises(Conflict, match="call the team"):
        chloe = night.someone(session, "Chloé")
        callouts.page_person(session, callout, chloe, DORA, night.now)


def test_team_outside_its_hours_is_called_when_a_dispatcher_asks_for_it(night: Night) -> None:
    second_team(night)
    with night.store.write() as session:
        jour = session.scalars(sa.select(Team).where(Team.key == "jour")).one()
        jour.hours = [[0, "08:00", "09:00"]]
    night.report()
    ask(night, "jour", 1)
    assert night.status() == ["paging", "paging"]
    assert len(night.said("Chloé", "sms")) == 1
    with night.store.read() as session:
        jour = session.scalars(sa.select(Team).where(Team.key == "jour")).one()
        support = session.get_one(Team, night.cast.team.id)
        wanted = [Wanted(support), Wanted(jour), Wanted(jour, by="Dora")]
        foreseen = preview.foresee(session, wanted, preview.Draft(1), night.now)
    assert [one.closed for one in foreseen] == [False, True, False]
