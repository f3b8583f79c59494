"""The end of a sign-in in a browser: announced in time, put off by a click, and moving nothing."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, Request, expect

from dispatch import upkeep
from dispatch.people.models import Role, SignIn
from tests.browser.screens import accessibility_faults, picture
from tests.simulated import served
from tests.web import nights
from tests.web.conftest import PASSWORD, Web

DISPATCHER = "desk@dender.example"


@pytest.fixture
def web(store, settings, clock) -> Web:
    web = Web(store, settings, clock)
    web.add(DISPATCHER, Role.DISPATCHER)
    nights.open_incident(store, web.centre)
    return web


@pytest.fixture
def address(web: Web) -> Iterator[str]:
    with served(web.app) as address:
        yield address
        web.app.extensions["streams"].end()


def sign_in(screen: Page, address: str, onward: str) -> None:
    screen.goto(f"{address}/sign-in?next={onward}")
    screen.get_by_label("Name").fill(DISPATCHER)
    screen.get_by_label("Password").fill(PASSWORD)
    screen.keyboard.press("Enter")
    screen.wait_for_url(f"{address}{onward}")


def come_near(screen: Page, web: Web) -> None:
    """Let the time pass until the sign-in is about to end, for the server and on the screen."""
    web.clock.advance(hours=11, minutes=56)
    screen.evaluate("document.getElementById('idle').dataset.quiet = '0.0'")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_the_warning_moves_nothing_and_a_click_puts_the_end_off(
    open_screen, web, address, theme, width
):
    screen = open_screen(viewport={"width": width, "height": 700}, color_scheme=theme, locale="en")
    sign_in(screen, address, "/account")
    present = screen.get_by_label("Present password")
    present.fill("half a pass")
    before = screen.evaluate("scrollY")
    come_near(screen, web)
    warning = screen.locator("#idle")
    expect(warning).to_contain_text("You will be signed out at 02:02:00")
    expect(present).to_be_focused()
    expect(present).to_have_value("half a pass")
    assert screen.evaluate("scrollY") == before
    picture(screen, f"idle-{theme}-{width}")
    assert accessibility_faults(screen) == []
    assert screen.evaluate("document.documentElement.scrollWidth <= innerWidth")
    warning.get_by_role("button", name="Stay signed in").click()
    expect(warning).to_be_empty()
    expect(present).to_have_value("half a pass")
    with web.store.read() as session:
        assert session.scalars(sa.select(SignIn.seen_at)).one() == web.clock.now()


def test_a_board_left_alone_says_that_nobody_clicked(open_screen, web, address):
    screen = open_screen(viewport={"width": 1440, "height": 900}, locale="en")
    sign_in(screen, address, "/board")
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    screen.on("request", note)
    with web.store.write() as session:
        upkeep.bump(session, web.centre.organisation.id, "board")
    with screen.expect_response(lambda answer: "/board/lanes" in answer.url):
        pass
    lanes = [request.headers for request in asked if "/board/lanes" in request.url]
    assert [headers.get("x-by-itself") for headers in lanes] == ["1"] * len(lanes)
    # Answered: a click that is taken in after the clock was set would count as one just now.
    with screen.expect_response(lambda answer: "/pane" in answer.url) as chosen:
        screen.locator(".card-link").first.click()
    assert "x-by-itself" not in chosen.value.request.headers
    come_near(screen, web)
    expect(screen.locator("#idle")).to_contain_text("You will be signed out")
    web.clock.advance(minutes=5)
    screen.evaluate("document.getElementById('idle').dataset.quiet = '0.0'")
    screen.wait_for_url(f"{address}/sign-in", timeout=30_000)
