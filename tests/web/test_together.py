"""A crash reported three times at the desk: merged, led, told by telephone, taken apart again."""

import contextlib
import re
import tomllib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, BrokenBarrierError

import pytest

from dispatch.incidents import briefing, handling
from dispatch.paging import attending
from dispatch.people.models import Role
from dispatch.settings import shipped
from tests.centre import NOW
from tests.web import nights
from tests.web.conftest import Browser, Web
from tests.web.desk import do, do_callout, lane_of


@pytest.fixture
def desk(web: Web) -> Browser:
    with web.store.write() as session:
        path = shipped("config") / "catalogue.toml"
        briefing.install(session, tomllib.loads(path.read_text(encoding="utf-8")))
    return web.as_role(Role.DISPATCHER)


def _reports(web: Web, count: int) -> list[str]:
    return [nights.open_incident(web.store, web.centre) for _ in range(count)]


def _done(desk: Browser, reference: str, action: str, **form: object) -> str:
    """Press a button and return the incident's screen."""
    answer = do(desk, reference, action, {"back": "incident", **form})
    assert answer.status_code == 303, (action, answer.text)
    return desk.get(answer.location).text


def test_three_reports_are_merged_with_one_button_and_taken_apart_with_another(web, desk):
    first, second, third = _reports(web, 3)
    board = desk.get("/board/lanes").text
    card = board[board.index(f'id="card-{first}"') :]
    offered = re.findall(r'name="report" value="([^"]+)"', card[: card.index("</form>")])
    assert offered == [second, third]
    shown = _done(desk, first, "merge", report=offered)
    assert "2 reports merged into this" in shown
    assert (lane_of(desk, first), lane_of(desk, second)) == ("paging", "")
    assert first in desk.get(f"/incidents/{second}").text
    shown = _done(desk, second, "take_apart")
    assert lane_of(desk, second) == "paging"
    # What was taken apart is not asked about again.
    assert "Is it the same event?" not in shown


def test_reports_that_look_alike_are_kept_apart_or_linked(web, desk):
    first, second = _reports(web, 2)
    shown = _done(desk, second, "keep_apart", other=first)
    assert "Is it the same event?" not in shown
    shown = _done(desk, second, "link", other=first)
    assert "Of the same case" in shown
    assert second in desk.get(f"/incidents/{first}").text
    assert "Of the same case" not in _done(desk, first, "unlink", other=second)
    assert do(desk, first, "link", {"other": "Z9Z-9ZZ"}).status_code == 422


def test_a_disaster_has_a_banner_until_it_is_ended(web, desk):
    (first,) = _reports(web, 1)
    assert "Disaster mode" in _done(desk, first, "begin_joining", minutes=60)
    assert "Disaster mode" in desk.get("/board/lanes").text
    assert "Disaster mode" not in _done(desk, first, "end_joining")
    assert "Disaster mode" not in desk.get("/board/lanes").text


def test_whoever_goes_is_led_told_and_relieved(web, desk):
    (first,) = _reports(web, 1)
    do_callout(web, desk, first, "accept_for", {"person": web.centre.people["An"].id})
    going = nights.callout(web.store, first).assignments[0].id
    with web.store.write() as session:
        later = NOW + timedelta(seconds=web.settings.cases.facts_seconds)
        attending.look(session, attending.owed(session, later), later)
    shown = desk.get(f"/incidents/{first}").text
    panel = shown[shown.index(f'id="owed-{going}"') :]
    assert nights.ADDRESS in panel[: panel.index("</section>")]
    assert f'id="owed-{going}"' not in _done(desk, first, "facts_given", assignment=going)
    assert "leads" in _done(desk, first, "lead", assignment=going)
    assert "school gate" in _done(desk, first, "meet", point="school gate")
    callout = nights.callout(web.store, first).id
    assert "3 people wanted" in _done(desk, first, "people", callout=callout, people=3)
    shown = _done(desk, first, "call_relief", assignment=going)
    assert "relief is being called" in shown
    assert "4 people wanted" in shown
    shown = _done(desk, first, "asked", **{"ask-identified": "by her brother"})
    assert 'value="by her brother"' in shown
    officer = web.browser(web.centre.people["An"]).get(f"/calls/{first}").text
    for told in ("by her brother", "An Peeters", "school gate"):
        assert told in officer


def test_answers_about_a_protected_person_are_not_shown_and_not_lost(web, desk):
    reference = nights.open_incident(web.store, web.centre, flags={"protected_identity": True})
    form = {"ask-identified": "by her brother", "ask-meeting_point": ""}
    assert "by her brother" not in _done(desk, reference, "asked", **form)
    _done(desk, reference, "asked", **{"ask-identified": "", "ask-second_officer": "yes, Bert"})
    with web.store.read() as session:
        known = briefing.asked(session, nights.of(session, reference), {})
    assert [one.words for one in known if one.words] == ["by her brother", "yes, Bert"]


@pytest.mark.parametrize("role", [Role.RESPONDER, Role.PLANNER, Role.ADMINISTRATOR])
def test_nobody_else_merges_or_reads_what_was_answered(web, desk, role):
    first, second = _reports(web, 2)
    other = web.as_role(role)
    for action in ("merge", "link", "asked", "begin_joining", "take_apart"):
        form = {"report": second, "other": second}
        assert do(other, first, action, form).status_code in (403, 404), action
    assert lane_of(desk, second) == "paging"


@pytest.mark.parametrize("action", ["merge", "link"])
def test_two_dispatchers_join_two_incidents_both_ways_at_once(web, desk, action, monkeypatch):
    first, second = _reports(web, 2)
    other = web.browser(web.add("eva@dender.example", Role.DISPATCHER))
    both, locked = Barrier(2), handling.locked

    def slowly(session, incident_id):
        held = locked(session, incident_id)
        with contextlib.suppress(BrokenBarrierError):
            both.wait(0.5)
        return held

    monkeypatch.setattr(handling, "locked", slowly)
    field = "report" if action == "merge" else "other"
    with ThreadPoolExecutor(2) as pool:
        pressed = [
            pool.submit(do, browser, here, action, {field: there})
            for browser, here, there in ((desk, first, second), (other, second, first))
        ]
        answers = sorted(one.result().status_code for one in pressed)
    # One of two merges is too late, and told so; nothing is undone by the database.
    assert answers == ([303, 409] if action == "merge" else [303, 303])
