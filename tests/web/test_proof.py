"""The screen and the files of a proof of alert: who reads them, and what is in them."""

import csv
import io
import itertools
import json

import pytest
import sqlalchemy as sa

from dispatch import audit
from dispatch.audit import AuditEntry
from dispatch.errors import Invalid
from dispatch.paging import proof_file
from dispatch.people.models import Role
from dispatch.web import proof
from tests.web import nights
from tests.web.conftest import Browser, Web
from tests.web.desk import do


@pytest.fixture
def reference(web: Web) -> str:
    return nights.open_incident(web.store, web.centre)


@pytest.fixture
def officer(web: Web) -> Browser:
    return web.as_role(Role.PRIVACY_OFFICER)


def recorded(web: Web, *actions: str) -> list[str]:
    with web.store.read() as session:
        query = sa.select(AuditEntry.action).where(AuditEntry.action.in_(actions))
        return list(session.scalars(query.order_by(AuditEntry.id)))


def linked(web: Web) -> None:
    with web.store.write() as session:
        audit.link(session, web.clock.now())


def faults(web: Web, content: bytes) -> list[str]:
    with web.store.read() as session:
        return list(proof_file.check(session, content))


@pytest.mark.parametrize(
    ("role", "reads"),
    [
        (Role.RESPONDER, False),
        (Role.DISPATCHER, True),
        (Role.PLANNER, False),
        (Role.ADMINISTRATOR, True),
        (Role.PRIVACY_OFFICER, True),
    ],
)
def test_who_reads_the_proof_of_their_own_organisation(
    web: Web, reference: str, role: Role, reads: bool
):
    browser = web.as_role(role)
    address = f"/incidents/{reference}/proof"
    found = [browser.get(path).status_code for path in (address, f"{address}.csv", "/proofs")]
    assert found == [200 if reads else 403] * 3
    elsewhere = web.as_role(role, zone=web.leie)
    assert elsewhere.get(address).status_code == (404 if reads else 403)
    assert elsewhere.get(f"{address}.json").status_code == (404 if reads else 403)
    if reads:
        assert reference in browser.get(f"/proofs?q={reference[:3].lower()}").text
        assert reference not in elsewhere.get("/proofs").text


def test_the_incident_leads_to_its_proof_and_each_reading_is_written_down(web: Web, reference: str):
    desk, address = web.as_role(Role.DISPATCHER), f"/incidents/{reference}/proof"
    for path in (f"/incidents/{reference}", f"/board?incident={reference}"):
        assert f'href="{address}"' in desk.get(path).text
    for _ in range(2):
        shown = desk.get(address).text
    assert recorded(web, "proof.read") == ["proof.read"]
    for words in ("An Peeters", 'href="/policies/1"', "version 1", "+0.000", "primary until"):
        assert words in shown
    assert "had the incident on a screen" in shown
    for secret in nights.SECRETS[:4]:
        assert secret not in shown


def test_what_was_said_is_shown_with_a_reason_that_is_kept(
    web: Web, reference: str, officer: Browser
):
    address = f"/incidents/{reference}/proof"
    do(web.as_role(Role.DISPATCHER), reference, "note", {"text": "The aunt is Mrs Claes."})
    assert "Mrs Claes" not in officer.get(address).text
    refused = officer.post(address, {"reason": " "})
    assert (refused.status_code, "Mrs Claes" in refused.text) == (422, False)
    opened = officer.post(address, {"reason": "complaint 12"}).text
    assert "Mrs Claes" in opened
    assert "YES " in opened
    # Whoever reads it later may not answer in An's place.
    assert nights.link(web.store, reference) not in opened
    assert officer.post(f"{address}.csv", {"reason": ""}).status_code == 422
    assert "Mrs Claes" in officer.post(f"{address}.csv", {"reason": "court"}).text
    assert "Mrs Claes" not in officer.get(f"{address}.json").text
    assert recorded(web, "proof.open") == ["proof.open", "proof.open"]
    # Who administers may see when, never what was said.
    assert web.as_role(Role.ADMINISTRATOR).post(address, {"reason": "x"}).status_code == 403


def test_a_file_is_signed_off_and_a_change_in_it_or_in_the_record_shows(
    web: Web, reference: str, officer: Browser
):
    officer.get(f"/incidents/{reference}/proof")
    linked(web)
    answer = officer.get(f"/incidents/{reference}/proof.json")
    assert f"{reference}-proof.json" in answer.headers["Content-Disposition"]
    document = json.loads(answer.data)
    assert document["reference"] == reference
    assert document["people"][0]["person"] == "An Peeters"
    assert [one["kind"] for one in document["instants"]][:2] == ["received", "paging"]
    entries = document["audit"]["entries"]
    assert all(entry["position"] and entry["hash"] for entry in entries)
    for before, entry in itertools.pairwise(entries):
        if before["position"] + 1 == entry["position"]:
            assert before["hash"] == entry["previous"]
    assert faults(web, answer.data) == []
    changed = answer.data.replace(b"An Peeters", b"Bert Maes")
    assert faults(web, changed) == [
        "The file was changed since it was taken from here, or never was."
    ]
    forged = answer.data.replace(entries[0]["hash"].encode(), b"0" * 64)
    assert "differs from the record" in faults(web, forged)[-1]
    del document["audit"]["entries"][0]["position"]
    for odd in (b"{}", b'{"audit": []}', json.dumps(document).encode()):
        with pytest.raises(Invalid, match="no proof of alert"):
            faults(web, odd)


def test_a_file_is_made_while_others_write_and_one_person_takes_only_so_many(
    web: Web, reference: str, monkeypatch: pytest.MonkeyPatch
):
    made = proof_file.rows

    def rows(*given):
        with web.store.write(wait_seconds=0.1):
            return made(*given)

    monkeypatch.setattr(proof_file, "rows", rows)
    monkeypatch.setattr(proof, "_MOST_FILES", 2)
    desk, address = web.as_role(Role.DISPATCHER), f"/incidents/{reference}/proof.csv"
    assert [desk.get(address).status_code for _ in range(3)] == [200, 200, 429]
    assert web.as_role(Role.ADMINISTRATOR).get(address).status_code == 200
    assert recorded(web, "proof.exported") == ["proof.exported"] * 3


def test_the_table_holds_every_instant_and_is_signed_off_too(web: Web, reference: str):
    desk = web.as_role(Role.DISPATCHER)
    content = desk.get(f"/incidents/{reference}/proof.csv").data
    head, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert head == ["Instant", "Seconds since the alert", "Kind", "What happened", "Message"]
    assert [row[2] for row in rows] == ["received", "paging", "queued"]
    assert rows[0][1] == "0.000"
    assert faults(web, content) == []
    assert faults(web, content + b"x")
    assert recorded(web, "proof.exported") == ["proof.exported"]
    assert desk.get(f"/incidents/{reference}/proof.pdf").status_code == 404
