"""The planner's desk: a team's rota by person.

Whoever may read a rota sees who has which turns and how they are shared out; absences, wishes, what
people's turns break and why they have them are for whoever may change it. Nothing is changed here.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import flask
from flask import Blueprint, request
from flask_babel import format_date

from dispatch.db import Session
from dispatch.errors import NotFound
from dispatch.people.access import Right
from dispatch.people.models import Team
from dispatch.rota import ground, judging, planning
from dispatch.rota.days import midnight
from dispatch.rota.duty import Turn, duty_between
from dispatch.texts import N_
from dispatch.web import by_person, rota_table, session
from dispatch.web import people as who
from dispatch.web import published as why_published
from dispatch.web.by_person import Shown
from dispatch.web.forms import Form

blueprint = Blueprint("rota", __name__)

#: A month to read, a quarter to compare.
MONTHS = (1, 3)


@blueprint.get("/rota/<key>")
@session.reads
def people(opened: Session, key: str) -> str:
    """Show a month or a quarter of a team, by person."""
    team = rota_table.team_for(opened, key, Right.ROTA_READ)
    return flask.render_template("planner/people.html", **_screen(opened, team, None))


@blueprint.get("/rota/<key>/cell")
@session.reads
def cell(opened: Session, key: str) -> str:
    """Show why somebody has what they have on a day, or why not."""
    return _cell(opened, key, why_published.of_day)


@blueprint.get("/rota/<key>/gap")
@session.reads
def gap(opened: Session, key: str) -> str:
    """Show who could take a turn that lacks people."""
    return _cell(opened, key, why_published.of_gap)


def _cell(opened: Session, key: str, look: Callable[..., dict[str, Any] | None]) -> str:
    team = rota_table.team_for(opened, key, Right.ROTA_CHANGE)
    first, last, months = _window(team)
    panel = look(opened, team, Form(request.args), (first, last))
    if panel is None:
        raise NotFound(N_("This is there no longer. Load the screen again."))
    if request.headers.get("HX-Request") != "true":
        return flask.render_template("planner/people.html", **_screen(opened, team, panel))
    place = {"team": team, "first": first, "months": months}
    return flask.render_template("planner/_cell.html", **place, **_panel(panel))


def _panel(panel: dict[str, Any] | None) -> dict[str, Any]:
    return {"panel": panel, "draft_id": None, "editable": False, "form": Form(), "move": None}


def _window(team: Team) -> tuple[date, date, int]:
    """Return the days that are asked for, both included, and how many months they are."""
    today = session.now().astimezone(ZoneInfo(team.time_zone)).date()
    first = rota_table.month_of(request.args.get("from", ""), today)
    months = MONTHS[request.args.get("months") == str(MONTHS[1])]
    return first, following(first, months) - timedelta(days=1), months


def _screen(opened: Session, team: Team, panel: dict[str, Any] | None) -> dict[str, Any]:
    first, last, months = _window(team)
    today = session.now().astimezone(ZoneInfo(team.time_zone)).date()
    may_change = session.viewer().may(Right.ROTA_CHANGE, team_id=team.id)
    return {
        "team": team,
        "first": first,
        "months": months,
        "period": period(first, last),
        "before": following(first, -months),
        "after": following(first, months),
        "present": today.replace(day=1),
        "may_change": may_change,
        **_panel(panel),
        **published(opened, team, first, last, may_change),
    }


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
            unreached=who.unreached(opened, [one.id for one in known.people] if private else []),
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
