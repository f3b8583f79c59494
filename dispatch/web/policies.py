"""Screens of escalation policies: which there are, what one says, and what it would lead to.

Whoever administers a team changes its own policies; one that is for every team is changed only by
whoever administers every organisation that runs one. What is foreseen comes from the same code as
what is done. Saving makes a version: nothing that runs is touched.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import flask
import sqlalchemy as sa
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.db import Session
from dispatch.errors import Invalid, NotFound, Refused
from dispatch.incidents import catalogue
from dispatch.incidents.models import Category
from dispatch.paging import overlaps, plans, policies
from dispatch.paging.models import Policy
from dispatch.paging.policies import Proposal
from dispatch.paging.policy import DayKind, Plan
from dispatch.people import staff
from dispatch.people.access import Right
from dispatch.people.models import Person, Team
from dispatch.texts import N_
from dispatch.web import policy_form, rehearsal, session
from dispatch.web.board import TARGETS, language
from dispatch.web.forms import Form, told
from dispatch.web.posted import Done, show, take

blueprint = Blueprint("policies", __name__)

DAYS: Mapping[DayKind, str] = {
    DayKind.WEEKDAY: N_("weekdays"),
    DayKind.WEEKEND: N_("weekends"),
    DayKind.PUBLIC_HOLIDAY: N_("public holidays"),
}
_GENERAL = N_("Only whoever administers every team may change a policy that is for every team.")


@blueprint.get("/policies")
@session.reads
def listed(opened: Session) -> str:
    """Show the policies in use, and what an alert of a kind would lead to."""
    session.viewer().require(Right.POLICY_READ)
    form = Form(request.args)
    teams = _teams(opened, Right.POLICY_READ)
    found = [one for one in policies.in_use(opened) if one.team_id in {None, *teams}]
    return flask.render_template(
        "admin/policies.html",
        form=form,
        policies=_headings(opened, found),
        may_change=session.viewer().may(Right.POLICY_CHANGE),
        rehearsed=_rehearsed(opened, form, None),
        **_choices(opened, Right.POLICY_READ),
    )


@blueprint.route("/policies/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Make a policy."""
    session.viewer().require(Right.POLICY_CHANGE)
    return _edit(None, policy_form.empty())


@blueprint.route("/policies/<int:policy_id>", methods=["GET", "POST"])
def one(policy_id: int) -> ResponseReturnValue:
    """Show a policy and its versions, and make its next one."""
    with session.reading() as opened:
        found = _found(opened, policy_id)
        begin = policy_form.filled(found)
        editable = found.retired_at is None and _may_change(opened, found.team_id)
    if editable:
        return _edit(policy_id, begin)
    if request.method == "POST":
        raise Refused(N_("You cannot change this policy, or this version is out of use."))
    return show("admin/policy.html", Form(request.args, **begin), partial(_shown, policy_id, False))


def _edit(policy_id: int | None, begin: dict[str, object]) -> ResponseReturnValue:
    """Do what a button of the form says, or show the form."""
    posted = request.method == "POST"
    form = Form(request.form) if posted else Form(request.args, **begin)
    verb, _, number = form.values.pop("do", "").partition(":")
    if verb == "add":
        policy_form.add_step(form)
    elif verb == "remove" and number.isascii() and number.isdigit():
        policy_form.remove_step(form, int(number[:3]))
    elif verb in _VERBS:
        done = take(form, partial(_VERBS[verb], policy_id))
        if done is not None:
            return done
    return show("admin/policy.html", form, partial(_shown, policy_id, True))


def _save(policy_id: int | None, opened: Session, form: Form) -> Done:
    wanted = _proposal(opened, form)
    before = _found(opened, policy_id) if policy_id else None
    if before is not None and not _may_change(opened, before.team_id):
        raise Refused(_GENERAL)
    if not _may_change(opened, wanted.team_id):
        raise Invalid(_GENERAL, of_team=_GENERAL)
    found = policies.save(opened, wanted, before, session.actor(), session.now())
    said = gettext(
        "Stored as version %(number)s. What runs goes on as it began.", number=found.version
    )
    return Done(said, url_for("policies.one", policy_id=found.id))


def _retire(policy_id: int | None, opened: Session, _form: Form) -> Done:
    found = _found(opened, policy_id or 0)
    if not _may_change(opened, found.team_id):
        raise Refused(_GENERAL)
    policies.retire(opened, found, session.actor(), session.now())
    said = gettext("Out of use. What runs goes on as it began.")
    return Done(said, url_for("policies.listed"))


_VERBS = {"save": _save, "retire": _retire}


def _proposal(opened: Session, form: Form) -> Proposal:
    choices = _choices(opened, Right.POLICY_CHANGE)
    teams, categories, people = ([key for key, _ in choices[name]] for name in _OFFERED)
    return policy_form.read(form, teams, categories, people)


_OFFERED = ("teams", "categories", "people")


def _found(opened: Session, policy_id: int) -> Policy:
    viewer, found = session.viewer(), opened.get(Policy, policy_id)
    viewer.require(Right.POLICY_READ)
    if found is None or not (
        found.team_id is None or viewer.may(Right.POLICY_READ, team_id=found.team_id)
    ):
        raise NotFound(N_("There is no such policy, or it is not yours to see."))
    return found


def _may_change(opened: Session, team_id: int | None) -> bool:
    viewer = session.viewer()
    if team_id is not None:
        return viewer.may(Right.POLICY_CHANGE, team_id=team_id)
    running = set(opened.scalars(sa.select(Team.organisation_id)))
    return bool(running) and running <= viewer.organisations(Right.POLICY_CHANGE)


def _shown(policy_id: int | None, may_change: bool, opened: Session, form: Form) -> dict[str, Any]:
    found = _found(opened, policy_id) if policy_id else None
    versions = policies.versions(opened, found.lineage) if found is not None else []
    headings = {one["id"]: one for one in _headings(opened, versions)}
    steps = policy_form.count(form)
    return {
        "policy": headings[found.id] if found is not None else None,
        "versions": list(headings.values()),
        "overlaps": list(map(told, overlaps.told(opened, found)))
        if found and not found.retired_at
        else [],
        "may_change": may_change,
        "steps": steps,
        "attempts": [policy_form.places(form, number) for number in range(steps)],
        "least_repeat": policy_form.LEAST_REPEAT_SECONDS,
        "channels": [(key, gettext(word)) for key, word in policy_form.CHANNELS.items()],
        "targets": [(target.value, gettext(word)) for target, word in TARGETS.items()],
        "days": [(day.value, gettext(word)) for day, word in DAYS.items()],
        "may_general": _may_change(opened, None),
        "rehearsal_teams": list(_teams(opened, Right.POLICY_READ).items()),
        "rehearsed": _rehearsed(opened, form, found, may_change=may_change),
        **_choices(opened, Right.POLICY_CHANGE if may_change else Right.POLICY_READ),
    }


def _rehearsed(
    opened: Session, form: Form, found: Policy | None, *, may_change: bool = False
) -> dict[str, Any] | None:
    """Return what an alert would lead to: by the form's plan, by a version's, or by what holds."""
    teams = _teams(opened, Right.POLICY_READ)
    if not teams:
        return None
    own = found.team_id if found is not None and found.team_id in teams else None
    team_id = form.id_of("for_team", teams, required=False) or own or next(iter(teams))
    team = opened.get_one(Team, team_id)
    form.values.setdefault("for_team", str(team_id))
    at = form.instant("for_at", ZoneInfo(team.time_zone)) or session.now()
    category_id = form.id_of("for_category", _categories(opened), required=False)
    category = opened.get(Category, category_id) if category_id else None
    plan = _plan(opened, form, found, may_change)
    if plan is None and "steps" in form.values:
        return None
    draft = rehearsal.draft_of(form, category)
    return rehearsal.shown(opened, team, draft, at, plan)


def _plan(opened: Session, form: Form, found: Policy | None, may_change: bool) -> Plan | None:
    """Return the plan of the form, which may be half typed; of a version; None: ask what holds."""
    if may_change:
        copy, choices = Form(dict(form.values)), _choices(opened, Right.POLICY_CHANGE)
        teams, people = ([key for key, _ in choices[name]] for name in ("teams", "people"))
        plan = policy_form.read_plan(copy, teams, people)
        return plans.played(opened, plan) if not copy.errors else None
    return plans.played(opened, plans.as_values(found)) if found is not None else None


def _teams(opened: Session, right: Right) -> dict[int, str]:
    mine = session.viewer().teams(right)
    query = sa.select(Team.id, Team.name).where(Team.id.in_(mine)).order_by(Team.name)
    return {row.id: row.name for row in opened.execute(query)}


def _categories(opened: Session) -> dict[int, str]:
    return {one.id: catalogue.name(one, language()) for one in catalogue.in_use(opened)}


def _choices(opened: Session, right: Right) -> dict[str, Any]:
    people = staff.seen_by(opened, session.viewer())
    return {
        "teams": list(_teams(opened, right).items()),
        "categories": list(_categories(opened).items()),
        "people": [(one.id, one.name) for one in people if one.left_at is None],
        **rehearsal.choices(),
    }


def _headings(opened: Session, found: Iterable[Policy]) -> list[dict[str, Any]]:
    """Return what a list says of each policy."""
    general = _may_change(opened, None)
    return [_heading(opened, one, general) for one in found]


def _heading(opened: Session, found: Policy, general: bool) -> dict[str, Any]:
    may_change = general if found.team_id is None else _may_change(opened, found.team_id)
    hours = plans.hours_of(found)
    category = opened.get(Category, found.category_id) if found.category_id else None
    return {
        "id": found.id,
        "name": found.name,
        "version": found.version,
        "team": opened.get_one(Team, found.team_id).name if found.team_id else None,
        "category": catalogue.name(category, language()) if category else None,
        "priority": found.priority,
        "days": [gettext(DAYS[day]) for day in DayKind if day in hours.days],
        "clock": f"{found.begins} - {found.ends}" if found.begins else None,
        "steps": [
            _step(opened, step.target, step.person_id, step.team_id, step.after_seconds)
            for step in found.steps
        ],
        "repeat_seconds": found.repeat_seconds,
        "created_at": found.created_at,
        "created_by": found.created_by,
        "retired_at": found.retired_at,
        "may_change": found.retired_at is None and may_change,
    }


def _step(
    opened: Session, target: Any, person_id: int | None, team_id: int | None, after: int
) -> dict[str, Any]:
    named = ""
    if person_id is not None:
        named = opened.get_one(Person, person_id).name
    elif team_id is not None:
        named = opened.get_one(Team, team_id).name
    return {"after_seconds": after, "whom": named or gettext(TARGETS[target])}
