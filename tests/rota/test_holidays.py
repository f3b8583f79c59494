"""Days that matter: Belgium by community, Sweden's eves, Denmark, own days, and a frozen list."""

from datetime import date

import pytest

from dispatch.errors import Invalid
from dispatch.rota.holidays import Calendar, Day, Kind, calendar, communities


def year(country: str, number: int = 2026, **more):
    return calendar(country, date(number, 1, 1), date(number, 12, 31), **more)


def of_kind(found: Calendar, kind: Kind) -> list[date]:
    return [day.on for day in found.days if day.kind is kind]


def test_belgium_has_twelve_public_holidays_in_its_languages():
    assert len(of_kind(year("BE"), Kind.PUBLIC_HOLIDAY)) == 12
    assert year("BE").names(date(2026, 7, 21)) == ("Nationale feestdag",)
    assert year("BE", language="fr").names(date(2026, 7, 21)) == ("Fête nationale",)
    assert year("BE", language="en").names(date(2026, 7, 21)) == ("National Day",)
    assert year("BE", language="sv").names(date(2026, 7, 21)) == ("Nationale feestdag",)


def test_belgian_school_holidays_differ_by_community():
    flemish = of_kind(year("BE", community="flemish"), Kind.SCHOOL_HOLIDAY)
    french = of_kind(year("BE", community="french"), Kind.SCHOOL_HOLIDAY)
    assert [day in flemish for day in (date(2026, 2, 16), date(2026, 2, 23))] == [True, False]
    assert [day in french for day in (date(2026, 2, 16), date(2026, 2, 23))] == [True, True]
    assert of_kind(year("BE"), Kind.SCHOOL_HOLIDAY) == []


def test_a_holiday_in_a_school_holiday_is_both():
    christmas = year("BE", community="flemish").tags(date(2026, 12, 25))
    assert christmas == {"public_holiday", "school_holiday"}


def test_sweden_keeps_three_eves():
    found = year("SE")
    assert of_kind(found, Kind.EVE) == [date(2026, 6, 19), date(2026, 12, 24), date(2026, 12, 31)]
    assert len(of_kind(found, Kind.PUBLIC_HOLIDAY)) == 13
    assert found.tags(date(2026, 4, 30)) == {"optional"}
    assert found.tags(date(2026, 3, 1)) == frozenset()


def test_denmark_lost_a_holiday_and_keeps_two_eves():
    assert len(of_kind(year("DK"), Kind.PUBLIC_HOLIDAY)) == 10
    assert len(of_kind(year("DK", 2023), Kind.PUBLIC_HOLIDAY)) == 11
    assert of_kind(year("DK"), Kind.EVE) == [date(2026, 12, 24), date(2026, 12, 31)]
    assert of_kind(year("DK"), Kind.OPTIONAL) == [date(2026, 5, 1), date(2026, 6, 5)]


def test_an_organisation_adds_and_removes_days():
    own = [
        Day(date(2026, 7, 11), Kind.PUBLIC_HOLIDAY, "Feest van de Vlaamse Gemeenschap"),
        Day(date(2026, 5, 1), Kind.PUBLIC_HOLIDAY, "Own name"),
        Day(date(2027, 7, 11), Kind.PUBLIC_HOLIDAY, "Another year"),
    ]
    removed = {(date(2026, 8, 15), "public_holiday"), (date(2026, 11, 11), "eve")}
    found = year("BE", added=own, removed=removed)
    assert "public_holiday" in found.tags(date(2026, 7, 11))
    assert found.names(date(2026, 5, 1)) == ("Own name",)
    assert found.tags(date(2026, 8, 15)) == frozenset()
    assert "public_holiday" in found.tags(date(2026, 11, 11))
    assert {day.on.year for day in found.days} == {2026}
    assert list(found.days) == sorted(found.days)


def test_a_frozen_calendar_comes_back_as_it_was():
    found = year("SE")
    assert Calendar.thawed(found.frozen()) == found
    assert found.frozen()[0] == ["2026-01-01", "public_holiday", "Nyårsdagen"]


def test_a_period_over_new_year_has_both_years():
    found = calendar("BE", date(2026, 12, 25), date(2027, 1, 1))
    assert of_kind(found, Kind.PUBLIC_HOLIDAY) == [date(2026, 12, 25), date(2027, 1, 1)]


def test_communities_are_offered_where_the_library_knows_them():
    assert communities("BE") == ("flemish", "french", "german")
    assert communities("SE") == ()


def test_an_unknown_country_or_community_is_named():
    with pytest.raises(Invalid) as refused:
        year("Belgium")
    assert list(refused.value.fields) == ["country"]
    with pytest.raises(Invalid) as refused:
        year("BE", community="walloon")
    assert "flemish, french, german" in refused.value.fields["community"]
    with pytest.raises(Invalid):
        year("SE", community="flemish")
