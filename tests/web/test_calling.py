"""How somebody wants to be called, and the card with the centre's numbers."""

import re

from dispatch.outbox import queue
from dispatch.outbox.models import Message
from dispatch.people import phones
from dispatch.people.models import MethodKind, Person, Role
from tests.centre import ADA, NOW
from tests.web.conftest import Web

RULE = {"way_3_0": "push", "way_3_1": "call", "begins_3": "08:00", "ends_3": "22:00"}
KEPT = [{"priority": 3, "order": ["push", "call"], "begins": "08:00", "ends": "22:00"}]


def _rules(web: Web, person: Person) -> list[object]:
    with web.store.read() as session:
        return session.get_one(Person, person.id).called_by


def test_everybody_sets_the_own_ways_and_an_administrator_those_of_others(web: Web) -> None:
    officer = web.add("an@dender.example", Role.RESPONDER)
    own = web.browser(officer)
    assert own.post("/account/calling", RULE).status_code == 303
    assert _rules(web, officer) == KEPT
    screen = own.get("/account/calling").text
    assert re.search(r'<option value="push" selected>', screen)
    assert 'value="08:00"' in screen
    assert "no confirmed browser" in screen
    # What cannot be is named, and what was typed stays.
    refused = own.post("/account/calling", RULE | {"way_3_1": "push", "ends_3": ""})
    assert refused.status_code == 422
    assert "Choose each way once." in refused.text and "two different times" in refused.text
    assert _rules(web, officer) == KEPT

    there = f"/people/{officer.id}/calling"
    assert web.as_role(Role.DISPATCHER).get(there).status_code == 403
    administrator = web.as_role(Role.ADMINISTRATOR)
    assert 'value="22:00"' in administrator.get(there).text
    assert administrator.post(there, {}).status_code == 303
    assert _rules(web, officer) == []
    assert web.as_role(Role.ADMINISTRATOR, zone=web.leie).get(there).status_code == 404


def test_card_of_the_centres_numbers_comes_by_text_and_opens_without_a_sign_in(web: Web) -> None:
    officer = web.add("an@dender.example", Role.RESPONDER)
    own = web.browser(officer)
    own.post("/account/contact-card")
    assert "No confirmed mobile takes texts" in own.get("/account/calling").text
    with web.store.write() as session:
        person = session.get_one(Person, officer.id)
        method = phones.add_method(session, person, MethodKind.MOBILE, "+32470123450", ADA, NOW)
        phones.verify(session, method, ADA, NOW)
    there = f"/people/{officer.id}/contact-card"
    assert web.as_role(Role.DISPATCHER).post(there).status_code == 403
    assert web.as_role(Role.ADMINISTRATOR).post(there).status_code == 303
    with web.store.read() as session:
        text = queue.text_of(session, session.query(Message).one())
    for _ in range(5):
        own.post("/account/contact-card")
    assert "sent there several times" in own.get("/account/calling").text
    with web.store.read() as session:
        assert session.query(Message).count() == 5
    link = re.search(r"/contact/\S+", text)
    assert link is not None and text.startswith("NUMBERS: ")

    card = web.anonymous().get(link[0])
    assert card.content_type == "text/vcard; charset=utf-8"
    lines = card.data.decode().split("\r\n")
    assert lines[:2] == ["BEGIN:VCARD", "VERSION:3.0"] and lines[-2:] == ["END:VCARD", ""]
    assert "TEL;TYPE=WORK,VOICE:+3253123456" in lines
    newer = web.anonymous().get(link[0] + "?version=4.0").data.decode()
    assert 'TEL;VALUE=uri;TYPE="work,voice,text":tel:+3253123456\r\n' in newer
    assert web.anonymous().get("/contact/guessed.vcf").status_code == 404


def test_screen_says_what_an_alert_now_would_lead_to(web: Web) -> None:
    own = web.browser(web.centre.people["An"])
    assert "Text at once, Call after 20 s, Call after 90 s." in own.get("/account/calling").text
    own.post("/account/calling", {"way_3_0": "call", "way_3_1": "sms"})
    assert "Call at once, Text after 20 s, Call after 90 s." in own.get("/account/calling").text
