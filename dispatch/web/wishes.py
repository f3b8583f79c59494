"""One's own wishes on the phone: days gladly or rather not, from a budget that is seen to shrink.

A wish binds nobody. What it costs and how much is left is for `rota.wishes`.
"""

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date, gettext

from dispatch.db import Session
from dispatch.errors import NotFound
from dispatch.people.models import Person, Team
from dispatch.rota import ground, rights, wishes
from dispatch.rota.days import local_day
from dispatch.rota.models import Wish
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.forms import Form
from dispatch.web.posted import Done, show, take
from dispatch.web.turns import teams_of

blueprint = Blueprint("wishes", __name__)

_SCREEN = "responder/wishes.html"
_YEAR = timedelta(days=365)
#: How much a wish may weigh; few steps, for a thumb.
WEIGHTS = {1: N_("a little"), 2: N_("rather"), 5: N_("much"), 10: N_("very much")}


@blueprint.route("/turns/wishes", methods=["GET", "POST"])
def mine() -> ResponseReturnValue:
    """Show one's wishes and what is left to wish with, and write one down."""
    form = Form(request.form if request.method == "POST" else request.args)
    return take(form, _wish) or show(_SCREEN, form, _mine)


@blueprint.post("/turns/wishes/<int:wish_id>/withdraw")
def withdraw(wish_id: int) -> ResponseReturnValue:
    """Take a wish back."""

    def do(opened: Session, _form: Form) -> Done:
        wish = rights.wish_for(opened, session.viewer(), wish_id)
        if wish.person_id != session.viewer().person_id:
            raise NotFound(N_("There is no such thing, or it is not yours to see."))
        wishes.withdraw(opened, wish, session.actor(), session.now())
        told = gettext("Taken back: its points can be spent again.")
        return Done(told, url_for("wishes.mine"))

    form = Form(request.form)
    return take(form, do) or show(_SCREEN, form, _mine)


def _wish(opened: Session, form: Form) -> Done:
    person = opened.get_one(Person, session.viewer().person_id)
    teams = {team.id: team for team in teams_of(opened, person.id)}
    team_id = form.id_of("team", teams)
    wanted = form.one_of("wanted", ("yes", "no")) == "yes"
    first_on = form.day("first_on", required=True)
    last_on = form.day("last_on") or first_on
    points = form.id_of("points", WEIGHTS)
    kind = form.one_of("kind", _kinds(opened, list(teams.values())), required=False)
    form.check()
    assert team_id and first_on and last_on and points, "the form was checked"
    wishes.wish(
        opened,
        teams[team_id],
        person,
        wanted,
        first_on,
        last_on,
        points,
        session.actor(),
        session.now(),
        kind=kind,
    )
    left = wishes.budget(opened, teams[team_id], person, first_on).left
    return Done(gettext("Written down. Points left: %(left)s.", left=left), url_for("wishes.mine"))


def _mine(opened: Session, form: Form) -> dict[str, Any]:
    person = opened.get_one(Person, session.viewer().person_id)
    teams = teams_of(opened, person.id)
    form.values.setdefault("wanted", "no")
    form.values.setdefault("points", "1")
    if teams:
        form.values.setdefault("team", str(teams[0].id))
    return {
        "teams": [(team.id, team.name) for team in teams],
        "budgets": [found for team in teams for found in _budgets(opened, team, person)],
        "weights": [(points, gettext(words)) for points, words in WEIGHTS.items()],
        "kinds": [("", gettext("any kind of turn")), *((k, k) for k in _kinds(opened, teams))],
        "wishes": _standing(opened, {team.id: team for team in teams}),
    }


def _kinds(opened: Session, teams: list[Team]) -> list[str]:
    """Return the kinds of turns of the patterns to come, in the patterns' own words."""
    found: set[str] = set()
    for team in teams:
        today = local_day(session.now(), team.time_zone)
        for phase in ground.phases(opened, team, today, today + _YEAR):
            found |= {turn.kind for line in phase.pattern.lines for turn in line.turns}
    return sorted(found) if len(found) > 1 else []


def _budgets(opened: Session, team: Team, person: Person) -> list[dict[str, Any]]:
    """Return what is left in the present period and in the one after."""
    present = wishes.budget(opened, team, person, local_day(session.now(), team.time_zone))
    after = wishes.budget(opened, team, person, present.last_on + timedelta(days=1))
    return [
        {
            "team": team.name,
            "id": f"{team.key}-{budget.first_on}",
            "days": days_of(budget.first_on, budget.last_on),
            "left": budget.left,
            "points": budget.points,
        }
        for budget in (present, after)
    ]


def _standing(opened: Session, teams: dict[int, Team]) -> list[dict[str, Any]]:
    query = sa.select(Wish).where(
        Wish.person_id == session.viewer().person_id,
        Wish.team_id.in_(teams),
        Wish.withdrawn_at.is_(None),
        Wish.last_on >= local_day(session.now(), session.viewer().time_zone),
    )
    return [
        {
            "id": wish.id,
            "wanted": wish.wanted,
            "days": days_of(wish.first_on, wish.last_on),
            "points": wish.points,
            "kind": wish.kind,
            "team": teams[wish.team_id].name,
        }
        for wish in opened.scalars(query.order_by(Wish.first_on, Wish.id))
    ]


def days_of(first_on: date, last_on: date) -> str:
    """Write some days, both included."""
    days = (first_on,) if first_on == last_on else (first_on, last_on)
    return " – ".join(str(format_date(day, "EEE d MMM y")) for day in days)
