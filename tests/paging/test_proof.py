"""The proof of alert: every instant in order, and what a complaint would ask about."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dispatch import audit
from dispatch.channels.contract import Kind, Outcome, Receipt, State
from dispatch.incidents.models import Incident
from dispatch.outbox import queue
from dispatch.outbox.models import Message, Purpose
from dispatch.paging import hearing, pages, proof, proof_gaps, seats, steps
from dispatch.paging.proof import Arrival, Asked, Instant, Proof, Seat, Sent, Try
from dispatch.paging.proof_gaps import Sounded
from dispatch.people.models import Certificate
from tests.centre import NOW
from tests.paging.conftest import DORA, Night

NO_SEAT = ("Nobody has taken a seat.", True)
CARRIERS = {Kind.SMS: ["twilio"], Kind.CALL: ["twilio"]}


def _later(seconds: float):
    return NOW + timedelta(seconds=seconds)


def _send(night: Night, outcome: Outcome) -> None:
    """Let an engine try everything that is due, and the supplier answer 0.4 s later."""
    with night.store.write() as session:
        claimed = queue.claim(session, night.now, 15, 10, CARRIERS)[0]
    night.now += timedelta(seconds=0.4)
    with night.store.write() as session:
        outcomes = [(one, outcome) for one in claimed]
        hearing.settled(session, outcomes, CARRIERS, night.now)


def _receipt(night: Night, kind: Kind, receipt: Receipt) -> None:
    with night.store.write() as session:
        newest = sa.select(Message.uid).where(Message.kind == kind).order_by(Message.id.desc())
        hearing.receipt_in(session, session.scalars(newest).first(), receipt, night.now)


def _told(night: Night, *, words: bool = False) -> Proof:
    with night.store.read() as session:
        incident = session.get_one(Incident, night.incidents[-1])
        read = list(audit.tell(session, f"incident:{incident.reference}"))
        arrivals = [Arrival(NOW, "Control room", 202)]
        return proof.of(session, incident, arrivals, read, "en", words=words)


@pytest.fixture
def told(night: Night) -> Night:
    """Bert's certificate has lapsed; An's text does not arrive, she goes after a call."""
    with night.store.write() as session:
        bert = Certificate.person_id == night.person(session, "Bert")
        session.execute(sa.update(Certificate).where(bert).values(expires_on=date(2026, 3, 1)))
    night.report()
    _send(night, Outcome(State.PENDING, code="http-503"))
    night.pass_time(1)
    _send(night, Outcome(State.SENT, "SM1"))
    night.pass_time(2)
    _receipt(night, Kind.SMS, Receipt(State.FAILED, "30003"))
    night.pass_time(1)
    _send(night, Outcome(State.SENT, "CA1"))
    _receipt(night, Kind.CALL, Receipt(State.DELIVERED, answered=True))
    with night.callout() as (session, callout):
        seats.accept(session, callout.pages[0], DORA, "call", night.now)
    return night


def test_every_instant_stands_in_order_with_its_seconds_since_the_alert(told: Night):
    found = _told(told)
    assert [(round(one.seconds, 1), one.kind) for one in found.instants] == [
        (0.0, "delivery"),
        (0.0, "received"),
        (0.0, "paging"),
        (0.0, "queued"),
        (0.0, "try"),
        (0.4, "answer"),
        (0.4, "queued"),
        (1.4, "try"),
        (1.4, "try"),
        (1.8, "answer"),
        (1.8, "answer"),
        (3.8, "failed"),
    ] + [(round(one.seconds, 1), one.kind) for one in found.instants[12:]]
    texts = {one.kind: one.text for one in found.instants}
    assert texts["delivery"] == "Request from Control room received and kept; answered 202."
    assert texts["seat"] == "An Peeters has seat 1 of 1 of Victim support."
    assert found.instants == sorted(found.instants, key=lambda one: one.at)


def test_each_attempt_is_there_with_what_the_supplier_answered_and_its_id(told: Night):
    an, *_ = _told(told).asked
    text, call = an.messages[:2]
    assert [(one.number, one.supplier, one.answer) for one in text.tries] == [
        (1, "twilio", "not taken yet (http-503)"),
        (2, "twilio", "taken as SM1"),
    ]
    assert (text.kind, text.purpose, text.code) == (Kind.SMS, Purpose.CALLOUT, "30003")
    assert (an.answer, an.seats) == ("accepted", (Seat(1, an.answered_at),))
    assert an.reason.startswith("primary until")
    assert call.kind is Kind.CALL


def test_no_text_and_no_own_words_are_in_it_unless_they_are_opened(told: Night):
    told.text("An", "child ill, but I go")
    for words in (False, True):
        found = _told(told, words=words)
        messages = [one for asked in found.asked for one in asked.messages]
        assert all((one.text is not None) is words for one in messages)
        assert ("child ill" in str(found.instants)) is words


def test_the_gaps_say_what_was_done_instead_and_how_soon(told: Night):
    said = [gap.text for gap in proof_gaps.gaps(_told(told), [])]
    assert "Text to An Peeters took 2 attempts." in said
    failed = "Text to An Peeters did not arrive (the phone is off or out of reach, 30003)"
    assert any(gap.startswith(failed) for gap in said)
    figures = {one.name: one.seconds for one in proof_gaps.figures(_told(told))}
    assert figures["first decision"] == 0
    assert figures["first message sent"] == pytest.approx(1.8)
    assert figures["first opened"] is None


def test_who_gives_the_seat_up_or_is_taken_off_it_has_accepted_before(night: Night):
    night.report()
    night.deliver()
    night.pass_time(40)
    with night.callout() as (session, callout):
        seats.accept(session, callout.pages[0], DORA, "sms", night.now)
    night.pass_time(560)
    with night.callout() as (session, callout):
        seats.decline(session, callout.pages[0], DORA, "sms", night.now)
    an, *_ = _told(night).asked
    left = Seat(1, _later(40), _later(600), "withdrew")
    assert (an.answer, an.answered_at, an.seats) == ("accepted", _later(40), (left,))
    figures = {one.name: one.seconds for one in proof_gaps.figures(_told(night))}
    assert (figures["first answer"], figures["first seat taken"]) == (40, 40)
    gaps = [gap.text for gap in proof_gaps.gaps(_told(night), [])]
    assert "An Peeters gave the seat up after 9 min 20 s." in gaps
    assert "Nobody has taken a seat." not in gaps
    with night.callout() as (session, callout):
        bert = night.someone(session, "Bert")
        going = seats.accept_on_behalf(session, callout, bert, DORA, night.now).assignment
        seats.release(session, going, DORA, night.now + timedelta(seconds=5))
    bert = next(one for one in _told(night).asked if one.seats and one.person.startswith("Bert"))
    assert (bert.answer, bert.seats[0].released_why) == ("accepted", "dispatcher")


def test_who_is_called_again_takes_the_second_seat_by_the_second_page(night: Night):
    night.report()
    with night.callout() as (session, callout):
        seats.accept(session, callout.pages[0], DORA, "sms", night.now)
    night.pass_time(60)
    with night.callout() as (session, callout):
        seats.decline(session, callout.pages[0], DORA, "sms", night.now)
    with night.callout() as (session, callout):
        an = night.someone(session, "An")
        steps.page_chosen(session, callout, an, "Dora", night.now)
    night.pass_time(60)
    with night.callout() as (session, callout):
        seats.accept(session, pages.last_of(callout, an.id), DORA, "sms", night.now)
    taken = [[seat.taken_at for seat in one.seats] for one in _told(night).asked if one.seats]
    assert taken == [[NOW], [_later(120)]]


def test_what_an_engine_that_was_dead_never_sent_is_a_gap(night: Night):
    night.report()
    night.now += timedelta(minutes=11)
    assert ("Text to An Peeters has not left yet.", True) in [
        (gap.text, gap.grave) for gap in proof_gaps.gaps(_told(night), [])
    ]
    with night.callout() as (session, callout):
        an = night.someone(session, "An")
        seats.accept_on_behalf(session, callout, an, DORA, night.now)
    said = {gap.text: gap.grave for gap in proof_gaps.gaps(_told(night), [])}
    assert said["Text to An Peeters had not left after 11 min 00 s, when it was taken back."]


# --- gaps alone ---

SENT = Sent(
    "uid", Kind.SMS, Purpose.CALLOUT, NOW, (), NOW, NOW + timedelta(seconds=2), None, None, "", 0
)
AN = Asked("An", "Support", 1, NOW, "primary", False, None, None, "", None, (), (SENT,))
WENT = replace(AN, answered_at=NOW + timedelta(seconds=9), answer="accepted", seats=(Seat(1, NOW),))
HELD = replace(SENT, sent_at=None, delivered_at=None, status=State.PENDING)
SECOND = NOW + timedelta(seconds=3.2)
CALL = replace(SENT, kind=Kind.CALL, queued_at=SECOND, sent_at=SECOND)


def _of(*asked: Asked, sounded: tuple[Sounded, ...] = ()) -> list[tuple[str, bool]]:
    begun = Instant(NOW, 0, "received", "Alert received.")
    found = Proof("D7K-4QX", NOW, "en", False, asked=list(asked), instants=[begun])
    return [(gap.text, gap.grave) for gap in proof_gaps.gaps(found, sounded)]


def _with(*messages: Sent, asked: Asked = WENT) -> list[tuple[str, bool]]:
    return _of(replace(asked, messages=messages))


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        (_of(WENT), []),
        (
            _with(replace(SENT, code="30003", delivered_at=None, failed_at=_later(2)), CALL),
            [
                (
                    "Text to An did not arrive (the phone is off or out of reach, 30003):"
                    " called 1.2 s later.",
                    False,
                )
            ],
        ),
        (
            _of(WENT, replace(AN, person="Bert", passed_over=True, reason="lapsed")),
            [("Bert was passed over: lapsed.", False)],
        ),
        (
            _with(replace(SENT, sent_at=_later(75))),
            [("Text to An left 1 min 15 s after it was queued.", True)],
        ),
        (_with(HELD), [("Text to An has not left yet.", False)]),
        (_with(HELD, asked=AN), [("Text to An has not left yet.", True), NO_SEAT]),
        (_with(replace(HELD, put_off=True)), []),
        (_with(replace(HELD, status=State.WITHDRAWN, withdrawn_at=_later(9))), []),
        (
            _with(
                replace(
                    HELD,
                    status=State.WITHDRAWN,
                    withdrawn_at=_later(9),
                    tries=(Try(1, "twilio", NOW, _later(8), "unknown", "unclear", ""),),
                )
            ),
            [("Text to An: whether it left is unclear.", False)],
        ),
        (_with(replace(SENT, resent=1)), [("Text to An may have arrived twice.", False)]),
        (
            _with(replace(SENT, delivered_at=None), asked=replace(WENT, answered_at=None)),
            [("Text to An: the supplier has not said whether it arrived.", False)],
        ),
        (
            _of(WENT, replace(AN, person="Bert")),
            [("Bert was reached after 2.0 s and has not answered.", False)],
        ),
        (
            _of(WENT, replace(AN, person="Bert", messages=())),
            [("Bert was chosen, but nothing was sent to them.", True)],
        ),
        (
            _with(
                replace(
                    SENT,
                    tries=(
                        Try(1, "twilio", NOW, None, "", "", ""),
                        Try(2, "twilio", _later(15), _later(16), "sent", "taken", "SM1"),
                    ),
                )
            ),
            [
                ("Text to An: what became of an attempt was never noted.", True),
                ("Text to An took 2 attempts.", False),
            ],
        ),
        (
            _of(WENT, sounded=(Sounded("Ring.", NOW, _later(34), "Dora", None),)),
            [("The console sounded; Dora had seen it after 34.0 s: Ring.", False)],
        ),
        (
            _of(WENT, sounded=(Sounded("Ring.", NOW, None, "", None),)),
            [("The console sounds and nobody has seen it yet: Ring.", True)],
        ),
    ],
)
def test_a_gap_is_told_as_one_would_ask_about_it(gaps, expected):
    assert gaps == expected


def test_a_phone_that_nothing_reached_is_told_with_whoever_was_called_out_instead():
    dead = replace(SENT, code="busy", delivered_at=None, failed_at=_later(3))
    rest = replace(dead, purpose=Purpose.STAND_DOWN, queued_at=_later(60), failed_at=_later(61))
    an = replace(AN, messages=(dead, rest), stood_down_at=_later(60))
    bert = replace(WENT, person="Bert", decided_at=_later(10))
    assert _of(an, bert) == [
        ("Text to An did not arrive (the line was busy): Bert was called out 7.0 s later.", False),
        ("An was not reached.", True),
        ("Text to An (tells that they may rest) did not arrive: the line was busy.", False),
    ]


def test_what_follows_a_call_is_the_next_that_left_or_the_answer_it_came_after():
    call = replace(CALL, code="no-answer", delivered_at=None, failed_at=_later(30))
    answered = "Call to An did not arrive (nobody picked up): they had answered."
    assert _with(SENT, call) == [(answered, False)]
    # The next call had waited in the queue until this one was over: it followed at once.
    queued = replace(call, queued_at=_later(25), sent_at=_later(30), failed_at=_later(50))
    asked = replace(AN, answered_at=_later(45), answer="accepted")
    told = {text for text, _ in _with(call, queued, asked=asked)}
    followed = "Call to An did not arrive (nobody picked up): called 0.0 s later."
    assert any(text.startswith(followed) for text in told)
    assert not any("nothing followed" in text for text in told)


def test_what_fails_again_and_again_is_told_once_with_how_often_and_until_when():
    missed = replace(CALL, code="no-answer", delivered_at=None)
    calls = [
        replace(missed, queued_at=at, sent_at=at, failed_at=at + timedelta(seconds=6))
        for at in (_later(20 * n) for n in range(4))
    ]
    assert _with(*calls, replace(SENT, queued_at=_later(90), sent_at=_later(90))) == [
        (
            "Call to An did not arrive (nobody picked up): called 14.0 s later."
            " So 4 times, last 1 min 06 s after the alert.",
            False,
        )
    ]
    # Nothing followed the last: that is what one would ask about.
    grave = {text for text, is_grave in _with(*calls, asked=AN) if is_grave}
    assert "Call to An did not arrive (nobody picked up): nothing followed." in grave
