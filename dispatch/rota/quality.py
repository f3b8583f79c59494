"""How good a plan is, from 0 to 100, with the parts that it is made of.

A score is for comparing drafts and for a coordinator's pride; what a plan costs is another number.
Each part says what it counted, so that a low score can be looked into. Nothing that is broken is
rounded away: 100 means that every need, rule and wish is kept and nobody is a whole turn off the
fair share, which no plan of whole turns can promise to meet exactly.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import floor

from dispatch.rota.fairness import Standing, standings
from dispatch.rota.problem import Breach, Problem, Seat

#: What each part weighs; a part with nothing to judge is left out.
COVERAGE, GAPS, RULES, FAIRNESS, WISHES, STABILITY = 25, 15, 25, 20, 10, 5
#: So many of a hundred needs empty, or rules broken for a hundred seats, take all of a part.
_ALL_GAPS, _ALL_HARD, _ALL_SOFT = 0.05, 0.05, 0.5
_NO_RULE = ("cover", "skill", "stays")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a score."""

    key: str
    """coverage, gaps, rules, fairness:<burden>, wishes, stability."""
    points: float
    most: float
    facts: Mapping[str, int | float]
    """What was counted."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a plan is."""

    score: int
    parts: tuple[Part, ...]


def quality(problem: Problem, seats: Collection[Seat], breaches: Collection[Breach]) -> Quality:
    """Return how good a plan is; `breaches` is all that `rules.check` says of it."""
    parts = tuple(_parts(problem, frozenset(seats), breaches))
    most = sum(part.most for part in parts)
    score = floor(100 * sum(part.points for part in parts) / most + 1e-9) if most else 100
    whole = all(part.points == part.most for part in parts)
    return Quality(score if whole else min(score, 99), parts)


def _parts(
    problem: Problem, seats: frozenset[Seat], breaches: Collection[Breach]
) -> Iterator[Part]:
    yield from _coverage(problem, seats, breaches)
    broken = [b for b in breaches if b.key not in _NO_RULE and ":" not in b.key]
    hard = sum(breach.amount for breach in broken if breach.cost is None)
    soft = sum(breach.amount for breach in broken if breach.cost is not None)
    per_seat = hard / _ALL_HARD + soft / _ALL_SOFT
    facts: dict[str, int | float] = {"hard": hard, "soft": soft, "seats": len(seats)}
    yield _part("rules", RULES, per_seat / max(1, len(seats)), facts)
    shared = [standing for standing in standings(problem, seats) if standing.targets]
    for standing in shared:
        facts = {"spread": standing.spread, "worst": _worst(standing)}
        yield _part(f"fairness:{standing.key}", FAIRNESS / len(shared), _unfair(standing), facts)
    if problem.wishes:
        weights = sum(wish.weight for wish in problem.wishes)
        lost = [breach for breach in breaches if breach.key.startswith("wish:")]
        facts = {"wishes": len(problem.wishes), "met": len(problem.wishes) - len(lost)}
        share = sum(breach.cost or 0 for breach in lost) / weights if weights else 0
        yield _part("wishes", WISHES, share, facts)
    if problem.stays:
        moved = len(problem.stays.keys() - seats)
        facts = {"published": len(problem.stays), "moved": moved}
        yield _part("stability", STABILITY, moved / len(problem.stays), facts)


def _coverage(
    problem: Problem, seats: frozenset[Seat], breaches: Collection[Breach]
) -> Iterator[Part]:
    filled = Counter(need for need, _ in seats)
    needs = [need for need in problem.needs if need.wanted and need.under != 0]
    if not needs:
        return
    wanted = sum(need.wanted for need in needs)
    lacking = {
        "missing": sum(max(0, need.wanted - filled[need.id]) for need in needs),
        "untrained": sum(breach.amount for breach in breaches if breach.key == "skill"),
        "surplus": sum(max(0, filled[n.id] - n.wanted) for n in problem.needs if n.over != 0),
    }
    yield _part("coverage", COVERAGE, sum(lacking.values()) / wanted, {"wanted": wanted, **lacking})
    empty = sum(1 for need in needs if not filled[need.id])
    yield _part("gaps", GAPS, empty / len(needs) / _ALL_GAPS, {"needs": len(needs), "empty": empty})


def _part(key: str, most: float, lost: float, facts: Mapping[str, int | float]) -> Part:
    return Part(key, round(most * (1 - min(1.0, lost)), 6), round(most, 6), facts)


def _unfair(standing: Standing) -> float:
    """Return which part of the shares is off by more than the turn that nobody can halve."""
    off = sum(max(0.0, abs(one) - 1) for one in standing.deviations.values())
    return off / max(1.0, sum(standing.targets.values()))


def _worst(standing: Standing) -> float:
    return max(standing.deviations.values(), key=abs)
