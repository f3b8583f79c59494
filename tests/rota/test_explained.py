"""Why a period cannot be covered, in a coordinator's words: sentences with names and dates."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from dispatch import texts
from dispatch.rota import explained, kept
from dispatch.rota import problem as p
from dispatch.rota.planner import Reason
from dispatch.rota.planner.counting import counted
from dispatch.rota.planner.cpsat import Solver
from dispatch.rota.planner.explaining import work
from dispatch.rota.sentences import Words
from dispatch.rota.why import reasons_told
from tests.rota.rules.cases import at, problem, turn

WORDS = Words(
    lines={"primary": "First", "backup": "Second"},
    qualifications={"vice": {"en": "sexual offences", "nl": "zedenfeiten"}},
)
HOLDS = (p.Holding("vice", date(2020, 1, 1)),)
TRAINED = (p.SkillNeed("vice"),)
REST = p.Rest(key="rest", minutes=660)


def person(id_: int, name: str, **more: Any) -> p.Officer:
    return p.Officer(id_, name, **more)


def away(first: int, last: int) -> tuple[p.Away, ...]:
    """From the beginning of one day of March to the end of another."""
    return (p.Away(at(first), at(last + 1), "absence"),)


def explained_by(given: p.Problem) -> dict[str, Any]:
    found = work(given, 10.0, Solver(), lambda point, seats: None)
    return explained.document(found, given, WORDS)


def said(kept_ones: Sequence[dict[str, Any]], language: str = "en") -> list[str]:
    sentences = [kept.read(one) for one in kept_ones]
    return [texts.say(language, one.text, **one.facts) for one in sentences]


def gives(way: dict[str, Any]) -> list[str]:
    return said([one["told"] for one in way["gives"]])


@pytest.fixture(scope="module")
def night() -> dict[str, Any]:
    """On the 26th only An and Bert are trained; An is on leave and Bert has the day."""
    turns = [
        turn(26, 8, 16, under=None, skills=TRAINED),
        turn(26, 20, 8, under=None, kind="night", skills=TRAINED),
    ]
    people = [
        person(1, "An Peeters", holds=HOLDS, away=away(23, 29)),
        person(2, "Bert Maes", holds=HOLDS),
        person(3, "Chloé Dubois"),
    ]
    return explained_by(problem(turns, people, [REST]))


def test_leave_a_certificate_and_rest_leave_one_person_for_two_turns(night):
    assert night["possible"] is False
    assert said(night["lacks"][0]) == [
        "First Thu 26 Mar 08:00, First Thu 26 Mar 20:00: trained for sexual offences wanted 2, "
        "possible at most 1.",
        "Nobody but An Peeters, Bert Maes is trained for sexual offences then.",
        "An Peeters is away from Mon 23 Mar to Sun 29 Mar.",
        "Bert Maes would have 4 h of rest where 11 h are due: "
        "First Thu 26 Mar 08:00, First Thu 26 Mar 20:00.",
    ]


def test_the_ways_out_are_ranked_and_each_says_how_it_can_be_taken(night):
    first, second = (gives(way) for way in night["ways"])
    assert first == [
        "Bert Maes would have 4 h of rest where 11 h are due: "
        "First Thu 26 Mar 08:00, First Thu 26 Mar 20:00."
    ]
    assert len(second) == 1
    assert second[0].startswith("An Peeters serves although away: First Thu 26 Mar")
    [rest], [leave] = (way["gives"] for way in night["ways"])
    assert [how["do"] for how in rest["how"]] == ["rule", "off"]
    assert rest["how"][0] | {"key": "rest", "person": 2, "weight": 1000} == rest["how"][0]
    assert [how["do"] for how in leave["how"]] == ["away", "withdraw"]
    assert leave["how"][0]["person"] == 1
    assert leave["how"][0]["turns"][0]["line"] == "primary"
    assert night["proven"] and night["ways"][0]["cost"] < night["ways"][1]["cost"]


def test_ways_out_of_the_first_of_two_conflicts_do_not_speak_for_the_second():
    turns = [turn(day, 8, 16, under=None) for day in (2, 30)]
    people = [person(1, "An Peeters", away=(*away(1, 4), *away(28, 31)))]
    found = explained_by(problem(turns, people, [REST]))
    assert found["ways"]
    assert not found["proven"]
    assert said([found["within"]]) == [
        "These are ways out for Mon 2 Mar to Mon 2 Mar only. "
        "Conflicts on other days that remain: 1."
    ]
    alone = explained_by(problem(turns[:1], people, [REST]))
    assert (alone["proven"], alone["within"]) == (True, None)


@pytest.mark.parametrize("language", ["nl", "fr", "sv", "da"])
def test_an_explanation_is_read_in_every_language(night, language):
    spoken = said(night["lacks"][0], language) + said(
        [one["told"] for way in night["ways"] for one in way["gives"]], language
    )
    assert not set(spoken) & set(said(night["lacks"][0]))
    assert "%(" not in " ".join(spoken)


def test_a_monthly_cap_below_what_is_wanted_is_said_in_numbers():
    turns = [turn(day, under=None) for day in range(2, 12)]
    cap = p.Limit(key="cap", of=p.Measure.DAYS, period="month", most=3)
    people = [person(1, "An Peeters"), person(2, "Bert Maes")]
    found = explained_by(problem(turns, people, [cap]))
    assert said(found["lacks"][0]) == [
        "From Mon 2 Mar to Wed 11 Mar: days wanted 10, possible at most 6.",
        "Each person at most 3 days in a month.",
    ]
    assert {one["how"][0]["key"] for one in found["ways"][0]["gives"]} == {"cap"}


CAP = p.Limit(key="cap", of=p.Measure.DAYS, period="month", most=3)


@pytest.mark.parametrize(
    ("turns", "way"),
    [
        (
            [turn(day, under=None) for day in range(4, 14)],
            "Not kept: Each person at most 3 days in a month.",
        ),
        ([turn(3, under=None, wanted=3)], "One person fewer than wanted: First Tue 3 Mar 08:00."),
    ],
)
def test_where_no_way_could_be_proven_what_was_counted_can_be_tried(turns, way):
    given = problem(turns, [person(1, "An Peeters"), person(2, "Bert Maes")], [CAP])
    found = explained.document(counted(given), given, WORDS)
    assert [(one["cost"], gives(one)) for one in found["ways"]] == [(None, [way])]
    assert not found["proven"]


def test_more_people_are_wanted_than_there_are():
    people = [person(1, "An Peeters"), person(2, "Bert Maes", away=away(3, 3))]
    found = explained_by(problem([turn(3, under=None, wanted=3)], people))
    assert said(found["lacks"][0]) == [
        "First Tue 3 Mar 08:00: people wanted 3, possible at most 1.",
        "Nobody but An Peeters can come.",
        "Bert Maes is away from Tue 3 Mar to Tue 3 Mar.",
    ]
    assert [how["do"] for how in found["ways"][-1]["gives"][0]["how"]][:2] == ["open", "gap"]


def test_nobody_is_proposed_who_is_not_in_the_team_then_or_serves_another():
    gone = (p.Away(at(3), at(4), "other_team"),)
    people = [person(1, "An Peeters", away=gone)]
    found = explained_by(problem([turn(3, under=None)], people))
    assert said(found["lacks"][0])[1:] == [
        "Nobody can come.",
        "An Peeters has a turn in another team then: First Tue 3 Mar 08:00.",
    ]
    assert [[how["do"] for how in one["how"]] for way in found["ways"] for one in way["gives"]] == [
        ["open", "gap"]
    ]


def test_what_counting_does_not_see_is_named_by_the_rule_and_the_people():
    turns = [turn(3, line=line, under=None, over=None) for line in ("primary", "backup")]
    both = frozenset({"primary", "backup"})
    people = [
        person(1, "An Peeters", lines=both),
        person(2, "Bert Maes", lines=both),
        person(3, "Chloé Dubois", lines=frozenset({"other"})),
    ]
    found = explained_by(problem(turns, people, [p.Apart(key="apart", pair=(1, 2)), REST]))
    assert found["smallest"]
    told = said(found["lacks"][0])
    assert told[0] == "Tue 3 Mar: these cannot all hold:"
    assert "An Peeters and Bert Maes never serve at the same time." in told
    assert any(one.startswith("Chloé Dubois does not take this line") for one in told)
    assert gives(found["ways"][0]) == [
        "Not kept: An Peeters and Bert Maes never serve at the same time."
    ]


def test_needs_that_stayed_empty_at_a_price_are_insisted_on_before_it_is_asked_why():
    turns = [turn(3, under=500), turn(4, under=500), turn(5, under=0)]
    given = problem(turns, [person(1, "An Peeters")])
    insisted = explained.insisting(given, {(0, 1)})
    assert insisted is not None
    assert [need.under for need in insisted.needs] == [500, None, 0]
    assert explained.insisting(given, {(0, 1), (1, 1)}) is None
    blocked = replace(given, needs=tuple(replace(n, block="pair") for n in given.needs[:2]))
    insisted = explained.insisting(blocked, {(0, 1)})
    assert insisted is not None and [need.under for need in insisted.needs] == [None, None]


KINDS = {
    "Bert Maes: At most 2 days in a row with a turn.": p.Run(key="k", most=2),
    "Bert Maes: At least 3 days free between turns.": p.FreeRun(key="k", least=3),
    "Bert Maes: At most 1 weekends in a row.": p.WeekendsInARow(key="k", most=1),
    "Bert Maes: Both days of a weekend, or neither.": p.WholeWeekend(key="k"),
    "Bert Maes: No turn of kind day on the day after one of kind night.": p.Succession(
        key="k", first="night", then="day"
    ),
    "Bert Maes: At least 35 h free in one stretch in every 7 days.": p.WeeklyRest(
        key="k", minutes=2100
    ),
    "Bert Maes: Each person at most 48 hours in 7 days.": p.Limit(
        key="k", of=p.Measure.MINUTES, period=7, most=2880
    ),
    "Bert Maes: Each person at most 4 nights in a year.": p.Limit(
        key="k", period="year", most=4, only=p.Selection(tag="night")
    ),
    "Bert Maes: Each person at least 2 turns in this plan.": p.Limit(key="k", least=2),
    "An Peeters and Bert Maes serve only at the same time.": p.Together(key="k", pair=(1, 2)),
    "An Peeters serves only beside one of these: Bert Maes.": p.Mentored(
        key="k", trainee=1, mentors=frozenset({2})
    ),
}


@pytest.mark.parametrize("expected", KINDS)
def test_every_kind_of_rule_is_said_as_a_rule(expected):
    people = [person(1, "An Peeters"), person(2, "Bert Maes")]
    given = problem([turn(3)], people, [KINDS[expected]])
    told = reasons_told([Reason("k", 2, (0,))] * 2, given, WORDS)
    assert [str(one) for one in told] == [expected]
    for language in ("nl", "fr", "sv", "da"):
        assert texts.say(language, told[0].text, **told[0].facts) != expected
