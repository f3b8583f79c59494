"""Signing in and out, and what a session is bound to."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from dispatch.audit import AuditEntry
from dispatch.clock import ManualClock
from dispatch.db import Store, Unavailable
from dispatch.people import access, accounts, staff
from dispatch.people.models import Person, Role, SignIn
from dispatch.settings import Settings
from dispatch.web import session
from tests.centre import ADA, NOW
from tests.web.conftest import PASSWORD, Browser, Web


@pytest.fixture
def ada(web: Web) -> Person:
    return web.add("ada@dender.example", Role.ADMINISTRATOR)


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/account").status_code == 200


# --- in ---


def test_the_right_password_leads_to_where_one_wanted_to_go(web: Web, ada: Person):
    browser = web.anonymous()
    asked = browser.get("/people?team=1")
    assert asked.headers["Location"] == "/sign-in?next=/people?team%3D1"
    answer = browser.sign_in("ADA@dender.example ", next="/people?team=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/people?team=1")
    assert is_signed_in(browser)


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(web: Web, ada: Person):
    answers = [
        web.anonymous().sign_in(name, "wrong password")
        for name in ("ada@dender.example", "nobody@dender.example", "")
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert all("Naam of wachtwoord is fout." in answer.text for answer in answers)


def test_the_name_is_kept_on_the_form_and_the_password_is_not(web: Web, ada: Person):
    answer = web.anonymous().sign_in("ada@dender.example", "wrong password", next="/people")
    assert 'value="ada@dender.example"' in answer.text
    assert 'value="/people"' in answer.text
    assert "wrong password" not in answer.text


def test_a_wrong_password_is_counted_although_nothing_else_is_stored(web: Web, ada: Person):
    browser = web.anonymous()
    statuses = [browser.sign_in("ada@dender.example", "wrong").status_code for _ in range(12)]
    assert statuses == [422] * 10 + [429] * 2
    assert browser.sign_in("ada@dender.example").status_code == 429
    web.clock.advance(minutes=15)
    assert browser.sign_in("ada@dender.example").status_code == 303


def test_a_browser_that_signed_in_before_is_not_locked_out_by_strangers(web: Web, ada: Person):
    own = web.anonymous()
    own.sign_in("ada@dender.example")
    own.post("/sign-out")
    with web.store.write() as opened:
        for number in range(150):
            accounts.attempt(opened, "ada@dender.example", f"198.51.100.{number}", None, NOW)
    assert web.anonymous().sign_in("ada@dender.example").status_code == 429
    assert own.sign_in("ada@dender.example").status_code == 303


def test_a_forged_cookie_makes_no_known_browser(web: Web, ada: Person):
    forged = web.anonymous()
    forged.client.set_cookie("known", str(ada.id))
    with web.store.write() as opened:
        for number in range(150):
            accounts.attempt(opened, "ada@dender.example", f"198.51.100.{number}", None, NOW)
    assert forged.sign_in("ada@dender.example").status_code == 429


def test_signing_in_needs_the_token_of_the_form(web: Web, ada: Person):
    answer = web.anonymous().client.post(
        "/sign-in", data={"name": "ada@dender.example", "password": PASSWORD}
    )
    assert answer.status_code == 400


def test_signing_in_opens_a_session_of_its_own(web: Web, ada: Person):
    browser = web.browser(ada)
    with browser.client.session_transaction() as cookie:
        before = cookie["_user_id"]
        cookie["leftover"] = "of somebody else"
    browser.client.get("/sign-in")
    fresh = Browser(browser.client)
    token = fresh.form_token()
    fresh.client.post(
        "/sign-in",
        data={"csrf_token": token, "name": "ada@dender.example", "password": PASSWORD},
    )
    with browser.client.session_transaction() as cookie:
        assert cookie["_user_id"] != before
        assert "leftover" not in cookie


def test_signing_in_is_written_down(web: Web, ada: Person):
    web.anonymous().sign_in("ada@dender.example")
    with web.store.read() as opened:
        query = sa.select(AuditEntry.actor).where(AuditEntry.action == "signed_in")
        assert opened.scalars(query).all() == [f"person:{ada.id}"]


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "/\\elsewhere.example/",
        "\\\\elsewhere.example",
        "/\t/elsewhere.example",
        "/people\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "people",
        "",
        None,
    ],
)
def test_a_sign_in_leads_to_our_own_screens_only(web: Web, target: str | None):
    with web.app.test_request_context():
        assert session.onward(target) == "/"
        assert session.onward("/people/7?from=2026-01-01#a") == "/people/7?from=2026-01-01#a"


@pytest.mark.parametrize(
    ("role", "first"),
    [
        (Role.DISPATCHER, "/board"),
        (Role.PLANNER, "/shifts"),
        (Role.ADMINISTRATOR, "/people"),
        (Role.PRIVACY_OFFICER, "/people"),
        (Role.RESPONDER, "/calls"),
    ],
)
def test_everybody_begins_at_the_first_screen_they_may_see(web: Web, role: Role, first: str):
    browser = web.as_role(role)
    location = browser.get("/").headers["Location"]
    assert location.startswith(first)
    assert browser.get(location).status_code == 200


# --- while signed in ---


def test_a_session_ends_when_nobody_clicks_for_twelve_hours(web: Web, ada: Person):
    browser = web.browser(ada)
    for _ in range(3):
        web.clock.advance(hours=11)
        assert is_signed_in(browser)
    web.clock.advance(hours=12)
    assert not is_signed_in(browser)


def _seen_at(web: Web) -> datetime:
    with web.store.read() as opened:
        return opened.scalars(sa.select(SignIn.seen_at)).one()


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(web: Web):
    """A board polls all night: whoever left it open must be signed out in the end."""
    browser = web.browser(web.add("desk@dender.example", Role.DISPATCHER))
    for _ in range(23):
        web.clock.advance(minutes=30)
        for path in ("/board/lanes", "/live/centre"):
            assert browser.get(path, headers={"X-By-Itself": "1"}).status_code == 200
        browser.get("/live", buffered=False).close()
        assert browser.get("/account/idle").status_code == 200
    assert _seen_at(web) == NOW
    web.clock.advance(minutes=30)
    answer = browser.get("/board/lanes", headers={"X-By-Itself": "1", "HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in")


def test_a_click_on_the_same_screen_keeps_somebody_signed_in(web: Web):
    browser = web.browser(web.add("desk@dender.example", Role.DISPATCHER))
    web.clock.advance(hours=11)
    browser.get("/board/lanes")
    assert _seen_at(web) == NOW + timedelta(hours=11)


# --- its end ---

WARNING = "You will be signed out at 02:02:00, because nobody has clicked for long."


def test_a_sign_in_is_not_about_to_end_while_somebody_clicks(web: Web, ada: Person):
    browser = web.browser(ada)
    shown = browser.get("/account").text
    assert 'id="idle" role="alert"' in shown
    assert f'data-quiet="{12 * 3600 - 300}"' in shown
    web.clock.advance(hours=11)
    browser.get("/account")
    web.clock.advance(minutes=55)
    assert "signed out" not in browser.get("/account/idle").text


def test_somebody_is_warned_minutes_before_the_end_and_can_stay(web: Web, ada: Person):
    browser = web.browser(ada)
    web.clock.advance(hours=11, minutes=54)
    assert WARNING not in browser.get("/account/idle").text
    web.clock.advance(minutes=1)
    warned = browser.get("/account/idle").text
    assert WARNING in warned and "Stay signed in" in warned
    # No signing in again: the button stands on a screen that was loaded long ago.
    stayed = browser.client.post(
        "/account/stay",
        data={"csrf_token": _token_of(warned)},
        headers={"HX-Request": "true"},
    )
    assert "Stay signed in" not in stayed.text
    assert f'data-quiet="{12 * 3600 - 300}"' in stayed.text
    web.clock.advance(hours=11)
    assert is_signed_in(browser)


def _token_of(shown: str) -> str:
    found = re.search('name="csrf_token" value="([^"]+)"', shown)
    assert found is not None
    return found[1]


def test_whoever_has_just_clicked_can_say_so_without_scripts(web: Web, ada: Person):
    browser = web.browser(ada)
    web.clock.advance(seconds=30)
    assert browser.post("/account/stay").status_code == 303
    assert _seen_at(web) == NOW + timedelta(seconds=30)


def test_the_end_in_any_case_is_told_without_a_way_to_put_it_off(web: Web, ada: Person):
    browser = web.browser(ada)
    for _ in range(7 * 4 - 1):
        web.clock.advance(hours=6)
        browser.get("/account")
    web.clock.advance(hours=5, minutes=56)
    warned = browser.get("/account").text
    assert "Your sign-in ends at 14:02:00." in warned
    assert "Stay signed in" not in warned


def test_a_short_limit_leaves_twenty_seconds_and_more(
    store: Store, settings: Settings, clock: ManualClock
):
    web = Web(store, replace(settings, web=replace(settings.web, session_idle_minutes=1)), clock)
    browser = web.browser(web.add("ada@dender.example"))
    clock.advance(seconds=29)
    assert "Stay signed in" not in browser.get("/account/idle").text
    clock.advance(seconds=1)
    assert "Stay signed in" in browser.get("/account/idle").text


def test_a_session_ends_after_seven_days_in_any_case(web: Web, ada: Person):
    browser = web.browser(ada)
    for _ in range(7 * 4 - 1):
        web.clock.advance(hours=6)
        assert is_signed_in(browser)
    web.clock.advance(hours=6)
    assert not is_signed_in(browser)


def test_a_click_is_noted_at_most_once_a_minute(web: Web, ada: Person):
    def seen_at():
        with web.store.read() as opened:
            return opened.scalars(sa.select(SignIn.seen_at)).one()

    browser = web.browser(ada)
    web.clock.advance(seconds=59)
    browser.get("/account")
    assert seen_at() == NOW
    web.clock.advance(seconds=1)
    browser.get("/account")
    assert seen_at() == NOW + timedelta(seconds=60)


def test_a_session_ends_at_the_next_request_when_the_person_leaves(web: Web, ada: Person):
    browser = web.browser(ada)
    with web.store.write() as opened:
        staff.end_person(opened, opened.get_one(Person, ada.id), ADA, NOW)
    assert not is_signed_in(browser)
    assert browser.sign_in("ada@dender.example").status_code == 422


def test_a_role_taken_back_counts_at_the_next_request(web: Web):
    planner = web.add("petra@dender.example", Role.PLANNER)
    browser = web.browser(planner)
    assert browser.get("/people").status_code == 200
    with web.store.write() as opened:
        person = opened.get_one(Person, planner.id)
        staff.revoke(opened, person.roles[0], ADA, NOW)
    assert browser.get("/people").status_code == 403


def test_an_invented_token_opens_nothing(web: Web):
    browser = web.anonymous()
    with browser.client.session_transaction() as cookie:
        cookie["_user_id"] = "invented"
    assert not is_signed_in(browser)


# --- out ---


def test_signing_out_ends_the_session_in_the_database(web: Web, ada: Person):
    browser = web.browser(ada)
    with browser.client.session_transaction() as cookie:
        copied = dict(cookie)
    assert browser.post("/sign-out").headers["Location"] == "/sign-in"
    with browser.client.session_transaction() as cookie:
        cookie.update(copied)
    assert not is_signed_in(browser)


def test_nobody_is_signed_out_by_a_link_or_a_forged_form(web: Web, ada: Person):
    browser = web.browser(ada)
    assert browser.get("/sign-out").status_code == 405
    assert browser.client.post("/sign-out").status_code == 400
    assert is_signed_in(browser)


# --- cookies and proxies ---


def cookies(answer) -> dict[str, str]:
    return {line.split("=")[0]: line for line in answer.headers.getlist("Set-Cookie")}


def test_over_https_cookies_are_bound_to_the_host(secure_web: Web):
    secure_web.add("ada@dender.example", Role.ADMINISTRATOR)
    browser = secure_web.anonymous()
    answer = browser.client.get("/sign-in", base_url="https://dispatch.example")
    found = cookies(answer)
    assert set(found) == {"__Host-dispatch"}
    for mark in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert mark in found["__Host-dispatch"]
    assert "Domain" not in found["__Host-dispatch"]


def test_both_cookies_are_out_of_reach_of_scripts(web: Web, ada: Person):
    found = cookies(web.anonymous().sign_in("ada@dender.example"))
    assert set(found) == {"dispatch", "known"}
    assert all("HttpOnly" in line and "SameSite=Lax" in line for line in found.values())


def test_without_a_trusted_proxy_nobody_chooses_the_address_they_come_from(web: Web, ada: Person):
    browser = web.anonymous()
    statuses = [
        browser.post(
            "/sign-in",
            {"name": "ada@dender.example", "password": "wrong"},
            headers={"X-Forwarded-For": f"198.51.100.{number}"},
        ).status_code
        for number in range(12)
    ]
    assert statuses[-1] == 429


def test_behind_a_trusted_proxy_the_visitor_is_counted(secure_web: Web):
    secure_web.add("ada@dender.example", Role.ADMINISTRATOR)

    def tries(address: str) -> list[int]:
        browser = secure_web.anonymous()
        return [
            browser.client.post(
                "/sign-in",
                data={"name": "ada@dender.example", "password": "wrong"},
                headers={"X-Forwarded-For": address},
                base_url="https://dispatch.example",
            ).status_code
            for _ in range(11)
        ]

    secure_web.app.config["WTF_CSRF_ENABLED"] = False
    assert tries("198.51.100.1")[-1] == 429
    assert tries("198.51.100.2")[0] == 422


# --- transactions ---


def test_a_failing_view_leaves_nothing_behind(web: Web, ada: Person):
    with (
        web.app.test_request_context(),
        pytest.raises(RuntimeError),
        session.transaction() as opened,
    ):
        opened.get_one(Person, ada.id).name = "changed"
        raise RuntimeError
    with web.store.read() as opened:
        assert opened.get_one(Person, ada.id).name == "ada@dender.example"


def test_a_request_has_one_transaction(web: Web):
    with web.app.test_request_context():
        with session.reading() as first, session.reading() as second:
            assert first is second
        with session.transaction() as opened:
            with session.reading() as inside:
                assert inside is opened
            with pytest.raises(RuntimeError), session.transaction():
                raise AssertionError


def test_a_view_that_reads_is_handed_a_session(web: Web, ada: Person):
    with web.app.test_request_context():
        found = session.reads(lambda opened, person_id: opened.get(Person, person_id))
        assert found(person_id=ada.id).name == "ada@dender.example"


# --- machines ---


def key_of(web: Web, *scopes: str) -> str:
    with web.store.write() as opened:
        return accounts.create_api_key(opened, "console", None, scopes, ADA, NOW)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic {key}", "{key}"])
def test_a_machine_without_a_right_key_gets_a_problem_document(web: Web, header: str):
    key = key_of(web, "rota:read")
    answer = web.anonymous().get(
        "/api/v1/on-duty?team=support", headers={"Authorization": header.format(key=key)}
    )
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_opens_what_its_scopes_say(web: Web):
    for scope, status in (("rota:read", 200), ("incidents:read", 403)):
        answer = web.anonymous().get(
            "/api/v1/on-duty?team=support",
            headers={"Authorization": f"bearer {key_of(web, scope)}"},
        )
        assert answer.status_code == status


def test_a_key_is_no_sign_in(web: Web):
    headers = {"Authorization": f"Bearer {key_of(web, 'rota:read')}"}
    assert web.anonymous().get("/people", headers=headers).status_code == 303


def test_rights_are_loaded_once_for_a_request(web: Web, ada: Person, monkeypatch):
    loaded: list[int] = []
    original = access.viewer_of

    def counted(opened, person):
        loaded.append(person.id)
        return original(opened, person)

    monkeypatch.setattr(access, "viewer_of", counted)
    assert is_signed_in(web.browser(ada))
    assert loaded == [ada.id]


def test_reading_goes_on_while_nothing_can_be_written(
    web: Web, ada: Person, monkeypatch: pytest.MonkeyPatch
):
    def busy(wait_seconds: float):
        assert wait_seconds < 1
        raise Unavailable("The database is busy.")

    browser = web.browser(ada)
    web.clock.advance(minutes=5)
    monkeypatch.setattr(web.store, "write", busy)
    assert is_signed_in(browser)
