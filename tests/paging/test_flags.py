"""Teams and people that a flag of the report wants, and which of several teams an hour wants."""

import pytest
import sqlalchemy as sa

from dispatch.incidents import wanting
from dispatch.incidents.alerts import Alert, AlertType, Place
from dispatch.incidents.models import FlagWant, Incident
from dispatch.incidents.wanting import Wanted
from dispatch.paging import seats
from dispatch.people import hours
from dispatch.people.models import Service, Team
from tests.centre import NOW
from tests.paging.conftest import DORA, Night, second_team

CHILDREN = {"children_present": True}
OFFICE = [[day, "08:30", "17:00"] for day in range(5)]
AFTER = [[day, "17:00", "08:30"] for day in range(5)] + [
    [5, "08:30", "08:30"],
    [6, "08:30", "08:30"],
]


def _crash(flags: dict[str, bool], kind: AlertType = AlertType.ALERT) -> Alert:
    return Alert(kind, category="fatal_crash", place=Place(postcode="9400"), flags=flags)


def _flag(night: Night, flag: str, function: str, people: int = 1) -> None:
    with night.store.write() as session:
        session.add(FlagWant(flag=flag, function=function, people=people))


def _wants(night: Night) -> dict[str, int]:
    with night.store.read() as session:
        incident = session.get_one(Incident, night.incidents[-1])
        return {want.team.key: want.people for want in incident.wants if not want.ended_at}


def test_children_bring_the_social_team_and_each_callout_runs_on_its_own(night: Night):
    second_team(night)
    _flag(night, "children_present", "social")
    night.report(_crash(CHILDREN))
    assert _wants(night) == {"support": 1, "jour": 1}
    assert "flag_wants" in night.story()
    night.text("An", f"JA {night.code('An')}")
    assert night.status() == ["accepted", "paging"]


@pytest.mark.parametrize("flags", [{}, {"children_present": False}, {"suspect_at_large": True}])
def test_without_the_flag_nobody_else_is_wanted(night: Night, flags: dict[str, bool]):
    second_team(night)
    _flag(night, "children_present", "social")
    _flag(night, "suspect_at_large", "social", people=0)
    night.report(_crash(flags))
    assert _wants(night) == {"support": 1}


def test_a_flag_wants_more_people_of_the_team_that_goes_and_keeps_the_training(night: Night):
    _flag(night, "second_officer", "victim_support", people=2)
    night.report(_crash({"second_officer": True}))
    assert _wants(night) == {"support": 2}
    with night.store.read() as session:
        assert session.get_one(Incident, night.incidents[-1]).wants[0].qualification_id is not None


def test_a_flag_that_comes_later_adds_a_team_although_somebody_goes(night: Night):
    second_team(night)
    _flag(night, "children_present", "social")
    night.report(_crash({}))
    night.text("An", f"JA {night.code('An')}")
    night.change(Alert(AlertType.UPDATE, flags=CHILDREN))
    assert night.status() == ["accepted", "paging"]
    assert [page.person.name for page in night.pages("Chloé")] == ["Chloé Dubois"]

    with night.callout("jour") as (session, callout):
        seats.stand_down(session, callout, DORA, night.now)
    night.change(Alert(AlertType.UPDATE, flags=CHILDREN))
    assert night.status() == ["accepted", "cancelled"]


def test_an_update_that_says_nothing_of_children_keeps_the_team_that_they_brought(night: Night):
    second_team(night)
    _flag(night, "children_present", "social")
    night.report(_crash(CHILDREN))
    night.change(Alert(AlertType.UPDATE, place=Place(address="Graanmarkt 12")))
    assert _wants(night) == {"support": 1, "jour": 1}


def test_two_that_want_the_same_team_want_the_larger_number():
    one, two = Team(id=1), Team(id=2)
    first = [Wanted(one, 1, 7), Wanted(two, 3)]
    more = [Wanted(one, 2, None, flag="second_officer"), Wanted(two, 1, flag="children_present")]
    found = wanting.together(first, more)
    assert [(w.team.id, w.people, w.qualification_id, w.flag) for w in found] == [
        (1, 2, 7, "second_officer"),
        (2, 3, None, ""),
    ]


@pytest.mark.parametrize(
    ("all_hours", "called"),
    [
        ([[], []], 0),
        # NOW is a Saturday afternoon.
        ([OFFICE, AFTER], 1),
        ([AFTER, OFFICE], 0),
        ([[], AFTER], 1),
        ([OFFICE, []], 1),
        ([OFFICE, OFFICE], 0),
    ],
)
def test_of_several_teams_the_one_is_called_whose_hours_it_is_in(all_hours, called):
    teams = [Team(time_zone="Europe/Brussels", hours=one) for one in all_hours]
    assert hours.to_call(teams, NOW) is teams[called]


def test_the_night_team_is_called_at_night_instead_of_the_day_team(night: Night):
    with night.store.write() as session:
        home = night.cast.organisation.id
        session.execute(sa.update(Team).values(hours=OFFICE))
        team = Team(
            key="late", name="Late", organisation_id=home, function="victim_support", hours=AFTER
        )
        session.add_all([team, Service(team=team, organisation_id=home)])
    night.report(_crash({}))
    assert _wants(night) == {"late": 1}
