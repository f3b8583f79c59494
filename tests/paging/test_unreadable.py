"""One phone number that does not open any more keeps nobody else from being called."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from dispatch.audit import ENGINE
from dispatch.incidents import handling
from dispatch.incidents.alerts import Contact
from dispatch.incidents.models import IncidentStatus
from dispatch.paging import callouts
from dispatch.paging.models import PageStatus
from dispatch.paging.sentences import reason
from dispatch.people import phones
from dispatch.people.models import ContactMethod, MethodKind
from tests.paging.conftest import ALERT, DORA, Night


def _spoil(night: Night, name: str) -> None:
    """Change the sealed number of somebody's first phone behind our back."""
    with night.store.write() as session:
        mine = ContactMethod.person_id == night.person(session, name)
        first = session.scalars(sa.select(ContactMethod).where(mine).order_by(ContactMethod.id))
        method = first.first()
        method.sealed_address = method.sealed_address[:-6] + "AAAAA="


def test_whose_phone_cannot_be_read_is_passed_over_for_that_and_the_next_is_paged(
    night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    _spoil(night, "An")
    night.report()
    (skipped,) = night.pages("An")
    assert skipped.status is PageStatus.SKIPPED
    assert reason(skipped.reason, "en") == "their phone could not be read"
    assert len(night.said("Bert", "sms")) == 1
    assert night.alarm() == "phone_unreadable"
    assert "address_unreadable" in caplog.text
    assert not [text for text in caplog.messages if "+32" in text or "Peeters" in text]


def test_second_phone_takes_the_place_of_one_that_cannot_be_read(night: Night) -> None:
    with night.store.write() as session:
        an = night.someone(session, "An")
        method = phones.add_method(session, an, MethodKind.MOBILE, "+32470999999", DORA, night.now)
        phones.verify(session, method, DORA, night.now)
    _spoil(night, "An")
    night.report()
    assert night.said("+32470999999", "sms")
    assert night.alarm() == "phone_unreadable"


def test_alarm_of_an_unreadable_phone_is_raised_once(night: Night) -> None:
    _spoil(night, "An")
    night.report()
    night.see()
    night.pass_time(700)
    assert night.alarm() == ""


def test_phone_that_spoils_while_somebody_goes_fails_no_answer(night: Night) -> None:
    night.report()
    night.pass_time(240)
    night.deliver()
    _spoil(night, "Bert")
    assert night.text("An", night.code("An")) == "goes"
    assert night.status() == ["accepted"]
    _spoil(night, "An")
    with night.held() as (session, incident):
        handling.end_incident(session, incident, IncidentStatus.CANCELLED, ENGINE, night.now)
        callouts.advance(session, incident, night.now)
    assert night.alarms() == ["cancel_unconfirmed"]


def test_facts_that_cannot_be_read_keep_nobody_from_going(
    night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    night.report(replace(ALERT, contact=Contact(phone="+3253000111", call_back=True)))
    with night.held() as (_, incident):
        incident.sealed_facts = incident.sealed_facts[:-6] + "AAAAA="
    assert night.text("An", night.code("An")) == "goes"
    assert "facts_unreadable" in caplog.text
