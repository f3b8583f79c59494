"""A dispatcher at the desk: what is pressed, and where the board shows an incident."""

import re

from dispatch.incidents import alarms
from tests.web import nights
from tests.web.conftest import Browser, Web


def do(desk: Browser, reference: str, action: str, form=None, **options):
    return desk.post(f"/incidents/{reference}/{action}", form, **options)


def do_callout(web: Web, desk: Browser, reference: str, action: str, form=None):
    callout = nights.callout(web.store, reference).id
    answer = do(desk, reference, f"callouts/{callout}/{action}", form)
    assert answer.status_code == 303, answer.text
    return answer


def lane_of(desk: Browser, reference: str) -> str:
    """The lane in which the board shows an incident."""
    text = desk.get("/board/lanes").text
    card = re.search(f'id="card-{reference}" data-card="(\\w+)"', text)
    return card[1] if card else ""


def see(web: Web, desk: Browser, reference: str) -> None:
    """Press the button of the oldest alarm that sounds."""
    with web.store.read() as session:
        sounding = alarms.sounding(nights.of(session, reference))[0]
    answer = do(desk, reference, "acknowledge", {"alarm": sounding.id})
    assert answer.status_code == 303, answer.text
