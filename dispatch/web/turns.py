"""One's own turns, and the calendar that fetches them: a sign-in is all that this needs.

The next turn stands first and large, with who serves beside. What people ask for around their turns
has screens of its own: absences, wishes and swaps.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import flask
import sqlalchemy as sa
from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.calendars import feeds
from dispatch.db import Session
from dispatch.people.models import Membership, Person, Team
from dispatch.rota import takeovers
from dispatch.rota.duty import Turn, duty_between
from dispatch.rota.models import Shift, Swap, SwapState
from dispatch.web import session, shares

blueprint = Blueprint("turns", __name__)

#: How far ahead one's own turns are listed; the calendar goes further.
AHEAD = timedelta(days=92)


@blueprint.get("/turns")
@session.reads
def mine(opened: Session) -> str:
    """Show the viewer's own turns, and where the calendar of them is fetched."""
    return _mine(opened)


@blueprint.post("/turns/calendar")
def make_calendar() -> str:
    """Make a calendar address and show it, this once; the one before ends."""
    with session.transaction() as opened:
        owner = opened.get_one(Person, session.viewer().person_id)
        token = feeds.create_address(opened, owner, session.actor(), session.now())
        # The address calls itself what people reach us by, not what this request came through.
        base = session.parts().settings.web.public_url.rstrip("/")
        return _mine(opened, base + url_for("feeds.calendar", token=token))


@blueprint.post("/turns/calendar/end")
def end_calendar() -> ResponseReturnValue:
    """End the viewer's calendar address."""
    with session.transaction() as opened:
        owner = opened.get_one(Person, session.viewer().person_id)
        feeds.revoke(opened, owner, session.actor(), session.now())
    flash(gettext("The address works no longer. Calendars empty themselves within a day."), "done")
    return redirect(url_for("turns.mine"), 303)


def teams_of(opened: Session, person_id: int) -> list[Team]:
    """Return the teams that somebody is or was in, by name."""
    member = sa.select(Membership.team_id).where(Membership.person_id == person_id)
    return list(opened.scalars(sa.select(Team).where(Team.id.in_(member)).order_by(Team.name)))


def _mine(opened: Session, address: str | None = None) -> str:
    person_id = session.viewer().person_id
    teams = teams_of(opened, person_id)
    found = [turn for team in teams for turn in _turns(opened, team, person_id)]
    found.sort(key=lambda turn: (turn["starts_at"], turn["team"]))
    shared = [
        {"team": team.name, "shares": shares.of_last_year(opened, team, person_id)}
        for team in teams
    ]
    return flask.render_template(
        "responder/turns.html",
        shared=[one for one in shared if one["shares"]],
        next=found[0] if found else None,
        later=found[1:],
        teams=bool(teams),
        taken=_taken_over(opened, person_id),
        waiting=waiting_for(opened, person_id),
        address=address,
        standing=feeds.standing(opened, person_id),
    )


def waiting_for(opened: Session, person_id: int) -> int:
    """Return how many swaps wait for somebody's own answer."""
    query = (
        sa.select(sa.func.count())
        .select_from(Swap)
        .join(Shift, Shift.id == Swap.shift_id)
        .where(Swap.to_id == person_id, Swap.state == SwapState.OFFERED)
        .where(Swap.ends_at > session.now(), Shift.cancelled_at.is_(None))
    )
    return opened.scalar(query) or 0


def _taken_over(opened: Session, person_id: int) -> dict[str, Any] | None:
    """Return who said to have one's turn now, which can be undone."""
    swap = takeovers.to_undo(opened, person_id, session.now())
    if swap is None:
        return None
    name = opened.get_one(Person, swap.to_id).name
    return {"id": swap.id, "name": name, "ends_at": swap.ends_at}


def _turns(opened: Session, team: Team, person_id: int) -> list[dict[str, Any]]:
    now = session.now()
    all_ = [
        turn
        for turn in duty_between(opened, team, now, now + AHEAD)
        if isinstance(turn, Turn) and turn.until_at > now
    ]
    return [
        {
            "uid": turn.shift_uid,
            "line": turn.line_name,
            "team": team.name,
            "starts_at": turn.from_at,
            "ends_at": turn.until_at,
            "now": turn.from_at <= now,
            "covers": turn.covers,
            "own": turn.covers is None,
            "beside": _beside(turn, all_),
        }
        for turn in all_
        if turn.person_id == person_id
    ]


def _beside(turn: Turn, others: Iterable[Turn]) -> list[dict[str, str]]:
    """Return who is on another line at some time of a turn."""
    found = {
        (other.person_name, other.line_name): {"name": other.person_name, "line": other.line_name}
        for other in others
        if other.line_id != turn.line_id
        and other.person_id != turn.person_id
        and other.from_at < turn.until_at
        and turn.from_at < other.until_at
    }
    return list(found.values())
