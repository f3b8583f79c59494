"""The `dispatch rota` commands: planning a rota and looking it over at a terminal.

`plan` makes a draft, searches with a bar that shows the best so far, and says what came of it, also
why turns lack people and the ways out; Ctrl-C takes the best so far. `check` says what will go
wrong with what is published. What the words of a plan mean is for `rota`; here they are printed.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

from dispatch import searches
from dispatch.audit import Actor
from dispatch.errors import Invalid
from dispatch.people.models import Team
from dispatch.people.organisations import by_key
from dispatch.rota import drafts, fairness, judging, kept, publishing, runs, watch
from dispatch.rota.models import Draft, PlanningRun, RunState
from dispatch.rota.problem import Outcome, Point, Problem, Seat
from dispatch.wiring import Parts

_OUTCOMES = {
    Outcome.OPTIMAL: "Proven: nothing costs less.",
    Outcome.FEASIBLE: "Every hard rule holds; something cheaper may exist.",
    Outcome.PARTIAL: (
        "Some turns lack people, or people turns that a rule asks for; every other hard rule holds."
    ),
    Outcome.IMPOSSIBLE: "Proven: no plan keeps every hard rule and fills every turn.",
    Outcome.UNKNOWN: "Nothing was found in this time.",
}
_WIDTH = 30


def plan(parts: Parts, arguments: argparse.Namespace, actor: Actor) -> int:
    """Plan a team's days into a draft, and publish it if that was asked."""
    now = parts.clock.now()
    with parts.store.write() as session:
        team = by_key(session, Team, arguments.team)
        draft = drafts.begin(session, team, arguments.first, arguments.last, actor, now)
        run = runs.ask(
            session, draft, arguments.seconds, actor, now, reproducible=arguments.reproducible
        )
        # At once, so that no engine takes it from under this terminal.
        runs.begin(session, now, run.id)
    with _interrupted() as interrupted:
        bar = _Bar(arguments.seconds)

        def stopping() -> bool:
            if interrupted():
                with parts.store.write() as session:
                    runs.stop(session, run, actor, parts.clock.now())
            return False

        watched = (bar.show, bar.explains)
        searches.carry_out(parts.store, parts.clock, run.id, actor, stopping, *watched)
        bar.end()
    fine = _say(parts, run.id)
    if fine and arguments.publish == "yes":
        with parts.store.write() as session:
            draft = session.get_one(Draft, draft.id)
            version = publishing.publish(session, draft, actor, parts.clock.now())
        print(f"Published as version {version.number}." if version else "Asked for publishing.")
    return 0 if fine else 1


def check(parts: Parts, arguments: argparse.Namespace) -> int:
    """Print what will go wrong with a team's published rota; 1 if anything does."""
    with parts.store.read() as session:
        team = by_key(session, Team, arguments.team)
        now = parts.clock.now()
        found = watch.findings(session, team, now)
        until = watch.published_until(session, team, now)
    for finding in found:
        print(finding.told)
    if until is None:
        print("Nothing is published.")
    elif not found:
        print(f"Nothing is wrong until {until:%Y-%m-%d}, when the last turn ends.")
    return 1 if found or until is None else 0


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no day; write it like 2026-12-11") from None


def arguments(add: Callable[..., argparse.ArgumentParser], actor: Actor) -> None:
    """Declare both commands by `add(name, run, text)`."""
    planning = add("plan", lambda parts, given: plan(parts, given, actor), "plan a team's turns")
    planning.add_argument("team", help="the team's key")
    for name, into, text in (("--from", "first", "first day"), ("--to", "last", "last day")):
        planning.add_argument(name, dest=into, type=_day, required=True, metavar="DAY", help=text)
    planning.add_argument("--seconds", type=int, default=60, help="at most; default: 60")
    planning.add_argument("--publish", choices=["yes", "no"], default="no", help="default: no")
    planning.add_argument(
        "--reproducible", action="store_true", help="the same plan every time, more slowly"
    )
    checking = add("check", check, "say what will go wrong with a team's rota")
    checking.add_argument("team", help="the team's key")


def _say(parts: Parts, run_id: int) -> bool:
    """Print what a run came to; return whether there is a plan."""
    with parts.store.read() as session:
        run = session.get_one(PlanningRun, run_id)
        if run.state is not RunState.DONE:
            raise Invalid(run.fault)
        print(_OUTCOMES[Outcome(run.outcome)])
        if run.cost is not None:
            print(f"Cost {run.cost}, proven to be at least {run.bound} ({run.method}).")
        for line in _reasons(run.explanation or {}):
            print(line)
        if run.taken_at is None:
            return False
        ground, laid = drafts.lay(session, run.draft, now=parts.clock.now())
        print(f"Draft {run.draft_id}: {len(laid.seats)} turns.")
        for line in _shares(laid.problem, laid.seats):
            print(line)
        hard = [judged for judged in judging.broken(ground, laid) if judged.hard]
        for judged in hard:
            print(judged.told)
        return not hard


def _reasons(explanation: Mapping[str, Any]) -> Iterator[str]:
    """Yield why turns lack people, and the ways out."""
    for head, *facts in explanation.get("lacks", ()):
        yield kept.read(head)
        yield from (f"  - {kept.read(one)}" for one in facts)
    ways = explanation.get("ways", ())
    if ways:
        ranked = "the cheapest first" if ways[0]["cost"] else "to try, for the time was too short"
        yield f"Ways out, {ranked}; each can be taken on the screen of the draft:"
    for place, way in enumerate(ways, 1):
        yield f"  {place}. cost {way['cost'] or 'unknown'}"
        for one in way["gives"]:
            yield f"     - {kept.read(one['told'])}"


def _shares(problem: Problem, seats: Iterable[Seat]) -> Iterator[str]:
    """Yield a table: what each person has, against what would be fair."""
    standings = fairness.standings(problem, seats)
    if not standings:
        return
    width = max(len(person.name) for person in problem.people)
    yield " " * width + "".join(f"{standing.key[:15]:>17}" for standing in standings)
    for person in problem.people:
        cells = [
            f"{standing.counts[person.id]} of {standing.targets[person.id]:.1f}"
            if person.id in standing.targets
            else "-"
            for standing in standings
        ]
        yield f"{person.name:<{width}}" + "".join(f"{cell:>17}" for cell in cells)


class _Bar:
    """One line that shows how a search goes on; nothing where nobody watches."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._watched = sys.stderr.isatty()

    def show(self, point: Point) -> None:
        """Show the best so far and how far it may be from the best there is."""
        if not self._watched:
            return
        done = min(_WIDTH, round(_WIDTH * point.seconds / self._seconds))
        bar = "#" * done + "-" * (_WIDTH - done)
        cost = "searching" if point.cost is None else f"cost {point.cost}"
        bound = "" if point.bound is None else f", at least {point.bound}"
        sys.stderr.write(f"\r[{bar}] {point.seconds:4.0f} s  {cost}{bound}\x1b[K")
        sys.stderr.flush()

    def explains(self) -> None:
        """Say that the search is over and that reasons are looked for."""
        if self._watched:
            seconds = runs.EXPLAIN_SECONDS
            sys.stderr.write(f"\nLooking into why turns lack people, at most {seconds} s ...")
            sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._watched:
            sys.stderr.write("\n")


@contextmanager
def _interrupted() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into an answer that is true once; the second ends as usual."""
    pressed: list[int] = []

    def press(number: int, _frame: object) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: bool(pressed) and pressed.pop() != 0
    finally:
        signal.signal(signal.SIGINT, before)
