"""Small problems for the tests of the rules: March 2026 in Brussels, whose 1st is a Sunday."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dispatch.rota.problem import Breach, Need, Officer, Past, Problem, Rule
from dispatch.rota.rules import check

BRUSSELS = ZoneInfo("Europe/Brussels")
FIRST, LAST = date(2026, 3, 2), date(2026, 3, 29)


def day(number: int) -> date:
    """Return a day, counted from 1 March 2026; 0 is the last of February."""
    return date(2026, 3, 1) + timedelta(days=number - 1)


def at(number: int, hour: float = 0, fold: int = 0) -> datetime:
    """Return the instant at which wall clocks show an hour of a day."""
    midnight = datetime(2026, 3, 1, tzinfo=BRUSSELS)
    return (midnight + timedelta(days=number - 1, hours=hour)).replace(fold=fold)


def turn(number: int, starts: float = 8, ends: float = 16, **more: Any) -> Need:
    """Return a need from one hour of a day to another, the next day's if that is not later."""
    ends_on = number if ends > starts else number + 1
    on = day(number)
    saturday = on - timedelta(days=on.weekday() - 5)
    given = {
        "line": "primary",
        "kind": "day",
        "starts_at": at(number, starts),
        "ends_at": at(ends_on, ends),
        "days": (on,),
        "weekends": frozenset({saturday} if on.weekday() >= 5 else ()),
        "under": 0,
        "over": 0,
    }
    given |= more
    minutes = given.pop("minutes", None)
    if minutes is None:
        minutes = int((given["ends_at"].timestamp() - given["starts_at"].timestamp()) // 60)
    return Need(id=0, minutes=minutes, **given)


def turns(numbers: Iterable[int], starts: float = 8, ends: float = 16, **more: Any) -> list[Need]:
    """Return a need on each of some days."""
    return [turn(number, starts, ends, **more) for number in numbers]


def past(need: Need) -> Past:
    """Return the same outside the plan."""
    return Past(
        need.kind,
        need.line,
        need.starts_at,
        need.ends_at,
        need.days,
        need.minutes,
        need.rests,
        need.tags,
        need.weekends,
        within=need.within,
    )


def officer(
    id_: int = 0, before: Iterable[Need] = (), after: Iterable[Need] = (), **more: Any
) -> Officer:
    """Return somebody with turns before the plan and after it."""
    known = {"before": tuple(map(past, before)), "after": tuple(map(past, after))}
    return Officer(id_, f"Officer {id_}", **known, **more)


def problem(
    needs: Sequence[Need], people: Sequence[Officer] = (), rules: Sequence[Rule] = (), **more: Any
) -> Problem:
    """Return a problem of March that numbers its needs."""
    numbered = tuple(replace(need, id=id_) for id_, need in enumerate(needs))
    given: dict[str, Any] = {"first": FIRST, "last": LAST, "zone": "Europe/Brussels"}
    return Problem(
        needs=numbered,
        people=tuple(people) or (officer(),),
        rules=tuple(rules),
        **(given | more),
    )


def of_one(
    rule: Rule, needs: Sequence[Need], before: Iterable[Need] = (), **more: Any
) -> list[Breach]:
    """Return how one person who fills every need breaks a rule."""
    given = problem(needs, [officer(before=before, share=more.pop("share", 1.0))], [rule], **more)
    found = check(given, {(need.id, 0) for need in given.needs})
    return [breach for breach in found if breach.key == rule.key]


def amount(breaches: Iterable[Breach]) -> int:
    """Return the sum of what they break."""
    return sum(breach.amount for breach in breaches)
