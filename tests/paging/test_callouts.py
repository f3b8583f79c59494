"""The pursuit of a want: who is paged, when, by what, and what happens when it goes wrong."""

from dataclasses import replace
from datetime import date, timedelta

import sqlalchemy as sa

from dispatch.audit import ENGINE
from dispatch.channels.contract import Receipt, State
from dispatch.incidents import handling
from dispatch.incidents.alerts import AlertType, Place
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.outbox.models import Message
from dispatch.paging import callouts, hearing
from dispatch.paging.models import Callout, PageStatus
from dispatch.people.models import Certificate, ContactMethod
from dispatch.rota.models import Shift
from tests.paging.conftest import ALERT, NUMBERS, Night


def test_primary_is_texted_at_once(night: Night) -> None:
    night.report()
    assert len(night.said("An", "sms")) == 1
    assert night.said("Bert") == []


def test_primary_is_called_after_twenty_seconds_and_again_after_ninety(night: Night) -> None:
    night.report()
    night.pass_time(19)
    assert night.said("An", "call") == []
    night.pass_time(1)
    assert len(night.said("An", "call")) == 1
    night.pass_time(70)
    assert len(night.said("An", "call")) == 2


def test_second_officer_is_paged_when_the_first_stays_silent(night: Night) -> None:
    night.report()
    night.pass_time(239)
    assert night.said("Bert") == []
    night.pass_time(1)
    assert len(night.said("Bert", "sms")) == 1
    assert night.pages("An")[0].ended_at is None


def test_control_room_is_rung_when_both_stay_silent(night: Night) -> None:
    night.report()
    night.pass_time(480)
    assert len(night.said("+3253123456", "call")) == 1


def test_console_sounds_when_the_policy_is_exhausted_and_repeats_go_on(night: Night) -> None:
    night.report()
    night.pass_time(780)
    assert night.status() == ["unanswered"]
    assert night.alarm() == "unanswered"
    texts = len(night.said("An", "sms"))
    night.pass_time(300)
    assert len(night.said("An", "sms")) == texts + 1


def test_lapsed_certificate_passes_the_primary_over_without_waiting(night: Night) -> None:
    with night.store.write() as session:
        lapsed = sa.update(Certificate).where(Certificate.person_id == night.person(session, "An"))
        session.execute(lapsed.values(expires_on=date(2026, 3, 13)))
    night.report()
    assert night.said("An") == []
    assert len(night.said("Bert", "sms")) == 1
    skipped = night.pages("An")[0]
    assert skipped.status is PageStatus.SKIPPED
    assert skipped.reason["kind"] == "lapsed"


def test_certificate_counts_on_its_last_day(night: Night) -> None:
    with night.store.write() as session:
        session.execute(sa.update(Certificate).values(expires_on=date(2026, 3, 14)))
    night.report()
    assert len(night.said("An", "sms")) == 1


def test_somebody_without_a_verified_phone_is_passed_over(night: Night) -> None:
    with night.store.write() as session:
        of_an = ContactMethod.person_id == night.person(session, "An")
        session.execute(sa.update(ContactMethod).where(of_an).values(verified_at=None))
    night.report()
    assert night.pages("An")[0].reason == {"kind": "no_method"}
    assert len(night.said("Bert", "sms")) == 1


def test_somebody_whose_phone_is_out_of_order_is_passed_over_for_that_reason(night: Night) -> None:
    with night.store.write() as session:
        of_an = ContactMethod.person_id == night.person(session, "An")
        session.execute(sa.update(ContactMethod).where(of_an).values(unusable_at=night.now))
    night.report()
    assert night.pages("An")[0].reason == {"kind": "unusable"}


def test_somebody_who_texted_stop_is_called_instead(night: Night) -> None:
    night.text("An", "STOP")
    night.report()
    assert night.said("An", "sms") == []
    assert len(night.said("An", "call")) == 1


def test_best_there_is_goes_and_the_console_sounds_when_nobody_is_trained(night: Night) -> None:
    with night.store.write() as session:
        session.execute(sa.delete(Certificate))
    night.report()
    assert len(night.said("An", "sms")) == 1
    assert night.alarm() == "nobody_qualified"
    assert "nobody_qualified" in night.story()


def test_nobody_on_duty_pages_the_list_and_alarms_the_console(night: Night) -> None:
    with night.store.write() as session:
        session.execute(sa.update(Shift).values(cancelled_at=night.now))
    night.report()
    assert len(night.said("Chloé", "sms")) == 1
    assert night.alarm() == "nobody_on_duty"


def test_nobody_reachable_at_all_is_loudly_unanswered_at_once(night: Night) -> None:
    with night.store.write() as session:
        session.execute(sa.update(ContactMethod).values(verified_at=None))
    night.report()
    assert night.status() == ["unanswered"]
    assert night.alarm() == "nobody_at_all"


def test_turn_that_changed_hands_counts_at_the_moment_of_paging(night: Night) -> None:
    night.report()
    with night.store.write() as session:
        of_bert = Shift.person_id == night.person(session, "Bert")
        shift = session.scalars(sa.select(Shift).where(of_bert)).one()
        shift.person_id = night.person(session, "Chloé")
    night.pass_time(240)
    assert night.said("Bert") == []
    assert len(night.said("Chloé", "sms")) == 1


def test_failed_text_brings_the_call_forward(night: Night) -> None:
    night.report()
    with night.store.write() as session:
        uid = session.scalars(sa.select(Message.uid)).one()
        failed = Receipt(State.FAILED, code="30003")
        hearing.receipt_in(session, uid, failed, night.now + timedelta(seconds=1))
    assert len(night.said("An", "call")) == 1
    night.pass_time(62)
    assert len(night.said("An", "sms")) == 2


def test_unusable_number_is_flagged(night: Night) -> None:
    night.report()
    with night.store.write() as session:
        uid = session.scalars(sa.select(Message.uid)).one()
        failed = Receipt(State.FAILED, code="30005", permanent=True)
        hearing.receipt_in(session, uid, failed, night.now)
        flagged = session.scalars(
            sa.select(ContactMethod.person_id).where(ContactMethod.unusable_at.is_not(None))
        ).all()
    assert flagged == [night.cast.people["An"].id]


def test_number_that_nobody_has_brings_the_next_person_at_once(night: Night) -> None:
    night.report()
    with night.store.write() as session:
        uid = session.scalars(sa.select(Message.uid)).one()
        failed = Receipt(State.FAILED, code="30005", permanent=True)
        hearing.receipt_in(session, uid, failed, night.now)
    assert len(night.said("Bert", "sms")) == 1


def test_telephone_that_takes_no_texts_is_called(night: Night) -> None:
    night.report()
    with night.store.write() as session:
        uid = session.scalars(sa.select(Message.uid)).one()
        failed = Receipt(State.FAILED, code="21635", permanent=True)
        hearing.receipt_in(session, uid, failed, night.now)
    assert len(night.said("An", "call")) == 1
    assert night.said("Bert") == []


def test_receipts_only_move_a_page_forward(night: Night) -> None:
    night.report()
    with night.store.write() as session:
        uid = session.scalars(sa.select(Message.uid)).one()
        for state in (State.DELIVERED, State.SENT, State.FAILED, State.DELIVERED):
            hearing.receipt_in(session, uid, Receipt(state), night.now)
        assert session.scalars(sa.select(Message.status)).one() is State.DELIVERED
    assert night.pages("An")[0].status is PageStatus.DELIVERED


def test_text_that_left_after_its_page_was_withdrawn_is_called_off(night: Night) -> None:
    night.report()
    night.pass_time(240)
    with night.store.write() as session:
        to_bert = Message.person_id == night.person(session, "Bert")
        session.execute(sa.update(Message).where(to_bert).values(status=State.SENDING))
        uid = session.scalars(sa.select(Message.uid).where(to_bert)).one()
    night.text("An", f"JA {night.code('An')}")
    assert len(night.said("Bert", "sms")) == 1
    with night.store.write() as session:
        hearing.receipt_in(session, uid, Receipt(State.SENT), night.now)
    assert "taken by a colleague" in night.said("Bert", "sms")[1]


def test_place_in_no_area_pages_the_default_team_and_says_so(night: Night) -> None:
    night.report(replace(ALERT, place=Place(postcode="1000")))
    assert len(night.said("An", "sms")) == 1
    assert "no_area" in night.story()
    assert night.alarm() == "no_match"


def test_unknown_category_pages_the_default_team(night: Night) -> None:
    night.report(replace(ALERT, category="volcano"))
    assert len(night.said("An", "sms")) == 1
    assert "unclassified" in night.story()


def test_cancel_withdraws_open_pages_and_tells_whoever_was_woken(night: Night) -> None:
    incident_id = night.report()
    night.deliver()
    with night.store.write() as session:
        incident = handling.locked(session, incident_id)
        handling.end_incident(session, incident, IncidentStatus.CANCELLED, ENGINE, night.now)
        callouts.advance(session, incident, night.now)
    assert night.status() == ["cancelled"]
    assert "no longer needed" in night.said("An", "sms")[-1]
    night.pass_time(3600)
    assert len(night.said("An")) == 2


def test_cancel_follows_somebody_on_the_way_until_confirmed(night: Night) -> None:
    incident_id = night.report()
    code = night.code("An")
    night.text("An", f"JA {code}")
    with night.store.write() as session:
        incident = handling.locked(session, incident_id)
        handling.end_incident(session, incident, IncidentStatus.CANCELLED, ENGINE, night.now)
        callouts.advance(session, incident, night.now)
    assert "CANCELLED" in night.said("An", "sms")[-1]
    assert "cancelled" in night.said("An", "call")[-1]
    told = len(night.said("An"))
    night.pass_time(125)
    assert len(night.said("An")) == told + 2
    assert night.text("An", f"JA {code}") == "cancel_confirmed"
    told = len(night.said("An"))
    night.pass_time(600)
    assert len(night.said("An")) == told


def test_update_of_the_place_pages_anew_while_nobody_has_accepted(night: Night) -> None:
    night.report()
    night.deliver()
    first = night.code("An")
    night.change(replace(ALERT, type=AlertType.UPDATE, place=Place(postcode="9401")))
    assert "repaged" in night.story()
    assert len(night.said("An", "sms")) == 2
    assert night.text("An", f"JA {first}") == "goes"


def test_update_that_decides_nothing_pages_nobody(night: Night) -> None:
    night.report()
    night.change(replace(ALERT, type=AlertType.UPDATE, summary="two cars"))
    assert len(night.said("An", "sms")) == 1


def test_update_after_acceptance_informs_and_never_removes(night: Night) -> None:
    night.report()
    night.text("An", f"JA {night.code('An')}")
    night.change(replace(ALERT, type=AlertType.UPDATE, place=Place(postcode="9402")))
    assert night.status() == ["accepted"]
    assert "changed" in night.said("An", "sms")[-1]
    assert night.said("Bert") == []


def test_dispatcher_brings_the_next_step_forward(night: Night) -> None:
    incident_id = night.report()
    with night.store.write() as session:
        incident = handling.locked(session, incident_id)
        for callout in callouts.of_incident(session, incident):
            callouts.hasten(session, callout, night.now)
        callouts.advance(session, incident, night.now)
    assert len(night.said("Bert", "sms")) == 1


def test_priority_one_default_waits_are_those_of_the_contract(night: Night) -> None:
    night.report()
    with night.store.read() as session:
        callout = session.scalars(sa.select(Callout)).one()
        assert callout.due_at == night.now + timedelta(seconds=20)


def test_two_incidents_reach_the_same_phone_with_different_codes(night: Night) -> None:
    night.report()
    night.report()
    codes = [page.code for page in night.pages("An")]
    assert len(set(codes)) == 2
    assert len(night.said("An", "sms")) == 2


def test_incident_without_a_free_area_still_belongs_to_somebody(night: Night) -> None:
    incident_id = night.report(replace(ALERT, place=Place()))
    with night.store.read() as session:
        incident = session.get_one(Incident, incident_id)
        assert incident.organisation_id == night.cast.organisation.id
    assert NUMBERS["An"] and night.alarm() == ""
