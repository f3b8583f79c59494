"""The `dispatch` command: reads arguments, opens one transaction, calls the core, prints sentences.

Exit status: 0 done; 1 refused or something is wrong; 2 the arguments, settings or tables are
unusable. Secrets are printed once, on standard output, and nowhere else. Running processes is left
to `serving` and `engine`.
"""

import argparse
import contextlib
import functools
import getpass
import json
import os
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import standardwebhooks

from dispatch import (
    audit,
    backup,
    engine,
    founding,
    logs,
    rota_commands,
    schema,
    seal,
    serving,
    wiring,
)
from dispatch.audit import Actor
from dispatch.calendars import feeds
from dispatch.channels import webpush
from dispatch.channels.contract import Kind
from dispatch.clock import SystemClock
from dispatch.errors import DispatchError, Invalid, NotFound
from dispatch.incidents import briefing, catalogue
from dispatch.intake import sources
from dispatch.intake.models import Source
from dispatch.outbox import suppliers
from dispatch.paging import policies, proof_file
from dispatch.people import accounts, phones, staff
from dispatch.people.models import MethodKind, Organisation, Role, Team
from dispatch.people.organisations import by_key
from dispatch.schema import SchemaMismatch
from dispatch.settings import SettingsError
from dispatch.wiring import Parts

_ACTOR = Actor("command", None, getpass.getuser())
_CONTENT_TYPES = {".json": "application/json", ".xml": "application/cap+xml"}
_SEND_SECONDS = 15


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        parts = wiring.build(os.environ)
        with contextlib.closing(parts.store):
            logs.configure(parts.settings.log.level)
            if arguments.needs_tables:
                schema.require_present(parts.store)
            status: int | None = arguments.run(parts, arguments)
    except (SettingsError, SchemaMismatch) as error:
        return _say(error, serving.UNUSABLE)
    except DispatchError as error:
        return _say(error, 1)
    return status or 0


def _say(error: Exception, status: int) -> int:
    print(f"dispatch: {error}", file=sys.stderr)
    return status


# --- processes ---


def _web(parts: Parts, _arguments: argparse.Namespace) -> None:
    _refuse_demo(parts)
    serving.web(parts, os.environ)


def _engine(parts: Parts, _arguments: argparse.Namespace) -> None:
    _refuse_demo(parts)
    engine.run(parts)


def _serve(parts: Parts, _arguments: argparse.Namespace) -> int:
    _refuse_demo(parts)
    print(f"Dispatch: {parts.settings.web.public_url} (Ctrl-C ends it)", flush=True)
    children = {name: serving.command(name) for name in ("web", "engine")}
    return serving.supervise(children, os.environ, serving.Watch(parts.store))


def _demo(_parts: Parts, arguments: argparse.Namespace) -> int:
    # Imported here, because its simulator would cost every other command half a second.
    from dispatch import demo  # noqa: PLC0415

    environ = demo.environment(os.environ)
    parts = wiring.build(environ)
    with contextlib.closing(parts.store):
        logs.configure(parts.settings.log.level)
        _upgrade(parts, arguments)
        return demo.run(parts, environ)


def _refuse_demo(parts: Parts) -> None:
    """Serve no demonstration's data as a real centre's: its passwords are published."""
    if parts.settings.demo.enabled:
        return
    with parts.store.read() as session:
        if session.scalar(sa.select(Source.id).where(Source.key == sources.DEMO)) is not None:
            raise SettingsError(
                "The database is a demonstration's, with published passwords. Start it by "
                "`dispatch demo`, or let DISPATCH_DATA_DIR name another folder."
            )


# --- the database ---


def _upgrade(parts: Parts, _arguments: argparse.Namespace) -> None:
    schema.upgrade(parts.store)
    path = parts.settings.config_dir / "catalogue.toml"
    begun = tomllib.loads(path.read_text(encoding="utf-8"))
    with parts.store.write() as session:
        catalogue.install(session, begun)
        briefing.install(session, begun)
        policies.install(session, begun, parts.clock.now())
    print("The database is ready.")


def _backup(parts: Parts, arguments: argparse.Namespace) -> None:
    backup.write(parts.store, arguments.file)
    print(f"Written to {arguments.file}. Keep the installation's secret apart from it.")


def _restore(parts: Parts, arguments: argparse.Namespace) -> None:
    backup.read(parts.store, arguments.file)
    print("Restored. Run `dispatch upgrade`, then `dispatch audit verify`.")


def _rotate(parts: Parts, _arguments: argparse.Namespace) -> None:
    with parts.store.write() as session:
        count = seal.rotate(session, parts.clock.now())
        audit.record(session, _ACTOR, "key.rotated", "installation", {}, parts.clock.now())
    print(f"{count} keys are new. What was sealed before stays readable.")


def _verify(parts: Parts, arguments: argparse.Namespace) -> int:
    with parts.store.read() as session:
        verdict = audit.verify(session, parts.clock.now())
        faults = list(verdict.faults)
        for path in arguments.proof:
            told = proof_file.check(session, _text(path).encode())
            faults += [f"{path}: {fault}" for fault in told]
    for fault in faults:
        print(fault)
    print(f"{verdict.entries} entries, {verdict.unlinked} of them not linked yet.")
    return 1 if faults else 0


def _show(parts: Parts, arguments: argparse.Namespace) -> int:
    with parts.store.read() as session:
        entries = list(audit.tell(session, arguments.subject))
    for told in entries:
        details = json.dumps(told.details, ensure_ascii=False, sort_keys=True)
        print(f"{told.at.isoformat(timespec='seconds')} {told.actor} {told.action} {details}")
    return 0 if entries else _say(ValueError(f"nothing is recorded of {arguments.subject}"), 1)


def _check(parts: Parts, _arguments: argparse.Namespace) -> int:
    with parts.store.read() as session:
        faults = list(policies.faults(session))
        faults += _uncarried(parts, phones.counts(session))
    for fault in faults:
        print(fault)
    if not faults:
        print("Nothing is wrong.")
    return 1 if faults else 0


def _uncarried(parts: Parts, methods: Mapping[MethodKind, int]) -> Iterator[str]:
    """Yield what stays unsent because a setting is missing."""
    who = suppliers.carriers(parts.channels.values())
    if not who[Kind.CALL]:
        nobody = "nobody can be called" if who[Kind.SMS] else "nobody can be texted or called"
        yield f"twilio.account_sid: empty, so {nobody}."
    elif not parts.settings.twilio.sender:
        yield "twilio.sender: empty, so no text or call can be sent."
    for kind, given, setting in (
        (Kind.MAIL, methods[MethodKind.MAIL], "mail.host"),
        (Kind.PUSH, methods[MethodKind.PUSH], "push.contact"),
    ):
        if given and not who[kind]:
            yield f"{setting}: empty, so {given} confirmed contact methods are of no use."


def _push_key(parts: Parts, _arguments: argparse.Namespace) -> None:
    print(webpush.public_key(parts.settings.derive("web push")))


# --- people and keys ---


def _centre(parts: Parts, arguments: argparse.Namespace) -> None:
    try:
        document = tomllib.loads(_text(arguments.file))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{arguments.file} is not TOML ({error}).") from None
    with parts.store.write() as session:
        now, centre = parts.clock.now(), parts.settings.centre
        said = founding.found(session, document, centre, _ACTOR, now)
    for sentence in said:
        print(sentence)
    print("Nothing that was there already is changed or removed.")


def _password(arguments: argparse.Namespace, *about: str) -> tuple[str, str]:
    """Return a password, read or made, and what is stored of it."""
    password = sys.stdin.readline().rstrip("\n") if arguments.password_stdin else seal.new_token(12)
    accounts.check_password(password, *about)
    return password, accounts.hashed(password)


def _person_password(parts: Parts, arguments: argparse.Namespace) -> None:
    password, stored = _password(arguments, arguments.person)
    with parts.store.write() as session:
        person = staff.by_sign_in(session, arguments.person)
        accounts.set_password(session, person, stored, _ACTOR, parts.clock.now())
    if not arguments.password_stdin:
        print(password)


def _person_add(parts: Parts, arguments: argparse.Namespace) -> None:
    password, stored = _password(arguments, arguments.name, arguments.sign_in)
    now = parts.clock.now()
    with parts.store.write() as session:
        organisation = by_key(session, Organisation, arguments.organisation)
        team = by_key(session, Team, arguments.team) if arguments.team else None
        person = staff.add_person(
            session,
            organisation,
            arguments.name,
            sign_in=arguments.sign_in,
            language=arguments.language or "",
            actor=_ACTOR,
            now=now,
        )
        accounts.set_password(session, person, stored, _ACTOR, now)
        for role in arguments.role:
            in_team = team if role in (Role.RESPONDER, Role.PLANNER) else None
            place = {"team": in_team} if in_team else {"organisation": organisation}
            staff.grant(session, person, role, _ACTOR, now, **place)
        if team:
            staff.join(session, person, team, arguments.member_from, None, _ACTOR, now)
        if arguments.phone:
            method = phones.add_method(
                session, person, MethodKind.MOBILE, arguments.phone, _ACTOR, now
            )
            phones.verify(session, method, _ACTOR, now)
    if not arguments.password_stdin:
        print(password)


def _source_add(parts: Parts, arguments: argparse.Namespace) -> None:
    with parts.store.write() as session:
        _, secret = sources.add_source(
            session,
            arguments.key,
            arguments.name,
            by_key(session, Organisation, arguments.organisation),
            by_key(session, Team, arguments.team),
            _ACTOR,
            parts.clock.now(),
        )
    print(secret)


def _api_key_add(parts: Parts, arguments: argparse.Namespace) -> None:
    with parts.store.write() as session:
        chosen = arguments.organisation
        organisation = by_key(session, Organisation, chosen) if chosen else None
        key = accounts.create_api_key(
            session, arguments.name, organisation, arguments.scope, _ACTOR, parts.clock.now()
        )
    print(key)


def _calendar_address(parts: Parts, arguments: argparse.Namespace) -> None:
    with parts.store.write() as session:
        person = staff.by_sign_in(session, arguments.person)
        token = feeds.create_address(session, person, _ACTOR, parts.clock.now())
    print(f"{parts.settings.web.public_url}/calendars/{token}.ics")


# --- alerts ---


def _alert_send(parts: Parts, arguments: argparse.Namespace) -> int:
    body = _text(arguments.file)
    secret = _secret(parts, arguments)
    at = parts.clock.now()
    webhook_id = f"msg_{seal.new_token()}"
    signature = standardwebhooks.Webhook(secret).sign(webhook_id, at, body)
    address = f"{(arguments.url or parts.settings.web.public_url).rstrip('/')}/hooks/alerts/"
    request = urllib.request.Request(  # noqa: S310 - the address is the operator's own
        address + arguments.source,
        data=body.encode(),
        headers={
            "Content-Type": arguments.type or _CONTENT_TYPES.get(arguments.file.suffix, ""),
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=_SEND_SECONDS) as answer:  # noqa: S310
            print(answer.read().decode())
    except urllib.error.HTTPError as error:
        print(error.read().decode("utf-8", "replace"))
        return _say(ValueError(f"answered {error.code}"), 1)
    except OSError as error:
        return _say(ValueError(f"{address} cannot be reached ({error})"), 1)
    return 0


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8.") from None


def _secret(parts: Parts, arguments: argparse.Namespace) -> str:
    if arguments.secret_file:
        return _text(arguments.secret_file).strip()
    demo = parts.settings.demo
    if demo.enabled and demo.alert_secret and arguments.source == sources.DEMO:
        return demo.alert_secret
    schema.require_present(parts.store)
    with parts.store.read() as session:
        door = sources.door(session, arguments.source, parts.clock.now())
    if door.source is None:
        raise NotFound(f"There is no source {arguments.source} in this database: --secret-file?")
    return door.secrets[-1]


# --- arguments ---


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dispatch", description="On-call rota and dispatch.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "serve", _serve, "serve screens and page people, on one machine")
    _add(commands, "web", _web, "serve screens and hooks")
    _add(commands, "engine", _engine, "page people")
    _add(commands, "demo", _demo, "start a demonstration", tables=False)
    _add(commands, "upgrade", _upgrade, "bring the database to this version", tables=False)
    _add(commands, "check-config", _check, "say what would keep people from being paged")
    _add(commands, "push-key", _push_key, "print what browsers subscribe with", tables=False)
    for name, run, text in (
        ("centre", _centre, "add organisations, teams and people that a file describes"),
        ("backup", _backup, "write a copy of the database"),
        ("restore", _restore, "put a copy back into an empty database"),
    ):
        _add(commands, name, run, text, tables=name != "restore").add_argument("file", type=Path)
    address = _add(commands, "calendar-address", _calendar_address, "make a calendar address")
    address.add_argument("person", help="the name to sign in with")
    _audit_arguments(_group(commands, "audit"))
    _add(_group(commands, "key"), "rotate", _rotate, "seal with new keys from now on")
    _person_arguments(_group(commands, "person"))
    rota_commands.arguments(functools.partial(_add, _group(commands, "rota")), _ACTOR)
    source = _add(_group(commands, "source"), "add", _source_add, "let a police system in")
    source.add_argument("key", help="stands in its address: /hooks/alerts/KEY")
    source.add_argument("--name", required=True)
    source.add_argument("--organisation", required=True, metavar="KEY")
    source.add_argument("--team", required=True, metavar="KEY", help="paged when all else fails")
    key = _add(_group(commands, "api-key"), "add", _api_key_add, "let a machine read")
    key.add_argument("name")
    key.add_argument("--scope", action="append", required=True, choices=sorted(accounts.SCOPES))
    key.add_argument("--organisation", metavar="KEY", help="default: every organisation")
    alert = _add(_group(commands, "alert"), "send", _alert_send, "sign and send", tables=False)
    alert.add_argument("file", type=Path)
    alert.add_argument("--source", required=True)
    alert.add_argument("--url", help="default: this centre")
    alert.add_argument("--type", help="content type; default: by the file's name")
    alert.add_argument("--secret-file", type=Path, help="default: the secret in the database")
    return parser


def _audit_arguments(record: Any) -> None:
    verify = _add(record, "verify", _verify, "check the audit record")
    verify.add_argument(
        "proof",
        nargs="*",
        type=Path,
        help="proofs of alert taken from here, to check too",
    )
    show = _add(record, "show", _show, "say who did what, with the reasons they gave")
    show.add_argument("subject", help="such as incident:D7K-4QX")


def _person_arguments(people: Any) -> None:
    fresh = _add(people, "password", _person_password, "give somebody a new password")
    fresh.add_argument("person", help="the name to sign in with")
    person = _add(people, "add", _person_add, "add somebody")
    person.add_argument("name")
    person.add_argument("--sign-in", required=True, help="usually the mail address")
    person.add_argument("--organisation", required=True, metavar="KEY")
    person.add_argument("--team", metavar="KEY")
    person.add_argument("--role", action="append", type=Role, choices=list(Role), default=[])
    person.add_argument("--language")
    person.add_argument("--phone", help="a mobile, taken as confirmed")
    person.add_argument(
        "--member-from",
        type=date.fromisoformat,
        default=SystemClock().now().date(),
        help="first day in the team; default: today",
    )
    for command in (fresh, person):
        command.add_argument(
            "--password-stdin", action="store_true", help="read it; default: make and print one"
        )


def _group(commands: Any, name: str) -> Any:
    group = commands.add_parser(name)
    return group.add_subparsers(required=True, metavar="COMMAND")


def _add(
    commands: Any,
    name: str,
    run: Callable[[Parts, argparse.Namespace], int | None],
    text: str,
    *,
    tables: bool = True,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run, needs_tables=tables)
    return parser


if __name__ == "__main__":
    sys.exit(main())
