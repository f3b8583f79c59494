"""Screens of the rota: who is on duty, a team's month, one's own turns and calendar.

Everybody with the right to read a team's rota sees it; whoever may change it finds the way to
`shifts`, where that is done. One's own turns need no right but a sign-in.
"""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import flask
import sqlalchemy as sa
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date, gettext

from dispatch.calendars import feeds
from dispatch.db import Session
from dispatch.people.access import Right
from dispatch.people.models import Membership, Person, Team
from dispatch.rota.duty import Turn, duty_between
from dispatch.web import rota_table, session
from dispatch.web.on_duty import teams_on_duty

blueprint = Blueprint("planner", __name__)

#: How far ahead one's own turns are listed; the calendar goes further.
TURNS_AHEAD = timedelta(days=92)


@blueprint.get("/on-duty")
@session.reads
def on_duty(opened: Session) -> str:
    """Show who is on duty in every team that the viewer may see."""
    session.viewer().require(Right.ROTA_READ)
    teams = teams_on_duty(opened, session.now())
    return flask.render_template("planner/on_duty.html", teams=teams)


@blueprint.get("/shifts")
@session.reads
def rota(opened: Session) -> str:
    """Show a month of a team, by day."""
    viewer = session.viewer()
    viewer.require(Right.ROTA_READ)
    visible = sa.select(Team).where(Team.id.in_(viewer.teams(Right.ROTA_READ)))
    teams = {team.key: team for team in opened.scalars(visible.order_by(Team.name))}
    key = request.args.get("team") or next(iter(teams), None)
    if key is None:
        return flask.render_template("planner/rota.html", team=None)
    team = teams.get(key) or rota_table.team_for(opened, key, Right.ROTA_READ)
    today = session.now().astimezone(ZoneInfo(team.time_zone)).date()
    first = _month(request.args.get("from", ""), today)
    return flask.render_template(
        "planner/rota.html",
        form={"values": {"team": team.key}, "errors": {}},
        teams=[(one.key, one.name) for one in teams.values()],
        team=team,
        month=format_date(first, "LLLL y"),
        first=first,
        before=(first - timedelta(days=1)).replace(day=1),
        after=rota_table.following(first),
        present=today.replace(day=1),
        may_change=viewer.may(Right.ROTA_CHANGE, team_id=team.id),
        **rota_table.month_table(opened, team, first, session.now()),
    )


def _month(wanted: str, today: date) -> date:
    """Return the first day of the month asked for, or of the present one."""
    try:
        day = date.fromisoformat(f"{wanted}-01" if len(wanted) == len("2026-03") else wanted)
    except ValueError:
        day = today
    return (day if 1990 <= day.year <= 2200 else today).replace(day=1)


@blueprint.get("/turns")
@session.reads
def turns(opened: Session) -> str:
    """Show the viewer's own turns, and where the calendar of them is fetched."""
    return _turns(opened)


@blueprint.post("/turns/calendar")
def make_calendar() -> str:
    """Make a calendar address and show it, this once; the one before ends."""
    with session.transaction() as opened:
        owner = opened.get_one(Person, session.viewer().person_id)
        token = feeds.create_address(opened, owner, session.actor(), session.now())
        # The address calls itself what people reach us by, not what this request came through.
        base = session.parts().settings.web.public_url.rstrip("/")
        return _turns(opened, base + url_for("feeds.calendar", token=token))


@blueprint.post("/turns/calendar/end")
def end_calendar() -> ResponseReturnValue:
    """End the viewer's calendar address."""
    with session.transaction() as opened:
        owner = opened.get_one(Person, session.viewer().person_id)
        feeds.revoke(opened, owner, session.actor(), session.now())
    flash(gettext("The address works no longer. Calendars empty themselves within a day."), "done")
    return redirect(url_for("planner.turns"), 303)


def _turns(opened: Session, address: str | None = None) -> str:
    person_id, now = session.viewer().person_id, session.now()
    found: list[dict[str, Any]] = [
        {
            "id": turn.cover_uid or turn.shift_uid,
            "line": turn.line_name,
            "team": team.name,
            "starts_at": turn.from_at,
            "ends_at": turn.until_at,
            "now": turn.from_at <= now,
            "covers": turn.covers,
        }
        for team in _teams_of(opened, person_id)
        for turn in duty_between(opened, team, now, now + TURNS_AHEAD)
        if isinstance(turn, Turn) and turn.person_id == person_id
    ]
    return flask.render_template(
        "planner/turns.html",
        turns=sorted(found, key=lambda turn: (turn["starts_at"], turn["team"])),
        address=address,
        standing=feeds.standing(opened, person_id),
    )


def _teams_of(opened: Session, person_id: int) -> list[Team]:
    mine = sa.select(Membership.team_id).where(Membership.person_id == person_id)
    return list(opened.scalars(sa.select(Team).where(Team.id.in_(mine))))
