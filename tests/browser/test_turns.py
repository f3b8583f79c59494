"""What people ask for, on a phone, and how a planner answers, in a browser."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from dispatch import settings
from dispatch.db import Store
from dispatch.people.models import Person, Role, RoleGrant
from dispatch.web import create_app
from dispatch.wiring import Parts
from tests.browser.screens import accessibility_faults, picture
from tests.centre import NOW, build
from tests.web.conftest import PASSWORD, stored_password

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DESK = {"viewport": {"width": 1366, "height": 768}}
OWN = (
    "/turns",
    "/turns/swaps",
    "/turns/shift-primary/swap?do=part",
    "/turns/take-over",
    "/turns/absences?kind=sick",
    "/turns/wishes",
)
PLANNED = (
    "/rota/support/requests",
    "/rota/support/requests/repair",
    "/rota/support/people",
    "/rota/support/import",
)


@dataclass(frozen=True)
class Served:
    """A running centre: An, Bert and Chloé take turns; Chloé plans them, and so does Petra."""

    address: str
    open_screen: Callable[..., Page]

    def phone(self, name: str, **options: object) -> Page:
        """Open somebody's phone, signed in."""
        return self.screen(name, **{**PHONE, **options})

    def screen(self, name: str, **options: object) -> Page:
        """Open a screen on which somebody has signed in."""
        screen = self.open_screen(locale="en-GB", **options)
        screen.goto(f"{self.address}/sign-in")
        screen.get_by_label("Name").fill(name)
        screen.get_by_label("Password").fill(PASSWORD)
        screen.keyboard.press("Enter")
        screen.wait_for_url(lambda url: "/sign-in" not in url)
        return screen


@pytest.fixture
def store(sqlite_databases, tmp_path) -> Iterator[Store]:
    """One database is enough for what a browser shows."""
    url = sqlite_databases.empty(tmp_path)
    chosen = settings.load({"DISPATCH_DATA_DIR": str(tmp_path), "DISPATCH_DATABASE_URL": url})
    opened = Store(url, settings=chosen, installation_key=bytes(32))
    yield opened
    opened.close()


@pytest.fixture
def centre(store, clock, open_screen) -> Iterator[Served]:
    zone = build(store)
    with store.write() as session:
        petra = Person(organisation_id=zone.organisation.id, name="Petra Claes", created_at=NOW)
        petra.language = "en"
        session.add(petra)
        session.flush()
        session.add(RoleGrant(person_id=petra.id, role=Role.PLANNER, team_id=zone.team.id))
        for person in session.scalars(sa.select(Person)):
            person.sign_in = person.name.split()[0].lower().replace("é", "e")
            person.password_hash = stored_password()
        planner = zone.people["Chloé"].id
        session.add(RoleGrant(person_id=planner, role=Role.PLANNER, team_id=zone.team.id))
    app = create_app(Parts(store.context["settings"], store, clock))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield Served(f"http://127.0.0.1:{server.port}", open_screen)
    server.shutdown()
    thread.join()
    server.server_close()


def ask_for_leave(screen: Page, centre: Served, first: str, last: str) -> None:
    screen.goto(f"{centre.address}/turns/absences")
    screen.get_by_label("First day", exact=True).fill(first)
    screen.get_by_label("Last day", exact=True).fill(last)
    screen.get_by_role("button", name="Send").click()
    expect(screen.get_by_text("Asked. You are told what is decided.")).to_be_visible()


#: What a thumb presses; a choice is pressed anywhere on its label.
PRESSED = "a, button, summary, select, label.choice, input:not([type=radio], [type=hidden])"


def test_every_target_of_a_phone_is_large_enough_for_a_thumb(centre):
    screen = centre.phone("an")
    for path in OWN:
        screen.goto(centre.address + path)
        found = [one for one in screen.locator("main").locator(PRESSED).all() if one.is_visible()]
        small = [one.inner_text() for one in found if one.bounding_box()["height"] < 44]
        assert (path, small) == (path, [])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 360])
def test_every_screen_is_accessible_and_never_scrolls_sideways(centre, theme, width):
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": theme}
    phone, desk = centre.screen("an", **options), centre.screen("petra", **options)
    ask_for_leave(phone, centre, "2026-03-16", "2026-03-20")
    phone.goto(f"{centre.address}/turns/shift-primary/swap?do=give")
    phone.get_by_role("button", name="Ask").click()
    expect(phone.get_by_text("The turn stays yours until somebody accepts.")).to_be_visible()
    for screen, path in [(phone, path) for path in OWN] + [(desk, path) for path in PLANNED]:
        screen.goto(centre.address + path)
        picture(screen, f"{path.strip('/').replace('/', '-').partition('?')[0]}-{theme}-{width}")
        assert (path, accessibility_faults(screen)) == (path, [])
        assert screen.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_no_way_on_is_cut_off_on_the_smallest_phone_in_any_language(centre, store):
    screen = centre.screen("an", viewport={"width": 320, "height": 640})
    for language in ("nl", "fr", "sv", "da"):
        with store.write() as session:
            session.execute(sa.update(Person).values(language=language))
        for path in OWN:
            screen.goto(centre.address + path)
            cut = screen.evaluate(
                """() => [...document.querySelectorAll('main a, main button, main summary')]
                   .filter(one => one.getBoundingClientRect().right > innerWidth)
                   .map(one => one.textContent.trim())"""
            )
            assert (language, path, cut) == (language, path, [])


def test_leave_is_asked_on_a_phone_and_approved_at_a_desk_that_keeps_itself_fresh(centre):
    desk = centre.screen("petra", **DESK)
    desk.goto(f"{centre.address}/rota/support/requests")
    expect(desk.get_by_text("Nothing waits for you")).to_be_visible()
    phone = centre.phone("an")
    ask_for_leave(phone, centre, "2026-03-16", "2026-03-20")
    expect(desk.get_by_text("Mon 16 Mar – Fri 20 Mar leave")).to_be_visible()
    expect(desk.get_by_text("Published turns that this leaves empty:")).to_be_visible()
    desk.get_by_role("button", name="Approve").click()
    expect(desk.get_by_text("Turns whose holder is away")).to_be_visible()
    phone.reload()
    expect(phone.get_by_text("approved")).to_be_visible()


def test_a_reason_half_written_survives_what_comes_in(centre):
    phone = centre.phone("an")
    ask_for_leave(phone, centre, "2026-03-16", "2026-03-20")
    desk = centre.screen("petra", **DESK)
    desk.goto(f"{centre.address}/rota/support/requests")
    desk.get_by_text("Refuse").first.click()
    desk.get_by_label("Why? The person reads it.").press_sequentially("Too few of")
    other = centre.phone("bert")
    ask_for_leave(other, centre, "2026-04-06", "2026-04-07")
    expect(desk.get_by_text("Bert Maes").first).to_be_visible()
    desk.keyboard.type(" us are left")
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("Refused. The person reads why.")).to_be_visible()
    phone.reload()
    expect(phone.get_by_text("Too few of us are left")).to_be_visible()


def test_the_budget_of_wishes_is_seen_to_shrink(centre):
    phone = centre.phone("bert")
    phone.goto(f"{centre.address}/turns/wishes")
    meter = phone.get_by_role("meter").first
    expect(meter).to_have_attribute("value", "20")
    phone.get_by_label("First day", exact=True).fill("2026-03-30")
    phone.get_by_text("Very much").click()
    phone.get_by_role("button", name="Write it down").click()
    expect(phone.get_by_text("10 of 20 points left")).to_be_visible()
    expect(meter).to_have_attribute("value", "10")


def test_without_scripts_everything_is_asked_and_answered(centre):
    phone = centre.phone("an", java_script_enabled=False)
    ask_for_leave(phone, centre, "2026-03-16", "2026-03-20")
    desk = centre.screen("petra", **DESK, java_script_enabled=False)
    desk.goto(f"{centre.address}/rota/support/requests")
    desk.get_by_role("button", name="Approve").click()
    expect(desk.get_by_text("Published turns that now need somebody else: 1.")).to_be_visible()


def test_a_turn_is_swapped_on_the_phone_its_taker_falls_ill_and_a_planner_mends_it(centre):
    an, chloe = centre.phone("an"), centre.phone("chloe")
    an.goto(f"{centre.address}/turns")
    an.get_by_role("link", name="Give away").click()
    an.get_by_label("To whom?").select_option(label="Chloé Dubois")
    an.get_by_role("button", name="Ask").click()
    expect(an.get_by_text("You ask Chloé Dubois")).to_be_visible()

    chloe.goto(f"{centre.address}/turns")
    chloe.get_by_role("link", name="Colleagues ask you for a turn").click()
    chloe.get_by_role("button", name="Yes, I take it").click()
    expect(chloe.get_by_text("Done: the turn has changed hands.")).to_be_visible()
    chloe.get_by_role("link", name="Turns", exact=True).click()
    expect(chloe.get_by_text("You are on duty now")).to_be_visible()

    chloe.get_by_role("link", name="I am ill").click()
    chloe.get_by_role("button", name="Send").click()
    expect(chloe.get_by_text("Turns of yours that now need somebody else: 1.")).to_be_visible()

    desk = centre.screen("petra", **DESK)
    desk.goto(f"{centre.address}/rota/support/requests")
    expect(desk.get_by_text("Chloé Dubois is away: illness")).to_be_visible()
    desk.get_by_role("link", name="Propose who steps in").click()
    expect(desk.get_by_label("An Peeters for Chloé Dubois")).to_be_checked(timeout=20_000)
    desk.get_by_role("button", name="Enter it, and tell them").click()
    expect(desk.get_by_text("Entered. Everybody whose turns changed is told.")).to_be_visible()

    an.goto(f"{centre.address}/turns")
    expect(an.get_by_text("You are on duty now")).to_be_visible()


def test_whoever_takes_over_says_so_in_three_taps_and_its_owner_has_it_back_in_one(centre):
    chloe, an = centre.phone("chloe"), centre.phone("an")
    chloe.goto(f"{centre.address}/turns")
    chloe.get_by_role("link", name="I have taken over a turn").click()
    chloe.get_by_text("An Peeters").click()
    chloe.get_by_role("button", name="I have it now").click()
    expect(chloe.get_by_text("Call-outs reach you from now on.")).to_be_visible()
    an.goto(f"{centre.address}/turns")
    an.get_by_role("button", name="No, it is mine").click()
    an.get_by_role("link", name="Turns", exact=True).click()
    expect(an.get_by_text("You are on duty now")).to_be_visible()


def test_a_file_is_looked_at_and_put_into_a_draft(centre, tmp_path):
    file = tmp_path / "rota.csv"
    turn = "An Peeters;primary;2026-04-01 08:00;2026-04-02 08:00"
    file.write_text(f"Naam;Lijn;Van;Tot\n{turn}\n", encoding="utf-8")
    desk = centre.screen("petra", **DESK)
    desk.goto(f"{centre.address}/rota/support/import")
    desk.get_by_label("A spreadsheet (.xlsx) or .csv").set_input_files(file)
    desk.get_by_role("button", name="Look at it").click()
    expect(desk.get_by_text("Turns in the file: 1")).to_be_visible()
    assert accessibility_faults(desk) == []
    desk.get_by_role("button", name="Put it into a draft").click()
    expect(desk.get_by_text("The turns are in a draft now")).to_be_visible()
