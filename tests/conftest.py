"""The ground of every test: a clock that stands still and a database that is empty.

`store` runs its test on SQLite and on PostgreSQL; `--database sqlite` or `postgresql` chooses one,
and a test marked with one of these is about that one alone.
The PostgreSQL server is the test run's own, started once and shared by all its processes, unless
TEST_DATABASE_URL names another: a superuser's address on a server that holds nothing else.
"""

import gc
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import flask
import hypothesis
import jinja2
import pytest

from dispatch import settings as settings_
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.settings import Settings
from tests.databases import PostgresDatabases, SqliteDatabases, Statements
from tests.postgres import cluster

INSTALLATION_KEY = bytes(range(32))

# A busy machine is no fault of what is tested, and two runs of CI on one commit try the same cases.
hypothesis.settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("tests")

_KINDS = ["sqlite", "postgresql"]

_server = pytest.StashKey[str]()
_open = pytest.StashKey[ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=["sqlite", "postgresql", "both"],
        default="both",
        help="run tests that need a database on this one (default: on both)",
    )
    parser.addoption(
        "--crashes",
        type=int,
        default=0,
        help="how often the crash tests kill on each database (default: once at every boundary)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_open] = ExitStack()


def pytest_collection_finish() -> None:
    """Keep the collector of garbage from walking through all modules and tests again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_open].close()


def pytest_terminal_summary(terminalreporter) -> None:
    """Print what tests counted: `record_property("figure", sentence)`."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    figures = [
        value
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == "figure"
    ]
    if figures:
        terminalreporter.section("counted")
    for figure in figures:
        terminalreporter.line(figure)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one more than there are processors: much here waits for a process or a browser."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    """Give the server's address to another process of this test run."""
    if node.config.option.database != "sqlite":
        node.workerinput["postgres"] = _postgres(node.config)


def _postgres(config: pytest.Config) -> str:
    """Return the server's address; the first process of the test run starts it."""
    if _server not in config.stash:
        shared = getattr(config, "workerinput", {}).get("postgres")
        address = shared or os.environ.get("TEST_DATABASE_URL")
        config.stash[_server] = address or config.stash[_open].enter_context(cluster())
    return config.stash[_server]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database" in metafunc.fixturenames:
        chosen = metafunc.config.option.database
        alone = [kind for kind in _KINDS if metafunc.definition.get_closest_marker(kind)]
        if alone:
            (chosen,) = alone
        elif chosen == "both" and "browser" in metafunc.definition.path.parts:
            chosen = "sqlite"  # a screen looks the same, and what it asks is tested without one
        kinds = _KINDS if chosen == "both" else [chosen]
        metafunc.parametrize("database", kinds, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the database alone that is not asked for."""
    others = {"both": [], "sqlite": ["postgresql"], "postgresql": ["sqlite"]}
    for kind in others[config.option.database]:
        left_out = [item for item in items if item.get_closest_marker(kind)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Fail the test that leaves the product's loggers changed, and not one that comes later."""
    yield
    ours = [
        one
        for name, one in logging.root.manager.loggerDict.items()
        if name.partition(".")[0] == "dispatch" and isinstance(one, logging.Logger)
    ]
    assert not [one for one in ours if one.level or one.disabled or not one.propagate]
    assert (logging.root.level, logging.root.manager.disable) == (logging.WARNING, 0)


@pytest.fixture(scope="session", autouse=True)
def templates_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Share compiled templates, for most tests make an application of their own."""
    cache = jinja2.FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flask.Flask, "jinja_options", {"bytecode_cache": cache})
        yield


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    return SqliteDatabases(tmp_path_factory.mktemp("schema"))


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> str:
    """The address of the server's `postgres` database."""
    return _postgres(pytestconfig)


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str, worker_id: str) -> Iterator[PostgresDatabases]:
    databases = PostgresDatabases(postgres_server, f"dispatch_test_{worker_id}")
    yield databases
    databases.close()


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database with the present schema."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_databases").empty(tmp_path)
    return request.getfixturevalue("postgres_databases").empty()


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """The defaults, for `database`."""
    return settings_.load(
        {
            "DISPATCH_DATA_DIR": str(tmp_path),
            "DISPATCH_DATABASE_URL": database,
            "DISPATCH_TWILIO__API_BASE": "http://127.0.0.1:9",
        }
    )


@pytest.fixture(scope="session")
def statements() -> Statements:
    """What was compiled for any database."""
    return Statements.shared()


@pytest.fixture
def store(database: str, settings: Settings, statements: Statements) -> Iterator[Store]:
    """An empty centre's database."""
    opened = Store(database, settings=settings, installation_key=INSTALLATION_KEY)
    opened.engine.update_execution_options(compiled_cache=statements)
    yield opened
    # Whoever is still answering a request gives its connection back first.
    waited = threading.Event()
    for _ in range(200):
        if opened.engine.pool.checkedout() == 0:
            break
        waited.wait(0.02)
    opened.close()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at a Saturday afternoon until the test moves it."""
    return ManualClock(datetime(2026, 3, 14, 13, 2, tzinfo=UTC))
