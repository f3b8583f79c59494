"""The screens of deliveries and sources: who sees what, and what is written down."""

import html
import re

import pytest
import sqlalchemy as sa

from dispatch import audit
from dispatch.audit import AuditDetail, AuditEntry
from dispatch.intake import pins, sources
from dispatch.intake.models import Delivery, Source
from dispatch.people.models import Role
from tests.centre import ALERT, NOW, Sender, signed
from tests.web.conftest import Browser, Web


@pytest.fixture
def sender(web: Web) -> Sender:
    return Sender(web.store, web.centre)


def dispatcher(web: Web) -> Browser:
    return web.as_role(Role.DISPATCHER)


def administrator(web: Web) -> Browser:
    return web.as_role(Role.ADMINISTRATOR)


def uid(web: Web) -> str:
    with web.store.read() as session:
        return session.scalars(sa.select(Delivery)).one().uid


def actions(web: Web) -> list[str]:
    with web.store.read() as session:
        return list(session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


def text(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", " ", page))


# --- deliveries ---


def test_an_empty_list_says_so(web: Web) -> None:
    assert "Nothing came in that fits." in dispatcher(web).get("/deliveries").text


def test_the_list_names_reference_source_state_and_what_was_left_out(
    web: Web, sender: Sender
) -> None:
    reference = sender.alert(priority=9, colour="red")["reference"]
    page = text(dispatcher(web).get("/deliveries").text)
    for words in (reference, "Control room", "handled", "priority, colour"):
        assert words in page


def test_the_list_is_narrowed_by_source_state_and_time(web: Web, sender: Sender) -> None:
    good = sender.alert()["reference"]
    sender.send(b"Help!")
    browser = dispatcher(web)
    unreadable = browser.get("/deliveries?status=unreadable").text
    assert good not in unreadable
    assert browser.get("/deliveries?status=handled").text.count("</tr>") == 2
    assert good in browser.get(f"/deliveries?source={web.centre.source_id}").text
    assert good in browser.get("/deliveries?since=2026-03-14T14:02").text
    assert good not in browser.get("/deliveries?since=2026-03-14T14:03").text


@pytest.mark.parametrize(
    "query", ["source=999", "source=x", "status=nonsense", "since=yesterday", "before=-1"]
)
def test_what_the_list_cannot_be_narrowed_by_is_named_beside_its_field(
    web: Web, sender: Sender, query: str
) -> None:
    sender.alert()
    assert dispatcher(web).get(f"/deliveries?{query}").status_code == 200


def test_older_ones_are_a_page_further(web: Web, sender: Sender) -> None:
    for _ in range(103):
        sender.send({"type": "test"})
    browser = dispatcher(web)
    first = browser.get("/deliveries?status=handled").text
    older = html.unescape(re.search('href="([^"]*before=[^"]*)"', first)[1])
    assert "status=handled" in older
    second = browser.get(older).text
    assert (first.count("<tr>"), second.count("<tr>")) == (101, 4)
    assert "Older ones" not in second


def test_a_delivery_is_shown_without_its_body_until_a_reason_is_given(
    web: Web, sender: Sender
) -> None:
    sender.send({**ALERT, "narrative": "Marie <b>Dupont</b>\u202e"})
    browser, path = dispatcher(web), f"/deliveries/{uid(web)}"
    page = browser.get(path)
    assert "Marie" not in page.text
    refused = browser.post(path, {"reason": "  "})
    assert refused.status_code == 422
    assert "Say why you open this." in refused.text
    assert "Marie" not in refused.text
    assert "delivery.open_raw" not in actions(web)
    opened = browser.post(path, {"reason": "asked by the control room"})
    assert opened.status_code == 200
    assert "Marie &lt;b&gt;Dupont&lt;/b&gt;" in opened.text
    assert opened.headers["Cache-Control"] == "no-store"
    assert actions(web).count("delivery.open_raw") == 1
    with web.store.read() as session:
        stored = "".join(session.scalars(sa.select(AuditDetail.details)))
        assert "asked by the control room" not in stored
        told = list(audit.tell(session, f"delivery:{uid(web)}"))
    assert told[-1].details["reason"] == "asked by the control room"
    assert "Marie" not in browser.get(path).text


@pytest.mark.parametrize(
    "body",
    [bytes(range(256)), b"<script>alert(1)</script>", b"x" * 1_000_000, b"\xe2\x80\xae" * 50],
)
def test_a_hostile_body_is_shown_harmlessly(web: Web, sender: Sender, body: bytes) -> None:
    sender.send(body)
    page = dispatcher(web).post(f"/deliveries/{uid(web)}", {"reason": "test"}).text
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "\x00" not in page
    assert len(page) < 100_000


def test_an_unreadable_one_can_be_marked_as_seen(web: Web, sender: Sender) -> None:
    sender.send(b"Help!")
    browser, path = dispatcher(web), f"/deliveries/{uid(web)}"
    assert "Seen, I act" in browser.get(path).text
    browser.post(f"{path}/seen")
    assert "Seen, I act" not in browser.get(path).text
    assert "delivery.seen" in actions(web)


def test_an_administrator_lists_deliveries_but_does_not_open_them(web: Web, sender: Sender) -> None:
    sender.send(ALERT)
    browser, path = administrator(web), f"/deliveries/{uid(web)}"
    page = browser.get(path).text
    assert "Why do you open it?" not in page
    assert "Show the incident" not in page
    assert browser.post(path, {"reason": "curious"}).status_code == 403


@pytest.mark.parametrize("role", [Role.RESPONDER, Role.PLANNER])
def test_others_see_neither_deliveries_nor_sources(web: Web, sender: Sender, role: Role) -> None:
    sender.send(ALERT)
    browser = web.as_role(role)
    for path in ("/deliveries", f"/deliveries/{uid(web)}", "/sources"):
        assert browser.get(path).status_code == 403
    assert browser.post(f"/deliveries/{uid(web)}", {"reason": "x"}).status_code == 403
    assert browser.post("/sources", {"key": "new"}).status_code in (403, 422)


def test_another_zone_sees_nothing_of_this_one(web: Web, sender: Sender) -> None:
    sender.send(ALERT)
    browser = web.as_role(Role.DISPATCHER, Role.ADMINISTRATOR, zone=web.leie)
    assert "Nothing came in" in browser.get("/deliveries").text
    assert browser.get(f"/deliveries/{uid(web)}").status_code == 404
    assert browser.post(f"/deliveries/{uid(web)}", {"reason": "x"}).status_code == 404
    assert "Control room" not in browser.get("/sources").text
    assert browser.post(f"/sources/{web.centre.source_id}/secrets").status_code == 404


def test_nobody_sees_anything_before_signing_in(web: Web, sender: Sender) -> None:
    sender.send(ALERT)
    browser = web.anonymous()
    for path in ("/deliveries", f"/deliveries/{uid(web)}", "/sources"):
        assert browser.get(path).status_code == 303


# --- sources ---


def test_the_sources_show_when_each_last_sent_and_what_was_forged(web: Web, sender: Sender) -> None:
    browser = administrator(web)
    assert "none yet" in browser.get("/sources").text
    sender.send(ALERT)
    forged = signed(b"{}", secret="whsec_" + "A" * 44)
    web.app.test_client().post("/hooks/alerts/control-room", data=b"{}", headers=forged)
    web.app.test_client().post("/hooks/alerts/nobody", data=b"{}", headers=forged)
    page = text(browser.get("/sources").text)
    assert "none yet" not in page
    assert re.search(r"Forged requests today\s+1", page)
    assert "1 request came today in the name of no source." in page
    assert "/hooks/alerts/control-room" in page


def secret_on(page: str) -> str:
    return re.search('value="(whsec_[^"]+)"', page)[1]


def test_a_new_source_shows_its_secret_once_and_may_send_with_it(web: Web) -> None:
    browser = administrator(web)
    home = web.centre.organisation.id
    form = {"key": "city", "name": "City room", "place": f"{home}:{web.centre.team.id}"}
    page = browser.post("/sources", form)
    assert page.status_code == 200
    secret = secret_on(page.text)
    assert "whsec_" not in browser.get("/sources").text
    body = b'{"type": "test"}'
    answer = web.app.test_client().post(
        "/hooks/alerts/city", data=body, headers=signed(body, secret=secret)
    )
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("key", "control-room", "Another source has this key."),
        ("key", "City!", "Use 2 to 60 small letters"),
        ("name", " ", "Fill this in."),
        ("place", "1:999", "Choose one of these."),
        ("place", "x", "Choose one of these."),
    ],
)
def test_a_source_that_cannot_be_added_keeps_what_was_typed_and_names_the_field(
    web: Web, field: str, value: str, sentence: str
) -> None:
    place = f"{web.centre.organisation.id}:{web.centre.team.id}"
    form = {"key": "city", "name": "City room", "place": place, field: value}
    page = administrator(web).post("/sources", form)
    assert page.status_code == 422
    assert sentence in page.text
    kept = "City room" if field != "name" else "city"
    assert f'value="{kept}"' in page.text


def test_a_second_secret_is_made_and_the_old_one_ended(web: Web) -> None:
    browser = administrator(web)
    base = f"/sources/{web.centre.source_id}/secrets"
    assert "End this secret" not in browser.get("/sources").text
    secret = secret_on(browser.post(base).text)
    with web.store.read() as session:
        old = session.get_one(Source, web.centre.source_id).secrets[0].uid
    assert browser.post(f"{base}/{old}/end", {"hours": "5"}).status_code == 422
    assert browser.post(f"{base}/{old}/end", {"hours": "0"}).status_code == 303
    again = browser.post(f"{base}/{old}/end", {"hours": "0"})
    assert "This secret has ended already." in again.text
    with web.store.read() as session:
        assert sources.door(session, "control-room", NOW).secrets == (secret,)
    assert actions(web)[-1] == "source.end_secret"


def test_a_dispatcher_sees_the_sources_but_changes_none(web: Web) -> None:
    browser = dispatcher(web)
    page = browser.get("/sources").text
    assert "Control room" in page
    assert "Make a second secret" not in page
    assert "Add a source" not in page
    assert browser.post(f"/sources/{web.centre.source_id}/secrets").status_code == 404


def test_digits_for_reporting_by_telephone_are_shown_once_renewed_and_ended(web: Web) -> None:
    browser = administrator(web)
    base = f"/sources/{web.centre.source_id}/digits"
    shown = [re.search(r'value="([0-9]{8})"', browser.post(base).text) for _ in range(2)]
    first, second = (found[1] for found in shown if found is not None)
    assert first not in browser.get("/sources").text and second not in browser.get("/sources").text

    def whose(digits: str) -> Source | None:
        with web.store.write() as session:
            return pins.of(session, digits, "+3253123456", NOW)

    assert whose(first) is None
    assert whose(second) is not None
    assert dispatcher(web).post(base).status_code == 404
    assert browser.post(f"{base}/end").status_code == 303
    assert whose(second) is None
