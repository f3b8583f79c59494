"""Calling in, and dialling in: over the supplier's own protocol, with keys on simulated phones."""

import re
from collections.abc import Sequence
from urllib.parse import urlencode

import pytest
import requests
from twilio.request_validator import RequestValidator

from dispatch import seal
from dispatch.intake import pins
from dispatch.intake.models import Source
from dispatch.people import phones
from dispatch.people.models import MethodKind, Organisation, Person
from tests.centre import ADA
from tests.scenarios.conftest import AN, BERT, CONTROL_ROOM, Zone
from tests.simulated import ACCOUNT

STRANGER = "+32499999999"
ROOM = "+3253000111"


@pytest.fixture(autouse=True)
def spoken_in_english(zone: Zone) -> None:
    with zone.parts.store.write() as session:
        session.get_one(Organisation, zone.cast.organisation.id).language = "en"


class Line:
    """One call to the centre, from beginning to end."""

    def __init__(self, zone: Zone, number: str) -> None:
        self._zone, self._number = zone, number
        self.sid = zone.twilio.dial(number)

    @property
    def said(self) -> str:
        """All that was said so far."""
        return str(self._call()["body"])

    def _call(self) -> dict[str, object]:
        [found] = [one for one in self._zone.twilio.messages(self._number) if one["id"] == self.sid]
        return found

    def hears(self, *words: str) -> "Line":
        """Wait until all these words were said."""
        self._zone.twilio.wait_until(
            lambda: all(word in self.said for word in words), otherwise=lambda: self.said
        )
        return self

    def keys(self, keys: str, *words: str) -> "Line":
        """Press keys and wait for what is said then."""
        self._zone.twilio.press(self._number, keys, self.sid)
        return self.hears(*words)

    def ends(self) -> None:
        """Wait until the call is over."""
        self._zone.twilio.wait_until(lambda: self._call()["status"] == "completed")


def _names(zone: Zone, reference: str) -> Sequence[str]:
    (callout,) = zone.incident(reference)["callouts"]
    return [one["person"]["name"] for one in callout["responders"]]


def test_officer_calls_in_hears_the_open_call_outs_and_goes(zone: Zone) -> None:
    first, second = zone.report(priority=2), zone.report(priority=1)
    line = Line(zone, AN)
    # The most urgent first; nothing is said of the incident but what a call-out's call says.
    line.hears(" ".join(second.replace("-", "")), "Press 1 if you go", "Press 3")
    assert "crash" not in line.said
    line.keys("2", "A colleague is being called", " ".join(first.replace("-", "")))
    line.keys("1", "You are going").ends()
    assert (_names(zone, first), _names(zone, second)) == (["An Peeters"], [])
    kinds = [line["kind"] for line in zone.incident(first)["timeline"]]
    assert kinds.count("called_in") == 1
    # Whoever goes hears that they do, and may give it up.
    Line(zone, AN).hears("You are going for").keys("2", "Noted").ends()
    assert _names(zone, first) == []


def test_whoever_declined_by_text_meanwhile_does_not_hear_that_they_go(zone: Zone) -> None:
    zone.report()
    line = Line(zone, AN)
    line.hears("Press 1 if you go")
    zone.reply(AN, f"NEE {zone.code(AN)}")
    line.keys("7", "No call-out waits")
    assert "You are going" not in line.said


def test_caller_reaches_the_control_room_and_a_stranger_learns_nothing(zone: Zone) -> None:
    Line(zone, AN).hears("No call-out waits").keys("3", "connected with the control room")
    zone.twilio.wait_for(CONTROL_ROOM, kind="call", status="ringing")
    zone.twilio.press(CONTROL_ROOM, "answer")
    zone.twilio.wait_for(CONTROL_ROOM, kind="call", status="in-progress")
    zone.twilio.press(CONTROL_ROOM, "hangup")
    zone.twilio.wait_for(AN, kind="call", status="completed")

    reference = zone.report()
    line = Line(zone, STRANGER)
    line.hears("This number is not known here").ends()
    assert " ".join(reference.replace("-", "")) not in line.said
    zone.twilio.wait_until(lambda: zone.status(reference) == "paging")


def test_shared_number_must_key_the_code(zone: Zone) -> None:
    with zone.parts.store.write() as session:
        bert = session.get_one(Person, zone.cast.people["Bert"].id)
        shared = phones.add_method(session, bert, MethodKind.MOBILE, AN, ADA, zone.clock.now())
        phones.verify(session, shared, ADA, zone.clock.now())
    reference = zone.report()
    line = Line(zone, AN).hears("Press 1 if you go").keys("1", "Key the code")
    line.keys("999#", "not the code").keys(f"{zone.code(AN)}#", "You are going").ends()
    assert _names(zone, reference) == ["An Peeters"]


@pytest.fixture
def digits(zone: Zone) -> str:
    with zone.parts.store.write() as session:
        source = session.get_one(Source, zone.cast.source_id)
        return pins.renew(session, source, ADA, zone.clock.now())


def test_control_room_dials_in_and_is_connected_with_whoever_goes(zone: Zone, digits: str) -> None:
    line = Line(zone, ROOM).hears("key your digits")
    # One zone only is served: it is not asked for.
    line.keys(f"{digits}#", "Key the number of the category", "fatal road crash")
    line.keys("77#", "no such category").keys("3#", "at which whoever goes can ring you")
    line.keys("12#", "no complete number").keys("*#", "To be rung at: 3 2 5 3 0 0 0 1 1 1")
    line.keys("1", "Sent. Reference").ends()
    reference = line.said.split("Sent. Reference ")[1].split(".")[0].replace(" ", "")
    reference = f"{reference[:3]}-{reference[3:]}"
    zone.engine.drain()
    found = zone.incident(reference)
    assert (found["category"], found["status"]) == ("fatal_crash", "open")
    assert zone.twilio.messages(AN, kind="sms")

    zone.pass_time(20)
    zone.twilio.wait_for(AN, kind="call", status="ringing")
    zone.twilio.press(AN, "1")
    zone.twilio.wait_for(ROOM, kind="call", status="ringing")
    zone.twilio.press(ROOM, "answer")
    zone.twilio.wait_until(lambda: zone.status(reference) == "accepted")
    zone.engine.drain()
    # And told by text, for a connection may break.
    zone.twilio.wait_until(
        lambda: "ring +3253000111 now" in zone.twilio.messages(AN, kind="sms")[-1]["body"]
    )


def _posted(zone: Zone, query: str = "", **form: str) -> requests.Response:
    address = f"{zone.url}/hooks/twilio/incoming{query}"
    signature = RequestValidator(ACCOUNT.token).compute_signature(address, form)
    return requests.post(address, form, headers={"X-Twilio-Signature": signature}, timeout=5)


def test_what_one_call_knows_is_worth_nothing_to_another(zone: Zone) -> None:
    reference = zone.report()
    said = _posted(zone, CallSid="CA1", From=AN).text
    query = re.search(r'action="[^"]*incoming([^"]+)"', said)
    assert query is not None
    assert requests.post(f"{zone.url}/hooks/twilio/incoming", timeout=5).status_code == 403
    assert _posted(zone, query[1], CallSid="CA2", From=AN, Digits="1").status_code == 403
    for somebody in (BERT, STRANGER):
        assert _posted(zone, query[1], CallSid="CA1", From=somebody, Digits="1").status_code == 200
    assert zone.status(reference) == "paging"
    assert "You are going" in _posted(zone, query[1], CallSid="CA1", From=AN, Digits="1").text


def test_caller_hears_that_we_failed(zone: Zone) -> None:
    with zone.parts.store.write() as session:
        broken = seal.seal(session, None, "call:CA1", '{"step": "zone"}')
    said = _posted(zone, f"?{urlencode({'state': broken})}", CallSid="CA1", From=AN, Digits="1")
    assert "Dispatch kan nu niet antwoorden." in said.text


def test_a_number_of_ours_may_report_as_well(zone: Zone, digits: str) -> None:
    line = Line(zone, AN).hears("No call-out waits", "Press 0 to report")
    line.keys("0", "key your digits").keys(f"{digits}#", "Key the number of the category")


def test_guessed_digits_open_nothing(zone: Zone, digits: str) -> None:
    line = Line(zone, STRANGER)
    wrong = f"{(int(digits) + 1) % 10**8:08}#"
    for _ in range(2):
        line.keys(wrong, "not known. This is Dispatch")
    line.keys(wrong).ends()
    assert line.said.count("These digits are not known") == 3
    with zone.parts.store.write() as session:
        now = zone.clock.now()
        for _ in range(10):
            assert pins.of(session, wrong[:-1], STRANGER, now) is None
        # Too many: even the right ones are refused now, but not of a control room's own number.
        assert pins.of(session, digits, STRANGER, now) is None
        assert pins.of(session, digits, BERT, now) is not None
        for _ in range(200):
            pins.of(session, wrong[:-1], "", now)
        assert pins.of(session, digits, BERT, now) is None
        assert pins.of(session, digits, CONTROL_ROOM, now) is not None
