"""Every screen is closed unless it is listed, and every answer carries strict headers."""

from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from dispatch.people.models import Role
from dispatch.web import session
from tests.web.conftest import Web


def addresses(web: Web) -> Iterator[tuple[Rule, str, str]]:
    """Yield every rule with each of its methods and an address that it matches."""
    with web.app.test_request_context():
        adapter = web.app.url_map.bind("localhost")
        for rule in web.app.url_map.iter_rules():
            values = {
                name: 1 if type(converter).__name__ == "IntegerConverter" else "x"
                for name, converter in rule._converters.items()
            }
            for method in sorted((rule.methods or set()) - {"OPTIONS"}):
                yield rule, method, adapter.build(rule.endpoint, values, method=method)


def is_machine(rule: Rule) -> bool:
    return rule.endpoint.partition(".")[0] in session.MACHINES


def test_every_screen_asks_for_a_sign_in_unless_it_is_listed(web: Web):
    closed = 0
    for rule, method, address in addresses(web):
        if is_machine(rule) or rule.endpoint in session.PUBLIC:
            continue
        answer = web.anonymous().client.open(address, method=method)
        assert answer.status_code == 303, (rule, method)
        assert answer.headers["Location"].startswith("/sign-in"), (rule, method)
        closed += 1
    assert closed > 10


def test_what_is_listed_as_public_exists(web: Web):
    assert {rule.endpoint for rule in web.app.url_map.iter_rules()} >= session.PUBLIC


def test_a_stranger_changes_nothing_through_what_proves_itself(web: Web):
    for rule, method, address in addresses(web):
        if is_machine(rule) and method not in ("GET", "HEAD"):
            answer = web.anonymous().client.open(address, method=method)
            assert answer.status_code in {400, 401, 403, 404, 413, 415, 422, 429}, (rule, method)


def test_a_machine_without_a_key_reads_nothing(web: Web):
    for rule, method, address in addresses(web):
        if rule.endpoint.partition(".")[0] in ("api", "api_rota") and "openapi" not in address:
            answer = web.anonymous().client.open(address, method=method)
            assert answer.status_code == 401, (rule, method)


def test_every_answer_carries_the_strict_headers(web: Web):
    browser = web.as_role(*Role)
    for rule, method, address in addresses(web):
        if rule.endpoint == "live.stream":
            continue
        headers = browser.client.open(address, method=method).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, rule
        assert "unsafe" not in policy, rule
        assert headers["X-Content-Type-Options"] == "nosniff", rule
        assert headers["Referrer-Policy"] == "no-referrer", rule
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", rule
        assert "camera=()" in headers["Permissions-Policy"], rule
        assert "Strict-Transport-Security" not in headers, rule


def test_no_screen_is_kept_by_a_browser(web: Web):
    browser = web.as_role(*Role)
    for rule, method, address in addresses(web):
        if rule.endpoint in ("static", "live.stream") or is_machine(rule):
            continue
        answer = browser.client.open(address, method=method)
        assert answer.headers["Cache-Control"] == "no-store", rule


def test_a_versioned_sheet_is_kept_for_good_and_another_is_not(web: Web):
    sheet = "/static/styles/tokens.css"
    for address, kept in ((f"{sheet}?v=1", True), (sheet, False)):
        answer = web.anonymous().get(address, buffered=True)
        assert ("immutable" in answer.headers["Cache-Control"]) is kept


def test_no_screen_fails_to_open_for_somebody_with_every_role_or_with_none(web: Web):
    for browser in (web.as_role(*Role), web.as_role()):
        for rule, method, address in addresses(web):
            if rule.endpoint == "live.stream" or method != "GET":
                continue
            answer = browser.client.open(address, method=method)
            # 503 is a fair answer of /health: no engine runs here.
            assert answer.status_code < 500 or rule.endpoint == "watch.health", (rule, method)


def test_https_is_insisted_on_where_the_address_says_so(secure_web: Web):
    headers = secure_web.anonymous().get("/sign-in").headers
    assert headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("path", ["/people", "/people/1", "/account"])
def test_a_fragment_of_somebody_signed_out_sends_the_whole_screen_to_the_sign_in(
    web: Web, path: str
):
    answer = web.anonymous().get(path, headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in"
