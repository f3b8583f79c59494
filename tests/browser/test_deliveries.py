"""The screens of deliveries and sources in a browser: each state, both themes, desk and phone."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page

from dispatch.intake import sources
from dispatch.intake.models import Delivery, Source
from dispatch.people.models import Role
from tests.browser.screens import accessibility_faults, picture
from tests.centre import ADA, ALERT, NOW, Sender
from tests.simulated import served
from tests.web.conftest import PASSWORD, Web

NAME = "dirk@dender.example"
HOSTILE = b'{"type": "alarm", "narrative": "\xe2\x80\xaeMarie <script>alert(1)</script> ' + (
    b"x" * 300_000 + b'"}'
)


@pytest.fixture
def web(store, settings, clock) -> Web:
    """A centre to which good, wrong, hostile and forged things were sent."""
    web = Web(store, settings, clock)
    web.add(NAME, Role.DISPATCHER, Role.ADMINISTRATOR)
    sender = Sender(store, web.centre)
    sender.send({**ALERT, **{f"field_{number}": 1 for number in range(60)}}, "same")
    sender.send({**ALERT, "priority": 2}, "same")
    sender.send({"type": "test"})
    sender.send(HOSTILE, "w" * 190)
    with store.write() as session:
        source = session.get_one(Source, web.centre.source_id)
        source.name = "Regional control room of the judicial district East-Flanders, Dendermonde"
        sources.add_secret(session, source, ADA, NOW)
        sources.end_secret(session, source, source.secrets[0].uid, 24, ADA, NOW)
        for number in range(3):
            sources.count_forged(session, source.id, "192.0.2.1", NOW + timedelta(minutes=number))
        sources.count_forged(session, None, "192.0.2.1", NOW)
    return web


@pytest.fixture
def address(web: Web) -> Iterator[str]:
    with served(web.app) as found:
        yield found


def sign_in(screen: Page, address: str, path: str) -> None:
    screen.goto(f"{address}/sign-in?next={path}")
    screen.get_by_label("Name").fill(NAME)
    screen.get_by_label("Password").fill(PASSWORD)
    screen.keyboard.press("Enter")
    screen.wait_for_url(address + path)


def newest(web: Web) -> str:
    with web.store.read() as session:
        return session.scalars(sa.select(Delivery.uid).order_by(Delivery.id.desc())).first()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 360])
def test_every_screen_is_accessible_and_never_scrolls_sideways(
    open_screen, web, address, theme, width
):
    screen = open_screen(viewport={"width": width, "height": 800}, color_scheme=theme, locale="en")
    sign_in(screen, address, "/deliveries")

    def look(name: str) -> None:
        picture(screen, f"deliveries-{name}-{theme}-{width}")
        assert (name, accessibility_faults(screen)) == (name, [])
        assert screen.evaluate("document.documentElement.scrollWidth <= innerWidth"), name

    look("list")
    screen.goto(f"{address}/deliveries?since=2030-01-01T00:00&source=9")
    look("empty")
    screen.goto(f"{address}/deliveries/{newest(web)}")
    look("closed")
    screen.get_by_label("Why do you open it?").fill("the sender cannot be reached")
    screen.get_by_role("button", name="Open").click()
    screen.get_by_text("Show the rest").wait_for()
    look("opened")
    screen.goto(f"{address}/sources")
    look("sources")
    screen.get_by_label("Key").fill("Room!")
    screen.get_by_label("Name", exact=True).fill("City room")
    screen.get_by_role("button", name="Add", exact=True).click()
    screen.get_by_text("Use 2 to 60 small letters").first.wait_for()
    look("refused")
    screen.get_by_label("Key").fill("room")
    screen.keyboard.press("Enter")
    screen.get_by_text("It is shown only now.").wait_for()
    look("secret")
