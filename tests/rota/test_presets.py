"""Presets of rules and patterns as they are shipped, and rules from edited rows."""

import json
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dispatch.errors import Invalid
from dispatch.rota import patterns, problem
from dispatch.rota.holidays import calendar
from dispatch.rota.presets import KINDS, combined, in_hours, presets, rules_from
from dispatch.rota.rules import check
from dispatch.settings import shipped
from tests.rota.rules import cases

CONFIG = shipped("config")
LANGUAGES = {"nl", "fr", "sv", "da", "en"}
RULES = presets(CONFIG, "rules")
PATTERNS = presets(CONFIG, "patterns")


def row(kind: str = "rest", weight: int | None = None, **numbers: object) -> dict:
    return {"key": "mine", "kind": kind, "numbers": numbers, "weight": weight}


def only(*rows: dict) -> problem.Rule:
    (found,) = rules_from(rows)
    return found


# --- As shipped.


def test_the_presets_that_a_coordinator_chooses_from():
    assert list(RULES) == ["be-police", "dk", "eu", "none", "se"]
    assert {"week", "day24", "day-night", "after-hours", "socialjour"} <= set(PATTERNS)


@pytest.mark.parametrize("preset", [*RULES.values(), *PATTERNS.values()], ids=lambda p: p.key)
def test_a_preset_has_a_name_in_every_language_and_can_be_kept(preset):
    assert set(preset.names) == LANGUAGES
    assert preset.about == {} or set(preset.about) == LANGUAGES
    assert json.loads(json.dumps(preset.document)) == preset.document


@pytest.mark.parametrize("preset", RULES.values(), ids=lambda p: p.key)
def test_every_rule_of_a_preset_has_a_source(preset):
    rules_from(preset.document["rules"])
    assert all(rule["source"] for rule in preset.document["rules"])
    # What is switched off must be usable too.
    rules_from([{**rule, "off": False} for rule in preset.document["rules"]])


def by_key(preset: str) -> dict[str, problem.Rule]:
    return {rule.key: rule for rule in rules_from(RULES[preset].document["rules"])}


def test_no_law_means_no_rule_but_that_week_turns_are_apart_where_they_can_be():
    (rule,) = by_key("none").values()
    assert (rule.key, rule.weight) == ("week_after_week", 20)


@pytest.mark.parametrize("preset", ["none", "eu", "be-police", "se", "dk"])
def test_a_week_turn_is_not_followed_by_another_where_somebody_else_can_have_it(preset):
    rule = by_key(preset)["week_after_week"]
    weeks = [cases.turn(at, kind="week", tags=frozenset({"week"})) for at in (2, 9, 16)]
    days = [cases.turn(at, kind="day") for at in (3, 4)]
    given = cases.problem([*weeks, *days], [cases.officer()], [rule])
    found = check(given, {(0, 0), (1, 0), (3, 0), (4, 0)})
    assert [one.cost for one in found if one.key == rule.key] == [20]
    assert not [one for one in check(given, {(0, 0), (2, 0)}) if one.key == rule.key]


@pytest.mark.parametrize("preset", ["eu", "be-police", "se", "dk"])
def test_eleven_hours_of_rest_are_hard_in_every_country(preset):
    rest = by_key(preset)["daily_rest"]
    assert isinstance(rest, problem.Rest)
    assert (rest.minutes, rest.weight) == (660, None)


def test_the_week_rests_36_hours_in_sweden_and_standby_breaks_it():
    rule = by_key("se")["weekly_rest"]
    assert isinstance(rule, problem.WeeklyRest)
    assert (rule.minutes, rule.days, rule.standby_interrupts) == (2160, 7, True)


def test_what_was_not_checked_is_no_hard_rule():
    found = by_key("be-police")
    assert found["weekends_a_year"].weight is not None
    assert found["weekends_in_a_row"].weight is not None
    assert "nights_in_a_row" not in found
    assert found["longest_day"].weight is None


@pytest.mark.parametrize("preset", PATTERNS.values(), ids=lambda p: p.key)
def test_a_pattern_preset_fills_a_year_of_every_country(preset):
    pattern = patterns.read(preset.document)
    for country, zone in [
        ("BE", "Europe/Brussels"),
        ("SE", "Europe/Stockholm"),
        ("DK", "Europe/Copenhagen"),
    ]:
        first, last = date(2026, 1, 1), date(2026, 12, 31)
        days = calendar(country, first, date(2027, 1, 10))
        found = patterns.needs(pattern, first, last, zone, days)
        assert bool(found) == (preset.key != "irregular")


def test_the_swedish_jour_and_its_standby_leave_only_office_hours_out():
    pattern = patterns.read(PATTERNS["socialjour"].document)
    first, last = date(2026, 12, 21), date(2026, 12, 27)
    days = calendar("SE", first, date(2027, 1, 10))
    found = patterns.needs(pattern, first, last, "Europe/Stockholm", days)
    monday = datetime(2026, 12, 21, tzinfo=ZoneInfo("Europe/Stockholm"))
    hours = [monday + timedelta(hours=number) for number in range(7 * 24)]
    empty = [at for at in hours if not any(need.starts_at <= at < need.ends_at for need in found)]
    # Christmas Eve is a Thursday: only three days have an office, from 08:00 to 16:00.
    assert [(at.day, at.hour) for at in empty] == [
        (d, h) for d in (21, 22, 23) for h in range(8, 16)
    ]


# --- Rows.


def test_a_row_becomes_a_rule():
    assert only(row(hours=11)) == problem.Rest(key="mine", minutes=660)
    assert only(row(minutes=90, weight=3)) == problem.Rest(key="mine", minutes=90, weight=3)
    assert only(row("limit", of="hours", period=28, most=37.5)) == problem.Limit(
        key="mine", of=problem.Measure.MINUTES, period=28, most=2250
    )
    nights = {"tag": "night", "lines": ["primary"]}
    assert only(row("run", most=3, only=nights, people=[4, 5])) == problem.Run(
        key="mine",
        most=3,
        only=problem.Selection(tag="night", lines=frozenset({"primary"})),
        people=frozenset({4, 5}),
    )
    assert only(row("apart", pair=[1, 2])) == problem.Apart(key="mine", pair=(1, 2))
    assert only(row("mentored", trainee=1, mentors=[2, 3])) == problem.Mentored(
        key="mine", trainee=1, mentors=frozenset({2, 3})
    )


def test_a_row_of_minutes_is_shown_in_hours():
    assert in_hours({"minutes": 660}) == {"hours": 11}
    assert in_hours({"of": "minutes", "most": 2250, "days": 3}) == {
        "of": "hours",
        "most": 37.5,
        "days": 3,
    }
    assert in_hours({"of": "turns", "most": 3}) == {"of": "turns", "most": 3}


def test_what_a_row_leaves_empty_is_as_usual():
    assert only(row(hours=11) | {"source": "", "off": False}).source == ""


def test_a_rule_that_is_switched_off_is_left_out_but_must_be_right():
    assert rules_from([row(hours=11) | {"off": True}]) == ()
    with pytest.raises(Invalid):
        rules_from([row(days=11) | {"off": True}])


def test_a_later_row_stands_for_an_earlier_one_of_its_key():
    preset = [row(hours=11), row(hours=12) | {"key": "other"}]
    own = [row(hours=9) | {"source": "Own decision"}]
    assert [rule.minutes for rule in rules_from(combined(preset, own))] == [540, 720]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (row("nap", hours=11), "mine.kind"),
        (row(), "mine.hours"),
        (row(minutes=-1), "mine.minutes"),
        (row("limit", of="hours", most="many"), "mine.most"),
        (row(hours=11, naps=2), "mine.naps"),
        (row(hours="eleven"), "mine.hours"),
        (row(hours=-1), "mine.hours"),
        (row(hours=11, only={"tags": "night"}), "mine.only.tags"),
        (row(hours=11) | {"wieght": 3}, "mine.wieght"),
        (row(hours=11) | {"weight": -3}, "mine.weight"),
        (row(hours=11) | {"numbers": [11]}, "mine.numbers"),
        (row(hours=11, weight=3) | {"numbers": {"minutes": 9, "weight": 3}}, "mine.numbers"),
        (row("weekly_rest", hours=35, days=1), "mine.hours"),
        (row("weekly_rest", hours=35, days=0), "mine.days"),
        (row("limit", of="naps", most=3), "mine.of"),
        (row("limit", period="fortnight", most=3), "mine.period"),
        (row("limit", period=0, most=3), "mine.period"),
        (row("limit", period=4.5, most=3), "mine.period"),
        (row("limit", period=28), "mine.most"),
        (row("limit", least=4, most=3), "mine.most"),
        (row("run", least=4, most=3), "mine.most"),
        (row("apart", pair=[1, 1]), "mine.pair"),
        (row("apart", pair=[1]), "mine.pair"),
        (row("succession", first="night"), "mine.then"),
        ({"kind": "rest", "numbers": {"hours": 11}}, "0.key"),
        ({}, "0.kind"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_name(given, field):
    with pytest.raises(Invalid) as refused:
        rules_from([given])
    assert field in refused.value.fields


def test_two_rules_of_one_key_are_refused():
    with pytest.raises(Invalid) as refused:
        rules_from([row(hours=11), row(hours=12)])
    assert list(refused.value.fields) == ["mine.key"]


def test_every_fault_of_every_row_is_told():
    with pytest.raises(Invalid) as refused:
        rules_from([row(), row("nap") | {"key": "yours"}])
    assert list(refused.value.fields) == ["mine.hours", "yours.kind"]


def test_every_kind_of_rule_but_one_has_a_word():
    # Which turns are Christmas and which New Year is no number: rota.fairness makes that rule.
    kinds = {kind.__name__ for kind in problem.Rule.__subclasses__()}
    assert kinds - {kind.__name__ for kind in KINDS.values()} == {"NotAll"}
