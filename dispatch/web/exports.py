"""A month or a quarter of a rota as a file: CSV, a workbook, a calendar.

For whoever may read the rota, after a sign-in; there is no secret address that outlives it. What is
published, covers included, is what stands in the file. Paper and PDF are the browser's: the screen
by person has a sheet for printing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import flask
from flask import Blueprint, request
from flask_babel import get_locale, gettext

from dispatch.calendars import teams
from dispatch.db import Session
from dispatch.errors import NotFound
from dispatch.people.access import Right
from dispatch.people.models import Team
from dispatch.rota.days import local_day, span
from dispatch.rota.duty import Turn, duty_between
from dispatch.rota.imports import sheets
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.rota import MONTHS, following
from dispatch.web.rota_table import month_of, team_for

blueprint = Blueprint("exports", __name__)


@blueprint.get("/rota/<key>/export.<kind>")
@session.reads
def export(opened: Session, key: str, kind: str) -> flask.Response:
    """Return what is published as a file."""
    team = team_for(opened, key, Right.ROTA_READ)
    if kind not in _KINDS:
        raise NotFound(N_("There is nothing here."))
    today = local_day(session.now(), team.time_zone)
    first = month_of(request.args.get("from", ""), today)
    months = MONTHS[request.args.get("months") == str(MONTHS[1])]
    begins, ends = span(first, following(first, months) - timedelta(days=1), team.time_zone)
    turns = [one for one in duty_between(opened, team, begins, ends) if isinstance(one, Turn)]
    turns.sort(key=lambda turn: (turn.from_at, turn.line_id))
    content_type, made = _KINDS[kind]
    answer = flask.Response(made(team, turns), content_type=content_type)
    name = f"{team.key}-{first:%Y-%m}.{kind}"
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def _rows(team: Team, turns: Sequence[Turn]) -> Iterator[list[str]]:
    zone = ZoneInfo(team.time_zone)
    words = (N_("Line"), N_("Who"), N_("From"), N_("Until"), N_("Instead of"))
    yield [gettext(word) for word in words]
    for turn in turns:
        times = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (turn.from_at, turn.until_at))
        yield [turn.line_name, turn.person_name, *times, turn.covers or ""]


def _csv(team: Team, turns: Sequence[Turn]) -> bytes:
    return sheets.as_csv(_rows(team, turns))


def _xlsx(team: Team, turns: Sequence[Turn]) -> bytes:
    return sheets.as_xlsx(team.name, _rows(team, turns))


def _ics(team: Team, turns: Sequence[Turn]) -> bytes:
    return teams.calendar_of(team.name, turns, str(get_locale()), session.now())


_KINDS: Mapping[str, tuple[str, Callable[[Team, Sequence[Turn]], bytes]]] = {
    "csv": ("text/csv; charset=utf-8", _csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _xlsx),
    "ics": ("text/calendar; charset=utf-8", _ics),
}
