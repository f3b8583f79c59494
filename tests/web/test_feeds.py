"""The calendar's address: headers, conditional requests, nothing that programs trip over."""

from datetime import timedelta

import pytest

from dispatch.audit import Actor
from dispatch.calendars import feeds
from dispatch.calendars.models import CalendarAddress
from dispatch.people.models import Person
from dispatch.web import create_app
from dispatch.wiring import Parts
from tests.centre import NOW, build

ADA = Actor("person", 1, "Ada")


@pytest.fixture
def address(store, settings, clock):
    centre = build(store)
    with store.write() as session:
        owner = session.get_one(Person, centre.people["An"].id)
        return f"/calendars/{feeds.create_address(session, owner, ADA, NOW)}.ics"


@pytest.fixture
def client(store, settings, clock):
    return create_app(Parts(settings, store, clock)).test_client()


def test_a_calendar_comes_with_the_headers_that_programs_need(address, client):
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, max-age=300"
    assert answer.headers["ETag"].startswith('"')
    assert "Last-Modified" in answer.headers
    assert "Set-Cookie" not in answer.headers


def test_an_unchanged_calendar_is_told_in_a_few_bytes(address, client):
    first = client.get(address)
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    other = client.get(address, headers={"If-None-Match": '"another"'})
    assert other.status_code == 200


def test_head_answers_like_get_without_the_body(address, client):
    whole, head = client.get(address), client.head(address)
    assert head.data == b""
    for name in ("ETag", "Content-Type", "Content-Length"):
        assert head.headers[name] == whole.headers[name]


def test_an_unknown_address_is_not_found_without_a_way_to_sign_in(address, client):
    answer = client.get("/calendars/nobody-has-this.ics")
    assert answer.status_code == 404
    assert "Location" not in answer.headers
    assert "Set-Cookie" not in answer.headers


def test_a_fetch_is_noted_at_most_once_a_minute(address, client, store, clock):
    def noted():
        with store.read() as session:
            return session.get_one(CalendarAddress, 1).fetched_at

    client.get(address)
    first = noted()
    clock.advance(seconds=59)
    client.get(address)
    assert noted() == first
    clock.advance(seconds=1)
    client.get(address)
    assert noted() == first + timedelta(seconds=60)


def test_a_calendar_takes_no_posts(address, client):
    assert client.post(address).status_code == 405
