"""The interface for machines: an incident as its key may see it, and the description of it all."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dispatch.audit import AuditEntry
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.incidents.alerts import FLAGS, WISHES
from dispatch.intake import own
from dispatch.intake.models import Source
from dispatch.intake.receive import Request, prepare, take_in
from dispatch.paging.models import Page
from dispatch.people import accounts
from dispatch.people.models import Organisation, OrganisationKind
from dispatch.settings import Settings
from dispatch.web import create_app
from dispatch.wiring import Parts
from tests.centre import ADA, NOW, Centre, build


class Machine:
    """A machine with keys to a centre in which one alert came in."""

    def __init__(self, store: Store, settings: Settings, clock: ManualClock) -> None:
        self.store, self.clock = store, clock
        self.centre: Centre = build(store)
        self.app = create_app(Parts(settings, store, clock, {}))
        self.client: FlaskClient = self.app.test_client()
        body = {"type": "alert", "category": "fatal_crash", "narrative": "Marie", "priority": 9}
        prepared = prepare(Request("m", "application/json", json.dumps(body).encode()), NOW)
        with store.write() as session:
            answer = take_in(session, session.get_one(Source, self.centre.source_id), prepared, NOW)
            other = Organisation(key="leie", name="Leie", kind=OrganisationKind.POLICE_ZONE)
            session.add(other)
            session.flush()
            home = session.get_one(Organisation, self.centre.organisation.id)
            self.keys = {
                name: accounts.create_api_key(session, name, owner, scopes, ADA, NOW)
                for name, owner, scopes in (
                    ("all", None, ["incidents:read", "rota:read"]),
                    ("home", home, ["incidents:read"]),
                    ("other", other, ["incidents:read"]),
                    ("rota", home, ["rota:read"]),
                )
            }
        self.answer: dict[str, Any] = json.loads(answer.body)
        self.reference: str = self.answer["reference"]

    def get(self, key: str = "home", reference: str | None = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.keys.get(key, key)}"}
        path = f"/api/v1/incidents/{reference or self.reference}"
        return self.client.get(path, headers=headers)


@pytest.fixture
def machine(store: Store, settings: Settings, clock: ManualClock) -> Machine:
    return Machine(store, settings, clock)


def test_an_incident_is_read_as_the_contract_says(machine: Machine) -> None:
    document = machine.get().json
    assert document is not None
    assert document["reference"] == machine.reference
    assert (document["status"], document["category"], document["priority"]) == (
        "open",
        "fatal_crash",
        1,
    )
    assert [problem["field"] for problem in document["problems"]] == ["priority"]
    (callout,) = document["callouts"]
    assert set(callout) == {"id", "team", "status", "wanted", "due_at", "responders", "pages"}
    (page,) = callout["pages"]
    assert page["person"] == {"id": machine.centre.people["An"].id, "name": "An Peeters"}
    assert page["status"] == "waiting"
    assert page["reason"].startswith("primary until")
    kinds = [line["kind"] for line in document["timeline"]]
    assert kinds == ["received", "no_place", "problems", "paging"]
    assert document["timeline"][0]["text"] == "Alert received from Control room."


def test_nothing_that_is_sealed_is_answered(machine: Machine) -> None:
    assert b"Marie" not in machine.get("all").data


def test_a_key_sees_its_own_organisation_only(machine: Machine) -> None:
    assert machine.get("all").status_code == 200
    assert machine.get("home").status_code == 200
    strange = machine.get("other")
    unknown = machine.get("other", "Z9Z-9ZZ")
    assert (strange.status_code, unknown.status_code) == (404, 404)
    assert strange.json is not None
    assert unknown.json is not None
    assert strange.json["detail"] == unknown.json["detail"]


def test_without_the_right_key_nothing_is_answered(machine: Machine) -> None:
    assert machine.get("no such key").status_code == 401
    assert machine.get("rota").status_code == 403
    assert machine.client.get(f"/api/v1/incidents/{machine.reference}").status_code == 401


@pytest.mark.parametrize("reference", ["%00", "x" * 3000, "d7k-4qx", "..", "'"])
def test_a_reference_that_is_none_is_not_found(machine: Machine, reference: str) -> None:
    assert machine.get("all", reference).status_code == 404


def test_that_it_was_read_is_written_down_once_an_hour_for_each_key(machine: Machine) -> None:
    for _ in range(3):
        machine.get("home")
    machine.get("all")
    machine.clock.advance(minutes=61)
    machine.get("home")
    with machine.store.read() as session:
        query = sa.select(AuditEntry).where(AuditEntry.action == "incident.read")
        assert len(session.scalars(query).all()) == 3


# --- the description ---


@pytest.fixture
def described(machine: Machine) -> dict[str, Any]:
    answer = machine.client.get("/api/v1/openapi.json")
    assert answer.content_type == "application/json"
    document: dict[str, Any] = json.loads(answer.data)
    assert document["openapi"].startswith("3.1")
    return document


def test_the_description_names_every_route_of_machines_and_no_other(
    machine: Machine, described: dict[str, Any]
) -> None:
    routes = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in machine.app.url_map.iter_rules()
        if rule.rule.startswith(("/api/", "/hooks/alerts"))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    named = {(path, method) for path, methods in described["paths"].items() for method in methods}
    assert named == routes


def test_the_description_names_the_fields_of_the_own_format(described: dict[str, Any]) -> None:
    alert = described["components"]["schemas"]["Alert"]["properties"]
    assert list(alert["flags"]["properties"]) == list(FLAGS)
    assert list(alert["wishes"]["properties"]) == list(WISHES)
    assert alert["narrative"]["maxLength"] == own.NARRATIVE_LIMIT
    everything = {name: _sample(schema) for name, schema in alert.items()}
    read = own.read(json.dumps(everything).encode())
    assert read.problems == ()


def _sample(schema: dict[str, Any]) -> Any:
    """Return a value that the schema allows."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    if kind == "object":
        return {name: _sample(inner) for name, inner in schema["properties"].items()}
    if kind == "array":
        return [_sample(schema["items"])]
    if schema.get("format") == "date-time":
        return "2026-03-14T21:05:00+01:00"
    return {"string": "x", "integer": schema.get("minimum", 1), "number": 1.5, "boolean": True}[
        kind
    ]


def test_the_description_names_what_is_answered(
    machine: Machine, described: dict[str, Any]
) -> None:
    schemas = described["components"]["schemas"]
    document = machine.get().json
    assert document is not None
    assert_fits(document, schemas["Incident"], schemas)
    assert_fits(machine.answer, schemas["Answer"], schemas)
    with machine.store.read() as session:
        assert session.scalars(sa.select(Page)).one()


def assert_fits(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Check members, enumerations and nesting: enough to notice a field that came or went."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if isinstance(value, dict):
        assert set(schema["required"]) <= set(value) <= set(schema["properties"])
        for name, inner in value.items():
            assert_fits(inner, schema["properties"][name], schemas)
    elif isinstance(value, list):
        for inner in value:
            assert_fits(inner, schema["items"], schemas)
    elif "enum" in schema:
        assert value in schema["enum"]


def test_every_reference_in_the_description_leads_somewhere(described: dict[str, Any]) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [value["$ref"]] if "$ref" in value else references(list(value.values()))
        if isinstance(value, list):
            return [found for inner in value for found in references(inner)]
        return []

    for reference in references(described):
        target: Any = described
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        assert target
