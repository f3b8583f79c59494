"""Who is on duty, asked of the function in process and over HTTP; always from the rows."""

from dispatch.clock import SystemClock, monotonic
from dispatch.people import accounts
from dispatch.rota.duty import on_duty
from tests.benchmarks.figures import Table, each_second, milliseconds, percentile
from tests.benchmarks.rig.client import Ask, sent
from tests.benchmarks.rig.rota import add_year
from tests.benchmarks.rig.site import Database, Site, databases, site
from tests.centre import ADA

_CALLS, _REQUESTS, _CLIENTS = 3_000, 2_000, 8


def run(share: float) -> Table:
    """Measure on both databases."""
    table = Table(("database", "what", "figure", "measured", "target", "of target", ""))
    for database in databases():
        with site(database) as centre:
            add_year(centre)
            _in_process(centre, table, database, round(_CALLS * share))
            with centre.running("web"):
                _over_http(centre, table, database, round(_REQUESTS * share))
    return table


def _in_process(centre: Site, table: Table, database: Database, count: int) -> None:
    """A view of the database is opened for each question, as a request would."""
    team, clock = centre.cast.team, SystemClock()
    begun = monotonic()
    for _ in range(count):
        with centre.store.read() as session:
            duty = on_duty(session, team, clock.now())
    rate = count / (monotonic() - begun)
    if not duty.complete:
        raise RuntimeError("nobody is on duty: the figure would be of nothing")
    row = (database.name, f"{len(duty.lines)} lines", "in process", rate)
    table.judge(*row, target=1000, form=each_second, at_least=True)


def _over_http(centre: Site, table: Table, database: Database, count: int) -> None:
    now = SystemClock().now()
    with centre.store.write() as session:
        key = accounts.create_api_key(session, "bench", None, ["rota:read"], ADA, now)
    path = f"/api/v1/on-duty?team={centre.cast.team.key}"
    asks = [Ask(path, {"authorization": f"Bearer {key}"})] * count
    sent(centre.url, asks[:50], clients=_CLIENTS)
    told = sent(centre.url, asks, clients=_CLIENTS)
    if any(answer.status != 200 for answer in told):
        raise RuntimeError("not answered: the figure would be of nothing")
    begun, ended = min(t.sent_at for t in told), max(t.done_at for t in told)
    what = f"{_CLIENTS} clients"
    rate = count / (ended - begun)
    table.judge(database.name, what, "over HTTP", rate, target=300, form=each_second, at_least=True)
    slow = percentile([answer.took for answer in told], 95)
    table.add(database.name, what, "over HTTP, p95", milliseconds(slow))
