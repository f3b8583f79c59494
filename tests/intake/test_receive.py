"""Taking in: the answer of each kind of alert, repeats, failures, and alerts that meet."""

import threading
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from dispatch.db import Store
from dispatch.incidents import handling
from dispatch.incidents.models import Incident, IncidentStatus, TimelineEntry
from dispatch.intake import deliveries, receive, sources
from dispatch.intake.models import Delivery, EarlyCancel, Source
from dispatch.intake.receive import Answer, Request
from dispatch.paging.models import Callout, Page
from tests.centre import ADA, ALERT, NOW, Centre, Sender, count, said, sounding


def incident(store: Store) -> Incident:
    with store.read() as session:
        return session.scalars(sa.select(Incident)).one()


def kinds(store: Store) -> list[str]:
    with store.read() as session:
        return list(session.scalars(sa.select(TimelineEntry.kind).order_by(TimelineEntry.id)))


# --- what is answered ---


def test_an_alert_opens_an_incident_and_its_answer_says_whom_it_pages(
    store: Store, sender: Sender
) -> None:
    answer = sender.send(ALERT)
    assert answer.status == 202
    assert answer.headers == {"Content-Type": "application/json"}
    document = said(answer)
    assert list(document) == ["reference", "status", "url", "callouts", "problems"]
    assert document["status"] == "open"
    assert document["url"].endswith(f"/incidents/{document['reference']}")
    assert [set(callout) for callout in document["callouts"]] == [{"team", "status", "due_at"}]
    assert document["callouts"][0]["team"] == "support"
    assert document["callouts"][0]["status"] == "paging"
    assert document["problems"] == []
    assert incident(store).source_reference == "R-1"
    assert count(store, Page) == 1


def test_problems_are_answered_and_stand_on_the_incident(store: Store, sender: Sender) -> None:
    document = sender.alert(priority=9, colour="red", category="never heard of")
    fields = [problem["field"] for problem in document["problems"]]
    assert fields == ["priority", "colour", "category"]
    assert all(set(problem) == {"field", "detail"} for problem in document["problems"])
    assert incident(store).problems == document["problems"]
    assert document["callouts"][0]["team"] == "support"


def test_only_the_type_is_needed_to_page_the_default_team(store: Store, sender: Sender) -> None:
    document = said(sender.send({"type": "alert"}))
    assert [callout["team"] for callout in document["callouts"]] == ["support"]
    assert count(store, Page) == 1


def test_a_test_opens_nothing(store: Store, sender: Sender) -> None:
    assert said(sender.send({"type": "test"})) == {"status": "test", "callouts": []}
    assert count(store, Incident) == 0
    assert count(store, Delivery) == 1


def test_an_instant_ahead_of_us_is_left_out_but_a_clock_may_be_a_little_fast(
    store: Store, sender: Sender
) -> None:
    ahead = (NOW + timedelta(minutes=6)).isoformat()
    assert said(sender.send({"type": "alert", "occurred_at": ahead}))["problems"] == [
        {"field": "occurred_at", "detail": "Expected an instant that is not in the future."}
    ]
    fast = (NOW + timedelta(minutes=4)).isoformat()
    assert said(sender.send({"type": "alert", "occurred_at": fast}))["problems"] == []


def test_an_unknown_content_type_is_tried_as_the_own_format(sender: Sender, store: Store) -> None:
    prepared = receive.prepare(Request("msg_x", "text/plain", b'{"type": "test"}'), NOW)
    with store.write() as session:
        source = session.get_one(Source, sender.centre.source_id)
        assert receive.take_in(session, source, prepared, NOW).status == 202


def test_the_delivery_is_kept_sealed_and_can_be_got_back_byte_for_byte(
    store: Store, sender: Sender
) -> None:
    body = b'{"type": "alert", "narrative": "Li\xc3\xa8ge ' + bytes(range(128, 256)) + b'"}'
    sender.send(body)
    with store.write() as session:
        delivery = session.scalars(sa.select(Delivery)).one()
        assert "narrative" not in delivery.sealed_body
        assert deliveries.open_raw(session, delivery, "asked by the zone", ADA, NOW) == body
        assert session.scalars(sa.select(Source)).one().last_delivery_at == NOW


# --- repeats ---


def test_a_repeat_gets_the_stored_answer_byte_for_byte_even_when_things_changed(
    store: Store, sender: Sender
) -> None:
    first = sender.send(ALERT, "msg_a")
    sender.send({**ALERT, "type": "cancel"}, "msg_b")
    assert sender.send(ALERT, "msg_a", after=timedelta(days=7)) == first
    assert count(store, Incident) == 1
    assert count(store, Delivery) == 2


def test_an_unreadable_one_and_a_test_are_repeated_too(store: Store, sender: Sender) -> None:
    for body in (b"<nothing/>", b'{"type": "test"}'):
        first = sender.send(body, body.decode())
        assert sender.send(body, body.decode()) == first
    assert count(store, Delivery) == 2


def test_the_same_id_with_another_body_is_refused_counted_and_changes_nothing(
    store: Store, sender: Sender
) -> None:
    first = sender.send(ALERT, "msg_a")
    answer = sender.send({**ALERT, "priority": 3}, "msg_a")
    assert answer.status == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert said(answer)["status"] == 422
    assert sender.send(ALERT, "msg_a") == first
    with store.read() as session:
        assert session.scalars(sa.select(Delivery)).one().clashes == 1
    assert incident(store).priority == 1
    assert "delivery_clash" in kinds(store)


def test_a_clash_sounds_until_somebody_has_seen_it_and_sounds_anew_at_the_next(
    store: Store, sender: Sender, centre: Centre
) -> None:
    sender.send({"type": "test"}, "1")
    for round_ in (1, 2):
        assert sender.send({**ALERT, "priority": round_}, "1").status == 422
        with store.write() as session:
            (delivery,) = deliveries.unseen(session, [centre.organisation.id])
            deliveries.mark_seen(session, delivery, ADA, NOW)
        with store.read() as session:
            assert deliveries.unseen(session, [centre.organisation.id]) == []


def test_two_sources_may_use_the_same_id_and_the_same_reference(
    store: Store, sender: Sender, centre: Centre
) -> None:
    with store.write() as session:
        zone = session.get_one(type(centre.organisation), centre.organisation.id)
        team = session.get_one(type(centre.team), centre.team.id)
        other, _ = sources.add_source(session, "other", "Other room", zone, team, ADA, NOW)
    sender.send(ALERT, "msg_a")
    Sender(store, Centre(centre.organisation, centre.team, {}, other.id)).send(ALERT, "msg_a")
    assert count(store, Incident) == 2


def test_an_id_of_any_length_is_told_apart(store: Store, sender: Sender) -> None:
    sender.send({"type": "test"}, "m" * 5000)
    sender.send({"type": "test"}, "m" * 5001)
    sender.send({"type": "test"}, "m" * 5001)
    assert count(store, Delivery) == 2


# --- identity ---


def test_an_alert_with_a_known_reference_is_an_update(store: Store, sender: Sender) -> None:
    first = sender.alert()
    second = sender.alert(priority=2)
    assert second["reference"] == first["reference"]
    assert incident(store).priority == 2
    assert count(store, Incident) == 1


def test_an_update_with_an_unknown_reference_is_an_alert(store: Store, sender: Sender) -> None:
    document = sender.alert(type="update")
    assert document["status"] == "open"
    assert document["callouts"][0]["status"] == "paging"


def test_without_a_reference_every_id_is_an_incident(store: Store, sender: Sender) -> None:
    sender.send({"type": "alert"}, "msg_a")
    sender.send({"type": "alert"}, "msg_b")
    sender.send({"type": "update"}, "msg_c")
    sender.send({"type": "alert"}, "msg_a")
    assert count(store, Incident) == 3


def test_a_cancel_ends_the_incident_and_its_pages(store: Store, sender: Sender) -> None:
    first = sender.alert()
    document = sender.alert(type="cancel")
    assert (document["reference"], document["status"]) == (first["reference"], "cancelled")
    assert [callout["status"] for callout in document["callouts"]] == ["cancelled"]
    with store.read() as session:
        assert all(page.ended_at for page in session.scalars(sa.select(Page)))


def test_a_second_cancel_changes_nothing(store: Store, sender: Sender) -> None:
    sender.alert()
    sender.alert(type="cancel")
    assert sender.alert(type="cancel")["problems"] == []
    assert kinds(store).count("cancelled") == 1


def test_a_cancel_that_comes_first_cancels_the_alert_which_sounds_and_pages_nobody(
    store: Store, sender: Sender
) -> None:
    document = said(sender.send({"type": "cancel", "reference": "R-1"}))
    assert document["status"] == "cancelled"
    assert document["callouts"] == []
    assert [problem["field"] for problem in document["problems"]] == ["reference"]
    answer = said(sender.send(ALERT, after=timedelta(hours=24)))
    assert (answer["status"], answer["callouts"]) == ("cancelled", [])
    assert sounding(store) == ["cancelled_before"]
    assert "cancelled_before" in kinds(store)
    assert count(store, Page) == 0
    assert count(store, EarlyCancel) == 0


def test_an_early_cancel_is_forgotten_after_a_day(store: Store, sender: Sender) -> None:
    sender.send({"type": "cancel", "reference": "R-1"})
    later = timedelta(hours=24, seconds=1)
    assert said(sender.send(ALERT, after=later))["status"] == "open"
    assert count(store, Page) == 1


def test_an_early_cancel_repeated_is_remembered_from_the_last_time(
    store: Store, sender: Sender
) -> None:
    sender.send({"type": "cancel", "reference": "R-1"})
    sender.send({"type": "cancel", "reference": "R-1"}, after=timedelta(hours=20))
    answer = said(sender.send(ALERT, after=timedelta(hours=40)))
    assert answer["status"] == "cancelled"


def test_a_cancel_without_a_reference_says_that_nothing_was_cancelled(
    store: Store, sender: Sender
) -> None:
    sender.alert()
    document = said(sender.send({"type": "cancel"}))
    assert document["status"] == "unknown"
    assert document["problems"][0]["field"] == "reference"
    assert incident(store).status is IncidentStatus.OPEN


def test_a_cancel_of_what_is_closed_is_named_as_a_problem(store: Store, sender: Sender) -> None:
    sender.alert()
    with store.write() as session:
        found = session.scalars(sa.select(Incident)).one()
        handling.end_incident(session, found, IncidentStatus.CLOSED, ADA, NOW)
    document = sender.alert(type="cancel")
    assert document["status"] == "closed"
    assert document["problems"][0]["field"] == "type"


def test_an_update_of_what_is_over_pages_nobody_but_sounds(store: Store, sender: Sender) -> None:
    sender.alert()
    sender.alert(type="cancel")
    pages = count(store, Page)
    sender.alert(type="update", priority=2)
    assert count(store, Page) == pages
    assert sounding(store) == ["updated_after_end"]


# --- alerts that meet ---


def together(sender: Sender, *requests: tuple[dict[str, Any], str]) -> list[Answer]:
    answers: list[Answer] = []
    gate = threading.Barrier(len(requests))

    def run(body: dict[str, Any], webhook_id: str) -> None:
        gate.wait()
        answers.append(sender.send(body, webhook_id))

    threads = [threading.Thread(target=run, args=request) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_the_same_request_many_times_at_once_is_one_delivery_and_one_answer(
    store: Store, sender: Sender
) -> None:
    answers = together(sender, *[(ALERT, "msg_a")] * 6)
    assert len({answer.body for answer in answers}) == 1
    assert (count(store, Delivery), count(store, Incident), count(store, Callout)) == (1, 1, 1)


def test_several_alerts_of_one_new_reference_at_once_are_one_incident(
    store: Store, sender: Sender
) -> None:
    answers = together(sender, *[(ALERT, f"msg_{letter}") for letter in "abcdef"])
    assert {answer.status for answer in answers} == {202}
    assert len({said(answer)["reference"] for answer in answers}) == 1
    assert (count(store, Delivery), count(store, Incident), count(store, Page)) == (6, 1, 1)


def test_a_cancel_and_its_alert_at_once_always_end_cancelled(store: Store, sender: Sender) -> None:
    cancel = {"type": "cancel", "reference": "R-1"}
    together(sender, (ALERT, "msg_a"), (cancel, "msg_b"))
    assert incident(store).status is IncidentStatus.CANCELLED


def test_many_alerts_at_once_all_page(store: Store, sender: Sender) -> None:
    bodies = [({**ALERT, "reference": f"R-{n}"}, f"msg_{n}") for n in range(8)]
    answers = together(sender, *bodies)
    assert [said(answer)["callouts"][0]["status"] for answer in answers] == ["paging"] * 8
    assert count(store, Incident) == 8
