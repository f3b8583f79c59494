"""Answers by text, key press and link; who gets the seat, and what the others hear."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from dispatch import upkeep
from dispatch.channels.contract import Kind, Receipt, State
from dispatch.db import Store
from dispatch.errors import Conflict, NotFound
from dispatch.incidents import handling
from dispatch.incidents.alerts import AlertType, Place
from dispatch.incidents.models import Incident
from dispatch.outbox import queue
from dispatch.outbox.models import InboundText, Message
from dispatch.paging import callouts, hearing, pages, replies, seats, story, telling
from dispatch.paging.models import Assignment, AssignmentStatus, Page, PageStatus
from dispatch.people.models import Person
from tests.paging.conftest import ALERT, DORA, NUMBERS, Night


def _link(night: Night, name: str) -> str:
    with night.store.read() as session:
        page = session.get_one(Page, night.pages(name)[-1].id)
        return telling.link_token(session, page)


def _call(night: Night, name: str) -> str:
    with night.store.read() as session:
        query = sa.select(Message.uid).where(
            Message.kind == Kind.CALL, Message.person_id == night.cast.people[name].id
        )
        return session.scalars(query.order_by(Message.id)).all()[-1]


@pytest.mark.parametrize("body", ["{code}", "JA {code}", "oui {code}", "{code} yes!", "Ja", " OK "])
def test_clear_yes_takes_the_seat(night: Night, body: str) -> None:
    night.report()
    assert night.text("An", body.format(code=night.code("An"))) == "goes"
    assert night.status() == ["accepted"]
    assert "you are going" in night.said("An", "sms")[-1]


@pytest.mark.parametrize("body", ["nee {code}", "NON", "nej {code}", "kan niet"])
def test_clear_no_pages_the_next_at_once(night: Night, body: str) -> None:
    night.report()
    assert night.text("An", body.format(code=night.code("An"))) == "declined"
    assert len(night.said("Bert", "sms")) == 1


@pytest.mark.parametrize("body", ["{code} but not before four", "child ill", "ja maar later", "?"])
def test_own_words_are_no_acceptance_and_bring_the_next_step_forward(
    night: Night, body: str
) -> None:
    night.report()
    assert night.text("An", body.format(code=night.code("An"))) == "own_words"
    assert night.status() == ["paging"]
    assert night.alarm() == "unclear_reply"
    assert len(night.said("Bert", "sms")) == 1


def test_arrival_time_is_taken_from_the_answer(night: Night) -> None:
    night.report()
    night.text("An", f"{night.code('An')} 25")
    with night.store.read() as session:
        assignment = session.scalars(sa.select(Assignment)).one()
        assert (assignment.expected_at - night.now).total_seconds() == 25 * 60


def test_second_yes_is_told_that_the_seat_is_taken(night: Night) -> None:
    night.report()
    night.pass_time(240)
    night.deliver()
    night.text("Bert", night.code("Bert"))
    assert "taken by a colleague" in night.said("An", "sms")[-1]
    assert night.text("An", night.code("An")) == "too_late"
    assert "taken by a colleague" in night.said("An", "sms")[-1]


def test_saying_yes_twice_is_saying_it_once(night: Night) -> None:
    night.report()
    code = night.code("An")
    assert night.text("An", code) == "goes"
    assert night.text("An", f"JA {code}") == "already"
    with night.store.read() as session:
        assert len(session.scalars(sa.select(Assignment)).all()) == 1


def test_late_yes_after_exhaustion_still_counts(night: Night) -> None:
    night.report()
    night.pass_time(2000)
    assert night.status() == ["unanswered"]
    assert night.text("Bert", night.code("Bert")) == "goes"
    assert night.status() == ["accepted"]


def test_plain_yes_with_two_open_pages_is_not_guessed(night: Night) -> None:
    first, second = night.report(), night.report()
    assert night.text("An", "ja") == "not_understood"
    assert night.status(first) == night.status(second) == ["paging"]


def test_code_chooses_between_two_open_pages(night: Night) -> None:
    first, second = night.report(), night.report()
    assert night.text("An", night.pages("An")[0].code) == "goes"
    assert night.status(first) == ["accepted"]
    assert night.status(second) == ["paging"]


def test_a_late_yes_never_takes_a_later_incident(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = SimpleNamespace(choice=lambda digits: "4", randbelow=lambda limit: 0)
    monkeypatch.setattr(pages, "secrets", same)
    first = night.report()
    late = night.code("An")
    night.pass_time(240)
    night.text("Bert", f"yes {night.code('Bert')}")
    night.report()
    assert night.text("An", f"yes {late}") == "too_late"
    assert (night.status(first), night.status()) == (["accepted"], ["paging"])


def test_right_code_from_a_strange_number_is_refused_and_told(night: Night) -> None:
    night.report()
    assert night.text("+32499999999", f"JA {night.code('An')}") == "strange_code"
    assert night.status() == ["paging"]
    assert night.alarm() == "strange_number"


def test_stranger_is_answered_once_a_day(night: Night) -> None:
    for _ in range(3):
        night.text("+32499999999", "hello")
    assert len(night.said("+32499999999")) == 1


def test_colleagues_code_does_not_count_from_another_phone(night: Night) -> None:
    night.report()
    assert night.text("Bert", night.code("An")) != "goes"
    assert night.status() == ["paging"]


def test_giving_up_a_seat_pages_again_and_alarms(night: Night) -> None:
    night.report()
    code = night.code("An")
    night.text("An", f"JA {code}")
    assert night.text("An", f"NEE {code}") == "declined"
    assert night.status() == ["paging"]
    assert night.alarm() == "withdrew"
    assert len(night.said("Bert", "sms")) == 1
    assert "withdrew" in night.story()


def test_same_text_called_back_twice_counts_once(night: Night) -> None:
    night.report()
    night.text("An", night.code("An"))
    night.texts -= 1
    assert night.text("An", "NEE") == "known"
    with night.store.read() as session:
        assert len(session.scalars(sa.select(InboundText)).all()) == 1


def test_key_one_goes_and_key_two_cannot(night: Night) -> None:
    night.report()
    night.pass_time(20)
    uid = _call(night, "An")
    with night.store.write() as session:
        assert replies.key_pressed(session, uid, "7", night.now).again
    with night.store.write() as session:
        replies.key_pressed(session, uid, "2", night.now)
    assert night.pages("An")[0].status is PageStatus.DECLINED
    night.pass_time(20)
    with night.store.write() as session:
        replies.key_pressed(session, _call(night, "Bert"), "1", night.now)
    assert night.status() == ["accepted"]


def test_key_of_an_unknown_call_is_not_found(night: Night) -> None:
    with night.store.write() as session, pytest.raises(NotFound):
        replies.key_pressed(session, "nope", "1", night.now)


def test_link_answers_once_and_dies_with_its_page(night: Night) -> None:
    night.report()
    token = _link(night, "An")
    with night.store.write() as session:
        replies.answer_link(session, token, False, night.now)
    with night.store.write() as session, pytest.raises(Conflict):
        replies.answer_link(session, token, True, night.now)


def test_link_in_the_last_text_of_a_long_night_still_works(night: Night) -> None:
    night.report()
    token = _link(night, "An")
    night.pass_time(5 * 3600)
    with night.store.write() as session:
        assert replies.answer_link(session, token, True, night.now)[1] == "goes"


def test_link_expires(night: Night) -> None:
    night.report()
    token = _link(night, "An")
    night.text("An", night.code("An"))
    night.pass_time(241 * 60)
    with night.store.write() as session, pytest.raises(NotFound):
        replies.answer_link(session, token, True, night.now)


def test_officer_moves_only_forward(night: Night) -> None:
    night.report()
    night.text("An", night.code("An"))
    with night.store.write() as session:
        assignment = session.scalars(sa.select(Assignment)).one()
        assert seats.move_on(session, assignment, AssignmentStatus.ON_SCENE, DORA, night.now)
        assert not seats.move_on(session, assignment, AssignmentStatus.ON_THE_WAY, DORA, night.now)
    assert night.status() == ["on_scene"]


def test_dispatcher_accepts_on_behalf_and_releases(night: Night) -> None:
    incident_id = night.report()
    with night.store.write() as session:
        incident = handling.locked(session, incident_id)
        callout = callouts.of_incident(session, incident)[0]
        bert = night.cast.people["Bert"]
        bert = session.merge(bert, load=True)
        taken = seats.accept_on_behalf(session, callout, bert, DORA, night.now)
        assert taken.assignment is not None
        seats.release(session, taken.assignment, DORA, night.now)
    assert night.status() == ["paging"]


def test_stop_is_followed_and_start_undoes_it(night: Night, store: Store) -> None:
    assert night.text("An", "Stop") == "stopped"
    assert night.text("An", "START") == "started"
    night.report()
    assert len(night.said("An", "sms")) == 1
    assert NUMBERS["An"]


def test_whoever_goes_and_writes_in_own_words_makes_the_console_sound(night: Night) -> None:
    night.report()
    night.text("An", night.code("An"))
    assert night.alarm() == ""
    assert night.text("An", "car broke down, cannot get there") == "own_words"
    assert night.alarm() == "unclear_reply"


def test_own_words_of_somebody_who_may_sleep_stay_quiet_but_are_kept(night: Night) -> None:
    night.report()
    night.pass_time(240)
    code = night.code("Bert")
    night.text("An", night.code("An"))
    assert night.text("Bert", f"{code} but not before four") == "own_words"
    assert night.alarm() == ""
    assert "unclear_reply" in night.story()


def test_stop_word_of_somebody_paged_is_read_by_a_dispatcher(night: Night) -> None:
    night.report()
    assert night.text("An", "STOP") == "stopped"
    assert night.alarm() == "unclear_reply"
    assert len(night.said("Bert", "sms")) == 1


def _change_the_place(night: Night) -> None:
    night.deliver()
    night.change(replace(ALERT, type=AlertType.UPDATE, place=Place(postcode="9401")))
    night.deliver()


def test_first_of_two_links_answers_as_well_and_calls_nobody_off_who_goes(night: Night) -> None:
    night.report()
    token = _link(night, "An")
    _change_the_place(night)
    with night.store.write() as session:
        assert replies.answer_link(session, token, True, night.now)[1] == "goes"
    assert not [text for text in night.said("An", "sms") if "rest" in text]


def test_call_of_before_an_update_still_takes_the_answer(night: Night) -> None:
    night.report()
    night.pass_time(20)
    uid = _call(night, "An")
    _change_the_place(night)
    with night.store.write() as session:
        replies.key_pressed(session, uid, "1", night.now)
    assert night.status() == ["accepted"]
    assert not [text for text in night.said("An", "sms") if "rest" in text]


def test_no_by_the_first_of_two_links_pages_the_next(night: Night) -> None:
    night.report()
    token = _link(night, "An")
    _change_the_place(night)
    with night.store.write() as session:
        replies.answer_link(session, token, False, night.now)
    assert len(night.said("Bert", "sms")) == 1


def test_no_that_comes_too_late_does_not_promise_a_colleague(night: Night) -> None:
    night.report()
    night.pass_time(240)
    bert = night.code("Bert")
    night.text("An", night.code("An"))
    assert night.text("Bert", f"NEE {bert}") == "declined_again"
    assert "being called" not in night.said("Bert", "sms")[-1]


def test_link_that_is_texted_to_somebody_who_was_rung_works(night: Night) -> None:
    incident_id = night.report()
    with night.store.write() as session:
        callout = callouts.of_incident(session, handling.locked(session, incident_id))[0]
        bert = session.get_one(Person, night.cast.people["Bert"].id)
        seats.accept_on_behalf(session, callout, bert, DORA, night.now)
    night.change(replace(ALERT, type=AlertType.UPDATE, place=Place(postcode="9401")))
    token = night.said("Bert", "sms")[-1].rpartition("/")[2]
    with night.store.read() as session:
        assert replies.page_behind(session, token, night.now).person_id == bert.id


def test_arrival_time_that_comes_later_reaches_the_board(night: Night) -> None:
    night.report()
    code = night.code("An")
    night.text("An", code)
    before = _board(night)
    night.text("An", f"{code} 25")
    assert _board(night) > before


def _board(night: Night) -> int:
    with night.store.read() as session:
        return upkeep.revisions(session)[night.cast.organisation.id, "board"]


def test_answer_to_a_stranger_lets_call_outs_go_first(night: Night) -> None:
    night.text("+32470999999", "hello")
    with night.store.read() as session:
        assert session.scalars(sa.select(Message.priority)).one() == 3


def test_answer_stands_although_paging_fails_and_the_console_sounds(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.report()
    night.pass_time(240)
    with monkeypatch.context() as broken:
        broken.setattr(pages, "withdraw", _fault)
        assert night.text("An", night.code("An")) == "goes"
    assert night.alarm() == "stuck"
    assert night.status() == ["accepted"]
    night.pass_time(10)
    assert night.alarm() == ""
    assert night.pages("Bert")[-1].status is PageStatus.WITHDRAWN


def test_seat_given_up_is_paged_for_once_paging_works_again(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.report()
    night.text("An", night.code("An"))
    with monkeypatch.context() as broken:
        broken.setattr(pages, "try_due", _fault)
        assert night.text("An", "NEE") == "declined"
    assert night.said("Bert") == []
    night.pass_time(10)
    assert len(night.said("Bert", "sms")) == 1


def _fault(*_: object) -> None:
    raise RuntimeError("a fault of ours")


def test_whoever_writes_while_nothing_waits_is_told_that_nobody_reads_it(night: Night) -> None:
    assert night.text("An", "ill tonight, somebody take my turn") == "not_understood"
    (answer,) = night.said("An", "sms")
    assert "nobody reads this" in answer
    assert "+3253123456" in answer


def test_a_telephone_that_answers_by_itself_is_not_answered_for_ever(night: Night) -> None:
    night.report()
    for _ in range(10):
        night.text("An", "I am driving and answer later")
    assert len([text for text in night.said("An", "sms") if "not understood" in text]) == 3


# --- strangers by the thousand


def _most_answers(night: Night) -> int:
    with night.store.read() as session:
        return telling.settings(session).paging.stranger_answers_per_hour


def _strangers(night: Night, count: int) -> int:
    """Let so many unknown numbers write; return how many were answered."""
    numbers = [f"+3247099{night.texts + number:04}" for number in range(count)]
    for number in numbers:
        night.text(number, "who is this")
    return sum(len(night.said(number)) for number in numbers)


def test_strangers_are_answered_up_to_a_number_each_hour_and_then_counted(night: Night):
    most = _most_answers(night)
    assert _strangers(night, most + 5) == most
    with night.store.read() as session:
        assert replies.strangers_not_answered(session) == 5
    night.pass_time(3600)
    assert _strangers(night, 2) == 2


def test_a_code_from_a_strange_number_is_told_to_the_board_however_many_write(night: Night):
    night.report()
    _strangers(night, _most_answers(night))
    assert night.text("+32479999999", night.code("An")) == "strange_code"
    assert night.alarm() == "strange_number"
    assert night.said("+32479999999") == []


# --- words that are true no longer


def _to_leave(night: Night, name: str) -> list[str]:
    """Return the texts to somebody that may still leave."""
    with night.store.read() as session:
        pending = sa.select(Message).where(Message.status == State.PENDING).order_by(Message.id)
        return [
            queue.text_of(session, message)
            for message in session.scalars(pending)
            if queue.address_of(session, message) == NUMBERS[name] and message.kind is Kind.SMS
        ]


def test_nobody_is_told_to_rest_by_a_late_text_who_is_called_again(night: Night) -> None:
    night.report()
    night.pass_time(240)
    night.deliver()
    night.text("An", night.code("An"))
    assert any("You can rest" in text for text in _to_leave(night, "Bert"))
    night.text("An", "NEE")
    assert [text for text in _to_leave(night, "Bert") if "You can rest" in text] == []
    assert any(night.code("Bert") in text for text in _to_leave(night, "Bert"))


def test_nobody_is_told_to_go_by_a_late_text_who_has_given_up(night: Night) -> None:
    night.report()
    night.text("An", night.code("An"))
    assert any("you are going" in text for text in _to_leave(night, "An"))
    night.text("An", "NEE")
    (answer,) = _to_leave(night, "An")
    assert "you cannot" in answer


def test_an_answer_that_did_not_arrive_is_on_the_case(night: Night) -> None:
    night.report()
    night.text("An", night.code("An"))
    with night.store.write() as session:
        uid = session.scalars(sa.select(Message.uid).order_by(Message.id.desc())).first()
        assert uid is not None
        hearing.receipt_in(session, uid, Receipt(State.FAILED, "30008"), night.now)
    with night.store.read() as session:
        incident = session.get_one(Incident, night.incidents[-1])
        told = [line.kind for line in story.timeline(session, incident, "en")]
    assert "failed" in told
