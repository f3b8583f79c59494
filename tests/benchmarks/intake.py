"""Alerts taken in a second, each with its pages safe on the disk before it is answered.

The web alone first: what it can take in. Then with the engine sending beside it on the same cores,
and the supplier calling back thrice for every text. Last, for how long the engine would wait for
the right to write while 32 clients press (SQLite has one writer).
"""

import threading

from dispatch import upkeep
from dispatch.clock import SystemClock, monotonic
from tests.benchmarks.figures import Table, each_second, median, milliseconds, percentile
from tests.benchmarks.rig.alerts import alerts, arrived, require_taken
from tests.benchmarks.rig.client import Told, sent
from tests.benchmarks.rig.site import Database, Site, close_all, databases, site

#: Clients and alerts; fewer alerts than there are codes of three digits.
_PRESSURE = ((1, 200), (8, 600), (32, 600))
_OFFERED_CLIENTS, _OFFERED_PER_SECOND, _OFFERED = 8, 100, 600
_WAITING, _TOGETHER = 600, 400
_TARGETS = {"SQLite": 150.0, "PostgreSQL": 300.0}
#: One process may use one core: fsyncs, and whatever else it does, come on top.
_BUDGET_SECONDS = 0.006
#: As often as an engine writes while it sends and hears back.
_WRITE_PAUSE_SECONDS = 0.02


def run(share: float) -> Table:
    """Measure on both databases."""
    table = Table(("database", "what", "figure", "measured", "target", "of target", ""))
    for database in databases():
        with site(database) as centre:
            with centre.running("web"):
                require_taken(sent(centre.url, alerts("warm", 32), clients=8))
                for clients, count in _PRESSURE:
                    _press(centre, table, database, clients, round(count * share))
                _offer(centre, table, database, round(_OFFERED * share))
                if database.name == "SQLite":
                    _wait_to_write(centre, table, database, round(_WAITING * share))
            close_all(centre, sent=False)
            with centre.running("web", "engine"):
                _press_all(centre, table, database, round(_TOGETHER * share))
    return table


def _press(centre: Site, table: Table, database: Database, clients: int, count: int) -> None:
    before = centre.worked("web")
    told = sent(centre.url, alerts(f"press-{clients}", count), clients=clients)
    require_taken(told)
    each = (centre.worked("web") - before) / len(told)
    what = f"{clients} client{'s' if clients > 1 else ''}"
    row = (database.name, what, "taken in")
    if clients == 8:
        target = _TARGETS[database.name]
        table.judge(*row, _rate(told), target=target, form=each_second, at_least=True)
        row = (database.name, what, "processor of the web for each", each)
        table.judge(*row, target=_BUDGET_SECONDS, form=milliseconds, why="room for 150/s")
    else:
        table.add(*row, each_second(_rate(told)))
    table.add(database.name, what, "answered, p95", milliseconds(_p95(told)))
    close_all(centre, sent=False)


def _offer(centre: Site, table: Table, database: Database, count: int) -> None:
    told = sent(
        centre.url,
        alerts("offered", count),
        clients=_OFFERED_CLIENTS,
        per_second=_OFFERED_PER_SECOND,
    )
    require_taken(told)
    what = f"{_OFFERED_CLIENTS} clients at {_OFFERED_PER_SECOND}/s"
    table.add(database.name, what, "taken in", each_second(_rate(told)))
    row = (database.name, what, "answered, p95", _p95(told))
    table.judge(*row, target=0.05, form=milliseconds, why="100/s offered")
    close_all(centre, sent=False)


def _wait_to_write(centre: Site, table: Table, database: Database, count: int) -> None:
    """Stand in for the engine: another process that wants the write lock again and again."""
    told: list[Told] = []
    asks = alerts("waiting", count)
    pressing = threading.Thread(target=lambda: told.extend(sent(centre.url, asks, clients=32)))
    pressing.start()
    waits = []
    while pressing.is_alive():
        begun = monotonic()
        with centre.store.write() as session:
            waits.append(monotonic() - begun)
            upkeep.beat(session, "bench", "bench", SystemClock().now())
        pressing.join(_WRITE_PAUSE_SECONDS)
    require_taken(told)
    what = "32 clients"
    table.add(database.name, what, "engine's wait to write, median", milliseconds(median(waits)))
    slow = milliseconds(percentile(waits, 99))
    table.add(database.name, what, "engine's wait to write, p99", slow)


def _press_all(centre: Site, table: Table, database: Database, count: int) -> None:
    told = sent(centre.url, alerts("together", count), clients=8)
    require_taken(told)
    begun = min(answer.sent_at for answer in told)
    last = max(times[0] for times in arrived(centre, told)) - begun
    what = "8 clients, engine beside"
    table.add(database.name, what, "taken in", each_second(_rate(told)))
    table.add(database.name, what, "at the supplier", each_second(len(told) / last))


def _rate(told: list[Told]) -> float:
    begun, ended = min(t.sent_at for t in told), max(t.done_at for t in told)
    return len(told) / (ended - begun)


def _p95(told: list[Told]) -> float:
    return percentile([answer.took for answer in told], 95)
