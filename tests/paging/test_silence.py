"""Silence after a yes asks a dispatcher, states come by text, and all is well or somebody knows."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from dispatch.incidents.models import Category
from dispatch.paging import clocks, seats, silence
from dispatch.paging.models import UNFINISHED, Assignment, AssignmentStatus
from dispatch.paging.silence import Waits, look_at
from dispatch.people.models import Organisation
from tests.centre import NOW
from tests.paging.conftest import DORA, Night, ask

ACCEPTED, ON_THE_WAY, ON_SCENE = UNFINISHED
_15, _60 = timedelta(minutes=15), timedelta(minutes=60)


@pytest.mark.parametrize(
    ("status", "expected", "agreed", "welfare", "after"),
    [
        (ACCEPTED, None, None, None, 15),
        (ACCEPTED, 10, None, None, 15),
        (ACCEPTED, 40, None, None, 40),
        (ACCEPTED, None, 90, None, 90),
        (ON_THE_WAY, None, None, None, 60),
        (ON_THE_WAY, 25, None, None, 40),
        (ON_THE_WAY, -5, None, None, 15),
        (ON_SCENE, None, None, None, None),
        (ON_SCENE, None, None, 60, 60),
        (AssignmentStatus.DONE, None, None, 60, None),
        (AssignmentStatus.RELEASED, None, None, 60, None),
    ],
)
def test_when_somebody_is_asked_after(status, expected, agreed, welfare, after):
    at = {n: NOW + timedelta(minutes=n) for n in (expected, agreed, after) if n is not None}
    waits = Waits(_15, timedelta(minutes=welfare) if welfare else None)
    found = look_at(status, NOW, at.get(expected), at.get(agreed), waits)
    assert found == at.get(after)


@given(
    status=st.sampled_from(UNFINISHED),
    expected=st.none() | st.timedeltas(timedelta(hours=-9), timedelta(hours=9)),
)
def test_whoever_goes_is_asked_after_and_never_at_once(status, expected):
    found = look_at(status, NOW, NOW + expected if expected else None, None, Waits(_15, _60))
    assert found is not None and found >= NOW + _15


def _goes(night: Night, words: str = "JA") -> str:
    night.report()
    code = night.code("An")
    night.text("An", f"{words} {code}")
    return code


def _seat(night: Night) -> Assignment:
    with night.store.read() as session:
        return session.scalars(sa.select(Assignment).order_by(Assignment.id)).first()


def test_silence_after_a_yes_asks_the_dispatcher_and_replaces_nobody(night: Night):
    code = _goes(night)
    night.pass_time(899)
    assert night.alarms() == []
    night.pass_time(1)
    assert night.alarms() == ["silent"] and night.status() == ["accepted"]
    night.see("silent")
    night.pass_time(899)
    assert night.alarms() == []
    night.pass_time(1)
    assert night.alarms() == ["silent"]
    assert {page.person.name for page in night.pages()} == {"An Peeters"}

    assert night.text("An", f"OPWEG {code}") == "on_the_way"
    assert night.alarms() == [] and night.status() == ["on_the_way"]


def test_the_dispatcher_keys_what_was_said_and_nothing_is_asked_any_more(night: Night):
    _goes(night)
    night.pass_time(900)
    with night.callout() as (session, callout):
        seats.move_on(session, callout.assignments[0], AssignmentStatus.DONE, DORA, night.now)
    assert night.alarms() == []
    night.pass_time(24 * 3600)
    assert night.alarms() == []


def test_a_kind_of_incident_has_minutes_of_its_own(night: Night):
    with night.store.write() as session:
        session.execute(sa.update(Category).values(silent_minutes=3))
    _goes(night)
    night.pass_time(180)
    assert night.alarms() == ["silent"]


def test_states_come_by_text_in_order_and_are_answered(night: Night):
    code = _goes(night)
    assert f"Then text ON THE WAY {code}, ON SCENE {code}, DONE {code}." in night.said("An")[-1]
    # Nobody is done who never left: a dispatcher reads it.
    assert night.text("An", f"klaar {code}") == "own_words"
    assert night.text("An", "on my way") == "on_the_way"
    assert ": noted: ON THE WAY." in night.said("An")[-1]
    assert night.text("An", f"ter plaatse {code}") == "on_scene"
    assert night.text("An", f"OPWEG {code}") == "on_the_way"
    assert night.status() == ["on_scene"]
    assert night.text("An", f"FÆRDIG {code}") == "done"
    assert night.status() == ["done"]


def test_on_the_way_with_the_code_is_a_yes_and_there_is_none(night: Night):
    night.report()
    assert night.text("An", f"ter plaatse {night.code('An')}") == "own_words"
    assert night.status() == ["paging"]
    assert night.text("An", f"opweg {night.code('An')} 25") == "goes"
    assert night.status() == ["on_the_way"]
    assert _seat(night).expected_at == night.now + timedelta(minutes=25)


def test_whoever_should_be_there_is_asked_after(night: Night):
    _goes(night, "JA in 25 min")
    night.text("An", "onderweg")
    night.pass_time(25 * 60 + 899)
    assert night.alarms() == []
    night.pass_time(1)
    assert night.alarms() == ["not_there"]


def _on_scene(night: Night, minutes: int = 60, priority: int = 3) -> str:
    with night.store.write() as session:
        home = session.get_one(Organisation, night.cast.organisation.id)
        home.welfare_minutes, home.welfare_priority = minutes, priority
    code = _goes(night)
    night.text("An", f"ter plaatse {code}")
    return code


def test_nobody_is_asked_how_they_are_unless_the_organisation_chose_so(night: Night):
    _on_scene(night, 0)
    night.pass_time(24 * 3600)
    assert "welfare_asked" not in night.story()


def test_whoever_is_on_scene_is_asked_and_a_yes_begins_the_wait_anew(night: Night):
    code = _on_scene(night)
    night.pass_time(3600)
    assert night.said("An")[-1].startswith("CALL-OUT")
    assert f"is all well with you? YES {code} / NO {code}." in night.said("An")[-1]
    assert night.text("An", "alles goed") == "well"
    assert night.alarms() == [] and night.status() == ["on_scene"]
    night.pass_time(3599)
    assert night.story().count("welfare_asked") == 1
    night.pass_time(1)
    assert night.story().count("welfare_asked") == 2


def test_no_answer_to_all_well_sounds_until_somebody_has_spoken_to_them(night: Night):
    _on_scene(night)
    night.pass_time(3600 + 300)
    assert night.alarms() == ["welfare"]
    night.see()
    assert night.alarms() == ["welfare"]
    with night.callout() as (session, callout):
        silence.spoken_to(session, callout.assignments[0], DORA, night.now)
    assert night.alarms() == [] and _seat(night).ask_at == night.now + _60


def test_a_no_to_all_well_is_a_cry_for_help_and_never_gives_up_the_seat(night: Night):
    code = _on_scene(night)
    night.pass_time(3600)
    assert night.text("An", f"NEE {code}") == "not_well"
    assert night.status() == ["on_scene"]
    assert night.alarms() == ["not_well"] and "A dispatcher rings you" in night.said("An")[-1]


def test_a_text_about_the_state_does_not_confirm_a_cancellation(night: Night):
    code = _goes(night)
    with night.callout() as (session, callout):
        seats.stand_down(session, callout, DORA, night.now)
    assert night.text("An", f"opweg {code}") == "own_words"
    assert "cancel_unconfirmed" in night.alarms()


def test_whoever_goes_is_asked_after_while_another_is_still_sought(night: Night):
    night.report()
    ask(night, "support", 1)
    night.text("An", f"JA {night.code('An')}")
    night.pass_time(900)
    assert "silent" in night.alarms() and night.status()[0] in ("paging", "unanswered")


def test_a_clock_that_is_set_back_makes_nobody_wait_longer_for_a_question(night: Night):
    _goes(night)
    night.pass_time(600)
    night.now -= timedelta(hours=1)
    with night.store.write() as session:
        clocks.set_back(session, timedelta(hours=1), night.now)
    night.pass_time(301)
    assert night.alarms() == ["silent"]
