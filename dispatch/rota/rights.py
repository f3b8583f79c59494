"""Whose absence, wish, swap or draft something is, and who may touch it.

One function for each kind of thing returns it with the viewer's rights or raises NotFound: people
have their own, planners those of their teams. The table of roles is in `people.access`.
"""

from datetime import date

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.errors import NotFound
from dispatch.people.access import Right, Viewer
from dispatch.people.models import Membership, Team
from dispatch.rota.days import local_day
from dispatch.rota.models import Absence, Draft, Line, OpenTurn, PlanningRun, Shift, Swap, Wish
from dispatch.texts import N_

_NOTHING = N_("There is no such thing, or it is not yours to see.")


def plans(session: Session, viewer: Viewer, absence: Absence) -> bool:
    """Return whether the viewer plans a team that somebody is or was in while they are away."""
    query = sa.select(Membership).where(
        Membership.person_id == absence.person_id,
        Membership.team_id.in_(viewer.teams(Right.ROTA_CHANGE)),
    )
    return any(concerns(one, absence, viewer.time_zone) for one in session.scalars(query))


def concerns(membership: Membership, absence: Absence, zone: str) -> bool:
    """Return whether somebody is away on days on which they belong to a team."""
    begins = local_day(absence.starts_at, zone)
    ends = local_day(absence.ends_at, zone) if absence.ends_at is not None else date.max
    return membership.from_on <= ends and begins <= (membership.until_on or date.max)


def absence_for(
    session: Session, viewer: Viewer, absence_id: int, *, deciding: bool = False
) -> Absence:
    """Return an absence of the viewer's own, or of somebody whom they plan; deciding: only these.

    Raises NotFound.
    """
    absence = session.get(Absence, absence_id)
    if absence is not None:
        own = absence.person_id == viewer.person_id
        if (own and not deciding) or plans(session, viewer, absence):
            return absence
    raise NotFound(_NOTHING)


def wish_for(session: Session, viewer: Viewer, wish_id: int) -> Wish:
    """Return a wish of the viewer's own, or in a team that they plan; raises NotFound."""
    wish = session.get(Wish, wish_id)
    if wish is not None and (
        wish.person_id == viewer.person_id or viewer.may(Right.ROTA_CHANGE, team_id=wish.team_id)
    ):
        return wish
    raise NotFound(_NOTHING)


def swap_for(session: Session, viewer: Viewer, swap_id: int) -> Swap:
    """Return a swap of a team that the viewer plans or takes turns in; raises NotFound."""
    swap = session.get(Swap, swap_id)
    if swap is not None:
        team_id = session.get_one(Line, session.get_one(Shift, swap.shift_id).line_id).team_id
        if viewer.may(Right.ROTA_CHANGE, team_id=team_id) or is_member(session, viewer, team_id):
            return swap
    raise NotFound(_NOTHING)


def open_turn_for(session: Session, viewer: Viewer, open_id: int) -> OpenTurn:
    """Return an open turn of a team that the viewer plans or takes turns in; raises NotFound."""
    turn = session.get(OpenTurn, open_id)
    if turn is not None:
        team_id = turn.line.team_id
        if viewer.may(Right.ROTA_CHANGE, team_id=team_id) or is_member(session, viewer, team_id):
            return turn
    raise NotFound(_NOTHING)


def draft_for(session: Session, viewer: Viewer, draft_id: int) -> Draft:
    """Return a draft of a team that the viewer plans."""
    draft = session.get(Draft, draft_id)
    if draft is None:
        raise NotFound(_NOTHING)
    viewer.require(Right.ROTA_CHANGE, team_id=draft.team_id)
    return draft


def run_for(session: Session, viewer: Viewer, run_id: int) -> PlanningRun:
    """Return a run of the planner for a team that the viewer plans."""
    run = session.get(PlanningRun, run_id)
    if run is None:
        raise NotFound(_NOTHING)
    draft_for(session, viewer, run.draft_id)
    return run


def may_take_over_for(viewer: Viewer, team: Team) -> bool:
    """Return whether the viewer may write down that somebody has taken over a turn."""
    rights = (Right.ROTA_TAKE_OVER, Right.ROTA_CHANGE)
    return any(viewer.may(right, team_id=team.id) for right in rights)


def is_member(session: Session, viewer: Viewer, team_id: int) -> bool:
    """Return whether the viewer is or was in a team."""
    query = sa.select(Membership.id).where(
        Membership.team_id == team_id, Membership.person_id == viewer.person_id
    )
    return session.scalars(query.limit(1)).first() is not None
