"""A planner's quarter in a browser, by keyboard: drafted, planned, changed, published, mended."""

import threading
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from dispatch import searches, settings
from dispatch.db import Store
from dispatch.people.models import Person, Role, RoleGrant, Team
from dispatch.rota import absences, ground
from dispatch.rota.models import AbsenceKind, DraftSeat, Shift, Version
from dispatch.web import create_app
from dispatch.wiring import Parts
from tests.browser.screens import accessibility_faults, picture
from tests.centre import ADA, NOW, build
from tests.web.conftest import PASSWORD, stored_password

DESK = {"viewport": {"width": 1440, "height": 900}}
TURN = {"form": "days", "kind": "day24", "on": ["every_day"], "starts": "08:00", "ends": "08:00"}
PATTERN = {"lines": [{"key": key, "turns": [TURN | {"rests": True}]} for key in ("primary",)]}
SETUP = ("pattern", "rules", "days", "people", "choices", "checks")


@pytest.fixture
def store(sqlite_databases, tmp_path) -> Iterator[Store]:
    """One database is enough for what a browser shows."""
    url = sqlite_databases.empty(tmp_path)
    chosen = settings.load({"DISPATCH_DATA_DIR": str(tmp_path), "DISPATCH_DATABASE_URL": url})
    opened = Store(url, settings=chosen, installation_key=bytes(32))
    yield opened
    opened.close()


@pytest.fixture
def centre(store):
    """An, Bert and Chloé take turns of a day each; Chloé plans them."""
    built = build(store)
    with store.write() as session:
        for person in session.scalars(sa.select(Person)):
            person.sign_in = person.name.split()[0].lower().replace("é", "e")
            person.password_hash = stored_password()
        planner = built.people["Chloé"].id
        session.add(RoleGrant(person_id=planner, role=Role.PLANNER, team_id=built.team.id))
        team = session.get_one(Team, built.team.id)
        ground.set_pattern(session, team, PATTERN, date(2026, 1, 1), ADA, NOW)
    return built


@pytest.fixture
def address(store, clock, centre) -> Iterator[str]:
    app = create_app(Parts(store.context["settings"], store, clock))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def desk(open_screen, address: str, **options: object) -> Page:
    screen = open_screen(locale="en-GB", **{**DESK, **options})
    screen.goto(f"{address}/sign-in")
    screen.get_by_label("Name").fill("chloe")
    screen.get_by_label("Password").fill(PASSWORD)
    screen.keyboard.press("Enter")
    screen.wait_for_url(lambda url: "/sign-in" not in url)
    return screen


def begin(screen: Page, address: str, last: str = "2026-04-05") -> str:
    """Begin an empty draft and return its address."""
    screen.goto(f"{address}/rota/support/drafts")
    screen.get_by_label("First day").fill("2026-04-01")
    screen.get_by_label("Last day").fill(last)
    screen.get_by_text("nothing", exact=True).click()
    screen.get_by_role("button", name="Begin", exact=True).press("Enter")
    expect(screen.get_by_text("A draft is begun.")).to_be_visible()
    return screen.url


def test_a_quarter_is_planned_published_and_mended(open_screen, address, store, clock, centre):
    screen = desk(open_screen, address)
    draft = begin(screen, address, last="2026-06-30")
    screen.get_by_role("link", name="Plan", exact=True).press("Enter")
    screen.get_by_label("Search for at most").select_option("10")
    screen.get_by_role("button", name="Plan").press("Enter")
    expect(screen.get_by_text("waits for the engine")).to_be_visible()
    assert searches.next_one(store, clock, lambda: False)
    expect(screen.get_by_text("It stands in the draft.")).to_be_visible()
    assert accessibility_faults(screen) == []
    screen.goto(f"{draft}/compare")
    screen.get_by_role("button", name="Publish, and tell them").press("Enter")
    expect(screen.get_by_text("Published as version 1.")).to_be_visible()
    with store.write() as session:
        [version] = session.scalars(sa.select(Version))
        assert len(version.changes) == 91
        april = sa.select(Shift).where(Shift.starts_at > NOW).order_by(Shift.starts_at)
        turn = session.scalars(april).first()
        ill = session.get_one(Person, turn.person_id)
        span = (turn.starts_at, turn.starts_at + timedelta(days=1))
        absences.ask(session, ill, AbsenceKind.SICK, *span, ADA, NOW, approved=True)
    screen.goto(f"{address}/rota/support/requests")
    screen.get_by_role("link", name="Propose who steps in").press("Enter")
    button = screen.get_by_role("button", name="Enter it, and tell them")
    expect(button).to_be_visible(timeout=20_000)
    button.press("Enter")
    expect(screen.get_by_text("Entered. Everybody whose turns changed is told.")).to_be_visible()


def test_a_month_that_cannot_be_covered_is_explained_and_a_way_out_taken(
    open_screen, address, store, clock, centre
):
    with store.write() as session:
        for name in ("An", "Bert", "Chloé"):
            person = session.get_one(Person, centre.people[name].id)
            span = (NOW.replace(month=4, day=3, hour=0), NOW.replace(month=4, day=4, hour=0))
            absences.ask(session, person, AbsenceKind.LEAVE, *span, ADA, NOW, approved=True)
    screen = desk(open_screen, address)
    draft = begin(screen, address, last="2026-04-30")
    screen.goto(f"{draft}/plan")
    screen.get_by_role("button", name="Plan").press("Enter")
    expect(screen.get_by_text("waits for the engine")).to_be_visible()
    assert searches.next_one(store, clock, lambda: False)
    why = screen.get_by_role("region", name="Why turns lack people")
    expect(why).to_contain_text("primary Fri 3 Apr 08:00: people wanted 1, possible at most 0.")
    expect(why).to_contain_text("An Peeters is away from Fri 3 Apr")
    assert accessibility_faults(screen) == []
    way = screen.get_by_role("form", name="Way out 1")
    expect(way).to_contain_text("serves although away")
    way.get_by_label("Why it must be so").fill("she offered it herself")
    choices = way.get_by_role("radio")
    choices.nth(1).check()
    screen.evaluate(
        "new Promise((done) => { document.addEventListener('htmx:after:swap', () => done(), "
        "{ once: true }); htmx.trigger('#search', 'live'); })"
    )
    expect(way.get_by_label("Why it must be so")).to_have_value("she offered it herself")
    expect(choices.nth(1)).to_be_checked()
    choices.nth(0).check()
    way.get_by_role("button", name="Take this way, plan again").press("Enter")
    expect(screen.get_by_text("The search begins anew.")).to_be_visible()
    assert searches.next_one(store, clock, lambda: False)
    expect(screen.get_by_text("Proven: nothing costs less.").first).to_be_visible()
    eased = screen.get_by_role("region", name="Not insisted on in this draft")
    expect(eased).to_contain_text("she offered it herself")
    assert accessibility_faults(screen) == []


def test_a_cell_is_filled_locked_and_emptied_without_a_pointer(open_screen, address, store):
    screen = desk(open_screen, address)
    begin(screen, address)
    screen.locator("table[data-grid] a[data-cell]").first.focus()
    screen.keyboard.press("ArrowDown")
    screen.keyboard.press("ArrowUp")
    screen.keyboard.press("Enter")
    expect(screen.locator("#cell-name")).to_contain_text("An Peeters")
    expect(screen.locator("#cell [data-choice]").first).to_be_focused()
    assert accessibility_faults(screen) == []
    screen.keyboard.press("Enter")
    expect(screen.locator("#messages")).to_contain_text("An Peeters has primary Wed 1 Apr 08:00.")
    cell = screen.locator("table[data-grid] a[data-cell]").first
    expect(cell).to_be_focused()
    screen.keyboard.press("l")
    expect(screen.locator("#messages")).to_contain_text("Locked")
    expect(cell).to_be_focused()
    screen.keyboard.press("Delete")
    expect(screen.locator("#messages")).to_contain_text("is empty")
    with store.read() as session:
        left = sa.select(DraftSeat).where(DraftSeat.removed_at.is_(None))
        assert session.scalars(left).all() == []


def test_escape_leads_back_to_the_cell(open_screen, address):
    screen = desk(open_screen, address)
    begin(screen, address)
    cell = screen.locator("table[data-grid] a[data-cell]").nth(1)
    cell.focus()
    screen.keyboard.press("Enter")
    expect(screen.locator("#cell [data-choice]").first).to_be_focused()
    screen.keyboard.press("Escape")
    expect(cell).to_be_focused()
    screen.goto(f"{address}/rota/support?from=2026-03")
    cell.focus()
    screen.keyboard.press("Enter")
    expect(screen.locator("#cell")).to_be_focused()
    screen.keyboard.press("Escape")
    expect(cell).to_be_focused()


def test_without_scripts_a_cell_is_filled_all_the_same(open_screen, address, store):
    screen = desk(open_screen, address, java_script_enabled=False)
    begin(screen, address)
    screen.locator("table[data-grid] a[data-cell]").first.click()
    screen.locator("#cell [data-choice]").first.click()
    expect(screen.get_by_text("An Peeters has primary Wed 1 Apr 08:00.")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 768, 360])
def test_every_screen_of_the_desk_is_accessible(open_screen, address, theme, width):
    screen = desk(
        open_screen, address, viewport={"width": width, "height": 800}, color_scheme=theme
    )
    draft = begin(screen, address)
    rota = f"{address}/rota/support"
    paths = [f"{rota}?from=2026-03", f"{rota}?from=2026-03&months=3", f"{rota}/drafts", draft]
    paths += [f"{rota}/cell?from=2026-03&person=1&day=2026-03-14"]
    paths += [f"{draft}/plan", f"{draft}/compare", *(f"{rota}/setup/{part}" for part in SETUP)]
    for number, path in enumerate(paths):
        screen.goto(path)
        picture(screen, f"desk-{number}-{theme}-{width}")
        assert (path, accessibility_faults(screen)) == (path, [])
        assert screen.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_a_turn_is_dragged_to_somebody_else_to_another_day_and_onto_a_turn(
    open_screen, address, store, centre
):
    screen = desk(open_screen, address)
    begin(screen, address)

    def cell(name: str, day: int):
        return screen.locator(f"#c-{centre.people[name].id}-2026-04-0{day}")

    def standing() -> list[tuple[str, int]]:
        names = {person.id: name for name, person in centre.people.items()}
        query = sa.select(DraftSeat).where(DraftSeat.removed_at.is_(None))
        with store.read() as session:
            rows = session.scalars(query.order_by(DraftSeat.starts_at))
            return [(names[seat.person_id], seat.starts_at.day) for seat in rows]

    cell("An", 1).focus()
    screen.keyboard.press("Enter")
    expect(screen.locator("#cell [data-choice]").first).to_be_focused()
    screen.keyboard.press("Enter")
    expect(cell("An", 1).locator(".turn")).to_be_visible()
    cell("An", 1).drag_to(cell("Bert", 1))
    expect(screen.locator("#messages")).to_contain_text("Bert Maes has primary Wed 1 Apr 08:00.")
    expect(cell("Bert", 1)).to_be_focused()
    assert standing() == [("Bert", 1)]
    cell("Bert", 1).drag_to(cell("Bert", 4))
    expect(screen.locator("#messages")).to_contain_text("Bert Maes has primary Sat 4 Apr 08:00.")
    assert standing() == [("Bert", 4)]
    cell("Chloé", 2).click()
    screen.locator("#cell [data-choice]").first.press("Enter")
    expect(cell("Chloé", 2).locator(".turn")).to_be_visible()
    cell("Chloé", 2).drag_to(cell("Bert", 4))
    expect(screen.locator("#messages")).to_contain_text("Exchanged: primary Thu 2 Apr")
    assert standing() == [("Bert", 2), ("Chloé", 4)]
    # Leave keeps Chloé from the turn: refused with the reason, and done with one.
    with store.write() as session:
        chloe = session.get_one(Person, centre.people["Chloé"].id)
        span = (NOW.replace(month=4, day=2, hour=0), NOW.replace(month=4, day=2, hour=23))
        absences.ask(session, chloe, AbsenceKind.LEAVE, *span, ADA, NOW, approved=True)
    cell("Bert", 2).drag_to(cell("Chloé", 2))
    expect(screen.locator("#cell")).to_contain_text("Chloé Dubois is away: primary Thu 2 Apr")
    assert accessibility_faults(screen) == []
    screen.get_by_label("Why it must be so").first.fill("she agreed")
    screen.get_by_role("button", name="Move it all the same").press("Enter")
    expect(screen.locator("#messages")).to_contain_text("Chloé Dubois has primary Thu 2 Apr")
    assert standing() == [("Chloé", 2), ("Chloé", 4)]
