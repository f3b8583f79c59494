"""What is asked before somebody drives: the alert answers what it can, and nothing waits for it."""

import tomllib
from dataclasses import replace

import pytest
import sqlalchemy as sa

from dispatch.audit import AuditEntry
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import asking, briefing, timeline
from dispatch.incidents.alerts import Contact, Involved, Place
from dispatch.incidents.case_models import Answer, Question
from dispatch.incidents.models import Category, Incident, IncidentStatus
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


def _words(night: Night, place: int = -1) -> list[str]:
    with night.held(night.incidents[place]) as (session, incident):
        return [one.names["en"] for one in briefing.asked(session, incident, {})]


def _change(night: Night, verb, *args: object) -> None:
    with night.store.write() as session:
        kind = session.scalars(sa.select(Category)).one()
        verb(session, kind, *args, DORA, night.now)


def _listed(night: Night) -> list[Question]:
    with night.store.read() as session:
        return list(asking.listed(session, session.scalars(sa.select(Category.id)).one()))


def test_what_is_changed_is_asked_of_what_comes_in_from_then_on(night: Night):
    with night.store.write() as session:
        asking.add(session, None, {"en": "Who is there?"}, "", DORA, night.now)
    night.pass_time(1)
    night.report()
    _change(night, asking.begin)
    night.pass_time(1)
    # What came in before asks what was in force then.
    assert [one.category_id is None for one in _listed(night)] == [False]
    _change(night, asking.add, {"en": "Which door?", "nl": "", "fr": "Quelle porte ?"}, "")
    night.pass_time(1)
    night.report()
    night.pass_time(1)
    _change(night, asking.move, _listed(night)[1].id, True)
    _change(night, asking.change, _listed(night)[0].id, {"en": "Which bell?"}, "meeting_point")
    _change(night, asking.remove, _listed(night)[1].id)
    night.pass_time(1)
    night.report()
    assert [_words(night, place) for place in range(3)] == [
        ["Who is there?"],
        ["Which door?", "Who is there?"],
        ["Which bell?"],
    ]
    assert briefing.words(_listed(night)[0].names, "da") == "Which bell?"
    with night.store.read() as session:
        done = session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)).all()
    kinds = [one.removeprefix("question.") for one in done if one.startswith("question.")]
    assert kinds == ["add", "add", "add", "move", "change", "remove"]


def test_what_was_answered_stays_whatever_the_incident_becomes(night: Night):
    with night.store.write() as session:
        briefing.install(session, CATALOGUE)
    night.report()
    with night.held() as (session, incident):
        given = {"identified": "by her brother"}
        briefing.answer(session, incident, given, DORA, night.now)
        incident.category = incident.category_id = None
        session.flush()
        found = {one.key: one.words for one in briefing.asked(session, incident, {})}
    assert "knows_already" not in found and found["identified"] == "by her brother"


def test_a_question_that_was_changed_since_or_has_no_words_is_not_kept(night: Night):
    _change(night, asking.add, {"en": "Which door?"}, "")
    (one,) = _listed(night)
    with pytest.raises(Invalid):
        _change(night, asking.change, one.id, {"en": ""}, "")
    _change(night, asking.change, one.id, {"en": "Which bell?"}, "")
    for verb, *args in ((asking.change, one.id, {"en": "x"}, ""), (asking.remove, one.id)):
        with pytest.raises(Conflict):
            _change(night, verb, *args)
