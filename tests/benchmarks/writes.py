"""One small transaction after another: begin, insert, commit, each safe on the disk."""

from dispatch import upkeep
from dispatch.clock import SystemClock, monotonic
from dispatch.db import Store
from tests.benchmarks.figures import Table, scratch, spread
from tests.databases import make_schema

_TRANSACTIONS = 500


def run(share: float) -> Table:
    """Measure on SQLite."""
    count = round(_TRANSACTIONS * share)
    table = Table(("database", "a transaction", "a second"))
    with scratch() as folder:
        url = f"sqlite:///{folder.absolute() / 'bench.db'}"
        make_schema(url)
        store = Store(url)
        seconds = []
        for number in range(count):
            begun = monotonic()
            with store.write() as session:
                upkeep.beat(session, "bench", str(number), SystemClock().now())
            seconds.append(monotonic() - begun)
        store.close()
    table.add("SQLite", spread(seconds), f"{count / sum(seconds):.0f}")
    return table
