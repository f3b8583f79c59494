"""Handing a seat on: nobody is free before a colleague has accepted, and somebody always goes."""

import pytest
import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import handling
from dispatch.incidents.models import IncidentStatus
from dispatch.paging import bars, callouts, handing, seats
from dispatch.paging.models import Assignment, AssignmentStatus
from tests.paging.conftest import DORA, Night, ask

AN = Actor("person", 1, "An Peeters")


def _goes(night: Night) -> None:
    night.report()
    night.text("An", f"JA {night.code('An')}")


def _hand_on(night: Night, to: str = "Bert", by: Actor = AN) -> None:
    with night.callout() as (session, callout):
        seat = next(one for one in callout.assignments if one.released_at is None)
        handing.hand_on(session, seat, night.someone(session, to), by, night.now)
        callouts.advance(session, callout.incident, night.now)


def _going(night: Night) -> list[str]:
    with night.callout() as (_, callout):
        return [one.person.name for one in callouts.active_assignments(callout)]


def test_the_colleague_is_called_and_the_first_is_free_only_when_they_accept(night: Night):
    _goes(night)
    _hand_on(night)
    night.pass_time(25)
    assert len(night.said("Bert", "sms")) == 1 and len(night.said("Bert", "call")) == 1
    assert _going(night) == ["An Peeters"] and night.status() == ["accepted"]

    night.text("Bert", f"JA {night.code('Bert')}")
    assert _going(night) == ["Bert Maes"] and night.status() == ["accepted"]
    assert "a colleague has taken over. You are free." in night.said("An")[-1]
    assert ": you are going." in night.said("Bert")[-1]
    assert "withdrew" not in night.story() and night.alarms() == []
    with night.store.read() as session:
        first, second = session.scalars(sa.select(Assignment).order_by(Assignment.id))
        assert (first.handed_to_id, first.released_why, second.seat) == (second.person_id, None, 1)
    # Whoever handed on is asked nothing any more, and a late answer changes nothing.
    night.text("An", "nee")
    assert _going(night) == ["Bert Maes"]
    night.pass_time(900)
    with night.callout() as (_, callout):
        assert [one.facts["person"] for one in callout.incident.alarms] == ["Bert Maes"]


@pytest.mark.parametrize("how", ["no", "silence"])
def test_a_no_or_silence_leaves_the_first_going_and_the_console_asks(night: Night, how: str):
    _goes(night)
    _hand_on(night)
    night.deliver()
    if how == "no":
        night.text("Bert", f"NEE {night.code('Bert')}")
    else:
        night.pass_time(599)
        assert night.alarms() == []
        night.pass_time(1)
        assert ": no longer needed." in night.said("Bert", "sms")[-1]
    assert _going(night) == ["An Peeters"] and night.alarms() == ["hand_on_refused"]
    assert "You still go." in night.said("An", "sms")[-1]
    # A yes that comes after that frees nobody.
    assert night.text("Bert", f"JA {night.code('Bert')}") == "too_late"
    assert _going(night) == ["An Peeters"]


def test_the_first_may_call_it_off(night: Night):
    _goes(night)
    _hand_on(night, by=DORA)
    with night.callout() as (session, callout):
        assert handing.asked_name(callout.assignments[0]) == "Bert Maes"
        handing.call_off(session, callout.assignments[0], AN, night.now)
    assert night.text("Bert", f"JA {night.code('Bert')}") == "too_late"
    with pytest.raises(Conflict), night.callout() as (session, callout):
        handing.call_off(session, callout.assignments[0], AN, night.now)


def test_whoever_gives_up_meanwhile_leaves_the_colleague_called_like_anybody(night: Night):
    _goes(night)
    _hand_on(night, "Chloé")
    night.text("An", "nee")
    assert night.status() == ["paging"]
    night.text("Chloé", f"JA {night.code('Chloé')}")
    assert _going(night) == ["Chloé Dubois"] and night.status() == ["accepted"]


@pytest.mark.parametrize("end", ["done", "cancelled"])
def test_what_is_over_asks_no_colleague_any_more(night: Night, end: str):
    _goes(night)
    _hand_on(night)
    night.deliver()
    with night.callout() as (session, callout):
        if end == "done":
            seat = callout.assignments[0]
            seats.move_on(session, seat, AssignmentStatus.DONE, DORA, night.now)
        else:
            incident, then = callout.incident, IncidentStatus.CANCELLED
            handling.end_incident(session, incident, then, DORA, night.now)
            callouts.advance(session, incident, night.now)
    assert ": no longer needed. You can rest." in night.said("Bert", "sms")[-1]
    assert night.text("Bert", f"JA {night.code('Bert')}") in ("too_late", "over")


def test_only_somebody_who_can_be_asked_is_asked_and_once(night: Night):
    _goes(night)
    with pytest.raises(Invalid):
        _hand_on(night, "An")
    with night.callout() as (session, callout):
        found = handing.candidates(session, callout, night.now)
        assert {one.candidate.name for one in found} == {"Bert Maes", "Chloé Dubois"}
    _hand_on(night)
    with pytest.raises(Conflict):
        _hand_on(night, "Chloé")


def test_one_of_two_hands_on_while_the_other_seat_is_still_empty(night: Night):
    night.report()
    ask(night, "support", 1)
    night.text("An", f"JA {night.code('An')}")
    _hand_on(night, "Chloé")
    night.text("Chloé", f"JA {night.code('Chloé')}")
    assert _going(night) == ["Chloé Dubois"] and night.status()[0] in ("paging", "unanswered")
    night.text("Bert", f"JA {night.code('Bert')}")
    assert sorted(_going(night)) == ["Bert Maes", "Chloé Dubois"]


def test_a_colleague_to_whom_the_case_was_closed_meanwhile_frees_nobody(night: Night):
    _goes(night)
    _hand_on(night)
    with night.held() as (session, incident):
        bars.bar(session, incident, [night.someone(session, "Bert")], "", DORA, night.now)
    night.deliver()
    assert night.text("Bert", f"JA {night.code('Bert')}") == "too_late"
    assert _going(night) == ["An Peeters"] and night.alarms() == ["hand_on_refused"]
    assert "You still go." in night.said("An", "sms")[-1]


def test_whoever_is_asked_to_take_over_is_not_being_tried_for_another_seat(night: Night):
    _goes(night)
    ask(night, "support", 2)
    night.deliver()
    _hand_on(night, "Chloé")
    # Nobody is asked to fill the second seat but Bert, who cannot.
    night.text("Bert", f"NEE {night.code('Bert')}")
    assert "everybody_declined" in night.alarms()


# --- by text, to whoever comes next ---


def test_a_sign_of_life_puts_off_no_colleague_who_does_not_answer(night: Night):
    _goes(night)
    night.text("An", f"hand on {night.code('An')}")
    night.deliver()
    night.pass_time(60)
    night.text("An", "on the way")
    night.pass_time(541)
    assert [page.reason.get("from") for page in night.pages("Chloé")] == ["An Peeters"]


@pytest.mark.parametrize("how", ["no", "silence"])
def test_by_text_one_colleague_after_another_is_asked_until_one_accepts(night: Night, how: str):
    _goes(night)
    assert f"HAND ON {night.code('An')}" in night.said("An", "sms")[-1]
    assert night.text("An", f"hand on {night.code('An')}") == "handing_on"
    assert "Until they accept, you go." in night.said("An", "sms")[-1]
    # Said twice is asked once.
    assert night.text("An", f"hand on {night.code('An')}") == "handing_on"
    night.deliver()
    assert [page.reason.get("from") for page in night.pages("Bert")] == ["An Peeters"]
    if how == "no":
        night.text("Bert", f"no {night.code('Bert')}")
    else:
        night.pass_time(600)
    night.pass_time(1)
    assert _going(night) == ["An Peeters"] and night.alarms() == []
    assert "You still go." not in night.said("An", "sms")[-1]
    night.deliver()
    assert night.text("Chloé", night.code("Chloé")) == "goes"
    assert _going(night) == ["Chloé Dubois"] and night.status() == ["accepted"]
    assert "a colleague has taken over. You are free." in night.said("An")[-1]


def test_with_nobody_left_to_ask_the_first_goes_and_the_console_asks_to_ring(night: Night):
    _goes(night)
    night.text("An", "hand on")
    night.deliver()
    night.text("Bert", f"no {night.code('Bert')}")
    night.deliver()
    night.text("Chloé", f"no {night.code('Chloé')}")
    assert _going(night) == ["An Peeters"] and night.alarms() == ["hand_on_refused"]
    assert "You still go." in night.said("An", "sms")[-1]
    assert night.text("An", "hand on") == "nobody_takes_over"
    assert "A dispatcher rings you." in night.said("An", "sms")[-1]
    assert night.alarms() == ["nobody_takes_over"]


def test_only_whoever_goes_hands_on_and_more_than_the_word_is_for_a_person(night: Night):
    night.report()
    night.deliver()
    assert night.text("An", f"hand on {night.code('An')}") == "own_words"
    assert night.text("An", f"JA {night.code('An')}") == "goes"
    assert night.text("An", f"hand on {night.code('An')} to Bert please") == "own_words"
    assert "unclear_reply" in night.alarms() and not night.pages("Bert")[1:]
    assert _going(night) == ["An Peeters"]
