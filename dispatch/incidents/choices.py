"""What a centre chooses of whom incidents want, and of when people are woken or asked after.

Rows are data: how many people of which function a kind of incident or a flag wants, after how many
minutes silence is asked about, each organisation's quiet hours and its question to whoever is on
scene. What is chosen holds for what is reported from then on; what runs goes on as it began.
"""

from collections.abc import Mapping
from datetime import datetime, time

import sqlalchemy as sa

from dispatch import audit
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Invalid
from dispatch.incidents.models import Category, CategoryWant, FlagWant
from dispatch.people.models import Organisation, Team
from dispatch.texts import N_

_NOBODY = N_("Every kind of incident wants somebody.")
_BOTH = N_("Give both times, or none.")
_ITSELF = N_("What serves instead must be another training.")
_INSTEAD_OF_WHAT = N_("Say first what is wanted.")
#: The side of whoever goes to the suspect and theirs; empty: the victims.
SUSPECT = "suspect"


def functions(session: Session) -> list[str]:
    """Return what teams are for, as kinds of incident and flags may want it."""
    return list(session.scalars(sa.select(Team.function).distinct().order_by(Team.function)))


def flag_wants(session: Session) -> dict[tuple[str, str], FlagWant]:
    """Return whom of which function each flag wants."""
    found = session.scalars(sa.select(FlagWant).where(FlagWant.people > 0))
    return {(row.flag, row.function): row for row in found}


def change_kind(
    session: Session,
    category: Category,
    people: Mapping[str, int],
    silent_minutes: int | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Set how many people of each function a kind of incident wants; training stays as it is.

    Raises Invalid when that is nobody at all.
    """
    if not any(people.values()):
        raise Invalid(_NOBODY)
    held = {want.function: want for want in category.wants}
    before = {function: want.people for function, want in held.items()}
    if (before, category.silent_minutes) == (
        {function: count for function, count in people.items() if count},
        silent_minutes,
    ):
        return
    for function, count in people.items():
        want = held.get(function)
        if want is None and count:
            category.wants.append(CategoryWant(function=function, people=count))
        elif want is not None and count:
            want.people = count
        elif want is not None:
            category.wants.remove(want)
            session.delete(want)
    category.silent_minutes = silent_minutes
    facts = {"people": dict(people), "silent_minutes": silent_minutes}
    audit.record(session, actor, "category.change", f"category:{category.key}", facts, now)


def change_training(
    session: Session,
    want: CategoryWant,
    qualification_id: int | None,
    substitute_id: int | None,
    side: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Set what those must hold whom a kind of incident wants, what serves instead, and their side.

    Raises Invalid when something serves instead of nothing, or of itself.
    """
    if substitute_id is not None and substitute_id == qualification_id:
        raise Invalid(_ITSELF)
    if substitute_id is not None and qualification_id is None:
        raise Invalid(_INSTEAD_OF_WHAT)
    found = (qualification_id, substitute_id, side)
    if found == (want.qualification_id, want.substitute_id, want.side):
        return
    want.qualification_id, want.substitute_id, want.side = found
    facts = {"function": want.function, "qualification": qualification_id}
    facts |= {"substitute": substitute_id, "side": side}
    subject = f"category:{want.category.key}"
    audit.record(session, actor, "category.training", subject, facts, now)


def change_flag(
    session: Session,
    flag: str,
    people: Mapping[str, int],
    trained: Mapping[str, int | None],
    actor: Actor,
    now: datetime,
) -> None:
    """Set how many people of each function a flag wants, and by id what they must hold.

    Nobody is a choice as well.
    """
    held = {
        row.function: row
        for row in session.scalars(sa.select(FlagWant).where(FlagWant.flag == flag))
    }
    before = {name: (row.people, row.qualification_id) for name, row in held.items()}
    for function, count in people.items():
        # Kept at none: else the beginnings of a new centre would bring it back.
        row = held.get(function)
        if row is None and count:
            row = FlagWant(flag=flag, function=function)
            session.add(row)
            held[function] = row
        if row is not None:
            row.people, row.qualification_id = count, trained.get(function)
    if before != {name: (row.people, row.qualification_id) for name, row in held.items()}:
        facts = {"people": dict(people), "trained": dict(trained)}
        audit.record(session, actor, "flag.change", f"flag:{flag}", facts, now)


def change_home(
    session: Session,
    home: Organisation,
    quiet: tuple[time | None, time | None],
    welfare: tuple[int, int],
    actor: Actor,
    now: datetime,
) -> None:
    """Set an organisation's quiet hours, and minutes and priority of asking whether all is well.

    Raises Invalid for half a span.
    """
    begins, ends = quiet
    if (begins is None) != (ends is None):
        raise Invalid(_BOTH, quiet_from=_BOTH)
    home.quiet_from, home.quiet_until = (at.strftime("%H:%M") if at else "" for at in quiet)
    home.welfare_minutes, home.welfare_priority = welfare
    facts = {"quiet": [home.quiet_from, home.quiet_until], "welfare": list(welfare)}
    subject = f"organisation:{home.key}"
    audit.record(session, actor, "organisation.change_waits", subject, facts, now)
