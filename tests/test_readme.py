"""What the README says is there: its files, the functions it names beside them, its commands."""

import ast
import re
from pathlib import Path

import pytest

from dispatch.__main__ import main

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = r"\]\((?!http)([^)#]+)\)"


def test_every_link_leads_to_a_file_of_the_tree():
    links = re.findall(LINK, TEXT)
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_function_named_beside_its_file_is_in_it():
    named = re.findall(LINK + r"\)?,?\s+`(\w+)`", TEXT)
    assert len(named) > 8
    missing = [(path, name) for path, name in named if name not in names_in(ROOT / path)]
    assert missing == []


def names_in(path: Path) -> set[str]:
    """Return what a module defines at its top level, and the methods of its classes."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
            found |= {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


COMMANDS = [
    "upgrade",
    "centre",
    "check-config",
    "serve",
    "web",
    "engine",
    "key rotate",
    "backup",
    "restore",
    "audit verify",
    "person add",
    "person password",
    "source add",
    "api-key add",
    "calendar-address",
    "alert send",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_it_names_explains_itself(command: str, capsys: pytest.CaptureFixture[str]):
    assert command in TEXT
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    assert "usage: dispatch" in capsys.readouterr().out
