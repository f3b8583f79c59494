"""Takes the pictures that the README shows, of a demonstration in the middle of a night.

`make pictures` writes them anew, so that they stay true.
"""

import re
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser import chromium
from tests.scenarios.test_two_minutes import DEMO, Demonstration, started
from tests.simulated import free_port

FOLDER = Path(__file__).parent / "pictures"
AN = "+32460200211"


def take() -> None:
    """Start a demonstration, let three alerts come in, answer one, and take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as data, started(Path(data), free_port()) as demo:
        first = demo.send("fatal_crash.json")["reference"]
        demo.phones.wait_for(AN, kind="sms", direction="out", seconds=30)
        demo.phones.reply(AN, "ja")
        demo.wait_for_callout(first, "accepted")
        second = demo.send("sexual_offence.json")["reference"]
        demo.phones.wait_until(lambda: second in _newest_text(demo), 30)
        with sync_playwright() as playwright:
            browser = chromium.launch(playwright.chromium)
            for scheme in ("dark", "light"):
                _board(browser.new_page(**_screen(1440, 900, scheme)), demo, first, scheme)
            found = re.search(r"https?://\S+", _newest_text(demo))
            assert found is not None
            phone = browser.new_page(**_screen(390, 800, "dark"))
            phone.goto(found[0])
            phone.screenshot(path=FOLDER / "officer.png")
            browser.close()


def _newest_text(demo: Demonstration) -> str:
    return demo.phones.messages(AN, kind="sms", direction="out")[-1]["body"]


def _screen(width: int, height: int, scheme: str) -> dict:
    return {"viewport": {"width": width, "height": height}, "color_scheme": scheme}


def _board(screen: Page, demo: Demonstration, reference: str, scheme: str) -> None:
    screen.goto(f"{demo.url}/sign-in")
    screen.fill("#name", DEMO.dispatcher)
    screen.fill("#password", DEMO.password)
    screen.click("button.button-wide")
    screen.goto(f"{demo.url}/board?incident={reference}")
    screen.wait_for_timeout(1500)
    screen.screenshot(path=FOLDER / f"board-{scheme}.png")


if __name__ == "__main__":
    take()
