"""Many screens are told in turn, and share what they fetch, so that they starve no alert."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dispatch.people.models import Role
from dispatch.web import crowd, dispatcher, live
from dispatch.web.crowd import LONGEST_SECONDS, Crowd, Made
from tests.web import nights
from tests.web.conftest import Browser, Web


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The instant, which stands still."""
    instant = [100.0]
    monkeypatch.setattr(crowd.clock, "monotonic", lambda: instant[0])
    return instant


def test_a_few_screens_are_told_at_once(now):
    screens = Crowd()
    for _ in range(20):
        assert [screens.turn() for _ in range(3)] == [0, 0, 0]
        screens.spent(3 * 0.05)
        now[0] += 1


def test_a_crowd_is_told_all_at_once_and_again_when_what_it_fetched_is_paid_for(now):
    screens = Crowd()
    screens.turn()
    now[0] += 1
    for _ in range(100):
        screens.spent(0.01)
    assert {screens.turn() for _ in range(100)} == {0}
    now[0] += 0.5
    # A second of a processor, of which screens may have a quarter.
    assert screens.turn() == pytest.approx(4 - 0.5)
    now[0] += 3.5
    assert {screens.turn() for _ in range(100)} == {0}


def test_nobody_waits_longer_than_browsers_that_are_told_nothing(now):
    screens = Crowd()
    screens.spent(1000.0)
    assert screens.turn() == 0
    now[0] += 1
    assert screens.turn() == LONGEST_SECONDS - 1


def test_what_a_round_costs_is_learnt_anew(now):
    screens = Crowd()
    screens.spent(10.0)
    screens.turn()
    now[0] += LONGEST_SECONDS
    screens.spent(0.01)
    assert screens.turn() == 0
    now[0] += 0.5
    assert screens.turn() == 0


# --- what was made for one is given to all who waited and may see the same ---


def made(begun: float, text: str = "") -> Made:
    return Made(begun, text, "etag", "token")


def test_nobody_is_given_what_was_made_before_they_asked():
    screens = Crowd()
    screens.keep("zone", made(10.0))
    assert screens.made_since("zone", 9.9) is not None
    assert screens.made_since("zone", 10.1) is None
    assert screens.made_since("another zone", 9.9) is None


def test_only_the_newest_are_kept():
    screens = Crowd()
    for number in range(20):
        screens.keep(number, made(float(number)))
        screens.keep("zone", made(float(number), text=str(number)))
    kept = [key for key in range(20) if screens.made_since(key, 0.0)]
    assert kept == list(range(13, 20))
    zone = screens.made_since("zone", 0.0)
    assert zone is not None and zone.text == "19"


BY_ITSELF = {"X-By-Itself": "1"}


class Door:
    """Lets everybody make at once, when all are there."""

    def __init__(self, screens: Crowd, waiting: int) -> None:
        self._inner, self._all = screens.making, threading.Barrier(waiting)
        self._first = threading.Lock()

    def acquire(self, timeout: float) -> bool:
        self._all.wait(20)
        # One by one: how many of those that are let in together each make theirs is chance.
        self._first.acquire()
        return self._inner.acquire()

    def release(self) -> None:
        self._inner.release()
        self._first.release()


def lanes_at_once(web: Web, monkeypatch, *asking: tuple[Browser, str]) -> list[str]:
    """What each browser is shown when all of them ask while none is answered yet."""
    screens = web.app.extensions["streams"].crowd
    monkeypatch.setattr(screens, "making", Door(screens, len(asking)))
    with ThreadPoolExecutor(len(asking)) as pool:
        told = [
            pool.submit(browser.get, f"/board/lanes{query}", headers=BY_ITSELF)
            for browser, query in asking
        ]
        return [answer.result().text for answer in told]


@pytest.fixture
def makings(monkeypatch) -> list[str]:
    """The lanes that were made."""
    found: list[str] = []
    make = dispatcher._lanes

    def counted(opened):
        found.append(make(opened))
        return found[-1]

    monkeypatch.setattr(dispatcher, "_lanes", counted)
    return found


def form_tokens(shown: str) -> set[str]:
    return set(re.findall('name="csrf_token" value="([^"]+)"', shown))


def test_boards_that_wait_together_are_made_once_and_each_keeps_its_own_choice_and_token(
    web, monkeypatch, makings
):
    chosen, other = (nights.open_incident(web.store, web.centre) for _ in range(2))
    desks = [
        web.browser(web.add(f"{name}@zone.example", Role.DISPATCHER))
        for name in ("dirk", "dora", "dina")
    ]
    queries = (f"?incident={chosen}", "", f"?incident={other}")
    shown = lanes_at_once(web, monkeypatch, *zip(desks, queries, strict=True))
    assert len(makings) == 1
    marked = [
        re.findall('aria-current="true" href="/board.incident=([^"]+)"', one) for one in shown
    ]
    assert marked == [[chosen], [], [other]]
    tokens = [form_tokens(one) for one in shown]
    assert [len(one) for one in tokens] == [1, 1, 1]
    assert len(set.union(*tokens)) == 3


def test_whoever_may_see_less_is_given_none_of_it(web, monkeypatch, makings):
    reference = nights.open_incident(web.store, web.centre)
    asking = (web.as_role(Role.DISPATCHER), web.as_role(Role.DISPATCHER, zone=web.leie))
    here, there = lanes_at_once(web, monkeypatch, *((browser, "") for browser in asking))
    assert len(makings) == 2
    assert reference in here
    assert reference not in there


def test_another_language_is_made_for_itself(web, monkeypatch, makings):
    desks = [
        web.browser(web.add(f"{name}@zone.example", Role.DISPATCHER)) for name in ("dirk", "dora")
    ]
    desks[1].post("/language", {"language": "nl"})
    english, dutch = lanes_at_once(web, monkeypatch, *((browser, "") for browser in desks))
    assert "Needs you" in english
    assert "Needs you" not in dutch


def test_who_asks_after_a_change_sees_it(web, makings):
    desk = web.as_role(Role.DISPATCHER)
    before = desk.get("/board/lanes")
    reference = nights.open_incident(web.store, web.centre)
    assert reference not in before.text
    after = desk.get("/board/lanes", headers={"If-None-Match": before.headers["ETag"]})
    assert reference in after.text
    etag = after.headers["ETag"]
    assert desk.get("/board/lanes", headers={"If-None-Match": etag}).status_code == 304


def test_only_what_pages_ask_for_by_themselves_waits_for_its_turn(web, monkeypatch):
    desk = web.as_role(Role.DISPATCHER)
    screens = web.app.extensions["streams"].crowd
    with screens.making, screens.making, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(desk.get, "/board/lanes", headers=BY_ITSELF)
        by_hand = web.as_role(Role.DISPATCHER, Role.PLANNER)
        assert by_hand.get("/board").status_code == 200
        assert by_hand.get("/board/lanes").status_code == 200
        assert not waiting.done()
        screens.making.release()
        assert waiting.result(20).status_code == 200
        screens.making.acquire()


def test_whoever_waits_too_long_for_a_turn_is_told_to_ask_again(web, monkeypatch):
    monkeypatch.setattr(live, "_PATIENCE_SECONDS", 0.05)
    desk = web.as_role(Role.DISPATCHER)
    screens = web.app.extensions["streams"].crowd
    with screens.making, screens.making:
        refused = desk.get("/board/lanes", headers=BY_ITSELF)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert desk.get("/board/lanes", headers=BY_ITSELF).status_code == 200
