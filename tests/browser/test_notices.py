"""What is sent to a browser is shown by it, and its link leads to this centre only."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from dispatch.people.models import Role
from tests.simulated import served
from tests.web.conftest import PASSWORD, notified_web

OFFICER = "an@dender.example"
SHOWN = """async () => (await (await navigator.serviceWorker.getRegistration("/static/scripts/"))
    .getNotifications()).map(({title, body, tag, data}) => ({title, body, tag, data}))"""
REGISTER = """async () => {
    const path = "/static/scripts/notices.js";
    await navigator.serviceWorker.register(path);
    const found = await navigator.serviceWorker.getRegistration("/static/scripts/");
    while (!found.active) await new Promise((done) => setTimeout(done, 20));
}"""


@pytest.fixture
def address(store, settings, clock) -> Iterator[str]:
    notified = notified_web(store, settings, clock)
    notified.add(OFFICER, Role.RESPONDER)
    with served(notified.app) as address:
        yield address


def signed_in(open_screen: Callable[..., Page], address: str, **options: Any) -> Page:
    screen = open_screen(**options)
    screen.goto(f"{address}/sign-in?next=/account")
    screen.fill("[name=name]", OFFICER)
    screen.fill("[name=password]", PASSWORD)
    screen.click("main button")
    screen.wait_for_url("**/account")
    return screen


def test_a_notice_shows_its_words_and_opens_this_centre_only(
    open_screen: Callable[..., Page], address: str
):
    screen = signed_in(open_screen, address, permissions=["notifications"])
    registrations: list[str] = []
    wire = screen.context.new_cdp_session(screen)
    wire.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: registrations.extend(x["registrationId"] for x in told["registrations"]),
    )
    wire.send("ServiceWorker.enable")
    screen.evaluate(REGISTER)
    link = f"{address}/a/abc"
    for uid, text in (
        ("m1", f"CALL-OUT D7K-4QX P1 go now. {link}"),
        ("m1", f"CALL-OUT D7K-4QX P1 go now. {link}"),
        ("m2", "TEST https://evil.example/a/abc"),
    ):
        wire.send(
            "ServiceWorker.deliverPushMessage",
            {
                "origin": address,
                "registrationId": registrations[-1],
                "data": json.dumps({"id": uid, "text": text}),
            },
        )
    for _ in range(100):
        shown = sorted(screen.evaluate(SHOWN), key=lambda one: str(one["tag"]))
        if len(shown) == 2:
            break
        screen.wait_for_timeout(50)
    assert shown == [
        {"title": "CALL-OUT", "body": f"D7K-4QX P1 go now. {link}", "tag": "m1", "data": link},
        {"title": "TEST", "body": "https://evil.example/a/abc", "tag": "m2", "data": "/"},
    ]


def test_a_browser_that_may_not_be_notified_says_what_to_do(
    open_screen: Callable[..., Page], address: str
):
    screen = signed_in(open_screen, address)
    screen.get_by_role("button", name="Notify this browser").click()
    screen.get_by_text("Allow notices, then try again.").wait_for()
