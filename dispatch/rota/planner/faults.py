"""What makes a problem impossible to plan, said before anything is searched.

Nothing here needs a search: unknown people, a horizon of ten years, locks that contradict each
other. Each fault has the field it is about and a sentence with the way out.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dispatch.errors import Invalid
from dispatch.rota.planner.blocks import Block, bars
from dispatch.rota.planner.cover import can_fill
from dispatch.rota.problem import (
    FreeRun,
    Limit,
    Need,
    NotAll,
    Officer,
    Problem,
    Rest,
    Rule,
    Run,
    Seat,
    WeeklyRest,
)
from dispatch.texts import N_, Sentence

#: Two years and a bit: a year is planned in one piece, and not much more is known of people.
_MOST_DAYS = 800
#: Needs times people; beyond it, a machine's memory and not its patience decides.
_MOST_CHOICES = 2_000_000

Fault = tuple[str, Sentence]


def problem_faults(problem: Problem) -> dict[str, Sentence]:
    """Return what is wrong with a problem by field, the first of each; empty: it can be planned."""
    found: dict[str, Sentence] = {}
    # Each step would stumble over what those before it find.
    for checks in ((_horizon,), (_people, _needs), (_named, _rules, _prices), (_blocks, _locks)):
        for check in checks:
            for field, sentence in check(problem):
                found.setdefault(field, sentence)
        if found:
            break
    return found


def refuse(problem: Problem) -> None:
    """Raise Invalid with what is wrong with a problem, if anything is."""
    faults = problem_faults(problem)
    if faults:
        raise Invalid(next(iter(faults.values())), **faults)


def refuse_unknown(problem: Problem, published: Iterable[Seat]) -> None:
    """Raise Invalid if published seats are of turns that the problem does not know."""
    for need, _ in published:
        if not 0 <= need < len(problem.needs):
            told = Sentence(N_("Turn %(need)s is not part of the plan."), need=need)
            raise Invalid(told, published=told)


def _horizon(problem: Problem) -> Iterator[Fault]:
    days = (problem.last - problem.first).days + 1
    if days < 1:
        told = N_("The plan ends on %(last)s, before it begins on %(first)s: swap the two days.")
        yield "last", Sentence(told, first=problem.first, last=problem.last)
    elif days > _MOST_DAYS:
        told = N_("The plan is %(days)s days long. Plan at most %(most)s days at once.")
        yield "last", Sentence(told, days=days, most=_MOST_DAYS)
    needs, people = len(problem.needs), len(problem.people)
    if needs * people > _MOST_CHOICES:
        told = N_(
            "%(needs)s turns for %(people)s people are too many to plan at once. "
            "Plan a shorter period, or fewer teams."
        )
        yield "needs", Sentence(told, needs=needs, people=people)
    try:
        ZoneInfo(problem.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        told = N_("There is no time zone %(zone)s. Name one like Europe/Brussels.")
        yield "zone", Sentence(told, zone=problem.zone)


def _people(problem: Problem) -> Iterator[Fault]:
    seen: set[int] = set()
    for place, officer in enumerate(problem.people):
        if officer.id in seen:
            told = N_("%(name)s is listed twice. Remove one.")
            yield f"people.{place}.id", Sentence(told, name=officer.name)
        seen.add(officer.id)
        if not officer.share > 0:
            told = N_("%(name)s has no share of employment. Give a number above 0.")
            yield f"people.{place}.share", Sentence(told, name=officer.name)
        spans = [(away.starts_at, away.ends_at) for away in officer.away]
        spans += [(past.starts_at, past.ends_at) for past in officer.around]
        if not all(_are_times(starts, ends) for starts, ends in spans):
            told = N_(
                "An absence or an earlier turn of %(name)s ends before it begins, or has no time "
                "zone."
            )
            yield f"people.{place}", Sentence(told, name=officer.name)


def _are_times(starts: datetime, ends: datetime) -> bool:
    return starts.tzinfo is not None and ends.tzinfo is not None and starts < ends


def _needs(problem: Problem) -> Iterator[Fault]:
    for place, need in enumerate(problem.needs):
        field = f"needs.{place}"
        if need.id != place:
            told = N_("Turn %(id)s stands at place %(place)s. Number the turns by their places.")
            yield f"{field}.id", Sentence(told, id=need.id, place=place)
        elif not need.days or not _are_times(need.starts_at, need.ends_at):
            told = N_("A turn on line %(line)s has no day, no time zone, or ends before it begins.")
            yield field, Sentence(told, line=need.line)
        elif not problem.first <= need.days[0] <= problem.last:
            told = N_("The turn on line %(line)s on %(day)s lies outside the plan.")
            yield f"{field}.days", Sentence(told, line=need.line, day=need.days[0])
        elif need.wanted < 0 or any(skill.count < 1 for skill in need.skills):
            told = N_("The turn on line %(line)s on %(day)s wants fewer people than none.")
            yield f"{field}.wanted", Sentence(told, line=need.line, day=need.days[0])


def _named(problem: Problem) -> Iterator[Fault]:
    """Who and what is named exists."""
    people = {officer.id for officer in problem.people}
    needs = set(range(len(problem.needs)))
    unknown_person = N_("Person %(person)s is not among those who can be planned.")
    unknown_need = N_("Turn %(need)s is not part of the plan.")
    seats = [("locked", seat) for seat in problem.locked]
    seats += [("stays", seat) for seat in problem.stays]
    seats += [("present", seat) for seat in problem.present]
    for field, (need, person) in seats:
        if person not in people:
            yield field, Sentence(unknown_person, person=person)
        if need not in needs:
            yield field, Sentence(unknown_need, need=need)
    for place, wish in enumerate(problem.wishes):
        if wish.person not in people:
            yield f"wishes.{place}.person", Sentence(unknown_person, person=wish.person)
        for need in wish.needs - needs:
            yield f"wishes.{place}.needs", Sentence(unknown_need, need=need)
    for place, rule in enumerate(problem.rules):
        if isinstance(rule, NotAll):
            for need in rule.needs - needs:
                yield f"rules.{place}.needs", Sentence(unknown_need, need=need)


def _rules(problem: Problem) -> Iterator[Fault]:
    seen: set[str] = set()
    for place, rule in enumerate(problem.rules):
        if rule.key in seen:
            told = N_("Two rules are called %(rule)s. Give each a name of its own.")
            yield f"rules.{place}.key", Sentence(told, rule=rule.key)
        seen.add(rule.key)
        if isinstance(rule, Limit) and not (
            rule.period in {"plan", "month", "year"}
            or (isinstance(rule.period, int) and rule.period > 0)
        ):
            told = N_(
                "The period of rule %(rule)s is not plan, month, year or a number of days: "
                "%(period)s."
            )
            yield f"rules.{place}.period", Sentence(told, rule=rule.key, period=rule.period)
        if (field := _wrong_number(rule)) is not None:
            told = N_("Rule %(rule)s asks for less than nothing, or for more than it allows.")
            yield f"rules.{place}.{field}", Sentence(told, rule=rule.key)


def _wrong_number(rule: Rule) -> str | None:
    """Return the field of a rule whose number makes no sense."""
    match rule:
        case Limit() | Run():
            least, most = rule.least, rule.most
            if (least or 0) < 0 or (most or 0) < 0:
                return "least" if (least or 0) < 0 else "most"
            if least is not None and most is not None and least > most:
                return "least"
        case FreeRun():
            return "least" if rule.least < 0 else None
        case Rest():
            return "minutes" if rule.minutes < 0 else None
        case WeeklyRest():
            if rule.days < 1:
                return "days"
            return "minutes" if not 0 <= rule.minutes <= rule.days * 1440 - 60 else None
    most = getattr(rule, "most", None)
    return "most" if most is not None and most < 0 else None


def _prices(problem: Problem) -> Iterator[Fault]:
    prices: list[tuple[str, int | None]] = []
    for place, rule in enumerate(problem.rules):
        prices.append((f"rules.{place}.weight", rule.weight))
    for place, fair in enumerate(problem.fairs):
        prices.append((f"fairs.{place}.weight", fair.weight))
    for place, wish in enumerate(problem.wishes):
        prices.append((f"wishes.{place}.weight", wish.weight))
    for place, need in enumerate(problem.needs):
        prices += [(f"needs.{place}.under", need.under), (f"needs.{place}.over", need.over)]
        prices += [(f"needs.{place}.skills", skill.weight) for skill in need.skills]
    prices += [("stays", cost) for cost in problem.stays.values()]
    for field, price in prices:
        if price is not None and price < 0:
            yield field, Sentence(N_("A weight cannot be below 0."))


def _blocks(problem: Problem) -> Iterator[Fault]:
    for needs in _by_block(problem).values():
        first = needs[0]
        for other in needs[1:]:
            asked = {(need.unit, need.wanted) for need in (first, other) if need.under is None}
            if len(asked) > 1:
                told = N_(
                    "The turns of block %(block)s on line %(line)s want different numbers of "
                    "people, or people of different units."
                )
                field = f"needs.{other.id}.block"
                yield field, Sentence(told, block=first.block, line=first.line)
        for one, other in _overlapping(needs):
            told = N_(
                "Two turns of block %(block)s on line %(line)s are at the same time on %(day)s: "
                "nobody can fill both."
            )
            field = f"needs.{other.id}.block"
            yield field, Sentence(told, block=one.block, line=one.line, day=other.days[0])


def _by_block(problem: Problem) -> dict[tuple[str, str], list[Need]]:
    found: dict[tuple[str, str], list[Need]] = defaultdict(list)
    for need in problem.needs:
        if need.block is not None:
            found[need.line, need.block].append(need)
    return found


def _overlapping(needs: Sequence[Need]) -> Iterator[tuple[Need, Need]]:
    """Yield neighbours in time that overlap."""
    ordered = sorted(needs, key=lambda need: need.starts_at.timestamp())
    for one, other in pairwise(ordered):
        if other.starts_at.timestamp() < one.ends_at.timestamp():
            yield one, other


def _locks(problem: Problem) -> Iterator[Fault]:
    people = {officer.id: officer for officer in problem.people}
    mine: dict[int, list[Need]] = defaultdict(list)
    theirs: dict[int, int] = defaultdict(int)
    for (id_, person), wanted in problem.locked.items():
        if wanted:
            mine[person].append(problem.needs[id_])
            theirs[id_] += 1
    for person, needs in mine.items():
        for one, _ in _overlapping(needs):
            told = N_("%(name)s is locked in two turns at the same time on %(day)s. Free one.")
            yield "locked", Sentence(told, name=people[person].name, day=one.days[0])
        for need in (one for one in needs if (one.id, person) not in problem.facts):
            yield from _cannot(people[person], need)
    for id_, count in theirs.items():
        asked = problem.needs[id_]
        if asked.over is None and count > asked.wanted:
            told = N_(
                "%(count)s people are locked in the turn on line %(line)s on %(day)s, which wants "
                "%(wanted)s. Free some."
            )
            day = asked.days[0]
            facts = {"count": count, "line": asked.line, "wanted": asked.wanted, "day": day}
            yield "locked", Sentence(told, **facts)
    for needs in _by_block(problem).values():
        yield from _torn(problem, needs, people)


def may_fill(officer: Officer, need: Need) -> bool:
    """Return whether somebody is there for a turn and may fill it."""
    block = Block(0, ((need,),))
    return not any(bars(officer, block)) and can_fill(officer, block)


def _cannot(officer: Officer, need: Need) -> Iterator[Fault]:
    if not may_fill(officer, need):
        told = N_(
            "%(name)s is locked in the turn on line %(line)s on %(day)s, but is away then or may "
            "not fill it. Free it, or change what keeps %(name)s from it."
        )
        yield "locked", Sentence(told, name=officer.name, line=need.line, day=need.days[0])


def _torn(problem: Problem, needs: Sequence[Need], people: dict[int, Officer]) -> Iterator[Fault]:
    """Yield who is locked in one need of a block and out of another."""
    wanted: dict[int, set[bool]] = defaultdict(set)
    for need in needs:
        for person in people:
            locked = problem.locked.get((need.id, person))
            if locked is not None:
                wanted[person].add(locked)
    for person, both in wanted.items():
        if len(both) == 2:
            told = N_(
                "%(name)s is locked in one turn of block %(block)s and out of another. "
                "A block is taken as a whole."
            )
            yield "locked", Sentence(told, name=people[person].name, block=needs[0].block)
