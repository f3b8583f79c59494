"""`config/deploy` fits the product: its commands, settings, addresses and links are there."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from dispatch.__main__ import main
from dispatch.rota.imports.sheets import MOST_BYTES
from dispatch.settings import SECTIONS, Settings, shipped
from dispatch.web import create_app
from dispatch.wiring import Parts

FOLDER = shipped("config") / "deploy"
FILES = [path for path in FOLDER.rglob("*") if path.is_file()]
#: What stands outside the sections; DISPATCH_CONFIG names a file of them.
PLAIN = {"CONFIG", "DATA_DIR", "DATABASE_URL", "SECRET_KEY"}


def test_every_setting_named_is_one():
    known = PLAIN | {
        f"{section}__{field.name}".upper()
        for section, kind in SECTIONS.items()
        for field in fields(kind)
    }
    named = {
        name.removesuffix("_FILE")
        for path in FILES
        for name in re.findall(r"\bDISPATCH_([A-Z_]+)", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 6
    assert named - known == set()


def _commands() -> set[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    found = re.findall(r"(?:bin/|^|`)dispatch ((?:audit )?[a-z][a-z-]+)", text, re.MULTILINE)
    # In the composition a command stands in brackets.
    return {*found, *re.findall(r"command: \[([a-z-]+)\]", text)}


@pytest.mark.parametrize("command", sorted(_commands()))
def test_every_command_is_one(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_the_commands_were_found():
    assert {"serve", "web", "engine", "upgrade", "backup", "restore"} <= _commands()


def test_the_proxy_knows_our_addresses_and_lets_through_what_we_take(
    store, settings: Settings, clock
):
    proxy = (FOLDER / "nginx/dispatch.conf").read_text(encoding="utf-8")
    app = create_app(Parts(settings, store, clock))
    ours = {rule.rule for rule in app.url_map.iter_rules()}
    assert set(re.findall(r"location = (\S+)", proxy)) == {"/live", "/metrics"} <= ours
    secret = {rule for rule in ours if re.search(r"<(path:)?token>", rule)}
    assert {f"/{rule.split('/')[1]}/" for rule in secret} == set(
        re.findall(r"~\^(/\w+/)", proxy)
    ), "a secret of an address would stand in the proxy's log"
    [largest] = re.findall(r"client_max_body_size (\d+)m", proxy)
    assert int(largest) * 2**20 > max(settings.intake.body_limit, MOST_BYTES)


@pytest.mark.parametrize("guide", sorted(FOLDER.rglob("*.md")), ids=lambda path: path.name)
def test_every_link_of_a_guide_leads_to_a_file(guide: Path):
    links = re.findall(r"\]\((?!http)([^)#]+)\)", guide.read_text(encoding="utf-8"))
    assert [link for link in links if not (guide.parent / link).exists()] == []
