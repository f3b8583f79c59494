"""One's own account."""

import pytest
import sqlalchemy as sa

from dispatch.channels.contract import Kind
from dispatch.outbox import queue
from dispatch.outbox.models import Message
from dispatch.people import phones
from dispatch.people.models import MethodKind, Person, Role
from tests.centre import ADA, NOW
from tests.channels.browsers import PushService
from tests.web.conftest import PASSWORD, Browser, Web

NEXT_PASSWORD = "nog vier andere woorden"


@pytest.fixture
def an(web: Web) -> Person:
    return web.add("an@dender.example", Role.PLANNER)


@pytest.fixture
def browser(web: Web, an: Person) -> Browser:
    return web.browser(an)


def change(browser: Browser, present: str = PASSWORD, password: str = NEXT_PASSWORD):
    return browser.post("/account/password", {"present": present, "password": password})


def test_a_new_password_replaces_the_old_and_ends_every_other_session(
    web: Web, an: Person, browser: Browser
):
    elsewhere = web.browser(an)
    assert change(browser).status_code == 303
    assert "Your password is changed." in browser.get("/account").text
    assert elsewhere.get("/account").status_code == 303
    assert web.anonymous().sign_in("an@dender.example", PASSWORD).status_code == 422
    assert web.anonymous().sign_in("an@dender.example", NEXT_PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("present", "password", "told"),
    [
        ("wrong", NEXT_PASSWORD, "This is not your present password."),
        (PASSWORD, "short", "Use 8 characters or more"),
        (PASSWORD, "password", "Many people use this password"),
    ],
)
def test_a_password_is_changed_by_its_owner_to_a_good_one_only(
    web: Web, browser: Browser, present: str, password: str, told: str
):
    answer = change(browser, present, password)
    assert answer.status_code == 422
    assert told in answer.text
    assert password not in answer.text.replace('type="password"', "") or password == "password"
    assert web.anonymous().sign_in("an@dender.example").status_code == 303


def test_guessing_the_present_password_on_an_open_screen_is_limited(browser: Browser):
    told = ["Too many tries" in change(browser, "wrong").text for _ in range(11)]
    assert told == [False] * 10 + [True]


def test_the_language_of_texts_is_chosen_here_and_screens_follow(
    web: Web, an: Person, browser: Browser
):
    assert browser.post("/account/language", {"language": "fr"}).status_code == 303
    with web.store.read() as session:
        assert session.get_one(Person, an.id).language == "fr"
    assert '<html lang="fr"' in browser.get("/account").text


def test_the_language_of_a_browser_is_its_own_and_outlives_the_sign_in(web: Web, an: Person):
    browser = web.anonymous()
    browser.post("/language", {"language": "sv"})
    assert '<html lang="sv"' in browser.get("/sign-in").text
    browser.sign_in("an@dender.example")
    assert '<html lang="sv"' in browser.get("/account").text
    with web.store.read() as session:
        assert session.get_one(Person, an.id).language == "en"


def test_an_unknown_language_changes_nothing(browser: Browser):
    browser.post("/language", {"language": "xx"})
    browser.post("/account/language", {"language": "xx"})
    assert '<html lang="en"' in browser.get("/account").text


def test_before_a_sign_in_the_browsers_own_language_is_taken(web: Web):
    answer = web.anonymous().get("/sign-in", headers={"Accept-Language": "da, en;q=0.5"})
    assert '<html lang="da"' in answer.text
    answer = web.anonymous().get("/sign-in", headers={"Accept-Language": "zh"})
    assert '<html lang="nl"' in answer.text


@pytest.mark.parametrize(
    ("referrer", "onward"),
    [
        ("http://localhost/people", "/people"),
        ("http://elsewhere.example/people", "/"),
        ("", "/"),
    ],
)
def test_after_choosing_a_language_one_is_where_one_was(
    browser: Browser, referrer: str, onward: str
):
    answer = browser.post("/language", {"language": "fr"}, headers={"Referer": referrer})
    assert answer.headers["Location"] == onward


def test_one_sees_the_own_telephones_in_full_and_confirms_them(
    web: Web, an: Person, browser: Browser
):
    with web.store.write() as session:
        owner = session.get_one(Person, an.id)
        method = phones.add_method(session, owner, MethodKind.MOBILE, "0470 99 88 77", ADA, NOW)
    assert "+32 470 99 88 77" in browser.get("/account").text
    assert browser.post(f"/account/methods/{method.uid}/code").status_code == 303
    assert 'name="code"' in browser.get("/account").text
    with web.store.read() as session:
        (sent,) = session.scalars(sa.select(Message).where(Message.about.startswith("method:")))
        word, code = queue.text_of(session, sent).rstrip(".").split()[:2]
    wrong = browser.post(f"/account/methods/{method.uid}", {"code": "1"})
    assert (wrong.status_code, "not the code" in wrong.text) == (422, True)
    right = browser.post(f"/account/methods/{method.uid}", {"code": code.rstrip(".")})
    assert (word, right.status_code) == ("CODE", 303)
    with web.store.read() as session:
        assert len(phones.reachable(session, [an.id])[an.id]) == 1


def test_nobody_confirms_somebody_elses_telephone(web: Web, browser: Browser):
    with web.store.write() as session:
        other = session.get_one(Person, web.centre.people["An"].id)
        method = phones.add_method(session, other, MethodKind.MOBILE, "0470 99 88 77", ADA, NOW)
    for path in ("", "/code"):
        assert browser.post(f"/account/methods/{method.uid}{path}").status_code == 404
    with web.store.read() as session:
        assert len(phones.reachable(session, [other.id])[other.id]) == 1


def test_a_browser_is_added_by_what_it_gives_and_proved_by_a_notice(notified: Web):
    an = notified.add("an@dender.example", Role.RESPONDER)
    browser = notified.browser(an)
    assert "data-push-key" in browser.get("/account").text
    service = PushService(url="https://fcm.googleapis.com")
    given = {"subscription": service.subscription()}
    assert browser.post("/account/browsers", given).status_code == 303
    shown = browser.get("/account").text
    assert "fcm.googleapis.com" in shown
    assert "a-browser" not in shown
    with notified.store.read() as session:
        (sent,) = session.scalars(sa.select(Message).where(Message.kind == Kind.PUSH))
        assert queue.text_of(session, sent).startswith("CODE ")
    assert browser.post("/account/browsers", given).status_code == 409


def test_what_is_no_browser_is_refused(notified: Web):
    browser = notified.as_role(Role.RESPONDER)
    for given in ("", "{}", '{"endpoint": "https://fcm.googleapis.com/x"}'):
        assert browser.post("/account/browsers", {"subscription": given}).status_code == 422


def test_where_no_browser_can_be_notified_none_is_asked(browser: Browser):
    assert "data-push-key" not in browser.get("/account").text
