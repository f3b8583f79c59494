"""A browser for the tests, one for each process of the test run, and screens in it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import chromium
from tests.browser.screens import Watch

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without one the tests fail and say what brings it."""
    with sync_playwright() as playwright:
        opened = chromium.launch(playwright.chromium)
        yield opened
        opened.close()


@pytest.fixture
def open_screen(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a screen of its own (its own cookies); takes what a browser's context takes.

    Afterwards no screen may have logged an error, broken the policy for scripts and styles, missed
    a part or asked another host for anything.
    """
    contexts: list[BrowserContext] = []
    watches: list[Watch] = []

    def open_one(**options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(10_000)
        screen = context.new_page()
        watches.append(Watch(screen))
        return screen

    yield open_one
    for context in contexts:
        context.close()
    assert [fault for watch in watches for fault in watch.faults] == []


@pytest.fixture
def screen(open_screen: Callable[..., Page]) -> Page:
    """One screen as wide as a desk's."""
    return open_screen(viewport={"width": 1366, "height": 768})
