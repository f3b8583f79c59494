"""The tests' own PostgreSQL server: it works, is closed to the network, and leaves nothing."""

import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.postgres import cluster, crash, libpq, programs, promote, standby


def _folder(url: str) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0])


def test_a_server_answers_on_a_socket_alone_and_is_gone_afterwards():
    with cluster() as url, psycopg.connect(libpq(url)) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert len(str(_folder(url) / ".s.PGSQL.5432")) < 100
        assert connection.info.server_version >= 180000
    assert not _folder(url).exists()


def test_a_server_ends_when_whoever_started_it_is_killed():
    program = (
        "import time\nfrom tests.postgres import cluster\n"
        "with cluster() as url:\n    print(url, flush=True)\n    time.sleep(60)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    folder = _folder(starter.stdout.readline().strip())
    assert folder.exists()
    starter.kill()
    starter.wait()
    starter.stdout.close()
    deadline = time.monotonic() + 10
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()


def test_programs_can_be_run():
    assert os.access(programs() / "pg_dump", os.X_OK)


def test_a_standby_holds_what_was_committed_and_takes_over():
    with cluster(durable=True) as first, standby(first) as second:
        with psycopg.connect(libpq(first)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS value")
        crash(first)
        promote(second)
        with psycopg.connect(libpq(second)) as connection:
            assert connection.execute("SELECT value FROM kept").fetchone() == (1,)
