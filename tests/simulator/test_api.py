"""The simulated supplier's own interface, as its documentation describes the real one."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.simulated import ACCOUNT, SimulatedTwilio

AN, BERT = "+32470000001", "+32470000002"
SID, TOKEN, SENDER, MORE = ACCOUNT
TEXT = {"To": AN, "From": SENDER, "Body": "Oproep 482"}
SAYING = "<Response><Say>Oproep</Say></Response>"
CALL = {"To": AN, "From": SENDER, "Twiml": SAYING}


@pytest.fixture
def twilio() -> Iterator[SimulatedTwilio]:
    with SimulatedTwilio.in_thread() as twilio:
        yield twilio


class Sender:
    """Speaks the protocol by hand, without the client that hides it."""

    def __init__(self, twilio: SimulatedTwilio) -> None:
        self.base = f"{twilio.base_url}/2010-04-01/Accounts/{SID}"
        self.host = twilio.base_url

    def post(self, path: str, form: Any, auth: tuple[str, str] = (SID, TOKEN)) -> Any:
        return requests.post(f"{self.base}/{path}", data=form, auth=auth, timeout=5)

    def get(self, path: str, **query: str) -> Any:
        return requests.get(f"{self.base}/{path}", params=query, auth=(SID, TOKEN), timeout=5)


@pytest.fixture
def sender(twilio: SimulatedTwilio) -> Sender:
    return Sender(twilio)


@pytest.mark.parametrize("auth", [(SID, "wrong"), ("AC1", TOKEN), (SID, ""), ("é", "é")])
def test_without_the_right_token_nothing_is_taken(
    sender: Sender, twilio: SimulatedTwilio, auth: tuple[str, str]
) -> None:
    name, word = auth
    answer = sender.post("Messages.json", TEXT, (name.encode(), word.encode()))
    assert answer.status_code == 401
    assert answer.json() == {
        "code": 20003,
        "message": "Authenticate",
        "more_info": "https://www.twilio.com/docs/errors/20003",
        "status": 401,
    }
    assert requests.post(f"{sender.base}/Messages.json", data=TEXT, timeout=5).status_code == 401
    assert twilio.messages() == []


def test_a_text_is_shown_as_the_supplier_shows_it(sender: Sender) -> None:
    answer = sender.post("Messages.json", TEXT)
    assert answer.status_code == 201
    shown = answer.json()
    sid = shown["sid"]
    assert sid.startswith("SM")
    assert len(sid) == 34
    assert shown | {"date_created": "", "date_updated": ""} == {
        "sid": sid,
        "account_sid": SID,
        "api_version": "2010-04-01",
        "to": AN,
        "from": SENDER,
        "body": "Oproep 482",
        "status": "queued",
        "direction": "outbound-api",
        "num_segments": "1",
        "num_media": "0",
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "error_message": None,
        "messaging_service_sid": None,
        "date_created": "",
        "date_updated": "",
        "date_sent": None,
        "uri": f"/2010-04-01/Accounts/{SID}/Messages/{sid}.json",
    }
    assert shown["date_created"].endswith("+0000")


@pytest.mark.parametrize(
    ("resource", "form", "code"),
    [
        ("Messages", {"From": SENDER, "Body": "x"}, 21604),
        ("Messages", {"To": AN, "Body": "x"}, 21603),
        ("Messages", {"To": AN, "From": SENDER}, 21602),
        ("Messages", TEXT | {"Body": ""}, 21602),
        ("Messages", TEXT | {"Body": "x" * 1601}, 21617),
        ("Messages", TEXT | {"To": "0470000001"}, 21211),
        ("Messages", TEXT | {"From": "+3225550000"}, 21606),
        ("Messages", TEXT | {"From": "Police"}, 21212),
        ("Messages", TEXT | {"StatusCallback": "nowhere"}, 21609),
        ("Messages", TEXT | {"StatusCallback": "http://a_b.example/x"}, 21609),
        ("Messages", TEXT | {"ValidityPeriod": "0"}, 20001),
        ("Messages", TEXT | {"ValidityPeriod": "36001"}, 20001),
        ("Messages", TEXT | {"ValidityPeriod": "1.5"}, 20001),
        ("Messages", TEXT | {"SmartEncoded": "yes"}, 20001),
        ("Messages", TEXT | {"ContentRetention": "keep"}, 30029),
        ("Messages", TEXT | {"AddressRetention": "keep"}, 30030),
        ("Messages", TEXT | {"RiskCheck": "off"}, 20001),
        ("Messages", TEXT | {"ShortenUrls": "0"}, 20001),
        ("Messages", TEXT | {"Bodie": "x"}, 20001),
        ("Calls", {"From": SENDER, "Twiml": SAYING}, 21201),
        ("Calls", {"To": AN, "Twiml": SAYING}, 21213),
        ("Calls", {"To": AN, "From": SENDER}, 21205),
        ("Calls", CALL | {"Url": "http://127.0.0.1/x"}, 21205),
        ("Calls", {"To": AN, "From": SENDER, "Url": "x"}, 21205),
        ("Calls", CALL | {"To": "911"}, 21217),
        ("Calls", CALL | {"From": "+3225550000"}, 21210),
        ("Calls", CALL | {"Twiml": "Oproep"}, 12100),
        ("Calls", CALL | {"Twiml": "<Say/>"}, 12100),
        ("Calls", CALL | {"Twiml": "<Response><Record/></Response>"}, 12100),
        ("Calls", CALL | {"Twiml": '<Response><Gather timeout="x"/></Response>'}, 12100),
        ("Calls", CALL | {"Twiml": f"<Response><Say>{'x' * 4000}</Say></Response>"}, 21205),
        ("Calls", CALL | {"Timeout": "601"}, 20001),
        ("Calls", CALL | {"StatusCallbackEvent": ["answered", "lost"]}, 20001),
        ("Calls", CALL | {"StatusCallbackMethod": "GET"}, 20001),
        ("Calls", CALL | {"Record": "true"}, 20001),
    ],
)
def test_a_slip_in_a_request_is_refused_with_its_code(
    sender: Sender, twilio: SimulatedTwilio, resource: str, form: Any, code: int
) -> None:
    answer = sender.post(f"{resource}.json", form)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert set(answer.json()) == {"code", "message", "more_info", "status"}
    assert twilio.messages() == []


def test_what_does_not_exist_is_not_found(sender: Sender) -> None:
    made = sender.post("Calls.json", CALL).json()["sid"]
    for path in ("Messages/SM1.json", f"Messages/{made}.json", "Faxes.json"):
        answer = sender.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, 20404)


def test_lists_come_newest_first_in_pages(sender: Sender) -> None:
    made = [sender.post("Messages.json", TEXT | {"Body": f"{n}"}).json() for n in range(5)]
    page = sender.get("Messages.json", PageSize="2").json()
    bodies = []
    while True:
        bodies += [row["body"] for row in page["messages"]]
        if page["next_page_uri"] is None:
            break
        address = sender.host + page["next_page_uri"]
        page = requests.get(address, auth=(SID, TOKEN), timeout=5).json()
    assert bodies == ["4", "3", "2", "1", "0"]
    assert (page["page"], page["start"], page["end"]) == (2, 4, 4)
    assert page["previous_page_uri"]
    assert sender.get(f"Messages/{made[0]['sid']}.json").json()["body"] == "0"


def test_lists_are_narrowed_by_number_status_and_day(
    sender: Sender, twilio: SimulatedTwilio
) -> None:
    sender.post("Messages.json", TEXT)
    sender.post("Messages.json", TEXT | {"To": BERT})
    twilio.wait_for(status="delivered", count=2)
    twilio.reply(AN, "JA")

    def bodies(**query: str) -> list[str]:
        answer = sender.get("Messages.json", **query)
        assert answer.ok, answer.text
        return [f"{row['from']}>{row['to']}" for row in answer.json()["messages"]]

    assert bodies(To=AN) == [f"{SENDER}>{AN}"]
    assert bodies(To=SENDER) == [f"{AN}>{SENDER}"]
    assert bodies(From=SENDER, To=BERT) == [f"{SENDER}>{BERT}"]
    assert bodies(Status="received") == [f"{AN}>{SENDER}"]
    today = twilio.messages()[0]["sent_at"][:10]
    assert len(bodies(DateSent=today)) == 3
    assert len(bodies(**{"DateSent>": today})) == 3
    assert bodies(**{"DateSent<": today}) == []
    assert bodies(**{"DateSent>": "2999-01-01T00:00:00Z"}) == []
    assert sender.get("Messages.json", Sender=AN).status_code == 400
    assert sender.get("Messages.json", **{"DateSent>": "soon"}).status_code == 400


def test_a_text_that_waits_can_be_cancelled_and_its_words_erased(
    sender: Sender, twilio: SimulatedTwilio
) -> None:
    twilio.fault(delay=30)
    sid = sender.post("Messages.json", TEXT).json()["sid"]
    shown = sender.post(f"Messages/{sid}.json", {"Status": "canceled"}).json()
    assert shown["status"] == "canceled"
    assert sender.post(f"Messages/{sid}.json", {"Body": ""}).json()["body"] == ""
    assert sender.post(f"Messages/{sid}.json", {"Status": "canceled"}).status_code == 400


def test_a_call_that_rings_can_be_ended(sender: Sender, twilio: SimulatedTwilio) -> None:
    sid = sender.post("Calls.json", CALL).json()["sid"]
    twilio.wait_for(AN, status="ringing")
    assert sender.get("Calls.json", To=AN, Status="ringing").json()["calls"][0]["sid"] == sid
    assert sender.post(f"Calls/{sid}.json", {"Status": "completed"}).json()["status"] == "busy"
    ended = sender.get(f"Calls/{sid}.json").json()
    assert ended["end_time"]
    assert ended["duration"] == "0"


def test_words_are_discarded_and_numbers_hidden_as_asked(
    sender: Sender, twilio: SimulatedTwilio
) -> None:
    private = {"ContentRetention": "discard", "AddressRetention": "obfuscate"}
    sid = sender.post("Messages.json", TEXT | private).json()["sid"]
    twilio.wait_for(AN, status="delivered")
    shown = sender.get(f"Messages/{sid}.json").json()
    assert shown["body"] == ""
    assert shown["to"] == "+3247000XXXX"
    assert sender.get("Messages.json", To=AN).json()["messages"] == []


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"refuse": 21610}, 400, 21610),
        ({"http": 429, "retry_after": 7}, 429, 20429),
        ({"http": 503}, 503, 503),
    ],
)
def test_a_fault_strikes_as_often_as_it_is_told_to(
    sender: Sender, twilio: SimulatedTwilio, fault: Any, status: int, code: int
) -> None:
    twilio.fault(AN, times=2, **fault)
    for _ in range(2):
        answer = sender.post("Messages.json", TEXT)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert sender.post("Messages.json", TEXT).status_code == 201


def test_a_fault_of_a_number_leaves_the_others_alone_and_is_healed(
    sender: Sender, twilio: SimulatedTwilio
) -> None:
    twilio.fault(AN, refuse=30003)
    assert sender.post("Messages.json", TEXT | {"To": BERT}).status_code == 201
    assert sender.post("Messages.json", TEXT).status_code == 400
    twilio.heal()
    assert sender.post("Messages.json", TEXT).status_code == 201


@pytest.mark.parametrize(("when", "taken"), [("before", 0), ("after", 1)])
def test_a_connection_is_cut_before_or_after_the_text_is_taken(
    sender: Sender, twilio: SimulatedTwilio, when: str, taken: int
) -> None:
    twilio.fault(drop=when)
    with pytest.raises(requests.ConnectionError):
        sender.post("Messages.json", TEXT)
    assert len(twilio.messages()) == taken


def test_a_process_of_its_own_speaks_the_same_and_cuts_connections_too() -> None:
    with SimulatedTwilio.as_process() as twilio:
        sender = Sender(twilio)
        assert sender.post("Messages.json", TEXT).status_code == 201
        twilio.fault(drop="after")
        with pytest.raises(requests.ConnectionError):
            sender.post("Messages.json", TEXT)
        twilio.wait_for(AN, count=2, status="delivered")
        twilio.fault(hang=60)
        with pytest.raises(requests.Timeout):
            requests.post(f"{sender.base}/Messages.json", data=TEXT, auth=(SID, TOKEN), timeout=0.2)
        assert len(twilio.arrivals()) == 3


def test_arrivals_tell_when_each_message_was_handed_in(
    sender: Sender, twilio: SimulatedTwilio
) -> None:
    sender.post("Messages.json", TEXT)
    sender.post("Calls.json", CALL)
    text, call = twilio.arrivals()
    assert (text["to"], text["body"], text["kind"]) == (AN, "Oproep 482", "sms")
    assert (call["to"], call["body"], call["kind"]) == (AN, "Oproep", "call")
    assert 0 <= call["at"] - text["at"] < 5
    assert 0 <= call["monotonic"] - text["monotonic"] < 5


def test_a_callback_is_signed_over_its_address_and_every_field(twilio: SimulatedTwilio) -> None:
    assert twilio.app is not None
    relay = twilio.app.extensions["carrier"]._relay
    text = "https://a.example/x?y=1AaBb"
    digest = hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()
    assert relay.sign("https://a.example/x?y=1", {"B": "b", "A": "a"}) == (
        base64.b64encode(digest).decode()
    )
