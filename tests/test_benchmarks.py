"""The frame of the benchmarks."""

from pathlib import Path

import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.figures import Table, each_second, milliseconds, percentile, spread


def test_a_benchmark_prints_the_machine_and_a_table(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DISPATCH_DATA_DIR", str(tmp_path))
    assert main(["--quick", "writes"]) == 0
    machine, _, title, headings, row, took = capsys.readouterr().out.splitlines()
    assert "cores" in machine
    assert "fsync" in machine
    assert title.startswith("writes: ")
    assert headings.split()[0] == "database"
    assert row.split()[0] == "SQLite"
    assert "took" in took
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_benchmark_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]):
    assert main(["speed"]) == 2
    assert "There are: " in capsys.readouterr().out


def test_columns_of_a_table_stand_below_each_other():
    table = Table(("clients", "time"))
    table.add(8, "1 ms")
    table.add(10_000, "2 ms")
    assert str(table).splitlines() == ["  clients  time", "  8        1 ms", "  10000    2 ms"]


def test_a_figure_stands_beside_its_target():
    table = Table(("what", "measured", "target", "of target", ""))
    table.judge("median", 0.03, target=0.02, form=milliseconds)
    table.judge("rate", 400.0, target=200, form=each_second, at_least=True)
    assert table.rows == [
        ("median", "30.0 ms", "<= 20.0 ms", "1.50 x", "MISSED"),
        ("rate", "400/s", ">= 200/s", "2.00 x", "met"),
    ]


def test_the_slow_end_is_among_what_was_measured():
    assert percentile([0.003, 0.001, 0.002], 99) == 0.003
    assert percentile(range(1, 101), 50) == 51
    assert spread([0.001, 0.002, 0.3]) == "2.00 ms (p99 300 ms)"
