"""The live screens in a browser: usable by everybody, in each state, and still under the hand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from dispatch.channels.contract import Inbound
from dispatch.incidents import handling
from dispatch.paging import replies, seats
from dispatch.people.models import Person, Role
from dispatch.vigil import boards
from tests.browser.screens import accessibility_faults, picture
from tests.centre import ADA, NOW, signed
from tests.simulated import served
from tests.web import nights
from tests.web.conftest import PASSWORD, Web

DISPATCHER, OFFICER = "desk@dender.example", "an@dender.example"


@dataclass
class Night:
    """A served centre in which everything goes on at once."""

    web: Web
    address: str
    unanswered: str
    words: str
    going: str
    protected: str


@pytest.fixture
def night(store, settings, clock) -> Iterator[Night]:
    web = Web(store, settings, clock)
    web.add(DISPATCHER, Role.DISPATCHER)
    with store.write() as session:
        an = session.get_one(Person, web.centre.people["An"].id)
        an.name = "An-Sofie van den Bergh-Vanderlinden de la Fontaine-Wittevrongel"
        an.sign_in = OFFICER
        session.flush()
    web.add("template", Role.RESPONDER)
    with store.write() as session:
        hashed = session.query(Person).filter_by(sign_in="template").one().password_hash
        session.get_one(Person, web.centre.people["An"].id).password_hash = hashed
    unanswered = nights.open_incident(store, web.centre)
    for minutes in (4, 8, 13):
        clock.set(NOW + timedelta(minutes=minutes))
        nights.advance(store, unanswered, clock.now())
    going = nights.open_incident(store, web.centre, clock.now())
    with store.write() as session:
        page = handling.locked(session, nights.of(session, going).id)
        callout = nights.callouts.of_incident(session, page)[0]
        an = session.get_one(Person, web.centre.people["An"].id)
        seats.accept_on_behalf(session, callout, an, ADA, clock.now())
    protected = nights.open_incident(
        store, web.centre, clock.now(), flags={"protected_identity": True}, drill=True
    )
    words = nights.open_incident(store, web.centre, clock.now())
    with store.write() as session:
        reply = f"{nights.callout(store, words).pages[0].code} not before four, child ill"
        replies.text_in(session, Inbound("SM1", "+32470123450", reply), clock.now())
    body = b"this is no alert"
    headers = signed(body, at=clock.now())
    web.anonymous().client.post(
        "/hooks/alerts/control-room", data=body, headers=headers, content_type="application/json"
    )
    with served(web.app) as address:
        yield Night(web, address, unanswered, words, going, protected)
        web.app.extensions["streams"].end()


def sign_in(screen: Page, night: Night, name: str = DISPATCHER) -> None:
    screen.goto(f"{night.address}/sign-in?next=/account")
    screen.get_by_label("Name").fill(name)
    screen.get_by_label("Password").fill(PASSWORD)
    screen.keyboard.press("Enter")
    screen.wait_for_url(f"{night.address}/account")


def look(screen: Page, name: str) -> None:
    picture(screen, name)
    assert (name, accessibility_faults(screen)) == (name, [])
    assert screen.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 768, 360])
def test_every_screen_is_accessible_and_never_scrolls_sideways(open_screen, night, theme, width):
    screen = open_screen(viewport={"width": width, "height": 900}, color_scheme=theme, locale="en")
    sign_in(screen, night)
    for name, path in {
        "lanes": "/board",
        "unanswered": f"/board?incident={night.unanswered}",
        "words": f"/incidents/{night.words}",
        "going": f"/board?incident={night.going}",
        "protected": f"/incidents/{night.protected}",
        "new": "/incidents/new",
        "record": "/incidents/new?record=1",
        "found": "/board/find?q=ninove",
        "missing": "/incidents/AAA-AAA",
    }.items():
        screen.goto(night.address + path)
        look(screen, f"board-{name}-{theme}-{width}")
    screen.goto(f"{night.address}/board?incident={night.unanswered}")
    for summary in screen.locator("#incident summary").all():
        summary.click()
    look(screen, f"board-opened-{theme}-{width}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_officers_screens_are_accessible_on_a_phone(open_screen, night, theme):
    screen = open_screen(viewport={"width": 360, "height": 780}, color_scheme=theme, locale="en")
    store = night.web.store
    name = "An-Sofie van den Bergh-Vanderlinden de la Fontaine-Wittevrongel"
    for state, path in {
        "answer": nights.link(store, night.protected, name),
        "expired": "/a/" + "g" * 32,
    }.items():
        screen.goto(night.address + path)
        look(screen, f"officer-{state}-{theme}")
    sign_in(screen, night, OFFICER)
    for state, path in {
        "calls": "/calls",
        "going": f"/calls/{night.going}",
        "called": f"/calls/{night.protected}",
    }.items():
        screen.goto(night.address + path)
        look(screen, f"officer-{state}-{theme}")


def test_a_change_appears_by_itself_and_moves_nothing_under_the_hand(open_screen, night):
    screen = open_screen(viewport={"width": 1440, "height": 900}, locale="en")
    sign_in(screen, night)
    screen.goto(f"{night.address}/board?incident={night.words}")
    note = screen.get_by_label("Note", exact=True)
    note.fill("half a sen")
    with night.web.store.write() as session:
        incident = nights.of(session, night.words)
        handling.add_note(session, incident, "said by somebody else", ADA, NOW)
    expect(screen.locator("#incident")).to_contain_text("said by somebody else")
    expect(note).to_have_value("half a sen")
    expect(note).to_be_focused()
    marked = screen.locator('.card-link[aria-current="true"]')
    expect(marked).to_have_count(1)
    screen.locator(f"#card-{night.going} .card-link").click()
    with (
        screen.expect_response(f"**/board/lanes?incident={night.going}"),
        night.web.store.write() as session,
    ):
        incident = nights.of(session, night.unanswered)
        handling.add_note(session, incident, "beside what is chosen now", ADA, NOW)
    expect(screen.locator(f"#card-{night.unanswered}")).to_contain_text("Note by Ada.")
    expect(marked).to_have_count(1)
    assert marked.get_attribute("href") == f"/board?incident={night.going}"


def test_a_new_alarm_sounds_although_the_others_were_stopped(open_screen, night):
    screen = open_screen(viewport={"width": 1440, "height": 900}, locale="en")
    sign_in(screen, night)
    screen.goto(f"{night.address}/board")
    silent = screen.locator("#no-sound")
    expect(silent).to_be_visible()
    stop = screen.get_by_role("button", name="Stop the sound")
    with screen.expect_response(lambda answer: "sounds=yes" in (answer.request.post_data or "")):
        stop.click()
    expect(stop).to_be_hidden()
    expect(silent).to_be_hidden()
    with night.web.store.read() as session:
        mine = night.web.centre.organisation.id
        assert boards.heard(session, night.web.clock.now()) == {mine}
    with night.web.store.write() as session:
        inbound = Inbound("SM2", "+32470123451", "car broke down")
        replies.text_in(session, inbound, night.web.clock.now())
    expect(screen.locator(f"#card-{night.unanswered}")).to_contain_text("car broke down")
    expect(stop).to_be_visible()
    expect(screen.locator("#alerts")).to_contain_text(f"{night.unanswered}: fatal road crash")
    expect(screen.locator("#alerts")).to_contain_text("Bert Maes answered in own words")
    pause = screen.get_by_role("button", name="Pause updates")
    with screen.expect_response(lambda answer: "sounds=no" in (answer.request.post_data or "")):
        pause.click()
    with screen.expect_response(lambda answer: "sounds=yes" in (answer.request.post_data or "")):
        pause.click()


def test_the_narrative_stays_open_while_it_is_read(open_screen, night):
    screen = open_screen(viewport={"width": 1440, "height": 900}, locale="en")
    sign_in(screen, night)
    screen.goto(f"{night.address}/board?incident={night.words}")
    screen.get_by_text("Open the narrative").click()
    screen.get_by_role("button", name="Open", exact=True).click()
    expect(screen.locator("#narrative")).to_contain_text(nights.NARRATIVE)
    with night.web.store.write() as session:
        incident = nights.of(session, night.words)
        handling.add_note(session, incident, "said by somebody else", ADA, NOW)
    expect(screen.locator("#incident")).to_contain_text("said by somebody else")
    expect(screen.locator("#narrative")).to_contain_text(nights.NARRATIVE)


def test_an_incident_is_entered_by_keyboard_alone(open_screen, night):
    screen = open_screen(viewport={"width": 1440, "height": 900}, locale="en")
    sign_in(screen, night)
    screen.goto(f"{night.address}/board")
    screen.keyboard.press("n")
    screen.wait_for_url("**/incidents/new")
    screen.keyboard.press("3")
    expect(screen.get_by_label("Address")).to_be_focused()
    expect(screen.locator("#who")).to_contain_text("at once")
    screen.keyboard.type("Stationsstraat 1")
    screen.keyboard.press("Control+Enter")
    screen.wait_for_url(re.compile(r"/board\?incident="))
    expect(screen.locator("#incident")).to_contain_text("Stationsstraat 1")


def test_every_action_works_without_scripts(open_screen, night):
    screen = open_screen(
        viewport={"width": 1440, "height": 900}, locale="en", java_script_enabled=False
    )
    sign_in(screen, night)
    screen.goto(f"{night.address}/board?incident={night.unanswered}")
    screen.get_by_role("button", name="Seen, I act").last.click()
    expect(screen.locator("#messages")).to_contain_text("Seen.")
    screen.get_by_label("Note", exact=True).fill("rang Bert")
    screen.get_by_role("button", name="Add", exact=True).click()
    expect(screen.locator("#incident")).to_contain_text("rang Bert")
