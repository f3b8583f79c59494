"""The officer's screens: the link of a text, and the incident of whoever goes."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.audit import AuditEntry
from dispatch.db import Store
from dispatch.incidents import handling
from dispatch.incidents.models import IncidentStatus
from dispatch.paging import callouts, seats
from dispatch.paging.models import Page
from dispatch.people.models import Person, Role, RoleGrant
from tests.centre import ADA, NOW, sounding
from tests.web import nights
from tests.web.conftest import Browser, Web


@pytest.fixture
def reference(web: Web) -> str:
    return nights.open_incident(web.store, web.centre)


@pytest.fixture
def link(web: Web, reference: str) -> str:
    return nights.link(web.store, reference)


@pytest.fixture
def phone(web: Web) -> Browser:
    """The officer's browser before sign-in."""
    return web.anonymous()


def officer(web: Web, name: str = "An") -> Browser:
    return web.browser(web.centre.people[name])


def test_the_link_shows_what_the_text_said_and_nothing_else(phone, link, reference):
    shown = phone.get(link)
    assert shown.status_code == 200
    assert reference in shown.text
    assert "go now" in shown.text.lower()
    for secret in nights.SECRETS:
        assert secret not in shown.text


def test_looking_at_the_link_twenty_times_changes_nothing(web, phone, link):
    before = nights.snapshot(web.store)
    for _ in range(10):
        assert phone.client.get(link).status_code == 200
        assert phone.client.head(link).status_code == 200
    assert nights.snapshot(web.store) == before


def test_accepting_needs_no_sign_in_no_cookie_and_no_form_token(web, phone, link, reference):
    shown = web.app.test_client(use_cookies=False).post(
        link, data={"answer": "yes", "minutes": "20"}
    )
    assert shown.status_code == 200
    assert "You are going" in shown.text
    assert nights.going(web.store, reference) == [(web.centre.people["An"].id, "accepted")]
    going = nights.callout(web.store, reference).assignments[0]
    assert going.expected_at == NOW + timedelta(minutes=20)
    for secret in nights.SECRETS:
        assert secret not in shown.text


def test_after_accepting_the_way_to_the_facts_leads_through_the_sign_in(phone, link, reference):
    shown = phone.client.post(link, data={"answer": "yes"})
    assert f'href="/calls/{reference}"' in shown.text
    asked = phone.get(f"/calls/{reference}")
    assert asked.status_code == 303
    assert "/sign-in" in asked.headers["Location"]


def test_accepting_twice_is_accepting_once(web, phone, link, reference):
    for _ in range(2):
        assert phone.client.post(link, data={"answer": "yes"}).status_code == 200
    assert len(nights.going(web.store, reference)) == 1


def test_saying_no_uses_the_link_up_and_pages_the_next(web, phone, link, reference):
    said = phone.client.post(link, data={"answer": "no"})
    assert said.status_code == 200
    assert phone.client.post(link, data={"answer": "yes"}).status_code == 409
    assert phone.get(link).status_code == 410
    pages = nights.callout(web.store, reference).pages
    assert [(page.person.name, str(page.status)) for page in pages][:2] == [
        ("An Peeters", "declined"),
        ("Bert Maes", "waiting"),
    ]


def test_an_answer_that_is_neither_yes_nor_no_changes_nothing(web, phone, link, reference):
    assert phone.client.post(link, data={"answer": "perhaps"}).status_code == 422
    assert nights.going(web.store, reference) == []


def test_whoever_comes_too_late_is_told_so_without_detail(web, link, reference):
    later = NOW + timedelta(minutes=5)
    web.clock.set(later)
    nights.advance(web.store, reference, later)
    late = nights.link(web.store, reference, "Bert Maes")
    web.anonymous().client.post(link, data={"answer": "yes"})
    told = web.anonymous().client.post(late, data={"answer": "yes"})
    assert "Taken by a colleague" in told.text
    shown = web.anonymous().get(late)
    assert shown.status_code == 410
    assert reference not in shown.text
    assert nights.going(web.store, reference) == [(web.centre.people["An"].id, "accepted")]


def test_a_link_that_nobody_was_given_is_not_found(phone):
    assert phone.get("/a/" + "g" * 32).status_code == 404
    assert phone.client.post("/a/" + "g" * 32, data={"answer": "yes"}).status_code == 404


def test_a_link_dies_with_its_time(web, phone, link, reference):
    web.clock.advance(minutes=241)
    shown = phone.get(link)
    assert shown.status_code == 404
    assert reference not in shown.text
    assert phone.client.post(link, data={"answer": "yes"}).status_code == 404


def test_a_link_of_a_cancelled_incident_shows_nothing_of_it(web, phone, link, reference):
    with web.store.write() as session:
        incident = nights.of(session, reference)
        handling.end_incident(session, incident, IncidentStatus.CANCELLED, ADA, NOW)
        callouts.advance(session, incident, NOW)
    shown = phone.get(link)
    assert shown.status_code == 410
    assert reference not in shown.text


def test_a_page_counts_as_opened_once_its_owner_looks_signed_in(web, link, reference):
    browser = officer(web)
    assert browser.get(link, follow_redirects=True).status_code == 200
    assert nights.callout(web.store, reference).pages[0].opened_at == NOW


def test_somebody_elses_sign_in_does_not_open_a_page(web, link, reference):
    assert officer(web, "Chloé").get(link).status_code == 200
    assert nights.callout(web.store, reference).pages[0].opened_at is None


def test_the_link_speaks_the_officers_language(web, reference, link):
    with web.store.write() as session:
        session.get_one(Person, web.centre.people["An"].id).language = "nl"
    assert web.anonymous().get(link, headers={"Accept-Language": "en"}).status_code == 200


def test_whoever_is_called_sees_where_and_who_and_no_other_fact_before_going(web, reference):
    browser = officer(web)
    listed = browser.get("/calls")
    assert reference in listed.text
    for secret in nights.SECRETS:
        assert secret not in listed.text
    shown = browser.get(f"/calls/{reference}").text
    assert nights.ADDRESS in shown
    assert nights.CONTACT in shown
    for secret in (nights.NARRATIVE, nights.SUMMARY, "fatal road crash", "53 11 22 33"):
        assert secret not in shown
    assert browser.post(f"/calls/{reference}/narrative").status_code == 404
    with web.store.read() as session:
        read = sa.select(AuditEntry).where(AuditEntry.action == "incident.read")
        assert len(session.scalars(read).all()) == 1


def test_names_and_address_of_the_protected_are_shown_to_nobody_who_is_called(web):
    protected = {"protected_identity": True}
    reference = nights.open_incident(web.store, web.centre, flags=protected)
    shown = officer(web).get(f"/calls/{reference}").text
    assert nights.ADDRESS not in shown
    assert nights.CONTACT not in shown
    assert "protected" in shown
    assert "Ninove" in shown and "9400" not in shown


def test_somebody_who_knows_them_passes_on_without_a_reason_and_reads_nothing_more(web, reference):
    an, bert = officer(web), officer(web, "Bert")
    an.post(f"/calls/{reference}/pass_on")
    assert nights.ADDRESS not in an.get(f"/calls/{reference}").text
    # The next person is called at once.
    assert nights.ADDRESS in bert.get(f"/calls/{reference}").text
    told = web.as_role(Role.DISPATCHER).get(f"/incidents/{reference}").text
    assert "An Peeters cannot (passed on)." in told
    # Neither a late yes nor any other right opens it again.
    an.post(f"/calls/{reference}/answer", {"answer": "yes"})
    assert nights.going(web.store, reference) == []
    with web.store.write() as session:
        home, person = web.centre.organisation.id, web.centre.people["An"].id
        session.add(RoleGrant(person_id=person, role=Role.DISPATCHER, organisation_id=home))
    again = officer(web)
    assert again.get(f"/incidents/{reference}").status_code == 404
    assert again.get(f"/calls/{reference}").status_code == 200


def test_somebody_who_goes_already_passes_on_too_and_the_seat_is_called_for_again(web, reference):
    browser = officer(web)
    browser.post(f"/calls/{reference}/answer", {"answer": "yes"})
    assert "I know them" in browser.get(f"/calls/{reference}").text
    browser.post(f"/calls/{reference}/pass_on")
    assert nights.going(web.store, reference)[0][1] == "released"
    assert sounding(web.store) == ["withdrew"]
    assert not reads(web, browser, reference)


def test_whoever_goes_sees_the_facts_and_opens_the_narrative(web, reference):
    browser = officer(web)
    said = browser.post(f"/calls/{reference}/answer", {"answer": "yes", "minutes": "30"})
    assert said.status_code == 303
    shown = browser.get(f"/calls/{reference}").text
    for fact in (nights.ADDRESS, nights.CONTACT, nights.SUMMARY, "geo:50.83,4.02", "the car park"):
        assert fact in shown
    assert nights.NARRATIVE not in shown
    opened = browser.post(f"/calls/{reference}/narrative")
    assert nights.NARRATIVE in opened.text
    assert opened.headers["Cache-Control"] == "no-store"


def test_reading_the_facts_is_written_down_once_an_hour(web, reference):
    browser = officer(web)
    browser.post(f"/calls/{reference}/answer", {"answer": "yes"})
    for _ in range(3):
        browser.get(f"/calls/{reference}")
    web.clock.advance(minutes=61)
    browser.get(f"/calls/{reference}")
    with web.store.read() as session:
        read = sa.select(AuditEntry).where(AuditEntry.action == "incident.read")
        assert len(session.scalars(read).all()) == 2


def test_the_officer_says_how_far_and_adds_a_note(web, reference):
    browser = officer(web)
    browser.post(f"/calls/{reference}/answer", {"answer": "yes"})
    for status in ("on_the_way", "on_scene", "done"):
        browser.post(f"/calls/{reference}/status", {"status": status})
        assert nights.going(web.store, reference)[0][1] == status
    browser.post(f"/calls/{reference}/note", {"text": "Stayed with the mother."})
    assert "Stayed with the mother." in browser.get(f"/calls/{reference}").text


def test_giving_up_a_seat_calls_the_others_and_hides_the_facts(web, reference):
    browser = officer(web)
    browser.post(f"/calls/{reference}/answer", {"answer": "yes"})
    browser.post(f"/calls/{reference}/withdraw")
    assert nights.going(web.store, reference)[0][1] == "released"
    assert nights.ADDRESS not in browser.get(f"/calls/{reference}").text
    assert sounding(web.store) == ["withdrew"]


def reads(web: Web, browser: Browser, reference: str) -> bool:
    """Whether the facts are shown, which the narrative and a note must agree with."""
    shown = nights.ADDRESS in browser.get(f"/calls/{reference}").text
    opened = browser.post(f"/calls/{reference}/narrative").status_code == 200
    noted = browser.post(f"/calls/{reference}/note", {"text": "x"}).status_code == 303
    assert (opened, noted) == (shown, shown)
    return shown


def test_whoever_was_done_reads_on_for_the_days_that_the_centre_gives(web, reference):
    browser = officer(web)
    browser.post(f"/calls/{reference}/answer", {"answer": "yes"})
    web.clock.advance(days=20)
    browser = officer(web)
    assert reads(web, browser, reference)
    browser.post(f"/calls/{reference}/status", {"status": "done"})
    web.clock.advance(days=13, hours=23)
    assert reads(web, officer(web), reference)
    web.clock.advance(hours=1)
    assert not reads(web, officer(web), reference)


def test_closing_a_case_begins_the_days_of_whoever_never_said_done(web, reference):
    browser = officer(web)
    browser.post(f"/calls/{reference}/answer", {"answer": "yes"})
    with web.store.write() as session:
        incident = nights.of(session, reference)
        handling.end_incident(session, incident, IncidentStatus.CLOSED, ADA, NOW)
        callouts.advance(session, incident, NOW)
    assert reads(web, browser, reference)
    assert reference not in browser.get("/calls").text
    web.clock.advance(days=14)
    assert not reads(web, officer(web), reference)


def test_whoever_was_released_reads_on_and_whoever_gave_up_the_seat_does_not(web, reference):
    an, bert = officer(web), officer(web, "Bert")
    an.post(f"/calls/{reference}/answer", {"answer": "yes"})
    with web.store.write() as session:
        incident = handling.locked(session, nights.of(session, reference).id)
        (callout,) = callouts.of_incident(session, incident)
        seats.release(session, callout.assignments[0], ADA, NOW)
    assert reads(web, an, reference)
    bert.post(f"/calls/{reference}/answer", {"answer": "yes"})
    assert reads(web, bert, reference)
    bert.post(f"/calls/{reference}/withdraw")
    assert not reads(web, bert, reference)


@pytest.mark.parametrize("action", ["answer", "status", "withdraw", "note", "narrative", "pass_on"])
def test_whoever_was_not_called_finds_no_call(web, reference, action):
    for browser in (officer(web, "Chloé"), web.as_role(Role.RESPONDER, zone=web.leie)):
        assert browser.get(f"/calls/{reference}").status_code == 404
        form = {"answer": "yes", "status": "done", "text": "x"}
        assert browser.post(f"/calls/{reference}/{action}", form).status_code == 404
    assert nights.going(web.store, reference) == []


@pytest.mark.parametrize("action", ["status", "note"])
def test_whoever_does_not_go_cannot_act_for_the_call(web, reference, action):
    form = {"status": "done", "text": "x"}
    assert officer(web).post(f"/calls/{reference}/{action}", form).status_code == 409


def test_the_signed_in_screens_ask_for_a_form_token(web, reference):
    client = officer(web).client
    assert client.post(f"/calls/{reference}/answer", data={"answer": "yes"}).status_code == 400
    assert nights.going(web.store, reference) == []


def test_the_plain_link_token_stands_nowhere_in_the_database(store: Store, web, link):
    token = link.removeprefix("/a/")
    assert token not in repr(nights.snapshot(store))
    with store.read() as session:
        assert session.scalars(sa.select(Page)).first().token_hash
