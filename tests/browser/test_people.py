"""The screens of people in a browser: usable by everybody, in each state, on desk and phone."""

from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Page

from dispatch.people import phones, staff
from dispatch.people.models import MethodKind, Person, Role
from tests.browser.screens import accessibility_faults, picture
from tests.centre import ADA, NOW
from tests.simulated import served
from tests.web.conftest import PASSWORD, Web

NAME = "ada@dender.example"


@pytest.fixture
def address(store, settings, clock) -> Iterator[str]:
    """A running centre in which something is wrong with everybody."""
    web = Web(store, settings, clock)
    web.add(NAME, Role.ADMINISTRATOR)
    with store.write() as session:
        an = session.get_one(Person, web.centre.people["An"].id)
        an.name = "An-Sofie van den Bergh-Vanderlinden de la Fontaine-Wittevrongel"
        an.sign_in = "an@dender.example"
        an.certificates[0].expires_on = date(2026, 3, 1)
        staff.grant(session, an, Role.RESPONDER, ADA, NOW, team=web.centre.team)
        phones.add_method(session, an, MethodKind.LANDLINE, "053 12 34 56", ADA, NOW)
        bert = session.get_one(Person, web.centre.people["Bert"].id)
        phones.block(session, phones.methods(session, bert)[0].fingerprint, NOW)
    with served(web.app) as found:
        yield found


def sign_in(screen: Page, address: str) -> None:
    screen.goto(f"{address}/sign-in?next=/people")
    screen.get_by_label("Name").fill(NAME)
    screen.get_by_label("Password").fill(PASSWORD)
    screen.keyboard.press("Enter")
    screen.wait_for_url(f"{address}/people")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 360])
def test_every_screen_is_accessible_and_never_scrolls_sideways(open_screen, address, theme, width):
    screen = open_screen(viewport={"width": width, "height": 800}, color_scheme=theme, locale="en")
    sign_in(screen, address)

    def look(name: str) -> None:
        picture(screen, f"people-{name}-{theme}-{width}")
        assert (name, accessibility_faults(screen)) == (name, [])
        assert screen.evaluate("document.documentElement.scrollWidth <= innerWidth"), name

    for name, path in {
        "people": "/people",
        "phones": "/people/phones",
        "new": "/people/new",
        "person": "/people/1",
        "account": "/account",
        "calling": "/account/calling",
        "missing": "/people/999",
    }.items():
        screen.goto(address + path)
        look(name)
    screen.goto(f"{address}/people/1")
    screen.get_by_label("Number or mail address").fill("112")
    screen.get_by_role("button", name="Add").first.click()
    screen.get_by_text("This is no complete telephone number.").first.wait_for()
    look("refused")
    screen.get_by_role("button", name="Make a new password").click()
    screen.get_by_text("It is shown only now.").wait_for()
    look("password")


def test_somebody_is_added_and_made_reachable_by_keyboard(open_screen, address):
    screen = open_screen(viewport={"width": 1366, "height": 800}, locale="en")
    sign_in(screen, address)
    screen.get_by_role("link", name="Add somebody").press("Enter")
    screen.get_by_label("Name", exact=True).fill("Zoë Verbeke")
    screen.keyboard.press("Enter")
    screen.get_by_text("Added. Give a role, a team and a telephone now.").wait_for()
    screen.get_by_label("Number or mail address").fill("0470 99 88 77")
    screen.keyboard.press("Enter")
    screen.get_by_role("button", name="Confirm").press("Enter")
    screen.get_by_text("Confirmed: it is used from now on.").wait_for()
    assert screen.get_by_text("+32 470 99 88 77").is_visible()


def test_a_refused_sign_in_says_so_and_keeps_the_name(open_screen, address):
    screen = open_screen(viewport={"width": 360, "height": 800}, locale="en")
    screen.goto(f"{address}/sign-in")
    screen.get_by_label("Name").fill(NAME)
    screen.get_by_label("Password").fill("wrong")
    screen.keyboard.press("Enter")
    screen.get_by_text("Name or password is wrong.").wait_for()
    assert screen.get_by_label("Name").input_value() == NAME
    assert screen.get_by_label("Password").input_value() == ""
    assert accessibility_faults(screen) == []
