"""What waits for its time, and what may be keyed for whoever goes."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.paging.models import Assignment
from dispatch.people.models import Role
from tests.centre import NOW
from tests.web import nights
from tests.web.conftest import Browser, Web
from tests.web.desk import do_callout, lane_of


@pytest.fixture
def desk(web: Web) -> Browser:
    return web.as_role(Role.DISPATCHER)


def _enter(desk: Browser, **form: str) -> str:
    answer = desk.post("/incidents/new", {"category": "fatal_crash", "postcode": "9400"} | form)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"].rpartition("=")[2]


def _local(hours: float) -> str:
    # The zone of the centre is an hour ahead in March.
    return (NOW + timedelta(hours=hours + 1)).strftime("%Y-%m-%dT%H:%M")


def test_an_appointment_waits_on_the_board_until_a_dispatcher_decides_otherwise(web, desk):
    said = desk.post("/incidents/who", {"category": "fatal_crash", "appointment_at": _local(5)})
    assert "Nobody is called before" in said.text
    reference = _enter(desk, appointment_at=_local(5))
    assert lane_of(desk, reference) == "paging"
    shown = desk.get(f"/incidents/{reference}").text
    assert "By appointment: people are called from" in shown and "Page next now" not in shown
    assert nights.callout(web.store, reference).pages == []

    do_callout(web, desk, reference, "begin_now")
    assert len(nights.callout(web.store, reference).pages) == 1
    assert "decided that it cannot wait" in desk.get(f"/incidents/{reference}").text


def test_an_appointment_that_is_over_is_refused_and_at_once_waits_for_nothing(web, desk):
    form = {"category": "fatal_crash", "postcode": "9400", "appointment_at": _local(-1)}
    assert "This lies in the past." in desk.post("/incidents/new", form).text
    reference = _enter(desk, appointment_at=_local(5), at_once="yes")
    assert len(nights.callout(web.store, reference).pages) == 1


def _seat(web: Web, name: str) -> Assignment:
    with web.store.read() as session:
        query = sa.select(Assignment).where(Assignment.person_id == web.centre.people[name].id)
        return session.scalars(query).one()


def test_a_dispatcher_and_an_officer_hand_on(web: Web, desk: Browser):
    reference = nights.open_incident(web.store, web.centre)
    people = web.centre.people
    do_callout(web, desk, reference, "accept_for", {"person": people["An"].id})
    seat = _seat(web, "An").id
    do_callout(web, desk, reference, "spoken_to", {"assignment": seat})
    given = {"assignment": seat, "person": people["Bert"].id}
    do_callout(web, desk, reference, "hand_on", given)
    assert "Bert Maes is asked to take over." in desk.get(f"/incidents/{reference}").text
    do_callout(web, desk, reference, "keep", {"assignment": seat})

    an = web.browser(people["An"])
    assert "Hand on to a colleague" in an.get(f"/calls/{reference}").text
    answer = an.post(f"/calls/{reference}/hand_on", {"person": people["Chloé"].id})
    assert answer.status_code == 303
    assert "Until they accept, you go." in an.get(f"/calls/{reference}").text
    chloe = web.browser(people["Chloé"])
    assert chloe.post(f"/calls/{reference}/answer", {"answer": "yes"}).status_code == 303
    assert nights.going(web.store, reference)[1:] == [(people["Chloé"].id, "accepted")]
    assert _seat(web, "An").handed_to_id == people["Chloé"].id
    shown = desk.get(f"/incidents/{reference}").text
    assert "Chloé Dubois takes over from An Peeters, who is free." in shown
    assert an.post(f"/calls/{reference}/keep").status_code == 409
