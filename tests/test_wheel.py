"""The wheel holds everything: installed elsewhere, it makes its tables and checks itself."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel is installed in; what it depends on comes from the environment."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", folder, wheel], check=True, capture_output=True)
    return folder


def dispatch(installed: Path, data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the installed program, far from the checkout."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(installed),
        "DISPATCH_DATA_DIR": str(data),
        "DISPATCH_TWILIO__API_BASE": "http://127.0.0.1:9",
        "DISPATCH_TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
        "DISPATCH_TWILIO__AUTH_TOKEN": "not-a-real-token",
        "DISPATCH_TWILIO__SENDER": "+32460200200",
    }
    return subprocess.run(
        [installed / "bin" / "dispatch", *arguments],
        cwd=data,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_the_installed_program_is_the_one_from_the_wheel(installed: Path, tmp_path: Path):
    found = subprocess.run(
        [sys.executable, "-c", "import dispatch; print(dispatch.__file__)"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert Path(found.stdout.strip()).is_relative_to(installed)


def test_nothing_but_the_package_and_its_folders_is_in_the_wheel(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"dispatch", "dispatch-0.1.0.dist-info"}
    for folder in ("templates", "migrations", "config"):
        wanted = {
            f"dispatch/share/{path.relative_to(ROOT)}"
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert wanted <= set(names)


def test_an_installed_dispatch_makes_its_tables_and_finds_nothing_wrong(
    installed: Path, tmp_path: Path
):
    upgraded = dispatch(installed, tmp_path, "upgrade")
    assert upgraded.returncode == 0, upgraded.stderr
    checked = dispatch(installed, tmp_path, "check-config")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_installed_dispatch_speaks_more_than_english(installed: Path, tmp_path: Path):
    told = subprocess.run(
        [sys.executable, "-c", "from dispatch.texts import say; print(say('nl', 'CALL-OUT'))"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip() == "OPROEP", told.stderr
