"""By which ways somebody is tried: the policy's, bent to the person's own rules."""

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from dispatch import seal
from dispatch.channels.contract import Kind, Receipt, State
from dispatch.errors import Invalid
from dispatch.incidents import handling
from dispatch.incidents.models import IncidentStatus
from dispatch.outbox.models import Message
from dispatch.paging import callouts, hearing, reaching, replies, seats, telling
from dispatch.paging.models import Page, PageStatus
from dispatch.paging.reaching import Rule
from dispatch.paging.seats import Taken
from dispatch.people import phones
from dispatch.people.models import MethodKind, Person
from dispatch.people.phones import Method
from tests.centre import ADA, NOW
from tests.paging.conftest import ALERT, NUMBERS, Night

AN = NUMBERS["An"]

#: Ten in the evening in Brussels.
AT = datetime(2026, 3, 14, 21, 0, tzinfo=UTC)
USUAL = (("sms", 0.0), ("call", 20.0), ("call", 90.0))
ALL = tuple(MethodKind)
KEYS = {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
    "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}
DAY = {"begins": time(8), "ends": time(22)}


def _tried(
    *rules: Rule, kinds: tuple[MethodKind, ...] = ALL, priority: int = 3, planned=USUAL, at=AT
) -> list[tuple[str, float]]:
    person = Person(called_by=[reaching._row(rule) for rule in rules])
    methods = [
        Method(number, person, kind, "", "", "", texts=kind is MethodKind.MOBILE)
        for number, kind in enumerate(kinds)
    ]
    found = reaching.attempts(planned, methods, priority, at, "Europe/Brussels")
    return [(channel, (when - at).total_seconds()) for channel, when in found]


MOBILE = (MethodKind.MOBILE,)
BOTH = (*MOBILE, *MOBILE)


@pytest.mark.parametrize(
    ("rules", "priority", "kinds", "expected"),
    [
        ((), 1, MOBILE, [("sms", 0), ("call", 20), ("call", 90)]),
        # The landline last, and only beside a mobile.
        ((), 1, ALL, [("sms", 0), ("call", 20), ("call", 90), ("landline", 160)]),
        ((), 1, (MethodKind.LANDLINE,), [("call", 0), ("call", 70)]),
        # A second mobile follows the first within its step, each way once.
        (
            (),
            1,
            (*BOTH, MethodKind.LANDLINE),
            [
                ("sms", 0),
                ("call", 20),
                ("sms_second", 20),
                ("call_second", 50),
                ("call", 90),
                ("landline", 160),
            ],
        ),
        ((), 1, (*BOTH, *MOBILE), _tried(kinds=BOTH, priority=1)),
        (
            (Rule(3, ("call", "sms")),),
            3,
            BOTH,
            [("call", 0), ("sms", 20), ("call_second", 30), ("call", 90), ("sms_second", 90)],
        ),
        ((Rule(3, ("sms",)),), 3, BOTH, [("sms", 0), ("sms_second", 60)]),
        ((Rule(3, (), **DAY),), 3, BOTH, [("sms", 0), ("sms_second", 60)]),
        # In the person's own order, each at the instant that the policy has for it.
        (
            (Rule(3, ("push", "sms", "call")),),
            3,
            ALL,
            [("push", 0), ("sms", 20), ("call", 90), ("call", 160), ("landline", 230)],
        ),
        ((Rule(3, ("call", "sms")),), 3, MOBILE, [("call", 0), ("sms", 20), ("call", 90)]),
        # What is left out is not tried, what one does not have neither.
        ((Rule(3, ("push", "mail")),), 3, ALL, [("push", 0), ("mail", 20)]),
        ((Rule(3, ("push", "sms")),), 3, MOBILE, [("sms", 0)]),
        # A rule that would leave nothing counts for nothing.
        ((Rule(3, ("push",)),), 3, MOBILE, [("sms", 0), ("call", 20), ("call", 90)]),
        # Of another priority.
        ((Rule(2, ("push",)),), 3, MOBILE, [("sms", 0), ("call", 20), ("call", 90)]),
        # It is ten: no ringing any more, on no telephone.
        ((Rule(3, ("push", "call"), **DAY),), 3, ALL, [("push", 0)]),
        ((Rule(3, (), **DAY),), 3, ALL, [("sms", 0)]),
        ((Rule(3, ("call",), **DAY),), 3, ALL, _tried()),
        # For priority 1 text and call stay, at the policy's instants; the rest comes beside them.
        (
            (Rule(1, ("push", "call"), **DAY),),
            1,
            ALL,
            [("call", 0), ("push", 0), ("sms", 20), ("call", 90), ("landline", 160)],
        ),
        (
            (Rule(1, ("mail",), **DAY),),
            1,
            (*MOBILE, MethodKind.MAIL),
            [("sms", 0), ("mail", 0), ("call", 20), ("call", 90)],
        ),
    ],
)
def test_ways_follow_the_persons_own_rule(rules, priority, kinds, expected) -> None:
    assert _tried(*rules, kinds=kinds, priority=priority) == expected


def test_policy_may_name_mail_and_notice_itself() -> None:
    planned = (("push", 0.0), ("sms", 0.0), ("mail", 30.0), ("call", 60.0))
    assert _tried(planned=planned, kinds=(*MOBILE, MethodKind.PUSH)) == [
        ("push", 0),
        ("sms", 0),
        ("call", 60),
    ]


def test_landline_waits_for_the_second_mobile_too() -> None:
    planned = (("sms", 0.0), ("call", 20.0))
    assert _tried(planned=planned, kinds=(*BOTH, MethodKind.LANDLINE))[-2:] == [
        ("call_second", 50),
        ("landline", 70),
    ]


def test_it_may_ring_again_when_the_hours_begin() -> None:
    rule, morning = Rule(3, ("push", "call"), **DAY), AT + timedelta(hours=11)
    assert [channel for channel, _ in _tried(rule, at=morning)] == [
        "push",
        "call",
        "call",
        "landline",
    ]


_ways = st.lists(st.sampled_from(reaching.OFFERED), unique=True).map(tuple)
_offsets = st.lists(st.tuples(st.sampled_from(reaching.OFFERED), st.integers(0, 500)), min_size=1)


@given(_ways, st.booleans(), _offsets, st.sets(st.sampled_from(ALL), min_size=1))
def test_nothing_keeps_priority_one_from_waking(order, quiet, planned, kinds) -> None:
    planned = sorted(
        ((channel, float(after)) for channel, after in planned), key=lambda one: one[1]
    )
    chosen = tuple(kinds)
    without = _tried(kinds=chosen, priority=1, planned=planned)
    tried = _tried(
        Rule(1, order, **(DAY if quiet else {})), kinds=chosen, priority=1, planned=planned
    )
    for way in ("sms", "call", "landline"):
        assert [one for one, _ in tried].count(way) >= [one for one, _ in without].count(way)
    waking = [[when for one, when in found if one in ("sms", "call")] for found in (without, tried)]
    if waking[0]:
        assert waking[1] and min(waking[1]) <= min(waking[0])
        assert len(waking[1]) >= len(waking[0])


@given(_ways, st.booleans(), st.integers(1, 3), st.sets(st.sampled_from(ALL), min_size=1))
def test_somebody_with_any_way_at_all_is_tried_at_once(order, quiet, priority, kinds) -> None:
    rule = Rule(priority, order, **(DAY if quiet else {}))
    tried = _tried(rule, kinds=tuple(kinds), priority=priority)
    if MethodKind.MOBILE in kinds or MethodKind.LANDLINE in kinds:
        assert tried[0][1] == 0
        assert [when for _, when in tried] == sorted(when for _, when in tried)
        assert all(way in ("sms", "call", "landline", "mail", "push") for way, _ in tried)


def _owns(night: Night, kind: MethodKind, address: str) -> None:
    with night.store.write() as session:
        an = night.someone(session, "An")
        phones.verify(session, phones.add_method(session, an, kind, address, ADA, NOW), ADA, NOW)


def test_mail_pages_its_link_answers_and_opening_it_is_the_receipt(night: Night) -> None:
    _owns(night, MethodKind.MAIL, "an@zone.example")
    with night.store.write() as session:
        rules = [Rule(1, ("mail",), **DAY)]
        reaching.store(session, night.someone(session, "An"), rules, ADA, NOW)
    night.report()
    [mail] = night.said("an@zone.example", "mail")
    assert night.said("An", "sms")
    page = night.pages("An")[0]
    with night.store.write() as session:
        token = telling.link_token(session, session.get_one(Page, page.id))
        assert token in mail
        replies.opened(session, seats.locked_page(session, page.id), night.now)
    assert night.pages("An")[0].status is PageStatus.DELIVERED
    with night.store.write() as session:
        _, taken = replies.answer_link(session, token, True, night.now)
    assert taken is Taken.GOES


def test_notice_that_fails_brings_the_next_way_forward(night: Night) -> None:
    browser = json.dumps({"endpoint": "https://fcm.googleapis.com/1", "keys": KEYS})
    _owns(night, MethodKind.PUSH, browser)
    with night.store.write() as session:
        rules = [Rule(3, ("push", "sms"))]
        reaching.store(session, night.someone(session, "An"), rules, ADA, NOW)
    night.report(replace(ALERT, priority=3))
    assert not night.said("An")
    with night.store.write() as session:
        [uid] = session.scalars(sa.select(Message.uid).where(Message.kind == Kind.PUSH))
        gone = Receipt(State.FAILED, code="gone", permanent=True)
        hearing.receipt_in(session, uid, gone, night.now)
    assert night.said("An", "sms")


def test_landline_rings_once_the_mobile_has_not_answered(night: Night) -> None:
    _owns(night, MethodKind.LANDLINE, "+3253210101")
    night.report()
    night.pass_time(150)
    assert len(night.said("An", "call")) == 2 and not night.said("+3253210101")
    night.pass_time(15)
    assert len(night.said("+3253210101", "call")) == 1


SECOND = "+32470999999"


def _own_mobiles(night: Night) -> str:
    """Give An a second mobile and report; return the id of the text to the first."""
    _owns(night, MethodKind.MOBILE, SECOND)
    night.report()
    with night.store.read() as session:
        return session.scalars(sa.select(Message.uid)).one()


def _hears(night: Night, uid: str, receipt: Receipt) -> None:
    with night.store.write() as session:
        hearing.receipt_in(session, uid, receipt, night.now)


def _last_call(night: Night, number: str) -> str:
    with night.store.read() as session:
        query = sa.select(Message.uid).where(Message.kind == Kind.CALL)
        query = query.where(Message.fingerprint == seal.fingerprint(session, number))
        return session.scalars(query.order_by(Message.id.desc())).first() or ""


def test_second_mobile_is_tried_where_the_first_has_not_answered(night: Night) -> None:
    _own_mobiles(night)
    night.deliver()
    night.pass_time(19)
    assert not night.said(SECOND)
    night.pass_time(1)
    assert (len(night.said("An", "call")), len(night.said(SECOND, "sms"))) == (1, 1)
    _hears(night, _last_call(night, AN), Receipt(State.SENT))
    night.pass_time(10)
    assert not night.said(SECOND, "call")
    # It has rung: nobody waits for what is left of the thirty seconds.
    _hears(night, _last_call(night, AN), Receipt(State.FAILED, code="no-answer"))
    assert len(night.said(SECOND, "call")) == 1
    night.pass_time(200)
    assert (len(night.said("An", "call")), len(night.said(SECOND))) == (2, 2)
    assert night.text(SECOND, "yes") == "goes"


def test_whoever_was_called_on_two_mobiles_is_told_on_both(night: Night) -> None:
    _own_mobiles(night)
    night.deliver()
    night.pass_time(55)
    night.deliver()
    night.text("An", "no")
    night.pass_time(240)
    night.deliver()
    assert night.text("An", f"yes {night.code('An')}") == "goes"
    with night.held() as (session, incident):
        handling.end_incident(session, incident, IncidentStatus.CANCELLED, ADA, night.now)
        callouts.advance(session, incident, night.now)
    for number in ("An", SECOND):
        assert "CANCELLED" in night.said(number, "sms")[-1]
    # One call, to the one that was reached last.
    assert "cancelled" in night.said(SECOND, "call")[-1].lower()
    assert not any("cancelled" in one.lower() for one in night.said("An", "call"))


def test_text_that_fails_is_followed_by_both_the_second_mobile_and_a_call(night: Night) -> None:
    gone = Receipt(State.FAILED, code="30005", permanent=True)
    _hears(night, _own_mobiles(night), gone)
    assert len(night.said(SECOND, "sms")) == 1
    # The first does not exist any more: what was to ring there rings here.
    assert (len(night.said("An", "call")), len(night.said(SECOND, "call"))) == (0, 1)


def test_way_that_was_blocked_meanwhile_keeps_nobody_waiting(night: Night) -> None:
    with night.store.write() as session:
        reaching.store(session, night.someone(session, "An"), [Rule(1, ("call", "sms"))], ADA, NOW)
    night.report()
    with night.store.write() as session:
        phones.block(session, seal.fingerprint(session, AN), night.now)
    night.pass_time(20)
    assert len(night.said("An", "call")) == 2


def test_what_follows_a_failure_is_due_at_once() -> None:
    later = [AT + timedelta(seconds=n) for n in (20, 50, 90, 160)]
    left = list(zip(("call", "call_second", "call", "landline"), later, strict=True))
    assert reaching.hurried(left, "sms", AT) == [("call", AT), *left[1:]]
    assert reaching.hurried(left[1:], "call", AT) == [("call_second", AT), *left[2:]]
    assert reaching.hurried(left[2:3], "call", AT) == left[2:3]
    both = [("mail", later[0]), ("sms_second", later[1]), ("call", later[2])]
    assert reaching.hurried(both, "sms", AT) == [(way, AT) for way, _ in both]


def test_a_rule_that_cannot_be_is_named_with_its_field(night: Night) -> None:
    with night.store.write() as session:
        an = night.someone(session, "An")
        for rule, field in (
            (Rule(2, ("sms", "sms")), "way_2_0"),
            (Rule(3, (), time(8), time(8)), "begins_3"),
            (Rule(3, (), time(8), None), "begins_3"),
        ):
            with pytest.raises(Invalid) as refused:
                reaching.store(session, an, [rule], ADA, NOW)
            assert list(refused.value.fields) == [field]


def test_text_that_fails_is_followed_by_the_call_though_a_mail_beside_it_left(night: Night) -> None:
    _owns(night, MethodKind.MAIL, "an@zone.example")
    with night.store.write() as session:
        reaching.store(session, night.someone(session, "An"), [Rule(1, ("mail",))], ADA, NOW)
    night.report()
    with night.store.write() as session:
        kinds = dict(session.execute(sa.select(Message.kind, Message.uid)).all())
        hearing.receipt_in(session, kinds[Kind.MAIL], Receipt(State.SENT), night.now)
        hearing.receipt_in(session, kinds[Kind.SMS], Receipt(State.FAILED), night.now)
    assert night.said("An", "call")
