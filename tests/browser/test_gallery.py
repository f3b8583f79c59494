"""The parts of every screen in a browser: accessible in both themes, fresh without moving."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from tests.browser.gallery import Gallery, serving
from tests.browser.screens import accessibility_faults, picture


@pytest.fixture
def gallery() -> Iterator[Gallery]:
    with serving() as gallery:
        yield gallery


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_every_part_is_accessible_and_fits(
    open_screen: Callable[..., Page], gallery: Gallery, theme: str, width: int
):
    screen = open_screen(viewport={"width": width, "height": 900}, color_scheme=theme)
    screen.goto(gallery.address)
    screen.locator("[data-theme-switch]").evaluate(
        "(one, theme) => { one.value = theme; one.dispatchEvent(new Event('change')); }", theme
    )
    assert screen.locator("html").get_attribute("data-theme") == theme
    assert accessibility_faults(screen) == []
    assert screen.evaluate("document.documentElement.scrollWidth") == width
    picture(screen, f"gallery-{width}-{theme}")


def test_the_chosen_theme_is_there_before_the_next_screen_is_painted(
    screen: Page, gallery: Gallery
):
    screen.goto(gallery.address)
    screen.get_by_text("Menu").locator("..").click()
    screen.get_by_label("Light or dark").select_option("light")
    screen.reload(wait_until="commit")
    expect(screen.locator("html")).to_have_attribute("data-theme", "light")


def test_a_refresh_leaves_focus_caret_text_and_what_is_open(screen: Page, gallery: Gallery):
    screen.goto(gallery.address)
    screen.get_by_text("More").click()
    note = screen.get_by_label("Note")
    note.fill("half a note")
    note.evaluate("one => one.setSelectionRange(4, 6)")
    for count in range(2, 12):
        gallery.count = count
        gallery.hint("tally")
        expect(screen.locator("#count")).to_have_text(str(count))
    kept = (
        "one => [document.activeElement === one, one.value, one.selectionStart, one.selectionEnd]"
    )
    assert note.evaluate(kept) == [True, "half a note", 4, 6]
    expect(screen.get_by_text("What was opened stays open.")).to_be_visible()


def test_a_refresh_brings_what_nobody_is_writing_in(screen: Page, gallery: Gallery):
    screen.goto(gallery.address)
    gallery.count = 2
    gallery.hint("tally")
    expect(screen.get_by_label("Note")).to_have_value("from the server 2")


def test_updates_can_be_paused_and_are_counted_meanwhile(screen: Page, gallery: Gallery):
    screen.goto(gallery.address)
    screen.get_by_role("button", name="Pause updates").click()
    gallery.count = 5
    gallery.hint("tally")
    expect(screen.locator("#live")).to_have_text("paused, changes: 1")
    expect(screen.locator("#count")).to_have_text("1")
    screen.get_by_role("button", name="Pause updates").click()
    expect(screen.locator("#count")).to_have_text("5")


def test_a_refused_stream_is_replaced_by_asking(screen: Page, gallery: Gallery):
    gallery.refusing = True
    screen.clock.install()
    screen.goto(gallery.address)
    gallery.count = 3
    screen.clock.run_for(16_000)
    expect(screen.locator("#count")).to_have_text("3")


def test_a_lost_connection_is_said_and_keeps_what_was_shown(screen: Page, gallery: Gallery):
    screen.goto(gallery.address)
    gallery.failing = True
    gallery.hint("tally")
    lost = screen.locator("#lost")
    expect(lost).to_be_visible()
    expect(screen.get_by_role("alert").filter(has_text="Connection lost")).to_be_attached()
    expect(screen.locator("#count")).to_have_text("1")
    gallery.failing = False
    gallery.hint("tally")
    expect(lost).to_be_hidden()


def test_rings_go_on_between_refreshes(screen: Page, gallery: Gallery):
    screen.clock.install()
    screen.goto(gallery.address)
    ring = screen.locator(".ring b").first
    first = ring.inner_text()
    screen.clock.run_for(5_000)
    expect(ring).not_to_have_text(first)


def test_ages_follow_the_clock_of_the_server(screen: Page, gallery: Gallery):
    screen.clock.install(time=datetime(2001, 1, 1, tzinfo=UTC))
    screen.goto(gallery.address)
    screen.clock.run_for(3_000)
    expect(screen.locator(".age").first).to_have_text("3 min")
