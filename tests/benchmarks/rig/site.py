"""A centre to be measured: its processes as an installation starts them, on either database.

The web under gunicorn, the engine and the simulated supplier are processes of their own; whoever
measures is another one. PostgreSQL runs with fsync, unlike in the tests. The small centre of the
tests is brought to the present; a page is one text, with its next attempt an hour away, so that
each figure is of one thing.
"""

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import requests
import sqlalchemy as sa

from dispatch import schema, upkeep, wiring
from dispatch.channels.contract import State
from dispatch.clock import SystemClock
from dispatch.db import Session, Store
from dispatch.outbox.models import Message
from dispatch.paging.models import Callout, Page, PolicyStep
from dispatch.people import phones
from dispatch.people.models import Certificate, Membership, MethodKind, Person
from dispatch.rota.models import Shift
from dispatch.simulator.state import Account
from tests import centre
from tests.benchmarks.figures import scratch
from tests.centre import ADA, Centre
from tests.databases import make_database
from tests.postgres import cluster
from tests.simulated import ACCOUNT, SimulatedTwilio, free_port

_ROOT = Path(__file__).parents[3]
_HOUR = 3600


class Database(NamedTuple):
    """A database that holds nothing yet."""

    name: str
    url: str
    folder: Path


def databases() -> Iterator[Database]:
    """Give one on SQLite, then one on PostgreSQL; the one before is gone by then."""
    with scratch() as folder:
        yield Database("SQLite", f"sqlite:///{folder.absolute() / 'dispatch.db'}", folder)
    with scratch() as folder, cluster(durable=True) as server:
        yield Database("PostgreSQL", make_database(server, "dispatch_bench"), folder)


@dataclass
class Site:
    """The centre as whoever measures holds it."""

    environ: dict[str, str]
    folder: Path
    store: Store
    cast: Centre
    url: str
    twilio: SimulatedTwilio
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @contextmanager
    def running(self, *commands: str) -> Iterator[None]:
        """Run commands of the product ("web", "engine") and wait until they work."""
        environ = {**os.environ, **self.environ}
        try:
            for command in commands:
                argv = [sys.executable, "-m", "dispatch", command]
                with (self.folder / f"{command}.log").open("ab") as log:
                    process = subprocess.Popen(argv, cwd=_ROOT, env=environ, stderr=log)
                self.processes[command] = process
            for command in commands:
                self.twilio.wait_until(
                    lambda command=command: self._works(command),
                    60,
                    lambda command=command: (self.folder / f"{command}.log").read_text()[-3000:],
                )
            yield
        finally:
            for process in self.processes.values():
                process.terminate()
            for process in self.processes.values():
                process.wait(20)
            self.processes.clear()

    def worked(self, command: str) -> float:
        """Return the seconds of a processor that a command and its children have used (Linux).

        Beside rates, because it tells the same on a machine that others use too.
        """
        own = self.processes[command].pid
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if own in (int(stat.parent.name), int(fields[1])):
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def _works(self, command: str) -> bool:
        if command == "engine":
            with self.store.read() as session:
                return upkeep.age(session, "engine", SystemClock().now()) is not None
        try:
            return requests.get(f"{self.url}/ready", timeout=5).ok
        except requests.RequestException:
            return False


@contextmanager
def site(database: Database, account: Account = ACCOUNT, **settings: str) -> Iterator[Site]:
    """Set up the centre and start the supplier, with settings of one's own (TWILIO__SENDER=...)."""
    url, port = f"http://127.0.0.1:{free_port()}", free_port()
    environ = {
        "DISPATCH_DATA_DIR": str(database.folder.absolute()),
        "DISPATCH_DATABASE_URL": database.url,
        "DISPATCH_SECRET_KEY": "a secret of the benchmarks",
        "DISPATCH_WEB__PORT": url.rpartition(":")[2],
        # An installation stops a sender that has gone mad; here it is the question.
        "DISPATCH_INTAKE__AUTHENTIC_PER_MINUTE": "1000000",
        **SimulatedTwilio(f"http://127.0.0.1:{port}").environment(url),
        **{f"DISPATCH_{name}": value for name, value in settings.items()},
    }
    with ExitStack() as stack:
        parts = wiring.build(environ)
        stack.callback(parts.store.close)
        schema.upgrade(parts.store)
        cast = centre.build(parts.store)
        with parts.store.write() as session:
            _bring_to_present(session, parts.clock.now() - centre.NOW)
        supplier = SimulatedTwilio.as_process(f"{url}/hooks/twilio/sms", 0.3, port, account)
        twilio = stack.enter_context(supplier)
        yield Site(environ, database.folder, parts.store, cast, url, twilio)


def _bring_to_present(session: Session, passed: timedelta) -> None:
    for shift in session.scalars(sa.select(Shift)):
        shift.starts_at, shift.ends_at = shift.starts_at + passed, shift.ends_at + passed
    for step in session.scalars(sa.select(PolicyStep)):
        step.after_seconds = step.position * _HOUR
        step.attempts = [["sms", 0], ["call", _HOUR]]


def add_people(site: Site, count: int) -> list[Person]:
    """Add members of the team, trained and with a mobile each; nobody has put them on duty."""
    cast, now = site.cast, SystemClock().now()
    with site.store.write() as session:
        people = [
            Person(organisation_id=cast.organisation.id, name=f"Guest {number}", created_at=now)
            for number in range(count)
        ]
        session.add_all(people)
        session.flush()
        for number, person in enumerate(people):
            day = date(2020, 1, 1)
            session.add(Membership(person_id=person.id, team_id=cast.team.id, from_on=day))
            session.add(Certificate(person_id=person.id, qualification_id=1, issued_on=day))
            mobile = f"+32470{200000 + number}"
            method = phones.add_method(session, person, MethodKind.MOBILE, mobile, ADA, now)
            phones.verify(session, method, ADA, now)
    return people


def close_all(site: Site, *, sent: bool = True) -> None:
    """End every incident, as a night ends them one by one: codes are free and nothing is due.

    Waits until every text is delivered; with `sent` false, no engine runs and none will be.
    """
    if sent:
        late = functools.partial(_undelivered, site)
        site.twilio.wait_until(lambda: not late(), 60, lambda: f"{late()} texts not delivered")
    with site.store.write() as session:
        unsent = Message.status == State.PENDING
        session.execute(
            sa.update(Message).where(unsent).values(status=State.WITHDRAWN, due_at=None)
        )
        session.execute(sa.update(Callout).values(due_at=None))
        session.execute(sa.update(Page).values(ended_at=SystemClock().now(), code=""))


def _undelivered(site: Site) -> int:
    with site.store.read() as session:
        query = sa.select(sa.func.count(Message.id)).where(
            Message.status.not_in((State.DELIVERED, State.WITHDRAWN))
        )
        return session.scalar(query) or 0
