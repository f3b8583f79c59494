"""The page of the phones, and the addresses by which people and tests use them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import Client

from dispatch.simulator import beside, create_app
from tests.simulated import ACCOUNT, SimulatedTwilio

AN, BERT, STRANGER = "+32470000001", "+32470000002", "+4799999999"
OWNERS = {BERT: ("Bert Maes", "nl"), AN: ("An Peeters", "fr")}
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def twilio() -> Iterator[SimulatedTwilio]:
    with SimulatedTwilio.in_thread(owners=lambda: OWNERS) as twilio:
        yield twilio


@pytest.fixture
def page(twilio: SimulatedTwilio) -> FlaskClient:
    assert twilio.app is not None
    return twilio.app.test_client()


def send(twilio: SimulatedTwilio, resource: str = "Messages", to: str = AN, **more: str) -> str:
    sid, token, sender, _ = ACCOUNT
    form = {"To": to, "From": sender, **more}
    if resource == "Messages":
        form.setdefault("Body", "Oproep 482")
    address = f"{twilio.base_url}/2010-04-01/Accounts/{sid}/{resource}.json"
    answer = requests.post(address, data=form, auth=(sid, token), timeout=5)
    return str(answer.json()["sid"])


def ring(twilio: SimulatedTwilio) -> str:
    sid = send(twilio, "Calls", Twiml="<Response><Gather><Say>Druk 1</Say></Gather></Response>")
    twilio.wait_for(AN, status="ringing")
    return sid


def test_messages_are_told_oldest_first_with_these_fields(twilio: SimulatedTwilio) -> None:
    sent = send(twilio)
    twilio.wait_for(AN, status="delivered")
    received = twilio.reply(AN, "JA 482")
    first, second = twilio.messages(AN)
    assert first | {"sent_at": ""} == {
        "id": sent,
        "number": AN,
        "person": "An Peeters",
        "direction": "out",
        "kind": "sms",
        "body": "Oproep 482",
        "status": "delivered",
        "sent_at": "",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", first["sent_at"])
    assert (second["id"], second["direction"], second["status"]) == (received, "in", "received")


def test_a_plus_sign_that_was_not_escaped_is_understood(
    twilio: SimulatedTwilio, page: FlaskClient
) -> None:
    send(twilio)
    assert len(page.get(f"/phones/messages.json?number={AN}").get_json()) == 1
    page.post("/phones/reply", data=f"number={AN}&body=JA", content_type=FORM)
    assert len(twilio.messages(AN)) == 2
    assert len(twilio.messages()) == 2


FORM = "application/x-www-form-urlencoded"


def test_every_owner_has_a_phone_and_strangers_get_one_by_writing(page: FlaskClient) -> None:
    page.post("/phones/reply", data={"number": STRANGER, "body": "Wie is dit?"})
    text = page.get("/phones").get_data(as_text=True)
    names = re.findall(r"<h3[^>]*>(.*?)</h3>", text)
    assert names == ["An Peeters", "Bert Maes", "Unknown phone"]
    assert "Wie is dit?" in text


def test_a_form_without_script_comes_back_to_its_phone(page: FlaskClient) -> None:
    for path, form in [
        ("reply", {"number": AN, "body": "JA"}),
        ("behaviour", {"number": AN, "mode": "fail"}),
    ]:
        answer = page.post(f"/phones/{path}", data=form, headers=BROWSER)
        assert answer.status_code == 303
        assert answer.headers["Location"] == "/phones#phone-32470000001"
    text = page.get("/phones").get_data(as_text=True)
    assert 'value="fail" checked' in text


def test_what_a_phone_has_not_got_is_not_shown(twilio: SimulatedTwilio, page: FlaskClient) -> None:
    twilio.behave(AN, "silent")
    send(twilio, Body="geheim")
    twilio.wait_for(AN, status="sent")
    text = page.get("/phones").get_data(as_text=True)
    assert "geheim" not in text
    assert "On its way." in text


def test_a_text_cannot_write_itself_into_the_page(
    twilio: SimulatedTwilio, page: FlaskClient
) -> None:
    twilio.reply(AN, "<script>alert(1)</script>")
    text = page.get("/phones").get_data(as_text=True)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_an_address_in_a_text_can_be_followed(twilio: SimulatedTwilio, page: FlaskClient) -> None:
    send(twilio, Body="Zie http://127.0.0.1:8000/p/Qm9fVw.")
    twilio.wait_for(AN, status="delivered")
    text = page.get("/phones").get_data(as_text=True)
    assert '<a href="http://127.0.0.1:8000/p/Qm9fVw" rel="noopener" target="_blank">' in text


def test_the_page_needs_nothing_from_elsewhere_and_nothing_inline(page: FlaskClient) -> None:
    answer = page.get("/phones")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    text = answer.get_data(as_text=True)
    assert not re.search(r"<style|style=|<script(?! src)| on\w+=|https?://", text)
    for address in re.findall(r'(?:src|href)="(/[^"]+)"', text):
        with page.get(address) as file:
            assert file.status_code == 200


def test_only_what_changed_is_asked_for(twilio: SimulatedTwilio, page: FlaskClient) -> None:
    twilio.reply(AN, "een")
    revision = page.get("/phones/changes.json?since=0").get_json()["revision"]
    unchanged = page.get(f"/phones/changes.json?since={revision}").get_json()
    assert unchanged == {"revision": revision, "cards": []}
    twilio.reply(BERT, "twee")
    changed = page.get(f"/phones/changes.json?since={revision}").get_json()
    assert [card["number"] for card in changed["cards"]] == [BERT]
    assert "twee" in changed["cards"][0]["card"]
    assert "Bert Maes" in changed["cards"][0]["latest"]


def test_a_call_can_be_answered_from_the_page(twilio: SimulatedTwilio, page: FlaskClient) -> None:
    sid = ring(twilio)
    text = page.get("/phones").get_data(as_text=True)
    assert f'value="{sid}"' in text
    assert "Druk 1" not in text
    form = {"number": AN, "id": sid, "key": "answer"}
    assert page.post("/phones/call", data=form).get_json() == {"id": sid, "done": True}
    assert page.post("/phones/call", data=form).get_json() == {"id": sid, "done": False}
    assert "Druk 1" in page.get("/phones").get_data(as_text=True)


def test_without_an_identity_the_newest_call_is_meant(twilio: SimulatedTwilio) -> None:
    first, second = ring(twilio), ring(twilio)
    assert twilio.press(AN, "hangup")
    SimulatedTwilio.wait_until(lambda: twilio.messages(AN, status="busy"))
    assert [x["id"] for x in twilio.messages(AN, status="busy")] == [second]
    assert [x["id"] for x in twilio.messages(AN, status="ringing")] == [first]


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("reply", {"body": "JA"}, 400),
        ("behaviour", {"number": AN, "mode": "explode"}, 400),
        ("call", {"number": AN, "key": "1"}, 404),
        ("faults", {"drop": "sometimes"}, 400),
        ("faults", {"http": "many"}, 400),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(
    page: FlaskClient, path: str, form: Any, status: int
) -> None:
    assert page.post(f"/phones/{path}", data=form).status_code == status


def test_a_key_that_no_phone_has_is_refused(twilio: SimulatedTwilio, page: FlaskClient) -> None:
    ring(twilio)
    assert page.post("/phones/call", data={"number": AN, "key": "1x"}).status_code == 400


def test_the_simulator_stands_beside_the_console() -> None:
    def console(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"console"]

    both = Client(beside(console, create_app(ACCOUNT)))
    for path in ("/", "/phonesx", "/2010-04-01x", "/hooks/twilio/sms"):
        assert both.get(path).get_data() == b"console"
    assert b"Simulated phones" in both.get("/phones").get_data()
    assert both.get("/phones/messages.json").get_json() == []
    assert both.get(f"/2010-04-01/Accounts/{ACCOUNT.sid}/Messages.json").status_code == 401
    assert both.get("/phones/nothing").status_code == 404
