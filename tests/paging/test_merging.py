"""A bus crash reported many times calls people once, and nobody is lost on the way."""

from dataclasses import replace
from threading import Event, Thread

import pytest
import sqlalchemy as sa

from dispatch.errors import Conflict
from dispatch.incidents import handling, merging
from dispatch.incidents.handling import Change
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.paging import (
    attending,
    bars,
    callouts,
    handing,
    joining,
    pages,
    replies,
    seats,
    silence,
    story,
    telling,
)
from dispatch.paging.models import Assignment, AssignmentStatus, Callout
from tests import centre
from tests.paging.conftest import ALERT, DORA, Night, ask, second_team


def _merge(night: Night, report: int, into: int) -> None:
    with night.store.write() as session:
        two = [handling.locked(session, night.incidents[place]) for place in (report, into)]
        joining.merge(session, *two, DORA, night.now)


def _take_apart(night: Night, report: int) -> None:
    with night.store.write() as session:
        held = handling.locked(session, night.incidents[report])
        merged = merging.standing(session, held)
        assert merged is not None
        joining.take_apart(session, merged, DORA, night.now)


def _going(night: Night, place: int) -> list[tuple[str, str]]:
    with night.held(night.incidents[place]) as (session, incident):
        return [
            (one.person.name.split()[0], str(one.status))
            for callout in callouts.of_incident(session, incident)
            for one in callouts.active_assignments(callout)
        ]


def _told(night: Night, place: int) -> list[str]:
    everything, night.incidents = night.incidents, [night.incidents[place]]
    kinds = night.story()
    night.incidents = everything
    return kinds


def test_whoever_was_called_for_a_report_answers_for_the_incident_that_stays(night: Night):
    night.report()
    night.pass_time(30)
    night.report()
    night.deliver()
    late = night.code("An")
    _merge(night, 1, 0)
    assert night.status(night.incidents[1]) == ["cancelled"]
    asked = night.said("An")[-1]
    assert f"YES {night.pages('An')[0].code} / NO" in asked
    # Link and code of the report are good for the incident that stays.
    with night.store.read() as session:
        old = next(page for page in night.pages("An") if page.code == late)
        token = telling.link_token(session, old)
        assert (
            replies.page_behind(session, token, night.now).callout.incident_id == night.incidents[0]
        )
    assert night.text("An", late) == "goes"
    with night.held() as (session, incident):
        stays = session.get_one(Incident, night.incidents[0])
        assert story.incident_json(session, incident)["joined"] == stays.reference
    assert _going(night, 0) == [("An", "accepted")]
    assert _going(night, 1) == []
    assert "told_joined" in _told(night, 0)
    before = len(night.said("An")) + len(night.said("Bert"))
    night.pass_time(3600)
    assert len(night.said("An")) + len(night.said("Bert")) == before


def test_whoever_goes_for_a_report_goes_for_the_incident_that_stays_with_their_times(night: Night):
    night.report()
    night.deliver()
    night.text("An", night.code("An"))
    night.report()
    night.deliver()
    with night.callout() as (session, callout):
        person = night.someone(session, "Bert")
        seats.accept_on_behalf(session, callout, person, DORA, night.now)
    with night.callout() as (session, callout):
        (bert,) = callouts.active_assignments(callout)
        seats.move_on(session, bert, AssignmentStatus.ON_THE_WAY, DORA, night.now)
    night.pass_time(60)
    _merge(night, 1, 0)
    assert _going(night, 0) == [("An", "accepted"), ("Bert", "on_the_way")]
    assert _going(night, 1) == []
    with night.store.read() as session:
        kept = session.scalars(sa.select(Assignment).where(Assignment.released_at.is_(None))).all()
        assert [one.on_the_way_at is not None for one in kept] == [False, True]
        assert kept[1].callout.want.people == 2
    assert "you go for this now" in night.said("Bert")[-1]
    # They may still withdraw, and the seat is called for again.
    assert night.text("Bert", f"no {night.code('Bert')}") == "declined"
    assert _going(night, 0) == [("An", "accepted")]


def test_a_team_that_only_the_report_wants_is_called_for_the_incident_that_stays(night: Night):
    second_team(night)
    night.report()
    night.report(replace(ALERT, category="theft"))
    _merge(night, 1, 0)
    with night.held(night.incidents[0]) as (session, incident):
        teams = [one.want.team.key for one in callouts.of_incident(session, incident)]
    assert teams == ["support", "jour"]
    assert night.status(night.incidents[0]) == ["paging", "paging"]


def test_a_report_taken_apart_is_called_for_anew(night: Night):
    night.report()
    night.report()
    night.deliver()
    _merge(night, 1, 0)
    _take_apart(night, 1)
    assert night.status(night.incidents[1]) == ["paging"]
    night.deliver()
    assert night.text("An", night.code("An")) == "goes"
    assert _going(night, 1) == [("An", "accepted")]
    with night.store.read() as session:
        open_ones = [session.get_one(Incident, key) for key in night.incidents]
        assert [one.status for one in open_ones] == [IncidentStatus.OPEN] * 2
        # Nobody is asked the same again.
        assert merging.proposed(session, open_ones) == []


def test_only_open_incidents_of_one_organisation_are_one_event(night: Night):
    night.report()
    night.report(replace(ALERT, drill=True))
    night.report()
    with night.held(night.incidents[2]) as (session, incident):
        handling.end_incident(session, incident, IncidentStatus.CLOSED, DORA, night.now)
    for report in (1, 2):
        with pytest.raises(Conflict):
            _merge(night, report, 0)


def test_reports_that_are_alike_are_proposed_until_they_are_kept_apart(night: Night):
    night.report()
    night.pass_time(60)
    night.report()
    with night.store.write() as session:
        two = [session.get_one(Incident, key) for key in night.incidents]
        (group,) = merging.proposed(session, two)
        assert (group.first, list(group.others)) == (night.incidents[0], [night.incidents[1]])
        merging.keep_apart(session, *two, DORA, night.now)
        assert merging.proposed(session, two) == []


def test_to_whom_one_report_was_closed_the_other_is_closed_too(night: Night):
    night.report()
    night.deliver()
    night.report()
    with night.held() as (session, incident):
        bars.pass_on(session, incident, night.someone(session, "An"), DORA, night.now)
    _merge(night, 1, 0)
    with night.held(night.incidents[0]) as (session, incident):
        an = night.someone(session, "An")
        assert bars.is_closed(incident, an.id)
        (callout,) = callouts.of_incident(session, incident)
        assert an.id not in [page.person_id for page in callout.pages if page.ended_at is None]
    night.report()
    with night.callout() as (session, callout):
        seats.accept_on_behalf(session, callout, night.someone(session, "Bert"), DORA, night.now)
    with night.held(night.incidents[0]) as (session, incident):
        bars.pass_on(session, incident, night.someone(session, "Bert"), DORA, night.now)
    with pytest.raises(Conflict):
        _merge(night, 2, 0)
    assert _going(night, 2) == [("Bert", "accepted")]


def _accept(night: Night, name: str, place: int) -> None:
    with night.held(night.incidents[place]) as (session, incident):
        (callout,) = callouts.of_incident(session, incident)
        seats.accept_on_behalf(session, callout, night.someone(session, name), DORA, night.now)


def test_what_nobody_has_read_yet_sounds_for_the_incident_that_stays(night: Night):
    night.report()
    night.deliver()
    night.text("An", night.code("An"))
    night.report()
    ask(night, "support", 2)
    with night.callout() as (session, callout):
        callouts.page_person(session, callout, night.someone(session, "Chloé"), DORA, night.now)
    _accept(night, "Bert", 1)
    assert night.text("Chloé", "only after four, my child is ill") == "own_words"
    with night.callout() as (session, callout):
        (bert,) = callouts.active_assignments(callout)
        seats.move_on(session, bert, AssignmentStatus.ON_SCENE, DORA, night.now)
        bert.welfare_asked_at = night.now
        silence.answered(session, bert, False, DORA, night.now)
    _merge(night, 1, 0)
    night.incidents = night.incidents[:1]
    assert night.alarms() == ["unclear_reply", "not_well"]
    # Only that they are well again ends it.
    night.see()
    assert night.alarms() == ["not_well"]
    assert night.text("Bert", "ok") == "well"
    assert night.alarms() == []


def test_whoever_is_asked_to_take_over_is_asked_still(night: Night):
    night.report()
    night.report()
    _accept(night, "Bert", 1)
    with night.callout() as (session, callout):
        (bert,) = callouts.active_assignments(callout)
        chloe = night.someone(session, "Chloé")
        handing.hand_on(session, bert, chloe, DORA, night.now)
        callouts.advance(session, callout.incident, night.now)
    night.deliver()
    _merge(night, 1, 0)
    assert night.text("Chloé", night.code("Chloé")) == "goes"
    assert _going(night, 0) == [("Chloé", "accepted")]
    assert "a colleague has taken over. You are free." in night.said("Bert")[-1]


def test_whoever_has_the_facts_of_a_report_is_not_to_be_rung_about_them_again(night: Night):
    night.report()
    night.report()
    for name in ("An", "Bert"):
        with night.callout() as (_, callout):
            callout.want.people = 2
        _accept(night, name, 1)
    with night.callout() as (session, callout):
        an, bert = callouts.active_assignments(callout)
        replies.opened(session, pages.last_of(callout, an.person_id), night.now)
        attending.give_facts(session, bert, DORA, night.now)
    night.pass_time(300)
    _merge(night, 1, 0)
    with night.store.read() as session:
        assert attending.owed(session, night.now) == []


def test_whoever_was_woken_for_what_nobody_else_is_called_for_is_told_that_it_is_over(night: Night):
    night.report()
    with night.callout() as (session, callout):
        seats.stand_down(session, callout, DORA, night.now)
    night.report()
    night.deliver()
    _merge(night, 1, 0)
    assert ": no longer needed." in night.said("An", "sms")[-1]
    assert not [page for page in night.pages() if page.ended_at is None]


# --- by the doors of sources ---


@pytest.fixture
def sender(night: Night) -> centre.Sender:
    return centre.Sender(night.store, night.cast)


def _known(night: Night) -> None:
    """Let the night know what the source reported."""
    with night.store.read() as session:
        night.incidents = list(session.scalars(sa.select(Incident.id).order_by(Incident.id)))


def test_in_a_disaster_alerts_like_it_join_by_themselves_until_it_is_ended(night: Night, sender):
    sender.alert(reference="R-1")
    _known(night)
    with night.held() as (session, held):
        merging.begin_joining(session, held, 60, DORA, night.now)
    answer = sender.alert(reference="R-2")
    assert answer["status"] == "open"
    assert [one["status"] for one in answer["callouts"]] == ["paging"]
    other = {"place": {"postcode": "9405", "municipality": "Aalst"}}
    assert "joined" not in sender.alert(reference="R-3", **other)
    with night.held() as (session, held):
        merging.end_joining(session, held, DORA, night.now)
    assert "joined" not in sender.alert(reference="R-4")
    assert (centre.count(night.store, Incident), centre.count(night.store, Callout)) == (4, 3)
    with night.held() as (session, held):
        assert answer["joined"] == held.reference
        (merge,) = merging.reports_of(session, held)
        assert merging.counts(session, [held.id]) == {held.id: 1}
        assert (merge.report.source_reference, merge.merged_by) == ("R-2", "")


@pytest.mark.parametrize(("first", "last"), [("R-1", "R-2"), ("R-2", "R-1")])
def test_a_cancelled_report_ends_the_event_only_with_the_last_of_all(
    night: Night, sender, first, last
):
    for reference in ("R-1", "R-2"):
        sender.alert(reference=reference)
    _known(night)
    _merge(night, 1, 0)
    night.incidents = night.incidents[:1]
    for _ in range(2):
        assert sender.alert(type="cancel", reference=first)["status"] == "open"
        assert night.status() == ["paging"]
    assert night.alarm() == ("own_cancelled" if first == "R-1" else "")
    assert sender.alert(type="cancel", reference=last)["status"] == "cancelled"
    assert night.status() == ["cancelled"]


def test_an_update_of_a_report_is_judged_by_a_dispatcher_and_calls_whom_it_wants(
    night: Night, sender
):
    second_team(night)
    for reference in ("R-1", "R-2"):
        sender.alert(reference=reference)
    _known(night)
    _merge(night, 1, 0)
    answer = sender.alert(type="update", reference="R-2", category="theft")
    assert [one["team"] for one in answer["callouts"]] == ["support", "jour"]
    night.incidents = night.incidents[:1]
    assert "report_updated" in night.alarm()


def test_alerts_go_on_joining_when_what_they_join_becomes_a_report_itself(night: Night, sender):
    night.report()
    sender.alert(reference="R-1")
    _known(night)
    with night.held() as (session, held):
        merging.begin_joining(session, held, 60, DORA, night.now)
    sender.alert(reference="R-2")
    sender.alert(type="cancel", reference="R-1")
    _merge(night, 1, 0)
    answer = sender.alert(reference="R-3")
    with night.held(night.incidents[0]) as (session, stays):
        assert answer["joined"] == stays.reference
        off = [one for one in merging.reports_of(session, stays) if one.cancelled_at]
        assert [one.report.source_reference for one in off] == ["R-1"]


@pytest.mark.postgresql
def test_an_update_reaches_the_incident_that_stays_also_while_that_joins_another(night: Night):
    for _ in range(3):
        night.report()
    _merge(night, 2, 1)
    held, told = Event(), Thread(target=lambda: _update(night, held))
    with night.store.write() as session:
        two = [handling.locked(session, night.incidents[place]) for place in (1, 0)]
        told.start()
        held.wait(5)
        joining.merge(session, *two, DORA, night.now)
    told.join()
    night.incidents = night.incidents[:1]
    assert "report_updated" in night.alarm()


def _update(night: Night, held: Event) -> None:
    """Let a source correct the last report, whose incident that stays is locked by another."""
    with night.store.write() as session:
        report = handling.locked(session, night.incidents[2])
        merged = merging.standing(session, report)
        held.set()
        joining.updated(session, merged, Change(("place",), True), DORA, night.now)
