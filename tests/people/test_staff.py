"""People, roles, teams and certificates."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dispatch import audit
from dispatch.errors import Conflict, Invalid, NotFound, Refused
from dispatch.people import accounts, staff
from dispatch.people.access import Right
from dispatch.people.models import Person, Qualification, Role
from tests.people.conftest import ADA, NOW, Cast

TODAY = date(2026, 3, 14)


def actions(cast: Cast) -> list[str]:
    query = sa.select(audit.AuditEntry.action).order_by(audit.AuditEntry.id)
    return list(cast.session.scalars(query))


def in_shared(cast: Cast, person: Person, until_on: date | None = None) -> Person:
    staff.join(cast.session, person, cast.shared, date(2020, 1, 1), until_on, ADA, NOW)
    return person


def test_somebody_begins_with_the_language_of_the_employer(cast: Cast):
    cast.town.language = "fr"
    assert cast.person("Chloé", cast.town).language == "fr"
    assert actions(cast) == ["person.added"]


def test_two_people_never_sign_in_with_one_name(cast: Cast):
    cast.person("An@Zone.example")
    with pytest.raises(Conflict) as refusal:
        cast.person(" an@zone.EXAMPLE ")
    assert "sign_in" in refusal.value.fields


def test_somebody_who_is_only_called_needs_no_name_to_sign_in_with(cast: Cast):
    people = [
        staff.add_person(cast.session, cast.dender, name, actor=ADA, now=NOW)
        for name in ("An", "Bert")
    ]
    assert [person.sign_in for person in people] == [None, None]


def test_what_is_known_of_somebody_is_corrected(cast: Cast):
    an = cast.person("An")
    staff.change_person(
        cast.session,
        an,
        name="An Peeters",
        sign_in="AN",
        language="fr",
        gender="woman",
        languages=["ar"],
        actor=ADA,
        now=NOW,
    )
    assert (an.name, an.sign_in, an.language, an.languages) == ("An Peeters", "an", "fr", ["ar"])


def test_whoever_leaves_can_no_longer_sign_in_and_is_in_no_team_from_today(cast: Cast):
    an = in_shared(cast, cast.person("An"))
    token = accounts.new_session(cast.session, an.id, NOW)
    staff.end_person(cast.session, an, ADA, NOW)
    week = timedelta(days=7)
    assert accounts.session_person(cast.session, token, NOW, week, week) is None
    assert an.memberships[0].until_on == TODAY
    with pytest.raises(Conflict):
        staff.end_person(cast.session, an, ADA, NOW)


def test_whoever_leaves_is_left_out_at_the_instant(cast: Cast):
    an = in_shared(cast, cast.person("An"), until_on=date(2026, 3, 1))
    staff.end_person(cast.session, an, ADA, NOW)
    assert an.left_at == NOW
    assert an.memberships[0].until_on == date(2026, 3, 1)
    staff.return_person(cast.session, an, ADA, NOW)
    assert an.left_at is None


def test_a_role_is_held_in_one_place_once(cast: Cast):
    an = cast.person("An")
    staff.grant(cast.session, an, Role.PLANNER, ADA, NOW, team=cast.shared)
    staff.grant(cast.session, an, Role.PLANNER, ADA, NOW, organisation=cast.dender)
    with pytest.raises(Conflict):
        staff.grant(cast.session, an, Role.PLANNER, ADA, NOW, team=cast.shared)


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.ADMINISTRATOR, Role.PRIVACY_OFFICER])
def test_roles_over_incidents_and_people_are_not_held_in_a_team(cast: Cast, role: Role):
    with pytest.raises(Invalid):
        staff.grant(cast.session, cast.person("An"), role, ADA, NOW, team=cast.shared)


def test_a_role_needs_exactly_one_place(cast: Cast):
    an = cast.person("An")
    with pytest.raises(Invalid):
        staff.grant(cast.session, an, Role.PLANNER, ADA, NOW)
    with pytest.raises(Invalid):
        staff.grant(
            cast.session, an, Role.PLANNER, ADA, NOW, team=cast.shared, organisation=cast.dender
        )


def test_the_last_administrator_of_an_organisation_stays(cast: Cast):
    an, bert = cast.person("An"), cast.person("Bert")
    first = staff.grant(cast.session, an, Role.ADMINISTRATOR, ADA, NOW, organisation=cast.dender)
    with pytest.raises(Conflict):
        staff.revoke(cast.session, first, ADA, NOW)
    staff.grant(cast.session, bert, Role.ADMINISTRATOR, ADA, NOW, organisation=cast.dender)
    staff.revoke(cast.session, first, ADA, NOW)
    assert an.roles == []
    assert actions(cast)[-1] == "role.revoked"


def test_an_administrator_who_left_does_not_count(cast: Cast):
    an, left = cast.person("An"), cast.person("Left")
    held = [
        staff.grant(cast.session, one, Role.ADMINISTRATOR, ADA, NOW, organisation=cast.dender)
        for one in (an, left)
    ]
    staff.end_person(cast.session, left, ADA, NOW)
    with pytest.raises(Conflict):
        staff.revoke(cast.session, held[0], ADA, NOW)


def test_places_in_one_team_do_not_overlap(cast: Cast):
    an = cast.person("An")
    staff.join(cast.session, an, cast.shared, date(2026, 1, 1), date(2026, 1, 31), ADA, NOW)
    staff.join(cast.session, an, cast.shared, date(2026, 2, 1), None, ADA, NOW)
    staff.join(cast.session, an, cast.town_team, date(2026, 1, 1), None, ADA, NOW)
    with pytest.raises(Conflict):
        staff.join(cast.session, an, cast.shared, date(2025, 1, 1), date(2026, 1, 1), ADA, NOW)


def test_days_come_in_order(cast: Cast):
    an = in_shared(cast, cast.person("An"))
    with pytest.raises(Invalid):
        staff.join(cast.session, an, cast.town_team, TODAY, date(2026, 3, 13), ADA, NOW)
    with pytest.raises(Invalid):
        staff.leave(cast.session, an.memberships[0], date(2019, 12, 31), ADA, NOW)
    with pytest.raises(Invalid) as refusal:
        staff.certify(cast.session, an, 1, TODAY, date(2026, 3, 13), ADA, NOW)
    assert "expires_on" in refusal.value.fields
    staff.leave(cast.session, an.memberships[0], TODAY, ADA, NOW)
    assert an.memberships[0].until_on == TODAY


def test_a_certificate_is_written_down_and_revoked(cast: Cast):
    an = cast.person("An")
    training = Qualification(key="deaths", names={})
    cast.session.add(training)
    cast.session.flush()
    proof = staff.certify(cast.session, an, training.id, TODAY, None, ADA, NOW)
    staff.revoke_certificate(cast.session, proof, TODAY, ADA, NOW)
    assert an.certificates == [proof]
    assert proof.revoked_on == TODAY
    assert actions(cast)[-2:] == ["certificate.added", "certificate.revoked"]


# --- who sees whom ---


def test_a_planner_sees_the_people_of_served_zones_and_members_from_elsewhere(cast: Cast):
    viewer = cast.viewer(Role.PLANNER, team=cast.shared)
    cast.person("Bert")
    cast.person("Lena", cast.leie)
    in_shared(cast, cast.person("Guest", cast.town))
    stranger = cast.person("Town", cast.town)
    left = cast.person("Anna left")
    staff.end_person(cast.session, left, ADA, NOW)
    names = [person.name for person in staff.seen_by(cast.session, viewer)]
    assert names == ["Bert", "Guest", "Lena", viewer.name, "Anna left"]
    with pytest.raises(NotFound):
        staff.person_for(cast.session, viewer, stranger.id)


def test_who_may_only_read_is_refused_a_change_and_a_stranger_finds_nothing(cast: Cast):
    an = in_shared(cast, cast.person("An"))
    planner = cast.viewer(Role.PLANNER, team=cast.shared)
    assert staff.person_for(cast.session, planner, an.id) == an
    with pytest.raises(Refused):
        staff.person_for(cast.session, planner, an.id, Right.PHONES_CHANGE)
    stranger = cast.viewer(Role.ADMINISTRATOR, organisation=cast.town)
    for right in (Right.PEOPLE_READ, Right.PEOPLE_CHANGE):
        with pytest.raises(NotFound):
            staff.person_for(cast.session, stranger, an.id, right)
    with pytest.raises(NotFound):
        staff.person_for(cast.session, planner, 999_999)


def test_a_responder_sees_nobody(cast: Cast):
    viewer = cast.viewer(Role.RESPONDER, team=cast.shared)
    assert staff.seen_by(cast.session, viewer) == []
