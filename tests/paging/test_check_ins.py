"""Whoever takes over is asked whether they are reached; silence is carried on until it is heard."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.channels.contract import Kind
from dispatch.checks import choices, monthly, rounds, stages, telling
from dispatch.checks.models import Check, CheckEnd, CheckKind, Stage
from dispatch.db import Store
from dispatch.outbox.models import Message
from dispatch.paging import calling_in, reached, replies
from dispatch.paging.models import Page
from dispatch.people import phones
from dispatch.people.models import ContactMethod, MethodKind, Role, RoleGrant, Team
from dispatch.rota.models import Cover, Line, Shift
from tests import centre
from tests.paging.conftest import DORA, NUMBERS, Night

HANDOVER = centre.NOW + timedelta(days=4)
PERMANENCE = "+32470123499"


@dataclass
class HandOver:
    """Chloé takes the primary line over from An, who goes on as backup; Bert plans."""

    night: Night

    @property
    def store(self) -> Store:
        return self.night.store

    def at(self, minutes: float) -> None:
        """Let time pass until so long after the hand-over, going round every other minute."""
        end = HANDOVER + timedelta(minutes=minutes)
        while self.night.now < end:
            self.night.now = min(self.night.now + timedelta(minutes=2), end)
            self.go()

    def go(self) -> int:
        return rounds.go(self.store, "engine", self.night.now, reached.engaged)

    def test(self) -> int:
        return monthly.go(self.store, "engine", self.night.now)

    def checks(self, kind: CheckKind = CheckKind.CHECK_IN) -> list[Check]:
        with self.store.read() as session:
            query = sa.select(Check).where(Check.kind == kind).order_by(Check.id)
            return list(session.scalars(query.options(sa.orm.joinedload(Check.person))))

    @property
    def check(self) -> Check:
        (check,) = self.checks()
        return check

    def said(self, name: str, kind: str = "") -> list[str]:
        return [text for text in self.night.said(name, kind) if "REMINDER" not in text]

    def press(self, name: str, digit: str) -> str:
        """Let somebody press a key in the last call to them."""
        with self.store.write() as session:
            numbers = {one.id: one for one in session.scalars(sa.select(Message))}
            calls = [
                one
                for one in numbers.values()
                if one.kind is Kind.CALL and one.person_id == self.night.person(session, name)
            ]
            return replies.key_pressed(session, calls[-1].uid, digit, self.night.now).text


@pytest.fixture
def over(night: Night) -> HandOver:
    with night.store.write() as session:
        for key, name in (("primary", "Chloé"), ("backup", "An")):
            line = session.scalars(sa.select(Line).where(Line.key == key)).one()
            session.add(
                Shift(
                    uid=f"next-{key}",
                    line_id=line.id,
                    person_id=night.person(session, name),
                    starts_at=HANDOVER,
                    ends_at=HANDOVER + timedelta(days=7),
                    changed_at=centre.NOW - timedelta(days=30),
                )
            )
        team = night.cast.team.id
        bert = night.person(session, "Bert")
        session.add(RoleGrant(person_id=bert, role=Role.PLANNER, team_id=team))
    night.now = HANDOVER - timedelta(minutes=34)
    return HandOver(night)


def give_line_a_phone(over: HandOver, key: str = "primary", name: str = "An") -> None:
    with over.store.write() as session:
        line = session.scalars(sa.select(Line).where(Line.key == key)).one()
        an = over.night.someone(session, name)
        method = phones.add_method(session, an, MethodKind.MOBILE, PERMANENCE, DORA, centre.NOW)
        method.line_id = line.id
        phones.verify(session, method, DORA, centre.NOW)
        phones.pass_on(session, method, an, DORA, centre.NOW, confirmed=True)


def page_to(over: HandOver, name: str) -> None:
    """Let the last page be somebody else's."""
    with over.store.write() as session:
        page = session.get_one(Page, over.night.pages()[-1].id)
        page.person_id = over.night.person(session, name)


def line_phone(over: HandOver) -> ContactMethod:
    with over.store.read() as session:
        return session.scalars(
            sa.select(ContactMethod).where(ContactMethod.line_id.is_not(None))
        ).one()


def test_whoever_takes_over_is_asked_once_and_answers(over):
    over.at(-31)
    assert over.checks() == []
    over.at(-25)
    (text,) = over.said("Chloé")
    code = over.check.code
    assert text.startswith(
        "CHECK-IN: Victim support, primary: your turn begins Wed 18 Mar 14:02. "
        f"Answer YES {code}, or NO {code} if you cannot. http"
    )
    assert set(re.findall(r"(?<!\d)\d{3,6}(?!\d)", text.partition("http")[0])) == {code}
    assert over.night.text("Chloé", "yes") == "checked"
    assert over.said("Chloé")[-1] == "CHECK-IN: noted, thank you."
    over.at(10)
    assert (over.check.outcome, over.check.answered_by) == (CheckEnd.ANSWERED, "sms")
    assert over.said("An") == [], "who goes on is not asked"


def test_silence_is_carried_on_until_the_board_and_an_answer_lets_the_outgoing_go(over):
    over.at(-19)
    assert over.said("Chloé", "call") == [
        "Check-in. This is Dispatch for Chloé. Your turn in Victim support begins Wed 18 Mar "
        "14:02. Press 1 if you are on duty. Press 2 if you cannot."
    ]
    assert over.said("An") == []
    over.at(-9)
    call, text = over.said("An", "call")[0], over.said("An", "sms")[0]
    assert call.startswith("Check-in. This is Dispatch for An. Chloé Dubois has not answered.")
    assert text.startswith("CHECK-IN: Victim support, primary: Chloé Dubois has not answered. Stay")
    over.press("An", "1")
    assert over.check.heard_at is not None
    assert over.said("Bert") == []
    over.at(1)
    assert over.said("Bert")[-1].startswith(
        "ROTA: Victim support, primary: Chloé Dubois has not answered the check-in for the turn of "
        "Wed 18 Mar 14:02. Ring them, or let somebody else take the turn. An Peeters was asked to"
    )
    over.at(11)
    assert (over.check.stage, over.check.due_at) == (Stage.BOARD, None)
    over.press("Chloé", "1")
    assert (over.check.outcome, over.check.answered_by) == (CheckEnd.ANSWERED, "call")
    assert over.said("An")[-1] == (
        "CHECK-IN: Victim support, primary: Chloé Dubois is reached. Your turn is over."
    )


def test_a_no_reaches_everybody_at_once(over):
    over.at(-29)
    assert over.night.text("Chloé", f"no {over.check.code}") == "check_refused"
    over.go()
    assert over.check.stage is Stage.BOARD
    assert "answered no to the check-in" in over.said("Bert")[-1]
    assert over.said("An", "sms")[0].startswith("CHECK-IN")
    assert over.said("Chloé", "call") == []


def test_who_said_yes_may_still_fall_ill_before_the_turn(over):
    over.at(-29)
    code = over.check.code
    assert over.night.text("Chloé", "yes") == "checked"
    assert over.night.text("Chloé", f"no {code}") == "check_refused"
    over.go()
    assert (over.check.stage, over.check.outcome) == (Stage.BOARD, None)
    assert "answered no to the check-in" in over.said("Bert")[-1]
    assert over.night.text("Chloé", f"yes {code}") == "checked"
    assert over.check.outcome is CheckEnd.ANSWERED


def test_an_open_page_is_answered_first_and_a_code_of_a_check_never_accepts(over):
    over.at(-29)
    over.night.report()
    page_to(over, "Chloé")
    page, check = over.night.code("Chloé"), over.check.code
    assert (page[0] == "1", check[0] == "1", len(check)) == (False, True, 4)
    assert over.night.text("Chloé", f"yes {check}") == "checked"
    assert over.night.text("Chloé", "yes") == "goes"


def test_a_plain_yes_with_both_open_answers_the_page(over):
    over.at(-29)
    over.night.report()
    page_to(over, "Chloé")
    assert over.night.text("Chloé", "yes") == "goes"
    assert over.check.ended_at is None


def test_who_is_paged_is_left_in_peace_and_who_goes_has_answered(over):
    over.at(-25)
    over.night.report()
    page_to(over, "Chloé")
    over.at(-15)
    assert over.check.stage is Stage.TEXTED
    assert over.night.text("Chloé", "yes") == "goes"
    over.go()
    assert (over.check.outcome, over.check.answered_by) == (CheckEnd.ANSWERED, "callout")


def test_a_case_that_nobody_closed_keeps_nobody_from_being_asked(over):
    over.night.now = HANDOVER - timedelta(hours=15)
    over.night.report()
    page_to(over, "Chloé")
    assert over.night.text("Chloé", "yes") == "goes"
    over.night.now = HANDOVER - timedelta(minutes=30)
    over.go()
    assert over.check.person.name == "Chloé Dubois"


def test_a_turn_that_moved_ends_the_check(over):
    over.at(-9)
    with over.store.write() as session:
        shift = session.scalars(sa.select(Shift).where(Shift.uid == "next-primary")).one()
        session.add(
            Cover(
                uid="cover",
                shift_id=shift.id,
                person_id=over.night.person(session, "Bert"),
                starts_at=shift.starts_at,
                ends_at=shift.ends_at,
                changed_at=over.night.now,
            )
        )
    over.go()
    assert over.check.outcome is CheckEnd.MOVED, "Bert is on duty until then and goes on"
    assert "has the turn no longer" in over.said("An")[-1]


def test_a_second_engine_and_a_crash_ask_nobody_twice(over):
    over.at(-29)
    with over.store.write() as session:
        session.execute(sa.text("DELETE FROM chore_lease"))
    rounds.go(over.store, "another", over.night.now, reached.engaged)
    over.go()
    assert len(over.said("Chloé")) == 1


def test_a_team_may_do_without(over):
    with over.store.write() as session:
        team = session.get_one(Team, over.night.cast.team.id)
        choices.choose(session, team, DORA, over.night.now, check_ins=False)
    over.at(6)
    assert over.checks() == []


def test_a_lines_telephone_changes_hands_and_whoever_has_it_is_asked(over):
    give_line_a_phone(over)
    with over.store.read() as session:
        an = over.night.person(session, "An")
        assert phones.reachable(session, [an])[an][0].id == line_phone(over).id, "tried first"
    over.at(-1)
    assert over.checks() == []
    over.at(1)
    phone = line_phone(over)
    assert (phone.person_id, phone.held_at) == (over.check.person_id, None)
    (text,) = over.said(PERMANENCE, "sms")
    assert "the turn of Chloé has begun. Do you have this telephone, Chloé?" in text
    with over.store.read() as session:
        chloe = over.check.person_id
        _, lines = phones.reachable(session, [chloe])[chloe]
        assert lines.id == phone.id, "tried last until they say that they have it"
    assert over.night.text("Chloé", "yes") != "checked", "not from the telephone that was asked"
    assert over.night.text(PERMANENCE, "yes") == "checked"
    assert line_phone(over).held_at == over.night.now
    with over.store.read() as session:
        assert phones.reachable(session, [chloe])[chloe][0].id == phone.id


def test_a_call_from_a_lines_telephone_hears_what_it_was_paged_for_before_it_changed_hands(over):
    give_line_a_phone(over)
    over.at(-1)
    over.night.report()
    code = over.night.pages()[-1].code
    over.at(1)
    with over.store.write() as session:
        held = calling_in.known(session, PERMANENCE, over.night.now)
        turn = calling_in.begin(session, held, over.night.now)
        assert "Press 1 if you go" in turn.text
        for keys, said in (("1", "Key the code"), (code, "You are going")):
            turn = calling_in.go_on(session, held, turn.then, keys, over.night.now)
            assert said in turn.text


def test_who_goes_on_is_asked_only_for_the_telephone_that_they_take_over(over):
    give_line_a_phone(over, "backup", "Bert")
    over.at(1)
    assert [one.person.name for one in over.checks()] == ["Chloé Dubois", "An Peeters"]
    assert "Do you have this telephone, An?" in over.said(PERMANENCE, "sms")[0]


def test_a_telephone_that_texts_reach_but_cannot_answer_is_marked_until_it_does(over):
    over.at(-29)
    over.night.deliver()
    over.at(-19)
    over.press("Chloé", "1")

    def mute() -> bool:
        with over.store.read() as session:
            (method,) = phones.by_number(session, NUMBERS["Chloé"])
            return method.mute_at is not None

    assert mute()
    over.night.text("Chloé", "ok")
    assert not mute()


def test_a_turn_is_reminded_of_once_the_day_before(over):
    over.night.now = HANDOVER - timedelta(hours=24, minutes=2)
    over.go()
    assert over.checks(CheckKind.REMINDER) == []
    for _ in range(3):
        over.night.now += timedelta(minutes=2)
        over.go()
    assert over.night.said("Chloé") == [
        "REMINDER: Victim support, primary: your turn is from Wed 18 Mar 14:02 to Wed 25 Mar "
        "14:02. http://127.0.0.1:8000/turns"
    ]
    assert over.night.said("An") == [], "whose duty goes on"


def test_a_reminder_goes_by_mail_to_whoever_prefers_it_and_gets_mail(over):
    with over.store.write() as session:
        chloe, team = over.night.someone(session, "Chloé"), over.night.cast.team
        address = "chloe@zone.example"
        method = phones.add_method(session, chloe, MethodKind.MAIL, address, DORA, centre.NOW)
        phones.verify(session, method, DORA, centre.NOW)
        held, span = session.info["settings"], (HANDOVER, HANDOVER + timedelta(days=7))
        for host in ("mail.example", ""):
            session.info["settings"] = replace(held, mail=replace(held.mail, host=host))
            begun = stages.begin(
                session, CheckKind.REMINDER, host, chloe.id, team, span, centre.NOW
            )
            telling.remind(session, begun, by_mail=True, until=HANDOVER, now=centre.NOW)
        kinds = session.scalars(sa.select(Message.kind).order_by(Message.id)).all()
    assert kinds == [Kind.MAIL, Kind.SMS]


def test_who_was_off_duty_for_a_month_is_tested_by_day_and_named_if_silent(over):
    over.night.now = centre.NOW + timedelta(days=60)  # a Wednesday, 15:02 there
    over.test()
    assert [one.person.name for one in over.checks(CheckKind.TEST)] == [
        "An Peeters",
        "Bert Maes",
        "Chloé Dubois",
    ]
    (text,) = over.said("Chloé")
    assert text.startswith("TEST: no call-out. Answer YES 1")
    assert over.night.text("Chloé", "ok") == "checked"
    for minutes in (31, 62):
        over.night.now = centre.NOW + timedelta(days=60, minutes=minutes)
        over.go()
    an, _, chloe = over.checks(CheckKind.TEST)
    assert (an.outcome, chloe.outcome) == (CheckEnd.UNANSWERED, CheckEnd.ANSWERED)
    assert over.said("An", "call")[0].startswith("Test. This is Dispatch for An. There is no call")
    assert any("An Peeters did not answer the monthly test" in one for one in over.said("Bert"))
    assert not any("Chloé Dubois did not" in one for one in over.said("Bert"))
    over.night.now += timedelta(days=1)
    assert over.test() == 0, "not again within a month"


def test_a_test_in_a_team_without_lines_keeps_nobody_else_from_being_asked(over):
    with over.store.write() as session:
        new = Team(
            key="new", name="New", organisation_id=over.night.cast.organisation.id, function="x"
        )
        session.add(new)
        session.flush()
        chloe = over.night.someone(session, "Chloé")
        method = phones.methods(session, chloe)[0]
        monthly.test_own(session, method, new, over.night.now)
    over.at(-25)
    assert over.check.stage is Stage.TEXTED
