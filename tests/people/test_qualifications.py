"""Who is trained, day by day."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.people.models import Certificate, Membership, Person, Qualification
from dispatch.people.qualifications import Reason, Standing, holders, standing, valid_on
from tests.people.conftest import Cast

DAY = date(2026, 3, 14)
YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)
LONG_AGO = date(2020, 1, 1)


@pytest.mark.parametrize(
    ("issued_on", "expires_on", "revoked_on", "valid"),
    [
        (LONG_AGO, None, None, True),
        (DAY, None, None, True),
        (TOMORROW, None, None, False),
        (LONG_AGO, DAY, None, True),
        (LONG_AGO, YESTERDAY, None, False),
        (DAY, DAY, None, True),
        (LONG_AGO, None, DAY, False),
        (LONG_AGO, None, TOMORROW, True),
        (LONG_AGO, YESTERDAY, TOMORROW, False),
    ],
)
def test_a_certificate_counts_on_both_its_days_and_not_from_its_revocation(
    issued_on: date, expires_on: date | None, revoked_on: date | None, valid: bool
):
    certificate = Certificate(issued_on=issued_on, expires_on=expires_on, revoked_on=revoked_on)
    assert valid_on(certificate, DAY) is valid


days = st.dates(date(2025, 1, 1), date(2027, 1, 1))


@given(days, st.none() | days, st.none() | days, days)
def test_validity_agrees_with_counting_the_days(
    issued_on: date, expires_on: date | None, revoked_on: date | None, day: date
):
    certificate = Certificate(issued_on=issued_on, expires_on=expires_on, revoked_on=revoked_on)
    last = min(
        expires_on or date(2028, 1, 1),
        revoked_on - timedelta(days=1) if revoked_on else date(2028, 1, 1),
    )
    covered = {issued_on + timedelta(days=n) for n in range((last - issued_on).days + 1)}
    assert valid_on(certificate, day) is (day in covered)


def trained(cast: Cast, person: Person, *certificates: Certificate) -> int:
    qualification = Qualification(key="deaths", names={"en": "deaths"})
    cast.session.add(qualification)
    cast.session.flush()
    for certificate in certificates:
        certificate.qualification_id = qualification.id
        person.certificates.append(certificate)
    cast.session.flush()
    return qualification.id


@pytest.mark.parametrize(
    ("certificates", "expected"),
    [
        ([], Standing(False, Reason.NONE)),
        ([(LONG_AGO, None, None)], Standing(True, Reason.HELD)),
        ([(LONG_AGO, TOMORROW, None)], Standing(True, Reason.HELD, TOMORROW, 1)),
        ([(LONG_AGO, YESTERDAY, None)], Standing(False, Reason.LAPSED, YESTERDAY)),
        ([(LONG_AGO, None, YESTERDAY)], Standing(False, Reason.REVOKED, YESTERDAY)),
        ([(TOMORROW, None, None)], Standing(False, Reason.NOT_YET, TOMORROW)),
        # The renewed one counts, whichever comes first.
        (
            [(LONG_AGO, YESTERDAY, None), (YESTERDAY, date(2031, 3, 13), None)],
            Standing(True, Reason.HELD, date(2031, 3, 13), 1825),
        ),
        (
            [(LONG_AGO, None, None), (LONG_AGO, TOMORROW, None)],
            Standing(True, Reason.HELD),
        ),
        # Of two that do not count, the later says why.
        (
            [(LONG_AGO, date(2022, 1, 1), None), (LONG_AGO, YESTERDAY, None)],
            Standing(False, Reason.LAPSED, YESTERDAY),
        ),
    ],
)
def test_the_best_of_several_certificates_says_how_somebody_stands(
    cast: Cast, certificates: list[tuple[date, date | None, date | None]], expected: Standing
):
    person = cast.person("An")
    rows = [
        Certificate(issued_on=issued, expires_on=expires, revoked_on=revoked)
        for issued, expires, revoked in certificates
    ]
    qualification_id = trained(cast, person, *rows)
    assert standing(cast.session, [person.id], qualification_id, DAY) == {person.id: expected}


def test_standing_asks_once_for_everybody(cast: Cast, queries: list[str]):
    people = [cast.person(f"Officer {number}") for number in range(20)]
    qualification_id = trained(cast, people[0], Certificate(issued_on=LONG_AGO))
    queries.clear()
    found = standing(cast.session, [person.id for person in people], qualification_id, DAY)
    assert [person_id for person_id, one in found.items() if one.valid] == [people[0].id]
    assert len(queries) == 1


def test_facts_keep_the_reason_for_the_timeline():
    assert Standing(False, Reason.LAPSED, YESTERDAY).facts == {
        "qualification": "lapsed",
        "on": "2026-03-13",
    }
    assert Standing(True, Reason.HELD, TOMORROW, 1).facts["days_left"] == 1


def test_holders_are_the_trained_members_of_that_day(cast: Cast):
    people = {name: cast.person(name) for name in ("Zoë", "An", "Left", "Was", "Untrained", "Town")}
    qualification_id = trained(cast, people["An"], Certificate(issued_on=LONG_AGO))
    for name in ("Zoë", "Left", "Was", "Town"):
        people[name].certificates.append(
            Certificate(qualification_id=qualification_id, issued_on=LONG_AGO)
        )
    for name, person in people.items():
        team = cast.town_team if name == "Town" else cast.shared
        until_on = YESTERDAY if name == "Was" else DAY
        person.memberships.append(Membership(team_id=team.id, from_on=LONG_AGO, until_on=until_on))
    people["Left"].left_at = datetime(2026, 3, 13, 12, tzinfo=UTC)
    cast.session.flush()
    found = holders(cast.session, cast.shared, qualification_id, DAY)
    assert found == [people["An"].id, people["Zoë"].id]
    assert holders(cast.session, cast.shared, qualification_id, TOMORROW) == []
