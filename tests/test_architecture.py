"""Rules of the whole tree that no single test sees: layers, sizes, names, and what may not leak."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]

FILE_LINES = 500
FUNCTION_LINES = 40
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "service", "base", "handler"}


@cache
def tracked() -> list[Path]:
    """Return every file of the tree that git knows or would know."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]


def modules(*folders: str) -> list[Path]:
    """Return the Python files below `folders`."""
    return [
        path
        for path in tracked()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders
    ]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def parsed(path: Path) -> ast.Module:
    return ast.parse(text(path))


def test_imports_point_down_the_layers():
    # In a process of its own: the linter silences every logger of the one it runs in.
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_layer_that_exists_is_not_optional():
    contracts = tomllib.loads(text(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    optional = set(re.findall(r"\((\w+)\)", " ".join(contracts[0]["layers"])))
    there = {path.relative_to(ROOT / "dispatch").parts[0] for path in modules("dispatch")}
    assert {layer for layer in optional if {layer, f"{layer}.py"} & there} == set()


def test_every_module_says_what_it_is_for():
    # An empty file that only marks a package has nothing to say.
    trees = ((path, parsed(path)) for path in modules("dispatch", "tests", "migrations"))
    silent = [path for path, tree in trees if tree.body and not ast.get_docstring(tree)]
    assert silent == []


def test_modules_are_short():
    lines = {name_of(path): len(text(path).splitlines()) for path in modules("dispatch", "tests")}
    assert {name: count for name, count in lines.items() if count > FILE_LINES} == {}


def test_functions_are_short():
    lines = {
        f"{name_of(path)}: {name}": count
        for path in modules("dispatch")
        for name, count in functions(parsed(path))
    }
    assert {name: count for name, count in lines.items() if count >= FUNCTION_LINES} == {}


def functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each function with its lines, less its docstring and the functions inside it."""
    for node in ast.walk(tree):
        if isinstance(node, FUNCTION):
            told = [node.body[0]] if ast.get_docstring(node) else []
            inner = [child for child in node.body if isinstance(child, FUNCTION)]
            yield node.name, span(node) - sum(span(part) for part in [*told, *inner])


def span(node: ast.stmt) -> int:
    """Return how many lines it takes."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_modules_are_named_after_ideas():
    names = [name_of(path) for path in modules("dispatch", "tests")]
    assert [name for name in names if BANNED_NAMES & set(re.findall(r"\w+", name))] == []


# Assembled from halves, so that this file does not contain what it looks for.
LEAKS = re.compile(
    "|".join(
        [
            "pyp" + r"i\.org",
            "pythonho" + r"sted\.org",
            "npm" + r"js\.(org|com)",
            "npm" + "mirror",
            "deb\\." + r"debian\.org",
            "/wor" + "k/(main|shared|steering)",
            "/ro" + "ot/",
            "/hom" + "e/[a-z]",
            "bash" + "_jobs",
        ]
    )
)


def test_no_file_names_a_registry_or_a_place_on_somebodys_machine():
    found = [
        f"{name_of(path)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        if not path.name.endswith(".min.js")
        for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), 1)
        if LEAKS.search(line)
    ]
    assert found == []


def test_only_the_store_commits():
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules("dispatch")
        if path != ROOT / "dispatch" / "db.py"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and node.attr == "commit"
    ]
    assert found == []
