"""Taking in a rota and what people have served, from the file that a team keeps today.

Looking writes nothing: every problem by its row, and what would change. What was looked at is
carried along in the form, so that taking it in is one tap, and is read again then. Turns go into a
draft, to be compared and published like any other. What a file may hold is for `rota.imports`.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Flask, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_decimal, gettext

from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.access import Right
from dispatch.people.models import Person, Team
from dispatch.rota import ground, imports
from dispatch.rota.days import local_day
from dispatch.rota.differences import Change
from dispatch.rota.imports import Imported
from dispatch.rota.imports.sheets import MOST_BYTES
from dispatch.rota.models import Line
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.forms import Form, told
from dispatch.web.posted import Done, show, take
from dispatch.web.rota_table import team_for
from dispatch.web.shares import BURDENS

blueprint = Blueprint("imports", __name__)

_SCREEN = "planner/import.html"
#: A larger file is chosen again: fields of a form hold no more.
_CARRIED_BYTES = 350_000
#: What a browser sends beside the file.
_BESIDE_BYTES = 1 << 20
#: So many problems and changes are listed.
_LISTED = 200


@dataclass(frozen=True)
class _File:
    name: str
    content: bytes

    @property
    def carried(self) -> str:
        """What the form carries along of it."""
        fits = len(self.content) <= _CARRIED_BYTES
        return base64.b64encode(self.content).decode() if fits else ""


def install(app: Flask) -> None:
    """Take in files as large as promised; before the token is looked for, which reads it all."""
    app.before_request(_let_a_file_through)


def _let_a_file_through() -> None:
    if request.endpoint == "imports.bring":
        request.max_content_length = MOST_BYTES + _BESIDE_BYTES


@blueprint.route("/rota/<key>/import", methods=["GET", "POST"])
def bring(key: str) -> ResponseReturnValue:
    """Look at a file, and take in what was looked at."""
    form = Form(request.form)
    file = _file(form) if request.method == "POST" else None
    done = take(form, partial(_take_in, key, file)) if form.values.get("do") else None
    return done or show(_SCREEN, form, partial(_shown, key, file))


def _file(form: Form) -> _File | None:
    """Return what was sent, or what was looked at before."""
    sent = request.files.get("file")
    if sent is not None and sent.filename:
        return _File(sent.filename, sent.read())
    try:
        content = base64.b64decode(form.values.get("content", ""), validate=True)
    except binascii.Error:
        content = b""
    if not content:
        form.error("file", N_("Choose a file."))
        return None
    return _File(form.text("name"), content)


def _take_in(key: str, file: _File | None, opened: Session, form: Form) -> Done:
    team = team_for(opened, key, Right.ROTA_CHANGE)
    what = form.one_of("do", ("draft", "balances"))
    form.check()
    if file is None:
        raise Conflict(N_("Choose a file."))
    found = imports.look(opened, team, file.name, file.content, session.now())
    if what == "draft":
        made = imports.draft(opened, team, found, session.actor(), session.now())
        told = gettext("The turns are in a draft now: compare it, then publish it.")
        return Done(told, url_for("drafts.compare", draft_id=made.id))
    on = form.day("on", required=True)
    form.check()
    assert on, "the form was checked"
    count = imports.balances(opened, team, found, on, session.actor(), session.now())
    told = gettext("Taken in. Numbers that are new or changed: %(count)s.", count=count)
    return Done(told, url_for("imports.bring", key=key))


def _shown(key: str, file: _File | None, opened: Session, form: Form) -> dict[str, Any]:
    team = team_for(opened, key, Right.ROTA_CHANGE)
    form.values.setdefault("on", local_day(session.now(), team.time_zone).isoformat())
    facts: dict[str, Any] = {"team": team, "file": file, "looked": None}
    if file is None:
        return facts
    try:
        found = imports.look(opened, team, file.name, file.content, session.now())
    except Invalid as error:
        form.refuse(error)
        return facts | {"file": None}
    return facts | {"looked": _looked(opened, team, found)}


def _looked(opened: Session, team: Team, found: Imported) -> dict[str, Any]:
    names = {row.id: row.name for row in opened.execute(sa.select(Person.id, Person.name))}
    lines = {row.id: row.name for row in opened.execute(sa.select(Line.id, Line.name))}
    return {
        "turns": len(found.read.stands),
        "first_on": found.first_on,
        "last_on": found.last_on,
        "problems": [told(one.told) for one in found.problems[:_LISTED]],
        "more_problems": max(0, len(found.problems) - _LISTED),
        "changes": [_change(one, names, lines) for one in found.changes[:_LISTED]],
        "more_changes": max(0, len(found.changes) - _LISTED),
        "balances": _balances(found.read.balances, names, ground.balances_of(opened, team)),
    }


def _change(change: Change, names: Mapping[int, str], lines: Mapping[int, str]) -> dict[str, Any]:
    stand = change.now or change.was
    assert stand is not None, "a change has a side"
    was, now = change.was, change.now
    return {
        "line": lines[stand.line_id],
        "starts_at": stand.starts_at,
        "ends_at": stand.ends_at,
        "was": names[was.person_id] if was else None,
        "now": names[now.person_id] if now else None,
        "times": was and now and (was.starts_at, was.ends_at) != (now.starts_at, now.ends_at),
    }


def _balances(
    found: Sequence[tuple[int, str, float]],
    names: Mapping[int, str],
    present: Mapping[int, Mapping[str, float]],
) -> list[dict[str, Any]]:
    """Return what each person had served: as it is known, and as the file says."""
    by_person = groupby(sorted(found, key=lambda one: names[one[0]]), key=lambda one: one[0])
    return [
        {
            "name": names[person_id],
            "numbers": [
                {
                    "measure": gettext(BURDENS[measure]),
                    "was": _number(present.get(person_id, {}).get(measure)),
                    "now": _number(amount),
                }
                for _, measure, amount in numbers
            ],
        }
        for person_id, numbers in by_person
    ]


def _number(amount: float | None) -> str:
    return "" if amount is None else str(format_decimal(amount, "#,##0.#"))
