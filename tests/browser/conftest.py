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


class Screens:
    """The screens that one test opened, and what was seen to go wrong on them."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._watched: list[tuple[BrowserContext, Watch]] = []

    def open(self, **options: Any) -> Page:
        context = self._browser.new_context(**options)
        context.set_default_timeout(10_000)
        screen = context.new_page()
        self._watched.append((context, Watch(screen)))
        return screen

    def close(self) -> list[str]:
        faults = [fault for _, watch in self._watched for fault in watch.faults]
        while self._watched:
            self._watched.pop()[0].close()
        return faults


_SCREENS = pytest.StashKey[Screens]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    # Before any fixture is taken down: a screen that refetches from a server that has just ended
    # would log a fault that is none.
    yield
    if screens := item.stash.get(_SCREENS, None):
        assert screens.close() == []


@pytest.fixture
def open_screen(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Open a screen of its own (its own cookies); takes what a browser's context takes.

    When the test ends no screen may have logged an error, broken the policy for scripts and
    styles, missed a part or asked another host for anything.
    """
    screens = request.node.stash[_SCREENS] = Screens(browser)
    yield screens.open
    screens.close()


@pytest.fixture
def screen(open_screen: Callable[..., Page]) -> Page:
    """One screen as wide as a desk's."""
    return open_screen(viewport={"width": 1366, "height": 768})
