"""Drafts of a rota: beginning one, looking at it beside what is published, publishing, undoing.

Every screen is for whoever may change the team's rota. Who sits where is changed in `seats`, how it
is planned in `plans`; what each verb means is for `rota.drafts` and `rota.publishing`.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.db import Session
from dispatch.errors import NotFound
from dispatch.people.access import Right
from dispatch.people.models import Person, Team
from dispatch.rota import differences, drafts, publishing, rights, runs, watch
from dispatch.rota.days import local_day
from dispatch.rota.models import Draft, DraftState, Version
from dispatch.rota.terms import terms_of
from dispatch.texts import N_
from dispatch.web import drafted, session
from dispatch.web.drafted import Drafted
from dispatch.web.forms import Form
from dispatch.web.posted import Done, show, take
from dispatch.web.rota import following, period
from dispatch.web.rota_table import month_of, team_for

blueprint = Blueprint("drafts", __name__)

_LIST = "planner/drafts.html"
_COMPARED = "planner/draft_compare.html"
_VERSION = "planner/version.html"
#: So many months of a draft are shown at once.
MONTHS = (1, 3)
_NOTHING = N_("There is no such thing, or it is not yours to see.")


# --- The list.


@blueprint.route("/rota/<key>/drafts", methods=["GET", "POST"])
def listed(key: str) -> ResponseReturnValue:
    """Show a team's drafts and versions, and begin a draft."""
    form = Form(request.form if request.method == "POST" else None)
    return take(form, partial(_begin, key)) or show(_LIST, form, partial(_listed, key))


def _begin(key: str, opened: Session, form: Form) -> Done:
    team = team_for(opened, key, Right.ROTA_CHANGE)
    first_on, last_on = form.day("first_on", required=True), form.day("last_on", required=True)
    empty = form.one_of("of", ("published", "nothing")) == "nothing"
    name = form.text("name", most=80)
    form.check()
    assert first_on and last_on, "the form was checked"
    span = (first_on, last_on)
    draft = drafts.begin(
        opened, team, *span, session.actor(), session.now(), name=name, empty=empty
    )
    onward = url_for("drafts.desk", draft_id=draft.id)
    return Done(gettext("A draft is begun. Nobody but planners sees it."), onward)


def _listed(key: str, opened: Session, form: Form) -> dict[str, Any]:
    team = team_for(opened, key, Right.ROTA_CHANGE)
    until = watch.published_until(opened, team, session.now())
    today = local_day(session.now(), team.time_zone)
    first = max(today, local_day(until, team.time_zone) if until else today)
    if first == today:
        first += timedelta(days=1)
    form.values.setdefault("first_on", first.isoformat())
    last = following(first.replace(day=1), 4 - (first.month - 1) % 3 - 1) - timedelta(days=1)
    form.values.setdefault("last_on", last.isoformat())
    form.values.setdefault("of", "published")
    query = sa.select(Draft).where(Draft.team_id == team.id).order_by(Draft.id.desc())
    found = [drafted.row_of(draft) for draft in opened.scalars(query)]
    return {
        "team": team,
        "until": until,
        "drafts": [row for row in found if row["open"]],
        "versions": [_version_row(version) for version in publishing.versions(opened, team)],
    }


def _version_row(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "days": drafted.days_of(version.first_on, version.last_on),
        "by": version.published_by,
        "seconded_by": version.seconded_by,
        "at": version.published_at,
        "undoes": version.undoes,
        "changes": len(version.changes),
    }


# --- One draft.


@blueprint.get("/rota/drafts/<int:draft_id>")
def desk(draft_id: int) -> ResponseReturnValue:
    """Show a draft by person."""
    return show("planner/draft.html", Form(), partial(shown, draft_id))


def shown(draft_id: int, opened: Session, _form: Form) -> dict[str, Any]:
    """Return what a draft's own screen shows."""
    draft = rights.draft_for(opened, session.viewer(), draft_id)
    whole = Drafted(opened, draft)
    first, last, months = _window(draft)
    begun = runs.of_draft(opened, draft)
    return {
        **drafted.about(whole),
        "draft_id": draft.id,
        "panel": None,
        "summary": whole.summary(),
        "running": begun[0].id if begun and begun[0].ended_at is None else None,
        "first": first,
        "months": months,
        "period": period(first, last),
        "before": _month_before(draft, first, months),
        "after": _month_after(draft, first, months),
        **whole.table(first, last),
    }


def _window(draft: Draft) -> tuple[date, date, int]:
    """Return the days that are asked for, within the draft."""
    months = MONTHS[request.args.get("months") == str(MONTHS[1])]
    first = month_of(request.args.get("from", ""), draft.first_on)
    first = min(max(first, draft.first_on.replace(day=1)), draft.last_on.replace(day=1))
    return first, following(first, months) - timedelta(days=1), months


def _month_before(draft: Draft, first: date, months: int) -> date | None:
    before = following(first, -months)
    return before if first > draft.first_on else None


def _month_after(draft: Draft, first: date, months: int) -> date | None:
    after = following(first, months)
    return after if after <= draft.last_on else None


@blueprint.route("/rota/drafts/<int:draft_id>/compare", methods=["GET", "POST"])
def compare(draft_id: int) -> ResponseReturnValue:
    """Show what publishing a draft would change, and publish it."""
    form = Form(request.form if request.method == "POST" else None)
    return take(form, partial(_publish, draft_id)) or show(
        _COMPARED, form, partial(_compared, draft_id)
    )


@blueprint.post("/rota/drafts/<int:draft_id>/<action>")
def act(draft_id: int, action: str) -> ResponseReturnValue:
    """Give a draft up, or take in what was published meanwhile."""
    if action not in _ACTIONS:
        raise NotFound(N_("There is no such action."))
    form = Form(request.form)
    return take(form, partial(_ACTIONS[action], draft_id)) or show(
        _COMPARED, form, partial(_compared, draft_id)
    )


def _publish(draft_id: int, opened: Session, form: Form) -> Done:
    draft = rights.draft_for(opened, session.viewer(), draft_id)
    team = opened.get_one(Team, draft.team_id)
    reason = form.text("reason", most=300)
    form.check()
    version = publishing.publish(opened, draft, session.actor(), session.now(), reason=reason)
    onward = url_for("drafts.listed", key=team.key)
    if version is None:
        return Done(gettext("The other planners are asked to look at it and to publish."), onward)
    people, silent = publishing.told_of(opened, version)
    said = gettext(
        "Published as version %(number)s. Told of their turns: %(people)s.",
        number=version.number,
        people=people,
    )
    if silent:
        said += " " + gettext(
            "Without phone or mail, tell them: %(names)s.", names=", ".join(silent)
        )
    return Done(said, onward)


def _drop(draft_id: int, opened: Session, _form: Form) -> Done:
    draft = rights.draft_for(opened, session.viewer(), draft_id)
    drafts.drop(opened, draft, session.actor(), session.now())
    team = opened.get_one(Team, draft.team_id)
    return Done(gettext("The draft is dropped."), url_for("drafts.listed", key=team.key))


def _take_in(draft_id: int, opened: Session, _form: Form) -> Done:
    draft = rights.draft_for(opened, session.viewer(), draft_id)
    clashes = drafts.take_in(opened, draft, session.actor(), session.now())
    onward = url_for("drafts.desk", draft_id=draft.id)
    if not clashes:
        return Done(gettext("Taken in: the draft knows what was published meanwhile."), onward)
    said = gettext(
        "Taken in. Turns that this draft decides otherwise: %(count)s.", count=len(clashes)
    )
    return Done(said, onward)


_ACTIONS: Mapping[str, Callable[[int, Session, Form], Done]] = {
    "drop": _drop,
    "take_in": _take_in,
}


def _compared(draft_id: int, opened: Session, _form: Form) -> dict[str, Any]:
    draft = rights.draft_for(opened, session.viewer(), draft_id)
    whole = Drafted(opened, draft)
    first, last, months = _window(draft)
    four_eyes = terms_of(opened, whole.team).four_eyes
    asked_by = opened.get(Person, draft.asked_by_id) if draft.asked_by_id else None
    now, was = whole.table(first, last), whole.table(first, last, published=True)
    return {
        **drafted.about(whole),
        "summary": whole.summary(),
        "people": drafted.changes_by_person(opened, whole.team, whole.changes),
        "four_eyes": four_eyes,
        "asked_by": asked_by.name if asked_by else None,
        "own_request": draft.state is DraftState.ASKED
        and draft.asked_by_id == session.viewer().person_id,
        "first": first,
        "months": months,
        "period": period(first, last),
        "before": _month_before(draft, first, months),
        "after": _month_after(draft, first, months),
        "changed": _changed(now) | _changed(was),
        "now_table": now,
        "was_table": was,
    }


def _changed(table: Mapping[str, Any]) -> set[int]:
    """Return whose turns are marked as changed on the days that are shown."""
    return {
        row["id"]
        for row in table["rows"]
        for cell in row["cells"]
        if any(turn["changed"] for turn in cell["turns"])
    }


# --- Versions.


@blueprint.route("/rota/<key>/versions/<int:number>", methods=["GET", "POST"])
def version(key: str, number: int) -> ResponseReturnValue:
    """Show what a version changed, and take it back."""
    form = Form(request.form if request.method == "POST" else None)
    return take(form, partial(_undo, key, number)) or show(
        _VERSION, form, partial(_version, key, number)
    )


def _undo(key: str, number: int, opened: Session, form: Form) -> Done:
    found = _found(opened, team_for(opened, key, Right.ROTA_CHANGE), number)
    reason = form.text("reason", most=300)
    form.check()
    by = session.actor(), session.now()
    if publishing.undo(opened, found, *by, reason=reason) is None:
        said = gettext("Asked: another planner must take it back. They are told.")
        return Done(said, url_for("drafts.version", key=key, number=number))
    said = gettext("Taken back: its turns stand as before, and whoever has them is told.")
    return Done(said, url_for("drafts.listed", key=key))


def _version(key: str, number: int, opened: Session, _form: Form) -> dict[str, Any]:
    team = team_for(opened, key, Right.ROTA_CHANGE)
    found = _found(opened, team, number)
    asker = opened.get(Person, found.undo_asked_by_id) if found.undo_asked_by_id else None
    changes = [differences.read(kept) for kept in found.changes]
    return {
        "team": team,
        "version": _version_row(found),
        "undo_asked_by": asker.name if asker is not None else None,
        "undo_asked_at": found.undo_asked_at,
        "people": drafted.changes_by_person(opened, team, changes),
        "eased": _eased(opened, found),
    }


def _eased(opened: Session, found: Version) -> list[dict[str, Any]]:
    """Return what the draft of a version did not insist on when it was published."""
    draft = opened.get(Draft, found.draft_id) if found.draft_id and not found.undoes else None
    return Drafted(opened, draft).eased() if draft is not None else []


def _found(opened: Session, team: Team, number: int) -> Version:
    query = sa.select(Version).where(Version.team_id == team.id, Version.number == number)
    found = opened.scalars(query).one_or_none()
    if found is None:
        raise NotFound(_NOTHING)
    return found
