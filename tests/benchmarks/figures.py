"""What benchmarks share: a place on the disk that matters, and figures that people can compare."""

import functools
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dispatch.clock import monotonic

_SYNCS = 200


@dataclass
class Table:
    """Rows of one benchmark."""

    headings: tuple[str, ...]
    rows: list[tuple[object, ...]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        """Add a row."""
        self.rows.append(cells)

    def judge(
        self,
        *cells: object,
        target: float,
        form: Callable[[float], str],
        why: str = "",
        at_least: bool = False,
    ) -> None:
        """Add a row whose last cell is a figure, followed by its target and how it compares."""
        measured = cells[-1]
        assert isinstance(measured, int | float)
        met = measured >= target if at_least else measured <= target
        bound = f"{'>=' if at_least else '<='} {form(target)}{f' ({why})' if why else ''}"
        ratio = f"{measured / target:.2f} x"
        self.add(*cells[:-1], form(measured), bound, ratio, "met" if met else "MISSED")

    def __str__(self) -> str:
        rows = [[*map(str, row), *[""] * (len(self.headings) - len(row))] for row in self.rows]
        lines = [self.headings, *rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headings))]
        return "\n".join("  ".join(["", *map(str.ljust, line, widths)]).rstrip() for line in lines)


def milliseconds(seconds: float) -> str:
    """Return a length of time as people read it."""
    return f"{seconds * 1000:.{2 if seconds < 0.01 else 1 if seconds < 0.1 else 0}f} ms"


def each_second(rate: float) -> str:
    """Return a rate as people read it."""
    return f"{rate:,.0f}/s"


def percentile(seconds: Sequence[float], percent: int) -> float:
    """Return what `percent` of 100 stayed under; the longest, when there are too few to tell."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def median(seconds: Sequence[float]) -> float:
    """Return the middle of many lengths of time."""
    return statistics.median(seconds)


def spread(seconds: Sequence[float]) -> str:
    """Return the median and the slow end of many lengths of time."""
    return f"{milliseconds(median(seconds))} (p99 {milliseconds(percentile(seconds, 99))})"


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder on the disk that holds the data, and remove it."""
    data = Path(os.environ.get("DISPATCH_DATA_DIR", "var"))
    data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data, prefix="bench-") as folder:
        yield Path(folder)


def syncs() -> list[float]:
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


@functools.cache
def sync_seconds() -> float:
    """Return what an fsync took in the middle, measured once a run."""
    return median(syncs())
