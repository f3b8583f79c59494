"""Deliveries that gave no incident: unreadable ones, and those on which we failed ourselves."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from dispatch.db import Store, Unavailable
from dispatch.incidents import handling
from dispatch.incidents.models import Incident
from dispatch.intake import deliveries, receive
from dispatch.intake.models import Delivery, DeliveryStatus
from dispatch.paging import callouts
from dispatch.paging.models import Page
from tests.centre import ADA, ALERT, NOW, Centre, Sender, count, said, sounding

CLOCK_MINUTE = timedelta(minutes=1)


def incident(store: Store) -> Incident:
    with store.read() as session:
        return session.scalars(sa.select(Incident)).one()


# --- unreadable ---


def test_an_unreadable_one_is_kept_and_waits_for_somebody_to_see_it(
    store: Store, sender: Sender, centre: Centre
) -> None:
    answer = sender.send(b"Help! Kerkstraat 1, Ninove")
    assert answer.status == 422
    document = said(answer)
    assert document["detail"] == "Expected JSON."
    assert len(document["reference"]) == 7
    with store.read() as session:
        (delivery,) = deliveries.unseen(session, [centre.organisation.id])
        assert delivery.status is DeliveryStatus.UNREADABLE
        assert delivery.reference == document["reference"]
        assert deliveries.next_due(session) == NOW + timedelta(seconds=60)
        assert deliveries.unseen(session, [centre.organisation.id + 1]) == []


def test_unseen_for_a_minute_it_pages_the_default_team_under_the_reference_that_was_told(
    store: Store, sender: Sender, centre: Centre
) -> None:
    reference = said(sender.send(b"Help!"))["reference"]
    with store.write() as session:
        assert deliveries.page_unseen(session, NOW + timedelta(seconds=59)) == 0
    with store.write() as session:
        assert deliveries.page_unseen(session, NOW + CLOCK_MINUTE) == 1
        assert deliveries.page_unseen(session, NOW + CLOCK_MINUTE) == 0
    opened = incident(store)
    assert (opened.reference, opened.category_id) == (reference, None)
    assert sounding(store) == ["unreadable"]
    assert count(store, Page) == 1
    with store.read() as session:
        assert deliveries.unseen(session, [centre.organisation.id]) == []
        assert deliveries.next_due(session) is None


def test_once_seen_it_pages_nobody(store: Store, sender: Sender, centre: Centre) -> None:
    sender.send(b"Help!")
    with store.write() as session:
        (delivery,) = deliveries.unseen(session, [centre.organisation.id])
        deliveries.mark_seen(session, delivery, ADA, NOW)
        deliveries.mark_seen(session, delivery, ADA, NOW + CLOCK_MINUTE)
        assert delivery.seen_at == NOW
    with store.write() as session:
        assert deliveries.unseen(session, [centre.organisation.id]) == []
        assert deliveries.page_unseen(session, NOW + CLOCK_MINUTE) == 0
    assert count(store, Incident) == 0


def test_an_unread_one_that_cannot_be_paged_for_stops_no_other_and_is_tried_again(
    store: Store, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = said(sender.send(b"one"))["reference"]
    sender.send(b"two")
    works = handling.open_incident

    def broken(session: Any, *given: Any, **options: Any) -> Incident:
        if options["reference"] == first:
            raise RuntimeError("bad data")
        return works(session, *given, **options)

    monkeypatch.setattr(handling, "open_incident", broken)
    with store.write() as session:
        assert deliveries.page_unseen(session, NOW + CLOCK_MINUTE) == 2
    assert count(store, Incident) == 1
    monkeypatch.undo()
    with store.write() as session:
        assert deliveries.page_unseen(session, NOW + 2 * CLOCK_MINUTE) == 1
    assert count(store, Incident) == 2


# --- our own failures ---


@pytest.mark.parametrize(
    "error",
    [RuntimeError("bug"), KeyError("x"), RecursionError(), ZeroDivisionError(), MemoryError()],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("where", ["open_incident", "advance"])
def test_whatever_fails_the_delivery_is_kept_and_the_same_id_succeeds_later(
    store: Store,
    sender: Sender,
    centre: Centre,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    where: str,
) -> None:
    def broken(*_given: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(handling if where == "open_incident" else callouts, where, broken)
    answer = sender.send(ALERT, "msg_a")
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "5"
    assert "bug" not in answer.body.decode()
    assert count(store, Incident) == 0
    with store.read() as session:
        (delivery,) = deliveries.unseen(session, [centre.organisation.id])
        assert delivery.status is DeliveryStatus.FAILED
    monkeypatch.undo()
    repeated = sender.send(ALERT, "msg_a", after=timedelta(seconds=5))
    assert repeated.status == 202
    assert said(repeated)["callouts"][0]["status"] == "paging"
    assert sender.send(ALERT, "msg_a") == repeated
    assert (count(store, Delivery), count(store, Incident), count(store, Page)) == (1, 1, 1)
    with store.read() as session:
        assert deliveries.unseen(session, [centre.organisation.id]) == []


def test_rows_that_the_database_refuses_fail_in_the_same_way(
    store: Store, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    works = callouts.advance

    def broken(session: Any, *given: Any) -> Any:
        works(session, *given)
        session.execute(sa.text("INSERT INTO no_such_table VALUES (1)"))

    monkeypatch.setattr(callouts, "advance", broken)
    assert sender.send(ALERT, "msg_a").status == 503
    assert (count(store, Delivery), count(store, Incident)) == (1, 0)
    monkeypatch.undo()
    assert sender.send(ALERT, "msg_a").status == 202


def test_a_parser_that_breaks_is_our_failure_and_not_the_senders(
    store: Store, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "FORMATS", {"application/json": None})
    assert sender.send(ALERT, "msg_a").status == 503
    monkeypatch.undo()
    assert sender.send(ALERT, "msg_a").status == 202


def test_after_paging_for_a_failed_one_its_repeat_completes_the_same_incident(
    store: Store, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "_do", lambda *_: 1 / 0)
    reference = said(sender.send(ALERT, "msg_a"))["reference"]
    assert said(sender.send(ALERT, "msg_a"))["reference"] == reference
    with store.write() as session:
        assert deliveries.page_unseen(session, NOW + CLOCK_MINUTE) == 1
    assert sender.send(ALERT, "msg_a", after=2 * CLOCK_MINUTE).status == 503
    with store.read() as session:
        assert deliveries.next_due(session) is None
    monkeypatch.undo()
    document = said(sender.send(ALERT, "msg_a", after=3 * CLOCK_MINUTE))
    assert document["reference"] == reference
    assert (incident(store).source_reference, count(store, Incident)) == ("R-1", 1)
    assert incident(store).postcode == "9400"


def test_when_the_database_keeps_nothing_the_caller_hears_it(
    store: Store, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_given: Any) -> None:
        raise sa.exc.OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr(receive, "_keep", gone)
    with pytest.raises(Unavailable):
        sender.send(ALERT)
