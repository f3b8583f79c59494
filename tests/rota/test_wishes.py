"""Wishes: a fair budget for everybody, and what is refused."""

from datetime import date

import pytest

from dispatch.errors import Conflict, Invalid, NotFound
from dispatch.people import access
from dispatch.rota import rights, terms, wishes
from dispatch.rota.models import WishPeriod


@pytest.fixture
def now(zone):
    return zone.at("2026-03-10 09:00")


def wish(zone, now, who="An", first="2026-04-01", last=None, points=5, **more):
    days = date.fromisoformat(first), date.fromisoformat(last or first)
    wanted = more.pop("wanted", False)
    person = zone.people[who]
    return wishes.wish(
        zone.session, zone.team, person, wanted, *days, points, zone.planner, now, **more
    )


def refused(action, *fields):
    with pytest.raises(Invalid) as found:
        action()
    assert tuple(found.value.fields) == fields
    return str(found.value)


def test_a_wish_stands_until_it_is_taken_back(zone, now):
    row = wish(zone, now, kind="night")
    days = date(2026, 4, 1), date(2026, 4, 30)
    assert wishes.standing(zone.session, zone.team, *days) == [row]
    wishes.withdraw(zone.session, row, zone.planner, now)
    assert wishes.standing(zone.session, zone.team, *days) == []
    with pytest.raises(Conflict):
        wishes.withdraw(zone.session, row, zone.planner, now)
    assert zone.actions() == ["wish.made", "wish.withdrawn"]


def test_everybody_has_the_same_points_in_a_period_and_may_spend_them_as_they_like(zone, now):
    wish(zone, now, points=15)
    told = refused(lambda: wish(zone, now, first="2026-06-30", points=6), "points")
    assert told == "5 of 20 points are left from Wed 1 Apr to Tue 30 Jun."
    wish(zone, now, first="2026-07-01", points=20)
    wish(zone, now, who="Bert", points=20)


def test_points_come_back_with_the_wish(zone, now):
    row = wish(zone, now, points=20)
    wishes.withdraw(zone.session, row, zone.planner, now)
    assert wishes.budget(zone.session, zone.team, zone.people["An"], date(2026, 4, 1)).left == 20


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (WishPeriod.MONTH, date(2026, 12, 1), date(2026, 12, 31)),
        (WishPeriod.QUARTER, date(2026, 10, 1), date(2026, 12, 31)),
        (WishPeriod.YEAR, date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_the_organisation_chooses_period_and_points(zone, now, period, first, last):
    terms.choose(zone.session, zone.team, zone.planner, now, wish_period=period, wish_budget=7)
    found = wishes.budget(zone.session, zone.team, zone.people["An"], date(2026, 12, 24))
    assert (found.first_on, found.last_on, found.points) == (first, last, 7)


def test_a_wish_that_cannot_be_is_refused_by_field(zone, now):
    refused(lambda: wish(zone, now, first="2026-04-02", last="2026-04-01"), "last_on")
    refused(lambda: wish(zone, now, first="2026-04-01", last="2026-05-02"), "last_on")
    refused(lambda: wish(zone, now, first="2026-03-09"), "last_on")
    refused(lambda: wish(zone, now, points=0), "points")


def test_who_is_no_member_then_cannot_wish(zone, now):
    refused(lambda: wish(zone, zone.at("2019-01-01"), first="2019-02-01"), "person")


def test_a_wish_is_seen_by_its_owner_and_by_planners(zone, now):
    row = wish(zone, now)
    chloe = access.viewer_of(zone.session, zone.plans("Chloé"))
    assert rights.wish_for(zone.session, chloe, row.id) is row
    an, bert = (access.viewer_of(zone.session, zone.people[name]) for name in ("An", "Bert"))
    assert rights.wish_for(zone.session, an, row.id) is row
    with pytest.raises(NotFound):
        rights.wish_for(zone.session, bert, row.id)
