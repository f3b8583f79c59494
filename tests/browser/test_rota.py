"""The rota in a browser: usable by everybody, on a phone and by keyboard alone."""

import re
import threading

import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from dispatch import settings
from dispatch.db import Store
from dispatch.people import accounts
from dispatch.people.models import Person, Role, RoleGrant
from dispatch.rota.models import Shift
from dispatch.web import create_app
from dispatch.wiring import Parts
from tests.browser.screens import accessibility_faults, picture
from tests.centre import NOW, build

NAME = "petra@zone.example"
PASSWORD = "a long enough word for tests"
PATHS = {
    "on-duty": "/on-duty",
    "month": "/shifts?team=support",
    "turn": "/shifts/shift-primary",
    "new-turn": "/shifts/new?team=support",
    "turns": "/turns",
}


@pytest.fixture
def store(sqlite_databases, tmp_path):
    """One database is enough for what a browser shows."""
    url = sqlite_databases.empty(tmp_path)
    chosen = settings.load({"DISPATCH_DATA_DIR": str(tmp_path), "DISPATCH_DATABASE_URL": url})
    opened = Store(url, settings=chosen, installation_key=bytes(32))
    yield opened
    opened.close()


@pytest.fixture
def address(store, clock):
    """A running centre with a planner who also takes turns."""
    centre = build(store)
    with store.write() as session:
        planner = session.get_one(Person, centre.people["An"].id)
        planner.sign_in, planner.password_hash = NAME, accounts.hashed(PASSWORD)
        session.add(
            RoleGrant(
                person_id=planner.id,
                role=Role.PLANNER,
                organisation_id=centre.organisation.id,
            )
        )
    server = make_server(
        "127.0.0.1", 0, create_app(Parts(store.context["settings"], store, clock)), threaded=True
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def sign_in(screen, address):
    screen.goto(f"{address}/sign-in")
    screen.get_by_label("Name").fill(NAME)
    screen.get_by_label("Password").fill(PASSWORD)
    screen.keyboard.press("Enter")
    screen.wait_for_url(lambda url: "/sign-in" not in url)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 360])
def test_every_screen_is_accessible_and_never_scrolls_sideways(open_screen, address, theme, width):
    screen = open_screen(viewport={"width": width, "height": 800}, color_scheme=theme, locale="en")
    sign_in(screen, address)
    for name, path in PATHS.items():
        screen.goto(address + path)
        picture(screen, f"{name}-{theme}-{width}")
        assert (name, accessibility_faults(screen)) == (name, [])
        assert screen.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


def test_a_turn_is_entered_by_keyboard_alone(open_screen, address, store):
    screen = open_screen(viewport={"width": 1366, "height": 768}, locale="en-GB")
    sign_in(screen, address)
    screen.goto(f"{address}/shifts?team=support&from=2026-03")
    screen.get_by_role("link", name=re.compile("enter a turn on Thu 19")).first.focus()
    screen.keyboard.press("Enter")
    screen.get_by_label("Who").focus()
    screen.keyboard.type("Chloé")
    assert screen.get_by_label("From").input_value() == "2026-03-18T14:02"
    screen.get_by_label("Until").fill("2026-03-20T08:00")
    screen.keyboard.press("Enter")
    screen.get_by_text("The turn is entered.").wait_for()
    assert screen.get_by_role("link", name="Chloé Dubois", exact=True).count() == 3


def test_a_refused_form_names_the_field_and_keeps_what_was_typed(open_screen, address):
    screen = open_screen(viewport={"width": 360, "height": 800}, locale="en")
    sign_in(screen, address)
    screen.goto(f"{address}/shifts/new?team=support")
    screen.get_by_label("Who").select_option(label="Bert Maes")
    screen.get_by_label("From").fill("2026-03-29T02:30")
    screen.get_by_label("Until").fill("2026-03-29T12:00")
    screen.get_by_role("button", name="Enter").click()
    field = screen.get_by_label("From")
    assert field.input_value() == "2026-03-29T02:30"
    assert field.get_attribute("aria-invalid") == "true"
    assert screen.locator("#starts_at-error").text_content().startswith("This time does not exist")
    assert accessibility_faults(screen) == []


def test_on_duty_keeps_itself_fresh(open_screen, address, store):
    screen = open_screen(viewport={"width": 1366, "height": 768}, locale="en")
    screen.clock.install()
    sign_in(screen, address)
    screen.goto(f"{address}/on-duty")
    assert screen.get_by_text("Nobody", exact=True).count() == 0
    with store.write() as session:
        session.execute(sa.update(Shift).values(cancelled_at=NOW))
    screen.clock.run_for(16_000)
    screen.get_by_text("Nobody", exact=True).first.wait_for()
