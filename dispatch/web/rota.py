"""The planner's desk: a team's rota by person.

Whoever may read a rota sees who has which turns and how they are shared out; absences, wishes and
what people's turns break are for whoever may change it. Nothing is changed here.
"""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import flask
from flask import Blueprint, request
from flask_babel import format_date

from dispatch.db import Session
from dispatch.people.access import Right
from dispatch.people.models import Team
from dispatch.rota import ground, judging, planning
from dispatch.rota.days import midnight
from dispatch.rota.duty import Turn, duty_between
from dispatch.web import by_person, rota_table, session
from dispatch.web.by_person import Shown

blueprint = Blueprint("rota", __name__)

#: A month to read, a quarter to compare.
MONTHS = (1, 3)


@blueprint.get("/rota/<key>")
@session.reads
def people(opened: Session, key: str) -> str:
    """Show a month or a quarter of a team, by person."""
    team = rota_table.team_for(opened, key, Right.ROTA_READ)
    today = session.now().astimezone(ZoneInfo(team.time_zone)).date()
    first = rota_table.month_of(request.args.get("from", ""), today)
    months = MONTHS[request.args.get("months") == str(MONTHS[1])]
    last = following(first, months) - timedelta(days=1)
    may_change = session.viewer().may(Right.ROTA_CHANGE, team_id=team.id)
    return flask.render_template(
        "planner/people.html",
        team=team,
        first=first,
        months=months,
        period=period(first, last),
        before=following(first, -months),
        after=following(first, months),
        present=today.replace(day=1),
        may_change=may_change,
        **published(opened, team, first, last, may_change),
    )


def published(
    opened: Session, team: Team, first: date, last: date, private: bool
) -> dict[str, Any]:
    """Return the table of what is published for some days."""
    known = planning.load(opened, team, first, last, history=True)
    laid = known.lay(planning.published(opened, team, first, last))
    return by_person.table(
        Shown(
            ground=known,
            laid=laid,
            lines=ground.lines_of(opened, team),
            calendar=ground.calendar_of(opened, team, first, last),
            today=session.now().astimezone(ZoneInfo(team.time_zone)).date(),
            judged=judging.broken(known, laid),
            private=private,
            begun=begun_before(opened, team, first),
        )
    )


def begun_before(opened: Session, team: Team, first: date) -> list[Turn]:
    """Return the published turns that a day finds begun."""
    begins = midnight(first, team.time_zone)
    return [
        turn
        for turn in duty_between(opened, team, begins, begins + timedelta(seconds=1))
        if isinstance(turn, Turn) and turn.from_at < begins
    ]


def following(first: date, months: int) -> date:
    """Return the first day of a month so many months on, or back."""
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def period(first: date, last: date) -> str:
    """Write a month, or from which to which."""
    if (first.year, first.month) == (last.year, last.month):
        return str(format_date(first, "LLLL y"))
    return f"{format_date(first, 'LLLL')} – {format_date(last, 'LLLL y')}"
