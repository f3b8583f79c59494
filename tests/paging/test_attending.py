"""Whoever goes without the facts is rung, whoever works for long is asked after, all are led."""

import pytest

from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import merging, timeline
from dispatch.incidents.models import Incident
from dispatch.paging import attending, callouts, leading, replies, seats
from dispatch.paging.models import Assignment, AssignmentStatus
from tests.paging.conftest import DORA, Night


def _look(night: Night) -> list[int]:
    """Do what the engine does every few seconds; return what there was to do."""
    with night.store.write() as session:
        owed = attending.owed(session, night.now)
        attending.look(session, owed, night.now)
    return owed


def _first_going(session: Session, incident: Incident) -> Assignment:
    (callout,) = callouts.of_incident(session, incident)
    return callouts.active_assignments(callout)[0]


def _an_goes(night: Night) -> None:
    night.report()
    night.deliver()
    night.text("An", night.code("An"))


def test_whoever_has_not_opened_the_facts_must_be_told_them_until_it_is_ticked(night: Night):
    _an_goes(night)
    night.pass_time(119)
    assert _look(night) == []
    night.pass_time(1)
    _look(night)
    assert night.alarms() == ["facts_unread"]
    assert _look(night) == []
    night.see()
    assert night.alarms() == ["facts_unread"]
    with night.held() as (session, incident):
        (owed,) = attending.without_facts(session, incident)
        assert owed.person.name == "An Peeters"
        attending.give_facts(session, owed, DORA, night.now)
        assert attending.without_facts(session, incident) == []
    assert night.alarms() == []
    assert _look(night) == []
    assert night.story()[-3:] == ["facts_unread", "acknowledged", "facts_given"]


def test_opening_the_facts_before_or_after_ends_the_asking(night: Night):
    _an_goes(night)
    night.pass_time(200)
    _look(night)
    with night.held() as (session, _):
        page = seats.locked_page(session, night.pages("An")[0].id)
        replies.opened(session, page, night.now)
    assert len(_look(night)) == 1
    assert night.alarms() == []
    assert _look(night) == []


def test_whoever_withdraws_need_not_be_told(night: Night):
    _an_goes(night)
    night.pass_time(200)
    _look(night)
    night.text("An", f"no {night.code('An')}")
    _look(night)
    assert "facts_unread" not in night.alarms()


def test_relief_is_asked_for_called_and_handed_over(night: Night):
    _an_goes(night)
    with night.held() as (session, incident):
        an = _first_going(session, incident)
        attending.give_facts(session, an, DORA, night.now)
        seats.move_on(session, an, AssignmentStatus.ON_SCENE, DORA, night.now)
        leading.relieve_after(session, incident, 3, DORA, night.now)
    night.pass_time(3 * 3600 - 1)
    assert _look(night) == []
    night.pass_time(1)
    _look(night)
    assert night.alarms() == ["relief_due"]
    with night.held() as (session, incident):
        tired = _first_going(session, incident)
        with pytest.raises(Conflict):
            attending.hand_over(session, tired, DORA, night.now)
        attending.call_relief(session, tired, DORA, night.now)
    assert (night.alarms(), night.status()) == ([], ["paging"])
    night.pass_time(300)
    night.deliver()
    night.text("Bert", night.code("Bert"))
    with night.held() as (session, incident):
        tired = _first_going(session, incident)
        assert attending.successors(attending.reliefs(session, incident)[tired.id]) == ["Bert Maes"]
        attending.hand_over(session, tired, DORA, night.now)
        assert str(tired.status) == "done"
    assert night.status() == ["accepted"]
    assert _look(night) == []


def test_all_who_go_are_told_who_leads_and_that_the_meeting_point_changed(night: Night):
    _an_goes(night)
    with night.held() as (session, incident):
        going = _first_going(session, incident)
        leading.lead(session, incident, going, DORA, night.now)
        leading.lead(session, incident, going, DORA, night.now)
        leading.meet(session, incident, "school gate", DORA, night.now)
        facts = timeline.unseal_json(session, incident, "sealed_facts")
        assert facts["place"]["meeting_point"] == "school gate"
        assert facts["place"]["postcode"] == "9400"
        assert merging.gathering(session, incident).lead is going.person
    led, met = night.said("An", "sms")[-2:]
    assert "An Peeters leads." in led
    assert "school" not in met
    assert "new meeting point" in met


def test_the_number_of_people_is_changed_and_nobody_is_sent_home(night: Night):
    _an_goes(night)
    for people, status in ((3, "paging"), (1, "accepted")):
        with night.callout() as (session, callout):
            leading.want_people(session, callout, people, DORA, night.now)
            assert callouts.status(callout) == status
            with pytest.raises(Invalid):
                leading.want_people(session, callout, 0, DORA, night.now)
    with night.callout() as (session, callout):
        leading.want_people(session, callout, 2, DORA, night.now)
        seats.accept_on_behalf(session, callout, night.someone(session, "Bert"), DORA, night.now)
        with pytest.raises(Invalid):
            leading.want_people(session, callout, 1, DORA, night.now)
    assert night.status() == ["accepted"]


@pytest.mark.parametrize("how", ["hands on", "is relieved", "withdraws", "is done"])
def test_nobody_leads_who_goes_no_more(night: Night, how: str):
    _an_goes(night)
    with night.held() as (session, incident):
        (callout,) = callouts.of_incident(session, incident)
        leading.want_people(session, callout, 2, DORA, night.now)
        leading.lead(session, incident, _first_going(session, incident), DORA, night.now)
    night.deliver()
    if how == "hands on":
        night.text("An", "hand on")
        night.deliver()
        night.text("Chloé", night.code("Chloé"))
    else:
        night.text("Bert", night.code("Bert"))
        night.pass_time(1)
    with night.held() as (session, incident):
        an = _first_going(session, incident)
        if how == "is relieved":
            attending.call_relief(session, an, DORA, night.now)
            person = night.someone(session, "Chloé")
            seats.accept_on_behalf(session, an.callout, person, DORA, night.now)
            attending.hand_over(session, an, DORA, night.now)
        elif how == "is done":
            seats.move_on(session, an, AssignmentStatus.DONE, DORA, night.now)
    if how == "withdraws":
        night.text("An", f"no {night.code('An')}")
    with night.held() as (session, incident):
        lead = merging.gathering(session, incident).lead
        name = lead.name if lead is not None else None
    followed = how in ("hands on", "is relieved")
    assert name == ("Chloé Dubois" if followed else None)
    assert ("lead_gone" in night.alarms()) is not followed
    assert any("Chloé Dubois leads." in text for text in night.said("Chloé", "sms")) is followed
