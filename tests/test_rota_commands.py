"""Planning a rota and looking it over at a terminal."""

import signal
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from dispatch import __main__ as dispatch_command
from dispatch import rota_commands, wiring
from dispatch.db import Store
from dispatch.people.models import Team
from dispatch.rota import ground
from dispatch.rota.models import Draft, PlanningRun, Shift
from dispatch.rota.problem import Point
from tests import centre

Run = Callable[..., tuple[int, str, str]]
WEEK = {"form": "week", "kind": "week", "begins": "friday", "starts": "17:00"}
MONTHS = ("--from", "2027-01-01", "--to", "2027-02-28")


@pytest.fixture
def run(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """A centre whose team takes turns by the week, and its commands."""
    cast = centre.build(store)
    with store.write() as session:
        lines = [{"key": key, "turns": [WEEK]} for key in ("primary", "backup")]
        document, began = {"lines": lines}, date(2026, 1, 1)
        ground.set_pattern(session, cast.team, document, began, centre.ADA, centre.NOW)
    monkeypatch.setenv("DISPATCH_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(dispatch_command.schema, "require_present", lambda _: None)
    monkeypatch.setattr(wiring, "open_store", lambda _: Kept(store))
    monkeypatch.setattr(dispatch_command.logs, "configure", lambda _: None)

    def command(*words: str) -> tuple[int, str, str]:
        status = dispatch_command.main(["rota", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return command


class Kept:
    """The test's database, which no command closes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str):
        return getattr(self._store, name)

    def close(self) -> None:
        """Stay open."""


@pytest.mark.slow
def test_a_rota_is_planned_shown_and_published(run: Run, store: Store):
    status, out, _ = run("plan", "support", *MONTHS, "--seconds", "10")
    assert status == 0, out
    assert out.startswith("Proven: nothing costs less.\nCost ")
    assert "18 turns" in out
    assert "An Peeters" in out
    with store.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Draft)) == 1
        assert session.scalar(sa.select(sa.func.count()).select_from(Shift)) == 2
    status, out, _ = run("plan", "support", *MONTHS, "--seconds", "10", "--publish", "yes")
    assert (status, out.splitlines()[-1]) == (0, "Published as version 1.")
    with store.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Shift)) == 20


@pytest.mark.slow
def test_why_a_period_cannot_be_covered_is_printed_with_the_ways_out(run: Run, store: Store):
    with store.write() as session:
        line = {"key": "primary", "people": 4, "turns": [WEEK]}
        team, began = session.get_one(Team, 1), date(2026, 12, 1)
        ground.set_pattern(session, team, {"lines": [line]}, began, centre.ADA, centre.NOW)
    days = ("--from", "2027-01-01", "--to", "2027-01-07")
    status, out, _ = run("plan", "support", *days, "--seconds", "10")
    assert status == 1
    assert out.splitlines()[:3] == [
        "Proven: no plan keeps every hard rule and fills every turn.",
        "primary Fri 1 Jan 17:00: people wanted 4, possible at most 3.",
        "  - Nobody but An Peeters, Bert Maes, Chloé Dubois can come.",
    ]
    assert "  1. cost 1000\n     - One person fewer than wanted: primary Fri 1 Jan 17:00.\n" in out


def test_a_day_that_is_none_is_said_in_a_sentence(run: Run, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        run("plan", "support", "--from", "2027-13-01", "--to", "2027-02-28")
    assert "2027-13-01 is no day; write it like 2026-12-11" in capsys.readouterr().err


def test_what_cannot_be_planned_is_said_in_a_sentence(run: Run, store: Store):
    status, out, err = run("plan", "support", "--from", "2027-01-01", "--to", "2036-12-31")
    assert (status, out) == (1, "")
    assert err == "dispatch: Longer than 400 days: plan it in parts.\n"
    with store.read() as session:
        assert session.scalars(sa.select(PlanningRun)).all() == []
    status, _, err = run("plan", "nobody", *MONTHS)
    assert (status, "Known: support." in err) == (1, True)


def test_looking_a_rota_over_names_what_is_wrong_and_fails(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
):
    with store.write() as session:
        line = session.scalars(sa.select(Shift.line_id)).first()
        for begin, end, person in ((2, 9, 1), (16, 23, 2)):
            session.add(
                Shift(
                    uid=f"later-{begin}",
                    line_id=line,
                    person_id=person,
                    starts_at=centre.NOW.replace(year=2100, month=1, day=begin),
                    ends_at=centre.NOW.replace(year=2100, month=1, day=end),
                    changed_at=centre.NOW,
                )
            )
    status, out, _ = run("check", "support")
    assert status == 1
    assert "primary: nobody from" in out


def test_a_rota_that_was_never_published_is_said_to_be_so(run: Run, store: Store):
    with store.write() as session:
        session.execute(sa.update(Shift).values(cancelled_at=centre.NOW))
    assert run("check", "support") == (1, "Nothing is published.\n", "")


def test_the_bar_shows_the_best_so_far_to_whoever_watches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for watched in (False, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda watched=watched: watched, raising=False)
        bar = rota_commands._Bar(10)
        bar.show(Point(5.0, 512, 500))
        bar.end()
        said = capsys.readouterr().err
        assert ("cost 512, at least 500" in said) is watched


@pytest.fixture
def as_at_a_terminal() -> Iterator[None]:
    """Ctrl-C is heard; whoever runs the tests in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_takes_the_best_so_far_and_a_second_one_ends(
    as_at_a_terminal: None,
):
    with rota_commands._interrupted() as interrupted:
        # To this thread: one to the process may be heard by another, and told of a while later.
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        assert not interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("the second one was not heard")
