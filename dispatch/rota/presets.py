"""Rules as rows of words and numbers, and the patterns and rules that a coordinator starts from.

A preset is a file below `config/`; what an organisation or a team changes are rows of the same form
that replace the preset's by key. Both become `problem` rules here, and nowhere else: a kind, a
number or a word that nobody knows is refused by its name, never left out.
"""

import tomllib
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dispatch.errors import Invalid
from dispatch.rota import problem
from dispatch.rota.documents import read, refuse
from dispatch.rota.problem import Rule
from dispatch.texts import N_, Sentence

#: A rule as a row: `key`, `kind`, `numbers` (the fields of the kind, and whom or what it is about:
#: `people`, `only`), `weight` (none: hard), `source`, `off`.
Row = Mapping[str, Any]

#: The kinds by their words.
KINDS: Mapping[str, type[Rule]] = {
    "rest": problem.Rest,
    "weekly_rest": problem.WeeklyRest,
    "run": problem.Run,
    "free_run": problem.FreeRun,
    "limit": problem.Limit,
    "weekends_in_a_row": problem.WeekendsInARow,
    "whole_weekend": problem.WholeWeekend,
    "succession": problem.Succession,
    "apart": problem.Apart,
    "together": problem.Together,
    "mentored": problem.Mentored,
}
#: Calendar periods of a limit, and the most days of any period, run or window.
PERIODS = ("plan", "month", "year")
LONGEST = 3660


@dataclass(frozen=True)
class Preset:
    """What a coordinator starts from."""

    key: str
    names: Mapping[str, str]
    """By language."""
    document: Mapping[str, Any]
    """A pattern, or the rows of rules under `rules`; fit to be kept as JSON."""
    about: Mapping[str, str] = field(default_factory=dict)
    """By language: for whom it is."""


def presets(config: Path, kind: str) -> dict[str, Preset]:
    """Return the presets of a kind ("rules" or "patterns") by key, in order."""
    found = {}
    for path in sorted((config / kind).glob("*.toml")):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        names, about = document.pop("names"), document.pop("about", {})
        found[path.stem] = Preset(path.stem, names, document, about)
    return found


@dataclass(frozen=True)
class CountryEves:
    """Which days a country keeps as eves."""

    usual: bool
    """Whether they count unless a team says otherwise."""
    source: str
    days: Mapping[tuple[int, int], Mapping[str, str]] = field(default_factory=dict)
    """By month and day, what each is called by language; beside what the library knows."""


def eves_of(config: Path, country: str) -> CountryEves | None:
    """Return which eves a country keeps; None: nobody wrote that down."""
    path = config / "eves" / f"{country.lower()}.toml"
    if not country.isalpha() or not path.is_file():
        return None
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    days = {}
    for row in document.get("days", ()):
        month, _, day = row["on"].partition("-")
        days[int(month), int(day)] = row["names"]
    return CountryEves(document["usual"], document["source"], days)


def combined(*layers: Iterable[Row]) -> list[Row]:
    """Return rows in which a later layer's stands for an earlier one's of the same key."""
    found: dict[str, Row] = {}
    for layer in layers:
        for row in layer:
            found[str(row.get("key"))] = row
    return list(found.values())


def rules_from(rows: Iterable[Row]) -> tuple[Rule, ...]:
    """Return the rules that rows say, without those that are switched off.

    Raises Invalid naming each field at fault by the rule's key: `daily_rest.minutes`. What is
    switched off must be right too, because it will be switched on by somebody in a hurry.
    """
    found: list[Rule] = []
    faults: dict[str, str] = {}
    keys: set[str] = set()
    for place, row in enumerate(rows):
        key = str(row.get("key") or place)
        try:
            rule = _rule(row, key)
        except Invalid as refused:
            faults |= refused.fields
            continue
        if key in keys:
            faults[f"{key}.key"] = N_("Another rule has this key.")
        keys.add(key)
        if not row.get("off"):
            found.append(rule)
    refuse(faults)
    return tuple(found)


_BESIDE = ("key", "weight", "source")
_WORDS = (*_BESIDE, "kind", "numbers", "off")


def _rule(row: Row, key: str) -> Rule:
    kind = KINDS.get(row["kind"]) if isinstance(row.get("kind"), str) else None
    faults: dict[str, str] = {
        f"{key}.{word}": Sentence(_ONLY, known=", ".join(_WORDS))
        for word in row
        if word not in _WORDS
    }
    if kind is None:
        faults[f"{key}.kind"] = Sentence(_ONLY, known=", ".join(KINDS))
    numbers = row.get("numbers") or {}
    if not isinstance(numbers, Mapping) or not numbers.keys().isdisjoint(_BESIDE):
        faults[f"{key}.numbers"] = N_("The numbers of the rule are expected here, by their names.")
    refuse(faults)
    said = {word: row[word] for word in _BESIDE if word in row}
    of_hours = _hours_of(numbers)
    refuse({f"{key}.{name}": _NO_HOURS for name in of_hours if not _is_number(numbers[name])})
    try:
        rule = read(kind or Rule, _in_minutes(numbers) | said, key)
        refuse({f"{key}.{name}": told for name, told in _faults(rule)})
    except Invalid as refused:
        if "minutes" in numbers:
            raise
        # Whoever never wrote minutes must not read of them.
        minutes, hours = f"{key}.minutes", f"{key}.hours"
        refuse({hours if at == minutes else at: told for at, told in refused.fields.items()})
        raise
    return rule


_ONLY = N_("Only these are known here: %(known)s.")
_NO_HOURS = N_("A number of hours is expected, such as 11 or 10.5.")


def in_hours(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule's numbers as people write them: lengths of time in hours."""
    said = dict(numbers)
    if _is_number(said.get("minutes")):
        said["hours"] = _short(said.pop("minutes") / 60)
    if said.get("of") == problem.Measure.MINUTES.value:
        said["of"] = "hours"
        said |= {name: _short(said[name] / 60) for name in _BOUNDS if _is_number(said.get(name))}
    return said


_BOUNDS = ("least", "most")


def _in_minutes(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return numbers with hours, as people write them, in minutes."""
    said = dict(numbers)
    for name in _hours_of(numbers):
        said["minutes" if name == "hours" else name] = round(said.pop(name) * 60)
    if said.get("of") == "hours":
        said["of"] = problem.Measure.MINUTES.value
    return said


def _hours_of(numbers: Mapping[str, Any]) -> list[str]:
    """Return which of a rule's numbers are hours."""
    bounds = _BOUNDS if numbers.get("of") == "hours" else ()
    return [name for name in ("hours", *bounds) if numbers.get(name) is not None]


def _is_number(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= typing.cast("float", value) < 1e7


def _short(value: float) -> int | float:
    return int(value) if value == int(value) else round(value, 2)


def _faults(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield what no type says."""
    few = Sentence(N_("A number from %(least)s to %(most)s is expected."), least=1, most=LONGEST)
    for name in ("days", "period"):
        days = getattr(rule, name, 1)
        if isinstance(days, int) and not 1 <= days <= LONGEST:
            yield name, few
    period = getattr(rule, "period", "plan")
    if isinstance(period, str) and period not in PERIODS:
        yield "period", Sentence(_ONLY, known=", ".join(PERIODS))
    least, most = getattr(rule, "least", None), getattr(rule, "most", None)
    if isinstance(rule, problem.Limit) and least is None and most is None:
        yield "most", N_("This is missing.")
    if least is not None and most is not None and least > most:
        yield "most", N_("Less than the least.")
    if isinstance(rule, problem.WeeklyRest) and rule.minutes > rule.days * 24 * 60:
        yield "minutes", N_("Longer than the days that it must lie in.")
    if isinstance(rule, problem.Apart | problem.Together) and len(set(rule.pair)) < 2:
        yield "pair", N_("Two different people are expected.")
