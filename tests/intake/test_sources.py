"""Sources, their secrets and their signatures: the published vectors, rotation, and strangers."""

import base64
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import standardwebhooks

from dispatch.audit import Actor, AuditEntry
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.errors import Conflict, Invalid
from dispatch.intake import sources
from dispatch.intake.models import Source, SourceSecret
from dispatch.intake.sources import CLOSED, Door
from dispatch.people.models import Organisation, OrganisationKind, Service, Team

NOW = datetime(2026, 3, 14, 13, 2, tzinfo=UTC)
ADA = Actor("person", 1, "Ada")
VECTORS = json.loads(
    (Path(__file__).parents[1] / "files/webhooks/standard-webhooks-v1.json").read_text()
)


def secret(byte: int = 1, size: int = 32) -> str:
    return "whsec_" + base64.b64encode(bytes([byte]) * size).decode()


def signed(key: str, body: bytes, at: datetime = NOW, webhook_id: str = "msg_1") -> dict[str, str]:
    signature = standardwebhooks.Webhook(key).sign(webhook_id, at, body.decode())
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_the_published_vectors_hold(vector: dict[str, Any]) -> None:
    at = Door(Source(), (vector["secret"],))
    now = datetime.fromtimestamp(vector["now"], UTC)
    verified = sources.verify(at, vector["headers"], vector["body"].encode(), now)
    assert verified is vector["valid"]


def test_what_the_published_library_signs_is_verified() -> None:
    body = '{"narrative": "Liège"}'.encode()
    assert sources.verify(Door(Source(), (secret(),)), signed(secret(), body), body, NOW)


def test_any_of_several_secrets_will_do() -> None:
    headers = signed(secret(2), b"{}")
    assert sources.verify(Door(Source(), (secret(1), secret(2))), headers, b"{}", NOW)
    assert not sources.verify(Door(Source(), (secret(1), secret(3))), headers, b"{}", NOW)


def test_a_changed_body_id_or_time_is_not_verified() -> None:
    headers, at = signed(secret(), b"{}"), Door(Source(), (secret(),))
    assert sources.verify(at, headers, b"{}", NOW)
    assert not sources.verify(at, headers, b"{ }", NOW)
    assert not sources.verify(at, {**headers, "webhook-id": "msg_2"}, b"{}", NOW)
    later = str(int(NOW.timestamp()) + 1)
    assert not sources.verify(at, {**headers, "webhook-timestamp": later}, b"{}", NOW)


@pytest.mark.parametrize(
    ("seconds", "fine"), [(300, True), (301, False), (-300, True), (-301, False)]
)
def test_the_age_is_limited_in_both_directions(seconds: int, fine: bool) -> None:
    headers = signed(secret(), b"{}", NOW - timedelta(seconds=seconds))
    assert sources.verify(Door(Source(), (secret(),)), headers, b"{}", NOW) is fine


def test_a_body_that_is_no_text_is_verified_by_its_bytes() -> None:
    body = b"<a>Li\xe8ge\xff\x00</a>"
    key = base64.b64decode(secret().removeprefix("whsec_"))
    digest = hmac.digest(key, b"m.%d." % int(NOW.timestamp()) + body, "sha256")
    headers = {
        "webhook-id": "m",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
    assert sources.verify(Door(Source(), (secret(),)), headers, body, NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize(
    "value",
    ["", " ", "v1", "v1,", "v1,é", "\udcff", "v1a,AAAA", "1e3", "-1", "٣", "9" * 400, "x" * 9000],
    ids=ascii,
)
def test_hostile_headers_are_refused_without_an_error(name: str, value: str) -> None:
    headers = {**signed(secret(), b"{}"), name: value}
    assert not sources.verify(Door(Source(), (secret(),)), headers, b"{}", NOW)


def test_a_closed_door_opens_for_nobody_even_with_its_own_secret() -> None:
    assert not sources.verify(CLOSED, signed(CLOSED.secrets[0], b"{}"), b"{}", NOW)


def test_an_unknown_source_takes_about_as_long_as_a_bad_signature() -> None:
    body = b"x" * 200_000
    headers = signed(secret(2), body)
    lasted = {}
    for name, at in (("closed", CLOSED), ("known", Door(Source(), (secret(),)))):
        runs = []
        for _ in range(30):
            began = time.perf_counter()
            sources.verify(at, headers, body, NOW)
            runs.append(time.perf_counter() - began)
        lasted[name] = min(runs)
    assert 0.5 < lasted["closed"] / lasted["known"] < 2


@pytest.fixture
def zone(store: Store) -> tuple[Organisation, Team]:
    """A police zone with a team."""
    with store.write() as session:
        organisation = Organisation(
            key="dender", name="Zone Dender", kind=OrganisationKind.POLICE_ZONE
        )
        session.add(organisation)
        session.flush()
        team = Team(
            key="dender", name="Dender", organisation_id=organisation.id, function="victim_support"
        )
        session.add_all([team, Service(team=team, organisation_id=organisation.id)])
    return organisation, team


def added(store: Store, zone: tuple[Organisation, Team], key: str = "room", **more: Any) -> str:
    with store.write() as session:
        return sources.add_source(session, key, "Control room", *zone, ADA, NOW, **more)[1]


def opened(store: Store, now: datetime, key: str = "room") -> Door:
    with store.read() as session:
        return sources.door(session, key, now)


def test_a_new_source_lets_in_what_its_secret_signs(
    store: Store, zone: tuple[Organisation, Team]
) -> None:
    key = added(store, zone)
    assert key.startswith("whsec_")
    assert sources.verify(opened(store, NOW), signed(key, b"{}"), b"{}", NOW)
    with store.read() as session:
        assert key not in str(session.scalars(sa.select(SourceSecret.sealed_secret)).all())
        assert session.scalar(sa.select(AuditEntry.action)) == "source.add"


def test_an_unknown_and_a_retired_source_are_closed(
    store: Store, zone: tuple[Organisation, Team]
) -> None:
    added(store, zone)
    assert opened(store, NOW, "nobody") is CLOSED
    assert opened(store, NOW, "room\x00") is CLOSED
    with store.write() as session:
        session.scalars(sa.select(Source)).one().retired_at = NOW
    assert opened(store, NOW) is CLOSED


def test_two_secrets_are_valid_at_once_until_the_old_one_ends(
    store: Store, zone: tuple[Organisation, Team], clock: ManualClock
) -> None:
    old = added(store, zone)
    with store.write() as session:
        source = session.scalars(sa.select(Source)).one()
        new = sources.add_secret(session, source, ADA, NOW)
        sources.end_secret(session, source, source.secrets[0].uid, 24, ADA, NOW)
    assert set(opened(store, NOW + timedelta(hours=23)).secrets) == {old, new}
    assert opened(store, NOW + timedelta(hours=24)).secrets == (new,)


def test_the_last_secret_cannot_end(store: Store, zone: tuple[Organisation, Team]) -> None:
    added(store, zone)
    with store.write() as session:
        source = session.scalars(sa.select(Source)).one()
        with pytest.raises(Conflict, match="Add the new secret first"):
            sources.end_secret(session, source, source.secrets[0].uid, 0, ADA, NOW)
        sources.add_secret(session, source, ADA, NOW)
        sources.end_secret(session, source, source.secrets[0].uid, 0, ADA, NOW)
        with pytest.raises(Conflict, match="ended already"):
            sources.end_secret(session, source, source.secrets[0].uid, 0, ADA, NOW)
        with pytest.raises(Conflict, match="Add the new secret first"):
            sources.end_secret(session, source, source.secrets[1].uid, 9, ADA, NOW)


def test_a_secret_that_cannot_be_opened_does_not_stop_the_others(
    store: Store, zone: tuple[Organisation, Team]
) -> None:
    added(store, zone)
    with store.write() as session:
        source = session.scalars(sa.select(Source)).one()
        new = sources.add_secret(session, source, ADA, NOW)
        source.secrets[0].sealed_secret = source.secrets[1].sealed_secret
    assert opened(store, NOW).secrets == (new,)


@pytest.mark.parametrize("key", ["", "a", "Room", "a b", "-room", "r" * 61, "röom", "a/b"])
def test_a_key_that_cannot_stand_in_an_address_is_refused(
    store: Store, zone: tuple[Organisation, Team], key: str
) -> None:
    with pytest.raises(Invalid) as caught:
        added(store, zone, key)
    assert list(caught.value.fields) == ["key"]


@pytest.mark.parametrize("given", ["whsec_", "whsec_AAAA", "whsec_é", secret(size=65), "hunter2"])
def test_a_weak_or_broken_secret_is_refused(
    store: Store, zone: tuple[Organisation, Team], given: str
) -> None:
    with pytest.raises(Invalid) as caught:
        added(store, zone, secret=given)
    assert list(caught.value.fields) == ["secret"]


def test_a_key_taken_and_a_team_that_does_not_serve_are_refused(
    store: Store, zone: tuple[Organisation, Team]
) -> None:
    assert added(store, zone, secret=secret(7)) == secret(7)
    with pytest.raises(Invalid, match="Another source"):
        added(store, zone)
    with store.write() as session:
        stranger = Team(
            key="ninove", name="Ninove", organisation_id=zone[0].id, function="victim_support"
        )
        session.add(stranger)
        session.flush()
        with pytest.raises(Invalid, match="does not serve"):
            sources.add_source(session, "other", "Other", zone[0], stranger, ADA, NOW)


def test_forged_requests_are_counted_by_address_and_source(
    store: Store, zone: tuple[Organisation, Team]
) -> None:
    with store.write() as session:
        counts = [sources.count_forged(session, 1, "192.0.2.1", NOW) for _ in range(3)]
        assert counts == [1, 2, 3]
        assert sources.count_forged(session, None, "192.0.2.2", NOW) == 1
        assert sources.count_forged(session, 1, "192.0.2.1", NOW + timedelta(minutes=1)) == 1
        assert sources.forged_today(session, [1, 2], NOW) == {1: 4, None: 1}
        assert sources.forged_today(session, [1], NOW + timedelta(days=1)) == {}
