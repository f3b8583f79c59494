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
    """Start a demonstration, let two alerts come in, answer one, and take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as data, started(Path(data), free_port(), 0) as demo:
        first = demo.send("fatal_crash.json")["reference"]
        demo.phones.wait_for(AN, kind="sms", direction="out", seconds=30)
        demo.phones.reply(AN, "ja")
        demo.wait_for_callout(first, "accepted")
        second = demo.send("sexual_offence.json")["reference"]
        demo.phones.wait_until(lambda: second in _newest_text(demo), 30)
        with sync_playwright() as playwright:
            browser = chromium.launch(playwright.chromium)
            for scheme in ("dark", "light"):
                _board(browser.new_page(**_screen(1280, 780, scheme)), demo, first, scheme)
            desk = browser.new_page(**_screen(1200, 800, "light"))
            _ranking(_signed_in(desk, demo, DEMO.dispatcher), demo)
            desk.goto(f"{demo.url}/incidents/{first}/proof")
            desk.screenshot(path=FOLDER / "proof.png")
            admin = browser.new_page(**_screen(1200, 800, "light"))
            _preview(_signed_in(admin, demo, DEMO.administrator), demo)
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


def _signed_in(screen: Page, demo: Demonstration, name: str) -> Page:
    screen.goto(f"{demo.url}/sign-in")
    screen.fill("#name", name)
    screen.fill("#password", DEMO.password)
    screen.click("button.button-wide")
    screen.wait_for_load_state()
    return screen


def _ranking(screen: Page, demo: Demonstration) -> None:
    """Show whom a report that is not sent yet would call: one lapsed, one who is out already."""
    screen.goto(f"{demo.url}/incidents/new")
    with screen.expect_response("**/incidents/who"):
        screen.locator("label", has_text="sexual offences").click()
    screen.wait_for_timeout(1000)
    screen.screenshot(path=FOLDER / "ranking.png")


def _preview(screen: Page, demo: Demonstration) -> None:
    """Show what an alert would lead to by the policies in force: times as in a real centre."""
    screen.goto(f"{demo.url}/policies")
    screen.select_option("[name=for_team]", label="Victim support")
    screen.select_option("[name=for_category]", label="sexual offences")
    screen.get_by_role("button", name="Show it").click()
    screen.wait_for_load_state()
    screen.screenshot(path=FOLDER / "preview.png", full_page=True)


def _board(screen: Page, demo: Demonstration, reference: str, scheme: str) -> None:
    _signed_in(screen, demo, DEMO.dispatcher)
    screen.goto(f"{demo.url}/board?incident={reference}")
    screen.get_by_role("button", name="Enable the alarm sound").click()
    screen.wait_for_timeout(1500)
    screen.screenshot(path=FOLDER / f"board-{scheme}.png")


if __name__ == "__main__":
    take()
