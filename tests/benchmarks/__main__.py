"""Measures what the design promises: `make bench`, or `make bench ARGS="NAME ..."` for some.

Each benchmark is a module of this folder with `run()`, which returns a `Table`; its docstring says
what is measured and what is hoped for. Figures mean something only beside the machine they were
measured on, so that comes first. Nothing here passes or fails.
"""

import importlib
import os
import pkgutil
import platform
import sqlite3
import sys

from dispatch.clock import monotonic
from tests import benchmarks
from tests.benchmarks.figures import scratch, spread

_SYNCS = 200


def main(wanted: list[str]) -> int:
    """Run the benchmarks named, or all, and print a table of each."""
    there = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    names = [name for name in there if name not in ("__main__", "figures")]
    unknown = set(wanted) - set(names)
    if unknown:
        print(f"No such benchmark: {', '.join(sorted(unknown))}. There are: {', '.join(names)}.")
        return 2
    print(_machine(), flush=True)
    for name in wanted or names:
        module = importlib.import_module(f"tests.benchmarks.{name}")
        print(f"\n{name}: {module.__doc__.splitlines()[0]}", flush=True)
        print(module.run(), flush=True)
    return 0


def _machine() -> str:
    parts = [
        f"{len(os.sched_getaffinity(0))} cores",
        f"load {os.getloadavg()[0]:.1f}",
        f"fsync {spread(_syncs())}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        platform.system() + " " + platform.release().split("-")[0],
    ]
    return ", ".join(parts)


def _syncs() -> list[float]:
    """Return the seconds that each of many small writes took to be safe in the data folder."""
    seconds = []
    with scratch() as folder, (folder / "sync").open("wb") as file:
        for _ in range(_SYNCS):
            file.write(bytes(4096))
            begun = monotonic()
            file.flush()
            os.fsync(file.fileno())
            seconds.append(monotonic() - begun)
    return seconds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
