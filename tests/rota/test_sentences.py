"""Breaches as sentences: each kind names who, what and when, in the reader's language."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from dispatch import texts
from dispatch.rota import rules, sentences
from dispatch.rota.problem import (
    Apart,
    Away,
    Fair,
    FreeRun,
    Limit,
    Measure,
    Mentored,
    Need,
    NotAll,
    Officer,
    Problem,
    Rest,
    Run,
    SkillNeed,
    Succession,
    Together,
    WeekendsInARow,
    WeeklyRest,
    WholeWeekend,
    Wish,
)
from dispatch.rota.sentences import Words
from dispatch.texts import Sentence

WORDS = Words(
    lines={"primary": "First"},
    qualifications={"bad_news": {"en": "bad news", "nl": "slecht nieuws"}},
)
FRIDAY = date(2026, 12, 25)


def need(number, day, hours=24, **more):
    starts_at = datetime(day.year, day.month, day.day, 16, tzinfo=UTC)
    saturday = day - timedelta(days=day.weekday() - 5)
    return Need(
        number,
        more.pop("line", "primary"),
        more.pop("kind", "day"),
        starts_at,
        starts_at + timedelta(hours=hours),
        (day,),
        hours * 60,
        weekends=frozenset({saturday} if day.weekday() >= 5 else ()),
        **more,
    )


NEEDS = tuple(need(number, FRIDAY + timedelta(days=number)) for number in range(3))
AN, BERT = Officer(1, "An Peeters"), Officer(2, "Bert Maes")
FULL = frozenset({(0, 1), (1, 1), (2, 1)})


def problem(**more):
    basis = Problem(FRIDAY, FRIDAY + timedelta(days=13), "Europe/Brussels", NEEDS, (AN, BERT))
    return replace(basis, **more)


def told(about, seats, key, language="en"):
    found = [breach for breach in rules.check(about, seats) if breach.key == key]
    sentence = sentences.told(found[0], about, WORDS)
    return texts.say(language, sentence.text, **sentence.facts)


def with_need(**more):
    return problem(needs=(replace(NEEDS[0], **more), *NEEDS[1:]))


AT = "First Fri 25 Dec 17:00"
TWO = f"{AT}, First Sat 26 Dec 17:00"
AWAY = replace(AN, away=(Away(NEEDS[0].starts_at, NEEDS[0].ends_at, "other_team"),))
BURDEN = Fair(key="nights", targets={1: 1.25})

CASES = {
    "cover": (problem(), {(1, 1), (2, 1)}, f"{AT}: 0 of 1 people."),
    "skill": (
        with_need(skills=(SkillNeed("bad_news"),)),
        FULL,
        f"{AT}: 0 of 1 trained for bad news.",
    ),
    "away": (
        problem(people=(AWAY, BERT)),
        FULL,
        f"An Peeters has a turn in another team then: {AT}.",
    ),
    "unit": (
        with_need(unit="north"),
        FULL,
        f"{AT} is a turn of north, and An Peeters is not of it.",
    ),
    "line": (
        problem(people=(replace(AN, lines=frozenset({"backup"})),)),
        FULL,
        f"An Peeters does not take this line: {AT}.",
    ),
    "overlap": (
        problem(needs=(NEEDS[0], replace(NEEDS[0], id=1, line="backup"), NEEDS[2])),
        FULL,
        f"An Peeters has two turns at the same time: {AT}, backup Fri 25 Dec 17:00.",
    ),
    "locked": (
        problem(locked={(0, 2): True}),
        FULL,
        f"Bert Maes has a fixed turn that is missing: {AT}.",
    ),
    "wish:w": (
        problem(wishes=(Wish("w", 1, frozenset({0}), False, 10),)),
        FULL,
        f"An Peeters wished not to have this: {AT}.",
    ),
    "stays": (problem(stays={(0, 2): 9}), FULL, f"Bert Maes loses a published turn: {AT}."),
    "fair:nights": (
        problem(fairs=(BURDEN,)),
        FULL,
        "An Peeters has 3 nights where 1.2 would be fair.",
    ),
    "rest": (
        problem(rules=(Rest(key="rest", minutes=690),)),
        FULL,
        f"An Peeters has 0 h of rest where 11.5 h are due: {TWO}.",
    ),
    "weekly": (
        problem(rules=(WeeklyRest(key="weekly", minutes=7 * 1440),)),
        FULL,
        "An Peeters has 79 h free in one stretch where 168 h are due, "
        "from Fri 25 Dec to Thu 31 Dec.",
    ),
    "run": (
        problem(rules=(Run(key="run", most=2),)),
        FULL,
        "An Peeters has turns on 3 days in a row where 2 are allowed, "
        "from Fri 25 Dec to Sun 27 Dec.",
    ),
    "gap": (
        problem(rules=(FreeRun(key="gap", least=3),)),
        {(0, 1), (2, 1)},
        f"An Peeters has 1 days free between turns where 3 are due: {AT}, First Sun 27 Dec 17:00.",
    ),
    "hours": (
        problem(rules=(Limit(key="hours", of=Measure.MINUTES, most=2880),)),
        FULL,
        "An Peeters has 72 hours where 48 are allowed, from Fri 25 Dec to Thu 7 Jan.",
    ),
    "weekends": (
        problem(rules=(WeekendsInARow(key="weekends", most=0),)),
        FULL,
        "An Peeters has 1 weekends in a row where 0 are allowed, from Sat 26 Dec to Sat 26 Dec.",
    ),
    "whole": (
        problem(rules=(WholeWeekend(key="whole"),)),
        {(1, 1)},
        "An Peeters has half a weekend: Sat 26 Dec.",
    ),
    "after": (
        problem(rules=(Succession(key="after", first="day", then="day"),)),
        FULL,
        f"An Peeters has turns that may not follow each other: {TWO}.",
    ),
    "not_all": (
        problem(rules=(NotAll(key="not_all", needs=frozenset({0, 1}), most=1),)),
        FULL,
        f"An Peeters has 2 of these where 1 are allowed: {TWO}.",
    ),
    "apart": (
        problem(rules=(Apart(key="apart", pair=(1, 2)),)),
        FULL | {(0, 2)},
        f"An Peeters and Bert Maes may not serve at the same time: {AT}.",
    ),
    "together": (
        problem(rules=(Together(key="together", pair=(1, 2)),)),
        {(0, 1)},
        f"An Peeters serves without Bert Maes: {AT}.",
    ),
    "mentored": (
        problem(rules=(Mentored(key="mentored", trainee=1, mentors=frozenset({2})),)),
        {(0, 1)},
        f"An Peeters serves without a mentor: {AT}.",
    ),
}


@pytest.mark.parametrize("key", CASES)
def test_a_breach_is_told_with_names_and_dates(key):
    about, seats, expected = CASES[key]
    assert told(about, seats, key) == expected


@pytest.mark.parametrize("language", ["nl", "fr", "sv", "da"])
@pytest.mark.parametrize("key", CASES)
def test_every_breach_is_told_in_every_language(key, language):
    about, seats, expected = CASES[key]
    said = told(about, seats, key, language)
    assert said != expected
    assert "%(" not in said


def test_dates_and_trainings_are_written_as_their_reader_does():
    about, seats, _ = CASES["skill"]
    assert told(about, seats, "skill", "nl") == (
        "First vr 25 dec 17:00: 0 van 1 opgeleid voor slecht nieuws."
    )


def test_a_kind_of_rule_that_has_no_sentence_is_named_by_its_key():
    breach = rules.check(problem(rules=(Rest(key="rest", minutes=690),)), FULL)[0]
    about = problem()
    assert str(sentences.told(breach, about)) == (
        "An Peeters breaks the rule rest: primary Fri 25 Dec 17:00, primary Sat 26 Dec 17:00."
    )


def test_a_line_that_a_fault_names_by_its_key_is_said_by_its_name():
    told = "The turn on line %(line)s on %(day)s lies outside the plan."
    fault = Sentence(told, line="primary", day=FRIDAY)
    assert sentences.in_names(fault, WORDS).startswith("The turn on line First on Fri 25 Dec")
    assert sentences.in_names(fault, Words()) == fault
    assert sentences.in_names("no memory", WORDS) == "no memory"
