"""What a refused or failed request is answered with."""

import json

import pytest
import sqlalchemy as sa
from flask import Blueprint

from dispatch.db import Unavailable
from dispatch.errors import Conflict, Invalid, NotFound, Refused
from dispatch.people.models import Role
from dispatch.web import failures
from tests.web.conftest import Web

SECRET = "what the victim told"


class Unreadable(Invalid):
    """An error of a feature's own kind."""


ERRORS = {
    "invalid": (Invalid("Give a date.", day="Give a date."), 422),
    "unreadable": (Unreadable("Give an alert."), 422),
    "refused": (Refused("Ask an administrator."), 403),
    "not-found": (NotFound("There is no such thing."), 404),
    "conflict": (Conflict("Taken by a colleague."), 409),
    "unavailable": (Unavailable("Try again in a moment."), 503),
    "unexpected": (ValueError(SECRET), 500),
}


@pytest.fixture
def failing(web: Web) -> Web:
    """A web whose screens under /people/fail and /api/fail raise the error named."""
    screens, machines = Blueprint("failing", __name__), Blueprint("api", __name__)

    def fail(kind: str) -> str:
        raise ERRORS[kind][0]

    screens.add_url_rule("/fail/<kind>", view_func=fail, methods=["GET", "POST"])
    machines.add_url_rule("/api/fail/<kind>", view_func=fail)
    web.app.register_blueprint(screens)
    if "api" not in web.app.blueprints:
        web.app.register_blueprint(machines)
    else:
        web.app.add_url_rule("/api/fail/<kind>", "api.fail", fail)
    return web


@pytest.mark.parametrize("kind", ERRORS)
def test_a_machine_gets_a_problem_document(failing: Web, kind: str):
    answer = failing.anonymous().get(f"/api/fail/{kind}")
    error, status = ERRORS[kind]
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    document = json.loads(answer.data)
    assert {"type", "title", "status", "detail", "instance"} <= set(document)
    assert (document["status"], document["instance"]) == (status, f"/api/fail/{kind}")
    if kind != "unexpected":
        assert document["detail"] == str(error)


def test_a_problem_names_the_fields(failing: Web):
    document = json.loads(failing.anonymous().get("/api/fail/invalid").data)
    assert document["errors"] == [{"field": "day", "detail": "Give a date."}]


@pytest.mark.parametrize("kind", ERRORS)
def test_a_person_gets_a_screen_that_says_what_to_do(failing: Web, kind: str):
    answer = failing.as_role(Role.PLANNER).get(f"/fail/{kind}")
    error, status = ERRORS[kind]
    assert answer.status_code == status
    assert answer.content_type.startswith("text/html")
    if kind != "unexpected":
        assert str(error) in answer.text


@pytest.mark.parametrize("kind", ["conflict", "unexpected"])
def test_a_fragments_request_gets_the_sentence_and_keeps_what_is_on_the_screen(
    failing: Web, kind: str
):
    answer = failing.as_role(Role.PLANNER).post(f"/fail/{kind}", headers={"HX-Request": "true"})
    assert answer.status_code == ERRORS[kind][1]
    assert answer.headers["HX-Reswap"] == "none"
    assert 'hx-target="#messages"' in answer.text
    assert "<html" not in answer.text


def test_an_unexpected_error_is_logged_by_a_reference_and_told_without_its_text(
    failing: Web, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    answer = failing.anonymous().get("/api/fail/unexpected")
    reference = json.loads(answer.data)["reference"]
    assert SECRET not in answer.text
    (record,) = [one for one in caplog.records if one.msg == "unexpected"]
    assert record.fields["reference"] == reference  # type: ignore[attr-defined]
    assert SECRET not in str(record.fields)  # type: ignore[attr-defined]
    shown = failing.as_role(Role.PLANNER).get("/fail/unexpected")
    assert SECRET not in shown.text


def test_a_busy_database_says_when_to_try_again(failing: Web):
    browser = failing.as_role(Role.PLANNER)
    for path in ("/api/fail/unavailable", "/fail/unavailable"):
        answer = browser.get(path)
        assert answer.headers["Retry-After"] == str(failures.RETRY_AFTER_SECONDS)


def test_without_a_database_a_person_is_told_so(web: Web, monkeypatch: pytest.MonkeyPatch):
    browser = web.as_role(Role.PLANNER)

    def gone(*_args, **_kwargs):
        raise sa.exc.OperationalError("", {}, Exception())

    monkeypatch.setattr(web.store.engine.pool, "connect", gone)
    answer = browser.get("/people")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "<html" in answer.text


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/sign-out", 405)])
def test_wrong_addresses_and_methods_are_told_to_both(web: Web, path: str, status: int):
    shown = web.as_role(Role.PLANNER).get(path)
    assert (shown.status_code, shown.content_type) == (status, "text/html; charset=utf-8")
    answer = web.anonymous().get(f"/api{path}")
    assert answer.content_type == "application/problem+json"


def test_a_wrong_method_names_the_right_ones(web: Web):
    assert "POST" in web.as_role().get("/sign-out").headers["Allow"]


def test_what_is_too_big_is_refused(web: Web):
    limit = web.settings.intake.body_limit
    answer = web.anonymous().client.post("/sign-in", data=b"x" * (limit + 1))
    assert answer.status_code == 413


def test_a_forged_form_is_told_to_load_the_screen_again(web: Web):
    answer = web.as_role(Role.PLANNER).client.post("/account/language", data={"language": "fr"})
    assert answer.status_code == 400
    assert "load the screen again" in answer.text


def test_a_fragment_may_send_the_token_as_a_header(web: Web):
    browser = web.as_role(Role.PLANNER)
    answer = browser.client.post(
        "/account/language", data={"language": "fr"}, headers={"X-CSRFToken": browser.form_token()}
    )
    assert answer.status_code == 303


def test_a_problem_may_have_members_of_its_own(web: Web):
    with web.app.test_request_context("/hooks/alerts/x"):
        document = json.loads(failures.problem(422, "Unreadable.", reference="D7K-4QX").data)
    assert document["reference"] == "D7K-4QX"
