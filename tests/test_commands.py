"""The `dispatch` command as an operator types it."""

import io
import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from dispatch import __main__ as dispatch_command
from dispatch import schema, settings, wiring
from dispatch.audit import AuditEntry, OwnWords, link, record
from dispatch.db import Store
from dispatch.incidents.models import Category, Incident
from dispatch.paging import proof_file
from dispatch.paging.models import Policy
from dispatch.people import accounts, phones
from dispatch.people.models import ApiKey, ContactMethod, MethodKind, Organisation, Person, Role
from dispatch.seal import SealingKey
from dispatch.web import create_app
from dispatch.wiring import Parts
from tests.centre import ADA, NOW, build
from tests.simulated import GATEWAY_SECRET, served

SECRET_KEY = "a secret of the tests' own"


@dataclass
class Said:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run a command in this process, in an environment of its own."""
    for name in [name for name in os.environ if name.startswith("DISPATCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DISPATCH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DISPATCH_SECRET_KEY", SECRET_KEY)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def command(*arguments: str, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            status = dispatch_command.main(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    yield command
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("dispatch").setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that the migrations made, with nothing in it yet."""
    path = tmp_path_factory.mktemp("upgraded") / "dispatch.db"
    store = Store(f"sqlite:///{path}")
    schema.upgrade(store)
    store.close()
    return path


@pytest.fixture
def parts(run: Run, upgraded: Path, tmp_path: Path) -> Iterator[Parts]:
    """An upgraded database with the small centre, in the environment of `run`."""
    shutil.copyfile(upgraded, tmp_path / "dispatch.db")
    opened = wiring.build(os.environ)
    yield opened
    opened.store.close()


@pytest.fixture
def centre(parts: Parts) -> Parts:
    build(parts.store)
    return parts


def one(parts: Parts, table: type) -> object:
    with parts.store.read() as session:
        return session.scalars(sa.select(table).order_by(table.id.desc())).first()  # type: ignore[attr-defined]


# --- settings and tables ---


def test_an_unknown_setting_is_refused_by_name(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DISPATCH_WEB__PROT", "8000")
    said = run("check-config")
    assert (said.status, said.err) == (2, "dispatch: web.prot: no such setting\n")


def test_an_unknown_command_ends_with_status_2(run: Run):
    assert run("dance").status == 2
    assert run().status == 2


@pytest.mark.parametrize("command", ["web", "engine", "serve", "check-config"])
def test_nothing_starts_on_an_empty_database(run: Run, command: str):
    said = run(command)
    assert (said.status, "Run `dispatch upgrade` first" in said.err) == (2, True)


def test_nothing_starts_on_tables_of_another_version(run: Run, parts: Parts):
    with parts.store.write() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    said = run("check-config")
    assert (said.status, "9999" in said.err) == (2, True)


def test_upgrade_begins_a_centre_and_changes_nothing_the_second_time(run: Run):
    for _ in range(2):
        assert run("upgrade").status == 0
    parts = wiring.build(os.environ)
    with parts.store.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Category)) == 17
        assert session.scalar(sa.select(sa.func.count()).select_from(Policy)) == 2
    parts.store.close()


def test_check_config_names_what_would_keep_people_from_being_paged(run: Run, centre: Parts):
    said = run("check-config")
    assert said.status == 1
    assert "twilio.account_sid" in said.out
    assert "Policy standard: its last step must add people." in said.out


def test_check_config_names_the_setting_that_contact_methods_wait_for(run: Run, centre: Parts):
    with centre.store.write() as session:
        an = session.scalars(sa.select(Person).order_by(Person.id)).all()[0]
        mail = phones.add_method(session, an, MethodKind.MAIL, "an@zone.example", ADA, NOW)
    assert "mail.host" not in run("check-config").out
    with centre.store.write() as session:
        phones.verify(session, session.get_one(ContactMethod, mail.id), ADA, NOW)
    said = run("check-config").out
    assert "mail.host: empty, so 1 confirmed contact methods are of no use." in said
    assert "push.contact" not in said


def test_a_gateway_alone_carries_texts_and_no_calls(
    run: Run, centre: Parts, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DISPATCH_GATEWAY__URL", "https://sms.zone.example")
    monkeypatch.setenv("DISPATCH_GATEWAY__SECRETS", GATEWAY_SECRET)
    assert "twilio.account_sid: empty, so nobody can be called." in run("check-config").out


def test_a_file_without_certificates_is_refused_by_name(
    run: Run, centre: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "own.pem").write_text("no certificate")
    monkeypatch.setenv("DISPATCH_MAIL__CERTIFICATES", str(tmp_path / "own.pem"))
    monkeypatch.setenv("DISPATCH_MAIL__HOST", "mail.zone.example")
    monkeypatch.setenv("DISPATCH_MAIL__SENDER", "dispatch@zone.example")
    said = run("check-config")
    assert (said.status, said.err) == (2, "dispatch: mail.certificates: holds none\n")


def test_the_key_of_notices_belongs_to_the_installations_secret(run: Run):
    said = [run("push-key").out for _ in range(2)]
    assert said[0] == said[1]
    assert len(said[0].strip()) == 87


# --- people, sources, keys ---


def test_an_administrator_is_added_with_a_password_shown_once(run: Run, centre: Parts):
    said = run(
        *"person add Ada --sign-in Ada@zone.example --organisation dender".split(),
        *"--role administrator --role responder --team support --phone 0470998877".split(),
    )
    assert said.status == 0
    with centre.store.read() as session:
        ada = session.scalars(sa.select(Person).where(Person.sign_in == "ada@zone.example")).one()
        assert {held.role for held in ada.roles} == {Role.ADMINISTRATOR, Role.RESPONDER}
        assert len(ada.memberships) == 1
        assert len(phones.reachable(session, [ada.id])[ada.id]) == 1
    assert accounts.matches(accounts.Attempt(False, ada.id, ada.password_hash), said.out.strip())


def test_a_password_may_be_given_on_standard_input_and_is_then_not_printed(run: Run, centre: Parts):
    arguments = "person add Ada --sign-in ada --organisation dender --password-stdin".split()
    assert run(*arguments, stdin="password\n").status == 1
    said = run(*arguments, stdin="vier losse woorden hier\n")
    assert (said.status, said.out) == (0, "")


def test_somebody_is_given_a_new_password(run: Run, centre: Parts):
    with centre.store.write() as session:
        session.scalars(sa.select(Person)).first().sign_in = "an"  # type: ignore[union-attr]
    said = run("person", "password", "AN")
    with centre.store.read() as session:
        an = session.scalars(sa.select(Person).where(Person.sign_in == "an")).one()
    assert accounts.matches(accounts.Attempt(False, an.id, an.password_hash), said.out.strip())
    nobody = run("person", "password", "bert")
    assert (nobody.status, nobody.err) == (1, "dispatch: Nobody signs in as bert.\n")


def test_a_file_that_describes_no_centre_is_refused_with_the_place(run: Run, tmp_path: Path):
    assert run("upgrade").status == 0
    file = tmp_path / "centre.toml"
    file.write_text("[[organisation]\n")
    said = run("centre", str(file))
    assert (said.status, "is not TOML" in said.err, "line 1" in said.err) == (1, True, True)
    file.write_text("[[organisation]]\nkey = 'dender'\n")
    said = run("centre", str(file))
    assert (said.status, said.out) == (1, "")
    assert "organisation dender, name: is missing." in said.err


def test_whatever_does_not_exist_is_named_with_what_does(run: Run, centre: Parts):
    said = run(*"person add Ada --sign-in ada --organisation leie".split())
    assert (said.status, said.err) == (
        1,
        "dispatch: There is no organisation leie. Known: dender.\n",
    )


def test_a_source_and_a_key_show_their_secret_once(run: Run, centre: Parts):
    source = run(*"source add hub --name Hub --organisation dender --team support".split())
    assert source.out.startswith("whsec_")
    key = run(*"api-key add console --scope rota:read --organisation dender".split())
    with centre.store.read() as session:
        row = accounts.api_key(session, key.out.strip(), centre.clock.now())
        assert row is not None
        assert row.scopes == ["rota:read"]
    assert key.out.strip() not in str(one(centre, ApiKey).key_hash)  # type: ignore[attr-defined]


def test_a_calendar_address_is_made_for_whoever_signs_in(run: Run, centre: Parts):
    with centre.store.write() as session:
        session.scalars(sa.select(Person)).first().sign_in = "an"  # type: ignore[union-attr]
    said = run("calendar-address", "AN")
    assert said.out.startswith("http://127.0.0.1:8000/calendars/")
    assert said.out.endswith(".ics\n")
    assert run("calendar-address", "nobody").status == 1


def test_keys_are_rotated_and_what_was_sealed_stays_readable(run: Run, centre: Parts):
    with centre.store.read() as session:
        before = session.scalar(sa.select(sa.func.count()).select_from(SealingKey))
    said = run("key", "rotate")
    assert said.out.startswith(f"{before} keys are new.")
    fresh = wiring.build(os.environ)
    with fresh.store.read() as session:
        (method,) = phones.by_number(session, "+32470123450")
        assert phones.address_of(session, method) == "+32470123450"
        assert session.scalars(sa.select(AuditEntry.action)).all()[-1] == "key.rotated"
    fresh.store.close()


def test_a_changed_audit_record_is_told(run: Run, centre: Parts):
    said = run("audit", "verify")
    assert (said.status, "entries" in said.out) == (1, True)
    assert "are not linked" in said.out


def test_a_proof_of_alert_that_was_changed_is_told(run: Run, centre: Parts, tmp_path: Path):
    taken, now = tmp_path / "proof.csv", centre.clock.now()
    taken.write_text("An,0.000\n")
    with centre.store.write() as session:
        details = {"reference": "D7K-4QX", "content": taken.read_bytes(), "kind": "csv"}
        proof_file.sign_off(session, **details, actor=ADA, now=now, words=False)
        link(session, now)
    assert "proof.csv" not in run("audit", "verify", str(taken)).out
    taken.write_text("Bert,0.000\n")
    said = run("audit", "verify", str(taken))
    assert (said.status, "proof.csv: The file was changed" in said.out) == (1, True)
    said = run("audit", "verify", str(tmp_path / "none.json"))
    assert (said.status, "cannot be read" in said.err) == (1, True)


def test_the_audit_record_of_a_subject_is_told_with_the_reasons(run: Run, centre: Parts):
    now = centre.clock.now()
    with centre.store.write() as session:
        zone = session.scalars(sa.select(Organisation.id)).first()
        assert zone is not None
        words = OwnWords(zone, {"reason": "zij belt terug"})
        record(session, ADA, "narrative.open", "incident:D7K-4QX", {}, now, words=words)
    said = run("audit", "show", "incident:D7K-4QX")
    assert said.status == 0
    assert said.out.startswith(f"{now.isoformat(timespec='seconds')} person:1 narrative.open ")
    assert '"reason": "zij belt terug"' in said.out
    said = run("audit", "show", "incident:XXX-XXX")
    assert (said.status, said.err) == (1, "dispatch: nothing is recorded of incident:XXX-XXX\n")


# --- alerts ---


@pytest.fixture
def hooks(centre: Parts) -> Iterator[str]:
    with served(create_app(centre)) as address:
        yield address


def test_an_alert_is_signed_and_sent(run: Run, centre: Parts, hooks: str, tmp_path: Path):
    alert = tmp_path / "alert.json"
    alert.write_text('{"type": "alert", "reference": "R-é", "category": "fatal_crash"}')
    said = run("alert", "send", str(alert), "--source", "control-room", "--url", hooks)
    assert said.status == 0
    assert '"reference"' in said.out
    assert one(centre, Incident) is not None


def test_an_alert_that_is_not_taken_ends_with_status_1(run: Run, hooks: str, tmp_path: Path):
    alert, secret = tmp_path / "alert.json", tmp_path / "secret"
    alert.write_text("no alert")
    arguments = ["alert", "send", str(alert), "--source", "control-room"]
    assert "answered 422" in run(*arguments, "--url", hooks).err
    secret.write_text("whsec_" + "A" * 44)
    refused = run(*arguments, "--url", hooks, "--secret-file", str(secret))
    assert (refused.status, "answered 401" in refused.err) == (1, True)
    nobody = run(*arguments, "--url", "http://127.0.0.1:9")
    assert (nobody.status, "cannot be reached" in nobody.err) == (1, True)
    assert "There is no source" in run("alert", "send", str(alert), "--source", "x").err
    alert.write_bytes(b"\xff")
    assert "is not UTF-8" in run(*arguments).err
    alert.unlink()
    assert run(*arguments).status == 1


# --- copies ---


def test_a_copy_is_put_back_into_an_empty_database(
    run: Run, centre: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    copy = tmp_path / "copy"
    assert run("backup", str(copy)).status == 0
    assert copy.stat().st_mode & 0o777 == 0o600
    assert run("backup", str(copy)).status == 1
    assert run("restore", str(copy)).status == 1

    monkeypatch.setenv("DISPATCH_DATA_DIR", str(tmp_path / "other"))
    damaged = tmp_path / "damaged"
    damaged.write_bytes(copy.read_bytes()[:20000] + b"\xff" * 20000)
    assert run("restore", str(damaged)).status == 1
    assert run("restore", str(tmp_path / "missing")).status == 1
    assert run("restore", str(copy)).status == 0
    restored = wiring.open_store(settings.load(os.environ))
    with restored.read() as session:
        (method,) = phones.by_number(session, "+32470123450")
        assert phones.address_of(session, method) == "+32470123450"
        assert session.connection().exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    restored.close()


def test_the_copy_is_whole_while_the_centre_writes(run: Run, centre: Parts, tmp_path: Path):
    with centre.store.write() as session:
        session.scalars(sa.select(Person)).first().name = "half done"  # type: ignore[union-attr]
        session.flush()
        assert run("backup", str(tmp_path / "copy")).status == 0
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'copy'}")
    with engine.connect() as connection:
        names = connection.execute(sa.select(Person.name)).scalars().all()
    engine.dispose()
    assert "half done" not in names
    assert len(names) == 3
