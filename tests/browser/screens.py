"""What tests look at in a browser: faults while a screen was used, accessibility, pictures."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, Response

_AXE = Path(__file__).with_name("axe.min.js")
_JUDGED_ELSEWHERE = (
    "Failed to load resource",
    "htmx: htmx:error: Failed to fetch",
    "Chrome currently does not support the Push API in incognito mode",  # and tests are incognito
)
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


class Watch:
    """Collects what goes wrong on a screen without anybody looking: errors and foreign hosts."""

    def __init__(self, screen: Page) -> None:
        self.faults: list[str] = []
        screen.on("console", self._console)
        screen.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        screen.on("request", self._request)
        screen.on("requestfailed", self._failed)
        screen.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # A refused form is an answer like another; parts that are missing are found below. What
        # was being fetched when somebody left the screen is judged by how it ended, in _failed.
        if message.type == "error" and not message.text.startswith(_JUDGED_ELSEWHERE):
            self.faults.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        # The browser drops what is under way when a screen is left or closed, which is no fault.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"{request.failure}: {request.url}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("about", "data", "blob") and address.hostname not in (
            "127.0.0.1",
            "localhost",
        ):
            self.faults.append(f"asked another host: {request.url}")

    def _response(self, response: Response) -> None:
        part = response.request.resource_type
        if response.status >= 400 and part in ("stylesheet", "script", "image", "font"):
            self.faults.append(f"{response.status}: {response.url}")


def accessibility_faults(screen: Page) -> list[str]:
    """Return what axe finds against WCAG 2.2 AA, one line for each element."""
    # Evaluated by the browser itself, so that the strict policy for scripts stays in force.
    screen.evaluate(_AXE.read_text(encoding="utf-8"))
    found = screen.evaluate(
        "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", _TAGS
    )
    return [
        f"{rule['id']}: {rule['help']} ({', '.join(map(str, node['target']))})"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def picture(screen: Page, name: str) -> None:
    """Keep a picture of the whole screen as NAME.png in the folder that TEST_PICTURES names."""
    folder = os.environ.get("TEST_PICTURES")
    if folder:
        screen.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
