"""Who may do what, role by role and right by right."""

import pytest

from dispatch.errors import NotFound, Refused
from dispatch.people import access
from dispatch.people.access import Right
from dispatch.people.models import Role, RoleGrant
from tests.people.conftest import Cast

#: Every role and right; a right added without a decision here fails.
MATRIX = """
                    responder dispatcher planner administrator privacy_officer
incident.read           -         x         -          -             x
incident.open           -         x         -          -             -
incident.handle         -         x         -          -             -
narrative.open          -         x         -          -             x
delivery.read_raw       -         x         -          -             x
board.read              -         x         -          -             -
rota.read               x         x         x          x             -
rota.change             -         -         x          -             -
rota.take_over          -         x         -          -             -
people.read             -         x         x          x             x
people.change           -         -         -          x             -
phones.read             -         x         -          x             -
phones.change           -         -         -          x             -
audit.read              -         -         -          -             x
proof.read              -         x         -          x             x
policy.read             -         x         x          x             -
policy.change           -         -         -          x             -
sheet.send              -         -         -          x             -
administer              -         -         -          x             -
"""


def table() -> list[tuple[Role, Right, bool]]:
    head, *lines = MATRIX.strip().splitlines()
    roles = [Role(word) for word in head.split()]
    rows = [line.split() for line in lines]
    assert {row[0] for row in rows} == {right.value for right in Right}
    assert set(roles) == set(Role)
    return [
        (role, Right(row[0]), mark == "x")
        for row in rows
        for role, mark in zip(roles, row[1:], strict=True)
    ]


@pytest.mark.parametrize(("role", "right", "allowed"), table())
def test_each_role_has_its_rights_and_no_others(role: Role, right: Right, allowed: bool):
    viewer = access.Viewer(
        1, "Ada", "nl", 7, "UTC", (access.Grant(role, frozenset({7}), frozenset({70})),)
    )
    assert viewer.may(right) is allowed
    assert viewer.may(right, organisation_id=7) is allowed
    assert viewer.may(right, team_id=70) is allowed
    assert not viewer.may(right, organisation_id=8)
    assert not viewer.may(right, team_id=80)


def test_a_dispatcher_sees_incidents_of_the_own_zone_only(cast: Cast):
    viewer = cast.viewer(Role.DISPATCHER, organisation=cast.leie)
    assert viewer.organisations(Right.INCIDENT_READ) == {cast.leie.id}
    assert not viewer.may(Right.INCIDENT_READ, cast.dender.id)


def test_a_dispatcher_sees_who_is_on_duty_in_a_team_of_another_zone_that_serves_the_own(cast: Cast):
    viewer = cast.viewer(Role.DISPATCHER, organisation=cast.leie)
    assert viewer.teams(Right.ROTA_READ) == {cast.shared.id}
    assert viewer.may(Right.PHONES_READ, team_id=cast.shared.id)
    assert viewer.may(Right.ROTA_TAKE_OVER, team_id=cast.shared.id)
    assert not viewer.may(Right.ROTA_READ, team_id=cast.town_team.id)


def test_a_planner_of_a_team_sees_people_and_turns_of_every_zone_that_it_serves(cast: Cast):
    viewer = cast.viewer(Role.PLANNER, team=cast.shared)
    assert viewer.organisations(Right.PEOPLE_READ) == {cast.dender.id, cast.leie.id}
    assert viewer.may(Right.ROTA_READ, cast.leie.id)
    assert viewer.teams(Right.ROTA_CHANGE) == {cast.shared.id}


def test_a_planner_sees_no_incident_of_any_of_them(cast: Cast):
    viewer = cast.viewer(Role.PLANNER, team=cast.shared)
    for zone in (cast.dender, cast.leie, cast.town):
        assert not access.may_read_incident(viewer, zone.id, assigned=False)


def test_a_planner_of_the_zone_that_runs_a_team_plans_it_and_one_of_a_served_zone_does_not(
    cast: Cast,
):
    assert cast.viewer(Role.PLANNER, organisation=cast.dender).may(
        Right.ROTA_CHANGE, team_id=cast.shared.id
    )
    guest = cast.viewer(Role.PLANNER, organisation=cast.leie)
    assert guest.may(Right.ROTA_READ, team_id=cast.shared.id)
    assert not guest.may(Right.ROTA_CHANGE, team_id=cast.shared.id)


def test_an_administrator_of_a_served_zone_changes_nobody_of_the_zone_that_runs_the_team(
    cast: Cast,
):
    viewer = cast.viewer(Role.ADMINISTRATOR, organisation=cast.leie)
    assert not viewer.may_person(Right.PEOPLE_CHANGE, cast.dender.id, [cast.shared.id])
    assert not viewer.may_person(Right.ADMINISTER, cast.dender.id, [cast.shared.id])
    assert viewer.may_person(Right.PHONES_READ, cast.dender.id, [cast.shared.id])


def test_a_responder_of_a_team_sees_its_turns_and_no_other_teams(cast: Cast):
    viewer = cast.viewer(Role.RESPONDER, team=cast.shared)
    assert viewer.teams(Right.ROTA_READ) == {cast.shared.id}
    assert viewer.organisations(Right.ROTA_READ) == frozenset()


def test_several_roles_add_up(cast: Cast):
    person = cast.person("Petra")
    cast.session.add_all(
        [
            RoleGrant(person_id=person.id, role=Role.PLANNER, team_id=cast.shared.id),
            RoleGrant(person_id=person.id, role=Role.DISPATCHER, organisation_id=cast.town.id),
        ]
    )
    cast.session.flush()
    viewer = access.viewer_of(cast.session, person)
    assert viewer.roles == {Role.PLANNER, Role.DISPATCHER}
    assert viewer.may(Right.INCIDENT_READ, cast.town.id)
    assert not viewer.may(Right.INCIDENT_READ, cast.dender.id)
    assert viewer.may(Right.ROTA_CHANGE, team_id=cast.shared.id)


def test_a_role_that_names_no_place_holds_nowhere(cast: Cast):
    person = cast.person("Nobody")
    cast.session.add(RoleGrant(person_id=person.id, role=Role.ADMINISTRATOR))
    cast.session.flush()
    viewer = access.viewer_of(cast.session, person)
    assert not any(viewer.may(right) for right in Right)


def test_without_a_role_nothing_is_allowed(cast: Cast):
    viewer = access.viewer_of(cast.session, cast.person("Nobody"))
    assert viewer.grants == ()
    assert not any(viewer.may(right) for right in Right)
    with pytest.raises(Refused):
        viewer.require(Right.PEOPLE_READ)


def test_what_is_another_zones_is_not_found_and_what_is_near_is_refused(cast: Cast):
    viewer = cast.viewer(Role.DISPATCHER, organisation=cast.dender)
    viewer.require(Right.INCIDENT_HANDLE, cast.dender.id)
    with pytest.raises(NotFound):
        viewer.require(Right.INCIDENT_READ, cast.town.id)
    with pytest.raises(Refused):
        viewer.require(Right.ROTA_CHANGE, team_id=cast.shared.id)


def test_an_officer_reads_the_incident_she_goes_for_and_no_other(cast: Cast):
    viewer = cast.viewer(Role.RESPONDER, team=cast.shared)
    assert access.may_read_incident(viewer, cast.leie.id, assigned=True)
    assert not access.may_read_incident(viewer, cast.leie.id, assigned=False)


def test_being_assigned_opens_the_narrative_but_not_the_raw_delivery(cast: Cast):
    viewer = cast.viewer(Role.RESPONDER, team=cast.shared)
    assert access.may_open(viewer, Right.NARRATIVE_OPEN, cast.leie.id, assigned=True)
    assert not access.may_open(viewer, Right.DELIVERY_READ_RAW, cast.leie.id, assigned=True)
    dispatcher = cast.viewer(Role.DISPATCHER, organisation=cast.leie)
    assert access.may_open(dispatcher, Right.DELIVERY_READ_RAW, cast.leie.id, assigned=False)
    assert not access.may_open(dispatcher, Right.NARRATIVE_OPEN, cast.dender.id, assigned=False)


def test_a_viewer_carries_the_zone_in_which_instants_are_shown(cast: Cast):
    viewer = cast.viewer(Role.DISPATCHER, organisation=cast.dender)
    assert (viewer.organisation_id, viewer.time_zone) == (cast.dender.id, "Europe/Brussels")
