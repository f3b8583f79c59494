"""The form of an escalation policy: rows and values to fields, and back.

A form grows and shrinks without scripts: a button adds a step or takes one out, and nothing that
was typed is lost. What is asked of a policy as a whole is for `paging.policies` to say.
"""

from collections.abc import Collection, Mapping
from datetime import time

from dispatch.paging import plans
from dispatch.paging.models import Policy, Target
from dispatch.paging.policies import Proposal
from dispatch.paging.policy import DayKind, Hours, Plan, Step
from dispatch.texts import N_
from dispatch.web.forms import REQUIRED, Form

#: How many attempts a step has room for, and how many steps a policy; one that came with more
#: keeps them.
ATTEMPTS = 4
MOST_STEPS = 12
_MOST_KEPT = 100
#: The longest wait: what has not helped within a day does not help any more.
_DAY_SECONDS = 86_400
_HOUR_SECONDS = 3600
#: Everybody who is still open is woken anew at each repeat.
LEAST_REPEAT_SECONDS = 60
#: Fields of a step that is one number, one choice, and a row of attempts.
_OF_STEP = ("after", "target", "person", "team")
CHANNELS: Mapping[str, str] = {
    "sms": N_("Text"),
    "call": N_("Call"),
    "push": N_("Notice to the browser"),
    "mail": N_("Mail"),
}
#: What a new step begins with.
_USUAL = (("sms", 0), ("call", 20), ("call", 90))


def filled(found: Policy) -> dict[str, object]:
    """Return the fields that say what a policy's rows say."""
    fields: dict[str, object] = {
        "name": found.name,
        "of_team": found.team_id,
        "category": found.category_id,
        "priority": found.priority,
        "begins": found.begins,
        "ends": found.ends,
        "repeat": found.repeat_seconds,
        "steps": len(found.steps),
    }
    fields |= {f"day_{day}": "yes" for day in found.days}
    for number, step in enumerate(plans.as_values(found).steps):
        fields |= _step_fields(number, step)
    return fields


def empty() -> dict[str, object]:
    """Return the fields of a policy that nobody has thought about yet."""
    whom = (0, Target.PRIMARY), (240, Target.BACKUP), (720, Target.EVERYONE)
    fields: dict[str, object] = {"repeat": 300, "steps": len(whom)}
    for number, (after, target) in enumerate(whom):
        fields |= _step_fields(number, Step(after, target, _USUAL))
    return fields


def _step_fields(number: int, step: Step) -> dict[str, object]:
    fields: dict[str, object] = {
        f"after_{number}": round(step.after_seconds),
        f"target_{number}": step.target.value,
        f"person_{number}": step.person_id,
        f"team_{number}": step.team_id,
    }
    for place, (channel, after) in enumerate(step.attempts):
        fields[f"channel_{number}_{place}"] = channel
        fields[f"delay_{number}_{place}"] = round(after)
    return fields


def count(form: Form) -> int:
    """Return how many steps the form shows."""
    return form.number("steps", 1, _MOST_KEPT) or 1


def places(form: Form, number: int) -> int:
    """Return for how many attempts the form has room in a step."""
    found = ATTEMPTS
    while f"channel_{number}_{found}" in form.values:
        found += 1
    return found


def add_step(form: Form) -> None:
    """Show one step more, some minutes after the last."""
    number = count(form)
    if number < MOST_STEPS:
        last = form.values.get(f"after_{number - 1}", "")
        after = int(last) + 240 if last.isascii() and last.isdigit() and len(last) < 6 else 0
        fields = _step_fields(number, Step(after, Target.EVERYONE, _USUAL))
        form.values |= {
            name: str(value or 0) for name, value in fields.items() if value is not None
        }
        form.values["steps"] = str(number + 1)


def remove_step(form: Form, gone: int) -> None:
    """Take a step out; those behind it move up."""
    number = count(form)
    if not 0 <= gone < number or number == 1:
        return
    most = max(places(form, moved) for moved in range(number))
    for moved in range(gone, number):
        for name in _names(moved, most):
            form.values.pop(name, None)
        for name, follows in zip(_names(moved, most), _names(moved + 1, most), strict=True):
            if follows in form.values and moved + 1 < number:
                form.values[name] = form.values[follows]
    form.values["steps"] = str(number - 1)


def _names(number: int, most: int) -> list[str]:
    attempts = [f"{word}_{number}_{n}" for n in range(most) for word in ("channel", "delay")]
    return [f"{word}_{number}" for word in _OF_STEP] + attempts


def read(
    form: Form, teams: Collection[int], categories: Collection[int], people: Collection[int]
) -> Proposal:
    """Return what the form says. Raises Invalid naming each field that cannot be used."""
    proposal = Proposal(
        name=form.text("name", required=True, most=60),
        team_id=form.id_of("of_team", teams, required=False),
        category_id=form.id_of("category", categories, required=False),
        priority=form.number("priority", 1, 3),
        hours=_hours(form),
        plan=read_plan(form, teams, people),
    )
    form.check()
    return proposal


def read_plan(form: Form, teams: Collection[int], people: Collection[int]) -> Plan:
    """Return the steps; what cannot be used is noted on the form."""
    steps = tuple(_step(form, number, teams, people) for number in range(count(form)))
    return Plan(steps, _seconds(form, "repeat", _DAY_SECONDS, LEAST_REPEAT_SECONDS))


def _hours(form: Form) -> Hours:
    days = frozenset(day for day in DayKind if form.ticked(f"day_{day}"))
    if days == frozenset(DayKind):
        # Every kind of day narrows nothing: it would come before a policy that says no days.
        days = frozenset()
    begins, ends = clock(form, "begins"), clock(form, "ends")
    if (begins is None) is not (ends is None):
        form.error("begins" if begins is None else "ends", N_("Give both times, or none."))
    elif begins is not None and begins == ends:
        form.error("ends", N_("Give another time than the first; leave both empty for all day."))
    return Hours(days, begins, ends)


def clock(form: Form, name: str) -> time | None:
    """Read a time of day, or None if nothing was typed."""
    value = form.text(name, most=8)
    if not value:
        return None
    try:
        return time.fromisoformat(value).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        form.error(name, N_("Give a time, such as 22:00."))
        return None


def _step(form: Form, number: int, teams: Collection[int], people: Collection[int]) -> Step:
    target = form.choice(f"target_{number}", Target) or Target.EVERYONE
    person = team = None
    if target is Target.PERSON:
        person = form.id_of(f"person_{number}", people, required=False)
    if target is Target.TEAM:
        team = form.id_of(f"team_{number}", teams, required=False)
    return Step(
        after_seconds=_seconds(form, f"after_{number}", _DAY_SECONDS),
        target=target,
        attempts=_attempts(form, number, target),
        person_id=person,
        team_id=team,
    )


def _attempts(form: Form, number: int, target: Target) -> tuple[tuple[str, float], ...]:
    found = []
    for place in range(places(form, number)):
        channel = form.one_of(f"channel_{number}_{place}", CHANNELS, required=False)
        # A desk reads no texts at night: it is only ever rung.
        if channel and (target is not Target.CONTROL_ROOM or channel == "call"):
            found.append((channel, _seconds(form, f"delay_{number}_{place}", _HOUR_SECONDS)))
    return tuple(sorted(found, key=lambda attempt: attempt[1]))


def _seconds(form: Form, name: str, most: int, least: int = 0) -> float:
    seconds = form.number(name, least, most)
    if seconds is None:
        form.error(name, REQUIRED)
    return float(seconds or 0)
