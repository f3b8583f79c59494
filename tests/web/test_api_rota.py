"""The rota for machines: the contract's answers, and what is refused with which field."""

from datetime import timedelta

import pytest

from dispatch.audit import Actor
from dispatch.people import accounts
from dispatch.people.models import Organisation, OrganisationKind, Person
from dispatch.rota import changes
from dispatch.rota.models import Absence, AbsenceKind, Answer, Shift
from dispatch.web import create_app
from dispatch.wiring import Parts
from tests.centre import NOW, build

ADA = Actor("person", 1, "Ada")


class Machine:
    """A client with a bearer key."""

    def __init__(self, store, settings, clock):
        self.store, self.centre = store, build(store)
        self.app = create_app(Parts(settings, store, clock))
        with store.write() as session:
            other = Organisation(key="other", name="Other", kind=OrganisationKind.POLICE_ZONE)
            session.add(other)
            session.flush()
            own = session.get_one(Organisation, self.centre.organisation.id)
            self.keys = {
                name: accounts.create_api_key(session, name, organisation, scopes, ADA, NOW)
                for name, organisation, scopes in (
                    ("every", None, ["rota:read"]),
                    ("own", own, ["rota:read"]),
                    ("other", other, ["rota:read"]),
                    ("without", None, ["incidents:read"]),
                )
            }

    def get(self, path, key="every", **query):
        headers = {"Authorization": f"Bearer {self.keys[key]}"} if key else {}
        return self.app.test_client().get(f"/api/v1/{path}", query_string=query, headers=headers)


@pytest.fixture
def machine(store, settings, clock):
    return Machine(store, settings, clock)


def test_on_duty_is_answered_as_the_contract_says(machine):
    answer = machine.get("on-duty", team="support", at="2026-03-14T14:02:00+01:00")
    assert answer.status_code == 200
    an = machine.centre.people["An"]
    assert answer.json["team"] == "support"
    assert answer.json["at"] == "2026-03-14T13:02:00Z"
    assert answer.json["complete"] is True
    assert answer.json["lines"][0] == {
        "line": "primary",
        "person": {"id": an.id, "name": "An Peeters"},
        "from": "2026-03-11T13:02:00Z",
        "until": "2026-03-18T13:02:00Z",
        "covering": None,
        "reason": {
            "kind": "shift",
            "until": "2026-03-18T13:02:00+00:00",
            "text": "On primary until 2026-03-18T13:02:00Z.",
        },
    }
    assert "Set-Cookie" not in answer.headers


def test_without_an_instant_the_present_one_is_meant(machine):
    assert machine.get("on-duty", team="support").json["at"] == "2026-03-14T13:02:00Z"


def test_a_cover_says_whom_it_covers(machine):
    with machine.store.write() as session:
        shift = session.get_one(Shift, 1)
        chloe = session.get_one(Person, machine.centre.people["Chloé"].id)
        until = NOW + timedelta(hours=2)
        changes.enter_cover(session, shift, chloe, NOW, until, ADA, NOW)
    line = machine.get("on-duty", team="support").json["lines"][0]
    assert line["person"]["name"] == "Chloé Dubois"
    assert line["covering"] == "An Peeters"
    assert line["reason"]["kind"] == "cover"


def test_a_gap_has_no_person_and_says_why(machine):
    answer = machine.get("on-duty", team="support", at="2026-03-20T00:00:00Z")
    assert answer.json["complete"] is False
    line = answer.json["lines"][0]
    assert (line["person"], line["until"], line["next"]) == (None, None, None)
    assert line["reason"] == {"kind": "nobody", "text": "Nobody is planned."}


def test_whoever_is_away_is_not_on_duty(machine):
    leave = {"kind": AbsenceKind.LEAVE, "answer": Answer.APPROVED, "asked_at": NOW, "asked_by": "A"}
    times = {"starts_at": NOW - timedelta(hours=1), "ends_at": NOW + timedelta(hours=5)}
    with machine.store.write() as session:
        session.add(Absence(person_id=machine.centre.people["An"].id, **leave, **times))
    answer = machine.get("on-duty", team="support")
    assert answer.json["complete"] is False
    line = answer.json["lines"][0]
    assert (line["person"], line["until"]) == (None, "2026-03-14T18:02:00Z")
    assert line["reason"]["text"] == "An Peeters is planned but is away."
    assert line["next"]["name"] == "An Peeters"


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-10-25T02:30:00", "has no zone"),
        ("2026-10-25", "has no zone"),
        ("yesterday", "is no instant"),
        ("2026-13-01T00:00:00Z", "is no instant"),
        ("0001-01-01T00:00:00+14:00", "is no instant"),
    ],
)
def test_a_bad_instant_is_refused_naming_the_field(machine, at, told):
    answer = machine.get("on-duty", team="support", at=at)
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    (error,) = answer.json["errors"]
    assert error["field"] == "at"
    assert told in error["detail"]


def test_a_plus_sign_that_nobody_encoded_is_understood(machine):
    answer = machine.app.test_client().get(
        "/api/v1/on-duty?team=support&at=2026-03-14T14:02:00+01:00",
        headers={"Authorization": f"Bearer {machine.keys['every']}"},
    )
    assert answer.json["at"] == "2026-03-14T13:02:00Z"


def test_teams_that_the_key_may_not_see_are_not_found(machine):
    assert machine.get("on-duty", "own", team="support").status_code == 200
    for key, team in (("other", "support"), ("every", "nowhere")):
        answer = machine.get("on-duty", key, team=team)
        assert answer.status_code == 404
        assert answer.content_type == "application/problem+json"
    assert machine.get("on-duty").status_code == 422


def test_a_key_is_needed_and_must_have_the_scope(machine):
    assert machine.get("on-duty", None, team="support").status_code == 401
    assert machine.get("on-duty", "without", team="support").status_code == 403
    assert machine.get("shifts", None, team="support").status_code == 401


def test_the_shifts_of_a_time_are_listed_line_by_line(machine):
    answer = machine.get(
        "shifts", team="support", **{"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}
    )
    assert [(turn["line"], turn["person"]["name"]) for turn in answer.json["shifts"]] == [
        ("primary", "An Peeters"),
        ("backup", "Bert Maes"),
    ]
    assert answer.json["shifts"][0]["shift"] == "shift-primary"


def test_a_day_begins_at_the_teams_own_midnight(machine):
    answer = machine.get("shifts", team="support", **{"from": "2026-03-29", "to": "2026-03-30"})
    assert answer.json["from"] == "2026-03-28T23:00:00Z"
    assert answer.json["to"] == "2026-03-29T22:00:00Z"


@pytest.mark.parametrize(
    ("begin", "end", "field"),
    [
        ("", "2026-04-01T00:00:00Z", "from"),
        ("2026-03-01T00:00:00Z", "", "to"),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "to"),
        ("2026-03-01T00:00:00Z", "2029-03-01T00:00:00Z", "to"),
        ("2026-03-01T00:00:00", "2026-04-01T00:00:00Z", "from"),
        ("2026-02-30", "2026-04-01", "from"),
    ],
)
def test_a_bad_time_is_refused_naming_the_field(machine, begin, end, field):
    answer = machine.get("shifts", team="support", **{"from": begin, "to": end})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
