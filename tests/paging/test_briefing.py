"""What is asked before somebody drives: the alert answers what it can, and nothing waits for it."""

import tomllib
from dataclasses import replace

import pytest
import sqlalchemy as sa

from dispatch.incidents import briefing, timeline
from dispatch.incidents.alerts import Contact, Involved, Place
from dispatch.incidents.case_models import Answer, Question
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.settings import shipped
from tests.paging.conftest import ALERT, DORA, Night

CATALOGUE = tomllib.loads((shipped("config") / "catalogue.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("flags", "facts", "told_by", "told"),
    [
        ({"second_officer": True}, {}, "second_officer", True),
        ({"second_officer": False}, {}, "second_officer", False),
        ({}, {}, "second_officer", None),
        ({}, {"persons": [{"role": "wife"}]}, "knows_already", None),
        ({}, {"persons": [{"knows_already": False}, {}]}, "knows_already", False),
        (
            {},
            {"persons": [{"knows_already": False}, {"knows_already": True}]},
            "knows_already",
            True,
        ),
        ({}, {"persons": [{"knows_already": True, "role": "son"}]}, "knows_already", "son"),
        ({}, {"place": {"meeting_point": "church"}}, "meeting_point", "church"),
        ({}, {"place": {}}, "meeting_point", None),
        ({}, {"contact": {"phone": "+3253000000"}}, "call_back", "+3253000000"),
        ({"": True}, {}, "nothing", None),
    ],
)
def test_an_alert_answers_what_it_says(flags, facts, told_by, told):
    assert briefing.tells(flags, facts, told_by) == told


def _known(night: Night) -> dict[str, tuple[object, str]]:
    with night.held() as (session, incident):
        facts = timeline.unseal_json(session, incident, "sealed_facts")
        return {one.key: (one.told, one.words) for one in briefing.asked(session, incident, facts)}


def test_each_kind_asks_its_own_questions_and_answers_are_kept_sealed(night: Night):
    with night.store.write() as session:
        briefing.install(session, CATALOGUE)
        briefing.install(session, CATALOGUE)
    place = replace(ALERT.place, meeting_point="church")
    known = (Involved(knows_already=False),)
    night.report(replace(ALERT, place=place, persons=known, contact=Contact(phone="+3253000000")))
    assert _known(night) == {
        "knows_already": (False, ""),
        "identified": (None, ""),
        "second_officer": (None, ""),
        "magistrate_limits": (None, ""),
        "meeting_point": ("church", ""),
        "call_back": ("+3253000000", ""),
    }
    with night.held() as (session, incident):
        given = {"identified": "by her brother", "call_back": "", "unknown": "x"}
        assert briefing.answer(session, incident, given, DORA, night.now) == 1
        assert briefing.answer(session, incident, given, DORA, night.now) == 0
        given = {"identified": "not yet"}
        assert briefing.answer(session, incident, given, DORA, night.now) == 1
        masked = {one.key: one for one in briefing.asked(session, incident, None)}
        assert (masked["identified"].words, masked["identified"].answered_by) == ("", "Dora")
        assert not masked["identified"].is_open
        kept = session.scalars(sa.select(Answer.sealed_words)).all()
        assert len(kept) == 2
        assert "brother" not in "".join(kept)
        assert incident.status is IncidentStatus.OPEN
    assert _known(night)["identified"] == (None, "not yet")
    assert night.story().count("asked") == 2


def test_a_kind_without_questions_is_asked_the_general_ones(night: Night):
    with night.store.write() as session:
        briefing.install(session, CATALOGUE)
    night.report(replace(ALERT, category="strange", place=Place(postcode="9400")))
    assert list(_known(night)) == [
        "second_officer",
        "magistrate_limits",
        "meeting_point",
        "call_back",
    ]
    with night.store.read() as session:
        incident = session.get_one(Incident, night.incidents[-1])
        assert incident.category_id is None
        for question in session.scalars(sa.select(Question)):
            assert {"nl", "fr", "sv", "da", "en"} <= set(question.names)
