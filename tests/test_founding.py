"""What a file describes becomes a centre: all of it or nothing, and twice is once."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import sqlalchemy as sa

from dispatch import audit, founding
from dispatch.audit import Actor, AuditEntry
from dispatch.db import Base, Session, Store
from dispatch.errors import Invalid
from dispatch.incidents import catalogue
from dispatch.paging import policies
from dispatch.people import phones, staff
from dispatch.people.models import Certificate, Organisation, Person, Role, Team
from dispatch.rota.models import Line
from dispatch.settings import Settings, shipped
from tests.simulated import SimulatedTwilio, free_port

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 3, 14, 13, 2, tzinfo=UTC)
OPERATOR = Actor("command", None, "root")
EXAMPLE = shipped("config") / "examples" / "centre.toml"


@pytest.fixture
def example() -> dict[str, Any]:
    """The example that is shipped, as parsed: each test may change it."""
    return tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))


@pytest.fixture
def begun(store: Store) -> Store:
    """A database as `dispatch upgrade` leaves it."""
    beginnings = tomllib.loads((shipped("config") / "catalogue.toml").read_text(encoding="utf-8"))
    with store.write() as session:
        catalogue.install(session, beginnings)
        policies.install(session, beginnings, NOW)
    return store


def found(store: Store, settings: Settings, document: dict[str, Any]) -> list[str]:
    with store.write() as session:
        return founding.found(session, document, settings.centre, OPERATOR, NOW)


def rows(store: Store) -> dict[str, int]:
    """Return how many rows each table has."""
    with store.read() as session:
        count = sa.func.count()
        return {
            table.name: session.scalar(sa.select(count).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


def one(session: Session, sign_in: str) -> Person:
    return staff.by_sign_in(session, sign_in)


def faults(store: Store, settings: Settings, document: dict[str, Any]) -> list[str]:
    """Return the faults named, having seen that nothing was added."""
    before = rows(store)
    with pytest.raises(Invalid) as refused:
        found(store, settings, document)
    assert rows(store) == before
    heading, *named = str(refused.value).splitlines()
    assert heading == "Nothing was added."
    return named


def test_the_example_becomes_a_centre_in_which_no_page_ends_in_silence(begun, settings, example):
    said = found(begun, settings, example)
    assert "team victim-support: serves leeuwenhoek." in said
    with begun.read() as session:
        assert list(policies.faults(session)) == []
        support, social = session.scalars(sa.select(Team).order_by(Team.id))
        lines = session.scalars(sa.select(Line).where(Line.team_id == support.id))
        assert [(line.key, line.position) for line in lines] == [("primary", 0), ("backup", 1)]
        assert social.hours[4:6] == [[4, "17:00", "08:30"], [5, "08:30", "08:30"]]
        denderland = session.scalars(sa.select(Organisation)).first()
        assert denderland is not None
        assert denderland.control_room_phone == "+46846500405"
        petra = one(session, "petra@denderland.example")
        assert sorted((held.role, held.team_id) for held in petra.roles) == [
            (Role.PLANNER, support.id),
            (Role.PLANNER, social.id),
            (Role.RESPONDER, support.id),
        ]
        assert petra.password_hash == ""
        assert [proof.expires_on is None for proof in petra.certificates] == [True, False, False]


def test_only_a_confirmed_number_is_used(begun, settings, example):
    found(begun, settings, example)
    with begun.read() as session:
        chloe, bert = (
            one(session, "chloe@leeuwenhoek.example"),
            one(session, "BERT@denderland.example"),
        )
        assert len(phones.methods(session, chloe)) == 1
        used = phones.reachable(session, [chloe.id, bert.id])
        assert [len(used[chloe.id]), len(used[bert.id])] == [0, 1]


def test_everything_added_is_in_the_audit_record_under_the_operator(begun, settings, example):
    found(begun, settings, example)
    with begun.write() as session:
        entries = session.scalars(sa.select(AuditEntry)).all()
        actions = {entry.action for entry in entries}
        assert {entry.actor for entry in entries} == {"command"}
        assert audit.verify(session, NOW).ok
    assert actions >= {
        *("organisation.added", "area.added", "team.added", "team.serves", "line.added"),
        *("person.added", "team.joined", "role.granted", "method.added", "method.verified"),
        *("certificate.added", "nobody_on_duty.listed"),
    }


def test_the_same_file_again_adds_nothing(begun, settings, example):
    found(begun, settings, example)
    before = rows(begun)
    said = found(begun, settings, example)
    assert rows(begun) == before
    assert {sentence.partition(": ")[2] for sentence in said} == {"is there already."}


def test_more_in_the_file_is_added_and_what_was_changed_since_stays(begun, settings, example):
    found(begun, settings, example)
    with begun.write() as session:
        bert = one(session, "bert@denderland.example")
        staff.revoke(session, bert.roles[0], OPERATOR, NOW)
        phones.remove(session, phones.methods(session, bert)[0], OPERATOR, NOW)
    denderland, _ = example["organisation"]
    denderland["name"] = "Another name"
    denderland["areas"].append({"first": "9470", "last": "9473", "municipality": "Denderleeuw"})
    _, social = example["team"]
    social["lines"].append({"key": "backup", "name": "Backup"})
    social["serves"].append("leeuwenhoek")
    social["nobody_on_duty"].insert(0, "petra@denderland.example")
    said = found(begun, settings, example)
    assert [sentence for sentence in said if "is there already" not in sentence] == [
        "organisation denderland: answers for 9470 to 9473.",
        "team social-on-call: serves leeuwenhoek.",
        "team social-on-call: has a line backup.",
        "team social-on-call, nobody_on_duty: has petra@denderland.example.",
    ]
    with begun.read() as session:
        bert = one(session, "bert@denderland.example")
        assert (bert.roles, phones.methods(session, bert)) == ([], [])
        assert session.scalars(sa.select(Organisation.name)).first() == "Police zone Denderland"


def test_a_file_may_name_what_an_earlier_one_began(begun, settings, example):
    found(begun, settings, example)
    found(
        begun,
        settings,
        {
            "person": [
                {
                    "sign_in": "Nele@denderland.example",
                    "name": "Nele Claes",
                    "organisation": "denderland",
                    "teams": ["social-on-call"],
                    "roles": {"responder": ["social-on-call", "leeuwenhoek"]},
                }
            ]
        },
    )
    with begun.read() as session:
        nele = one(session, "nele@denderland.example")
        assert nele.memberships[0].from_on == NOW.date()
        assert len(nele.roles) == 2


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return the document with another value at a path such as `team 0 hours 0 starts`."""
    document = deepcopy(document)
    *way, last = [int(step) if step.isdigit() else step for step in path.split()]
    place: Any = document
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("teams", [], r"teams: no such key, only organisation, team, person\."),
        ("organisation", {}, r"organisation: expected a list of one or more\."),
        ("organisation 0 areas", [7], r"organisation denderland, areas 1: expected a table\."),
        ("organisation 0 colour", "red", r"organisation denderland, colour: no such key, .*"),
        (
            "organisation 0 kind",
            "village",
            r".*kind: village is none of police_zone, municipality\.",
        ),
        ("organisation 0 key", None, r"organisation 1, key: is missing\."),
        ("organisation 0 key", "Dender Land", r"organisation Dender Land: Dender Land is no key.*"),
        ("organisation 0 name", " ", r"organisation denderland, name: is empty\."),
        ("organisation 0 country", "Belgium", r"organisation denderland: Belgium is no country.*"),
        ("organisation 0 time_zone", "Europe/Ghent", r".*: Europe/Ghent is no time zone\..*"),
        ("organisation 0 language", "de", r".*: The centre speaks nl, fr, sv, da, en, not de\."),
        ("organisation 0 control_room_phone", "112", r".*denderland: This is no complete tele.*"),
        ("organisation 0 areas 0 last", "940", r".*, areas: 9400 to 940 is no run of postcodes\."),
        (
            "organisation 1 areas 0 first",
            "9404",
            r".*leeuwenhoek, areas: .* belong to denderland.*",
        ),
        ("organisation 1 key", "denderland", r"organisation denderland: is there twice\."),
        ("team 0 organisation", "leie", r"team victim-support: There is no organisation leie\. .*"),
        (
            "team 0 serves",
            ["leie"],
            r"team victim-support, serves: There is no organisation leie.*",
        ),
        ("team 0 function", "support", r"team victim-support: No category asks for .* support, .*"),
        (
            "team 0 lines 0 key",
            "first",
            r"team victim-support: One of its lines needs the key pri.*",
        ),
        ("team 0 nobody_on_duty", [], r".*, nobody_on_duty: expected a list of one or more\."),
        (
            "team 0 nobody_on_duty 1",
            "x",
            r"team victim-support, nobody_on_duty: Nobody signs in .*",
        ),
        (
            "team 1 hours 0 days 2",
            "mardi",
            r"team social-on-call, hours 1, days mardi: .* none of.*",
        ),
        ("team 1 hours 0 starts", "24:00", r"team social-on-call: 24:00 to 08:30 is no window\..*"),
        ("team 1 hours 0 ends", 8, r"team social-on-call, hours 1, ends: expected text\."),
        ("person 1 organisation", "leie", r"person dirk@.*: There is no organisation leie\. .*"),
        ("person 1 language", "de", r"person dirk@.*: The centre speaks nl, .*, not de\."),
        ("person 1 roles", {"boss": ["x"]}, r"person dirk@.*, roles, boss: no such key, .*"),
        (
            "person 1 roles",
            {"dispatcher": ["x"]},
            r"person dirk@.*, roles, dispatcher: .* no org.*",
        ),
        (
            "person 3 teams",
            ["support"],
            r"person petra@.*, teams: There is no team support\..*",
        ),
        (
            "person 3 phones 0 number",
            "+46 8 465 004 17",
            r"person petra@.*: This is not a mobile.*",
        ),
        ("person 3 phones 0 kind", "mail", r".*, kind: mail is none of mobile, landline\."),
        ("person 3 phones 0 verified", "yes", r".*, phones 1, verified: expected true or false\."),
        (
            "person 3 certificates 0 qualification",
            "x",
            r".*, certificates: There is no qualif.* x.*",
        ),
        ("person 3 certificates 1 expires_on", NOW, r".*expires_on: expected a day such as .*"),
        (
            "person 3 certificates 1 issued_on",
            NOW.date().replace(2040),
            r".*, certificates: The la.*",
        ),
    ],
)
def test_what_cannot_be_used_is_named_with_its_place_and_nothing_is_added(
    begun, settings, example, path, value, fault
):
    (named,) = faults(begun, settings, changed(example, path, value))
    assert re.fullmatch(fault, named)


def test_every_fault_of_a_kind_is_named_at_once(begun, settings, example):
    for person in example["person"]:
        person["organisation"] = "leie"
    assert len(faults(begun, settings, example)) == len(example["person"])


def test_a_list_of_people_without_a_confirmed_telephone_is_told(begun, settings, example):
    for phone in example["person"][-1]["phones"]:
        phone["verified"] = False
    found(begun, settings, example)
    with begun.read() as session:
        assert list(policies.faults(session)) == [
            "Team social-on-call: nobody on its nobody-on-duty list has a confirmed telephone."
        ]
        assert session.scalar(sa.select(sa.func.count()).select_from(Certificate)) == 7


# --- the commands of the README ---


def commands() -> list[list[str]]:
    """Return what the README types to begin a centre, in order."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Run a centre")[2].partition("\n## ")[0]
    lines = re.findall(r"^\.venv/bin/dispatch (.*)$", section, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def typed(words: list[str], environ: Mapping[str, str]) -> str:
    """Run one command to its end and return what it printed."""
    command = [sys.executable, "-m", "dispatch", *words]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


@contextmanager
def serving(environ: Mapping[str, str], url: str) -> Iterator[None]:
    """Serve until the end; all of it has begun when this begins."""
    process = psutil.Popen([sys.executable, "-m", "dispatch", "serve"], cwd=ROOT, env=environ)
    try:
        SimulatedTwilio.wait_until(lambda: healthy(url), 60)
        yield
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        for one in (*process.children(recursive=True), process) if process.is_running() else ():
            one.kill()


def healthy(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_commands_of_the_readme_lead_from_nothing_to_a_text_on_the_first_phone(tmp_path: Path):
    *before, serve, send = commands()
    assert serve == ["serve"]
    url = f"http://127.0.0.1:{free_port()}"
    with SimulatedTwilio.in_thread(f"{url}/hooks/twilio/sms") as twilio:
        environ = {
            **{key: value for key, value in os.environ.items() if key[:9] != "DISPATCH_"},
            "DISPATCH_DATA_DIR": str(tmp_path),
            "DISPATCH_WEB__PORT": url.rpartition(":")[2],
            **twilio.environment(url),
        }
        printed = {" ".join(words[:2]): typed(words, environ) for words in before}
        assert printed["check-config"] == "Nothing is wrong.\n"
        key = printed["api-key add"].strip()
        with serving(environ, url):
            send[-1] = url
            answer = json.loads(typed(send, environ))
            assert answer["problems"] == []
            twilio.wait_for("+46701740617", kind="sms", seconds=20)
            seen = requests.get(
                f"{url}/api/v1/incidents/{answer['reference']}",
                headers={"Authorization": f"Bearer {key}"},
                timeout=10,
            ).json()
            assert seen["category"] == "fatal_crash"
            assert "Petra Willems" in json.dumps(seen["callouts"][0]["pages"])
