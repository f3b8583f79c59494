"""Whom a report wants: people of which teams, by its kind, its flags and the hour.

A kind of incident wants a function, not a team; so does a flag (children are there, so social
on-call comes too), whatever the kind. Of several teams for the same function the one is called
whose hours it is in: by day the day team, at night the one for the night. Flags only ever add.
Who of a team is called is for paging to say.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.incidents.models import Category, CategoryWant, FlagWant, Want
from dispatch.people import hours
from dispatch.people.models import Team


@dataclass(frozen=True)
class Wanted:
    """So many people of a team."""

    team: Team
    people: int = 1
    qualification_id: int | None = None
    by: str = ""
    """The person who decided it; empty: the alert's own data."""
    substitute_id: int | None = None
    """What serves instead where nobody on duty has what is wanted."""
    side: str = ""
    flag: str = ""
    """Which flag of the report asks for it, if not the kind of incident."""

    def row(self) -> Want:
        """Return it as an incident keeps it."""
        return Want(
            team=self.team,
            team_id=self.team.id,
            people=self.people,
            qualification_id=self.qualification_id,
            substitute_id=self.substitute_id,
            side=self.side,
            wanted_by=self.by,
        )


def by_kind(category: Category | None, teams: Collection[Team], at: datetime) -> list[Wanted]:
    """Return whom a kind of incident wants of the teams that serve the place."""
    return _asked(category.wants, teams, at) if category is not None else []


def by_flags(
    session: Session, flags: Mapping[str, bool], teams: Collection[Team], at: datetime
) -> list[Wanted]:
    """Return whom the flags want; a report without any asks the database nothing."""
    raised = sorted(name for name, is_so in flags.items() if is_so)
    if not raised:
        return []
    query = sa.select(FlagWant).where(FlagWant.flag.in_(raised), FlagWant.people > 0)
    return _asked(session.scalars(query.order_by(FlagWant.id)).all(), teams, at)


def _asked(
    wants: Iterable[CategoryWant | FlagWant], teams: Collection[Team], at: datetime
) -> list[Wanted]:
    by_function: dict[str, list[Team]] = {}
    for team in teams:
        by_function.setdefault(team.function, []).append(team)
    return [
        _of(want, hours.to_call(by_function[want.function], at))
        for want in wants
        if want.function in by_function
    ]


def _of(want: CategoryWant | FlagWant, team: Team) -> Wanted:
    found = Wanted(team, want.people, want.qualification_id)
    if isinstance(want, FlagWant):
        return replace(found, flag=want.flag)
    return replace(found, substitute_id=want.substitute_id, side=want.side)


def together(first: Sequence[Wanted], more: Sequence[Wanted]) -> list[Wanted]:
    """Return one entry for each team: where both want the same team, the larger number of people.

    What the first says of training stands, and a flag is named only where it is what adds people.
    """
    found = {one.team.id: one for one in first}
    for one in more:
        held = found.get(one.team.id)
        if held is None:
            found[one.team.id] = one
        elif one.people > held.people:
            trained = held.qualification_id or one.qualification_id
            found[one.team.id] = replace(
                held, people=one.people, qualification_id=trained, flag=one.flag
            )
    return list(found.values())
