"""Whole nights: what a control room sends, what phones show, what a dispatcher sees."""

import pytest
import requests

from tests.scenarios.conftest import AN, BERT, CHLOE, CONTROL_ROOM, Zone


def _waits(zone: Zone, reference: str, status: str) -> None:
    zone.twilio.wait_until(lambda: zone.status(reference) == status)


def test_alert_becomes_an_accepted_page(zone: Zone) -> None:
    reference = zone.report()
    zone.reply(AN, f"JA {zone.code(AN)}")
    found = zone.incident(reference)
    (callout,) = found["callouts"]
    assert callout["status"] == "accepted"
    assert [r["person"]["name"] for r in callout["responders"]] == ["An Peeters"]
    assert "you are going" in zone.twilio.messages(AN, direction="out")[-1]["body"]


def test_silence_is_called_and_a_key_accepts(zone: Zone) -> None:
    reference = zone.report()
    zone.twilio.behave(AN, "deliver")
    zone.pass_time(20)
    zone.twilio.wait_for(AN, kind="call", status="ringing")
    assert zone.twilio.press(AN, "answer")
    zone.twilio.wait_for(AN, kind="call", status="in-progress")
    assert zone.status(reference) == "paging"
    assert zone.twilio.press(AN, "1")
    _waits(zone, reference, "accepted")


def test_second_officer_is_paged_when_the_first_stays_silent(zone: Zone) -> None:
    reference = zone.report()
    zone.pass_time(240)
    zone.reply(BERT, zone.code(BERT))
    assert zone.status(reference) == "accepted"
    zone.twilio.wait_until(
        lambda: "taken by a colleague" in zone.twilio.messages(AN, kind="sms")[-1]["body"]
    )


def test_everybody_silent_ends_loudly(zone: Zone) -> None:
    reference = zone.report()
    zone.pass_time(800)
    assert zone.status(reference) == "unanswered"
    assert zone.twilio.messages(CONTROL_ROOM, kind="call")
    kinds = [line["kind"] for line in zone.incident(reference)["timeline"]]
    assert "unanswered" in kinds


def test_undelivered_text_is_called_before_its_time(zone: Zone) -> None:
    zone.twilio.behave(AN, "fail")
    zone.report()
    zone.twilio.wait_for(AN, kind="sms", status="undelivered")
    zone.twilio.wait_until(lambda: (zone.engine.drain(), zone.twilio.messages(AN, kind="call"))[1])


def test_refused_text_is_called_at_once(zone: Zone) -> None:
    zone.twilio.fault(AN, refuse=21612, times=1)
    zone.report()
    assert zone.twilio.messages(AN, kind="call")


def test_callbacks_that_stay_away_are_asked_for(zone: Zone) -> None:
    zone.twilio.inbound_url = ""
    zone.twilio.fault(callbacks="drop")
    reference = zone.report()
    zone.twilio.reply(AN, f"JA {zone.code(AN)}")
    zone.pass_time(11)
    assert zone.engine.ask_for_texts() == 1
    assert zone.status(reference) == "accepted"


def test_answer_that_found_no_web_server_is_asked_for(zone: Zone) -> None:
    """Receipts came, so nothing tells that a callback was lost while the console was restarted."""
    reference = zone.report()
    zone.twilio.inbound_url = ""
    zone.twilio.reply(AN, f"JA {zone.code(AN)}")
    assert zone.engine.ask_for_texts() == 1
    assert zone.status(reference) == "accepted"


def test_second_thoughts_that_found_no_web_server_are_asked_for(zone: Zone) -> None:
    reference = zone.report()
    zone.reply(AN, zone.code(AN))
    zone.twilio.inbound_url = ""
    zone.twilio.reply(AN, "NEE")
    assert zone.engine.ask_for_texts() == 1
    assert zone.status(reference) == "paging"


def test_an_answer_that_crossed_the_end_of_its_page_is_asked_for(zone: Zone) -> None:
    zone.report(reference="K-9")
    zone.twilio.inbound_url = ""
    zone.twilio.reply(AN, f"JA {zone.code(AN)}")
    assert zone.post(type="cancel", reference="K-9").status_code == 202
    zone.pass_time(60)
    assert zone.engine.ask_for_texts() == 1


def test_repeated_request_gets_the_same_answer_and_pages_once(zone: Zone) -> None:
    first = zone.post("msg_same", reference="K-1", place={"postcode": "9400"})
    second = zone.post("msg_same", reference="K-1", place={"postcode": "9400"})
    zone.engine.drain()
    assert first.content == second.content
    assert len(zone.twilio.messages(AN, kind="sms")) == 1


def test_wrong_fields_page_all_the_same_and_are_named(zone: Zone) -> None:
    answer = zone.post(priority="very", place={"postcode": "9400"}, wishes=["x"], colour="red")
    zone.engine.drain()
    assert answer.status_code == 202
    assert {problem["field"] for problem in answer.json()["problems"]} >= {"priority", "colour"}
    assert len(zone.twilio.messages(AN, kind="sms")) == 1


def test_cancel_stands_everybody_down(zone: Zone) -> None:
    zone.report(reference="K-2")
    zone.twilio.wait_for(AN, kind="sms", status="delivered")
    zone.post(type="cancel", reference="K-2")
    zone.engine.drain()
    assert "no longer needed" in zone.twilio.messages(AN, kind="sms")[-1]["body"]


def test_cancel_before_its_alert_pages_nobody(zone: Zone) -> None:
    assert zone.post(type="cancel", reference="K-3").status_code == 202
    answer = zone.post(reference="K-3", place={"postcode": "9400"})
    zone.engine.drain()
    assert answer.json()["status"] == "cancelled"
    assert zone.twilio.messages(AN) == []


def test_link_shows_nothing_and_answers_by_post(zone: Zone) -> None:
    reference = zone.report(summary="a secret summary", narrative="a secret narrative")
    body = zone.twilio.messages(AN, kind="sms")[-1]["body"]
    link = next(word for word in body.split() if word.startswith("http"))
    for _ in range(20):
        page = requests.get(link, timeout=5)
        assert page.status_code == 200
        assert "secret" not in page.text
        requests.head(link, timeout=5)
    assert zone.status(reference) == "paging"
    assert zone.incident(reference)["callouts"][0]["pages"][0]["answered_at"] is None


@pytest.mark.parametrize("number", [CHLOE, "+32499999999"])
def test_right_code_from_a_wrong_phone_is_refused(zone: Zone, number: str) -> None:
    reference = zone.report()
    zone.reply(number, f"JA {zone.code(AN)}")
    assert zone.status(reference) == "paging"


def test_hanging_supplier_delays_no_escalation(zone: Zone) -> None:
    """The text never gets an answer; the second officer is paged at the second all the same."""
    zone.twilio.fault(AN, hang=30)
    zone.report()
    zone.pass_time(240)
    assert zone.twilio.messages(BERT, kind="sms")
