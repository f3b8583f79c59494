"""What a plan breaks, as sentences with names and dates (pure).

A breach holds a key and facts; whoever reads it gets one sentence in their own language. A rule of
a kind that nobody wrote a sentence for is named by its key rather than hidden.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from dispatch.rota import problem as planned
from dispatch.rota.problem import Breach, Need, Problem, Rule
from dispatch.texts import N_, Sentence

_HOUR = 60


@dataclass(frozen=True)
class Words:
    """What things are called: lines by key, qualifications by key and language."""

    lines: Mapping[str, str] = field(default_factory=dict)
    qualifications: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


_AWAY = {
    "absence": N_("%(name)s is away: %(turns)s."),
    "not_member": N_("%(name)s is not in the team then: %(turns)s."),
    "other_team": N_("%(name)s has a turn in another team then: %(turns)s."),
}
_FIXED = {
    1: N_("%(name)s has a fixed turn that is missing: %(turns)s."),
    0: N_("%(name)s must not have this turn: %(turns)s."),
}
_WISHED = {
    1: N_("%(name)s wished for one of these and has none: %(turns)s."),
    0: N_("%(name)s wished not to have this: %(turns)s."),
}
COUNTED = {
    "turns": N_("turns"),
    "days": N_("days"),
    "minutes": N_("hours"),
    "weekends": N_("weekends"),
    "nights": N_("nights"),
    "public_holidays": N_("public holidays"),
    "eves": N_("eves"),
    "school_holidays": N_("school holidays"),
    "heavy": N_("heavy turns"),
}
PLAIN = {
    "unit": N_("%(turns)s is a turn of %(unit)s, and %(name)s is not of it."),
    "line": N_("%(name)s does not take this line: %(turns)s."),
    "overlap": N_("%(name)s has two turns at the same time: %(turns)s."),
    "block": N_("%(name)s has %(count)s of %(wanted)s turns that belong together: %(turns)s."),
    "stays": N_("%(name)s loses a published turn: %(turns)s."),
}
_FEWER = N_("%(turns)s: %(count)s of %(wanted)s people.")
_MORE = N_("%(turns)s: %(count)s people where %(wanted)s are wanted.")
_SKILL = N_("%(turns)s: %(count)s of %(wanted)s trained for %(qualification)s.")
_FAIR = N_("%(name)s has %(count)s %(of)s where %(target)s would be fair.")
_TWO = {
    planned.Apart: N_("%(name)s and %(other)s may not serve at the same time: %(turns)s."),
    planned.Together: N_("%(name)s serves without %(other)s: %(turns)s."),
    planned.Mentored: N_("%(name)s serves without a mentor: %(turns)s."),
}
_BY_KIND: dict[type[Rule], str] = {
    planned.Rest: N_("%(name)s has %(hours)s h of rest where %(least)s h are due: %(turns)s."),
    planned.WeeklyRest: N_(
        "%(name)s has %(hours)s h free in one stretch where %(least)s h are due, "
        "from %(first)s to %(last)s."
    ),
    planned.FreeRun: N_(
        "%(name)s has %(count)s days free between turns where %(least)s are due: %(turns)s."
    ),
    planned.WeekendsInARow: N_(
        "%(name)s has %(count)s weekends in a row where %(most)s are allowed, "
        "from %(first)s to %(last)s."
    ),
    planned.WholeWeekend: N_("%(name)s has half a weekend: %(first)s."),
    planned.Succession: N_("%(name)s has turns that may not follow each other: %(turns)s."),
    planned.NotAll: N_("%(name)s has %(count)s of these where %(most)s are allowed: %(turns)s."),
}
_RUN = {
    "most": N_(
        "%(name)s has turns on %(count)s days in a row where %(most)s are allowed, "
        "from %(first)s to %(last)s."
    ),
    "least": N_(
        "%(name)s has turns on %(count)s days in a row where %(least)s are wanted, "
        "from %(first)s to %(last)s."
    ),
}
_LIMIT = {
    "most": N_(
        "%(name)s has %(count)s %(of)s where %(most)s are allowed, from %(first)s to %(last)s."
    ),
    "least": N_(
        "%(name)s has %(count)s %(of)s where %(least)s are wanted, from %(first)s to %(last)s."
    ),
}


def told(breach: Breach, problem: Problem, words: Words | None = None) -> Sentence:
    """Return what a plan breaks as a sentence."""
    facts = _facts(breach, problem, words or Words())
    template = _template(breach, problem)
    return Sentence(template, **facts)


def turn(need: Need, problem: Problem, words: Words | None = None) -> Sentence:
    """Return a turn as sentences name it: its line and when it begins."""
    return turn_at(need.line, need.starts_at, problem.zone, words or Words())


def turn_at(line: str, at: datetime, zone: str, words: Words) -> Sentence:
    """Return a turn as sentences name it, by the key of its line and its beginning."""
    said = words.lines.get(line, line)
    return Sentence("%(line)s %(at)s", line=said, at=at.astimezone(ZoneInfo(zone)))


def in_names(told: str, words: Words) -> str:
    """Return a sentence that names a line by its key with the line's name instead."""
    if not isinstance(told, Sentence) or told.facts.get("line") not in words.lines:
        return told
    return Sentence(told.text, **{**told.facts, "line": words.lines[str(told.facts["line"])]})


def _template(breach: Breach, problem: Problem) -> str:
    key, facts = breach.key, breach.facts
    choices: dict[str, Callable[[], str]] = {
        "cover": lambda: _FEWER if int(facts["count"]) < int(facts["wanted"]) else _MORE,
        "skill": lambda: _SKILL,
        "away": lambda: _AWAY.get(str(facts.get("reason")), _AWAY["absence"]),
        "locked": lambda: _FIXED[int(facts["wanted"])],
    }
    if key in choices:
        return choices[key]()
    if key in PLAIN:
        return PLAIN[key]
    if key.startswith("fair:"):
        return _FAIR
    if key.startswith("wish:"):
        return _WISHED[int(facts["wanted"])]
    return _of_rule(breach, next((rule for rule in problem.rules if rule.key == key), None))


def _of_rule(breach: Breach, rule: Rule | None) -> str:
    bound = "most" if "most" in breach.facts else "least"
    if isinstance(rule, planned.Run):
        return _RUN[bound]
    if isinstance(rule, planned.Limit):
        return _LIMIT[bound]
    if rule is not None and type(rule) in _TWO:
        return _TWO[type(rule)]
    if rule is not None and type(rule) in _BY_KIND:
        return _BY_KIND[type(rule)]
    return N_("%(name)s breaks the rule %(rule)s: %(turns)s.")


def _facts(breach: Breach, problem: Problem, words: Words) -> dict[str, object]:
    names = {person.id: person.name for person in problem.people}
    facts: dict[str, object] = {
        **breach.facts,
        "name": names.get(breach.person or 0, ""),
        "rule": breach.key,
        "turns": tuple(turn(problem.needs[need], problem, words) for need in breach.needs)
        or breach.days,
    }
    if breach.days:
        facts |= {"first": breach.days[0], "last": breach.days[-1]}
    if "minutes" in breach.facts:
        facts |= {"hours": hours(breach.facts["minutes"]), "least": hours(breach.facts["least"])}
    if "qualification" in facts:
        key = str(facts["qualification"])
        facts["qualification"] = words.qualifications.get(key, key)
    if isinstance(breach.facts.get("other"), int):
        facts["other"] = names.get(int(breach.facts["other"]), "")
    if "of" in facts:
        facts |= _measured(breach)
    return facts


def _measured(breach: Breach) -> dict[str, object]:
    """Say what is counted, minutes in hours."""
    of = str(breach.facts["of"])
    burden = breach.key.removeprefix("fair:") if breach.key.startswith("fair:") else of
    said = COUNTED.get(burden) or COUNTED.get(of)
    facts: dict[str, object] = {"of": Sentence(said) if said else burden}
    if of == "minutes" and not breach.key.startswith("fair:"):
        numbers = ("count", "most", "least")
        facts |= {key: hours(breach.facts[key]) for key in numbers if key in breach.facts}
    if "target" in breach.facts:
        facts["target"] = _number(float(breach.facts["target"]))
    return facts


def hours(minutes: str | float) -> str:
    """Return minutes as hours, as people write them."""
    return _number(float(minutes) / _HOUR)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
