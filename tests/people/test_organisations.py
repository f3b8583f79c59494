"""Organisations, their areas and teams: what is refused, whoever adds them."""

import pytest

from dispatch.errors import Conflict, Invalid
from dispatch.people import organisations
from dispatch.people.models import OrganisationKind
from tests.people.conftest import ADA, NOW, Cast


def add_zone(cast: Cast, key: str, country: str = "BE", phone: str = "053 12 34 56"):
    return organisations.add_organisation(
        cast.session,
        key,
        "Zone",
        OrganisationKind.POLICE_ZONE,
        country=country,
        time_zone="Europe/Brussels",
        language="nl",
        control_room_phone=phone,
        actor=ADA,
        now=NOW,
    )


def test_a_key_is_given_once(cast: Cast):
    with pytest.raises(Conflict, match="dender is taken by another organisation"):
        add_zone(cast, "dender")
    with pytest.raises(Conflict, match="shared is taken by another team"):
        organisations.add_team(cast.session, cast.dender, "shared", "X", "x", ADA, NOW)


def test_the_control_room_s_number_is_read_as_its_country_writes_it(cast: Cast):
    assert add_zone(cast, "ninove").control_room_phone == "+3253123456"
    with pytest.raises(Invalid):
        add_zone(cast, "aalst", phone="112")


def test_the_same_postcodes_of_two_countries_are_different_places(cast: Cast):
    lund = add_zone(cast, "lund", "SE", "08 465 004 05")
    for zone in (cast.dender, lund):
        organisations.add_area(cast.session, zone, "2200", "2299", "", ADA, NOW)
    with pytest.raises(Conflict, match="2250 to 2250 belong to dender"):
        organisations.add_area(cast.session, cast.leie, "2250", "2250", "", ADA, NOW)


def test_a_team_that_serves_an_organisation_serves_it_once(cast: Cast):
    organisations.serve(cast.session, cast.shared, cast.leie, ADA, NOW)
    organisations.serve(cast.session, cast.shared, cast.town, ADA, NOW)
    assert len(cast.shared.services) == 3
