"""What an installation may choose, read once at the start and never changed afterwards.

`config/default.toml` explains every key and is the only home of defaults; a file of the
installation and then the environment override it. A key that nobody knows, a value of the wrong
type and a demonstration open to the network are refused with the key's name, because an
installation that quietly ignores a setting is found out during a call-out. Secrets stay out of
`repr`. What the settings mean is left to the modules that read them.
"""

import ipaddress
import os
import secrets
import tomllib
import typing
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dispatch import signatures
from dispatch.sections import (
    Cases,
    Centre,
    Database,
    Demo,
    Engine,
    Gateway,
    Intake,
    Log,
    Mail,
    Paging,
    Push,
    Suppliers,
    Twilio,
    Watchdog,
    Web,
)


class SettingsError(ValueError):
    """A setting cannot be used; the sentence names the key and says what is expected."""


@dataclass(frozen=True)
class Settings:
    """Everything chosen for this installation."""

    centre: Centre
    database: Database
    web: Web
    intake: Intake
    paging: Paging
    cases: Cases
    engine: Engine
    twilio: Twilio
    gateway: Gateway
    mail: Mail
    push: Push
    suppliers: Suppliers
    watchdog: Watchdog
    log: Log
    demo: Demo
    data_dir: Path
    secret_key: str = field(repr=False)
    config_dir: Path
    templates_dir: Path
    migrations_dir: Path

    @property
    def database_url(self) -> str:
        """The database chosen, or else the SQLite file in the data folder."""
        return self.database.url or f"sqlite:///{self.data_dir.absolute() / 'dispatch.db'}"

    def derive(self, label: str) -> bytes:
        """Return the 32-byte key for one use; keys of different labels tell nothing of another."""
        kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"dispatch {label}".encode())
        return kdf.derive(installation_secret(self).encode())


SECTIONS: dict[str, type] = {
    name: kind
    for name, kind in typing.get_type_hints(Settings).items()
    if name not in ("data_dir", "secret_key", "config_dir", "templates_dir", "migrations_dir")
}

#: Numbers that may be zero; everywhere else zero would mean "never" or "without pause".
_MAY_BE_ZERO = {
    "web.trusted_proxies",
    "paging.stranger_answers_per_hour",
    "twilio.texts_per_second",
    "gateway.texts_per_second",
    "cases.facts_seconds",
    "cases.relief_hours",
    "demo.step_seconds",
}
_SECURITY = ("starttls", "tls", "none")
_ENDLESS = float("inf")
_SECRET_LENGTH = 16


def load(environ: Mapping[str, str]) -> Settings:
    """Read defaults, the file named by DISPATCH_CONFIG and the environment, in this order.

    Raises SettingsError naming the first key that cannot be used.
    """
    chosen = _read(shipped("config") / "default.toml")
    own = environ.get("DISPATCH_CONFIG")
    for section, keys in _read(Path(own)).items() if own else ():
        chosen.setdefault(section, {}).update(keys)
    secret_key, data_dir = "", "var"
    for name, value in _from_environment(environ):
        if name == "DISPATCH_SECRET_KEY":
            secret_key = value
        elif name == "DISPATCH_DATA_DIR":
            data_dir = value or data_dir
        elif name == "DISPATCH_DATABASE_URL":
            chosen["database"]["url"] = value
        else:
            section, separator, key = name.removeprefix("DISPATCH_").lower().partition("__")
            if not separator:
                raise SettingsError(f"{name}: no such setting")
            chosen.setdefault(section, {})[key] = _Text(value)
    if secret_key and len(secret_key) < _SECRET_LENGTH:
        raise SettingsError(f"DISPATCH_SECRET_KEY: needs {_SECRET_LENGTH} characters or more")
    sections = {name: _section(name, keys) for name, keys in chosen.items()}
    return _completed(
        Settings(
            **sections,
            data_dir=Path(data_dir),
            secret_key=secret_key,
            config_dir=shipped("config"),
            templates_dir=shipped("templates"),
            migrations_dir=shipped("migrations"),
        )
    )


def shipped(folder: str) -> Path:
    """Return a folder that comes with the program, from a wheel or a checkout."""
    package = Path(__file__).parent
    installed = package / "share" / folder
    return installed if installed.is_dir() else package.parent / folder


def installation_secret(settings: Settings) -> str:
    """Return the installation's secret, made in the data folder at the first start.

    Several processes starting at once agree on one secret.
    """
    if settings.secret_key:
        return settings.secret_key
    path = settings.data_dir / "secret.key"
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"secret.key.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
        file.flush()
        os.fsync(file.fileno())
    # Linking fails when the name exists: whoever comes second reads the first one's secret, and
    # nobody ever sees half a file.
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text().strip()


class _Text(str):
    """A value from the environment: text that still has to become the key's type."""


def _read(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: is not TOML ({error})") from error
    for name, keys in content.items():
        if not isinstance(keys, dict):
            raise SettingsError(f"{name}: no such setting outside a section")
    return content


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield our variables; NAME_FILE gives NAME the content of a file."""
    for name, value in sorted(environ.items()):
        if not name.startswith("DISPATCH_") or name == "DISPATCH_CONFIG":
            continue
        plain = name.removesuffix("_FILE")
        if plain == name:
            yield name, value
        elif plain in environ:
            raise SettingsError(f"{plain}: given twice, also as {name}")
        else:
            try:
                yield plain, Path(value).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError(f"{name}: cannot be read ({error.strerror})") from error


def _section(name: str, keys: Mapping[str, Any]) -> Any:
    kind = SECTIONS.get(name)
    if kind is None:
        raise SettingsError(f"{name}: no such section")
    types = typing.get_type_hints(kind)
    values = {}
    for key, value in keys.items():
        if key not in types:
            raise SettingsError(f"{name}.{key}: no such setting")
        values[key] = _value(f"{name}.{key}", types[key], value)
    return kind(**values)


_READERS: dict[type, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: lambda text: {"true": True, "false": False}[text.lower()],
}
_EXPECTED = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _value(name: str, kind: Any, value: Any) -> Any:
    if kind == tuple[str, ...]:
        parts = value.split(",") if isinstance(value, _Text) else value
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise SettingsError(f"{name}: expected a list of texts")
        return tuple(part.strip() for part in parts if part.strip())
    expected = SettingsError(f"{name}: expected {_EXPECTED[kind]}")
    if isinstance(value, _Text):
        try:
            value = _READERS[kind](str(value))
        except (ValueError, KeyError):
            raise expected from None
    elif kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise expected
    if kind in (int, float) and not (0 < value < _ENDLESS or (value == 0 and name in _MAY_BE_ZERO)):
        raise SettingsError(f"{name}: must be above zero")
    return value


def _completed(settings: Settings) -> Settings:
    """Fill addresses that follow others, and refuse what would fail later."""
    here = f"http://{_bracketed(settings.web.host)}:{settings.web.port}"
    web = replace(settings.web, public_url=(settings.web.public_url or here).rstrip("/"))
    api_base = settings.twilio.api_base or (here if settings.demo.enabled else "")
    public_url = settings.twilio.public_url or web.public_url
    twilio = replace(
        settings.twilio, api_base=api_base.rstrip("/"), public_url=public_url.rstrip("/")
    )
    gateway = replace(
        settings.gateway,
        url=settings.gateway.url or (f"{here}/gateway" if settings.demo.enabled else ""),
        public_url=(settings.gateway.public_url or web.public_url).rstrip("/"),
    )
    settings = replace(settings, web=web, twilio=twilio, gateway=gateway)
    for name, fine, expected in _rules(settings):
        if not fine:
            raise SettingsError(f"{name}: {expected}")
    return settings


def _rules(settings: Settings) -> list[tuple[str, bool, str]]:
    centre, web, log = settings.centre, settings.web, settings.log
    levels = ("debug", "info", "warning", "error")
    local = not settings.demo.enabled or _is_loopback(web.host)
    address = ("http://", "https://")
    return [
        ("centre.time_zone", _is_zone(centre.time_zone), "expected an IANA time zone"),
        ("centre.language", centre.language in centre.languages, "is not in centre.languages"),
        ("centre.country", len(centre.country) == 2, "expected two letters"),
        ("web.port", web.port < 65536, "expected a port"),
        ("web.public_url", web.public_url.startswith(address), "expected http(s)://..."),
        ("twilio.api_base", settings.twilio.api_base.startswith(address), "expected http(s)://..."),
        ("engine.lease_seconds", settings.engine.lease_seconds > 10, "must outlive a send (10 s)"),
        ("log.level", log.level in levels, f"expected one of {', '.join(levels)}"),
        ("demo.enabled", local, "published passwords, so web.host must be this machine itself"),
        *_supplier_rules(settings),
        *_watchdog_rules(settings),
    ]


def _supplier_rules(settings: Settings) -> list[tuple[str, bool, str]]:
    gateway, mail, push = settings.gateway, settings.mail, settings.push
    keys = all(signatures.is_secret(secret) for secret in gateway.secrets)
    contact = push.contact.startswith(("mailto:", "https://"))
    known = set(settings.suppliers.texts) == {"twilio", "gateway"}
    return [
        ("gateway.url", _is_private(gateway.url), _PRIVATE),
        ("gateway.secrets", keys, "expected whsec_ and 24 to 64 bytes in base64, each"),
        ("gateway.secrets", bool(gateway.secrets) or not gateway.url, "is missing"),
        ("mail.port", mail.port < 65536, "expected a port"),
        ("mail.security", mail.security in _SECURITY, f"expected one of {', '.join(_SECURITY)}"),
        (
            "mail.security",
            mail.security != "none" or not mail.username,
            "a password may not travel in the clear",
        ),
        (
            "mail.certificates",
            not mail.certificates or Path(mail.certificates).is_file(),
            "is no file",
        ),
        ("mail.sender", "@" in mail.sender or not mail.host, "expected a mail address"),
        ("push.contact", contact or not push.contact, "expected mailto:... or https://..."),
        ("suppliers.texts", known, "expected twilio and gateway, the preferred one first"),
        ("suppliers.unclear_share", settings.suppliers.unclear_share <= 1, "expected 1 or less"),
    ]


def _watchdog_rules(settings: Settings) -> list[tuple[str, bool, str]]:
    told = settings.watchdog
    keys = all(signatures.is_secret(secret) for secret in told.secrets)
    addresses = all("@" in address for address in told.mail)
    return [
        ("watchdog.mail", addresses, "expected mail addresses"),
        ("watchdog.mail", not told.mail or bool(settings.mail.host), "needs mail.host"),
        ("watchdog.url", _is_private(told.url), _PRIVATE),
        ("watchdog.ping_url", _is_private(told.ping_url), _PRIVATE),
        ("watchdog.secrets", keys, "expected whsec_ and 24 to 64 bytes in base64, each"),
    ]


_PRIVATE = "expected https://... (http:// only on this machine)"


def _is_private(url: str) -> bool:
    """Tell whether nobody on the way can read what goes to an address, or there is none."""
    if not url or url.startswith("https://"):
        return True
    return url.startswith("http://") and _is_loopback(urlsplit(url).hostname or "")


@cache
def _is_zone(name: str) -> bool:
    # Looks through every file of the time zones.
    return name in zoneinfo.available_timezones()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
