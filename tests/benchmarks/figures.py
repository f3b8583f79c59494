"""What benchmarks share: a place on the disk that matters, and figures that people can compare."""

import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Table:
    """Rows of one benchmark."""

    headings: tuple[str, ...]
    rows: list[tuple[object, ...]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        """Add a row."""
        self.rows.append(cells)

    def __str__(self) -> str:
        lines = [self.headings, *[tuple(map(str, row)) for row in self.rows]]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headings))]
        return "\n".join("  ".join(["", *map(str.ljust, line, widths)]).rstrip() for line in lines)


def milliseconds(seconds: float) -> str:
    """Return a length of time as people read it."""
    return f"{seconds * 1000:.{2 if seconds < 0.01 else 1 if seconds < 0.1 else 0}f} ms"


def percentile(seconds: Sequence[float], percent: int) -> float:
    """Return what `percent` of 100 stayed under; the longest, when there are too few to tell."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def spread(seconds: Sequence[float]) -> str:
    """Return the median and the slow end of many lengths of time."""
    middle, slow = statistics.median(seconds), percentile(seconds, 99)
    return f"{milliseconds(middle)} (p99 {milliseconds(slow)})"


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder on the disk that holds the data, and remove it."""
    data = Path(os.environ.get("DISPATCH_DATA_DIR", "var"))
    data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data, prefix="bench-") as folder:
        yield Path(folder)
