"""Screens of the rota: who is on duty, and a team's month.

Everybody with the right to read a team's rota sees it; whoever may change it finds the way to
`shifts`, where that is done.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

import flask
import sqlalchemy as sa
from flask import Blueprint, request
from flask_babel import format_date

from dispatch.db import Session
from dispatch.people.access import Right
from dispatch.people.models import Team
from dispatch.rota.models import Line, Shift, TeamPattern
from dispatch.web import rota_table, session
from dispatch.web.on_duty import teams_on_duty

blueprint = Blueprint("planner", __name__)


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
    first = rota_table.month_of(request.args.get("from", ""), today)
    may_change = viewer.may(Right.ROTA_CHANGE, team_id=team.id)
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
        may_change=may_change,
        begins=may_change and not _is_planned(opened, team),
        **rota_table.month_table(opened, team, first, session.now(), private=may_change),
    )


def _is_planned(opened: Session, team: Team) -> bool:
    """Return whether a team has a pattern of turns, or ever had a turn."""
    turns = sa.select(Shift.id).join(Line).where(Line.team_id == team.id)
    pattern = sa.select(TeamPattern.id).where(TeamPattern.team_id == team.id)
    return any(opened.scalars(query.limit(1)).first() for query in (pattern, turns))
