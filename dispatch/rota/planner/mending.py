"""Mending a published rota when somebody is away: as few turns as possible move.

What has begun, and what lies beyond the horizon, stays as it is. Within, taking away somebody's
published turn costs the more the sooner it is, so that nobody's turn moves without need, and who
steps in is chosen as fairly as that allows. A turn that nobody can take stays open, and the rest is
mended all the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from dispatch.rota.planner.blocks import Block, bars
from dispatch.rota.planner.cover import can_fill, officer_holds
from dispatch.rota.problem import Limit, Need, Officer, Outcome, Problem, Proposal, Rule, Seat

#: What taking away a published turn costs that is less than so many days ahead. Far more than any
#: burden or wish, so that a rota that was not the fairest is not made fairer on this occasion.
_STAYS = ((14, 40_000), (42, 25_000))
_STAYS_LATER = 15_000
#: What one person missing in a turn costs: more than moving any number of others.
_OPEN = 10_000_000
#: What each unit costs that somebody has less of than a rule asks: an absence may leave too little.
_LEAST = 100
#: How far beyond the last turn to be filled others may move, so that loads even out again.
_BEYOND = timedelta(days=28)
_AT_LEAST = timedelta(days=56)


@dataclass(frozen=True, slots=True)
class Repair:
    """A mended rota."""

    proposal: Proposal
    """PARTIAL: some turns stay open. Its cost holds what moving turns costs."""
    added: frozenset[Seat] = frozenset()
    removed: frozenset[Seat] = frozenset()
    """Published seats that are no longer in it, those of whoever is away among them."""
    until: date | None = None
    """Nothing on a later day was touched."""

    @property
    def changed(self) -> frozenset[int]:
        """Return the needs that somebody else fills."""
        return frozenset(need for need, _ in self.added | self.removed)


@dataclass(frozen=True)
class Mending:
    """A published rota that is to be mended."""

    problem: Problem
    published: frozenset[Seat]
    now: datetime
    until: date | None = None

    def mendable(self) -> tuple[Problem, date]:
        """Return the problem that the planner solves, and the last day that may change."""
        problem = self.problem
        today = self.now.astimezone(ZoneInfo(problem.zone)).date()
        people = {officer.id: officer for officer in problem.people}
        begun = {need.id for need in problem.needs if need.starts_at <= self.now}
        lost = {
            (need, person)
            for need, person in self.published
            if need not in begun and not _can(people.get(person), problem.needs[need])
        }
        end = self._end(today, lost)
        fixed = begun | {need.id for need in problem.needs if need.days[0] > end}
        kept = {seat for seat in self.published - lost if seat[1] in people}
        changed = replace(
            problem,
            needs=tuple(_softer_need(need, need.id in fixed) for need in problem.needs),
            rules=tuple(part for rule in problem.rules for part in _softer_rule(rule)),
            locked=dict(_locks(problem, kept, fixed)),
            stays={
                seat: _staying((problem.needs[seat[0]].days[0] - today).days)
                for seat in kept
                if seat[0] not in fixed
            },
            present=frozenset(kept),
        )
        return changed, end

    def _end(self, today: date, lost: set[Seat]) -> date:
        if self.until is not None:
            return min(self.until, self.problem.last)
        needs = self.problem.needs
        far = [today + _AT_LEAST, *(needs[need].days[-1] + _BEYOND for need, _ in lost)]
        return min(self.problem.last, max(far))

    def mended(self, found: Proposal, end: date) -> Repair:
        """Return what a plan means for the published rota."""
        if not found.seats:
            return Repair(found, until=end)
        if any(self._lacks(need, found.seats) for need in self.problem.needs):
            found = replace(found, outcome=Outcome.PARTIAL, cost=None, bound=None)
        return Repair(found, found.seats - self.published, self.published - found.seats, end)

    def _lacks(self, need: Need, seats: frozenset[Seat]) -> bool:
        """Return whether a need lacks people, or a qualification, that it must have."""
        there = [officer for officer in self.problem.people if (need.id, officer.id) in seats]
        return (need.under is None and len(there) < need.wanted) or any(
            sum(officer_holds(one, skill.qualification, day) for one in there) < skill.count
            for skill in need.skills
            if skill.weight is None
            for day in need.days
        )


def _can(officer: Officer | None, need: Need) -> bool:
    block = Block(0, ((need,),))
    return officer is not None and _fills(officer, need) and not any(bars(officer, block))


def _fills(officer: Officer, need: Need) -> bool:
    """Return whether somebody has what all must have who fill a need, if no more do than wanted."""
    return can_fill(officer, Block(0, ((replace(need, over=None),),)))


def _softer_need(need: Need, fixed: bool) -> Need:
    """Return a need that may stay open at a price; one that is fixed asks for nothing."""
    if fixed:
        return replace(need, under=0, over=0, skills=())
    skills = tuple(
        replace(skill, weight=_OPEN if skill.weight is None else skill.weight)
        for skill in need.skills
    )
    return replace(need, under=_OPEN if need.under is None else need.under, skills=skills)


def _softer_rule(rule: Rule) -> Iterator[Rule]:
    """Yield a rule so that a least can be missed at a price."""
    if isinstance(rule, Limit) and rule.least is not None and rule.weight is None:
        yield replace(rule, most=None, weight=_LEAST)
        if rule.most is not None:
            yield replace(rule, key=f"{rule.key} (most)", least=None)
    else:
        yield rule


def _locks(problem: Problem, kept: set[Seat], fixed: set[int]) -> Iterator[tuple[Seat, bool]]:
    """Yield what may not change: what is fixed, locks, and who lacks what a need must have."""
    for need in problem.needs:
        for officer in problem.people:
            seat = (need.id, officer.id)
            if need.id in fixed:
                yield seat, seat in kept
            elif not _fills(officer, need):
                yield seat, False
            elif problem.locked.get(seat) is False or (problem.locked.get(seat) and seat in kept):
                yield seat, problem.locked[seat]


def _staying(days: int) -> int:
    """Return what it costs to take away a published turn so many days ahead."""
    return next((cost for limit, cost in _STAYS if days < limit), _STAYS_LATER)
