"""Counting: what turns amount to on each day, by each measure."""

from collections import Counter
from collections.abc import Iterable
from datetime import date

from dispatch.rota.problem import Measure
from dispatch.rota.rules.plan import Held


def days_of(of: Measure, held: Held) -> Iterable[date]:
    """Return the days on which a turn counts."""
    if of is Measure.DAYS:
        return held.turn.days
    return held.turn.weekends if of is Measure.WEEKENDS else held.turn.days[:1]


def counted(of: Measure, turns: Iterable[Held]) -> Counter[date]:
    """Return how much of a measure falls on each day."""
    if of in {Measure.DAYS, Measure.WEEKENDS}:
        return Counter({day for held in turns for day in days_of(of, held)})
    found: Counter[date] = Counter()
    if of is Measure.MINUTES:
        for held in turns:
            found[held.own_day] += held.turn.minutes
        return found
    firsts: dict[tuple[str | int, ...], date] = {}
    for held in turns:
        firsts[held.whole] = min(held.begins_on, firsts.get(held.whole, held.begins_on))
    return Counter(firsts.values())


def begun_hours(of: Measure, amount: int) -> int:
    """Return an amount as breaches state it: minutes in begun hours, anything else as it is."""
    return -(-amount // 60) if of is Measure.MINUTES else amount
