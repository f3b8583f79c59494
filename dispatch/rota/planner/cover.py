"""How many people a need has, and which qualifications are among them."""

from collections.abc import Sequence
from datetime import date

from dispatch.rota.planner.blocks import Block
from dispatch.rota.planner.people import Own
from dispatch.rota.planner.terms import Form, Literal, Source
from dispatch.rota.problem import Need, Officer, SkillNeed


def can_fill(officer: Officer, block: Block) -> bool:
    """Return whether somebody has what each who fills a need must have."""
    return all(
        officer_holds(officer, skill.qualification, day)
        for need in block.needs
        for skill in need.skills
        if skill.weight is None and need.over is None and skill.count >= need.wanted
        for day in need.days
    )


def officer_holds(officer: Officer, qualification: str, day: date) -> bool:
    """Return whether somebody holds a qualification on a day."""
    return any(
        holding.qualification == qualification
        and holding.from_on <= day
        and (holding.until_on is None or day <= holding.until_on)
        for holding in officer.holds
    )


def add_cover(form: Form, block: Block, owns: Sequence[Own]) -> None:
    """Let the needs of a block have their people and qualifications."""
    there = [(own.officer, own.blocks[block.place][1]) for own in owns if block.place in own.blocks]
    literals = [literal for _, literal in there]
    lanes = len(block.lanes)
    said = set()
    for at, need in enumerate(block.needs):
        ids = tuple(lane[at].id for lane in block.lanes)
        source = Source("cover", None, ids, need.days[0])
        hard = (need.wanted, need.under, need.over)
        if need.under is not None or need.over is not None or hard not in said:
            form.limit(literals, need.wanted * lanes, need.over, source)
            form.floor(literals, need.wanted * lanes, need.under, source)
            said.add(hard)
        for skill in need.skills:
            _add_skill(form, need, skill, ids, there)


def _add_skill(
    form: Form,
    need: Need,
    skill: SkillNeed,
    ids: tuple[int, ...],
    there: Sequence[tuple[Officer, Literal]],
) -> None:
    source = Source("skill", None, ids, need.days[0], skill.qualification)
    count = skill.count * len(ids)
    by_day = {
        tuple(lit for officer, lit in there if officer_holds(officer, skill.qualification, day))
        for day in need.days
    }
    if skill.weight is None or len(by_day) == 1:
        for literals in sorted(by_day):
            form.floor(literals, count, skill.weight, source)
        return
    for missing in range(1, count + 1):
        # The day that lacks most counts alone: it lacks so many if any day does.
        lacking = [~form.at_least(literals, count - missing + 1) for literals in sorted(by_day)]
        form.limit([form.at_least(lacking)], 0, skill.weight, source)
