"""Escalation policies and nobody-on-duty lists as rows, checked before they are trusted.

Policies begin from the catalogue, a list with the team. A policy is never changed: saving one makes
the next version and takes the one before out of use, so that a callout keeps what it began with.
`faults` says by which of them a page would end in silence; none of these is ever saved. Which one
an alert follows is for `plans`, what a step does for `policy`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from dispatch import audit
from dispatch.audit import Actor
from dispatch.db import Session, one_at_a_time
from dispatch.errors import Conflict, Invalid
from dispatch.paging import plans, policy
from dispatch.paging.candidates import channels_of
from dispatch.paging.models import NobodyOnDuty, Policy, PolicyStep, Target
from dispatch.paging.policy import ALWAYS, Hours, Plan
from dispatch.people import phones
from dispatch.people.models import Person, Team
from dispatch.texts import N_, Sentence


def install(session: Session, catalogue: Mapping[str, Any], now: datetime) -> None:
    """Add the policies of the catalogue if there are none at all."""
    if session.scalars(sa.select(Policy.id).limit(1)).first() is not None:
        return
    for entry in catalogue["policy"]:
        steps = [
            PolicyStep(
                position=position,
                after_seconds=step["after_seconds"],
                target=Target(step["target"]),
                attempts=step["attempts"],
            )
            for position, step in enumerate(entry["steps"])
        ]
        session.add(
            Policy(
                name=entry["name"],
                priority=entry.get("priority"),
                repeat_seconds=entry["repeat_seconds"],
                created_at=now,
                steps=steps,
            )
        )
    session.flush()


_CHANGED = N_("Somebody else has changed this policy. Load the screen again.")


@dataclass(frozen=True)
class Proposal:
    """A policy as somebody wants it."""

    name: str
    plan: Plan
    team_id: int | None = None
    category_id: int | None = None
    priority: int | None = None
    hours: Hours = ALWAYS


def in_use(session: Session) -> Sequence[Policy]:
    """Return every policy that an alert may follow."""
    query = sa.select(Policy).where(Policy.retired_at.is_(None)).order_by(Policy.id)
    return session.scalars(query.options(selectinload(Policy.steps))).all()


def versions(session: Session, lineage: str) -> Sequence[Policy]:
    """Return every version of a policy, the newest first."""
    query = sa.select(Policy).where(Policy.lineage == lineage).order_by(Policy.version.desc())
    return session.scalars(query.options(selectinload(Policy.steps))).all()


def save(
    session: Session, wanted: Proposal, before: Policy | None, actor: Actor, now: datetime
) -> Policy:
    """Make a policy, or the next version of one; callouts that run keep what they began with.

    Raises Invalid naming each field by which a page could end in silence (`target_2` is of the
    third step), Conflict when somebody else has changed it meanwhile.
    """
    one_at_a_time(session, "policies")
    told = {_field(fault): _whole(fault.told) for fault in policy.faults(wanted.plan)}
    told |= _unreachable(session, wanted.plan)
    if told:
        raise Invalid(
            N_("With this a call-out could end in silence: look at what is marked."), **told
        )
    found = _row(wanted, actor, now)
    present = in_use(session)
    if before is not None and before not in present:
        raise Conflict(_CHANGED)
    beside = [one for one in present if one is not before]
    _refuse_twin(beside, found)
    _require_fallback([*beside, found])
    if before is not None:
        found.lineage, found.version = before.lineage, before.version + 1
        _end(session, before, now)
    session.add(found)
    session.flush()
    facts = {"name": wanted.name, "version": found.version, "policy": found.id}
    audit.record(session, actor, "policy.saved", f"policy:{found.lineage}", facts, now)
    return found


def _refuse_twin(beside: Iterable[Policy], wanted: Policy) -> None:
    """Refuse a second policy for exactly the same: it would silently take the first one's place."""
    for one in beside:
        if _scope(one) == _scope(wanted):
            told = Sentence(N_("%(name)s is for exactly this already: change that."), name=one.name)
            raise Invalid(told, of_team=told)


def _scope(found: Policy) -> tuple[object, ...]:
    return found.team_id, found.category_id, found.priority, plans.hours_of(found)


def retire(session: Session, found: Policy, actor: Actor, now: datetime) -> None:
    """Take a policy out of use; callouts that run by it go on. Raises Conflict."""
    one_at_a_time(session, "policies")
    _require_fallback([one for one in in_use(session) if one is not found])
    _end(session, found, now)
    facts = {"name": found.name, "version": found.version}
    audit.record(session, actor, "policy.retired", f"policy:{found.lineage}", facts, now)


def _end(session: Session, found: Policy, now: datetime) -> None:
    statement = sa.update(Policy).where(Policy.id == found.id, Policy.retired_at.is_(None))
    ended = session.execute(statement.values(retired_at=now).returning(Policy.id)).all()
    if not ended:
        raise Conflict(_CHANGED)


def _require_fallback(left: Iterable[Policy]) -> None:
    if not any(map(_is_for_everything, left)):
        raise Conflict(
            N_(
                "Every alert must find a policy: one must stay that is for every team, every kind,"
                " every priority and at all times."
            )
        )


def _is_for_everything(found: Policy) -> bool:
    narrowed = (found.team_id, found.category_id, found.priority)
    return all(one is None for one in narrowed) and plans.hours_of(found).always


def _field(fault: policy.Fault) -> str:
    return fault.field if fault.step is None else f"{fault.field}_{fault.step}"


def _whole(told: str) -> str:
    """A fault as a sentence of its own; a command says it after the policy's name."""
    return _SENTENCES[told]


_SENTENCES = {
    policy.LAST_STEP: N_(
        "The last step must add people: a screen or a desk alone may stay silent."
    ),
    policy.NO_REPEAT: N_("It must be repeated after a second or more."),
    policy.OUT_OF_ORDER: N_("This step comes before the one that it follows."),
    policy.NO_CHANNEL: N_("This step tries nobody: choose a text or a call."),
    policy.NO_PERSON: N_("Say whom this step adds."),
    policy.NO_TEAM: N_("Say which team this step adds."),
}


def _unreachable(session: Session, plan: Plan) -> Mapping[str, str]:
    """Say of each step that adds a person by name when no telephone of theirs is confirmed."""
    named = {n: step.person_id for n, step in enumerate(plan.steps) if step.person_id is not None}
    methods = phones.reachable(session, list(named.values()))
    return {
        f"person_{number}": Sentence(
            N_("%(name)s has no verified phone."), name=session.get_one(Person, person_id).name
        )
        for number, person_id in named.items()
        if not channels_of(methods[person_id])
    }


def _row(wanted: Proposal, actor: Actor, now: datetime) -> Policy:
    hours = wanted.hours
    clock = [f"{at:%H:%M}" if at is not None else "" for at in (hours.begins, hours.ends)]
    return Policy(
        name=wanted.name,
        team_id=wanted.team_id,
        category_id=wanted.category_id,
        priority=wanted.priority,
        days=sorted(hours.days),
        begins=clock[0],
        ends=clock[1],
        repeat_seconds=round(wanted.plan.repeat_seconds),
        created_at=now,
        created_by=actor.name,
        steps=[
            PolicyStep(
                position=position,
                after_seconds=round(step.after_seconds),
                target=step.target,
                person_id=step.person_id,
                team_id=step.team_id,
                attempts=[[channel, round(after)] for channel, after in step.attempts],
            )
            for position, step in enumerate(wanted.plan.steps)
        ],
    )


def list_for_nobody_on_duty(
    session: Session, team: Team, person: Person, actor: Actor, now: datetime
) -> None:
    """Page somebody, after those listed before, when nobody of a team is on duty."""
    query = sa.select(NobodyOnDuty.position).where(NobodyOnDuty.team_id == team.id)
    position = max(session.scalars(query), default=-1) + 1
    session.add(NobodyOnDuty(team_id=team.id, person_id=person.id, position=position))
    session.flush()
    facts = {"person": person.id}
    audit.record(session, actor, "nobody_on_duty.listed", f"team:{team.id}", facts, now)


def faults(session: Session) -> Iterator[str]:
    """Name every policy or team by which a page could end in silence."""
    policies = in_use(session)
    if not any(map(_is_for_everything, policies)):
        yield "No escalation policy is for every team and priority."
    for found in policies:
        plan = plans.as_values(found)
        told = [fault.told for fault in policy.faults(plan)] + [
            *_unreachable(session, plan).values()
        ]
        yield from (f"Policy {found.name}: {words}" for words in dict.fromkeys(told))
    listed: dict[int, list[int]] = {}
    for row in session.scalars(sa.select(NobodyOnDuty)):
        listed.setdefault(row.team_id, []).append(row.person_id)
    methods = phones.reachable(session, [one for ids in listed.values() for one in ids])
    for team in session.scalars(sa.select(Team).order_by(Team.id)):
        if team.id not in listed:
            yield f"Team {team.key}: its nobody-on-duty list is empty."
        elif not any(channels_of(methods[one]) for one in listed[team.id]):
            yield f"Team {team.key}: nobody on its nobody-on-duty list has a confirmed telephone."
