"""Measures what the design promises: `make bench`, or `make bench ARGS="NAME ..."` for some.

Each benchmark is a module of this folder with `run(share)`, which returns a `Table`; its docstring
says what is measured and what is hoped for. `--quick` measures a fifth (`share`) of everything, to
see that it works. Figures mean something only beside the machine they were measured on and what
else it did, so that comes first and before each. Nothing here passes or fails.
"""

import argparse
import importlib
import os
import pkgutil
import platform
import sqlite3
import sys

from dispatch.clock import monotonic
from tests import benchmarks
from tests.benchmarks.figures import spread, syncs

_QUICK = 0.2


def main(argv: list[str]) -> int:
    """Run the benchmarks named, or all, and print a table of each."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure, and print tables.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="a fifth of everything")
    given = parser.parse_args(argv)
    there = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    names = [name for name in there if name not in ("__main__", "figures")]
    unknown = set(given.names) - set(names)
    if unknown:
        print(f"No such benchmark: {', '.join(sorted(unknown))}. There are: {', '.join(names)}.")
        return 2
    print(_machine(), flush=True)
    for name in given.names or names:
        module = importlib.import_module(f"tests.benchmarks.{name}")
        print(f"\n{name}: {module.__doc__.splitlines()[0]} {_load()}", flush=True)
        begun = monotonic()
        print(module.run(_QUICK if given.quick else 1.0), flush=True)
        print(f"  took {monotonic() - begun:.0f} s, {_load()}", flush=True)
    return 0


def _load() -> str:
    return f"(load {os.getloadavg()[0]:.1f})"


def _machine() -> str:
    parts = [
        f"{len(os.sched_getaffinity(0))} cores",
        f"load {os.getloadavg()[0]:.1f}",
        f"fsync {spread(syncs())}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        platform.system() + " " + platform.release().split("-")[0],
    ]
    return ", ".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
