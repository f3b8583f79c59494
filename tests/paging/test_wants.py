"""Who wanted what: a restatement touches what the alert wanted, and nothing a person decided."""

from dataclasses import replace

import sqlalchemy as sa

from dispatch.incidents.alerts import Alert, AlertType, Place
from dispatch.incidents.models import Category, CategoryWant, Want
from dispatch.incidents.wanting import Wanted
from dispatch.paging import callouts, preview, seats
from dispatch.paging.preview import Draft
from dispatch.people.models import Team
from tests.paging.conftest import ALERT, DORA, Night, ask, second_team

MOVED = replace(ALERT, type=AlertType.UPDATE, place=Place(postcode="9401"))
THEFT = Alert(AlertType.UPDATE, category="theft")


def _stand_down(night: Night, team: str) -> None:
    with night.callout(team) as (session, callout):
        seats.stand_down(session, callout, DORA, night.now)


def _wanted(night: Night) -> dict[str, tuple[int, bool, str]]:
    """People of each team, whether they are wanted still, and who decided so."""
    with night.store.read() as session:
        wants = session.scalars(sa.select(Want).where(Want.incident_id == night.incidents[-1]))
        return {
            want.team.key: (want.people, want.ended_at is None, want.wanted_by) for want in wants
        }


def test_team_that_a_dispatcher_added_stays_wanted(night: Night) -> None:
    second_team(night)
    night.report()
    ask(night, "jour", 1)
    night.change(MOVED)
    assert _wanted(night) == {"support": (1, True, ""), "jour": (1, True, "Dora")}
    assert night.status() == ["paging", "paging"]


def test_number_that_a_dispatcher_asked_for_stays(night: Night) -> None:
    night.report()
    ask(night, "support", 2)
    night.change(MOVED)
    assert _wanted(night) == {"support": (3, True, "Dora")}


def test_alert_may_want_more_than_a_dispatcher_asked_for(night: Night) -> None:
    second_team(night, people=4)
    night.report()
    ask(night, "jour", 2)
    night.change(THEFT)
    assert _wanted(night)["jour"] == (4, True, "Dora")


def test_team_that_was_stood_down_is_not_revived(night: Night) -> None:
    night.report()
    _stand_down(night, "support")
    night.change(MOVED)
    assert _wanted(night) == {"support": (1, False, "Dora")}
    assert night.status() == ["cancelled"]


def test_what_only_the_alert_wanted_is_restated(night: Night) -> None:
    second_team(night)
    night.report()
    night.change(THEFT)
    assert _wanted(night) == {"support": (1, False, ""), "jour": (1, True, "")}


def test_whoever_was_chosen_by_hand_is_paged_again_when_the_report_changes(night: Night) -> None:
    night.report()
    with night.callout() as (session, callout):
        callouts.page_person(session, callout, night.someone(session, "Chloé"), DORA, night.now)
        callouts.advance(session, callout.incident, night.now)
    night.change(MOVED)
    assert len(night.said("Chloé", "sms")) == 2
    assert night.pages("Chloé")[-1].reason == {"kind": "by_hand", "by": "Dora"} | {
        "holds": {"en": "death notification"}
    }
    assert night.text("Chloé", night.code("Chloé")) == "goes"


def test_as_many_are_called_at_once_as_are_wanted_and_have_a_turn(night: Night) -> None:
    with night.store.write() as session:
        session.scalars(sa.select(CategoryWant)).one().people = 3
        kind = session.scalars(sa.select(Category)).one()
        wanted = [Wanted(session.get_one(Team, night.cast.team.id), 3, 1)]
        (foreseen,) = preview.foresee(session, wanted, Draft(1, kind), night.now)
    night.report()
    night.deliver()
    assert [page.person.name for page in night.pages()] == ["An Peeters", "Bert Maes"]
    at_once = [one.name for one in foreseen.foreseen if one.after_seconds == 0]
    assert at_once == ["An Peeters", "Bert Maes"]
    # The control room is rung when its step has come, and not before.
    assert "ringing_control_room" not in night.story()
    assert night.text("An", f"yes {night.code('An')}") == "goes"
    night.pass_time(479)
    assert "ringing_control_room" not in night.story()
    night.pass_time(1)
    assert "ringing_control_room" in night.story()
