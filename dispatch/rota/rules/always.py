"""What every plan must keep or pays for, whatever its rules: the checks that need no `Rule`."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from fractions import Fraction
from math import ceil

from dispatch.rota.problem import Breach, Fair, Need, Officer, SkillNeed
from dispatch.rota.rules.measures import begun_hours, counted
from dispatch.rota.rules.plan import Duty, Plan, near


def on_need(plan: Plan, need: Need) -> Iterator[Breach]:
    """Yield what one need lacks or has too much of."""
    yield from _cover(plan, need)
    for skill in need.skills:
        yield from _skill(plan, need, skill)


def on_person(plan: Plan, duty: Duty) -> Iterator[Breach]:
    """Yield what one person's turns break of themselves."""
    for check in (_away, _unit, _line, _overlap):
        yield from check(duty)
    for fair in plan.problem.fairs:
        yield from _fair(fair, duty)


def on_seats(plan: Plan, people: frozenset[int] | None) -> Iterator[Breach]:
    """Yield what is asked of seats one by one: blocks, locks, wishes, published turns."""
    for check in (_block, _locked, _wish, _stays):
        for breach in check(plan):
            if people is None or breach.person in people:
                yield breach


def _cover(plan: Plan, need: Need) -> Iterator[Breach]:
    count = len(plan.filled.get(need.id, ()))
    amount, weight = abs(count - need.wanted), need.under if count < need.wanted else need.over
    if amount and weight != 0:
        yield Breach(
            "cover",
            amount,
            None if weight is None else weight * amount,
            needs=(need.id,),
            days=need.days,
            facts={"count": count, "wanted": need.wanted},
        )


def _skill(plan: Plan, need: Need, skill: SkillNeed) -> Iterator[Breach]:
    people = [plan.people[person] for person in plan.filled.get(need.id, ())]
    missing = {
        day: skill.count - sum(_holds(person, skill.qualification, day) for person in people)
        for day in need.days
    }
    amount = max(missing.values())
    if amount > 0:
        yield Breach(
            "skill",
            amount,
            None if skill.weight is None else skill.weight * amount,
            needs=(need.id,),
            days=tuple(day for day, lacking in missing.items() if lacking > 0),
            facts={
                "qualification": skill.qualification,
                "count": skill.count - amount,
                "wanted": skill.count,
            },
        )


def _holds(person: Officer, qualification: str, day: date) -> bool:
    return any(
        holding.qualification == qualification
        and holding.from_on <= day
        and (holding.until_on is None or day <= holding.until_on)
        for holding in person.holds
    )


def _away(duty: Duty) -> Iterator[Breach]:
    for held in duty.planned:
        reasons = [
            away.reason
            for away in duty.person.away
            if away.starts_at.astimezone(UTC) < held.ends_at
            and held.starts_at < away.ends_at.astimezone(UTC)
        ]
        if reasons and isinstance(held.turn, Need):
            yield _seat("away", held.turn, duty.person.id, reason=reasons[0])


def _unit(duty: Duty) -> Iterator[Breach]:
    for held in duty.planned:
        if isinstance(held.turn, Need) and held.turn.unit not in {None, duty.person.unit}:
            yield _seat("unit", held.turn, duty.person.id, unit=held.turn.unit or "")


def _line(duty: Duty) -> Iterator[Breach]:
    lines = duty.person.lines
    for held in duty.planned:
        if isinstance(held.turn, Need) and lines is not None and held.turn.line not in lines:
            yield _seat("line", held.turn, duty.person.id, line=held.turn.line)


def _overlap(duty: Duty) -> Iterator[Breach]:
    for one, other in near(duty.turns, timedelta()):
        turns = [held.turn for held in (one, other)]
        yield Breach(
            "overlap",
            1,
            None,
            duty.person.id,
            tuple(turn.id for turn in turns if isinstance(turn, Need)),
            tuple(sorted({turn.days[0] for turn in turns})),
            {"line": one.turn.line, "other": other.turn.line},
        )


def _fair(fair: Fair, duty: Duty) -> Iterator[Breach]:
    if duty.person.id not in fair.targets:
        return
    turns = [held for held in duty.planned if fair.only.takes(held.turn)]
    count = begun_hours(fair.of, sum(counted(fair.of, turns).values()))
    target = fair.targets[duty.person.id]
    off = count - Fraction(target)
    cost = round(fair.weight * off**2 / Fraction(duty.person.share))
    if cost:
        facts = {"count": count, "target": target, "of": fair.of.value}
        yield Breach(f"fair:{fair.key}", ceil(abs(off)), cost, duty.person.id, facts=facts)


def _block(plan: Plan) -> Iterator[Breach]:
    blocks: dict[tuple[str, str], list[Need]] = defaultdict(list)
    for need in plan.problem.needs:
        if need.block is not None:
            blocks[need.line, need.block].append(need)
    for (_, name), needs in blocks.items():
        for person in sorted({person for need in needs for person in plan.filled.get(need.id, ())}):
            left = [need for need in needs if (need.id, person) not in plan.seats]
            if left:
                yield Breach(
                    "block",
                    1,
                    None,
                    person,
                    tuple(need.id for need in left),
                    tuple(need.days[0] for need in left),
                    {"block": name, "count": len(needs) - len(left), "wanted": len(needs)},
                )


def _locked(plan: Plan) -> Iterator[Breach]:
    for (need, person), wanted in sorted(plan.problem.locked.items()):
        if ((need, person) in plan.seats) != wanted:
            yield _seat("locked", plan.problem.needs[need], person, wanted=int(wanted))


def _wish(plan: Plan) -> Iterator[Breach]:
    for wish in plan.problem.wishes:
        theirs = [need for need in sorted(wish.needs) if (need, wish.person) in plan.seats]
        if bool(theirs) != wish.wanted:
            needs = sorted(wish.needs) if wish.wanted else theirs
            yield Breach(
                f"wish:{wish.key}",
                1,
                wish.weight,
                wish.person,
                tuple(needs),
                tuple(sorted({plan.problem.needs[need].days[0] for need in needs})),
                {"wanted": int(wish.wanted)},
            )


def _stays(plan: Plan) -> Iterator[Breach]:
    for (need, person), cost in sorted(plan.problem.stays.items()):
        if (need, person) not in plan.seats:
            yield Breach("stays", 1, cost, person, (need,), plan.problem.needs[need].days[:1])


def _seat(key: str, need: Need, person: int, **facts: str | int) -> Breach:
    return Breach(key, 1, None, person, (need.id,), need.days, facts)
