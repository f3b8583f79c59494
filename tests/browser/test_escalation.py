"""Escalation policies and proofs of alert in a browser: by keyboard, and for everybody."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from dispatch.people.models import Role
from tests.browser.screens import accessibility_faults, picture
from tests.simulated import served
from tests.web import nights
from tests.web.conftest import PASSWORD, Web

NAME = "ada@dender.example"


@pytest.fixture
def web(store, settings, clock) -> Web:
    web = Web(store, settings, clock)
    web.add(NAME, Role.ADMINISTRATOR, Role.DISPATCHER)
    return web


@pytest.fixture
def address(web: Web) -> Iterator[str]:
    with served(web.app) as found:
        yield found


def look(screen: Page, name: str) -> None:
    """Find no fault on the screen at a desk and on a phone."""
    for width in (1366, 360):
        screen.set_viewport_size({"width": width, "height": 800})
        picture(screen, f"{name}-{width}")
        assert (name, accessibility_faults(screen)) == (name, [])
        assert screen.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    screen.set_viewport_size({"width": 1366, "height": 800})


def test_a_policy_is_tried_out_while_it_is_typed_and_an_alert_is_proven(open_screen, web, address):
    reference = nights.open_incident(web.store, web.centre)
    screen = open_screen(viewport={"width": 1366, "height": 800}, locale="en")
    screen.goto(f"{address}/sign-in?next=/policies/new")
    screen.get_by_label("Name").fill(NAME)
    screen.get_by_label("Password").fill(PASSWORD)
    screen.keyboard.press("Enter")
    screen.wait_for_url(f"{address}/policies/new")
    foreseen = screen.locator("#rehearsal")
    foreseen.get_by_text("+240 s").first.wait_for()
    screen.locator("#after_1").fill("60")
    screen.keyboard.press("Tab")
    foreseen.get_by_text("+60 s").first.wait_for()
    # Asked only where it means something.
    assert not screen.get_by_label("Whom").first.is_visible()
    screen.locator("#target_1").select_option("person")
    screen.get_by_label("Whom").nth(1).wait_for()
    screen.get_by_role("button", name="Store", exact=True).click()
    screen.get_by_text("Fill this in.").wait_for()
    look(screen, "policy-refused")
    screen.locator("#name").fill("nights")
    screen.locator("#target_1").select_option("backup")
    screen.locator("#of_team").select_option(label="Victim support")
    screen.get_by_role("button", name="Store", exact=True).click()
    screen.get_by_text("Stored as version 1").wait_for()
    screen.goto(f"{address}/policies")
    look(screen, "policies")
    screen.goto(f"{address}/incidents/{reference}")
    screen.get_by_role("link", name="every instant").press("Enter")
    screen.get_by_role("heading", name="Everything in order").wait_for()
    look(screen, "proof")
    with screen.expect_download() as taken:
        screen.get_by_role("link", name="Document (JSON)").press("Enter")
    assert taken.value.suggested_filename == f"{reference}-proof.json"
