"""Many screens are told in turn, and share what they fetch, so that they starve no alert."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

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
    # A second of a processor, of which screens may have a fifth.
    assert screens.turn() == pytest.approx(5 - 0.5)
    now[0] += 4.5
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


def asked(screens: Crowd, key: str, at: float, gives: Made | None) -> Made:
    """What somebody is given who asked then; `gives`: what they would make, if they may."""

    def make(_last: Made | None) -> Made:
        assert gives is not None, "made once more"
        return gives

    with screens.making:
        return screens.shared(key, at, make)


def test_nobody_is_given_what_was_made_before_they_asked_or_for_others(now):
    screens = Crowd()
    first = asked(screens, "zone", 10.0, made(10.0))
    assert asked(screens, "zone", 9.9, None) is first
    now[0] += 1
    assert asked(screens, "zone", 10.1, made(10.2)).begun == 10.2
    assert asked(screens, "another zone", 9.0, made(10.3)).begun == 10.3


def test_whoever_makes_it_knows_the_last_one(now):
    screens = Crowd()
    first = asked(screens, "zone", 10.0, made(10.0))
    now[0] += 1
    with screens.making:
        given = screens.shared("zone", 11.0, lambda last: replace(last, begun=11.0))
    assert (given.begun, given.text) == (11.0, first.text)


def test_only_the_newest_are_kept(now):
    screens = Crowd()
    for number in range(20):
        asked(screens, str(number), 1.0, made(1.0))
        asked(screens, "zone", float(number), made(float(number)))
        now[0] += 1
    kept = [key for key in range(20) if str(key) in screens._made]
    assert kept == list(range(13, 20))


def test_a_making_that_fails_is_left_to_the_next(now):
    screens = Crowd()
    with pytest.raises(AssertionError):
        asked(screens, "zone", 10.0, None)
    now[0] += 1
    assert asked(screens, "zone", 10.0, made(11.0)).begun == 11.0


BY_ITSELF = {"X-By-Itself": "1"}


class Door:
    """Lets everybody in when all are there."""

    def __init__(self, screens: Crowd, waiting: int) -> None:
        self._inner, self._all = screens.making, threading.Barrier(waiting)

    def acquire(self, timeout: float | None = None) -> bool:
        if timeout is not None:
            self._all.wait(20)
        return self._inner.acquire()

    def release(self) -> None:
        self._inner.release()


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
