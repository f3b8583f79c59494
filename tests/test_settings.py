"""Settings: defaults are complete and safe, and nothing unknown or wrong is taken silently."""

import base64
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dispatch import settings as settings_module
from dispatch.settings import SettingsError, installation_secret, load, shipped
from tests.simulated import GATEWAY_SECRET


def demo() -> dict[str, str]:
    return {"DISPATCH_CONFIG": str(shipped("config") / "demo.toml")}


def refused(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load(environ)
    return str(caught.value)


def test_the_defaults_are_complete_and_safe() -> None:
    settings = load({})
    assert settings.web.host == "127.0.0.1"
    assert settings.web.trusted_proxies == 0
    assert not settings.demo.enabled
    assert settings.demo.password == settings.demo.api_key == settings.twilio.auth_token == ""
    assert settings.database_url == f"sqlite:///{Path('var').absolute()}/dispatch.db"


def test_a_file_overrides_defaults_and_the_environment_overrides_both(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[web]\nport = 8100\nthreads = 64\n[centre]\nlanguages = ["nl", "fr"]\n')
    settings = load({"DISPATCH_CONFIG": str(own), "DISPATCH_WEB__PORT": "8200"})
    assert (settings.web.port, settings.web.threads) == (8200, 64)
    assert settings.centre.languages == ("nl", "fr")
    assert settings.web.host == "127.0.0.1"


def test_the_environment_gives_every_type() -> None:
    settings = load(
        {
            "DISPATCH_CENTRE__LANGUAGES": "sv, nl",
            "DISPATCH_CENTRE__LANGUAGE": "sv",
            "DISPATCH_PAGING__PLAIN_YES": "false",
            "DISPATCH_ENGINE__SWEEP_SECONDS": "2",
            "DISPATCH_TWILIO__SENDER": "+32460200200",
            "DISPATCH_DATABASE_URL": "postgresql://dispatch@db/dispatch",
            "PORT": "1",
        }
    )
    assert settings.centre.languages == ("sv", "nl")
    assert settings.paging.plain_yes is False
    assert settings.engine.sweep_seconds == 2.0
    assert settings.twilio.sender == "+32460200200"
    assert settings.database_url == "postgresql://dispatch@db/dispatch"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"DISPATCH_WEB__PROT": "1"}, "web.prot: no such setting"),
        ({"DISPATCH_WBE__PORT": "1"}, "wbe: no such section"),
        ({"DISPATCH_DATABSE_URL": "x"}, "DISPATCH_DATABSE_URL: no such setting"),
        ({"DISPATCH_WEB__PORT": "eighty"}, "web.port: expected a whole number"),
        ({"DISPATCH_WEB__PORT": "70000"}, "web.port: expected a port"),
        ({"DISPATCH_WEB__THREADS": "0"}, "web.threads: must be above zero"),
        ({"DISPATCH_ENGINE__SWEEP_SECONDS": "nan"}, "engine.sweep_seconds: must be above zero"),
        ({"DISPATCH_PAGING__SEND_LINK": "yes"}, "paging.send_link: expected true or false"),
        ({"DISPATCH_CENTRE__TIME_ZONE": "Brussels"}, "centre.time_zone: expected an IANA time"),
        ({"DISPATCH_CENTRE__LANGUAGE": "de"}, "centre.language: is not in centre.languages"),
        ({"DISPATCH_ENGINE__LEASE_SECONDS": "5"}, "engine.lease_seconds: must outlive a send"),
        ({"DISPATCH_TWILIO__API_BASE": ""}, "twilio.api_base: expected http"),
        ({"DISPATCH_GATEWAY__URL": "http://sms.zone.example"}, "gateway.url: expected https://"),
        ({"DISPATCH_GATEWAY__URL": "https://sms.zone.example"}, "gateway.secrets: is missing"),
        ({"DISPATCH_GATEWAY__SECRETS": "whsec_c2hvcnQ="}, "gateway.secrets: expected whsec_"),
        ({"DISPATCH_MAIL__SECURITY": "ssl"}, "mail.security: expected one of starttls, tls"),
        (
            {"DISPATCH_MAIL__SECURITY": "none", "DISPATCH_MAIL__USERNAME": "dispatch"},
            "mail.security: a password may not travel in the clear",
        ),
        ({"DISPATCH_MAIL__HOST": "mail.zone.example"}, "mail.sender: expected a mail address"),
        ({"DISPATCH_MAIL__CERTIFICATES": "/nowhere"}, "mail.certificates: is no file"),
        ({"DISPATCH_PUSH__CONTACT": "ict@zone.example"}, "push.contact: expected mailto:"),
        ({"DISPATCH_SUPPLIERS__TEXTS": "gateway"}, "suppliers.texts: expected twilio and gateway"),
        ({"DISPATCH_SUPPLIERS__UNCLEAR_SHARE": "50"}, "suppliers.unclear_share: expected 1 or"),
        ({"DISPATCH_LOG__LEVEL": "loud"}, "log.level: expected one of debug, info"),
        ({"DISPATCH_SECRET_KEY": "short"}, "DISPATCH_SECRET_KEY: needs 16 characters"),
        ({"DISPATCH_CONFIG": "/nowhere.toml"}, "/nowhere.toml: cannot be read"),
        ({"DISPATCH_SECRET_KEY_FILE": "/nowhere"}, "DISPATCH_SECRET_KEY_FILE: cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(environ: dict[str, str], sentence: str) -> None:
    assert sentence in refused(environ)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[web]\nport = '8000'", "web.port: expected a whole number"),
        ("[web]\nport = true", "web.port: expected a whole number"),
        ("[web]\nhost = 1", "web.host: expected text"),
        ("[paging]\nplain_yes = 1", "paging.plain_yes: expected true or false"),
        ("[centre]\nlanguages = 'nl'", "centre.languages: expected a list of texts"),
        ("[centre]\nlanguages = [1]", "centre.languages: expected a list of texts"),
        ("[wed]\nport = 1", "wed: no such section"),
        ("port = 1", "port: no such setting outside a section"),
        ("[web", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, content: str, sentence: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(content)
    assert sentence in refused({"DISPATCH_CONFIG": str(own)})


def test_a_secret_may_come_from_a_file_but_not_twice(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from-a-file-of-docker\n")
    environ = {
        "DISPATCH_SECRET_KEY_FILE": str(secret),
        "DISPATCH_TWILIO__AUTH_TOKEN_FILE": str(secret),
    }
    settings = load(environ)
    assert settings.secret_key == settings.twilio.auth_token == "from-a-file-of-docker"
    sentence = refused(environ | {"DISPATCH_SECRET_KEY": "given as well as a file"})
    assert sentence == "DISPATCH_SECRET_KEY: given twice, also as DISPATCH_SECRET_KEY_FILE"


def test_secrets_are_not_shown() -> None:
    settings = load(
        demo()
        | {
            "DISPATCH_SECRET_KEY": "never-to-be-shown",
            "DISPATCH_DATABASE_URL": "postgresql://dispatch:hidden@db/dispatch",
            "DISPATCH_MAIL__PASSWORD": "not for anybody's eyes",
            "DISPATCH_GATEWAY__SECRETS": GATEWAY_SECRET,
        }
    )
    suppliers = (settings.twilio.auth_token, settings.mail.password, GATEWAY_SECRET)
    published = (settings.demo.password, settings.demo.alert_secret, settings.demo.api_key)
    for secret in (settings.secret_key, "hidden", *suppliers, *published):
        assert secret not in repr(settings)


def test_the_demo_is_complete_and_follows_its_port() -> None:
    settings = load(demo() | {"DISPATCH_WEB__PORT": "8123"})
    assert settings.demo.enabled
    assert settings.demo.step_seconds == 20
    assert settings.web.public_url == "http://127.0.0.1:8123"
    assert settings.twilio.api_base == settings.twilio.public_url == "http://127.0.0.1:8123"
    assert settings.gateway.url == "http://127.0.0.1:8123/gateway"
    prefix, _, secret = settings.demo.alert_secret.partition("_")
    assert prefix == "whsec"
    assert len(base64.b64decode(secret)) == 32
    names = [settings.demo.calendar_person, settings.demo.dispatcher, settings.demo.planner]
    assert len({*names, settings.demo.administrator}) == 4


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "centre.example"])
def test_the_demo_is_refused_on_a_network(host: str) -> None:
    assert "demo.enabled: published passwords" in refused(demo() | {"DISPATCH_WEB__HOST": host})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_the_demo_may_listen_on_this_machine(host: str) -> None:
    assert load(demo() | {"DISPATCH_WEB__HOST": host}).demo.enabled


def test_a_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    settings = load({"DISPATCH_DATA_DIR": str(tmp_path / "data")})
    secret = installation_secret(settings)
    path = tmp_path / "data" / "secret.key"
    assert len(secret) >= 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret.key"]
    assert installation_secret(settings) == secret


def test_processes_that_start_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    settings = load({"DISPATCH_DATA_DIR": str(tmp_path)})
    start, found = threading.Barrier(8), []

    def first_start() -> None:
        start.wait()
        found.append(installation_secret(settings))

    threads = [threading.Thread(target=first_start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_derived_keys_differ_by_label_and_by_secret() -> None:
    one = load({"DISPATCH_SECRET_KEY": "the-secret-of-one-centre"})
    other = load({"DISPATCH_SECRET_KEY": "the-secret-of-another"})
    keys = {one.derive("session"), one.derive("sealing"), other.derive("session")}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}
    assert one.derive("session") == one.derive("session")


def test_the_folders_that_come_along_are_found() -> None:
    settings = load({})
    assert (settings.config_dir / "default.toml").is_file()
    assert settings.templates_dir.is_dir()
    assert settings.migrations_dir.is_dir()


def test_every_default_is_explained() -> None:
    lines = (shipped("config") / "default.toml").read_text().splitlines()
    sections = "\n".join(lines).split("\n[")[1:]
    for section in sections:
        name, _, body = section.partition("]\n")
        assert body.startswith("#"), f"[{name}] does not explain its first setting"


def test_the_folders_of_an_installed_package_are_inside_it(tmp_path: Path) -> None:
    package = tmp_path / "dispatch"
    shutil.copytree(shipped("config"), package / "share" / "config")
    source = Path(settings_module.__file__)
    for name in ("__init__.py", "sections.py", "settings.py", "signatures.py"):
        shutil.copy(source.with_name(name), package / name)
    program = "from dispatch.settings import load; print(load({}).config_dir)"
    command = [sys.executable, "-c", program]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == str(package / "share" / "config")
